/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * store_ring.c: a guest's connection to the store through its ring page. All four indices are in the page and nowhere
 * else: firmware sets them back to zero when it hands over, with or without the reconnection handshake.
 * (public/io/xs_wire.h: struct xenstore_domain_interface; docs/misc/xenstore-ring.txt.)
 */
#include "xen/domain.h"

#include "base/log.h"
#include "xen/store/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <xen/io/xs_wire.h>

#define RING_BYTES XENSTORE_RING_SIZE
#define ROUNDS_MAX 64u /* of one event: a guest that fills as we empty does not keep the lock */

struct xen_store_ring {
    struct xen_domain *d;
    struct store_connection *connection;
    int backend;
    bool pumping;
};

static uint32_t load(const XENSTORE_RING_IDX *index)
{
    return __atomic_load_n(index, __ATOMIC_ACQUIRE);
}

static void store(XENSTORE_RING_IDX *index, uint32_t value)
{
    __atomic_store_n(index, value, __ATOMIC_RELEASE);
}

static struct xenstore_domain_interface *ring_page(struct xen_store_ring *r)
{
    gfn_t gfn = xen_param_get(r->d, HVM_PARAM_STORE_PFN);

    return mem_at(r->d->config.memory, gfn << PAGE_SHIFT_4K, PAGE_BYTES);
}

static void ring_error(struct xenstore_domain_interface *page, const char *what)
{
    page->error = XENSTORE_ERROR_RINGIDX;
    log_guest("xenstore ring: impossible %s indices", what);
}

/* Requests from the ring to the store. True: some were taken. */
static bool ring_take(struct xen_store_ring *r, struct xenstore_domain_interface *page)
{
    uint32_t cons = load(&page->req_cons), prod = load(&page->req_prod), at = cons % RING_BYTES, n = prod - cons;
    char bytes[RING_BYTES];
    long taken;

    if (n == 0)
        return false;
    if (n > RING_BYTES) {
        ring_error(page, "request");
        return false;
    }
    if (n > RING_BYTES - at)
        n = RING_BYTES - at;
    memcpy(bytes, page->req + at, n);
    taken = store_connection_input(r->connection, bytes, n);
    if (taken < 0) { /* a length no message has: nothing more is understood until the guest reconnects */
        page->error = XENSTORE_ERROR_PROTO;
        taken = n;
    }
    store(&page->req_cons, cons + (uint32_t)taken);
    return taken > 0;
}

static bool ring_give(struct xen_store_ring *r, struct xenstore_domain_interface *page)
{
    uint32_t prod = load(&page->rsp_prod), used = prod - load(&page->rsp_cons), at = prod % RING_BYTES, room;
    char bytes[RING_BYTES];
    size_t n;

    if (used > RING_BYTES) {
        ring_error(page, "response");
        return false;
    }
    room = RING_BYTES - used;
    n = store_connection_output(r->connection, bytes, room < RING_BYTES - at ? room : RING_BYTES - at);
    if (n == 0)
        return false;
    memcpy(page->rsp + at, bytes, n);
    store(&page->rsp_prod, prod + (uint32_t)n);
    return true;
}

static void ring_reconnect(struct xen_store_ring *r, struct xenstore_domain_interface *page)
{
    store_connection_reset(r->connection);
    page->req_cons = page->req_prod = page->rsp_cons = page->rsp_prod = 0;
    page->error = XENSTORE_ERROR_NONE;
    store(&page->connection, XENSTORE_CONNECTED);
}

static void ring_pump(struct xen_store_ring *r)
{
    struct xenstore_domain_interface *page = ring_page(r);
    bool moved = false;

    if (!page || r->pumping)
        return;
    r->pumping = true;
    if (load(&page->connection) == XENSTORE_RECONNECT) {
        ring_reconnect(r, page);
        moved = true;
    }
    for (unsigned round = 0; round < ROUNDS_MAX; round++) {
        bool taken = ring_take(r, page), given = ring_give(r, page);
        if (!taken && !given)
            break;
        moved = true;
    }
    r->pumping = false;
    if (moved) {
        memory_written(r->d->config.memory, xen_param_get(r->d, HVM_PARAM_STORE_PFN) << PAGE_SHIFT_4K, PAGE_BYTES);
        xen_evtchn_notify(r->d, r->backend);
    }
}

static void ring_event(void *opaque)
{
    ring_pump(opaque);
}

struct xen_store_ring *xen_store_ring_create(struct xen_domain *d, struct store *s)
{
    struct xen_store_ring *r = calloc(1, sizeof *r);
    const struct store_connection_ops ops = {.has_output = ring_event, .opaque = r};
    struct xenstore_domain_interface *page;
    uint32_t port;

    if (!r)
        return NULL;
    r->d = d;
    r->connection = store_connect(s, d->config.domid, &ops);
    r->backend = r->connection ? xen_evtchn_create_pair(d, ring_event, r, &port) : -ENOMEM;
    if (r->backend < 0) {
        errno = -r->backend;
        store_disconnect(r->connection);
        free(r);
        return NULL;
    }
    xen_param_set(d, HVM_PARAM_STORE_EVTCHN, port);
    page = ring_page(r);
    if (page)
        page->server_features = XENSTORE_SERVER_FEATURE_RECONNECTION | XENSTORE_SERVER_FEATURE_ERROR;
    return r;
}

void xen_store_ring_destroy(struct xen_store_ring *r)
{
    if (!r)
        return;
    xen_evtchn_disconnect(r->d, r->backend);
    store_disconnect(r->connection);
    free(r);
}
