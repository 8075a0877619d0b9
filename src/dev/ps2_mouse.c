/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ps2_mouse.c: the mouse's side of the PS/2 protocol (IBM PS/2 Hardware Interface Technical Reference, mouse; wheel and
 * further buttons as Microsoft's IntelliMouse and IntelliMouse Explorer). Knows packets; not the controller.
 * Motion gathers while the guest has not yet taken the last packet, so nothing is lost and nothing piles up.
 */
#include "dev/ps2_mouse.h"

#include "host/display/display.h"

#include <errno.h>
#include <stdlib.h>

#define CMD_SCALE_1    0xE6
#define CMD_SCALE_2    0xE7
#define CMD_RESOLUTION 0xE8
#define CMD_STATUS     0xE9
#define CMD_STREAM     0xEA
#define CMD_READ       0xEB
#define CMD_WRAP_OFF   0xEC
#define CMD_WRAP       0xEE
#define CMD_REMOTE     0xF0
#define CMD_IDENTIFY   0xF2
#define CMD_RATE       0xF3
#define CMD_ENABLE     0xF4
#define CMD_DISABLE    0xF5
#define CMD_DEFAULT    0xF6
#define CMD_RESET      0xFF
#define ID_PLAIN       0
#define ID_WHEEL       3
#define ID_EXPLORER    4
#define MAX_GATHERED   100000

struct ps2_mouse_state {
    struct ps2_queue queue;
    int32_t dx, dy, dz; /* not yet reported; dy upwards, dz towards the user */
    uint8_t buttons;    /* as in a packet: 1 left, 2 right, 4 middle, 8 and 16 more */
    uint8_t reported;   /* buttons in the last packet */
    uint8_t command;    /* that waits for its argument; 0: none */
    uint8_t id, rate, resolution;
    uint8_t knock; /* how far the guest has come with a secret sequence of rates */
    bool scale_2, remote, wrap, reporting;
};

struct ps2_mouse {
    struct ps2_device ps2;
    struct ps2_mouse_state s;
    struct display *display; /* borrowed */
    int input;
};

static struct ps2_mouse *to_mouse(struct ps2_device *p)
{
    return (struct ps2_mouse *)p;
}

static int clamp(int v, int low, int high)
{
    return v < low ? low : v > high ? high : v;
}

static int take(int32_t *gathered, int low, int high)
{
    int v = clamp(*gathered, low, high);

    *gathered -= v;
    return v;
}

/* put: ps2_queue_put for the stream, ps2_queue_answer for READ. */
static void make_packet(struct ps2_mouse *m, void (*put)(struct ps2_queue *q, uint8_t byte))
{
    struct ps2_queue *q = &m->s.queue;
    int dx = take(&m->s.dx, -255, 255), dy = take(&m->s.dy, -255, 255), dz;
    unsigned first = 8u | (m->s.buttons & 7u) | (dx < 0 ? 0x10u : 0) | (dy < 0 ? 0x20u : 0);

    put(q, (uint8_t)first);
    put(q, (uint8_t)dx);
    put(q, (uint8_t)dy);
    if (m->s.id == ID_WHEEL)
        put(q, (uint8_t)take(&m->s.dz, -127, 127));
    else if (m->s.id == ID_EXPLORER) {
        dz = take(&m->s.dz, -7, 7);
        put(q, (uint8_t)((dz & 0xF) | (m->s.buttons & 0x18) << 1));
    } else
        m->s.dz = 0;
    m->s.reported = m->s.buttons;
}

static bool anything_new(const struct ps2_mouse *m)
{
    return m->s.dx || m->s.dy || m->s.dz || m->s.buttons != m->s.reported;
}

static void stream(struct ps2_mouse *m)
{
    if (m->s.reporting && !m->s.remote && !m->s.wrap && !m->s.queue.count && anything_new(m))
        make_packet(m, ps2_queue_put);
}

void ps2_mouse_move(struct ps2_device *p, int dx, int dy, int wheel, unsigned buttons)
{
    struct ps2_mouse *m = to_mouse(p);

    if (!m->s.reporting && !m->s.remote)
        return;
    m->s.dx = clamp(m->s.dx + clamp(dx, -MAX_GATHERED, MAX_GATHERED), -MAX_GATHERED, MAX_GATHERED);
    m->s.dy = clamp(m->s.dy - clamp(dy, -MAX_GATHERED, MAX_GATHERED), -MAX_GATHERED, MAX_GATHERED);
    m->s.dz = clamp(m->s.dz - clamp(wheel, -MAX_GATHERED, MAX_GATHERED), -MAX_GATHERED, MAX_GATHERED);
    m->s.buttons = (uint8_t)((buttons & 1) | (buttons >> 1 & 2) | (buttons << 1 & 4) | (buttons & 0x18));
    stream(m);
    ps2_ready(p);
}

static void display_motion(void *opaque, int dx, int dy, int wheel, unsigned buttons)
{
    ps2_mouse_move(opaque, dx, dy, wheel, buttons);
}

static void answer(struct ps2_mouse *m, uint8_t byte)
{
    ps2_queue_answer(&m->s.queue, byte);
}

static void forget_motion(struct ps2_mouse *m)
{
    m->s.dx = m->s.dy = m->s.dz = 0;
    m->s.reported = m->s.buttons;
    m->s.queue.count = 0;
}

static void set_defaults(struct ps2_mouse *m)
{
    m->s.command = 0;
    m->s.rate = 100;
    m->s.resolution = 2;
    m->s.scale_2 = m->s.remote = m->s.wrap = m->s.reporting = false;
    forget_motion(m);
}

/* 200, 100, 80 asks for a wheel; 200, 200, 80 for five buttons too. */
static void follow_knock(struct ps2_mouse *m, uint8_t rate)
{
    static const uint8_t after_first[] = {100, 200};

    if (m->s.knock == 0 || (m->s.knock > 1 && rate != 80)) {
        m->s.knock = rate == 200;
        return;
    }
    if (m->s.knock == 1) {
        m->s.knock = 0;
        for (uint8_t i = 0; i < 2; i++)
            if (rate == after_first[i])
                m->s.knock = (uint8_t)(2 + i);
        return;
    }
    m->s.id = m->s.knock == 2 ? ID_WHEEL : ID_EXPLORER;
    m->s.knock = 0;
}

static void mouse_argument(struct ps2_mouse *m, uint8_t value)
{
    answer(m, PS2_ACK);
    if (m->s.command == CMD_RATE) {
        m->s.rate = value;
        follow_knock(m, value);
    } else
        m->s.resolution = value & 3;
    m->s.command = 0;
}

static void answer_status(struct ps2_mouse *m)
{
    uint8_t b = m->s.buttons;

    answer(m, (uint8_t)((b & 1) << 2 | (b & 4) >> 1 | (b & 2) >> 1 | (m->s.scale_2 ? 0x10 : 0) |
                        (m->s.reporting ? 0x20 : 0) | (m->s.remote ? 0x40 : 0)));
    answer(m, m->s.resolution);
    answer(m, m->s.rate);
}

static void mouse_reset_command(struct ps2_mouse *m)
{
    set_defaults(m);
    m->s.id = ID_PLAIN;
    m->s.knock = 0;
    m->s.queue.answer_count = 0;
    answer(m, PS2_ACK);
    answer(m, PS2_TEST_OK);
    answer(m, ID_PLAIN);
}

static void mouse_command(struct ps2_mouse *m, uint8_t value)
{
    if (value == CMD_RESET) {
        mouse_reset_command(m);
        return;
    }
    if (value == PS2_RESEND) {
        answer(m, m->s.queue.last);
        return;
    }
    answer(m, PS2_ACK);
    switch (value) {
    case CMD_SCALE_1: m->s.scale_2 = false; break;
    case CMD_SCALE_2: m->s.scale_2 = true; break;
    case CMD_RESOLUTION:
    case CMD_RATE: m->s.command = value; break;
    case CMD_STATUS: answer_status(m); break;
    case CMD_STREAM: m->s.remote = false; break;
    case CMD_READ: make_packet(m, ps2_queue_answer); break;
    case CMD_WRAP: m->s.wrap = true; break;
    case CMD_WRAP_OFF: break;
    case CMD_REMOTE:
        forget_motion(m);
        m->s.remote = true;
        break;
    case CMD_IDENTIFY: answer(m, m->s.id); break;
    case CMD_ENABLE:
        forget_motion(m);
        m->s.reporting = true;
        break;
    case CMD_DISABLE:
        m->s.reporting = false;
        m->s.queue.count = 0;
        break;
    case CMD_DEFAULT: set_defaults(m); break;
    default: m->s.queue.answers[m->s.queue.answer_count - 1] = PS2_RESEND; break; /* not an ACK after all */
    }
}

static void mouse_write(struct ps2_device *p, uint8_t byte)
{
    struct ps2_mouse *m = to_mouse(p);

    if (m->s.wrap && byte != CMD_RESET && byte != CMD_WRAP_OFF)
        answer(m, byte);
    else if (m->s.command)
        mouse_argument(m, byte);
    else {
        m->s.wrap = false;
        mouse_command(m, byte);
    }
    ps2_ready(p);
}

static int mouse_read(struct ps2_device *p)
{
    struct ps2_mouse *m = to_mouse(p);

    if (!m->s.queue.answer_count)
        stream(m);
    return ps2_queue_take(&m->s.queue);
}

static void mouse_reset(struct device *d)
{
    struct ps2_mouse *m = (struct ps2_mouse *)d;

    m->s = (struct ps2_mouse_state){0};
    set_defaults(m);
}

static int mouse_check(const void *state)
{
    const struct ps2_mouse_state *s = state;

    if (!ps2_queue_valid(&s->queue) || s->knock > 3 || (s->id != ID_PLAIN && s->id != ID_WHEEL && s->id != ID_EXPLORER))
        return -EINVAL;
    return clamp(s->dx, -MAX_GATHERED, MAX_GATHERED) == s->dx && clamp(s->dy, -MAX_GATHERED, MAX_GATHERED) == s->dy &&
                   clamp(s->dz, -MAX_GATHERED, MAX_GATHERED) == s->dz
               ? 0
               : -EINVAL;
}

static void mouse_destroy(struct device *d)
{
    struct ps2_mouse *m = (struct ps2_mouse *)d;

    if (m->input >= 0)
        display_remove_input(m->display, m->input);
    free(m);
}

static const struct device_ops mouse_ops = {
    .name = "ps2-mouse",
    .version = 1,
    .state_size = sizeof(struct ps2_mouse_state),
    .reset = mouse_reset,
    .check = mouse_check,
    .destroy = mouse_destroy,
};

struct ps2_device *ps2_mouse_create(struct display *display)
{
    struct ps2_mouse *m = calloc(1, sizeof *m);
    struct display_input in = {.pointer_relative = display_motion, .opaque = m};

    if (!m)
        return NULL;
    m->ps2 = (struct ps2_device){.write = mouse_write, .read = mouse_read};
    m->ps2.dev = (struct device){.ops = &mouse_ops, .state = &m->s};
    m->display = display;
    m->input = display ? display_add_input(display, &in) : -1;
    mouse_reset(&m->ps2.dev);
    return &m->ps2;
}
