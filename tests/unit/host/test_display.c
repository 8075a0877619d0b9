/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_display.c: surface, damage to viewers, routing of keys and pointer, and the screenshot read back. */
#include "host/display/display.h"

#include <errno.h>
#include <png.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

struct seen {
    int resizes, damages;
    struct display_rect last;
    int width, height;
    uint16_t scancode;
    int x, y, wheel;
    unsigned buttons;
    int keys, moves;
};

static void on_resized(void *opaque, int width, int height)
{
    struct seen *s = opaque;
    s->resizes++;
    s->width = width;
    s->height = height;
}

static void on_damaged(void *opaque, struct display_rect r)
{
    struct seen *s = opaque;
    s->damages++;
    s->last = r;
}

static void on_key(void *opaque, uint16_t scancode, bool down)
{
    struct seen *s = opaque;
    s->keys += down;
    s->scancode = scancode;
}

static void on_move(void *opaque, int x, int y, int wheel, unsigned buttons)
{
    struct seen *s = opaque;
    s->moves++;
    s->x = x;
    s->y = y;
    s->wheel = wheel;
    s->buttons = buttons;
}

static void damage_is_clipped(void **state)
{
    struct display *d = display_create();
    struct seen s = {0};
    int h = display_add_viewer(d, &(struct display_viewer){on_resized, on_damaged, &s});

    assert_true(h >= 0);
    display_resize(d, 100, 50);
    assert_int_equal(s.resizes, 1);
    assert_int_equal(s.width, 100);
    display_damage(d, (struct display_rect){-5, 40, 20, 20});
    assert_int_equal(s.damages, 1);
    assert_memory_equal(&s.last, (&(struct display_rect){0, 40, 15, 10}), sizeof s.last);
    display_damage(d, (struct display_rect){100, 0, 5, 5});
    assert_int_equal(s.damages, 1);
    display_remove_viewer(d, h);
    display_damage(d, (struct display_rect){0, 0, 5, 5});
    assert_int_equal(s.damages, 1);
    display_destroy(d);
}

static void refused_sizes_change_nothing(void **state)
{
    struct display *d = display_create();
    int w, h, stride;

    display_resize(d, 320, 200);
    display_resize(d, 0, 200);
    display_resize(d, 320, -1);
    display_resize(d, 1 << 20, 1 << 20);
    display_pixels(d, &w, &h, &stride);
    assert_int_equal(w, 320);
    assert_int_equal(h, 200);
    display_destroy(d);
}

static void without_source_a_text_shows(void **state)
{
    struct display *d = display_create();
    int w, h, stride, lit = 0;
    uint32_t *p = display_pixels(d, &w, &h, &stride);

    for (int i = 0; i < w * h; i++)
        lit += p[i] != 0;
    assert_in_range(lit, 500, 5000);
    display_destroy(d);
}

static void keys_go_to_the_last_keyboard(void **state)
{
    struct display *d = display_create();
    struct seen ps2 = {0}, usb = {0};
    display_add_input(d, &(struct display_input){.key = on_key, .opaque = &ps2});
    int h = display_add_input(d, &(struct display_input){.key = on_key, .opaque = &usb});

    display_key(d, 0xe048, true);
    assert_int_equal(usb.scancode, 0xe048);
    assert_int_equal(ps2.keys, 0);
    display_remove_input(d, h);
    display_key(d, 0x1e, true);
    assert_int_equal(ps2.scancode, 0x1e);
    display_destroy(d);
}

static void pointer_is_relative_until_a_tablet_comes(void **state)
{
    struct display *d = display_create();
    struct seen mouse = {0}, tablet = {0};
    display_resize(d, 640, 480);
    display_add_input(d, &(struct display_input){.pointer_relative = on_move, .opaque = &mouse});
    assert_false(display_pointer_is_absolute(d));
    display_pointer(d, 100, 100, 0, 0);
    assert_int_equal(mouse.x, 0);
    display_pointer(d, 90, 107, 1, 5);
    assert_int_equal(mouse.x, -10);
    assert_int_equal(mouse.y, 7);
    assert_int_equal(mouse.wheel, 1);
    assert_int_equal(mouse.buttons, 5);
    display_add_input(d, &(struct display_input){.pointer_absolute = on_move, .opaque = &tablet});
    assert_true(display_pointer_is_absolute(d));
    display_pointer(d, 639, 0, -1, 2);
    assert_int_equal(tablet.x * 640 / 32768, 639);
    assert_int_equal(tablet.y * 480 / 32768, 0);
    display_pointer(d, 9999, 9999, 0, 0);
    assert_int_equal(tablet.y * 480 / 32768, 479);
    assert_int_equal(mouse.moves, 2);
    display_destroy(d);
}

/* A window that has taken the pointer tells how far it went. */
static void ways_are_ways_or_become_places(void **state)
{
    struct display *d = display_create();
    struct seen mouse = {0}, tablet = {0};

    display_resize(d, 640, 480);
    display_pointer_move(d, 1, 1, 0, 0); /* nobody is there */
    display_add_input(d, &(struct display_input){.pointer_relative = on_move, .opaque = &mouse});
    display_pointer_move(d, -3000, 7, -1, 2);
    assert_int_equal(mouse.x, -3000);
    assert_int_equal(mouse.y, 7);
    assert_int_equal(mouse.wheel, -1);
    assert_int_equal(mouse.buttons, 2);
    display_add_input(d, &(struct display_input){.pointer_absolute = on_move, .opaque = &tablet});
    display_pointer(d, 100, 100, 0, 0);
    display_pointer_move(d, -10, 20, 0, 1);
    assert_int_equal(tablet.x * 640 / 32768, 90);
    assert_int_equal(tablet.y * 480 / 32768, 120);
    assert_int_equal(tablet.buttons, 1);
    display_pointer_move(d, -1000, 1000, 0, 0);
    assert_int_equal(tablet.x * 640 / 32768, 0);
    assert_int_equal(tablet.y * 480 / 32768, 479);
    assert_int_equal(mouse.moves, 1);
    display_destroy(d);
}

/* Whatever way a guest turns an absolute coordinate into a pixel, it is the viewer's. */
static void absolute_is_exact_at_every_size(void **state)
{
    static const int sizes[] = {1, 2, 320, 640, 720, 799, 800, 1000, 1024, 1280, 1366, 1920, 2560, 4095};
    struct display *d = display_create();
    struct seen tablet = {0};

    display_add_input(d, &(struct display_input){.pointer_absolute = on_move, .opaque = &tablet});
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        int w = sizes[i];

        display_resize(d, w, 16);
        for (int x = 0; x < w; x++) {
            display_pointer(d, x, 0, 0, 0);
            assert_in_range(tablet.x, 0, 32767);
            assert_int_equal((int64_t)tablet.x * w / 32768, x);                 /* libinput, X */
            assert_int_equal((int64_t)tablet.x * 65535 / 32767 * w / 65536, x); /* Windows */
            assert_int_equal(((int64_t)tablet.x * (w - 1) + 16383) / 32767, x); /* rounded */
        }
    }
    display_destroy(d);
}

static void a_new_size_moves_the_absolute_pointer(void **state)
{
    struct display *d = display_create();
    struct seen tablet = {0};

    display_resize(d, 640, 480);
    display_add_input(d, &(struct display_input){.pointer_absolute = on_move, .opaque = &tablet});
    display_resize(d, 800, 600);
    assert_int_equal(tablet.moves, 0); /* nobody has pointed yet */
    display_pointer(d, 100, 50, 1, 4);
    display_resize(d, 1024, 768);
    assert_int_equal(tablet.moves, 2);
    assert_int_equal(tablet.x * 1024 / 32768, 100);
    assert_int_equal(tablet.y * 768 / 32768, 50);
    assert_int_equal(tablet.wheel, 0);
    assert_int_equal(tablet.buttons, 4);
    display_resize(d, 1024, 768);
    assert_int_equal(tablet.moves, 2);
    display_destroy(d);
}

static void screenshot_reads_back(void **state)
{
    struct display *d = display_create();
    int w, h, stride;
    char path[] = "/tmp/domus-shot-XXXXXX";
    close(mkstemp(path));
    display_resize(d, 31, 17);
    uint32_t *p = display_pixels(d, &w, &h, &stride);
    for (int i = 0; i < w * h; i++)
        p[i] = (uint32_t)i * 12345 & 0xffffff;
    assert_int_equal(display_screenshot(d, path), 0);

    png_image image = {.version = PNG_IMAGE_VERSION};
    assert_true(png_image_begin_read_from_file(&image, path));
    image.format = PNG_FORMAT_BGRA;
    uint32_t *back = malloc(PNG_IMAGE_SIZE(image));
    assert_true(png_image_finish_read(&image, NULL, back, 0, NULL));
    assert_int_equal(image.width, 31);
    assert_int_equal(image.height, 17);
    for (int i = 0; i < w * h; i++)
        assert_int_equal(back[i] & 0xffffff, p[i]);
    free(back);
    unlink(path);
    assert_int_equal(display_screenshot(d, "/nonexistent/x.png"), -ENOENT);
    display_destroy(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(damage_is_clipped),
        cmocka_unit_test(refused_sizes_change_nothing),
        cmocka_unit_test(without_source_a_text_shows),
        cmocka_unit_test(keys_go_to_the_last_keyboard),
        cmocka_unit_test(pointer_is_relative_until_a_tablet_comes),
        cmocka_unit_test(ways_are_ways_or_become_places),
        cmocka_unit_test(absolute_is_exact_at_every_size),
        cmocka_unit_test(a_new_size_moves_the_absolute_pointer),
        cmocka_unit_test(screenshot_reads_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
