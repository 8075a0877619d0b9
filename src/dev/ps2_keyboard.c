/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ps2_keyboard.c: the keyboard's side of the PS/2 protocol (IBM PS/2 Hardware Interface Technical Reference, keyboard).
 * Knows keys and scan codes; not the controller, nor who presses them. Repeats come from the viewer's own keyboard; the
 * typematic rate is kept and not used.
 */
#include "dev/ps2_keyboard.h"

#include "host/display/display.h"

#include <errno.h>
#include <stdlib.h>

#define KEY_PAUSE     0xE11D
#define KEY_PRINT     0xE037
#define LONGEST_KEY   8 /* bytes of Pause */
#define CMD_LEDS      0xED
#define CMD_ECHO      0xEE
#define CMD_SET       0xF0
#define CMD_IDENTIFY  0xF2
#define CMD_RATE      0xF3
#define CMD_ENABLE    0xF4
#define CMD_DISABLE   0xF5
#define CMD_DEFAULT   0xF6
#define CMD_ALL_FIRST 0xF7 /* F7..FA: all keys of set 3 */
#define CMD_KEY_LAST  0xFD /* FB..FD: one key of set 3, which follows */
#define CMD_RESET     0xFF

struct ps2_keyboard_state {
    struct ps2_queue queue;
    uint8_t command; /* that waits for its argument; 0: none */
    uint8_t set;     /* 1..3 */
    uint8_t leds, rate;
    bool scanning;
};

struct ps2_keyboard {
    struct ps2_device ps2;
    struct ps2_keyboard_state s;
    struct display *display; /* borrowed */
    int input;
};

/* Set 2 (and so the 8042's translation, read backwards) and set 3 by set 1's make code. 0: no such key. */
static const uint8_t set2[128] = {
    0x00, 0x76, 0x16, 0x1E, 0x26, 0x25, 0x2E, 0x36, 0x3D, 0x3E, 0x46, 0x45, 0x4E, 0x55, 0x66, 0x0D, /* 00 */
    0x15, 0x1D, 0x24, 0x2D, 0x2C, 0x35, 0x3C, 0x43, 0x44, 0x4D, 0x54, 0x5B, 0x5A, 0x14, 0x1C, 0x1B, /* 10 */
    0x23, 0x2B, 0x34, 0x33, 0x3B, 0x42, 0x4B, 0x4C, 0x52, 0x0E, 0x12, 0x5D, 0x1A, 0x22, 0x21, 0x2A, /* 20 */
    0x32, 0x31, 0x3A, 0x41, 0x49, 0x4A, 0x59, 0x7C, 0x11, 0x29, 0x58, 0x05, 0x06, 0x04, 0x0C, 0x03, /* 30 */
    0x0B, 0x83, 0x0A, 0x01, 0x09, 0x77, 0x7E, 0x6C, 0x75, 0x7D, 0x7B, 0x6B, 0x73, 0x74, 0x79, 0x69, /* 40 */
    0x72, 0x7A, 0x70, 0x71, 0x84, 0x60, 0x61, 0x78, 0x07, 0x0F, 0x17, 0x1F, 0x27, 0x2F, 0x37, 0x3F, /* 50 */
    0x47, 0x4F, 0x56, 0x5E, 0x08, 0x10, 0x18, 0x20, 0x28, 0x30, 0x38, 0x40, 0x48, 0x50, 0x57, 0x6F, /* 60 */
    0x13, 0x19, 0x39, 0x51, 0x53, 0x5C, 0x5F, 0x62, 0x63, 0x64, 0x65, 0x67, 0x68, 0x6A, 0x6D, 0x02, /* 70 */
};

static const uint8_t set3[128] = {
    [0x01] = 0x08, [0x02] = 0x16, [0x03] = 0x1E, [0x04] = 0x26, [0x05] = 0x25, [0x06] = 0x2E, [0x07] = 0x36,
    [0x08] = 0x3D, [0x09] = 0x3E, [0x0A] = 0x46, [0x0B] = 0x45, [0x0C] = 0x4E, [0x0D] = 0x55, [0x0E] = 0x66,
    [0x0F] = 0x0D, [0x10] = 0x15, [0x11] = 0x1D, [0x12] = 0x24, [0x13] = 0x2D, [0x14] = 0x2C, [0x15] = 0x35,
    [0x16] = 0x3C, [0x17] = 0x43, [0x18] = 0x44, [0x19] = 0x4D, [0x1A] = 0x54, [0x1B] = 0x5B, [0x1C] = 0x5A,
    [0x1D] = 0x11, [0x1E] = 0x1C, [0x1F] = 0x1B, [0x20] = 0x23, [0x21] = 0x2B, [0x22] = 0x34, [0x23] = 0x33,
    [0x24] = 0x3B, [0x25] = 0x42, [0x26] = 0x4B, [0x27] = 0x4C, [0x28] = 0x52, [0x29] = 0x0E, [0x2A] = 0x12,
    [0x2B] = 0x5C, [0x2C] = 0x1A, [0x2D] = 0x22, [0x2E] = 0x21, [0x2F] = 0x2A, [0x30] = 0x32, [0x31] = 0x31,
    [0x32] = 0x3A, [0x33] = 0x41, [0x34] = 0x49, [0x35] = 0x4A, [0x36] = 0x59, [0x37] = 0x7E, [0x38] = 0x19,
    [0x39] = 0x29, [0x3A] = 0x14, [0x3B] = 0x07, [0x3C] = 0x0F, [0x3D] = 0x17, [0x3E] = 0x1F, [0x3F] = 0x27,
    [0x40] = 0x2F, [0x41] = 0x37, [0x42] = 0x3F, [0x43] = 0x47, [0x44] = 0x4F, [0x45] = 0x76, [0x46] = 0x5F,
    [0x47] = 0x6C, [0x48] = 0x75, [0x49] = 0x7D, [0x4A] = 0x84, [0x4B] = 0x6B, [0x4C] = 0x73, [0x4D] = 0x74,
    [0x4E] = 0x7C, [0x4F] = 0x69, [0x50] = 0x72, [0x51] = 0x7A, [0x52] = 0x70, [0x53] = 0x71, [0x54] = 0x57,
    [0x56] = 0x13, [0x57] = 0x56, [0x58] = 0x5E,
};

/* The keys of the extended keyboard, whose set 1 code has the prefix E0. */
static const uint8_t set3_extended[128] = {
    [0x1C] = 0x79, [0x1D] = 0x58, [0x35] = 0x77, [0x37] = 0x57, [0x38] = 0x39, [0x46] = 0x62, [0x47] = 0x6E,
    [0x48] = 0x63, [0x49] = 0x6F, [0x4B] = 0x61, [0x4D] = 0x6A, [0x4F] = 0x65, [0x50] = 0x60, [0x51] = 0x6D,
    [0x52] = 0x67, [0x53] = 0x64, [0x5B] = 0x8B, [0x5C] = 0x8C, [0x5D] = 0x8D,
};

static struct ps2_keyboard *to_keyboard(const struct ps2_device *p)
{
    return (struct ps2_keyboard *)(uintptr_t)p;
}

uint8_t ps2_translate(uint8_t byte)
{
    if (byte == 0x7F)
        return 0x54; /* beside 0x84, which is in the table */
    for (unsigned i = 1; i < ARRAY_SIZE(set2); i++)
        if (set2[i] == byte)
            return (uint8_t)i;
    return byte ? byte : 0xFF;
}

static void put(struct ps2_keyboard *k, uint8_t byte)
{
    ps2_queue_put(&k->s.queue, byte);
}

/* One key of set 1 or 2, given by its set 1 code. */
static void put_code(struct ps2_keyboard *k, bool extended, uint8_t code, bool down)
{
    if (extended)
        put(k, 0xE0);
    if (k->s.set == 1)
        put(k, down ? code : code | 0x80);
    else {
        if (!down)
            put(k, 0xF0);
        put(k, set2[code]);
    }
}

static void put_set3(struct ps2_keyboard *k, uint16_t scancode, bool down)
{
    uint8_t code = scancode == KEY_PAUSE ? 0x62 : (scancode >> 8 ? set3_extended : set3)[scancode & 0x7F];

    if (!code)
        return;
    if (!down)
        put(k, 0xF0);
    put(k, code);
}

static void put_pause(struct ps2_keyboard *k)
{
    static const uint8_t as_set1[] = {0xE1, 0x1D, 0x45, 0xE1, 0x9D, 0xC5};
    static const uint8_t as_set2[] = {0xE1, 0x14, 0x77, 0xE1, 0xF0, 0x14, 0xF0, 0x77};
    const uint8_t *bytes = k->s.set == 1 ? as_set1 : as_set2;
    size_t n = k->s.set == 1 ? sizeof as_set1 : sizeof as_set2;

    for (size_t i = 0; i < n; i++)
        put(k, bytes[i]);
}

void ps2_keyboard_key(struct ps2_device *p, uint16_t scancode, bool down)
{
    struct ps2_keyboard *k = to_keyboard(p);
    uint8_t code = scancode & 0x7F;

    if (!k->s.scanning || !code || ps2_queue_room(&k->s.queue) < LONGEST_KEY)
        return; /* a full keyboard beeps and drops the whole key */
    if (k->s.set == 3)
        put_set3(k, scancode, down);
    else if (scancode == KEY_PAUSE) {
        if (down) /* all there is: no break code */
            put_pause(k);
    } else if (scancode == KEY_PRINT) { /* comes within a shift that nobody pressed */
        put_code(k, true, down ? 0x2A : 0x37, down);
        put_code(k, true, down ? 0x37 : 0x2A, down);
    } else
        put_code(k, scancode >> 8 == 0xE0, code, down);
    ps2_ready(p);
}

static void display_key_event(void *opaque, uint16_t scancode, bool down)
{
    ps2_keyboard_key(opaque, scancode, down);
}

static void set_defaults(struct ps2_keyboard *k)
{
    k->s.command = 0;
    k->s.set = 2;
    k->s.rate = 0x2B;
    k->s.queue.count = 0;
}

static void answer(struct ps2_keyboard *k, uint8_t byte)
{
    ps2_queue_answer(&k->s.queue, byte);
}

static void keyboard_argument(struct ps2_keyboard *k, uint8_t command, uint8_t value)
{
    k->s.command = 0;
    answer(k, PS2_ACK);
    switch (command) {
    case CMD_LEDS: k->s.leds = value & 7; break;
    case CMD_RATE: k->s.rate = value & 0x7F; break;
    case CMD_SET:
        if (value == 0)
            answer(k, k->s.set);
        else if (value <= 3)
            k->s.set = value;
        break;
    }
}

static void keyboard_command(struct ps2_keyboard *k, uint8_t value)
{
    switch (value) {
    case CMD_LEDS:
    case CMD_RATE:
    case CMD_SET:
    case 0xFB ... CMD_KEY_LAST: /* every key of set 3 makes and breaks already */
        k->s.command = value;
        answer(k, PS2_ACK);
        break;
    case CMD_ECHO: answer(k, CMD_ECHO); break;
    case CMD_IDENTIFY:
        answer(k, PS2_ACK);
        answer(k, 0xAB);
        answer(k, 0x83);
        break;
    case CMD_ENABLE:
        k->s.queue.count = 0;
        k->s.scanning = true;
        answer(k, PS2_ACK);
        break;
    case CMD_DISABLE:
    case CMD_DEFAULT:
        set_defaults(k);
        k->s.scanning = value == CMD_DEFAULT;
        answer(k, PS2_ACK);
        break;
    case CMD_ALL_FIRST ... 0xFA: answer(k, PS2_ACK); break;
    case CMD_RESET:
        set_defaults(k);
        k->s.leds = 0;
        k->s.scanning = true;
        k->s.queue.answer_count = 0;
        answer(k, PS2_ACK);
        answer(k, PS2_TEST_OK);
        break;
    case PS2_RESEND: answer(k, k->s.queue.last); break;
    default: answer(k, PS2_RESEND); break;
    }
}

static void keyboard_write(struct ps2_device *p, uint8_t byte)
{
    struct ps2_keyboard *k = to_keyboard(p);

    if (k->s.command && byte < CMD_LEDS) /* a command in place of the argument takes over */
        keyboard_argument(k, k->s.command, byte);
    else {
        k->s.command = 0;
        keyboard_command(k, byte);
    }
    ps2_ready(p);
}

static int keyboard_read(struct ps2_device *p)
{
    return ps2_queue_take(&to_keyboard(p)->s.queue);
}

unsigned ps2_keyboard_leds(const struct ps2_device *p)
{
    return to_keyboard(p)->s.leds;
}

static void keyboard_reset(struct device *d)
{
    struct ps2_keyboard *k = (struct ps2_keyboard *)d;

    k->s = (struct ps2_keyboard_state){.scanning = true};
    set_defaults(k);
}

static int keyboard_check(const void *state)
{
    const struct ps2_keyboard_state *s = state;

    return ps2_queue_valid(&s->queue) && s->set >= 1 && s->set <= 3 ? 0 : -EINVAL;
}

static void keyboard_destroy(struct device *d)
{
    struct ps2_keyboard *k = (struct ps2_keyboard *)d;

    if (k->input >= 0)
        display_remove_input(k->display, k->input);
    free(k);
}

static const struct device_ops keyboard_ops = {
    .name = "ps2-keyboard",
    .version = 1,
    .state_size = sizeof(struct ps2_keyboard_state),
    .reset = keyboard_reset,
    .check = keyboard_check,
    .destroy = keyboard_destroy,
};

struct ps2_device *ps2_keyboard_create(struct display *display)
{
    struct ps2_keyboard *k = calloc(1, sizeof *k);
    struct display_input in = {.key = display_key_event, .opaque = k};

    if (!k)
        return NULL;
    k->ps2 = (struct ps2_device){.write = keyboard_write, .read = keyboard_read};
    k->ps2.dev = (struct device){.ops = &keyboard_ops, .state = &k->s};
    k->display = display;
    k->input = display ? display_add_input(display, &in) : -1;
    keyboard_reset(&k->ps2.dev);
    return &k->ps2;
}
