/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_usb.c: the USB devices and the hub, enumerated and polled through the UHCI as a driver does it. */
#include "dev/usb/usb.h"

#include <string.h>

#include "usb_rig.h"

static void standard_requests(void **state)
{
    struct rig *r = *state;
    uint8_t data[512];
    int n;

    rig_plug(r, 0, usb_tablet_create(fake_loop, r->display));
    rig_start(r);
    rig_reset_port(r, 0);
    assert_int_equal(control(r, 0, 0x8006, 0x0100, 0, data, 64), 18); /* a short answer */
    assert_int_equal(data[7], 8);
    assert_int_equal(data[8] | data[9] << 8, 0x0627);
    assert_int_equal(control(r, 0, 0x0005, 9, 0, NULL, 0), 0);
    assert_int_equal(control(r, 0, 0x8006, 0x0100, 0, data, 18), -1); /* it has another address now */
    assert_int_equal(control(r, 9, 0x8006, 0x0200, 0, data, 9), 9);
    n = data[2] | data[3] << 8;
    assert_int_equal(control(r, 9, 0x8006, 0x0200, 0, data, (uint16_t)n), n);
    for (int at = 0; at < n; at += data[at])
        assert_in_range(data[at], 7, n - at);
    assert_int_equal(data[25] | data[26] << 8, control(r, 9, 0x8106, 0x2200, 0, data + 64, 128)); /* as HID's says */
    assert_int_equal(control(r, 9, 0x8006, 0x0302, 0x409, data, 255), 34);
    assert_memory_equal(data + 2, "D\0O\0M\0U\0S", 9);
    assert_int_equal(control(r, 9, 0x8006, 0x0309, 0x409, data, 255), -1); /* no such string */
    assert_int_equal(control(r, 9, 0x8006, 0x0600, 0, data, 10), -1);      /* not two speeds */
    assert_int_equal(control(r, 9, 0x8008, 0, 0, data, 1), 1);
    assert_int_equal(data[0], 0);
    assert_int_equal(poll_in(r, 9, data), -2); /* not configured */
    assert_int_equal(control(r, 9, 0x0009, 2, 0, NULL, 0), -1);
    assert_int_equal(control(r, 9, 0x0009, 1, 0, NULL, 0), 0);
    assert_int_equal(poll_in(r, 9, data), -1);
    assert_int_equal(control(r, 9, 0x0203, 0, 0x81, NULL, 0), 0); /* halt the endpoint */
    assert_int_equal(poll_in(r, 9, data), -2);
    assert_int_equal(control(r, 9, 0x8200, 0, 0x81, data, 2), 2);
    assert_int_equal(data[0], 1);
    assert_int_equal(control(r, 9, 0x0201, 0, 0x81, NULL, 0), 0);
    assert_int_equal(poll_in(r, 9, data), -1);
    assert_int_equal(control(r, 9, 0x2109, 0x0200, 0, data, 300), -1); /* more than we take */
}

static void tablet_tells_places(void **state)
{
    struct rig *r = *state;
    uint8_t data[8];

    rig_plug(r, 0, usb_tablet_create(fake_loop, r->display));
    rig_start(r);
    assert_false(display_pointer_is_absolute(r->display));
    rig_configure(r, 0, 3);
    assert_true(display_pointer_is_absolute(r->display));
    display_resize(r->display, 1024, 768);
    display_pointer(r->display, 10, 20, 0, 0);
    display_pointer(r->display, 512, 767, 0, 0); /* motion alone may be left out */
    assert_int_equal(poll_in(r, 3, data), 6);
    assert_int_equal(data[0], 0);
    assert_int_equal((data[1] | data[2] << 8) * 1024 / 32768, 512);
    assert_int_equal((data[3] | data[4] << 8) * 768 / 32768, 767);
    assert_int_equal(poll_in(r, 3, data), -1);
    /* clicks may not: each where it was, right as the second button and middle as the third */
    display_pointer(r->display, 100, 100, 0, 4);
    display_pointer(r->display, 200, 100, 0, 4);
    display_pointer(r->display, 200, 100, 0, 0);
    display_pointer(r->display, 300, 100, 1, 2);
    assert_int_equal(poll_in(r, 3, data), 6);
    assert_int_equal(data[0], 2);
    assert_int_equal((data[1] | data[2] << 8) * 1024 / 32768, 200);
    assert_int_equal(poll_in(r, 3, data), 6);
    assert_int_equal(data[0], 0);
    assert_int_equal(poll_in(r, 3, data), 6);
    assert_int_equal(data[0], 4);
    assert_int_equal(data[5], 1);
    assert_int_equal(poll_in(r, 3, data), -1);
    assert_int_equal(control(r, 3, 0xa101, 0x0100, 0, data, 6),
                     6); /* the same by the control endpoint, less the wheel */
    assert_int_equal(data[0], 4);
    assert_int_equal(data[5], 0);
    for (unsigned i = 0; i < 1000; i++)
        display_pointer(r->display, (int)i, 5, -1, i & 1);
    for (unsigned i = 0; i < 100 && poll_in(r, 3, data) == 6; i++)
        assert_true(data[5] >= 0x81 || data[5] == 0);
    assert_int_equal((data[1] | data[2] << 8) * 1024 / 32768, 999); /* the last place is never lost */
    rig_reset_port(r, 0);
    assert_false(display_pointer_is_absolute(r->display));
}

static void mouse_tells_distances(void **state)
{
    struct rig *r = *state;
    uint8_t data[8];

    rig_plug(r, 1, usb_mouse_create(fake_loop, r->display));
    rig_start(r);
    rig_configure(r, 1, 4);
    display_pointer(r->display, 300, 10, 0, 0);
    display_pointer(r->display, 100, 15, -1, 1);
    assert_int_equal(poll_in(r, 4, data), 4); /* from where nobody was */
    assert_int_equal(poll_in(r, 4, data), 4);
    assert_int_equal(data[0], 1);
    assert_int_equal((int8_t)data[1], -127);
    assert_int_equal(data[2], 5);
    assert_int_equal((int8_t)data[3], -1);
    assert_int_equal(control(r, 4, 0x210b, 0, 0, NULL, 0), 0); /* boot protocol */
    assert_int_equal(poll_in(r, 4, data), 3);
    assert_int_equal((int8_t)data[1], -73);
    assert_int_equal(poll_in(r, 4, data), -1);
}

static void press(struct rig *r, uint16_t scancode, bool down)
{
    display_key(r->display, scancode, down);
}

static void keyboard_tells_keys(void **state)
{
    static const uint16_t many[] = {0x1e, 0x1f, 0x20, 0x21, 0x22, 0x23, 0x24};
    struct rig *r = *state;
    uint8_t data[8];

    rig_plug(r, 0, usb_keyboard_create(fake_loop, r->display));
    rig_start(r);
    rig_configure(r, 0, 2);
    press(r, 0x2a, true);
    press(r, 0x1e, true); /* a tap between two polls */
    press(r, 0x1e, false);
    press(r, 0xe048, true);
    assert_int_equal(poll_in(r, 2, data), 8);
    assert_memory_equal(data, "\2\0\0\0\0\0\0\0", 8);
    assert_int_equal(poll_in(r, 2, data), 8);
    assert_memory_equal(data, "\2\0\4\0\0\0\0\0", 8);
    assert_int_equal(poll_in(r, 2, data), 8);
    assert_memory_equal(data, "\2\0\0\0\0\0\0\0", 8);
    assert_int_equal(poll_in(r, 2, data), 8);
    assert_memory_equal(data, "\2\0\x52\0\0\0\0\0", 8);
    press(r, 0xe048, false);
    press(r, 0x2a, false);
    for (unsigned i = 0; i < 7; i++)
        press(r, many[i], true);
    for (unsigned i = 0; i < 9; i++)
        assert_int_equal(poll_in(r, 2, data), 8);
    assert_memory_equal(data, "\0\0\1\1\1\1\1\1", 8);
    press(r, 0x1e, false);
    assert_int_equal(poll_in(r, 2, data), 8);
    assert_memory_equal(data, "\0\0\x16\x07\x09\x0a\x0b\x0d", 8);
    assert_int_equal(poll_in(r, 2, data), -1);
    data[0] = 2;
    assert_int_equal(control(r, 2, 0x2109, 0x0200, 0, data, 1), 1); /* a LED */
    /* with an idle rate, keys held are told of again */
    assert_int_equal(control(r, 2, 0x210a, 0x0800, 0, NULL, 0), 0);
    assert_int_equal(poll_in(r, 2, data), 8);
}

static void hub_leads_to_its_ports(void **state)
{
    struct rig *r = *state;
    struct usb_device *hub = usb_hub_create();
    uint8_t data[32];

    usb_hub_plug(hub, 0, rig_own(r, usb_mouse_create(fake_loop, r->display)));
    usb_hub_plug(hub, 7, rig_own(r, usb_tablet_create(fake_loop, r->display)));
    rig_plug(r, 1, hub);
    rig_start(r);
    rig_configure(r, 1, 1);
    assert_int_equal(control(r, 1, 0xa006, 0x2900, 0, data, 32), 11);
    assert_int_equal(data[2], 8);
    assert_int_equal(poll_in(r, 1, data), 2);
    assert_int_equal(data[0] | data[1] << 8, 0x102);
    assert_int_equal(control(r, 1, 0xa300, 0, 8, data, 4), 4);
    assert_memory_equal(data, "\1\1\1\0", 4);
    assert_int_equal(control(r, 1, 0xa300, 0, 9, data, 4), -1);
    assert_int_equal(control(r, 1, 0x2301, 16, 1, NULL, 0), 0); /* the changes are seen */
    assert_int_equal(control(r, 1, 0x2301, 16, 8, NULL, 0), 0);
    assert_int_equal(poll_in(r, 1, data), -1);
    assert_int_equal(control(r, 0, 0x8006, 0x0100, 0, data, 18), -1); /* nobody enabled yet */
    assert_int_equal(control(r, 1, 0x2303, 4, 8, NULL, 0), 0);
    assert_int_equal(control(r, 1, 0xa300, 0, 8, data, 4), 4);
    assert_memory_equal(data, "\3\1\x10\0", 4);
    assert_int_equal(control(r, 1, 0x2301, 20, 8, NULL, 0), 0);
    assert_int_equal(control(r, 0, 0x0005, 7, 0, NULL, 0), 0);
    assert_int_equal(control(r, 7, 0x0009, 1, 0, NULL, 0), 0);
    assert_false(display_pointer_is_absolute(r->display)); /* nobody has asked it yet */
    assert_int_equal(poll_in(r, 7, data), -1);
    display_pointer(r->display, 1, 1, 0, 1);
    assert_int_equal(poll_in(r, 7, data), 6);
    /* a suspended port is silent until its device, allowed to, wakes it */
    assert_int_equal(control(r, 7, 0x0003, 1, 0, NULL, 0), 0);
    assert_int_equal(control(r, 1, 0x2303, 2, 8, NULL, 0), 0);
    assert_int_equal(poll_in(r, 7, data), -2);
    assert_int_equal(poll_in(r, 1, data), -1);
    display_pointer(r->display, 1, 1, 0, 0);
    assert_int_equal(poll_in(r, 1, data), 2);
    assert_int_equal(poll_in(r, 7, data), 6);
    /* the hub's own reset takes all with it */
    rig_reset_port(r, 1);
    assert_false(display_pointer_is_absolute(r->display));
    assert_int_equal(poll_in(r, 7, data), -2);
}

static struct usb_device *make(unsigned kind, struct display *display)
{
    switch (kind) {
    case 0: return usb_tablet_create(fake_loop, display);
    case 1: return usb_mouse_create(fake_loop, display);
    case 2: return usb_keyboard_create(fake_loop, display);
    default: return usb_hub_create();
    }
}

static void states_survive(void **state)
{
    struct rig *r = *state;

    rig_start(r);
    for (unsigned kind = 0; kind < 4; kind++) {
        struct usb_device *from = rig_plug(r, kind & 1, make(kind, r->display)), *to = make(kind, NULL);
        uint8_t *copy = malloc(to->dev.ops->state_size), data[8];

        rig_configure(r, kind & 1, kind + 1);
        display_pointer(r->display, 9, 9, 1, 2);
        display_key(r->display, 0x1e, true);
        display_key(r->display, 0x1f, true);
        (void)poll_in(r, kind + 1, data);
        display_pointer(r->display, 19, 9, 1, 1);
        assert_roundtrip(&from->dev, &to->dev);
        memcpy(copy, to->dev.state, to->dev.ops->state_size);
        copy[0] = 200; /* an address */
        assert_refused(&to->dev, copy);
        for (size_t i = 0; i < to->dev.ops->state_size; i++) {
            uint8_t was = ((uint8_t *)from->dev.state)[i];

            memcpy(copy, from->dev.state, to->dev.ops->state_size);
            copy[i] = (uint8_t)~was;
            if (to->dev.ops->check(copy))
                continue;
            memcpy(to->dev.state, copy, to->dev.ops->state_size);
            to->dev.ops->loaded(&to->dev);
            for (unsigned n = 0; to->kind->interrupt_in && n < 20; n++) {
                uint8_t buffer[USB_DATA_MAX];

                (void)to->kind->interrupt_in(to, buffer, sizeof buffer);
            }
        }
        free(copy);
        to->dev.ops->destroy(&to->dev);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
        T(standard_requests),   T(tablet_tells_places),    T(mouse_tells_distances),
        T(keyboard_tells_keys), T(hub_leads_to_its_ports), T(states_survive),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
