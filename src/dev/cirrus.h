/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cirrus.h: what the Cirrus files share. Only for src/dev/cirrus*.c. */
#ifndef DOMUS_DEV_CIRRUS_H
#define DOMUS_DEV_CIRRUS_H

#include "dev/vga_core.h"

#define CIRRUS_BLT_LINE_MAX 8192 /* bytes: the width register has 13 bits */

struct cirrus_state {
    struct pci_device_state pci; /* first */
    struct vga_regs vga;         /* seq, gr and crtc hold the extended registers as well */
    uint8_t hidden_dac, hidden_dac_reads;
    uint8_t cursor_dac[16 * 3]; /* the DAC behind SR12 bit 1: entries 0 and 15 are the cursor's colours */
    uint16_t cursor_x, cursor_y;

    /* A blit whose source the CPU writes, or whose destination it reads; lines_left 0: none. */
    uint32_t blt_lines_left, blt_line_bytes; /* the latter: CPU bytes per line, or of the whole pattern */
    uint32_t blt_fill;                       /* bytes of blt_data so far */
    uint32_t blt_next;                       /* where the next line goes, or comes from */
    uint8_t blt_reads;                       /* 1: the CPU reads */
    uint8_t blt_data[CIRRUS_BLT_LINE_MAX + 8];
};

struct cirrus {
    struct vga vga; /* first */
    struct cirrus_state s;
    bool linear_hidden; /* the frame buffer's pages are off the bus: accesses mean more than storing */
    /* the cursor as last drawn over the picture */
    int cursor_top, cursor_lines;
    uint32_t cursor_sum;
};

static inline struct cirrus *to_cirrus(struct vga *v)
{
    return (struct cirrus *)(void *)v;
}

/* cirrus_blt.c */
void cirrus_blt_control(struct cirrus *c, uint8_t old, uint8_t value); /* GR31 was written */
void cirrus_blt_data(struct cirrus *c, uint8_t value);                 /* the CPU writes the source */
uint8_t cirrus_blt_result(struct cirrus *c);                           /* the CPU reads the destination */
static inline bool cirrus_blt_wants_data(const struct cirrus *c)
{
    return c->s.blt_lines_left && !c->s.blt_reads;
}
static inline bool cirrus_blt_has_result(const struct cirrus *c)
{
    return c->s.blt_lines_left && c->s.blt_reads;
}
uint8_t cirrus_blt_mmio_read(struct cirrus *c, uint32_t offset);
void cirrus_blt_mmio_write(struct cirrus *c, uint32_t offset, uint8_t value);

/* cirrus.c */
void cirrus_gr_write(struct cirrus *c, unsigned index, uint8_t value);
uint8_t cirrus_gr_read(struct cirrus *c, unsigned index);
void cirrus_update_linear(struct cirrus *c);

/* cirrus_memory.c: the window and the frame buffer, where they are more than memory. */
bool cirrus_window_read(struct vga *v, uint32_t offset, uint8_t *value);
bool cirrus_window_write(struct vga *v, uint32_t offset, uint8_t value);
bool cirrus_linear_is_plain(const struct cirrus *c);
extern const struct io_ops cirrus_linear_io;

/* cirrus_cursor.c */
void cirrus_cursor_line(struct vga *v, int y, uint32_t *pixels, int width);
void cirrus_cursor_update(struct vga *v);

#endif
