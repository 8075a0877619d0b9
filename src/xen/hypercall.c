/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hypercall.c: from VMCALL to the operation: who may call, in which ABI, and where the result goes; multicalls; the
 * hypercall page. (public/xen.h; arch-x86/xen-x86_64.h for the registers.)
 */
#include "xen/domain.h"

#include "base/bytes.h"
#include "base/log.h"

#include <string.h>

#define HYPERCALLS      64u
#define MULTICALL_MAX   1024u /* entries we run in one call; Xen would go on, guests send a few dozen */
#define HYPERCALL_IRET  23u
#define HYPERCALL_MULTI 13u
#define STUB_BYTES      32u

bool call_copy_in(struct xen_call *c, void *to, uint64_t gva, size_t len)
{
    if (c->compat)
        gva = (uint32_t)gva;
    return len == 0 || c->guest->copy_from_guest(c->guest->opaque, to, gva, len) == 0;
}

bool call_copy_out(struct xen_call *c, uint64_t gva, const void *from, size_t len)
{
    if (c->compat)
        gva = (uint32_t)gva;
    return len == 0 || c->guest->copy_to_guest(c->guest->opaque, gva, from, len) == 0;
}

bool domid_is_self(const struct xen_domain *d, unsigned domid)
{
    return domid == 0x7ff0 || domid == d->config.domid;
}

/* struct multicall_entry: op, result, args[6], all unsigned longs. */
static int64_t multicall_one(struct xen_call *c, uint64_t gva)
{
    size_t word = c->compat ? 4 : 8;
    struct xen_call sub = *c;
    uint8_t entry[64], result[8];
    uint64_t nr;
    int64_t rc;

    if (!call_copy_in(c, entry, gva, 8 * word))
        return -XEN_EFAULT;
    nr = c->compat ? load_le32(entry) : load_le64(entry);
    for (unsigned i = 0; i < 6; i++)
        sub.arg[i] = c->compat ? load_le32(entry + 8 + 4 * i) : load_le64(entry + 16 + 8 * i);
    sub.nested = true;
    rc = nr >= HYPERCALLS || nr == HYPERCALL_MULTI ? -XEN_ENOSYS : hypercall_dispatch(&sub, (unsigned)nr);
    store_le64(result, (uint64_t)rc);
    return call_copy_out(c, gva + word, result, word) ? 0 : -XEN_EFAULT;
}

static int64_t multicall_op(struct xen_call *c)
{
    size_t entry = c->compat ? 32 : 64;

    if (c->arg[1] > MULTICALL_MAX)
        return -XEN_EINVAL;
    for (uint64_t i = 0; i < c->arg[1]; i++) {
        int64_t rc = multicall_one(c, c->arg[0] + i * entry);
        if (rc)
            return rc;
    }
    return 0;
}

static int64_t (*const hypercalls[HYPERCALLS])(struct xen_call *c) = {
    [12] = memory_op,     [13] = multicall_op, [15] = set_timer_op, [17] = version_op,
    [18] = console_io_op, [20] = grant_op,     [21] = vm_assist_op, [24] = vcpu_op,
    [29] = sched_op,      [32] = evtchn_op,    [34] = hvm_op,
};

int64_t hypercall_dispatch(struct xen_call *c, unsigned nr)
{
    if (nr >= HYPERCALLS || !hypercalls[nr]) {
        log_guest("hypercall %u from vCPU %u is not offered", nr, c->v->id);
        return -XEN_ENOSYS;
    }
    return hypercalls[nr](c);
}

static void hypercall_arguments(struct xen_call *c)
{
    static const uint8_t regs64[6] = {X86_RDI, X86_RSI, X86_RDX, 10, 8, 9};
    static const uint8_t regs32[6] = {X86_RBX, X86_RCX, X86_RDX, X86_RSI, X86_RDI, X86_RBP};
    const uint8_t *regs = c->compat ? regs32 : regs64;

    for (unsigned i = 0; i < 6; i++)
        c->arg[i] = c->compat ? (uint32_t)c->cpu->gpr[regs[i]] : c->cpu->gpr[regs[i]];
}

void xen_hypercall(struct xen_domain *d, unsigned vcpu, struct x86_cpu *cpu, const struct xen_guest_ops *guest)
{
    struct xen_call c = {.d = d, .v = &d->vcpu[vcpu], .cpu = cpu, .guest = guest, .compat = !x86_code64(cpu)};
    uint64_t nr = c.compat ? (uint32_t)cpu->gpr[X86_RAX] : cpu->gpr[X86_RAX];
    int64_t rc;

    if ((cpu->cr0 & X86_CR0_PE) && x86_cpl(cpu) != 0) {
        rc = -XEN_EPERM;
    } else if (nr >= HYPERCALLS) {
        rc = -XEN_ENOSYS;
    } else {
        hypercall_arguments(&c);
        loop_lock(d->config.loop);
        c.v->polling = false; /* it runs, so whatever it waited for is over */
        timer_cancel(&c.v->poll);
        if (c.v->tsc_offset != cpu->tsc_offset)
            xen_time_set_tsc_offset(d, vcpu, cpu->tsc_offset);
        rc = hypercall_dispatch(&c, (unsigned)nr);
        loop_unlock(d->config.loop);
    }
    cpu->gpr[X86_RAX] = c.compat ? (uint32_t)rc : (uint64_t)rc;
}

/* One stub: MOV $nr,%EAX; VMCALL or VMMCALL; RET. IRET is no hypercall of an HVM guest: UD2 there. */
static void hypercall_stub(uint8_t *stub, uint32_t nr, bool vmmcall)
{
    if (nr == HYPERCALL_IRET) {
        stub[0] = 0x0f;
        stub[1] = 0x0b;
        return;
    }
    stub[0] = 0xb8;
    store_le32(stub + 1, nr);
    stub[5] = 0x0f;
    stub[6] = 0x01;
    stub[7] = vmmcall ? 0xd9 : 0xc1;
    stub[8] = 0xc3;
}

bool xen_msr_read(struct xen_domain *d, unsigned vcpu, uint32_t msr, uint64_t *value)
{
    if (msr != XEN_MSR_HYPERCALL)
        return false;
    *value = 0; /* write-only in practice; Xen reads it as zero */
    return true;
}

bool xen_msr_write(struct xen_domain *d, unsigned vcpu, const struct x86_cpu *cpu, uint32_t msr, uint64_t value)
{
    uint8_t page[PAGE_BYTES] = {0};
    bool ok;

    if (msr != XEN_MSR_HYPERCALL)
        return false;
    if (value & PAGE_MASK_4K) /* the page's number: there is one */
        return false;
    for (uint32_t nr = 0; nr < PAGE_BYTES / STUB_BYTES; nr++)
        hypercall_stub(page + nr * STUB_BYTES, nr, d->config.vmmcall);
    loop_lock(d->config.loop);
    ok = mem_copy_out(d->config.memory, value, page, sizeof page) == 0;
    if (ok) {
        shared_info_latch(d, !x86_code64(cpu));
        xen_time_set_tsc_offset(d, vcpu, cpu->tsc_offset);
    }
    loop_unlock(d->config.loop);
    if (!ok)
        log_guest("hypercall page asked for at %#llx, where there is no memory", (unsigned long long)value);
    return ok;
}
