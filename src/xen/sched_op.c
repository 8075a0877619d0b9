/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sched_op.c: a vCPU gives way, waits for an event, or the domain ends. Knows when to wake; the thread that sleeps is
 * the vCPU room's. (public/sched.h.)
 */
#include "xen/domain.h"

#include "base/bytes.h"
#include "base/log.h"
#include "machine/lifecycle.h"

#include <sched.h>
#include <xen/sched.h>

#define POLL_PORTS_MAX 128u

void sched_wake(struct xen_vcpu *v)
{
    const struct xen_host *h = &v->domain->config.host;

    if (!v->polling)
        return;
    v->polling = false;
    timer_cancel(&v->poll);
    if (h->vcpu_wake)
        h->vcpu_wake(h->opaque, v->id);
}

static void poll_timed_out(void *opaque)
{
    sched_wake(opaque);
}

void sched_init(struct xen_vcpu *v)
{
    timer_init(&v->poll, v->domain->config.loop, poll_timed_out, v);
}

static void vcpu_sleeps(struct xen_call *c)
{
    const struct xen_host *h = &c->d->config.host;

    if (c->nested || !h->vcpu_block) /* a wake-up without cause is allowed */
        return;
    c->v->polling = true;
    h->vcpu_block(h->opaque, c->v->id);
}

static int64_t sched_poll(struct xen_call *c)
{
    uint8_t bytes[sizeof(struct sched_poll)];
    uint64_t list, timeout;
    uint32_t nr, port;

    if (!call_copy_in(c, bytes, c->arg[1], c->compat ? 16 : 24))
        return -XEN_EFAULT;
    list = c->compat ? load_le32(bytes) : load_le64(bytes);
    nr = load_le32(bytes + (c->compat ? 4 : 8));
    timeout = load_le64(bytes + (c->compat ? 8 : 16));
    if (nr > POLL_PORTS_MAX)
        return -XEN_EINVAL;
    for (uint32_t i = 0; i < nr; i++) {
        if (!call_copy_in(c, &port, list + 4ull * i, sizeof port))
            return -XEN_EFAULT;
        if (port >= evtchn_limit(c->d))
            return -XEN_EINVAL;
        if (evtchn_is_pending(c->d, port))
            return 0;
    }
    if (timeout && timeout <= xen_time_now_ns(c->d))
        return 0;
    vcpu_sleeps(c);
    if (timeout && c->v->polling)
        timer_set(&c->v->poll, time_to_loop_ns(c->d, timeout));
    return 0;
}

static int64_t sched_block(struct xen_call *c)
{
    if (!upcall_is_pending(c->v))
        vcpu_sleeps(c);
    return 0;
}

static int64_t sched_shutdown(struct xen_call *c)
{
    static const char *const why[] = {"the guest powered off", "the guest asked for a reboot", "the guest suspended",
                                      "the guest crashed",     "the guest's watchdog",         "a soft reset"};
    struct sched_shutdown op;

    if (!call_copy_in(c, &op, c->arg[1], sizeof op))
        return -XEN_EFAULT;
    if (op.reason >= ARRAY_SIZE(why))
        return -XEN_EINVAL;
    if (c->d->shutdown_code != SHUTDOWN_CODE_INVALID) /* said before */
        op.reason = c->d->shutdown_code;
    log_info("SCHEDOP_shutdown(%u) from vCPU %u", op.reason, c->v->id);
    lifecycle_request(c->d->config.life, (enum life_reason)op.reason, why[op.reason]);
    return 0;
}

/* Sets the reason that the shutdown to come will have. */
static int64_t sched_shutdown_code(struct xen_call *c)
{
    struct sched_shutdown op;

    if (!call_copy_in(c, &op, c->arg[1], sizeof op))
        return -XEN_EFAULT;
    if (op.reason > SHUTDOWN_MAX)
        return -XEN_EINVAL;
    c->d->shutdown_code = op.reason;
    return 0;
}

int64_t sched_op(struct xen_call *c)
{
    switch (c->arg[0]) {
    case SCHEDOP_yield: sched_yield(); return 0;
    case SCHEDOP_block: return sched_block(c);
    case SCHEDOP_poll: return sched_poll(c);
    case SCHEDOP_shutdown: return sched_shutdown(c);
    case SCHEDOP_shutdown_code: return sched_shutdown_code(c);
    case SCHEDOP_remote_shutdown: return -XEN_ESRCH; /* of other domains: there are none */
    default: return -XEN_ENOSYS; /* SCHEDOP_watchdog among them: guests then have no watchdog device */
    }
}
