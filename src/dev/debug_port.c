/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * debug_port.c: a port whose bytes are text, gathered to lines. Reads give 0xE9: "somebody is there" to programs that
 * probe. Knows nothing of where lines go. A guest that floods loses lines, and a line says how many.
 */
#include "dev/debug_port.h"

#include "dev/bytewise.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define LINE_BYTES       160
#define LINES_PER_SECOND 1000 /* the whole output of hvmloader and SeaBIOS is less */
#define PRESENT          0xE9

struct debug_port_state {
    uint32_t used;
    char text[LINE_BYTES];
};

struct debug_port {
    struct device dev;
    struct debug_port_state s;
    void (*line)(void *opaque, const char *text);
    void *opaque;
    time_t second; /* of the host */
    unsigned lines, dropped;
};

static struct debug_port *to_port(struct device *d)
{
    return (struct debug_port *)d;
}

static void port_flush(struct debug_port *p)
{
    time_t now = time(NULL);
    char note[64];

    p->s.text[p->s.used] = '\0';
    p->s.used = 0;
    if (now != p->second) {
        if (p->dropped) {
            snprintf(note, sizeof note, "(%u lines dropped)", p->dropped);
            p->line(p->opaque, note);
        }
        p->second = now;
        p->lines = p->dropped = 0;
    }
    if (p->lines < LINES_PER_SECOND) {
        p->lines++;
        p->line(p->opaque, p->s.text);
    } else
        p->dropped++;
}

static void port_write_reg(struct device *d, unsigned reg, uint8_t value)
{
    struct debug_port *p = to_port(d);

    if (value == '\n') {
        port_flush(p);
        return;
    }
    if (value == '\r')
        return;
    p->s.text[p->s.used++] = (value >= ' ' && value < 0x7F) || value == '\t' ? (char)value : '?';
    if (p->s.used == LINE_BYTES - 1)
        port_flush(p);
}

static uint64_t port_read(struct device *d, uint64_t offset, unsigned size)
{
    return PRESENT;
}

static void port_write(struct device *d, uint64_t offset, unsigned size, uint64_t value)
{
    bytewise_write(d, offset, size, value, port_write_reg);
}

const struct io_ops debug_port_io = {.read = port_read, .write = port_write};

static void port_reset(struct device *d)
{
    if (to_port(d)->s.used)
        port_flush(to_port(d));
}

static int port_check(const void *state)
{
    const struct debug_port_state *s = state;

    return s->used < LINE_BYTES - 1 ? 0 : -EINVAL;
}

static void port_destroy(struct device *d)
{
    port_reset(d);
    free(to_port(d));
}

static const struct device_ops port_ops = {
    .name = "debug-port",
    .version = 1,
    .state_size = sizeof(struct debug_port_state),
    .reset = port_reset,
    .check = port_check,
    .destroy = port_destroy,
};

struct device *debug_port_create(void (*line)(void *opaque, const char *text), void *opaque)
{
    struct debug_port *p = calloc(1, sizeof *p);

    if (!p)
        return NULL;
    p->dev = (struct device){.ops = &port_ops, .state = &p->s};
    p->line = line;
    p->opaque = opaque;
    return &p->dev;
}
