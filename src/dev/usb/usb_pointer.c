/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * usb_pointer.c: the tablet and the mouse. A tablet's report says where on the surface the pointer is, 0..32767 in both
 * directions, so that it is where the viewer's is without any acceleration or drift; a mouse's says how far it went.
 *
 * News waits in a short queue: every change of buttons keeps the place where it happened; motion between joins the last
 * entry. When the queue is full the newest entry takes what comes.
 */
#include "dev/usb/usb_hid_internal.h"

#include "base/bytes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define QUEUE        16u
#define ABSOLUTE_MAX 32767
#define GATHERED_MAX 100000 /* relative motion that waits is kept within it */
#define STEP_MAX     127
#define BUTTONS      7u

struct pointer_event {
    int32_t x, y, wheel; /* a tablet's x, y: a place; else distances */
    uint32_t buttons;    /* as the report has them: 1 left, 2 right, 4 middle */
};

struct pointer_state {
    struct hid_state hid;
    uint32_t count;
    struct pointer_event now; /* what is reported */
    struct pointer_event queue[QUEUE];
};

struct pointer {
    struct hid hid; /* first */
    struct pointer_state s;
};

/* Buttons 1 to 3, then x and y in 16 bits each, then the wheel. */
static const uint8_t tablet_report_descriptor[] = {
    0x05, 0x01,             /* usage page: generic desktop */
    0x09, 0x02,             /* usage: mouse */
    0xa1, 0x01,             /* collection: application */
    0x09, 0x01,             /*   usage: pointer */
    0xa1, 0x00,             /*   collection: physical */
    0x05, 0x09,             /*     usage page: buttons */
    0x19, 0x01, 0x29, 0x03, /*     usages 1 to 3 */
    0x15, 0x00, 0x25, 0x01, /*     0 to 1 */
    0x95, 0x03, 0x75, 0x01, /*     three of one bit */
    0x81, 0x02,             /*     input: data, variable, absolute */
    0x95, 0x01, 0x75, 0x05, /*     one of five bits */
    0x81, 0x01,             /*     input: constant */
    0x05, 0x01,             /*     usage page: generic desktop */
    0x09, 0x30, 0x09, 0x31, /*     usages x, y */
    0x15, 0x00,             /*     from 0 */
    0x26, 0xff, 0x7f,       /*     to 32767 */
    0x35, 0x00,             /*     the same in physical units: Windows wants both */
    0x46, 0xff, 0x7f,       /**/
    0x75, 0x10, 0x95, 0x02, /*     two of sixteen bits */
    0x81, 0x02,             /*     input: data, variable, absolute */
    0x09, 0x38,             /*     usage: wheel */
    0x15, 0x81, 0x25, 0x7f, /*     -127 to 127 */
    0x35, 0x00, 0x45, 0x00, /*     physical: as logical */
    0x75, 0x08, 0x95, 0x01, /*     one of eight bits */
    0x81, 0x06,             /*     input: data, variable, relative */
    0xc0, 0xc0,
};

/* Buttons 1 to 3, then x, y and the wheel in 8 bits each; its first three bytes are the boot protocol's. */
static const uint8_t mouse_report_descriptor[] = {
    0x05, 0x01,             /* usage page: generic desktop */
    0x09, 0x02,             /* usage: mouse */
    0xa1, 0x01,             /* collection: application */
    0x09, 0x01,             /*   usage: pointer */
    0xa1, 0x00,             /*   collection: physical */
    0x05, 0x09,             /*     usage page: buttons */
    0x19, 0x01, 0x29, 0x03, /*     usages 1 to 3 */
    0x15, 0x00, 0x25, 0x01, /*     0 to 1 */
    0x95, 0x03, 0x75, 0x01, /*     three of one bit */
    0x81, 0x02,             /*     input: data, variable, absolute */
    0x95, 0x01, 0x75, 0x05, /*     one of five bits */
    0x81, 0x01,             /*     input: constant */
    0x05, 0x01,             /*     usage page: generic desktop */
    0x09, 0x30, 0x09, 0x31, /*     usages x, y, */
    0x09, 0x38,             /*     wheel */
    0x15, 0x81, 0x25, 0x7f, /*     -127 to 127 */
    0x75, 0x08, 0x95, 0x03, /*     three of eight bits */
    0x81, 0x06,             /*     input: data, variable, relative */
    0xc0, 0xc0,
};

/* Vendor and product are those of the tablet and mouse that guests of Xen have: some systems know them by it. */
static const uint8_t tablet_device[] = {
    18, USB_DESCRIPTOR_DEVICE, 0, 1, 0, 0, 0, USB_CONTROL_SIZE, 0x27, 0x06, 0x01, 0x00, 0x00, 0, 1, 2, 3, 1};

#define POINTER_CONFIGURATION(subclass, protocol, descriptor_bytes, report_bytes)                                \
    {                                                                                                            \
        9, USB_DESCRIPTOR_CONFIG, 34, 0, 1, 1, 0, 0x80 | USB_CONFIG_REMOTE_WAKE, 50, 9, 4, 0, 0, 1, 3, subclass, \
            protocol, 0,                                          /* interface: HID */                           \
            9, 0x21, 0x11, 0x01, 0, 1, 0x22, descriptor_bytes, 0, /* HID */                                      \
            7, 5, 0x81, 0x03, report_bytes, 0, 4,                 /* interrupt endpoint, every 4 ms */           \
    }

static const uint8_t tablet_configuration[] = POINTER_CONFIGURATION(0, 0, sizeof tablet_report_descriptor, 8);
static const uint8_t mouse_configuration[] = POINTER_CONFIGURATION(1, 2, sizeof mouse_report_descriptor, 4);

static struct pointer *to_pointer(void *opaque)
{
    return opaque;
}

static struct pointer_state *pointer_of(struct hid_state *s)
{
    return (struct pointer_state *)s;
}

static const struct pointer_state *pointer_const(const struct hid_state *s)
{
    return (const struct pointer_state *)s;
}

static int32_t within(int32_t v, int32_t low, int32_t high)
{
    return v < low ? low : v > high ? high : v;
}

static uint32_t report_buttons(unsigned buttons)
{
    return (buttons & 1) | (buttons >> 1 & 2) | (buttons << 1 & 4);
}

static int32_t gather(int32_t before, int more)
{
    return within(before + within(more, -GATHERED_MAX, GATHERED_MAX), -GATHERED_MAX, GATHERED_MAX);
}

/* The entry that takes the next motion with these buttons. */
static struct pointer_event *entry_for(struct pointer *p, uint32_t buttons)
{
    struct pointer_state *s = &p->s;
    struct pointer_event *last = s->count ? &s->queue[s->count - 1] : NULL;

    if (last && (last->buttons == buttons || s->count == QUEUE))
        return last;
    last = &s->queue[s->count++];
    *last = (struct pointer_event){0};
    return last;
}

static void tablet_moved(void *opaque, int x, int y, int wheel, unsigned buttons)
{
    struct pointer *p = to_pointer(opaque);
    struct pointer_event *e = entry_for(p, report_buttons(buttons));

    e->x = within(x, 0, ABSOLUTE_MAX);
    e->y = within(y, 0, ABSOLUTE_MAX);
    e->wheel = gather(e->wheel, wheel);
    e->buttons = report_buttons(buttons);
    usb_wake(&p->hid.usb);
}

static void mouse_moved(void *opaque, int dx, int dy, int wheel, unsigned buttons)
{
    struct pointer *p = to_pointer(opaque);
    struct pointer_event *e = entry_for(p, report_buttons(buttons));

    e->x = gather(e->x, dx);
    e->y = gather(e->y, dy);
    e->wheel = gather(e->wheel, wheel);
    e->buttons = report_buttons(buttons);
    usb_wake(&p->hid.usb);
}

static bool pointer_pending(const struct hid_state *s)
{
    return pointer_const(s)->count != 0;
}

static void pop(struct pointer_state *s)
{
    s->count--;
    memmove(s->queue, s->queue + 1, s->count * sizeof s->queue[0]);
}

/* As much of a distance as one report holds; the rest stays for the next. */
static int32_t take_step(int32_t *left)
{
    int32_t step = within(*left, -STEP_MAX, STEP_MAX);

    *left -= step;
    return step;
}

static void tablet_advance(struct hid_state *state)
{
    struct pointer_state *s = pointer_of(state);
    struct pointer_event *e = &s->queue[0];

    s->now = (struct pointer_event){.x = e->x, .y = e->y, .wheel = take_step(&e->wheel), .buttons = e->buttons};
    if (!e->wheel)
        pop(s);
}

static void mouse_advance(struct hid_state *state)
{
    struct pointer_state *s = pointer_of(state);
    struct pointer_event *e = &s->queue[0];

    s->now.x = take_step(&e->x);
    s->now.y = take_step(&e->y);
    s->now.wheel = take_step(&e->wheel);
    s->now.buttons = e->buttons;
    if (!e->x && !e->y && !e->wheel)
        pop(s);
}

static unsigned tablet_report(const struct hid_state *state, uint8_t *out)
{
    const struct pointer_event *now = &pointer_const(state)->now;

    out[0] = (uint8_t)now->buttons;
    store_le16(out + 1, (uint16_t)now->x);
    store_le16(out + 3, (uint16_t)now->y);
    out[5] = (uint8_t)now->wheel;
    return 6;
}

static unsigned mouse_report(const struct hid_state *state, uint8_t *out)
{
    const struct pointer_event *now = &pointer_const(state)->now;

    out[0] = (uint8_t)now->buttons;
    out[1] = (uint8_t)now->x;
    out[2] = (uint8_t)now->y;
    out[3] = (uint8_t)now->wheel;
    return state->protocol ? 4 : 3;
}

static void tablet_reported(struct hid_state *s)
{
    pointer_of(s)->now.wheel = 0;
}

static void mouse_reported(struct hid_state *s)
{
    struct pointer_event *now = &pointer_of(s)->now;

    now->x = now->y = now->wheel = 0;
}

static void pointer_clear(struct hid_state *state)
{
    struct pointer_state *s = pointer_of(state);

    s->count = 0;
    memset(&s->now, 0, sizeof s->now);
    memset(s->queue, 0, sizeof s->queue);
}

static bool event_valid(const struct pointer_event *e, bool tablet)
{
    int32_t low = tablet ? 0 : -GATHERED_MAX, high = tablet ? ABSOLUTE_MAX : GATHERED_MAX;

    return within(e->x, low, high) == e->x && within(e->y, low, high) == e->y &&
           within(e->wheel, -GATHERED_MAX, GATHERED_MAX) == e->wheel && e->buttons <= BUTTONS;
}

static int pointer_check(const void *state, bool tablet)
{
    const struct pointer_state *s = state;

    if (!hid_state_valid(&s->hid) || s->count > QUEUE || !event_valid(&s->now, tablet))
        return -EINVAL;
    for (unsigned i = 0; i < QUEUE; i++)
        if (!event_valid(&s->queue[i], tablet))
            return -EINVAL;
    return 0;
}

static int tablet_check(const void *state)
{
    return pointer_check(state, true);
}

static int mouse_check(const void *state)
{
    return pointer_check(state, false);
}

static const struct usb_kind tablet_kind = {
    .device_descriptor = tablet_device,
    .configuration = tablet_configuration,
    .strings = {NULL, "DOMUS", "DOMUS USB Tablet", "1"},
    .request = hid_request,
    .interrupt_in = hid_interrupt_in,
    .configured = hid_configured,
};

static const struct usb_kind mouse_kind = {
    .device_descriptor = tablet_device,
    .configuration = mouse_configuration,
    .strings = {NULL, "DOMUS", "DOMUS USB Mouse", "1"},
    .request = hid_request,
    .interrupt_in = hid_interrupt_in,
    .configured = hid_configured,
};

static const struct hid_kind tablet_hid = {
    .report_descriptor = tablet_report_descriptor,
    .report_descriptor_bytes = sizeof tablet_report_descriptor,
    .input = {.pointer_absolute = tablet_moved},
    .pending = pointer_pending,
    .advance = tablet_advance,
    .report = tablet_report,
    .reported = tablet_reported,
    .clear = pointer_clear,
};

static const struct hid_kind mouse_hid = {
    .report_descriptor = mouse_report_descriptor,
    .report_descriptor_bytes = sizeof mouse_report_descriptor,
    .input = {.pointer_relative = mouse_moved},
    .pending = pointer_pending,
    .advance = mouse_advance,
    .report = mouse_report,
    .reported = mouse_reported,
    .clear = pointer_clear,
};

static const struct device_ops tablet_ops = {
    .name = "usb-tablet",
    .version = 1,
    .state_size = sizeof(struct pointer_state),
    .reset = hid_reset,
    .check = tablet_check,
    .loaded = hid_loaded,
    .destroy = hid_destroy,
};

static const struct device_ops mouse_ops = {
    .name = "usb-mouse",
    .version = 1,
    .state_size = sizeof(struct pointer_state),
    .reset = hid_reset,
    .check = mouse_check,
    .loaded = hid_loaded,
    .destroy = hid_destroy,
};

static struct usb_device *create(const struct device_ops *ops, const struct usb_kind *kind, const struct hid_kind *hid,
                                 struct loop *loop, struct display *display)
{
    struct pointer *p = calloc(1, sizeof *p);

    if (!p)
        return NULL;
    p->hid.usb.dev = (struct device){.ops = ops, .state = &p->s};
    hid_init(&p->hid, kind, hid, loop, display);
    return &p->hid.usb;
}

struct usb_device *usb_tablet_create(struct loop *loop, struct display *display)
{
    return create(&tablet_ops, &tablet_kind, &tablet_hid, loop, display);
}

struct usb_device *usb_mouse_create(struct loop *loop, struct display *display)
{
    return create(&mouse_ops, &mouse_kind, &mouse_hid, loop, display);
}
