/* SPDX-License-Identifier: GPL-2.0-or-later */
/* audio.c: see audio.h. The clock of frames, and the mixing. */
#include "host/audio/audio.h"

#include "host/audio/audio_backend.h"
#include "machine/loop.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK    441u /* frames at once: 10 ms */
#define TICK_NS  10000000u
#define NS_PER_S 1000000000ull
#define PATIENCE 250000000ull /* ns that the guest may take to answer an event */

struct audio {
    struct loop *loop; /* borrowed */
    struct list sources;
    struct timer timer;
    const struct audio_backend_ops *ops; /* NULL: nowhere */
    void *state;
    bool running, rendering;
    bool waiting, ignored;          /* for an answer to the last event; that would take too long */
    uint64_t start_ns, done;        /* frames rendered since then */
    uint64_t event_ns, event_frame; /* the last thing that the guest shall see */
};

static bool any_active(struct audio *a)
{
    list_for_each (node, &a->sources) {
        const struct audio_source *s = list_entry(node, struct audio_source, link);

        if (s->active(s->opaque))
            return true;
    }
    return false;
}

static size_t until_event(struct audio *a)
{
    size_t least = SIZE_MAX;

    list_for_each (node, &a->sources) {
        const struct audio_source *s = list_entry(node, struct audio_source, link);
        size_t n = s->active(s->opaque) ? s->until(s->opaque) : SIZE_MAX;

        if (n < least)
            least = n;
    }
    return least ? least : 1;
}

static bool any_unanswered(struct audio *a)
{
    list_for_each (node, &a->sources) {
        const struct audio_source *s = list_entry(node, struct audio_source, link);

        if (s->unanswered && s->active(s->opaque) && s->unanswered(s->opaque))
            return true;
    }
    return false;
}

static uint64_t frames_in(uint64_t ns)
{
    return (uint64_t)((unsigned __int128)ns * AUDIO_HZ / NS_PER_S);
}

static uint64_t ns_of(uint64_t frames)
{
    return (uint64_t)(((unsigned __int128)frames * NS_PER_S + AUDIO_HZ - 1) / AUDIO_HZ);
}

static void render(struct audio *a, size_t n)
{
    int32_t mix[2 * CHUNK];
    int16_t out[2 * CHUNK];

    memset(mix, 0, n * 2 * sizeof mix[0]);
    list_for_each (node, &a->sources) {
        const struct audio_source *s = list_entry(node, struct audio_source, link);

        if (s->active(s->opaque))
            s->render(s->opaque, mix, n);
    }
    for (size_t i = 0; i < 2 * n; i++)
        out[i] = (int16_t)(mix[i] > INT16_MAX ? INT16_MAX : mix[i] < INT16_MIN ? INT16_MIN : mix[i]);
    if (a->ops)
        a->ops->write(a->state, out, n);
    a->done += n;
}

/* The frame that may be rendered now: as guest time has it, and at twice the speed at most since the last event. */
static uint64_t allowed(struct audio *a, uint64_t now)
{
    uint64_t due = frames_in(now - a->start_ns), paced = a->event_frame + 2 * frames_in(now - a->event_ns);

    if (due > a->done + AUDIO_HZ) { /* hopeless: the host was away */
        a->start_ns = now - ns_of(a->done + 1);
        due = a->done;
    }
    return due < paced ? due : paced;
}

/* Nothing may be rendered before the guest answers. After that it has as much time for the next event as ever; one that
 * does not answer is not waited for again until it does. */
static bool waits_for_guest(struct audio *a, uint64_t now)
{
    bool unanswered = any_unanswered(a);

    if ((a->waiting || a->ignored) && !unanswered) {
        a->event_ns = now;
        a->event_frame = a->done;
    }
    if (!unanswered)
        a->ignored = false;
    else if (now - a->event_ns >= PATIENCE)
        a->ignored = true;
    a->waiting = unanswered && !a->ignored;
    return a->waiting;
}

static void schedule(struct audio *a, uint64_t now)
{
    uint64_t frames, at, paced;

    if (a->waiting) {
        timer_set(&a->timer, a->event_ns + PATIENCE);
        return;
    }
    frames = until_event(a);
    if (frames > CHUNK)
        frames = CHUNK;
    at = a->start_ns + ns_of(a->done + frames);
    paced = a->event_ns + ns_of((a->done + frames - a->event_frame + 1) / 2);
    if (paced > at)
        at = paced;
    timer_set(&a->timer, at > now ? at : now + 1000);
}

void audio_sync(struct audio *a)
{
    uint64_t now, limit;

    if (a->rendering) /* a source's event made the guest's side of it change */
        return;
    now = loop_now_ns(a->loop);
    if (!a->running) {
        if (!any_active(a))
            return;
        a->running = true;
        a->start_ns = a->event_ns = now;
        a->done = a->event_frame = 0;
        a->waiting = a->ignored = false;
    }
    a->rendering = true;
    limit = waits_for_guest(a, now) ? a->done : allowed(a, now);
    while (a->done < limit && any_active(a)) {
        size_t n = until_event(a);
        bool event = n <= limit - a->done && n <= CHUNK;

        if (n > limit - a->done)
            n = (size_t)(limit - a->done);
        render(a, n > CHUNK ? CHUNK : n);
        if (event) { /* the guest comes first */
            a->event_ns = now;
            a->event_frame = a->done;
            (void)waits_for_guest(a, now);
            break;
        }
    }
    a->rendering = false;
    a->running = any_active(a);
    if (a->running)
        schedule(a, now);
    else
        timer_cancel(&a->timer);
}

static void tick(void *opaque)
{
    audio_sync(opaque);
}

void audio_add(struct audio *a, struct audio_source *s)
{
    list_append(&a->sources, &s->link);
}

static int open_backend(struct audio *a, const char *spec, char **text)
{
    int rc;

    if (spec && strcmp(spec, "none") == 0)
        return 0;
    if (spec && strncmp(spec, "wav:", 4) == 0) {
        rc = audio_wav_open(&a->state, spec + 4, text);
        a->ops = rc ? NULL : &audio_wav_ops;
        return rc;
    }
    if (spec && *spec && strcmp(spec, "sdl") != 0 && strcmp(spec, "auto") != 0) {
        if (asprintf(text, "audio=\"%s\": sound goes to sdl, wav:PATH or none", spec) < 0)
            *text = NULL;
        return -EINVAL;
    }
    rc = audio_sdl_open(&a->state, text);
    a->ops = rc ? NULL : &audio_sdl_ops;
    return rc && spec && strcmp(spec, "sdl") == 0 ? rc : 0;
}

int audio_open(struct audio **out, struct loop *loop, const char *spec, char **text)
{
    struct audio *a = calloc(1, sizeof *a);
    int rc;

    *out = NULL;
    *text = NULL;
    if (!a)
        return -ENOMEM;
    a->loop = loop;
    list_init(&a->sources);
    timer_init(&a->timer, loop, tick, a);
    rc = open_backend(a, spec, text);
    if (rc)
        free(a);
    else
        *out = a;
    return rc;
}

void audio_close(struct audio *a)
{
    if (!a)
        return;
    timer_cancel(&a->timer);
    if (a->ops)
        a->ops->close(a->state);
    free(a);
}
