/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vga_rig.c: see vga_rig.h. */
#include "vga_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

void rig_init(struct vga_rig *g, enum vga_model model)
{
    rig_init_sized(g, model, 0);
}

void rig_init_sized(struct vga_rig *g, enum vga_model model, unsigned videoram_mib)
{
    char *why = NULL;

    g->display = display_create();
    struct vga_config c = {.model = model, .videoram_mib = videoram_mib, .display = g->display};
    assert_int_equal(vga_create(&g->pci, &c, &why), 0);
    g->dev = &g->pci->dev;
    g->vram = vga_vram(g->pci, &g->vram_bytes);
}

void rig_fini(struct vga_rig *g)
{
    g->dev->ops->destroy(g->dev);
    display_destroy(g->display);
}

void rig_out(struct vga_rig *g, unsigned port, unsigned value)
{
    vga_port_io.write(g->dev, port - VGA_PORTS_BASE, 1, value);
}

unsigned rig_in(struct vga_rig *g, unsigned port)
{
    return (unsigned)vga_port_io.read(g->dev, port - VGA_PORTS_BASE, 1);
}

void rig_set(struct vga_rig *g, unsigned port, unsigned index, unsigned value)
{
    vga_port_io.write(g->dev, port - VGA_PORTS_BASE, 2, value << 8 | index);
}

unsigned rig_get(struct vga_rig *g, unsigned port, unsigned index)
{
    rig_out(g, port, index);
    return rig_in(g, port + 1);
}

void rig_attr(struct vga_rig *g, unsigned index, unsigned value)
{
    rig_in(g, 0x3da);
    rig_out(g, 0x3c0, index);
    rig_out(g, 0x3c0, value);
    rig_out(g, 0x3c0, 0x20);
    rig_in(g, 0x3da);
}

void rig_colour(struct vga_rig *g, unsigned index, unsigned r, unsigned green, unsigned b)
{
    rig_out(g, 0x3c8, index);
    rig_out(g, 0x3c9, r);
    rig_out(g, 0x3c9, green);
    rig_out(g, 0x3c9, b);
}

void rig_poke(struct vga_rig *g, uint32_t address, unsigned value)
{
    vga_window_io.write(g->dev, address - VGA_WINDOW_BASE, 1, value);
}

unsigned rig_peek(struct vga_rig *g, uint32_t address)
{
    return (unsigned)vga_window_io.read(g->dev, address - VGA_WINDOW_BASE, 1);
}

uint64_t rig_bar_read(struct vga_rig *g, unsigned bar, uint64_t offset, unsigned size)
{
    return g->pci->bar[bar].ops->read(g->dev, offset, size);
}

void rig_bar_write(struct vga_rig *g, unsigned bar, uint64_t offset, unsigned size, uint64_t value)
{
    g->pci->bar[bar].ops->write(g->dev, offset, size, value);
}

void rig_dispi(struct vga_rig *g, unsigned index, unsigned value)
{
    bochs_vbe_port_io.write(g->dev, 0, 2, index);
    bochs_vbe_port_io.write(g->dev, 1, 2, value);
}

unsigned rig_dispi_get(struct vga_rig *g, unsigned index)
{
    bochs_vbe_port_io.write(g->dev, 0, 2, index);
    return (unsigned)bochs_vbe_port_io.read(g->dev, 1, 2);
}

/* The register values IBM's BIOS listings give for these modes. */
struct mode {
    unsigned number;
    uint8_t misc, seq[5], crtc[25], gr[9], attr10, attr13;
};

static const struct mode modes[] = {
    {3,
     0x67,
     {0x03, 0x00, 0x03, 0x00, 0x02},
     {0x5f, 0x4f, 0x50, 0x82, 0x55, 0x81, 0xbf, 0x1f, 0x00, 0x4f, 0x0d, 0x0e, 0x00,
      0x00, 0x00, 0x00, 0x9c, 0x8e, 0x8f, 0x28, 0x1f, 0x96, 0xb9, 0xa3, 0xff},
     {0x00, 0x00, 0x00, 0x00, 0x00, 0x10, 0x0e, 0x00, 0xff},
     0x0c,
     0x08},
    {4,
     0x63,
     {0x03, 0x09, 0x03, 0x00, 0x02},
     {0x2d, 0x27, 0x28, 0x90, 0x2b, 0x80, 0xbf, 0x1f, 0x00, 0xc1, 0x00, 0x00, 0x00,
      0x00, 0x00, 0x00, 0x9c, 0x8e, 0x8f, 0x14, 0x00, 0x96, 0xb9, 0xa2, 0xff},
     {0x00, 0x00, 0x00, 0x00, 0x00, 0x30, 0x0f, 0x00, 0xff},
     0x01,
     0x00},
    {0x12,
     0xe3,
     {0x03, 0x01, 0x0f, 0x00, 0x06},
     {0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0x0b, 0x3e, 0x00, 0x40, 0x00, 0x00, 0x00,
      0x00, 0x00, 0x00, 0xea, 0x8c, 0xdf, 0x28, 0x00, 0xe7, 0x04, 0xe3, 0xff},
     {0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x05, 0x0f, 0xff},
     0x01,
     0x00},
    {0x13,
     0x63,
     {0x03, 0x01, 0x0f, 0x00, 0x0e},
     {0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0xbf, 0x1f, 0x00, 0x41, 0x00, 0x00, 0x00,
      0x00, 0x00, 0x00, 0x9c, 0x8e, 0x8f, 0x28, 0x40, 0x96, 0xb9, 0xa3, 0xff},
     {0x00, 0x00, 0x00, 0x00, 0x00, 0x40, 0x05, 0x0f, 0xff},
     0x41,
     0x00},
    {0x100,
     0xe3,
     {0x03, 0x01, 0x0f, 0x00, 0x06},
     {0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0x0d, 0x3e, 0x00, 0x41, 0x00, 0x00, 0x00,
      0x00, 0x00, 0x00, 0xea, 0xac, 0xdf, 0x28, 0x00, 0xe7, 0x06, 0xe3, 0xff},
     {0x00, 0x00, 0x00, 0x00, 0x00, 0x40, 0x05, 0x0f, 0xff},
     0x41,
     0x00},
};

void rig_mode(struct vga_rig *g, unsigned number)
{
    const struct mode *m = modes;
    while (m->number != number)
        m++;
    rig_out(g, 0x3c2, m->misc);
    for (unsigned i = 0; i < 5; i++)
        rig_set(g, 0x3c4, i, m->seq[i]);
    rig_set(g, 0x3d4, 0x11, 0);
    for (unsigned i = 0; i < 25; i++)
        rig_set(g, 0x3d4, i, m->crtc[i]);
    for (unsigned i = 0; i < 9; i++)
        rig_set(g, 0x3ce, i, m->gr[i]);
    rig_in(g, 0x3da);
    for (unsigned i = 0; i < 16; i++) {
        rig_out(g, 0x3c0, i);
        rig_out(g, 0x3c0, i);
    }
    rig_attr(g, 0x10, m->attr10);
    rig_attr(g, 0x12, 0x0f);
    rig_attr(g, 0x13, m->attr13);
    rig_attr(g, 0x14, 0);
    rig_out(g, 0x3c6, 0xff);
}

void rig_refresh(struct vga_rig *g)
{
    display_refresh(g->display, false);
}

uint32_t rig_pixel(struct vga_rig *g, int x, int y)
{
    int width, height, stride;
    uint32_t *p = display_pixels(g->display, &width, &height, &stride);
    assert_in_range(x, 0, width - 1);
    assert_in_range(y, 0, height - 1);
    return p[y * stride + x];
}
