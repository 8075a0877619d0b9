/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nic_rig.h: a NIC in slot 4 of a PCI machine, and a cable (the real host/net/net.c) whose other end keeps what was
 * sent and gives what the test wants to arrive.
 */
#ifndef DOMUS_TESTS_NIC_RIG_H
#define DOMUS_TESTS_NIC_RIG_H

#include "base/bytes.h"
#include "host/net/net_backend.h"

#include "fake.h"
#include "pci_machine.h"

#define NIC_DEVFN 0x20u
#define NIC_MMIO  0x80000000u
#define NIC_PORTS 0xc000u
#define SENT_MAX  64

struct cable {
    struct net net; /* first */
    unsigned sent;
    size_t sent_len[SENT_MAX];
    uint8_t sent_frame[SENT_MAX][2048];
};

static inline void cable_send(struct net *n, const uint8_t *frame, size_t len)
{
    struct cable *c = (struct cable *)n;
    unsigned i = c->sent++ % SENT_MAX;

    c->sent_len[i] = len;
    memcpy(c->sent_frame[i], frame, len < sizeof c->sent_frame[i] ? len : sizeof c->sent_frame[i]);
}

static inline void cable_close(struct net *n)
{
    net_fini(n);
    free(n);
}

static inline struct cable *cable_create(void)
{
    static const struct net_backend_ops ops = {.send = cable_send, .close = cable_close};
    struct cable *c = calloc(1, sizeof *c);

    assert_int_equal(net_init(&c->net, fake_loop, &ops), 0);
    return c;
}

static const uint8_t nic_mac[6] = {0x00, 0x16, 0x3e, 0x11, 0x22, 0x33};

struct nic_rig {
    struct machine *m;
    struct cable *cable;
    struct pci_device *nic;
};

static inline void nic_map(struct nic_rig *r, unsigned mmio_bar, unsigned port_bar)
{
    config_write(r->m, NIC_DEVFN, PCI_BAR0 + 4 * mmio_bar, 4, NIC_MMIO);
    config_write(r->m, NIC_DEVFN, PCI_BAR0 + 4 * port_bar, 4, NIC_PORTS);
    config_write(r->m, NIC_DEVFN, PCI_COMMAND, 2, PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

static inline uint32_t rd(struct nic_rig *r, unsigned offset)
{
    return (uint32_t)bus_read(r->m->mmio, NIC_MMIO + offset, 4);
}

static inline void wr(struct nic_rig *r, unsigned offset, uint32_t value)
{
    bus_write(r->m->mmio, NIC_MMIO + offset, 4, value);
}

static inline void put(struct nic_rig *r, gpa_t to, const void *bytes, size_t n)
{
    assert_int_equal(mem_copy_out(r->m->memory, to, bytes, n), 0);
}

static inline void get(struct nic_rig *r, void *bytes, gpa_t from, size_t n)
{
    assert_int_equal(mem_copy_in(r->m->memory, bytes, from, n), 0);
}

/* A frame to `to` of that length, its bytes counting. */
static inline void frame_fill(uint8_t *frame, const uint8_t to[6], size_t len)
{
    for (size_t i = 0; i < len; i++)
        frame[i] = (uint8_t)i;
    memcpy(frame, to, 6);
    frame[12] = 0x88;
    frame[13] = 0xb5;
}

static inline void arrive(struct nic_rig *r, const uint8_t to[6], size_t len)
{
    uint8_t frame[2048];

    frame_fill(frame, to, len);
    assert_true(net_deliver(&r->cable->net, frame, len));
    fake_run_jobs();
}

/* An IPv4 TCP packet, checksums as a driver leaves them to the chip; 54 bytes of headers. */
static inline void tcp_fill(uint8_t *p, size_t len, bool without_length)
{
    static const uint8_t headers[54] = {
        0x00, 0x16, 0x3e, 0x01, 0x02, 0x03, 0x00, 0x16, 0x3e, 0x11, 0x22, 0x33, 0x08, 0x00, /* Ethernet */
        0x45, 0,    0,    0,    0x12, 0x34, 0x40, 0,    64,   6,    0,    0,    10,   0,
        2,    15,   10,   0,    2,    2, /* IP */
        0x30, 0x39, 0,    80,   0,    0,    0,    100,  0,    0,    0,    1,    0x50, 0x19,
        0x20, 0,    0,    0,    0,    0,
    };
    uint32_t sum = 0;

    memcpy(p, headers, sizeof headers);
    for (size_t i = sizeof headers; i < len; i++)
        p[i] = (uint8_t)(i * 7);
    p[16] = (uint8_t)((len - 14) >> 8);
    p[17] = (uint8_t)(len - 14);
    for (unsigned i = 26; i < 34; i += 2)
        sum += (uint32_t)(p[i] << 8 | p[i + 1]);
    sum += 6 + (without_length ? 0 : (uint32_t)len - 34);
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    p[50] = (uint8_t)(sum >> 8);
    p[51] = (uint8_t)sum;
}

/* The Internet checksum written out, apart from the code under test; 0: it is right. */
static inline unsigned sums_to(const uint8_t *p, size_t n, uint32_t sum)
{
    for (size_t i = 0; i < n; i++)
        sum += i & 1 ? p[i] : (uint32_t)p[i] << 8;
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return ~sum & 0xffff;
}

static inline void assert_tcp_right(const uint8_t *p, size_t len)
{
    assert_int_equal(p[16] << 8 | p[17], len - 14);
    assert_int_equal(sums_to(p + 14, 20, 0), 0);
    assert_int_equal(sums_to(p + 26, len - 26, 6 + (uint32_t)len - 34), 0);
}

#endif
