/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_event_channel.c: ports, pending and mask bits in both layouts, upcalls of each kind, back ends, polling. */
#include "guest.h"

#include "base/bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <xen/hvm/hvm_op.h>
#include <xen/sched.h>
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

static int64_t ev(struct guest *g, unsigned cmd, void *arg, size_t len)
{
    return guest_op(g, 0, NR_EVTCHN, cmd, arg, len);
}

static uint32_t bind_ipi(struct guest *g, uint32_t vcpu)
{
    struct evtchn_bind_ipi op = {.vcpu = vcpu};

    assert_int_equal(ev(g, EVTCHNOP_bind_ipi, &op, sizeof op), 0);
    return op.port;
}

static void send(struct guest *g, uint32_t port)
{
    struct evtchn_send op = {.port = port};

    assert_int_equal(ev(g, EVTCHNOP_send, &op, sizeof op), 0);
}

static void set_vector(struct guest *g, uint32_t vcpu, uint8_t vector)
{
    struct xen_hvm_evtchn_upcall_vector op = {.vcpu = vcpu, .vector = vector};

    assert_int_equal(guest_op(g, 0, NR_HVM, HVMOP_set_evtchn_upcall_vector, &op, sizeof op), 0);
}

static void set_callback(struct guest *g, uint64_t value)
{
    struct xen_hvm_param p = {.domid = DOMID_SELF, .index = HVM_PARAM_CALLBACK_IRQ, .value = value};

    assert_int_equal(guest_op(g, 0, NR_HVM, HVMOP_set_param, &p, sizeof p), 0);
}

static void count_event(void *opaque)
{
    ++*(int *)opaque;
}

/* The guest's side of an upcall: clears the flag, the selector and the pending bits. */
static void guest_handles(struct guest *g, unsigned vcpu, uint32_t port)
{
    uint8_t *info = vcpu_info_at(&g->d->vcpu[vcpu]);

    info[0] = 0;
    memset(info + (g->d->shinfo32 ? 4 : 8), 0, g->d->shinfo32 ? 4 : 8);
    shared_info_pending(g->d)[port / 8] &= (uint8_t) ~(1u << (port & 7));
}

static void test_delivery(void **state)
{
    struct guest *g = *state;

    for (int mode = 0; mode < 2; mode++) {
        guest_mode(g, mode);
        uint32_t port = bind_ipi(g, 2), word = mode ? 64 : 32;
        uint8_t *info = vcpu_info_at(&g->d->vcpu[2]);
        struct evtchn_unmask unmask = {.port = port};

        set_vector(g, 2, 0xf3);
        memset(g->raised, 0, sizeof g->raised);
        send(g, port);
        assert_int_equal(g->raised[2], 1);
        assert_int_equal(g->vector, 0xf3);
        assert_int_equal(info[0], 1);
        assert_int_equal(info[(mode ? 8 : 4) + port / word / 8] >> (port / word % 8) & 1, 1);
        assert_true(evtchn_is_pending(g->d, port));
        send(g, port); /* pending already: nothing new */
        assert_int_equal(g->raised[2], 1);
        guest_handles(g, 2, port);
        shared_info_mask(g->d)[port / 8] |= (uint8_t)(1u << (port & 7));
        send(g, port);
        assert_int_equal(info[0], 0);
        assert_int_equal(g->raised[2], 1);
        assert_int_equal(ev(g, EVTCHNOP_unmask, &unmask, sizeof unmask), 0);
        assert_int_equal(g->raised[2], 2);
        guest_handles(g, 2, port);
        ev(g, EVTCHNOP_close, &unmask, sizeof unmask);
    }
}

static void test_ports_run_out(void **state)
{
    struct guest *g = *state;
    struct evtchn_alloc_unbound op = {.dom = DOMID_SELF, .remote_dom = 0};
    unsigned n = 0;

    guest_mode(g, false);
    while (ev(g, EVTCHNOP_alloc_unbound, &op, sizeof op) == 0)
        n++;
    assert_int_equal(n, 1023);
    guest_mode(g, true);
    while (ev(g, EVTCHNOP_alloc_unbound, &op, sizeof op) == 0)
        n++;
    assert_int_equal(n, 4095);
    assert_int_equal(ev(g, EVTCHNOP_alloc_unbound, &op, sizeof op), -XEN_ENOSPC);
}

static void test_bad_arguments(void **state)
{
    struct guest *g = *state;
    struct evtchn_send send_op = {.port = 5};
    struct evtchn_bind_virq virq = {.virq = 24};
    struct evtchn_bind_vcpu bind = {.port = 1, .vcpu = 99};
    uint8_t raw[32] = {0};

    assert_int_equal(ev(g, EVTCHNOP_send, &send_op, 4), -XEN_EINVAL);
    send_op.port = 0xffffffff;
    assert_int_equal(ev(g, EVTCHNOP_send, &send_op, 4), -XEN_EINVAL);
    assert_int_equal(ev(g, EVTCHNOP_unmask, &send_op, 4), -XEN_EINVAL);
    assert_int_equal(ev(g, EVTCHNOP_close, &send_op, 4), -XEN_EINVAL);
    assert_int_equal(ev(g, EVTCHNOP_bind_virq, &virq, sizeof virq), -XEN_EINVAL);
    virq = (struct evtchn_bind_virq){.virq = VIRQ_TIMER, .vcpu = 4};
    assert_int_equal(ev(g, EVTCHNOP_bind_virq, &virq, sizeof virq), -XEN_ENOENT);
    virq.vcpu = 3;
    assert_int_equal(ev(g, EVTCHNOP_bind_virq, &virq, sizeof virq), 0);
    assert_int_equal(ev(g, EVTCHNOP_bind_virq, &virq, sizeof virq), -XEN_EEXIST);
    assert_int_equal(ev(g, EVTCHNOP_bind_vcpu, &bind, sizeof bind), -XEN_ENOENT);
    assert_int_equal(ev(g, EVTCHNOP_init_control, raw, 24), -XEN_ENOSYS);
    assert_int_equal(ev(g, EVTCHNOP_bind_pirq, raw, 12), -XEN_ENOSYS);
    assert_int_equal(guest_call(g, 0, NR_EVTCHN, EVTCHNOP_send, 0xf0000000, 0), -XEN_EFAULT);
    assert_int_equal(guest_call(g, 0, NR_EVTCHN, 1ull << 40, 0, 0), -XEN_ENOSYS);
}

static void test_backend(void **state)
{
    struct guest *g = *state;
    struct evtchn_alloc_unbound alloc = {.dom = DOMID_SELF, .remote_dom = 0};
    struct evtchn_status status = {.dom = DOMID_SELF};
    struct evtchn_bind_interdomain bind = {.remote_dom = 0};
    struct evtchn_reset reset = {.dom = DOMID_SELF};
    uint32_t port = 0;
    int events = 0, backend = xen_evtchn_create_pair(g->d, count_event, &events, &port), second;

    assert_true(backend > 0);
    assert_int_equal(port, 1);
    send(g, port);
    assert_int_equal(events, 1);
    xen_evtchn_notify(g->d, backend);
    assert_true(evtchn_is_pending(g->d, port));
    status.port = port;
    assert_int_equal(ev(g, EVTCHNOP_status, &status, sizeof status), 0);
    assert_int_equal(status.status, EVTCHNSTAT_interdomain);
    assert_int_equal(status.u.interdomain.dom, 0);
    assert_int_equal(status.u.interdomain.port, backend);

    /* As Windows' drivers do: reset, then bind to the same remote port again. */
    assert_int_equal(ev(g, EVTCHNOP_reset, &reset, sizeof reset), 0);
    assert_int_equal(ev(g, EVTCHNOP_status, &status, sizeof status), 0);
    assert_int_equal(status.status, EVTCHNSTAT_closed);
    xen_evtchn_notify(g->d, backend); /* to nobody */
    bind.remote_port = (uint32_t)backend;
    assert_int_equal(ev(g, EVTCHNOP_bind_interdomain, &bind, sizeof bind), 0);
    send(g, bind.local_port);
    assert_int_equal(events, 2);
    assert_int_equal(ev(g, EVTCHNOP_bind_interdomain, &bind, sizeof bind), -XEN_EINVAL); /* taken */

    /* As block and network front ends do. */
    assert_int_equal(ev(g, EVTCHNOP_alloc_unbound, &alloc, sizeof alloc), 0);
    send(g, alloc.port); /* nobody there yet */
    second = xen_evtchn_connect(g->d, alloc.port, count_event, &events);
    assert_true(second > 0);
    assert_true(xen_evtchn_connect(g->d, alloc.port, count_event, &events) < 0);
    send(g, alloc.port);
    assert_int_equal(events, 3);
    xen_evtchn_disconnect(g->d, second);
    send(g, alloc.port);
    assert_int_equal(events, 3);
    xen_evtchn_disconnect(g->d, second);
    xen_evtchn_notify(g->d, second);
}

static void test_loopback(void **state)
{
    struct guest *g = *state;
    struct evtchn_alloc_unbound alloc = {.dom = DOMID_SELF, .remote_dom = DOMID_SELF};
    struct evtchn_bind_interdomain bind = {.remote_dom = DOMID_SELF};
    struct evtchn_close close;

    assert_int_equal(ev(g, EVTCHNOP_alloc_unbound, &alloc, sizeof alloc), 0);
    bind.remote_port = alloc.port;
    assert_int_equal(ev(g, EVTCHNOP_bind_interdomain, &bind, sizeof bind), 0);
    send(g, bind.local_port);
    assert_true(evtchn_is_pending(g->d, alloc.port));
    close.port = alloc.port;
    assert_int_equal(ev(g, EVTCHNOP_close, &close, sizeof close), 0);
    send(g, bind.local_port); /* unbound now: lost */
    assert_int_equal(ev(g, EVTCHNOP_bind_interdomain, &bind, sizeof bind), -XEN_EINVAL);
}

static void test_callback_vector(void **state)
{
    struct guest *g = *state;
    uint32_t port = bind_ipi(g, 1);

    set_callback(g, 2ull << 56 | 0xf3);
    assert_int_equal(xen_upcall_vector(g->d, 1), -1);
    send(g, port);
    assert_int_equal(g->kicked[1], 1);
    assert_int_equal(xen_upcall_vector(g->d, 1), 0xf3);
    assert_int_equal(xen_upcall_vector(g->d, 1), 0xf3); /* until the guest clears the flag */
    assert_int_equal(xen_upcall_vector(g->d, 0), -1);
    guest_handles(g, 1, port);
    assert_int_equal(xen_upcall_vector(g->d, 1), -1);
    set_vector(g, 1, 0xf4); /* its own vector wins */
    send(g, port);
    assert_int_equal(xen_upcall_vector(g->d, 1), -1);
    assert_int_equal(g->raised[1], 1);
}

static void test_callback_lines(void **state)
{
    struct guest *g = *state;
    uint32_t port = bind_ipi(g, 0), other = bind_ipi(g, 1);

    set_callback(g, 28);
    send(g, other); /* only vCPU 0 counts */
    assert_false(g->gsi_level);
    send(g, port);
    assert_true(g->gsi_level);
    assert_int_equal(g->gsi, 28);
    xen_upcall_sync(g->d);
    assert_true(g->gsi_level);
    guest_handles(g, 0, port);
    xen_upcall_sync(g->d);
    assert_false(g->gsi_level);
    set_callback(g, 1ull << 56 | 2 << 11 | 1);
    send(g, port);
    assert_true(g->intx_level);
    assert_int_equal(g->intx_device, 2);
    assert_int_equal(g->intx, 1);
}

static void test_lapic_disabled(void **state)
{
    struct guest *g = *state;
    uint32_t port = bind_ipi(g, 3), later = bind_ipi(g, 3);

    g->lapic_off = true;
    set_vector(g, 3, 0xf3);
    send(g, port);
    assert_int_equal(g->raised[3], 0);
    g->lapic_off = false;
    xen_lapic_enabled(g->d, 3);
    assert_int_equal(g->raised[3], 1);
    guest_handles(g, 3, port);
    g->lapic_off = true;
    send(g, port);
    g->lapic_off = false; /* and nobody tells us: the next event of another word does it */
    vcpu_info_at(&g->d->vcpu[3])[8] = 0;
    send(g, later);
    assert_int_equal(g->raised[3], 2);
}

static void test_poll(void **state)
{
    struct guest *g = *state;
    uint32_t port = bind_ipi(g, 0);
    struct {
        uint64_t ports, nr, timeout;
    } poll = {0x9000, 1, 0};

    memcpy(guest_at(g, 0x9000), &port, 4);
    assert_int_equal(guest_op(g, 1, NR_SCHED, SCHEDOP_poll, &poll, sizeof poll), 0);
    assert_int_equal(g->blocked[1], 1);
    shared_info_mask(g->d)[port / 8] = 0xff; /* masked ports wake too */
    send(g, port);
    assert_int_equal(g->woken[1], 1);
    assert_int_equal(guest_op(g, 1, NR_SCHED, SCHEDOP_poll, &poll, sizeof poll), 0);
    assert_int_equal(g->blocked[1], 1); /* pending: no sleep */
    poll.nr = 4000;
    assert_int_equal(guest_op(g, 1, NR_SCHED, SCHEDOP_poll, &poll, sizeof poll), -XEN_EINVAL);
    poll.nr = 0;
    poll.timeout = 1; /* past */
    assert_int_equal(guest_op(g, 1, NR_SCHED, SCHEDOP_poll, &poll, sizeof poll), 0);
    assert_int_equal(g->blocked[1], 1);
    assert_int_equal(guest_call(g, 2, NR_SCHED, SCHEDOP_block, 0, 0), 0);
    assert_int_equal(g->blocked[2], 1);
}

static void test_shutdown(void **state)
{
    struct guest *g = *state;
    uint32_t reason = SHUTDOWN_crash;

    assert_int_equal(guest_op(g, 0, NR_SCHED, SCHEDOP_shutdown, &reason, 4), 0);
    assert_int_equal(g->life_reason, 3);
    reason = 77;
    assert_int_equal(guest_op(g, 0, NR_SCHED, SCHEDOP_shutdown, &reason, 4), -XEN_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_delivery, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ports_run_out, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bad_arguments, setup, teardown),
        cmocka_unit_test_setup_teardown(test_backend, setup, teardown),
        cmocka_unit_test_setup_teardown(test_loopback, setup, teardown),
        cmocka_unit_test_setup_teardown(test_callback_vector, setup, teardown),
        cmocka_unit_test_setup_teardown(test_callback_lines, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lapic_disabled, setup, teardown),
        cmocka_unit_test_setup_teardown(test_poll, setup, teardown),
        cmocka_unit_test_setup_teardown(test_shutdown, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
