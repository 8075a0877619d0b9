/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hvm_op.c: HVM parameters, with who may read and write which, and the per-vCPU upcall vector.
 * (public/hvm/hvm_op.h, public/hvm/params.h.)
 */
#include "xen/domain.h"

#include "base/log.h"

#include <xen/hvm/hvm_op.h>

enum { GET = 1, SET = 2, OBSOLETE = 4 };

static const uint8_t param_rights[XEN_PARAMS] = {
    [HVM_PARAM_CALLBACK_IRQ] = GET | SET,
    [HVM_PARAM_STORE_PFN] = GET,
    [HVM_PARAM_STORE_EVTCHN] = GET | SET,
    [HVM_PARAM_PAE_ENABLED] = OBSOLETE,
    [HVM_PARAM_DM_DOMAIN] = OBSOLETE,
    [HVM_PARAM_VM86_TSS] = GET | SET,
    [HVM_PARAM_CONSOLE_PFN] = GET,
    [HVM_PARAM_CONSOLE_EVTCHN] = GET | SET,
    [HVM_PARAM_ACPI_IOPORTS_LOCATION] = GET | SET,
    [HVM_PARAM_MEMORY_EVENT_CR0] = OBSOLETE,
    [HVM_PARAM_MEMORY_EVENT_CR3] = OBSOLETE,
    [HVM_PARAM_MEMORY_EVENT_CR4] = OBSOLETE,
    [HVM_PARAM_MEMORY_EVENT_INT3] = OBSOLETE,
    [HVM_PARAM_NESTEDHVM] = OBSOLETE,
    [HVM_PARAM_MEMORY_EVENT_SINGLE_STEP] = OBSOLETE,
    [HVM_PARAM_BUFIOREQ_EVTCHN] = OBSOLETE,
    [HVM_PARAM_MEMORY_EVENT_MSR] = OBSOLETE,
    [HVM_PARAM_VM_GENERATION_ID_ADDR] = GET | SET,
    [HVM_PARAM_ALTP2M] = GET,
    [HVM_PARAM_X87_FIP_WIDTH] = GET | SET,
    [HVM_PARAM_VM86_TSS_SIZED] = GET | SET,
};

uint64_t xen_param_get(struct xen_domain *d, unsigned index)
{
    return index < XEN_PARAMS ? d->param[index] : 0;
}

void xen_param_set(struct xen_domain *d, unsigned index, uint64_t value)
{
    if (index >= XEN_PARAMS)
        return;
    d->param[index] = value;
    if (index == HVM_PARAM_CALLBACK_IRQ)
        upcall_set_callback(d, value);
    else if (index == HVM_PARAM_ACPI_IOPORTS_LOCATION && d->config.host.acpi_ioports_moved)
        d->config.host.acpi_ioports_moved(d->config.host.opaque, value == 1);
}

static int64_t param_get(struct xen_call *c)
{
    struct xen_hvm_param p;

    if (!call_copy_in(c, &p, c->arg[1], sizeof p))
        return -XEN_EFAULT;
    if (p.index >= XEN_PARAMS || (param_rights[p.index] & OBSOLETE))
        return -XEN_EINVAL;
    if (!domid_is_self(c->d, p.domid))
        return -XEN_ESRCH;
    if (!(param_rights[p.index] & GET))
        return -XEN_EPERM;
    p.value = c->d->param[p.index];
    return call_copy_out(c, c->arg[1], &p, sizeof p) ? 0 : -XEN_EFAULT;
}

static bool param_value_valid(const struct xen_hvm_param *p)
{
    switch (p->index) {
    case HVM_PARAM_ACPI_IOPORTS_LOCATION: return p->value <= 1;
    case HVM_PARAM_X87_FIP_WIDTH: return p->value == 0 || p->value == 4 || p->value == 8;
    default: return true;
    }
}

static int64_t param_set(struct xen_call *c)
{
    struct xen_hvm_param p;

    if (!call_copy_in(c, &p, c->arg[1], sizeof p))
        return -XEN_EFAULT;
    if (p.index >= XEN_PARAMS || (param_rights[p.index] & OBSOLETE))
        return -XEN_EINVAL;
    if (!domid_is_self(c->d, p.domid))
        return -XEN_ESRCH;
    if (!(param_rights[p.index] & SET))
        return -XEN_EPERM;
    if (!param_value_valid(&p))
        return -XEN_EINVAL;
    if (p.index == HVM_PARAM_CALLBACK_IRQ)
        shared_info_latch(c->d, c->compat);
    xen_param_set(c->d, p.index, p.value);
    return 0;
}

static int64_t set_upcall_vector(struct xen_call *c)
{
    struct xen_hvm_evtchn_upcall_vector op;
    struct xen_vcpu *v;

    if (!call_copy_in(c, &op, c->arg[1], sizeof op))
        return -XEN_EFAULT;
    if (op.vector < 0x10)
        return -XEN_EINVAL;
    if (op.vcpu >= c->d->config.vcpus)
        return -XEN_ENOENT;
    v = &c->d->vcpu[op.vcpu];
    v->upcall_vector = op.vector;
    if (upcall_is_pending(v))
        upcall_raise(v);
    return 0;
}

static int64_t get_time(struct xen_call *c)
{
    uint64_t now = xen_time_now_ns(c->d);

    return call_copy_out(c, c->arg[1], &now, sizeof now) ? 0 : -XEN_EFAULT;
}

/* Everything a guest puts into its map is RAM that it may write, or emulated. */
static int64_t get_mem_type(struct xen_call *c)
{
    struct xen_hvm_get_mem_type op;
    struct memory_page page;

    if (!call_copy_in(c, &op, c->arg[1], sizeof op))
        return -XEN_EFAULT;
    if (!domid_is_self(c->d, op.domid))
        return -XEN_ESRCH;
    page = memory_lookup(c->d->config.memory, op.pfn);
    if (!(page.flags & MEMORY_PRESENT))
        op.mem_type = HVMMEM_mmio_dm;
    else
        op.mem_type = page.flags & MEMORY_READONLY ? HVMMEM_ram_ro : HVMMEM_ram_rw;
    return call_copy_out(c, c->arg[1], &op, sizeof op) ? 0 : -XEN_EFAULT;
}

int64_t hvm_op(struct xen_call *c)
{
    switch (c->arg[0]) {
    case HVMOP_set_param: return param_set(c);
    case HVMOP_get_param: return param_get(c);
    case HVMOP_flush_tlbs: return c->arg[1] ? -XEN_EINVAL : 0; /* engines follow the guest's own flushes */
    case HVMOP_get_time: return get_time(c);
    case HVMOP_get_mem_type: return get_mem_type(c);
    case HVMOP_set_evtchn_upcall_vector: return set_upcall_vector(c);
    default: return -XEN_ENOSYS; /* pagetable_dying among them: guests do without */
    }
}
