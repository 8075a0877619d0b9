/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * irq.h: a wire. The chip that drives it calls irq_set(); whoever made it gets the level. Needs the machine lock.
 * The board owns lines and connects them; a chip borrows the line it drives.
 */
#ifndef DOMUS_MACHINE_IRQ_H
#define DOMUS_MACHINE_IRQ_H

#include "base/types.h"

struct irq_line {
    void (*changed)(void *opaque, unsigned n, bool level); /* called on changes only; may be NULL: not connected */
    void *opaque;
    unsigned n; /* the receiver's pin number */
    bool level;
};

static inline void irq_set(struct irq_line *line, bool level)
{
    if (!line || line->level == level)
        return;
    line->level = level;
    if (line->changed)
        line->changed(line->opaque, line->n, level);
}

/* Up and down again: an edge. */
static inline void irq_pulse(struct irq_line *line)
{
    irq_set(line, true);
    irq_set(line, false);
}

#endif
