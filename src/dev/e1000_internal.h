/* SPDX-License-Identifier: GPL-2.0-or-later */
/* e1000_internal.h: what e1000.c and its parts (e1000_*.c) share. Nobody else includes it. */
#ifndef DOMUS_DEV_E1000_INTERNAL_H
#define DOMUS_DEV_E1000_INTERNAL_H

#include "dev/e1000.h"
#include "dev/eeprom93c46.h"
#include "host/net/net.h"
#include "machine/loop.h"

/* Register offsets (8254x software developer's manual, chapter 13). */
enum e1000_register {
    E1000_CTRL = 0x0000,
    E1000_STATUS = 0x0008,
    E1000_EECD = 0x0010,
    E1000_EERD = 0x0014,
    E1000_CTRL_EXT = 0x0018,
    E1000_MDIC = 0x0020,
    E1000_FCAL = 0x0028,
    E1000_FCT = 0x0030,
    E1000_VET = 0x0038,
    E1000_ICR = 0x00c0,
    E1000_ITR = 0x00c4,
    E1000_ICS = 0x00c8,
    E1000_IMS = 0x00d0,
    E1000_IMC = 0x00d8,
    E1000_RCTL = 0x0100,
    E1000_FCTTV = 0x0170,
    E1000_TXCW = 0x0178,
    E1000_TCTL = 0x0400,
    E1000_TIPG = 0x0410,
    E1000_AIT = 0x0458,
    E1000_LEDCTL = 0x0e00,
    E1000_PBA = 0x1000,
    E1000_FCRTL = 0x2160,
    E1000_FCRTH = 0x2168,
    E1000_RDBAL = 0x2800,
    E1000_RDBAH = 0x2804,
    E1000_RDLEN = 0x2808,
    E1000_RDH = 0x2810,
    E1000_RDT = 0x2818,
    E1000_RDTR = 0x2820,
    E1000_RXDCTL = 0x2828,
    E1000_RADV = 0x282c,
    E1000_RSRPD = 0x2c00,
    E1000_TDBAL = 0x3800,
    E1000_TDBAH = 0x3804,
    E1000_TDLEN = 0x3808,
    E1000_TDH = 0x3810,
    E1000_TDT = 0x3818,
    E1000_TIDV = 0x3820,
    E1000_TXDCTL = 0x3828,
    E1000_TADV = 0x382c,
    E1000_TSPMT = 0x3830,
    E1000_STATISTICS = 0x4000,
    E1000_PRC64 = 0x405c, /* six sizes, the last for what is longer */
    E1000_MPC = 0x4010,
    E1000_ROC = 0x40ac,
    E1000_GPRC = 0x4074,
    E1000_BPRC = 0x4078,
    E1000_MPRC = 0x407c,
    E1000_GPTC = 0x4080,
    E1000_GORCL = 0x4088, /* pairs: low, high */
    E1000_GOTCL = 0x4090,
    E1000_RNBC = 0x40a0,
    E1000_TORL = 0x40c0,
    E1000_TOTL = 0x40c8,
    E1000_TPR = 0x40d0,
    E1000_TPT = 0x40d4,
    E1000_PTC64 = 0x40d8,
    E1000_MPTC = 0x40f0,
    E1000_BPTC = 0x40f4,
    E1000_TSCTC = 0x40f8,
    E1000_STATISTICS_END = 0x4100,
    E1000_RXCSUM = 0x5000,
    E1000_MTA = 0x5200,
    E1000_RA = 0x5400,
    E1000_VFTA = 0x5600,
    E1000_WUC = 0x5800,
    E1000_WUFC = 0x5808,
    E1000_WUS = 0x5810,
    E1000_MANC = 0x5820,
    E1000_IPAV = 0x5838,
    E1000_REGISTERS_END = 0x5c00,
};

#define E1000_CTRL_VME     0x40000000u
#define E1000_ICR_TXDW     0x00000001u
#define E1000_ICR_TXQE     0x00000002u
#define E1000_ICR_LSC      0x00000004u
#define E1000_ICR_RXDMT0   0x00000010u
#define E1000_ICR_RXO      0x00000040u
#define E1000_ICR_RXT0     0x00000080u
#define E1000_ICR_MDAC     0x00000200u
#define E1000_ICR_TXD_LOW  0x00008000u
#define E1000_PHY_LOOPBACK 0x4000u /* in the PHY's control register */
#define E1000_DESC_BYTES   16u
#define E1000_MAX_DESC     65536u

/* A context descriptor's fields: what the data descriptors behind it mean. */
struct e1000_context {
    uint8_t ipcss, ipcso, tucss, tucso, command, header_bytes;
    uint16_t ipcse, tucse, mss;
};

struct e1000_state {
    struct pci_device_state pci;
    struct eeprom_state eeprom;
    uint32_t reg[E1000_REGISTERS_END / 4]; /* those with memory; TDH, RDH and so on too */
    uint32_t icr, ims, io_address;
    uint16_t phy[32];
    uint64_t negotiated_ns;          /* guest time when the link comes up; 0: it is negotiated */
    uint64_t interrupt_next_ns;      /* ITR: not before this */
    struct e1000_context context[2]; /* for checksums, for segmentation */
};

struct e1000 {
    struct pci_device pci; /* first */
    struct e1000_state s;
    struct loop *loop;
    struct net *net; /* owned; NULL: no cable */
    void *rom;       /* owned */
    struct timer negotiation, throttle;
    struct loop_job more; /* what is left of a long transmit ring */
    uint8_t mac[6];
    bool sending, asserted;  /* sending: against loops through loopback */
    uint8_t *packet, *piece; /* NET_OFFLOAD_MAX and NET_FRAME_MAX bytes */
};

static inline uint32_t *e1000_reg(struct e1000 *e, unsigned offset)
{
    return &e->s.reg[offset / 4];
}

static inline uint32_t e1000_value(const struct e1000 *e, unsigned offset)
{
    return e->s.reg[offset / 4];
}

void e1000_raise(struct e1000 *e, uint32_t causes);
void e1000_count(struct e1000 *e, unsigned offset, uint64_t n); /* 64-bit counters by their low word */

/* e1000_phy.c: the PHY, the EEPROM, the link. */
bool e1000_link_up(const struct e1000 *e);
void e1000_phy_reset(struct e1000 *e);
void e1000_negotiate(struct e1000 *e); /* starts it; the link is down meanwhile */
void e1000_negotiation_done(void *opaque);
void e1000_link_changed(void *opaque, bool up);
uint32_t e1000_mdic(struct e1000 *e, uint32_t command);
void e1000_eeprom_fill(struct e1000 *e);
uint32_t e1000_eerd(const struct e1000 *e, uint32_t command);

/* e1000_tx.c */
void e1000_tx_run(struct e1000 *e); /* whatever waits, as far as the cable takes it */
void e1000_tx_more(struct loop_job *job);

/* e1000_rx.c: the client of the cable, and loopback. */
bool e1000_rx_ready(void *opaque);
void e1000_rx_frame(void *opaque, const uint8_t *frame, size_t len);

#endif
