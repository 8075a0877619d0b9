/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pc_disks.c: disk=[...] on the PIIX3's IDE channels: hda..hdd, and xvda..xvdd, which HVM guests see there too until
 * their PV drivers take over; fda and fdb on the floppy controller. Errors name the config's file and line, the disk,
 * and what to do.
 */
#include "board/pc_internal.h"

#include "config/vdev.h"
#include "dev/i82077.h"
#include "dev/mc146818.h"
#include "dev/piix3_ide.h"
#include "host/block/block.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define IDE_DEVFN 0x09

/* The IDE place of a vdev name, or -1. */
static int ide_place(const char *vdev)
{
    struct vdev v;
    unsigned channel, unit;

    if (!vdev || !vdev_parse(vdev, &v) || v.partition || !vdev_ide(&v, &channel, &unit))
        return -1;
    return (int)(2 * channel + unit);
}

static int disk_why(struct pc *pc, const struct disk_config *disk, char **why, int rc, const char *text)
{
    const char *source = pc->s.config->source ? pc->s.config->source : "config";

    if (disk->line > 0)
        return pc_why(why, rc, "%s:%lld: disk '%s': %s", source, (long long)disk->line, disk->vdev, text);
    return pc_why(why, rc, "%s: disk '%s': %s", source, disk->vdev, text);
}

static int open_target(struct pc *pc, const char *target, bool readonly, struct block **b, char **cause)
{
    const struct block_options o = {.path = target, .readonly = readonly};

    return block_open(b, pc->s.loop, &o, cause);
}

static bool is_floppy(const char *vdev, unsigned *drive)
{
    struct vdev v;

    if (!vdev || !vdev_parse(vdev, &v) || v.bus != VDEV_FLOPPY)
        return false;
    *drive = v.disk;
    return true;
}

/* The drive is of the kind that the image wants; without an image it takes 1.44 MB disks. */
static int add_floppy(struct pc *pc, const struct disk_config *disk, unsigned drive, char **why)
{
    struct block *b = NULL;
    unsigned kind = 4;
    char *cause = NULL;
    int rc = 0;

    if (disk->is_cdrom || disk->script || (disk->format != DISK_RAW && disk->format != DISK_EMPTY))
        return disk_why(pc, disk, why, -EINVAL, "a floppy is a raw image: write 'file:PATH,fda,w'");
    if (disk->pdev_path && disk->pdev_path[0])
        rc = open_target(pc, disk->pdev_path, !disk->readwrite, &b, &cause);
    if (rc) {
        (void)disk_why(pc, disk, why, rc, cause ? cause : strerror(-rc));
        free(cause);
        return rc;
    }
    if (b)
        kind = i82077_drive_kind(block_sectors(b));
    rc = kind ? i82077_add_drive(pc->floppy, drive, kind == 3 ? 4 : kind) : -EINVAL;
    if (!rc && b)
        rc = i82077_insert(pc->floppy, drive, b);
    if (rc) {
        block_close(b);
        return disk_why(pc, disk, why, rc,
                        kind ? "another disk is in this place already"
                             : "no floppy has this image's size: 160, 180, 320, 360, 720, 1200, 1440, 1640, 1680 or "
                               "2880 KiB");
    }
    pc->floppy_kind[drive] = (uint8_t)(kind == 3 ? 4 : kind);
    pc->floppy_readonly[drive] = !disk->readwrite;
    return 0;
}

/* Another disk, written if the first one was; path NULL: none. */
static int change_floppy(struct pc *pc, unsigned drive, const char *vdev, const char *path, char **why)
{
    struct block *b = NULL;
    int rc = path ? open_target(pc, path, pc->floppy_readonly[drive], &b, why) : 0;

    if (rc)
        return rc;
    rc = i82077_insert(pc->floppy, drive, b);
    if (rc)
        block_close(b);
    if (rc == -EINVAL)
        return pc_why(why, rc, "%s: this drive takes no disk of that size (the first image said which kind it is)",
                      path);
    return rc ? pc_why(why, rc, "%s: this domain has no such floppy drive", vdev) : 0;
}

static int create_floppies(struct pc *pc)
{
    int rc;

    pc->floppy = i82077_create(pc->s.loop, &pc->isa[6], pc->dma);
    rc = pc_add(pc, pc->floppy);
    if (rc)
        return rc;
    if (pc_map_ports(pc, 0x3f0, 6, pc->floppy, &i82077_io) || pc_map_ports(pc, 0x3f7, 1, pc->floppy, &i82077_dir_io))
        return -ENOMEM;
    return 0;
}

/* CMOS 10h: the drives' kinds; 14h: equipment: FPU and PS/2 mouse, and how many floppy drives. */
static void tell_floppies(struct pc *pc)
{
    unsigned a = pc->floppy_kind[0], b = pc->floppy_kind[1], drives = (a ? 1u : 0) + (b ? 1u : 0);

    mc146818_set_cmos(pc->rtc, 0x10, (uint8_t)(a << 4 | b));
    mc146818_set_cmos(pc->rtc, 0x14, (uint8_t)(0x06 | (drives ? 1 | (drives - 1) << 6 : 0)));
}

static int add_disk(struct pc *pc, const struct disk_config *disk, char **why)
{
    unsigned floppy;
    bool cdrom = disk->is_cdrom != 0;
    bool named = disk->pdev_path && disk->pdev_path[0];
    int place = ide_place(disk->vdev), rc = 0;
    struct block *b = NULL;
    char *cause = NULL;

    if (is_floppy(disk->vdev, &floppy))
        return add_floppy(pc, disk, floppy, why);
    if (place < 0)
        return disk_why(
            pc, disk, why, -EINVAL,
            "this machine has hda..hdd (or xvda..xvdd), fda and fdb only; SCSI disks do not exist yet in domus");
    if (disk->format != DISK_RAW && disk->format != DISK_EMPTY && disk->format != DISK_UNKNOWN)
        return disk_why(pc, disk, why, -ENOTSUP,
                        "only raw images can be used yet: convert it, e.g. with qemu-img convert");
    if (disk->script)
        return disk_why(pc, disk, why, -ENOTSUP, "script= does nothing yet in domus; use a file or a block device");
    if (named && !cdrom)
        rc = open_target(pc, disk->pdev_path, !disk->readwrite, &b, &cause);
    else if (!cdrom)
        return disk_why(pc, disk, why, -EINVAL, "no image named");
    if (!rc)
        rc = cdrom ? pc_cd_attach(pc, (unsigned)place, named ? disk->pdev_path : NULL, &cause)
                   : piix3_ide_attach_disk(pc->ide, (unsigned)place, b);
    if (rc) {
        block_close(b);
        (void)disk_why(pc, disk, why, rc,
                       cause           ? cause
                       : rc == -EEXIST ? "another disk is in this place already"
                                       : strerror(-rc));
        free(cause);
    }
    return rc;
}

int pc_disks_create(struct pc *pc, char **why)
{
    const struct domain_config *c = pc->s.config;
    int rc;

    pc->ide = piix3_ide_create(&pc->isa[14], &pc->isa[15]);
    rc = pc_add_pci(pc, pc->ide, IDE_DEVFN);
    if (!rc)
        rc = create_floppies(pc);
    for (size_t i = 0; !rc && i < c->disks_count; i++)
        rc = add_disk(pc, &c->disks[i], why);
    if (rc)
        return rc;
    tell_floppies(pc);
    /* CMOS 39h: how the BIOS translates each disk's geometry for its CHS calls. */
    mc146818_set_cmos(pc->rtc, 0x39, piix3_ide_bios_translation(pc->ide));
    for (unsigned channel = 0; channel < 2; channel++) {
        uint16_t base = channel ? 0x170 : 0x1f0;
        if (pc_map_ports(pc, base, 8, &pc->ide->dev, &piix3_ide_command_io[channel]) ||
            pc_map_ports(pc, (uint16_t)(base + 0x206), 1, &pc->ide->dev, &piix3_ide_control_io[channel]))
            return -ENOMEM;
    }
    return 0;
}

int pc_cd_change(struct pc *pc, const char *vdev, const char *path, char **why)
{
    int place = ide_place(vdev), rc;
    unsigned floppy;

    if (is_floppy(vdev, &floppy))
        return change_floppy(pc, floppy, vdev, path, why);
    if (place < 0)
        return pc_why(why, -ENODEV, "%s: no such drive; IDE drives are hda..hdd, floppies fda and fdb", vdev);
    rc = pc_cd_replace(pc, (unsigned)place, path, why);
    return rc ? pc_why(why, rc, "%s is not a CD-ROM drive", vdev) : 0;
}
