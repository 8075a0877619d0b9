/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rtl8139_tx.c: frames out: the four descriptors of the 8139, and the two descriptor rings of C+ mode with checksums
 * and large send (RTL8139C+ data sheet, 5.4 and 9.1). When the cable takes no more, entries wait in the ring.
 */
#include "dev/rtl8139_internal.h"

#include "base/bytes.h"
#include "dev/net_offload.h"

#define DESC_BYTES      16u
#define DESC_ENTRIES    64u
#define DESC_OWN        0x80000000u
#define DESC_END        0x40000000u
#define DESC_FIRST      0x20000000u
#define DESC_LAST       0x10000000u
#define DESC_LARGE      0x08000000u
#define DESC_IP_SUM     0x00040000u
#define DESC_UDP_SUM    0x00020000u
#define DESC_TCP_SUM    0x00010000u
#define DESC_TAG        0x00020000u /* in the VLAN word */
#define TCR_LOOPBACK    0x00060000u
#define ETHER_HEADER    14u
#define PROTOCOL_TCP    6
#define PROTOCOL_UDP    17
#define TPPOLL_HIGH     0x80u
#define TPPOLL_NORMAL   0x40u
#define TPPOLL_SOFTWARE 0x01u

struct tx_descriptor {
    uint32_t command, vlan, low, high;
};

static bool can_send(struct rtl8139 *r)
{
    return !r->net || (r->s.tcr & TCR_LOOPBACK) == TCR_LOOPBACK || net_can_send(r->net);
}

static void send_frame(void *opaque, const uint8_t *frame, size_t len)
{
    struct rtl8139 *r = opaque;

    if ((r->s.tcr & TCR_LOOPBACK) == TCR_LOOPBACK)
        rtl8139_rx_frame(r, frame, len);
    else if (r->net)
        net_send(r->net, frame, len);
    r->s.tally.tx_ok++;
}

/* ---- the four descriptors ---- */

static void send_old(struct rtl8139 *r, unsigned n)
{
    uint32_t *tsd = &r->s.tsd[n], len = *tsd & RTL_TSD_SIZE;

    if (len > 1792 || (len && pci_dma_read(&r->pci, r->packet, r->s.tsad[n], len))) {
        *tsd |= RTL_TSD_ABORT | RTL_TSD_OWN;
        r->s.tally.tx_errors++;
        rtl8139_raise(r, RTL_ISR_TER);
        return;
    }
    if (len >= ETHER_HEADER)
        send_frame(r, r->packet, len);
    *tsd |= RTL_TSD_OWN | RTL_TSD_TOK;
    rtl8139_raise(r, RTL_ISR_TOK);
}

static void run_old(struct rtl8139 *r)
{
    while (!(r->s.tsd[r->s.tx_next] & RTL_TSD_OWN) && can_send(r)) {
        unsigned n = r->s.tx_next;

        r->s.tx_next = (n + 1) & 3;
        send_old(r, n);
    }
}

void rtl8139_tx_status_written(struct rtl8139 *r, unsigned n, uint32_t value)
{
    const uint32_t ours = RTL_TSD_TUN | RTL_TSD_TOK | RTL_TSD_ABORT | 0xbf000000u;

    if (r->s.cpcr & RTL_CPCR_TX || !(r->s.cr & RTL_CR_TE)) {
        r->s.tsd[n] = value & ~ours;
        r->s.tsd[n] |= RTL_TSD_OWN;
        return;
    }
    r->s.tsd[n] = value & ~ours;
    rtl8139_tx_run(r);
}

/* ---- C+ ---- */

/* What the chip finds in the headers by itself. The transport checksum's field is given the pseudo-header's sum. */
static bool plan_transport(uint8_t *p, uint32_t len, uint32_t command, struct net_offload *o)
{
    const uint32_t ip = ETHER_HEADER, header = (p[ip] & 15u) * 4u, total = (uint32_t)(p[ip + 2] << 8 | p[ip + 3]);
    const uint32_t tcp = ip + header;
    const uint8_t protocol = p[ip + 9];
    uint8_t pseudo[4] = {0, protocol, 0, 0};
    uint32_t bytes, sum;

    o->udp = protocol == PROTOCOL_UDP;
    o->transport = (struct net_checksum){true, tcp, tcp + (o->udp ? 6u : 16u), 0};
    if (header < 20 || tcp + (o->udp ? 8u : 20u) > len || (!o->udp && protocol != PROTOCOL_TCP))
        return false;
    bytes = o->segment ? 0 : total >= header && ip + total <= len ? total - header : len - tcp;
    if (!o->segment)
        o->transport.end = tcp + bytes - 1;
    pseudo[2] = (uint8_t)(bytes >> 8);
    pseudo[3] = (uint8_t)bytes;
    sum = net_sum(pseudo, 4, net_sum(p + ip + 12, 8, 0));
    p[o->transport.offset] = (uint8_t)(sum >> 8);
    p[o->transport.offset + 1] = (uint8_t)sum;
    if (o->segment) {
        o->header_bytes = tcp + (p[tcp + 12] >> 4) * 4u;
        o->mss = command >> 16 & 0x7ff;
    }
    return true;
}

static void send_packet(struct rtl8139 *r, uint32_t len, uint32_t command)
{
    struct net_offload o = {0};
    uint8_t *p = r->packet;
    const uint32_t ip = ETHER_HEADER;
    bool v4 = len >= ip + 20 && p[12] == 8 && p[13] == 0 && p[ip] >> 4 == 4;

    o.segment = command & DESC_LARGE;
    if (v4 && (o.segment || command & (DESC_TCP_SUM | DESC_UDP_SUM)) && !plan_transport(p, len, command, &o))
        o.transport.on = o.segment = false;
    if (v4 && (o.segment || command & DESC_IP_SUM)) {
        o.ip = (struct net_checksum){true, ip, ip + 10, ip + (p[ip] & 15u) * 4u - 1};
        p[ip + 10] = p[ip + 11] = 0;
    }
    if (!v4)
        o.segment = false;
    net_offload_send(p, len, &o, r->piece, NET_FRAME_MAX, send_frame, r);
}

static uint32_t insert_tag(uint8_t *p, uint32_t len, uint32_t vlan)
{
    if (!(vlan & DESC_TAG) || len < ETHER_HEADER || len > NET_OFFLOAD_MAX - 4)
        return len;
    memmove(p + 16, p + 12, len - 12);
    p[12] = 0x81;
    p[13] = 0;
    p[14] = (uint8_t)vlan; /* the tag's bytes lie swapped in the word */
    p[15] = (uint8_t)(vlan >> 8);
    return len + 4;
}

struct tx_walk {
    gpa_t base;
    uint32_t at, len, command, vlan; /* len: gathered so far; command and vlan: the first one's */
};

/* Adds one entry's buffer. False: nothing (more) for the chip there. */
static bool gather(struct rtl8139 *r, struct tx_walk *w, struct tx_descriptor *d)
{
    const gpa_t where = w->base + (gpa_t)w->at * DESC_BYTES;
    uint32_t n;

    if (pci_dma_read(&r->pci, d, where, sizeof *d)) {
        rtl8139_raise(r, RTL_ISR_SERR);
        return false;
    }
    if (!(d->command & DESC_OWN))
        return false;
    if (d->command & DESC_FIRST) {
        w->len = 0;
        w->command = d->command;
        w->vlan = d->vlan;
    }
    n = d->command & 0xffff;
    if (n > NET_OFFLOAD_MAX - w->len || pci_dma_read(&r->pci, r->packet + w->len, (gpa_t)d->high << 32 | d->low, n)) {
        r->s.tally.tx_errors++;
        rtl8139_raise(r, RTL_ISR_TER);
        w->len = 0;
    } else {
        w->len += n;
    }
    return true;
}

static bool give_back(struct rtl8139 *r, struct tx_walk *w, struct tx_descriptor *d)
{
    const gpa_t where = w->base + (gpa_t)w->at * DESC_BYTES;
    const uint32_t command = d->command & ~(DESC_OWN | (d->command & DESC_LAST ? 0x00ff0000u : 0));

    w->at = d->command & DESC_END || w->at + 1 >= DESC_ENTRIES ? 0 : w->at + 1;
    return pci_dma_write(&r->pci, where, &command, 4) == 0;
}

/* One packet: the entries up to the last one. An entry is the driver's again once the packet is in hand. False: no more
 * now. */
static bool send_one(struct rtl8139 *r, unsigned ring)
{
    const uint32_t *base = ring ? r->s.tx_high_ring : r->s.tx_ring;
    struct tx_walk w = {.base = (gpa_t)base[1] << 32 | base[0], .at = r->s.tx_at[ring]};
    struct tx_descriptor d = {0};

    if (!can_send(r))
        return false;
    for (unsigned i = 0; i < DESC_ENTRIES && !(d.command & DESC_LAST); i++) {
        if (!gather(r, &w, &d))
            break;
        if (!give_back(r, &w, &d))
            return false;
        r->s.tx_at[ring] = w.at;
    }
    if (!(d.command & DESC_LAST) || !(d.command & DESC_OWN))
        return false;
    if (w.len >= ETHER_HEADER) {
        /* The tag goes in last on the chip; here it would move the headers, so tagged frames keep their checksums. */
        if (r->s.cpcr & RTL_CPCR_VLAN || w.vlan & DESC_TAG)
            w.len = insert_tag(r->packet, w.len, w.vlan);
        send_packet(r, w.len, w.command);
    }
    rtl8139_raise(r, RTL_ISR_TOK);
    return true;
}

static void run_ring(struct rtl8139 *r, unsigned ring)
{
    for (unsigned i = 0; i < 4 * DESC_ENTRIES; i++) /* a guest on another vCPU may add as fast as we send */
        if (!send_one(r, ring))
            break;
    rtl8139_raise(r, RTL_ISR_TDU);
}

void rtl8139_tx_poll(struct rtl8139 *r, uint8_t bits)
{
    if (bits & TPPOLL_SOFTWARE)
        rtl8139_raise(r, RTL_ISR_SWINT);
    if (bits & (TPPOLL_HIGH | TPPOLL_NORMAL))
        rtl8139_tx_run(r);
}

void rtl8139_tx_run(struct rtl8139 *r)
{
    if (!(r->s.cr & RTL_CR_TE) || r->sending)
        return;
    r->sending = true;
    if (r->s.cpcr & RTL_CPCR_TX) {
        run_ring(r, 1);
        run_ring(r, 0);
    } else {
        run_old(r);
    }
    r->sending = false;
}
