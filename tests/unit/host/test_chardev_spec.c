/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/console/chardev_spec.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A spec in one line, so that a row of the table says everything that was read. */
static void describe(const struct chardev_spec *s, char *text, size_t size)
{
    static const char *const kinds[] = {"null", "pty", "stdio", "file", "pipe", "device", "unix", "tcp", "udp"};
    static const char *const families[] = {"", " ipv4", " ipv6"};

    snprintf(text, size, "%s%s%s%s%s%s%s", kinds[s->kind], s->monitor ? " mon" : "", s->screen ? " vc" : "",
             s->telnet ? " telnet" : "", s->server ? " server" : "", s->wait ? " wait" : "", families[s->family]);
    if (s->path[0])
        snprintf(text + strlen(text), size - strlen(text), " %s", s->path);
    if (s->to.service[0])
        snprintf(text + strlen(text), size - strlen(text), " <%s><%s>", s->to.host, s->to.service);
    if (s->from.service[0])
        snprintf(text + strlen(text), size - strlen(text), " from <%s><%s>", s->from.host, s->from.service);
}

static void test_forms(void **state)
{
    static const struct {
        const char *spec, *read;
    } rows[] = {
        {"pty", "pty"},
        {"null", "null"},
        {"none", "null"},
        {"stdio", "stdio"},
        {"mon:stdio", "stdio mon"},
        {"mon:telnet:h:1,server,nowait", "tcp mon telnet server <h><1>"},
        {"vc", "pty vc"},
        {"vc:800x600", "pty vc"},
        {"vc:80Cx24C", "pty vc"},
        {"/dev/ttyS0", "device /dev/ttyS0"},
        {"/dev/serial/by-id/usb-a,b", "device /dev/serial/by-id/usb-a,b"},
        {"file:/var/log/a,b:c", "file /var/log/a,b:c"},
        {"pipe:/tmp/p", "pipe /tmp/p"},
        {"unix:/tmp/s", "unix /tmp/s"},
        {"unix:/tmp/s,server", "unix server /tmp/s"},
        {"unix:/tmp/s,server,nowait", "unix server /tmp/s"},
        {"unix:/tmp/s,server=on,wait=off", "unix server /tmp/s"},
        {"unix:/tmp/s,server,wait", "unix server wait /tmp/s"},
        {"tcp:localhost:4444", "tcp <localhost><4444>"},
        {"tcp::4444,server,nowait,nodelay", "tcp server <><4444>"},
        {"tcp:0.0.0.0:4444,server=on,wait=on,nodelay=on", "tcp server wait <0.0.0.0><4444>"},
        {"tcp:127.0.0.1:0,server", "tcp server <127.0.0.1><0>"},
        {"tcp:[::1]:telnet", "tcp <::1><telnet>"},
        {"tcp:h:1,ipv6", "tcp ipv6 <h><1>"},
        {"tcp:h:1,ipv4=on,telnet", "tcp telnet ipv4 <h><1>"},
        {"telnet:localhost:4000", "tcp telnet <localhost><4000>"},
        {"telnet::4000,server,wait", "tcp telnet server wait <><4000>"},
        {"udp:10.0.0.1:4555", "udp <10.0.0.1><4555>"},
        {"udp::4555@:4556", "udp <><4555> from <><4556>"},
        {"udp:h:4555@0.0.0.0:0", "udp <h><4555> from <0.0.0.0><0>"},
        {"udp:[::1]:1@[::1]:2", "udp <::1><1> from <::1><2>"},
    };
    struct chardev_spec s;
    char text[2 * CHARDEV_PATH_MAX], *why;

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        if (chardev_spec_parse(&s, rows[i].spec, &why))
            fail_msg("%s: %s", rows[i].spec, why);
        assert_null(why);
        describe(&s, text, sizeof text);
        assert_string_equal(text, rows[i].read);
    }
}

static void test_refusals(void **state)
{
    static const struct {
        const char *spec, *said;
    } rows[] = {
        {"", "not a serial line that domus has: use pty, "},
        {"ptty", "use pty, vc, stdio, "},
        {"vc:800", "use pty, "},
        {"vc:ax4", "use pty, "},
        {"mon:", "use pty, "},
        {"mon:mon:pty", "use pty, "},
        {"chardev:x", "use pty, "},
        {"websocket:h:1", "use pty, "},
        {"COM1", "use pty, "},
        {"file:", "no path is named"},
        {"pipe:", "no path is named"},
        {"unix:", "no path is named"},
        {"unix:,server", "no path is named"},
        {"unix:/x,server,sever", "unknown option \"sever\": there are server, wait, nowait, nodelay"},
        {"unix:/x,telnet", "unknown option \"telnet\""},
        {"unix:/x,wait", "\"wait\" is for a server: add \",server\""},
        {"/dev/parport0", "/dev/parport0 is a parallel port"},
        {"tcp:nowhere", "\"nowhere\" is not HOST:PORT"},
        {"tcp:", "\"\" is not HOST:PORT"},
        {"tcp:h:", "\"\" is not a port"},
        {"tcp:h:65536", "\"65536\" is not a port: 0 to 65535"},
        {"tcp:h:99999999999999999999", "is not a port"},
        {"tcp:h:4 4", "\"4 4\" is not a port"},
        {"tcp:h:0", "nobody listens at port 0"},
        {"tcp:::1:4", "written in brackets: [::1]:4"},
        {"tcp:h:1,reconnect=5", "unknown option \"reconnect=5\": there are server, wait, nowait, nodelay, telnet"},
        {"tcp:h:1,server=yes", "unknown option \"server=yes\""},
        {"telnet:h", "\"h\" is not HOST:PORT"},
        {"udp:h", "\"h\" is not HOST:PORT"},
        {"udp:h:1@", "\"\" is not HOST:PORT"},
        {"udp:h:0", "\"0\" is not a port: 1 to 65535"},
        {"udp:h:1@h", "\"h\" is not HOST:PORT"},
        {"udp:h:1,server", "udp: has no options"},
    };
    struct chardev_spec s;
    char *why;

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        if (!chardev_spec_parse(&s, rows[i].spec, &why))
            fail_msg("%s was taken", rows[i].spec);
        if (!why || !strstr(why, rows[i].said))
            fail_msg("%s: %s", rows[i].spec, why ? why : "nothing said");
        free(why);
    }
}

static void test_long(void **state)
{
    static char text[2 * CHARDEV_PATH_MAX];
    struct chardev_spec s;
    char *why;

    memset(text, 'a', sizeof text - 1);
    memcpy(text, "file:", 5);
    assert_int_equal(chardev_spec_parse(&s, text, &why), -EINVAL);
    free(why);
    memset(text, 'a', sizeof text - 1);
    memcpy(text, "tcp:", 4);
    strcpy(text + 4 + CHARDEV_HOST_MAX, ":1");
    assert_int_equal(chardev_spec_parse(&s, text, &why), -EINVAL);
    assert_non_null(strstr(why, "name is longer"));
    free(why);
    strcpy(text + 3 + CHARDEV_HOST_MAX, ":1");
    assert_int_equal(chardev_spec_parse(&s, text, &why), 0);
}

static void test_notes(void **state)
{
    static const char *const noted[] = {"vc", "stdio", "mon:pty", "tcp::1,server,wait"}, *const silent[] = {
                                                                                             "pty",
                                                                                             "null",
                                                                                             "file:/x",
                                                                                             "tcp::1,server,nowait",
                                                                                             "tcp::1,server",
                                                                                             "telnet::1,server"};
    struct chardev_spec s;
    char *why;

    for (size_t i = 0; i < ARRAY_SIZE(noted); i++) {
        assert_int_equal(chardev_spec_parse(&s, noted[i], &why), 0);
        assert_non_null(chardev_spec_note(&s));
    }
    for (size_t i = 0; i < ARRAY_SIZE(silent); i++) {
        assert_int_equal(chardev_spec_parse(&s, silent[i], &why), 0);
        assert_null(chardev_spec_note(&s));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_long),
        cmocka_unit_test(test_notes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
