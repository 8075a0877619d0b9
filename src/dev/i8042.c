/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * i8042.c: the keyboard controller of a PC/AT and PS/2 (IBM PS/2 Hardware Interface Technical Reference). Knows bytes
 * between the processor and two PS/2 ports; not what keys or motion are.
 *
 * The next byte comes a little after the last was read, as on a wire: programs that read port 0x60 twice for one
 * interrupt rely on getting the same byte again.
 * Deviation: A20 is remembered and shown but masks nothing, as on Xen.
 */
#include "dev/i8042.h"

#include "dev/ps2_keyboard.h"

#include <errno.h>
#include <stdlib.h>

#define BYTE_GAP_NS       200000
#define STATUS_OUTPUT     0x01
#define STATUS_SYSTEM     0x04
#define STATUS_COMMAND    0x08
#define STATUS_UNLOCKED   0x10
#define STATUS_MOUSE      0x20
#define MODE_IRQ_KEYBOARD 0x01
#define MODE_IRQ_MOUSE    0x02
#define MODE_SYSTEM       0x04
#define MODE_NO_KEYBOARD  0x10
#define MODE_NO_MOUSE     0x20
#define MODE_TRANSLATE    0x40
#define OUT_NOT_RESET     0x01
#define OUT_A20           0x02
#define PORT92_RESET      0x01
#define PORT92_A20        0x02
#define CMD_WRITE_MODE    0x60
#define CMD_WRITE_OUTPUT  0xD1
#define CMD_AS_KEYBOARD   0xD2
#define CMD_AS_MOUSE      0xD3
#define CMD_TO_MOUSE      0xD4

struct i8042_state {
    uint64_t next_ns; /* not before this may a byte follow the last */
    uint8_t ram[32];  /* 0 is the mode ("command byte") */
    uint8_t data;
    uint8_t command; /* that waits for its argument; 0: none */
    uint8_t output_port;
    bool full, from_mouse; /* data is unread; whose it is */
    bool last_was_command; /* the last write went to 0x64 */
    bool break_prefix;     /* translation has swallowed an F0 */
};

struct i8042 {
    struct device dev;
    struct i8042_state s;
    struct i8042_config config;
    struct loop *loop; /* borrowed */
    struct timer gap;
};

static struct i8042 *to_kbc(struct device *d)
{
    return (struct i8042 *)d;
}

static void kbc_drive(struct i8042 *k)
{
    uint8_t mode = k->s.ram[0];

    irq_set(k->config.irq1, k->s.full && !k->s.from_mouse && mode & MODE_IRQ_KEYBOARD);
    irq_set(k->config.irq12, k->s.full && k->s.from_mouse && mode & MODE_IRQ_MOUSE);
}

static void give(struct i8042 *k, uint8_t byte, bool from_mouse)
{
    k->s.data = byte;
    k->s.full = true;
    k->s.from_mouse = from_mouse;
    kbc_drive(k);
}

/* The next byte of the keyboard as the processor shall see it, or -1. */
static int keyboard_byte(struct i8042 *k)
{
    int byte;

    if (!k->config.keyboard)
        return -1;
    while ((byte = k->config.keyboard->read(k->config.keyboard)) >= 0) {
        if (!(k->s.ram[0] & MODE_TRANSLATE))
            return byte;
        if (byte == 0xF0) {
            k->s.break_prefix = true;
            continue;
        }
        byte = ps2_translate((uint8_t)byte) | (k->s.break_prefix ? 0x80 : 0);
        k->s.break_prefix = false;
        return byte;
    }
    return -1;
}

/* Fetches a byte from a port when there is room for it. */
static void kbc_fetch(struct i8042 *k)
{
    int byte = -1;

    if (k->s.full)
        return;
    if (loop_now_ns(k->loop) < k->s.next_ns) {
        timer_set(&k->gap, k->s.next_ns);
        return;
    }
    if (!(k->s.ram[0] & MODE_NO_KEYBOARD) && (byte = keyboard_byte(k)) >= 0)
        give(k, (uint8_t)byte, false);
    else if (!(k->s.ram[0] & MODE_NO_MOUSE) && k->config.mouse && (byte = k->config.mouse->read(k->config.mouse)) >= 0)
        give(k, (uint8_t)byte, true);
}

static void port_ready(void *opaque)
{
    kbc_fetch(opaque);
}

static uint64_t data_read(struct device *d, uint64_t offset, unsigned size)
{
    struct i8042 *k = to_kbc(d);

    if (k->s.full) {
        k->s.full = false;
        kbc_drive(k);
        k->s.next_ns = loop_now_ns(k->loop) + BYTE_GAP_NS;
        timer_set(&k->gap, k->s.next_ns);
    }
    return k->s.data;
}

static void set_output_port(struct i8042 *k, uint8_t value)
{
    k->s.output_port = value & (OUT_NOT_RESET | OUT_A20);
    if (!(value & OUT_NOT_RESET)) {
        k->s.output_port |= OUT_NOT_RESET;
        lifecycle_request(k->config.life, LIFE_REBOOT, "keyboard controller reset");
    }
}

static void set_mode(struct i8042 *k, uint8_t value)
{
    k->s.ram[0] = value;
    kbc_drive(k);
    kbc_fetch(k);
}

static void command_argument(struct i8042 *k, uint8_t value)
{
    uint8_t command = k->s.command;

    k->s.command = 0;
    switch (command) {
    case CMD_WRITE_MODE: set_mode(k, value); break;
    case CMD_WRITE_MODE + 1 ... CMD_WRITE_MODE + 31: k->s.ram[command & 31] = value; break;
    case CMD_WRITE_OUTPUT: set_output_port(k, value); break;
    case CMD_AS_KEYBOARD: give(k, value, false); break;
    case CMD_AS_MOUSE: give(k, value, true); break;
    case CMD_TO_MOUSE:
        k->s.ram[0] &= (uint8_t)~MODE_NO_MOUSE;
        if (k->config.mouse)
            k->config.mouse->write(k->config.mouse, value);
        else
            give(k, PS2_RESEND, true);
        break;
    }
}

static void data_write(struct device *d, uint64_t offset, unsigned size, uint64_t value)
{
    struct i8042 *k = to_kbc(d);

    k->s.last_was_command = false;
    if (k->s.command)
        command_argument(k, (uint8_t)value);
    else {
        k->s.ram[0] &= (uint8_t)~MODE_NO_KEYBOARD; /* talking to the keyboard enables it */
        if (k->config.keyboard)
            k->config.keyboard->write(k->config.keyboard, (uint8_t)value);
    }
    kbc_fetch(k);
}

static uint64_t status_read(struct device *d, uint64_t offset, unsigned size)
{
    const struct i8042_state *s = &to_kbc(d)->s;

    return (s->full ? STATUS_OUTPUT : 0u) | (s->ram[0] & MODE_SYSTEM ? STATUS_SYSTEM : 0u) |
           (s->last_was_command ? STATUS_COMMAND : 0u) | STATUS_UNLOCKED |
           (s->full && s->from_mouse ? STATUS_MOUSE : 0u);
}

static void self_test(struct i8042 *k)
{
    k->s.ram[0] = MODE_SYSTEM | MODE_TRANSLATE | MODE_NO_KEYBOARD | MODE_NO_MOUSE;
    k->s.break_prefix = false;
    give(k, 0x55, false);
}

static void kbc_command(struct i8042 *k, uint8_t value)
{
    uint8_t mode = k->s.ram[0];

    k->s.command = 0;
    switch (value) {
    case 0x00 ... 0x1F: /* some chips take these as 0x20 .. 0x3F */
    case 0x20 ... 0x3F: give(k, k->s.ram[value & 31], false); break;
    case 0x40 ... 0x5F:
    case 0x60 ... 0x7F: k->s.command = (uint8_t)(CMD_WRITE_MODE | (value & 31)); break;
    case 0xA7: set_mode(k, mode | MODE_NO_MOUSE); break;
    case 0xA8: set_mode(k, mode & (uint8_t)~MODE_NO_MOUSE); break;
    case 0xA9: give(k, 0x00, false); break; /* mouse port: wires are fine */
    case 0xAA: self_test(k); break;
    case 0xAB: give(k, 0x00, false); break;
    case 0xAD: set_mode(k, mode | MODE_NO_KEYBOARD); break;
    case 0xAE: set_mode(k, mode & (uint8_t)~MODE_NO_KEYBOARD); break;
    case 0xC0: give(k, 0x80, false); break; /* input port: not locked */
    case 0xD0: give(k, (uint8_t)(k->s.output_port | (k->s.full ? (k->s.from_mouse ? 0x20 : 0x10) : 0)), false); break;
    case CMD_WRITE_OUTPUT:
    case CMD_AS_KEYBOARD:
    case CMD_AS_MOUSE:
    case CMD_TO_MOUSE: k->s.command = value; break;
    case 0xDD: k->s.output_port &= (uint8_t)~OUT_A20; break;
    case 0xDF: k->s.output_port |= OUT_A20; break;
    case 0xE0: give(k, 0x00, false); break; /* test inputs */
    case 0xF0 ... 0xFF:                     /* pulses the output port's bits that are 0 */
        if (!(value & OUT_NOT_RESET))
            lifecycle_request(k->config.life, LIFE_REBOOT, "keyboard controller reset");
        break;
    default: break; /* a real one ignores the rest too */
    }
}

static void command_write(struct device *d, uint64_t offset, unsigned size, uint64_t value)
{
    to_kbc(d)->s.last_was_command = true;
    kbc_command(to_kbc(d), (uint8_t)value);
}

static uint64_t port92_read(struct device *d, uint64_t offset, unsigned size)
{
    return to_kbc(d)->s.output_port & OUT_A20 ? PORT92_A20 : 0;
}

static void port92_write(struct device *d, uint64_t offset, unsigned size, uint64_t value)
{
    struct i8042 *k = to_kbc(d);

    k->s.output_port = (uint8_t)((k->s.output_port & ~OUT_A20) | (value & PORT92_A20 ? OUT_A20 : 0));
    if (value & PORT92_RESET)
        lifecycle_request(k->config.life, LIFE_REBOOT, "port 0x92 reset");
}

const struct io_ops i8042_data_io = {.read = data_read, .write = data_write};
const struct io_ops i8042_command_io = {.read = status_read, .write = command_write};
const struct io_ops i8042_port92_io = {.read = port92_read, .write = port92_write};

static void kbc_reset(struct device *d)
{
    struct i8042 *k = to_kbc(d);

    timer_cancel(&k->gap);
    k->s = (struct i8042_state){.output_port = OUT_NOT_RESET | OUT_A20};
    k->s.ram[0] = MODE_IRQ_KEYBOARD | MODE_SYSTEM | MODE_TRANSLATE | MODE_NO_MOUSE;
    kbc_drive(k);
}

static int kbc_check(const void *state)
{
    const struct i8042_state *s = state;

    return s->output_port & ~(OUT_NOT_RESET | OUT_A20) ? -EINVAL : 0;
}

static void kbc_loaded(struct device *d)
{
    struct i8042 *k = to_kbc(d);

    kbc_drive(k);
    if (!k->s.full) /* the ports' own state may come after ours: look a moment later */
        timer_set(&k->gap, loop_now_ns(k->loop) + 1);
}

static void kbc_destroy(struct device *d)
{
    struct i8042 *k = to_kbc(d);

    timer_cancel(&k->gap);
    if (k->config.keyboard)
        k->config.keyboard->ready = NULL;
    if (k->config.mouse)
        k->config.mouse->ready = NULL;
    free(k);
}

static const struct device_ops kbc_ops = {
    .name = "i8042",
    .version = 1,
    .state_size = sizeof(struct i8042_state),
    .reset = kbc_reset,
    .check = kbc_check,
    .loaded = kbc_loaded,
    .destroy = kbc_destroy,
};

static void plug(struct i8042 *k, struct ps2_device *p)
{
    if (!p)
        return;
    p->ready = port_ready;
    p->opaque = k;
}

struct device *i8042_create(struct loop *loop, const struct i8042_config *config)
{
    struct i8042 *k = calloc(1, sizeof *k);

    if (!k)
        return NULL;
    k->dev = (struct device){.ops = &kbc_ops, .state = &k->s};
    k->config = *config;
    k->loop = loop;
    timer_init(&k->gap, loop, port_ready, k);
    plug(k, config->keyboard);
    plug(k, config->mouse);
    kbc_reset(&k->dev);
    return &k->dev;
}
