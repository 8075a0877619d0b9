/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cd_drive.h: a CD drive of the host, as /dev/sr0: which medium is in it, its table of contents, its door and its tray.
 * What is on the medium is read by block.h. Packets of the guest are not passed on: no burning, no playing.
 *
 * A drive may take seconds to answer, so a thread of its own asks it; calls here do not wait for that, but
 * cd_drive_open() and cd_drive_close() may. In the loop's thread with the machine lock held, or before the loop runs.
 */
#ifndef DOMUS_HOST_BLOCK_CD_DRIVE_H
#define DOMUS_HOST_BLOCK_CD_DRIVE_H

#include "host/block/cd_toc.h"

struct cd_drive;
struct loop;

enum cd_place { CD_EMPTY, CD_TRAY_OPEN, CD_LOADED };

struct cd_medium {
    enum cd_place place;
    int fd;            /* of the drive; for the call only, to be duplicated. -1 unless CD_LOADED */
    uint64_t bytes;    /* up to its end, audio included; 0: blank */
    struct cd_toc toc; /* count 0 unless CD_LOADED */
};

struct cd_drive_client {
    /* The medium is another one, came or went; in the loop's thread with the lock held. The first time in
     * cd_drive_open(). */
    void (*changed)(void *opaque, const struct cd_medium *m);
    void *opaque;
};

/* The system calls, for tests to have a drive of their own; any thread. As open(2) and ioctl(2), errno too. */
struct cd_drive_system {
    int (*open)(const char *path);
    int (*ioctl)(int fd, unsigned long request, void *argument);
    unsigned poll_ms; /* how often the drive is asked */
};

/* Is the file a CD drive's device? */
bool cd_drive_is_one(const char *path);
/* wait: up to ten seconds, for a disc that spins up. system NULL: the host's. 0, or -errno with *why (malloc'd), which
 * names the path. */
int cd_drive_open(struct cd_drive **d, struct loop *loop, const char *path, bool wait,
                  const struct cd_drive_system *system, const struct cd_drive_client *client, char **why);
void cd_drive_close(struct cd_drive *d); /* opens the door's lock; NULL is fine */
void cd_drive_lock(struct cd_drive *d, bool locked);
/* Out, after its lock is opened; or in. What became of it comes by changed(). */
void cd_drive_move_tray(struct cd_drive *d, bool out);

#endif
