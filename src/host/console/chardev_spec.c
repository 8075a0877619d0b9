/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * chardev_spec.c: see chardev_spec.h. The forms are those of QEMU's -serial ("QEMU User Documentation", -serial and
 * -chardev); xl hands the text on as it is.
 */
#include "host/console/chardev_spec.h"

#include "host/console/chardev_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FORMS                                                                            \
    "pty, vc, stdio, null, file:PATH, pipe:PATH, /dev/NAME, unix:PATH[,server,nowait], " \
    "tcp:HOST:PORT[,server,nowait], telnet:HOST:PORT[,server,nowait] or udp:HOST:PORT[@HOST:PORT]"

static const char *after(const char *text, const char *prefix)
{
    size_t n = strlen(prefix);

    return strncmp(text, prefix, n) ? NULL : text + n;
}

static int copy_path(struct chardev_spec *s, const char *path, size_t n, char **why)
{
    if (!n)
        return chardev_fail(-EINVAL, why, "no path is named");
    if (n >= sizeof s->path)
        return chardev_fail(-EINVAL, why, "the path is longer than %zu bytes", sizeof s->path - 1);
    memcpy(s->path, path, n);
    s->path[n] = '\0';
    return 0;
}

/* A number up to 65535, or a service's name. */
static bool port_valid(const char *text, size_t n, bool zero)
{
    unsigned long number = 0;
    bool digits = n != 0;

    for (size_t i = 0; i < n; i++) {
        bool digit = text[i] >= '0' && text[i] <= '9';
        bool letter = (text[i] | 32) >= 'a' && (text[i] | 32) <= 'z';

        if (!digit && !letter && text[i] != '-')
            return false;
        digits = digits && digit;
        if (digits && number <= 65535)
            number = 10 * number + (unsigned)(text[i] - '0');
    }
    return n && n < CHARDEV_SERVICE_MAX && (!digits || (number <= 65535 && (number || zero)));
}

/* HOST:PORT of n bytes; the host may be empty or an IPv6 address in brackets. zero: a port that the kernel chooses. */
static int parse_address(struct chardev_address *a, const char *text, size_t n, bool zero, char **why)
{
    const char *colon = n ? memrchr(text, ':', n) : NULL, *host = text;
    size_t length = colon ? (size_t)(colon - text) : 0, rest = colon ? n - length - 1 : 0;

    if (!colon)
        return chardev_fail(-EINVAL, why, "\"%.*s\" is not HOST:PORT", (int)n, text);
    if (!port_valid(colon + 1, rest, zero))
        return chardev_fail(-EINVAL, why, "\"%.*s\" is not a port: %d to 65535, or a service's name", (int)rest,
                            colon + 1, zero ? 0 : 1);
    if (length >= 2 && host[0] == '[' && host[length - 1] == ']') {
        host++;
        length -= 2;
    } else if (memchr(host, ':', length)) {
        return chardev_fail(-EINVAL, why, "an IPv6 address is written in brackets: [%.*s]:%.*s", (int)length, host,
                            (int)rest, colon + 1);
    }
    if (length >= sizeof a->host)
        return chardev_fail(-EINVAL, why, "the host's name is longer than %zu bytes", sizeof a->host - 1);
    memcpy(a->host, host, length);
    a->host[length] = '\0';
    memcpy(a->service, colon + 1, rest);
    a->service[rest] = '\0';
    return 0;
}

/* NAME, NAME=on and NAME=off; noNAME where QEMU has that. */
static bool is_flag(const char *option, size_t n, const char *name, bool *on)
{
    size_t length = strlen(name);
    bool no = n == length + 2 && !strncmp(option, "no", 2) && !strncmp(option + 2, name, length);

    if (no || (n == length && !strncmp(option, name, n))) {
        *on = !no;
        return true;
    }
    if (n <= length + 1 || strncmp(option, name, length) || option[length] != '=')
        return false;
    option += length + 1;
    n -= length + 1;
    *on = n == 2 && !strncmp(option, "on", 2);
    return *on || (n == 3 && !strncmp(option, "off", 3));
}

static int parse_option(struct chardev_spec *s, const char *option, size_t n, char **why)
{
    bool tcp = s->kind == CHARDEV_TCP, on = false;

    if (is_flag(option, n, "server", &on))
        s->server = on;
    else if (is_flag(option, n, "wait", &on))
        s->wait = on;
    else if (tcp && is_flag(option, n, "telnet", &on))
        s->telnet = on;
    else if (tcp && is_flag(option, n, "ipv4", &on))
        s->family = on ? CHARDEV_IPV4 : CHARDEV_IPV6;
    else if (tcp && is_flag(option, n, "ipv6", &on))
        s->family = on ? CHARDEV_IPV6 : CHARDEV_IPV4;
    else if (!is_flag(option, n, "delay", &on) && !is_flag(option, n, "nodelay", &on)) /* there is never a delay */
        return chardev_fail(-EINVAL, why, "unknown option \"%.*s\": there are server, wait, nowait, nodelay%s", (int)n,
                            option, tcp ? ", telnet, ipv4, ipv6" : "");
    return 0;
}

static int parse_options(struct chardev_spec *s, const char *text, char **why)
{
    int rc = 0;

    while (!rc && *text == ',') {
        size_t n = strcspn(++text, ",");

        if (n)
            rc = parse_option(s, text, n, why);
        text += n;
    }
    if (!rc && s->wait && !s->server)
        return chardev_fail(-EINVAL, why, "\"wait\" is for a server: add \",server\"");
    return rc;
}

static int parse_socket(struct chardev_spec *s, const char *text, char **why)
{
    size_t n = strcspn(text, ",");
    int rc;

    if (s->kind == CHARDEV_UNIX)
        rc = copy_path(s, text, n, why);
    else
        rc = parse_address(&s->to, text, n, true, why);
    if (!rc)
        rc = parse_options(s, text + n, why);
    if (!rc && s->kind == CHARDEV_TCP && !s->server && !strcmp(s->to.service, "0"))
        return chardev_fail(-EINVAL, why, "nobody listens at port 0");
    return rc;
}

static int parse_udp(struct chardev_spec *s, const char *text, char **why)
{
    size_t n = strcspn(text, "@");
    int rc;

    if (strchr(text, ','))
        return chardev_fail(-EINVAL, why, "udp: has no options: udp:HOST:PORT[@HOST:PORT]");
    rc = parse_address(&s->to, text, n, false, why);
    if (!rc && text[n])
        rc = parse_address(&s->from, text + n + 1, strlen(text + n + 1), true, why);
    return rc;
}

/* vc:800x600, vc:80Cx24C: a size that there is no use for. */
static bool is_size(const char *p)
{
    char *end;

    for (unsigned i = 0; i < 2; i++, p = end) {
        if (*p < '0' || *p > '9')
            return false;
        (void)strtoul(p, &end, 10);
        end += *end == 'C';
        if (!i && *end++ != 'x')
            return false;
    }
    return !*p;
}

static int parse_word(struct chardev_spec *s, const char *text, char **why)
{
    const char *size = after(text, "vc:");

    if (!strcmp(text, "null") || !strcmp(text, "none"))
        s->kind = CHARDEV_NULL;
    else if (!strcmp(text, "pty"))
        s->kind = CHARDEV_PTY;
    else if (!strcmp(text, "stdio"))
        s->kind = CHARDEV_STDIO;
    else if (!strcmp(text, "vc") || (size && is_size(size))) {
        s->kind = CHARDEV_PTY;
        s->screen = true;
    } else
        return chardev_fail(-ENOTSUP, why, "this is not a serial line that domus has: use " FORMS);
    return 0;
}

int chardev_spec_parse(struct chardev_spec *s, const char *text, char **why)
{
    static const struct {
        const char *prefix;
        enum chardev_kind kind;
    } prefixes[] = {{"file:", CHARDEV_FILE}, {"pipe:", CHARDEV_PIPE},  {"unix:", CHARDEV_UNIX},
                    {"tcp:", CHARDEV_TCP},   {"telnet:", CHARDEV_TCP}, {"udp:", CHARDEV_UDP}};
    const char *rest = after(text, "mon:");

    memset(s, 0, sizeof *s);
    *why = NULL;
    s->monitor = rest != NULL;
    text = rest ? rest : text;
    if (!strncmp(text, "/dev/parport", 12) || !strncmp(text, "/dev/ppi", 8))
        return chardev_fail(-ENOTSUP, why, "%s is a parallel port, which carries no serial line; a printer is /dev/lp0",
                            text);
    if (text[0] == '/') {
        s->kind = CHARDEV_DEVICE;
        return copy_path(s, text, strlen(text), why);
    }
    for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
        rest = after(text, prefixes[i].prefix);
        if (!rest)
            continue;
        s->kind = prefixes[i].kind;
        s->telnet = prefixes[i].prefix[1] == 'e';
        if (s->kind == CHARDEV_UDP)
            return parse_udp(s, rest, why);
        if (s->kind == CHARDEV_UNIX || s->kind == CHARDEV_TCP)
            return parse_socket(s, rest, why);
        return copy_path(s, rest, strlen(rest), why);
    }
    return parse_word(s, text, why);
}

const char *chardev_spec_note(const struct chardev_spec *s)
{
    if (s->screen)
        return "the guest's screen has no second page for it: it is a pty, which xl console shows";
    if (s->kind == CHARDEV_STDIO)
        return "its output goes to the domain's log, and nothing comes in; serial=\"pty\" and xl console have both "
               "ways";
    if (s->monitor)
        return "there is no QEMU monitor to share the line with: the serial port has it alone";
    if (s->wait)
        return "the start waits up to 60 seconds for a client";
    return NULL;
}
