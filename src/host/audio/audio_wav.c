/* SPDX-License-Identifier: GPL-2.0-or-later */
/* audio_wav.c: sound into a WAV file (RIFF, 16-bit stereo). Its header is right at the end of every second. */
#include "host/audio/audio_backend.h"

#include "base/bytes.h"
#include "base/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEADER_BYTES 44u
#define MOST_BYTES   (UINT32_MAX - 1024u) /* sizes in the header have 32 bits */

struct wav {
    FILE *file;
    char *path;
    uint32_t bytes, told; /* of data; what the header says */
};

static bool write_header(struct wav *w)
{
    uint8_t h[HEADER_BYTES];

    memcpy(h, "RIFF\0\0\0\0WAVEfmt ", 16);
    store_le32(h + 4, w->bytes + HEADER_BYTES - 8);
    store_le32(h + 16, 16);
    store_le16(h + 20, 1); /* PCM */
    store_le16(h + 22, 2);
    store_le32(h + 24, AUDIO_HZ);
    store_le32(h + 28, AUDIO_HZ * 4);
    store_le16(h + 32, 4);
    store_le16(h + 34, 16);
    memcpy(h + 36, "data", 4);
    store_le32(h + 40, w->bytes);
    w->told = w->bytes;
    return fseek(w->file, 0, SEEK_SET) == 0 && fwrite(h, sizeof h, 1, w->file) == 1 &&
           fseek(w->file, 0, SEEK_END) == 0 && fflush(w->file) == 0;
}

static void give_up(struct wav *w, const char *why)
{
    log_warning("%s: %s: no more sound is written", w->path, why);
    (void)fclose(w->file);
    w->file = NULL;
}

static void wav_write(void *state, const int16_t *frames, size_t n)
{
    struct wav *w = state;

    if (!w->file)
        return;
    if (n * 4 > MOST_BYTES - w->bytes) {
        write_header(w);
        give_up(w, "a WAV file holds 4 GiB");
        return;
    }
    if (fwrite(frames, 4, n, w->file) != n) { /* hosts are little-endian, as all that domus runs on */
        give_up(w, strerror(errno));
        return;
    }
    w->bytes += (uint32_t)n * 4;
    if (w->bytes - w->told >= AUDIO_HZ * 4 && !write_header(w))
        give_up(w, strerror(errno));
}

static void wav_close(void *state)
{
    struct wav *w = state;

    if (w->file) {
        write_header(w);
        (void)fclose(w->file);
    }
    free(w->path);
    free(w);
}

const struct audio_backend_ops audio_wav_ops = {.write = wav_write, .close = wav_close};

int audio_wav_open(void **state, const char *path, char **why)
{
    struct wav *w = calloc(1, sizeof *w);
    int rc = -ENOMEM;

    if (w) {
        w->path = strdup(path);
        w->file = *path ? fopen(path, "wbe") : NULL;
        rc = !*path ? -EINVAL : w->file && write_header(w) ? 0 : -errno;
    }
    if (rc && asprintf(why, "audio=\"wav:%s\": %s", path, *path ? strerror(-rc) : "no file named") < 0)
        *why = NULL;
    if (rc && w) {
        if (w->file)
            (void)fclose(w->file);
        free(w->path);
        free(w);
    } else
        *state = w;
    return rc;
}
