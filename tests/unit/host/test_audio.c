/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_audio.c: where sound goes, and what is said when it goes nowhere. Its pace is tested with the Sound Blaster. */
#include "host/audio/audio.h"

#include "../dev/fake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static FILE *said;
static int was;

static void listen_to_stderr(void)
{
    said = tmpfile();
    assert_non_null(said);
    was = dup(STDERR_FILENO);
    assert_int_equal(dup2(fileno(said), STDERR_FILENO), STDERR_FILENO);
}

/* How many bytes were written. */
static off_t end_of_stderr(void)
{
    off_t bytes = lseek(STDERR_FILENO, 0, SEEK_CUR);

    assert_int_equal(dup2(was, STDERR_FILENO), STDERR_FILENO);
    close(was);
    fclose(said);
    return bytes;
}

/* Without a device the reason comes once, from us; libasound's own lines do not. */
static void test_no_device(void **state)
{
    struct audio *a;
    char *text;
    int rc;

    setenv("SDL_AUDIODRIVER", "alsa", 1);
    setenv("ALSA_CONFIG_PATH", "/dev/null", 1); /* no device has a name */
    listen_to_stderr();
    rc = audio_open(&a, fake_loop, NULL, &text);
    assert_int_equal(end_of_stderr(), 0);
    assert_int_equal(rc, 0);
    assert_non_null(strstr(text, "no sound device here"));
    free(text);
    audio_sync(a);
    audio_close(a);
    assert_true(audio_open(&a, fake_loop, "sdl", &text) < 0);
    assert_null(a);
    assert_non_null(strstr(text, "no sound device here"));
    free(text);
}

static void test_places(void **state)
{
    struct audio *a;
    char *text;

    assert_int_equal(audio_open(&a, fake_loop, "none", &text), 0);
    assert_null(text);
    audio_close(a);
    assert_true(audio_open(&a, fake_loop, "wav:/nowhere/sound.wav", &text) < 0);
    assert_non_null(strstr(text, "/nowhere/sound.wav"));
    free(text);
    assert_true(audio_open(&a, fake_loop, "drum", &text) < 0);
    assert_non_null(strstr(text, "drum"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_device),
        cmocka_unit_test(test_places),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
