/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz_usb.c: the UHCI with a hub, a tablet, a mouse and a keyboard: register accesses, schedules of any shape in
 * memory, control transfers, keys and motion, time, resets, and saved states with some bytes changed. Time must pass in
 * bounded work, and whatever state a chip gets into must load. A clock of this file's own stands in for machine/loop.c.
 */
#include "dev/usb/uhci.h"
#include "dev/usb/usb_hid.h"
#include "dev/usb/usb_hub.h"
#include "host/display/display.h"
#include "machine/loop.h"

#include <stdlib.h>
#include <string.h>

#include "fuzz_input.h"

#define RAM_BYTES (1u << 20)
#define IO        0xc000u
#define LIST      0x1000u
#define THINGS    0x2000u /* queue heads and descriptors, 16 bytes each */
#define BUFFERS   0x4000u
#define MAX_FIRES 10000 /* in one step of at most half a second */
#define DEVICES   4

struct loop {
    uint64_t now;
    struct timer *timer;
};

uint64_t loop_now_ns(struct loop *l)
{
    return l->now;
}

void timer_init(struct timer *t, struct loop *l, void (*fired)(void *opaque), void *opaque)
{
    *t = (struct timer){.fired = fired, .opaque = opaque, .loop = l};
}

void timer_cancel(struct timer *t)
{
    t->loop->timer = NULL;
    t->slot = 0;
}

void timer_set(struct timer *t, uint64_t deadline_ns)
{
    t->loop->timer = t;
    t->slot = 1;
    t->deadline_ns = deadline_ns;
}

static void advance(struct loop *l, uint64_t ns)
{
    uint64_t until = l->now + ns;

    for (unsigned fires = 0; l->timer && l->timer->deadline_ns <= until; fires++) {
        struct timer *t = l->timer;

        if (fires > MAX_FIRES)
            abort(); /* the host would be busy for ever */
        if (t->deadline_ns > l->now)
            l->now = t->deadline_ns;
        timer_cancel(t);
        t->fired(t->opaque);
    }
    l->now = until;
}

struct rig {
    struct loop loop;
    struct bus *ports, *mmio;
    struct memory *memory;
    struct pci_bus *pci;
    struct pci_device *uhci;
    struct display *display;
    struct usb_device *device[DEVICES]; /* the hub first */
};

static void put(struct rig *r, uint32_t at, uint32_t value)
{
    (void)mem_copy_out(r->memory, at, &value, 4);
}

static uint32_t some_link(struct fuzz_input *in)
{
    uint8_t what = fuzz_byte(in);

    return what == 255 ? fuzz_u32(in) : (THINGS + 16u * (what & 31)) | (fuzz_byte(in) & 7 & (what & 32 ? 7u : 6u));
}

static void put_thing(struct rig *r, struct fuzz_input *in)
{
    static const uint8_t pids[] = {0x69, 0x69, 0xe1, 0x2d};
    uint32_t at = THINGS + 16u * (fuzz_byte(in) & 31);
    uint8_t kind = fuzz_byte(in), where = fuzz_byte(in), pid = pids[kind & 3], length = fuzz_byte(in);

    put(r, at, some_link(in));
    if (kind & 0x80) {
        put(r, at + 4, some_link(in));
        return;
    }
    put(r, at + 4, (uint32_t)(kind & 4 ? 1u << 23 : 0) | (uint32_t)fuzz_byte(in) << 24);
    put(r, at + 8,
        (uint32_t)(kind & 8 ? fuzz_byte(in) : pid) | (where & 3u) << 8 | (where >> 2 & 1u) << 15 |
            (uint32_t)(pid == 0x2d ? 7 : length & 15) << 21 | (where == 0 ? fuzz_u32(in) : 0));
    put(r, at + 12, where == 1 ? fuzz_u32(in) : BUFFERS + 16u * (where & 15));
}

static void put_setup(struct rig *r, struct fuzz_input *in)
{
    static const uint16_t requests[] = {0x8006, 0x0005, 0x0009, 0x0009, 0x0003, 0x0001, 0x0203, 0x8000, 0xa101, 0x2109,
                                        0x210a, 0x210b, 0x8106, 0xa006, 0xa300, 0x2303, 0x2303, 0x2301, 0x8106, 0x8008};
    uint16_t request = requests[fuzz_byte(in) % ARRAY_SIZE(requests)];
    uint8_t setup[8] = {(uint8_t)(request >> 8), (uint8_t)request,   fuzz_byte(in) & 31,
                        fuzz_byte(in) & 63,      fuzz_byte(in) & 15, 0,
                        fuzz_byte(in),           fuzz_byte(in) & 1};

    (void)mem_copy_out(r->memory, BUFFERS + 16u * (fuzz_byte(in) & 15), setup, sizeof setup);
}

/* The same without a schedule: a token straight to a device. */
static void give_token(struct rig *r, struct fuzz_input *in)
{
    static const enum usb_pid pids[] = {USB_PID_SETUP, USB_PID_IN, USB_PID_OUT};
    struct usb_device *d = r->device[fuzz_byte(in) % DEVICES];
    enum usb_pid pid = pids[fuzz_byte(in) % 3];
    uint8_t data[0x500] = {0};
    unsigned len = fuzz_byte(in) & 15;

    (void)mem_copy_in(r->memory, data, BUFFERS + 16u * (fuzz_byte(in) & 15), 16);
    if (usb_token(d, pid, fuzz_byte(in) & 3, data, pid == USB_PID_SETUP ? 8 : len) > (int)USB_DATA_MAX)
        abort();
}

static void load_changed(struct device *d, struct fuzz_input *in)
{
    uint8_t *copy = malloc(d->ops->state_size);

    if (d->ops->saving)
        d->ops->saving(d);
    memcpy(copy, d->state, d->ops->state_size);
    for (unsigned n = fuzz_byte(in) % 4; n; n--)
        copy[fuzz_u32(in) % d->ops->state_size] = fuzz_byte(in);
    if (!d->ops->check(copy)) {
        memcpy(d->state, copy, d->ops->state_size);
        d->ops->loaded(d);
    }
    free(copy);
}

static void rare(struct rig *r, struct fuzz_input *in)
{
    uint8_t which = fuzz_byte(in);
    struct device *d = which & 4 ? &r->uhci->dev : &r->device[which % DEVICES]->dev;

    switch (fuzz_byte(in) % 4) {
    case 0: d->ops->reset(d); break;
    case 1: display_resize(r->display, 1 + fuzz_byte(in), 1 + fuzz_byte(in)); break;
    default: load_changed(d, in); break;
    }
}

static void step(struct rig *r, struct fuzz_input *in)
{
    static const uint8_t offsets[] = {0, 2, 4, 6, 8, 16, 16, 18, 18, 12};
    uint8_t what = fuzz_byte(in);

    switch (what % 16) {
    case 0: bus_write(r->ports, IO + offsets[fuzz_byte(in) % sizeof offsets], 2, fuzz_u32(in) & 0xffff); break;
    case 1: bus_write(r->ports, IO + fuzz_byte(in) % 32, 1u << fuzz_byte(in) % 3, fuzz_u32(in)); break;
    case 2: bus_read(r->ports, IO + fuzz_byte(in) % 32, 1u << fuzz_byte(in) % 3); break;
    case 3: put(r, LIST + 4u * fuzz_byte(in), some_link(in)); break;
    case 4:
    case 5:
    case 6: put_thing(r, in); break;
    case 7:
    case 8: put_setup(r, in); break;
    case 9:
    case 10: give_token(r, in); break;
    case 11: display_pointer(r->display, fuzz_byte(in) * 4, fuzz_byte(in), (int8_t)fuzz_byte(in), what >> 4); break;
    case 12: display_key(r->display, (uint16_t)fuzz_u32(in) & (what & 16 ? 0xe07f : 0x7f), fuzz_byte(in) & 1); break;
    case 13: advance(&r->loop, fuzz_u32(in) & (what & 16 ? 0x1fffffff : 0xfffff)); break;
    case 14: rare(r, in); break;
    default: /* the usual way on */
        bus_write(r->ports, IO + 16 + (what & 16 ? 2 : 0), 2, 4);
        bus_write(r->ports, IO + 8, 4, LIST);
        bus_write(r->ports, IO + 4, 2, 15);
        bus_write(r->ports, IO, 2, 1);
        advance(&r->loop, 3000000);
        break;
    }
    bus_write(r->ports, 0xcf8, 4, 0x80000a20);
    bus_write(r->ports, 0xcfc, 4, IO);
    bus_write(r->ports, 0xcf8, 4, 0x80000a04);
    bus_write(r->ports, 0xcfc, 2, PCI_COMMAND_IO | (what == 0xff ? 0 : PCI_COMMAND_MASTER));
}

static void check_state(struct device *d)
{
    if (d->ops->saving)
        d->ops->saving(d);
    if (d->ops->check(d->state))
        abort(); /* a state it got into by itself must load */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rig r = {.loop.now = 1000};
    struct fuzz_input in = {data, size};

    r.ports = bus_create("ports", 0x10000);
    r.mmio = bus_create("mmio", 1ull << 40);
    r.memory = memory_create(RAM_BYTES);
    memory_map_ram(r.memory, 0, 0, RAM_BYTES / PAGE_BYTES);
    r.pci = pci_bus_create(r.ports, r.mmio, r.memory, NULL, NULL);
    bus_map(r.ports, 0xcf8, 8, pci_bus_device(r.pci), &pci_config_io);
    r.display = display_create();
    r.uhci = uhci_create(&r.loop);
    pci_device_add(r.pci, r.uhci, PCI_DEVFN(1, 2));
    r.device[0] = usb_hub_create();
    r.device[1] = usb_tablet_create(&r.loop, r.display);
    r.device[2] = usb_mouse_create(&r.loop, r.display);
    r.device[3] = usb_keyboard_create(&r.loop, r.display);
    uhci_plug(r.uhci, 1, r.device[0]);
    uhci_plug(r.uhci, 0, r.device[1]);
    usb_hub_plug(r.device[0], 0, r.device[2]);
    usb_hub_plug(r.device[0], 5, r.device[3]);
    for (unsigned i = 0; i < 1024; i++)
        put(&r, LIST + 4 * i, THINGS | 2);
    while (in.left)
        step(&r, &in);
    advance(&r.loop, 100000000);
    check_state(&r.uhci->dev);
    for (unsigned i = DEVICES; i--;) {
        check_state(&r.device[i]->dev);
        r.device[i]->dev.ops->destroy(&r.device[i]->dev);
    }
    r.uhci->dev.ops->destroy(&r.uhci->dev);
    if (r.loop.timer)
        abort();
    display_destroy(r.display);
    pci_bus_destroy(r.pci);
    memory_destroy(r.memory);
    bus_destroy(r.mmio);
    bus_destroy(r.ports);
    return 0;
}
