/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vga.h: the display chips: Cirrus GD5446 and the "standard" VGA with Bochs VBE registers. For the board.
 *
 * The board adds the function to the PCI bus and maps the legacy windows, all with the chip's device:
 *   ports 0x3B0, 0x30 of them   vga_port_io      memory 0xA0000, 128 KiB   vga_window_io
 *   ports 0x1CE, 3 of them      bochs_vbe_port_io (VGA_MODEL_STD only)
 */
#ifndef DOMUS_DEV_VGA_H
#define DOMUS_DEV_VGA_H

#include "dev/pci/pci.h"

#define VGA_PORTS_BASE       0x3b0
#define VGA_PORTS_COUNT      0x30
#define VGA_WINDOW_BASE      0xa0000
#define VGA_WINDOW_BYTES     0x20000
#define BOCHS_VBE_PORTS_BASE 0x1ce
#define BOCHS_VBE_PORTS      3

struct display;
struct loop;
struct memory;

enum vga_model { VGA_MODEL_CIRRUS, VGA_MODEL_STD };

struct vga_config {
    enum vga_model model;
    unsigned videoram_mib; /* 0: what the chip has by default (8 cirrus, 16 std) */
    const void *rom;       /* the VGA BIOS, copied; NULL: no ROM BAR */
    size_t rom_bytes;
    struct memory *memory;   /* borrowed: its dirty log says what the guest drew; NULL in tests */
    struct loop *loop;       /* borrowed: guest time for retrace and blinking; NULL in tests: time stands */
    struct display *display; /* borrowed: gets this chip as its source */
};

/* 0, or -errno with *why (malloc'd, the caller frees) as one line without the config's file and line. */
int vga_create(struct pci_device **d, const struct vga_config *c, char **why);

/* Video RAM, for save and restore beside the chip's state. */
void *vga_vram(struct pci_device *d, size_t *bytes);

extern const struct io_ops vga_port_io, vga_window_io, bochs_vbe_port_io;

#endif
