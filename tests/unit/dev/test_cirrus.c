/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_cirrus.c: the GD5446's extended registers, packed modes, banks, cursor, and the blitter against a plain model.
 */
#include "vga_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define SEQ  0x3c4
#define GR   0x3ce
#define CRTC 0x3d4

static int setup(void **state)
{
    struct vga_rig *g = calloc(1, sizeof *g);
    rig_init(g, VGA_MODEL_CIRRUS);
    rig_mode(g, 3);
    rig_set(g, SEQ, 6, 0x12);
    *state = g;
    return 0;
}

static int teardown(void **state)
{
    rig_fini(*state);
    free(*state);
    return 0;
}

static void hidden_dac(struct vga_rig *g, unsigned value)
{
    rig_in(g, 0x3c8);
    for (int i = 0; i < 4; i++)
        rig_in(g, 0x3c6);
    rig_out(g, 0x3c6, value);
}

/* A packed mode as drivers set it; pitch in bytes. */
static void packed_mode(struct vga_rig *g, unsigned width, unsigned height, unsigned sr7, unsigned hdr, unsigned pitch)
{
    rig_mode(g, 0x13);
    rig_set(g, SEQ, 7, sr7);
    hidden_dac(g, hdr);
    rig_set(g, CRTC, 0x11, 0);
    rig_set(g, CRTC, 1, width / 8 - 1);
    rig_set(g, CRTC, 0x12, (height - 1) & 0xff);
    rig_set(g, CRTC, 7, ((height - 1) >> 8 & 1) << 1 | ((height - 1) >> 9 & 1) << 6 | 0x10);
    rig_set(g, CRTC, 9, 0x40);
    rig_set(g, CRTC, 0x18, 0xff);
    rig_set(g, CRTC, 0x13, pitch / 8 & 0xff);
    rig_set(g, CRTC, 0x1b, 0x22 | (pitch / 8 & 0x100) >> 4);
}

static void expect_size(struct vga_rig *g, int width, int height)
{
    int w, h, stride;
    rig_refresh(g);
    display_pixels(g->display, &w, &h, &stride);
    assert_int_equal(w, width);
    assert_int_equal(h, height);
}

static void put(struct vga_rig *g, size_t at, uint32_t value, unsigned bytes)
{
    memcpy(g->vram + at, &value, bytes);
    display_refresh(g->display, true);
}

static void key_and_identity(void **state)
{
    struct vga_rig *g = *state;
    assert_int_equal(rig_get(g, SEQ, 6), 0x12);
    rig_set(g, SEQ, 6, 0);
    assert_int_equal(rig_get(g, SEQ, 6), 0x0f);
    assert_int_equal(rig_get(g, CRTC, 0x27), 0xb8);
    assert_int_equal(rig_get(g, SEQ, 0x0f) & 0x98, 0x98); /* 4 MiB, the most a BIOS can be told */
    assert_int_equal(rig_get(g, SEQ, 0x17) & 0x38, 0x20); /* PCI */
    rig_set(g, GR, 0, 0xa5);                              /* eight bits here, for the blitter */
    assert_int_equal(rig_get(g, GR, 0), 0xa5);
}

static void hidden_dac_behind_the_mask(void **state)
{
    struct vga_rig *g = *state;
    hidden_dac(g, 0xc5);
    assert_int_equal(rig_in(g, 0x3c6), 0xff); /* the mask again */
    for (int i = 0; i < 3; i++)
        rig_in(g, 0x3c6);
    assert_int_equal(rig_in(g, 0x3c6), 0xc5);
    for (int i = 0; i < 4; i++)
        rig_in(g, 0x3c6);
    rig_in(g, 0x3c8); /* any other port starts the count anew */
    assert_int_equal(rig_in(g, 0x3c6), 0xff);
}

static void packed_depths(void **state)
{
    struct vga_rig *g = *state;
    static const struct {
        unsigned sr7, hdr, bytes;
        uint32_t value, pixel;
    } cases[] = {
        {0xf1, 0x00, 1, 77, 0x0055ff},       {0xf7, 0xf0, 2, 0x7c1f, 0xff00ff},   {0xf7, 0xc1, 2, 0xf81f, 0xff00ff},
        {0xf5, 0xc5, 3, 0x123456, 0x123456}, {0xf9, 0xc5, 4, 0x123456, 0x123456},
    };
    rig_colour(g, 77, 0, 21, 63);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        unsigned pitch = 800 * cases[i].bytes;
        packed_mode(g, 800, 600, cases[i].sr7, cases[i].hdr, pitch);
        expect_size(g, 800, 600);
        put(g, pitch * 20 + 10 * cases[i].bytes, cases[i].value, cases[i].bytes);
        assert_int_equal(rig_pixel(g, 10, 20), cases[i].pixel);
        put(g, pitch * 20 + 10 * cases[i].bytes, 0, cases[i].bytes);
    }
}

static void start_address_has_twenty_bits(void **state)
{
    struct vga_rig *g = *state;
    packed_mode(g, 640, 480, 0xf9, 0xc5, 2560);
    put(g, 0x3ffff * 4 + 4, 0x445566, 4);
    rig_set(g, CRTC, 0x0c, 0xff);
    rig_set(g, CRTC, 0x0d, 0xff);
    rig_set(g, CRTC, 0x1b, 0x22 | 0x05 | 0x10);
    rig_set(g, CRTC, 0x13, (2560 / 8) & 0xff);
    rig_refresh(g);
    assert_int_equal(rig_pixel(g, 0, 0), 0); /* 0x3ffff is bits 16 and 17 as well */
    assert_int_equal(rig_pixel(g, 1, 0), 0x445566);
}

static void banks(void **state)
{
    struct vga_rig *g = *state;
    packed_mode(g, 640, 480, 0xf1, 0, 640);
    rig_set(g, GR, 9, 3); /* in 4 KiB */
    rig_poke(g, 0xa0010, 0x11);
    assert_int_equal(g->vram[0x3010], 0x11);
    rig_poke(g, 0xa9010, 0x12);
    assert_int_equal(g->vram[0xc010], 0x12);
    rig_set(g, GR, 0x0b, 0x21); /* two banks, in 16 KiB */
    rig_set(g, GR, 0x0a, 7);
    rig_poke(g, 0xa0010, 0x13);
    assert_int_equal(g->vram[0xc010], 0x13);
    rig_poke(g, 0xa8010, 0x14);
    assert_int_equal(g->vram[0x1c010], 0x14);
    assert_int_equal(rig_peek(g, 0xa8010), 0x14);
}

static void write_mode_five_expands(void **state)
{
    struct vga_rig *g = *state;
    packed_mode(g, 640, 480, 0xf1, 0, 640);
    rig_set(g, GR, 0, 0x21);
    rig_set(g, GR, 1, 0x43);
    rig_set(g, GR, 0x0b, 0x06);
    rig_set(g, GR, 5, 5);
    rig_poke(g, 0xa0002, 0xa1);
    static const uint8_t want[8] = {0x43, 0x21, 0x43, 0x21, 0x21, 0x21, 0x21, 0x43};
    assert_memory_equal(g->vram + 16, want, 8);
    rig_set(g, GR, 5, 4); /* only the ones */
    rig_set(g, GR, 1, 0x65);
    rig_poke(g, 0xa0002, 0x40);
    assert_int_equal(g->vram[16], 0x43);
    assert_int_equal(g->vram[17], 0x65);
}

static void cursor_over_the_picture(void **state)
{
    struct vga_rig *g = *state;
    packed_mode(g, 640, 480, 0xf9, 0xc5, 2560);
    for (size_t i = 0; i < 640 * 480; i++)
        memcpy(g->vram + 4 * i, &(uint32_t){0x102030}, 4);
    uint8_t *pattern = g->vram + g->vram_bytes - 0x4000 + 2 * 256;
    memset(pattern, 0, 256);
    pattern[0] = 0x50;   /* plane 0: pixels 1, 3 */
    pattern[128] = 0x30; /* plane 1: pixels 2, 3 */
    rig_set(g, SEQ, 0x12, 2);
    rig_colour(g, 0, 63, 0, 0);
    rig_colour(g, 15, 0, 63, 0);
    rig_set(g, SEQ, 0x12, 1);
    rig_set(g, SEQ, 0x13, 2);
    rig_set(g, SEQ, 0x10 | 4 << 5, 100 >> 3); /* x = 100: the low bits go with the index */
    rig_set(g, SEQ, 0x11 | 2 << 5, 50 >> 3);
    rig_refresh(g);
    assert_int_equal(rig_pixel(g, 100, 50), 0x102030);
    assert_int_equal(rig_pixel(g, 101, 50), 0x102030 ^ 0xffffff);
    assert_int_equal(rig_pixel(g, 102, 50), 0xff0000);
    assert_int_equal(rig_pixel(g, 103, 50), 0x00ff00);
    rig_set(g, SEQ, 0x10, 200 >> 3);
    rig_refresh(g);
    assert_int_equal(rig_pixel(g, 103, 50), 0x102030);
    assert_int_equal(rig_pixel(g, 203, 50), 0x00ff00);
    rig_set(g, SEQ, 0x12, 0);
    rig_refresh(g);
    assert_int_equal(rig_pixel(g, 203, 50), 0x102030);
}

/* --- the blitter, against a model that goes pixel by pixel --- */

struct blt {
    unsigned mode, ext, rop, depth, width, height; /* width in pixels */
    unsigned dst, src, dst_pitch, src_pitch, fore, back, key, skip;
    const uint8_t *data; /* what the CPU writes */
};

static const struct {
    unsigned code;
    uint8_t table; /* bit (s << 1 | d) is the result */
} rops[] = {{0x00, 0x0}, {0x05, 0x8}, {0x06, 0xa}, {0x09, 0x4}, {0x0b, 0x5}, {0x0d, 0xc}, {0x0e, 0xf}, {0x50, 0x2},
            {0x59, 0x6}, {0x6d, 0xe}, {0x90, 0x1}, {0x95, 0x9}, {0xad, 0xd}, {0xd0, 0x3}, {0xd6, 0xb}, {0xda, 0x7}};

static uint32_t model_rop(unsigned rop, uint32_t s, uint32_t d)
{
    uint32_t r = 0;
    uint8_t table = 0;
    for (size_t i = 0; i < ARRAY_SIZE(rops); i++)
        if (rops[i].code == rop)
            table = rops[i].table;
    for (unsigned bit = 0; bit < 32; bit++)
        r |= (uint32_t)(table >> ((s >> bit & 1) << 1 | (d >> bit & 1)) & 1) << bit;
    return r;
}

static uint32_t get(const uint8_t *p, unsigned bytes)
{
    uint32_t v = 0;
    memcpy(&v, p, bytes);
    return v;
}

static void model_pixel(uint8_t *vram, const struct blt *b, unsigned at, uint32_t source)
{
    uint32_t mask = b->depth == 4 ? ~0u : (1u << (8 * b->depth)) - 1;
    uint32_t result = model_rop(b->rop, source, get(vram + at, b->depth)) & mask;
    if ((b->mode & 0x88) == 0x08 && b->depth <= 2 && result == (b->key & mask))
        return;
    memcpy(vram + at, &result, b->depth);
}

/* copy is the memory before: what the source is. */
static void model(uint8_t *vram, const uint8_t *copy, const struct blt *b)
{
    unsigned line_bytes = b->ext & 1 ? (b->width + 31) / 32 * 4 : (b->width + 7) / 8;
    const uint8_t *source = b->data ? b->data : copy + b->src;
    unsigned pattern_row = b->depth == 3 ? 32 : 8 * b->depth;

    for (unsigned y = 0; y < b->height; y++) {
        for (unsigned x = b->skip; x < b->width; x++) {
            unsigned at = b->dst + y * b->dst_pitch + x * b->depth;
            unsigned row = ((b->src & 7) + y) & 7;
            bool invert = b->ext & 2, bit;
            if ((b->mode & 0xc0) == 0xc0 && (b->ext & 4)) {
                model_pixel(vram, b, at, b->fore);
                continue;
            }
            if (b->mode & 0x80) {
                const uint8_t *bits =
                    b->mode & 0x40 ? (b->data ? b->data : copy + (b->src & ~7u)) + row : source + y * line_bytes;
                bit = bits[b->mode & 0x40 ? 0 : x / 8] >> (7 - x % 8) & 1;
                if (!(b->mode & 8))
                    model_pixel(vram, b, at, bit ? b->fore : b->back);
                else if (bit != invert)
                    model_pixel(vram, b, at, invert ? b->back : b->fore);
            } else if (b->mode & 0x40) {
                const uint8_t *p = b->data ? b->data : copy + (b->src & ~(8 * pattern_row - 1));
                model_pixel(vram, b, at, get(p + row * pattern_row + x % 8 * b->depth, b->depth));
            } else if (b->data) {
                model_pixel(vram, b, at, get(b->data + y * ((b->width * b->depth + 3) & ~3u) + x * b->depth, b->depth));
            } else {
                model_pixel(vram, b, at, get(copy + b->src + y * b->src_pitch + x * b->depth, b->depth));
            }
        }
    }
}

static void colour_out(struct vga_rig *g, unsigned first, unsigned value)
{
    for (unsigned i = 0; i < 4; i++)
        rig_set(g, GR, i ? 0x0e + 2 * i + first : first, value >> (8 * i) & 0xff);
}

static void run(struct vga_rig *g, const struct blt *b)
{
    unsigned bytes = b->width * b->depth - 1, lines = b->height - 1;
    unsigned dst = b->dst, src = b->src;

    if (b->mode & 1) { /* from the last byte backwards */
        dst += lines * b->dst_pitch + bytes;
        src += lines * b->src_pitch + bytes;
    }
    colour_out(g, 0, b->back);
    colour_out(g, 1, b->fore);
    rig_set(g, GR, 0x20, bytes & 0xff);
    rig_set(g, GR, 0x21, bytes >> 8);
    rig_set(g, GR, 0x22, lines & 0xff);
    rig_set(g, GR, 0x23, lines >> 8);
    rig_set(g, GR, 0x24, b->dst_pitch & 0xff);
    rig_set(g, GR, 0x25, b->dst_pitch >> 8);
    rig_set(g, GR, 0x26, b->src_pitch & 0xff);
    rig_set(g, GR, 0x27, b->src_pitch >> 8);
    for (unsigned i = 0; i < 3; i++) {
        rig_set(g, GR, 0x28 + i, dst >> (8 * i) & 0xff);
        rig_set(g, GR, 0x2c + i, src >> (8 * i) & 0xff);
    }
    rig_set(g, GR, 0x2f, b->depth == 3 ? b->skip * 3 : b->skip);
    rig_set(g, GR, 0x30, b->mode | (b->depth - 1) << 4);
    rig_set(g, GR, 0x32, b->rop);
    rig_set(g, GR, 0x33, b->ext);
    rig_set(g, GR, 0x34, b->key & 0xff);
    rig_set(g, GR, 0x35, b->key >> 8 & 0xff);
    rig_set(g, GR, 0x31, 2);
}

static unsigned random_below(unsigned *seed, unsigned n)
{
    *seed = *seed * 1103515245 + 12345;
    return (*seed >> 8) % n;
}

static struct blt random_blt(unsigned *seed)
{
    static const unsigned modes[] = {0x00, 0x01, 0x08, 0x40, 0x80, 0x88, 0xc0, 0xc8, 0x04, 0x84, 0x8c, 0x44, 0xc4};
    static const unsigned exts[] = {0, 1, 2, 4, 0, 0};
    struct blt b = {.mode = modes[random_below(seed, ARRAY_SIZE(modes))],
                    .ext = exts[random_below(seed, ARRAY_SIZE(exts))],
                    .rop = rops[random_below(seed, ARRAY_SIZE(rops))].code,
                    .depth = 1 + random_below(seed, 4),
                    .width = 1 + random_below(seed, 100),
                    .height = 1 + random_below(seed, 20),
                    .dst_pitch = 400 + random_below(seed, 100),
                    .src_pitch = 400 + random_below(seed, 100),
                    .fore = random_below(seed, 0xffffff) * 255u,
                    .back = random_below(seed, 0xffffff) * 257u,
                    .key = random_below(seed, 3)};
    b.dst = 0x20000 + random_below(seed, 1000);
    b.src = 0x40000 + random_below(seed, 1000);
    if (b.mode & 0xc0 && !(b.mode & 1))
        b.skip = random_below(seed, 2) ? random_below(seed, b.width < 8 ? b.width : 8) : 0;
    if (!(b.mode & 0x80))
        b.ext = 0;
    if (!(b.mode & 0x08))
        b.ext &= ~2u;
    if (b.mode & 1) {
        b.src_pitch = b.dst_pitch;
        b.src = b.dst - random_below(seed, 200); /* overlapping */
    }
    return b;
}

static void cpu_data(struct vga_rig *g, const struct blt *b, uint8_t *data, unsigned *seed)
{
    unsigned pixels_row = b->ext & 1 ? (b->width + 31) / 32 * 4 : (b->width + 7) / 8;
    unsigned n = b->mode & 0x40 ? (b->mode & 0x80 ? 8 : 64 * (b->depth == 3 ? 4 : b->depth))
                                : b->height * (b->mode & 0x80 ? pixels_row : (b->width * b->depth + 3) & ~3u);
    for (unsigned i = 0; i < n; i++)
        data[i] = (uint8_t)random_below(seed, 256);
    for (unsigned i = 0; i < n; i++) {
        if (i + 1 == n)
            assert_int_equal(rig_get(g, GR, 0x31) & 1, 1); /* busy until the last byte */
        if (i & 1)
            rig_poke(g, 0xa0000 + i % 65536, data[i]);
        else
            rig_bar_write(g, 0, 0x1000000 + i % 4096, 1, data[i]);
    }
}

static void blitter_against_the_model(void **state)
{
    struct vga_rig *g = *state;
    unsigned seed = 20261122;
    static uint8_t data[65536];
    uint8_t *copy = malloc(g->vram_bytes), *want = malloc(g->vram_bytes);

    packed_mode(g, 640, 480, 0xf1, 0, 640);
    for (unsigned i = 0; i < 0x80000; i++)
        g->vram[i] = (uint8_t)random_below(&seed, i < 0x30000 ? 4 : 256); /* so that keys are met */
    for (unsigned n = 0; n < 3000; n++) {
        struct blt b = random_blt(&seed);
        bool cpu = (b.mode & 4) && !((b.mode & 0xc0) == 0xc0 && (b.ext & 4));
        memcpy(copy, g->vram, 0x80000);
        memcpy(want, g->vram, 0x80000);
        run(g, &b);
        if (cpu) {
            b.data = data;
            cpu_data(g, &b, data, &seed);
        }
        assert_int_equal(rig_get(g, GR, 0x31) & 1, 0);
        model(want, copy, &b);
        if (memcmp(g->vram, want, 0x80000))
            fail_msg("blit %u: mode %02x ext %x rop %02x depth %u %ux%u skip %u", n, b.mode, b.ext, b.rop, b.depth,
                     b.width, b.height, b.skip);
    }
    free(copy);
    free(want);
}

/* The bytes of a rectangle of video RAM, read in all the ways there are; each line ends at four bytes. */
static void the_cpu_reads_a_rectangle(void **state)
{
    struct vga_rig *g = *state;
    unsigned seed = 5, sizes[] = {1, 2, 4, 8};

    packed_mode(g, 640, 480, 0xf1, 0, 640);
    for (unsigned i = 0; i < 0x80000; i++)
        g->vram[i] = (uint8_t)random_below(&seed, 256);
    for (unsigned n = 0; n < 400; n++) {
        struct blt b = {.mode = 2 | (n & 1) << 3, .rop = rops[random_below(&seed, ARRAY_SIZE(rops))].code};
        b.depth = 1 + random_below(&seed, 4);
        b.width = 1 + random_below(&seed, 100);
        b.height = 1 + random_below(&seed, 20);
        b.src = 0x10000 + random_below(&seed, 1000);
        b.src_pitch = 400 + random_below(&seed, 100);
        b.dst = 0x20000;
        b.dst_pitch = 640;
        unsigned bytes = b.width * b.depth, padded = (bytes + 3) & ~3u, size = 1;
        run(g, &b);
        assert_null(g->pci->bar[0].host); /* not by the frame buffer's pages */
        for (unsigned i = 0; i < padded * b.height; i += size) {
            uint64_t want = 0, got;
            size = sizes[random_below(&seed, 4)];
            size = i % size || i % padded + size > padded ? 1 : size;
            for (unsigned k = 0; k < size; k++)
                if ((i + k) % padded < bytes)
                    want |= (uint64_t)g->vram[b.src + i / padded * b.src_pitch + i % padded + k] << 8 * k;
            assert_int_equal(rig_get(g, GR, 0x31) & 1, 1); /* busy until the last byte */
            got = size == 1 && (i & 1) ? rig_peek(g, 0xa0000 + i) : rig_bar_read(g, 0, i & 4 ? i : 0x1000000 + i, size);
            if (got != want)
                fail_msg("blit %u, byte %u: %llx, not %llx", n, i, (unsigned long long)got, (unsigned long long)want);
        }
        assert_int_equal(rig_get(g, GR, 0x31) & 1, 0);
        assert_non_null(g->pci->bar[0].host);
        assert_int_equal(rig_bar_read(g, 0, 0x123, 1), g->vram[0x123]); /* memory again */
    }
}

static void what_cannot_be_read_ends_at_once(void **state)
{
    struct vga_rig *g = *state;
    static const unsigned modes[] = {0x06, 0x42, 0x82, 0xc2};

    packed_mode(g, 640, 480, 0xf1, 0, 640);
    for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
        struct blt b = {.mode = modes[i], .rop = 0x0d, .depth = 1, .width = 8, .height = 2, .dst_pitch = 64};
        g->vram[5] = 0x77;
        run(g, &b);
        assert_int_equal(rig_get(g, GR, 0x31) & 1, 0);
        assert_int_equal(rig_bar_read(g, 0, 5, 1), 0x77);
    }
}

/* Writes are not the blit's while it is read; a reset ends it; so does another width, at the line's end. */
static void a_read_blit_is_left(void **state)
{
    struct vga_rig *g = *state;
    struct blt b = {.mode = 2, .rop = 0x0d, .depth = 1, .width = 8, .height = 3, .src = 0x100, .src_pitch = 64};

    packed_mode(g, 640, 480, 0xf1, 0, 640);
    run(g, &b);
    rig_bar_write(g, 0, 0x900, 1, 0x5a);
    assert_int_equal(g->vram[0x900], 0x5a);
    rig_set(g, GR, 0x31, 4);
    rig_set(g, GR, 0x31, 0);
    assert_int_equal(rig_get(g, GR, 0x31) & 1, 0);
    assert_int_equal(rig_bar_read(g, 0, 0x900, 1), 0x5a);
    run(g, &b);
    rig_set(g, GR, 0x20, 99);
    for (unsigned i = 0; i < 8; i++) {
        assert_int_equal(rig_get(g, GR, 0x31) & 1, 1);
        rig_bar_read(g, 0, 0x1000000, 1);
    }
    assert_int_equal(rig_get(g, GR, 0x31) & 1, 0);
}

static void registers_in_memory(void **state)
{
    struct vga_rig *g = *state;
    packed_mode(g, 640, 480, 0xf1, 0, 640);
    rig_bar_write(g, 1, 0x100 + 0x08, 4, 2 << 16 | 9); /* 10 bytes, 3 lines */
    rig_bar_write(g, 1, 0x100 + 0x0c, 2, 640);
    rig_bar_write(g, 1, 0x100 + 0x10, 4, 0x500);
    rig_bar_write(g, 1, 0x100 + 0x04, 1, 0x77);
    rig_bar_write(g, 1, 0x100 + 0x18, 4, 0xc0 | 0x0d << 16 | 4u << 24);
    rig_bar_write(g, 1, 0x100 + 0x40, 1, 2);
    assert_int_equal(g->vram[0x500], 0x77);
    assert_int_equal(g->vram[0x509], 0x77);
    assert_int_equal(g->vram[0x50a], 0);
    assert_int_equal(g->vram[0x500 + 1280], 0x77);
    assert_int_equal(g->vram[0x500 + 1920], 0);
    rig_set(g, SEQ, 0x17, 4); /* the same registers at 0xB8000 */
    rig_poke(g, 0xb8008, 33);
    assert_int_equal(rig_get(g, GR, 0x20), 33);
    assert_int_equal(rig_bar_read(g, 1, 0x108, 1), 33);
    assert_int_equal(rig_bar_read(g, 1, 0x0c, 1), rig_in(g, 0x3cc));
}

static void half_a_read_blit_moves_to_another_chip(void **state)
{
    struct vga_rig *g = *state, other;
    struct blt b = {.mode = 2, .rop = 0x0d, .depth = 1, .width = 8, .height = 2, .src = 0x100, .src_pitch = 64};

    packed_mode(g, 640, 480, 0xf1, 0, 640);
    for (unsigned i = 0; i < 8; i++) {
        g->vram[0x100 + i] = (uint8_t)(0x10 + i);
        g->vram[0x140 + i] = (uint8_t)(0x20 + i);
    }
    run(g, &b);
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(rig_bar_read(g, 0, 0x1000000, 1), 0x10 + i);
    rig_init(&other, VGA_MODEL_CIRRUS);
    assert_int_equal(g->dev->ops->check(g->dev->state), 0);
    memcpy(other.dev->state, g->dev->state, g->dev->ops->state_size);
    memcpy(other.vram, g->vram, g->vram_bytes);
    other.dev->ops->loaded(other.dev);
    assert_null(other.pci->bar[0].host);
    for (unsigned i = 5; i < 16; i++)
        assert_int_equal(rig_bar_read(&other, 0, 0x40, 1), i < 8 ? 0x10 + i : 0x18 + i);
    assert_non_null(other.pci->bar[0].host);
    rig_fini(&other);
}

static void half_a_blit_moves_to_another_chip(void **state)
{
    struct vga_rig *g = *state, other;
    struct blt b = {.mode = 4, .rop = 0x0d, .depth = 1, .width = 8, .height = 2, .dst = 0x100, .dst_pitch = 64};
    packed_mode(g, 640, 480, 0xf1, 0, 640);
    run(g, &b);
    for (unsigned i = 0; i < 5; i++)
        rig_bar_write(g, 0, 0x1000000, 1, i);
    rig_init(&other, VGA_MODEL_CIRRUS);
    assert_int_equal(g->dev->ops->check(g->dev->state), 0);
    memcpy(other.dev->state, g->dev->state, g->dev->ops->state_size);
    memcpy(other.vram, g->vram, g->vram_bytes);
    other.dev->ops->loaded(other.dev);
    assert_memory_equal(other.dev->state, g->dev->state, g->dev->ops->state_size);
    assert_null(other.pci->bar[0].host); /* writes to the frame buffer are the blit's */
    for (unsigned i = 5; i < 16; i++)
        rig_bar_write(&other, 0, 0x40, 1, i);
    for (unsigned i = 0; i < 8; i++) {
        assert_int_equal(other.vram[0x100 + i], i);
        assert_int_equal(other.vram[0x140 + i], 8 + i);
    }
    assert_non_null(other.pci->bar[0].host);
    rig_fini(&other);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(key_and_identity),
        CASE(hidden_dac_behind_the_mask),
        CASE(packed_depths),
        CASE(start_address_has_twenty_bits),
        CASE(banks),
        CASE(write_mode_five_expands),
        CASE(cursor_over_the_picture),
        CASE(blitter_against_the_model),
        CASE(the_cpu_reads_a_rectangle),
        CASE(what_cannot_be_read_ends_at_once),
        CASE(a_read_blit_is_left),
        CASE(registers_in_memory),
        CASE(half_a_read_blit_moves_to_another_chip),
        CASE(half_a_blit_moves_to_another_chip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
