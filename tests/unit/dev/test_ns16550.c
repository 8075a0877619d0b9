/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dev/ns16550.h"
#include "host/console/chardev.h"

#include "fake.h"

#include <string.h>

/* The stream on the other side, in place of host/console/chardev.c. */
struct chardev {
    struct chardev_client client;
    char sent[4096];
    size_t count, room;
    struct chardev_line line; /* as set last, how often, and whether a break is on */
    unsigned lines, breaks;
    bool breaking;
};

static struct chardev stream;
static struct fake_line irq;
static struct device *uart;

size_t chardev_write(struct chardev *c, const uint8_t *bytes, size_t n)
{
    if (n > c->room)
        n = c->room;
    memcpy(c->sent + c->count % 2048, bytes, n);
    c->count += n;
    c->room -= n;
    return n;
}
void chardev_set_client(struct chardev *c, const struct chardev_client *client)
{
    c->client = client ? *client : (struct chardev_client){0};
}
void chardev_set_line(struct chardev *c, const struct chardev_line *line)
{
    c->line = *line;
    c->lines++;
}
void chardev_set_break(struct chardev *c, bool on)
{
    c->breaks += on;
    c->breaking = on;
}
void chardev_room_changed(struct chardev *c)
{
}

static size_t type(const char *text)
{
    size_t n = stream.client.room(stream.client.opaque), len = strlen(text);

    if (n > len)
        n = len;
    stream.client.input(stream.client.opaque, (const uint8_t *)text, n);
    return n;
}

static uint8_t rd(unsigned reg)
{
    return in8(uart, &ns16550_io, reg);
}
static void wr(unsigned reg, unsigned value)
{
    out8(uart, &ns16550_io, reg, value);
}

static int setup(void **state)
{
    fake_loop_reset();
    fake_line_init(&irq);
    stream = (struct chardev){.room = SIZE_MAX};
    uart = ns16550_create(fake_loop, &irq.line, &stream);
    return 0;
}

static int teardown(void **state)
{
    uart->ops->destroy(uart);
    assert_null(stream.client.input);
    assert_int_equal(fake_timers_armed(), 0);
    return 0;
}

static void test_probe(void **state)
{
    wr(1, 0x0F); /* hvmloader: write IER and read it back */
    assert_int_equal(rd(1), 0x0F);
    wr(1, 0);
    wr(3, 0x80);
    wr(0, 1);
    wr(1, 2);
    assert_int_equal(rd(0) | rd(1) << 8, 0x201);
    wr(3, 3);
    wr(7, 0x5A);
    assert_int_equal(rd(7), 0x5A);
    assert_int_equal(rd(2), 0x01);
    wr(2, 0x01);
    assert_int_equal(rd(2), 0xC1);
    assert_int_equal(rd(5), 0x60);
    assert_int_equal(rd(6), 0xB0);
}

static void test_polled_output(void **state)
{
    for (const char *p = "hello"; *p; p++) {
        assert_int_equal(rd(5) & 0x20, 0x20);
        wr(0, (unsigned char)*p);
    }
    assert_int_equal(stream.count, 5);
    assert_memory_equal(stream.sent, "hello", 5);
    assert_int_equal(fake_timers_armed(), 0);
}

static void test_interrupt_output(void **state)
{
    wr(2, 0x07);
    wr(4, 0x0B);
    wr(1, 0x02);
    assert_true(irq.line.level);
    assert_int_equal(rd(2), 0xC2);
    assert_false(irq.line.level);
    for (unsigned i = 0; i < 16; i++)
        wr(0, 'x');
    assert_false(irq.line.level); /* not within the handler */
    fake_advance(1000000);
    assert_true(irq.line.level);
    assert_int_equal(stream.count, 16);
    wr(4, 0x03); /* OUT2 closed */
    assert_false(irq.line.level);
}

static void test_slow_stream(void **state)
{
    stream.room = 3;
    wr(2, 0x07);
    for (unsigned i = 0; i < 8; i++)
        wr(0, 'a' + i);
    assert_int_equal(stream.count, 3);
    assert_int_equal(rd(5) & 0x60, 0);
    stream.room = 100;
    stream.client.writable(stream.client.opaque);
    assert_memory_equal(stream.sent, "abcdefgh", 8);
    assert_int_equal(rd(5) & 0x60, 0x60);
}

static void test_input(void **state)
{
    assert_int_equal(type("ab"), 1); /* no FIFO */
    assert_int_equal(rd(5) & 1, 1);
    assert_int_equal(rd(0), 'a');
    wr(2, 0x81); /* trigger at 8 */
    wr(4, 0x08);
    wr(1, 0x01);
    type("1234567");
    assert_false(irq.line.level);
    fake_advance(100000000);
    assert_int_equal(rd(2), 0xCC); /* but they do not rest for ever */
    assert_int_equal(rd(0), '1');
    assert_false(irq.line.level);
    type("89");
    assert_int_equal(rd(2), 0xC4);
    for (char c = '2'; c <= '9'; c++)
        assert_int_equal(rd(0), c);
    assert_false(irq.line.level);
    assert_int_equal(type("0123456789abcdefXYZ"), 16);
    assert_int_equal(type("more"), 0);
    wr(2, 0x83);
    assert_int_equal(rd(5), 0x60);
}

static void test_loopback(void **state)
{
    wr(4, 0x1F);
    assert_int_equal(rd(6) & 0xF0, 0xF0);
    wr(4, 0x10);
    assert_int_equal(rd(6), 0x0F);
    wr(0, 0x55);
    assert_int_equal(stream.count, 0);
    assert_int_equal(rd(0), 0x55);
    wr(0, 1);
    wr(0, 2);
    assert_int_equal(rd(5) & 2, 2); /* overrun */
    assert_int_equal(rd(5) & 2, 0);
}

/* A break is a zero byte with a mark, after the bytes that came before it. */
static void test_break_in(void **state)
{
    wr(2, 0x01);
    wr(4, 0x08);
    wr(1, 0x04); /* line status interrupts only */
    type("ab");
    stream.client.line_break(stream.client.opaque);
    type("c");
    assert_false(irq.line.level);
    assert_int_equal(rd(0), 'a');
    assert_int_equal(rd(5) & 0x1F, 0x01);
    assert_int_equal(rd(0), 'b');
    assert_true(irq.line.level); /* it is next */
    assert_int_equal(rd(2) & 0x0F, 0x06);
    assert_int_equal(rd(5) & 0x1F, 0x11);
    assert_false(irq.line.level);
    assert_int_equal(rd(5) & 0x1F, 0x01); /* told once */
    assert_int_equal(rd(0), 0);
    assert_int_equal(rd(0), 'c');
    assert_int_equal(rd(5) & 0x1F, 0);
    type("0123456789abcdef");
    stream.client.line_break(stream.client.opaque); /* no room: lost, but not unseen */
    assert_int_equal(rd(5) & 0x1F, 0x13);
}

static void test_break_out(void **state)
{
    wr(3, 0x43);
    assert_true(stream.breaking);
    wr(3, 0x03);
    assert_false(stream.breaking);
    assert_int_equal(stream.breaks, 1);
    wr(4, 0x10);
    wr(3, 0x43); /* in loopback it does not reach the line */
    assert_int_equal(stream.breaks, 1);
}

static void test_line(void **state)
{
    wr(3, 0x80);
    wr(0, 12);
    wr(1, 0);
    assert_int_equal(stream.lines, 0); /* not half a divisor */
    wr(3, 0x1E);
    assert_int_equal(stream.lines, 1);
    assert_int_equal(stream.line.baud, 9600);
    assert_int_equal(stream.line.data_bits, 7);
    assert_int_equal(stream.line.stop_bits, 2);
    assert_int_equal(stream.line.parity, 'E');
    wr(3, 0x1E);
    assert_int_equal(stream.lines, 1);
    wr(3, 0x0B);
    assert_int_equal(stream.line.parity, 'O');
    assert_int_equal(stream.line.data_bits, 8);
    assert_int_equal(stream.line.stop_bits, 1);
    wr(3, 0x80);
    wr(0, 0); /* a divisor of 0 is no speed at all */
    wr(3, 0x03);
    assert_int_equal(stream.line.baud, 115200);
    assert_int_equal(stream.line.parity, 'N');
}

static void test_save(void **state)
{
    struct fake_line line;
    struct device *other;
    uint8_t bad[256];

    fake_line_init(&line);
    wr(2, 0x81);
    wr(4, 0x0B);
    wr(1, 0x03);
    type("1234567");
    stream.client.line_break(stream.client.opaque);
    other = ns16550_create(fake_loop, &line.line, NULL);
    assert_roundtrip(uart, other);
    assert_true(line.line.level);
    assert_int_equal(in8(other, &ns16550_io, 0), '1');
    other->ops->destroy(other);
    memset(bad, 0xFF, sizeof bad);
    assert_true(uart->ops->state_size <= sizeof bad);
    assert_refused(uart, bad);
    for (unsigned i = 0; i < 50; i++) {
        torture(uart, &ns16550_io, 8, 1000);
        type("torture");
        stream.room = i % 5;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_probe, setup, teardown),
        cmocka_unit_test_setup_teardown(test_polled_output, setup, teardown),
        cmocka_unit_test_setup_teardown(test_interrupt_output, setup, teardown),
        cmocka_unit_test_setup_teardown(test_slow_stream, setup, teardown),
        cmocka_unit_test_setup_teardown(test_input, setup, teardown),
        cmocka_unit_test_setup_teardown(test_loopback, setup, teardown),
        cmocka_unit_test_setup_teardown(test_break_in, setup, teardown),
        cmocka_unit_test_setup_teardown(test_break_out, setup, teardown),
        cmocka_unit_test_setup_teardown(test_line, setup, teardown),
        cmocka_unit_test_setup_teardown(test_save, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
