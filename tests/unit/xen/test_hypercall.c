/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_hypercall.c: who may call, both ABIs, the hypercall page, what Xen says about itself, multicalls. */
#include "guest.h"

#include "base/bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static int setup(void **state)
{
    static struct guest g;

    guest_init(&g);
    *state = &g;
    return 0;
}

static int teardown(void **state)
{
    guest_fini(*state);
    return 0;
}

static void test_privilege(void **state)
{
    struct guest *g = *state;

    assert_int_equal(guest_call(g, 0, NR_VERSION, 0, 0, 0), 4 << 16 | 17);
    g->cpu[0].seg[X86_SS].attr |= 3 << 5;
    assert_int_equal(guest_call(g, 0, NR_VERSION, 0, 0, 0), -XEN_EPERM);
    g->cpu[0].cr0 = 0; /* real mode: Xen does not look at the DPL */
    g->cpu[0].efer = 0;
    g->mode64 = false;
    assert_int_equal(guest_call(g, 0, NR_VERSION, 0, 0, 0), 4 << 16 | 17);
}

static void test_unknown(void **state)
{
    struct guest *g = *state;

    assert_int_equal(guest_call(g, 0, 0, 0, 0, 0), -XEN_ENOSYS);
    assert_int_equal(guest_call(g, 0, 63, 0, 0, 0), -XEN_ENOSYS);
    assert_int_equal(guest_call(g, 0, 0xfffffffe, 0, 0, 0), -XEN_ENOSYS);
    guest_mode(g, false);
    g->cpu[0].gpr[X86_RAX] = 0;
    assert_int_equal(guest_call(g, 0, 33, 0, 0, 0), -XEN_ENOSYS);
    assert_int_equal(g->cpu[0].gpr[X86_RAX], 0xffffffdau); /* 32-bit results do not reach the upper half */
}

static void test_version(void **state)
{
    struct guest *g = *state;
    uint32_t features[2] = {0, 0};
    char text[1024];

    for (int mode = 0; mode < 2; mode++) {
        guest_mode(g, mode);
        memset(text, 'x', sizeof text);
        assert_int_equal(guest_op(g, 0, NR_VERSION, 1, text, 16), 0);
        assert_string_equal(text, ".7");
        assert_int_equal(guest_op(g, 0, NR_VERSION, 3, text, 1024), 0);
        assert_string_equal(text, "xen-3.0-x86_64 hvm-3.0-x86_32 hvm-3.0-x86_32p hvm-3.0-x86_64 ");
        features[0] = 0;
        assert_int_equal(guest_op(g, 0, NR_VERSION, 6, features, 8), 0);
        assert_int_equal(features[1], 0x12305); /* Xen's 0x12705 without PIRQs */
        features[0] = 1;
        assert_int_equal(guest_op(g, 0, NR_VERSION, 6, features, 8), -XEN_EINVAL);
        assert_int_equal(guest_op(g, 0, NR_VERSION, 8, text, 16), 0);
        assert_memory_equal(text, g->d->config.uuid, 16);
        assert_int_equal(guest_call(g, 0, NR_VERSION, 7, 0, 0), 4096);
        assert_int_equal(guest_call(g, 0, NR_VERSION, 1, 0xfff00000, 0), -XEN_EFAULT);
        assert_int_equal(guest_call(g, 0, NR_VERSION, 99, 0, 0), -XEN_ENOSYS);
    }
}

static void test_hypercall_page(void **state)
{
    static const uint8_t vmcall[] = {0xb8, 17, 0, 0, 0, 0x0f, 0x01, 0xc1, 0xc3};
    struct guest *g = *state;
    uint64_t value = 1;

    guest_mode(g, false);
    g->d->shinfo32 = false;
    assert_true(xen_msr_write(g->d, 0, &g->cpu[0], 0x40000000, 0x80000));
    assert_memory_equal(guest_at(g, 0x80000 + 17 * 32), vmcall, sizeof vmcall);
    assert_int_equal(load_le16(guest_at(g, 0x80000 + 23 * 32)), 0x0b0f); /* iret: UD2 */
    assert_true(g->d->shinfo32);                                         /* latched */
    g->d->config.vmmcall = true;
    assert_true(xen_msr_write(g->d, 0, &g->cpu[0], 0x40000000, 0x81000));
    assert_int_equal(*guest_at(g, 0x81000 + 127 * 32 + 7), 0xd9);
    assert_false(xen_msr_write(g->d, 0, &g->cpu[0], 0x40000000, 0x80001));    /* there is no page 1 */
    assert_false(xen_msr_write(g->d, 0, &g->cpu[0], 0x40000000, 0xf0000000)); /* no memory */
    assert_false(xen_msr_write(g->d, 0, &g->cpu[0], 0x40000001, 0x80000));
    assert_true(xen_msr_read(g->d, 0, 0x40000000, &value));
    assert_int_equal(value, 0);
    assert_false(xen_msr_read(g->d, 0, 0x8b, &value));
}

static void test_cpuid(void **state)
{
    struct guest *g = *state;
    uint32_t r[4];

    assert_true(xen_cpuid(g->d, 2, 0x40000000, 0, r));
    assert_int_equal(r[0], 0x40000005);
    assert_memory_equal(r + 1, "XenVMMXenVMM", 12);
    assert_true(xen_cpuid(g->d, 2, 0x40000001, 0, r));
    assert_int_equal(r[0], 0x40011);
    assert_true(xen_cpuid(g->d, 2, 0x40000002, 0, r));
    assert_int_equal(r[0], 1);
    assert_int_equal(r[1], 0x40000000);
    assert_true(xen_cpuid(g->d, 2, 0x40000003, 0, r));
    assert_int_equal(r[0], 4);
    assert_int_equal(r[2], xen_time_tsc_khz(g->d));
    assert_true(xen_cpuid(g->d, 2, 0x40000004, 0, r));
    assert_int_equal(r[0], 0x5c);
    assert_int_equal(r[1], 2);
    assert_int_equal(r[2], 7);
    assert_true(xen_cpuid(g->d, 2, 0x40000100, 0, r));
    assert_int_equal(r[0] | r[1] | r[2] | r[3], 0);
    assert_false(xen_cpuid(g->d, 2, 1, 0, r));
    assert_false(xen_cpuid(g->d, 2, 0x80000000, 0, r));
}

static void test_multicall(void **state)
{
    struct guest *g = *state;

    for (int mode = 0; mode < 2; mode++) {
        size_t w = mode ? 8 : 4;
        uint8_t *e = guest_at(g, 0x9000);
        guest_mode(g, mode);
        memset(e, 0, 3 * 8 * w);
        e[0] = NR_VERSION;      /* version */
        e[8 * w] = NR_MULTI;    /* not inside one */
        e[16 * w] = NR_VERSION; /* pagesize */
        e[16 * w + 2 * w] = 7;
        assert_int_equal(guest_call(g, 0, NR_MULTI, 0x9000, 3, 0), 0);
        assert_int_equal(load_le32(e + w), 4 << 16 | 17);
        assert_int_equal((int32_t)load_le32(e + 9 * w), -XEN_ENOSYS);
        assert_int_equal(load_le32(e + 17 * w), 4096);
        assert_int_equal(guest_call(g, 0, NR_MULTI, 0x9000, 1u << 30, 0), -XEN_EINVAL);
        assert_int_equal(guest_call(g, 0, NR_MULTI, 0xf0000000, 1, 0), -XEN_EFAULT);
    }
}

static void test_console_and_assist(void **state)
{
    struct guest *g = *state;

    memcpy(guest_at(g, 0x9000), "hello\n", 6);
    assert_int_equal(guest_call(g, 0, NR_CONSOLE, 0, 6, 0x9000), 0);
    assert_memory_equal(g->log, "hello\n", 6);
    assert_int_equal(guest_call(g, 0, NR_CONSOLE, 1, 6, 0x9000), -XEN_EPERM);
    assert_int_equal(guest_call(g, 0, NR_CONSOLE, 0, 0xffffffff, 0x9000), -XEN_EINVAL);
    assert_int_equal(guest_call(g, 0, NR_ASSIST, 0, 5, 0), 0);
    assert_int_equal(guest_call(g, 0, NR_ASSIST, 0, 1, 0), -XEN_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_privilege, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unknown, setup, teardown),
        cmocka_unit_test_setup_teardown(test_version, setup, teardown),
        cmocka_unit_test_setup_teardown(test_hypercall_page, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cpuid, setup, teardown),
        cmocka_unit_test_setup_teardown(test_multicall, setup, teardown),
        cmocka_unit_test_setup_teardown(test_console_and_assist, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
