/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * console_ring.c: the PV console's page between the guest and a character device of the host.
 * Knows the ring; not what the text means. (public/io/console.h.)
 */
#include "xen/domain.h"

#include "base/log.h"
#include "host/console/chardev.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <xen/io/console.h>

struct xen_console {
    struct xen_domain *d;
    struct chardev *chardev; /* borrowed; NULL: output is dropped */
    int backend;
};

static struct xencons_interface *console_page(struct xen_console *c)
{
    gfn_t gfn = xen_param_get(c->d, HVM_PARAM_CONSOLE_PFN);

    return mem_at(c->d->config.memory, gfn << PAGE_SHIFT_4K, PAGE_BYTES);
}

/* What the guest printed, to the host; what the host does not take stays in the ring. */
static void console_output(struct xen_console *c)
{
    struct xencons_interface *page = console_page(c);
    uint32_t cons, prod, n = 0;
    bool moved = false;

    if (!page)
        return;
    cons = __atomic_load_n(&page->out_cons, __ATOMIC_ACQUIRE);
    prod = __atomic_load_n(&page->out_prod, __ATOMIC_ACQUIRE);
    if (prod - cons > sizeof page->out) {
        log_guest("console ring: impossible indices");
        return;
    }
    while (cons != prod) {
        uint32_t at = cons % (uint32_t)sizeof page->out, len = prod - cons;
        uint8_t bytes[sizeof page->out];
        if (len > sizeof page->out - at)
            len = (uint32_t)sizeof page->out - at;
        memcpy(bytes, page->out + at, len);
        n = c->chardev ? (uint32_t)chardev_write(c->chardev, bytes, len) : len;
        if (n == 0)
            break;
        cons += n;
        moved = true;
    }
    if (!moved)
        return;
    __atomic_store_n(&page->out_cons, cons, __ATOMIC_RELEASE);
    xen_evtchn_notify(c->d, c->backend);
}

static size_t console_room(void *opaque)
{
    struct xencons_interface *page = console_page(opaque);
    uint32_t used;

    if (!page)
        return 0;
    used = __atomic_load_n(&page->in_prod, __ATOMIC_ACQUIRE) - __atomic_load_n(&page->in_cons, __ATOMIC_ACQUIRE);
    return used > sizeof page->in ? 0 : sizeof page->in - used;
}

static void console_input(void *opaque, const uint8_t *bytes, size_t n)
{
    struct xen_console *c = opaque;
    struct xencons_interface *page = console_page(c);
    size_t room = console_room(c);
    uint32_t prod;

    if (!page || n == 0)
        return;
    if (n > room)
        n = room;
    prod = __atomic_load_n(&page->in_prod, __ATOMIC_ACQUIRE);
    for (size_t i = 0; i < n; i++)
        page->in[(prod + i) % sizeof page->in] = (char)bytes[i];
    __atomic_store_n(&page->in_prod, prod + (uint32_t)n, __ATOMIC_RELEASE);
    xen_evtchn_notify(c->d, c->backend);
}

static void console_writable(void *opaque)
{
    console_output(opaque);
}

/* The guest printed, or read and made room. */
static void console_event(void *opaque)
{
    struct xen_console *c = opaque;

    console_output(c);
    if (c->chardev && console_room(c))
        chardev_room_changed(c->chardev);
}

struct xen_console *xen_console_create(struct xen_domain *d, struct chardev *chardev)
{
    struct xen_console *c = calloc(1, sizeof *c);
    const struct chardev_client client = {
        .input = console_input, .room = console_room, .writable = console_writable, .opaque = c};
    uint32_t port;

    if (!c)
        return NULL;
    c->d = d;
    c->chardev = chardev;
    c->backend = xen_evtchn_create_pair(d, console_event, c, &port);
    if (c->backend < 0) {
        errno = -c->backend;
        free(c);
        return NULL;
    }
    xen_param_set(d, HVM_PARAM_CONSOLE_EVTCHN, port);
    if (chardev)
        chardev_set_client(chardev, &client);
    return c;
}

void xen_console_destroy(struct xen_console *c)
{
    if (!c)
        return;
    if (c->chardev)
        chardev_set_client(c->chardev, NULL);
    xen_evtchn_disconnect(c->d, c->backend);
    free(c);
}
