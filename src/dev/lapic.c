/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lapic.c: the local APIC's registers, priorities and interrupt acceptance (Intel SDM vol. 3, ch. 11).
 * The timer is lapic_timer.c. Knows the bus that reaches the other APICs and its own processor's pins; nothing of the
 * processor itself. Version and number of LVT entries are what Xen shows.
 *
 * What only the own processor does (reads, TPR, EOI) touches this struct and, for level-triggered vectors, the bus;
 * what others do comes in by lapic_receive() only. A lock-free IRR would begin there.
 */
#include "dev/lapic.h"

#include "dev/lapic_internal.h"

#include <errno.h>
#include <stdlib.h>

static struct lapic *to_lapic(const struct device *d)
{
    return (struct lapic *)(uintptr_t)d;
}

static bool is_x2apic(const struct lapic *l)
{
    return l->s.base & BASE_X2APIC;
}

static bool hw_enabled(const struct lapic *l)
{
    return l->s.base & BASE_ENABLE;
}

static bool sw_enabled(const struct lapic *l)
{
    return hw_enabled(l) && l->s.svr & SVR_ENABLE;
}

static int highest_bit(const uint32_t map[8])
{
    for (int i = 7; i >= 0; i--)
        if (map[i])
            return 32 * i + 31 - __builtin_clz(map[i]);
    return -1;
}

static bool test_bit(const uint32_t map[8], unsigned n)
{
    return map[n / 32] >> (n % 32) & 1;
}

static void set_bit(uint32_t map[8], unsigned n, bool on)
{
    if (on)
        map[n / 32] |= 1u << (n % 32);
    else
        map[n / 32] &= ~(1u << (n % 32));
}

bool lapic_waiting(const struct device *d, uint8_t vector)
{
    return test_bit(to_lapic(d)->s.irr, vector);
}

static unsigned processor_priority(const struct lapic *l)
{
    int isr = highest_bit(l->s.isr);
    unsigned in_service = isr < 0 ? 0 : (unsigned)isr & 0xF0;

    return (l->s.tpr & 0xF0) >= in_service ? l->s.tpr : in_service;
}

/* The fixed interrupt that may be delivered now, or -1. */
static int deliverable(const struct lapic *l)
{
    int irr = highest_bit(l->s.irr);

    if (irr < 0 || !sw_enabled(l) || (unsigned)irr >> 4 <= processor_priority(l) >> 4)
        return -1;
    return irr;
}

/* The PIC reaches this processor through LVT0, through the IOAPIC's pin 0, or past an APIC that is switched off. */
static bool accepts_extint(const struct lapic *l)
{
    uint32_t lint0 = l->s.lvt[LVT_LINT0];

    if (!hw_enabled(l))
        return l->vcpu == 0;
    if ((lint0 & (LVT_MASKED | LVT_MODE)) == APIC_EXTINT << 8)
        return true;
    return sw_enabled(l) && apic_bus_extint_routed_to(l->bus, l->s.id);
}

bool lapic_accepts_extint(const struct device *d)
{
    return accepts_extint(to_lapic(d));
}

bool lapic_has_interrupt(const struct device *d)
{
    const struct lapic *l = to_lapic(d);

    return deliverable(l) >= 0 || (apic_bus_extint(l->bus) && accepts_extint(l));
}

static void lapic_update(struct lapic *l)
{
    bool level = lapic_has_interrupt(&l->dev);

    if (level == l->intr)
        return;
    l->intr = level;
    if (l->cpu.set_intr)
        l->cpu.set_intr(l->cpu.opaque, level);
}

void lapic_extint_changed(struct device *d)
{
    lapic_update(to_lapic(d));
}

int lapic_ack(struct device *d)
{
    struct lapic *l = to_lapic(d);
    int vector = deliverable(l);

    if (vector >= 0) {
        set_bit(l->s.irr, (unsigned)vector, false);
        set_bit(l->s.isr, (unsigned)vector, true);
    } else if (apic_bus_extint(l->bus) && accepts_extint(l))
        vector = apic_bus_extint_ack(l->bus);
    lapic_update(l);
    return vector;
}

static void raise_error(struct lapic *l, uint32_t bit)
{
    uint32_t lvt = l->s.lvt[LVT_ERROR];

    if (l->s.esr_new & bit)
        return;
    l->s.esr_new |= bit;
    if (!(lvt & LVT_MASKED) && (lvt & 0xF0))
        lapic_receive(&l->dev, APIC_FIXED, (uint8_t)lvt, false);
}

bool lapic_accepts_fixed(const struct device *d)
{
    return sw_enabled(to_lapic(d));
}

unsigned lapic_priority(const struct device *d)
{
    return processor_priority(to_lapic(d));
}

static bool receive_fixed(struct lapic *l, uint8_t vector, bool level)
{
    if (!sw_enabled(l))
        return false;
    if (vector < 16) {
        raise_error(l, ESR_RECEIVED_ILLEGAL);
        return false;
    }
    set_bit(l->s.tmr, vector, level);
    set_bit(l->s.irr, vector, true);
    lapic_update(l);
    return true;
}

static void init_registers(struct lapic *l)
{
    uint64_t base = l->s.base;
    uint32_t id = LAPIC_ID(l->vcpu);

    lapic_timer_stop(l);
    l->s = (struct lapic_state){.base = base, .id = id, .svr = 0xFF, .dfr = 0xFFFFFFFF};
    for (unsigned i = 0; i < LVT_COUNT; i++)
        l->s.lvt[i] = LVT_MASKED;
    if (is_x2apic(l))
        l->s.ldr = x2apic_ldr(id);
}

bool lapic_receive(struct device *d, enum apic_mode mode, uint8_t vector, bool level)
{
    struct lapic *l = to_lapic(d);

    switch (mode) {
    case APIC_FIXED:
    case APIC_LOWEST: return receive_fixed(l, vector, level);
    case APIC_NMI:
        if (l->cpu.nmi)
            l->cpu.nmi(l->cpu.opaque);
        return true;
    case APIC_INIT:
        init_registers(l);
        if (l->cpu.init)
            l->cpu.init(l->cpu.opaque);
        lapic_update(l);
        return true;
    case APIC_SIPI:
        if (l->cpu.sipi)
            l->cpu.sipi(l->cpu.opaque, vector);
        return true;
    case APIC_SMI:    /* there is no SMM to enter */
    case APIC_EXTINT: /* the PIC's output comes as a level, not as a message */
    default: return false;
    }
}

void lapic_inject(struct device *d, uint8_t vector)
{
    lapic_receive(d, APIC_FIXED, vector, false);
}

void lapic_lvt_fire(struct lapic *l, unsigned which)
{
    uint32_t lvt = l->s.lvt[which];

    if (!(lvt & LVT_MASKED))
        lapic_receive(&l->dev, (enum apic_mode)((lvt & LVT_MODE) >> 8), (uint8_t)lvt, false);
}

void lapic_set_lint1(struct device *d, bool level)
{
    struct lapic *l = to_lapic(d);

    if (level && !l->lint1)
        lapic_lvt_fire(l, LVT_LINT1);
    l->lint1 = level;
}

static bool matches_logical(const struct lapic *l, uint32_t dest, bool wide)
{
    uint32_t ldr = l->s.ldr;

    if (is_x2apic(l)) {
        if (!wide) /* an 8-bit message can name the first cluster's first eight only */
            return dest == 0xFF || (!(ldr >> 16) && ldr & dest);
        return dest == UINT32_MAX || (ldr >> 16 == dest >> 16 && ldr & dest & 0xFFFF);
    }
    if (wide && dest > 0xFF)
        return dest == UINT32_MAX;
    if (dest == 0xFF)
        return true;
    ldr >>= 24;
    if (l->s.dfr >> 28 == 0xF)
        return ldr & dest;
    return (dest >> 4 == 0xF || ldr >> 4 == dest >> 4) && ldr & dest & 0xF;
}

bool lapic_matches(const struct device *d, uint32_t dest, bool logical, bool wide)
{
    const struct lapic *l = to_lapic(d);

    if (!hw_enabled(l))
        return false;
    if (logical)
        return matches_logical(l, dest, wide);
    return dest == l->s.id || dest == (wide ? UINT32_MAX : 0xFF);
}

static void send_ipi(struct lapic *l, uint32_t low, uint32_t dest)
{
    struct apic_message m = {
        .dest = is_x2apic(l) ? dest : dest >> 24,
        .logical = low & ICR_LOGICAL,
        .wide = is_x2apic(l),
        .vector = (uint8_t)low,
        .mode = (enum apic_mode)(low >> 8 & 7),
    };

    if (m.mode == APIC_INIT && low & ICR_LEVEL && !(low & ICR_ASSERT))
        return; /* INIT de-assert: synchronizes arbitration ids, which nobody has any more */
    if ((m.mode == APIC_FIXED || m.mode == APIC_LOWEST) && m.vector < 16) {
        raise_error(l, ESR_SENT_ILLEGAL);
        return;
    }
    switch (low >> 18 & 3) {
    case 0: apic_bus_deliver(l->bus, &m); break;
    case 1: lapic_receive(&l->dev, m.mode == APIC_FIXED ? APIC_FIXED : APIC_SMI, m.vector, false); break;
    case 2: apic_bus_broadcast(l->bus, &m, NULL); break;
    case 3: apic_bus_broadcast(l->bus, &m, &l->dev); break;
    }
}

static void end_of_interrupt(struct lapic *l)
{
    int vector = highest_bit(l->s.isr);

    if (vector < 0)
        return;
    set_bit(l->s.isr, (unsigned)vector, false);
    if (test_bit(l->s.tmr, (unsigned)vector))
        apic_bus_eoi(l->bus, (uint8_t)vector);
    lapic_update(l);
}

static void write_svr(struct lapic *l, uint32_t value)
{
    l->s.svr = value & SVR_WRITABLE;
    if (!(value & SVR_ENABLE))
        for (unsigned i = 0; i < LVT_COUNT; i++)
            l->s.lvt[i] |= LVT_MASKED;
    lapic_update(l);
}

static void write_lvt(struct lapic *l, unsigned which, uint32_t value)
{
    static const uint32_t writable[LVT_COUNT] = {
        [LVT_TIMER] = 0x700FF, [LVT_THERMAL] = 0x107FF, [LVT_PERF] = 0x107FF,
        [LVT_LINT0] = 0x1A7FF, [LVT_LINT1] = 0x1A7FF,   [LVT_ERROR] = 0x100FF,
    };

    value &= writable[which];
    if (!(l->s.svr & SVR_ENABLE))
        value |= LVT_MASKED;
    if (which == LVT_TIMER)
        lapic_timer_write_lvt(l, value);
    else
        l->s.lvt[which] = value;
    lapic_update(l);
}

/* reg is the xAPIC offset / 16. False: there is no such register, or it is not to be read. */
static bool read_register(struct lapic *l, unsigned reg, uint32_t *value)
{
    switch (reg) {
    case REG_ID: *value = is_x2apic(l) ? l->s.id : l->s.id << 24; return true;
    case REG_VERSION: *value = LAPIC_VERSION; return true;
    case REG_TPR: *value = l->s.tpr; return true;
    case REG_APR: *value = 0; return !is_x2apic(l);
    case REG_PPR: *value = processor_priority(l); return true;
    case REG_EOI:
    case REG_RRD: *value = 0; return !is_x2apic(l);
    case REG_LDR: *value = l->s.ldr; return true;
    case REG_DFR: *value = l->s.dfr; return !is_x2apic(l);
    case REG_SVR: *value = l->s.svr; return true;
    case REG_ISR ... REG_ISR + 7: *value = l->s.isr[reg - REG_ISR]; return true;
    case REG_TMR ... REG_TMR + 7: *value = l->s.tmr[reg - REG_TMR]; return true;
    case REG_IRR ... REG_IRR + 7: *value = l->s.irr[reg - REG_IRR]; return true;
    case REG_ESR: *value = l->s.esr; return true;
    case REG_ICR: *value = l->s.icr; return true;
    case REG_ICR2: *value = l->s.icr2; return !is_x2apic(l);
    case REG_LVT ... REG_LVT + LVT_COUNT - 1: *value = l->s.lvt[reg - REG_LVT]; return true;
    case REG_TIMER_INITIAL: *value = l->s.timer_initial; return true;
    case REG_TIMER_CURRENT: *value = lapic_timer_current(l); return true;
    case REG_TIMER_DIVIDE: *value = l->s.timer_divide; return true;
    default: *value = 0; return false;
    }
}

static bool write_register(struct lapic *l, unsigned reg, uint32_t value)
{
    bool x2 = is_x2apic(l);

    switch (reg) {
    case REG_ID: return !x2; /* fixed, as on Xen */
    case REG_TPR:
        l->s.tpr = value & 0xFF;
        lapic_update(l);
        return true;
    case REG_EOI: end_of_interrupt(l); return true;
    case REG_LDR: l->s.ldr = x2 ? l->s.ldr : value & 0xFF000000; return !x2;
    case REG_DFR: l->s.dfr = x2 ? l->s.dfr : value | 0x0FFFFFFF; return !x2;
    case REG_SVR: write_svr(l, value); return true;
    case REG_ESR: /* a write, of anything, shows what happened since the last one */
        l->s.esr = l->s.esr_new;
        l->s.esr_new = 0;
        return true;
    case REG_ICR:
        l->s.icr = value & ICR_WRITABLE;
        send_ipi(l, value, l->s.icr2);
        return true;
    case REG_ICR2: l->s.icr2 = value & 0xFF000000; return !x2;
    case REG_LVT ... REG_LVT + LVT_COUNT - 1: write_lvt(l, reg - REG_LVT, value); return true;
    case REG_TIMER_INITIAL: lapic_timer_write_initial(l, value); return true;
    case REG_TIMER_DIVIDE: lapic_timer_write_divide(l, value & 0xB); return true;
    case REG_SELF_IPI:
        if (x2)
            send_ipi(l, 1u << 18 | (value & 0xFF), 0);
        return x2;
    default: return false;
    }
}

static uint64_t lapic_read(struct device *d, uint64_t offset, unsigned size)
{
    struct lapic *l = to_lapic(d);
    uint64_t value;
    uint32_t word;

    if (!read_register(l, (unsigned)offset >> 4, &word))
        raise_error(l, ESR_ILLEGAL_REGISTER);
    value = offset & 0xC ? 0 : word; /* a register is the first word of its 16 bytes */
    return value >> (8 * (offset & 3));
}

static void lapic_write(struct device *d, uint64_t offset, unsigned size, uint64_t value)
{
    struct lapic *l = to_lapic(d);
    unsigned shift = 8 * (offset & 3);
    uint32_t old;

    if (offset & 0xC)
        return;
    if (size < 4 || shift) { /* undefined by the manual; as Xen does, the rest of the register stays */
        uint64_t mask = (size >= 4 ? UINT32_MAX : (1ull << (8 * size)) - 1) << shift;

        read_register(l, (unsigned)offset >> 4, &old);
        value = (old & ~mask) | (value << shift & mask);
    }
    if (!write_register(l, (unsigned)offset >> 4, (uint32_t)value))
        raise_error(l, ESR_ILLEGAL_REGISTER);
}

const struct io_ops lapic_io = {.read = lapic_read, .write = lapic_write};

bool lapic_claims(struct device *d, uint64_t gpa)
{
    const struct lapic *l = to_lapic(d);

    return hw_enabled(l) && !is_x2apic(l) && (gpa & ~0xFFFull) == (l->s.base & ~0xFFFull);
}

static bool write_base(struct lapic *l, uint64_t value)
{
    uint64_t old = l->s.base;

    if (value & BASE_RESERVED)
        return false;
    if (value & BASE_X2APIC && !(value & BASE_ENABLE))
        return false;
    if (old & BASE_X2APIC && value & BASE_ENABLE && !(value & BASE_X2APIC))
        return false; /* back to xAPIC only by way of off */
    if (!(old & BASE_ENABLE) && value & BASE_X2APIC)
        return false;
    l->s.base = (value & ~BASE_BSP) | (old & BASE_BSP);
    if (old & BASE_ENABLE && !(value & BASE_ENABLE))
        init_registers(l);
    if (!(old & BASE_X2APIC) && value & BASE_X2APIC) {
        l->s.ldr = x2apic_ldr(l->s.id);
        l->s.icr2 = 0;
    }
    lapic_update(l);
    return true;
}

bool lapic_msr_read(struct device *d, uint32_t msr, uint64_t *value)
{
    struct lapic *l = to_lapic(d);
    uint32_t word;

    if (msr == MSR_IA32_APIC_BASE) {
        *value = l->s.base;
        return true;
    }
    if (msr == MSR_TSC_DEADLINE) {
        *value = lapic_timer_deadline(l);
        return l->cpu.tsc != NULL;
    }
    if (!is_x2apic(l) || msr < MSR_X2APIC_FIRST || msr > MSR_X2APIC_LAST ||
        !read_register(l, msr - MSR_X2APIC_FIRST, &word))
        return false;
    *value = word;
    if (msr == MSR_X2APIC_FIRST + REG_ICR)
        *value |= (uint64_t)l->s.icr2 << 32;
    return true;
}

bool lapic_msr_write(struct device *d, uint32_t msr, uint64_t value)
{
    struct lapic *l = to_lapic(d);
    unsigned reg = msr - MSR_X2APIC_FIRST;

    if (msr == MSR_IA32_APIC_BASE)
        return write_base(l, value);
    if (msr == MSR_TSC_DEADLINE) {
        lapic_timer_write_deadline(l, value);
        return l->cpu.tsc != NULL;
    }
    if (!is_x2apic(l) || msr < MSR_X2APIC_FIRST || msr > MSR_X2APIC_LAST)
        return false;
    if (reg == REG_ICR) {
        if (value & (uint32_t)~ICR_WRITABLE)
            return false;
        l->s.icr = (uint32_t)value;
        l->s.icr2 = (uint32_t)(value >> 32);
        send_ipi(l, l->s.icr, l->s.icr2);
        return true;
    }
    if (value >> 32 || ((reg == REG_EOI || reg == REG_ESR) && value))
        return false;
    return write_register(l, reg, (uint32_t)value);
}

bool lapic_enabled(const struct device *d)
{
    return hw_enabled(to_lapic(d));
}

uint32_t lapic_id(const struct device *d)
{
    return to_lapic(d)->s.id;
}

uint64_t lapic_cr8_read(const struct device *d)
{
    return to_lapic(d)->s.tpr >> 4;
}

void lapic_cr8_write(struct device *d, uint64_t value)
{
    struct lapic *l = to_lapic(d);

    l->s.tpr = (uint32_t)(value & 0xF) << 4;
    lapic_update(l);
}

static void lapic_reset(struct device *d)
{
    struct lapic *l = to_lapic(d);

    l->s.base = BASE_DEFAULT | BASE_ENABLE | (l->vcpu == 0 ? BASE_BSP : 0);
    init_registers(l);
    lapic_update(l);
}

static int lapic_check(const void *state)
{
    const struct lapic_state *s = state;
    bool x2 = s->base & BASE_X2APIC;

    if (s->base & BASE_RESERVED || (x2 && !(s->base & BASE_ENABLE)) || s->tpr > 0xFF || s->id >= 256 ||
        s->timer_divide & ~0xBu || s->icr & ~ICR_WRITABLE)
        return -EINVAL;
    return (s->irr[0] | s->isr[0]) & 0xFFFF ? -EINVAL : 0;
}

static void lapic_loaded(struct device *d)
{
    lapic_timer_rearm(to_lapic(d));
    lapic_update(to_lapic(d));
}

static void lapic_destroy(struct device *d)
{
    struct lapic *l = to_lapic(d);

    timer_cancel(&l->timer);
    apic_bus_remove_lapic(l->bus, d);
    free(l);
}

static const struct device_ops lapic_ops = {
    .name = "lapic",
    .version = 1,
    .state_size = sizeof(struct lapic_state),
    .reset = lapic_reset,
    .check = lapic_check,
    .loaded = lapic_loaded,
    .destroy = lapic_destroy,
};

struct device *lapic_create(struct apic_bus *bus, struct loop *loop, unsigned vcpu, const struct lapic_cpu *cpu)
{
    struct lapic *l = calloc(1, sizeof *l);

    if (!l || apic_bus_add_lapic(bus, &l->dev)) {
        free(l);
        return NULL;
    }
    l->dev = (struct device){.ops = &lapic_ops, .state = &l->s};
    l->bus = bus;
    l->loop = loop;
    l->vcpu = vcpu;
    l->cpu = *cpu;
    timer_init(&l->timer, loop, lapic_timer_fired, l);
    lapic_reset(&l->dev);
    return &l->dev;
}
