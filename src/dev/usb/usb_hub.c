/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * usb_hub.c: see usb_hub.h. Port status, changes and the status endpoint; which device hears a token.
 * Knows no controller. Power switching is ganged and pretended by the power bit alone, as in hubs that do not switch.
 */
#include "dev/usb/usb_hub.h"

#include "base/bytes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HUB_DESCRIPTOR    0x29
#define PORT_CONNECTION   0x0001u
#define PORT_ENABLE       0x0002u
#define PORT_SUSPEND      0x0004u
#define PORT_OVER_CURRENT 0x0008u
#define PORT_RESET        0x0010u
#define PORT_POWER        0x0100u
#define PORT_STATUS_BITS  (PORT_CONNECTION | PORT_ENABLE | PORT_SUSPEND | PORT_POWER)
#define PORT_CHANGE_BITS  0x001fu
/* Feature selectors: the number of the bit in the status word; from 16 on, in the change word. */
#define FEATURE_CHANGES 16
enum { FEATURE_ENABLE = 1, FEATURE_SUSPEND = 2, FEATURE_RESET = 4, FEATURE_POWER = 8 };

struct usb_hub_state {
    struct usb_state usb;
    struct {
        uint16_t status, change;
    } port[USB_HUB_PORTS];
};

struct usb_hub {
    struct usb_device usb; /* first */
    struct usb_hub_state s;
    struct usb_device *device[USB_HUB_PORTS]; /* borrowed; NULL: nothing plugged in */
};

static const uint8_t device_descriptor[] = {
    18,   USB_DESCRIPTOR_DEVICE,
    0x10, 0x01, /* USB 1.1 */
    9,    0,
    0,    USB_CONTROL_SIZE,
    0x09, 0x04, /* vendor */
    0xaa, 0x55, /* product */
    0x01, 0x01, /* release */
    1,    2,
    3,    1,
};

static const uint8_t configuration[] = {
    9,    USB_DESCRIPTOR_CONFIG,
    25,   0,
    1,    1,
    0,    0x80 | USB_CONFIG_SELF_POWERED | USB_CONFIG_REMOTE_WAKE,
    0,    9,
    4,    0,
    0,    1,
    9,    0,
    0,    0, /* interface: hub */
    7,    5,
    0x81, 0x03,
    2,    0,
    0xff, /* status change endpoint, every 255 ms */
};

/* No power switching, no over-current protection; all ports removable. */
static const uint8_t hub_descriptor[] = {11, HUB_DESCRIPTOR, USB_HUB_PORTS, 0x0a, 0, 1, 0, 0, 0, 0xff, 0xff};

static struct usb_hub *to_hub(struct usb_device *d)
{
    return (struct usb_hub *)d;
}

static void port_changed(struct usb_hub *h, unsigned n, uint16_t change)
{
    h->s.port[n].change |= change;
    usb_wake(&h->usb);
}

/* The configuration changed: ports lose power and get it again; what is plugged in is found anew. */
static void hub_configured(struct usb_device *d)
{
    struct usb_hub *h = to_hub(d);

    for (unsigned n = 0; n < USB_HUB_PORTS; n++) {
        h->s.port[n].status = PORT_POWER;
        h->s.port[n].change = 0;
        if (!h->device[n])
            continue;
        h->s.port[n].status |= PORT_CONNECTION;
        h->s.port[n].change = PORT_CONNECTION;
        usb_reset(h->device[n]);
    }
}

static int port_set(struct usb_hub *h, unsigned n, unsigned feature)
{
    uint16_t *status = &h->s.port[n].status;

    switch (feature) {
    case FEATURE_SUSPEND:
        if (*status & PORT_ENABLE)
            *status |= PORT_SUSPEND;
        return 0;
    case FEATURE_RESET: /* over at once */
        if (!(*status & PORT_CONNECTION))
            return 0;
        usb_reset(h->device[n]);
        *status = (uint16_t)((*status | PORT_ENABLE) & ~PORT_SUSPEND);
        port_changed(h, n, PORT_RESET);
        return 0;
    case FEATURE_POWER: return 0;
    default: return USB_STALL;
    }
}

static int port_clear(struct usb_hub *h, unsigned n, unsigned feature)
{
    uint16_t *status = &h->s.port[n].status;

    if (feature >= FEATURE_CHANGES && feature < FEATURE_CHANGES + 5) {
        h->s.port[n].change &= (uint16_t) ~(1u << (feature - FEATURE_CHANGES));
        return 0;
    }
    switch (feature) {
    case FEATURE_ENABLE: *status &= (uint16_t) ~(PORT_ENABLE | PORT_SUSPEND); return 0;
    case FEATURE_SUSPEND:
        if (*status & PORT_SUSPEND) {
            *status &= (uint16_t)~PORT_SUSPEND;
            port_changed(h, n, PORT_SUSPEND);
        }
        return 0;
    case FEATURE_POWER: return 0;
    default: return USB_STALL;
    }
}

static int hub_request(struct usb_device *d, const struct usb_setup *s, uint8_t *data)
{
    struct usb_hub *h = to_hub(d);
    unsigned port = s->index & 0xff;

    switch (s->request) {
    case USB_REQUEST(0xa0, USB_GET_DESCRIPTOR):
        memcpy(data, hub_descriptor, sizeof hub_descriptor);
        return sizeof hub_descriptor;
    case USB_REQUEST(0xa0, USB_GET_STATUS): store_le32(data, 0); return 4;
    case USB_REQUEST(0x20, USB_CLEAR_FEATURE):
    case USB_REQUEST(0x20, USB_SET_FEATURE): return s->value > 1 ? USB_STALL : 0;
    default: break;
    }
    if (port < 1 || port > USB_HUB_PORTS)
        return USB_STALL;
    switch (s->request) {
    case USB_REQUEST(0xa3, USB_GET_STATUS):
        store_le16(data, h->s.port[port - 1].status);
        store_le16(data + 2, h->s.port[port - 1].change);
        return 4;
    case USB_REQUEST(0x23, USB_SET_FEATURE): return port_set(h, port - 1, s->value);
    case USB_REQUEST(0x23, USB_CLEAR_FEATURE): return port_clear(h, port - 1, s->value);
    default: return USB_STALL;
    }
}

/* Bit n + 1: port n has a change to tell of. */
static int hub_interrupt_in(struct usb_device *d, uint8_t *data, unsigned room)
{
    struct usb_hub *h = to_hub(d);
    unsigned bits = 0;

    for (unsigned n = 0; n < USB_HUB_PORTS; n++)
        if (h->s.port[n].change)
            bits |= 2u << n;
    if (!bits)
        return USB_NAK;
    store_le16(data, (uint16_t)bits);
    return 2;
}

static struct usb_device *hub_find(struct usb_device *d, unsigned address)
{
    struct usb_hub *h = to_hub(d);

    if (!h->s.usb.configuration)
        return NULL;
    for (unsigned n = 0; n < USB_HUB_PORTS; n++) {
        bool on = (h->s.port[n].status & (PORT_ENABLE | PORT_SUSPEND)) == PORT_ENABLE;
        struct usb_device *found = on ? usb_find(h->device[n], address) : NULL;

        if (found)
            return found;
    }
    return NULL;
}

static const struct usb_kind hub_kind = {
    .device_descriptor = device_descriptor,
    .configuration = configuration,
    .strings = {NULL, "DOMUS", "DOMUS USB Hub", "1"},
    .request = hub_request,
    .interrupt_in = hub_interrupt_in,
    .configured = hub_configured,
    .find = hub_find,
};

/* A device below has something to say. On a suspended port it may say so only if the host allowed it. */
static void child_woke(void *opaque, unsigned port)
{
    struct usb_hub *h = opaque;

    if (!(h->s.port[port].status & PORT_ENABLE))
        return;
    if (h->s.port[port].status & PORT_SUSPEND) {
        if (!usb_may_wake(h->device[port]))
            return;
        h->s.port[port].status &= (uint16_t)~PORT_SUSPEND;
        h->s.port[port].change |= PORT_SUSPEND;
    }
    usb_wake(&h->usb);
}

void usb_hub_plug(struct usb_device *hub, unsigned port, struct usb_device *d)
{
    struct usb_hub *h = to_hub(hub);

    h->device[port] = d;
    d->plug = (struct usb_plug){child_woke, h, port};
    hub_configured(hub);
}

static void hub_reset(struct device *d)
{
    usb_reset((struct usb_device *)d);
}

static int hub_check(const void *state)
{
    const struct usb_hub_state *s = state;

    for (unsigned n = 0; n < USB_HUB_PORTS; n++) {
        uint16_t status = s->port[n].status;

        if ((status & ~PORT_STATUS_BITS) || (s->port[n].change & ~PORT_CHANGE_BITS))
            return -EINVAL;
        if ((status & PORT_ENABLE) && !(status & PORT_CONNECTION))
            return -EINVAL;
        if ((status & PORT_SUSPEND) && !(status & PORT_ENABLE))
            return -EINVAL;
    }
    return usb_state_valid(&s->usb) ? 0 : -EINVAL;
}

/* What is plugged in is the board's to say. */
static void hub_loaded(struct device *d)
{
    struct usb_hub *h = (struct usb_hub *)d;

    for (unsigned n = 0; n < USB_HUB_PORTS; n++)
        if (!h->device[n])
            h->s.port[n].status &= (uint16_t) ~(PORT_CONNECTION | PORT_ENABLE | PORT_SUSPEND);
}

static void hub_destroy(struct device *d)
{
    free(d);
}

static const struct device_ops hub_ops = {
    .name = "usb-hub",
    .version = 1,
    .state_size = sizeof(struct usb_hub_state),
    .reset = hub_reset,
    .check = hub_check,
    .loaded = hub_loaded,
    .destroy = hub_destroy,
};

struct usb_device *usb_hub_create(void)
{
    struct usb_hub *h = calloc(1, sizeof *h);

    if (!h)
        return NULL;
    h->usb.dev = (struct device){.ops = &hub_ops, .state = &h->s};
    h->usb.kind = &hub_kind;
    usb_reset(&h->usb);
    return &h->usb;
}
