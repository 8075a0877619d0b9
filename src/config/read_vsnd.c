/* SPDX-License-Identifier: GPL-2.0-or-later */
/* read_vsnd.c: vsnd=: a list of cards, each a list of strings that begin with `card`, `pcm` or `stream`. */
#include "config/reading.h"
#include "config/text.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *option(const char *piece, const char *key)
{
    size_t n = strlen(key);

    return strncmp(piece, key, n) == 0 && piece[n] == '=' ? piece + n + 1 : NULL;
}

/* What a card, a PCM and a stream may all say. 0; 1 if it is none of these; -1 after a message. */
static int common_param(struct reading *r, struct vsnd_params *p, const char *piece)
{
    const char *rates = option(piece, "sample-rates"), *formats = option(piece, "sample-formats"), *v;
    struct config_numbers *numbers = rates ? &p->rates : &p->formats;
    char **list;
    int rc = 0;

    if (!rates && !formats) {
        if ((v = option(piece, "channels-min")))
            p->channels_min = (uint32_t)strtoul(v, NULL, 0);
        else if ((v = option(piece, "channels-max")))
            p->channels_max = (uint32_t)strtoul(v, NULL, 0);
        else if ((v = option(piece, "buffer-size")))
            p->buffer_size = (uint32_t)strtoul(v, NULL, 0);
        else
            return 1;
        return 0;
    }
    list = strings_split(rates ? rates : formats, ";");
    free(numbers->numbers);
    numbers->numbers = text_alloc((strings_count(list) + 1) * sizeof(int64_t));
    numbers->count = 0;
    for (size_t i = 0; list[i] && !rc; i++) {
        int format;

        if (rates) {
            numbers->numbers[numbers->count++] = (uint32_t)strtoul(list[i], NULL, 0);
        } else if (enum_parse(&enum_pcm_format, list[i], &format)) {
            numbers->numbers[numbers->count++] = format;
        } else {
            diag_xl(&r->diag, "Invalid pcm format: %s", list[i]);
            rc = -1;
        }
    }
    strings_free(list);
    return rc;
}

static int invalid(struct reading *r, const char *piece)
{
    diag_xl(&r->diag, "Invalid parameter: %s", piece);
    return -1;
}

static int card_param(struct reading *r, struct vsnd_config *card, const char *piece)
{
    int rc = common_param(r, &card->params, piece);
    const char *v;

    if (rc <= 0)
        return rc;
    if ((v = option(piece, "backend")))
        text_set(&card->backend_domname, v);
    else if ((v = option(piece, "short-name")))
        text_set(&card->short_name, v);
    else if ((v = option(piece, "long-name")))
        text_set(&card->long_name, v);
    else
        return invalid(r, piece);
    return 0;
}

static int pcm_param(struct reading *r, struct vsnd_pcm *pcm, const char *piece)
{
    int rc = common_param(r, &pcm->params, piece);
    const char *v;

    if (rc <= 0)
        return rc;
    if (!(v = option(piece, "name")))
        return invalid(r, piece);
    text_set(&pcm->name, v);
    return 0;
}

static int stream_param(struct reading *r, struct vsnd_stream *stream, const char *piece)
{
    int rc = common_param(r, &stream->params, piece);
    const char *v;

    if (rc <= 0)
        return rc;
    if ((v = option(piece, "unique-id"))) {
        text_set(&stream->unique_id, v);
    } else if ((v = option(piece, "type"))) {
        if (!enum_parse(&enum_stream, v, &stream->type)) {
            diag_xl(&r->diag, "Invalid stream type: %s", v);
            return -1;
        }
    } else {
        return invalid(r, piece);
    }
    return 0;
}

/* One string of a card's list: its first word says what the rest is about. */
static int vsnd_item(struct reading *r, struct vsnd_config *card, const char *spec)
{
    char **pieces = strings_split(spec, ",");
    struct vsnd_pcm *pcm = NULL;
    struct vsnd_stream *stream = NULL;
    const char *kind = pieces[0] ? pieces[0] + strspn(pieces[0], " ") : "card";
    bool is_stream = strcasecmp(kind, "stream") == 0;
    int rc = 0;

    if (strcasecmp(kind, "pcm") == 0 || (is_stream && !card->pcms_count))
        schema_append(&schema_vsnd_pcm, &card->pcms, &card->pcms_count);
    if (card->pcms_count)
        pcm = &card->pcms[card->pcms_count - 1];
    if (is_stream && pcm)
        stream = schema_append(&schema_vsnd_stream, &pcm->streams, &pcm->streams_count);
    if (!is_stream && strcasecmp(kind, "pcm") != 0 && strcasecmp(kind, "card") != 0) {
        diag_xl(&r->diag, "Invalid key: %s", kind);
        rc = -1;
    }
    for (size_t i = 1; pieces[0] && pieces[i] && !rc; i++) {
        const char *piece = pieces[i] + strspn(pieces[i], " ");

        if (stream)
            rc = stream_param(r, stream, piece);
        else if (strcasecmp(kind, "pcm") == 0)
            rc = pcm_param(r, pcm, piece);
        else
            rc = card_param(r, card, piece);
    }
    strings_free(pieces);
    return rc;
}

int read_vsnd(struct reading *r, const struct key *key)
{
    const struct value *list;

    if (settings_list(&r->s, "vsnd", &list, false))
        return 0;
    for (size_t i = 0; i < list->count; i++) {
        const struct value *card_list = list->items[i];
        struct vsnd_config *card;
        const char *spec;

        if (!card_list->is_list) {
            diag_xl(&r->diag, "%s:%ld:0: warning: value is not a list", r->diag.source, (long)card_list->line);
            diag_xl(&r->diag, "Failed to get vsnd card list: Invalid argument");
            return 1;
        }
        card = schema_append(&schema_vsnd, &r->c->vsnds, &r->c->vsnds_count);
        card->devid = (int64_t)i;
        for (size_t k = 0; (spec = value_string_at(card_list, k)); k++) {
            if (vsnd_item(r, card, spec))
                return 1;
        }
    }
    return 0;
}
