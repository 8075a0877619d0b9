/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * event_channel.c: event channels, 2-level ABI: the guest's ports, and the ends that back ends in this process hold in
 * domain 0's name. Knows pending and mask bits; how the guest is told is upcall.c's. FIFO and PIRQs are not offered.
 * (public/event_channel.h.)
 */
#include "xen/domain.h"

#include <errno.h>
#include <string.h>

#define VIRQS 24u

uint32_t evtchn_limit(const struct xen_domain *d)
{
    return d->shinfo32 ? EVTCHN_PORTS_32 : EVTCHN_PORTS;
}

static bool bit_set(uint8_t *bits, uint32_t n) /* the bit's old value */
{
    uint8_t bit = (uint8_t)(1u << (n & 7));

    return (__atomic_fetch_or(bits + n / 8, bit, __ATOMIC_SEQ_CST) & bit) != 0;
}

static bool bit_clear(uint8_t *bits, uint32_t n)
{
    uint8_t bit = (uint8_t)(1u << (n & 7));

    return (__atomic_fetch_and(bits + n / 8, (uint8_t)~bit, __ATOMIC_SEQ_CST) & bit) != 0;
}

static bool bit_get(const uint8_t *bits, uint32_t n)
{
    return (__atomic_load_n(bits + n / 8, __ATOMIC_SEQ_CST) >> (n & 7) & 1) != 0;
}

bool evtchn_is_pending(struct xen_domain *d, uint32_t port)
{
    return bit_get(shared_info_pending(d), port);
}

/* The port is pending and unmasked: select its word on its vCPU and tell that. */
static void evtchn_select(struct xen_domain *d, uint32_t port)
{
    struct xen_vcpu *v = &d->vcpu[d->port[port].vcpu];
    uint8_t *info = vcpu_info_at(v);
    unsigned word = d->shinfo32 ? 32 : 64, sel_at = d->shinfo32 ? 4 : 8;

    if (!bit_set(info + sel_at, port / word)) {
        bool was = __atomic_exchange_n(info, 1, __ATOMIC_SEQ_CST) != 0;

        vcpu_info_written(v);
        if (!was || v->upcall_lost)
            upcall_raise(v);
    }
}

void evtchn_raise(struct xen_domain *d, uint32_t port)
{
    if (port == 0 || port >= evtchn_limit(d))
        return;
    if (!bit_set(shared_info_pending(d), port) && !bit_get(shared_info_mask(d), port))
        evtchn_select(d, port);
    for (unsigned i = 0; i < d->config.vcpus; i++) /* masked or not: who polls it wakes */
        sched_wake(&d->vcpu[i]);
}

void evtchn_raise_virq(struct xen_vcpu *v, unsigned virq)
{
    struct xen_domain *d = v->domain;

    for (uint32_t port = 1; port < EVTCHN_PORTS; port++) {
        const struct evtchn_port *p = &d->port[port];
        if (p->kind == EVTCHN_VIRQ && p->virq == virq && p->vcpu == v->id) {
            evtchn_raise(d, port);
            return;
        }
    }
}

static uint32_t port_alloc(struct xen_domain *d) /* 0: none free */
{
    for (uint32_t port = 1; port < evtchn_limit(d); port++)
        if (d->port[port].kind == EVTCHN_FREE)
            return port;
    return 0;
}

static void port_open(struct xen_domain *d, uint32_t port, uint8_t kind)
{
    d->port[port] = (struct evtchn_port){.kind = kind};
    bit_clear(shared_info_pending(d), port);
}

static struct evtchn_backend *backend_at(struct xen_domain *d, uint32_t n)
{
    return n > 0 && n < EVTCHN_BACKENDS && d->backend[n].handler ? &d->backend[n] : NULL;
}

static void port_close(struct xen_domain *d, uint32_t port)
{
    struct evtchn_port *p = &d->port[port];

    if (p->kind == EVTCHN_INTERDOMAIN && p->remote_dom == 0) {
        struct evtchn_backend *b = backend_at(d, p->remote_port);
        if (b && b->port == port)
            b->port = 0; /* the back end's end stays, and may be bound to again */
    } else if (p->kind == EVTCHN_INTERDOMAIN) {
        struct evtchn_port *other = &d->port[p->remote_port];
        if (other->kind == EVTCHN_INTERDOMAIN && other->remote_port == port) {
            other->kind = EVTCHN_UNBOUND;
            other->remote_port = 0;
        }
    }
    port_open(d, port, EVTCHN_FREE);
}

int evtchn_reset_all(struct xen_domain *d)
{
    for (uint32_t port = 1; port < EVTCHN_PORTS; port++)
        if (d->port[port].kind != EVTCHN_FREE)
            port_close(d, port);
    return 0;
}

/* ---- the guest's operations ---- */

static struct evtchn_port *port_of_guest(struct xen_domain *d, uint32_t port)
{
    return port > 0 && port < evtchn_limit(d) && d->port[port].kind != EVTCHN_FREE ? &d->port[port] : NULL;
}

static int64_t op_alloc_unbound(struct xen_domain *d, void *arg)
{
    struct evtchn_alloc_unbound *op = arg;
    uint32_t port;

    if (!domid_is_self(d, op->dom))
        return -XEN_EPERM;
    port = port_alloc(d);
    if (!port)
        return -XEN_ENOSPC;
    port_open(d, port, EVTCHN_UNBOUND);
    d->port[port].remote_dom = domid_is_self(d, op->remote_dom) ? d->config.domid : op->remote_dom;
    op->port = port;
    return 0;
}

/* Both ends are ours: a port that was left unbound for us. */
static int64_t bind_loopback(struct xen_domain *d, struct evtchn_bind_interdomain *op, uint32_t port)
{
    struct evtchn_port *other = port_of_guest(d, op->remote_port);

    if (!other || other->kind != EVTCHN_UNBOUND || other->remote_dom != d->config.domid)
        return -XEN_EINVAL;
    port_open(d, port, EVTCHN_INTERDOMAIN);
    d->port[port].remote_dom = d->config.domid;
    d->port[port].remote_port = op->remote_port;
    other->kind = EVTCHN_INTERDOMAIN;
    other->remote_port = port;
    return 0;
}

static int64_t op_bind_interdomain(struct xen_domain *d, void *arg)
{
    struct evtchn_bind_interdomain *op = arg;
    uint32_t port = port_alloc(d);
    int64_t rc = 0;

    if (!port)
        return -XEN_ENOSPC;
    if (domid_is_self(d, op->remote_dom)) {
        rc = bind_loopback(d, op, port);
    } else if (op->remote_dom != 0) {
        rc = -XEN_ESRCH;
    } else {
        struct evtchn_backend *b = backend_at(d, op->remote_port);
        if (!b || b->port)
            return -XEN_EINVAL;
        port_open(d, port, EVTCHN_INTERDOMAIN);
        d->port[port].remote_port = op->remote_port;
        b->port = port;
    }
    if (rc)
        return rc;
    op->local_port = port;
    evtchn_raise(d, port); /* Xen does: whatever was sent before the binding is not lost */
    return 0;
}

static bool virq_is_global(uint32_t virq)
{
    return virq != VIRQ_TIMER && virq != VIRQ_DEBUG && virq != VIRQ_XENOPROF && virq != VIRQ_XENPMU;
}

static int64_t op_bind_virq(struct xen_domain *d, void *arg)
{
    struct evtchn_bind_virq *op = arg;
    uint32_t port;

    if (op->virq >= VIRQS || (virq_is_global(op->virq) && op->vcpu != 0))
        return -XEN_EINVAL;
    if (op->vcpu >= d->config.vcpus)
        return -XEN_ENOENT;
    for (port = 1; port < EVTCHN_PORTS; port++)
        if (d->port[port].kind == EVTCHN_VIRQ && d->port[port].virq == op->virq && d->port[port].vcpu == op->vcpu)
            return -XEN_EEXIST;
    port = port_alloc(d);
    if (!port)
        return -XEN_ENOSPC;
    port_open(d, port, EVTCHN_VIRQ);
    d->port[port].virq = op->virq;
    d->port[port].vcpu = (uint16_t)op->vcpu;
    op->port = port;
    return 0;
}

static int64_t op_bind_ipi(struct xen_domain *d, void *arg)
{
    struct evtchn_bind_ipi *op = arg;
    uint32_t port;

    if (op->vcpu >= d->config.vcpus)
        return -XEN_ENOENT;
    port = port_alloc(d);
    if (!port)
        return -XEN_ENOSPC;
    port_open(d, port, EVTCHN_IPI);
    d->port[port].vcpu = (uint16_t)op->vcpu;
    op->port = port;
    return 0;
}

static int64_t op_close(struct xen_domain *d, void *arg)
{
    const struct evtchn_close *op = arg;

    if (!port_of_guest(d, op->port))
        return -XEN_EINVAL;
    port_close(d, op->port);
    return 0;
}

static int64_t op_send(struct xen_domain *d, void *arg)
{
    const struct evtchn_send *op = arg;
    struct evtchn_port *p = port_of_guest(d, op->port);

    if (!p)
        return -XEN_EINVAL;
    if (p->kind == EVTCHN_IPI) {
        evtchn_raise(d, op->port);
    } else if (p->kind == EVTCHN_INTERDOMAIN && p->remote_dom == 0) {
        struct evtchn_backend *b = backend_at(d, p->remote_port);
        if (b)
            b->handler(b->opaque);
    } else if (p->kind == EVTCHN_INTERDOMAIN) {
        evtchn_raise(d, p->remote_port);
    } else if (p->kind != EVTCHN_UNBOUND) { /* to nobody: silently lost, as in Xen */
        return -XEN_EINVAL;
    }
    return 0;
}

static int64_t op_status(struct xen_domain *d, void *arg)
{
    struct evtchn_status *op = arg;
    struct evtchn_port *p;

    if (!domid_is_self(d, op->dom))
        return -XEN_EPERM;
    if (op->port == 0 || op->port >= evtchn_limit(d))
        return -XEN_EINVAL;
    p = &d->port[op->port];
    memset(&op->u, 0, sizeof op->u);
    switch (p->kind) {
    case EVTCHN_UNBOUND:
        op->status = EVTCHNSTAT_unbound;
        op->u.unbound.dom = p->remote_dom;
        break;
    case EVTCHN_INTERDOMAIN:
        op->status = EVTCHNSTAT_interdomain;
        op->u.interdomain.dom = p->remote_dom;
        op->u.interdomain.port = p->remote_port;
        break;
    case EVTCHN_VIRQ:
        op->status = EVTCHNSTAT_virq;
        op->u.virq = p->virq;
        break;
    case EVTCHN_IPI: op->status = EVTCHNSTAT_ipi; break;
    default: op->status = EVTCHNSTAT_closed; break;
    }
    op->vcpu = p->vcpu;
    return 0;
}

static int64_t op_bind_vcpu(struct xen_domain *d, void *arg)
{
    const struct evtchn_bind_vcpu *op = arg;
    struct evtchn_port *p = port_of_guest(d, op->port);

    if (op->vcpu >= d->config.vcpus)
        return -XEN_ENOENT;
    if (!p || p->kind == EVTCHN_IPI || (p->kind == EVTCHN_VIRQ && !virq_is_global(p->virq)))
        return -XEN_EINVAL;
    p->vcpu = (uint16_t)op->vcpu;
    return 0;
}

static int64_t op_unmask(struct xen_domain *d, void *arg)
{
    const struct evtchn_unmask *op = arg;

    if (!port_of_guest(d, op->port))
        return -XEN_EINVAL;
    if (bit_clear(shared_info_mask(d), op->port) && evtchn_is_pending(d, op->port))
        evtchn_select(d, op->port);
    return 0;
}

static int64_t op_reset(struct xen_domain *d, void *arg)
{
    const struct evtchn_reset *op = arg;

    return domid_is_self(d, op->dom) ? evtchn_reset_all(d) : -XEN_EPERM;
}

int64_t evtchn_op(struct xen_call *c)
{
    static const struct {
        int64_t (*run)(struct xen_domain *d, void *arg);
        uint8_t size;
        bool answers;
    } ops[] = {
        [EVTCHNOP_alloc_unbound] = {op_alloc_unbound, sizeof(struct evtchn_alloc_unbound), true},
        [EVTCHNOP_bind_interdomain] = {op_bind_interdomain, sizeof(struct evtchn_bind_interdomain), true},
        [EVTCHNOP_bind_virq] = {op_bind_virq, sizeof(struct evtchn_bind_virq), true},
        [EVTCHNOP_bind_ipi] = {op_bind_ipi, sizeof(struct evtchn_bind_ipi), true},
        [EVTCHNOP_close] = {op_close, sizeof(struct evtchn_close), false},
        [EVTCHNOP_send] = {op_send, sizeof(struct evtchn_send), false},
        [EVTCHNOP_status] = {op_status, sizeof(struct evtchn_status), true},
        [EVTCHNOP_bind_vcpu] = {op_bind_vcpu, sizeof(struct evtchn_bind_vcpu), false},
        [EVTCHNOP_unmask] = {op_unmask, sizeof(struct evtchn_unmask), false},
        [EVTCHNOP_reset] = {op_reset, sizeof(struct evtchn_reset), false},
    };
    uint64_t nr = c->arg[0];
    uint8_t arg[32] __attribute__((aligned(8))) = {0};
    int64_t rc;

    if (nr >= ARRAY_SIZE(ops) || !ops[nr].run)
        return -XEN_ENOSYS; /* FIFO and PIRQ operations: guests fall back */
    if (!call_copy_in(c, arg, c->arg[1], ops[nr].size))
        return -XEN_EFAULT;
    rc = ops[nr].run(c->d, arg);
    if (rc == 0 && ops[nr].answers && !call_copy_out(c, c->arg[1], arg, ops[nr].size))
        rc = -XEN_EFAULT;
    return rc;
}

/* ---- back ends ---- */

static int backend_alloc(struct xen_domain *d, xen_evtchn_handler handler, void *opaque)
{
    for (uint32_t n = 1; n < EVTCHN_BACKENDS; n++)
        if (!d->backend[n].handler) {
            d->backend[n] = (struct evtchn_backend){.handler = handler, .opaque = opaque};
            return (int)n;
        }
    return -ENOSPC;
}

static void backend_bind(struct xen_domain *d, int backend, uint32_t port)
{
    d->port[port].kind = EVTCHN_INTERDOMAIN;
    d->port[port].remote_dom = 0;
    d->port[port].remote_port = (uint32_t)backend;
    d->backend[backend].port = port;
}

int xen_evtchn_create_pair(struct xen_domain *d, xen_evtchn_handler handler, void *opaque, uint32_t *port)
{
    uint32_t guest = port_alloc(d);
    int backend;

    if (!guest)
        return -ENOSPC;
    backend = backend_alloc(d, handler, opaque);
    if (backend < 0)
        return backend;
    port_open(d, guest, EVTCHN_INTERDOMAIN);
    backend_bind(d, backend, guest);
    *port = guest;
    return backend;
}

int xen_evtchn_connect(struct xen_domain *d, uint32_t port, xen_evtchn_handler handler, void *opaque)
{
    struct evtchn_port *p = port_of_guest(d, port);
    int backend;

    if (!p || p->kind != EVTCHN_UNBOUND || p->remote_dom != 0)
        return -EINVAL;
    backend = backend_alloc(d, handler, opaque);
    if (backend > 0)
        backend_bind(d, backend, port);
    return backend;
}

void xen_evtchn_notify(struct xen_domain *d, int backend)
{
    struct evtchn_backend *b = backend > 0 ? backend_at(d, (uint32_t)backend) : NULL;

    if (b && b->port)
        evtchn_raise(d, b->port);
}

void xen_evtchn_disconnect(struct xen_domain *d, int backend)
{
    struct evtchn_backend *b = backend > 0 ? backend_at(d, (uint32_t)backend) : NULL;

    if (!b)
        return;
    if (b->port && d->port[b->port].kind == EVTCHN_INTERDOMAIN) {
        d->port[b->port].kind = EVTCHN_UNBOUND; /* as when a domain at the other end closes */
        d->port[b->port].remote_port = 0;
    }
    *b = (struct evtchn_backend){0};
}
