/* SPDX-License-Identifier: GPL-2.0-or-later */
/* usb_hid_internal.h: what usb_hid.c shares with the kinds of HID device (usb_pointer.c, usb_keyboard.c). */
#ifndef DOMUS_DEV_USB_USB_HID_INTERNAL_H
#define DOMUS_DEV_USB_USB_HID_INTERNAL_H

#include "dev/usb/usb_hid.h"
#include "host/display/display.h"

#define HID_REPORT_MAX 8u

/* Each HID device's state begins with it. */
struct hid_state {
    struct usb_state usb;
    uint8_t protocol; /* 0: the boot protocol; 1: the report descriptor's */
    uint8_t idle;     /* 4 ms; 0: reports only of changes */
    uint8_t output;   /* the last output report: a keyboard's LEDs */
    uint8_t polled;   /* the guest has asked for reports since it configured the device */
    uint64_t reported_ns;
};

struct hid_kind {
    const uint8_t *report_descriptor;
    uint16_t report_descriptor_bytes;
    struct display_input input;
    bool (*pending)(const struct hid_state *s);                  /* is there news? */
    void (*advance)(struct hid_state *s);                        /* takes the next news into what is reported */
    unsigned (*report)(const struct hid_state *s, uint8_t *out); /* what is; its length */
    void (*reported)(struct hid_state *s);                       /* out it went: forget relative motion; may be NULL */
    void (*clear)(struct hid_state *s);                          /* all that waits, and keys and buttons up */
};

struct hid {
    struct usb_device usb; /* first */
    const struct hid_kind *hid;
    struct loop *loop;
    struct display *display;
    int input; /* the display's handle; negative: the display's events go elsewhere */
};

/* The parts of a struct usb_kind that all share. */
int hid_request(struct usb_device *d, const struct usb_setup *s, uint8_t *data);
int hid_interrupt_in(struct usb_device *d, uint8_t *data, unsigned room);
void hid_configured(struct usb_device *d);

void hid_init(struct hid *h, const struct usb_kind *kind, const struct hid_kind *hid, struct loop *loop,
              struct display *display);
bool hid_state_valid(const struct hid_state *s);
/* Of a struct device_ops. */
void hid_reset(struct device *d);
void hid_loaded(struct device *d);
void hid_destroy(struct device *d);

static inline struct hid_state *hid_state(struct hid *h)
{
    return h->usb.dev.state;
}

#endif
