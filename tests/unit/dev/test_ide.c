/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_ide.c: the IDE function and its disks, by ports, with a disk in memory. */
#include "dev/piix3_ide.h"

#include "base/bytes.h"
#include "machine/loop.h"

#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "fake_block.h"
#include "pci_machine.h"

#define IDE_DEVFN   9
#define BM          0xc000u
#define STATUS      0x1f7
#define READY       0x50
#define DRQ         0x58
#define DISK_LENGTH 4096u /* sectors */

struct ide {
    struct machine *m;
    struct pci_device *pci;
    struct fake_disk disk[2];
    struct irq_line irq[2];
    unsigned interrupts;
};

static void interrupted(void *opaque, unsigned n, bool level)
{
    ((struct ide *)opaque)->interrupts += level;
}

static int ide_setup(void **state)
{
    struct ide *i = calloc(1, sizeof *i);

    assert_int_equal(setup((void **)&i->m), 0);
    for (unsigned n = 0; n < 2; n++)
        i->irq[n] = (struct irq_line){.changed = interrupted, .opaque = i, .n = 14 + n};
    i->pci = piix3_ide_create(&i->irq[0], &i->irq[1]);
    assert_int_equal(pci_device_add(i->m->pci, i->pci, IDE_DEVFN), 0);
    for (unsigned n = 0; n < 2; n++) {
        bus_map(i->m->ports, n ? 0x170 : 0x1f0, 8, &i->pci->dev, &piix3_ide_command_io[n]);
        bus_map(i->m->ports, n ? 0x376 : 0x3f6, 1, &i->pci->dev, &piix3_ide_control_io[n]);
    }
    assert_int_equal(piix3_ide_attach_disk(i->pci, 0, fake_open(&i->disk[0], DISK_LENGTH, false)), 0);
    config_write(i->m, IDE_DEVFN, 0x20, 4, BM);
    config_write(i->m, IDE_DEVFN, PCI_COMMAND, 2, PCI_COMMAND_IO | PCI_COMMAND_MASTER);
    *state = i;
    return 0;
}

static int ide_teardown(void **state)
{
    struct ide *i = *state;

    i->pci->dev.ops->destroy(&i->pci->dev);
    assert_true(i->disk[0].closed);
    free(i->disk[0].bytes);
    free(i->disk[1].bytes);
    teardown((void **)&i->m);
    free(i);
    return 0;
}

static uint8_t in(struct ide *i, unsigned port)
{
    return (uint8_t)bus_read(i->m->ports, port, 1);
}

static void out(struct ide *i, unsigned port, unsigned value)
{
    bus_write(i->m->ports, port, 1, value);
}

static void command(struct ide *i, uint8_t cmd, uint32_t lba, unsigned count)
{
    out(i, 0x1f6, 0xe0 | (lba >> 24 & 15));
    out(i, 0x1f2, count);
    out(i, 0x1f3, lba);
    out(i, 0x1f4, lba >> 8);
    out(i, 0x1f5, lba >> 16);
    out(i, STATUS, cmd);
}

static void data_in(struct ide *i, void *to, unsigned bytes)
{
    for (unsigned n = 0; n < bytes; n += 2)
        store_le16((uint8_t *)to + n, (uint16_t)bus_read(i->m->ports, 0x1f0, 2));
}

static void data_out(struct ide *i, const void *from, unsigned bytes)
{
    for (unsigned n = 0; n < bytes; n += 4)
        bus_write(i->m->ports, 0x1f0, 4, load_le32((const uint8_t *)from + n));
}

static void test_probe(void **state)
{
    struct ide *i = *state;
    uint8_t id[512];

    /* The master is there, the slave is not, nor is the other channel. */
    out(i, 0x3f6, 6);
    assert_int_equal(in(i, STATUS), 0x80);
    out(i, 0x3f6, 2);
    assert_int_equal(in(i, STATUS), READY);
    assert_int_equal(in(i, 0x1f1), 1);
    assert_int_equal(in(i, 0x1f2) | in(i, 0x1f3) << 8 | in(i, 0x1f4) << 16 | in(i, 0x1f5) << 24, 0x101);
    out(i, 0x1f6, 0xa0);
    out(i, 0x1f2, 0x55);
    out(i, 0x1f3, 0xaa);
    assert_int_equal(in(i, 0x1f2), 0x55);
    assert_int_equal(in(i, 0x1f3), 0xaa);
    assert_int_equal(in(i, 0x1f6), 0xa0);
    out(i, 0x1f6, 0xb0);
    assert_int_equal(in(i, 0x1f6), 0xb0);
    assert_int_equal(in(i, STATUS), 0);
    assert_int_equal(in(i, 0x3f6), 0);
    out(i, STATUS, 0xec);
    assert_int_equal(in(i, STATUS), 0);
    assert_int_equal(in(i, 0x177), 0);
    assert_int_equal(bus_read(i->m->ports, 0x170, 2), 0xffff);

    /* IDENTIFY; nIEN is set, so nobody hears. */
    command(i, 0xec, 0, 0);
    assert_int_equal(in(i, STATUS), DRQ);
    assert_int_equal(i->interrupts, 0);
    data_in(i, id, 512);
    assert_int_equal(in(i, STATUS), READY);
    assert_int_equal(load_le32(id + 120), DISK_LENGTH);
    assert_int_equal(load_le64(id + 200), DISK_LENGTH);
    assert_int_equal(load_le16(id + 2), DISK_LENGTH / 1008);
    assert_memory_equal(id + 54, "ODUM SAHDRIDKS", 14);
    assert_int_equal(load_le16(id + 176), 0x203f);
    /* unknown, and for packet devices only */
    command(i, 0xa1, 0, 0);
    assert_int_equal(in(i, STATUS), READY | 1);
    assert_int_equal(in(i, 0x1f1), 4);
}

static void test_pio(void **state)
{
    struct ide *i = *state;
    uint8_t buffer[20 * 512];

    command(i, 0x20, 5, 3);
    assert_int_equal(in(i, STATUS) & 0x80, 0x80);
    fake_pump(&i->disk[0]);
    for (unsigned n = 0; n < 3; n++) {
        assert_int_equal(i->interrupts, n + 1);
        assert_true(i->irq[0].level);
        assert_int_equal(in(i, 0x3f6), DRQ);
        assert_true(i->irq[0].level);
        assert_int_equal(in(i, STATUS), DRQ);
        assert_false(i->irq[0].level);
        data_in(i, buffer + n * 512, 512);
    }
    assert_int_equal(in(i, STATUS), READY);
    assert_int_equal(i->interrupts, 3);
    assert_memory_equal(buffer, i->disk[0].bytes + 5 * 512, 3 * 512);
    assert_int_equal(in(i, 0x1f3), 7);

    /* WRITE MULTIPLE with 16 a block: 20 sectors in two blocks */
    command(i, 0xc6, 0, 16);
    in(i, STATUS);
    i->interrupts = 0;
    memset(buffer, 0x77, sizeof buffer);
    command(i, 0xc5, 100, 20);
    assert_int_equal(in(i, STATUS), DRQ);
    assert_int_equal(i->interrupts, 0);
    data_out(i, buffer, 16 * 512);
    assert_int_equal(i->interrupts, 1);
    assert_int_equal(in(i, STATUS), DRQ);
    data_out(i, buffer, 4 * 512);
    assert_int_equal(in(i, STATUS) & 0x80, 0x80);
    fake_pump(&i->disk[0]);
    assert_int_equal(i->interrupts, 2);
    assert_int_equal(in(i, STATUS), READY);
    assert_memory_equal(buffer, i->disk[0].bytes + 100 * 512, sizeof buffer);

    /* CHS: cylinder 1, head 2, sector 3; 16 heads of 63 */
    out(i, 0x1f6, 0xa2);
    out(i, 0x1f2, 1);
    out(i, 0x1f3, 3);
    out(i, 0x1f4, 1);
    out(i, 0x1f5, 0);
    out(i, STATUS, 0x20);
    fake_pump(&i->disk[0]);
    data_in(i, buffer, 512);
    assert_memory_equal(buffer, i->disk[0].bytes + (1008 + 2 * 63 + 2) * 512, 512);

    /* 48-bit: sector 0x200, count high byte */
    out(i, 0x1f6, 0xe0);
    out(i, 0x1f2, 0);
    out(i, 0x1f2, 2);
    out(i, 0x1f3, 0);
    out(i, 0x1f3, 0);
    out(i, 0x1f4, 0);
    out(i, 0x1f4, 2);
    out(i, 0x1f5, 0);
    out(i, 0x1f5, 0);
    out(i, STATUS, 0x24);
    fake_pump(&i->disk[0]);
    data_in(i, buffer, 512);
    data_in(i, buffer, 512);
    assert_memory_equal(buffer, i->disk[0].bytes + 0x201 * 512, 512);
    assert_int_equal(in(i, STATUS), READY);

    /* 256 sectors, more than the buffer */
    command(i, 0x20, 0, 0);
    for (unsigned n = 0; n < 256; n++) {
        fake_pump(&i->disk[0]);
        assert_int_equal(in(i, STATUS), DRQ);
        data_in(i, buffer, 512);
        assert_memory_equal(buffer, i->disk[0].bytes + n * 512, 512);
    }
    assert_int_equal(in(i, STATUS), READY);

    /* beyond the end, sector 0 of a track */
    command(i, 0x20, DISK_LENGTH - 1, 2);
    assert_int_equal(in(i, STATUS), READY | 1);
    assert_int_equal(in(i, 0x1f1), 0x10);
    out(i, 0x1f6, 0xa0);
    out(i, 0x1f3, 0);
    out(i, STATUS, 0x20);
    assert_int_equal(in(i, 0x1f1), 0x10);
}

static void prd(struct ide *i, unsigned n, uint32_t address, uint32_t flags)
{
    uint32_t entry[2] = {address, flags};

    mem_copy_out(i->m->memory, 0x1000 + 8 * n, entry, 8);
}

static void bm_start(struct ide *i, bool to_memory)
{
    bus_write(i->m->ports, BM + 4, 4, 0x1000);
    out(i, BM + 2, 0x66);
    out(i, BM, to_memory ? 9 : 1);
}

static void test_dma(void **state)
{
    struct ide *i = *state;
    uint8_t *ram = memory_ram(i->m->memory);

    /* 130 sectors: two chunks, over three pieces */
    prd(i, 0, 0x20000, 0x0000);
    prd(i, 1, 0x40002, 0x0200);
    prd(i, 2, 0x50000, 0x80000000 | 0x0200);
    command(i, 0xc8, 8, 130);
    assert_int_equal(in(i, 0x3f6), DRQ);
    bm_start(i, true);
    fake_pump(&i->disk[0]);
    assert_int_equal(i->interrupts, 1);
    assert_int_equal(in(i, BM + 2), 0x64);
    assert_int_equal(in(i, STATUS), READY);
    assert_memory_equal(ram + 0x20000, i->disk[0].bytes + 8 * 512, 0x10000);
    assert_memory_equal(ram + 0x40002, i->disk[0].bytes + 136 * 512, 512);
    assert_memory_equal(ram + 0x50000, i->disk[0].bytes + 137 * 512, 512);
    out(i, BM + 2, 0x64);
    assert_int_equal(in(i, BM + 2), 0x60);
    out(i, BM, 0);

    /* write, the master started before the command */
    memset(ram + 0x30000, 0xc3, 1024);
    prd(i, 0, 0x30000, 0x80000000 | 0x0400);
    bm_start(i, false);
    command(i, 0xca, 200, 2);
    fake_pump(&i->disk[0]);
    assert_int_equal(in(i, STATUS), READY);
    assert_int_equal(in(i, BM + 2), 0x64);
    assert_memory_equal(ram + 0x30000, i->disk[0].bytes + 200 * 512, 1024);
    out(i, BM, 0);

    /* the table longer than the command: stays active, interrupt told */
    prd(i, 0, 0x30000, 0x80000000 | 0x1000);
    command(i, 0xc8, 0, 1);
    bm_start(i, true);
    fake_pump(&i->disk[0]);
    assert_int_equal(in(i, BM + 2), 0x65);
    in(i, STATUS);
    out(i, BM, 0);
    assert_int_equal(in(i, BM + 2) & 1, 0);

    /* shorter: inactive, no interrupt */
    i->interrupts = 0;
    prd(i, 0, 0x30000, 0x80000000 | 0x0200);
    command(i, 0xc8, 0, 2);
    bm_start(i, true);
    fake_pump(&i->disk[0]);
    assert_int_equal(in(i, BM + 2), 0x60);
    assert_int_equal(i->interrupts, 0);
    assert_int_equal(in(i, STATUS), READY);
    out(i, BM, 0);

    /* memory that is not there; bus mastering off */
    prd(i, 0, 0x7ffff000, 0x80000000 | 0x0200);
    command(i, 0xc8, 0, 1);
    bm_start(i, true);
    fake_pump(&i->disk[0]);
    assert_int_equal(in(i, BM + 2), 0x66);
    assert_int_equal(in(i, STATUS), READY | 1);
    out(i, BM, 0);
    config_write(i->m, IDE_DEVFN, PCI_COMMAND, 2, PCI_COMMAND_IO);
    command(i, 0xca, 0, 1);
    bm_start(i, false);
    fake_pump(&i->disk[0]);
    assert_int_equal(in(i, BM + 2), 0x66);
    assert_int_equal(in(i, STATUS), READY | 1);
}

static void test_flush_and_cache(void **state)
{
    struct ide *i = *state;
    uint8_t sector[512] = {1};

    command(i, 0x30, 9, 1);
    data_out(i, sector, 512);
    fake_pump(&i->disk[0]);
    assert_true(i->disk[0].dirty);
    command(i, 0xe7, 0, 0);
    assert_int_equal(in(i, 0x3f6) & 0x80, 0x80);
    fake_pump(&i->disk[0]);
    assert_false(i->disk[0].dirty);
    assert_int_equal(in(i, STATUS), READY);
    /* cache off: every write is flushed before it completes */
    out(i, 0x1f1, 0x82);
    command(i, 0xef, 0, 0);
    fake_pump(&i->disk[0]);
    command(i, 0x30, 9, 1);
    data_out(i, sector, 512);
    i->interrupts = 0;
    in(i, STATUS);
    fake_step(&i->disk[0]);
    assert_int_equal(i->interrupts, 0);
    fake_pump(&i->disk[0]);
    assert_int_equal(i->interrupts, 1);
    assert_false(i->disk[0].dirty);
}

static void test_trim(void **state)
{
    struct ide *i = *state;
    uint64_t ranges[64] = {0, 3 | 2ull << 48, 0, 10 | 1ull << 48};

    mem_copy_out(i->m->memory, 0x20000, ranges, sizeof ranges);
    prd(i, 0, 0x20000, 0x80000200);
    out(i, 0x1f1, 1);
    command(i, 0x06, 0, 0);
    out(i, 0x1f1, 1);
    assert_int_equal(in(i, STATUS), READY | 1);
    out(i, 0x1f2, 0);
    command(i, 0x06, 0, 1);
    bm_start(i, false);
    fake_pump(&i->disk[0]);
    assert_int_equal(in(i, STATUS), READY);
    assert_int_equal(in(i, BM + 2), 0x64);
    assert_int_equal(i->disk[0].requests, 2);
    for (unsigned n = 0; n < 1024; n++)
        assert_int_equal(i->disk[0].bytes[3 * 512 + n], 0);
    assert_int_not_equal(i->disk[0].bytes[2 * 512 + 511], 0);
    assert_int_not_equal(i->disk[0].bytes[5 * 512 + 1], 0);
    assert_int_equal(i->disk[0].bytes[10 * 512 + 1], 0);
    out(i, BM, 0);
    /* beyond the end */
    ranges[0] = (DISK_LENGTH - 1) | 2ull << 48;
    mem_copy_out(i->m->memory, 0x20000, ranges, sizeof ranges);
    command(i, 0x06, 0, 1);
    bm_start(i, false);
    fake_pump(&i->disk[0]);
    assert_int_equal(in(i, STATUS), READY | 1);
}

/* Whichever request the host fails, the guest gets an error, and the next command works. */
static void test_faults(void **state)
{
    struct ide *i = *state;
    static uint8_t data[512 * 200];

    for (unsigned nth = 1; nth <= 2; nth++) {
        i->disk[0].requests = 0;
        i->disk[0].fail_at = nth;
        command(i, 0x20, 0, 200);
        fake_pump(&i->disk[0]);
        if (nth == 2)
            for (unsigned n = 0; n < 128; n++)
                data_in(i, data, 512);
        fake_pump(&i->disk[0]);
        assert_int_equal(in(i, STATUS), READY | 1);
        assert_int_equal(in(i, 0x1f1), 0x40);
        assert_int_equal(in(i, 0x1f3), nth == 1 ? 0 : 128);

        i->disk[0].requests = 0;
        prd(i, 0, 0x20000, 0x0000);
        prd(i, 1, 0x20000, 0x80000000);
        command(i, 0xca, 0, 200);
        bm_start(i, false);
        fake_pump(&i->disk[0]);
        assert_int_equal(in(i, BM + 2) & 5, 4);
        assert_int_equal(in(i, STATUS), READY | 1);
        out(i, BM, 0);

        i->disk[0].fail_at = 0;
        command(i, 0x20, 3, 1);
        fake_pump(&i->disk[0]);
        assert_int_equal(in(i, STATUS), DRQ);
        data_in(i, data, 512);
    }
    i->disk[0].requests = 0;
    i->disk[0].fail_at = 1;
    command(i, 0xe7, 0, 0);
    fake_pump(&i->disk[0]);
    assert_int_equal(in(i, STATUS), READY | 1);
}

static void test_reset_in_flight(void **state)
{
    struct ide *i = *state;
    uint8_t buffer[512];

    command(i, 0x20, 5, 1);
    out(i, 0x3f6, 4);
    out(i, 0x3f6, 0);
    /* busy until the request of before is back; the task file is the drive's */
    assert_int_equal(in(i, STATUS), 0x80);
    out(i, STATUS, 0xec);
    fake_pump(&i->disk[0]);
    assert_int_equal(in(i, STATUS), READY);
    assert_int_equal(in(i, 0x1f2), 1);
    assert_int_equal(i->interrupts, 0);
    i->pci->dev.ops->reset(&i->pci->dev);
    assert_int_equal(in(i, STATUS), READY);
    command(i, 0x20, 5, 1);
    i->pci->dev.ops->reset(&i->pci->dev);
    fake_pump(&i->disk[0]);
    assert_int_equal(in(i, STATUS), READY);
    command(i, 0x20, 6, 1);
    fake_pump(&i->disk[0]);
    data_in(i, buffer, 512);
    assert_memory_equal(buffer, i->disk[0].bytes + 6 * 512, 512);
}

/* The whole way: a file, io_uring or the thread, the loop's thread, and a processor's thread that waits for interrupts.
 */
static void *run_loop(void *loop)
{
    loop_run(loop);
    return NULL;
}

static void test_file(void **state)
{
    struct ide *i = *state;
    struct loop *loop = loop_create();
    char path[] = "/tmp/domus-ide-XXXXXX", *why;
    uint8_t *ram = memory_ram(i->m->memory), sector[512];
    int fd = mkstemp(path);
    struct block *b;
    pthread_t thread;

    assert_int_equal(ftruncate(fd, 1 << 20), 0);
    assert_int_equal(block_open(&b, loop, &(struct block_options){.path = path}, &why), 0);
    assert_int_equal(piix3_ide_attach_disk(i->pci, 1, b), 0);
    assert_int_equal(pthread_create(&thread, NULL, run_loop, loop), 0);
    for (unsigned round = 0; round < 200; round++) {
        bool writing = round < 100;
        uint8_t lba = (uint8_t)(round % 100);
        bool busy = true;

        loop_lock(loop);
        if (writing)
            memset(ram + 0x20000, lba + 1, 512);
        prd(i, 0, 0x20000, 0x80000200);
        out(i, 0x1f6, 0xf0);
        out(i, 0x1f2, 1);
        out(i, 0x1f3, lba);
        out(i, 0x1f4, 0);
        out(i, 0x1f5, 0);
        out(i, STATUS, writing ? 0xca : 0xc8);
        bm_start(i, !writing);
        while (busy) {
            loop_unlock(loop);
            sched_yield();
            loop_lock(loop);
            busy = !i->irq[0].level;
        }
        assert_int_equal(in(i, STATUS), READY);
        assert_int_equal(in(i, BM + 2), 0x64);
        assert_int_equal(ram[0x20000], lba + 1);
        out(i, BM, 0);
        loop_unlock(loop);
    }
    loop_lock(loop);
    out(i, STATUS, 0xe7);
    piix3_ide_detach_disks(i->pci, 2); /* waits for the flush */
    loop_unlock(loop);
    loop_stop(loop);
    pthread_join(thread, NULL);
    assert_int_equal(pread(fd, sector, 512, 99 * 512), 512);
    assert_int_equal(sector[511], 100);
    loop_destroy(loop);
    close(fd);
    unlink(path);
}

static void test_slave(void **state)
{
    struct ide *i = *state;
    uint8_t buffer[512];

    assert_int_equal(piix3_ide_attach_disk(i->pci, 0, NULL), -EEXIST);
    assert_int_equal(piix3_ide_attach_disk(i->pci, 1, fake_open(&i->disk[1], 100, true)), 0);
    i->disk[1].bytes[0] = 0x99;
    assert_int_equal(piix3_ide_bios_translation(i->pci), 0);
    assert_int_equal(piix3_ide_attach_cd(i->pci, 2, NULL), 0);
    assert_int_equal(piix3_ide_attach_disk(i->pci, 3, block_create(&fake_format, &i->disk[1], 1032193, true)), 0);
    assert_int_equal(piix3_ide_bios_translation(i->pci), 0x40);
    out(i, 0x1f6, 0xf0);
    out(i, 0x1f2, 1);
    out(i, 0x1f3, 0);
    out(i, 0x1f4, 0);
    out(i, 0x1f5, 0);
    out(i, STATUS, 0x20);
    fake_pump(&i->disk[1]);
    assert_true(i->irq[0].level);
    /* the other drive's interrupt is not on the wire */
    assert_int_equal(in(i, 0x3f6), DRQ);
    data_in(i, buffer, 512);
    assert_int_equal(buffer[0], 0x99);
    out(i, 0x1f6, 0xe0);
    assert_false(i->irq[0].level);
    out(i, 0x1f6, 0xf0);
    assert_true(i->irq[0].level);
    assert_int_equal(in(i, STATUS), READY);
    /* a read-only image */
    out(i, 0x1f2, 1);
    out(i, STATUS, 0x30);
    assert_int_equal(in(i, STATUS), READY | 1);
    piix3_ide_detach_disks(i->pci, 2);
    assert_true(i->disk[1].closed);
    out(i, 0x1f6, 0xb0);
    assert_int_equal(in(i, STATUS), 0);
    out(i, 0x1f6, 0xa0);
    assert_int_equal(in(i, STATUS), READY);
}

/* Save in the midst of each kind of transfer, load into a new chip, finish there. */
static void test_save(void **state)
{
    struct ide *a = *state, *b;
    size_t size = a->pci->dev.ops->state_size;
    uint8_t buffer[1024];
    struct fake_disk *disk;

    for (unsigned kind = 0; kind < 3; kind++) {
        ide_setup((void **)&b);
        disk = &b->disk[0];
        prd(b, 0, 0x20000, 0x80000000 | 0x400);
        prd(a, 0, 0x20000, 0x80000000 | 0x400);
        command(a, kind == 2 ? 0xc8 : 0x20, 40, 2);
        if (kind == 1) { /* in the first sector */
            fake_pump(&a->disk[0]);
            data_in(a, buffer, 100);
        } else if (kind == 2) { /* with the host, by DMA */
            bm_start(a, true);
        }
        memcpy(b->pci->dev.state, a->pci->dev.state, size);
        assert_int_equal(b->pci->dev.ops->check(b->pci->dev.state), 0);
        b->pci->dev.ops->loaded(&b->pci->dev);
        assert_memory_equal(a->pci->dev.state, b->pci->dev.state, size);
        fake_pump(disk);
        if (kind == 2) {
            assert_memory_equal(memory_ram(b->m->memory) + 0x20000, disk->bytes + 40 * 512, 1024);
        } else {
            data_in(b, buffer + (kind ? 100 : 0), 1024 - (kind ? 100 : 0));
            assert_memory_equal(buffer, disk->bytes + 40 * 512, 1024);
        }
        assert_int_equal(in(b, STATUS), READY);
        ((uint8_t *)b->pci->dev.state)[2] ^= 1;
        assert_int_equal(b->pci->dev.ops->check(b->pci->dev.state), -EINVAL);
        ide_teardown((void **)&b);
        fake_pump(&a->disk[0]);
        a->pci->dev.ops->reset(&a->pci->dev);
        config_write(a->m, IDE_DEVFN, 0x20, 4, BM);
        config_write(a->m, IDE_DEVFN, PCI_COMMAND, 2, PCI_COMMAND_IO | PCI_COMMAND_MASTER);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_probe, ide_setup, ide_teardown),
        cmocka_unit_test_setup_teardown(test_pio, ide_setup, ide_teardown),
        cmocka_unit_test_setup_teardown(test_dma, ide_setup, ide_teardown),
        cmocka_unit_test_setup_teardown(test_flush_and_cache, ide_setup, ide_teardown),
        cmocka_unit_test_setup_teardown(test_trim, ide_setup, ide_teardown),
        cmocka_unit_test_setup_teardown(test_faults, ide_setup, ide_teardown),
        cmocka_unit_test_setup_teardown(test_reset_in_flight, ide_setup, ide_teardown),
        cmocka_unit_test_setup_teardown(test_file, ide_setup, ide_teardown),
        cmocka_unit_test_setup_teardown(test_slave, ide_setup, ide_teardown),
        cmocka_unit_test_setup_teardown(test_save, ide_setup, ide_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
