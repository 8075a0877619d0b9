/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Serial ports on the network, with real sockets of the loopback interface as the other side. */
#include "chardev_rig.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BRK = 243, WILL = 251, DO = 253, IAC = 255 };

static struct sockaddr_in loopback(unsigned port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr = {htonl(0x7f000001)}};
}

/* A socket bound to a free port of 127.0.0.1. */
static int bound(int type, unsigned *port)
{
    struct sockaddr_in at = loopback(0);
    socklen_t n = sizeof at;
    int fd = socket(AF_INET, type | SOCK_NONBLOCK, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &n), 0);
    *port = ntohs(at.sin_port);
    return fd;
}

/* A port that is free, or was a moment ago. */
static unsigned free_port(int type)
{
    unsigned port;

    close(bound(type, &port));
    return port;
}

static int connect_to(unsigned port)
{
    struct sockaddr_in to = loopback(port);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    return fd;
}

static void heard_is(const void *bytes, size_t n)
{
    hear(n);
    assert_int_equal(heard_count, n);
    assert_memory_equal(heard, bytes, n);
}

static void test_udp(void **state)
{
    char spec[100];
    unsigned theirs, ours = free_port(SOCK_DGRAM);
    struct sockaddr_in to = loopback(ours);
    struct chardev *c;

    slave = bound(SOCK_DGRAM, &theirs);
    snprintf(spec, sizeof spec, "udp:127.0.0.1:%u@127.0.0.1:%u", theirs, ours);
    c = open_it(spec);
    for (const char *p = "gathered"; *p; p++) /* as a UART writes */
        chardev_write(c, (const uint8_t *)p, 1);
    heard_is("gathered", 8);
    assert_int_equal(connect(slave, (struct sockaddr *)&to, sizeof to), 0);
    say(c, "one");
    heard_is("one", 3); /* from the port that was asked for, or it would not come now */
    assert_int_equal(send(slave, "", 0, 0), 0);
    assert_int_equal(send(slave, "hello", 5, 0), 5);
    run_until(got_5);
    assert_memory_equal(got, "hello", 5);
    say(c, "two ");
    say(c, "parts");
    heard_is("two parts", 9);
    close_it(c);
    close(slave);
}

static struct chardev *slow_port;

/* The guest takes sixteen bytes at a time. */
static bool slowly_got_3000(void)
{
    room = 16;
    chardev_room_changed(slow_port);
    return got_count >= 3000;
}

/* A datagram is larger than what the guest takes at once: nothing of it is lost. */
static void test_udp_slow_guest(void **state)
{
    char spec[100], datagram[3000];
    unsigned theirs, ours = free_port(SOCK_DGRAM);
    struct sockaddr_in to = loopback(ours);

    for (size_t i = 0; i < sizeof datagram; i++)
        datagram[i] = (char)(i * 7);
    slave = bound(SOCK_DGRAM, &theirs);
    assert_int_equal(connect(slave, (struct sockaddr *)&to, sizeof to), 0);
    snprintf(spec, sizeof spec, "udp:127.0.0.1:%u@127.0.0.1:%u", theirs, ours);
    slow_port = open_it(spec);
    room = 16;
    assert_int_equal(send(slave, datagram, sizeof datagram, 0), sizeof datagram);
    run_until(slowly_got_3000);
    assert_int_equal(got_count, 3000);
    assert_memory_equal(got, datagram, 3000);
    close_it(slow_port);
    close(slave);
}

static bool a_while(void)
{
    static unsigned times;

    return ++times % 5 == 0;
}

/* Nobody there: what is sent is lost, and somebody who comes later hears the rest. */
static void test_udp_nobody(void **state)
{
    char spec[100];
    unsigned theirs = free_port(SOCK_DGRAM), ours = free_port(SOCK_DGRAM);
    struct sockaddr_in from = loopback(theirs), to = loopback(ours);
    struct chardev *c;

    snprintf(spec, sizeof spec, "udp:127.0.0.1:%u@:%u", theirs, ours);
    c = open_it(spec);
    room = 0; /* an error waits at the socket while the guest takes nothing */
    for (unsigned i = 0; i < 3; i++) {
        say(c, "lost");
        run_until(a_while);
    }
    slave = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(slave, (struct sockaddr *)&from, sizeof from), 0);
    assert_int_equal(connect(slave, (struct sockaddr *)&to, sizeof to), 0);
    say(c, "x");
    hear(1);
    room = sizeof got;
    chardev_room_changed(c);
    assert_int_equal(send(slave, "hello", 5, 0), 5);
    run_until(got_5);
    assert_memory_equal(got, "hello", 5);
    close_it(c);
    close(slave);
}

static void test_telnet_server(void **state)
{
    static const uint8_t asked[] = {IAC, WILL, 1, IAC, WILL, 3, IAC, DO, 3, IAC, WILL, 0, IAC, DO, 0};
    static const uint8_t answers[] = {IAC, DO, 1, IAC, DO, 3, IAC, WILL, 3, IAC, DO, 0, IAC, WILL, 0};
    static const uint8_t typed[] = {'a', IAC, IAC, 'b', '\r', IAC, BRK, 'z'};
    static const uint8_t said[] = {IAC, IAC, '\r', 'x'};
    unsigned port = free_port(SOCK_STREAM);
    struct chardev *c;
    char spec[100];

    snprintf(spec, sizeof spec, "telnet:127.0.0.1:%u,server,nowait", port);
    c = open_it(spec);
    say(c, "early");
    for (unsigned i = 0; i < 2; i++) { /* the second client starts anew */
        slave = connect_to(port);
        hear(sizeof asked + (i ? 0 : 5));
        assert_memory_equal(heard, asked, sizeof asked);
        if (!i)
            assert_memory_equal(heard + sizeof asked, "early", 5);
        assert_int_equal(send(slave, answers, sizeof answers, 0), sizeof answers);
        got_count = breaks = 0;
        assert_int_equal(send(slave, typed, sizeof typed, 0), sizeof typed);
        run_until(got_5);
        assert_int_equal(got_count, 5);
        assert_memory_equal(got,
                            "a\xff"
                            "b\rz",
                            5);
        assert_int_equal(breaks, 1);
        assert_int_equal(break_at, 4);
        chardev_write(c, (const uint8_t *)"\xff\rx", 3);
        heard_is(said, sizeof said);
        chardev_set_break(c, true);
        chardev_set_break(c, false);
        heard_is((const uint8_t[]){IAC, BRK}, 2);
        close(slave);
    }
    close_it(c);
}

static void test_telnet_client(void **state)
{
    static const uint8_t asked[] = {IAC, WILL, 3, IAC, DO, 3, IAC, WILL, 0, IAC, DO, 0};
    static const uint8_t typed[] = {IAC, WILL, 1, 'h', 'e', 'l', 'l', 'o'};
    struct chardev *c;
    unsigned port;
    int listener = bound(SOCK_STREAM, &port);
    char spec[100];

    assert_int_equal(listen(listener, 1), 0);
    snprintf(spec, sizeof spec, "telnet:127.0.0.1:%u", port);
    c = open_it(spec);
    slave = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
    assert_true(slave >= 0);
    heard_is(asked, sizeof asked);
    assert_int_equal(send(slave, typed, sizeof typed, 0), sizeof typed);
    run_until(got_5);
    assert_memory_equal(got, "hello", 5);
    heard_is((const uint8_t[]){IAC, DO, 1}, 3);
    close_it(c);
    close(slave);
    close(listener);
}

/* More than all buffers hold, each byte two on the wire: the newest come, whole. */
static void test_telnet_flood(void **state)
{
    static uint8_t block[60000];
    unsigned port = free_port(SOCK_STREAM), pairs = 0;
    struct chardev *c;
    char spec[100];

    memset(block, IAC, sizeof block);
    snprintf(spec, sizeof spec, "tcp:127.0.0.1:%u,server,telnet", port);
    c = open_it(spec);
    assert_int_equal(chardev_write(c, block, sizeof block), sizeof block);
    slave = connect_to(port);
    hear(15 + 2 * sizeof block);
    assert_int_equal(heard_count, 15 + 2 * sizeof block);
    for (size_t i = 15; i < heard_count; i++)
        pairs += (uint8_t)heard[i] == IAC;
    assert_int_equal(pairs, 2 * sizeof block);
    close_it(c);
    close(slave);
}

static unsigned waited_port;
static void *come_late(void *opaque)
{
    usleep(200000);
    slave = connect_to(waited_port);
    return NULL;
}

static void test_wait(void **state)
{
    struct chardev *c;
    pthread_t thread;
    char spec[100];

    waited_port = free_port(SOCK_STREAM);
    snprintf(spec, sizeof spec, "tcp:127.0.0.1:%u,server,wait", waited_port);
    slave = -1;
    assert_int_equal(pthread_create(&thread, NULL, come_late, NULL), 0);
    c = open_it(spec);
    pthread_join(thread, NULL);
    assert_true(slave >= 0); /* not before */
    say(c, "welcome");
    heard_is("welcome", 7);
    close_it(c);
    close(slave);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_udp),           cmocka_unit_test(test_udp_slow_guest),
        cmocka_unit_test(test_udp_nobody),    cmocka_unit_test(test_telnet_server),
        cmocka_unit_test(test_telnet_client), cmocka_unit_test(test_telnet_flood),
        cmocka_unit_test(test_wait),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
