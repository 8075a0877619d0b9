/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vga_core.h: what the VGA files share: the register file, video RAM, and what is being scanned out. Only for
 * src/dev/{vga*,bochs_vbe,cirrus*}.c; everyone else includes dev/vga.h.
 *
 * Video RAM is kept as the display controller sees it: one 32-bit word per address, plane n in byte n. The CPU's
 * chain-4 and odd/even addressing then are linear, which is also what the SVGA frame buffers need. (A real VGA leaves
 * holes between the bytes of chain-4 and odd/even cells and skips them with the CRTC's doubleword and word modes; here
 * both cancel out.)
 */
#ifndef DOMUS_DEV_VGA_CORE_H
#define DOMUS_DEV_VGA_CORE_H

#include "dev/vga.h"
#include "host/display/display.h"

#define VGA_WIDTH_MAX  2560
#define VGA_HEIGHT_MAX 2048

struct vga_regs {
    uint8_t misc, feature, enable;
    uint8_t seq_index, seq[32];
    uint8_t crtc_index, crtc[64];
    uint8_t gr_index, gr[64];
    uint8_t attr_index, attr_data_next, attr[32]; /* index bit 5: the screen shows the palette's colours */
    uint8_t dac_mask, dac_reading, dac_index, dac_component, dac_shadow[3];
    uint8_t dac[768]; /* as written: 6 bits, or 8 when dac_8bit */
    uint8_t dac_8bit;
    uint32_t latch; /* plane n in byte n */
};

enum vga_kind {
    VGA_SCAN_BLANK,
    VGA_SCAN_TEXT,
    VGA_SCAN_PLANAR, /* 4 planes, 1 bit each */
    VGA_SCAN_CGA,    /* 2 bits, shift registers interleaved */
    VGA_SCAN_256,    /* 8 bits, one doubleword per character clock, pixels twice as wide */
    VGA_SCAN_8,      /* linear from here on */
    VGA_SCAN_15,
    VGA_SCAN_16,
    VGA_SCAN_24,
    VGA_SCAN_32,
};

/* Everything that decides where a pixel is and what it means; a change redraws all. */
struct vga_scan {
    enum vga_kind kind;
    int width, height; /* the surface's */
    uint32_t start;    /* display words for the VGA kinds, bytes for the linear ones */
    uint32_t pitch;    /* the same unit, per row */
    uint32_t limit;    /* bytes of video RAM that may be shown: offsets wrap here; a power of two */
    int line_compare;  /* the line after which the start address becomes 0; >= height: never */
    uint8_t columns, dots, pan, pan_below, row_first, row_last;
    uint16_t column_count;
    bool double_dots, double_lines, word_mode, dword_mode, row_bank13, row_bank14;
    uint8_t line_double; /* linear kinds: each row is shown this many times */
};

struct vga;

/* What a chip adds to the VGA. Any member may be NULL. */
struct vga_variant {
    /* True when this register is the chip's own, or its access differs from the VGA's. */
    bool (*reg_read)(struct vga *v, uint16_t port, uint8_t *value);
    bool (*reg_write)(struct vga *v, uint16_t port, uint8_t value);
    /* The 128 KiB window: true when the chip took the access. */
    bool (*window_read)(struct vga *v, uint32_t offset, uint8_t *value);
    bool (*window_write)(struct vga *v, uint32_t offset, uint8_t value);
    /* scan is what the VGA's registers say; replaces it when an extended mode is shown. */
    void (*scan)(struct vga *v, struct vga_scan *scan);
    /* Something over the picture; may call display_damage. Lines first..first+count of the surface were redrawn. */
    void (*overlay_line)(struct vga *v, int y, uint32_t *pixels, int width);
    /* The lines whose overlay changed since the last time become dirty: vga_redraw_lines(). */
    void (*overlay_update)(struct vga *v);
};

struct vga {
    struct pci_device pci; /* first */
    struct vga_regs *r;    /* inside the chip's state */
    const struct vga_variant *variant;
    uint8_t *vram; /* owned, page aligned, vram_bytes (a power of two) */
    uint32_t vram_bytes;
    void *rom; /* owned, page aligned, rom_bytes (a power of two), or NULL */
    size_t rom_bytes;
    struct memory *memory;   /* borrowed or NULL */
    struct loop *loop;       /* borrowed or NULL */
    struct display *display; /* borrowed */

    /* Redraw: not guest state. */
    uint8_t *dirty;                     /* a bit per page of video RAM: written through us */
    uint8_t *fetched;                   /* the same size, scratch */
    struct vga_scan shown;              /* as last drawn */
    uint32_t palette[256];              /* the DAC as xRGB */
    bool palette_changed;               /* DAC, attribute palette or mask */
    bool redraw;                        /* everything */
    bool blinking_shown;                /* a blinking character is on the screen */
    unsigned blink_phase;               /* bit 0 cursor, bit 1 characters */
    uint32_t cursor_shown;              /* address and shape, as last drawn */
    uint8_t *line;                      /* one line of colour numbers */
    uint8_t line_dirty[VGA_HEIGHT_MAX]; /* forced by the overlay */
    unsigned retrace_reads;             /* without a clock */
};

static inline struct vga *to_vga(struct device *d)
{
    return (struct vga *)(void *)d;
}

/* vga.c */
int vga_init(struct vga *v, const struct vga_config *c, uint32_t vram_bytes, char **why); /* after pci_device_init */
void vga_fini(struct vga *v);
void vga_reset(struct vga *v);
void vga_loaded(struct vga *v);
int vga_check(const struct vga_regs *r);
uint8_t vga_port_read(struct vga *v, uint16_t port);
void vga_port_write(struct vga *v, uint16_t port, uint8_t value);

/* vga_memory.c: the CPU's way to video RAM. addr is behind banking. */
bool vga_window_decode(const struct vga *v, uint32_t offset, uint32_t *addr);
uint8_t vga_planar_read(struct vga *v, uint32_t addr);
void vga_planar_write(struct vga *v, uint32_t addr, uint8_t value);
uint8_t vga_window_read_byte(struct vga *v, uint32_t offset);
void vga_window_write_byte(struct vga *v, uint32_t offset, uint8_t value);

static inline void vga_mark_dirty(struct vga *v, uint32_t addr)
{
    v->dirty[addr >> (PAGE_SHIFT_4K + 3)] |= (uint8_t)(1u << (addr >> PAGE_SHIFT_4K & 7));
}
void vga_mark_dirty_range(struct vga *v, uint32_t addr, uint32_t len);

/* vga_scan.c: from registers to struct vga_scan; the colours. */
void vga_scan_now(struct vga *v, struct vga_scan *scan);
void vga_palette_now(struct vga *v);
uint64_t vga_now_ns(struct vga *v);
uint8_t vga_status1(struct vga *v);

/* vga_draw.c: the display's source. */
void vga_refresh(void *opaque, bool everything);
void vga_redraw_lines(struct vga *v, int first, int count);
/* vga_text.c, vga_pixels.c: one line into v->line (colour numbers) or straight into pixels. */
void vga_text_line(struct vga *v, const struct vga_scan *s, uint32_t counter, unsigned row);
void vga_planar_line(struct vga *v, const struct vga_scan *s, uint32_t counter, unsigned row);
void vga_linear_line(struct vga *v, const struct vga_scan *s, uint32_t offset, uint32_t *pixels);
uint32_t vga_text_cursor(const struct vga *v, unsigned *first, unsigned *last);

int bochs_vbe_create(struct pci_device **d, const struct vga_config *c, char **why);
int cirrus_create(struct pci_device **d, const struct vga_config *c, char **why);

#endif
