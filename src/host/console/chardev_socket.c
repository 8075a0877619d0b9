/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * chardev_socket.c: a serial port over a Unix or TCP socket, as client or as server (one client at a time; the next
 * waits). Output never waits for a slow or missing client: the newest 64 KiB are kept.
 */
#include "host/console/chardev_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define CONNECT_SECONDS 5
#define WAIT_SECONDS    60

static void client_left(struct chardev *c)
{
    chardev_disconnect(c);
    close(c->in);
    c->in = c->out = -1;
    if (c->listener_watch)
        loop_set_fd_events(c->listener_watch, EPOLLIN);
}

static void no_delay(int fd)
{
    int one = 1;

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one); /* fails for Unix sockets, rightly */
}

static void client_came(void *opaque, uint32_t events)
{
    struct chardev *c = opaque;
    int fd;

    if (c->in >= 0)
        return;
    fd = accept4(c->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
        return;
    no_delay(fd);
    c->in = c->out = fd;
    loop_set_fd_events(c->listener_watch, 0);
    if (chardev_connect(c))
        client_left(c);
}

static int bind_or_connect(const struct chardev_spec *s, int fd, const struct sockaddr *to, socklen_t n)
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

static int make_unix(const struct chardev_spec *s, char **why)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    int fd, rc;

    if (strlen(s->path) >= sizeof to.sun_path || !s->path[0])
        return chardev_fail(-EINVAL, why, "a socket's path has 1 to %zu characters", sizeof to.sun_path - 1);
    strcpy(to.sun_path, s->path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    if (s->server)
        remove_stale(&to);
    rc = bind_or_connect(s, fd, (const struct sockaddr *)&to, sizeof to);
    if (!rc)
        return fd;
    close(fd);
    return chardev_fail(rc, why, "cannot %s %s: %s", s->server ? "listen at" : "connect to", s->path, strerror(-rc));
}

static int make_tcp(const struct chardev_spec *s, char **why)
{
    static const int families[] = {AF_UNSPEC, AF_INET, AF_INET6};
    struct addrinfo hints = {.ai_family = families[s->family],
                             .ai_socktype = SOCK_STREAM,
                             .ai_flags = s->server ? AI_PASSIVE : 0},
                    *list, *a;
    int fd = -1, rc = getaddrinfo(s->to.host[0] ? s->to.host : NULL, s->to.service, &hints, &list);

    if (rc)
        return chardev_fail(-EINVAL, why, "cannot find %s:%s: %s", s->to.host, s->to.service, gai_strerror(rc));
    rc = -EADDRNOTAVAIL;
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
    return chardev_fail(rc, why, "cannot %s %s:%s: %s", s->server ? "listen at" : "connect to", s->to.host,
                        s->to.service, strerror(-rc));
}

/* "wait": the first client before the guest. */
static int await_client(struct chardev *c, char **why)
{
    struct pollfd p = {.fd = c->listener, .events = POLLIN};

    if (poll(&p, 1, WAIT_SECONDS * 1000) <= 0)
        return chardev_fail(-ETIMEDOUT, why, "no client came within %d seconds: connect one, or drop \"wait\"",
                            WAIT_SECONDS);
    client_came(c, EPOLLIN);
    return 0;
}

int chardev_open_socket(struct chardev *c, const struct chardev_spec *s, char **why)
{
    bool unix_domain = s->kind == CHARDEV_UNIX;
    int fd = unix_domain ? make_unix(s, why) : make_tcp(s, why);

    if (fd < 0)
        return fd;
    fcntl(fd, F_SETFL, O_NONBLOCK);
    c->lossy = c->is_socket = true;
    c->hung_up = client_left;
    if (!s->server)
        c->in = c->out = fd;
    else
        c->listener = fd;
    if (s->telnet && chardev_use_telnet(c, s->server))
        return -ENOMEM;
    if (!s->server) {
        no_delay(fd);
        return chardev_connect(c);
    }
    if (unix_domain)
        c->unlink_path = strdup(s->path);
    c->listener_watch = loop_add_fd(c->loop, fd, EPOLLIN, client_came, c);
    if (!c->listener_watch)
        return -errno;
    return s->wait ? await_client(c, why) : 0;
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
