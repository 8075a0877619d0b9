/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_cpuid.c: the guest's CPUID: a subset of the host's, with the parts that depend on the virtual processor. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "x86/cpuid.h"

#define BIT(n) (1u << (n))

static void ask(struct x86_cpu *cpu, unsigned index, bool apic_on, uint32_t leaf, uint32_t subleaf, uint32_t out[4])
{
    static struct x86_cpuid_host host;
    const struct x86_cpuid_policy policy = {.vcpus = 4, .interpreted = true};
    const struct x86_cpuid_vcpu vcpu = {.index = index, .apic_on = apic_on, .cpu = cpu};
    if (!host.basic_max)
        x86_cpuid_read_host(&host);
    x86_cpuid(&host, &policy, &vcpu, leaf, subleaf, out);
}

static void test_apic_id_is_twice_the_vcpu(void **state)
{
    struct x86_cpu cpu;
    uint32_t out[4];
    x86_cpu_reset(&cpu);
    ask(&cpu, 3, true, 1, 0, out);
    assert_int_equal(out[1] >> 24, 6);
    assert_true(out[2] & BIT(31)); /* hypervisor */
    assert_false(out[2] & BIT(3)); /* MONITOR */
    assert_true(out[3] & BIT(9));
    ask(&cpu, 3, false, 1, 0, out);
    assert_false(out[3] & BIT(9));
    ask(&cpu, 3, true, 0xb, 0, out);
    assert_int_equal(out[3], 6);
}

static void test_osxsave_follows_cr4(void **state)
{
    struct x86_cpu cpu;
    uint32_t out[4];
    x86_cpu_reset(&cpu);
    ask(&cpu, 0, true, 1, 0, out);
    assert_false(out[2] & BIT(27));
    cpu.cr4 |= X86_CR4_OSXSAVE;
    ask(&cpu, 0, true, 1, 0, out);
    assert_int_equal(!(out[2] & BIT(27)), !(out[2] & BIT(26)));
}

static void test_xsave_size_follows_xcr0(void **state)
{
    struct x86_cpu cpu;
    uint32_t out[4];
    x86_cpu_reset(&cpu);
    ask(&cpu, 0, true, 1, 0, out);
    if (!(out[2] & BIT(28)))
        skip();
    ask(&cpu, 0, true, 0xd, 0, out);
    assert_int_equal(out[0], 7);
    assert_int_equal(out[1], 576);
    assert_int_equal(out[2], sizeof(struct x86_xsave));
    cpu.xcr0 = 7;
    ask(&cpu, 0, true, 0xd, 0, out);
    assert_int_equal(out[1], 832);
}

static void test_what_is_never_offered(void **state)
{
    struct x86_cpu cpu;
    uint32_t out[4];
    x86_cpu_reset(&cpu);
    ask(&cpu, 0, true, 7, 0, out);
    assert_int_equal(out[1] & (BIT(4) | BIT(11) | BIT(16) | BIT(17) | BIT(28) | BIT(30) | BIT(31)),
                     0);                                       /* TSX, AVX-512 */
    assert_int_equal(out[2] & (BIT(2) | BIT(3) | BIT(16)), 0); /* UMIP, PKU, LA57 */
    ask(&cpu, 0, true, 0x40000000, 0, out);
    assert_int_equal(out[0] | out[1] | out[2] | out[3], 0);
    ask(&cpu, 0, true, 0x1d, 0, out);
    assert_int_equal(out[0] | out[1] | out[2] | out[3], 0); /* AMX */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_apic_id_is_twice_the_vcpu),
        cmocka_unit_test(test_osxsave_follows_cr4),
        cmocka_unit_test(test_xsave_size_follows_xcr0),
        cmocka_unit_test(test_what_is_never_offered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
