/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * piix3_ide.c: the 82371SB IDE function (Intel 290550, section 2.3): which drive an access reaches, the interrupts, and
 * the bus master with its PRD tables (SFF-8038i). What drives do is in ide_drive.c and its kinds.
 *
 * The PRD table is the guest's: an entry is copied once and then checked; a table ends at its end mark or after 64 KiB,
 * and an entry always holds at least two bytes, so every walk ends. Memory that is not RAM stops the transfer with the
 * error bit.
 * Deviation: the legacy ports answer whatever the command register and the timing registers' enable bits say, which is
 * what guests of Xen's device model see.
 */
#include "dev/piix3_ide.h"

#include "base/bytes.h"
#include "dev/ata_identify.h"
#include "dev/atapi_cdrom.h"
#include "dev/ide_drive.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define BM_START        0x01u
#define BM_TO_MEMORY    0x08u
#define BM_ACTIVE       0x01u
#define BM_ERROR        0x02u
#define BM_INTERRUPT    0x04u
#define BM_CAPABLE      0x60u
#define BM_WINDOW       16
#define BIOS_CYLINDERS  1024u
#define PRD_BYTES       8u
#define PRD_TABLE_LIMIT 0x10000u
#define PRD_LAST        0x80000000u

struct channel_state {
    uint8_t control; /* nIEN, SRST, HOB */
    uint8_t bm_command, bm_status;
    uint8_t prd_last; /* the entry in hand is the table's last */
    uint32_t table;
    uint32_t prd_offset; /* of the next entry, in the table */
    uint32_t prd_address, prd_left;
};

struct piix3_ide_state {
    struct pci_device_state pci;
    struct channel_state channel[2];
    struct ide_drive_state drive[PIIX3_IDE_DRIVES];
};

struct piix3_ide;

struct channel {
    struct piix3_ide *ide;
    struct channel_state *s;
    struct ide_drive drive[2];
    struct irq_line *irq; /* borrowed */
    bool level;           /* the drives' INTRQ wire */
};

struct piix3_ide {
    struct pci_device pci; /* first */
    struct piix3_ide_state s;
    struct channel channel[2];
};

static const struct pci_ids piix3_ide_ids = {
    .vendor = 0x8086,
    .device = 0x7010,
    .class_code = 0x010180,
    .subsystem_vendor = 0x1af4,
    .subsystem = 0x1100,
};

static struct piix3_ide *to_ide(struct device *d)
{
    return (struct piix3_ide *)d;
}

static struct ide_drive *ide_drive_at(struct pci_device *d, unsigned n)
{
    return &to_ide(&d->dev)->channel[n / 2].drive[n & 1];
}

/* Both drives hear every write to the device register; bit 4 of it says who answers. */
static struct ide_drive *channel_selected(struct channel *c)
{
    return &c->drive[c->drive[0].s->device & IDE_DEVICE_1 ? 1 : 0];
}

static void channel_update_irq(struct channel *c)
{
    bool level = channel_selected(c)->s->intrq;

    if (level && !c->level)
        c->s->bm_status |= BM_INTERRUPT;
    c->level = level;
    irq_set(c->irq, level && !(c->s->control & IDE_CONTROL_NIEN));
}

/* ---- the command block and the control port ---- */

static bool channel_empty(const struct channel *c)
{
    return !ide_drive_present(&c->drive[0]) && !ide_drive_present(&c->drive[1]);
}

static uint8_t channel_read(struct channel *c, unsigned reg)
{
    struct ide_drive *d = channel_selected(c);
    bool hob = c->s->control & IDE_CONTROL_HOB;

    if (channel_empty(c))
        return 0;
    if (!ide_drive_present(d) && (reg == IDE_STATUS_COMMAND || reg == IDE_ERROR_FEATURES))
        return 0; /* the other drive answers for the one that is not there */
    return ide_drive_read(d, reg, hob);
}

static void channel_write(struct channel *c, unsigned reg, uint8_t value)
{
    struct ide_drive *selected = channel_selected(c);

    if (reg == IDE_STATUS_COMMAND) {
        c->s->control &= (uint8_t)~IDE_CONTROL_HOB;
        if (value == 0x90) { /* diagnostics go to both, and one interrupts */
            ide_drive_write(&c->drive[0], reg, value);
            ide_drive_write(&c->drive[1], reg, value);
            (void)ide_drive_read(&c->drive[selected == &c->drive[0] ? 1 : 0], IDE_STATUS_COMMAND, false);
            return;
        }
        ide_drive_write(selected, reg, value);
        return;
    }
    if (selected->s->status & (IDE_STATUS_BSY | IDE_STATUS_DRQ))
        return;
    c->s->control &= (uint8_t)~IDE_CONTROL_HOB;
    ide_drive_write(&c->drive[0], reg, value);
    ide_drive_write(&c->drive[1], reg, value);
    if (reg == IDE_DEVICE)
        channel_update_irq(c);
}

static uint64_t command_read(struct channel *c, uint64_t offset, unsigned size)
{
    uint64_t value = 0;

    if (offset == IDE_DATA && size <= 4)
        return channel_empty(c) ? bytes_ones(size) : ide_drive_read_data(channel_selected(c), size);
    for (unsigned i = 0; i < size; i++)
        value |= (uint64_t)channel_read(c, ((unsigned)offset + i) & 7) << (8 * i);
    return value;
}

static void command_write(struct channel *c, uint64_t offset, unsigned size, uint64_t value)
{
    if (offset == IDE_DATA && size <= 4) {
        ide_drive_write_data(channel_selected(c), size, (uint32_t)value);
        return;
    }
    for (unsigned i = 0; i < size; i++)
        if ((offset + i) & 7)
            channel_write(c, ((unsigned)offset + i) & 7, (uint8_t)(value >> (8 * i)));
}

static uint64_t control_read(struct channel *c, unsigned size)
{
    struct ide_drive *d = channel_selected(c);
    uint8_t status = ide_drive_present(d) ? d->s->status : 0;

    return (bytes_ones(size) & ~0xffull) | status;
}

static void control_write(struct channel *c, uint8_t value)
{
    bool reset = value & IDE_CONTROL_SRST;

    c->s->control = value & (IDE_CONTROL_HOB | IDE_CONTROL_SRST | IDE_CONTROL_NIEN);
    for (unsigned i = 0; i < 2; i++) {
        if (reset)
            c->drive[i].s->device = IDE_DEVICE_ONES;
        ide_drive_hold_reset(&c->drive[i], reset);
    }
    channel_update_irq(c);
}

static uint64_t command_read_0(struct device *d, uint64_t offset, unsigned size)
{
    return command_read(&to_ide(d)->channel[0], offset, size);
}

static uint64_t command_read_1(struct device *d, uint64_t offset, unsigned size)
{
    return command_read(&to_ide(d)->channel[1], offset, size);
}

static void command_write_0(struct device *d, uint64_t offset, unsigned size, uint64_t value)
{
    command_write(&to_ide(d)->channel[0], offset, size, value);
}

static void command_write_1(struct device *d, uint64_t offset, unsigned size, uint64_t value)
{
    command_write(&to_ide(d)->channel[1], offset, size, value);
}

static uint64_t control_read_0(struct device *d, uint64_t offset, unsigned size)
{
    return control_read(&to_ide(d)->channel[0], size);
}

static uint64_t control_read_1(struct device *d, uint64_t offset, unsigned size)
{
    return control_read(&to_ide(d)->channel[1], size);
}

static void control_write_0(struct device *d, uint64_t offset, unsigned size, uint64_t value)
{
    control_write(&to_ide(d)->channel[0], (uint8_t)value);
}

static void control_write_1(struct device *d, uint64_t offset, unsigned size, uint64_t value)
{
    control_write(&to_ide(d)->channel[1], (uint8_t)value);
}

const struct io_ops piix3_ide_command_io[2] = {{command_read_0, command_write_0}, {command_read_1, command_write_1}};
const struct io_ops piix3_ide_control_io[2] = {{control_read_0, control_write_0}, {control_read_1, control_write_1}};

/* ---- the bus master ---- */

/* 1: an entry is in hand; 0: the table is at its end; -EFAULT: it is not in RAM. */
static int channel_next_prd(struct channel *c)
{
    struct channel_state *s = c->s;
    uint8_t prd[PRD_BYTES];
    uint32_t flags;

    if (s->prd_left)
        return 1;
    if (s->prd_last || s->prd_offset >= PRD_TABLE_LIMIT)
        return 0;
    if (pci_dma_read(&c->ide->pci, prd, (gpa_t)s->table + s->prd_offset, sizeof prd))
        return -EFAULT;
    flags = load_le32(prd + 4);
    s->prd_offset += PRD_BYTES;
    s->prd_address = load_le32(prd) & ~1u;
    s->prd_left = flags & 0xfffe;
    if (!s->prd_left)
        s->prd_left = 0x10000;
    s->prd_last = (flags & PRD_LAST) != 0;
    return 1;
}

static int64_t channel_carry(struct channel *c, uint8_t *bytes, uint32_t len, bool to_memory)
{
    struct channel_state *s = c->s;
    uint32_t done = 0;

    while (done < len) {
        int rc = channel_next_prd(c);
        uint32_t n = s->prd_left < len - done ? s->prd_left : len - done;

        if (rc > 0)
            rc = to_memory ? pci_dma_write(&c->ide->pci, s->prd_address, bytes + done, n)
                           : pci_dma_read(&c->ide->pci, bytes + done, s->prd_address, n);
        else if (rc == 0)
            break;
        if (rc < 0) {
            s->bm_status |= BM_ERROR;
            return rc;
        }
        s->prd_address += n;
        s->prd_left -= n;
        done += n;
    }
    return done;
}

static int64_t host_dma_carry(struct ide_drive *d, uint8_t *bytes, uint32_t len, bool to_memory)
{
    return channel_carry(d->channel, bytes, len, to_memory);
}

static bool host_dma_running(struct ide_drive *d)
{
    return ((struct channel *)d->channel)->s->bm_status & BM_ACTIVE;
}

/* A command that ends well before its table does leaves the master active, as the data sheet has it. */
static void host_dma_stop(struct ide_drive *d, bool ok)
{
    struct channel_state *s = ((struct channel *)d->channel)->s;

    if (!ok || (s->prd_last && !s->prd_left) || s->prd_offset >= PRD_TABLE_LIMIT)
        s->bm_status &= (uint8_t)~BM_ACTIVE;
}

static void host_interrupt(struct ide_drive *d)
{
    channel_update_irq(d->channel);
}

static const struct ide_host channel_host = {
    .interrupt = host_interrupt,
    .dma_running = host_dma_running,
    .dma_carry = host_dma_carry,
    .dma_stop = host_dma_stop,
};

static void channel_bm_command(struct channel *c, uint8_t value)
{
    struct channel_state *s = c->s;
    bool start = (value & BM_START) && !(s->bm_command & BM_START);

    s->bm_command = value & (BM_START | BM_TO_MEMORY);
    if (!(value & BM_START))
        s->bm_status &= (uint8_t)~BM_ACTIVE;
    if (!start)
        return;
    s->bm_status |= BM_ACTIVE;
    s->prd_offset = s->prd_left = s->prd_last = 0;
    for (unsigned i = 0; i < 2; i++)
        if (ide_drive_present(&c->drive[i]) && c->drive[i].s->phase == IDE_DMA)
            c->drive[i].ops->dma_start(&c->drive[i]);
}

static uint8_t channel_bm_read(struct channel *c, unsigned reg)
{
    switch (reg) {
    case 0: return c->s->bm_command;
    case 2: return c->s->bm_status;
    case 4 ... 7: return (uint8_t)(c->s->table >> (8 * (reg - 4)));
    default: return 0xff;
    }
}

static void channel_bm_write(struct channel *c, unsigned reg, uint8_t value)
{
    struct channel_state *s = c->s;
    unsigned shift = 8 * (reg & 3);

    switch (reg) {
    case 0: channel_bm_command(c, value); break;
    case 2:
        s->bm_status = (uint8_t)((value & BM_CAPABLE) | (s->bm_status & BM_ACTIVE) |
                                 (s->bm_status & ~value & (BM_ERROR | BM_INTERRUPT)));
        break;
    case 4 ... 7: s->table = (s->table & ~(0xffu << shift)) | ((uint32_t)value << shift & ~3u); break;
    default: break;
    }
}

static uint64_t bm_read(struct device *d, uint64_t offset, unsigned size)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < size; i++, offset++)
        value |= (uint64_t)channel_bm_read(&to_ide(d)->channel[offset >> 3 & 1], offset & 7) << (8 * i);
    return value;
}

static void bm_write(struct device *d, uint64_t offset, unsigned size, uint64_t value)
{
    for (unsigned i = 0; i < size; i++, offset++)
        channel_bm_write(&to_ide(d)->channel[offset >> 3 & 1], offset & 7, (uint8_t)(value >> (8 * i)));
}

static const struct io_ops bm_io = {.read = bm_read, .write = bm_write};

/* ---- life ---- */

static void piix3_ide_reset(struct device *d)
{
    struct piix3_ide *ide = to_ide(d);

    pci_device_reset(&ide->pci);
    store_le16(ide->s.pci.config + PCI_STATUS, PCI_STATUS_DEVSEL_MED | PCI_STATUS_FAST_B2B);
    for (unsigned n = 0; n < 2; n++) {
        struct channel *c = &ide->channel[n];

        memset(c->s, 0, sizeof *c->s);
        ide_drive_power_on(&c->drive[0]);
        ide_drive_power_on(&c->drive[1]);
        channel_update_irq(c);
    }
}

static int piix3_ide_check(const void *state)
{
    const struct piix3_ide_state *s = state;

    for (unsigned i = 0; i < PIIX3_IDE_DRIVES; i++)
        if (!ide_drive_state_check(&s->drive[i]))
            return -EINVAL;
    for (unsigned i = 0; i < 2; i++)
        if (s->channel[i].prd_offset > PRD_TABLE_LIMIT || s->channel[i].prd_left > 0x10000)
            return -EINVAL;
    return pci_state_check(state, &piix3_ide_ids);
}

static void piix3_ide_loaded(struct device *d)
{
    struct piix3_ide *ide = to_ide(d);

    pci_device_loaded(&ide->pci);
    for (unsigned n = 0; n < 2; n++) {
        struct channel *c = &ide->channel[n];

        c->level = channel_selected(c)->s->intrq; /* the rise was before the save */
        for (unsigned i = 0; i < 2; i++) {
            c->drive[i].reset_held = c->s->control & IDE_CONTROL_SRST;
            ide_drive_loaded(&c->drive[i]);
        }
        channel_update_irq(c);
    }
}

static void piix3_ide_destroy(struct device *d)
{
    for (unsigned n = 0; n < PIIX3_IDE_DRIVES; n++)
        ide_drive_detach(ide_drive_at((struct pci_device *)d, n));
    pci_device_remove((struct pci_device *)d);
    free(d);
}

static const struct device_ops piix3_ide_ops = {
    .name = "piix3-ide",
    .version = 1,
    .state_size = sizeof(struct piix3_ide_state),
    .reset = piix3_ide_reset,
    .check = piix3_ide_check,
    .loaded = piix3_ide_loaded,
    .destroy = piix3_ide_destroy,
};

struct pci_device *piix3_ide_create(struct irq_line *irq14, struct irq_line *irq15)
{
    struct piix3_ide *ide = calloc(1, sizeof *ide);

    if (!ide)
        return NULL;
    ide->pci.dev.ops = &piix3_ide_ops;
    ide->pci.dev.state = &ide->s;
    ide->pci.bar[4] = (struct pci_bar){.kind = PCI_BAR_IO, .size = BM_WINDOW, .ops = &bm_io};
    pci_device_init(&ide->pci, &piix3_ide_ids);
    memset(ide->pci.writable + 0x40, 0xff, 5); /* timing */
    for (unsigned n = 0; n < PIIX3_IDE_DRIVES; n++) {
        struct channel *c = &ide->channel[n / 2];

        c->ide = ide;
        c->s = &ide->s.channel[n / 2];
        c->irq = n / 2 ? irq15 : irq14;
        c->drive[n & 1].host = &channel_host;
        c->drive[n & 1].channel = c;
        c->drive[n & 1].s = &ide->s.drive[n];
    }
    piix3_ide_reset(&ide->pci.dev);
    return &ide->pci;
}

static int drive_attach(struct pci_device *d, unsigned n, struct block *b, enum ide_kind kind)
{
    struct ide_drive *drive = ide_drive_at(d, n & 3);

    if (n >= PIIX3_IDE_DRIVES || ide_drive_present(drive))
        return -EEXIST;
    drive->ops = kind == IDE_DISK ? &ata_disk_ops : &atapi_cdrom_ops;
    drive->block = b;
    drive->s->kind = (uint8_t)kind;
    snprintf(drive->serial, sizeof drive->serial, "DM%05u", n + 1);
    ide_drive_power_on(drive);
    return 0;
}

int piix3_ide_attach_disk(struct pci_device *d, unsigned n, struct block *b)
{
    return drive_attach(d, n, b, IDE_DISK);
}

int piix3_ide_attach_cd(struct pci_device *d, unsigned n, struct block *b)
{
    return drive_attach(d, n, b, IDE_CD);
}

static struct ide_drive *cd_drive_at(struct pci_device *d, unsigned n)
{
    struct ide_drive *drive = ide_drive_at(d, n & 3);

    return n < PIIX3_IDE_DRIVES && drive->s->kind == IDE_CD ? drive : NULL;
}

int piix3_ide_change_cd(struct pci_device *d, unsigned n, struct block *b)
{
    struct ide_drive *drive = cd_drive_at(d, n);

    if (!drive)
        return -ENODEV;
    atapi_cdrom_change(drive, b);
    return 0;
}

int piix3_ide_set_cd_tray(struct pci_device *d, unsigned n, const struct ide_tray *tray, void *opaque)
{
    struct ide_drive *drive = cd_drive_at(d, n);

    if (!drive)
        return -ENODEV;
    atapi_cdrom_set_tray(drive, tray, opaque);
    return 0;
}

int piix3_ide_set_cd_medium(struct pci_device *d, unsigned n, struct block *b, const struct cd_toc *toc, bool tray_open)
{
    struct ide_drive *drive = cd_drive_at(d, n);

    if (!drive)
        return -ENODEV;
    atapi_cdrom_set_medium(drive, b, toc, tray_open);
    return 0;
}

uint8_t piix3_ide_bios_translation(struct pci_device *d)
{
    uint8_t bits = 0;

    for (unsigned n = 0; n < PIIX3_IDE_DRIVES; n++) {
        struct ide_drive *drive = ide_drive_at(d, n);
        bool disk = ide_drive_present(drive) && drive->s->kind == IDE_DISK;

        if (disk && block_sectors(drive->block) > (uint64_t)BIOS_CYLINDERS * ATA_HEADS * ATA_SECTORS_PER_TRACK)
            bits |= (uint8_t)(1u << (2 * n));
    }
    return bits;
}

void piix3_ide_detach_disks(struct pci_device *d, unsigned mask)
{
    for (unsigned n = 0; n < PIIX3_IDE_DRIVES; n++) {
        struct ide_drive *drive = ide_drive_at(d, n);

        if (!(mask >> n & 1) || drive->s->kind != IDE_DISK)
            continue;
        ide_drive_detach(drive);
        drive->s->device = drive == &to_ide(&d->dev)->channel[n / 2].drive[0] ? IDE_DEVICE_ONES : drive->s->device;
        channel_update_irq(drive->channel);
    }
}
