/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vga_rig.h: a display chip without a board: ports, the legacy window and the surface, for tests. */
#ifndef VGA_RIG_H
#define VGA_RIG_H

#include "dev/vga.h"
#include "host/display/display.h"

struct vga_rig {
    struct display *display;
    struct pci_device *pci;
    struct device *dev;
    uint8_t *vram;
    size_t vram_bytes;
};

void rig_init(struct vga_rig *g, enum vga_model model);
void rig_init_sized(struct vga_rig *g, enum vga_model model, unsigned videoram_mib); /* 0: the chip's own */
void rig_fini(struct vga_rig *g);

void rig_out(struct vga_rig *g, unsigned port, unsigned value);
unsigned rig_in(struct vga_rig *g, unsigned port);
/* Index and data at once; port is the index port. */
void rig_set(struct vga_rig *g, unsigned port, unsigned index, unsigned value);
unsigned rig_get(struct vga_rig *g, unsigned port, unsigned index);
void rig_attr(struct vga_rig *g, unsigned index, unsigned value); /* leaves the screen on */
void rig_colour(struct vga_rig *g, unsigned index, unsigned r, unsigned green, unsigned b);
void rig_poke(struct vga_rig *g, uint32_t address, unsigned value); /* 0xA0000.. */
unsigned rig_peek(struct vga_rig *g, uint32_t address);
uint64_t rig_bar_read(struct vga_rig *g, unsigned bar, uint64_t offset, unsigned size);
void rig_bar_write(struct vga_rig *g, unsigned bar, uint64_t offset, unsigned size, uint64_t value);
void rig_dispi(struct vga_rig *g, unsigned index, unsigned value);
unsigned rig_dispi_get(struct vga_rig *g, unsigned index);

/* Standard modes, as a BIOS sets them: 3 (9x16 text), 0x12, 0x13, 4 (CGA), X (320x240 unchained: 0x100). */
void rig_mode(struct vga_rig *g, unsigned mode);
/* The surface after a refresh. */
uint32_t rig_pixel(struct vga_rig *g, int x, int y);
void rig_refresh(struct vga_rig *g);

#endif
