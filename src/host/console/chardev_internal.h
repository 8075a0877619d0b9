/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * chardev_internal.h: shared by chardev*.c only: a stream over one or two descriptors, with a buffer for output.
 * All in the loop's thread with the machine lock held, as chardev.h says.
 */
#ifndef DOMUS_HOST_CONSOLE_CHARDEV_INTERNAL_H
#define DOMUS_HOST_CONSOLE_CHARDEV_INTERNAL_H

#include "host/console/chardev.h"
#include "host/console/chardev_spec.h"
#include "machine/loop.h"

#include <stdarg.h>
#include <sys/types.h>

#define CHARDEV_BUFFER 65536u

struct chardev;

/* What a kind does otherwise than reading and writing its descriptor; each may be NULL. */
struct chardev_ops {
    /* As send(2) and recv(2), errno too. n may be 0 in send: what is left over. */
    ssize_t (*send)(struct chardev *c, const uint8_t *bytes, size_t n);
    ssize_t (*receive)(struct chardev *c, uint8_t *bytes, size_t n);
    bool (*left_over)(const struct chardev *c);                      /* send has more than the buffer has */
    size_t (*room)(const struct chardev *c);                         /* input that may come, at most */
    void (*take)(struct chardev *c, const uint8_t *bytes, size_t n); /* input, in place of the client */
    void (*output)(struct chardev *c);                               /* the buffer got more: hold it? */
    void (*room_changed)(struct chardev *c);                         /* the client has room */
    void (*connected)(struct chardev *c);                            /* before the first byte */
    void (*line_break)(struct chardev *c, bool on);
    void (*set_line)(struct chardev *c, const struct chardev_line *line);
    void (*close)(struct chardev *c); /* frees state */
};

struct chardev {
    struct loop *loop;             /* borrowed */
    const struct chardev_ops *ops; /* never NULL */
    void *state;                   /* ops' own; ops->close frees it */
    struct chardev_client client;
    int in, out;           /* -1: none; may be the same */
    struct loop_fd *watch; /* of in, or of in and out when they are the same */
    struct loop_fd *out_watch;
    bool connected;  /* somebody is there: pty and socket server; always true for others */
    bool lossy;      /* output never waits: when the buffer is full its oldest bytes go */
    bool discard;    /* null */
    bool is_socket;  /* write with send(): no SIGPIPE */
    bool held;       /* output gathers until ops flush it */
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
/* Sends what waits, and takes what has come, as far as it goes now. */
void chardev_pump(struct chardev *c);
/* send(2) or write(2). */
ssize_t chardev_put(struct chardev *c, const uint8_t *bytes, size_t n);
/* Makes *why and returns rc, for `return chardev_fail(...)`. */
int chardev_fail(int rc, char **why, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* The kinds: 0, or -errno with *why or without; chardev_close() ends what they began. */
int chardev_open_pty(struct chardev *c, char **why);
void chardev_close_pty(struct chardev *c);
int chardev_open_stdio(struct chardev *c, char **why);
int chardev_open_file(struct chardev *c, const char *path, char **why);
int chardev_open_pipe(struct chardev *c, const char *path, char **why);
int chardev_open_device(struct chardev *c, const char *path, char **why);
int chardev_open_socket(struct chardev *c, const struct chardev_spec *s, char **why);
void chardev_close_socket(struct chardev *c);
int chardev_open_udp(struct chardev *c, const struct chardev_spec *s, char **why);
/* Puts TELNET around the stream of the sockets to come; before the first chardev_connect(). 0 or -ENOMEM. */
int chardev_use_telnet(struct chardev *c, bool server);

#endif
