/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz_ide.c: register accesses, whole commands and packets, PRD tables, requests that fail or stay out, media that
 * come and go, resets, and saved states with some bytes changed, to a disk, a CD-ROM and the bus master.
 */
#include "dev/ide_drive.h"
#include "dev/piix3_ide.h"

#include "base/bytes.h"

#include <stdlib.h>

#include "../unit/dev/fake_block.h"
#include "fuzz_input.h"

#define RAM_BYTES   (1u << 20)
#define BM          0xc000u
#define DISK_LENGTH 3000u

struct rig {
    struct bus *ports, *mmio;
    struct memory *memory;
    struct pci_bus *pci;
    struct pci_device *ide;
    struct fake_disk disk, disc[4];
    unsigned discs;
    struct irq_line irq[2];
};

static void out(struct rig *r, unsigned port, unsigned value)
{
    bus_write(r->ports, port, 1, value);
}

static unsigned base_of(uint8_t which)
{
    return which & 1 ? 0x170 : 0x1f0;
}

static void do_command(struct rig *r, struct fuzz_input *in)
{
    static const uint8_t commands[] = {0x08, 0x20, 0x24, 0x29, 0x30, 0x34, 0x35, 0x25, 0xc4, 0xc5, 0xc6, 0xc8,
                                       0xca, 0x40, 0x90, 0x91, 0xa0, 0xa1, 0xb0, 0xe7, 0xec, 0xef, 0xf8, 0x3d};
    unsigned base = base_of(fuzz_byte(in));
    uint8_t flags = fuzz_byte(in);

    out(r, base + 6, (flags & 0x40 ? 0xe0 : 0xa0) | (flags & 0x10));
    for (unsigned reg = 1; reg <= 5; reg++)
        out(r, base + reg, fuzz_byte(in) & (reg > 3 ? 7 : 0xff));
    out(r, base + 7, commands[fuzz_byte(in) % sizeof commands]);
}

static void do_packet(struct rig *r, struct fuzz_input *in)
{
    static const uint8_t opcodes[] = {0x00, 0x03, 0x12, 0x1b, 0x1e, 0x25, 0x28, 0x2b, 0x43, 0x46,
                                      0x4a, 0x51, 0x5a, 0xa8, 0xad, 0xbb, 0xbd, 0xbe, 0x28, 0xbe};
    uint8_t packet[12] = {opcodes[fuzz_byte(in) % sizeof opcodes]}, flags = fuzz_byte(in);

    out(r, 0x176, 0xa0);
    out(r, 0x171, flags & 1);
    out(r, 0x174, fuzz_byte(in));
    out(r, 0x175, fuzz_byte(in));
    out(r, 0x177, 0xa0);
    for (unsigned i = 1; i < 12; i++)
        packet[i] = fuzz_byte(in) & (flags & 2 && (i < 5 || i == 6) ? 0 : 0xff);
    for (unsigned i = 0; i < 12; i += 4)
        bus_write(r->ports, 0x170, 4, load_le32(packet + i));
}

static void do_dma(struct rig *r, struct fuzz_input *in)
{
    unsigned channel = fuzz_byte(in) & 1, entries = fuzz_byte(in) % 4 + 1;
    uint32_t table = fuzz_byte(in) % 8 ? 0x1000 : fuzz_u32(in);

    for (unsigned i = 0; i < entries; i++) {
        /* mostly in RAM, mostly one table */
        uint32_t address = fuzz_u32(in), count = fuzz_u32(in);
        uint32_t prd[2] = {address & (address >> 28 ? 0x7ffff : ~0u), count & (count >> 28 ? 0xffff : ~0u)};

        if (i + 1 == entries)
            prd[1] |= 0x80000000;
        mem_copy_out(r->memory, 0x1000 + 8 * i, prd, 8);
    }
    bus_write(r->ports, BM + 8 * channel + 4, 4, table);
    out(r, BM + 8 * channel + 2, 6);
    out(r, BM + 8 * channel, fuzz_byte(in) & 9);
}

static void pump_all(struct rig *r)
{
    fake_pump(&r->disk);
    for (unsigned i = 0; i < r->discs; i++)
        fake_pump(&r->disc[i]);
}

/* A whole transfer by the bus master: the command, or the packet, and the table. */
static void do_transfer(struct rig *r, struct fuzz_input *in)
{
    static const uint8_t commands[] = {0xc8, 0xca, 0x25, 0x35, 0x3d, 0x06};

    if (fuzz_byte(in) & 1) {
        out(r, 0x1f6, 0xe0);
        out(r, 0x1f1, 1);
        for (unsigned reg = 2; reg <= 5; reg++) {
            out(r, 0x1f0 + reg, 0);
            out(r, 0x1f0 + reg, reg == 5 ? 0 : fuzz_byte(in) & (reg == 4 ? 7 : 0xff));
        }
        out(r, 0x1f7, commands[fuzz_byte(in) % sizeof commands]);
    } else {
        do_packet(r, in);
    }
    do_dma(r, in);
    if (fuzz_byte(in) & 3)
        pump_all(r);
}

static void do_data(struct rig *r, struct fuzz_input *in)
{
    unsigned base = base_of(fuzz_byte(in)), count = fuzz_byte(in) * 8u, size = 1u << fuzz_byte(in) % 3;
    bool read = fuzz_byte(in) & 1;

    while (count--) {
        if (read)
            bus_read(r->ports, base, size);
        else
            bus_write(r->ports, base, size, count * 0x01010101u);
    }
}

/* Loads the state as saved, with a few bytes changed, if the chip takes it. Nothing may be out at that time. */
static void do_load(struct rig *r, struct fuzz_input *in)
{
    size_t size = r->ide->dev.ops->state_size;
    uint8_t *copy = malloc(size), *state = r->ide->dev.state;
    unsigned changes = fuzz_byte(in) % 8;

    pump_all(r);
    r->disk.strict = r->disk.strict && !changes; /* then only the block layer checks sectors */
    for (unsigned i = 0; i < r->discs; i++)
        r->disc[i].strict = r->disc[i].strict && !changes;
    memcpy(copy, state, size);
    for (unsigned i = 0; i < changes; i++) {
        /* the registers of a drive, mostly, rather than its buffer */
        size_t at = fuzz_u32(in) % size;

        if (fuzz_byte(in) % 8)
            at = 256 + (at % 4) * ((size - 256) / 4) + fuzz_byte(in);
        copy[at % size] = fuzz_byte(in);
    }
    if (!r->ide->dev.ops->check(copy)) {
        memcpy(state, copy, size);
        r->ide->dev.ops->loaded(&r->ide->dev);
    }
    free(copy);
}

static void any_lock(void *opaque, bool locked)
{
}
static void any_move(void *opaque, bool is_out)
{
}

/* An image's drive, or one of the host's, whose table of contents is any. */
static void do_medium(struct rig *r, struct fuzz_input *in)
{
    static const struct ide_tray tray = {any_lock, any_move};
    uint8_t how = fuzz_byte(in);
    struct block *b = NULL;

    if (r->discs < ARRAY_SIZE(r->disc) && how & 1)
        b = fake_open(&r->disc[r->discs++], 4u * (fuzz_byte(in) + 1u), true);
    if (how & 2) {
        struct cd_toc toc = {.count = fuzz_byte(in) % (CD_TRACKS_MAX + 1), .sessions = fuzz_byte(in) & 3};

        toc.last_session_track = fuzz_byte(in);
        toc.leadout = fuzz_u32(in);
        for (unsigned i = 0; i < toc.count; i++)
            toc.track[i] = (struct cd_track){(uint8_t)(i + 1), fuzz_byte(in), fuzz_byte(in) * 1000u};
        piix3_ide_set_cd_medium(r->ide, 2, b, &toc, how & 4);
    } else {
        piix3_ide_change_cd(r->ide, 2, b);
    }
    if (how & 8)
        piix3_ide_set_cd_tray(r->ide, 2, how & 16 ? &tray : NULL, NULL);
}

static void step(struct rig *r, struct fuzz_input *in)
{
    uint8_t what = fuzz_byte(in);
    unsigned base = base_of(what >> 7);

    switch (what % 16) {
    case 0: out(r, base + fuzz_byte(in) % 8, fuzz_byte(in)); break;
    case 1: bus_read(r->ports, base + fuzz_byte(in) % 8, 1u << fuzz_byte(in) % 3); break;
    case 2: out(r, base + 0x206, fuzz_byte(in) & 0x86); break;
    case 3:
    case 4:
    case 5: do_command(r, in); break;
    case 6:
    case 7: do_packet(r, in); break;
    case 8: do_transfer(r, in); break;
    case 9: do_dma(r, in); break;
    case 10: do_data(r, in); break;
    case 11: fake_step(&r->disk); break;
    case 12: pump_all(r); break;
    case 13:
        switch (fuzz_byte(in) % 8) {
        case 0: do_medium(r, in); break;
        case 1: do_load(r, in); break;
        case 2: r->disk.fail_at = r->disk.requests + fuzz_byte(in) % 4; break;
        case 3: r->ide->dev.ops->reset(&r->ide->dev); break;
        case 4: bus_write(r->ports, BM + fuzz_byte(in) % 16, 1u << fuzz_byte(in) % 3, fuzz_u32(in)); break;
        default: bus_read(r->ports, BM + fuzz_byte(in) % 16, 1u << fuzz_byte(in) % 3); break;
        }
        break;
    default: /* the usual way on */
        pump_all(r);
        out(r, BM, 0);
        out(r, BM + 8, 0);
        do_data(r, in);
        break;
    }
    /* the guest puts the function back where it can reach it */
    bus_write(r->ports, 0xcf8, 4, 0x80000920);
    bus_write(r->ports, 0xcfc, 4, BM);
    bus_write(r->ports, 0xcf8, 4, 0x80000904);
    bus_write(r->ports, 0xcfc, 2, PCI_COMMAND_IO | PCI_COMMAND_MASTER);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rig r = {.discs = 1};
    struct fuzz_input in = {data, size};

    r.ports = bus_create("ports", 0x10000);
    r.mmio = bus_create("mmio", 1ull << 40);
    r.memory = memory_create(RAM_BYTES);
    memory_map_ram(r.memory, 0, 0, RAM_BYTES / PAGE_BYTES);
    r.pci = pci_bus_create(r.ports, r.mmio, r.memory, NULL, NULL);
    r.ide = piix3_ide_create(&r.irq[0], &r.irq[1]);
    pci_device_add(r.pci, r.ide, 9);
    bus_map(r.ports, 0xcf8, 8, pci_bus_device(r.pci), &pci_config_io);
    for (unsigned n = 0; n < 2; n++) {
        bus_map(r.ports, n ? 0x170 : 0x1f0, 8, &r.ide->dev, &piix3_ide_command_io[n]);
        bus_map(r.ports, n ? 0x376 : 0x3f6, 1, &r.ide->dev, &piix3_ide_control_io[n]);
    }
    piix3_ide_attach_disk(r.ide, 0, fake_open(&r.disk, DISK_LENGTH, false));
    piix3_ide_attach_cd(r.ide, 2, fake_open(&r.disc[0], DISK_LENGTH, true));
    while (in.left)
        step(&r, &in);
    pump_all(&r);
    if (r.ide->dev.ops->check(r.ide->dev.state))
        abort(); /* a state it got into by itself must load */
    r.ide->dev.ops->destroy(&r.ide->dev);
    if (!r.disk.closed || !r.disc[0].closed)
        abort();
    pci_bus_destroy(r.pci);
    memory_destroy(r.memory);
    bus_destroy(r.mmio);
    bus_destroy(r.ports);
    free(r.disk.bytes);
    for (unsigned i = 0; i < ARRAY_SIZE(r.disc); i++)
        free(r.disc[i].bytes);
    return 0;
}
