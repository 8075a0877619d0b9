/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vcpu_op.c: what a guest sets up for each vCPU: its vcpu_info, its runstate area, its timers. Bringing vCPUs up is
 * the LAPIC's business in an HVM guest. (public/vcpu.h.)
 */
#include "xen/domain.h"

#include "base/bytes.h"
#include "base/log.h"

#include <string.h>
#include <xen/vcpu.h>

#define PERIOD_MIN_NS 1000000ull
#define PERIOD_MAX_NS (1ull << 62)

static int64_t register_vcpu_info(struct xen_call *c, struct xen_vcpu *v)
{
    struct vcpu_register_vcpu_info op;

    if (!call_copy_in(c, &op, c->arg[2], sizeof op))
        return -XEN_EFAULT;
    if (op.mfn >= 1ull << 40 || op.offset >= PAGE_BYTES)
        return -XEN_EINVAL;
    return vcpu_info_register(v, op.mfn << PAGE_SHIFT_4K | op.offset);
}

/*
 * Deviation: the host's scheduler does not tell us when a vCPU waits for a processor, so all time counts as running
 * and the area is written once, when it is registered. Steal time then reads as zero.
 */
static size_t runstate_fill(struct xen_call *c, struct xen_vcpu *v, uint8_t out[48])
{
    size_t word = c->compat ? 4 : 8; /* where the 64-bit fields start */

    memset(out, 0, 48);
    store_le32(out, RUNSTATE_running);
    store_le64(out + word, v->created_ns);
    store_le64(out + word + 8, xen_time_now_ns(c->d) - v->created_ns);
    return c->compat ? 44 : 48;
}

static int64_t get_runstate(struct xen_call *c, struct xen_vcpu *v)
{
    uint8_t bytes[48];
    size_t len = runstate_fill(c, v, bytes);

    return call_copy_out(c, c->arg[2], bytes, len) ? 0 : -XEN_EFAULT;
}

static int64_t register_runstate(struct xen_call *c, struct xen_vcpu *v)
{
    uint8_t bytes[48], address[8] = {0};
    size_t len = runstate_fill(c, v, bytes);

    if (!call_copy_in(c, address, c->arg[2], c->compat ? 4 : 8))
        return -XEN_EFAULT;
    (void)call_copy_out(c, load_le64(address), bytes, len); /* Xen takes an address that is not mapped yet */
    return 0;
}

/* A copy of the time record where user programs of the guest may read it; address 0 ends it. */
static int64_t register_time_area(struct xen_call *c, struct xen_vcpu *v)
{
    uint8_t address[8] = {0};
    gpa_t gpa = 0;
    gva_t gva;

    if (!c->guest->translate)
        return -XEN_ENOSYS;
    if (!call_copy_in(c, address, c->arg[2], c->compat ? 4 : 8))
        return -XEN_EFAULT;
    gva = load_le64(address);
    if ((gva & PAGE_MASK_4K) > PAGE_BYTES - TIME_RECORD_BYTES)
        return -XEN_EINVAL;
    if (gva && c->guest->translate(c->guest->opaque, gva, &gpa))
        return -XEN_EFAULT;
    if (gva && (memory_lookup(c->d->config.memory, gpa >> PAGE_SHIFT_4K).flags & MEMORY_READONLY))
        return -XEN_EFAULT;
    v->time_gpa = gpa;
    time_update_vcpu(v);
    return 0;
}

static int64_t set_periodic(struct xen_call *c, struct xen_vcpu *v)
{
    struct vcpu_set_periodic_timer op;

    if (!call_copy_in(c, &op, c->arg[2], sizeof op))
        return -XEN_EFAULT;
    if (op.period_ns < PERIOD_MIN_NS || op.period_ns > PERIOD_MAX_NS)
        return -XEN_EINVAL;
    time_set_period(v, op.period_ns);
    return 0;
}

static int64_t set_singleshot(struct xen_call *c, struct xen_vcpu *v)
{
    uint8_t bytes[12];
    uint64_t deadline;

    if (v != c->v)
        return -XEN_EINVAL;
    if (!call_copy_in(c, bytes, c->arg[2], sizeof bytes))
        return -XEN_EFAULT;
    deadline = load_le64(bytes);
    if ((load_le32(bytes + 8) & VCPU_SSHOTTMR_future) && deadline < xen_time_now_ns(c->d))
        return -XEN_ETIME;
    time_set_single(v, deadline);
    return 0;
}

int64_t vcpu_op(struct xen_call *c)
{
    uint64_t id = (uint32_t)c->arg[1];
    struct xen_vcpu *v;

    if (id >= c->d->config.vcpus)
        return -XEN_ENOENT;
    v = &c->d->vcpu[id];
    switch (c->arg[0]) {
    case VCPUOP_is_up: return 1;
    case VCPUOP_get_runstate_info: return get_runstate(c, v);
    case VCPUOP_register_runstate_memory_area: return register_runstate(c, v);
    case VCPUOP_set_periodic_timer: return set_periodic(c, v);
    case VCPUOP_stop_periodic_timer: time_set_period(v, 0); return 0;
    case VCPUOP_set_singleshot_timer: return set_singleshot(c, v);
    case VCPUOP_stop_singleshot_timer:
        if (v != c->v)
            return -XEN_EINVAL;
        time_set_single(v, TIME_NEVER);
        return 0;
    case VCPUOP_register_vcpu_info: return register_vcpu_info(c, v);
    case VCPUOP_register_vcpu_time_memory_area: return register_time_area(c, v);
    case VCPUOP_send_nmi:
        if (c->d->config.host.nmi_raise)
            c->d->config.host.nmi_raise(c->d->config.host.opaque, v->id);
        return 0;
    default: log_guest("vcpu_op %llu is not offered", (unsigned long long)c->arg[0]); return -XEN_ENOSYS;
    }
}
