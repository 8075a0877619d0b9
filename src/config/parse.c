/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * parse.c: config_parse: text to settings, settings to struct domain_config along the table of keys.
 * Beyond what xl does it names keys nobody knows, the line of a refused value, and keys that do nothing here yet.
 */
#include "config/config.h"

#include "config/reading.h"
#include "config/text.h"

#include <stdlib.h>
#include <string.h>

int64_t reading_line(struct reading *r, const char *key)
{
    const struct setting *set = settings_find(&r->s, key);

    return set ? set->line : 0;
}

static bool applies(const struct reading *r, const struct key *key)
{
    return !key->on || (r->c->type > 0 && (key->on & 1u << r->c->type));
}

static int read_key(struct reading *r, const struct key *key)
{
    void *field = (char *)r->c + key->offset;
    const char *s;
    long l;

    switch (key->kind) {
    case KEY_STRING:
        if (settings_string(&r->s, key->name, &s, false) == 0)
            text_set(field, s);
        return 0;
    case KEY_TRI: settings_tri(&r->s, key->name, field, false); return 0;
    case KEY_INT:
        if (settings_long(&r->s, key->name, &l, false) == 0)
            *(int64_t *)field = (int)l;
        return 0;
    case KEY_U32:
        if (settings_long(&r->s, key->name, &l, false) == 0)
            *(int64_t *)field = (uint32_t)l;
        return 0;
    case KEY_KIB:
        if (settings_long(&r->s, key->name, &l, false) == 0)
            *(int64_t *)field = (int64_t)((uint64_t)l * 1024);
        return 0;
    case KEY_OWN: return key->read(r, key);
    case KEY_PART:
    case KEY_XM: return 0;
    }
    return 0;
}

/* Typos are what real configuration files suffer from most, and xl says nothing about them. */
static void name_unknown_keys(struct reading *r)
{
    for (size_t i = 0; i < r->s.count; i++) {
        const struct setting *set = &r->s.all[i];
        const char *near;

        if (key_find(set->name) || settings_find(&r->s, set->name) != set)
            continue;
        near = key_nearest(set->name);
        if (near)
            diag_add(&r->diag, CONFIG_WARNING, set->line, "unknown parameter '%s' ignored (did you mean '%s'?)",
                     set->name, near);
        else
            diag_add(&r->diag, CONFIG_WARNING, set->line, "unknown parameter '%s' ignored", set->name);
    }
}

static bool is_inert(struct reading *r, const struct key *key, const struct setting *set)
{
    long l;

    switch (key->inert) {
    case WORKS: return false;
    case INERT: return !set->value->is_list || set->value->count;
    case INERT_IF_TRUE: return settings_long(&r->s, key->name, &l, true) != 0 || l != 0;
    case INERT_IF_FALSE: return settings_long(&r->s, key->name, &l, true) == 0 && l == 0;
    }
    return false;
}

static void remember_inert_keys(struct reading *r)
{
    for (size_t i = 0; i < keys_count; i++) {
        const struct setting *set = settings_find(&r->s, keys[i].name);
        struct inert_key *inert;

        if (!set || !is_inert(r, &keys[i], set))
            continue;
        inert = schema_append(&schema_inert, &r->c->inert, &r->c->inert_count);
        inert->key = text_dup(keys[i].name);
        inert->line = set->line;
    }
}

/* After the reading xl checks where the vCPUs could run, once xl.conf's masks are applied. */
static int check_affinity(struct reading *r)
{
    for (size_t i = 0; i < r->c->hard_affinity_count; i++) {
        if (!r->c->hard_affinity[i].count) {
            diag_xl(&r->diag, "vcpu hard affinity map is empty");
            return 1;
        }
    }
    return 0;
}

static int read_all(struct reading *r)
{
    int rc;

    for (size_t i = 0; i < keys_count; i++) {
        if (!applies(r, &keys[i]))
            continue;
        rc = read_key(r, &keys[i]);
        if (rc) {
            int64_t line = reading_line(r, keys[i].name);

            if (line)
                diag_add(&r->diag, CONFIG_NOTE, line, "this is about '%s'", keys[i].name);
            return rc;
        }
    }
    if (settings_find(&r->s, "memory") && r->c->target_memkb == CONFIG_UNSET)
        r->c->memory_line = reading_line(r, "memory");
    r->c->serial_line = reading_line(r, "serial");
    remember_inert_keys(r);
    return check_affinity(r);
}

/* RFC 3629 */
static bool is_utf8(const char *text)
{
    static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};

    for (const uint8_t *p = (const uint8_t *)text; *p;) {
        unsigned more = *p < 0x80 ? 0 : *p >> 5 == 6 ? 1 : *p >> 4 == 14 ? 2 : *p >> 3 == 30 ? 3 : 4;
        uint32_t c = more ? *p & (0x3fu >> more) : *p;

        if (more == 4)
            return false;
        p++;
        for (unsigned i = 0; i < more; i++, p++) {
            if (*p >> 6 != 2)
                return false;
            c = c << 6 | (*p & 0x3f);
        }
        if (c < least[more] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
            return false;
    }
    return true;
}

/* Nesting is bounded by the grammar. */
static bool value_is_utf8(const struct value *v)
{
    for (size_t i = 0; i < v->count; i++) {
        if (!value_is_utf8(v->items[i]))
            return false;
    }
    return v->is_list || is_utf8(v->string);
}

/* xl passes any bytes on; the domain's process gets JSON, which cannot hold them. Comments may be in what they like. */
static void find_bad_utf8(struct reading *r)
{
    for (size_t i = 0; i < r->s.count && !r->c->bad_utf8_line; i++) {
        if (!value_is_utf8(r->s.all[i].value))
            r->c->bad_utf8_line = r->s.all[i].line;
    }
}

struct domain_config *config_parse(const char *text, size_t len, const char *name, const char *extra,
                                   const struct config_host *host, const struct config_sink *sink, int *exit_code)
{
    struct reading r = {.diag = {.sink = sink, .source = name}, .host = {.cpus = 1}};

    *exit_code = 0;
    if (host)
        r.host = *host;
    if (settings_parse(&r.s, text, len, extra, &r.diag)) {
        diag_xl(&r.diag, "Failed to parse config: Invalid argument");
        *exit_code = 1;
        return NULL;
    }
    r.c = text_alloc(sizeof *r.c);
    schema_init(&schema_domain, r.c);
    text_set(&r.c->source, name);
    find_bad_utf8(&r);
    name_unknown_keys(&r);
    *exit_code = read_all(&r);
    settings_free(&r.s);
    if (*exit_code) {
        config_free(r.c);
        r.c = NULL;
    }
    return r.c;
}
