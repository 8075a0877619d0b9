/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The keyboard controller with a keyboard and a mouse, through ports 0x60 and 0x64. */
#include "dev/i8042.h"
#include "dev/ps2_keyboard.h"
#include "dev/ps2_mouse.h"

#include "fake.h"

#include <string.h>

static struct fake_line irq1, irq12;
static struct device *kbc;
static struct ps2_device *keyboard, *mouse;
static int asked;

static void request(struct lifecycle *l, enum life_reason reason, const char *why)
{
    asked = (int)reason;
}
static struct lifecycle life = {request};

static int setup(void **state)
{
    struct i8042_config config = {.irq1 = &irq1.line, .irq12 = &irq12.line, .life = &life};

    fake_loop_reset();
    fake_line_init(&irq1);
    fake_line_init(&irq12);
    asked = -1;
    keyboard = config.keyboard = ps2_keyboard_create(NULL);
    mouse = config.mouse = ps2_mouse_create(NULL);
    kbc = i8042_create(fake_loop, &config);
    return 0;
}

static int teardown(void **state)
{
    kbc->ops->destroy(kbc);
    keyboard->dev.ops->destroy(&keyboard->dev);
    mouse->dev.ops->destroy(&mouse->dev);
    assert_int_equal(fake_timers_armed(), 0);
    return 0;
}

static void command(unsigned value)
{
    out8(kbc, &i8042_command_io, 0, value);
}
static void data(unsigned value)
{
    out8(kbc, &i8042_data_io, 0, value);
}
static unsigned status(void)
{
    return in8(kbc, &i8042_command_io, 0);
}

/* The next byte, or -1 when none comes; mouse bytes as 0x100 + byte. */
static int next(void)
{
    int from_mouse;

    fake_advance(1000000);
    if (!(status() & 1))
        return -1;
    from_mouse = status() & 0x20 ? 0x100 : 0;
    return in8(kbc, &i8042_data_io, 0) | from_mouse;
}

static void expect(const int *bytes, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        assert_int_equal(next(), bytes[i]);
    assert_int_equal(next(), -1);
}
#define EXPECT(...)                           \
    do {                                      \
        static const int b[] = {__VA_ARGS__}; \
        expect(b, ARRAY_SIZE(b));             \
    } while (0)

static void to_mouse(unsigned value)
{
    command(0xD4);
    data(value);
}

static void test_controller(void **state)
{
    command(0xAA);
    EXPECT(0x55);
    command(0x20);
    EXPECT(0x74);
    command(0x60);
    data(0x47);
    command(0x20);
    EXPECT(0x47);
    command(0xAB);
    EXPECT(0);
    command(0xD3);
    data(0xF0); /* Linux's probe for a multiplexer and for the mouse port's wiring */
    EXPECT(0x1F0);
    command(0x7F);
    data(0x99);
    command(0x3F);
    EXPECT(0x99);
    command(0xD0);
    EXPECT(0x03);
    command(0xDD);
    assert_int_equal(in8(kbc, &i8042_port92_io, 0), 0);
    out8(kbc, &i8042_port92_io, 0, 2);
    command(0xD0);
    EXPECT(0x03);
    assert_int_equal(status() & 8, 8);
}

static void test_resets(void **state)
{
    command(0xFF);
    assert_int_equal(asked, -1);
    command(0xFE);
    assert_int_equal(asked, LIFE_REBOOT);
    asked = -1;
    command(0xD1);
    data(0x02);
    assert_int_equal(asked, LIFE_REBOOT);
    asked = -1;
    out8(kbc, &i8042_port92_io, 0, 3);
    assert_int_equal(asked, LIFE_REBOOT);
}

static void test_keys(void **state)
{
    ps2_keyboard_key(keyboard, 0x1E, true);
    ps2_keyboard_key(keyboard, 0x1E, false);
    assert_true(irq1.line.level);
    assert_int_equal(in8(kbc, &i8042_data_io, 0), 0x1E);
    assert_false(irq1.line.level);
    assert_int_equal(in8(kbc, &i8042_data_io, 0), 0x1E); /* read again too soon: the same */
    EXPECT(0x9E);
    assert_int_equal(irq1.rises, 2);
    ps2_keyboard_key(keyboard, 0xE048, true);
    ps2_keyboard_key(keyboard, 0xE048, false);
    EXPECT(0xE0, 0x48, 0xE0, 0xC8);
    ps2_keyboard_key(keyboard, 0xE11D, true);
    ps2_keyboard_key(keyboard, 0xE11D, false);
    EXPECT(0xE1, 0x1D, 0x45, 0xE1, 0x9D, 0xC5);
    ps2_keyboard_key(keyboard, 0xE037, true);
    ps2_keyboard_key(keyboard, 0xE037, false);
    EXPECT(0xE0, 0x2A, 0xE0, 0x37, 0xE0, 0xB7, 0xE0, 0xAA);
    command(0x60);
    data(0x07); /* translation off: set 2 */
    ps2_keyboard_key(keyboard, 0x41, true);
    ps2_keyboard_key(keyboard, 0x41, false);
    EXPECT(0x83, 0xF0, 0x83);
    for (unsigned i = 0; i < 1000; i++) /* more than it holds */
        ps2_keyboard_key(keyboard, 0xE11D, true);
    for (unsigned i = 0; i < 8 * 7; i++) { /* whole keys only */
        static const int pause[] = {0xE1, 0x14, 0x77, 0xE1, 0xF0, 0x14, 0xF0, 0x77};

        assert_int_equal(next(), pause[i % 8]);
    }
}

/* Every key must come out of set 2 and the translation as the set 1 code that went in. */
static void test_translation(void **state)
{
    for (unsigned code = 1; code < 0x80; code++) {
        ps2_keyboard_key(keyboard, (uint16_t)code, true);
        ps2_keyboard_key(keyboard, (uint16_t)code, false);
        assert_int_equal(next(), (int)code);
        assert_int_equal(next(), (int)(code | 0x80));
        assert_int_equal(next(), -1);
    }
    assert_int_equal(ps2_translate(0xFA), 0xFA);
    assert_int_equal(ps2_translate(0x7F), 0x54);
}

static void test_keyboard_commands(void **state)
{
    data(0xFF);
    EXPECT(0xFA, 0xAA);
    data(0xF2);
    EXPECT(0xFA, 0xAB, 0x41);
    data(0xEE);
    EXPECT(0xEE);
    data(0xED);
    EXPECT(0xFA);
    data(0x05);
    EXPECT(0xFA);
    assert_int_equal(ps2_keyboard_leds(keyboard), 5);
    data(0xF5);
    EXPECT(0xFA);
    ps2_keyboard_key(keyboard, 0x1E, true);
    EXPECT();
    data(0xF4);
    EXPECT(0xFA);
    data(0x01);
    EXPECT(0xFE);
    command(0x60);
    data(0x04);
    data(0xF0);
    data(0x03);
    data(0xF0);
    data(0x00);
    EXPECT(0xFA, 0xFA, 0xFA, 0xFA, 0x03);
    ps2_keyboard_key(keyboard, 0xE01D, true);
    ps2_keyboard_key(keyboard, 0xE01D, false);
    EXPECT(0x58, 0xF0, 0x58);
    data(0xF0);
    data(0x01);
    ps2_keyboard_key(keyboard, 0xE01D, false);
    EXPECT(0xFA, 0xFA, 0xE0, 0x9D);
    command(0xAD);
    ps2_keyboard_key(keyboard, 0x10, true);
    EXPECT();
    command(0xAE);
    EXPECT(0x10);
}

static void test_mouse(void **state)
{
    command(0xA8);
    command(0x60);
    data(0x47);
    to_mouse(0xFF);
    EXPECT(0x1FA, 0x1AA, 0x100);
    ps2_mouse_move(mouse, 5, 5, 0, 1);
    EXPECT();
    to_mouse(0xF4);
    EXPECT(0x1FA);
    ps2_mouse_move(mouse, 5, 3, 0, 1);
    EXPECT(0x129, 0x105, 0x1FD);
    assert_int_equal(irq12.rises, 3 + 1 + 3);
    ps2_mouse_move(mouse, -300, 0, 0, 0); /* too much for one packet */
    EXPECT(0x118, 0x101, 0x100, 0x118, 0x100 | (-45 & 0xFF), 0x100);
    ps2_mouse_move(mouse, 1, 0, 0, 2);
    ps2_mouse_move(mouse, 1, 0, 0, 4); /* gathers while the guest is slow */
    EXPECT(0x10C, 0x101, 0x100, 0x10A, 0x101, 0x100);
    to_mouse(0xE9);
    EXPECT(0x1FA, 0x121, 0x102, 0x164);
}

static void rate(unsigned value)
{
    to_mouse(0xF3);
    to_mouse(value);
    EXPECT(0x1FA, 0x1FA);
}

static void test_mouse_wheel(void **state)
{
    to_mouse(0xF2);
    EXPECT(0x1FA, 0x100);
    rate(200);
    rate(100);
    rate(80);
    to_mouse(0xF2);
    EXPECT(0x1FA, 0x103);
    to_mouse(0xF4);
    EXPECT(0x1FA);
    ps2_mouse_move(mouse, 0, 0, 1, 0);
    EXPECT(0x108, 0x100, 0x100, 0x1FF);
    rate(200);
    rate(200);
    rate(80);
    to_mouse(0xF2);
    EXPECT(0x1FA, 0x104);
    ps2_mouse_move(mouse, 0, 0, -1, 8);
    EXPECT(0x108, 0x100, 0x100, 0x111);
    to_mouse(0xF0);
    EXPECT(0x1FA);
    ps2_mouse_move(mouse, 2, -2, 0, 0);
    EXPECT();
    to_mouse(0xEB);
    EXPECT(0x1FA, 0x108, 0x102, 0x102, 0x100);
    to_mouse(0xEE);
    to_mouse(0x12);
    to_mouse(0xEC);
    EXPECT(0x1FA, 0x112, 0x1FA);
    to_mouse(0x13);
    EXPECT(0x1FE);
}

static void test_save(void **state)
{
    struct fake_line line;
    struct i8042_config config = {.irq1 = &line.line};
    struct ps2_device *k2 = ps2_keyboard_create(NULL), *m2 = ps2_mouse_create(NULL);
    struct device *other;
    uint8_t bad[256];

    fake_line_init(&line);
    config.keyboard = k2;
    config.mouse = m2;
    other = i8042_create(fake_loop, &config);
    ps2_keyboard_key(keyboard, 0x1E, true);
    ps2_keyboard_key(keyboard, 0xE048, true);
    to_mouse(0xF4);
    ps2_mouse_move(mouse, 1000, 0, 0, 0);
    assert_roundtrip(kbc, other);
    assert_roundtrip(&keyboard->dev, &k2->dev);
    assert_roundtrip(&mouse->dev, &m2->dev);
    assert_true(line.line.level);
    memset(bad, 0xFF, sizeof bad);
    assert_refused(kbc, bad);
    assert_refused(&keyboard->dev, bad);
    assert_refused(&mouse->dev, bad);
    other->ops->destroy(other);
    k2->dev.ops->destroy(&k2->dev);
    m2->dev.ops->destroy(&m2->dev);
    for (unsigned i = 0; i < 20; i++) {
        torture(kbc, &i8042_command_io, 1, 1000);
        torture(kbc, &i8042_data_io, 1, 1000);
        ps2_keyboard_key(keyboard, (uint16_t)(i * 77), i & 1);
        ps2_mouse_move(mouse, (int)(i * 0x10000000u), -0x7FFFFFFF, 5, i);
    }
    assert_int_equal(keyboard->dev.ops->check(keyboard->dev.state), 0);
    assert_int_equal(mouse->dev.ops->check(mouse->dev.state), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_controller, setup, teardown),
        cmocka_unit_test_setup_teardown(test_resets, setup, teardown),
        cmocka_unit_test_setup_teardown(test_keys, setup, teardown),
        cmocka_unit_test_setup_teardown(test_translation, setup, teardown),
        cmocka_unit_test_setup_teardown(test_keyboard_commands, setup, teardown),
        cmocka_unit_test_setup_teardown(test_mouse, setup, teardown),
        cmocka_unit_test_setup_teardown(test_mouse_wheel, setup, teardown),
        cmocka_unit_test_setup_teardown(test_save, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
