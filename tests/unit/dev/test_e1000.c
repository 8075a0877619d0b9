/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_e1000.c: the 82540EM by its registers and rings: identity, link, filters, offloads, throttle, state. */
#include "dev/e1000.h"

#include "dev/e1000_internal.h"

#include "nic_rig.h"

#define TX_RING 0x1000u
#define RX_RING 0x2000u
#define BUFFERS 0x10000u
#define ENTRIES 8u

static const uint8_t broadcast[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

static int rig_setup(void **state)
{
    struct nic_rig *r = calloc(1, sizeof *r);

    fake_loop_reset();
    setup((void **)&r->m);
    r->cable = cable_create();
    r->nic = e1000_create(fake_loop, &r->cable->net, nic_mac, NULL, 0);
    assert_int_equal(pci_device_add(r->m->pci, r->nic, NIC_DEVFN), 0);
    nic_map(r, 0, 1);
    *state = r;
    return 0;
}

static int rig_teardown(void **state)
{
    struct nic_rig *r = *state;

    r->nic->dev.ops->destroy(&r->nic->dev);
    assert_int_equal(fake_timers_armed(), 0);
    teardown((void **)&r->m);
    free(r);
    return 0;
}

static uint16_t phy(struct nic_rig *r, unsigned n)
{
    wr(r, E1000_MDIC, 2u << 26 | 1u << 21 | n << 16);
    assert_int_equal(rd(r, E1000_MDIC) >> 28 & 1, 1);
    return (uint16_t)rd(r, E1000_MDIC);
}

static void phy_set(struct nic_rig *r, unsigned n, uint16_t value)
{
    wr(r, E1000_MDIC, 1u << 26 | 1u << 21 | n << 16 | value);
}

static void start_rx(struct nic_rig *r, uint32_t rctl)
{
    for (unsigned i = 0; i < ENTRIES; i++) {
        uint64_t d[2] = {BUFFERS + i * 2048, 0};
        put(r, RX_RING + 16 * i, d, 16);
    }
    wr(r, E1000_RDBAL, RX_RING);
    wr(r, E1000_RDLEN, ENTRIES * 16);
    wr(r, E1000_RDT, ENTRIES - 1);
    wr(r, E1000_RCTL, 2 | 0x04000000 | rctl); /* on, CRC off */
}

static void start_tx(struct nic_rig *r)
{
    wr(r, E1000_TDBAL, TX_RING);
    wr(r, E1000_TDLEN, ENTRIES * 16);
    wr(r, E1000_TCTL, 0x0a);
}

static void identity(void **state)
{
    struct nic_rig *r = *state;
    uint16_t sum = 0;

    assert_int_equal(config_read(r->m, NIC_DEVFN, PCI_VENDOR, 4), 0x100e8086);
    assert_int_equal(rd(r, E1000_RA), 0x3e1600 | 0x11u << 24);
    assert_int_equal(rd(r, E1000_RA + 4), 0x80003322);
    for (unsigned i = 0; i < 64; i++) {
        wr(r, E1000_EERD, 1 | i << 8);
        assert_true(rd(r, E1000_EERD) & 0x10);
        sum = (uint16_t)(sum + (rd(r, E1000_EERD) >> 16));
    }
    assert_int_equal(sum, 0xbaba);
    assert_int_equal(phy(r, 2), 0x0141);
    assert_int_equal(phy(r, 3), 0x0c20);
    wr(r, E1000_MDIC, 2u << 26 | 3u << 21); /* no PHY there */
    assert_true(rd(r, E1000_MDIC) & 0x40000000);
    bus_write(r->m->ports, NIC_PORTS, 4, E1000_RA); /* the same by ports */
    assert_int_equal(bus_read(r->m->ports, NIC_PORTS + 4, 4), rd(r, E1000_RA));
}

/* Linux reads the address by the EEPROM's wires. */
static void eeprom_wires_read(void **state)
{
    struct nic_rig *r = *state;
    unsigned command = 0x180 | 1, value = 0; /* start, read, word 1 */

    wr(r, E1000_EECD, 0x40);
    assert_true(rd(r, E1000_EECD) & 0x80);
    wr(r, E1000_EECD, 0x42);
    for (unsigned i = 0; i < 9; i++) {
        unsigned bit = command >> (8 - i) & 1 ? 4 : 0;
        wr(r, E1000_EECD, 0x42 | bit);
        wr(r, E1000_EECD, 0x43 | bit);
        wr(r, E1000_EECD, 0x42 | bit);
    }
    for (unsigned i = 0; i < 16; i++) {
        wr(r, E1000_EECD, 0x43);
        value = value << 1 | (rd(r, E1000_EECD) & 8 ? 1 : 0);
        wr(r, E1000_EECD, 0x42);
    }
    assert_int_equal(value, 0x113e);
}

static void link_state(void **state)
{
    struct nic_rig *r = *state;

    assert_true(rd(r, E1000_STATUS) & 2);
    wr(r, E1000_IMS, E1000_ICR_LSC);
    net_set_link(&r->cable->net, false);
    assert_true(r->m->intx_level);
    assert_int_equal(rd(r, E1000_ICR), E1000_ICR_LSC);
    assert_false(r->m->intx_level);
    assert_false(rd(r, E1000_STATUS) & 2);
    assert_false(phy(r, 1) & 4);
    net_set_link(&r->cable->net, true);
    assert_false(rd(r, E1000_STATUS) & 2); /* it negotiates */
    fake_advance(200000000);
    assert_true(rd(r, E1000_STATUS) & 2);
    assert_int_equal(rd(r, E1000_ICR), E1000_ICR_LSC);
    phy_set(r, 0, 0x1340);
    assert_false(phy(r, 1) & 0x20);
    fake_advance(200000000);
    assert_true(phy(r, 1) & 0x20);
}

static void receive_and_filters(void **state)
{
    struct nic_rig *r = *state;
    static const uint8_t other[6] = {2, 0, 0, 0, 0, 9}, group[6] = {1, 0, 0x5e, 0, 0, 0xfb};
    uint8_t d[16], frame[2048], got[2048];

    start_rx(r, 0x8000);
    wr(r, E1000_IMS, E1000_ICR_RXT0);
    arrive(r, nic_mac, 500);
    get(r, d, RX_RING, 16);
    assert_int_equal(load_le16(d + 8), 500);
    assert_int_equal(d[12] & 3, 3);
    frame_fill(frame, nic_mac, 500);
    get(r, got, BUFFERS, 500);
    assert_memory_equal(got, frame, 500);
    assert_true(r->m->intx_level);
    assert_int_equal(rd(r, E1000_ICR) & E1000_ICR_RXT0, E1000_ICR_RXT0);
    arrive(r, broadcast, 60);
    assert_int_equal(rd(r, E1000_RDH), 2);
    arrive(r, other, 60);
    arrive(r, group, 60);
    assert_int_equal(rd(r, E1000_RDH), 2);
    wr(r, E1000_RCTL, rd(r, E1000_RCTL) | 0x8); /* promiscuous */
    arrive(r, other, 60);
    assert_int_equal(rd(r, E1000_RDH), 3);
    wr(r, E1000_MTA + 4 * ((0xfb0 >> 5) & 0x7f), 1u << (0xfb0 & 31));
    arrive(r, group, 60);
    assert_int_equal(rd(r, E1000_RDH), 4);
    assert_int_equal(rd(r, E1000_GPRC), 4);
    assert_int_equal(rd(r, E1000_GPRC), 0); /* read clears */
    assert_int_equal(rd(r, E1000_BPRC), 1);
}

static void frames_wait_for_buffers(void **state)
{
    struct nic_rig *r = *state;

    start_rx(r, 0x8000);
    for (unsigned i = 0; i < 12; i++)
        arrive(r, nic_mac, 100);
    assert_int_equal(rd(r, E1000_RDH), ENTRIES - 1);
    wr(r, E1000_RDT, 3);
    fake_run_jobs();
    assert_int_equal(rd(r, E1000_RDH), 3);
    assert_int_equal(rd(r, E1000_MPC), 0);
    wr(r, E1000_RDT, 6);
    fake_run_jobs();
    assert_int_equal(rd(r, E1000_GPRC), 12);
}

static void vlan_strip_and_filter(void **state)
{
    struct nic_rig *r = *state;
    uint8_t frame[100], d[16], got[100];

    start_rx(r, 0x40000);
    wr(r, E1000_CTRL, rd(r, E1000_CTRL) | E1000_CTRL_VME);
    frame_fill(frame, nic_mac, 100);
    store_le32(frame + 12, 0x05200081); /* tag 0x2005 */
    net_deliver(&r->cable->net, frame, 100);
    fake_run_jobs();
    assert_int_equal(rd(r, E1000_RDH), 0);
    wr(r, E1000_VFTA, 1u << 5);
    net_deliver(&r->cable->net, frame, 100);
    fake_run_jobs();
    get(r, d, RX_RING, 16);
    assert_int_equal(load_le16(d + 8), 96);
    assert_true(d[12] & 8);
    assert_int_equal(load_le16(d + 14), 0x2005);
    get(r, got, BUFFERS, 96);
    assert_memory_equal(got + 12, frame + 16, 84);
}

static void receive_checksums(void **state)
{
    struct nic_rig *r = *state;
    uint8_t p[200], d[16];
    unsigned sum;

    start_rx(r, 0x8);
    wr(r, E1000_RXCSUM, 0x300);
    for (unsigned broken = 0; broken < 2; broken++) {
        tcp_fill(p, 200, false);
        sum = sums_to(p + 14, 20, 0);
        store_le16(p + 24, (uint16_t)(sum << 8 | sum >> 8));
        sum = sums_to(p + 34, 166, 0);
        store_le16(p + 50, (uint16_t)(sum << 8 | sum >> 8));
        p[199] = (uint8_t)(p[199] + broken);
        net_deliver(&r->cable->net, p, 200);
        fake_run_jobs();
        get(r, d, RX_RING + 16 * broken, 16);
        assert_int_equal(d[12] & 0x64, 0x60);
        assert_int_equal(d[13], broken ? 0x20 : 0);
    }
}

static void legacy_send(void **state)
{
    struct nic_rig *r = *state;
    uint8_t frame[100], d[16];
    uint64_t desc[4] = {BUFFERS, 40, BUFFERS + 40, 60 | 0x0bull << 24};

    frame_fill(frame, broadcast, 100);
    put(r, BUFFERS, frame, 100);
    put(r, TX_RING, desc, 32);
    start_tx(r);
    wr(r, E1000_IMS, E1000_ICR_TXDW);
    wr(r, E1000_TDT, 2);
    assert_int_equal(r->cable->sent, 1);
    assert_int_equal(r->cable->sent_len[0], 100);
    assert_memory_equal(r->cable->sent_frame[0], frame, 100);
    get(r, d, TX_RING + 16, 16);
    assert_true(d[12] & 1);
    assert_true(r->m->intx_level);
    assert_int_equal(rd(r, E1000_TDH), 2);
    assert_int_equal(rd(r, E1000_BPTC), 1);
    assert_int_equal(rd(r, E1000_GOTCL), 104);
}

static void put_context(struct nic_rig *r, unsigned at, unsigned command, unsigned header, unsigned mss,
                        unsigned payload)
{
    uint8_t d[16] = {14, 24, 33, 0, 34, 50, 0, 0};

    store_le32(d + 8, payload | (0x20u | command) << 24);
    d[13] = (uint8_t)header;
    store_le16(d + 14, (uint16_t)mss);
    put(r, TX_RING + 16 * at, d, 16);
}

static void put_data(struct nic_rig *r, unsigned at, unsigned len, unsigned command)
{
    uint64_t d[2] = {BUFFERS, len | 1u << 20 | (uint64_t)(0x20u | command) << 24 | 3ull << 40};

    put(r, TX_RING + 16 * at, d, 16);
}

static void checksum_offload(void **state)
{
    struct nic_rig *r = *state;
    uint8_t p[300];

    tcp_fill(p, 300, false);
    put(r, BUFFERS, p, 300);
    put_context(r, 0, 3, 0, 0, 0);
    put_data(r, 1, 300, 0x9);
    start_tx(r);
    wr(r, E1000_TDT, 2);
    assert_int_equal(r->cable->sent, 1);
    assert_tcp_right(r->cable->sent_frame[0], 300);
}

static void segmentation(void **state)
{
    struct nic_rig *r = *state;
    uint8_t p[4054], all[4000];
    size_t at = 0;

    tcp_fill(p, sizeof p, true);
    p[16] = p[17] = 0;
    put(r, BUFFERS, p, sizeof p);
    put_context(r, 0, 7, 54, 1460, 4000);
    put_data(r, 1, sizeof p, 0x4 | 0x9);
    start_tx(r);
    wr(r, E1000_TDT, 2);
    assert_int_equal(r->cable->sent, 3);
    for (unsigned i = 0; i < 3; i++) {
        const uint8_t *f = r->cable->sent_frame[i];
        size_t len = r->cable->sent_len[i];

        assert_tcp_right(f, len);
        assert_int_equal(f[40] << 8 | f[41], 100 + at);
        assert_int_equal(f[47] & 9, i == 2 ? 9 : 0);
        memcpy(all + at, f + 54, len - 54);
        at += len - 54;
    }
    assert_int_equal(at, 4000);
    assert_memory_equal(all, p + 54, 4000);
    assert_int_equal(rd(r, E1000_TSCTC), 1);
}

static void throttle(void **state)
{
    struct nic_rig *r = *state;

    wr(r, E1000_ITR, 1000); /* 256 us */
    wr(r, E1000_IMS, E1000_ICR_RXT0);
    wr(r, E1000_ICS, E1000_ICR_RXT0);
    assert_true(r->m->intx_level);
    rd(r, E1000_ICR);
    wr(r, E1000_ICS, E1000_ICR_RXT0);
    assert_false(r->m->intx_level);
    fake_advance(255000);
    assert_false(r->m->intx_level);
    fake_advance(2000);
    assert_true(r->m->intx_level);
}

static void bad_rings(void **state)
{
    struct nic_rig *r = *state;
    uint64_t desc[2] = {0xffffffff00000000ull, 0x9000 | 0x0bull << 24};

    start_rx(r, 0x8000);
    wr(r, E1000_RDBAH, 0xffffffff);
    arrive(r, broadcast, 100);
    wr(r, E1000_RDH, 0xffff);
    arrive(r, broadcast, 100);
    put(r, TX_RING, desc, 16);
    start_tx(r);
    wr(r, E1000_TDT, 1);
    assert_int_equal(r->cable->sent, 0);
    assert_int_equal(rd(r, E1000_TDH), 1);
    wr(r, E1000_TDT, 0xffff); /* beyond the ring */
    fake_run_jobs();
    wr(r, E1000_TDBAH, 0x80000000);
    wr(r, E1000_TDT, 0);
    torture(&r->nic->dev, r->nic->bar[0].ops, 0x6000, 20000);
}

static void state_roundtrip(void **state)
{
    struct nic_rig *r = *state;
    struct pci_device *other = e1000_create(fake_loop, NULL, nic_mac, NULL, 0);
    struct e1000_state bad;

    start_rx(r, 0x8000);
    arrive(r, broadcast, 100);
    phy_set(r, 0, 0x1340);
    wr(r, E1000_IMS, E1000_ICR_RXT0);
    assert_roundtrip(&r->nic->dev, &other->dev);
    memcpy(&bad, r->nic->dev.state, sizeof bad);
    bad.ims = 0x80000000;
    assert_refused(&other->dev, &bad);
    memcpy(&bad, r->nic->dev.state, sizeof bad);
    bad.reg[E1000_TDLEN / 4] = 7;
    assert_refused(&other->dev, &bad);
    other->dev.ops->destroy(&other->dev);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        T(identity),          T(eeprom_wires_read),     T(link_state),   T(receive_and_filters),
        T(throttle),          T(vlan_strip_and_filter), T(legacy_send),  T(frames_wait_for_buffers),
        T(receive_checksums), T(checksum_offload),      T(segmentation), T(bad_rings),
        T(state_roundtrip),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
