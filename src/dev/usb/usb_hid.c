/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * usb_hid.c: what HID devices have in common (HID 1.11, chapter 7): class requests, the idle rate, the interrupt
 * endpoint, and whether the display's events come here. Knows no report's layout.
 */
#include "dev/usb/usb_hid_internal.h"

#include "machine/loop.h"

#include <stdlib.h>
#include <string.h>

#define DESCRIPTOR_HID    0x21
#define DESCRIPTOR_REPORT 0x22
#define HID_AT            18 /* in our configuration descriptors: after the configuration's and the interface's 9 each */
#define HID_BYTES         9
#define IDLE_UNIT_NS      4000000ull
#define REPORT_IN         1
#define REPORT_OUT        2

enum { GET_REPORT = 1, GET_IDLE = 2, GET_PROTOCOL = 3, SET_REPORT = 9, SET_IDLE = 10, SET_PROTOCOL = 11 };

static struct hid *to_hid(struct usb_device *d)
{
    return (struct hid *)d;
}

static int hid_descriptor(struct hid *h, uint16_t value, uint8_t *data)
{
    switch (value >> 8) {
    case DESCRIPTOR_HID: memcpy(data, h->usb.kind->configuration + HID_AT, HID_BYTES); return HID_BYTES;
    case DESCRIPTOR_REPORT:
        memcpy(data, h->hid->report_descriptor, h->hid->report_descriptor_bytes);
        return h->hid->report_descriptor_bytes;
    default: return USB_STALL;
    }
}

int hid_request(struct usb_device *d, const struct usb_setup *s, uint8_t *data)
{
    struct hid *h = to_hid(d);
    struct hid_state *state = hid_state(h);

    switch (s->request) {
    case USB_REQUEST(0x81, USB_GET_DESCRIPTOR): return hid_descriptor(h, s->value, data);
    case USB_REQUEST(0xa1, GET_REPORT):
        return s->value >> 8 == REPORT_IN ? (int)h->hid->report(state, data) : USB_STALL;
    case USB_REQUEST(0xa1, GET_IDLE): data[0] = state->idle; return 1;
    case USB_REQUEST(0xa1, GET_PROTOCOL): data[0] = state->protocol; return 1;
    case USB_REQUEST(0x21, SET_REPORT):
        if (s->value >> 8 == REPORT_OUT && s->length == 1)
            state->output = data[0];
        return 0;
    case USB_REQUEST(0x21, SET_IDLE):
        state->idle = (uint8_t)(s->value >> 8);
        state->reported_ns = loop_now_ns(h->loop);
        return 0;
    case USB_REQUEST(0x21, SET_PROTOCOL): state->protocol = s->value & 1; return 0;
    default: return USB_STALL;
    }
}

static void listen(struct hid *h, bool on)
{
    struct display_input in = h->hid->input;

    if (!h->display || on == (h->input >= 0))
        return;
    if (!on) {
        display_remove_input(h->display, h->input);
        h->input = -1;
        return;
    }
    in.opaque = h;
    h->input = display_add_input(h->display, &in);
}

/* Firmware configures keyboards that it then never asks: keys must not end there. */
static void first_poll(struct hid *h)
{
    hid_state(h)->polled = 1;
    listen(h, true);
}

int hid_interrupt_in(struct usb_device *d, uint8_t *data, unsigned room)
{
    struct hid *h = to_hid(d);
    struct hid_state *s = hid_state(h);
    uint64_t now = loop_now_ns(h->loop);
    bool news = h->hid->pending(s);
    unsigned n;

    if (!s->polled)
        first_poll(h);
    if (!news && !(s->idle && now - s->reported_ns >= s->idle * IDLE_UNIT_NS))
        return USB_NAK;
    if (news)
        h->hid->advance(s);
    s->reported_ns = now;
    n = h->hid->report(s, data);
    if (h->hid->reported)
        h->hid->reported(s);
    return (int)n;
}

void hid_configured(struct usb_device *d)
{
    struct hid *h = to_hid(d);
    struct hid_state *s = hid_state(h);

    h->hid->clear(s);
    s->protocol = 1;
    s->idle = s->output = s->polled = 0;
    listen(h, false);
}

void hid_init(struct hid *h, const struct usb_kind *kind, const struct hid_kind *hid, struct loop *loop,
              struct display *display)
{
    h->usb.kind = kind;
    h->hid = hid;
    h->loop = loop;
    h->display = display;
    h->input = -1;
    usb_reset(&h->usb);
}

bool hid_state_valid(const struct hid_state *s)
{
    return usb_state_valid(&s->usb) && s->protocol < 2 && s->polled <= s->usb.configuration;
}

void hid_reset(struct device *d)
{
    usb_reset((struct usb_device *)d);
}

void hid_loaded(struct device *d)
{
    struct hid *h = (struct hid *)d;

    listen(h, hid_state(h)->polled);
}

void hid_destroy(struct device *d)
{
    listen((struct hid *)d, false);
    free(d);
}
