/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * chardev_spec.h: what a serial= names, taken apart. Pure: text in, facts out; opens nothing. Any thread.
 * The forms are QEMU's, as people have them in their xl.cfg files.
 */
#ifndef DOMUS_HOST_CONSOLE_CHARDEV_SPEC_H
#define DOMUS_HOST_CONSOLE_CHARDEV_SPEC_H

#include "base/types.h"

#define CHARDEV_PATH_MAX    4096u
#define CHARDEV_HOST_MAX    256u
#define CHARDEV_SERVICE_MAX 32u

enum chardev_kind {
    CHARDEV_NULL,
    CHARDEV_PTY,
    CHARDEV_STDIO,
    CHARDEV_FILE,
    CHARDEV_PIPE,
    CHARDEV_DEVICE,
    CHARDEV_UNIX,
    CHARDEV_TCP,
    CHARDEV_UDP,
};

enum chardev_family { CHARDEV_ANY_FAMILY, CHARDEV_IPV4, CHARDEV_IPV6 };

/* A host, "" for any or this one, and a port's number or name. */
struct chardev_address {
    char host[CHARDEV_HOST_MAX];
    char service[CHARDEV_SERVICE_MAX];
};

struct chardev_spec {
    enum chardev_kind kind;
    bool monitor;                /* "mon:" stood before it */
    bool screen;                 /* "vc": a text console beside the guest's screen, for QEMU */
    bool server, wait, telnet;   /* of sockets */
    enum chardev_family family;  /* of TCP */
    char path[CHARDEV_PATH_MAX]; /* of files, pipes, devices, Unix sockets */
    struct chardev_address to;   /* where TCP listens or connects, UDP sends */
    struct chardev_address from; /* UDP: where it is received; service "": any port */
};

/* 0, or -EINVAL or -ENOTSUP with *why: one line without the key's name, saying what to write instead; malloc'd. */
int chardev_spec_parse(struct chardev_spec *s, const char *text, char **why);
/* What the user shall read because it is not as with QEMU; a constant, or NULL: nothing. */
const char *chardev_spec_note(const struct chardev_spec *s);

#endif
