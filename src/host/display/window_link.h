/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * window_link.h: between a machine (window.c) and its window's process (window_program.c). Both are of one build.
 *
 * The picture is a memfd: rows of `width` pixels as the display has them, one after the other, written by the machine
 * while the window may read: a torn line is sent again with the damage that follows. Beside it goes a SOCK_SEQPACKET
 * socket, one struct a message: updates to the window, of which at most one is on its way (WINDOW_READY asks for the
 * next, so that a slow X server paces its machine), and events back.
 */
#ifndef DOMUS_HOST_DISPLAY_WINDOW_LINK_H
#define DOMUS_HOST_DISPLAY_WINDOW_LINK_H

#include "host/display/display.h"

#define WINDOW_SIZE_MAX    4096 /* pixels, either way */
#define WINDOW_FRAME_BYTES ((size_t)WINDOW_SIZE_MAX * WINDOW_SIZE_MAX * sizeof(uint32_t))
#define WINDOW_RECTS_MAX   32
#define WINDOW_TEXT_MAX    512

enum { WINDOW_FD_LINK = 3, WINDOW_FD_FRAME = 4 }; /* in the window's process, which has no other above 2 */

struct window_update {
    int width, height; /* of the picture */
    bool absolute;     /* the guest takes places of the pointer, not ways */
    unsigned rects;    /* what changed since the last update */
    struct display_rect rect[WINDOW_RECTS_MAX];
};

enum window_event_kind {
    WINDOW_OPENED, /* the first, or WINDOW_FAILED; text: what the user should know, or "" */
    WINDOW_FAILED, /* text: why; the process ends */
    WINDOW_READY,  /* the last update is shown */
    WINDOW_SHOWN,  /* down: whether anything of the window can be seen */
    WINDOW_KEY,    /* code, down: as display_key() */
    WINDOW_TO,     /* x, y, wheel, buttons: as display_pointer() */
    WINDOW_BY,     /* x, y, wheel, buttons: as display_pointer_move() */
    WINDOW_CLOSED, /* the user wants it closed */
};

struct window_event {
    enum window_event_kind kind;
    uint16_t code;
    bool down;
    int x, y, wheel;
    unsigned buttons;
    char text[WINDOW_TEXT_MAX];
};

#endif
