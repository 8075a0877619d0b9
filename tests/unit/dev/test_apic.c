/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The local APICs, their bus and the IOAPIC together, with a PIC beside them, as hvmloader and guests set them up. */
#include "dev/apic_bus.h"
#include "dev/i8259.h"
#include "dev/ioapic.h"
#include "dev/lapic.h"

#include "fake.h"

#include <string.h>

#define CPUS 3

struct fake_cpu {
    bool intr;
    unsigned nmis, inits, sipis, vector;
};

static struct fake_cpu cpus[CPUS];
static struct apic_bus *bus;
static struct device *lapic[CPUS], *ioapic, *pic;
static struct irq_line pic_out;

static void cpu_intr(void *opaque, bool level)
{
    ((struct fake_cpu *)opaque)->intr = level;
}
static void cpu_nmi(void *opaque)
{
    ((struct fake_cpu *)opaque)->nmis++;
}
static void cpu_init(void *opaque)
{
    ((struct fake_cpu *)opaque)->inits++;
}
static void cpu_sipi(void *opaque, uint8_t vector)
{
    ((struct fake_cpu *)opaque)->sipis++;
    ((struct fake_cpu *)opaque)->vector = vector;
}
static uint64_t cpu_tsc(void *opaque)
{
    return 2 * loop_now_ns(fake_loop);
}

static struct device *new_lapic(unsigned i)
{
    struct lapic_cpu cpu = {cpu_intr, cpu_nmi, cpu_init, cpu_sipi, cpu_tsc, 2000000000, &cpus[i]};

    return lapic_create(bus, fake_loop, i, &cpu);
}

static void wr(unsigned cpu, unsigned reg, uint32_t value)
{
    out32(lapic[cpu], &lapic_io, reg, value);
}
static uint32_t rd(unsigned cpu, unsigned reg)
{
    return in32(lapic[cpu], &lapic_io, reg);
}
static void io_wr(unsigned reg, uint32_t value)
{
    out32(ioapic, &ioapic_io, 0, reg);
    out32(ioapic, &ioapic_io, 0x10, value);
}
static uint32_t io_rd(unsigned reg)
{
    out32(ioapic, &ioapic_io, 0, reg);
    return in32(ioapic, &ioapic_io, 0x10);
}

static int setup(void **state)
{
    fake_loop_reset();
    memset(cpus, 0, sizeof cpus);
    bus = apic_bus_create();
    for (unsigned i = 0; i < CPUS; i++)
        lapic[i] = new_lapic(i);
    ioapic = ioapic_create(bus);
    pic_out = (struct irq_line){.changed = apic_bus_set_extint, .opaque = bus};
    pic = i8259_create(&pic_out);
    apic_bus_set_pic(bus, pic, i8259_ack);
    for (unsigned i = 0; i < CPUS; i++)
        wr(i, 0xF0, 0x1FF);
    return 0;
}

static int teardown(void **state)
{
    for (unsigned i = 0; i < CPUS; i++)
        lapic[i]->ops->destroy(lapic[i]);
    ioapic->ops->destroy(ioapic);
    pic->ops->destroy(pic);
    apic_bus_destroy(bus);
    assert_int_equal(fake_timers_armed(), 0);
    return 0;
}

static void test_registers(void **state)
{
    assert_int_equal(rd(1, 0x20), 2u << 24);
    assert_int_equal(rd(0, 0x30), 0x50014);
    assert_int_equal(rd(0, 0xE0), 0xFFFFFFFF);
    wr(0, 0x350, 0x10700);
    assert_int_equal(rd(0, 0x350), 0x10700);
    wr(0, 0xF0, 0xFF); /* off by software: every LVT entry is masked and stays so */
    wr(0, 0x350, 0x700);
    assert_int_equal(rd(0, 0x350), 0x10700);
    assert_int_equal(io_rd(1), 0x2F0011);
    io_wr(0, 0x01000000);
    assert_int_equal(io_rd(0), 0x01000000);
    assert_int_equal(rd(0, 0x400), 0); /* no such register */
    wr(0, 0x280, 0);
    assert_int_equal(rd(0, 0x280), 0x80);
}

static void test_priorities(void **state)
{
    lapic_inject(lapic[0], 0x41);
    lapic_inject(lapic[0], 0x52);
    assert_true(cpus[0].intr);
    assert_int_equal(lapic_ack(lapic[0]), 0x52);
    assert_false(cpus[0].intr); /* 0x41 is of a lower class */
    assert_int_equal(rd(0, 0xA0), 0x50);
    lapic_inject(lapic[0], 0x5F); /* the same class waits too */
    assert_false(cpus[0].intr);
    wr(0, 0xB0, 0);
    assert_int_equal(lapic_ack(lapic[0]), 0x5F);
    wr(0, 0xB0, 0);
    lapic_cr8_write(lapic[0], 4);
    assert_int_equal(rd(0, 0x80), 0x40);
    assert_false(cpus[0].intr);
    assert_int_equal(lapic_ack(lapic[0]), -1);
    lapic_cr8_write(lapic[0], 3);
    assert_int_equal(lapic_ack(lapic[0]), 0x41);
    wr(0, 0xB0, 0);
    lapic_inject(lapic[0], 9); /* illegal vector */
    wr(0, 0x280, 0);
    assert_int_equal(rd(0, 0x280), 0x40);
}

static void test_ipis(void **state)
{
    wr(0, 0x310, 2u << 24);
    wr(0, 0x300, 0x00004500);
    wr(0, 0x300, 0x00004601);
    assert_int_equal(cpus[1].inits, 1);
    assert_int_equal(cpus[1].sipis, 1);
    assert_int_equal(cpus[1].vector, 1);
    assert_int_equal(cpus[0].inits + cpus[2].inits, 0);
    wr(1, 0xF0, 0x1FF);       /* INIT switched it off */
    wr(0, 0x300, 0x000C40F0); /* all but self */
    assert_false(cpus[0].intr);
    assert_int_equal(lapic_ack(lapic[1]), 0xF0);
    assert_int_equal(lapic_ack(lapic[2]), 0xF0);
    wr(0, 0x300, 0x000440F1); /* self */
    assert_int_equal(lapic_ack(lapic[0]), 0xF1);
    wr(0, 0x300, 0x00080400); /* NMI to all */
    assert_int_equal(cpus[0].nmis + cpus[1].nmis + cpus[2].nmis, 3);
    wr(0, 0xB0, 0);
    wr(1, 0xB0, 0);
    wr(2, 0xB0, 0);
    for (unsigned i = 0; i < CPUS; i++)
        wr(i, 0xD0, 0x01000000u << i); /* flat logical */
    wr(0, 0x310, 6u << 24);
    wr(0, 0x300, 0x00004800 | 0x61);
    assert_false(cpus[0].intr);
    assert_true(cpus[1].intr && cpus[2].intr);
    for (unsigned i = 0; i < CPUS; i++) {
        wr(i, 0xE0, 0x0FFFFFFF); /* cluster */
        wr(i, 0xD0, (i == 2 ? 0x11u : 0x21u + i) << 24);
    }
    wr(0, 0x310, 0x23u << 24);
    wr(0, 0x300, 0x00004800 | 0x71);
    assert_int_equal(lapic_ack(lapic[0]), 0x71);
    assert_int_equal(lapic_ack(lapic[1]), 0x71);
    assert_int_equal(lapic_ack(lapic[2]), 0x61);
    wr(0, 0x300, 0x00004005); /* illegal vector */
    wr(0, 0x280, 0);
    assert_int_equal(rd(0, 0x280), 0x20);
}

static void test_x2apic(void **state)
{
    uint64_t v;

    assert_true(lapic_msr_read(lapic[1], MSR_IA32_APIC_BASE, &v));
    assert_int_equal(v, 0xFEE00800);
    assert_true(lapic_claims(lapic[1], 0xFEE000F0));
    assert_false(lapic_msr_read(lapic[1], 0x802, &v));
    assert_true(lapic_msr_write(lapic[1], MSR_IA32_APIC_BASE, v | 0x400));
    assert_false(lapic_claims(lapic[1], 0xFEE000F0));
    assert_true(lapic_msr_read(lapic[1], 0x802, &v));
    assert_int_equal(v, 2);
    assert_true(lapic_msr_read(lapic[1], 0x80D, &v));
    assert_int_equal(v, 4);
    assert_false(lapic_msr_write(lapic[1], 0x80D, 1));
    assert_false(lapic_msr_read(lapic[1], 0x80E, &v)); /* no DFR */
    assert_true(lapic_msr_write(lapic[1], 0x830, 4ull << 32 | 0x55));
    assert_int_equal(lapic_ack(lapic[2]), 0x55);
    assert_true(lapic_msr_write(lapic[1], 0x83F, 0x66));
    assert_int_equal(lapic_ack(lapic[1]), 0x66);
    assert_false(lapic_msr_write(lapic[1], 0x80B, 1));
    assert_true(lapic_msr_write(lapic[1], 0x80B, 0));
    assert_false(lapic_msr_write(lapic[1], MSR_IA32_APIC_BASE, 0xFEE00800));
    assert_true(lapic_msr_write(lapic[1], MSR_IA32_APIC_BASE, 0xFEE00000));
    assert_false(lapic_enabled(lapic[1]));
    assert_false(lapic_msr_write(lapic[1], MSR_IA32_APIC_BASE, 0xFEE00C00));
    assert_true(lapic_msr_write(lapic[1], MSR_IA32_APIC_BASE, 0xFEE00800));
    assert_false(lapic_msr_write(lapic[1], MSR_IA32_APIC_BASE, 0xFEE00801));
}

static void test_timer(void **state)
{
    uint64_t v;

    wr(0, 0x3E0, 0xB); /* by 1: 100 MHz */
    wr(0, 0x320, 0xEF);
    wr(0, 0x380, 100000); /* 1 ms */
    fake_advance(250000);
    assert_int_equal(rd(0, 0x390), 75000);
    fake_advance(749999);
    assert_false(cpus[0].intr);
    fake_advance(1);
    assert_int_equal(lapic_ack(lapic[0]), 0xEF);
    wr(0, 0xB0, 0);
    fake_advance(10000000);
    assert_false(cpus[0].intr);
    assert_int_equal(rd(0, 0x390), 0);
    wr(0, 0x3E0, 0x3); /* by 16 */
    wr(0, 0x320, 0x200EF);
    wr(0, 0x380, 6250); /* 1 ms */
    for (unsigned i = 0; i < 10; i++) {
        fake_advance(1000000);
        assert_int_equal(lapic_ack(lapic[0]), 0xEF);
        wr(0, 0xB0, 0);
    }
    wr(0, 0x320, 0x300EF);
    fake_advance(1000000);
    assert_false(cpus[0].intr); /* masked */
    wr(0, 0x320, 0x400EF);
    assert_int_equal(rd(0, 0x390), 0);
    assert_true(lapic_msr_write(lapic[0], MSR_TSC_DEADLINE, cpu_tsc(NULL) + 1000));
    fake_advance(499);
    assert_false(cpus[0].intr);
    fake_advance(1);
    assert_int_equal(lapic_ack(lapic[0]), 0xEF);
    assert_true(lapic_msr_read(lapic[0], MSR_TSC_DEADLINE, &v));
    assert_int_equal(v, 0);
    assert_true(lapic_msr_write(lapic[0], MSR_TSC_DEADLINE, UINT64_MAX)); /* centuries ahead: no overflow */
    fake_advance(1000000000);
    assert_int_equal(lapic_ack(lapic[0]), -1);
}

static void init_pic(void)
{
    static const uint8_t icw[] = {0x20, 4, 1};

    out8(pic, &i8259_master_io, 0, 0x11);
    for (unsigned i = 0; i < 3; i++)
        out8(pic, &i8259_master_io, 1, icw[i]);
}

static void test_busy_guest(void **state)
{
    unsigned ticks = 0;

    wr(0, 0x3E0, 0xB);
    wr(0, 0x320, 0x200EF);
    wr(0, 0x380, 100000);   /* 1 ms */
    fake_advance(20500000); /* twenty ticks; the guest takes none */
    for (unsigned i = 0; i < 395; i++) {
        if (lapic_ack(lapic[0]) == 0xEF) {
            ticks++;
            wr(0, 0xB0, 0);
        }
        fake_advance(100000);
    }
    assert_in_range(ticks, 58, 61); /* and then all of them, and those of the 39.5 ms since */
    wr(0, 0x380, 0);
    lapic_ack(lapic[0]);
    wr(0, 0xB0, 0);
    init_pic();
    i8259_set_irq(pic, 0, true);
    assert_true(i8259_waiting(pic, 0));
    i8259_ack(pic);
    assert_false(i8259_waiting(pic, 0));
    io_wr(0x14, 0x30);
    ioapic_set_irq(ioapic, 2, true);
    assert_true(ioapic_waiting(ioapic, 2));
    lapic_ack(lapic[0]);
    assert_false(ioapic_waiting(ioapic, 2));
    assert_false(ioapic_waiting(ioapic, 99));
}

static void test_ioapic_level(void **state)
{
    io_wr(0x10 + 2 * 9 + 1, 0);
    io_wr(0x10 + 2 * 9, 0xA0A1); /* level, low, fixed, to 0 */
    ioapic_set_irq(ioapic, 9, true);
    assert_int_equal(lapic_ack(lapic[0]), 0xA1);
    assert_int_equal(io_rd(0x10 + 2 * 9) & 0x4000, 0x4000);
    assert_int_equal(rd(0, 0x180 + 0x50) & 2, 2); /* TMR */
    wr(0, 0xB0, 0);
    assert_int_equal(lapic_ack(lapic[0]), 0xA1); /* still high: again */
    ioapic_set_irq(ioapic, 9, false);
    wr(0, 0xB0, 0);
    assert_int_equal(io_rd(0x10 + 2 * 9) & 0x4000, 0);
    assert_false(cpus[0].intr);
    io_wr(0x10 + 2 * 9, 0x1A0A1);
    ioapic_set_irq(ioapic, 9, true);
    assert_false(cpus[0].intr);
    io_wr(0x10 + 2 * 9, 0xA0A1); /* unmasked while high */
    assert_true(cpus[0].intr);
}

static void test_ioapic_edge_and_msi(void **state)
{
    io_wr(0x10 + 2 * 47 + 1, 2u << 24);
    io_wr(0x10 + 2 * 47, 0x33);
    ioapic_set_irq(ioapic, 47, true);
    assert_int_equal(lapic_ack(lapic[1]), 0x33);
    wr(1, 0xB0, 0);
    ioapic_set_irq(ioapic, 47, true);
    assert_false(cpus[1].intr);
    ioapic_set_irq(ioapic, 48, true); /* no such pin */
    for (unsigned i = 0; i < CPUS; i++)
        wr(i, 0xD0, 0x01000000u << i);
    wr(0, 0x80, 0x50);
    apic_msi(bus, 0xFEE0F00C, 0x4141 & ~0x4000u); /* lowest priority among all: not the one with a raised TPR */
    assert_false(cpus[0].intr);
    assert_int_equal(cpus[1].intr + cpus[2].intr, 1);
    apic_msi(bus, 0xFEE04000, 0x51);
    assert_int_equal(lapic_ack(lapic[2]), 0x51);
    apic_msi(bus, 0x12345678, 0x52); /* not a message */
    assert_int_equal(lapic_ack(lapic[0]), -1);
}

static void test_pic_paths(void **state)
{
    init_pic();
    wr(0, 0x350, 0x10700);
    assert_false(apic_bus_extint_accepted(bus));
    i8259_set_irq(pic, 0, true);
    assert_false(cpus[0].intr); /* neither LVT0 nor pin 0 is open */
    io_wr(0x10, 0x700);         /* pin 0 in ExtINT mode: hvmloader's virtual wire */
    assert_true(cpus[0].intr);
    assert_true(apic_bus_extint_accepted(bus));
    assert_false(cpus[1].intr);
    lapic_inject(lapic[0], 0x90);
    assert_int_equal(lapic_ack(lapic[0]), 0x90);
    assert_int_equal(lapic_ack(lapic[0]), 0x20); /* the APIC's own priorities do not hold the PIC up */
    assert_false(cpus[0].intr);
    out8(pic, &i8259_master_io, 0, 0x20);
    io_wr(0x10, 0x10700);
    i8259_set_irq(pic, 0, false);
    i8259_set_irq(pic, 0, true);
    assert_false(cpus[0].intr);
    wr(0, 0x350, 0x700);
    assert_int_equal(lapic_ack(lapic[0]), 0x20);
    out8(pic, &i8259_master_io, 0, 0x20);
    wr(0, 0x350, 0x10700);
    i8259_set_irq(pic, 0, false);
    i8259_set_irq(pic, 0, true);
    assert_false(cpus[0].intr);
    assert_true(lapic_msr_write(lapic[0], MSR_IA32_APIC_BASE, 0xFEE00000)); /* APIC off: the PIC is wired past it */
    assert_int_equal(lapic_ack(lapic[0]), 0x20);
}

static void test_save(void **state)
{
    struct device *other;
    uint8_t bad[1024];

    wr(0, 0x3E0, 0xB);
    wr(0, 0x320, 0x200EF);
    wr(0, 0x380, 100000);
    fake_advance(1500000);
    lapic_inject(lapic[0], 0x44);
    cpus[2].intr = false;
    assert_roundtrip(lapic[0], lapic[2]);
    assert_true(cpus[2].intr);
    assert_int_equal(fake_timers_armed(), 2);
    io_wr(0x10, 0x700);
    io_wr(0x14, 0xA030);
    ioapic_set_irq(ioapic, 2, true);
    other = ioapic_create(bus);
    assert_roundtrip(ioapic, other);
    other->ops->destroy(other);
    memset(bad, 0xFF, sizeof bad);
    assert_true(lapic[0]->ops->state_size <= sizeof bad);
    assert_refused(lapic[0], bad);
    assert_true(ioapic->ops->state_size <= sizeof bad);
    assert_refused(ioapic, bad);
    apic_bus_set_ioapic(bus, ioapic);
    for (unsigned i = 0; i < 48; i++)
        ioapic_set_irq(ioapic, i, true);
    torture(ioapic, &ioapic_io, 0x20, 50000);
    torture(lapic[0], &lapic_io, 4096, 200000);
    for (unsigned i = 0; i < 1000; i++)
        lapic_ack(lapic[i % CPUS]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_registers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_priorities, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ipis, setup, teardown),
        cmocka_unit_test_setup_teardown(test_x2apic, setup, teardown),
        cmocka_unit_test_setup_teardown(test_timer, setup, teardown),
        cmocka_unit_test_setup_teardown(test_busy_guest, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ioapic_level, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ioapic_edge_and_msi, setup, teardown),
        cmocka_unit_test_setup_teardown(test_pic_paths, setup, teardown),
        cmocka_unit_test_setup_teardown(test_save, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
