/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_atapi.c: the CD-ROM drive by ports: the packet protocol, what it tells of itself, and its medium coming and
 * going. */
#include "dev/piix3_ide.h"

#include "base/bytes.h"
#include "dev/atapi_replies.h"
#include "dev/ide_drive.h"

#include <string.h>

#include "fake_block.h"
#include "pci_machine.h"

#define BM         0xc000u
#define STATUS     0x177
#define CD_SECTORS 600u /* of 2048 */

struct cd {
    struct machine *m;
    struct pci_device *pci;
    struct fake_disk disc, other;
    struct irq_line irq[2];
    unsigned interrupts;
};

static void interrupted(void *opaque, unsigned n, bool level)
{
    ((struct cd *)opaque)->interrupts += level;
}

static int cd_setup(void **state)
{
    struct cd *c = calloc(1, sizeof *c);

    assert_int_equal(setup((void **)&c->m), 0);
    c->irq[1] = (struct irq_line){.changed = interrupted, .opaque = c, .n = 15};
    c->pci = piix3_ide_create(&c->irq[0], &c->irq[1]);
    assert_int_equal(pci_device_add(c->m->pci, c->pci, 9), 0);
    bus_map(c->m->ports, 0x170, 8, &c->pci->dev, &piix3_ide_command_io[1]);
    bus_map(c->m->ports, 0x376, 1, &c->pci->dev, &piix3_ide_control_io[1]);
    assert_int_equal(piix3_ide_attach_cd(c->pci, 2, fake_open(&c->disc, CD_SECTORS * 4, true)), 0);
    config_write(c->m, 9, 0x20, 4, BM);
    config_write(c->m, 9, PCI_COMMAND, 2, PCI_COMMAND_IO | PCI_COMMAND_MASTER);
    *state = c;
    return 0;
}

static int cd_teardown(void **state)
{
    struct cd *c = *state;

    c->pci->dev.ops->destroy(&c->pci->dev);
    free(c->disc.bytes);
    free(c->other.bytes);
    teardown((void **)&c->m);
    free(c);
    return 0;
}

static uint8_t in(struct cd *c, unsigned port)
{
    return (uint8_t)bus_read(c->m->ports, port, 1);
}

static void out(struct cd *c, unsigned port, unsigned value)
{
    bus_write(c->m->ports, port, 1, value);
}

static void send_packet(struct cd *c, const uint8_t *packet, unsigned limit, bool dma)
{
    out(c, 0x176, 0xa0);
    out(c, 0x171, dma);
    out(c, 0x174, limit);
    out(c, 0x175, limit >> 8);
    out(c, STATUS, 0xa0);
    assert_int_equal(in(c, STATUS), 0x58);
    assert_int_equal(in(c, 0x172), 1);
    for (unsigned i = 0; i < 12; i += 2)
        bus_write(c->m->ports, 0x170, 2, load_le16(packet + i));
}

/* Sends a packet and takes its data by PIO; the number of bytes, or minus the sense (key, asc, ascq) in one number. */
static int run(struct cd *c, const uint8_t *packet, unsigned limit, uint8_t *to, unsigned room)
{
    unsigned got = 0;

    send_packet(c, packet, limit, false);
    for (;;) {
        uint8_t status;
        unsigned n;

        fake_pump(&c->disc);
        fake_pump(&c->other);
        status = in(c, STATUS);
        assert_int_equal(status & 0x80, 0);
        if (status & 1)
            return -(in(c, 0x171) >> 4);
        if (!(status & 8)) {
            assert_int_equal(in(c, 0x172), 3);
            return (int)got;
        }
        assert_int_equal(in(c, 0x172), 2);
        n = in(c, 0x174) | (unsigned)in(c, 0x175) << 8;
        assert_true(n && n <= limit && got + n <= room);
        for (unsigned i = 0; i < n; i += 2)
            store_le16(to + got + i, (uint16_t)bus_read(c->m->ports, 0x170, 2));
        got += n;
    }
}

static int simple(struct cd *c, uint8_t opcode, uint8_t byte4)
{
    uint8_t packet[12] = {opcode, 0, 0, 0, byte4}, none[2];

    return run(c, packet, 2, none, 0);
}

static unsigned sense(struct cd *c)
{
    uint8_t packet[12] = {0x03, 0, 0, 0, 18}, data[32];

    assert_int_equal(run(c, packet, 0xfffe, data, sizeof data), 18);
    return (unsigned)data[2] << 16 | (unsigned)data[12] << 8 | data[13];
}

static void test_identity(void **state)
{
    struct cd *c = *state;
    uint8_t data[512], packet[12] = {0x12, 0, 0, 0, 36};

    assert_int_equal(in(c, STATUS), 0);
    assert_int_equal(in(c, 0x174) | in(c, 0x175) << 8, 0xeb14);
    out(c, STATUS, 0xec);
    assert_int_equal(in(c, STATUS) & 1, 1);
    assert_int_equal(in(c, 0x174) | in(c, 0x175) << 8, 0xeb14);
    out(c, STATUS, 0xa1);
    assert_int_equal(in(c, STATUS), 0x58);
    for (unsigned i = 0; i < 512; i += 2)
        store_le16(data + i, (uint16_t)bus_read(c->m->ports, 0x170, 2));
    assert_int_equal(in(c, STATUS), 0x50);
    assert_int_equal(load_le16(data), 0x85c0);
    assert_memory_equal(data + 54, "ODUM SVD-DOR M", 14);
    assert_int_equal(run(c, packet, 0xfffe, data, sizeof data), 36);
    assert_int_equal(data[0], 5);
    assert_memory_equal(data + 8, "DOMUS   DOMUS DVD-ROM   ", 24);
    packet[4] = 5; /* allocation shorter than the reply, odd */
    assert_int_equal(run(c, packet, 0xfffe, data, sizeof data), 5);
    /* DEVICE RESET gives the signature again */
    out(c, STATUS, 0x08);
    assert_int_equal(in(c, STATUS), 0);
    assert_int_equal(in(c, 0x174) | in(c, 0x175) << 8, 0xeb14);
}

static void test_read(void **state)
{
    struct cd *c = *state;
    static uint8_t data[70 * 2048];
    uint8_t capacity[12] = {0x25}, read10[12] = {0x28, 0, 0, 0, 0, 10, 0, 0, 70}, raw[12] = {0xbe, 0, 0, 0, 0, 3};

    assert_int_equal(simple(c, 0x00, 0), 0);
    assert_int_equal(run(c, capacity, 8, data, sizeof data), 8);
    assert_int_equal(data[2] << 8 | data[3], CD_SECTORS - 1);
    assert_int_equal(data[6] << 8 | data[7], 2048);
    c->interrupts = 0;
    assert_int_equal(run(c, read10, 2048, data, sizeof data), 70 * 2048);
    assert_memory_equal(data, c->disc.bytes + 10 * 2048, sizeof data);
    assert_int_equal(c->interrupts, 71);
    /* an odd limit, one that does not divide */
    read10[8] = 2;
    assert_int_equal(run(c, read10, 1001, data, sizeof data), 4096);
    assert_memory_equal(data, c->disc.bytes + 10 * 2048, 4096);
    read10[8] = 0;
    assert_int_equal(run(c, read10, 2048, data, sizeof data), 0);
    /* beyond the end */
    read10[4] = 0x7f;
    read10[8] = 1;
    assert_int_equal(run(c, read10, 2048, data, sizeof data), -5);
    assert_int_equal(sense(c), 0x052100);
    assert_int_equal(sense(c), 0);
    /* raw sectors: 16 bytes before, 288 after; 60 of them are three chunks */
    raw[8] = 60;
    raw[9] = 0xf8;
    assert_int_equal(run(c, raw, 0xfffe, data, sizeof data), 60 * 2352);
    assert_int_equal(load_le32(data + 12), 0x01030200);
    assert_memory_equal(data + 59 * 2352 + 16, c->disc.bytes + 62 * 2048, 2048);
    assert_int_equal(simple(c, 0xff, 0), -5);
    assert_int_equal(sense(c), 0x052000);
}

static void test_dma(void **state)
{
    struct cd *c = *state;
    uint8_t packet[12] = {0xa8, 0, 0, 0, 0, 5, 0, 0, 0, 40}, sense_packet[12] = {0x03, 0, 0, 0, 18};
    uint32_t prd[4] = {0x20000, 0, 0x30000, 0x80004000};

    mem_copy_out(c->m->memory, 0x1000, prd, sizeof prd);
    send_packet(c, packet, 0, true);
    assert_int_equal(in(c, 0x376), 0x58);
    bus_write(c->m->ports, BM + 12, 4, 0x1000);
    out(c, BM + 10, 6);
    out(c, BM + 8, 9);
    fake_pump(&c->disc);
    assert_int_equal(in(c, STATUS), 0x50);
    assert_int_equal(in(c, BM + 10), 4);
    assert_int_equal(in(c, 0x172), 3);
    assert_memory_equal(memory_ram(c->m->memory) + 0x20000, c->disc.bytes + 5 * 2048, 40 * 2048);
    out(c, BM + 8, 0);
    /* a short reply by DMA */
    out(c, BM + 10, 6);
    send_packet(c, sense_packet, 0, true);
    out(c, BM + 8, 9);
    assert_int_equal(in(c, STATUS), 0x50);
    assert_int_equal(memory_ram(c->m->memory)[0x20000], 0x70);
    assert_int_equal(in(c, BM + 10), 5);
    out(c, BM + 8, 0);
}

static void test_replies(void **state)
{
    struct cd *c = *state;
    uint8_t data[4096];
    uint8_t toc[12] = {0x43, 2, 0, 0, 0, 0, 0, 0x10}, config[12] = {0x46, 0, 0, 0, 0, 0, 0, 0x10};
    uint8_t event[12] = {0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8}, mode[12] = {0x5a, 0, 0x2a, 0, 0, 0, 0, 1};

    assert_int_equal(run(c, toc, 0xfffe, data, sizeof data), 20);
    assert_int_equal(data[1], 18);
    assert_int_equal(data[6], 1);
    assert_int_equal(data[14], 0xaa);
    assert_int_equal(data[17] << 16 | data[18] << 8 | data[19], (600 + 150) / 75 << 8);
    toc[2] = 1;
    assert_int_equal(run(c, toc, 0xfffe, data, sizeof data), 12);
    toc[2] = 2;
    assert_int_equal(run(c, toc, 0xfffe, data, sizeof data), 48);
    toc[2] = 5;
    assert_int_equal(run(c, toc, 0xfffe, data, sizeof data), -5);
    assert_int_equal(run(c, config, 0xfffe, data, sizeof data), 8 + 12 + 8 + 8 + 12 + 4 + 4);
    assert_int_equal(data[7], 8); /* a CD */
    assert_int_equal(run(c, event, 0xfffe, data, sizeof data), 8);
    assert_int_equal(data[4], 0);
    assert_int_equal(data[5], 2);
    assert_int_equal(run(c, mode, 0xfffe, data, sizeof data), 30);
    assert_int_equal(data[8], 0x2a);
    mode[2] = 0x3f;
    assert_true(run(c, mode, 0xfffe, data, sizeof data) > 60);
    mode[2] = 0x05;
    assert_int_equal(run(c, mode, 0xfffe, data, sizeof data), -5);
    mode[2] = 0xea;
    assert_int_equal(run(c, mode, 0xfffe, data, sizeof data), -5);
    assert_int_equal(sense(c), 0x053900);
}

static void test_medium(void **state)
{
    struct cd *c = *state;
    uint8_t data[64], event[12] = {0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8};

    /* locked: the guest's own eject is refused; from outside it works */
    assert_int_equal(simple(c, 0x1e, 1), 0);
    assert_int_equal(simple(c, 0x1b, 2), -5);
    assert_int_equal(sense(c), 0x055302);
    assert_int_equal(piix3_ide_change_cd(c->pci, 0, NULL), -ENODEV);
    assert_int_equal(piix3_ide_change_cd(c->pci, 2, NULL), 0);
    assert_true(c->disc.closed);
    assert_int_equal(simple(c, 0x00, 0), -2);
    assert_int_equal(sense(c), 0x023a00);
    assert_int_equal(run(c, event, 0xfffe, data, sizeof data), 8);
    assert_int_equal(data[4], 3);
    assert_int_equal(data[5], 0);
    /* a disc into the empty drive: told once, and by the event */
    assert_int_equal(piix3_ide_change_cd(c->pci, 2, fake_open(&c->other, 400, true)), 0);
    assert_int_equal(simple(c, 0x00, 0), -6);
    assert_int_equal(sense(c), 0x062800);
    assert_int_equal(simple(c, 0x00, 0), 0);
    assert_int_equal(run(c, event, 0xfffe, data, sizeof data), 8);
    assert_int_equal(data[4], 2);
    assert_int_equal(data[5], 2);
    /* in another's place: told in two steps, or in one to who has asked for the event */
    assert_int_equal(piix3_ide_change_cd(c->pci, 2, fake_open(&c->disc, 400, true)), 0);
    assert_int_equal(simple(c, 0x00, 0), -2);
    assert_int_equal(simple(c, 0x00, 0), -6);
    assert_int_equal(simple(c, 0x00, 0), 0);
    assert_int_equal(piix3_ide_change_cd(c->pci, 2, fake_open(&c->other, 400, true)), 0);
    assert_int_equal(run(c, event, 0xfffe, data, sizeof data), 8);
    assert_int_equal(data[4], 2);
    assert_int_equal(simple(c, 0x00, 0), -6);
    assert_int_equal(simple(c, 0x00, 0), 0);
    /* the tray */
    assert_int_equal(simple(c, 0x1b, 2), 0);
    assert_int_equal(simple(c, 0x00, 0), -2);
    assert_int_equal(sense(c), 0x023a02);
    assert_int_equal(simple(c, 0x1b, 3), 0);
    assert_int_equal(simple(c, 0x00, 0), -6);
    assert_int_equal(simple(c, 0x00, 0), 0);
}

/* The host cannot read; the disc goes while it is read. */
static void test_faults(void **state)
{
    struct cd *c = *state;
    uint8_t data[4096], read10[12] = {0x28, 0, 0, 0, 0, 0, 0, 0, 1};

    c->disc.fail_at = c->disc.requests + 1;
    assert_int_equal(run(c, read10, 2048, data, sizeof data), -3);
    assert_int_equal(sense(c), 0x031100);
    assert_int_equal(run(c, read10, 2048, data, sizeof data), 2048);
    send_packet(c, read10, 2048, false);
    assert_int_equal(piix3_ide_change_cd(c->pci, 2, NULL), 0);
    assert_int_equal(in(c, STATUS), 0x51);
    assert_int_equal(sense(c), 0x023a00);

    /* ... between two blocks: never the rest of it from another disc */
    read10[8] = 100;
    assert_int_equal(piix3_ide_change_cd(c->pci, 2, fake_open(&c->disc, 400, true)), 0);
    assert_int_equal(simple(c, 0x00, 0), -6);
    send_packet(c, read10, 2048, false);
    fake_pump(&c->disc);
    assert_int_equal(in(c, STATUS), 0x58);
    assert_int_equal(piix3_ide_change_cd(c->pci, 2, fake_open(&c->other, 8, true)), 0);
    assert_int_equal(in(c, STATUS), 0x51);
}

/* ---- with a drive of the host behind it ---- */

static struct {
    unsigned locks, moves;
    bool locked, out;
} tray;

static void tray_lock(void *opaque, bool locked)
{
    assert_ptr_equal(opaque, &tray);
    tray.locks++;
    tray.locked = locked;
}

static void tray_move(void *opaque, bool is_out)
{
    tray.moves++;
    tray.out = is_out;
}

static const struct ide_tray tray_ops = {.lock = tray_lock, .move = tray_move};

/* An audio disc with a data session behind it, as CD-Extra has it. */
static const struct cd_toc extra = {
    .count = 3,
    .sessions = 2,
    .last_session_track = 3,
    .leadout_control = 0x14,
    .leadout = 60000,
    .track = {{1, 0x10, 0}, {2, 0x10, 10000}, {3, 0x14, 31400}},
};

static void test_table_of_contents(void **state)
{
    struct cd *c = *state;
    uint8_t data[4096], toc[12] = {0x43, 0, 0, 0, 0, 0, 0, 0x10}, info[12] = {0x51, 0, 0, 0, 0, 0, 0, 0x10};
    static struct cd_toc full = {.count = CD_TRACKS_MAX, .sessions = 1, .last_session_track = 1, .leadout = 99000};

    assert_int_equal(piix3_ide_set_cd_medium(c->pci, 2, fake_open(&c->other, 400, true), &extra, false), 0);
    (void)simple(c, 0, 0);
    (void)simple(c, 0, 0);
    assert_int_equal(run(c, toc, 0xfffe, data, sizeof data), 4 + 4 * 8);
    assert_memory_equal(data, ((uint8_t[]){0, 34, 1, 3}), 4);
    assert_memory_equal(data + 4, ((uint8_t[]){0, 0x10, 1, 0, 0, 0, 0, 0}), 8);
    assert_memory_equal(data + 12, ((uint8_t[]){0, 0x10, 2, 0, 0, 0, 10000 >> 8, 10000 & 0xff}), 8);
    assert_memory_equal(data + 20, ((uint8_t[]){0, 0x14, 3, 0, 0, 0, 31400 >> 8, 31400 & 0xff}), 8);
    assert_memory_equal(data + 28, ((uint8_t[]){0, 0x14, 0xaa, 0, 0, 0, 60000 >> 8, 60000 & 0xff}), 8);
    toc[6] = 3; /* from track 3 on */
    assert_int_equal(run(c, toc, 0xfffe, data, sizeof data), 4 + 2 * 8);
    assert_int_equal(data[6], 3);
    toc[6] = 4;
    assert_int_equal(run(c, toc, 0xfffe, data, sizeof data), -5);
    toc[6] = 0;
    toc[2] = 1; /* sessions: where the last begins */
    assert_int_equal(run(c, toc, 0xfffe, data, sizeof data), 12);
    assert_memory_equal(data, ((uint8_t[]){0, 10, 1, 2, 0, 0x14, 3, 0, 0, 0, 31400 >> 8, 31400 & 0xff}), 12);
    toc[2] = 2; /* raw: two sessions, each with first, last, lead-out and its tracks */
    assert_int_equal(run(c, toc, 0xfffe, data, sizeof data), 4 + (5 + 4) * 11);
    assert_memory_equal(data, ((uint8_t[]){0, 101, 1, 2}), 4);
    assert_memory_equal(data + 4, ((uint8_t[]){1, 0x10, 0, 0xa0, 0, 0, 0, 0, 1, 0, 0}), 11);
    assert_memory_equal(data + 15, ((uint8_t[]){1, 0x10, 0, 0xa1, 0, 0, 0, 0, 2, 0, 0}), 11);
    assert_memory_equal(data + 26, ((uint8_t[]){1, 0x10, 0, 0xa2, 0, 0, 0, 0, 4, 28, 50}), 11); /* 20000 + 150 */
    assert_memory_equal(data + 59, ((uint8_t[]){2, 0x14, 0, 0xa0, 0, 0, 0, 0, 3, 0, 0}), 11);
    assert_int_equal(run(c, info, 0xfffe, data, sizeof data), 34);
    assert_memory_equal(data + 3, ((uint8_t[]){1, 2, 3, 3}), 4);
    /* the longest there is */
    for (unsigned i = 0; i < CD_TRACKS_MAX; i++)
        full.track[i] = (struct cd_track){(uint8_t)(i + 1), 0x10, 1000 * i};
    assert_int_equal(piix3_ide_set_cd_medium(c->pci, 2, fake_open(&c->disc, 400, true), &full, false), 0);
    (void)simple(c, 0, 0);
    (void)simple(c, 0, 0);
    assert_int_equal(run(c, toc, 0xfffe, data, sizeof data), 4 + 102 * 11);
    toc[2] = 0;
    assert_int_equal(run(c, toc, 0xfffe, data, sizeof data), 4 + 100 * 8);
    /* an image after it has none of this */
    assert_int_equal(piix3_ide_change_cd(c->pci, 2, fake_open(&c->other, 400, true)), 0);
    (void)simple(c, 0, 0);
    (void)simple(c, 0, 0);
    assert_int_equal(run(c, toc, 0xfffe, data, sizeof data), 20);
}

static void test_real_tray(void **state)
{
    struct cd *c = *state;
    uint8_t data[64], event[12] = {0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8};

    memset(&tray, 0, sizeof tray);
    assert_int_equal(piix3_ide_set_cd_tray(c->pci, 0, &tray_ops, &tray), -ENODEV);
    assert_int_equal(simple(c, 0x1e, 1), 0);
    assert_int_equal(piix3_ide_set_cd_tray(c->pci, 2, &tray_ops, &tray), 0);
    assert_true(tray.locked); /* a lock from before */
    assert_int_equal(simple(c, 0x1e, 1), 0);
    assert_int_equal(tray.locks, 1);
    assert_int_equal(simple(c, 0x1b, 2), -5); /* locked: the real tray stays, too */
    assert_int_equal(tray.moves, 0);
    assert_int_equal(simple(c, 0x1e, 0), 0);
    assert_false(tray.locked);
    assert_int_equal(simple(c, 0x1b, 2), 0);
    assert_int_equal(tray.moves, 1);
    assert_true(tray.out);
    assert_true(c->disc.closed); /* let go of: the host's drive may move */
    assert_int_equal(simple(c, 0x00, 0), -2);
    assert_int_equal(sense(c), 0x023a02);
    assert_int_equal(run(c, event, 0xfffe, data, sizeof data), 8);
    assert_int_equal(data[4], 3);
    assert_int_equal(data[5], 1);
    assert_int_equal(piix3_ide_set_cd_medium(c->pci, 2, NULL, NULL, true), 0); /* the drive says so, too: no news */
    assert_int_equal(run(c, event, 0xfffe, data, sizeof data), 8);
    assert_int_equal(data[4], 0);
    assert_int_equal(simple(c, 0x1b, 3), 0);
    assert_int_equal(tray.moves, 2);
    assert_false(tray.out);
    assert_int_equal(simple(c, 0x00, 0), -2); /* it is not ready at once */
    assert_int_equal(piix3_ide_set_cd_medium(c->pci, 2, fake_open(&c->other, 400, true), NULL, false), 0);
    assert_int_equal(simple(c, 0x00, 0), -6);
    assert_int_equal(simple(c, 0x00, 0), 0);
    /* somebody presses the drive's button: gone, and the tray is open */
    assert_int_equal(simple(c, 0x1e, 1), 0);
    assert_int_equal(piix3_ide_set_cd_medium(c->pci, 2, NULL, NULL, true), 0);
    assert_int_equal(simple(c, 0x00, 0), -2);
    assert_int_equal(sense(c), 0x023a02);
    /* a reset of the drive opens its lock; a disc from outside does, too */
    assert_true(tray.locked);
    out(c, STATUS, 0x08);
    assert_false(tray.locked);
    assert_int_equal(piix3_ide_set_cd_tray(c->pci, 2, NULL, NULL), 0);
    assert_int_equal(simple(c, 0x1e, 1), 0);
    assert_false(tray.locked); /* nobody is told any more */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_identity, cd_setup, cd_teardown),
        cmocka_unit_test_setup_teardown(test_read, cd_setup, cd_teardown),
        cmocka_unit_test_setup_teardown(test_dma, cd_setup, cd_teardown),
        cmocka_unit_test_setup_teardown(test_replies, cd_setup, cd_teardown),
        cmocka_unit_test_setup_teardown(test_medium, cd_setup, cd_teardown),
        cmocka_unit_test_setup_teardown(test_faults, cd_setup, cd_teardown),
        cmocka_unit_test_setup_teardown(test_table_of_contents, cd_setup, cd_teardown),
        cmocka_unit_test_setup_teardown(test_real_tray, cd_setup, cd_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
