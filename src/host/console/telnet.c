/* SPDX-License-Identifier: GPL-2.0-or-later */
/* telnet.c: see telnet.h. */
#include "host/console/telnet.h"

#include <assert.h>
#include <string.h>

/* Commands (RFC 854). */
#define SE            240
#define BRK           243
#define IP            244
#define AYT           246
#define SB            250
#define WILL          251
#define WONT          252
#define DO            253
#define DONT          254
#define IAC           255

#define INTERRUPT     0x03 /* Ctrl-C, which is what "interrupt process" means on a serial line */
#define HERE          "\r\n[yes]\r\n"
#define MOST_PER_BYTE 9u /* an answer to one byte of input: HERE, when the IAC came before */

enum telnet_place { IN_DATA, IN_COMMAND, IN_OPTION, IN_SUB, IN_SUB_COMMAND };
enum { BINARY, ECHO, NO_GO_AHEAD };

static const uint8_t codes[TELNET_OPTIONS] = {[BINARY] = 0, [ECHO] = 1, [NO_GO_AHEAD] = 3};

static void put(struct telnet *t, uint8_t byte)
{
    assert(t->count < sizeof t->wire);
    t->wire[t->count++] = byte;
}

static void put_command(struct telnet *t, uint8_t verb, uint8_t option)
{
    put(t, IAC);
    put(t, verb);
    put(t, option);
}

static void ask(struct telnet *t, uint8_t *state, uint8_t verb, unsigned option)
{
    *state = TELNET_ASKED;
    put_command(t, verb, codes[option]);
}

void telnet_start(struct telnet *t, bool server)
{
    memset(t, 0, sizeof *t);
    t->server = server;
    if (server) /* the guest echoes, not the client's terminal */
        ask(t, &t->us[ECHO], WILL, ECHO);
    ask(t, &t->us[NO_GO_AHEAD], WILL, NO_GO_AHEAD);
    ask(t, &t->them[NO_GO_AHEAD], DO, NO_GO_AHEAD);
    ask(t, &t->us[BINARY], WILL, BINARY);
    ask(t, &t->them[BINARY], DO, BINARY);
}

size_t telnet_room(const struct telnet *t)
{
    return (sizeof t->wire - t->count) / MOST_PER_BYTE;
}

/* Of the two sides only one echoes: a server for its client. */
static bool allowed(const struct telnet *t, unsigned option, bool us)
{
    return option != ECHO || t->server == us;
}

/* The other side says that it will or will not (WILL, WONT), or that we shall or shall not (DO, DONT). */
static void negotiate(struct telnet *t, uint8_t verb, uint8_t code)
{
    bool us = verb == DO || verb == DONT, yes = verb == DO || verb == WILL;
    uint8_t agree = us ? WILL : DO, refuse = us ? WONT : DONT, *state, old;
    unsigned option = 0;

    while (option < TELNET_OPTIONS && codes[option] != code)
        option++;
    if (option == TELNET_OPTIONS || (yes && !allowed(t, option, us))) {
        if (yes) /* a refusal of what is not done needs no answer */
            put_command(t, refuse, code);
        return;
    }
    state = us ? &t->us[option] : &t->them[option];
    old = *state;
    *state = yes ? TELNET_YES : TELNET_NO;
    if (old == (yes ? TELNET_NO : TELNET_YES)) /* else it is the answer to our asking, or nothing new */
        put_command(t, yes ? agree : refuse, code);
}

static void put_here(struct telnet *t)
{
    for (const char *p = HERE; *p; p++)
        put(t, (uint8_t)*p);
}

/* A byte that is data. Returns how many bytes of it, 0 or 1, are written. */
static size_t take_data(struct telnet *t, uint8_t byte, uint8_t *to)
{
    bool filler = t->cr_in && !byte;

    t->cr_in = byte == '\r' && t->them[BINARY] != TELNET_YES;
    if (filler)
        return 0;
    *to = byte;
    return 1;
}

static size_t take_command(struct telnet *t, uint8_t byte, uint8_t *to)
{
    t->place = IN_DATA;
    switch (byte) {
    case IAC: return take_data(t, byte, to);
    case WILL:
    case WONT:
    case DO:
    case DONT:
        t->verb = byte;
        t->place = IN_OPTION;
        break;
    case SB: t->place = IN_SUB; break;
    case AYT: put_here(t); break;
    case IP: *to = INTERRUPT; return 1;
    default: break; /* a data mark, go ahead, erase ..: nothing for a serial line; a break is the caller's */
    }
    return 0;
}

static size_t take(struct telnet *t, uint8_t byte, uint8_t *to)
{
    switch ((enum telnet_place)t->place) {
    case IN_DATA:
        if (byte != IAC)
            return take_data(t, byte, to);
        t->place = IN_COMMAND;
        return 0;
    case IN_COMMAND: return take_command(t, byte, to);
    case IN_OPTION:
        t->place = IN_DATA;
        negotiate(t, t->verb, byte);
        return 0;
    case IN_SUB: /* of options that we have none of */
        if (byte == IAC)
            t->place = IN_SUB_COMMAND;
        return 0;
    case IN_SUB_COMMAND: t->place = byte == SE ? IN_DATA : IN_SUB; return 0;
    }
    return 0;
}

struct telnet_input telnet_decode(struct telnet *t, const uint8_t *bytes, size_t n, uint8_t *to)
{
    struct telnet_input in = {0};

    while (in.used < n && !in.was_break) {
        uint8_t byte = bytes[in.used++];

        in.was_break = t->place == IN_COMMAND && byte == BRK;
        in.data += take(t, byte, to + in.data);
    }
    return in;
}

size_t telnet_encode(struct telnet *t, const uint8_t *bytes, size_t n)
{
    size_t i;

    /* Half is kept for answers: two ends that fill each other's sockets must still read, or both wait for ever. */
    for (i = 0; i < n && t->count + 3 <= sizeof t->wire / 2; i++) {
        if (t->cr_out && bytes[i] != '\n')
            put(t, 0);
        t->cr_out = bytes[i] == '\r' && t->us[BINARY] == TELNET_NO;
        if (bytes[i] == IAC)
            put(t, IAC);
        put(t, bytes[i]);
    }
    return i;
}

void telnet_send_break(struct telnet *t)
{
    if (sizeof t->wire - t->count < 2)
        return;
    put(t, IAC);
    put(t, BRK);
}

void telnet_sent(struct telnet *t, size_t n)
{
    assert(n <= t->count);
    memmove(t->wire, t->wire + n, t->count - n);
    t->count -= n;
}
