/* SPDX-License-Identifier: GPL-2.0-or-later */
/* acpi_gpe.h: what hvmloader's DSDT talks to beside PM1: GPE0, PCI and CPU hot-plug, the AML debug port. */
#ifndef DOMUS_DEV_ACPI_GPE_H
#define DOMUS_DEV_ACPI_GPE_H

#include "machine/device.h"
#include "machine/irq.h"

#define ACPI_GPE_CPUS 128

struct acpi_gpe_config {
    struct irq_line *sci;                       /* borrowed; a line of its own: the board joins it with PM1's */
    void (*eject)(void *opaque, unsigned slot); /* the guest let go of PCI slot 0..31; may be NULL */
    void *opaque;
};

struct device *acpi_gpe_create(const struct acpi_gpe_config *config); /* NULL only when memory runs out */

extern const struct io_ops acpi_gpe_io;         /* 4 ports at 0xAFE0 */
extern const struct io_ops acpi_pci_hotplug_io; /* 24 ports at 0xAE00 */
extern const struct io_ops acpi_cpu_hotplug_io; /* 32 ports at 0xAF00 */
extern const struct io_ops acpi_aml_debug_io;   /* 4 ports at 0xB044 */

/* Tells the guest. A slot that is unplugged stays until `eject`. */
void acpi_gpe_pci_plug(struct device *d, unsigned slot);
void acpi_gpe_pci_unplug(struct device *d, unsigned slot);
void acpi_gpe_set_removable(struct device *d, uint32_t slots);
/* notify: raise the event, else the state at start. */
void acpi_gpe_set_cpu(struct device *d, unsigned vcpu, bool online, bool notify);

#endif
