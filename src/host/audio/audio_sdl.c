/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * audio_sdl.c: sound through SDL2's default device. SDL plays from a queue in a thread of its own. The queue starts
 * with some silence, and is kept between empty and too long: the device's clock is not the guest's.
 */
#include "host/audio/audio_backend.h"

#include <SDL.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define FRAME_BYTES 4u
#define LEAD        (AUDIO_HZ / 15) /* frames queued before the first */
#define LONGEST     (AUDIO_HZ / 4)

struct sdl {
    SDL_AudioDeviceID device;
};

static void sdl_write(void *state, const int16_t *frames, size_t n)
{
    static const int16_t silence[2 * LEAD];
    const struct sdl *s = state;
    uint32_t queued = SDL_GetQueuedAudioSize(s->device) / FRAME_BYTES;

    if (queued == 0)
        (void)SDL_QueueAudio(s->device, silence, sizeof silence);
    else if (queued > LONGEST)
        return;
    (void)SDL_QueueAudio(s->device, frames, (uint32_t)(n * FRAME_BYTES));
}

static void sdl_close(void *state)
{
    struct sdl *s = state;

    SDL_CloseAudioDevice(s->device);
    SDL_QuitSubSystem(SDL_INIT_AUDIO);
    free(s);
}

const struct audio_backend_ops audio_sdl_ops = {.write = sdl_write, .close = sdl_close};

static void say_nothing(const char *file, int line, const char *function, int err, const char *format, ...)
{
}

/* libasound, where SDL has it, writes eight lines to standard error when there is no device; SDL's reason is enough. */
static void quiet_alsa(bool quiet)
{
    typedef void handler(const char *, int, const char *, int, const char *, ...);
    int (*set_handler)(handler *);

    *(void **)&set_handler = dlsym(RTLD_DEFAULT, "snd_lib_error_set_handler");
    if (set_handler)
        (void)set_handler(quiet ? say_nothing : NULL);
}

static bool open_device(struct sdl *s)
{
    const SDL_AudioSpec want = {.freq = AUDIO_HZ, .format = AUDIO_S16LSB, .channels = 2, .samples = 1024};

    SDL_SetHint(SDL_HINT_NO_SIGNAL_HANDLERS, "1"); /* or SIGTERM would be an event that nobody waits for */
    if (SDL_InitSubSystem(SDL_INIT_AUDIO))
        return false;
    s->device = SDL_OpenAudioDevice(NULL, 0, &want, NULL, 0);
    if (s->device)
        SDL_PauseAudioDevice(s->device, 0);
    else
        SDL_QuitSubSystem(SDL_INIT_AUDIO);
    return s->device;
}

int audio_sdl_open(void **state, char **why)
{
    struct sdl *s = calloc(1, sizeof *s);
    bool opened;

    if (!s)
        return -ENOMEM;
    quiet_alsa(true);
    opened = open_device(s);
    quiet_alsa(false);
    if (opened) {
        *state = s;
        return 0;
    }
    if (asprintf(why,
                 "no sound device here (%s), so nobody hears the guest: audio=\"wav:PATH\" keeps its sound, \"none\" "
                 "does without",
                 SDL_GetError()) < 0)
        *why = NULL;
    free(s);
    return -ENODEV;
}
