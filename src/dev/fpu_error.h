/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fpu_error.h: the PIIX3's coprocessor error logic (map 1 port at 0xF0). */
#ifndef DOMUS_DEV_FPU_ERROR_H
#define DOMUS_DEV_FPU_ERROR_H

#include "machine/device.h"
#include "machine/irq.h"

struct device *fpu_error_create(struct irq_line *irq13); /* borrowed. NULL only when memory runs out */
bool fpu_error_set(struct device *d, bool ferr);         /* the processor's FERR#. True: IGNNE# is asserted */

extern const struct io_ops fpu_error_io;

#endif
