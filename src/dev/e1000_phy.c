/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * e1000_phy.c: what is around the 82540EM's MAC: the PHY behind MDIC (IEEE 802.3, clauses 22 and 40; Marvell 88E1011's
 * own registers 16 to 20), its negotiation, and the contents of the EEPROM (8254x manual, chapter 5).
 */
#include "base/bytes.h"
#include "dev/e1000_internal.h"

#define NEGOTIATION_NS  100000000u
#define PHY_ADDRESS     1u
#define PHY_RESET       0x8000u
#define PHY_AUTO        0x1000u
#define PHY_OFF         0x0800u
#define PHY_RESTART     0x0200u
#define MDIC_WRITE      1u
#define MDIC_READ       2u
#define MDIC_READY      0x10000000u
#define MDIC_INTERRUPT  0x20000000u
#define MDIC_ERROR      0x40000000u
#define EERD_START      0x00000001u
#define EERD_DONE       0x00000010u
#define EEPROM_SUM      0xbaba
#define EEPROM_SUM_WORD 0x3f

enum phy_register {
    PHY_CONTROL = 0,
    PHY_STATUS = 1,
    PHY_ID1 = 2,
    PHY_ID2 = 3,
    PHY_ADVERTISES = 4,
    PHY_PARTNER = 5,
    PHY_EXPANSION = 6,
    PHY_NEXT_PAGE = 7,
    PHY_1000_CONTROL = 9,
    PHY_1000_STATUS = 10,
    PHY_EXTENDED = 15,
    PHY_SPECIFIC_CONTROL = 16,
    PHY_SPECIFIC_STATUS = 17,
    PHY_INTERRUPT_ENABLE = 18,
    PHY_INTERRUPT_STATUS = 19,
    PHY_SPECIFIC_EXTENDED = 20,
    PHY_RX_ERRORS = 21,
    PHY_PAGE = 29,
    PHY_PAGE_DATA = 30,
};

bool e1000_link_up(const struct e1000 *e)
{
    return e->net && net_link(e->net) && !e->s.negotiated_ns && !(e->s.phy[PHY_CONTROL] & PHY_OFF);
}

void e1000_link_changed(void *opaque, bool up)
{
    struct e1000 *e = opaque;

    if (up)
        e1000_negotiate(e);
    else
        e1000_raise(e, E1000_ICR_LSC);
}

void e1000_negotiation_done(void *opaque)
{
    struct e1000 *e = opaque;

    e->s.negotiated_ns = 0;
    e1000_raise(e, E1000_ICR_LSC);
    if (e->net)
        net_ready_changed(e->net);
}

void e1000_negotiate(struct e1000 *e)
{
    e->s.negotiated_ns = loop_now_ns(e->loop) + NEGOTIATION_NS;
    timer_set(&e->negotiation, e->s.negotiated_ns);
}

void e1000_phy_reset(struct e1000 *e)
{
    uint16_t *p = e->s.phy;

    memset(p, 0, sizeof e->s.phy);
    p[PHY_CONTROL] = 0x1140;
    p[PHY_ID1] = 0x0141;
    p[PHY_ID2] = 0x0c20;
    p[PHY_ADVERTISES] = 0x0de1;
    p[PHY_NEXT_PAGE] = 0x2001;
    p[PHY_1000_CONTROL] = 0x0e00;
    p[PHY_EXTENDED] = 0x3000;
    p[PHY_SPECIFIC_CONTROL] = 0x0360;
    p[PHY_SPECIFIC_EXTENDED] = 0x0d60;
}

static uint16_t phy_read(const struct e1000 *e, unsigned n)
{
    bool up = e1000_link_up(e);

    switch (n) {
    case PHY_STATUS: return (uint16_t)(0x7949 | (up ? 0x0024 : 0)); /* all speeds; link, and negotiated */
    case PHY_PARTNER: return up ? 0xcde1 : 0;
    case PHY_EXPANSION: return up ? 0x0007 : 0x0004;
    case PHY_1000_STATUS: return up ? 0x7c00 : 0;
    case PHY_SPECIFIC_STATUS: return up ? 0xac04 : 0; /* 1000, full, resolved, link */
    case PHY_INTERRUPT_STATUS:
    case PHY_RX_ERRORS: return 0;
    default: return e->s.phy[n];
    }
}

static void control_write(struct e1000 *e, uint16_t value)
{
    if (value & PHY_RESET) {
        e1000_phy_reset(e);
        e1000_negotiate(e);
        return;
    }
    e->s.phy[PHY_CONTROL] = value & 0x7dc0;
    if (value & PHY_RESTART && value & PHY_AUTO) {
        e->s.phy[PHY_CONTROL] &= 0xfdff;
        e1000_negotiate(e);
    }
}

static void phy_write(struct e1000 *e, unsigned n, uint16_t value)
{
    switch (n) {
    case PHY_CONTROL: control_write(e, value); break;
    case PHY_ADVERTISES:
    case PHY_NEXT_PAGE:
    case PHY_1000_CONTROL:
    case PHY_SPECIFIC_CONTROL:
    case PHY_INTERRUPT_ENABLE:
    case PHY_SPECIFIC_EXTENDED:
    case PHY_PAGE:
    case PHY_PAGE_DATA: e->s.phy[n] = value; break;
    default: break;
    }
}

uint32_t e1000_mdic(struct e1000 *e, uint32_t command)
{
    unsigned op = command >> 26 & 3, n = command >> 16 & 31;
    uint32_t result = command & 0x2fffffffu;

    if ((command >> 21 & 31) != PHY_ADDRESS || (op != MDIC_READ && op != MDIC_WRITE))
        result |= MDIC_ERROR;
    else if (op == MDIC_READ)
        result = (result & ~0xffffu) | phy_read(e, n);
    else
        phy_write(e, n, (uint16_t)command);
    if (command & MDIC_INTERRUPT)
        e1000_raise(e, E1000_ICR_MDAC);
    return result | MDIC_READY;
}

/* As the board's maker programs it. */
void e1000_eeprom_fill(struct e1000 *e)
{
    uint16_t *w = e->s.eeprom.word, sum = 0;

    memset(&e->s.eeprom, 0, sizeof e->s.eeprom);
    e->s.eeprom.out = 1;
    for (unsigned i = 0x20; i < EEPROM_SUM_WORD; i++)
        w[i] = 0xffff;
    for (unsigned i = 0; i < 3; i++)
        w[i] = load_le16(e->mac + 2 * i);
    w[0x08] = 0x3000; /* the board's part number */
    w[0x09] = 0x1000;
    w[0x0a] = 0x6408; /* identifiers below are valid, PCI, 3.3 V */
    w[0x0b] = 0x1100;
    w[0x0c] = 0x1af4;
    w[0x0d] = 0x100e;
    w[0x0e] = 0x8086;
    w[0x0f] = 0x3040;
    w[0x2f] = 0x0602; /* LEDs */
    for (unsigned i = 0; i < EEPROM_SUM_WORD; i++)
        sum = (uint16_t)(sum + w[i]);
    w[EEPROM_SUM_WORD] = (uint16_t)(EEPROM_SUM - sum);
}

uint32_t e1000_eerd(const struct e1000 *e, uint32_t command)
{
    unsigned word = command >> 8 & 0xff;

    if (!(command & EERD_START))
        return command & 0xff00;
    return (command & 0xff00) | EERD_DONE | (uint32_t)(word < EEPROM_WORDS ? e->s.eeprom.word[word] : 0xffff) << 16;
}
