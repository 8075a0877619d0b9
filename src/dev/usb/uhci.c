/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * uhci.c: see uhci.h. Registers, root ports, interrupts, and when frames are done.
 *
 * FRNUM is a matter of guest time alone. Frames are done one by one while the schedule moves anything; when it has been
 * still for a while, several are done at once and late, because nobody can see when a frame was done in which nothing
 * happened. A device that has something to say, or the guest at a register, ends that at once.
 * Deviation: while the function may not master the bus, frames pass undone; a real one would stop with an error.
 */
#include "dev/usb/uhci_internal.h"

#include "base/bytes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define WINDOW_BYTES 32
#define BAR          4

enum { REG_COMMAND = 0, REG_STATUS = 2, REG_INTERRUPT = 4, REG_FRAME = 6, REG_LIST = 8, REG_SOF = 12, REG_PORT = 16 };

#define COMMAND_RUN         0x01u
#define COMMAND_HCRESET     0x02u
#define COMMAND_GRESET      0x04u
#define COMMAND_SUSPEND     0x08u
#define COMMAND_BITS        0xfdu
#define INTERRUPT_BITS      0x0fu
#define ENABLE_ERROR        0x01u
#define ENABLE_RESUME       0x02u
#define ENABLE_COMPLETE     0x04u
#define ENABLE_SHORT        0x08u
#define STATUS_BITS         0x3fu
#define STATUS_CLEARED      0x1fu /* by writing ones */

#define PORT_CONNECTED      0x0001u
#define PORT_CONNECT_CHANGE 0x0002u
#define PORT_ENABLE_CHANGE  0x0008u
#define PORT_RESUME         0x0040u
#define PORT_ONE            0x0080u
#define PORT_RESET          0x0200u
#define PORT_CHANGES        (PORT_CONNECT_CHANGE | PORT_ENABLE_CHANGE)
#define PORT_WRITABLE       (UHCI_PORT_ENABLE | PORT_RESUME | PORT_RESET | UHCI_PORT_SUSPEND)
#define PORT_BITS           (PORT_CONNECTED | PORT_CHANGES | PORT_ONE | PORT_WRITABLE)
#define NO_PORT             0xff7fu /* where drivers count ports: no more of them */

#define SOF_MODIFY_RESET    0x40
#define CATCH_UP_MAX        64u /* frames; those before are lost to the schedule, not to FRNUM */
#define QUIET_SLOWER        32u /* frames */
#define QUIET_SLOWEST       64u
#define SLOWER_FRAMES       4u
#define SLOWEST_FRAMES      32u
#define SOON_NEWS           16u /* frames done one by one after news, and after a look at the time */
#define SOON_TIME           4u

static const struct pci_ids uhci_ids = {
    .vendor = 0x8086,
    .device = 0x7020,
    .class_code = 0x0c0300,
    .revision = 1,
    .subsystem_vendor = 0x1af4,
    .subsystem = 0x1100,
    .interrupt_pin = 4,
};

static struct uhci *to_uhci(struct device *d)
{
    return (struct uhci *)d;
}

static void update_irq(struct uhci *u)
{
    const struct uhci_state *s = &u->s;
    bool level = ((s->causes & UHCI_CAUSE_COMPLETE) && (s->interrupt & ENABLE_COMPLETE)) ||
                 ((s->causes & UHCI_CAUSE_SHORT) && (s->interrupt & ENABLE_SHORT)) ||
                 ((s->status & UHCI_STATUS_ERROR) && (s->interrupt & ENABLE_ERROR)) ||
                 ((s->status & UHCI_STATUS_RESUME) && (s->interrupt & ENABLE_RESUME)) ||
                 (s->status & (UHCI_STATUS_HSE | UHCI_STATUS_HCPE));

    pci_set_intx(&u->pci, level);
}

static bool running(const struct uhci *u)
{
    return u->s.command & COMMAND_RUN;
}

/* How many frames have begun and are not done. */
static uint64_t frames_due(const struct uhci *u)
{
    uint64_t now = loop_now_ns(u->loop);

    return now < u->s.frame_ns ? 0 : (now - u->s.frame_ns) / UHCI_FRAME_NS + 1;
}

static void pass_frames(struct uhci *u, uint64_t n)
{
    u->s.frame = (uint16_t)((u->s.frame + n) % UHCI_FRAMES);
    u->s.frame_ns += n * UHCI_FRAME_NS;
}

static bool schedule_active(struct uhci *u)
{
    return !(u->s.command & COMMAND_SUSPEND) && (load_le16(pci_config(&u->pci) + PCI_COMMAND) & PCI_COMMAND_MASTER);
}

/* Does what is due. */
static void catch_up(struct uhci *u)
{
    uint64_t due = frames_due(u);

    if (due > CATCH_UP_MAX) {
        pass_frames(u, due - CATCH_UP_MAX);
        due = CATCH_UP_MAX;
    }
    for (; due && running(u); due--) {
        if (schedule_active(u) && uhci_schedule_run(u, u->s.frame))
            u->s.quiet = 0;
        else if (u->s.quiet < QUIET_SLOWEST)
            u->s.quiet++;
        if (u->s.soon)
            u->s.soon--;
        pass_frames(u, 1);
    }
    if (u->s.causes)
        u->s.status |= UHCI_STATUS_INT;
    update_irq(u);
}

/* The next time to look: at the start of the last frame of those that are done together. */
static void arm(struct uhci *u)
{
    uint64_t together = u->s.soon || u->s.quiet < QUIET_SLOWER ? 1
                        : u->s.quiet < QUIET_SLOWEST           ? SLOWER_FRAMES
                                                               : SLOWEST_FRAMES;

    if (running(u))
        timer_set(&u->timer, u->s.frame_ns + (together - 1) * UHCI_FRAME_NS);
    else
        timer_cancel(&u->timer);
}

static void timer_fired(void *opaque)
{
    struct uhci *u = opaque;

    catch_up(u);
    arm(u);
}

/* Something may be about to happen: look at the next frame, and at the few after it. */
static void expect(struct uhci *u, uint8_t frames)
{
    if (!running(u))
        return;
    if (u->s.soon < frames)
        u->s.soon = frames;
    if (timer_armed(&u->timer)) /* else catch_up() is at work, and arms it after */
        timer_set(&u->timer, u->s.frame_ns + (frames_due(u) ? (frames_due(u) - 1) * UHCI_FRAME_NS : 0));
}

static unsigned frame_number(struct uhci *u)
{
    uint64_t due = running(u) ? frames_due(u) : 1;

    return (unsigned)((u->s.frame + due + UHCI_FRAMES - 1) % UHCI_FRAMES);
}

/* ---- ports ---- */

static void port_detect(struct uhci *u, unsigned n)
{
    u->s.port[n] = PORT_ONE;
    if (u->device[n])
        u->s.port[n] |= PORT_CONNECTED | PORT_CONNECT_CHANGE;
}

static void port_write(struct uhci *u, unsigned n, uint16_t value)
{
    uint16_t old = u->s.port[n], now;

    now = (uint16_t)((old & ~PORT_WRITABLE & ~(value & PORT_CHANGES)) | (value & PORT_WRITABLE));
    if (now & PORT_RESET) {
        now &= (uint16_t) ~(UHCI_PORT_ENABLE | UHCI_PORT_SUSPEND | PORT_RESUME);
        if (!(old & PORT_RESET) && u->device[n])
            usb_reset(u->device[n]);
    }
    if (!(now & PORT_CONNECTED))
        now &= (uint16_t)~UHCI_PORT_ENABLE;
    if ((old & PORT_RESUME) && !(now & PORT_RESUME))
        now &= (uint16_t)~UHCI_PORT_SUSPEND; /* the end of the resume signal */
    u->s.port[n] = now;
}

static void device_woke(void *opaque, unsigned port)
{
    struct uhci *u = opaque;
    bool suspended = (u->s.port[port] & UHCI_PORT_SUSPEND) || (u->s.command & COMMAND_SUSPEND);

    if (!(u->s.port[port] & UHCI_PORT_ENABLE))
        return;
    if (suspended) {
        if (!usb_may_wake(u->device[port]))
            return;
        if (u->s.port[port] & UHCI_PORT_SUSPEND)
            u->s.port[port] |= PORT_RESUME;
        u->s.status |= UHCI_STATUS_RESUME;
        update_irq(u);
    }
    expect(u, SOON_NEWS);
}

void uhci_plug(struct pci_device *d, unsigned port, struct usb_device *device)
{
    struct uhci *u = to_uhci(&d->dev);

    u->device[port] = device;
    device->plug = (struct usb_plug){device_woke, u, port};
    port_detect(u, port);
}

/* ---- registers ---- */

static void reset_registers(struct uhci *u)
{
    struct uhci_state *s = &u->s;

    timer_cancel(&u->timer);
    s->command = s->interrupt = s->frame = 0;
    s->status = UHCI_STATUS_HALTED;
    s->causes = 0;
    s->sof_modify = SOF_MODIFY_RESET;
    s->list = s->quiet = 0;
    s->soon = 0;
    s->frame_ns = 0;
    for (unsigned n = 0; n < UHCI_PORTS; n++)
        port_detect(u, n);
    update_irq(u);
}

static void reset_bus(struct uhci *u)
{
    for (unsigned n = 0; n < UHCI_PORTS; n++)
        if (u->device[n])
            usb_reset(u->device[n]);
}

static void command_write(struct uhci *u, uint16_t value)
{
    bool was = running(u);

    if (value & COMMAND_HCRESET) {
        reset_registers(u);
        return;
    }
    if (value & COMMAND_GRESET) {
        reset_bus(u);
        reset_registers(u);
        u->s.command = value & COMMAND_BITS & ~COMMAND_RUN;
        return;
    }
    u->s.command = value & COMMAND_BITS;
    if (running(u) && !was) {
        u->s.status &= (uint16_t)~UHCI_STATUS_HALTED;
        u->s.quiet = 0;
        u->s.frame_ns = loop_now_ns(u->loop);
    } else if (!running(u)) {
        u->s.status |= UHCI_STATUS_HALTED;
    }
    arm(u);
}

static void status_write(struct uhci *u, uint16_t value)
{
    u->s.status &= (uint16_t) ~(value & STATUS_CLEARED);
    if (value & UHCI_STATUS_INT)
        u->s.causes = 0;
    update_irq(u);
}

static uint16_t word_read(struct uhci *u, unsigned offset)
{
    switch (offset) {
    case REG_COMMAND: return u->s.command;
    case REG_STATUS: return u->s.status;
    case REG_INTERRUPT: return u->s.interrupt;
    case REG_FRAME:
        expect(u, SOON_TIME); /* drivers ask for the time before they put something into the schedule */
        return (uint16_t)frame_number(u);
    case REG_LIST: return (uint16_t)u->s.list;
    case REG_LIST + 2: return (uint16_t)(u->s.list >> 16);
    case REG_SOF: return u->s.sof_modify;
    case REG_PORT: return u->s.port[0];
    case REG_PORT + 2: return u->s.port[1];
    default: return offset < REG_PORT ? 0 : NO_PORT;
    }
}

static void word_write(struct uhci *u, unsigned offset, uint16_t value)
{
    switch (offset) {
    case REG_COMMAND: command_write(u, value); break;
    case REG_STATUS: status_write(u, value); break;
    case REG_INTERRUPT:
        u->s.interrupt = value & INTERRUPT_BITS;
        update_irq(u);
        break;
    case REG_FRAME:
        if (!running(u))
            u->s.frame = value % UHCI_FRAMES;
        break;
    case REG_LIST: u->s.list = (u->s.list & 0xffff0000) | (value & 0xf000); break;
    case REG_LIST + 2: u->s.list = (u->s.list & 0xffff) | (uint32_t)value << 16; break;
    case REG_SOF: u->s.sof_modify = value & 0x7f; break;
    case REG_PORT:
    case REG_PORT + 2: port_write(u, (offset - REG_PORT) / 2, value); break;
    default: break;
    }
}

static uint64_t uhci_read(struct device *d, uint64_t offset, unsigned size)
{
    struct uhci *u = to_uhci(d);
    uint64_t value = 0;

    for (unsigned i = 0; i < size; i++) {
        unsigned at = (unsigned)offset + i;

        value |= (uint64_t)(word_read(u, at & ~1u) >> (8 * (at & 1)) & 0xff) << (8 * i);
    }
    return value;
}

/* A byte leaves the other half of its word as it is, and clears nothing there. */
static void byte_write(struct uhci *u, unsigned offset, uint8_t value)
{
    unsigned at = offset & ~1u, shift = 8 * (offset & 1);
    uint16_t other = (uint16_t)(word_read(u, at) & ~(0xffu << shift));

    if (at == REG_STATUS)
        other = 0;
    if (at == REG_PORT || at == REG_PORT + 2)
        other &= (uint16_t)~PORT_CHANGES;
    word_write(u, at, (uint16_t)(other | value << shift));
}

static void uhci_write(struct device *d, uint64_t offset, unsigned size, uint64_t value)
{
    struct uhci *u = to_uhci(d);
    unsigned at = (unsigned)offset, end = at + size;

    if (running(u))
        catch_up(u); /* what lies before the write happened before it */
    while (at < end) {
        bool byte = (at & 1) || at + 1 == end;

        if (byte)
            byte_write(u, at, (uint8_t)value);
        else
            word_write(u, at, (uint16_t)value);
        at += byte ? 1 : 2;
        value >>= byte ? 8 : 16;
    }
    expect(u, SOON_NEWS);
}

static const struct io_ops uhci_io = {uhci_read, uhci_write};

/* ---- life ---- */

static void uhci_reset(struct device *d)
{
    struct uhci *u = to_uhci(d);
    uint8_t *config = u->s.pci.config;

    pci_device_reset(&u->pci);
    config[0x60] = 0x10; /* USB 1.0 */
    config[0x6a] = 0x01;
    reset_bus(u);
    reset_registers(u);
}

static int uhci_check(const void *state)
{
    const struct uhci_state *s = state;

    if ((s->command & ~COMMAND_BITS) || (s->status & ~STATUS_BITS) || (s->interrupt & ~INTERRUPT_BITS) ||
        s->causes > 3 || s->frame >= UHCI_FRAMES || (s->list & 0xfff) || s->quiet > QUIET_SLOWEST ||
        s->sof_modify > 0x7f || s->soon > SOON_NEWS)
        return -EINVAL;
    if (!(s->command & COMMAND_RUN) == !(s->status & UHCI_STATUS_HALTED))
        return -EINVAL;
    for (unsigned n = 0; n < UHCI_PORTS; n++)
        if ((s->port[n] & ~PORT_BITS) || !(s->port[n] & PORT_ONE) ||
            ((s->port[n] & UHCI_PORT_ENABLE) && !(s->port[n] & PORT_CONNECTED)))
            return -EINVAL;
    return pci_state_check(state, &uhci_ids);
}

/* A save leaves no frame undone whose time has come. */
static void uhci_saving(struct device *d)
{
    struct uhci *u = to_uhci(d);

    if (running(u)) {
        catch_up(u);
        arm(u);
    }
}

static void uhci_loaded(struct device *d)
{
    struct uhci *u = to_uhci(d);

    pci_device_loaded(&u->pci);
    for (unsigned n = 0; n < UHCI_PORTS; n++)
        if (!u->device[n])
            u->s.port[n] &= (uint16_t) ~(PORT_CONNECTED | UHCI_PORT_ENABLE);
    update_irq(u);
    arm(u);
}

static void uhci_destroy(struct device *d)
{
    timer_cancel(&to_uhci(d)->timer);
    pci_device_remove(&to_uhci(d)->pci);
    free(d);
}

static const struct device_ops uhci_ops = {
    .name = "piix3-usb",
    .version = 1,
    .state_size = sizeof(struct uhci_state),
    .reset = uhci_reset,
    .check = uhci_check,
    .saving = uhci_saving,
    .loaded = uhci_loaded,
    .destroy = uhci_destroy,
};

struct pci_device *uhci_create(struct loop *loop)
{
    struct uhci *u = calloc(1, sizeof *u);

    if (!u)
        return NULL;
    u->loop = loop;
    timer_init(&u->timer, loop, timer_fired, u);
    u->pci.dev.ops = &uhci_ops;
    u->pci.dev.state = &u->s;
    u->pci.bar[BAR] = (struct pci_bar){.kind = PCI_BAR_IO, .size = WINDOW_BYTES, .ops = &uhci_io};
    pci_device_init(&u->pci, &uhci_ids);
    memset(u->pci.writable + 0x6a, 0xff, 2);
    memset(u->pci.writable + 0xc0, 0xff, 2); /* legacy support: kept, and does nothing */
    uhci_reset(&u->pci.dev);
    return &u->pci;
}
