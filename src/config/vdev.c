/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vdev.c: see vdev.h. */
#include "config/vdev.h"

#include <stdlib.h>
#include <string.h>

#define DISK_MAX ((1u << 20) - 1)

/* Letters as spreadsheets number columns: a 0, z 25, aa 26; then the partition. False if either is missing or wrong. */
static bool letters(const char *s, unsigned *disk, unsigned *partition)
{
    unsigned n = 0;
    char *end;

    if (*s < 'a' || *s > 'z')
        return false;
    for (; *s >= 'a' && *s <= 'z'; s++) {
        n = n * 26 + (unsigned)(*s - 'a') + 1;
        if (n > DISK_MAX)
            return false;
    }
    *disk = n - 1;
    *partition = 0;
    if (*s == '\0')
        return true;
    if (*s < '1' || *s > '9' || strlen(s) > 5)
        return false;
    *partition = (unsigned)strtoul(s, &end, 10);
    return *end == '\0';
}

static bool xen_number(struct vdev *v)
{
    v->bus = VDEV_XEN;
    if (v->disk > DISK_MAX || v->partition > 255)
        return false;
    if (v->disk < 16 && v->partition < 16)
        v->number = 202u << 8 | v->disk << 4 | v->partition;
    else
        v->number = 1u << 28 | v->disk << 8 | v->partition;
    return true;
}

static void from_number(struct vdev *v)
{
    uint32_t n = v->number, major = n >> 8;

    if (n >> 28 == 1) {
        v->disk = n >> 8 & DISK_MAX;
        v->partition = n & 255;
    } else if (major == 3 || major == 22) {
        v->bus = VDEV_IDE;
        v->disk = (major == 22 ? 2 : 0) + (n >> 6 & 1);
        v->partition = n & 63;
    } else if (major == 8 || major == 202) {
        v->bus = major == 8 ? VDEV_SCSI : VDEV_XEN;
        v->disk = n >> 4 & 15;
        v->partition = n & 15;
    } else {
        v->disk = n; /* no bus known: its own PV disk */
    }
}

static bool plain_number(const char *name, uint32_t *number)
{
    char *end;
    unsigned long n;

    if (*name < '0' || *name > '9')
        return false;
    n = strtoul(name, &end, 0);
    *number = (uint32_t)n;
    return *end == '\0' && n <= UINT32_MAX;
}

/* dNpM */
static bool d_and_p(const char *name, struct vdev *v)
{
    char *end;
    unsigned long disk, partition = 0;

    if (name[0] != 'd' || name[1] < '0' || name[1] > '9')
        return false;
    disk = strtoul(name + 1, &end, 10);
    if (*end == 'p' && end[1] >= '0' && end[1] <= '9')
        partition = strtoul(end + 1, &end, 10);
    if (*end || disk > DISK_MAX || partition > 255)
        return false;
    v->disk = (unsigned)disk;
    v->partition = (unsigned)partition;
    return xen_number(v);
}

bool vdev_parse(const char *name, struct vdev *v)
{
    memset(v, 0, sizeof *v);
    if (!name)
        return false;
    if (plain_number(name, &v->number)) {
        from_number(v);
        return true;
    }
    if (d_and_p(name, v))
        return true;
    if (strncmp(name, "xvd", 3) == 0)
        return letters(name + 3, &v->disk, &v->partition) && xen_number(v);
    if (strncmp(name, "hd", 2) == 0) {
        v->bus = VDEV_IDE;
        if (!letters(name + 2, &v->disk, &v->partition) || v->disk > 3 || v->partition > 63)
            return false;
        v->number = (v->disk < 2 ? 3u : 22u) << 8 | (v->disk & 1) << 6 | v->partition;
        return true;
    }
    if (strncmp(name, "fd", 2) == 0) {
        v->bus = VDEV_FLOPPY;
        if (!letters(name + 2, &v->disk, &v->partition) || v->disk > 1 || v->partition)
            return false;
        v->number = 2u << 8 | v->disk;
        return true;
    }
    if (strncmp(name, "sd", 2) == 0) {
        v->bus = VDEV_SCSI;
        if (!letters(name + 2, &v->disk, &v->partition) || v->disk > 15 || v->partition > 15)
            return false;
        v->number = 8u << 8 | v->disk << 4 | v->partition;
        return true;
    }
    return false;
}

bool vdev_ide(const struct vdev *v, unsigned *channel, unsigned *unit)
{
    if (v->bus == VDEV_SCSI || v->bus == VDEV_FLOPPY || v->disk > 3 || v->partition)
        return false;
    *channel = v->disk >> 1;
    *unit = v->disk & 1;
    return true;
}
