/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * i8237.c: two 8237A DMA controllers as wired in a PC/AT (Intel 8237A data sheet), with page registers. Knows channels
 * and guest memory; not who uses a channel. Transfers happen when the chip asks, as fast as memory goes: single, block
 * and demand mode are the same here. Memory to memory, which a PC's wiring does not allow, is not done.
 */
#include "dev/i8237.h"

#include "dev/bytewise.h"
#include "machine/memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MODE_TYPE      0x0C
#define MODE_TO_MEMORY 0x04
#define MODE_TO_DEVICE 0x08
#define MODE_AUTO      0x10
#define MODE_DOWN      0x20
#define MODE_CASCADE   0xC0
#define COMMAND_OFF    0x04

enum { REG_STATUS = 8, REG_REQUEST, REG_MASK, REG_MODE, REG_FLIPFLOP, REG_CLEAR, REG_UNMASK, REG_MASKS };

struct dma_channel {
    uint16_t base_address, base_count; /* as programmed */
    uint16_t address, count;           /* now; count is transfers left - 1 */
    uint8_t mode;
    bool ended; /* count has run out and nobody has programmed the channel since: masked by hardware */
};

struct dma_controller {
    struct dma_channel channel[4];
    uint8_t command, mask, requests, ends; /* ends: terminal counts since the status was read */
    bool high_byte;                        /* the flip-flop */
};

struct i8237_state {
    struct dma_controller controller[2];
    uint8_t page[16];
};

struct i8237 {
    struct device dev;
    struct i8237_state s;
    struct memory *memory;         /* borrowed */
    void (*looking)(void *opaque); /* may be NULL */
    void *opaque;
};

static struct i8237 *to_dma(const struct device *d)
{
    return (struct i8237 *)(uintptr_t)d;
}

static void master_clear(struct dma_controller *c)
{
    c->command = c->requests = c->ends = 0;
    c->mask = 0x0F;
    c->high_byte = false;
}

static uint8_t half(struct dma_controller *c, uint16_t value)
{
    c->high_byte = !c->high_byte;
    return (uint8_t)(c->high_byte ? value : value >> 8);
}

static uint8_t controller_read(struct dma_controller *c, unsigned reg)
{
    const struct dma_channel *ch = &c->channel[reg >> 1 & 3];
    uint8_t value;

    if (reg < REG_STATUS)
        return half(c, reg & 1 ? ch->count : ch->address);
    switch (reg) {
    case REG_STATUS:
        value = (uint8_t)(c->requests << 4 | c->ends);
        c->ends = 0;
        return value;
    case REG_MASKS: return 0xF0 | c->mask;
    case REG_CLEAR: return 0; /* the temporary register of memory-to-memory transfers */
    default: return 0xFF;
    }
}

static void write_half(struct dma_controller *c, uint16_t *base, uint8_t value)
{
    c->high_byte = !c->high_byte;
    if (c->high_byte)
        *base = (uint16_t)((*base & 0xFF00) | value);
    else
        *base = (uint16_t)((*base & 0x00FF) | value << 8);
}

static void channel_program(struct dma_controller *c, unsigned reg, uint8_t value)
{
    struct dma_channel *ch = &c->channel[reg >> 1];

    if (reg & 1) {
        write_half(c, &ch->base_count, value);
        ch->count = ch->base_count;
    } else {
        write_half(c, &ch->base_address, value);
        ch->address = ch->base_address;
    }
    ch->ended = false;
}

static void controller_write(struct dma_controller *c, unsigned reg, uint8_t value)
{
    uint8_t bit = (uint8_t)(1u << (value & 3));

    if (reg < REG_STATUS) {
        channel_program(c, reg, value);
        return;
    }
    switch (reg) {
    case REG_STATUS: c->command = value; break;
    case REG_REQUEST: c->requests = value & 4 ? c->requests | bit : c->requests & (uint8_t)~bit; break;
    case REG_MASK: c->mask = value & 4 ? c->mask | bit : c->mask & (uint8_t)~bit; break;
    case REG_MODE: c->channel[value & 3].mode = value & 0xFC; break;
    case REG_FLIPFLOP: c->high_byte = false; break;
    case REG_CLEAR: master_clear(c); break;
    case REG_UNMASK: c->mask = 0; break;
    case REG_MASKS: c->mask = value & 0x0F; break;
    }
}

static void looking(struct device *d)
{
    if (to_dma(d)->looking)
        to_dma(d)->looking(to_dma(d)->opaque);
}

void i8237_set_looking(struct device *d, void (*look)(void *opaque), void *opaque)
{
    to_dma(d)->looking = look;
    to_dma(d)->opaque = opaque;
}

static uint8_t low_read_reg(struct device *d, unsigned reg)
{
    return controller_read(&to_dma(d)->s.controller[0], reg & 15);
}
static void low_write_reg(struct device *d, unsigned reg, uint8_t value)
{
    controller_write(&to_dma(d)->s.controller[0], reg & 15, value);
}

/* The second controller's address lines are shifted by one. */
static uint8_t high_read_reg(struct device *d, unsigned reg)
{
    return controller_read(&to_dma(d)->s.controller[1], reg >> 1 & 15);
}
static void high_write_reg(struct device *d, unsigned reg, uint8_t value)
{
    controller_write(&to_dma(d)->s.controller[1], reg >> 1 & 15, value);
}

static uint8_t page_read_reg(struct device *d, unsigned reg)
{
    return to_dma(d)->s.page[reg & 15];
}
static void page_write_reg(struct device *d, unsigned reg, uint8_t value)
{
    to_dma(d)->s.page[reg & 15] = value;
}

static uint64_t low_read(struct device *d, uint64_t offset, unsigned size)
{
    looking(d);
    return bytewise_read(d, offset, size, low_read_reg);
}
static void low_write(struct device *d, uint64_t offset, unsigned size, uint64_t value)
{
    looking(d);
    bytewise_write(d, offset, size, value, low_write_reg);
}
static uint64_t high_read(struct device *d, uint64_t offset, unsigned size)
{
    looking(d);
    return bytewise_read(d, offset, 1, high_read_reg);
}
static void high_write(struct device *d, uint64_t offset, unsigned size, uint64_t value)
{
    looking(d);
    bytewise_write(d, offset, 1, value, high_write_reg);
}
static uint64_t page_read(struct device *d, uint64_t offset, unsigned size)
{
    return bytewise_read(d, offset, size, page_read_reg);
}
static void page_write(struct device *d, uint64_t offset, unsigned size, uint64_t value)
{
    bytewise_write(d, offset, size, value, page_write_reg);
}

const struct io_ops i8237_low_io = {.read = low_read, .write = low_write};
const struct io_ops i8237_high_io = {.read = high_read, .write = high_write};
const struct io_ops i8237_page_io = {.read = page_read, .write = page_write};

/* Where channel 0..7 keeps its address bits 16..23, as an offset from port 0x80. */
static const uint8_t page_register[8] = {0x7, 0x3, 0x1, 0x2, 0xF, 0xB, 0x9, 0xA};

static gpa_t channel_gpa(const struct i8237 *p, unsigned n)
{
    const struct dma_channel *ch = &p->s.controller[n / 4].channel[n & 3];
    gpa_t page = p->s.page[page_register[n]];

    if (n < 4)
        return page << 16 | ch->address;
    return (page & ~1ull) << 16 | (gpa_t)ch->address << 1;
}

static bool channel_open(const struct i8237 *p, unsigned n, unsigned type)
{
    const struct dma_controller *c = &p->s.controller[n / 4];
    const struct dma_channel *ch = &c->channel[n & 3];

    if (n > 7 || n == 4 || c->command & COMMAND_OFF || c->mask >> (n & 3) & 1 || ch->ended)
        return false;
    if ((ch->mode & MODE_CASCADE) == MODE_CASCADE || p->s.controller[1].command & COMMAND_OFF)
        return false;
    /* the first controller reaches the processor through the second's channel 0 (4) */
    if (n < 4 && p->s.controller[1].mask & 1)
        return false;
    return !type || (ch->mode & MODE_TYPE) == type || !(ch->mode & MODE_TYPE);
}

bool i8237_ready(const struct device *d, unsigned channel)
{
    return channel_open(to_dma(d), channel, 0);
}

/* Moves at most `left` transfers of `width` bytes that lie in a row; the number moved. Direction 0 verifies: no data.
 */
static size_t move_run(struct i8237 *p, unsigned n, uint8_t *bytes, size_t left, unsigned width, bool to_memory)
{
    struct dma_channel *ch = &p->s.controller[n / 4].channel[n & 3];
    size_t run = left;
    gpa_t gpa = channel_gpa(p, n);

    if (run > (size_t)ch->count + 1)
        run = (size_t)ch->count + 1;
    if (ch->mode & MODE_DOWN)
        run = 1;
    else if (run > 0x10000u - ch->address) /* the address wraps within its page */
        run = 0x10000u - ch->address;
    if (!(ch->mode & MODE_TYPE)) {
        if (!to_memory)
            memset(bytes, 0, run * width);
    } else if (to_memory)
        mem_copy_out(p->memory, gpa, bytes, run * width); /* what is not RAM takes nothing */
    else if (mem_copy_in(p->memory, bytes, gpa, run * width))
        memset(bytes, 0xFF, run * width);
    ch->address = (uint16_t)(ch->mode & MODE_DOWN ? ch->address - run : ch->address + run);
    return run;
}

static size_t transfer(struct i8237 *p, unsigned n, uint8_t *bytes, size_t size, bool to_memory, bool *end)
{
    unsigned width = n < 4 ? 1 : 2;
    size_t left = size / width, moved = 0;

    *end = false;
    while (moved < left && channel_open(p, n, to_memory ? MODE_TO_MEMORY : MODE_TO_DEVICE)) {
        struct dma_controller *c = &p->s.controller[n / 4];
        struct dma_channel *ch = &c->channel[n & 3];
        size_t run = move_run(p, n, bytes + moved * width, left - moved, width, to_memory);
        bool ran_out = run == (size_t)ch->count + 1;

        moved += run;
        ch->count = (uint16_t)(ch->count - run);
        if (!ran_out)
            continue;
        *end = true;
        c->ends |= (uint8_t)(1u << (n & 3));
        if (!(ch->mode & MODE_AUTO)) {
            ch->ended = true;
            c->mask |= (uint8_t)(1u << (n & 3));
            break;
        }
        ch->address = ch->base_address;
        ch->count = ch->base_count;
    }
    return moved * width;
}

size_t i8237_to_memory(struct device *d, unsigned channel, const void *from, size_t n, bool *end)
{
    return transfer(to_dma(d), channel & 7, (uint8_t *)(uintptr_t)from, n, true, end);
}

size_t i8237_from_memory(struct device *d, unsigned channel, void *to, size_t n, bool *end)
{
    return transfer(to_dma(d), channel & 7, to, n, false, end);
}

void i8237_set_request(struct device *d, unsigned channel, bool on)
{
    struct dma_controller *c = &to_dma(d)->s.controller[channel / 4 & 1];
    uint8_t bit = (uint8_t)(1u << (channel & 3));

    c->requests = on ? c->requests | bit : c->requests & (uint8_t)~bit;
}

static void dma_reset(struct device *d)
{
    struct i8237 *p = to_dma(d);

    p->s = (struct i8237_state){0};
    master_clear(&p->s.controller[0]);
    master_clear(&p->s.controller[1]);
}

static int dma_check(const void *state)
{
    const struct i8237_state *s = state;

    for (unsigned i = 0; i < 2; i++) {
        const struct dma_controller *c = &s->controller[i];

        if (c->mask > 0x0F || c->requests > 0x0F || c->ends > 0x0F)
            return -EINVAL;
    }
    return 0;
}

static void dma_destroy(struct device *d)
{
    free(to_dma(d));
}

static const struct device_ops dma_ops = {
    .name = "i8237",
    .version = 1,
    .state_size = sizeof(struct i8237_state),
    .reset = dma_reset,
    .check = dma_check,
    .destroy = dma_destroy,
};

struct device *i8237_create(struct memory *memory)
{
    struct i8237 *p = calloc(1, sizeof *p);

    if (!p)
        return NULL;
    p->dev = (struct device){.ops = &dma_ops, .state = &p->s};
    p->memory = memory;
    dma_reset(&p->dev);
    return &p->dev;
}
