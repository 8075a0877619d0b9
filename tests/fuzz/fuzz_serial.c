/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz_serial.c: what serial= may name, as raw bytes and as pieces of real forms in any order; and a telnet stream:
 * what one side encodes, in chunks of any size and with commands between, the other decodes to the same bytes and
 * breaks, and random input from a peer never overfills the buffer of answers.
 */
#include "base/types.h"
#include "host/console/chardev_spec.h"
#include "host/console/telnet.h"

#include "fuzz_input.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static const char *const pieces[] = {
    "tcp:",    "telnet:", "udp:",  "unix:",        "file:",     "pipe:", "mon:", "vc",   "vc:",      "pty",    "stdio",
    "null",    "none",    "/dev/", "/dev/parport", "localhost", ":",     "@",    ",",    "[::1]",    "[",      "]",
    "4444",    "0",       "65536", "server",       "nowait",    "wait",  "=on",  "=off", ",nodelay", "telnet", "ipv4",
    "80Cx24C", "x",       "-",
};

static void check_spec(const char *text)
{
    struct chardev_spec s;
    char *why;
    int rc = chardev_spec_parse(&s, text, &why);

    assert(!rc == !why);
    assert(rc || (memchr(s.path, 0, sizeof s.path) && memchr(s.to.host, 0, sizeof s.to.host)));
    assert(rc || !s.wait || s.server);
    assert(rc || (s.kind != CHARDEV_TCP && s.kind != CHARDEV_UDP) || s.to.service[0]);
    if (!rc)
        (void)chardev_spec_note(&s);
    free(why);
}

static void specs(struct fuzz_input *in)
{
    char text[512] = "";
    unsigned n = fuzz_byte(in) % 12;

    for (unsigned i = 0; i < n; i++)
        strcat(text, pieces[fuzz_byte(in) % ARRAY_SIZE(pieces)]);
    check_spec(text);
    n = fuzz_byte(in);
    for (unsigned i = 0; i < n; i++)
        text[i] = (char)fuzz_byte(in);
    text[n] = '\0';
    check_spec(text);
}

static uint8_t sent[8192], came[8192];
static size_t sent_count, came_count;
static unsigned breaks;

/* Carries up to n bytes of what `from` has for the wire to `to`, which keeps the data if it is the one that listens. */
static void carry(struct telnet *from, struct telnet *to, size_t n, bool keep)
{
    size_t room = telnet_room(to);
    uint8_t data[TELNET_WIRE_BYTES];

    n = n < from->count ? n : from->count;
    n = n < room ? n : room;
    for (size_t done = 0; done < n;) {
        struct telnet_input in = telnet_decode(to, from->wire + done, n - done, data);

        assert(in.used && in.data <= in.used);
        if (keep) {
            assert(came_count + in.data <= sizeof came);
            memcpy(came + came_count, data, in.data);
            came_count += in.data;
            breaks += in.was_break;
        }
        done += in.used;
    }
    telnet_sent(from, n);
}

static void conversation(struct fuzz_input *in)
{
    struct telnet a, b;
    unsigned expected = 0;
    size_t held;

    telnet_start(&a, true);
    telnet_start(&b, false);
    if (fuzz_byte(in) & 1) { /* had they refused: both not binary (option 0 is the first) */
        a.count = b.count = 0;
        a.us[0] = a.them[0] = b.us[0] = b.them[0] = TELNET_NO;
    }
    sent_count = came_count = breaks = 0;
    for (unsigned steps = fuzz_byte(in); steps; steps--) {
        uint8_t what = fuzz_byte(in), n = fuzz_byte(in) % 16;
        uint8_t bytes[16];

        switch (what % 8) {
        case 0:
        case 1:
        case 2:
            for (unsigned i = 0; i < n; i++) { /* what matters to telnet, more often */
                static const uint8_t special[] = {255, '\r', '\n', 0};
                uint8_t byte = fuzz_byte(in);

                bytes[i] = byte & 1 ? special[byte >> 1 & 3] : byte;
            }
            held = telnet_encode(&a, bytes, n);
            assert(held <= n);
            memcpy(sent + sent_count, bytes, held);
            sent_count += held;
            break;
        case 3:
            held = a.count;
            telnet_send_break(&a);
            expected += a.count != held;
            break;
        case 4: carry(&b, &a, n, false); break;
        default: carry(&a, &b, 4u * n, true); break;
        }
    }
    while (a.count || b.count) {
        carry(&b, &a, sizeof b.wire, false);
        carry(&a, &b, sizeof a.wire, true);
    }
    /* A CR at the end may have its NUL to come: the other side has the CR already. */
    assert(came_count == sent_count && !memcmp(came, sent, sent_count) && breaks == expected);
}

static void hostile(struct fuzz_input *in)
{
    struct telnet t;
    uint8_t bytes[256], data[256];

    telnet_start(&t, fuzz_byte(in) & 1);
    while (in->left) {
        size_t n = telnet_room(&t), done = 0;

        n = n < sizeof bytes ? n : sizeof bytes;
        for (size_t i = 0; i < n; i++) {
            uint8_t byte = fuzz_byte(in);

            bytes[i] = byte % 3 ? (uint8_t)(240 + byte % 16) : fuzz_byte(in);
        }
        while (done < n)
            done += telnet_decode(&t, bytes + done, n - done, data).used;
        telnet_encode(&t, bytes, n);
        telnet_sent(&t, fuzz_byte(in) & 1 ? t.count : t.count / 2);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size};

    for (unsigned i = 0; i < 4; i++)
        specs(&in);
    conversation(&in);
    hostile(&in);
    return 0;
}
