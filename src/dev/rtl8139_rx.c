/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rtl8139_rx.c: frames in: the address filter, the ring buffer of the 8139, and the descriptor ring of C+ mode
 * (RTL8139C+ data sheet, 5 and 9.2). Checksums of arriving frames are not judged: descriptors say "not IP", so that the
 * guest sums by itself.
 */
#include "dev/rtl8139_internal.h"

#include "base/bytes.h"
#include "dev/net_offload.h"

#define RX_HEADER    4u
#define CRC_BYTES    4u
#define MIN_FRAME    60u
#define DESC_BYTES   16u
#define DESC_ENTRIES 64u
#define DESC_OWN     0x80000000u
#define DESC_END     0x40000000u
#define DESC_FIRST   0x20000000u
#define DESC_LAST    0x10000000u
#define DESC_MULTI   0x04000000u
#define DESC_MINE    0x02000000u
#define DESC_BROAD   0x01000000u
#define DESC_SIZE    0x00001fffu
#define STATUS_OK    0x0001u
#define STATUS_BROAD 0x2000u
#define STATUS_MINE  0x4000u
#define STATUS_MULTI 0x8000u

enum kind { FOR_NOBODY, FOR_ME, FOR_ALL, FOR_GROUP, FOR_OTHERS };

struct rx_descriptor {
    uint32_t command, vlan, low, high;
};

static uint32_t ring_bytes(const struct rtl8139 *r)
{
    return 8192u << (r->s.rcr >> 11 & 3);
}

/* CAPR stands 16 bytes behind what the driver has read. */
static uint32_t ring_read_at(const struct rtl8139 *r)
{
    return (r->s.capr + 16u) & (ring_bytes(r) - 1);
}

static uint32_t ring_room(const struct rtl8139 *r)
{
    uint32_t size = ring_bytes(r), used = (r->s.cbr - ring_read_at(r)) & (size - 1);

    return size - used;
}

bool rtl8139_rx_ring_empty(const struct rtl8139 *r)
{
    return ring_read_at(r) == (r->s.cbr & (ring_bytes(r) - 1));
}

static gpa_t descriptor_at(const struct rtl8139 *r)
{
    return ((gpa_t)r->s.rx_ring[1] << 32 | r->s.rx_ring[0]) + (gpa_t)r->s.rx_at * DESC_BYTES;
}

static bool descriptor_read(struct rtl8139 *r, struct rx_descriptor *d)
{
    return pci_dma_read(&r->pci, d, descriptor_at(r), sizeof *d) == 0;
}

bool rtl8139_rx_ready(void *opaque)
{
    struct rtl8139 *r = opaque;
    struct rx_descriptor d;

    if (!(r->s.cr & RTL_CR_RE))
        return true; /* only to drop it */
    if (!(r->s.cpcr & RTL_CPCR_RX))
        return ring_room(r) > RX_HEADER + 1514 + CRC_BYTES + 3;
    if (!descriptor_read(r, &d) || d.command & DESC_OWN)
        return true;
    rtl8139_raise(r, RTL_ISR_RXOVW); /* and wait: drivers acknowledge it once they have given descriptors back */
    return false;
}

static enum kind classify(struct rtl8139 *r, const uint8_t *frame)
{
    static const uint8_t broadcast[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    unsigned hash;

    if (!memcmp(frame, broadcast, 6))
        return r->s.rcr & (RTL_RCR_BROAD | RTL_RCR_ALL) ? FOR_ALL : FOR_NOBODY;
    if (frame[0] & 1) {
        hash = net_multicast_hash(frame);
        if (r->s.rcr & RTL_RCR_ALL)
            return FOR_GROUP;
        return r->s.rcr & RTL_RCR_MULTI && r->s.mar[hash >> 3] >> (hash & 7) & 1 ? FOR_GROUP : FOR_NOBODY;
    }
    if (!memcmp(frame, r->s.idr, 6))
        return r->s.rcr & (RTL_RCR_MINE | RTL_RCR_ALL) ? FOR_ME : FOR_NOBODY;
    return r->s.rcr & RTL_RCR_ALL ? FOR_OTHERS : FOR_NOBODY;
}

static void count(struct rtl8139 *r, enum kind kind)
{
    r->s.tally.rx_ok++;
    r->s.tally.rx_mine += kind == FOR_ME;
    r->s.tally.rx_broadcast += kind == FOR_ALL;
    r->s.tally.rx_multicast += kind == FOR_GROUP;
}

static void missed(struct rtl8139 *r, unsigned isr)
{
    r->s.missed = (r->s.missed + 1) & 0xffffff;
    r->s.tally.missed++;
    rtl8139_raise(r, isr);
}

/* Into the ring at the write pointer; what reaches beyond its end goes on at the start, or with WRAP right behind it.
 */
static bool ring_put(struct rtl8139 *r, uint32_t *at, const void *bytes, uint32_t n)
{
    uint32_t size = ring_bytes(r), here = *at < size ? size - *at : 0;
    bool spill = r->s.rcr & RTL_RCR_WRAP && size < 65536;
    bool ok;

    if (spill || n <= here) {
        ok = pci_dma_write(&r->pci, (gpa_t)r->s.rbstart + *at, bytes, n) == 0;
        *at += n;
        if (!spill)
            *at &= size - 1;
        return ok;
    }
    ok = pci_dma_write(&r->pci, (gpa_t)r->s.rbstart + *at, bytes, here) == 0 &&
         pci_dma_write(&r->pci, r->s.rbstart, (const uint8_t *)bytes + here, n - here) == 0;
    *at = n - here;
    return ok;
}

static void ring_receive(struct rtl8139 *r, const uint8_t *frame, uint32_t len, enum kind kind)
{
    uint32_t total = (RX_HEADER + len + CRC_BYTES + 3) & ~3u, at = r->s.cbr & (ring_bytes(r) - 1), start = at;
    uint16_t header[2] = {STATUS_OK, (uint16_t)(len + CRC_BYTES)};
    uint32_t crc = net_crc32(frame, len);

    if (total >= ring_room(r)) {
        missed(r, RTL_ISR_RXOVW);
        return;
    }
    header[0] |= kind == FOR_ME ? STATUS_MINE : kind == FOR_ALL ? STATUS_BROAD : kind == FOR_GROUP ? STATUS_MULTI : 0;
    if (!ring_put(r, &at, header, sizeof header) || !ring_put(r, &at, frame, len) ||
        !ring_put(r, &at, &crc, sizeof crc)) {
        rtl8139_raise(r, RTL_ISR_SERR);
        return;
    }
    r->s.cbr = (uint16_t)((start + total) & (ring_bytes(r) - 1));
    count(r, kind);
    rtl8139_raise(r, RTL_ISR_ROK);
}

/* One piece of the frame (with its CRC) into one buffer. False: no buffer, or memory that is not RAM. */
static bool descriptor_fill(struct rtl8139 *r, const struct rx_descriptor *d, const uint8_t *frame, uint32_t len,
                            uint32_t crc, uint32_t at, uint32_t n)
{
    gpa_t to = (gpa_t)d->high << 32 | d->low;
    uint32_t body = at < len ? (n < len - at ? n : len - at) : 0, rest = n - body;

    if (body && pci_dma_write(&r->pci, to, frame + at, body))
        return false;
    return !rest || !pci_dma_write(&r->pci, to + body, (const uint8_t *)&crc + (at + body - len), rest);
}

static void descriptors_receive(struct rtl8139 *r, const uint8_t *frame, uint32_t len, enum kind kind)
{
    uint32_t total = len + CRC_BYTES, at = 0, crc = net_crc32(frame, len);
    uint32_t flags = kind == FOR_ME ? DESC_MINE : kind == FOR_ALL ? DESC_BROAD : kind == FOR_GROUP ? DESC_MULTI : 0;

    while (at < total) {
        struct rx_descriptor d;
        uint32_t n, room;
        gpa_t where = descriptor_at(r);

        if (!descriptor_read(r, &d) || !(d.command & DESC_OWN)) {
            missed(r, RTL_ISR_RXOVW);
            return;
        }
        room = d.command & DESC_SIZE;
        n = total - at < room ? total - at : room;
        if (!n || !descriptor_fill(r, &d, frame, len, crc, at, n)) {
            missed(r, RTL_ISR_SERR);
            return;
        }
        d.command = (d.command & DESC_END) | flags | (at ? 0 : DESC_FIRST) | (at + n == total ? DESC_LAST : 0) | total;
        d.vlan = 0;
        at += n;
        if (pci_dma_write(&r->pci, where, &d, 8)) {
            missed(r, RTL_ISR_SERR);
            return;
        }
        r->s.rx_at = d.command & DESC_END || r->s.rx_at + 1 >= DESC_ENTRIES ? 0 : r->s.rx_at + 1;
    }
    count(r, kind);
    rtl8139_raise(r, RTL_ISR_ROK);
}

void rtl8139_rx_frame(void *opaque, const uint8_t *frame, size_t len)
{
    struct rtl8139 *r = opaque;
    uint8_t padded[MIN_FRAME] = {0};
    enum kind kind;

    if (!(r->s.cr & RTL_CR_RE) || len < 14 || len + CRC_BYTES > DESC_SIZE)
        return;
    kind = classify(r, frame);
    if (kind == FOR_NOBODY)
        return;
    if (len < MIN_FRAME) { /* the other end's padding */
        memcpy(padded, frame, len);
        frame = padded;
        len = MIN_FRAME;
    }
    if (r->s.cpcr & RTL_CPCR_RX)
        descriptors_receive(r, frame, (uint32_t)len, kind);
    else
        ring_receive(r, frame, (uint32_t)len, kind);
}
