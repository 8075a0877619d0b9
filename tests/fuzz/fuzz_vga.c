/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz_vga.c: register, window and BAR accesses of any kind to the display chips, with redraws in between: nothing
 * outside video RAM and the surface is touched, what was saved can be checked, loaded and drawn.
 */
#include "dev/vga.h"
#include "host/display/display.h"

#include <stdlib.h>
#include <string.h>

#include "fuzz_input.h"

struct rig {
    struct display *display;
    struct pci_device *pci;
    struct device *dev;
    enum vga_model model;
};

static void rig_init(struct rig *g, enum vga_model model)
{
    char *why = NULL;

    g->model = model;
    g->display = display_create();
    struct vga_config c = {.model = model, .videoram_mib = 4, .display = g->display};
    if (!g->display || vga_create(&g->pci, &c, &why))
        abort();
    g->dev = &g->pci->dev;
}

static void rig_fini(struct rig *g)
{
    g->dev->ops->destroy(g->dev);
    display_destroy(g->display);
}

static void set(struct rig *g, unsigned port, unsigned index, unsigned value)
{
    vga_port_io.write(g->dev, port - VGA_PORTS_BASE, 2, (value & 0xff) << 8 | (index & 0xff));
}

static void bar_access(struct rig *g, unsigned n, uint64_t offset, unsigned size, uint64_t value)
{
    const struct io_ops *ops = g->pci->bar[n].ops;

    if (!ops)
        return;
    offset %= g->pci->bar[n].size;
    offset &= ~(uint64_t)(size - 1);
    if (value & 1)
        ops->read(g->dev, offset, size);
    else
        ops->write(g->dev, offset, size, value);
}

/* A blit that is small in one direction, so that many fit an input's time. */
static void blit(struct rig *g, struct fuzz_input *in)
{
    for (unsigned i = 0x20; i <= 0x39; i++)
        if (i != 0x31)
            set(g, 0x3ce, i, i == 0x23 || (i == 0x22 && in->left & 1) ? 0 : fuzz_byte(in));
    set(g, 0x3ce, 0x31, 2);
}

/* Graphics, screen on, of some size. */
static void mode(struct rig *g, struct fuzz_input *in)
{
    static const uint8_t sr7[] = {0, 1, 3, 5, 7, 9};

    set(g, 0x3d4, 0x11, 0);
    set(g, 0x3d4, 1, fuzz_byte(in) % 80);
    set(g, 0x3d4, 7, fuzz_byte(in) & 0x12);
    set(g, 0x3d4, 0x12, fuzz_byte(in));
    set(g, 0x3d4, 0x17, 0x80 | fuzz_byte(in));
    set(g, 0x3c4, 7, sr7[fuzz_byte(in) % 6]);
    set(g, 0x3c4, 1, fuzz_byte(in) & 0xdf);
    vga_port_io.read(g->dev, 0x3da - VGA_PORTS_BASE, 1);
    vga_port_io.write(g->dev, 0x3c0 - VGA_PORTS_BASE, 1, 0x20);
    if (g->model == VGA_MODEL_STD) {
        bochs_vbe_port_io.write(g->dev, 0, 2, 4);
        bochs_vbe_port_io.write(g->dev, 1, 2, 0);
        for (unsigned i = 1; i < 10; i++) {
            bochs_vbe_port_io.write(g->dev, 0, 2, i == 9 ? 4 : i);
            bochs_vbe_port_io.write(g->dev, 1, 2, i == 9 ? fuzz_byte(in) | 1u : fuzz_u32(in) & 0x3ff);
        }
    }
}

static void move_state(struct rig *g)
{
    struct rig other;
    size_t bytes;
    void *vram = vga_vram(g->pci, &bytes);

    if (g->dev->ops->check(g->dev->state))
        abort();
    rig_init(&other, g->model);
    memcpy(other.dev->state, g->dev->state, g->dev->ops->state_size);
    memcpy(vga_vram(other.pci, &bytes), vram, bytes);
    other.dev->ops->loaded(other.dev);
    display_refresh(other.display, false);
    rig_fini(g);
    *g = other;
}

/* State as an evil save file could have it: either refused, or harmless. */
static void evil_state(struct rig *g, struct fuzz_input *in)
{
    uint8_t *state = malloc(g->dev->ops->state_size);

    memcpy(state, g->dev->state, g->dev->ops->state_size);
    for (unsigned i = 0; i < 4; i++)
        state[256 + fuzz_u32(in) % (g->dev->ops->state_size - 256)] = fuzz_byte(in);
    if (g->dev->ops->check(state) == 0) {
        memcpy(g->dev->state, state, g->dev->ops->state_size);
        g->dev->ops->loaded(g->dev);
    }
    free(state);
}

static void step(struct rig *g, struct fuzz_input *in)
{
    unsigned what = fuzz_byte(in), size = 1u << (what >> 4) % 4;
    uint32_t a = fuzz_u32(in), b = fuzz_u32(in);
    static const uint16_t indexed[] = {0x3c4, 0x3ce, 0x3d4, 0x3ce};

    switch (what % 16) {
    case 0: vga_port_io.read(g->dev, a % VGA_PORTS_COUNT & ~(size - 1), size); break;
    case 1: vga_port_io.write(g->dev, a % VGA_PORTS_COUNT & ~(size - 1), size, b); break;
    case 2: vga_window_io.read(g->dev, a % VGA_WINDOW_BYTES & ~(size - 1), size); break;
    case 3: vga_window_io.write(g->dev, a % VGA_WINDOW_BYTES & ~(size - 1), size, b); break;
    case 4: bar_access(g, 0, a, size, b); break;
    case 5: bar_access(g, g->model == VGA_MODEL_STD ? 2 : 1, a % 0x520, size, b); break;
    case 6: blit(g, in); break;
    case 7: mode(g, in); break;
    case 8: display_refresh(g->display, b & 1); break;
    case 9:
        if (g->model == VGA_MODEL_STD) {
            bochs_vbe_port_io.write(g->dev, 0, 2, a % 12);
            bochs_vbe_port_io.write(g->dev, 1, 2, b);
            bochs_vbe_port_io.read(g->dev, 1, 2);
        }
        break;
    case 10: move_state(g); break;
    case 11: evil_state(g, in); break;
    default: set(g, indexed[a % 4], a >> 8, b); break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size};
    struct rig g;

    rig_init(&g, fuzz_byte(&in) & 1 ? VGA_MODEL_STD : VGA_MODEL_CIRRUS);
    while (in.left)
        step(&g, &in);
    display_refresh(g.display, true);
    g.dev->ops->reset(g.dev);
    rig_fini(&g);
    return 0;
}
