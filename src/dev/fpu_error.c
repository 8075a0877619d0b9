/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fpu_error.c: coprocessor errors as the AT has them (Intel 82371SB data sheet, FERR# and 2.5.5.2). FERR# raises ISA
 * interrupt 13; a write to port F0h takes it back and asserts IGNNE#, until the processor takes back FERR#. Knows not
 * when a processor has an error.
 */
#include "dev/fpu_error.h"

#include <errno.h>
#include <stdlib.h>

struct fpu_error_state {
    uint8_t ferr, ignne; /* 0 or 1; ignne only while ferr */
};

struct fpu_error {
    struct device dev;
    struct fpu_error_state s;
    struct irq_line *irq13; /* borrowed */
};

static struct fpu_error *to_fpu_error(struct device *d)
{
    return (struct fpu_error *)d;
}

static void fpu_error_update(struct device *d)
{
    const struct fpu_error_state *s = &to_fpu_error(d)->s;

    irq_set(to_fpu_error(d)->irq13, s->ferr && !s->ignne);
}

bool fpu_error_set(struct device *d, bool ferr)
{
    struct fpu_error_state *s = &to_fpu_error(d)->s;

    s->ferr = ferr;
    if (!ferr)
        s->ignne = 0;
    fpu_error_update(d);
    return s->ignne;
}

static uint64_t fpu_error_read(struct device *d, uint64_t offset, unsigned size)
{
    return 0xff;
}

static void fpu_error_write(struct device *d, uint64_t offset, unsigned size, uint64_t value)
{
    to_fpu_error(d)->s.ignne = to_fpu_error(d)->s.ferr;
    fpu_error_update(d);
}

const struct io_ops fpu_error_io = {.read = fpu_error_read, .write = fpu_error_write};

static void fpu_error_reset(struct device *d)
{
    fpu_error_set(d, false);
}

static int fpu_error_check(const void *state)
{
    const struct fpu_error_state *s = state;

    return s->ferr > 1 || s->ignne > s->ferr ? -EINVAL : 0;
}

static void fpu_error_destroy(struct device *d)
{
    free(to_fpu_error(d));
}

static const struct device_ops fpu_error_ops = {
    .name = "fpu-error",
    .version = 1,
    .state_size = sizeof(struct fpu_error_state),
    .reset = fpu_error_reset,
    .check = fpu_error_check,
    .loaded = fpu_error_update,
    .destroy = fpu_error_destroy,
};

struct device *fpu_error_create(struct irq_line *irq13)
{
    struct fpu_error *f = calloc(1, sizeof *f);

    if (!f)
        return NULL;
    f->dev = (struct device){.ops = &fpu_error_ops, .state = &f->s};
    f->irq13 = irq13;
    return &f->dev;
}
