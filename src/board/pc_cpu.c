/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pc_cpu.c: what the vCPUs of the PC ask for: CPUID, MSRs and CR8 from the LAPIC and the Xen ABI, interrupts from both.
 */
#include "board/pc_internal.h"

#include "base/log.h"
#include "dev/fpu_error.h"
#include "dev/lapic.h"

#include <errno.h>

#define MSR_APIC_BASE    0x1b
#define LAPIC_EOI        0x0b0u /* register offsets in the LAPIC's page */
#define LAPIC_SVR        0x0f0u
#define LAPIC_SVR_ENABLE 0x100u

/* INTR into the vCPU: the LAPIC has a vector, or Xen has an upcall that goes past it. */
void pc_cpu_update_interrupt(struct pc *pc, unsigned vcpu)
{
    struct pc_cpu *c = &pc->cpu[vcpu];

    vcpu_set_interrupt(pc->vcpus, vcpu, c->lapic_intr || (pc->xen && xen_upcall_vector(pc->xen, vcpu) >= 0));
}

static void on_cpuid(void *opaque, unsigned vcpu, const struct x86_cpu *cpu, uint32_t leaf, uint32_t subleaf,
                     uint32_t out[4])
{
    struct pc *pc = opaque;
    const struct x86_cpuid_vcpu now = {
        .index = vcpu,
        .apic_on = lapic_enabled(pc->cpu[vcpu].lapic),
        .cpu = cpu,
    };

    if (!xen_cpuid(pc->xen, vcpu, leaf, subleaf, out))
        x86_cpuid(&pc->cpuid_host, &pc->cpuid_policy, &now, leaf, subleaf, out);
}

/* The LAPIC's page follows IA32_APIC_BASE. */
static void lapic_moved(struct pc *pc, unsigned vcpu)
{
    uint64_t base = 0;
    struct device *lapic = pc->cpu[vcpu].lapic;

    if (lapic_msr_read(lapic, MSR_APIC_BASE, &base) && lapic_claims(lapic, base & ~PAGE_MASK_4K))
        vcpu_set_local_page(pc->vcpus, vcpu, base & ~PAGE_MASK_4K);
    else
        vcpu_set_local_page(pc->vcpus, vcpu, ~0ull);
}

/* MSRs that Xen answers with a constant for any guest (SDM vol. 4): firmware and kernels read them unasked. */
static bool constant_msr(uint32_t msr, uint64_t *value)
{
    switch (msr) {
    case 0x17:  /* IA32_PLATFORM_ID */
    case 0x8b:  /* IA32_BIOS_SIGN_ID: microcode revision */
    case 0x179: /* IA32_MCG_CAP: no banks */
    case 0x17a: /* IA32_MCG_STATUS */ *value = 0; return true;
    default: return false;
    }
}

/*
 * What AMD's processors have and kernels take for granted there (BKDG and PPR, "MSRs"); the rest of those is absent as
 * on Xen. Read only: writes do nothing.
 */
static bool amd_msr(const struct pc *pc, uint32_t msr, uint64_t *value)
{
    if (!pc_cpu_uses_vmmcall(pc)) /* the same processors */
        return false;
    switch (msr) {
    case 0xc0010010: /* SYSCFG: no DRAM beside the MTRRs' word */
    case 0xc001001a: /* TOP_MEM */
    case 0xc001001d: /* TOP_MEM2 */
    case 0xc001001f: /* NB_CFG */
    case 0xc0010114: /* VM_CR */ *value = 0; return true;
    case 0xc0010015: /* HWCR: the TSC counts at one rate */ *value = 1u << 24; return true;
    case 0xc0011029: /* DE_CFG: LFENCE waits for what is before it */ *value = 2; return true;
    default: return false;
    }
}

static bool on_msr_read(void *opaque, unsigned vcpu, uint32_t msr, uint64_t *value)
{
    struct pc *pc = opaque;
    bool ok;

    loop_lock(pc->s.loop);
    ok = lapic_msr_read(pc->cpu[vcpu].lapic, msr, value);
    loop_unlock(pc->s.loop);
    return ok || xen_msr_read(pc->xen, vcpu, msr, value) || constant_msr(msr, value) || amd_msr(pc, msr, value);
}

static bool on_msr_write(void *opaque, unsigned vcpu, uint32_t msr, uint64_t value)
{
    struct pc *pc = opaque;
    uint64_t unused;
    bool ok;

    loop_lock(pc->s.loop);
    ok = lapic_msr_write(pc->cpu[vcpu].lapic, msr, value);
    if (ok && msr == MSR_APIC_BASE)
        lapic_moved(pc, vcpu);
    loop_unlock(pc->s.loop);
    return ok || xen_msr_write(pc->xen, vcpu, vcpus_state(pc->vcpus, vcpu), msr, value) || constant_msr(msr, &unused) ||
           amd_msr(pc, msr, &unused);
}

static int guest_copy_in(void *opaque, void *to, gva_t from, size_t len)
{
    struct pc_cpu *c = opaque;

    return vcpu_copy_in(c->pc->vcpus, c->index, to, from, len);
}

static int guest_copy_out(void *opaque, gva_t to, const void *from, size_t len)
{
    struct pc_cpu *c = opaque;

    return vcpu_copy_out(c->pc->vcpus, c->index, to, from, len);
}

static int guest_translate(void *opaque, gva_t gva, gpa_t *gpa)
{
    struct pc_cpu *c = opaque;

    return vcpu_translate(c->pc->vcpus, c->index, gva, gpa);
}

static void on_hypercall(void *opaque, unsigned vcpu, struct x86_cpu *cpu)
{
    struct pc *pc = opaque;
    const struct xen_guest_ops guest = {guest_copy_in, guest_copy_out, guest_translate, &pc->cpu[vcpu]};

    xen_hypercall(pc->xen, vcpu, cpu, &guest);
}

static int on_interrupt_ack(void *opaque, unsigned vcpu)
{
    struct pc *pc = opaque;
    int vector = xen_upcall_vector(pc->xen, vcpu);

    if (vector >= 0)
        return vector;
    loop_lock(pc->s.loop);
    vector = lapic_ack(pc->cpu[vcpu].lapic);
    pc_cpu_update_interrupt(pc, vcpu);
    loop_unlock(pc->s.loop);
    return vector;
}

static uint64_t on_cr8_read(void *opaque, unsigned vcpu)
{
    struct pc *pc = opaque;
    uint64_t value;

    loop_lock(pc->s.loop);
    value = lapic_cr8_read(pc->cpu[vcpu].lapic);
    loop_unlock(pc->s.loop);
    return value;
}

static void on_cr8_write(void *opaque, unsigned vcpu, uint64_t value)
{
    struct pc *pc = opaque;

    loop_lock(pc->s.loop);
    lapic_cr8_write(pc->cpu[vcpu].lapic, value);
    loop_unlock(pc->s.loop);
}

/* All processors' FERR# meet at the one coprocessor error input. */
static bool on_fpu_error(void *opaque, unsigned vcpu, bool pending)
{
    struct pc *pc = opaque;
    bool ignored;

    loop_lock(pc->s.loop);
    ignored = fpu_error_set(pc->fpu_error, pending);
    loop_unlock(pc->s.loop);
    return ignored;
}

static uint64_t on_local_read(void *opaque, unsigned vcpu, unsigned offset, unsigned size)
{
    struct pc *pc = opaque;

    return lapic_io.read(pc->cpu[vcpu].lapic, offset, size);
}

static void on_local_write(void *opaque, unsigned vcpu, unsigned offset, unsigned size, uint64_t value)
{
    struct pc *pc = opaque;

    if (offset == LAPIC_EOI)
        xen_upcall_sync(pc->xen);
    lapic_io.write(pc->cpu[vcpu].lapic, offset, size, value);
    if (offset == LAPIC_SVR && (value & LAPIC_SVR_ENABLE))
        xen_lapic_enabled(pc->xen, vcpu);
}

static const struct vcpu_hooks hooks = {
    .cpuid = on_cpuid,
    .msr_read = on_msr_read,
    .msr_write = on_msr_write,
    .hypercall = on_hypercall,
    .interrupt_ack = on_interrupt_ack,
    .cr8_read = on_cr8_read,
    .cr8_write = on_cr8_write,
    .fpu_error = on_fpu_error,
    .local_read = on_local_read,
    .local_write = on_local_write,
};

/* The guest's CPUID vendor is AMD's or Hygon's: their VMMCALL, everyone else's VMCALL. */
bool pc_cpu_uses_vmmcall(const struct pc *pc)
{
    const uint32_t ebx = pc->cpuid_host.basic[0][1];

    return ebx == 0x68747541 || ebx == 0x6f677948; /* "Auth", "Hygo" */
}

int pc_cpu_create(struct pc *pc)
{
    const struct vcpus_config c = {
        .engine = pc->s.engine,
        .memory = pc->memory,
        .loop = pc->s.loop,
        .ports = pc->ports,
        .mmio = pc->mmio,
        .lifecycle = pc->s.life,
        .count = pc->cpus,
        .triple_fault = LIFE_CRASH, /* Xen says reboot; who sets on_crash wants to see a crashed guest */
        .hooks = &hooks,
        .opaque = pc,
    };
    int rc;

    x86_cpuid_read_host(&pc->cpuid_host);
    pc->cpuid_policy = (struct x86_cpuid_policy){.vcpus = pc->cpus, .interpreted = true};
    rc = vcpus_create(&pc->vcpus, &c);
    for (unsigned i = 0; !rc && i < pc->cpus; i++)
        lapic_moved(pc, i);
    return rc;
}
