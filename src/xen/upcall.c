/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * upcall.c: how a guest learns of a pending event: a vector of its own on each vCPU's LAPIC, or the domain's callback
 * (a vector past the LAPIC, a GSI, or a PCI INTx line). Knows which; the machine behind struct xen_host does it.
 * (public/hvm/params.h: HVM_PARAM_CALLBACK_IRQ; public/hvm/hvm_op.h: HVMOP_set_evtchn_upcall_vector.)
 */
#include "xen/domain.h"

#include <string.h>

bool upcall_is_pending(struct xen_vcpu *v)
{
    return __atomic_load_n(vcpu_info_at(v), __ATOMIC_SEQ_CST) != 0;
}

static void callback_drive(struct xen_domain *d, bool level)
{
    const struct xen_host *h = &d->config.host;

    if (d->callback_level == level)
        return;
    d->callback_level = level;
    if (d->callback_type == HVM_PARAM_CALLBACK_TYPE_GSI && d->callback_gsi && h->gsi_set)
        h->gsi_set(h->opaque, d->callback_gsi, level);
    if (d->callback_type == HVM_PARAM_CALLBACK_TYPE_PCI_INTX && h->intx_set)
        h->intx_set(h->opaque, d->callback_device, d->callback_intx, level);
}

void upcall_raise(struct xen_vcpu *v)
{
    struct xen_domain *d = v->domain;
    const struct xen_host *h = &d->config.host;

    if (v->upcall_vector) {
        v->upcall_lost = !h->lapic_raise || !h->lapic_raise(h->opaque, v->id, v->upcall_vector);
    } else if (d->callback_type == HVM_PARAM_CALLBACK_TYPE_VECTOR) {
        if (h->upcall_kick)
            h->upcall_kick(h->opaque, v->id);
    } else if (v->id == 0) {
        callback_drive(d, true);
    }
    sched_wake(v);
}

void upcall_mark(struct xen_vcpu *v)
{
    uint8_t *info = vcpu_info_at(v);

    memset(info + (v->domain->shinfo32 ? 4 : 8), 0xff, v->domain->shinfo32 ? 4 : 8);
    __atomic_store_n(info, 1, __ATOMIC_SEQ_CST);
    vcpu_info_written(v);
    upcall_raise(v);
}

/* value is what the guest wrote: type in 63:56, the rest by type. */
void upcall_set_callback(struct xen_domain *d, uint64_t value)
{
    callback_drive(d, false);
    d->callback_type = (unsigned)(value >> 56);
    switch (d->callback_type) {
    case HVM_PARAM_CALLBACK_TYPE_GSI: d->callback_gsi = value & 0xff; break;
    case HVM_PARAM_CALLBACK_TYPE_PCI_INTX:
        d->callback_device = value >> 11 & 0x1f;
        d->callback_intx = value & 3;
        break;
    case HVM_PARAM_CALLBACK_TYPE_VECTOR: d->callback_vector = value & 0xff; break;
    default: break;
    }
    for (unsigned i = 0; i < d->config.vcpus; i++)
        if (!d->vcpu[i].upcall_vector && upcall_is_pending(&d->vcpu[i]))
            upcall_raise(&d->vcpu[i]);
}

void xen_upcall_sync(struct xen_domain *d)
{
    if (d->callback_level && !upcall_is_pending(&d->vcpu[0]))
        callback_drive(d, false);
}

void xen_lapic_enabled(struct xen_domain *d, unsigned vcpu)
{
    struct xen_vcpu *v = &d->vcpu[vcpu];

    if (vcpu < d->config.vcpus && v->upcall_vector && upcall_is_pending(v))
        upcall_raise(v);
}

int xen_upcall_vector(struct xen_domain *d, unsigned vcpu)
{
    struct xen_vcpu *v = &d->vcpu[vcpu];

    if (d->callback_type == HVM_PARAM_CALLBACK_TYPE_VECTOR && d->callback_vector >= 0x10 && !v->upcall_vector &&
        upcall_is_pending(v))
        return d->callback_vector;
    return -1;
}
