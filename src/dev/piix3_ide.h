/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * piix3_ide.h: the IDE function, 00:01.1: two channels of two drives, and the bus master. Drive n is unit n & 1 of
 * channel n / 2, in xl's words hda, hdb, hdc, hdd.
 */
#ifndef DOMUS_DEV_PIIX3_IDE_H
#define DOMUS_DEV_PIIX3_IDE_H

#include "dev/pci/pci.h"

#define PIIX3_IDE_DRIVES 4

struct block;
struct cd_toc;
struct ide_tray;

/* irq14 and irq15: borrowed. NULL without memory. */
struct pci_device *piix3_ide_create(struct irq_line *irq14, struct irq_line *irq15);

/*
 * The legacy ports, device &d->dev. Map channel 0's command block (8 ports) at 0x1f0 and its control port (1) at 0x3f6;
 * channel 1's at 0x170 and 0x376. The bus master is BAR 4.
 */
extern const struct io_ops piix3_ide_command_io[2];
extern const struct io_ops piix3_ide_control_io[2];

/* Before the domain starts. The drive owns the block and closes it with itself. 0, or -EEXIST: the place is taken. */
int piix3_ide_attach_disk(struct pci_device *d, unsigned n, struct block *b);
int piix3_ide_attach_cd(struct pci_device *d, unsigned n, struct block *b); /* NULL: an empty drive */

/* At run time, under the machine lock: another medium (taken over), or NULL: none. -ENODEV: no CD-ROM drive there. */
int piix3_ide_change_cd(struct pci_device *d, unsigned n, struct block *b);

/*
 * A CD-ROM drive with a real one behind it (atapi_cdrom.h): who is told of its lock and tray, or NULL; and what is in
 * it, where without news nothing happens. -ENODEV as above; the block then stays the caller's.
 */
int piix3_ide_set_cd_tray(struct pci_device *d, unsigned n, const struct ide_tray *tray, void *opaque);
int piix3_ide_set_cd_medium(struct pci_device *d, unsigned n, struct block *b, const struct cd_toc *toc,
                            bool tray_open);

/* CMOS byte 39h: how the BIOS shall fold each disk's cylinders for CHS calls, two bits a drive: 0 not at all, 1 "LBA",
 * which it needs beyond 1024 cylinders. The board stores it before the start. */
uint8_t piix3_ide_bios_translation(struct pci_device *d);

/* Unplugs disks, not CD-ROMs: the ones whose bits (1 << n) are set. */
void piix3_ide_detach_disks(struct pci_device *d, unsigned mask);

#endif
