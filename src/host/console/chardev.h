/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * chardev.h: a byte stream on the host behind a serial port: pty, file, pipe, socket, null.
 * Calls and callbacks in the loop's thread with the machine lock held (chardev_write: any thread that holds the lock).
 */
#ifndef DOMUS_HOST_CONSOLE_CHARDEV_H
#define DOMUS_HOST_CONSOLE_CHARDEV_H

#include "base/types.h"

struct chardev;
struct loop;

struct chardev_client {
    void (*input)(void *opaque, const uint8_t *bytes, size_t n); /* never more than room() said */
    size_t (*room)(void *opaque);                                /* how many bytes the guest side takes now */
    void (*writable)(void *opaque);                              /* output has room again; may be NULL */
    void *opaque;
};

/* spec as in xl.cfg's serial=: "pty", "null", "none", "stdio", "file:PATH", "pipe:PATH", "unix:PATH,server,nowait",
 * "tcp:HOST:PORT,server,nowait", ... 0, or -errno with *why (malloc'd). */
int chardev_open(struct chardev **c, struct loop *loop, const char *spec, char **why);
void chardev_close(struct chardev *c);
void chardev_set_client(struct chardev *c, const struct chardev_client *client); /* copied; NULL: none */
/* Bytes taken (the rest after client.writable); a pty that nobody has open takes and drops, keeping the last 64 KiB for
 * whoever opens it next. */
size_t chardev_write(struct chardev *c, const uint8_t *bytes, size_t n);
void chardev_room_changed(struct chardev *c);     /* the guest side has room again */
const char *chardev_tty(const struct chardev *c); /* "/dev/pts/N", or NULL when it is not a pty */

#endif
