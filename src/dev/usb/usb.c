/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * usb.c: see usb.h. The stages of a control transfer, and the standard requests of chapter 9.
 */
#include "dev/usb/usb.h"

#include "base/bytes.h"

#include <string.h>

#define LANGUAGE_US       0x0409
#define FEATURE_HALT      0
#define FEATURE_WAKEUP    1
#define CONFIG_TOTAL      2 /* offsets in a configuration descriptor */
#define CONFIG_VALUE      5
#define CONFIG_ATTRIBUTES 7

enum usb_stage { STAGE_IDLE, STAGE_DATA_IN, STAGE_DATA_OUT, STAGE_STATUS_IN, STAGE_STALLED };

void usb_reset(struct usb_device *d)
{
    memset(usb_state(d), 0, sizeof(struct usb_state));
    if (d->kind->configured)
        d->kind->configured(d);
}

bool usb_state_valid(const struct usb_state *s)
{
    return s->address < 128 && s->configuration < 2 && s->remote_wakeup < 2 && s->stage <= STAGE_STALLED &&
           s->at <= s->length && s->length <= USB_DATA_MAX;
}

static int answer(uint8_t *data, const void *bytes, size_t n)
{
    n = n < USB_DATA_MAX ? n : USB_DATA_MAX;
    memcpy(data, bytes, n);
    return (int)n;
}

/* UTF-16, as descriptors have it. */
static int answer_string(struct usb_device *d, unsigned index, uint8_t *data)
{
    const char *text = index < ARRAY_SIZE(d->kind->strings) ? d->kind->strings[index] : NULL;
    size_t n = text ? strlen(text) : 0;

    if (index == 0) {
        const uint8_t languages[] = {4, USB_DESCRIPTOR_STRING, LANGUAGE_US & 0xff, LANGUAGE_US >> 8};

        return answer(data, languages, sizeof languages);
    }
    if (!n || 2 + 2 * n > 255)
        return USB_STALL;
    data[0] = (uint8_t)(2 + 2 * n);
    data[1] = USB_DESCRIPTOR_STRING;
    for (size_t i = 0; i < n; i++)
        store_le16(data + 2 + 2 * i, (uint16_t)text[i]);
    return data[0];
}

static int get_descriptor(struct usb_device *d, uint16_t value, uint8_t *data)
{
    const struct usb_kind *k = d->kind;

    switch (value >> 8) {
    case USB_DESCRIPTOR_DEVICE: return answer(data, k->device_descriptor, k->device_descriptor[0]);
    case USB_DESCRIPTOR_CONFIG:
        return value & 0xff ? USB_STALL : answer(data, k->configuration, load_le16(k->configuration + CONFIG_TOTAL));
    case USB_DESCRIPTOR_STRING: return answer_string(d, value & 0xff, data);
    default: return USB_STALL;
    }
}

static int answer_word(uint8_t *data, unsigned value)
{
    store_le16(data, (uint16_t)value);
    return 2;
}

static int answer_byte(uint8_t *data, unsigned value)
{
    data[0] = (uint8_t)value;
    return 1;
}

static int set_configuration(struct usb_device *d, unsigned value)
{
    struct usb_state *u = usb_state(d);

    if (value && value != d->kind->configuration[CONFIG_VALUE])
        return USB_STALL;
    u->configuration = (uint8_t)value;
    u->halted = 0;
    if (d->kind->configured)
        d->kind->configured(d);
    return 0;
}

static int feature(struct usb_device *d, const struct usb_setup *s, bool set)
{
    struct usb_state *u = usb_state(d);
    unsigned endpoint = s->index & 7;

    if ((s->request >> 8 & 3) == USB_TO_ENDPOINT) {
        if (s->value != FEATURE_HALT)
            return USB_STALL;
        if (endpoint)
            u->halted = (uint8_t)(set ? u->halted | 1u << endpoint : u->halted & ~(1u << endpoint));
        return 0;
    }
    if (s->value != FEATURE_WAKEUP || !(d->kind->configuration[CONFIG_ATTRIBUTES] & USB_CONFIG_REMOTE_WAKE))
        return USB_STALL;
    u->remote_wakeup = set;
    return 0;
}

static int device_status(struct usb_device *d)
{
    bool powered = d->kind->configuration[CONFIG_ATTRIBUTES] & USB_CONFIG_SELF_POWERED;

    return (powered ? 1 : 0) | (usb_state(d)->remote_wakeup ? 2 : 0);
}

/* Fills `data` and returns its length, or takes it; or USB_STALL. */
static int request(struct usb_device *d, const struct usb_setup *s, uint8_t *data)
{
    struct usb_state *u = usb_state(d);
    enum { TO_DEVICE, TO_INTERFACE = USB_TO_INTERFACE << 8, TO_ENDPOINT = USB_TO_ENDPOINT << 8, IN = USB_TO_HOST << 8 };

    switch (s->request) {
    case IN | TO_DEVICE | USB_GET_DESCRIPTOR: return get_descriptor(d, s->value, data);
    case IN | TO_DEVICE | USB_GET_STATUS: return answer_word(data, (unsigned)device_status(d));
    case IN | TO_INTERFACE | USB_GET_STATUS: return answer_word(data, 0);
    case IN | TO_ENDPOINT | USB_GET_STATUS: return answer_word(data, u->halted >> (s->index & 7) & 1);
    case IN | TO_DEVICE | USB_GET_CONFIGURATION: return answer_byte(data, u->configuration);
    case IN | TO_INTERFACE | USB_GET_INTERFACE: return answer_byte(data, 0);
    case TO_INTERFACE | USB_SET_INTERFACE: return s->value ? USB_STALL : 0;
    case TO_DEVICE | USB_SET_ADDRESS: u->address = s->value & 0x7f; return 0;
    case TO_DEVICE | USB_SET_CONFIGURATION: return set_configuration(d, s->value & 0xff);
    case TO_DEVICE | USB_CLEAR_FEATURE:
    case TO_ENDPOINT | USB_CLEAR_FEATURE: return feature(d, s, false);
    case TO_DEVICE | USB_SET_FEATURE:
    case TO_ENDPOINT | USB_SET_FEATURE: return feature(d, s, true);
    default: return d->kind->request ? d->kind->request(d, s, data) : USB_STALL;
    }
}

static struct usb_setup setup_of(const struct usb_state *u)
{
    const uint8_t *b = u->setup;

    return (struct usb_setup){USB_REQUEST(b[0], b[1]), load_le16(b + 2), load_le16(b + 4), load_le16(b + 6)};
}

/* A device takes SETUP whatever went before. */
static int take_setup(struct usb_device *d, const uint8_t *data, unsigned len)
{
    struct usb_state *u = usb_state(d);
    struct usb_setup s;
    int n;

    if (len != sizeof u->setup)
        return USB_SILENT;
    memcpy(u->setup, data, sizeof u->setup);
    s = setup_of(u);
    u->at = u->length = 0;
    if (!(s.request & USB_TO_HOST << 8)) {
        u->stage = s.length > USB_DATA_MAX ? STAGE_STALLED : s.length ? STAGE_DATA_OUT : STAGE_STATUS_IN;
        u->length = s.length > USB_DATA_MAX ? 0 : s.length;
        return (int)len;
    }
    n = request(d, &s, u->data);
    u->stage = n < 0 ? STAGE_STALLED : STAGE_DATA_IN;
    if (n >= 0)
        u->length = n < s.length ? (uint16_t)n : s.length;
    return (int)len;
}

/* A request without data, or whose data is here, is carried out in its status stage; so an address is the old one until
 * the host knows that the new one was taken. */
static int control_in(struct usb_device *d, uint8_t *data)
{
    struct usb_state *u = usb_state(d);
    unsigned n = u->length - u->at;
    struct usb_setup s;

    switch (u->stage) {
    case STAGE_DATA_IN:
        n = n < USB_CONTROL_SIZE ? n : USB_CONTROL_SIZE;
        memcpy(data, u->data + u->at, n);
        u->at = (uint16_t)(u->at + n);
        return (int)n;
    case STAGE_DATA_OUT:
        if (u->at < u->length) /* the host ends early */
            break;
        __attribute__((fallthrough));
    case STAGE_STATUS_IN:
        s = setup_of(u);
        u->stage = STAGE_IDLE;
        if (request(d, &s, u->data) >= 0)
            return 0;
        break;
    default: break;
    }
    u->stage = STAGE_STALLED;
    return USB_STALL;
}

static int control_out(struct usb_device *d, const uint8_t *data, unsigned len)
{
    struct usb_state *u = usb_state(d);

    if (u->stage == STAGE_DATA_OUT && len <= USB_CONTROL_SIZE && len <= (unsigned)(u->length - u->at)) {
        memcpy(u->data + u->at, data, len);
        u->at = (uint16_t)(u->at + len);
        return (int)len;
    }
    if (u->stage == STAGE_DATA_IN && len == 0) {
        u->stage = STAGE_IDLE;
        return 0;
    }
    u->stage = STAGE_STALLED;
    return USB_STALL;
}

int usb_token(struct usb_device *d, enum usb_pid pid, unsigned endpoint, uint8_t *data, unsigned len)
{
    struct usb_state *u = usb_state(d);

    if (endpoint == 0) {
        if (pid == USB_PID_SETUP)
            return take_setup(d, data, len);
        return pid == USB_PID_IN ? control_in(d, data) : control_out(d, data, len);
    }
    if (!u->configuration || pid == USB_PID_SETUP)
        return USB_SILENT;
    if (endpoint != 1 || pid != USB_PID_IN || !d->kind->interrupt_in || (u->halted & 2))
        return USB_STALL;
    return d->kind->interrupt_in(d, data, USB_DATA_MAX);
}

struct usb_device *usb_find(struct usb_device *d, unsigned address)
{
    if (usb_state(d)->address == address)
        return d;
    return d->kind->find ? d->kind->find(d, address) : NULL;
}

void usb_wake(struct usb_device *d)
{
    if (d->plug.wake)
        d->plug.wake(d->plug.opaque, d->plug.port);
}

bool usb_may_wake(struct usb_device *d)
{
    return usb_state(d)->remote_wakeup;
}
