/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * i8259.c: two 8259A interrupt controllers, the second on the first's input 2 (Intel 8259A data sheet), and ELCR
 * (82371SB data sheet). Knows inputs 0..15 and its output; not who drives or acknowledges them, nor the ports.
 *
 * Deviation: an edge stays latched when the input falls before the acknowledge, so that a chip may pulse its line
 * (the data sheet gives a spurious interrupt 7); what all PC hypervisors do.
 */
#include "dev/i8259.h"

#include "dev/bytewise.h"

#include <errno.h>
#include <stdlib.h>

#define CASCADE     2
#define ICW1        0x10
#define ICW1_IC4    0x01
#define ICW4_AEOI   0x02
#define ICW4_SFNM   0x10
#define OCW3        0x08
#define ELCR_MASTER 0xF8 /* inputs 0..2 are edge-triggered for ever */
#define ELCR_SLAVE  0xDE /* and so are 8 and 13 */

struct chip {
    uint8_t irr, imr, isr;
    uint8_t lines; /* levels of the inputs */
    uint8_t elcr;
    uint8_t base;  /* vector of input 0 */
    uint8_t first; /* input with the highest priority */
    uint8_t icw;   /* the initialization word expected next, 2..4; 0: running */
    bool want_icw4, read_isr, poll;
    bool special_mask, special_nested, auto_eoi, rotate_auto;
};

struct i8259_state {
    struct chip chip[2];
};

struct i8259 {
    struct device dev;
    struct i8259_state s;
    struct irq_line *intr; /* borrowed */
};

static struct i8259 *to_pic(const struct device *d)
{
    return (struct i8259 *)(uintptr_t)d;
}

/* Rank (0 is best) of the best input in mask, 8 when it is empty. */
static unsigned chip_rank(const struct chip *c, uint8_t mask)
{
    for (unsigned i = 0; i < 8; i++)
        if (mask >> ((c->first + i) & 7) & 1)
            return i;
    return 8;
}

/* The input that may interrupt now, or -1. */
static int chip_request(const struct chip *c, bool master)
{
    unsigned rank = chip_rank(c, c->irr & (uint8_t)~c->imr);
    uint8_t busy = c->isr;

    if (c->special_mask)
        busy &= (uint8_t)~c->imr;
    if (master && c->special_nested)
        busy &= (uint8_t) ~(1u << CASCADE);
    if (rank == 8 || rank >= chip_rank(c, busy))
        return -1;
    return (int)((c->first + rank) & 7);
}

static void chip_input(struct chip *c, unsigned n, bool level, bool level_triggered)
{
    uint8_t bit = (uint8_t)(1u << n);

    if (level_triggered)
        c->irr = level ? c->irr | bit : c->irr & (uint8_t)~bit;
    else if (level && !(c->lines & bit))
        c->irr |= bit;
    c->lines = level ? c->lines | bit : c->lines & (uint8_t)~bit;
}

static void chip_ack(struct chip *c, unsigned n)
{
    uint8_t bit = (uint8_t)(1u << n);

    if (!(c->elcr & bit))
        c->irr &= (uint8_t)~bit;
    if (!c->auto_eoi)
        c->isr |= bit;
    else if (c->rotate_auto)
        c->first = (uint8_t)((n + 1) & 7);
}

static void pic_update(struct device *d)
{
    struct i8259 *p = to_pic(d);

    chip_input(&p->s.chip[0], CASCADE, chip_request(&p->s.chip[1], false) >= 0, true);
    irq_set(p->intr, chip_request(&p->s.chip[0], true) >= 0);
}

void i8259_set_irq(void *opaque, unsigned n, bool level)
{
    struct i8259 *p = opaque;
    struct chip *c = &p->s.chip[n >> 3 & 1];

    if (n > 15 || n == CASCADE)
        return;
    chip_input(c, n & 7, level, c->elcr >> (n & 7) & 1);
    pic_update(&p->dev);
}

bool i8259_waiting(const struct device *d, unsigned n)
{
    const struct chip *c = &to_pic(d)->s.chip[n >> 3 & 1];

    return (c->irr & ~c->imr) >> (n & 7) & 1;
}

/* Acknowledges what chip `which` requests; its vector. */
static int pic_chip_ack(struct i8259 *p, unsigned which)
{
    struct chip *c = &p->s.chip[which];
    int n = chip_request(c, which == 0);

    if (n < 0)
        return c->base + 7;
    chip_ack(c, (unsigned)n);
    if (which == 0 && n == CASCADE)
        return pic_chip_ack(p, 1);
    return c->base + n;
}

int i8259_ack(struct device *d)
{
    int vector = pic_chip_ack(to_pic(d), 0);

    pic_update(d);
    return vector;
}

static void chip_eoi(struct chip *c, unsigned n, bool rotate)
{
    c->isr &= (uint8_t) ~(1u << n);
    if (rotate)
        c->first = (uint8_t)((n + 1) & 7);
}

static void chip_ocw2(struct chip *c, uint8_t value)
{
    unsigned n = value & 7;
    uint8_t busy = c->isr;

    switch (value >> 5) {
    case 0: c->rotate_auto = false; break;
    case 4: c->rotate_auto = true; break;
    case 1: /* EOI without a number: the one of the highest priority; those hidden by special mask mode excepted */
    case 5:
        if (c->special_mask)
            busy &= (uint8_t)~c->imr;
        if (busy)
            chip_eoi(c, (c->first + chip_rank(c, busy)) & 7, value >> 7);
        break;
    case 3:
    case 7: chip_eoi(c, n, value >> 7); break;
    case 6: c->first = (uint8_t)((n + 1) & 7); break;
    }
}

static void chip_ocw3(struct chip *c, uint8_t value)
{
    if (value & 0x04)
        c->poll = true;
    if (value & 0x02)
        c->read_isr = value & 1;
    if (value & 0x40)
        c->special_mask = value >> 5 & 1;
}

static void chip_icw1(struct chip *c, uint8_t value)
{
    c->irr = c->lines & c->elcr;
    c->imr = c->isr = 0;
    c->first = 0;
    c->icw = 2;
    c->want_icw4 = value & ICW1_IC4;
    c->read_isr = c->poll = c->special_mask = c->special_nested = c->auto_eoi = c->rotate_auto = false;
}

static void chip_icw(struct chip *c, uint8_t value)
{
    switch (c->icw) {
    case 2:
        c->base = value & 0xF8;
        c->icw = 3;
        break;
    case 3: c->icw = c->want_icw4 ? 4 : 0; break; /* the cascade is wired, whatever the guest says */
    case 4:
        c->auto_eoi = value & ICW4_AEOI;
        c->special_nested = value & ICW4_SFNM;
        c->icw = 0;
        break;
    }
}

static void pic_write(struct device *d, unsigned which, unsigned reg, uint8_t value)
{
    struct chip *c = &to_pic(d)->s.chip[which];

    if (reg == 0 && value & ICW1)
        chip_icw1(c, value);
    else if (reg == 0 && value & OCW3)
        chip_ocw3(c, value);
    else if (reg == 0)
        chip_ocw2(c, value);
    else if (c->icw)
        chip_icw(c, value);
    else
        c->imr = value;
    pic_update(d);
}

static uint8_t pic_read(struct device *d, unsigned which, unsigned reg)
{
    struct chip *c = &to_pic(d)->s.chip[which];

    if (c->poll) { /* a poll is an acknowledge by the program */
        int n = chip_request(c, which == 0);

        c->poll = false;
        if (n >= 0)
            chip_ack(c, (unsigned)n);
        pic_update(d);
        return n >= 0 ? (uint8_t)(0x80 | n) : 0x07;
    }
    if (reg)
        return c->imr;
    return c->read_isr ? c->isr : c->irr;
}

static uint8_t master_read(struct device *d, unsigned reg)
{
    return pic_read(d, 0, reg);
}
static uint8_t slave_read(struct device *d, unsigned reg)
{
    return pic_read(d, 1, reg);
}
static void master_write(struct device *d, unsigned reg, uint8_t value)
{
    pic_write(d, 0, reg, value);
}
static void slave_write(struct device *d, unsigned reg, uint8_t value)
{
    pic_write(d, 1, reg, value);
}

static uint8_t elcr_read(struct device *d, unsigned reg)
{
    return to_pic(d)->s.chip[reg & 1].elcr;
}

static void elcr_write(struct device *d, unsigned reg, uint8_t value)
{
    struct chip *c = &to_pic(d)->s.chip[reg & 1];
    uint8_t old = c->elcr;

    c->elcr = value & (reg & 1 ? ELCR_SLAVE : ELCR_MASTER);
    /* what became level-triggered now follows its line */
    c->irr = (uint8_t)((c->irr & ~(c->elcr & ~old)) | (c->lines & c->elcr));
    pic_update(d);
}

static uint64_t i8259_master_read(struct device *d, uint64_t offset, unsigned size)
{
    return bytewise_read(d, offset, size, master_read);
}
static void i8259_master_write(struct device *d, uint64_t offset, unsigned size, uint64_t value)
{
    bytewise_write(d, offset, size, value, master_write);
}
static uint64_t i8259_slave_read(struct device *d, uint64_t offset, unsigned size)
{
    return bytewise_read(d, offset, size, slave_read);
}
static void i8259_slave_write(struct device *d, uint64_t offset, unsigned size, uint64_t value)
{
    bytewise_write(d, offset, size, value, slave_write);
}
static uint64_t i8259_elcr_read(struct device *d, uint64_t offset, unsigned size)
{
    return bytewise_read(d, offset, size, elcr_read);
}
static void i8259_elcr_write(struct device *d, uint64_t offset, unsigned size, uint64_t value)
{
    bytewise_write(d, offset, size, value, elcr_write);
}

const struct io_ops i8259_master_io = {.read = i8259_master_read, .write = i8259_master_write};
const struct io_ops i8259_slave_io = {.read = i8259_slave_read, .write = i8259_slave_write};
const struct io_ops i8259_elcr_io = {.read = i8259_elcr_read, .write = i8259_elcr_write};

static void pic_reset(struct device *d)
{
    struct i8259 *p = to_pic(d);

    for (unsigned i = 0; i < 2; i++) {
        uint8_t lines = p->s.chip[i].lines;

        p->s.chip[i] = (struct chip){.lines = lines};
    }
    pic_update(d);
}

static int pic_check(const void *state)
{
    const struct i8259_state *s = state;

    for (unsigned i = 0; i < 2; i++) {
        const struct chip *c = &s->chip[i];

        if (c->first > 7 || c->base & 7 || c->icw > 4 || c->icw == 1 ||
            c->elcr & (uint8_t) ~(i ? ELCR_SLAVE : ELCR_MASTER))
            return -EINVAL;
    }
    return 0;
}

static void pic_destroy(struct device *d)
{
    free(to_pic(d));
}

static const struct device_ops pic_ops = {
    .name = "i8259",
    .version = 1,
    .state_size = sizeof(struct i8259_state),
    .reset = pic_reset,
    .check = pic_check,
    .loaded = pic_update,
    .destroy = pic_destroy,
};

struct device *i8259_create(struct irq_line *intr)
{
    struct i8259 *p = calloc(1, sizeof *p);

    if (!p)
        return NULL;
    p->dev = (struct device){.ops = &pic_ops, .state = &p->s};
    p->intr = intr;
    pic_reset(&p->dev);
    return &p->dev;
}
