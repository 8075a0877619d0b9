/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_rtl8139.c: the RTL8139C+ as the 8139's drivers and as C+ drivers use it: rings, filters, offloads, state. */
#include "dev/rtl8139.h"

#include "dev/net_offload.h"
#include "dev/rtl8139_internal.h"

#include "nic_rig.h"

#define TX_RING 0x1000u
#define RX_RING 0x2000u
#define BUFFERS 0x10000u

static const uint8_t broadcast[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

static int rig_setup(void **state)
{
    struct nic_rig *r = calloc(1, sizeof *r);

    fake_loop_reset();
    setup((void **)&r->m);
    r->cable = cable_create();
    r->nic = rtl8139_create(fake_loop, &r->cable->net, nic_mac, NULL, 0);
    assert_int_equal(pci_device_add(r->m->pci, r->nic, NIC_DEVFN), 0);
    nic_map(r, 1, 0);
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

static void wr8(struct nic_rig *r, unsigned offset, unsigned value)
{
    bus_write(r->m->mmio, NIC_MMIO + offset, 1, value);
}

static void wr16(struct nic_rig *r, unsigned offset, unsigned value)
{
    bus_write(r->m->mmio, NIC_MMIO + offset, 2, value);
}

static unsigned rd16(struct nic_rig *r, unsigned offset)
{
    return (unsigned)bus_read(r->m->mmio, NIC_MMIO + offset, 2);
}

static unsigned rd8(struct nic_rig *r, unsigned offset)
{
    return (unsigned)bus_read(r->m->mmio, NIC_MMIO + offset, 1);
}

/* An 8 KiB ring, broadcast and own address. */
static void start_old(struct nic_rig *r)
{
    wr8(r, 0x37, RTL_CR_RE | RTL_CR_TE);
    wr(r, 0x30, BUFFERS);
    wr(r, 0x44, RTL_RCR_MINE | RTL_RCR_BROAD);
}

static void identity(void **state)
{
    struct nic_rig *r = *state;

    assert_int_equal(config_read(r->m, NIC_DEVFN, PCI_VENDOR, 4), 0x813910ec);
    assert_int_equal(rd(r, 0), 0x3e1600 | 0x11u << 24);
    assert_int_equal(rd16(r, 4), 0x3322);
    assert_int_equal(bus_read(r->m->ports, NIC_PORTS + 4, 2), 0x3322);
    assert_int_equal(rd(r, 0x40) & 0x7c800000, 0x74800000);
    wr8(r, 0x37, RTL_CR_RST);
    assert_int_equal(rd8(r, 0x37), RTL_CR_BUFE);
}

static void old_send(void **state)
{
    struct nic_rig *r = *state;
    uint8_t frame[100];

    start_old(r);
    wr16(r, 0x3c, RTL_ISR_TOK);
    frame_fill(frame, broadcast, 100);
    put(r, BUFFERS, frame, 100);
    for (unsigned i = 0; i < 4; i++) {
        wr(r, 0x20 + 4 * i, BUFFERS);
        wr(r, 0x10 + 4 * i, 100);
        assert_int_equal(r->cable->sent, i + 1);
        assert_true(rd(r, 0x10 + 4 * i) & RTL_TSD_TOK);
    }
    assert_memory_equal(r->cable->sent_frame[3], frame, 100);
    assert_true(r->m->intx_level);
    wr16(r, 0x3e, 0xffff);
    assert_false(r->m->intx_level);
}

static void old_receive_goes_round(void **state)
{
    struct nic_rig *r = *state;
    uint8_t frame[1000], got[1000];
    unsigned at = 0;

    start_old(r);
    frame_fill(frame, nic_mac, 1000);
    for (unsigned i = 0; i < 40; i++) {
        uint16_t header[2];
        uint32_t crc;

        arrive(r, nic_mac, 1000);
        assert_false(rd8(r, 0x37) & RTL_CR_BUFE);
        get(r, header, BUFFERS + at, 4);
        assert_int_equal(header[0], 0x4001);
        assert_int_equal(header[1], 1004);
        for (unsigned n = 0; n < 1000; n++)
            get(r, got + n, BUFFERS + (at + 4 + n) % 8192, 1);
        assert_memory_equal(got, frame, 1000);
        for (unsigned n = 0; n < 4; n++)
            get(r, (uint8_t *)&crc + n, BUFFERS + (at + 1004 + n) % 8192, 1);
        assert_int_equal(crc, net_crc32(frame, 1000));
        at = (at + 1008) % 8192;
        wr16(r, 0x38, at - 16);
        assert_true(rd8(r, 0x37) & RTL_CR_BUFE);
    }
}

static void full_ring_waits(void **state)
{
    struct nic_rig *r = *state;

    start_old(r);
    for (unsigned i = 0; i < 12; i++)
        arrive(r, nic_mac, 1000);
    assert_int_equal(rd(r, 0x4c), 0); /* none is lost */
    wr16(r, 0x38, rd16(r, 0x3a) - 16);
    fake_run_jobs();
    assert_false(rd8(r, 0x37) & RTL_CR_BUFE);
}

static void filters(void **state)
{
    struct nic_rig *r = *state;
    static const uint8_t other[6] = {2, 0, 0, 0, 0, 9}, group[6] = {1, 0, 0x5e, 0, 0, 0xfb};
    unsigned hash = net_multicast_hash(group);

    start_old(r);
    arrive(r, other, 60);
    arrive(r, group, 60);
    assert_int_equal(rd16(r, 0x3a), 0);
    wr(r, 0x44, RTL_RCR_MINE | RTL_RCR_MULTI);
    wr(r, 0x08 + (hash & 32 ? 4 : 0), 1u << (hash & 31));
    arrive(r, group, 60);
    assert_int_equal(rd16(r, 0x3a), 68);
    arrive(r, broadcast, 60);
    assert_int_equal(rd16(r, 0x3a), 68);
    wr(r, 0x44, RTL_RCR_ALL);
    arrive(r, other, 60);
    assert_int_equal(rd16(r, 0x3a), 136);
}

static void start_plus(struct nic_rig *r)
{
    uint32_t rx[4] = {0xc0000000u | 1536, 0, BUFFERS + 0x8000, 0};

    put(r, RX_RING, rx, 16);
    wr16(r, 0xe0, RTL_CPCR_TX | RTL_CPCR_RX);
    wr8(r, 0x37, RTL_CR_RE | RTL_CR_TE);
    wr(r, 0x20, TX_RING);
    wr(r, 0xe4, RX_RING);
    wr(r, 0x44, RTL_RCR_MINE | RTL_RCR_BROAD);
}

static void plus_receive(void **state)
{
    struct nic_rig *r = *state;
    uint32_t d[4];

    start_plus(r);
    arrive(r, broadcast, 200);
    get(r, d, RX_RING, 16);
    assert_false(d[0] & 0x80000000u);
    assert_int_equal(d[0] & 0x3fff, 204);
    assert_true(d[0] & 0x01000000u);
    arrive(r, broadcast, 200); /* no buffer: it waits */
    d[0] = 0xc0000000u | 1536;
    put(r, RX_RING, d, 16);
    wr16(r, 0x3e, RTL_ISR_RXOVW);
    fake_run_jobs();
    get(r, d, RX_RING, 16);
    assert_false(d[0] & 0x80000000u);
}

static void plus_send(struct nic_rig *r, uint32_t command, uint32_t len)
{
    uint32_t d[4] = {0xf0000000u | command | len, 0, BUFFERS, 0};

    put(r, TX_RING, d, 16);
    wr8(r, 0xd9, 0x40);
    get(r, d, TX_RING, 16);
    assert_false(d[0] & 0x80000000u);
}

static void plus_offloads(void **state)
{
    struct nic_rig *r = *state;
    uint8_t p[3054];

    start_plus(r);
    tcp_fill(p, 500, false);
    put(r, BUFFERS, p, 500);
    plus_send(r, 0x00050000, 500);
    assert_int_equal(r->cable->sent, 1);
    assert_tcp_right(r->cable->sent_frame[0], 500);
    tcp_fill(p, sizeof p, true);
    put(r, BUFFERS, p, sizeof p);
    plus_send(r, 0x08000000u | 1000u << 16, sizeof p);
    assert_int_equal(r->cable->sent, 4);
    for (unsigned i = 1; i < 4; i++) {
        assert_int_equal(r->cable->sent_len[i], 1054);
        assert_tcp_right(r->cable->sent_frame[i], 1054);
    }
}

static void link_state(void **state)
{
    struct nic_rig *r = *state;

    wr16(r, 0x3c, RTL_ISR_LINK);
    assert_int_equal(rd16(r, 0x64) & 4, 4);
    net_set_link(&r->cable->net, false);
    assert_true(r->m->intx_level);
    assert_int_equal(rd16(r, 0x64) & 4, 0);
    assert_int_equal(rd8(r, 0x58) & 4, 4);
    net_set_link(&r->cable->net, true);
    assert_int_equal(rd16(r, 0x64) & 4, 4);
}

static void timer(void **state)
{
    struct nic_rig *r = *state;

    wr16(r, 0x3c, RTL_ISR_TIMEOUT);
    wr(r, 0x54, 1000);
    wr(r, 0x48, 0);
    fake_advance(29000);
    assert_false(r->m->intx_level);
    fake_advance(2000);
    assert_true(r->m->intx_level);
}

static void bad_addresses(void **state)
{
    struct nic_rig *r = *state;
    uint32_t d[4] = {0xf0000000u | 100, 0, 0xfffffff0u, 0xffffffffu};

    start_old(r);
    wr(r, 0x20, 0xfffffff0);
    wr(r, 0x10, 100);
    wr(r, 0x30, 0xfffff000);
    arrive(r, broadcast, 100);
    start_plus(r);
    put(r, TX_RING, d, 16);
    wr8(r, 0xd9, 0x40);
    wr(r, 0xe8, 0xffffffff);
    arrive(r, broadcast, 100);
    assert_int_equal(r->cable->sent, 0);
    torture(&r->nic->dev, r->nic->bar[0].ops, 256, 20000);
}

static void state_roundtrip(void **state)
{
    struct nic_rig *r = *state;
    struct pci_device *other = rtl8139_create(fake_loop, NULL, nic_mac, NULL, 0);
    struct rtl8139_state bad;

    start_old(r);
    arrive(r, broadcast, 100);
    wr(r, 0x54, 1000);
    assert_roundtrip(&r->nic->dev, &other->dev);
    memcpy(&bad, r->nic->dev.state, sizeof bad);
    bad.tx_next = 4;
    assert_refused(&other->dev, &bad);
    other->dev.ops->destroy(&other->dev);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        T(identity), T(old_send),      T(old_receive_goes_round), T(full_ring_waits),
        T(filters),  T(plus_receive),  T(plus_offloads),          T(link_state),
        T(timer),    T(bad_addresses), T(state_roundtrip),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
