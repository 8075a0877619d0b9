/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * usb.h: USB 1.1 devices behind a port: tokens in, answers out (Universal Serial Bus Specification 1.1, chapters 8, 9).
 *
 * A controller or a hub gives each token to the device that has its address. usb.c answers the control endpoint's
 * standard requests from the kind's descriptors; the kind does the rest. Data toggles are the host's affair.
 * Deviation: a token with a wrong toggle is taken as a right one, which guests of Xen's device model see too.
 * All calls need the machine lock.
 */
#ifndef DOMUS_DEV_USB_USB_H
#define DOMUS_DEV_USB_USB_H

#include "machine/device.h"

#define USB_DATA_MAX     256u /* the longest data stage of a control transfer that a device of ours has */
#define USB_CONTROL_SIZE 8u   /* bMaxPacketSize0 */

enum usb_pid { USB_PID_SETUP = 0x2d, USB_PID_IN = 0x69, USB_PID_OUT = 0xe1 };

/* What a device answers, when not with a number of bytes. */
enum usb_answer { USB_NAK = -1, USB_STALL = -2, USB_SILENT = -3 };

enum usb_request_code {
    USB_GET_STATUS = 0,
    USB_CLEAR_FEATURE = 1,
    USB_SET_FEATURE = 3,
    USB_SET_ADDRESS = 5,
    USB_GET_DESCRIPTOR = 6,
    USB_GET_CONFIGURATION = 8,
    USB_SET_CONFIGURATION = 9,
    USB_GET_INTERFACE = 10,
    USB_SET_INTERFACE = 11,
};
#define USB_TO_HOST             0x80u
#define USB_TYPE_MASK           0x60u
#define USB_TYPE_CLASS          0x20u
#define USB_TO_INTERFACE        0x01u
#define USB_TO_ENDPOINT         0x02u
#define USB_DESCRIPTOR_DEVICE   1
#define USB_DESCRIPTOR_CONFIG   2
#define USB_DESCRIPTOR_STRING   3
#define USB_CONFIG_REMOTE_WAKE  0x20u /* in a configuration's bmAttributes */
#define USB_CONFIG_SELF_POWERED 0x40u

/* request: bmRequestType in the high byte, bRequest in the low one. */
struct usb_setup {
    uint16_t request, value, index, length;
};
#define USB_REQUEST(type, code) ((uint16_t)((type) << 8 | (code)))

/* Each device's state begins with it. */
struct usb_state {
    uint8_t address, configuration;
    uint8_t remote_wakeup; /* the host has asked for it */
    uint8_t halted;        /* bit n: endpoint n IN */
    uint8_t stage;         /* enum usb_stage of usb.c */
    uint8_t setup[8];      /* of the control transfer under way */
    uint16_t at, length;   /* of its data: at <= length <= USB_DATA_MAX */
    uint8_t data[USB_DATA_MAX];
};

struct usb_device;

struct usb_kind {
    const uint8_t *device_descriptor; /* 18 bytes */
    const uint8_t *configuration;     /* with all that goes with it; its wTotalLength is its size */
    const char *strings[4];           /* by index, from 1: "" is none */
    /* Requests that are not the standard ones. Out: `data` has `s->length` bytes. In: fills up to USB_DATA_MAX.
     * The number of bytes, or USB_STALL. */
    int (*request)(struct usb_device *d, const struct usb_setup *s, uint8_t *data);
    int (*interrupt_in)(struct usb_device *d, uint8_t *data, unsigned room); /* bytes or USB_NAK; endpoint 1 */
    void (*configured)(struct usb_device *d);                                /* the configuration changed, or a reset */
    struct usb_device *(*find)(struct usb_device *d, unsigned address);      /* hubs: below it; else NULL */
};

/* Where a device is plugged in: whom it tells that it has something to say. */
struct usb_plug {
    void (*wake)(void *opaque, unsigned port);
    void *opaque;
    unsigned port;
};

struct usb_device {
    struct device dev; /* first; dev.state begins with struct usb_state */
    const struct usb_kind *kind;
    struct usb_plug plug;
};

static inline struct usb_state *usb_state(struct usb_device *d)
{
    return d->dev.state;
}

void usb_reset(struct usb_device *d); /* what a reset of its port does; for the device's own reset too */
bool usb_state_valid(const struct usb_state *s);

/* One transaction. IN: puts up to USB_DATA_MAX bytes into `data`; others: `data` has `len` bytes. */
int usb_token(struct usb_device *d, enum usb_pid pid, unsigned endpoint, uint8_t *data, unsigned len);
struct usb_device *usb_find(struct usb_device *d, unsigned address); /* d, or one below it, or NULL */

/* The device has something to say: its endpoint would not answer NAK. */
void usb_wake(struct usb_device *d);
/* May it wake a suspended port? */
bool usb_may_wake(struct usb_device *d);

#endif
