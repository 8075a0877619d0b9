/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * e1000_rx.c: frames in: the address and VLAN filters, the ring, the checksums of IPv4 (8254x manual, 3.2 and 9). The
 * delay timers of the interrupt (RDTR, RADV) count as run out; the throttle (ITR) is what bounds the rate.
 */
#include "base/bytes.h"
#include "dev/e1000_internal.h"
#include "dev/net_offload.h"

#define RCTL_EN        0x00000002u
#define RCTL_UPE       0x00000008u
#define RCTL_MPE       0x00000010u
#define RCTL_LPE       0x00000020u
#define RCTL_BAM       0x00008000u
#define RCTL_VFE       0x00040000u
#define RCTL_BSEX      0x02000000u
#define RCTL_SECRC     0x04000000u
#define RXCSUM_IP      0x00000100u
#define RXCSUM_TCP     0x00000200u
#define RAH_VALID      0x80000000u
#define RA_ENTRIES     16u
#define STATUS_DONE    0x01u
#define STATUS_EOP     0x02u
#define STATUS_IGNORE  0x04u
#define STATUS_VLAN    0x08u
#define STATUS_TCP_SUM 0x20u
#define STATUS_IP_SUM  0x40u
#define STATUS_INEXACT 0x80u
#define ERROR_TCP      0x20u
#define ERROR_IP       0x40u
#define CRC_BYTES      4u
#define MIN_FRAME      60u
#define USUAL_MAX      1518u
#define TAG_BYTES      4u

enum kind { FOR_NOBODY, FOR_ME, FOR_HASH, FOR_ALL };

static unsigned ring_entries(const struct e1000 *e)
{
    return e1000_value(e, E1000_RDLEN) / E1000_DESC_BYTES;
}

static uint32_t buffer_bytes(const struct e1000 *e)
{
    uint32_t rctl = e1000_value(e, E1000_RCTL), bytes = 2048u >> (rctl >> 16 & 3);

    return rctl & RCTL_BSEX ? bytes * 16 : bytes;
}

static unsigned free_buffers(const struct e1000 *e)
{
    unsigned n = ring_entries(e), head = e1000_value(e, E1000_RDH), tail = e1000_value(e, E1000_RDT);

    if (head >= n || tail >= n)
        return 0;
    return tail >= head ? tail - head : n - head + tail;
}

bool e1000_rx_ready(void *opaque)
{
    struct e1000 *e = opaque;
    uint64_t most = NET_FRAME_MAX + CRC_BYTES, half = (uint64_t)(ring_entries(e) / 2) * buffer_bytes(e);

    if (!(e1000_value(e, E1000_RCTL) & RCTL_EN) || !e1000_link_up(e))
        return true; /* only to drop it */
    if (!(e1000_value(e, E1000_RCTL) & RCTL_LPE))
        most = USUAL_MAX + TAG_BYTES;
    return (uint64_t)free_buffers(e) * buffer_bytes(e) >= (most < half || !half ? most : half);
}

static bool hash_matches(const struct e1000 *e, const uint8_t *mac)
{
    unsigned offset = e1000_value(e, E1000_RCTL) >> 12 & 3, shift = offset == 3 ? 0 : 4 - offset;
    unsigned hash = ((unsigned)mac[5] << 8 | mac[4]) >> shift & 0xfff;

    return e1000_value(e, E1000_MTA + (hash >> 5) * 4) >> (hash & 31) & 1;
}

static enum kind classify(const struct e1000 *e, const uint8_t *frame)
{
    static const uint8_t broadcast[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    uint32_t rctl = e1000_value(e, E1000_RCTL), low = load_le32(frame), high = load_le16(frame + 4);

    if (!memcmp(frame, broadcast, 6) && rctl & RCTL_BAM)
        return FOR_ALL;
    for (unsigned i = 0; i < RA_ENTRIES; i++)
        if (e1000_value(e, E1000_RA + 8 * i) == low &&
            (e1000_value(e, E1000_RA + 8 * i + 4) & (RAH_VALID | 0xffff)) == (RAH_VALID | high))
            return FOR_ME;
    if (rctl & (frame[0] & 1 ? RCTL_MPE : RCTL_UPE))
        return FOR_ME;
    return frame[0] & 1 && hash_matches(e, frame) ? FOR_HASH : FOR_NOBODY;
}

struct rx_frame {
    const uint8_t *bytes;
    uint32_t len;
    uint32_t crc; /* only when the guest has it in its buffers */
    uint8_t status, errors;
    uint16_t tag;
};

static bool is_tagged(const struct e1000 *e, const struct rx_frame *f)
{
    return f->len >= 18 && (uint32_t)(f->bytes[12] << 8 | f->bytes[13]) == (e1000_value(e, E1000_VET) & 0xffff);
}

static bool vlan_passes(const struct e1000 *e, const struct rx_frame *f)
{
    unsigned id = (unsigned)(f->bytes[14] << 8 | f->bytes[15]) & 0xfff;

    if (!(e1000_value(e, E1000_RCTL) & RCTL_VFE))
        return true;
    return e1000_value(e, E1000_VFTA + (id >> 5) * 4) >> (id & 31) & 1;
}

/* Whole TCP and UDP packets over IPv4; of all else the guest makes its own sums. */
static void judge_sums(const struct e1000 *e, struct rx_frame *f)
{
    const uint8_t *ip = f->bytes + 14;
    uint32_t header, total, wanted = e1000_value(e, E1000_RXCSUM);
    uint8_t pseudo[4];
    bool udp;

    f->status |= STATUS_IGNORE;
    if (f->len < 34 || f->bytes[12] != 8 || f->bytes[13] != 0 || ip[0] >> 4 != 4 ||
        !(wanted & (RXCSUM_IP | RXCSUM_TCP)))
        return;
    header = (ip[0] & 15u) * 4u;
    total = (uint32_t)(ip[2] << 8 | ip[3]);
    if (header < 20 || total < header || total > f->len - 14)
        return;
    f->status = (uint8_t)(f->status & ~STATUS_IGNORE);
    if (wanted & RXCSUM_IP) {
        f->status |= STATUS_IP_SUM;
        f->errors |= net_sum(ip, header, 0) == 0xffff ? 0 : ERROR_IP;
    }
    udp = ip[9] == 17;
    if (!(wanted & RXCSUM_TCP) || (ip[9] != 6 && !udp) || (ip[6] & 0x3f) || ip[7] || total - header < 8)
        return;
    if (udp && !ip[header + 6] && !ip[header + 7]) /* sent without */
        return;
    pseudo[0] = 0;
    pseudo[1] = ip[9];
    pseudo[2] = (uint8_t)((total - header) >> 8);
    pseudo[3] = (uint8_t)(total - header);
    f->status |= STATUS_TCP_SUM;
    f->errors |=
        net_sum(ip + header, total - header, net_sum(pseudo, 4, net_sum(ip + 12, 8, 0))) == 0xffff ? 0 : ERROR_TCP;
}

static void count_received(struct e1000 *e, const struct rx_frame *f, enum kind kind)
{
    static const uint16_t sizes[5] = {64, 127, 255, 511, 1023};
    uint32_t len = f->len + CRC_BYTES;
    unsigned n = 0;

    while (n < 5 && len > sizes[n])
        n++;
    e1000_count(e, E1000_PRC64 + 4 * n, 1);
    e1000_count(e, E1000_GPRC, 1);
    e1000_count(e, E1000_GORCL, len);
    if (kind == FOR_ALL)
        e1000_count(e, E1000_BPRC, 1);
    else if (f->bytes[0] & 1)
        e1000_count(e, E1000_MPRC, 1);
}

/* One descriptor's part. The last carries what is said of the frame; drivers wait for its status byte. */
static void put_piece(struct e1000 *e, const struct rx_frame *f, uint32_t at, uint32_t n, bool last)
{
    gpa_t where = ((gpa_t)e1000_value(e, E1000_RDBAH) << 32 | e1000_value(e, E1000_RDBAL)) +
                  (gpa_t)e1000_value(e, E1000_RDH) * E1000_DESC_BYTES;
    uint32_t body = at < f->len ? (n < f->len - at ? n : f->len - at) : 0;
    uint8_t d[E1000_DESC_BYTES];

    if (pci_dma_read(&e->pci, d, where, sizeof d))
        return;
    if (body)
        (void)pci_dma_write(&e->pci, load_le64(d), f->bytes + at, body);
    if (n > body)
        (void)pci_dma_write(&e->pci, load_le64(d) + body, (const uint8_t *)&f->crc + (at + body - f->len), n - body);
    store_le16(d + 8, (uint16_t)n);
    store_le16(d + 10, 0);
    d[12] = (uint8_t)(STATUS_DONE | (last ? STATUS_EOP | f->status : f->status & STATUS_VLAN));
    d[13] = last ? f->errors : 0;
    store_le16(d + 14, f->tag);
    (void)pci_dma_write(&e->pci, where + 8, d + 8, 8);
}

static uint32_t threshold_reached(const struct e1000 *e)
{
    unsigned shift = 1 + (e1000_value(e, E1000_RCTL) >> 8 & 3);

    return free_buffers(e) <= ring_entries(e) >> shift ? E1000_ICR_RXDMT0 : 0;
}

static void deliver(struct e1000 *e, const struct rx_frame *f)
{
    uint32_t total = f->len + (e1000_value(e, E1000_RCTL) & RCTL_SECRC ? 0 : CRC_BYTES), bytes = buffer_bytes(e);
    uint32_t *head = e1000_reg(e, E1000_RDH);

    if ((uint64_t)free_buffers(e) * bytes < total) {
        e1000_count(e, E1000_MPC, 1);
        e1000_count(e, E1000_RNBC, 1);
        e1000_raise(e, E1000_ICR_RXO);
        return;
    }
    for (uint32_t at = 0, n; at < total; at += n) {
        n = total - at < bytes ? total - at : bytes;
        put_piece(e, f, at, n, at + n == total);
        *head = *head + 1 >= ring_entries(e) ? 0 : *head + 1;
    }
    e1000_raise(e, E1000_ICR_RXT0 | threshold_reached(e));
}

void e1000_rx_frame(void *opaque, const uint8_t *frame, size_t len)
{
    struct e1000 *e = opaque;
    uint32_t rctl = e1000_value(e, E1000_RCTL);
    uint8_t copy[NET_FRAME_MAX];
    struct rx_frame f = {.bytes = frame, .len = (uint32_t)len};
    enum kind kind;

    if (!(rctl & RCTL_EN) || len < 14 || len > sizeof copy || (!e1000_link_up(e) && !e->sending))
        return;
    e1000_count(e, E1000_TPR, 1);
    e1000_count(e, E1000_TORL, len + CRC_BYTES);
    if (len < MIN_FRAME) { /* the other end's padding */
        memset(copy, 0, MIN_FRAME);
        memcpy(copy, frame, len);
        f.bytes = copy;
        f.len = MIN_FRAME;
    }
    kind = classify(e, frame);
    if (kind == FOR_NOBODY || (is_tagged(e, &f) && !vlan_passes(e, &f)))
        return;
    if (f.len + CRC_BYTES > USUAL_MAX + (is_tagged(e, &f) ? TAG_BYTES : 0) && !(rctl & RCTL_LPE)) {
        e1000_count(e, E1000_ROC, 1);
        return;
    }
    count_received(e, &f, kind);
    if (kind == FOR_HASH)
        f.status |= STATUS_INEXACT;
    if (is_tagged(e, &f) && e1000_value(e, E1000_CTRL) & E1000_CTRL_VME) {
        f.tag = (uint16_t)(f.bytes[14] << 8 | f.bytes[15]);
        f.status |= STATUS_VLAN;
        memmove(copy + 12, f.bytes + 16, f.len - 16);
        memmove(copy, f.bytes, 12);
        f.bytes = copy;
        f.len -= TAG_BYTES;
    }
    judge_sums(e, &f);
    if (!(rctl & RCTL_SECRC))
        f.crc = net_crc32(f.bytes, f.len);
    deliver(e, &f);
}
