/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rtl8139.c: the RTL8139C+'s registers, interrupts, timer and life (Realtek RTL8139C+ data sheet 1.5, chapter 5, and
 * 802.3 clause 22 for the PHY's). Frames are in rtl8139_rx.c and rtl8139_tx.c. Knows no back end beyond net.h.
 *
 * Registers are bytes; a wider access is its bytes from low to high, but for those that act on the whole of a word:
 * these take any access as their own with the other bytes as they were.
 */
#include "dev/rtl8139.h"

#include "base/bytes.h"
#include "dev/net_offload.h"
#include "dev/rtl8139_internal.h"

#include <errno.h>
#include <stdlib.h>

#define WINDOW_BYTES   256u
#define TSD_RESET      RTL_TSD_OWN
#define TCR_VERSION    0x74800000u /* the HWVERID bits of an 8139C+ */
#define TCR_WRITABLE   0x0307f7f0u
#define CR9346_PROGRAM 0x80u
#define CR9346_UNLOCK  0xc0u
#define MSR_LINK_DOWN  0x04u
#define BMCR_RESET     0x8000u
#define BMCR_RESTART   0x0200u
#define BMSR           0x7809u /* 100 and 10, both duplexes, autonegotiation */
#define BMSR_LINK      0x0024u /* link, and negotiated */
#define PARTNER        0x45e1u
#define TALLY_DUMP     0x08u
#define TALLY_BYTES    64u
#define PCI_CLOCK_NS   30u

static const struct pci_ids rtl8139_ids = {
    .vendor = 0x10ec,
    .device = 0x8139,
    .class_code = 0x020000,
    .revision = 0x20,
    .subsystem_vendor = 0x1af4,
    .subsystem = 0x1100,
    .interrupt_pin = 1,
};

static struct rtl8139 *to_rtl(struct device *d)
{
    return (struct rtl8139 *)d;
}

static void update_irq(struct rtl8139 *r)
{
    pci_set_intx(&r->pci, (r->s.isr & r->s.imr) != 0);
}

void rtl8139_raise(struct rtl8139 *r, unsigned isr)
{
    r->s.isr = (uint16_t)(r->s.isr | isr);
    update_irq(r);
}

static bool link_up(const struct rtl8139 *r)
{
    return r->net && net_link(r->net);
}

static void receiver_changed(struct rtl8139 *r)
{
    if (r->net)
        net_ready_changed(r->net);
}

/* ---- the timer: TCTR counts PCI clocks from the last write; TimerInt says at which count to interrupt ---- */

static uint32_t timer_count(struct rtl8139 *r)
{
    return (uint32_t)((loop_now_ns(r->loop) - r->s.timer_start_ns) / PCI_CLOCK_NS);
}

static void timer_arm(struct rtl8139 *r)
{
    timer_cancel(&r->timer);
    if (r->s.timer_interrupt)
        timer_set(&r->timer, r->s.timer_start_ns + (uint64_t)r->s.timer_interrupt * PCI_CLOCK_NS);
}

static void timer_fired(void *opaque)
{
    rtl8139_raise(opaque, RTL_ISR_TIMEOUT);
}

static void timer_restart(struct rtl8139 *r)
{
    r->s.timer_start_ns = loop_now_ns(r->loop);
    timer_arm(r);
}

/* ---- commands ---- */

static void load_eeprom(struct rtl8139 *r)
{
    for (unsigned i = 0; i < 3; i++)
        store_le16(r->s.idr + 2 * i, r->s.eeprom.word[7 + i]);
}

static void chip_reset(struct rtl8139 *r)
{
    struct rtl8139_state *s = &r->s;

    s->cr = 0;
    s->imr = s->isr = 0;
    s->capr = 0xfff0;
    s->cbr = s->cpcr = s->multi_interrupt = 0;
    s->tcr = s->rcr = s->missed = s->timer_interrupt = 0;
    s->cr9346 = 0;
    s->config1 = 0x0c;
    s->config3 = 0x01;
    s->config4 = s->config5 = 0;
    s->tx_next = s->early_tx = 0;
    s->bmcr = 0x3100;
    s->anar = 0x05e1;
    s->nwaytr = 0;
    for (unsigned i = 0; i < 4; i++) {
        s->tsd[i] = TSD_RESET;
        s->tsad[i] = 0;
    }
    s->tx_at[0] = s->tx_at[1] = s->rx_at = 0;
    load_eeprom(r);
    timer_restart(r);
    update_irq(r);
    receiver_changed(r);
}

static void command_write(struct rtl8139 *r, uint8_t value)
{
    uint8_t before = r->s.cr;

    if (value & RTL_CR_RST) {
        chip_reset(r);
        return;
    }
    r->s.cr = value & (RTL_CR_RE | RTL_CR_TE);
    if (r->s.cr & ~before & RTL_CR_RE)
        r->s.rx_at = 0;
    if (r->s.cr & ~before & RTL_CR_TE)
        r->s.tx_at[0] = r->s.tx_at[1] = r->s.tx_next = 0;
    receiver_changed(r);
}

static void cr9346_write(struct rtl8139 *r, uint8_t value)
{
    r->s.cr9346 = value & 0xce;
    if ((value & 0xc0) == CR9346_PROGRAM)
        eeprom_wires(&r->s.eeprom, value & 8, value & 4, value & 2);
    else
        eeprom_wires(&r->s.eeprom, false, false, false);
    if ((value & 0xc0) == 0x40) { /* autoload */
        load_eeprom(r);
        r->s.cr9346 = 0;
    }
}

static uint8_t cr9346_read(const struct rtl8139 *r)
{
    bool program = (r->s.cr9346 & 0xc0) == CR9346_PROGRAM;

    return (uint8_t)(r->s.cr9346 | (program && r->s.eeprom.out ? 1 : 0));
}

static bool unlocked(const struct rtl8139 *r)
{
    return (r->s.cr9346 & 0xc0) == CR9346_UNLOCK;
}

static void tally_dump(struct rtl8139 *r)
{
    const struct rtl8139_tally *t = &r->s.tally;
    uint8_t b[TALLY_BYTES];

    store_le64(b, t->tx_ok);
    store_le64(b + 8, t->rx_ok);
    store_le64(b + 16, t->tx_errors);
    store_le32(b + 24, t->rx_errors);
    store_le16(b + 28, t->missed);
    store_le16(b + 30, t->align_errors);
    store_le32(b + 32, t->tx_one_collision);
    store_le32(b + 36, t->tx_collisions);
    store_le64(b + 40, t->rx_mine);
    store_le64(b + 48, t->rx_broadcast);
    store_le32(b + 56, t->rx_multicast);
    store_le16(b + 60, t->tx_aborted);
    store_le16(b + 62, t->tx_underrun);
    if (pci_dma_write(&r->pci, (gpa_t)r->s.tally_address[1] << 32 | (r->s.tally_address[0] & ~63u), b, sizeof b))
        rtl8139_raise(r, RTL_ISR_SERR);
}

static uint16_t tx_summary(const struct rtl8139 *r)
{
    unsigned value = 0;

    for (unsigned i = 0; i < 4; i++)
        value |= (r->s.tsd[i] & RTL_TSD_OWN ? 1u << i : 0) | (r->s.tsd[i] & RTL_TSD_ABORT ? 1u << (4 + i) : 0) |
                 (r->s.tsd[i] & RTL_TSD_TUN ? 1u << (8 + i) : 0) | (r->s.tsd[i] & RTL_TSD_TOK ? 1u << (12 + i) : 0);
    return (uint16_t)value;
}

/* ---- the register file, as aligned 32-bit words ---- */

static uint32_t bmsr_read(const struct rtl8139 *r)
{
    return BMSR | (link_up(r) ? BMSR_LINK : 0);
}

static uint32_t command_word(const struct rtl8139 *r)
{
    bool empty = r->s.cpcr & RTL_CPCR_RX || rtl8139_rx_ring_empty(r);

    return (uint32_t)(r->s.cr | (empty ? RTL_CR_BUFE : 0)) << 24;
}

static uint32_t word_read(struct rtl8139 *r, unsigned at)
{
    const struct rtl8139_state *s = &r->s;

    switch (at) {
    case 0x00: return load_le32(s->idr);
    case 0x04: return load_le16(s->idr + 4);
    case 0x08: return load_le32(s->mar);
    case 0x0c: return load_le32(s->mar + 4);
    case 0x10:
    case 0x14: return s->cpcr & RTL_CPCR_TX ? s->tally_address[at >> 2 & 1] : s->tsd[at >> 2 & 3];
    case 0x18:
    case 0x1c: return s->tsd[at >> 2 & 3];
    case 0x20:
    case 0x24: return s->cpcr & RTL_CPCR_TX ? s->tx_ring[at >> 2 & 1] : s->tsad[at >> 2 & 3];
    case 0x28:
    case 0x2c: return s->cpcr & RTL_CPCR_TX ? s->tx_high_ring[at >> 2 & 1] : s->tsad[at >> 2 & 3];
    case 0x30: return s->rbstart;
    case 0x34: return command_word(r);
    case 0x38: return s->capr | (uint32_t)s->cbr << 16;
    case 0x3c: return s->imr | (uint32_t)s->isr << 16;
    case 0x40: return s->tcr | TCR_VERSION;
    case 0x44: return s->rcr;
    case 0x48: return timer_count(r);
    case 0x4c: return s->missed;
    case 0x50: return cr9346_read(r) | (uint32_t)s->config0 << 8 | (uint32_t)s->config1 << 16;
    case 0x54: return s->timer_interrupt;
    case 0x58:
        return (s->media | (link_up(r) ? 0 : MSR_LINK_DOWN)) | (uint32_t)s->config3 << 8 | (uint32_t)s->config4 << 16;
    case 0x5c: return s->multi_interrupt | 0x100000;
    case 0x60: return tx_summary(r) | (uint32_t)s->bmcr << 16;
    case 0x64: return bmsr_read(r) | (uint32_t)s->anar << 16;
    case 0x68: return link_up(r) ? PARTNER | 0x00010000u : 0;
    case 0x70: return s->nwaytr;
    case 0x74: return link_up(r) ? 0x0cc0 : 0x0080; /* CSCR */
    case 0xd8: return s->config5;
    case 0xe0: return s->cpcr;
    case 0xe4:
    case 0xe8: return s->rx_ring[at == 0xe8];
    case 0xec: return s->early_tx;
    default: return 0;
    }
}

/* A write of the bytes in `mask` of the word at `at`; `v` is the word with the others as they read. */
static void word_write(struct rtl8139 *r, unsigned at, uint32_t v, uint32_t mask);

static uint64_t rtl8139_read(struct device *d, uint64_t offset, unsigned size)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < size;) {
        unsigned at = (unsigned)offset + i, skip = at & 3, n = 4 - skip;
        uint64_t word = word_read(to_rtl(d), at & ~3u) >> (8 * skip);

        value |= word << (8 * i);
        i += n;
    }
    return value & bytes_ones(size);
}

static void rtl8139_write(struct device *d, uint64_t offset, unsigned size, uint64_t value)
{
    for (unsigned i = 0; i < size;) {
        unsigned at = (unsigned)offset + i, skip = at & 3, n = size - i < 4 - skip ? size - i : 4 - skip;
        uint32_t mask = (uint32_t)bytes_ones(n) << (8 * skip);
        uint32_t bits = (uint32_t)(value >> (8 * i)) << (8 * skip);

        word_write(to_rtl(d), at & ~3u, bits & mask, mask);
        i += n;
    }
}

static void merge(uint32_t *word, uint32_t v, uint32_t mask)
{
    *word = (*word & ~mask) | (v & mask);
}

static void merge_high(uint16_t *half, uint32_t v, uint32_t mask)
{
    *half = (uint16_t)((*half & ~(mask >> 16)) | (v >> 16));
}

static void merge_low(uint16_t *half, uint32_t v, uint32_t mask)
{
    *half = (uint16_t)((*half & ~mask) | (v & mask));
}

static void merge_bytes(uint8_t *bytes, uint32_t v, uint32_t mask)
{
    store_le32(bytes, (load_le32(bytes) & ~mask) | v);
}

static void configs_write(struct rtl8139 *r, uint32_t v, uint32_t mask)
{
    if (mask & 0xff)
        cr9346_write(r, (uint8_t)v);
    if (mask & 0xff0000 && unlocked(r))
        r->s.config1 = (uint8_t)(v >> 16);
}

static void phy_write(struct rtl8139 *r, uint32_t v, uint32_t mask)
{
    if (!(mask & 0xffff0000u))
        return;
    merge_high(&r->s.bmcr, v, mask);
    if (r->s.bmcr & BMCR_RESET)
        r->s.bmcr = 0x3100;
    r->s.bmcr = (uint16_t)(r->s.bmcr & ~BMCR_RESTART);
}

static void interrupts_write(struct rtl8139 *r, uint32_t v, uint32_t mask)
{
    merge_low(&r->s.imr, v, mask);
    r->s.isr = (uint16_t)(r->s.isr & ~(v >> 16));
    update_irq(r);
    receiver_changed(r); /* C+ drivers give descriptors back without a word; this is the sign that they looked */
}

/* 10h and 14h of C+ mode: where the counters go; bit 3 of the low word starts. */
static void tally_write(struct rtl8139 *r, unsigned n, uint32_t v, uint32_t mask)
{
    merge(&r->s.tally_address[n], v, mask);
    if (n || !(r->s.tally_address[0] & TALLY_DUMP))
        return;
    tally_dump(r);
    r->s.tally_address[0] &= ~TALLY_DUMP;
}

static void ring_or_buffer_write(struct rtl8139 *r, unsigned at, uint32_t v, uint32_t mask)
{
    uint32_t *ring = at < 0x28 ? r->s.tx_ring : r->s.tx_high_ring;

    if (r->s.cpcr & RTL_CPCR_TX) {
        merge(&ring[at >> 2 & 1], v, mask);
        r->s.tx_at[at >= 0x28] = 0;
    } else {
        merge(&r->s.tsad[at >> 2 & 3], v, mask);
    }
}

static void word_write(struct rtl8139 *r, unsigned at, uint32_t v, uint32_t mask)
{
    struct rtl8139_state *s = &r->s;
    uint8_t id[8] = {0};

    switch (at) {
    case 0x00:
    case 0x04:
        memcpy(id, s->idr, 6);
        merge_bytes(id + at, v, mask);
        memcpy(s->idr, id, 6);
        break;
    case 0x08:
    case 0x0c: merge_bytes(s->mar + (at & 4), v, mask); break;
    case 0x10 ... 0x1f:
        if (s->cpcr & RTL_CPCR_TX && at < 0x18)
            tally_write(r, at >> 2 & 1, v, mask);
        else
            rtl8139_tx_status_written(r, at >> 2 & 3, (s->tsd[at >> 2 & 3] & ~mask) | v);
        break;
    case 0x20 ... 0x2f: ring_or_buffer_write(r, at, v, mask); break;
    case 0x30:
        merge(&s->rbstart, v, mask);
        s->cbr = 0;
        s->capr = 0xfff0;
        break;
    case 0x34:
        if (mask >> 24)
            command_write(r, (uint8_t)(v >> 24));
        break;
    case 0x38:
        merge_low(&s->capr, v, mask);
        receiver_changed(r);
        break;
    case 0x3c: interrupts_write(r, v, mask); break;
    case 0x40:
        merge(&s->tcr, v, mask);
        s->tcr &= TCR_WRITABLE;
        break;
    case 0x44:
        merge(&s->rcr, v, mask);
        receiver_changed(r);
        break;
    case 0x48: timer_restart(r); break;
    case 0x4c: s->missed = 0; break;
    case 0x50: configs_write(r, v, mask); break;
    case 0x54:
        merge(&s->timer_interrupt, v, mask);
        timer_arm(r);
        break;
    case 0x58:
        s->media = (uint8_t)(mask & 0xff ? v & 0xc0 : s->media);
        if (mask & 0xff00 && unlocked(r))
            s->config3 = (uint8_t)((v >> 8 & 0x60) | 1);
        if (mask & 0xff0000 && unlocked(r))
            s->config4 = (uint8_t)(v >> 16);
        break;
    case 0x5c: merge_low(&s->multi_interrupt, v, mask); break;
    case 0x60: phy_write(r, v, mask); break;
    case 0x64: merge_high(&s->anar, v, mask); break;
    case 0x70: merge_low(&s->nwaytr, v, mask); break;
    case 0xd8:
        s->config5 = (uint8_t)(mask & 0xff ? v : s->config5);
        if (mask & 0xff00)
            rtl8139_tx_poll(r, (uint8_t)(v >> 8));
        break;
    case 0xe0: merge_low(&s->cpcr, v, mask); break;
    case 0xe4:
    case 0xe8:
        merge(&s->rx_ring[at == 0xe8], v, mask);
        s->rx_ring[0] &= ~255u;
        s->rx_at = 0;
        receiver_changed(r);
        break;
    case 0xec: s->early_tx = (uint8_t)(mask & 0xff ? v : s->early_tx); break;
    default: break;
    }
}

static const struct io_ops rtl8139_io = {.read = rtl8139_read, .write = rtl8139_write};

/* ---- the cable ---- */

static void on_writable(void *opaque)
{
    rtl8139_tx_run(opaque);
}

static void on_link_changed(void *opaque, bool up)
{
    rtl8139_raise(opaque, RTL_ISR_LINK);
}

/* ---- life ---- */

/* As the board's maker programs it. */
static void eeprom_fill(struct rtl8139 *r)
{
    uint16_t *w = r->s.eeprom.word;

    memset(&r->s.eeprom, 0, sizeof r->s.eeprom);
    r->s.eeprom.out = 1;
    w[0] = 0x8129;
    w[1] = rtl8139_ids.vendor;
    w[2] = rtl8139_ids.device;
    w[3] = rtl8139_ids.subsystem_vendor;
    w[4] = rtl8139_ids.subsystem;
    for (unsigned i = 0; i < 3; i++)
        w[7 + i] = load_le16(r->mac + 2 * i);
}

static void rtl8139_reset(struct device *d)
{
    struct rtl8139 *r = to_rtl(d);
    uint8_t config[256];

    pci_device_reset(&r->pci);
    memcpy(config, r->s.pci.config, sizeof config);
    memset(&r->s, 0, sizeof r->s);
    memcpy(r->s.pci.config, config, sizeof config);
    eeprom_fill(r);
    chip_reset(r);
}

static int rtl8139_check(const void *state)
{
    const struct rtl8139_state *s = state;

    if (!eeprom_check(&s->eeprom) || s->tx_next > 3 || s->tx_at[0] > 63 || s->tx_at[1] > 63 || s->rx_at > 63)
        return -EINVAL;
    return pci_state_check(state, &rtl8139_ids);
}

static void rtl8139_loaded(struct device *d)
{
    struct rtl8139 *r = to_rtl(d);

    pci_device_loaded(&r->pci);
    if (r->s.timer_interrupt &&
        r->s.timer_start_ns + (uint64_t)r->s.timer_interrupt * PCI_CLOCK_NS > loop_now_ns(r->loop))
        timer_arm(r);
    else
        timer_cancel(&r->timer); /* it went off before the save */
    update_irq(r);
    receiver_changed(r);
}

static void rtl8139_destroy(struct device *d)
{
    struct rtl8139 *r = to_rtl(d);

    timer_cancel(&r->timer);
    net_close(r->net);
    pci_device_remove(&r->pci);
    free(r->packet);
    free(r->piece);
    free(r->rom);
    free(r);
}

static const struct device_ops rtl8139_ops = {
    .name = "rtl8139",
    .version = 1,
    .state_size = sizeof(struct rtl8139_state),
    .reset = rtl8139_reset,
    .check = rtl8139_check,
    .loaded = rtl8139_loaded,
    .destroy = rtl8139_destroy,
};

struct pci_device *rtl8139_create(struct loop *loop, struct net *net, const uint8_t mac[6], void *rom,
                                  uint64_t rom_bytes)
{
    struct rtl8139 *r = calloc(1, sizeof *r);

    if (r) {
        r->packet = calloc(1, NET_OFFLOAD_MAX);
        r->piece = calloc(1, NET_FRAME_MAX);
    }
    if (!r || !r->packet || !r->piece) {
        if (r) {
            free(r->packet);
            free(r->piece);
        }
        free(r);
        return NULL;
    }
    r->loop = loop;
    r->net = net;
    r->rom = rom;
    memcpy(r->mac, mac, 6);
    timer_init(&r->timer, loop, timer_fired, r);
    r->pci.dev.ops = &rtl8139_ops;
    r->pci.dev.state = &r->s;
    r->pci.bar[0] = (struct pci_bar){.kind = PCI_BAR_IO, .size = WINDOW_BYTES, .ops = &rtl8139_io};
    r->pci.bar[1] = (struct pci_bar){.kind = PCI_BAR_MEM, .size = WINDOW_BYTES, .ops = &rtl8139_io};
    if (rom)
        r->pci.bar[PCI_ROM_BAR] =
            (struct pci_bar){.kind = PCI_BAR_MEM, .size = rom_bytes, .host = rom, .host_flags = MEMORY_READONLY};
    pci_device_init(&r->pci, &rtl8139_ids);
    rtl8139_reset(&r->pci.dev);
    if (net) {
        struct net_client client = {rtl8139_rx_ready, rtl8139_rx_frame, on_writable, on_link_changed, r};

        net_set_client(net, &client);
    }
    return &r->pci;
}
