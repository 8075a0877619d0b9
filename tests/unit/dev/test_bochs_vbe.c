/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_bochs_vbe.c: the DISPI registers, each depth's pixels, panning, banks, BAR 2, and what does not fit. */
#include "vga_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { ID, XRES, YRES, BPP, ENABLE, BANK, VIRT_WIDTH, VIRT_HEIGHT, X_OFFSET, Y_OFFSET, MEMORY_64K };

static int setup(void **state)
{
    struct vga_rig *g = calloc(1, sizeof *g);
    rig_init(g, VGA_MODEL_STD);
    rig_mode(g, 3);
    *state = g;
    return 0;
}

static int teardown(void **state)
{
    rig_fini(*state);
    free(*state);
    return 0;
}

static void set_mode(struct vga_rig *g, unsigned width, unsigned height, unsigned bpp, unsigned flags)
{
    rig_dispi(g, ENABLE, 0);
    rig_dispi(g, XRES, width);
    rig_dispi(g, YRES, height);
    rig_dispi(g, BPP, bpp);
    rig_dispi(g, ENABLE, 0x41 | flags);
}

static void expect_size(struct vga_rig *g, int width, int height)
{
    int w, h, stride;
    rig_refresh(g);
    display_pixels(g->display, &w, &h, &stride);
    assert_int_equal(w, width);
    assert_int_equal(h, height);
}

/* Bytes as a guest would store them; without an engine's dirty log they need a full redraw. */
static void put(struct vga_rig *g, size_t at, uint32_t value, unsigned bytes)
{
    memcpy(g->vram + at, &value, bytes);
    display_refresh(g->display, true);
}

static void identifies_itself(void **state)
{
    struct vga_rig *g = *state;
    assert_int_equal(rig_dispi_get(g, ID), 0xb0c5);
    rig_dispi(g, ID, 0xb0c0);
    assert_int_equal(rig_dispi_get(g, ID), 0xb0c0);
    rig_dispi(g, ID, 0xb0c9); /* no such version */
    assert_int_equal(rig_dispi_get(g, ID), 0xb0c0);
    assert_int_equal(rig_dispi_get(g, MEMORY_64K), 256);
    rig_dispi(g, ENABLE, 2);
    assert_int_equal(rig_dispi_get(g, XRES), 2560);
    assert_int_equal(rig_dispi_get(g, YRES), 1600);
    assert_int_equal(rig_dispi_get(g, BPP), 32);
    assert_int_equal(rig_dispi_get(g, 99), 0);
}

static void depths(void **state)
{
    struct vga_rig *g = *state;
    static const struct {
        unsigned bpp, bytes;
        uint32_t value, pixel;
    } cases[] = {
        {8, 1, 77, 0x0055ff},          {15, 2, 0x7c1f, 0xff00ff}, {15, 2, 0x0200, 0x008400},
        {16, 2, 0xf81f, 0xff00ff},     {16, 2, 0x07e0, 0x00ff00}, {24, 3, 0x123456, 0x123456},
        {32, 4, 0xff123456, 0x123456},
    };
    rig_colour(g, 77, 0, 21, 63);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        set_mode(g, 800, 600, cases[i].bpp, 0);
        expect_size(g, 800, 600);
        put(g, (800 * 20 + 10) * cases[i].bytes, cases[i].value, cases[i].bytes);
        assert_int_equal(rig_pixel(g, 10, 20), cases[i].pixel);
        assert_int_equal(rig_pixel(g, 11, 20), 0);
        put(g, (800 * 599 + 799) * cases[i].bytes, cases[i].value, cases[i].bytes);
        assert_int_equal(rig_pixel(g, 799, 599), cases[i].pixel);
    }
}

static void dac_of_eight_bits(void **state)
{
    struct vga_rig *g = *state;
    set_mode(g, 640, 480, 8, 0x20);
    rig_colour(g, 1, 0x12, 0xfe, 0x80);
    put(g, 0, 1, 1);
    assert_int_equal(rig_pixel(g, 0, 0), 0x12fe80);
}

static void virtual_screen_pans(void **state)
{
    struct vga_rig *g = *state;
    set_mode(g, 640, 480, 32, 0);
    rig_dispi(g, VIRT_WIDTH, 1024);
    assert_int_equal(rig_dispi_get(g, VIRT_WIDTH), 1024);
    assert_int_equal(rig_dispi_get(g, VIRT_HEIGHT), 4096);
    put(g, (1024 * 700 + 100) * 4, 0xabcdef, 4);
    rig_dispi(g, X_OFFSET, 90);
    rig_dispi(g, Y_OFFSET, 695);
    rig_refresh(g);
    assert_int_equal(rig_pixel(g, 10, 5), 0xabcdef);
    rig_dispi(g, Y_OFFSET, 4000); /* not all of the screen would be there */
    assert_int_equal(rig_dispi_get(g, Y_OFFSET), 695);
}

static void what_does_not_fit_stays_off(void **state)
{
    struct vga_rig *g = *state;
    set_mode(g, 2560, 1600, 32, 0); /* 16 000 KiB of 16 384 */
    expect_size(g, 2560, 1600);
    rig_dispi(g, ENABLE, 0);
    rig_dispi(g, XRES, 5000);
    assert_int_equal(rig_dispi_get(g, XRES), 2560);
    rig_dispi(g, BPP, 17);
    assert_int_equal(rig_dispi_get(g, BPP), 32);
    rig_dispi(g, YRES, 0);
    rig_dispi(g, ENABLE, 1);
    assert_int_equal(rig_dispi_get(g, ENABLE) & 1, 0);
    rig_mode(g, 3);
    expect_size(g, 720, 400);
}

/* The largest mode, in each depth and amount of memory: it is on, to its last pixel, or it is off. */
static void the_largest_mode_needs_its_memory(void **state)
{
    static const struct {
        unsigned mib, bpp, bytes;
        bool fits;
    } cases[] = {{4, 8, 1, true},   {4, 16, 2, false},  {4, 32, 4, false},  {8, 16, 2, true},
                 {8, 24, 3, false}, {16, 24, 3, true},  {16, 32, 4, true},  {17, 32, 4, true},
                 {64, 32, 4, true}, {256, 32, 4, true}, {4096, 32, 4, true}};

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct vga_rig g;
        rig_init_sized(&g, VGA_MODEL_STD, cases[i].mib);
        rig_mode(&g, 3);
        rig_colour(&g, 0xff, 63, 63, 63);
        set_mode(&g, 2560, 1600, cases[i].bpp, 0);
        assert_int_equal(rig_dispi_get(&g, ENABLE) & 1, cases[i].fits);
        expect_size(&g, cases[i].fits ? 2560 : 720, cases[i].fits ? 1600 : 400);
        if (cases[i].fits) {
            put(&g, (2560u * 1600 - 1) * cases[i].bytes, 0xffffffff, cases[i].bytes);
            assert_int_equal(rig_pixel(&g, 2559, 1599), 0xffffff);
            assert_int_equal(rig_pixel(&g, 2558, 1599), 0);
        }
        rig_fini(&g);
    }
    (void)state;
}

/* More memory than the picture: several lie below each other. */
static void large_pages_flip(void **state)
{
    struct vga_rig g;
    rig_init_sized(&g, VGA_MODEL_STD, 33); /* 64: a power of two */
    rig_mode(&g, 3);
    assert_int_equal(rig_dispi_get(&g, MEMORY_64K), 1024);
    set_mode(&g, 2560, 1600, 32, 0);
    assert_int_equal(rig_dispi_get(&g, VIRT_HEIGHT), 64 * 1024 * 1024 / (2560 * 4));
    put(&g, (2560u * (3 * 1600 + 1599) + 2559) * 4, 0x445566, 4);
    rig_dispi(&g, Y_OFFSET, 3 * 1600);
    rig_refresh(&g);
    assert_int_equal(rig_pixel(&g, 2559, 1599), 0x445566);
    rig_dispi(&g, Y_OFFSET, 4 * 1600); /* its end would be behind the memory's */
    assert_int_equal(rig_dispi_get(&g, Y_OFFSET), 3 * 1600);
    rig_dispi(&g, VIRT_WIDTH, 0xfff8); /* too wide for the screen's lines: as wide as the screen */
    assert_int_equal(rig_dispi_get(&g, VIRT_WIDTH), 2560);
    rig_fini(&g);
    (void)state;
}

static void memory_is_cleared_unless_told(void **state)
{
    struct vga_rig *g = *state;
    g->vram[5] = 9;
    set_mode(g, 640, 480, 8, 0x80);
    assert_int_equal(g->vram[5], 9);
    set_mode(g, 640, 480, 8, 0);
    assert_int_equal(g->vram[5], 0);
}

static void banks_of_the_window(void **state)
{
    struct vga_rig *g = *state;
    set_mode(g, 640, 480, 8, 0);
    rig_dispi(g, BANK, 3);
    rig_poke(g, 0xa1234, 0x5a);
    assert_int_equal(g->vram[0x31234], 0x5a);
    assert_int_equal(rig_peek(g, 0xa1234), 0x5a);
    rig_dispi(g, BANK, 256); /* behind the memory */
    assert_int_equal(rig_dispi_get(g, BANK), 3);
}

static void sixteen_colours_at_800x600(void **state)
{
    struct vga_rig *g = *state;
    rig_colour(g, 5, 63, 0, 63);
    set_mode(g, 800, 600, 4, 0);
    expect_size(g, 800, 600);
    rig_set(g, 0x3c4, 2, 5);
    rig_set(g, 0x3ce, 8, 0xff);
    rig_poke(g, 0xa0000 + 100 * 300 + 2, 0x10);
    rig_refresh(g);
    assert_int_equal(rig_pixel(g, 19, 300), 0xff00ff);
    assert_int_equal(rig_pixel(g, 18, 300), rig_pixel(g, 20, 300));
}

static void registers_in_memory(void **state)
{
    struct vga_rig *g = *state;
    assert_int_equal(rig_bar_read(g, 2, 0x500, 2), 0xb0c5);
    rig_bar_write(g, 2, 0x502, 2, 1024);
    rig_bar_write(g, 2, 0x504, 2, 768);
    rig_bar_write(g, 2, 0x506, 2, 32);
    rig_bar_write(g, 2, 0x508, 2, 0x41);
    expect_size(g, 1024, 768);
    rig_bar_write(g, 2, 0x400 + 0x08, 1, 17); /* 0x3C8 */
    assert_int_equal(rig_in(g, 0x3c8), 17);
    assert_int_equal(rig_bar_read(g, 2, 0x40c, 1), rig_in(g, 0x3cc));
}

static void state_moves_to_another_chip(void **state)
{
    struct vga_rig *g = *state, other;
    size_t size = g->dev->ops->state_size;
    set_mode(g, 800, 600, 16, 0);
    rig_dispi(g, VIRT_WIDTH, 1024);
    put(g, 2 * (1024 * 3 + 7), 0xf800, 2);
    rig_init(&other, VGA_MODEL_STD);
    assert_int_equal(g->dev->ops->check(g->dev->state), 0);
    memcpy(other.dev->state, g->dev->state, size);
    memcpy(other.vram, g->vram, g->vram_bytes);
    other.dev->ops->loaded(other.dev);
    assert_memory_equal(other.dev->state, g->dev->state, size);
    rig_refresh(&other);
    assert_int_equal(rig_pixel(&other, 7, 3), 0xff0000);
    rig_fini(&other);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(identifies_itself),
        CASE(depths),
        CASE(dac_of_eight_bits),
        CASE(virtual_screen_pans),
        CASE(what_does_not_fit_stays_off),
        CASE(memory_is_cleared_unless_told),
        CASE(banks_of_the_window),
        CASE(sixteen_colours_at_800x600),
        CASE(registers_in_memory),
        CASE(state_moves_to_another_chip),
        CASE(the_largest_mode_needs_its_memory),
        CASE(large_pages_flip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
