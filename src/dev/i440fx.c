/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * i440fx.c: the 82441FX host bridge's config registers (Intel 290549).
 *
 * Deviation: PAM and SMRAM are stored and do nothing. Xen's guests find RAM at C0000-FFFFF at all times, and its
 * SeaBIOS counts on it; there is no SMM.
 */
#include "dev/i440fx.h"

#include "base/bytes.h"

#include <stdlib.h>

#define DRAM_SIZE        0x57 /* in 8 MiB, an agreement between emulated boards and firmware */
#define SMRAM            0x72
#define SMRAM_COMPATIBLE 0x02

struct i440fx_state {
    struct pci_device_state pci;
};

struct i440fx {
    struct pci_device pci; /* first */
    struct i440fx_state s;
    uint8_t dram_size;
};

static const struct pci_ids i440fx_ids = {
    .vendor = 0x8086,
    .device = 0x1237,
    .class_code = 0x060000,
    .revision = 2,
    .subsystem_vendor = 0x1af4,
    .subsystem = 0x1100,
};

static struct i440fx *to_i440fx(struct device *d)
{
    return (struct i440fx *)d;
}

static void i440fx_reset(struct device *d)
{
    struct i440fx *b = to_i440fx(d);

    pci_device_reset(&b->pci);
    b->s.pci.config[DRAM_SIZE] = b->dram_size;
    b->s.pci.config[SMRAM] = SMRAM_COMPATIBLE;
}

static int i440fx_check(const void *state)
{
    return pci_state_check(state, &i440fx_ids);
}

static void i440fx_loaded(struct device *d)
{
    pci_device_loaded(&to_i440fx(d)->pci);
}

static void i440fx_destroy(struct device *d)
{
    pci_device_remove(&to_i440fx(d)->pci);
    free(d);
}

static const struct device_ops i440fx_ops = {
    .name = "i440fx",
    .version = 1,
    .state_size = sizeof(struct i440fx_state),
    .reset = i440fx_reset,
    .check = i440fx_check,
    .loaded = i440fx_loaded,
    .destroy = i440fx_destroy,
};

struct pci_device *i440fx_create(uint64_t ram_bytes)
{
    struct i440fx *b = calloc(1, sizeof *b);
    uint64_t units = ram_bytes >> 23;

    if (!b)
        return NULL;
    b->pci.dev.ops = &i440fx_ops;
    b->pci.dev.state = &b->s;
    b->dram_size = (uint8_t)(units > 0xff ? 0xff : units);
    pci_device_init(&b->pci, &i440fx_ids);
    memset(b->pci.writable + 0x50, 0xff, 0x72 - 0x50 + 1); /* DRAM timing, PAM, row boundaries, SMRAM */
    b->pci.writable[0x90] = b->pci.writable[0x93] = 0xff;  /* error command, turbo reset (nothing behind it) */
    i440fx_reset(&b->pci.dev);
    return &b->pci;
}
