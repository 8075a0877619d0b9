/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_vcpu.c: HVM parameters, vcpu_op, the clock a guest computes from its time record, and its timers. */
#include "guest.h"

#include "base/bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <x86intrin.h>
#include <xen/hvm/hvm_op.h>
#include <xen/vcpu.h>
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

static int64_t param(struct guest *g, unsigned cmd, uint32_t index, uint64_t *value)
{
    struct xen_hvm_param p = {.domid = DOMID_SELF, .index = index, .value = *value};
    int64_t rc = guest_op(g, 0, NR_HVM, cmd, &p, sizeof p);

    *value = p.value;
    return rc;
}

static void test_params(void **state)
{
    static const struct {
        uint32_t index;
        int64_t get, set;
    } rows[] = {
        {0, 0, 0},
        {1, 0, -XEN_EPERM},
        {2, 0, 0},
        {4, -XEN_EINVAL, -XEN_EINVAL},
        {5, -XEN_EPERM, -XEN_EPERM},
        {8, -XEN_EPERM, -XEN_EPERM},
        {9, -XEN_EPERM, -XEN_EPERM},
        {15, 0, 0},
        {17, 0, -XEN_EPERM},
        {18, 0, 0},
        {26, -XEN_EINVAL, -XEN_EINVAL},
        {34, 0, 0},
        {35, 0, -XEN_EPERM},
        {36, 0, -XEN_EINVAL}, /* 5 is no width */
        {37, 0, 0},
        {38, -XEN_EPERM, -XEN_EPERM},
        {39, -XEN_EINVAL, -XEN_EINVAL},
        {0xffffffff, -XEN_EINVAL, -XEN_EINVAL},
    };
    struct guest *g = *state;

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        uint64_t value = 5;
        assert_int_equal(param(g, HVMOP_set_param, rows[i].index, &value), rows[i].set);
        value = 0;
        assert_int_equal(param(g, HVMOP_get_param, rows[i].index, &value), rows[i].get);
        if (rows[i].get == 0 && rows[i].set == 0)
            assert_int_equal(value, 5);
    }
    uint64_t value = GUEST_STORE;
    assert_int_equal(param(g, HVMOP_get_param, HVM_PARAM_STORE_PFN, &value), 0);
    assert_int_equal(value, GUEST_STORE);
    value = 1;
    assert_int_equal(param(g, HVMOP_set_param, HVM_PARAM_ACPI_IOPORTS_LOCATION, &value), 0);
    assert_true(g->ioports);
    value = 2;
    assert_int_equal(param(g, HVMOP_set_param, HVM_PARAM_ACPI_IOPORTS_LOCATION, &value), -XEN_EINVAL);
}

static void test_latch(void **state)
{
    struct guest *g = *state;
    uint64_t value = 1;

    g->d->shinfo32 = true;
    assert_int_equal(param(g, HVMOP_set_param, HVM_PARAM_CALLBACK_IRQ, &value), 0);
    assert_false(g->d->shinfo32);
    assert_true(load_le32(g->d->shared_info + 0xc04) != 0); /* the wall clock is where it now belongs */
    guest_mode(g, false);
    g->d->shinfo32 = false;
    assert_int_equal(param(g, HVMOP_set_param, HVM_PARAM_CALLBACK_IRQ, &value), 0);
    assert_true(g->d->shinfo32);
    assert_true(load_le32(g->d->shared_info + 0x904) != 0);
}

static void test_hvm_refusals(void **state)
{
    struct guest *g = *state;
    struct xen_hvm_evtchn_upcall_vector op = {.vcpu = 1, .vector = 0};

    assert_int_equal(guest_op(g, 0, NR_HVM, HVMOP_set_evtchn_upcall_vector, &op, sizeof op), -XEN_EINVAL);
    op = (struct xen_hvm_evtchn_upcall_vector){.vcpu = 4, .vector = 0xf3};
    assert_int_equal(guest_op(g, 0, NR_HVM, HVMOP_set_evtchn_upcall_vector, &op, sizeof op), -XEN_ENOENT);
    assert_int_equal(guest_call(g, 0, NR_HVM, HVMOP_pagetable_dying, 0x9000, 0), -XEN_ENOSYS);
    assert_int_equal(guest_call(g, 0, NR_HVM, HVMOP_flush_tlbs, 0, 0), 0);
    assert_int_equal(guest_call(g, 0, NR_HVM, HVMOP_flush_tlbs, 1, 0), -XEN_EINVAL);
}

static void test_register_vcpu_info(void **state)
{
    struct guest *g = *state;
    struct vcpu_register_vcpu_info op = {.mfn = 0x70, .offset = 128};
    const uint8_t *info = guest_at(g, 0x70080);

    assert_int_equal(guest_op(g, 3, NR_VCPU, VCPUOP_register_vcpu_info, &op, sizeof op), 0);
    assert_int_equal(info[0], 1); /* marked, so that nothing is lost on the way */
    assert_int_equal(load_le64(info + 8), ~0ull);
    assert_int_equal(load_le32(info + 32 + 24), g->d->tsc_mul);
    assert_int_equal(guest_op(g, 3, NR_VCPU, VCPUOP_register_vcpu_info, &op, sizeof op), -XEN_EINVAL);
    op.offset = 4096 - 63;
    assert_int_equal(guest_op(g, 2, NR_VCPU, VCPUOP_register_vcpu_info, &op, sizeof op), -XEN_EINVAL);
    op = (struct vcpu_register_vcpu_info){.mfn = 0xf0000};
    assert_int_equal(guest_op(g, 2, NR_VCPU, VCPUOP_register_vcpu_info, &op, sizeof op), -XEN_EINVAL);
    op.mfn = ~0ull;
    assert_int_equal(guest_op(g, 2, NR_VCPU, VCPUOP_register_vcpu_info, &op, sizeof op), -XEN_EINVAL);
    memory_unmap(g->memory, 0x70, 1); /* its page goes: events and time go nowhere, and nobody falls over */
    time_update_all(g->d);
    upcall_mark(&g->d->vcpu[3]);
}

static void test_scale(void **state)
{
    uint32_t mul;
    int8_t shift;

    time_scale(0x279d2f, &mul, &shift); /* what real Xen showed its guest for 2.6 GHz */
    assert_int_equal(shift, -1);
    assert_in_range(mul, 0xc5373418, 0xc537341a);
    time_scale(1000000, &mul, &shift);
    assert_true((shift == 0 && mul == 0xffffffff) || (shift == 1 && mul == 0x80000000));
    time_scale(500000, &mul, &shift);
    assert_int_equal(shift, 2);
    assert_int_equal(mul, 0x80000000);
}

/* As a guest does: the record, and its own TSC. */
static uint64_t guest_clock(struct guest *g, unsigned vcpu, uint64_t guest_tsc)
{
    const uint8_t *r = vcpu_info_at(&g->d->vcpu[vcpu]) + 32;
    uint64_t delta = guest_tsc - load_le64(r + 8);
    int8_t shift = (int8_t)r[28];

    assert_int_equal(load_le32(r) & 1, 0);
    delta = shift < 0 ? delta >> -shift : delta << shift;
    return load_le64(r + 16) + (uint64_t)((unsigned __int128)delta * load_le32(r + 24) >> 32);
}

static void test_clock(void **state)
{
    struct guest *g = *state;
    uint64_t before, at, after, loop;

    xen_time_set_tsc_offset(g->d, 1, 0x123456789abcull);
    before = xen_time_now_ns(g->d);
    at = guest_clock(g, 1, __rdtsc() + 0x123456789abcull);
    after = xen_time_now_ns(g->d);
    assert_true(before <= at && at <= after);
    loop = loop_now_ns(g->loop);
    assert_true(loop + 50000000 > before && before + 50000000 > loop);
    xen_time_pause(g->d, true);
    at = xen_time_now_ns(g->d);
    for (volatile int i = 0; i < 100000; i++)
        ;
    assert_int_equal(xen_time_now_ns(g->d), at);
    xen_time_pause(g->d, false);
    assert_true(guest_clock(g, 0, __rdtsc()) >= at);
    g->cpu[2].tsc_offset = 77; /* the guest wrote its TSC: any hypercall shows it */
    guest_call(g, 2, NR_VERSION, 0, 0, 0);
    assert_int_equal(g->d->vcpu[2].tsc_offset, 77);
}

static void test_time_area(void **state)
{
    struct guest *g = *state;
    uint8_t address[8] = {0};

    store_le64(address, 0x72040);
    assert_int_equal(guest_op(g, 1, NR_VCPU, VCPUOP_register_vcpu_time_memory_area, address, 8), 0);
    assert_memory_equal(guest_at(g, 0x72040) + 8, vcpu_info_at(&g->d->vcpu[1]) + 32 + 8, 24);
    xen_time_set_tsc_offset(g->d, 1, 12345);
    assert_memory_equal(guest_at(g, 0x72040) + 8, vcpu_info_at(&g->d->vcpu[1]) + 32 + 8, 24);
    memory_unmap(g->memory, 0x72, 1);
    time_update_all(g->d);
    store_le64(address, 0x73000 - 16);
    assert_int_equal(guest_op(g, 1, NR_VCPU, VCPUOP_register_vcpu_time_memory_area, address, 8), -XEN_EINVAL);
    store_le64(address, 0xf0000000);
    assert_int_equal(guest_op(g, 1, NR_VCPU, VCPUOP_register_vcpu_time_memory_area, address, 8), -XEN_EFAULT);
    store_le64(address, 0);
    assert_int_equal(guest_op(g, 1, NR_VCPU, VCPUOP_register_vcpu_time_memory_area, address, 8), 0);
    assert_int_equal(g->d->vcpu[1].time_gpa, 0);
}

static void stop_loop(void *opaque)
{
    loop_stop(opaque);
}

static void run_for(struct guest *g, uint64_t ns)
{
    struct timer t;

    timer_init(&t, g->loop, stop_loop, g->loop);
    timer_set(&t, loop_now_ns(g->loop) + ns);
    loop_run(g->loop);
}

static uint32_t bind_timer(struct guest *g, uint32_t vcpu)
{
    struct evtchn_bind_virq op = {.virq = VIRQ_TIMER, .vcpu = vcpu};

    assert_int_equal(guest_op(g, 0, NR_EVTCHN, EVTCHNOP_bind_virq, &op, sizeof op), 0);
    return op.port;
}

static void test_singleshot(void **state)
{
    struct guest *g = *state;
    uint32_t port = bind_timer(g, 2);
    struct vcpu_set_singleshot_timer op = {.timeout_abs_ns = xen_time_now_ns(g->d) + 1000000};

    assert_int_equal(guest_op(g, 2, NR_VCPU, VCPUOP_set_singleshot_timer, &op, sizeof op), 0);
    assert_false(evtchn_is_pending(g->d, port));
    run_for(g, 30000000);
    assert_true(evtchn_is_pending(g->d, port));
    shared_info_pending(g->d)[port / 8] = 0;
    op.timeout_abs_ns = 5; /* long past: fires all the same, unless asked not to */
    assert_int_equal(guest_op(g, 2, NR_VCPU, VCPUOP_set_singleshot_timer, &op, sizeof op), 0);
    run_for(g, 1000000);
    assert_true(evtchn_is_pending(g->d, port));
    op.flags = VCPU_SSHOTTMR_future;
    assert_int_equal(guest_op(g, 2, NR_VCPU, VCPUOP_set_singleshot_timer, &op, sizeof op), -XEN_ETIME);
    shared_info_pending(g->d)[port / 8] = 0;
    op = (struct vcpu_set_singleshot_timer){.timeout_abs_ns = xen_time_now_ns(g->d) + 1000000};
    assert_int_equal(guest_op(g, 2, NR_VCPU, VCPUOP_set_singleshot_timer, &op, sizeof op), 0);
    assert_int_equal(guest_call(g, 2, NR_VCPU, VCPUOP_stop_singleshot_timer, 2, 0), 0);
    run_for(g, 5000000);
    assert_false(evtchn_is_pending(g->d, port));
}

static void test_periodic(void **state)
{
    struct guest *g = *state;
    uint32_t port = bind_timer(g, 0);
    struct vcpu_set_periodic_timer op = {.period_ns = 1000};

    assert_int_equal(guest_op(g, 0, NR_VCPU, VCPUOP_set_periodic_timer, &op, sizeof op), -XEN_EINVAL);
    op.period_ns = 1000000;
    assert_int_equal(guest_op(g, 0, NR_VCPU, VCPUOP_set_periodic_timer, &op, sizeof op), 0);
    for (int i = 0; i < 2; i++) {
        run_for(g, 20000000);
        assert_true(evtchn_is_pending(g->d, port));
        shared_info_pending(g->d)[port / 8] = 0;
    }
    assert_int_equal(guest_call(g, 0, NR_VCPU, VCPUOP_stop_periodic_timer, 0, 0), 0);
    run_for(g, 5000000);
    assert_false(evtchn_is_pending(g->d, port));
}

static void test_other_vcpu_ops(void **state)
{
    struct guest *g = *state;

    for (int mode = 0; mode < 2; mode++) {
        uint8_t area[48] = {0};
        guest_mode(g, mode);
        assert_int_equal(guest_op(g, 1, NR_VCPU, VCPUOP_get_runstate_info, area, 48), 0);
        assert_int_equal(load_le32(area), RUNSTATE_running);
        store_le64(area, 0x71000);
        assert_int_equal(guest_op(g, 1, NR_VCPU, VCPUOP_register_runstate_memory_area, area, 8), 0);
        assert_true(load_le64(guest_at(g, 0x71000 + (mode ? 16 : 12))) > 0);
        assert_int_equal(guest_call(g, 0, NR_VCPU, VCPUOP_is_up, 3, 0), 1);
        assert_int_equal(guest_call(g, 0, NR_VCPU, VCPUOP_is_up, 4, 0), -XEN_ENOENT);
        assert_int_equal(guest_call(g, 0, NR_VCPU, VCPUOP_up, 1, 0), -XEN_ENOSYS);
    }
    assert_int_equal(guest_call(g, 0, NR_VCPU, VCPUOP_send_nmi, 3, 0), 0);
    assert_int_equal(g->nmis[3], 1);
    assert_int_equal(guest_call(g, 0, NR_TIMER, 0, 0, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_params, setup, teardown),
        cmocka_unit_test_setup_teardown(test_latch, setup, teardown),
        cmocka_unit_test_setup_teardown(test_hvm_refusals, setup, teardown),
        cmocka_unit_test_setup_teardown(test_register_vcpu_info, setup, teardown),
        cmocka_unit_test_setup_teardown(test_scale, setup, teardown),
        cmocka_unit_test_setup_teardown(test_clock, setup, teardown),
        cmocka_unit_test_setup_teardown(test_time_area, setup, teardown),
        cmocka_unit_test_setup_teardown(test_singleshot, setup, teardown),
        cmocka_unit_test_setup_teardown(test_periodic, setup, teardown),
        cmocka_unit_test_setup_teardown(test_other_vcpu_ops, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
