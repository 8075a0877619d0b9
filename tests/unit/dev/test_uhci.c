/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_uhci.c: the UHCI by its ports and by schedules in memory. */
#include "dev/usb/uhci.h"

#include <string.h>

#include "usb_rig.h"

static void config_is_as_on_xen(void **state)
{
    struct rig *r = *state;

    assert_int_equal(config_read(r->m, UHCI_DEVFN, 0, 4), 0x70208086);
    assert_int_equal(config_read(r->m, UHCI_DEVFN, 8, 4), 0x0c030001);
    assert_int_equal(config_read(r->m, UHCI_DEVFN, 0x2c, 4), 0x11001af4);
    assert_int_equal(config_read(r->m, UHCI_DEVFN, 0x3d, 1), 4);
    assert_int_equal(config_read(r->m, UHCI_DEVFN, 0x60, 1), 0x10);
    config_write(r->m, UHCI_DEVFN, 0x20, 4, 0xffffffff);
    assert_int_equal(config_read(r->m, UHCI_DEVFN, 0x20, 4), 0xffffffe1);
    config_write(r->m, UHCI_DEVFN, 0x20, 4, IO);
    config_write(r->m, UHCI_DEVFN, 0xc0, 2, 0x8f00);
    assert_int_equal(config_read(r->m, UHCI_DEVFN, 0xc0, 4), 0x8f00);
}

static void frame_number_is_the_time(void **state)
{
    struct rig *r = *state;

    assert_int_equal(reg(r, 2), 0x20); /* halted */
    set(r, 6, 0x7f0);
    rig_start(r);
    assert_int_equal(reg(r, 2), 0);
    assert_int_equal(reg(r, 6), 0x7f0);
    fake_advance(FRAME_NS - 1);
    assert_int_equal(reg(r, 6), 0x7f0);
    fake_advance(1);
    assert_int_equal(reg(r, 6), 0x7f1);
    set(r, 6, 5); /* not while it runs */
    for (unsigned i = 2; i < 5000; i++) {
        fake_advance(FRAME_NS);
        if (i % 97 == 0)
            assert_int_equal(reg(r, 6), (0x7f0 + i) & 0x7ff);
    }
    fake_jump(1234ull * FRAME_NS);
    assert_int_equal(reg(r, 6), (0x7f0 + 4999 + 1234) & 0x7ff);
    set(r, 0, 0);
    assert_int_equal(reg(r, 2), 0x20);
    fake_advance(FRAME_NS * 10);
    assert_in_range(reg(r, 6), (0x7f0 + 4999 + 1234) & 0x7ff, ((0x7f0 + 4999 + 1234) & 0x7ff) + 1);
    assert_int_equal(fake_timers_armed(), 0);
}

/* An idle guest costs a few wake-ups a second, and news reaches it in the next frame all the same. */
static void idle_is_cheap_and_news_is_not_late(void **state)
{
    struct rig *r = *state;
    uint32_t before;

    rig_plug(r, 0, usb_tablet_create(fake_loop, r->display));
    rig_start(r);
    rig_configure(r, 0, 1);
    td(r, 0, LINK_END, ACTIVE | THREE | IOC, token(PID_IN, 1, 1, 8), BUFFER);
    put(r, QUEUE + 4, TDS);
    set(r, 2, 0x1f);
    fake_advance(1000 * FRAME_NS);
    before = fake_timers_fired();
    fake_advance(1000 * FRAME_NS);
    assert_in_range(fake_timers_fired() - before, 1, 40);
    assert_true(td_control(r, 0) & ACTIVE);
    assert_false(r->m->intx_level);
    display_pointer(r->display, 5, 5, 0, 1);
    fake_advance(FRAME_NS);
    assert_int_equal(td_control(r, 0) & (ACTIVE | 0x7ff), 5);
    assert_true(r->m->intx_level);
}

/* What is put into the schedule of an idle controller is found without a word said to it. */
static void new_work_is_found(void **state)
{
    struct rig *r = *state;
    uint8_t data[18];

    rig_plug(r, 0, usb_tablet_create(fake_loop, r->display));
    rig_start(r);
    rig_reset_port(r, 0);
    fake_advance(5000 * FRAME_NS);
    assert_int_equal(control(r, 0, 0x8006, 0x0100, 0, data, 18), 18);
    assert_int_equal(data[1], 1);
}

static void ports_tell_of_devices(void **state)
{
    struct rig *r = *state;

    assert_int_equal(reg(r, 16), 0x80);
    rig_plug(r, 1, usb_mouse_create(fake_loop, r->display));
    assert_int_equal(reg(r, 18), 0x83);
    set(r, 16, 4); /* nothing there to enable */
    assert_int_equal(reg(r, 16), 0x80);
    set(r, 18, 0x200);
    assert_int_equal(reg(r, 18), 0x283);
    set(r, 18, 0);
    set(r, 18, 0x6);
    assert_int_equal(reg(r, 18), 0x85);
    assert_int_equal(bus_read(r->m->ports, IO + 16, 4), 0x00850080);
    bus_write(r->m->ports, IO + 19, 1, 0x10); /* suspend, by a byte */
    assert_int_equal(reg(r, 18), 0x1085);
    assert_int_equal(reg(r, 20) & 0x80, 0); /* that is how drivers see that there is no third port */
    set(r, 0, 2);
    assert_int_equal(reg(r, 18), 0x83);
    set(r, 0, 4);
    assert_int_equal(reg(r, 0), 4);
    assert_int_equal(reg(r, 2), 0x20);
}

static void nobody_there_is_a_timeout(void **state)
{
    struct rig *r = *state;

    rig_start(r);
    td(r, 0, LINK_END, ACTIVE | THREE, token(PID_IN, 5, 1, 8), BUFFER);
    put(r, QUEUE + 4, TDS);
    fake_advance(FRAME_NS / 2);
    assert_int_equal(td_control(r, 0) >> 27 & 3, 2);
    assert_true(td_control(r, 0) & ACTIVE);
    fake_advance(5 * FRAME_NS);
    assert_int_equal(td_control(r, 0) & (ACTIVE | 1u << 22 | 1u << 18), 1u << 22 | 1u << 18);
    assert_int_equal(reg(r, 2), 2);
    assert_true(r->m->intx_level);
    assert_int_equal(r->m->intx_pin, 3);
    set(r, 2, 2);
    assert_false(r->m->intx_level);
    /* without a count it is tried for ever */
    td(r, 0, LINK_END, ACTIVE, token(PID_IN, 5, 1, 8), BUFFER);
    put(r, QUEUE + 4, TDS);
    fake_advance(500 * FRAME_NS);
    assert_true(td_control(r, 0) & ACTIVE);
}

static void short_packets_stop_a_queue(void **state)
{
    struct rig *r = *state;

    rig_plug(r, 0, usb_tablet_create(fake_loop, r->display));
    rig_start(r);
    rig_configure(r, 0, 1);
    set(r, 2, 0x1f);
    td(r, 0, (TDS + 16) | LINK_DEPTH, ACTIVE | SPD | THREE, token(PID_IN, 1, 1, 8), BUFFER);
    td(r, 1, LINK_END, ACTIVE | THREE, token(PID_IN, 1, 1, 8), BUFFER);
    put(r, QUEUE + 4, TDS);
    display_pointer(r->display, 1, 2, 0, 0);
    display_pointer(r->display, 1, 2, 0, 1);
    fake_advance(10 * FRAME_NS);
    assert_false(td_control(r, 0) & ACTIVE);
    assert_true(td_control(r, 1) & ACTIVE);
    assert_int_equal(word(r, QUEUE + 4), TDS);
    assert_int_equal(reg(r, 2), 1);
    assert_true(r->m->intx_level);
    set(r, 4, 4); /* interrupts on completion only: this was none */
    assert_false(r->m->intx_level);
    set(r, 2, 1);
    put(r, QUEUE + 4, TDS + 16);
    fake_advance(10 * FRAME_NS);
    assert_int_equal(td_control(r, 1) & (ACTIVE | 0x7ff), 5);
    assert_int_equal(word(r, QUEUE + 4), LINK_END);
    /* 6 bytes do not go into 4 */
    td(r, 0, LINK_END, ACTIVE | THREE, token(PID_IN, 1, 1, 4), BUFFER);
    put(r, QUEUE + 4, TDS);
    display_pointer(r->display, 1, 3, 0, 1);
    fake_advance(10 * FRAME_NS);
    assert_int_equal(td_control(r, 0) & (ACTIVE | 1u << 22 | 1u << 20), 1u << 22 | 1u << 20);
}

static void loops_end(void **state)
{
    struct rig *r = *state;

    rig_start(r);
    put(r, QUEUE, QUEUE | LINK_QUEUE); /* a queue after itself */
    fake_advance(100 * FRAME_NS);
    assert_int_equal(reg(r, 2), 0);
    put(r, QUEUE + 4, QUEUE | LINK_QUEUE); /* within itself */
    fake_advance(100 * FRAME_NS);
    put(r, QUEUE, (QUEUE + 16) | LINK_QUEUE); /* three in a ring that the first is no part of */
    put(r, QUEUE + 4, LINK_END);
    for (unsigned i = 1; i < 4; i++) {
        put(r, QUEUE + 16 * i, (QUEUE + 16 * (i % 3 + 1)) | LINK_QUEUE);
        put(r, QUEUE + 16 * i + 4, LINK_END);
    }
    fake_advance(100 * FRAME_NS);
    td(r, 0, TDS, 0, token(PID_IN, 1, 1, 8), BUFFER); /* a descriptor after itself, done and not done */
    put(r, QUEUE, TDS);
    fake_advance(100 * FRAME_NS);
    td(r, 0, TDS, ACTIVE, token(PID_IN, 1, 1, 8), BUFFER);
    fake_advance(100 * FRAME_NS);
    assert_int_equal(reg(r, 2), 0);
    assert_int_equal(reg(r, 6), 500);
}

static void nonsense_halts(void **state)
{
    struct rig *r = *state;

    rig_start(r);
    td(r, 0, LINK_END, ACTIVE, token(0x11, 0, 0, 8), BUFFER); /* no such PID */
    put(r, QUEUE + 4, TDS);
    fake_advance(2 * FRAME_NS);
    assert_int_equal(reg(r, 2), 0x30);
    assert_int_equal(reg(r, 0) & 1, 0);
    assert_true(r->m->intx_level);
    set(r, 2, 0x1f);
    td(r, 0, LINK_END, ACTIVE, token(PID_IN, 0, 0, 0x501), BUFFER); /* longer than a packet can be */
    set(r, 0, 1);
    fake_advance(2 * FRAME_NS);
    assert_int_equal(reg(r, 2), 0x30);
    set(r, 2, 0x1f);
    put(r, QUEUE + 4, 0x7ffffff0); /* no memory */
    set(r, 0, 1);
    fake_advance(2 * FRAME_NS);
    assert_int_equal(reg(r, 2), 0x28);
    set(r, 2, 0x1f);
    assert_false(r->m->intx_level);
    config_write(r->m, UHCI_DEVFN, PCI_COMMAND, 2, PCI_COMMAND_IO); /* not a master: frames pass */
    set(r, 0, 1);
    fake_advance(20 * FRAME_NS);
    assert_int_equal(reg(r, 2), 0);
}

static void a_suspended_port_wakes(void **state)
{
    struct rig *r = *state;

    rig_plug(r, 0, usb_tablet_create(fake_loop, r->display));
    rig_start(r);
    rig_configure(r, 0, 1);
    set(r, 2, 0x1f);
    set(r, 16, 0x1004);
    display_pointer(r->display, 7, 7, 0, 0);
    assert_int_equal(reg(r, 2), 0); /* it was not allowed to */
    set(r, 16, 4);                  /* drivers end a suspend by the resume bit; this only tells the port on */
    assert_int_equal(control(r, 1, 0x0003, 1, 0, NULL, 0), 0);
    set(r, 16, 0x1004);
    display_pointer(r->display, 8, 7, 0, 0);
    assert_int_equal(reg(r, 2) & 4, 4);
    assert_int_equal(reg(r, 16) & 0x1040, 0x1040);
    assert_true(r->m->intx_level);
    set(r, 2, 0x1f);
    set(r, 16, 4);
    assert_int_equal(reg(r, 16), 0x85);
}

static void states_survive(void **state)
{
    struct rig *r = *state;
    uint8_t *copy;

    rig_plug(r, 0, usb_tablet_create(fake_loop, r->display));
    rig_start(r);
    rig_configure(r, 0, 1);
    fake_advance(123456789);
    struct pci_device *to = uhci_create(fake_loop);
    struct usb_device *tablet = usb_tablet_create(fake_loop, NULL);

    uhci_plug(to, 0, tablet);
    assert_roundtrip(&r->uhci->dev, &to->dev);
    copy = malloc(to->dev.ops->state_size);
    memcpy(copy, to->dev.state, to->dev.ops->state_size);
    copy[0] ^= 1;
    assert_refused(&to->dev, copy);
    to->dev.ops->destroy(&to->dev);
    tablet->dev.ops->destroy(&tablet->dev);
    free(copy);
}

static void survives_torture(void **state)
{
    struct rig *r = *state;

    rig_plug(r, 0, usb_tablet_create(fake_loop, r->display));
    torture(&r->uhci->dev, r->uhci->bar[4].ops, 32, 20000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
        T(config_is_as_on_xen),
        T(frame_number_is_the_time),
        T(idle_is_cheap_and_news_is_not_late),
        T(new_work_is_found),
        T(ports_tell_of_devices),
        T(nobody_there_is_a_timeout),
        T(short_packets_stop_a_queue),
        T(loops_end),
        T(nonsense_halts),
        T(a_suspended_port_wakes),
        T(states_survive),
        T(survives_torture),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
