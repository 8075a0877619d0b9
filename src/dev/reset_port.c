/* SPDX-License-Identifier: GPL-2.0-or-later */
/* reset_port.c: RC, the reset control register (Intel 82371SB data sheet, 2.5.5.1). Knows not what a reset does. */
#include "dev/reset_port.h"

#include <errno.h>
#include <stdlib.h>

#define RESET_CPU  0x04 /* resets when it goes from 0 to 1 */
#define RESET_HARD 0x02
#define WRITABLE   (RESET_CPU | RESET_HARD)

struct reset_port_state {
    uint8_t control;
};

struct reset_port {
    struct device dev;
    struct reset_port_state s;
    struct lifecycle *life; /* borrowed */
};

static struct reset_port *to_port(struct device *d)
{
    return (struct reset_port *)d;
}

static uint64_t port_read(struct device *d, uint64_t offset, unsigned size)
{
    return to_port(d)->s.control;
}

static void port_write(struct device *d, uint64_t offset, unsigned size, uint64_t value)
{
    struct reset_port *p = to_port(d);
    uint8_t old = p->s.control;

    p->s.control = value & WRITABLE;
    if (value & RESET_CPU && !(old & RESET_CPU))
        lifecycle_request(p->life, LIFE_REBOOT, "reset control register");
}

const struct io_ops reset_port_io = {.read = port_read, .write = port_write};

static void port_reset(struct device *d)
{
    to_port(d)->s.control = 0;
}

static int port_check(const void *state)
{
    const struct reset_port_state *s = state;

    return s->control & ~WRITABLE ? -EINVAL : 0;
}

static void port_destroy(struct device *d)
{
    free(to_port(d));
}

static const struct device_ops port_ops = {
    .name = "reset-port",
    .version = 1,
    .state_size = sizeof(struct reset_port_state),
    .reset = port_reset,
    .check = port_check,
    .destroy = port_destroy,
};

struct device *reset_port_create(struct lifecycle *life)
{
    struct reset_port *p = calloc(1, sizeof *p);

    if (!p)
        return NULL;
    p->dev = (struct device){.ops = &port_ops, .state = &p->s};
    p->life = life;
    return &p->dev;
}
