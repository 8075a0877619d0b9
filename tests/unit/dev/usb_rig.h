/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * usb_rig.h: a driver for the UHCI in a few lines, for tests: a schedule of one queue in all frames, control transfers
 * and interrupt polls through it.
 */
#ifndef DOMUS_TESTS_USB_RIG_H
#define DOMUS_TESTS_USB_RIG_H

#include "dev/usb/uhci.h"
#include "dev/usb/usb_hid.h"
#include "dev/usb/usb_hub.h"
#include "host/display/display.h"

#include "fake.h"
#include "pci_machine.h"

#define UHCI_DEVFN PCI_DEVFN(1, 2)
#define IO         0xc000u
#define LIST       0x10000u
#define QUEUE      0x20000u
#define TDS        0x21000u
#define BUFFER     0x30000u
#define FRAME_NS   1000000u
#define ACTIVE     (1u << 23)
#define IOC        (1u << 24)
#define THREE      (3u << 27) /* tries */
#define SPD        (1u << 29)
#define LINK_END   1u
#define LINK_QUEUE 2u
#define LINK_DEPTH 4u
#define PID_IN     0x69u
#define PID_OUT    0xe1u
#define PID_SETUP  0x2du

struct rig {
    struct machine *m;
    struct pci_device *uhci;
    struct display *display;
    struct usb_device *device[10];
    unsigned devices;
};

static inline uint32_t word(struct rig *r, uint32_t at)
{
    uint32_t v = 0;

    assert_int_equal(mem_copy_in(r->m->memory, &v, at, 4), 0);
    return v;
}

static inline void put(struct rig *r, uint32_t at, uint32_t v)
{
    assert_int_equal(mem_copy_out(r->m->memory, at, &v, 4), 0);
}

static inline unsigned reg(struct rig *r, unsigned offset)
{
    return (unsigned)bus_read(r->m->ports, IO + offset, 2);
}

static inline void set(struct rig *r, unsigned offset, unsigned v)
{
    bus_write(r->m->ports, IO + offset, 2, v);
}

static inline void td(struct rig *r, unsigned n, uint32_t link, uint32_t control, uint32_t token, uint32_t buffer)
{
    put(r, TDS + 16 * n, link);
    put(r, TDS + 16 * n + 4, control);
    put(r, TDS + 16 * n + 8, token);
    put(r, TDS + 16 * n + 12, buffer);
}

static inline uint32_t td_control(struct rig *r, unsigned n)
{
    return word(r, TDS + 16 * n + 4);
}

static inline uint32_t token(unsigned pid, unsigned address, unsigned endpoint, unsigned length)
{
    return ((length - 1) & 0x7ff) << 21 | endpoint << 15 | address << 8 | pid;
}

/* All frames lead to the queue, which is empty. */
static inline void rig_schedule(struct rig *r)
{
    for (unsigned i = 0; i < 1024; i++)
        put(r, LIST + 4 * i, QUEUE | LINK_QUEUE);
    put(r, QUEUE, LINK_END);
    put(r, QUEUE + 4, LINK_END);
}

static inline int rig_setup(void **state)
{
    struct rig *r = calloc(1, sizeof *r);

    fake_loop_reset();
    assert_int_equal(setup((void **)&r->m), 0);
    r->display = display_create();
    r->uhci = uhci_create(fake_loop);
    assert_int_equal(pci_device_add(r->m->pci, r->uhci, UHCI_DEVFN), 0);
    config_write(r->m, UHCI_DEVFN, 0x20, 4, IO);
    config_write(r->m, UHCI_DEVFN, PCI_COMMAND, 2, PCI_COMMAND_IO | PCI_COMMAND_MASTER);
    rig_schedule(r);
    bus_write(r->m->ports, IO + 8, 4, LIST);
    *state = r;
    return 0;
}

static inline int rig_teardown(void **state)
{
    struct rig *r = *state;

    while (r->devices) {
        struct device *d = &r->device[--r->devices]->dev;

        d->ops->destroy(d);
    }
    r->uhci->dev.ops->destroy(&r->uhci->dev);
    display_destroy(r->display);
    teardown((void **)&r->m);
    free(r);
    assert_int_equal(fake_timers_armed(), 0);
    return 0;
}

static inline struct usb_device *rig_own(struct rig *r, struct usb_device *d)
{
    assert_non_null(d);
    r->device[r->devices++] = d;
    return d;
}

static inline struct usb_device *rig_plug(struct rig *r, unsigned port, struct usb_device *d)
{
    uhci_plug(r->uhci, port, rig_own(r, d));
    return d;
}

static inline void rig_start(struct rig *r)
{
    set(r, 4, 0xf);
    set(r, 0, 1);
}

static inline void rig_reset_port(struct rig *r, unsigned port)
{
    set(r, 16 + 2 * port, 0x200);
    set(r, 16 + 2 * port, 0);
    set(r, 16 + 2 * port, 0xe); /* enable, and clear the changes */
}

/* A control transfer; the data's length, or -1: an error ended it. */
static inline int control(struct rig *r, unsigned address, uint16_t request, uint16_t value, uint16_t index,
                          uint8_t *data, uint16_t length)
{
    uint8_t setup[8] = {(uint8_t)(request >> 8), (uint8_t)request,      (uint8_t)value,  (uint8_t)(value >> 8),
                        (uint8_t)index,          (uint8_t)(index >> 8), (uint8_t)length, (uint8_t)(length >> 8)};
    bool in = request & 0x8000;
    unsigned n = 0, done = 0, packets = (length + 7u) / 8;

    assert_int_equal(mem_copy_out(r->m->memory, BUFFER, setup, 8), 0);
    if (!in && length)
        assert_int_equal(mem_copy_out(r->m->memory, BUFFER + 8, data, length), 0);
    td(r, n, (TDS + 16 * (n + 1)) | LINK_DEPTH, ACTIVE | THREE, token(PID_SETUP, address, 0, 8), BUFFER);
    for (n = 1; n <= packets; n++) {
        unsigned left = length - 8 * (n - 1), size = left < 8 ? left : 8;

        td(r, n, (TDS + 16 * (n + 1)) | LINK_DEPTH, ACTIVE | THREE | (in ? SPD : 0),
           token(in ? PID_IN : PID_OUT, address, 0, size), BUFFER + 8 * n);
    }
    td(r, n, LINK_END, ACTIVE | THREE | IOC, token(in ? PID_OUT : PID_IN, address, 0, 0), 0);
    put(r, QUEUE + 4, TDS);
    fake_advance(40 * FRAME_NS);
    for (unsigned i = 1; in && i <= packets && !(td_control(r, i) & ACTIVE); i++) {
        done += (td_control(r, i) + 1) & 0x7ff;
        if (((td_control(r, i) + 1) & 0x7ff) < 8 && td_control(r, n) & ACTIVE) {
            put(r, QUEUE + 4, TDS + 16 * n); /* it was short: go on with the status stage, as a driver does */
            fake_advance(40 * FRAME_NS);
            break;
        }
    }
    put(r, QUEUE + 4, LINK_END);
    if (td_control(r, n) & (ACTIVE | 1u << 22))
        return -1;
    if (in && done)
        assert_int_equal(mem_copy_in(r->m->memory, data, BUFFER + 8, done), 0);
    return in ? (int)done : length;
}

/* Polls endpoint 1 once: its bytes, or -1: NAK, or -2: another error. The poll is taken back then. */
static inline int poll_in(struct rig *r, unsigned address, uint8_t *data)
{
    uint32_t after;

    td(r, 40, LINK_END, ACTIVE | THREE | IOC, token(PID_IN, address, 1, 8), BUFFER + 0x1000);
    put(r, QUEUE + 4, TDS + 16 * 40);
    fake_advance(40 * FRAME_NS);
    put(r, QUEUE + 4, LINK_END);
    after = td_control(r, 40);
    if (after & ACTIVE)
        return after & 1u << 19 ? -1 : -2;
    if (after & 1u << 22)
        return -2;
    assert_int_equal(mem_copy_in(r->m->memory, data, BUFFER + 0x1000, 8), 0);
    return (after + 1) & 0x7ff;
}

/* A device at a root port gets its address, its configuration and its first poll. */
static inline void rig_configure(struct rig *r, unsigned port, unsigned address)
{
    uint8_t data[8];

    rig_reset_port(r, port);
    assert_int_equal(control(r, 0, 0x0005, (uint16_t)address, 0, NULL, 0), 0);
    assert_int_equal(control(r, address, 0x0009, 1, 0, NULL, 0), 0);
    (void)poll_in(r, address, data);
}

#endif
