/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz_nic.c: register accesses, rings and descriptors in guest memory, frames that arrive, links that come and go,
 * and saved states with some bytes changed, to an rtl8139 or an e1000. The input's first byte chooses.
 */
#include "dev/e1000.h"
#include "dev/rtl8139.h"

#include "../unit/dev/nic_rig.h"
#include "fuzz_input.h"

static uint64_t some_address(struct fuzz_input *in)
{
    uint32_t value = fuzz_u32(in);

    return value >> 29 ? value & 0x3fff0 : (uint64_t)value << (value & 15); /* mostly in RAM */
}

/* A descriptor of either chip, mostly one that it likes. */
static void put_descriptor(struct nic_rig *r, struct fuzz_input *in)
{
    uint64_t at = (uint64_t)(fuzz_byte(in) & 63) * 16 + 0x1000 + (fuzz_byte(in) & 1) * 0x1000;
    uint64_t d[2] = {some_address(in), (uint64_t)fuzz_u32(in) << 32 | fuzz_u32(in)};

    if (fuzz_byte(in) & 1) {
        uint64_t swapped = d[0];
        d[0] = d[1] | 0x80000000u;
        d[1] = swapped;
    }
    (void)mem_copy_out(r->m->memory, at, d, sizeof d);
}

static void put_headers(struct nic_rig *r, struct fuzz_input *in)
{
    uint8_t p[1024];

    tcp_fill(p, sizeof p, fuzz_byte(in) & 1);
    p[fuzz_byte(in)] = fuzz_byte(in);
    p[fuzz_byte(in) & 63] = fuzz_byte(in);
    (void)mem_copy_out(r->m->memory, some_address(in) & 0x3ffff, p, sizeof p);
}

static void start_rings(struct nic_rig *r, struct fuzz_input *in, bool intel)
{
    static const uint16_t rtl[][2] = {{0xe0, 3},      {0x34, 0}, {0x20, 0x1000}, {0x24, 0},
                                      {0xe4, 0x2000}, {0xe8, 0}, {0x44, 0x800f}};
    static const uint16_t e1000[][2] = {{0x2800, 0x2000}, {0x2804, 0}, {0x2808, 1024},  {0x3800, 0x1000}, {0x3804, 0},
                                        {0x3808, 1024},   {0x400, 10}, {0x100, 0x801a}, {0x2818, 63}};

    for (unsigned i = 0; intel && i < ARRAY_SIZE(e1000); i++)
        wr(r, e1000[i][0], e1000[i][1]);
    for (unsigned i = 0; !intel && i < ARRAY_SIZE(rtl); i++)
        wr(r, rtl[i][0], rtl[i][1]);
    if (!intel)
        bus_write(r->m->mmio, NIC_MMIO + 0x37, 1, 0x0c);
    wr(r, intel ? 0x3818 : 0xd8, intel ? fuzz_byte(in) & 63 : 0x4000);
}

static void access_register(struct nic_rig *r, struct fuzz_input *in, bool intel)
{
    uint8_t what = fuzz_byte(in);
    unsigned size = what & 0x80 ? 4 : 1u << (what & 3);
    unsigned offset = intel ? (fuzz_u32(in) & 0x5fff) : fuzz_byte(in);
    uint64_t value = fuzz_u32(in);

    if (what & 0x40)
        value = some_address(in);
    if (what & 0x80)
        offset &= ~3u;
    if (intel && what & 0x20) /* where the rings are */
        offset = (what & 0x10 ? 0x2800u : 0x3800u) + (offset & 0x3c);
    if (what & 4)
        bus_read(r->m->mmio, NIC_MMIO + offset, size);
    else
        bus_write(r->m->mmio, NIC_MMIO + offset, size, value);
}

static void frame_arrives(struct nic_rig *r, struct fuzz_input *in)
{
    uint8_t frame[NET_FRAME_MAX] = {0};
    uint8_t what = fuzz_byte(in);
    size_t len = 1 + (what & 0x80 ? fuzz_u32(in) % NET_FRAME_MAX : fuzz_byte(in) * 6u);

    tcp_fill(frame, 1024, false);
    memset(frame, what & 1 ? 0xff : fuzz_byte(in), 6);
    if (what & 2)
        memcpy(frame, nic_mac, 6);
    frame[12 + (what >> 2 & 15)] = fuzz_byte(in);
    if (what & 0x40)
        frame[12] = 0x81;
    (void)net_deliver(&r->cable->net, frame, len);
}

static void load_state(struct nic_rig *r, struct fuzz_input *in)
{
    const struct device_ops *ops = r->nic->dev.ops;
    uint8_t *copy = malloc(ops->state_size);
    unsigned changes = fuzz_byte(in) & 7;

    memcpy(copy, r->nic->dev.state, ops->state_size);
    for (unsigned i = 0; i < changes; i++)
        copy[256 + fuzz_u32(in) % (ops->state_size - 256)] = fuzz_byte(in);
    if (!ops->check(copy)) {
        memcpy(r->nic->dev.state, copy, ops->state_size);
        ops->loaded(&r->nic->dev);
    }
    free(copy);
}

static void step(struct nic_rig *r, struct fuzz_input *in, bool intel)
{
    uint8_t what = fuzz_byte(in);

    switch (what % 16) {
    case 0: start_rings(r, in, intel); break;
    case 1:
    case 2:
    case 3: put_descriptor(r, in); break;
    case 4: put_headers(r, in); break;
    case 5:
    case 6: frame_arrives(r, in); break;
    case 7: fake_run_jobs(); break;
    case 8: fake_advance(fuzz_u32(in) & 0xffffff); break;
    case 9: net_set_link(&r->cable->net, fuzz_byte(in) & 3); break;
    case 10:
        if (fuzz_byte(in) & 1)
            load_state(r, in);
        break;
    case 11:
        if (!(fuzz_byte(in) & 15))
            r->nic->dev.ops->reset(&r->nic->dev);
        nic_map(r, intel ? 0 : 1, intel ? 1 : 0);
        break;
    default: access_register(r, in, intel); break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size};
    struct nic_rig r = {0};
    bool intel = fuzz_byte(&in) & 1;

    fake_loop_reset();
    setup((void **)&r.m);
    r.cable = cable_create();
    r.nic = (intel ? e1000_create : rtl8139_create)(fake_loop, &r.cable->net, nic_mac, NULL, 0);
    if (pci_device_add(r.m->pci, r.nic, NIC_DEVFN))
        abort();
    nic_map(&r, intel ? 0 : 1, intel ? 1 : 0);
    while (in.left)
        step(&r, &in, intel);
    if (r.nic->dev.ops->check(r.nic->dev.state))
        abort(); /* a state it got into by itself must load */
    r.nic->dev.ops->destroy(&r.nic->dev);
    if (fake_timers_armed())
        abort();
    teardown((void **)&r.m);
    return 0;
}
