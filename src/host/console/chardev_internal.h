/* SPDX-License-Identifier: GPL-2.0-or-later */
/* chardev_internal.h: shared by chardev*.c only: a stream over one or two descriptors, with a buffer for output. */
#ifndef DOMUS_HOST_CONSOLE_CHARDEV_INTERNAL_H
#define DOMUS_HOST_CONSOLE_CHARDEV_INTERNAL_H

#include "host/console/chardev.h"
#include "machine/loop.h"

#include <stdarg.h>

#define CHARDEV_BUFFER 65536u

struct chardev {
    struct loop *loop; /* borrowed */
    struct chardev_client client;
    int in, out;           /* -1: none; may be the same */
    struct loop_fd *watch; /* of in, or of in and out when they are the same */
    struct loop_fd *out_watch;
    bool connected;  /* somebody is there: pty and socket server; always true for others */
    bool lossy;      /* output never waits: when the buffer is full its oldest bytes go */
    bool discard;    /* null */
    bool is_socket;  /* write with send(): no SIGPIPE */
    bool wanted;     /* the client was told "no room" and waits for writable() */
    uint8_t *buffer; /* CHARDEV_BUFFER bytes, a ring; NULL with discard */
    size_t first, count;
    char *tty;
    /* Told when the other side goes away, instead of the end of the stream. */
    void (*hung_up)(struct chardev *c);
    /* pty: who opens the slave? */
    int inotify;
    struct loop_fd *inotify_watch;
    struct timer poll; /* where inotify does not work */
    /* socket server */
    int listener;
    struct loop_fd *listener_watch;
    char *unlink_path;
};

/* Starts to use in and out. 0 or -errno. */
int chardev_connect(struct chardev *c);
/* Stops; closes nothing. */
void chardev_disconnect(struct chardev *c);
/* Makes *why and returns rc, for `return chardev_fail(...)`. */
int chardev_fail(int rc, char **why, const char *format, ...) __attribute__((format(printf, 3, 4)));

int chardev_open_pty(struct chardev *c, char **why);
void chardev_close_pty(struct chardev *c);
/* rest: what follows "unix:" or "tcp:". */
int chardev_open_socket(struct chardev *c, bool unix_domain, const char *rest, char **why);
void chardev_close_socket(struct chardev *c);

#endif
