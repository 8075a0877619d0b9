/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * audio.h: where a guest's sound goes: to SDL, to a WAV file, or nowhere; mixed from sources that follow guest time.
 *
 * While a source is active, frames are rendered as guest time passes, whether or not anyone listens; none otherwise.
 * When the host was late they are made up for at twice the speed, so that a guest that refills a buffer on each
 * interrupt can keep up; more than a second behind is forgotten. A guest that answers its interrupts is waited for: a
 * host that has no time for a vcpu must not run a whole buffer past it. All calls need the machine lock.
 */
#ifndef DOMUS_HOST_AUDIO_AUDIO_H
#define DOMUS_HOST_AUDIO_AUDIO_H

#include "base/list.h"
#include "base/types.h"

#define AUDIO_HZ 44100u

struct audio;
struct loop;

/* Embedded by who makes sound. */
struct audio_source {
    struct list link; /* audio's */
    bool (*active)(void *opaque);
    /* Frames until something happens that the guest shall see, at least 1; SIZE_MAX: nothing will. */
    size_t (*until)(void *opaque);
    /* What until() announced has happened, and the guest has not answered it. NULL: nothing is to be answered. */
    bool (*unanswered)(void *opaque);
    /* Adds n frames (left, right; full scale is 16 bits) to mix; never more than until() said. */
    void (*render)(void *opaque, int32_t *mix, size_t n);
    void *opaque;
};

/*
 * spec: "none", "sdl", "wav:PATH", or NULL: SDL where there is a device, else nothing. 0, or -errno with *text
 * (malloc'd) the reason; 0 with *text: what the user should know. *text may stay NULL.
 */
int audio_open(struct audio **a, struct loop *loop, const char *spec, char **text);
void audio_close(struct audio *a); /* NULL is fine */
void audio_add(struct audio *a, struct audio_source *s);

/* Renders up to now. To be called before a source changes what it plays, and after it became active or was answered. */
void audio_sync(struct audio *a);

#endif
