/* SPDX-License-Identifier: GPL-2.0-or-later */
/* acpi_pm.h: ACPI's fixed power-management registers: PM1a, the PM timer, and the SMI command port. */
#ifndef DOMUS_DEV_ACPI_PM_H
#define DOMUS_DEV_ACPI_PM_H

#include "machine/device.h"
#include "machine/irq.h"
#include "machine/lifecycle.h"
#include "machine/loop.h"

#define ACPI_PM_TIMER_HZ 3579545u

struct acpi_pm_config {
    struct irq_line *sci;          /* borrowed */
    struct lifecycle *life;        /* borrowed: whom to ask for power-off */
    void (*suspend)(void *opaque); /* S3: stop the vCPUs until acpi_pm_wake(); NULL: wakes at once */
    void *opaque;
};

/* NULL only when memory runs out. */
struct device *acpi_pm_create(struct loop *loop, const struct acpi_pm_config *config);

extern const struct io_ops acpi_pm_io;  /* 12 ports at 0x1F40 or 0xB000 */
extern const struct io_ops acpi_smi_io; /* 2 ports at 0xB2 */

void acpi_pm_power_button(struct device *d);
void acpi_pm_sleep_button(struct device *d);
void acpi_pm_wake(struct device *d);

#endif
