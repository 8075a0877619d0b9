/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * piix4_pm_pci.c: the 82371AB power-management function's config registers (Intel 290562, chapter 7).
 *
 * Deviation: as on Xen the ACPI registers stay at B000h whatever 40h and 80h say (hvmloader writes just that), and are
 * chips of their own; there is no SMBus host behind 90h. The class is "other bridge", which hvmloader looks for, and
 * the interrupt pin is read-only: hvmloader's word write meant for 3Ch must not zero it.
 */
#include "dev/piix4_pm_pci.h"

#include "base/bytes.h"

#include <stdlib.h>

#define PM_BASE    0x40
#define PM_MISC    0x80
#define SMBUS_BASE 0x90
#define SMBUS_HOST 0xd2

struct piix4_pm_state {
    struct pci_device_state pci;
};

struct piix4_pm {
    struct pci_device pci; /* first */
    struct piix4_pm_state s;
};

static const struct pci_ids piix4_pm_ids = {
    .vendor = 0x8086,
    .device = 0x7113,
    .class_code = 0x068000,
    .revision = 3,
    .subsystem_vendor = 0x1af4,
    .subsystem = 0x1100,
    .interrupt_pin = 1,
};

static struct piix4_pm *to_pm(struct device *d)
{
    return (struct piix4_pm *)d;
}

static void piix4_pm_reset(struct device *d)
{
    struct piix4_pm *pm = to_pm(d);
    uint8_t *config = pm->s.pci.config;

    pci_device_reset(&pm->pci);
    store_le16(config + PCI_STATUS, PCI_STATUS_DEVSEL_MED | PCI_STATUS_FAST_B2B);
    store_le32(config + PM_BASE, 1);
    /* Device resources B, C, F, G and H: which legacy devices are decoded; what real Xen's guests read. */
    config[0x5b] = 0x02;
    config[0x5f] = 0x10;
    config[0x63] = 0x60;
    config[0x67] = 0x08;
    store_le32(config + SMBUS_BASE, 0xb101);
}

static int piix4_pm_check(const void *state)
{
    return pci_state_check(state, &piix4_pm_ids);
}

static void piix4_pm_loaded(struct device *d)
{
    pci_device_loaded(&to_pm(d)->pci);
}

static void piix4_pm_destroy(struct device *d)
{
    pci_device_remove(&to_pm(d)->pci);
    free(d);
}

static const struct device_ops piix4_pm_ops = {
    .name = "piix4-pm-pci",
    .version = 1,
    .state_size = sizeof(struct piix4_pm_state),
    .reset = piix4_pm_reset,
    .check = piix4_pm_check,
    .loaded = piix4_pm_loaded,
    .destroy = piix4_pm_destroy,
};

struct pci_device *piix4_pm_pci_create(void)
{
    struct piix4_pm *pm = calloc(1, sizeof *pm);

    if (!pm)
        return NULL;
    pm->pci.dev.ops = &piix4_pm_ops;
    pm->pci.dev.state = &pm->s;
    pci_device_init(&pm->pci, &piix4_pm_ids);
    store_le32(pm->pci.writable + PM_BASE, 0xffc0);
    memset(pm->pci.writable + 0x44, 0xff, PM_MISC + 1 - 0x44);
    store_le32(pm->pci.writable + SMBUS_BASE, 0xfff0);
    memset(pm->pci.writable + SMBUS_HOST, 0xff, 4);
    piix4_pm_reset(&pm->pci.dev);
    return &pm->pci;
}
