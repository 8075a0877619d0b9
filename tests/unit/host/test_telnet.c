/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/console/telnet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { BRK = 243, IP = 244, AYT = 246, SB = 250, SE = 240, WILL = 251, WONT = 252, DO = 253, DONT = 254, IAC = 255 };
enum { BINARY = 0, ECHO = 1, SGA = 3, NAWS = 31 };

static struct telnet t;

static void wire_is(const uint8_t *bytes, size_t n)
{
    assert_int_equal(t.count, n);
    assert_memory_equal(t.wire, bytes, n);
    telnet_sent(&t, n);
}
#define WIRE_IS(...) wire_is((const uint8_t[]){__VA_ARGS__}, sizeof(const uint8_t[]){__VA_ARGS__})

static void decode_is(const uint8_t *bytes, size_t n, const char *data, size_t length)
{
    uint8_t to[256];
    struct telnet_input in = telnet_decode(&t, bytes, n, to);

    assert_int_equal(in.used, n);
    assert_int_equal(in.data, length);
    assert_memory_equal(to, data, length);
    assert_false(in.was_break);
}
#define TAKE(data, ...) \
    decode_is((const uint8_t[]){__VA_ARGS__}, sizeof(const uint8_t[]){__VA_ARGS__}, data, sizeof data - 1)

static void start(bool server)
{
    telnet_start(&t, server);
    telnet_sent(&t, t.count);
}

static void make_binary(void)
{
    TAKE("", IAC, DO, BINARY, IAC, WILL, BINARY);
    assert_int_equal(t.count, 0);
}

static void test_start(void **state)
{
    telnet_start(&t, true);
    WIRE_IS(IAC, WILL, ECHO, IAC, WILL, SGA, IAC, DO, SGA, IAC, WILL, BINARY, IAC, DO, BINARY);
    telnet_start(&t, false);
    WIRE_IS(IAC, WILL, SGA, IAC, DO, SGA, IAC, WILL, BINARY, IAC, DO, BINARY);
}

/* Answers to our asking get none: two sides that agree are silent. */
static void test_agreement(void **state)
{
    start(true);
    TAKE("", IAC, DO, ECHO, IAC, DO, SGA, IAC, WILL, SGA, IAC, DO, BINARY, IAC, WILL, BINARY);
    assert_int_equal(t.count, 0);
    TAKE("", IAC, DO, ECHO, IAC, WILL, SGA); /* nothing new */
    assert_int_equal(t.count, 0);
    TAKE("", IAC, DONT, BINARY, IAC, WONT, SGA); /* a change of mind is confirmed, once */
    WIRE_IS(IAC, WONT, BINARY, IAC, DONT, SGA);
    TAKE("", IAC, DONT, BINARY, IAC, WONT, SGA);
    assert_int_equal(t.count, 0);
    TAKE("", IAC, DO, BINARY); /* and back */
    WIRE_IS(IAC, WILL, BINARY);
}

static void test_refusal(void **state)
{
    start(true);
    TAKE("", IAC, WILL, NAWS, IAC, DO, NAWS, IAC, WILL, ECHO); /* two that echo would echo each other for ever */
    WIRE_IS(IAC, DONT, NAWS, IAC, WONT, NAWS, IAC, DONT, ECHO);
    TAKE("", IAC, WONT, NAWS, IAC, DONT, NAWS, IAC, WONT, ECHO, IAC, DONT, BINARY, IAC, WONT, BINARY);
    assert_int_equal(t.count, 0);
    start(false);
    TAKE("", IAC, WILL, ECHO, IAC, DO, ECHO);
    WIRE_IS(IAC, DO, ECHO, IAC, WONT, ECHO);
}

static void test_carriage_returns(void **state)
{
    start(true);
    TAKE("a\rb\r\nc\0\r\r", 'a', '\r', 0, 'b', '\r', '\n', 'c', 0, '\r', 0, '\r');
    TAKE("d", 0, 'd');                                                 /* across reads */
    assert_int_equal(telnet_encode(&t, (const uint8_t *)"\rx", 2), 2); /* not refused yet */
    WIRE_IS('\r', 'x');
    TAKE("", IAC, DONT, BINARY);
    assert_int_equal(t.count, 0);
    assert_int_equal(telnet_encode(&t, (const uint8_t *)"x\ry\r\n\r", 6), 6);
    WIRE_IS('x', '\r', 0, 'y', '\r', '\n', '\r');
    assert_int_equal(telnet_encode(&t, (const uint8_t *)"z", 1), 1);
    WIRE_IS(0, 'z');
    start(true);
    make_binary();
    TAKE("\r\0\r\n", '\r', 0, '\r', '\n');
    assert_int_equal(telnet_encode(&t, (const uint8_t *)"\rz", 2), 2);
    WIRE_IS('\r', 'z');
}

static void test_escapes(void **state)
{
    start(true);
    make_binary();
    TAKE("a\xff"
         "b",
         'a', IAC, IAC, 'b');
    TAKE("c", 'c', IAC);
    TAKE("\xff", IAC);
    assert_int_equal(telnet_encode(&t,
                                   (const uint8_t *)"1\xff"
                                                    "2",
                                   3),
                     3);
    WIRE_IS('1', IAC, IAC, '2');
    TAKE("xy", 'x', IAC, SB, 24, 1, IAC, IAC, 'n', IAC, SE, 'y'); /* a subnegotiation is passed over */
    TAKE("\x03", IAC, IP);
    TAKE("", IAC, 241, IAC, 242, IAC, 249);
    assert_int_equal(t.count, 0);
    TAKE("", IAC, AYT);
    assert_true(t.count > 0);
}

static void test_break(void **state)
{
    static const uint8_t bytes[] = {'a', IAC, BRK, 'b'};
    struct telnet_input in;
    uint8_t to[4];

    start(true);
    in = telnet_decode(&t, bytes, sizeof bytes, to);
    assert_true(in.was_break);
    assert_int_equal(in.used, 3);
    assert_int_equal(in.data, 1);
    in = telnet_decode(&t, bytes + 3, 1, to);
    assert_false(in.was_break);
    assert_int_equal(to[0], 'b');
    telnet_send_break(&t);
    WIRE_IS(IAC, BRK);
}

/* A side that only asks, or sends what grows when encoded, finds the buffer's end. */
static void test_full(void **state)
{
    static uint8_t many[2 * TELNET_WIRE_BYTES];
    const uint8_t here[] = {IAC, AYT};
    unsigned asked = 0;
    uint8_t to[2];
    size_t encoded;

    start(true);
    memset(many, IAC, sizeof many);
    encoded = telnet_encode(&t, many, sizeof many);
    assert_true(encoded > 0 && encoded < sizeof many);
    assert_int_equal(telnet_encode(&t, many, sizeof many), 0);
    assert_true(telnet_room(&t) > 0); /* it still reads */
    for (; telnet_room(&t); asked++)
        assert_int_equal(telnet_decode(&t, &here[asked % 2], 1, to).used, 1);
    assert_true(asked > 100);
    assert_true(t.count <= sizeof t.wire);
    while (sizeof t.wire - t.count >= 2)
        telnet_send_break(&t);
    telnet_send_break(&t);
    assert_true(t.count <= sizeof t.wire);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_start),   cmocka_unit_test(test_agreement),
        cmocka_unit_test(test_refusal), cmocka_unit_test(test_carriage_returns),
        cmocka_unit_test(test_escapes), cmocka_unit_test(test_break),
        cmocka_unit_test(test_full),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
