/* SPDX-License-Identifier: GPL-2.0-or-later */
/* atapi_cdrom.h: what a channel does with a CD-ROM drive beside struct ide_drive_ops. */
#ifndef DOMUS_DEV_ATAPI_CDROM_H
#define DOMUS_DEV_ATAPI_CDROM_H

#include "dev/ide_drive.h"

/* Another medium, or none; takes the block over, closes the one before. Opens a lock the guest holds, as xl does. */
void atapi_cdrom_change(struct ide_drive *d, struct block *b);
/* What a real drive has now; block, taken over, NULL: none. A lock that the guest holds stays. Without news it is
 * silent. toc is copied; NULL, or of count 0: one data track. */
void atapi_cdrom_set_medium(struct ide_drive *d, struct block *b, const struct cd_toc *toc, bool tray_open);
/* tray, borrowed, is told of locks and moves from now on; NULL: none is. */
void atapi_cdrom_set_tray(struct ide_drive *d, const struct ide_tray *tray, void *opaque);
bool atapi_cdrom_locked(const struct ide_drive *d);
/* Presses the drive's button: the guest learns of it by GET EVENT STATUS. */
void atapi_cdrom_ask_eject(struct ide_drive *d);

#endif
