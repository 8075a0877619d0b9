/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tap.c: the tap back end: a host interface whose frames are the guest's. It is made for the domain and goes with it.
 * It joins its bridge by the script, as Xen's hotplug would, or by ourselves. Needs CAP_NET_ADMIN.
 */
#include "base/log.h"
#include "host/net/net_backend.h"
#include "host/net/tap_script.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define BATCH 64u /* frames in one go, so that others of the loop get their turn */

struct tap {
    struct net net; /* first */
    int fd;
    bool reading;
    struct loop_fd *watch;
    struct tap_script script; /* what to run at the end; empty: nothing */
    uint8_t frame[NET_FRAME_MAX];
};

static struct tap *to_tap(struct net *n)
{
    return (struct tap *)n;
}

/* While the guest's queue is full, frames wait in the tap's own, and then are lost as on a switch. */
static void tap_read_on(struct tap *tap, bool on)
{
    if (tap->watch && tap->reading != on)
        loop_set_fd_events(tap->watch, on ? EPOLLIN : 0);
    tap->reading = on;
}

static void tap_ready(void *opaque, uint32_t events)
{
    struct tap *tap = opaque;
    ssize_t n = 0;

    for (unsigned i = 0; i < BATCH && net_has_room(&tap->net); i++) {
        n = read(tap->fd, tap->frame, sizeof tap->frame);
        if (n <= 0)
            break;
        (void)net_deliver(&tap->net, tap->frame, (size_t)n);
    }
    if (n < 0 && errno != EAGAIN && errno != EINTR) { /* epoll would tell of it for ever */
        log_warning("tap: the interface is gone: %s", strerror(errno));
        loop_remove_fd(tap->watch);
        tap->watch = NULL;
        return;
    }
    if (!net_has_room(&tap->net)) {
        tap_read_on(tap, false);
        tap->net.refused = true; /* room() when there is */
    }
}

static void tap_send(struct net *n, const uint8_t *frame, size_t len)
{
    ssize_t r = write(to_tap(n)->fd, frame, len);

    (void)r; /* a host that takes no frame now loses it, as a switch does */
}

static void tap_room(struct net *n)
{
    tap_read_on(to_tap(n), true);
}

static void tap_close(struct net *n)
{
    struct tap *tap = to_tap(n);

    loop_remove_fd(tap->watch);
    tap_script_run(&tap->script, "remove", NULL);
    tap_script_fini(&tap->script);
    if (tap->fd >= 0)
        close(tap->fd);
    net_fini(&tap->net);
    free(tap);
}

static const struct net_backend_ops tap_ops = {.send = tap_send, .room = tap_room, .close = tap_close};

__attribute__((format(printf, 3, 4))) static int refuse(char **why, int rc, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    if (!*why && vasprintf(why, format, ap) < 0)
        *why = NULL;
    va_end(ap);
    return rc;
}

static int tap_create(struct tap *tap, const char *name, char **why)
{
    struct ifreq ifr = {.ifr_flags = IFF_TAP | IFF_NO_PI};

    (void)snprintf(ifr.ifr_name, sizeof ifr.ifr_name, "%s", name);
    if (strlen(name) >= IFNAMSIZ)
        return refuse(why, -ENAMETOOLONG, "the interface name %s is longer than %d characters", name, IFNAMSIZ - 1);
    if (if_nametoindex(name))
        return refuse(why, -EEXIST, "an interface %s exists already", name);
    tap->fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (tap->fd < 0)
        return refuse(why, -errno, "/dev/net/tun: %s", strerror(errno));
    if (ioctl(tap->fd, TUNSETIFF, &ifr) < 0)
        return refuse(why, -errno, "a tap interface %s cannot be made: %s", name, strerror(errno));
    return 0;
}

/* One ioctl on an interface by its name. 0 or -errno. */
static int interface_set(struct ifreq *ifr, const char *name, unsigned long request)
{
    int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), rc;

    if (s < 0)
        return -errno;
    (void)snprintf(ifr->ifr_name, sizeof ifr->ifr_name, "%.*s", IFNAMSIZ - 1, name);
    rc = ioctl(s, request, ifr) < 0 ? -errno : 0;
    close(s);
    return rc;
}

static int interface_up(const char *name)
{
    struct ifreq ifr = {0};
    int rc = interface_set(&ifr, name, SIOCGIFFLAGS);

    if (rc || ifr.ifr_flags & IFF_UP)
        return rc;
    ifr.ifr_flags |= IFF_UP;
    return interface_set(&ifr, name, SIOCSIFFLAGS);
}

static int interface_plan(const struct net_tap_options *o, char **why)
{
    /* As Xen's scripts: an address that no other port of the bridge has, so that the bridge never takes it over. */
    struct ifreq ifr = {.ifr_hwaddr = {1, {(char)0xfe, (char)0xff, (char)0xff, (char)0xff, (char)0xff, (char)0xff}}};
    int rc = interface_set(&ifr, o->name, SIOCSIFHWADDR);

    if (!rc && !o->mtu && o->bridge) { /* a bridge takes the least of its ports' */
        ifr = (struct ifreq){0};
        if (!interface_set(&ifr, o->bridge, SIOCGIFMTU))
            (void)interface_set(&ifr, o->name, SIOCSIFMTU);
    } else if (!rc && o->mtu) {
        ifr = (struct ifreq){.ifr_mtu = (int)o->mtu};
        rc = interface_set(&ifr, o->name, SIOCSIFMTU);
        if (rc)
            return refuse(why, rc, "mtu=%u: %s", o->mtu, strerror(-rc));
    }
    return rc ? refuse(why, rc, "%s: %s", o->name, strerror(-rc)) : 0;
}

static int bridge_join(const struct net_tap_options *o, char **why)
{
    struct ifreq ifr = {.ifr_ifindex = (int)if_nametoindex(o->name)};
    int rc = interface_set(&ifr, o->bridge, SIOCBRADDIF);

    return rc ? refuse(why, rc, "%s cannot join bridge %s: %s", o->name, o->bridge, strerror(-rc)) : 0;
}

int net_tap_open(struct net **out, struct loop *loop, const struct net_tap_options *o, char **why)
{
    struct tap *tap = calloc(1, sizeof *tap);
    int rc = tap ? net_init(&tap->net, loop, &tap_ops) : -ENOMEM;

    *out = NULL;
    *why = NULL;
    if (rc) {
        free(tap);
        return rc;
    }
    tap->fd = -1;
    tap->reading = true;
    rc = tap_create(tap, o->name, why);
    if (!rc)
        rc = interface_plan(o, why);
    if (!rc && o->script) {
        rc = tap_script_init(&tap->script, o);
        if (!rc)
            rc = tap_script_run(&tap->script, "add", why);
        if (rc)
            tap_script_fini(&tap->script);
        else if (o->mtu) /* Xen's scripts ask xenstore for it, and then take the bridge's */
            rc = interface_plan(o, why);
    } else if (!rc && o->bridge) {
        rc = bridge_join(o, why);
    }
    if (!rc)
        rc = interface_up(o->name);
    if (!rc) {
        tap->watch = loop_add_fd(loop, tap->fd, EPOLLIN, tap_ready, tap);
        rc = tap->watch ? 0 : -ENOMEM;
    }
    if (rc) {
        tap_close(&tap->net);
        return rc;
    }
    *out = &tap->net;
    return 0;
}
