/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * window.h: shows a display in a window on this host's desktop, and takes keys and pointer there. The window is a
 * process of its own, `domus-window` (window_program.c): what ends it, such as the X server's end or a fault in an
 * OpenGL driver, does not end the guest. All calls in the loop's thread with the machine lock held.
 */
#ifndef DOMUS_HOST_DISPLAY_WINDOW_H
#define DOMUS_HOST_DISPLAY_WINDOW_H

#include "base/types.h"

struct window;
struct display;
struct loop;

struct window_options {
    const char *name;       /* the window's title; NULL: domus */
    bool opengl;            /* drawn by OpenGL instead of by the processor */
    const char *x_display;  /* an X server in place of $DISPLAY, ":0"; NULL or "": whatever the environment has */
    const char *xauthority; /* in place of $XAUTHORITY; NULL or "": that */
    const char *program;    /* the window's program; NULL: domus-window, beside this one */
    /* The user closed the window, which stays. Called in the loop, the lock held; may be NULL. Must not close the
     * window. */
    void (*closed)(void *opaque);
    void *opaque;
};

/*
 * 0, or -errno with *text (malloc'd, the caller frees): one line with what is wrong and what to do; 0 with *text: what
 * the user should know. *text may be NULL. Waits for the window, 10 seconds at most. A window that ends later says so
 * in the log, and the display goes on without.
 */
int window_open(struct window **w, struct loop *loop, struct display *display, const struct window_options *o,
                char **text);
void window_close(struct window *w); /* NULL is fine */

#endif
