/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rtl8139_internal.h: what rtl8139.c and its parts (rtl8139_*.c) share. Nobody else includes it. */
#ifndef DOMUS_DEV_RTL8139_INTERNAL_H
#define DOMUS_DEV_RTL8139_INTERNAL_H

#include "dev/eeprom93c46.h"
#include "dev/rtl8139.h"
#include "host/net/net.h"
#include "machine/loop.h"

#define RTL_ISR_ROK     0x0001u
#define RTL_ISR_TOK     0x0004u
#define RTL_ISR_TER     0x0008u
#define RTL_ISR_RXOVW   0x0010u
#define RTL_ISR_LINK    0x0020u /* PUN/LinkChg */
#define RTL_ISR_FOVW    0x0040u
#define RTL_ISR_TDU     0x0080u
#define RTL_ISR_SWINT   0x0100u
#define RTL_ISR_TIMEOUT 0x4000u
#define RTL_ISR_SERR    0x8000u

#define RTL_CR_BUFE     0x01u
#define RTL_CR_TE       0x04u
#define RTL_CR_RE       0x08u
#define RTL_CR_RST      0x10u

#define RTL_CPCR_TX     0x0001u /* C+ transmit and receive: descriptor rings */
#define RTL_CPCR_RX     0x0002u
#define RTL_CPCR_VLAN   0x0040u

#define RTL_RCR_ALL     0x01u
#define RTL_RCR_MINE    0x02u
#define RTL_RCR_MULTI   0x04u
#define RTL_RCR_BROAD   0x08u
#define RTL_RCR_RUNT    0x10u
#define RTL_RCR_WRAP    0x80u

#define RTL_TSD_OWN     0x00002000u
#define RTL_TSD_TUN     0x00004000u
#define RTL_TSD_TOK     0x00008000u
#define RTL_TSD_ABORT   0x40000000u
#define RTL_TSD_SIZE    0x00001fffu

/* The tally counters, as the chip stores them to memory. */
struct rtl8139_tally {
    uint64_t tx_ok, rx_ok, tx_errors;
    uint32_t rx_errors;
    uint16_t missed, align_errors;
    uint32_t tx_one_collision, tx_collisions;
    uint64_t rx_mine, rx_broadcast;
    uint32_t rx_multicast;
    uint16_t tx_aborted, tx_underrun;
};

struct rtl8139_state {
    struct pci_device_state pci;
    struct eeprom_state eeprom;
    uint8_t idr[6], mar[8];
    uint8_t cr, cr9346, config0, config1, config3, config4, config5;
    uint8_t early_tx, media, tx_next; /* tx_next: the descriptor (0..3) whose turn it is */
    uint16_t imr, isr, capr, cbr, cpcr, multi_interrupt;
    uint16_t bmcr, anar, nwaytr;
    uint32_t tcr, rcr, rbstart, missed, timer_interrupt;
    uint32_t tsd[4], tsad[4];
    uint32_t tx_ring[2], tx_high_ring[2], rx_ring[2]; /* C+; in turn: low, high */
    uint32_t tx_at[2], rx_at;                         /* the next entry; tx: normal, high priority */
    uint32_t tally_address[2];
    uint64_t timer_start_ns; /* guest time of TCTR = 0 */
    struct rtl8139_tally tally;
};

struct rtl8139 {
    struct pci_device pci; /* first */
    struct rtl8139_state s;
    struct loop *loop;
    struct net *net; /* owned; NULL: no cable */
    void *rom;       /* owned */
    struct timer timer;
    uint8_t mac[6];
    bool sending;            /* against loops through loopback */
    uint8_t *packet, *piece; /* NET_OFFLOAD_MAX and NET_FRAME_MAX bytes */
};

void rtl8139_raise(struct rtl8139 *r, unsigned isr);

/* rtl8139_tx.c */
void rtl8139_tx_run(struct rtl8139 *r);                /* whatever waits, as far as the cable takes it */
void rtl8139_tx_poll(struct rtl8139 *r, uint8_t bits); /* TPPoll */
void rtl8139_tx_status_written(struct rtl8139 *r, unsigned n, uint32_t value);

/* rtl8139_rx.c: the client of the cable, and loopback. */
bool rtl8139_rx_ready(void *opaque);
void rtl8139_rx_frame(void *opaque, const uint8_t *frame, size_t len);
bool rtl8139_rx_ring_empty(const struct rtl8139 *r);

#endif
