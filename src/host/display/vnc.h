/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vnc.h: shows a display over VNC (RFB 3.8, LibVNCServer) and, on the same port, in a web browser (noVNC over
 * websockets). All calls in the loop's thread with the machine lock held.
 */
#ifndef DOMUS_HOST_DISPLAY_VNC_H
#define DOMUS_HOST_DISPLAY_VNC_H

#include "base/types.h"

struct vnc;
struct display;
struct loop;

/* What a viewer's power buttons ask for. */
enum vnc_power { VNC_POWER_BUTTON, VNC_POWER_RESET };

struct vnc_options {
    const char *listen;   /* "ADDR" or "ADDR:DISPLAY", IPv6 in brackets; NULL: 127.0.0.1; "": every address */
    unsigned display;     /* port 5900 + this, unless listen says so */
    bool find_unused;     /* take the first free of 100 ports from there */
    const char *password; /* NULL or "": none. VNC looks at its first 8 characters */
    const char *keymap;   /* for clients without the extended key event; NULL: en-us */
    const char *name;     /* what viewers show as title */
    bool paste;           /* viewers' cut text is typed into the guest */
    const char *web_root; /* noVNC's files; NULL: /usr/share/novnc */
    /* Called in the loop, the lock held, for a viewer that has the password; NULL: viewers have no power buttons. It
     * must not close the server. */
    void (*power)(void *opaque, enum vnc_power what);
    void *opaque;
};

/* 0, or -errno with *why (malloc'd, the caller frees): one line with what is wrong and what to do. */
int vnc_open(struct vnc **v, struct loop *loop, struct display *display, const struct vnc_options *o, char **why);
void vnc_close(struct vnc *v); /* NULL is fine */

const char *vnc_address(const struct vnc *v); /* as asked for, without a display number: "127.0.0.1", "0.0.0.0" */
unsigned vnc_port(const struct vnc *v);       /* 5900 + display number */
/* Where a browser shows the guest, "http://ADDR:PORT/"; NULL: noVNC is not installed. */
const char *vnc_web_url(const struct vnc *v);
unsigned vnc_viewers(struct vnc *v);

#endif
