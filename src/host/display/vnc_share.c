/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vnc_share.c: the shared flag (RFC 6143, 7.3.1): a viewer that wants the screen for itself alone disconnects the
 * others, and until it leaves those that would share are refused; QEMU's policy "allow-exclusive". LibVNCServer keeps
 * to the flag among the clients of one screen, and does not tell it; here each has a screen of its own, so it is read
 * ahead.
 */
#include "host/display/vnc_private.h"

#include "base/log.h"

#include <sys/socket.h>

#define FRAME_MASKED 0x80 /* RFC 6455, 5.2 */
#define FRAME_BINARY 2

/* The first byte of the message, which stays in the socket; -1: it cannot be told. */
static int peek(const struct vnc_connection *c, bool websocket)
{
    uint8_t b[16];
    ssize_t n = recv(c->sock, b, sizeof b, MSG_PEEK | MSG_DONTWAIT), at;

    if (n <= 0 || !websocket)
        return n <= 0 ? -1 : b[0];
    if (n < 2 || (b[0] & 15) != FRAME_BINARY || !(b[1] & FRAME_MASKED) || (b[1] & 127) == 0)
        return -1;
    at = (b[1] & 127) == 126 ? 4 : (b[1] & 127) == 127 ? 10 : 2;
    return n > at + 4 ? b[at + 4] ^ b[at] : -1; /* the mask, then what is masked with it */
}

/* How many there were. */
static unsigned disconnect_others(struct vnc_connection *c)
{
    struct vnc *v = c->v;
    unsigned count = 0;

    for (unsigned i = 0; i < VNC_CONNECTIONS_MAX; i++) {
        struct vnc_connection *other = &v->connections[i];
        if (other == c || !other->used || !other->viewing || !other->admitted)
            continue;
        shutdown(other->control, SHUT_RDWR);
        count++;
    }
    return count;
}

static bool someone_is_alone(const struct vnc *v)
{
    for (unsigned i = 0; i < VNC_CONNECTIONS_MAX; i++)
        if (v->connections[i].used && v->connections[i].viewing && v->connections[i].exclusive)
            return true;
    return false;
}

void vnc_share(struct vnc_connection *c, rfbClientPtr cl)
{
    struct vnc *v = c->v;
    int shared;
    unsigned others = 0;
    bool refused = false;

    if (cl->state != RFB_INITIALISATION) /* which is after the password */
        return;
    shared = peek(c, cl->wsctx);
    if (shared < 0)
        return;
    pthread_mutex_lock(&v->mutex);
    if (!c->admitted && !shared)
        others = disconnect_others(c);
    else if (!c->admitted)
        refused = someone_is_alone(v);
    c->admitted = !refused;
    c->exclusive = c->admitted && !shared;
    if (refused)
        shutdown(c->control, SHUT_RDWR);
    pthread_mutex_unlock(&v->mutex);
    if (others)
        log_info("vnc: a viewer wants the screen for itself alone: %u others were disconnected", others);
    if (refused)
        log_info("vnc: a viewer was refused: another one has the screen for itself alone");
}
