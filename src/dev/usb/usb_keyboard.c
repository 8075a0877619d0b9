/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * usb_keyboard.c: a keyboard of 104 keys, whose reports are the boot protocol's (HID 1.11, appendix B). Presses and
 * releases wait in a queue and each gets a report of its own, so that a quick tap is not lost between two polls.
 */
#include "dev/usb/usb_hid_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define QUEUE         32u
#define KEYS          16u /* held at once; a report names six */
#define REPORT_KEYS   6u
#define ROLL_OVER     0x01
#define USAGE_MAX     0xe7
#define MODIFIER      0xe0
#define PRESSED       0x100u /* in a queue's entry, beside the usage */
#define SCANCODE_STOP 0xe11d /* Pause */

struct keyboard_state {
    struct hid_state hid;
    uint8_t modifiers;
    uint8_t keys[KEYS]; /* usages, 0: none, in the order of presses */
    uint8_t count;
    uint16_t queue[QUEUE];
};

struct keyboard {
    struct hid hid; /* first */
    struct keyboard_state s;
};

/* HID usages (HID Usage Tables, chapter 10) by set 1's make code. 0: no such key. */
static const uint8_t usages[128] = {
    0x00, 0x29, 0x1e, 0x1f, 0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x2d, 0x2e, 0x2a, 0x2b, /* 00 */
    0x14, 0x1a, 0x08, 0x15, 0x17, 0x1c, 0x18, 0x0c, 0x12, 0x13, 0x2f, 0x30, 0x28, 0xe0, 0x04, 0x16, /* 10 */
    0x07, 0x09, 0x0a, 0x0b, 0x0d, 0x0e, 0x0f, 0x33, 0x34, 0x35, 0xe1, 0x31, 0x1d, 0x1b, 0x06, 0x19, /* 20 */
    0x05, 0x11, 0x10, 0x36, 0x37, 0x38, 0xe5, 0x55, 0xe2, 0x2c, 0x39, 0x3a, 0x3b, 0x3c, 0x3d, 0x3e, /* 30 */
    0x3f, 0x40, 0x41, 0x42, 0x43, 0x53, 0x47, 0x5f, 0x60, 0x61, 0x56, 0x5c, 0x5d, 0x5e, 0x57, 0x59, /* 40 */
    0x5a, 0x5b, 0x62, 0x63, 0x46, 0x00, 0x64, 0x44, 0x45, 0x67, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, /* 50 */
    0x00, 0x00, 0x00, 0x00, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x6f, 0x70, 0x71, 0x72, 0x00, /* 60 */
    0x88, 0x00, 0x00, 0x87, 0x00, 0x00, 0x73, 0x00, 0x00, 0x8a, 0x00, 0x8b, 0x00, 0x89, 0x85, 0x00, /* 70 */
};

/* The same behind the prefix E0. */
static const uint8_t extended[128] = {
    [0x1c] = 0x58, [0x1d] = 0xe4, [0x20] = 0x7f, [0x2e] = 0x81, [0x30] = 0x80, [0x35] = 0x54,
    [0x37] = 0x46, [0x38] = 0xe6, [0x46] = 0x48, [0x47] = 0x4a, [0x48] = 0x52, [0x49] = 0x4b,
    [0x4b] = 0x50, [0x4d] = 0x4f, [0x4f] = 0x4d, [0x50] = 0x51, [0x51] = 0x4e, [0x52] = 0x49,
    [0x53] = 0x4c, [0x5b] = 0xe3, [0x5c] = 0xe7, [0x5d] = 0x65, [0x5e] = 0x66,
};

static const uint8_t report_descriptor[] = {
    0x05, 0x01,             /* usage page: generic desktop */
    0x09, 0x06,             /* usage: keyboard */
    0xa1, 0x01,             /* collection: application */
    0x05, 0x07,             /*   usage page: keys */
    0x19, 0xe0, 0x29, 0xe7, /*   usages: the modifiers */
    0x15, 0x00, 0x25, 0x01, /*   0 to 1 */
    0x75, 0x01, 0x95, 0x08, /*   eight of one bit */
    0x81, 0x02,             /*   input: data, variable, absolute */
    0x95, 0x01, 0x75, 0x08, /*   one of eight bits */
    0x81, 0x01,             /*   input: constant */
    0x05, 0x08,             /*   usage page: LEDs */
    0x19, 0x01, 0x29, 0x05, /*   usages 1 to 5 */
    0x95, 0x05, 0x75, 0x01, /*   five of one bit */
    0x91, 0x02,             /*   output: data, variable, absolute */
    0x95, 0x01, 0x75, 0x03, /*   one of three bits */
    0x91, 0x01,             /*   output: constant */
    0x05, 0x07,             /*   usage page: keys */
    0x19, 0x00, 0x29, 0xff, /*   usages 0 to 255 */
    0x15, 0x00,             /*   0 */
    0x26, 0xff, 0x00,       /*   to 255 */
    0x95, 0x06, 0x75, 0x08, /*   six of eight bits */
    0x81, 0x00,             /*   input: data, array */
    0xc0,
};

static const uint8_t device_descriptor[] = {
    18, USB_DESCRIPTOR_DEVICE, 0, 1, 0, 0, 0, USB_CONTROL_SIZE, 0x27, 0x06, 1, 0x00, 0x00, 0, 1, 2, 3, 1};

static const uint8_t configuration[] = {
    9,
    USB_DESCRIPTOR_CONFIG,
    34,
    0,
    1,
    1,
    0,
    0x80 | USB_CONFIG_REMOTE_WAKE,
    50,
    9,
    4,
    0,
    0,
    1,
    3,
    1,
    1,
    0, /* interface: HID, boot, keyboard */
    9,
    0x21,
    0x11,
    0x01,
    0,
    1,
    0x22,
    sizeof report_descriptor,
    0, /* HID */
    7,
    5,
    0x81,
    0x03,
    HID_REPORT_MAX,
    0,
    10, /* interrupt endpoint, every 8 ms */
};

static struct keyboard_state *keyboard_of(struct hid_state *s)
{
    return (struct keyboard_state *)s;
}

static const struct keyboard_state *keyboard_const(const struct hid_state *s)
{
    return (const struct keyboard_state *)s;
}

/* A full queue drops presses, and keeps room for the releases of what is down. */
static void keyboard_key(void *opaque, uint16_t scancode, bool down)
{
    struct keyboard *k = opaque;
    uint8_t usage = scancode == SCANCODE_STOP ? 0x48
                    : scancode >> 8 == 0xe0   ? extended[scancode & 0x7f]
                    : !(scancode & 0xff80)    ? usages[scancode]
                                              : 0;

    if (!usage || k->s.count >= (down ? QUEUE / 2 : QUEUE))
        return;
    k->s.queue[k->s.count++] = (uint16_t)(usage | (down ? PRESSED : 0));
    usb_wake(&k->hid.usb);
}

static bool keyboard_pending(const struct hid_state *s)
{
    return keyboard_const(s)->count != 0;
}

static void key_set(struct keyboard_state *s, uint8_t usage, bool down)
{
    unsigned i = 0;

    if (usage >= MODIFIER) {
        uint8_t bit = (uint8_t)(1u << (usage - MODIFIER));

        s->modifiers = (uint8_t)(down ? s->modifiers | bit : s->modifiers & ~bit);
        return;
    }
    while (i < KEYS && s->keys[i] && s->keys[i] != usage)
        i++;
    if (i == KEYS)
        return;
    if (down) {
        s->keys[i] = usage;
        return;
    }
    memmove(s->keys + i, s->keys + i + 1, KEYS - 1 - i);
    s->keys[KEYS - 1] = 0;
}

static void keyboard_advance(struct hid_state *state)
{
    struct keyboard_state *s = keyboard_of(state);
    uint16_t next = s->queue[0];

    s->count--;
    memmove(s->queue, s->queue + 1, s->count * sizeof s->queue[0]);
    key_set(s, (uint8_t)next, next & PRESSED);
}

static unsigned keyboard_report(const struct hid_state *state, uint8_t *out)
{
    const struct keyboard_state *s = keyboard_const(state);

    out[0] = s->modifiers;
    out[1] = 0;
    memcpy(out + 2, s->keys, REPORT_KEYS);
    if (s->keys[REPORT_KEYS])
        memset(out + 2, ROLL_OVER, REPORT_KEYS);
    return HID_REPORT_MAX;
}

static void keyboard_clear(struct hid_state *state)
{
    struct keyboard_state *s = keyboard_of(state);

    s->modifiers = s->count = 0;
    memset(s->keys, 0, sizeof s->keys);
    memset(s->queue, 0, sizeof s->queue);
}

static const struct usb_kind keyboard_kind = {
    .device_descriptor = device_descriptor,
    .configuration = configuration,
    .strings = {NULL, "DOMUS", "DOMUS USB Keyboard", "1"},
    .request = hid_request,
    .interrupt_in = hid_interrupt_in,
    .configured = hid_configured,
};

static const struct hid_kind keyboard_hid = {
    .report_descriptor = report_descriptor,
    .report_descriptor_bytes = sizeof report_descriptor,
    .input = {.key = keyboard_key},
    .pending = keyboard_pending,
    .advance = keyboard_advance,
    .report = keyboard_report,
    .clear = keyboard_clear,
};

static int keyboard_check(const void *state)
{
    const struct keyboard_state *s = state;
    bool end = false;

    if (!hid_state_valid(&s->hid) || s->count > QUEUE)
        return -EINVAL;
    for (unsigned i = 0; i < s->count; i++)
        if (!(s->queue[i] & 0xff) || (s->queue[i] & ~PRESSED) > USAGE_MAX)
            return -EINVAL;
    for (unsigned i = 0; i < KEYS; i++) {
        if (s->keys[i] >= MODIFIER || (end && s->keys[i]))
            return -EINVAL;
        end = !s->keys[i];
    }
    return 0;
}

static const struct device_ops keyboard_ops = {
    .name = "usb-keyboard",
    .version = 1,
    .state_size = sizeof(struct keyboard_state),
    .reset = hid_reset,
    .check = keyboard_check,
    .loaded = hid_loaded,
    .destroy = hid_destroy,
};

struct usb_device *usb_keyboard_create(struct loop *loop, struct display *display)
{
    struct keyboard *k = calloc(1, sizeof *k);

    if (!k)
        return NULL;
    k->hid.usb.dev = (struct device){.ops = &keyboard_ops, .state = &k->s};
    hid_init(&k->hid, &keyboard_kind, &keyboard_hid, loop, display);
    return &k->hid.usb;
}
