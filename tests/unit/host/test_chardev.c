/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "chardev_rig.h"

#include <asm/ioctls.h>
#include <asm/termbits.h> /* in place of <termios.h>: any speed */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static char dir[] = "/tmp/domus-chardev-XXXXXX";

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

/* A terminal of the host: a pty whose slave the guest's port has. */
static void test_device(void **state)
{
    const struct chardev_line even = {.baud = 9600, .data_bits = 8, .stop_bits = 2, .parity = 'N'};
    const struct chardev_line odd_speed = {.baud = 12345, .data_bits = 8, .stop_bits = 1, .parity = 'N'};
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
    struct termios2 t;
    struct chardev *c;
    char name[64];

    assert_int_equal(grantpt(master) | unlockpt(master) | ptsname_r(master, name, sizeof name), 0);
    c = open_it(name);
    slave = master;
    say(c, "to\n");
    hear(3);
    assert_memory_equal(heard, "to\n", 3); /* raw */
    assert_int_equal(write(master, "in\r\x03!", 5), 5);
    run_until(got_5);
    assert_memory_equal(got, "in\r\x03!", 5);
    chardev_set_line(c, &even);
    assert_int_equal(ioctl(master, TCGETS2, &t), 0);
    assert_int_equal(t.c_ospeed, 9600);
    assert_int_equal(t.c_ispeed, 9600);
    assert_int_equal(t.c_cflag & CSTOPB, CSTOPB);
    chardev_set_line(c, &odd_speed);
    assert_int_equal(ioctl(master, TCGETS2, &t), 0);
    assert_int_equal(t.c_ospeed, 12345);
    assert_int_equal(t.c_cflag & CSTOPB, 0);
    chardev_set_break(c, true); /* a pty has none: nothing happens */
    chardev_set_break(c, false);
    close_it(c);
    close(master);
}

static void test_refusals(void **state)
{
    static const struct {
        const char *spec, *said;
    } rows[] = {
        {"file:/nonexistent/dir/file", "cannot write /nonexistent/dir/file: No such file"},
        {"pipe:/nonexistent", "(make them with mkfifo)"},
        {"/dev/nonexistent", "cannot open /dev/nonexistent: No such file"},
        {"/etc/passwd", "for a file, write file:/etc/passwd"},
        {"unix:/nonexistent/socket", "cannot connect to /nonexistent/socket: No such file"},
        {"tcp:127.0.0.1:1", "cannot connect to 127.0.0.1:1: Connection refused"},
        {"telnet:127.0.0.1:1", "cannot connect to 127.0.0.1:1: Connection refused"},
        {"tcp:127.0.0.1:noservice", "cannot find 127.0.0.1:noservice: "},
        {"udp:127.0.0.1:5@192.0.2.1:0", "cannot receive at 192.0.2.1:0: "},
        {"", "use pty, "},
    };
    struct chardev *c;
    char *why;

    loop = loop_create();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_true(chardev_open(&c, loop, rows[i].spec, &why) < 0);
        assert_null(c);
        assert_non_null(why);
        if (!strstr(why, rows[i].said))
            fail_msg("%s: %s", rows[i].spec, why);
        assert_null(strchr(why, '\n'));
        free(why);
    }
    loop_destroy(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pty),    cmocka_unit_test(test_room),           cmocka_unit_test(test_file_and_null),
        cmocka_unit_test(test_server), cmocka_unit_test(test_client_and_tcp), cmocka_unit_test(test_pipe),
        cmocka_unit_test(test_device), cmocka_unit_test(test_refusals),
    };
    int rc;

    if (!mkdtemp(dir))
        return 1;
    rc = cmocka_run_group_tests(tests, NULL, NULL);
    rmdir(dir);
    return rc;
}
