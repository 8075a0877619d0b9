/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * uhci_schedule.c: one frame of the schedule that the guest keeps in memory: the frame list's entry, queue heads and
 * transfer descriptors (UHCI 1.1, chapter 3).
 *
 * All of it is the guest's and may hold loops (drivers make them on purpose, to use what is left of a frame) or lead
 * anywhere. Each structure is copied once and then checked. A frame ends at its end mark, after LINKS_MAX structures,
 * when as many bytes went as fit on the wire, or when a loop came round and moved nothing.
 */
#include "dev/usb/uhci_internal.h"

#include "base/bytes.h"

#define LINK_END        0x1u
#define LINK_QUEUE      0x2u
#define LINK_DEPTH      0x4u
#define LINK_ADDRESS    0xfffffff0u
#define LINKS_MAX       512u
#define FRAME_BYTES     1280u
#define QUEUE_ELEMENT   4u /* offsets in a queue head, and in a descriptor */
#define TD_CONTROL      4u

#define TD_LENGTH       0x7ffu
#define TD_TIMEOUT      (1u << 18)
#define TD_NAK          (1u << 19)
#define TD_BABBLE       (1u << 20)
#define TD_STALLED      (1u << 22)
#define TD_ACTIVE       (1u << 23)
#define TD_STATUS_BITS  (0xffu << 16)
#define TD_COMPLETE     (1u << 24) /* interrupt on completion */
#define TD_ISOCHRONOUS  (1u << 25)
#define TD_ERRORS_SHIFT 27
#define TD_ERRORS       (3u << TD_ERRORS_SHIFT)
#define TD_SHORT        (1u << 29) /* short packet detect */
#define TD_LENGTH_LIMIT 0x500u

struct td {
    uint32_t link, control, token, buffer;
};

enum td_result {
    TD_DONE,  /* the queue goes on to the next */
    TD_STAYS, /* the queue waits at this one */
    TD_ABORT, /* the controller has stopped */
};

struct walk {
    struct uhci *u;
    unsigned links, bytes;
    bool moved;            /* anything in this frame */
    uint32_t mark;         /* a queue head passed ... */
    unsigned since, limit; /* ... so many queue heads ago, nothing moved since; and when to take another mark */
};

static enum td_result stop_controller(struct uhci *u, uint16_t why)
{
    u->s.status |= why | UHCI_STATUS_HALTED;
    u->s.command &= (uint16_t)~1u;
    return TD_ABORT;
}

static bool fetch(struct uhci *u, uint32_t address, void *to, unsigned bytes)
{
    if (!pci_dma_read(&u->pci, to, address, bytes))
        return true;
    (void)stop_controller(u, UHCI_STATUS_HSE);
    return false;
}

static bool store_word(struct uhci *u, uint32_t address, uint32_t value)
{
    uint8_t bytes[4];

    store_le32(bytes, value);
    if (!pci_dma_write(&u->pci, address, bytes, sizeof bytes))
        return true;
    (void)stop_controller(u, UHCI_STATUS_HSE);
    return false;
}

static struct usb_device *find_device(struct uhci *u, unsigned address)
{
    for (unsigned n = 0; n < UHCI_PORTS; n++) {
        bool on = (u->s.port[n] & (UHCI_PORT_ENABLE | UHCI_PORT_SUSPEND)) == UHCI_PORT_ENABLE;
        struct usb_device *found = on && u->device[n] ? usb_find(u->device[n], address) : NULL;

        if (found)
            return found;
    }
    return NULL;
}

static unsigned td_max_length(const struct td *td)
{
    return ((td->token >> 21) + 1) & 0x7ff;
}

/* The transaction on the wire: bytes that went, or an enum usb_answer; -100: memory failed. */
static int td_transact(struct uhci *u, const struct td *td)
{
    struct usb_device *d = find_device(u, td->token >> 8 & 0x7f);
    enum usb_pid pid = td->token & 0xff;
    unsigned endpoint = td->token >> 15 & 15, max = td_max_length(td);
    uint8_t data[FRAME_BYTES];
    int n;

    if (!d)
        return USB_SILENT;
    if (pid != USB_PID_IN && max && !fetch(u, td->buffer, data, max))
        return -100;
    n = usb_token(d, pid, endpoint, data, pid == USB_PID_IN ? 0 : max);
    if (pid != USB_PID_IN || n <= 0 || (unsigned)n > max)
        return n;
    if (pci_dma_write(&u->pci, td->buffer, data, (uint64_t)n)) {
        (void)stop_controller(u, UHCI_STATUS_HSE);
        return -100;
    }
    return n;
}

/* Ends the descriptor with an error that halts its queue. */
static uint32_t td_fail(struct uhci *u, uint32_t control, uint32_t bits)
{
    u->s.status |= UHCI_STATUS_ERROR;
    return (control & ~TD_ACTIVE) | TD_STALLED | bits;
}

static uint32_t td_silent(struct uhci *u, uint32_t control)
{
    unsigned errors = (control & TD_ERRORS) >> TD_ERRORS_SHIFT;

    control |= TD_TIMEOUT;
    if (control & TD_ISOCHRONOUS)
        return control & ~TD_ACTIVE;
    if (!errors) /* no count: for ever */
        return control;
    control -= 1u << TD_ERRORS_SHIFT;
    return errors == 1 ? td_fail(u, control, 0) : control;
}

static enum td_result td_run(struct walk *w, uint32_t address, struct td *td, bool in_queue)
{
    struct uhci *u = w->u;
    uint32_t control = td->control;
    unsigned pid = td->token & 0xff, max = td_max_length(td);
    enum td_result result = TD_STAYS;
    int n;

    if (!(control & TD_ACTIVE))
        return TD_STAYS;
    if ((pid != USB_PID_IN && pid != USB_PID_OUT && pid != USB_PID_SETUP) || max > TD_LENGTH_LIMIT)
        return stop_controller(u, UHCI_STATUS_HCPE);
    n = td_transact(u, td);
    if (n == -100)
        return TD_ABORT;
    if (n == USB_NAK) {
        control |= TD_NAK;
        if (control & TD_ISOCHRONOUS)
            control &= ~TD_ACTIVE;
    } else if (n == USB_SILENT) {
        control = td_silent(u, control);
    } else if (n == USB_STALL) {
        control = td_fail(u, control, 0);
    } else if (pid == USB_PID_IN && (unsigned)n > max) {
        control = td_fail(u, control, TD_BABBLE);
    } else {
        bool is_short = pid == USB_PID_IN && (unsigned)n < max && (control & TD_SHORT);

        control = (control & ~(TD_STATUS_BITS | TD_LENGTH)) | (((unsigned)n - 1) & TD_LENGTH);
        w->bytes += (unsigned)n;
        if (is_short)
            u->s.causes |= UHCI_CAUSE_SHORT;
        if (!is_short || !in_queue)
            result = TD_DONE;
    }
    if (!(control & TD_ACTIVE)) {
        w->moved = true;
        w->since = 0;
        if (control & TD_COMPLETE)
            u->s.causes |= UHCI_CAUSE_COMPLETE;
    }
    if (control != td->control && !store_word(u, address + TD_CONTROL, control))
        return TD_ABORT;
    return result;
}

static bool fetch_td(struct uhci *u, uint32_t address, struct td *td)
{
    uint8_t bytes[16];

    if (!fetch(u, address, bytes, sizeof bytes))
        return false;
    *td = (struct td){load_le32(bytes), load_le32(bytes + 4), load_le32(bytes + 8), load_le32(bytes + 12)};
    return true;
}

/* Has the walk come round to a queue head without anything having moved? (Brent's way to find a loop.) */
static bool came_round(struct walk *w, uint32_t queue)
{
    if (w->since && queue == w->mark)
        return true;
    if (w->since == 0 || w->since == w->limit) {
        w->mark = queue;
        w->limit = w->since ? 2 * w->limit : 1;
        w->since = 0;
    }
    w->since++;
    return false;
}

/* A queue's descriptors, down from `element`, until one stays or the queue says that others come first. */
static bool queue_run(struct walk *w, uint32_t queue, uint32_t element)
{
    while (!(element & (LINK_END | LINK_QUEUE)) && w->links < LINKS_MAX && w->bytes < FRAME_BYTES) {
        struct td td;
        enum td_result result;

        w->links++;
        if (!fetch_td(w->u, element & LINK_ADDRESS, &td))
            return false;
        result = td_run(w, element & LINK_ADDRESS, &td, true);
        if (result != TD_DONE)
            return result == TD_STAYS;
        element = td.link;
        if (!store_word(w->u, queue + QUEUE_ELEMENT, element))
            return false;
        if (!(element & LINK_DEPTH))
            break;
    }
    return true;
}

/* One structure of the frame; where to go on, or LINK_END. */
static uint32_t step(struct walk *w, uint32_t link)
{
    uint32_t address = link & LINK_ADDRESS, element;
    uint8_t bytes[8];
    struct td td;

    w->links++;
    if (!(link & LINK_QUEUE)) {
        if (!fetch_td(w->u, address, &td) || td_run(w, address, &td, false) == TD_ABORT)
            return LINK_END;
        return td.link;
    }
    if (came_round(w, address) || !fetch(w->u, address, bytes, sizeof bytes))
        return LINK_END;
    element = load_le32(bytes + QUEUE_ELEMENT);
    if (!(element & LINK_END) && (element & LINK_QUEUE))
        return element;
    return queue_run(w, address, element) ? load_le32(bytes) : LINK_END;
}

bool uhci_schedule_run(struct uhci *u, unsigned frame)
{
    struct walk w = {.u = u};
    uint8_t bytes[4];
    uint32_t link;

    if (!fetch(u, u->s.list + (frame & (UHCI_FRAMES / 2 - 1)) * 4, bytes, sizeof bytes))
        return true;
    link = load_le32(bytes);
    while (!(link & LINK_END) && w.links < LINKS_MAX && w.bytes < FRAME_BYTES)
        link = step(&w, link);
    return w.moved;
}
