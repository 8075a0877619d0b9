/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * telnet.h: the TELNET protocol around a byte stream (RFC 854, 855, 856, 857, 858; options as RFC 1143 has them).
 * Pure: knows bytes and a small buffer of what is to be sent; no sockets. One thread at a time.
 *
 * Both directions are asked to be binary. Until the other side agrees, a NUL that follows a CR from it falls away; it
 * gets one only when it has refused, since one that asked too takes our offer for the beginning of binary.
 */
#ifndef DOMUS_HOST_CONSOLE_TELNET_H
#define DOMUS_HOST_CONSOLE_TELNET_H

#include "base/types.h"

#define TELNET_WIRE_BYTES 2048u
#define TELNET_OPTIONS    3u

enum telnet_will { TELNET_NO, TELNET_ASKED, TELNET_YES };

struct telnet {
    uint8_t place; /* enum telnet_place: where in a command the input is */
    uint8_t verb;  /* WILL .. DONT, whose option comes next */
    bool server;
    bool cr_in, cr_out;              /* the last byte was a CR whose NUL or LF is to come */
    uint8_t us[TELNET_OPTIONS];      /* enum telnet_will: what we do, */
    uint8_t them[TELNET_OPTIONS];    /* and what they do */
    uint8_t wire[TELNET_WIRE_BYTES]; /* to be sent: commands and encoded bytes */
    size_t count;                    /* bytes in wire */
};

/* What came of some input. */
struct telnet_input {
    size_t used;    /* bytes taken off the input */
    size_t data;    /* bytes written to `to`; never more than used */
    bool was_break; /* the other side sent a break after them */
};

/* A new connection: what we ask for is in the wire buffer. */
void telnet_start(struct telnet *t, bool server);
/* How many input bytes may come now, so that the answers to them find room. */
size_t telnet_room(const struct telnet *t);
/* Decodes up to n bytes, ends after a break; answers go to the wire buffer. n at most telnet_room(). */
struct telnet_input telnet_decode(struct telnet *t, const uint8_t *bytes, size_t n, uint8_t *to);
/* Encodes what finds room in the wire buffer; returns how many of the n bytes. */
size_t telnet_encode(struct telnet *t, const uint8_t *bytes, size_t n);
/* The break command, when there is room. */
void telnet_send_break(struct telnet *t);
/* The first n bytes of the wire buffer were sent. */
void telnet_sent(struct telnet *t, size_t n);

#endif
