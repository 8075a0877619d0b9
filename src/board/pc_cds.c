/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pc_cds.c: the CD-ROM drives' media: images and devices, and drives of the host, whose medium, door and tray are the
 * guest's drive's own.
 */
#include "board/pc_internal.h"

#include "base/log.h"
#include "dev/ide_drive.h"
#include "dev/piix3_ide.h"
#include "host/block/block.h"
#include "host/block/cd_drive.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct pc_cd {
    struct pc *pc;
    unsigned place;
    char *path;             /* owned; of the host's drive, NULL: none */
    struct cd_drive *drive; /* owned; NULL while it opens, and for images */
};

static void lock_door(void *opaque, bool locked)
{
    struct pc_cd *cd = opaque;

    if (cd->drive)
        cd_drive_lock(cd->drive, locked);
}

static void move_tray(void *opaque, bool out)
{
    struct pc_cd *cd = opaque;

    if (cd->drive)
        cd_drive_move_tray(cd->drive, out);
}

static const struct ide_tray host_tray = {.lock = lock_door, .move = move_tray};

static void host_medium_changed(void *opaque, const struct cd_medium *m)
{
    const char *const places[] = {[CD_EMPTY] = "no medium", [CD_TRAY_OPEN] = "tray open", [CD_LOADED] = "medium"};
    struct pc_cd *cd = opaque;
    struct block_options o = {
        .path = cd->path, .removable = true, .drive = true, .drive_fd = m->fd, .drive_bytes = m->bytes};
    struct block *b = NULL;
    char *why = NULL;

    if (m->place == CD_LOADED && m->bytes && block_open(&b, cd->pc->s.loop, &o, &why))
        log_warning("%s", why ? why : "the medium cannot be opened");
    free(why);
    log_info("%s: %s, %llu bytes, %u tracks", cd->path, places[m->place], (unsigned long long)m->bytes, m->toc.count);
    if (piix3_ide_set_cd_medium(cd->pc->ide, cd->place, b, &m->toc, m->place == CD_TRAY_OPEN))
        block_close(b);
}

static void release(struct pc_cd *cd)
{
    if (!cd || !cd->path)
        return;
    (void)piix3_ide_set_cd_tray(cd->pc->ide, cd->place, NULL, NULL);
    cd_drive_close(cd->drive);
    cd->drive = NULL;
    free(cd->path);
    cd->path = NULL;
}

/* The guest's drive, empty by now, gets the host's behind it. Takes path over. */
static int attach_host_drive(struct pc *pc, unsigned place, char *path, bool wait, char **why)
{
    struct cd_drive_client client = {.changed = host_medium_changed};
    struct pc_cd *cd = pc->cd[place];
    int rc;

    if (!cd)
        pc->cd[place] = cd = calloc(1, sizeof *cd);
    if (!cd) {
        free(path);
        return -ENOMEM;
    }
    cd->pc = pc;
    cd->place = place;
    cd->path = path;
    client.opaque = cd;
    rc = cd_drive_open(&cd->drive, pc->s.loop, path, wait, NULL, &client, why);
    if (!rc)
        rc = piix3_ide_set_cd_tray(pc->ide, place, &host_tray, cd);
    if (rc)
        release(cd);
    return rc;
}

/* A drive of the host by that name: its path, to free(); else NULL. */
static char *host_drive(const char *target)
{
    char *path = NULL, *why = NULL;

    if (block_find_path(target, &path, &why))
        path = NULL;
    free(why);
    if (path && cd_drive_is_one(path))
        return path;
    free(path);
    return NULL;
}

static int open_image(struct pc *pc, const char *target, struct block **b, char **why)
{
    const struct block_options o = {.path = target, .readonly = true, .removable = true};

    return block_open(b, pc->s.loop, &o, why);
}

int pc_cd_attach(struct pc *pc, unsigned place, const char *target, char **why)
{
    char *drive = target ? host_drive(target) : NULL;
    struct block *b = NULL;
    int rc = target && !drive ? open_image(pc, target, &b, why) : 0;

    if (!rc)
        rc = piix3_ide_attach_cd(pc->ide, place, b);
    if (rc) {
        block_close(b);
        free(drive);
        return rc;
    }
    return drive ? attach_host_drive(pc, place, drive, true, why) : 0;
}

int pc_cd_replace(struct pc *pc, unsigned place, const char *target, char **why)
{
    char *drive = target ? host_drive(target) : NULL;
    struct block *b = NULL;
    int rc = target && !drive ? open_image(pc, target, &b, why) : 0;

    if (rc)
        return rc;
    rc = piix3_ide_change_cd(pc->ide, place, b);
    if (rc) {
        block_close(b);
        free(drive);
        return rc;
    }
    release(pc->cd[place]);
    return drive ? attach_host_drive(pc, place, drive, false, why) : 0;
}

void pc_cds_destroy(struct pc *pc)
{
    for (unsigned i = 0; i < PC_CDS; i++) {
        release(pc->cd[i]);
        free(pc->cd[i]);
    }
}
