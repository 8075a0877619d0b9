/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * console.c: attaches the terminal to a domain's console, which is a pty of the host. Ctrl-] detaches.
 * Ends with the pty: it goes when the domain goes.
 */
#include "xl/xl.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define CONSOLE_ESCAPE 0x1d /* Ctrl-] */

const char *xl_console_tty(const json_t *info, const char *type, long long number)
{
    const json_t *consoles = json_object_get(json_object_get(info, "about"), "consoles");
    size_t i;
    json_t *c;

    json_array_foreach(consoles, i, c)
    {
        const char *kind = xl_string(c, "type");
        if (kind && (!type || strcmp(kind, type) == 0) && xl_int(c, "number", 0) == number)
            return xl_string(c, "tty");
    }
    return NULL;
}

static int console_write(int fd, const char *bytes, size_t n)
{
    while (n > 0) {
        ssize_t w = write(fd, bytes, n);
        if (w < 0 && errno == EAGAIN) {
            struct pollfd p = {.fd = fd, .events = POLLOUT};
            poll(&p, 1, -1);
            continue;
        }
        if (w < 0 && errno == EINTR)
            continue;
        if (w < 0)
            return -errno;
        bytes += w;
        n -= (size_t)w;
    }
    return 0;
}

/* Until one side ends or the user detaches. */
static void console_copy(int pty)
{
    struct pollfd p[2] = {{.fd = 0, .events = POLLIN}, {.fd = pty, .events = POLLIN}};
    char bytes[4096], *escape;

    for (;;) {
        if (poll(p, 2, -1) < 0 && errno != EINTR)
            return;
        if (p[1].revents) {
            ssize_t n = read(pty, bytes, sizeof bytes);
            if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
                return; /* EIO: the domain closed its side */
            if (n > 0 && console_write(1, bytes, (size_t)n) != 0)
                return;
        }
        if (p[0].revents) {
            ssize_t n = read(0, bytes, sizeof bytes);
            if (n < 0 && errno == EINTR)
                continue;
            if (n <= 0) {
                p[0].fd = -1; /* no more input; the output may still be wanted: `xl console d </dev/null` */
                continue;
            }
            escape = memchr(bytes, CONSOLE_ESCAPE, (size_t)n);
            if (console_write(pty, bytes, escape ? (size_t)(escape - bytes) : (size_t)n) != 0 || escape)
                return;
        }
    }
}

int xl_console_open(const char *tty)
{
    int pty = open(tty, O_RDWR | O_NOCTTY | O_CLOEXEC);
    struct termios raw;

    if (pty < 0) {
        fprintf(stderr, "xl: the console %s cannot be opened: %s\n", tty, strerror(errno));
        return -1;
    }
    if (tcgetattr(pty, &raw) == 0) {
        cfmakeraw(&raw);
        tcsetattr(pty, TCSANOW, &raw);
    }
    return pty;
}

int xl_console_run(int pty)
{
    struct termios saved, raw;
    bool terminal = tcgetattr(0, &saved) == 0;

    if (terminal) {
        raw = saved;
        cfmakeraw(&raw);
        tcsetattr(0, TCSANOW, &raw);
    }
    console_copy(pty);
    if (terminal)
        tcsetattr(0, TCSADRAIN, &saved);
    close(pty);
    return 0;
}

int xl_cmd_console(struct xl *xl, int argc, char **argv)
{
    const char *type = NULL, *tty;
    json_t *info = NULL;
    long long number = 0;
    int opt, rc;
    long domid;

    while ((opt = xl_getopt(argc, argv, "hn:t:e:", NULL, 1)) != -1) {
        switch (opt) {
        case 't':
            if (strcmp(optarg, "pv") != 0 && strcmp(optarg, "serial") != 0 && strcmp(optarg, "vuart") != 0) {
                fprintf(stderr, "console type supported are: pv, serial, vuart\n");
                return 1;
            }
            type = optarg;
            break;
        case 'n': number = atoll(optarg); break;
        }
    }
    domid = xl_find_domain(xl, argv[optind]);
    if (domid < 0)
        return 1;
    rc = xl_call(xl, (unsigned)domid, "info", NULL, &info, true);
    if (rc != 0)
        return 1;
    tty = xl_console_tty(info, type, number);
    if (tty) {
        int pty = xl_console_open(tty);
        rc = pty < 0 ? 1 : xl_console_run(pty);
    } else {
        fprintf(stderr, "xl: domain %ld has no %s console %lld%s\n", domid, type ? type : "usable", number,
                number == 0 && (!type || strcmp(type, "serial") == 0)
                    ? " (serial=\"pty\" in its configuration gives one)"
                    : "");
        rc = 1;
    }
    json_decref(info);
    if (rc != 0)
        fprintf(stderr, "Unable to attach console\n");
    return rc;
}
