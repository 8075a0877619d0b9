/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vdev.h: the names a guest's disks go by (xen-vbd-interface(7)): xvda, hda, sda, dNpM, or the number itself; and,
 * which is our own, fda and fdb.
 */
#ifndef DOMUS_CONFIG_VDEV_H
#define DOMUS_CONFIG_VDEV_H

#include "base/types.h"

enum vdev_bus { VDEV_XEN, VDEV_IDE, VDEV_SCSI, VDEV_FLOPPY };

struct vdev {
    enum vdev_bus bus;
    unsigned disk;      /* 0 is the first of its bus */
    unsigned partition; /* 0: the whole disk */
    uint32_t number;    /* the PV front end's: hda 768, xvda 51712 */
};

bool vdev_parse(const char *name, struct vdev *v);
/* Where the emulated IDE controllers have it: channel and unit are 0 or 1. False: not on IDE. xvda to xvdd count too.
 */
bool vdev_ide(const struct vdev *v, unsigned *channel, unsigned *unit);

#endif
