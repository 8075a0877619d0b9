/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/console/chardev.h"

#include "machine/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

static struct loop *loop;
static char dir[] = "/tmp/domus-chardev-XXXXXX";
static char got[4096];
static size_t got_count, room;
static bool (*until)(void);
static struct timer check;

static void check_fired(void *opaque)
{
    if (until())
        loop_stop(loop);
    else
        timer_set(&check, loop_now_ns(loop) + 2000000);
}

/* Runs the loop until it is so; for ever when it never is, and the test's time limit ends that. */
static void run_until(bool (*condition)(void))
{
    until = condition;
    loop_lock(loop);
    timer_init(&check, loop, check_fired, NULL);
    timer_set(&check, 0);
    loop_unlock(loop);
    loop_run(loop);
}

static void take_input(void *opaque, const uint8_t *bytes, size_t n)
{
    assert_true(n <= room);
    memcpy(got + got_count, bytes, n);
    got_count += n;
    room -= n;
}
static size_t input_room(void *opaque)
{
    return room;
}

static struct chardev *open_it(const char *spec)
{
    const struct chardev_client client = {.input = take_input, .room = input_room};
    struct chardev *c;
    char *why;
    int rc;

    loop = loop_create();
    got_count = 0;
    room = sizeof got;
    rc = chardev_open(&c, loop, spec, &why);
    if (rc)
        fail_msg("%s: %s", spec, why);
    assert_null(why);
    chardev_set_client(c, &client);
    return c;
}

static void close_it(struct chardev *c)
{
    chardev_close(c);
    loop_destroy(loop);
}

static size_t say(struct chardev *c, const char *text)
{
    return chardev_write(c, (const uint8_t *)text, strlen(text));
}

static bool got_5(void)
{
    return got_count >= 5;
}

static int slave;
static char heard[200000];
static size_t heard_count, heard_wanted;

static bool heard_all(void)
{
    ssize_t r;

    while ((r = read(slave, heard + heard_count, sizeof heard - heard_count)) > 0)
        heard_count += (size_t)r;
    return heard_count >= heard_wanted;
}

static void hear(size_t n)
{
    heard_count = 0;
    heard_wanted = n;
    run_until(heard_all);
}

static void test_pty(void **state)
{
    struct chardev *c = open_it("pty");
    static char block[1000];

    for (unsigned i = 0; i < 100; i++) { /* nobody listens: everything is taken, the last 64 KiB are kept */
        memset(block, 'a' + (int)(i % 26), sizeof block);
        assert_int_equal(chardev_write(c, (const uint8_t *)block, sizeof block), sizeof block);
    }
    say(c, "END");
    slave = open(chardev_tty(c), O_RDWR | O_NONBLOCK | O_NOCTTY);
    assert_true(slave >= 0);
    hear(65536);
    assert_int_equal(heard_count, 65536);
    assert_memory_equal(heard + 65533, "END", 3);
    say(c, "live\r\n"); /* raw: not a byte changed */
    hear(6);
    assert_memory_equal(heard, "live\r\n", 6);
    assert_int_equal(write(slave, "abc\r\x03", 5), 5);
    run_until(got_5);
    assert_memory_equal(got, "abc\r\x03", 5);
    close(slave);
    say(c, "between");
    slave = open(chardev_tty(c), O_RDWR | O_NONBLOCK | O_NOCTTY);
    say(c, " and after");
    hear(10);
    assert_non_null(strstr(heard, "after"));
    close(slave);
    close_it(c);
}

static void test_room(void **state)
{
    struct chardev *c = open_it("pty");

    room = 2;
    slave = open(chardev_tty(c), O_RDWR | O_NONBLOCK | O_NOCTTY);
    assert_int_equal(write(slave, "12345", 5), 5);
    say(c, "x");
    hear(1); /* the loop has run */
    assert_true(got_count <= 2);
    room = 10;
    chardev_room_changed(c);
    run_until(got_5);
    assert_memory_equal(got, "12345", 5);
    close(slave);
    close_it(c);
}

static void test_file_and_null(void **state)
{
    char spec[200], text[16] = "";
    struct chardev *c;
    FILE *f;

    snprintf(spec, sizeof spec, "file:%s/log", dir);
    c = open_it(spec);
    assert_int_equal(say(c, "to a file"), 9);
    assert_null(chardev_tty(c));
    close_it(c);
    f = fopen(spec + 5, "r");
    assert_non_null(fgets(text, sizeof text, f));
    assert_string_equal(text, "to a file");
    fclose(f);
    unlink(spec + 5);
    c = open_it("null");
    assert_int_equal(say(c, "gone"), 4);
    close_it(c);
}

static int connect_to(const char *path)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

    snprintf(to.sun_path, sizeof to.sun_path, "%s", path);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

static void test_server(void **state)
{
    char spec[200], path[100];
    struct chardev *c;

    snprintf(path, sizeof path, "%s/socket", dir);
    snprintf(spec, sizeof spec, "unix:%s,server,nowait", path);
    c = open_it(spec);
    say(c, "before ");
    for (unsigned i = 0; i < 2; i++) { /* a second client after the first has left */
        slave = connect_to(path);
        say(c, "now");
        hear(i ? 3 : 10);
        assert_memory_equal(heard, i ? "now" : "before now", heard_count);
        got_count = 0;
        assert_int_equal(write(slave, "hello", 5), 5);
        run_until(got_5);
        close(slave);
        got_count = 5;
        run_until(got_5);
    }
    close_it(c);
    assert_int_equal(access(path, F_OK), -1);
}

static void test_client_and_tcp(void **state)
{
    char spec[200];
    struct chardev *c;
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);

    snprintf(at.sun_path, sizeof at.sun_path, "%s/there", dir);
    assert_int_equal(bind(listener, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(listener, 1), 0);
    snprintf(spec, sizeof spec, "unix:%s", at.sun_path);
    c = open_it(spec);
    slave = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
    say(c, "client");
    hear(6);
    assert_memory_equal(heard, "client", 6);
    close(slave);
    close(listener);
    unlink(at.sun_path);
    close_it(c);
    c = open_it("tcp:127.0.0.1:0,server=on,wait=off");
    close_it(c);
}

static void test_pipe(void **state)
{
    char spec[200], path[120];
    struct chardev *c;
    int to;

    snprintf(spec, sizeof spec, "pipe:%s/p", dir);
    snprintf(path, sizeof path, "%s/p.in", dir);
    assert_int_equal(mkfifo(path, 0600), 0);
    snprintf(path, sizeof path, "%s/p.out", dir);
    assert_int_equal(mkfifo(path, 0600), 0);
    c = open_it(spec);
    slave = open(path, O_RDONLY | O_NONBLOCK);
    say(c, "out");
    hear(3);
    assert_memory_equal(heard, "out", 3);
    snprintf(path, sizeof path, "%s/p.in", dir);
    to = open(path, O_WRONLY);
    assert_int_equal(write(to, "input", 5), 5);
    run_until(got_5);
    close(to);
    close(slave);
    close_it(c);
    unlink(path);
    snprintf(path, sizeof path, "%s/p.out", dir);
    unlink(path);
}

static void test_refusals(void **state)
{
    static const char *const specs[] = {
        "telnet:localhost:4000,server", "udp:1.2.3.4:5", "file:/nonexistent/dir/file", "pipe:/nonexistent",
        "unix:/tmp/x,server,sever",     "tcp:nowhere",   "unix:/nonexistent/socket",   "",
    };
    struct chardev *c;
    char *why;

    loop = loop_create();
    for (size_t i = 0; i < sizeof specs / sizeof *specs; i++) {
        assert_true(chardev_open(&c, loop, specs[i], &why) < 0);
        assert_null(c);
        assert_non_null(why);
        assert_null(strchr(why, '\n'));
        free(why);
    }
    loop_destroy(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pty),      cmocka_unit_test(test_room),           cmocka_unit_test(test_file_and_null),
        cmocka_unit_test(test_server),   cmocka_unit_test(test_client_and_tcp), cmocka_unit_test(test_pipe),
        cmocka_unit_test(test_refusals),
    };
    int rc;

    if (!mkdtemp(dir))
        return 1;
    rc = cmocka_run_group_tests(tests, NULL, NULL);
    rmdir(dir);
    return rc;
}
