/* SPDX-License-Identifier: GPL-2.0-or-later */
/* audio_backend.h: what a place for sound is to audio.c. */
#ifndef DOMUS_HOST_AUDIO_AUDIO_BACKEND_H
#define DOMUS_HOST_AUDIO_AUDIO_BACKEND_H

#include "host/audio/audio.h"

struct audio_backend_ops {
    /* n frames of left and right at AUDIO_HZ; never blocks for long. */
    void (*write)(void *state, const int16_t *frames, size_t n);
    void (*close)(void *state);
};

/* 0 with *state, or -errno with *why (malloc'd). */
extern const struct audio_backend_ops audio_wav_ops, audio_sdl_ops;
int audio_wav_open(void **state, const char *path, char **why);
int audio_sdl_open(void **state, char **why);

#endif
