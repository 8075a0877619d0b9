/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_vga.c: the VGA's registers, the ways the CPU reaches video RAM, and the picture of each mode. */
#include "vga_rig.h"

#include "dev/vga_core.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define RED   0xff0000u
#define GREEN 0x00ff00u
#define BLUE  0x0000ffu

static int setup(void **state)
{
    struct vga_rig *g = calloc(1, sizeof *g);
    rig_init(g, VGA_MODEL_STD);
    *state = g;
    return 0;
}

static int setup_cirrus(void **state)
{
    struct vga_rig *g = calloc(1, sizeof *g);
    rig_init(g, VGA_MODEL_CIRRUS);
    *state = g;
    return 0;
}

static int teardown(void **state)
{
    rig_fini(*state);
    free(*state);
    return 0;
}

static void expect_size(struct vga_rig *g, int width, int height)
{
    int w, h, stride;
    rig_refresh(g);
    display_pixels(g->display, &w, &h, &stride);
    assert_int_equal(w, width);
    assert_int_equal(h, height);
}

/* Registers are zero then, which is no screen of one column. */
static void before_the_bios(void **state)
{
    struct vga_rig *g = *state;
    expect_size(g, 640, 400);
    rig_refresh(g);
    assert_int_equal(rig_pixel(g, 639, 399), 0);
}

static void registers_hold_their_bits(void **state)
{
    struct vga_rig *g = *state;
    rig_out(g, 0x3c2, 0x67);
    assert_int_equal(rig_in(g, 0x3cc), 0x67);
    rig_set(g, 0x3c4, 2, 0xff);
    assert_int_equal(rig_get(g, 0x3c4, 2), 0x0f);
    rig_set(g, 0x3ce, 4, 0xff);
    assert_int_equal(rig_get(g, 0x3ce, 4), 3);
    rig_set(g, 0x3d4, 0x0e, 0x5a);
    assert_int_equal(rig_get(g, 0x3d4, 0x0e), 0x5a);
    assert_int_equal(rig_in(g, 0x3b5), 0xff); /* the monochrome address is not there */
    rig_out(g, 0x3c2, 0x66);
    assert_int_equal(rig_get(g, 0x3b4, 0x0e), 0x5a);
    assert_int_equal(rig_in(g, 0x3d5), 0xff);
}

static void timing_can_be_protected(void **state)
{
    struct vga_rig *g = *state;
    rig_set(g, 0x3d4, 0x11, 0x80);
    rig_set(g, 0x3d4, 0x01, 0x4f);
    assert_int_equal(rig_get(g, 0x3d4, 0x01), 0);
    rig_set(g, 0x3d4, 0x07, 0xff); /* but for line compare's bit */
    assert_int_equal(rig_get(g, 0x3d4, 0x07), 0x10);
    rig_set(g, 0x3d4, 0x11, 0x00);
    rig_set(g, 0x3d4, 0x01, 0x4f);
    assert_int_equal(rig_get(g, 0x3d4, 0x01), 0x4f);
}

static void attribute_flip_flop(void **state)
{
    struct vga_rig *g = *state;
    rig_in(g, 0x3da);
    rig_out(g, 0x3c0, 3);
    rig_out(g, 0x3c0, 0x2a);
    rig_out(g, 0x3c0, 3);
    assert_int_equal(rig_in(g, 0x3c1), 0x2a);
    rig_in(g, 0x3da); /* half a pair is forgotten */
    rig_out(g, 0x3c0, 0x23);
    rig_out(g, 0x3c0, 0x11); /* while the screen shows the palette it cannot be written */
    assert_int_equal(rig_in(g, 0x3c1), 0x2a);
}

static void dac_reads_what_was_written(void **state)
{
    struct vga_rig *g = *state;
    rig_colour(g, 200, 1, 2, 3);
    rig_out(g, 0x3c9, 63); /* goes on with the next colour */
    rig_out(g, 0x3c9, 62);
    rig_out(g, 0x3c9, 0xff);
    rig_out(g, 0x3c7, 200);
    assert_int_equal(rig_in(g, 0x3c7), 3);
    static const unsigned want[] = {1, 2, 3, 63, 62, 63};
    for (unsigned i = 0; i < 6; i++)
        assert_int_equal(rig_in(g, 0x3c9), want[i]);
    assert_int_equal(rig_in(g, 0x3c8), 202);
}

static void retrace_comes_and_goes(void **state)
{
    struct vga_rig *g = *state;
    unsigned seen = 0;
    for (int i = 0; i < 8; i++) {
        unsigned status = rig_in(g, 0x3da);
        seen |= 1u << (status >> 3 & 1) | 4u << (status & 1);
    }
    assert_int_equal(seen, 15);
}

/* Write modes 0..3 against sums done by hand for one address. */
static void write_modes(void **state)
{
    struct vga_rig *g = *state;
    rig_mode(g, 0x12);
    rig_poke(g, 0xa0000, 0xa5);
    assert_int_equal(*(uint32_t *)g->vram, 0xa5a5a5a5);
    rig_set(g, 0x3c4, 2, 0x02); /* plane 1 alone */
    rig_poke(g, 0xa0000, 0x0f);
    assert_int_equal(*(uint32_t *)g->vram, 0xa5a50fa5);
    rig_set(g, 0x3c4, 2, 0x0f);
    rig_set(g, 0x3ce, 0, 0x05); /* set/reset: planes 0 and 2 get ones, 1 zeros, 3 the rotated byte */
    rig_set(g, 0x3ce, 1, 0x07);
    rig_set(g, 0x3ce, 3, 0x04);
    rig_poke(g, 0xa0000, 0x21);
    assert_int_equal(*(uint32_t *)g->vram, 0x12ff00ff);
    rig_set(g, 0x3ce, 1, 0);
    rig_set(g, 0x3ce, 3, 0x18); /* XOR under a bit mask */
    rig_set(g, 0x3ce, 8, 0xf0);
    assert_int_equal(rig_peek(g, 0xa0000), 0xff); /* loads the latch */
    rig_poke(g, 0xa0000, 0xff);
    assert_int_equal(*(uint32_t *)g->vram, 0xe20ff00f);
    rig_set(g, 0x3ce, 3, 0);
    rig_set(g, 0x3ce, 8, 0xff);
    rig_set(g, 0x3ce, 5, 1); /* write mode 1: the latch, whatever the CPU says */
    rig_poke(g, 0xa0001, 0x77);
    assert_int_equal(*(uint32_t *)(g->vram + 4), 0x12ff00ff);
    rig_set(g, 0x3ce, 5, 2); /* 2: the CPU's bits are a colour */
    rig_set(g, 0x3ce, 8, 0x0f);
    rig_poke(g, 0xa0001, 0x09);
    assert_int_equal(*(uint32_t *)(g->vram + 4), 0x1ff000ff);
    rig_set(g, 0x3ce, 5, 3); /* 3: the colour is set/reset, the CPU's byte masks too */
    rig_set(g, 0x3ce, 0, 0x0f);
    rig_set(g, 0x3ce, 8, 0xff);
    rig_peek(g, 0xa0001);
    rig_poke(g, 0xa0001, 0x80);
    assert_int_equal(*(uint32_t *)(g->vram + 4), 0x9ff080ff);
}

static void read_modes(void **state)
{
    struct vga_rig *g = *state;
    rig_mode(g, 0x12);
    *(uint32_t *)g->vram = 0xf0aa3c0f;
    for (unsigned plane = 0; plane < 4; plane++) {
        rig_set(g, 0x3ce, 4, plane);
        assert_int_equal(rig_peek(g, 0xa0000), 0xf0aa3c0f >> (8 * plane) & 0xff);
    }
    rig_set(g, 0x3ce, 5, 8);
    rig_set(g, 0x3ce, 7, 0x0f);
    for (unsigned colour = 0; colour < 16; colour++) {
        unsigned want = 0;
        for (unsigned bit = 0; bit < 8; bit++) {
            unsigned pixel =
                (0x0fu >> bit & 1) | (0x3cu >> bit & 1) << 1 | (0xaau >> bit & 1) << 2 | (0xf0u >> bit & 1) << 3;
            want |= (unsigned)(pixel == colour) << bit;
        }
        rig_set(g, 0x3ce, 2, colour);
        assert_int_equal(rig_peek(g, 0xa0000), want);
    }
    rig_set(g, 0x3ce, 7, 0);
    assert_int_equal(rig_peek(g, 0xa0000), 0xff); /* no plane cares */
}

static void window_moves_and_closes(void **state)
{
    struct vga_rig *g = *state;
    rig_mode(g, 3);
    rig_poke(g, 0xb8000, 'A');
    rig_poke(g, 0xb8001, 0x1e);
    assert_int_equal(rig_peek(g, 0xb8000), 'A');
    assert_int_equal(rig_peek(g, 0xb8001), 0x1e);
    assert_int_equal(rig_peek(g, 0xa0000), 0xff);
    assert_int_equal(rig_peek(g, 0xb0000), 0xff);
    rig_set(g, 0x3ce, 6, 0x0a); /* monochrome's place */
    assert_int_equal(rig_peek(g, 0xb0000), 'A');
    assert_int_equal(rig_peek(g, 0xb8000), 0xff);
    rig_out(g, 0x3c2, 0x65); /* RAM off */
    assert_int_equal(rig_peek(g, 0xb0000), 0xff);
}

/* Glyph `ch` gets the rows ch, ch+1, ...: no two are the same. */
static void load_font(struct vga_rig *g, uint32_t base)
{
    rig_set(g, 0x3c4, 2, 4);
    rig_set(g, 0x3c4, 4, 6);
    rig_set(g, 0x3ce, 5, 0);
    rig_set(g, 0x3ce, 6, 4);
    for (unsigned ch = 0; ch < 256; ch++)
        for (unsigned row = 0; row < 16; row++)
            rig_poke(g, 0xa0000 + base + ch * 32 + row, (ch + row * 37 + base / 64) & 0xff);
    rig_set(g, 0x3c4, 2, 3);
    rig_set(g, 0x3c4, 4, 2);
    rig_set(g, 0x3ce, 5, 0x10);
    rig_set(g, 0x3ce, 6, 0x0e);
}

static void sixteen_colours(struct vga_rig *g)
{
    for (unsigned i = 0; i < 16; i++)
        rig_colour(g, i, i * 4, i & 1 ? 63 : 0, 63 - i * 4);
}

static uint32_t sixteenth(unsigned i)
{
    unsigned r = i * 4, b = 63 - i * 4;
    return (r << 2 | r >> 4) << 16 | (i & 1 ? 0xff00u : 0) | (b << 2 | b >> 4);
}

static void expect_cell(struct vga_rig *g, int column, int line, unsigned ch, unsigned fore, unsigned back,
                        uint32_t font, unsigned dots)
{
    for (int row = 0; row < 16; row++) {
        unsigned bits = (ch + (unsigned)row * 37 + font / 64) & 0xff;
        for (unsigned x = 0; x < dots; x++) {
            bool lit = x < 8 ? bits >> (7 - x) & 1 : (ch & 0xe0) == 0xc0 && (bits & 1);
            assert_int_equal(rig_pixel(g, column * (int)dots + (int)x, line * 16 + row), sixteenth(lit ? fore : back));
        }
    }
}

static void text_against_the_font(void **state)
{
    struct vga_rig *g = *state;
    rig_mode(g, 3);
    sixteen_colours(g);
    load_font(g, 0);
    rig_set(g, 0x3d4, 0x0a, 0x20); /* no cursor */
    for (unsigned i = 0; i < 256; i++) {
        rig_poke(g, 0xb8000 + 2 * i, i);
        rig_poke(g, 0xb8001 + 2 * i, 0x17);
    }
    expect_size(g, 720, 400);
    for (unsigned i = 0; i < 256; i++)
        expect_cell(g, (int)(i % 80), (int)(i / 80), i, 7, 1, 0, 9);
    rig_set(g, 0x3c4, 1, 1);
    expect_size(g, 640, 400);
    expect_cell(g, 79, 0, 79, 7, 1, 0, 8);
    rig_set(g, 0x3d4, 0x0d, 80); /* scrolled by a line */
    rig_refresh(g);
    expect_cell(g, 0, 0, 80, 7, 1, 0, 8);
}

static void text_takes_two_fonts(void **state)
{
    struct vga_rig *g = *state;
    rig_mode(g, 3);
    sixteen_colours(g);
    load_font(g, 0);
    load_font(g, 0x4000);
    rig_set(g, 0x3c4, 1, 1);
    rig_set(g, 0x3c4, 3, 0x04); /* map A (attribute bit 3) is the second font */
    rig_set(g, 0x3d4, 0x0a, 0x20);
    rig_poke(g, 0xb8000, 'x');
    rig_poke(g, 0xb8001, 0x2f);
    rig_poke(g, 0xb8002, 'y');
    rig_poke(g, 0xb8003, 0x27);
    rig_refresh(g);
    expect_cell(g, 0, 0, 'x', 15, 2, 0x4000, 8);
    expect_cell(g, 1, 0, 'y', 7, 2, 0, 8);
}

static void text_cursor_and_split(void **state)
{
    struct vga_rig *g = *state;
    rig_mode(g, 3);
    sixteen_colours(g);
    rig_set(g, 0x3c4, 1, 1);
    for (unsigned i = 0; i < 4000; i += 2)
        rig_poke(g, 0xb8001 + i, 0x07);
    rig_set(g, 0x3d4, 0x0f, 81); /* column 1 of line 1, scan lines 13 and 14 */
    rig_refresh(g);
    assert_int_equal(rig_pixel(g, 8, 16 + 12), sixteenth(0));
    assert_int_equal(rig_pixel(g, 8, 16 + 13), sixteenth(7));
    assert_int_equal(rig_pixel(g, 15, 16 + 14), sixteenth(7));
    assert_int_equal(rig_pixel(g, 16, 16 + 14), sixteenth(0));
    rig_set(g, 0x3d4, 0x0f, 82); /* moves: both cells are drawn anew */
    rig_refresh(g);
    assert_int_equal(rig_pixel(g, 8, 16 + 13), sixteenth(0));
    assert_int_equal(rig_pixel(g, 16, 16 + 13), sixteenth(7));
    rig_poke(g, 0xb8000 + 1, 0x40);
    rig_set(g, 0x3d4, 0x18, 199); /* from line 200 on: address 0 */
    rig_set(g, 0x3d4, 0x07, 0x0f);
    rig_set(g, 0x3d4, 0x09, 0x0f);
    rig_set(g, 0x3d4, 0x0d, 160);
    rig_refresh(g);
    assert_int_equal(rig_pixel(g, 0, 0), sixteenth(0));
    assert_int_equal(rig_pixel(g, 0, 199), sixteenth(0));
    assert_int_equal(rig_pixel(g, 0, 200), sixteenth(4));
}

static void planar_pixels_and_panning(void **state)
{
    struct vga_rig *g = *state;
    rig_mode(g, 0x12);
    sixteen_colours(g);
    expect_size(g, 640, 480);
    for (unsigned colour = 0; colour < 16; colour++) {
        rig_set(g, 0x3c4, 2, 15);
        rig_poke(g, 0xa0000 + 80 * 10 + colour, 0);
        rig_set(g, 0x3c4, 2, colour);
        rig_poke(g, 0xa0000 + 80 * 10 + colour, 0x42);
    }
    rig_refresh(g);
    for (int colour = 0; colour < 16; colour++)
        for (int x = 0; x < 8; x++)
            assert_int_equal(rig_pixel(g, colour * 8 + x, 10), sixteenth(x == 1 || x == 6 ? (unsigned)colour : 0));
    rig_attr(g, 0x13, 3);
    rig_refresh(g);
    assert_int_equal(rig_pixel(g, 3, 10), sixteenth(0));
    assert_int_equal(rig_pixel(g, 8 + 6 - 3, 10), sixteenth(1));
    rig_attr(g, 0x12, 0x07); /* plane 3 is not shown */
    rig_refresh(g);
    assert_int_equal(rig_pixel(g, 15 * 8 + 6 - 3, 10), sixteenth(7));
}

static void mode_13h_and_its_palette(void **state)
{
    struct vga_rig *g = *state;
    rig_mode(g, 0x13);
    rig_colour(g, 9, 63, 0, 0);
    rig_colour(g, 10, 0, 63, 0);
    expect_size(g, 640, 400);
    rig_poke(g, 0xa0000 + 320 * 5 + 7, 9);
    rig_refresh(g);
    assert_int_equal(rig_pixel(g, 14, 10), RED);
    assert_int_equal(rig_pixel(g, 15, 11), RED);
    assert_int_equal(rig_pixel(g, 16, 10), 0);
    assert_int_equal(rig_pixel(g, 14, 12), 0);
    assert_int_equal(rig_peek(g, 0xa0000 + 320 * 5 + 7), 9);
    rig_colour(g, 9, 0, 0, 63);
    rig_refresh(g);
    assert_int_equal(rig_pixel(g, 14, 10), BLUE);
    rig_out(g, 0x3c6, 0xfe); /* the mask makes it colour 8, black */
    rig_refresh(g);
    assert_int_equal(rig_pixel(g, 14, 10), 0);
}

static void mode_x_is_unchained(void **state)
{
    struct vga_rig *g = *state;
    rig_mode(g, 0x100);
    rig_colour(g, 200, 0, 63, 0);
    expect_size(g, 640, 480);
    rig_set(g, 0x3c4, 2, 1 << 2); /* pixel 4n+2 */
    rig_poke(g, 0xa0000 + 80 * 100 + 3, 200);
    rig_refresh(g);
    assert_int_equal(rig_pixel(g, 2 * 14, 200), GREEN);
    assert_int_equal(rig_pixel(g, 2 * 14 + 1, 201), GREEN);
    assert_int_equal(rig_pixel(g, 2 * 13, 200), 0);
    assert_int_equal(rig_pixel(g, 2 * 14, 202), 0);
    rig_set(g, 0x3d4, 0x0c, (80 * 100) >> 8); /* pages flip by the start address */
    rig_set(g, 0x3d4, 0x0d, (80 * 100) & 0xff);
    rig_refresh(g);
    assert_int_equal(rig_pixel(g, 2 * 14, 0), GREEN);
}

static void cga_rows_are_interleaved(void **state)
{
    struct vga_rig *g = *state;
    rig_mode(g, 4);
    sixteen_colours(g);
    expect_size(g, 640, 400);
    rig_poke(g, 0xb8000, 0x1b);              /* pixels 0 1 2 3 of row 0 */
    rig_poke(g, 0xb8000 + 0x2000 + 1, 0x80); /* pixel 4 of row 1: colour 2 */
    rig_poke(g, 0xb8000 + 80, 0xc0);         /* row 2 */
    rig_refresh(g);
    for (int i = 0; i < 4; i++)
        assert_int_equal(rig_pixel(g, 2 * i, 0), sixteenth((unsigned)i));
    assert_int_equal(rig_pixel(g, 8, 2), sixteenth(2));
    assert_int_equal(rig_pixel(g, 0, 4), sixteenth(3));
    assert_int_equal(rig_pixel(g, 0, 2), sixteenth(0));
}

static void screen_off_is_black(void **state)
{
    struct vga_rig *g = *state;
    rig_mode(g, 0x13);
    rig_colour(g, 1, 63, 63, 63);
    rig_poke(g, 0xa0000, 1);
    rig_refresh(g);
    assert_int_equal(rig_pixel(g, 0, 0), 0xffffff);
    rig_in(g, 0x3da);
    rig_out(g, 0x3c0, 0); /* palette access: the screen is blank */
    rig_refresh(g);
    assert_int_equal(rig_pixel(g, 0, 0), 0);
    rig_in(g, 0x3da);
    rig_out(g, 0x3c0, 0x20);
    rig_refresh(g);
    assert_int_equal(rig_pixel(g, 0, 0), 0xffffff);
}

struct counted {
    int rectangles, pixels;
};

static void count_damage(void *opaque, struct display_rect r)
{
    struct counted *c = opaque;
    c->rectangles++;
    c->pixels += r.width * r.height;
}

static void only_changes_are_reported(void **state)
{
    struct vga_rig *g = *state;
    struct counted c = {0};
    rig_mode(g, 0x13);
    rig_colour(g, 9, 63, 0, 0);
    rig_refresh(g);
    int viewer = display_add_viewer(g->display, &(struct display_viewer){.damaged = count_damage, .opaque = &c});
    rig_refresh(g);
    assert_int_equal(c.rectangles, 0);
    rig_poke(g, 0xa0000 + 320 * 5 + 7, 9);
    rig_refresh(g);
    assert_int_equal(c.rectangles, 1);
    assert_int_equal(c.pixels, 4);
    rig_poke(g, 0xa0000 + 320 * 5 + 7, 9); /* the same again */
    rig_refresh(g);
    assert_int_equal(c.rectangles, 1);
    display_refresh(g->display, true);
    assert_true(c.pixels >= 640 * 400);
    display_remove_viewer(g->display, viewer);
}

int main(void)
{
#define BOTH(f)                                                                                       \
    cmocka_unit_test_setup_teardown(f, setup, teardown),                                              \
    {                                                                                                 \
        .name = #f " (cirrus)", .test_func = f, .setup_func = setup_cirrus, .teardown_func = teardown \
    }
    const struct CMUnitTest tests[] = {
        BOTH(before_the_bios),
        BOTH(registers_hold_their_bits),
        BOTH(timing_can_be_protected),
        BOTH(attribute_flip_flop),
        BOTH(dac_reads_what_was_written),
        BOTH(retrace_comes_and_goes),
        BOTH(write_modes),
        BOTH(read_modes),
        BOTH(window_moves_and_closes),
        BOTH(text_against_the_font),
        BOTH(text_takes_two_fonts),
        BOTH(text_cursor_and_split),
        BOTH(planar_pixels_and_panning),
        BOTH(mode_13h_and_its_palette),
        BOTH(mode_x_is_unchained),
        BOTH(cga_rows_are_interleaved),
        BOTH(screen_off_is_black),
        BOTH(only_changes_are_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
