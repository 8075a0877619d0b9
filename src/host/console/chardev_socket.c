/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * chardev_socket.c: a serial port over a Unix or TCP socket, as client or as server (one client at a time; the next
 * waits). Output never waits for a slow or missing client: the newest 64 KiB are kept.
 */
#include "host/console/chardev_internal.h"

#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define CONNECT_SECONDS 5

struct socket_spec {
    bool unix_domain, server;
    char address[1024]; /* the path, or HOST:PORT */
};

static void client_left(struct chardev *c)
{
    chardev_disconnect(c);
    close(c->in);
    c->in = c->out = -1;
    if (c->listener_watch)
        loop_set_fd_events(c->listener_watch, EPOLLIN);
}

static void client_came(void *opaque, uint32_t events)
{
    struct chardev *c = opaque;
    int fd, one = 1;

    if (c->in >= 0)
        return;
    fd = accept4(c->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
        return;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one); /* fails for Unix sockets, rightly */
    c->in = c->out = fd;
    loop_set_fd_events(c->listener_watch, 0);
    if (chardev_connect(c))
        client_left(c);
}

static bool parse_option(struct socket_spec *s, const char *option, char **why)
{
    if (!strcmp(option, "server") || !strcmp(option, "server=on"))
        s->server = true;
    else if (!strcmp(option, "wait") || !strcmp(option, "wait=on"))
        log_warning("serial: option \"wait\" is not followed: the domain starts without waiting for a client");
    else if (strcmp(option, "nowait") && strcmp(option, "wait=off") && strcmp(option, "server=off") &&
             strcmp(option, "nodelay") && strcmp(option, "nodelay=on")) {
        chardev_fail(-EINVAL, why, "unknown option \"%s\" (there are server, nowait, nodelay)", option);
        return false;
    }
    return true;
}

static bool parse_spec(struct socket_spec *s, bool unix_domain, const char *rest, char **why)
{
    char *option, *save = NULL;

    *s = (struct socket_spec){.unix_domain = unix_domain};
    if (strlen(rest) >= sizeof s->address) {
        chardev_fail(-EINVAL, why, "the address is too long");
        return false;
    }
    strcpy(s->address, rest);
    option = strchr(s->address, ',');
    if (!option)
        return true;
    *option++ = '\0';
    for (option = strtok_r(option, ",", &save); option; option = strtok_r(NULL, ",", &save))
        if (!parse_option(s, option, why))
            return false;
    return true;
}

static int bind_or_connect(const struct socket_spec *s, int fd, const struct sockaddr *to, socklen_t n)
{
    struct timeval limit = {.tv_sec = CONNECT_SECONDS};
    int one = 1;

    if (!s->server) {
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
        return connect(fd, to, n) ? -errno : 0;
    }
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    return bind(fd, to, n) || listen(fd, 4) ? -errno : 0;
}

/* A path that nobody answers at is a leftover of a process that died. */
static void remove_stale(const struct sockaddr_un *to)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return;
    if (connect(fd, (const struct sockaddr *)to, sizeof *to) && errno == ECONNREFUSED)
        unlink(to->sun_path);
    close(fd);
}

static int make_unix(const struct socket_spec *s, char **why)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    int fd, rc;

    if (strlen(s->address) >= sizeof to.sun_path || !s->address[0])
        return chardev_fail(-EINVAL, why, "a socket's path has 1 to %zu characters", sizeof to.sun_path - 1);
    strcpy(to.sun_path, s->address);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    if (s->server)
        remove_stale(&to);
    rc = bind_or_connect(s, fd, (const struct sockaddr *)&to, sizeof to);
    if (!rc)
        return fd;
    close(fd);
    return chardev_fail(rc, why, "cannot %s %s: %s", s->server ? "listen at" : "connect to", s->address, strerror(-rc));
}

static int make_tcp(const struct socket_spec *s, char **why)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = s->server ? AI_PASSIVE : 0}, *list, *a;
    const char *colon = strrchr(s->address, ':');
    char host[sizeof s->address];
    size_t n;
    int fd, rc;

    if (!colon || !colon[1])
        return chardev_fail(-EINVAL, why, "\"%s\" is not HOST:PORT", s->address);
    n = (size_t)(colon - s->address);
    memcpy(host, s->address, n);
    host[n] = '\0';
    if (n > 1 && host[0] == '[' && host[n - 1] == ']') { /* an IPv6 address */
        memmove(host, host + 1, n - 2);
        host[n - 2] = '\0';
    }
    rc = getaddrinfo(host[0] ? host : NULL, colon + 1, &hints, &list);
    if (rc)
        return chardev_fail(-EINVAL, why, "cannot find %s: %s", s->address, gai_strerror(rc));
    rc = -EADDRNOTAVAIL;
    fd = -1;
    for (a = list; a && rc; a = a->ai_next) {
        fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
        if (fd < 0)
            continue;
        rc = bind_or_connect(s, fd, a->ai_addr, a->ai_addrlen);
        if (rc)
            close(fd);
    }
    freeaddrinfo(list);
    if (!rc)
        return fd;
    return chardev_fail(rc, why, "cannot %s %s: %s", s->server ? "listen at" : "connect to", s->address, strerror(-rc));
}

int chardev_open_socket(struct chardev *c, bool unix_domain, const char *rest, char **why)
{
    struct socket_spec s;
    int fd;

    if (!parse_spec(&s, unix_domain, rest, why))
        return -EINVAL;
    fd = unix_domain ? make_unix(&s, why) : make_tcp(&s, why);
    if (fd < 0)
        return fd;
    fcntl(fd, F_SETFL, O_NONBLOCK);
    c->lossy = c->is_socket = true;
    c->hung_up = client_left;
    if (!s.server) {
        c->in = c->out = fd;
        return chardev_connect(c);
    }
    c->listener = fd;
    if (unix_domain)
        c->unlink_path = strdup(s.address);
    c->listener_watch = loop_add_fd(c->loop, fd, EPOLLIN, client_came, c);
    return c->listener_watch ? 0 : -errno;
}

void chardev_close_socket(struct chardev *c)
{
    loop_remove_fd(c->listener_watch);
    if (c->listener >= 0)
        close(c->listener);
    if (c->unlink_path)
        unlink(c->unlink_path);
    free(c->unlink_path);
}
