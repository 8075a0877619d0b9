/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * e1000_tx.c: frames out: legacy, context and data descriptors, checksums, segmentation, VLAN tags (8254x manual, 3.3
 * to 3.5). When the cable takes no more, descriptors wait in the ring. Descriptors are written back at once; the delay
 * timers of the interrupt (TIDV, TADV) count as run out, the throttle (ITR) is what bounds the rate.
 */
#include "base/bytes.h"
#include "dev/e1000_internal.h"
#include "dev/net_offload.h"

#define TCTL_EN      0x00000002u
#define TCTL_PSP     0x00000008u
#define CMD_EOP      0x01u
#define CMD_IC       0x04u
#define CMD_TSE      0x04u /* of a data descriptor */
#define CMD_RS       0x08u
#define CMD_RPS      0x10u
#define CMD_DEXT     0x20u
#define CMD_VLE      0x40u
#define CONTEXT_TCP  0x01u
#define CONTEXT_IPV4 0x02u
#define CONTEXT_TSE  0x04u
#define OPTION_IP    0x01u
#define OPTION_TCP   0x02u
#define STATUS_DONE  0x01u
#define ETHER_HEADER 14u
#define MIN_FRAME    60u
#define ROUND        512u /* descriptors in one go, so that others get the machine lock in between */

struct tx_packet {
    uint32_t len;
    bool broken; /* memory that is not RAM, or too long */
    bool first, segment;
    uint8_t options, command; /* the first descriptor's and the last one's */
    uint8_t cso, css;         /* a legacy one's */
    uint16_t tag;
};

static bool loops_back(const struct e1000 *e)
{
    return e->s.phy[0] & E1000_PHY_LOOPBACK;
}

static void count_sent(struct e1000 *e, const uint8_t *frame, size_t len)
{
    static const uint16_t sizes[5] = {64, 127, 255, 511, 1023};
    unsigned n = 0;

    len += 4; /* the CRC */
    while (n < 5 && len > sizes[n])
        n++;
    e1000_count(e, E1000_PTC64 + 4 * n, 1);
    e1000_count(e, E1000_GPTC, 1);
    e1000_count(e, E1000_TPT, 1);
    e1000_count(e, E1000_GOTCL, len);
    e1000_count(e, E1000_TOTL, len);
    if (frame[0] & 1)
        e1000_count(e, frame[0] == 0xff && frame[5] == 0xff ? E1000_BPTC : E1000_MPTC, 1);
}

struct tx_frame_way {
    struct e1000 *e;
    bool tagged;
    uint16_t tag;
};

static void send_frame(void *opaque, const uint8_t *frame, size_t len)
{
    struct tx_frame_way *way = opaque;
    struct e1000 *e = way->e;
    uint8_t copy[NET_FRAME_MAX];

    if (len < ETHER_HEADER || len + 4 > sizeof copy)
        return;
    if (way->tagged || len < MIN_FRAME) {
        size_t skip = way->tagged ? 4 : 0;

        memcpy(copy, frame, 12);
        if (way->tagged) {
            copy[12] = (uint8_t)(e1000_value(e, E1000_VET) >> 8);
            copy[13] = (uint8_t)e1000_value(e, E1000_VET);
            copy[14] = (uint8_t)(way->tag >> 8);
            copy[15] = (uint8_t)way->tag;
        }
        memcpy(copy + 12 + skip, frame + 12, len - 12);
        len += skip;
        if (len < MIN_FRAME && e1000_value(e, E1000_TCTL) & TCTL_PSP) {
            memset(copy + len, 0, MIN_FRAME - len);
            len = MIN_FRAME;
        }
        frame = copy;
    }
    count_sent(e, frame, len);
    if (loops_back(e))
        e1000_rx_frame(e, frame, len);
    else if (e->net && e1000_link_up(e))
        net_send(e->net, frame, len);
}

static void send_packet(struct e1000 *e, const struct tx_packet *t)
{
    const struct e1000_context *c = &e->s.context[t->segment];
    struct tx_frame_way way = {e, t->command & CMD_VLE && e1000_value(e, E1000_CTRL) & E1000_CTRL_VME, t->tag};
    struct net_offload o = {
        .ip = {t->options & OPTION_IP, c->ipcss, c->ipcso, c->ipcse},
        .transport = {t->options & OPTION_TCP, c->tucss, c->tucso, c->tucse},
        .segment = t->segment,
        .ipv6 = t->segment && !(c->command & CONTEXT_IPV4),
        .udp = !(c->command & CONTEXT_TCP),
        .header_bytes = c->header_bytes,
        .mss = c->mss,
    };

    if (!(t->command & CMD_DEXT)) {
        o = (struct net_offload){0};
        if (t->command & CMD_IC)
            o.transport = (struct net_checksum){true, t->css, t->cso, 0};
    }
    if (o.segment)
        e1000_count(e, E1000_TSCTC, 1);
    net_offload_send(e->packet, t->len, &o, e->piece, NET_FRAME_MAX, send_frame, &way);
}

static void context_load(struct e1000 *e, const uint8_t d[E1000_DESC_BYTES])
{
    uint8_t command = d[11];
    struct e1000_context *c = &e->s.context[command & CONTEXT_TSE ? 1 : 0];

    *c = (struct e1000_context){
        .ipcss = d[0],
        .ipcso = d[1],
        .ipcse = load_le16(d + 2),
        .tucss = d[4],
        .tucso = d[5],
        .tucse = load_le16(d + 6),
        .command = command,
        .header_bytes = d[13],
        .mss = load_le16(d + 14),
    };
}

static void gather(struct e1000 *e, struct tx_packet *t, const uint8_t d[E1000_DESC_BYTES])
{
    uint32_t low = load_le32(d + 8), n = d[11] & CMD_DEXT ? low & 0xfffff : low & 0xffff;

    if (t->first) {
        t->first = false;
        t->segment = d[11] & CMD_DEXT && d[11] & CMD_TSE;
        t->options = d[11] & CMD_DEXT ? d[13] : 0;
    }
    t->command = d[11];
    t->cso = d[10];
    t->css = d[13];
    t->tag = load_le16(d + 14);
    if (!t->broken && n <= NET_OFFLOAD_MAX - t->len && !pci_dma_read(&e->pci, e->packet + t->len, load_le64(d), n))
        t->len += n;
    else
        t->broken = true;
}

/* One descriptor; the causes of interrupt it brings. */
static uint32_t take(struct e1000 *e, struct tx_packet *t, gpa_t where)
{
    uint8_t d[E1000_DESC_BYTES], command;
    bool report;

    if (pci_dma_read(&e->pci, d, where, sizeof d))
        return 0;
    command = d[11];
    if (command & CMD_DEXT && (d[10] & 0xf0) == 0) {
        context_load(e, d);
    } else {
        gather(e, t, d);
        if (command & CMD_EOP) {
            if (!t->broken && t->len)
                send_packet(e, t);
            *t = (struct tx_packet){.first = true};
        }
    }
    report = command & (CMD_RS | CMD_RPS);
    if (report) {
        d[12] |= STATUS_DONE;
        (void)pci_dma_write(&e->pci, where + 12, d + 12, 1);
    }
    return report ? E1000_ICR_TXDW : 0;
}

static unsigned ring_entries(struct e1000 *e)
{
    return e1000_value(e, E1000_TDLEN) / E1000_DESC_BYTES;
}

/* A packet begins only when all its descriptors are there: chips fetch ahead, and drivers move the tail behind the last
 * one. Where the end is missing, nothing of it was taken. */
static bool packet_is_whole(struct e1000 *e, gpa_t base, unsigned head, unsigned tail, unsigned entries)
{
    for (unsigned i = 0; head != tail && i < ROUND; i++) {
        uint8_t command[4];

        if (pci_dma_read(&e->pci, command, base + (gpa_t)head * E1000_DESC_BYTES + 8, sizeof command))
            return true;
        if (command[3] & CMD_EOP || (command[3] & CMD_DEXT && (command[2] & 0xf0) == 0))
            return true;
        head = head + 1 >= entries ? 0 : head + 1;
    }
    return head != tail; /* longer than any packet: taken, and dropped for its length */
}

void e1000_tx_run(struct e1000 *e)
{
    const gpa_t base = (gpa_t)e1000_value(e, E1000_TDBAH) << 32 | e1000_value(e, E1000_TDBAL);
    struct tx_packet t = {.first = true};
    uint32_t *head = e1000_reg(e, E1000_TDH), causes = 0;
    unsigned entries = ring_entries(e), done = 0;

    if (e->sending || !(e1000_value(e, E1000_TCTL) & TCTL_EN) || *head >= entries ||
        e1000_value(e, E1000_TDT) >= entries)
        return;
    e->sending = true;
    while (*head != e1000_value(e, E1000_TDT)) {
        if (t.first && (done >= ROUND || !packet_is_whole(e, base, *head, e1000_value(e, E1000_TDT), entries) ||
                        (e->net && !loops_back(e) && !net_can_send(e->net))))
            break;
        causes |= take(e, &t, base + (gpa_t)*head * E1000_DESC_BYTES);
        *head = *head + 1 >= entries ? 0 : *head + 1;
        if (++done >= 4 * ROUND) /* a packet without an end */
            break;
    }
    e->sending = false;
    if (*head == e1000_value(e, E1000_TDT))
        causes |= done ? E1000_ICR_TXQE : 0;
    else if (done >= ROUND)
        loop_post(e->loop, &e->more);
    if (causes)
        e1000_raise(e, causes);
}

void e1000_tx_more(struct loop_job *job)
{
    e1000_tx_run(container_of(job, struct e1000, more));
}
