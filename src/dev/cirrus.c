/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cirrus.c: the Cirrus Logic GD5446, PCI 1013:00b8: extended registers, packed-pixel modes, hidden DAC (CL-GD5446
 * Technical Reference Manual). BAR 0 is the frame buffer (16 MiB) and the blitter's data port behind it, BAR 1 holds
 * the VGA ports at 0 and the blitter's registers at 0x100.
 *
 * Deviation: the extended registers can be reached without the key in SR6 (which reads back as locked or unlocked):
 * drivers that find the chip set up by its BIOS do not unlock it again.
 */
#include "dev/cirrus.h"

#include "base/bytes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SR_COUNT         0x20
#define CR_ID            0x27
#define CR_ID_GD5446     0xb8
#define SR17_PCI         0x20
#define SRF_4MB          0x98
#define SRF_2MB          0x18
#define DEFAULT_VRAM_MIB 8
#define BAR0_BYTES       (32u << 20)
#define BAR1_BYTES       4096
#define BAR1_BLT         0x100

static uint8_t seq_read(struct cirrus *c)
{
    const struct vga_regs *r = &c->s.vga;
    unsigned index = r->seq_index & 0x1f;

    switch (index) {
    case 0x10: return (uint8_t)(c->s.cursor_x >> 3);
    case 0x11: return (uint8_t)(c->s.cursor_y >> 3);
    }
    return r->seq[index];
}

static void seq_write(struct cirrus *c, uint8_t value)
{
    struct vga_regs *r = &c->s.vga;
    unsigned index = r->seq_index & 0x1f, low = r->seq_index >> 5;

    switch (index) {
    case 0x06: r->seq[6] = (value & 0x17) == 0x12 ? 0x12 : 0x0f; return;
    case 0x0f: return; /* memory size: as strapped; drivers write timing bits */
    case 0x10: c->s.cursor_x = (uint16_t)(value << 3 | low); return; /* the index carries the low bits */
    case 0x11: c->s.cursor_y = (uint16_t)(value << 3 | low); return;
    case 0x17: r->seq[0x17] = (uint8_t)((value & ~0x38) | SR17_PCI); break;
    default: r->seq[index] = value; break;
    }
    if (index == 7 || index == 0x17)
        cirrus_update_linear(c);
}

uint8_t cirrus_gr_read(struct cirrus *c, unsigned index)
{
    return index < sizeof c->s.vga.gr ? c->s.vga.gr[index] : 0xff;
}

void cirrus_gr_write(struct cirrus *c, unsigned index, uint8_t value)
{
    static const uint8_t mask[0x3a] = {
        [0x00] = 0xff, [0x01] = 0xff, [0x05] = 0x7f, [0x06] = 0x0f, [0x09] = 0xff, [0x0a] = 0xff, [0x0b] = 0xff,
        [0x0c] = 0xff, [0x0d] = 0xff, [0x0e] = 0xff, [0x10] = 0xff, [0x11] = 0xff, [0x12] = 0xff, [0x13] = 0xff,
        [0x14] = 0xff, [0x15] = 0xff, [0x16] = 0xff, [0x17] = 0xff, [0x18] = 0xff, [0x20] = 0xff, [0x21] = 0x1f,
        [0x22] = 0xff, [0x23] = 0x07, [0x24] = 0xff, [0x25] = 0x1f, [0x26] = 0xff, [0x27] = 0x1f, [0x28] = 0xff,
        [0x29] = 0xff, [0x2a] = 0x3f, [0x2c] = 0xff, [0x2d] = 0xff, [0x2e] = 0x3f, [0x2f] = 0xff, [0x30] = 0xff,
        [0x31] = 0xff, [0x32] = 0xff, [0x33] = 0xff, [0x34] = 0xff, [0x35] = 0xff, [0x38] = 0xff, [0x39] = 0xff,
    };
    struct vga_regs *r = &c->s.vga;

    if (index >= sizeof mask || !mask[index])
        return;
    uint8_t old = r->gr[index];
    r->gr[index] = value & mask[index];
    if (index == 0x31)
        cirrus_blt_control(c, old, value);
    else if (index == 0x2a && (r->gr[0x31] & 0x80)) /* autostart */
        cirrus_blt_control(c, r->gr[0x31] & 0x7d, r->gr[0x31] | 2);
    else if (index == 5 || index == 0x0b)
        cirrus_update_linear(c);
}

static bool crtc_read(struct cirrus *c, uint8_t *value)
{
    const struct vga_regs *r = &c->s.vga;

    switch (r->crtc_index) {
    case 0x22: *value = (uint8_t)(r->latch >> (8 * (r->gr[4] & 3))); return true;
    case 0x24: *value = r->attr_data_next ? 0x80 : 0; return true;
    case 0x26: *value = r->attr_index & 0x3f; return true;
    case 0x19:
    case 0x1a:
    case 0x1b:
    case 0x1c:
    case 0x1d:
    case 0x25:
    case CR_ID: *value = r->crtc[r->crtc_index]; return true;
    }
    return false;
}

static bool crtc_write(struct cirrus *c, uint8_t value)
{
    struct vga_regs *r = &c->s.vga;

    if (r->crtc_index >= 0x19 && r->crtc_index <= 0x1d) {
        r->crtc[r->crtc_index] = value;
        return true;
    }
    return r->crtc_index > 0x18; /* the rest is read-only or nothing */
}

/* The fifth access in a row to the DAC mask's port is one to the hidden DAC register. */
static bool hidden_dac_read(struct cirrus *c, uint8_t *value)
{
    if (c->s.hidden_dac_reads < 4) {
        c->s.hidden_dac_reads++;
        return false;
    }
    c->s.hidden_dac_reads = 0;
    *value = c->s.hidden_dac;
    return true;
}

static bool hidden_dac_write(struct cirrus *c, uint8_t value)
{
    bool hidden = c->s.hidden_dac_reads == 4;

    c->s.hidden_dac_reads = 0;
    if (hidden)
        c->s.hidden_dac = value;
    return hidden;
}

/* With SR12 bit 1 the DAC's data port reaches the cursor's colours. */
static bool cursor_dac_access(struct cirrus *c, uint8_t *value, bool write)
{
    struct vga_regs *r = &c->s.vga;

    if (!(r->seq[0x12] & 2))
        return false;
    uint8_t *component = &c->s.cursor_dac[(r->dac_index & 15) * 3 + r->dac_component];
    if (write)
        *component = *value & 0x3f;
    else
        *value = *component;
    if (++r->dac_component == 3) {
        r->dac_component = 0;
        r->dac_index++;
    }
    return true;
}

static bool cirrus_reg_read(struct vga *v, uint16_t port, uint8_t *value)
{
    struct cirrus *c = to_cirrus(v);

    if (port == 0x3c6)
        return hidden_dac_read(c, value);
    c->s.hidden_dac_reads = 0;
    switch (port) {
    case 0x3c5: *value = seq_read(c); return true;
    case 0x3c9: return cursor_dac_access(c, value, false);
    case 0x3cf: *value = cirrus_gr_read(c, v->r->gr_index); return true;
    case 0x3d5: return crtc_read(c, value);
    }
    return false;
}

static bool cirrus_reg_write(struct vga *v, uint16_t port, uint8_t value)
{
    struct cirrus *c = to_cirrus(v);

    if (port == 0x3c6)
        return hidden_dac_write(c, value);
    c->s.hidden_dac_reads = 0;
    switch (port) {
    case 0x3c5:
        if ((v->r->seq_index & 0x1f) < 5)
            return false;
        seq_write(c, value);
        return true;
    case 0x3c9: return cursor_dac_access(c, &value, true);
    case 0x3cf:
        if (v->r->gr_index != 0 && v->r->gr_index != 1 && v->r->gr_index != 5 && v->r->gr_index < 9)
            return false;
        cirrus_gr_write(c, v->r->gr_index, value);
        return true;
    case 0x3d5: return crtc_write(c, value);
    }
    return false;
}

static enum vga_kind packed_kind(const struct cirrus *c)
{
    switch (c->s.vga.seq[7] & 0x0e) {
    case 0x00: return VGA_SCAN_8;
    case 0x04: return VGA_SCAN_24;
    case 0x08: return VGA_SCAN_32;
    default: return (c->s.hidden_dac & 0x0f) == 0 ? VGA_SCAN_15 : VGA_SCAN_16;
    }
}

static void cirrus_scan(struct vga *v, struct vga_scan *s)
{
    const struct cirrus *c = to_cirrus(v);
    const struct vga_regs *r = v->r;
    uint32_t start = (uint32_t)(r->crtc[0xc] << 8 | r->crtc[0xd]) | (r->crtc[0x1b] & 1u) << 16 |
                     (r->crtc[0x1b] & 0x0cu) << 15 | (r->crtc[0x1d] & 0x80u) << 12;
    uint32_t pitch = (uint32_t)r->crtc[0x13] | (r->crtc[0x1b] & 0x10u) << 4;
    int width = s->width, height = s->height;

    if (!(r->seq[7] & 1)) {
        if (r->crtc[0x1b] & 2) { /* more than 256 KiB in planar modes */
            s->start = start;
            s->pitch = pitch * 2;
            s->limit = v->vram_bytes;
        }
        return;
    }
    memset(s, 0, sizeof *s);
    s->kind = packed_kind(c);
    s->width = (r->crtc[1] + 1) * 8;
    s->height = r->crtc[0x1a] & 1 ? height * 2 : height; /* interlaced */
    s->start = start * 4;
    s->pitch = pitch * 8;
    s->limit = v->vram_bytes;
    s->line_compare = s->height;
    s->line_double = r->crtc[9] & 0x80 ? 2 : 1;
    if (width == 0)
        s->kind = VGA_SCAN_BLANK;
}

static const struct vga_variant cirrus_variant = {
    .reg_read = cirrus_reg_read,
    .reg_write = cirrus_reg_write,
    .window_read = cirrus_window_read,
    .window_write = cirrus_window_write,
    .scan = cirrus_scan,
    .overlay_line = cirrus_cursor_line,
    .overlay_update = cirrus_cursor_update,
};

/* The guest reaches video RAM directly unless an access has to be interpreted. */
void cirrus_update_linear(struct cirrus *c)
{
    bool hide = !cirrus_linear_is_plain(c);

    if (hide == c->linear_hidden)
        return;
    c->linear_hidden = hide;
    if (hide)
        pci_bar_set_host(&c->vga.pci, 0, NULL, 0, 0);
    else
        pci_bar_set_host(&c->vga.pci, 0, c->vga.vram, c->vga.vram_bytes, MEMORY_LOGGED);
}

static uint64_t mmio_read(struct device *d, uint64_t offset, unsigned size)
{
    struct cirrus *c = to_cirrus(to_vga(d));
    uint64_t value = 0;

    for (unsigned i = 0; i < size; i++, offset++) {
        uint8_t byte = 0xff;
        if (offset >= BAR1_BLT)
            byte = cirrus_blt_mmio_read(c, (uint32_t)(offset - BAR1_BLT));
        else if (offset < 0x20)
            byte = vga_port_read(&c->vga, (uint16_t)(0x3c0 + offset));
        value |= (uint64_t)byte << (8 * i);
    }
    return value;
}

static void mmio_write(struct device *d, uint64_t offset, unsigned size, uint64_t value)
{
    struct cirrus *c = to_cirrus(to_vga(d));

    for (unsigned i = 0; i < size; i++, offset++, value >>= 8) {
        if (offset >= BAR1_BLT)
            cirrus_blt_mmio_write(c, (uint32_t)(offset - BAR1_BLT), (uint8_t)value);
        else if (offset < 0x20)
            vga_port_write(&c->vga, (uint16_t)(0x3c0 + offset), (uint8_t)value);
    }
}

static const struct io_ops mmio_io = {.read = mmio_read, .write = mmio_write};

static void cirrus_reset(struct device *d)
{
    struct cirrus *c = to_cirrus(to_vga(d));
    struct pci_device_state pci = c->s.pci;

    memset(&c->s, 0, sizeof c->s);
    c->s.pci = pci;
    vga_reset(&c->vga);
    c->s.vga.seq[6] = 0x0f;
    c->s.vga.seq[0x0f] = c->vga.vram_bytes >= 4u << 20 ? SRF_4MB : SRF_2MB;
    c->s.vga.seq[0x17] = SR17_PCI;
    c->s.vga.seq[0x1f] = 0x2d;
    c->s.vga.gr[0x18] = 0x0f;
    c->s.vga.crtc[CR_ID] = CR_ID_GD5446;
    cirrus_update_linear(c);
    if (c->vga.pci.bus)
        pci_device_reset(&c->vga.pci);
}

static const struct pci_ids cirrus_ids = {
    .vendor = 0x1013,
    .device = 0x00b8,
    .class_code = 0x030000,
    .subsystem_vendor = 0x1af4,
    .subsystem = 0x1100,
};

static int cirrus_check(const void *state)
{
    const struct cirrus_state *s = state;

    if (s->hidden_dac_reads > 4 || s->blt_fill > sizeof s->blt_data || s->blt_line_bytes > sizeof s->blt_data ||
        s->blt_lines_left > 0x800 || s->blt_reads > 1 || (s->blt_lines_left && s->blt_fill >= s->blt_line_bytes))
        return -EINVAL;
    return vga_check(&s->vga) ? -EINVAL : pci_state_check(state, &cirrus_ids);
}

static void cirrus_loaded(struct device *d)
{
    struct vga *v = to_vga(d);

    vga_loaded(v);
    if (v->pci.bus)
        pci_device_loaded(&v->pci);
    cirrus_update_linear(to_cirrus(v));
}

static void cirrus_destroy(struct device *d)
{
    struct vga *v = to_vga(d);

    pci_device_remove(&v->pci);
    vga_fini(v);
    free(to_cirrus(v));
}

static const struct device_ops cirrus_ops = {
    .name = "cirrus",
    .version = 1,
    .state_size = sizeof(struct cirrus_state),
    .reset = cirrus_reset,
    .check = cirrus_check,
    .loaded = cirrus_loaded,
    .destroy = cirrus_destroy,
};

int cirrus_create(struct pci_device **out, const struct vga_config *config, char **why)
{
    unsigned mib = config->videoram_mib ? config->videoram_mib : DEFAULT_VRAM_MIB, rounded = 4;

    while (rounded < mib && rounded < 16) /* the frame buffer's part of BAR 0 */
        rounded <<= 1;
    struct cirrus *c = calloc(1, sizeof *c);
    if (!c)
        return -ENOMEM;
    c->vga.pci.dev = (struct device){.ops = &cirrus_ops, .state = &c->s};
    c->vga.r = &c->s.vga;
    c->vga.variant = &cirrus_variant;
    pci_device_init(&c->vga.pci, &cirrus_ids);
    int rc = vga_init(&c->vga, config, rounded << 20, why);
    if (rc) {
        cirrus_destroy(&c->vga.pci.dev);
        return rc;
    }
    c->vga.pci.bar[0] = (struct pci_bar){.kind = PCI_BAR_MEM_PREFETCH,
                                         .size = BAR0_BYTES,
                                         .ops = &cirrus_linear_io,
                                         .host = c->vga.vram,
                                         .host_bytes = c->vga.vram_bytes,
                                         .host_flags = MEMORY_LOGGED};
    c->vga.pci.bar[1] = (struct pci_bar){.kind = PCI_BAR_MEM, .size = BAR1_BYTES, .ops = &mmio_io};
    cirrus_reset(&c->vga.pci.dev);
    *out = &c->vga.pci;
    return 0;
}
