/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pc_speaker.c: square waves of the pitch that channel 2 counts. Its state is the timer's. Levels that a program makes
 * by toggling port 0x61 itself are not heard.
 */
#include "dev/pc_speaker.h"

#include "dev/i8254.h"
#include "host/audio/audio.h"

#include <stdlib.h>

#define LEVEL 6000

struct pc_speaker {
    struct device dev;
    struct device *pit; /* borrowed, as audio */
    struct audio *audio;
    struct audio_source source;
    uint64_t phase; /* of a period, in 1/2^32 */
};

static bool speaker_active(void *opaque)
{
    struct pc_speaker *p = opaque;

    return i8254_speaker_count(p->pit) > 0;
}

static size_t speaker_until(void *opaque)
{
    return SIZE_MAX;
}

static void speaker_render(void *opaque, int32_t *mix, size_t n)
{
    struct pc_speaker *p = opaque;
    uint64_t step = ((uint64_t)I8254_HZ << 32) / AUDIO_HZ / i8254_speaker_count(p->pit);

    if (step >= 1ull << 31) /* above what a frame can show: a level */
        return;
    for (size_t i = 0; i < n; i++, mix += 2) {
        int32_t level = p->phase & 1ull << 31 ? -LEVEL : LEVEL;

        mix[0] += level;
        mix[1] += level;
        p->phase += step;
    }
}

static void changing(void *opaque)
{
    audio_sync(((struct pc_speaker *)opaque)->audio);
}

static void speaker_reset(struct device *d)
{
    ((struct pc_speaker *)d)->phase = 0;
}

static void speaker_destroy(struct device *d)
{
    struct pc_speaker *p = (struct pc_speaker *)d;

    list_remove(&p->source.link);
    i8254_set_speaker(p->pit, NULL, NULL);
    free(p);
}

static const struct device_ops speaker_ops = {
    .name = "pc-speaker",
    .version = 1,
    .reset = speaker_reset,
    .loaded = speaker_reset,
    .destroy = speaker_destroy,
};

struct device *pc_speaker_create(struct device *pit, struct audio *audio)
{
    struct pc_speaker *p = calloc(1, sizeof *p);

    if (!p)
        return NULL;
    p->dev.ops = &speaker_ops;
    p->pit = pit;
    p->audio = audio;
    p->source =
        (struct audio_source){.active = speaker_active, .until = speaker_until, .render = speaker_render, .opaque = p};
    audio_add(audio, &p->source);
    i8254_set_speaker(pit, changing, p);
    return &p->dev;
}
