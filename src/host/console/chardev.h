/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * chardev.h: a byte stream on the host behind a serial port: pty, file, pipe, device, socket, null.
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
    void (*line_break)(void *opaque); /* the other side sent a break, after the bytes before; may be NULL */
    void *opaque;
};

/* How the guest has set its side of the line. */
struct chardev_line {
    unsigned baud;      /* bits a second */
    unsigned data_bits; /* 5 to 8 */
    unsigned stop_bits; /* 1 or 2 */
    int parity;         /* 'N', 'O', 'E' */
};

/* spec as in xl.cfg's serial=, see chardev_spec.h. 0, or -errno with *why (malloc'd). With "wait" it takes up to a
 * minute.
 */
int chardev_open(struct chardev **c, struct loop *loop, const char *spec, char **why);
void chardev_close(struct chardev *c);
void chardev_set_client(struct chardev *c, const struct chardev_client *client); /* copied; NULL: none */
/* Bytes taken (the rest after client.writable); a pty that nobody has open takes and drops, keeping the last 64 KiB for
 * whoever opens it next. */
size_t chardev_write(struct chardev *c, const uint8_t *bytes, size_t n);
void chardev_room_changed(struct chardev *c); /* the guest side has room again */
/* A break begins or ends, the line's settings change: for a real line of the host, the first for TELNET too. */
void chardev_set_break(struct chardev *c, bool on);
void chardev_set_line(struct chardev *c, const struct chardev_line *line);
const char *chardev_tty(const struct chardev *c); /* "/dev/pts/N", or NULL when it is not a pty */

#endif
