/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_window.c: where a picture is in a window, which pixel is under a place, and SDL's keys. */
#include "host/display/keymap.h"
#include "host/display/window_view.h"

#include <SDL_scancode.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

static void the_aspect_is_kept(void **state)
{
    static const struct {
        int width, height, window_width, window_height;
        struct display_rect place;
    } cases[] = {
        {640, 400, 640, 400, {0, 0, 640, 400}},        {640, 400, 1280, 800, {0, 0, 1280, 800}},
        {640, 400, 900, 400, {130, 0, 640, 400}},      {640, 400, 640, 700, {0, 150, 640, 400}},
        {640, 400, 320, 400, {0, 100, 320, 200}},      {4096, 1, 100, 100, {0, 49, 100, 1}},
        {1, 4096, 100, 100, {49, 0, 1, 100}},          {4096, 4096, 1, 1, {0, 0, 1, 1}},
        {1024, 768, 1920, 1080, {240, 0, 1440, 1080}},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct display_rect r =
            window_fit(cases[i].width, cases[i].height, cases[i].window_width, cases[i].window_height);
        assert_memory_equal(&r, &cases[i].place, sizeof r);
    }
}

/* Every pixel can be pointed at when the picture is not made smaller; first and last always; and places never go back.
 */
static void every_pixel_can_be_reached(void **state)
{
    static const int sizes[] = {1, 2, 3, 320, 639, 640, 641, 1000, 1280, 1999};
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        for (size_t j = 0; j < ARRAY_SIZE(sizes); j++) {
            const int pixels = sizes[i], places = sizes[j];
            const struct display_rect r = {.x = 7, .y = 3, .width = places, .height = places};
            int last = -1, x, y;
            for (int at = 0; at < places; at++) {
                x = 7 + at;
                y = 3 + at;
                window_point(r, pixels, pixels, &x, &y);
                assert_int_equal(x, y);
                assert_in_range(x, 0, pixels - 1);
                assert_true(x >= last && (places < pixels || x <= last + 1));
                last = x;
            }
            assert_int_equal(last, places == 1 ? 0 : pixels - 1);
            x = 0;
            y = 5000;
            window_point(r, pixels, pixels, &x, &y);
            assert_int_equal(x, 0);
            assert_int_equal(y, last);
        }
    }
}

/* The keys by SDL's name and by keymap.h's, on the layout where both are the same. */
static void keys_are_those_of_a_pc(void **state)
{
    static const struct {
        unsigned sdl;
        uint32_t keysym;
    } cases[] = {
        {SDL_SCANCODE_A, 'a'},           {SDL_SCANCODE_Z, 'z'},
        {SDL_SCANCODE_0, '0'},           {SDL_SCANCODE_1, '1'},
        {SDL_SCANCODE_MINUS, '-'},       {SDL_SCANCODE_EQUALS, '='},
        {SDL_SCANCODE_LEFTBRACKET, '['}, {SDL_SCANCODE_RIGHTBRACKET, ']'},
        {SDL_SCANCODE_BACKSLASH, '\\'},  {SDL_SCANCODE_SEMICOLON, ';'},
        {SDL_SCANCODE_APOSTROPHE, '\''}, {SDL_SCANCODE_GRAVE, '`'},
        {SDL_SCANCODE_COMMA, ','},       {SDL_SCANCODE_PERIOD, '.'},
        {SDL_SCANCODE_SLASH, '/'},       {SDL_SCANCODE_SPACE, ' '},
        {SDL_SCANCODE_RETURN, 0xff0d},   {SDL_SCANCODE_ESCAPE, 0xff1b},
        {SDL_SCANCODE_TAB, 0xff09},      {SDL_SCANCODE_BACKSPACE, 0xff08},
        {SDL_SCANCODE_F1, 0xffbe},       {SDL_SCANCODE_F12, 0xffc9},
        {SDL_SCANCODE_UP, 0xff52},       {SDL_SCANCODE_DELETE, 0xffff},
        {SDL_SCANCODE_PAUSE, 0xff13},    {SDL_SCANCODE_PRINTSCREEN, 0xff61},
        {SDL_SCANCODE_LCTRL, 0xffe3},    {SDL_SCANCODE_RALT, 0xffea},
        {SDL_SCANCODE_LGUI, 0xffeb},     {SDL_SCANCODE_KP_ENTER, 0xff8d},
        {SDL_SCANCODE_KP_5, 0xffb5},     {SDL_SCANCODE_KP_DIVIDE, 0xffaf},
        {SDL_SCANCODE_CAPSLOCK, 0xffe5}, {SDL_SCANCODE_APPLICATION, 0xff67},
    };
    char *why;
    struct keymap *k = keymap_create("en-us", &why);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct key_stroke strokes[KEYMAP_STROKES_MAX];
        assert_int_equal(keymap_lookup(k, cases[i].keysym, strokes), 1);
        assert_int_equal(window_scancode(cases[i].sdl), strokes[0].scancode);
    }
    keymap_destroy(k);
    assert_int_equal(window_scancode(SDL_SCANCODE_NONUSBACKSLASH), 0x56);
    assert_int_equal(window_scancode(SDL_SCANCODE_UNKNOWN), 0);
    assert_int_equal(window_scancode(SDL_NUM_SCANCODES), 0);
    assert_int_equal(window_scancode(~0u), 0);
}

/* No two keys of a PC keyboard are one: but for those that keyboards name twice. */
static void keys_differ(void **state)
{
    for (unsigned a = SDL_SCANCODE_A; a <= SDL_SCANCODE_RGUI; a++)
        for (unsigned b = a + 1; b <= SDL_SCANCODE_RGUI; b++)
            if (window_scancode(a) && window_scancode(a) == window_scancode(b))
                assert_true((a == SDL_SCANCODE_BACKSLASH && b == SDL_SCANCODE_NONUSHASH) ||
                            (a == SDL_SCANCODE_APPLICATION && b == SDL_SCANCODE_MENU));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_aspect_is_kept),
        cmocka_unit_test(every_pixel_can_be_reached),
        cmocka_unit_test(keys_are_those_of_a_pc),
        cmocka_unit_test(keys_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
