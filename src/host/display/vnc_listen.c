/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vnc_listen.c: from vnclisten, vncdisplay and vncunused to listening sockets, or one line that says why not. */
#include "host/display/vnc_private.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PORT_FIRST  5900u
#define PORTS_TRIED 100u
#define BACKLOG     16

static int fail(char **why, int error, const char *format, ...) __attribute__((format(printf, 3, 4)));
static int fail(char **why, int error, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    if (vasprintf(why, format, args) < 0)
        *why = NULL;
    va_end(args);
    return -error;
}

/* "ADDR", "ADDR:DISPLAY", "[V6]", "[V6]:DISPLAY", "V6". */
static int parse_listen(const char *text, char **address, unsigned *display, char **why)
{
    const char *colon = strrchr(text, ':'), *begin = text, *end = colon ? colon : text + strlen(text);
    char *stop;

    if (text[0] == '[') {
        const char *close = strchr(text, ']');
        if (!close || (close[1] && close[1] != ':'))
            return fail(why, EINVAL, "vnclisten: \"%s\" is no address (write [ADDRESS]:DISPLAY)", text);
        begin = text + 1;
        end = close;
        colon = close[1] ? close + 1 : NULL;
    } else if (colon && strchr(text, ':') != colon) { /* several colons: a bare IPv6 address */
        end = text + strlen(text);
        colon = NULL;
    }
    if (colon) {
        unsigned long n = strtoul(colon + 1, &stop, 10);
        if (stop == colon + 1 || *stop || n > 65535 - PORT_FIRST)
            return fail(why, EINVAL, "vnclisten: \"%s\" is no display number (0 to %u)", colon + 1, 65535 - PORT_FIRST);
        *display = (unsigned)n;
    }
    *address = strndup(begin, (size_t)(end - begin));
    return *address ? 0 : -ENOMEM;
}

static int listen_on(const struct addrinfo *a, unsigned port)
{
    struct sockaddr_storage address;
    int one = 1, rc = 0, s = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (s < 0)
        return -errno;
    memcpy(&address, a->ai_addr, a->ai_addrlen);
    if (a->ai_family == AF_INET6) {
        ((struct sockaddr_in6 *)(void *)&address)->sin6_port = htons((uint16_t)port);
        (void)setsockopt(s, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
    } else {
        ((struct sockaddr_in *)(void *)&address)->sin_port = htons((uint16_t)port);
    }
    (void)setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(s, (struct sockaddr *)&address, a->ai_addrlen) || listen(s, BACKLOG))
        rc = -errno;
    if (rc) {
        close(s);
        return rc;
    }
    return s;
}

static void close_all(struct vnc *v)
{
    while (v->listeners)
        close(v->listener[--v->listeners]);
}

/* All of a name's addresses that this host has; a kind of address it lacks (no IPv6) does not matter beside another. */
static int listen_all(struct vnc *v, const struct addrinfo *list, unsigned port)
{
    int missing = -EADDRNOTAVAIL;

    for (const struct addrinfo *a = list; a && v->listeners < VNC_LISTENERS_MAX; a = a->ai_next) {
        int s = listen_on(a, port);
        if (s == -EAFNOSUPPORT || s == -EADDRNOTAVAIL) {
            missing = s;
            continue;
        }
        if (s < 0) {
            close_all(v);
            return s;
        }
        v->listener[v->listeners++] = s;
    }
    return v->listeners ? 0 : missing;
}

static int explain(char **why, int error, const char *address, unsigned port, bool find_unused)
{
    const char *where = *address ? address : "every address";

    switch (error) {
    case EADDRINUSE:
        if (find_unused)
            return fail(why, error, "vnc: no free port from %u to %u on %s", port, port + PORTS_TRIED - 1, where);
        return fail(why, error, "vnc: port %u on %s is in use: choose another vncdisplay, or set vncunused=1", port,
                    where);
    case EADDRNOTAVAIL: return fail(why, error, "vnclisten: %s is not an address of this host", where);
    case EACCES: return fail(why, error, "vnc: no permission to listen on %s port %u", where, port);
    default: return fail(why, error, "vnc: cannot listen on %s port %u: %s", where, port, strerror(error));
    }
}

int vnc_listen(struct vnc *v, const struct vnc_options *o, char **why)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE}, *list = NULL;
    unsigned display = o->display, tries = o->find_unused ? PORTS_TRIED : 1;
    int rc = parse_listen(o->listen ? o->listen : "127.0.0.1", &v->address, &display, why);

    if (rc)
        return rc;
    if (display > 65535 - PORT_FIRST)
        return fail(why, EINVAL, "vncdisplay: %u is no display number (0 to %u)", display, 65535 - PORT_FIRST);
    rc = getaddrinfo(*v->address ? v->address : NULL, "5900", &hints, &list);
    if (rc)
        return fail(why, EINVAL, "vnclisten: \"%s\" is no address of this host: %s", v->address, gai_strerror(rc));
    rc = -EADDRINUSE;
    for (unsigned i = 0; i < tries && rc == -EADDRINUSE && PORT_FIRST + display + i <= 65535; i++) {
        v->port = PORT_FIRST + display + i;
        rc = listen_all(v, list, v->port);
    }
    freeaddrinfo(list);
    return rc ? explain(why, -rc, v->address, PORT_FIRST + display, o->find_unused) : 0;
}
