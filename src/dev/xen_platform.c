/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * xen_platform.c: the Xen platform PCI device (Xen: docs/misc/hvm-emulated-unplug).
 *
 * BAR1 is address space only: guests ask Xen to put grant frames there, and memory.h then answers before we do. Knows
 * the ports; what unplugging means is the board's.
 */
#include "dev/xen_platform.h"

#include "base/bytes.h"
#include "base/log.h"

#include <errno.h>
#include <stdlib.h>

#define MAGIC            0x49d2
#define PROTOCOL_VERSION 1
#define FLAG_ROM_LOCK    0x01
#define LINE_MAX_BYTES   200

struct xen_platform_state {
    struct pci_device_state pci;
    uint8_t flags;
    uint8_t padding;
    uint16_t product; /* which guest drivers, and their build, as they told */
    uint32_t build;
};

struct xen_platform {
    struct pci_device pci; /* first */
    struct xen_platform_state s;
    void (*unplug)(void *opaque, unsigned mask);
    void *opaque;
    char line[LINE_MAX_BYTES + 1]; /* the guest's log line so far; not saved */
    unsigned line_len;
};

static const struct pci_ids xen_platform_ids = {
    .vendor = 0x5853,
    .device = 0x0001,
    .class_code = 0xff8000,
    .revision = 1,
    .subsystem_vendor = 0x5853,
    .subsystem = 0x0001,
    .interrupt_pin = 1,
};

static struct xen_platform *to_platform(struct device *d)
{
    return (struct xen_platform *)d;
}

static void platform_unplug(struct xen_platform *p, unsigned mask)
{
    if (!p->unplug)
        return;
    log_info("the guest unplugs emulated devices (mask 0x%x, driver product %u build %u)", mask, p->s.product,
             p->s.build);
    p->unplug(p->opaque, mask);
}

static void platform_log_byte(struct xen_platform *p, uint8_t c)
{
    if (c != '\n') {
        if (c >= ' ' && c < 0x7f)
            p->line[p->line_len++] = (char)c;
        if (p->line_len < LINE_MAX_BYTES)
            return;
    }
    p->line[p->line_len] = '\0';
    if (p->line_len)
        log_guest("guest: %s", p->line);
    p->line_len = 0;
}

static void platform_set_flags(struct xen_platform *p, uint64_t value)
{
    p->s.flags = (uint8_t)(value & FLAG_ROM_LOCK);
}

static uint64_t fixed_read(struct device *d, uint64_t offset, unsigned size)
{
    struct xen_platform *p = to_platform(d);

    if (offset == 0 && size == 2)
        return p->unplug ? MAGIC : 0xffff;
    if (offset == 0 && size == 1)
        return p->s.flags;
    if (offset == 2 && size == 1)
        return p->unplug ? PROTOCOL_VERSION : 0xff;
    return bytes_ones(size);
}

static void fixed_write(struct device *d, uint64_t offset, unsigned size, uint64_t value)
{
    struct xen_platform *p = to_platform(d);

    if (offset == 0 && size == 1)
        platform_set_flags(p, value);
    else if (offset == 0 && size == 2)
        platform_unplug(p, (unsigned)value);
    else if (offset == 0 && size == 4)
        p->s.build = (uint32_t)value;
    else if (offset == 2 && size == 1)
        platform_log_byte(p, (uint8_t)value);
    else if (offset == 2 && size == 2)
        p->s.product = (uint16_t)value;
}

const struct io_ops xen_platform_fixed_io = {.read = fixed_read, .write = fixed_write};

/* BAR0: the same flags and log, and the unplug of SUSE's oldest drivers. */
static uint64_t bar0_read(struct device *d, uint64_t offset, unsigned size)
{
    return offset == 0 && size == 1 ? to_platform(d)->s.flags : bytes_ones(size);
}

static void bar0_write(struct device *d, uint64_t offset, unsigned size, uint64_t value)
{
    struct xen_platform *p = to_platform(d);

    if (size == 1 && offset == 0)
        platform_set_flags(p, value);
    else if (size == 1 && offset == 2)
        platform_log_byte(p, (uint8_t)value);
    else if (offset == 4 && value == 1)
        platform_unplug(p, XEN_UNPLUG_DISKS | XEN_UNPLUG_NICS);
    else if (offset == 8 && (value == 1 || value == 2))
        platform_unplug(p, value == 1 ? XEN_UNPLUG_DISKS : XEN_UNPLUG_NICS);
}

static uint64_t bar1_read(struct device *d, uint64_t offset, unsigned size)
{
    return bytes_ones(size);
}

static void bar1_write(struct device *d, uint64_t offset, unsigned size, uint64_t value)
{
}

static const struct io_ops bar0_io = {.read = bar0_read, .write = bar0_write};
static const struct io_ops bar1_io = {.read = bar1_read, .write = bar1_write};

static void xen_platform_reset(struct device *d)
{
    struct xen_platform *p = to_platform(d);

    pci_device_reset(&p->pci);
    p->s.flags = 0;
    p->s.product = 0;
    p->s.build = 0;
    p->line_len = 0;
}

static int xen_platform_check(const void *state)
{
    const struct xen_platform_state *s = state;

    return s->flags & ~FLAG_ROM_LOCK ? -EINVAL : pci_state_check(state, &xen_platform_ids);
}

static void xen_platform_loaded(struct device *d)
{
    pci_device_loaded(&to_platform(d)->pci);
}

static void xen_platform_destroy(struct device *d)
{
    pci_device_remove(&to_platform(d)->pci);
    free(d);
}

static const struct device_ops xen_platform_ops = {
    .name = "xen-platform",
    .version = 1,
    .state_size = sizeof(struct xen_platform_state),
    .reset = xen_platform_reset,
    .check = xen_platform_check,
    .loaded = xen_platform_loaded,
    .destroy = xen_platform_destroy,
};

struct pci_device *xen_platform_create(void (*unplug)(void *opaque, unsigned mask), void *opaque)
{
    struct xen_platform *p = calloc(1, sizeof *p);

    if (!p)
        return NULL;
    p->pci.dev.ops = &xen_platform_ops;
    p->pci.dev.state = &p->s;
    p->unplug = unplug;
    p->opaque = opaque;
    p->pci.bar[0] = (struct pci_bar){.kind = PCI_BAR_IO, .size = 0x100, .ops = &bar0_io};
    p->pci.bar[1] = (struct pci_bar){.kind = PCI_BAR_MEM_PREFETCH, .size = 16u << 20, .ops = &bar1_io};
    pci_device_init(&p->pci, &xen_platform_ids);
    return &p->pci;
}
