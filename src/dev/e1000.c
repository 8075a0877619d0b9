/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * e1000.c: the 82540EM's registers, interrupts and life (Intel 8254x software developer's manual, chapter 13). Frames
 * are in e1000_rx.c and e1000_tx.c, what is around the MAC in e1000_phy.c. Knows no back end beyond net.h.
 *
 * Registers are 32 bits: a narrower read gets its part of one, a narrower write is lost, as the manual says of them.
 */
#include "dev/e1000.h"

#include "base/bytes.h"
#include "dev/e1000_internal.h"
#include "dev/net_offload.h"

#include <errno.h>
#include <stdlib.h>

#define WINDOW_BYTES 0x20000u
#define PORT_BYTES   64u
#define ITR_NS       256u
#define CAUSES       0x0001ffffu
#define CTRL_FD      0x00000001u
#define CTRL_RST     0x04000000u
#define CTRL_PHY_RST 0x80000000u
#define CTRL_RESET   0x00000a41u
#define STATUS_RESET 0x80080780u /* 1000 Mb/s, GIO master, PHY reset done */
#define STATUS_FD    0x00000001u
#define STATUS_LU    0x00000002u
#define EECD_SK      0x001u
#define EECD_CS      0x002u
#define EECD_DI      0x004u
#define EECD_DO      0x008u
#define EECD_FWE     0x010u /* flash writes are off */
#define EECD_REQ     0x040u
#define EECD_GNT     0x080u
#define EECD_PRES    0x100u
#define RAH_VALID    0x80000000u

static const struct pci_ids e1000_ids = {
    .vendor = 0x8086,
    .device = 0x100e,
    .class_code = 0x020000,
    .revision = 0x03,
    .subsystem_vendor = 0x1af4,
    .subsystem = 0x1100,
    .interrupt_pin = 1,
};

static struct e1000 *to_e1000(struct device *d)
{
    return (struct e1000 *)d;
}

/* ---- interrupts ---- */

/* The line goes down when no cause is left; it goes up not sooner than ITR after the last time. */
static void update_irq(struct e1000 *e)
{
    uint64_t now = loop_now_ns(e->loop);
    bool wanted = (e->s.icr & e->s.ims) != 0;

    if (wanted && !e->asserted && now < e->s.interrupt_next_ns) {
        if (!timer_armed(&e->throttle))
            timer_set(&e->throttle, e->s.interrupt_next_ns);
        return;
    }
    if (wanted && !e->asserted)
        e->s.interrupt_next_ns = now + (uint64_t)(e1000_value(e, E1000_ITR) & 0xffff) * ITR_NS;
    e->asserted = wanted;
    pci_set_intx(&e->pci, wanted);
}

static void throttle_over(void *opaque)
{
    update_irq(opaque);
}

void e1000_raise(struct e1000 *e, uint32_t causes)
{
    e->s.icr |= causes & CAUSES;
    update_irq(e);
}

static uint32_t icr_read(struct e1000 *e)
{
    uint32_t causes = e->s.icr;

    e->s.icr = 0;
    update_irq(e);
    return causes;
}

/* ---- counters: they stay at their end, and reading clears them ---- */

static bool is_pair(unsigned offset)
{
    return offset == E1000_GORCL || offset == E1000_GOTCL || offset == E1000_TORL || offset == E1000_TOTL;
}

void e1000_count(struct e1000 *e, unsigned offset, uint64_t n)
{
    uint32_t *low = e1000_reg(e, offset);
    uint64_t sum;

    if (is_pair(offset)) {
        sum = ((uint64_t)low[1] << 32 | low[0]) + n;
        low[0] = (uint32_t)sum;
        low[1] = (uint32_t)(sum >> 32);
    } else {
        sum = *low + n;
        *low = sum > UINT32_MAX ? UINT32_MAX : (uint32_t)sum;
    }
}

static uint32_t counter_read(struct e1000 *e, unsigned offset)
{
    uint32_t value = e1000_value(e, offset);

    if (is_pair(offset)) /* both halves go with the high one */
        return value;
    *e1000_reg(e, offset) = 0;
    if (is_pair(offset - 4))
        *e1000_reg(e, offset - 4) = 0;
    return value;
}

/* ---- registers that only remember: what of them a guest can set ---- */

static uint32_t writable(unsigned offset)
{
    static const struct {
        uint16_t first, last;
        uint32_t mask;
    } plain[] = {
        {E1000_CTRL, E1000_CTRL, 0x7bffffffu & ~CTRL_RST},
        {E1000_CTRL_EXT, E1000_CTRL_EXT, 0xffffdfffu},
        {E1000_FCAL, E1000_FCAL + 4, ~0u},
        {E1000_FCT, E1000_FCT, 0xffff},
        {E1000_VET, E1000_VET, 0xffff},
        {E1000_ITR, E1000_ITR, 0xffff},
        {E1000_RCTL, E1000_RCTL, 0x06dffffeu},
        {E1000_FCTTV, E1000_FCTTV, 0xffff},
        {E1000_TXCW, E1000_TXCW, ~0u},
        {E1000_TCTL, E1000_TCTL, 0x03fffffau},
        {E1000_TIPG, E1000_TIPG, 0x3fffffffu},
        {E1000_AIT, E1000_AIT, 0xffff},
        {E1000_LEDCTL, E1000_LEDCTL, ~0u},
        {E1000_PBA, E1000_PBA, 0xffff},
        {E1000_FCRTL, E1000_FCRTL, 0x8000fff8u},
        {E1000_FCRTH, E1000_FCRTH, 0x0000fff8u},
        {E1000_RDBAL, E1000_RDBAL, ~15u},
        {E1000_RDBAH, E1000_RDBAH, ~0u},
        {E1000_RDLEN, E1000_RDLEN, 0xfff80},
        {E1000_RDH, E1000_RDH, 0xffff},
        {E1000_RDT, E1000_RDT, 0xffff},
        {E1000_RDTR, E1000_RDTR, 0xffff},
        {E1000_RXDCTL, E1000_RXDCTL, 0x013f3f3fu},
        {E1000_RADV, E1000_RADV, 0xffff},
        {E1000_RSRPD, E1000_RSRPD, 0xfff},
        {E1000_TDBAL, E1000_TDBAL, ~15u},
        {E1000_TDBAH, E1000_TDBAH, ~0u},
        {E1000_TDLEN, E1000_TDLEN, 0xfff80},
        {E1000_TDH, E1000_TDH, 0xffff},
        {E1000_TDT, E1000_TDT, 0xffff},
        {E1000_TIDV, E1000_TIDV, 0xffff},
        {E1000_TXDCTL, E1000_TXDCTL, 0xff3f3f3fu},
        {E1000_TADV, E1000_TADV, 0xffff},
        {E1000_TSPMT, E1000_TSPMT, ~0u},
        {E1000_RXCSUM, E1000_RXCSUM, 0x7ff},
        {E1000_MTA, E1000_MTA + 0x1fc, ~0u},
        {E1000_RA, E1000_RA + 0x7c, ~0u},
        {E1000_VFTA, E1000_VFTA + 0x1fc, ~0u},
        {E1000_WUC, E1000_WUC, 0xf},
        {E1000_WUFC, E1000_WUFC, 0xf00ff},
        {E1000_MANC, E1000_MANC, ~0u},
        {E1000_IPAV, E1000_IPAV + 0x27, ~0u},
    };

    for (size_t i = 0; i < ARRAY_SIZE(plain); i++)
        if (offset >= plain[i].first && offset <= plain[i].last)
            return plain[i].mask;
    return 0;
}

/* ---- life ---- */

static void mac_reset(struct e1000 *e)
{
    const uint16_t *address = e->s.eeprom.word;

    memset(e->s.reg, 0, sizeof e->s.reg);
    memset(e->s.context, 0, sizeof e->s.context);
    e->s.icr = e->s.ims = 0;
    e->s.interrupt_next_ns = 0;
    timer_cancel(&e->throttle);
    loop_unpost(e->loop, &e->more);
    *e1000_reg(e, E1000_CTRL) = CTRL_RESET;
    *e1000_reg(e, E1000_VET) = 0x8100;
    *e1000_reg(e, E1000_LEDCTL) = 0x07061302;
    *e1000_reg(e, E1000_PBA) = 0x00100030;
    *e1000_reg(e, E1000_TXDCTL) = 0x01000000;
    *e1000_reg(e, E1000_RA) = address[0] | (uint32_t)address[1] << 16;
    *e1000_reg(e, E1000_RA + 4) = address[2] | RAH_VALID;
    update_irq(e);
    if (e->net)
        net_ready_changed(e->net);
}

static void ctrl_write(struct e1000 *e, uint32_t value)
{
    if (value & CTRL_PHY_RST) {
        e1000_phy_reset(e);
        e1000_negotiate(e);
    }
    if (value & CTRL_RST)
        mac_reset(e);
    else
        *e1000_reg(e, E1000_CTRL) = value & writable(E1000_CTRL);
}

static uint32_t status_read(const struct e1000 *e)
{
    return STATUS_RESET | (e1000_value(e, E1000_CTRL) & CTRL_FD ? STATUS_FD : 0) | (e1000_link_up(e) ? STATUS_LU : 0);
}

static void eecd_write(struct e1000 *e, uint32_t value)
{
    *e1000_reg(e, E1000_EECD) = value & (EECD_SK | EECD_CS | EECD_DI | EECD_REQ);
    eeprom_wires(&e->s.eeprom, value & EECD_CS, value & EECD_SK, value & EECD_DI);
}

static uint32_t eecd_read(const struct e1000 *e)
{
    uint32_t value = e1000_value(e, E1000_EECD);

    return value | EECD_FWE | EECD_PRES | (value & EECD_REQ ? EECD_GNT : 0) | (e->s.eeprom.out ? EECD_DO : 0);
}

static uint32_t reg_read(struct e1000 *e, unsigned offset)
{
    if (offset >= E1000_STATISTICS && offset < E1000_STATISTICS_END)
        return counter_read(e, offset);
    switch (offset) {
    case E1000_STATUS: return status_read(e);
    case E1000_EECD: return eecd_read(e);
    case E1000_ICR: return icr_read(e);
    case E1000_IMS: return e->s.ims;
    case E1000_ICS:
    case E1000_IMC: return 0;
    default: return offset < E1000_REGISTERS_END ? e1000_value(e, offset) : 0;
    }
}

static void receiver_changed(struct e1000 *e)
{
    if (e->net)
        net_ready_changed(e->net);
}

static void reg_write(struct e1000 *e, unsigned offset, uint32_t value)
{
    switch (offset) {
    case E1000_CTRL:
    case E1000_CTRL + 4: ctrl_write(e, value); return; /* the manual has it twice */
    case E1000_EECD: eecd_write(e, value); return;
    case E1000_EERD: *e1000_reg(e, offset) = e1000_eerd(e, value); return;
    case E1000_MDIC: *e1000_reg(e, offset) = e1000_mdic(e, value); return;
    case E1000_ICR: e->s.icr &= ~value; break;
    case E1000_ICS: e1000_raise(e, value); return;
    case E1000_IMS: e->s.ims |= value & CAUSES; break;
    case E1000_IMC: e->s.ims &= ~value; break;
    default: break;
    }
    if (offset < E1000_REGISTERS_END)
        *e1000_reg(e, offset) = (e1000_value(e, offset) & ~writable(offset)) | (value & writable(offset));
    switch (offset) {
    case E1000_ICR:
    case E1000_IMS:
    case E1000_IMC: update_irq(e); break;
    case E1000_RCTL:
    case E1000_RDT:
    case E1000_RDLEN: receiver_changed(e); break;
    case E1000_TCTL:
    case E1000_TDT: e1000_tx_run(e); break;
    default: break;
    }
}

static uint64_t e1000_read(struct device *d, uint64_t offset, unsigned size)
{
    unsigned at = (unsigned)offset & ~3u;
    uint64_t value = reg_read(to_e1000(d), at);

    if (size == 8 || (offset & 3) + size > 4)
        value |= (uint64_t)reg_read(to_e1000(d), (at + 4) & (WINDOW_BYTES - 1)) << 32;
    return value >> (8 * (offset & 3)) & bytes_ones(size);
}

static void e1000_write(struct device *d, uint64_t offset, unsigned size, uint64_t value)
{
    if (offset & 3 || size < 4)
        return;
    reg_write(to_e1000(d), (unsigned)offset, (uint32_t)value);
    if (size == 8)
        reg_write(to_e1000(d), (unsigned)offset + 4, (uint32_t)(value >> 32));
}

static const struct io_ops e1000_mmio = {.read = e1000_read, .write = e1000_write};

/* IOADDR and IODATA: the same registers for who has no memory window. */
static uint64_t port_read(struct device *d, uint64_t offset, unsigned size)
{
    struct e1000 *e = to_e1000(d);

    if (offset == 0 && size == 4)
        return e->s.io_address;
    if (offset == 4 && size == 4 && e->s.io_address < WINDOW_BYTES)
        return e1000_read(d, e->s.io_address & ~3u, 4);
    return 0;
}

static void port_write(struct device *d, uint64_t offset, unsigned size, uint64_t value)
{
    struct e1000 *e = to_e1000(d);

    if (offset == 0 && size == 4)
        e->s.io_address = (uint32_t)value;
    else if (offset == 4 && size == 4 && e->s.io_address < WINDOW_BYTES)
        e1000_write(d, e->s.io_address & ~3u, 4, value);
}

static const struct io_ops e1000_ports = {.read = port_read, .write = port_write};

static void on_writable(void *opaque)
{
    e1000_tx_run(opaque);
}

static void e1000_reset(struct device *d)
{
    struct e1000 *e = to_e1000(d);

    pci_device_reset(&e->pci);
    e->asserted = false;
    e->s.io_address = 0;
    e1000_eeprom_fill(e);
    e1000_phy_reset(e);
    timer_cancel(&e->negotiation);
    e->s.negotiated_ns = 0; /* the machine was off for long enough */
    mac_reset(e);
}

static int e1000_check(const void *state)
{
    const struct e1000_state *s = state;

    if (!eeprom_check(&s->eeprom) || (s->icr | s->ims) & ~CAUSES)
        return -EINVAL;
    for (unsigned offset = 0; offset < E1000_REGISTERS_END; offset += 4) {
        uint32_t mask = writable(offset);

        if (mask && offset != E1000_PBA && s->reg[offset / 4] & ~mask)
            return -EINVAL;
    }
    return pci_state_check(state, &e1000_ids);
}

static void e1000_loaded(struct device *d)
{
    struct e1000 *e = to_e1000(d);

    pci_device_loaded(&e->pci);
    e->asserted = false;
    timer_cancel(&e->negotiation);
    timer_cancel(&e->throttle);
    loop_unpost(e->loop, &e->more);
    if (e->s.negotiated_ns)
        timer_set(&e->negotiation, e->s.negotiated_ns);
    if (e->s.icr & e->s.ims) { /* it was up, or about to be */
        e->asserted = true;
        pci_set_intx(&e->pci, true);
    }
    receiver_changed(e);
    loop_post(e->loop, &e->more);
}

static void e1000_free(struct e1000 *e)
{
    free(e->packet);
    free(e->piece);
    free(e);
}

static void e1000_destroy(struct device *d)
{
    struct e1000 *e = to_e1000(d);

    timer_cancel(&e->negotiation);
    timer_cancel(&e->throttle);
    loop_unpost(e->loop, &e->more);
    net_close(e->net);
    pci_device_remove(&e->pci);
    free(e->rom);
    e1000_free(e);
}

static const struct device_ops e1000_ops = {
    .name = "e1000",
    .version = 1,
    .state_size = sizeof(struct e1000_state),
    .reset = e1000_reset,
    .check = e1000_check,
    .loaded = e1000_loaded,
    .destroy = e1000_destroy,
};

struct pci_device *e1000_create(struct loop *loop, struct net *net, const uint8_t mac[6], void *rom, uint64_t rom_bytes)
{
    struct e1000 *e = calloc(1, sizeof *e);

    if (!e)
        return NULL;
    e->packet = calloc(1, NET_OFFLOAD_MAX);
    e->piece = calloc(1, NET_FRAME_MAX);
    if (!e->packet || !e->piece) {
        e1000_free(e);
        return NULL;
    }
    e->loop = loop;
    e->net = net;
    e->rom = rom;
    memcpy(e->mac, mac, 6);
    timer_init(&e->negotiation, loop, e1000_negotiation_done, e);
    timer_init(&e->throttle, loop, throttle_over, e);
    e->more.run = e1000_tx_more;
    e->pci.dev.ops = &e1000_ops;
    e->pci.dev.state = &e->s;
    e->pci.bar[0] = (struct pci_bar){.kind = PCI_BAR_MEM, .size = WINDOW_BYTES, .ops = &e1000_mmio};
    e->pci.bar[1] = (struct pci_bar){.kind = PCI_BAR_IO, .size = PORT_BYTES, .ops = &e1000_ports};
    if (rom)
        e->pci.bar[PCI_ROM_BAR] =
            (struct pci_bar){.kind = PCI_BAR_MEM, .size = rom_bytes, .host = rom, .host_flags = MEMORY_READONLY};
    pci_device_init(&e->pci, &e1000_ids);
    e1000_reset(&e->pci.dev);
    if (net) {
        struct net_client client = {e1000_rx_ready, e1000_rx_frame, on_writable, e1000_link_changed, e};

        net_set_client(net, &client);
    }
    return &e->pci;
}
