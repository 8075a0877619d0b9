/* SPDX-License-Identifier: GPL-2.0-or-later */
/* net_offload.c: see net_offload.h. RFC 791, 793, 1071; IEEE 802.3, 3.2.9 for the CRC. */
#include "dev/net_offload.h"

#include <string.h>
#include <zlib.h>

static uint16_t load_be16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static void store_be16(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static uint32_t load_be32(const uint8_t *p)
{
    return (uint32_t)load_be16(p) << 16 | load_be16(p + 2);
}

uint32_t net_sum(const uint8_t *bytes, size_t n, uint32_t sum)
{
    uint64_t total = sum;

    for (size_t i = 0; i + 1 < n; i += 2)
        total += load_be16(bytes + i);
    if (n & 1)
        total += (uint32_t)bytes[n - 1] << 8;
    while (total >> 16)
        total = (total & 0xffff) + (total >> 16);
    return (uint32_t)total;
}

static void checksum(uint8_t *frame, size_t len, const struct net_checksum *c, bool zero_is_ones)
{
    size_t end = c->end && c->end + 1u < len ? c->end + 1u : len;
    uint32_t sum;

    if (!c->on || c->start >= end || c->offset + 2u > len)
        return;
    sum = ~net_sum(frame + c->start, end - c->start, 0) & 0xffff;
    store_be16(frame + c->offset, zero_is_ones && !sum ? 0xffff : sum);
}

/* The headers of the piece that begins `at` bytes into the payload. */
static void piece_headers(uint8_t *piece, size_t len, const struct net_offload *o, uint32_t at, unsigned number,
                          bool last)
{
    const uint32_t ip = o->ip.start, tcp = o->transport.start, field = o->transport.offset;

    if (o->ipv6) {
        store_be16(piece + ip + 4, (uint32_t)(len - ip - 40));
    } else {
        store_be16(piece + ip + 2, (uint32_t)(len - ip));
        store_be16(piece + ip + 4, load_be16(piece + ip + 4) + number);
    }
    if (o->udp) {
        store_be16(piece + tcp + 4, (uint32_t)(len - tcp));
    } else {
        uint32_t sequence = load_be32(piece + tcp + 4) + at;

        store_be16(piece + tcp + 4, sequence >> 16);
        store_be16(piece + tcp + 6, sequence);
        if (!last)
            piece[tcp + 13] = (uint8_t)(piece[tcp + 13] & ~0x09u); /* FIN and PSH are the last one's */
    }
    if (o->transport.on) { /* the pseudo-header's sum grows by the length */
        uint8_t length[2];

        store_be16(length, (uint32_t)(len - tcp));
        store_be16(piece + field, net_sum(length, 2, load_be16(piece + field)));
    }
}

static bool segmentable(size_t len, const struct net_offload *o, size_t scratch_bytes)
{
    const uint32_t ip = o->ip.start, tcp = o->transport.start;

    return o->mss && o->header_bytes < len && o->mss <= scratch_bytes && o->header_bytes <= scratch_bytes - o->mss &&
           ip >= 14 && ip + (o->ipv6 ? 40u : 20u) <= tcp && tcp + (o->udp ? 8u : 20u) <= o->header_bytes &&
           o->transport.offset + 2u <= o->header_bytes && o->ip.offset + 2u <= o->header_bytes;
}

void net_offload_send(uint8_t *frame, size_t len, const struct net_offload *o, uint8_t *scratch, size_t scratch_bytes,
                      void (*send)(void *opaque, const uint8_t *frame, size_t len), void *opaque)
{
    uint32_t at = 0, left;

    if (!o->segment || !segmentable(len, o, scratch_bytes)) {
        checksum(frame, len, &o->ip, false);
        checksum(frame, len, &o->transport, o->udp);
        send(opaque, frame, len);
        return;
    }
    left = (uint32_t)len - o->header_bytes;
    for (unsigned number = 0; left; number++) {
        uint32_t n = left < o->mss ? left : o->mss;
        size_t piece = o->header_bytes + n;

        memcpy(scratch, frame, o->header_bytes);
        memcpy(scratch + o->header_bytes, frame + o->header_bytes + at, n);
        piece_headers(scratch, piece, o, at, number, n == left);
        checksum(scratch, piece, &o->ip, false);
        checksum(scratch, piece, &o->transport, o->udp);
        send(opaque, scratch, piece);
        at += n;
        left -= n;
    }
}

uint32_t net_crc32(const uint8_t *bytes, size_t n)
{
    return (uint32_t)crc32(0, bytes, (unsigned)n);
}

/* The shift register's top bits, first sent bit highest: zlib's CRC is mirrored and inverted. */
unsigned net_multicast_hash(const uint8_t *mac)
{
    uint32_t crc = ~net_crc32(mac, 6);
    unsigned hash = 0;

    for (unsigned i = 0; i < 6; i++)
        hash |= (crc >> i & 1) << (5 - i);
    return hash;
}
