/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nat_forward.c: "tcp:127.0.0.1:2222-22;udp:5353-53": ports of the host that lead into the guest. IPv4.
 */
#include "host/net/nat_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int refuse(char **why, int rc, const char *one, const char *text)
{
    if (asprintf(why, "hostfwd=%s: %s", one, text) < 0)
        *why = NULL;
    return rc;
}

/* "[ADDR:]PORT"; the address stays as it is when there is none. */
static bool parse_end(const char *s, struct in_addr *address, int *port)
{
    const char *colon = strrchr(s, ':');
    char text[64], *end;
    long n;

    if (colon) {
        (void)snprintf(text, sizeof text, "%.*s", (int)(colon - s), s);
        if (inet_pton(AF_INET, text, address) != 1)
            return false;
        s = colon + 1;
    }
    n = strtol(s, &end, 10);
    *port = (int)n;
    return end != s && !*end && n > 0 && n < 65536;
}

static int forward_one(struct nat *nat, const char *one, char **why)
{
    struct in_addr host = {htonl(INADDR_LOOPBACK)}, guest = {htonl(0x0a00020fu + (nat->network << 8))};
    bool udp = strncmp(one, "udp:", 4) == 0;
    int host_port, guest_port, rc;
    char from[128], *dash;

    (void)snprintf(from, sizeof from, "%s", one + 4);
    dash = strchr(from, '-');
    if (dash)
        *dash++ = '\0';
    if ((!udp && strncmp(one, "tcp:", 4) != 0) || !dash || !parse_end(from, &host, &host_port) ||
        !parse_end(dash, &guest, &guest_port))
        return refuse(why, -EINVAL, one, "write tcp:[HOSTADDR:]HOSTPORT-[GUESTADDR:]GUESTPORT, or udp:...");
    errno = 0;
    if (slirp_add_hostfwd(nat->slirp, udp, host, host_port, guest, guest_port) < 0) {
        rc = errno ? -errno : -EADDRINUSE;
        return refuse(why, rc, one, strerror(-rc));
    }
    return 0;
}

int nat_forward_all(struct nat *nat, const char *list, char **why)
{
    char *copy = strdup(list ? list : ""), *save = NULL;
    int rc = copy ? 0 : -ENOMEM;

    for (char *one = rc ? NULL : strtok_r(copy, "; ", &save); one && !rc; one = strtok_r(NULL, "; ", &save))
        rc = strlen(one) < 5 ? refuse(why, -EINVAL, one, "too short") : forward_one(nat, one, why);
    free(copy);
    return rc;
}
