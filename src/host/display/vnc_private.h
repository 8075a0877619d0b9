/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vnc_private.h: what the VNC files share.
 *
 * Threads: the loop's thread refreshes the display and copies what changed into `frame`; each connection has a thread
 * of its own, with a LibVNCServer screen of its own that shows `frame`. So a client that does not read stops nobody but
 * itself: LibVNCServer writes blocking. Connection threads never take the machine lock; they hand input to the loop
 * through `events` and a loop job. The frame is read while it may be written: a torn line is sent again with the
 * damage that follows it, and its buffer has room for the largest picture, whatever size a thread still believes in.
 */
#ifndef DOMUS_HOST_DISPLAY_VNC_PRIVATE_H
#define DOMUS_HOST_DISPLAY_VNC_PRIVATE_H

#include "host/display/display.h"
#include "host/display/keymap.h"
#include "host/display/vnc.h"
#include "machine/loop.h"

#include <pthread.h>
#include <rfb/rfb.h>

#define VNC_LISTENERS_MAX   8
#define VNC_CONNECTIONS_MAX 48 /* a browser opens several for its page */
#define VNC_VIEWERS_MAX     16
#define VNC_EVENTS_MAX      512
#define VNC_RECTS_MAX       32
#define VNC_SIZE_MAX        4096
#define VNC_HELD_MAX        16
#define VNC_CUT_MAX         4096 /* typed at some 25 characters a second: more would take minutes */

enum vnc_event_kind { VNC_EVENT_KEYSYM, VNC_EVENT_SCANCODE, VNC_EVENT_POINTER, VNC_EVENT_POWER };

struct vnc_event {
    enum vnc_event_kind kind;
    uint32_t code; /* keysym, scancode or enum vnc_power */
    bool down;
    int x, y, wheel;
    unsigned buttons;
};

struct vnc_connection {
    struct vnc *v;
    pthread_t thread;
    int sock;                /* the thread's, or the library's: it closes it at any time; */
    int control;             /* so this is a duplicate, to shut the connection down from the loop */
    rfbScreenInfoPtr screen; /* from v->screens while it is a viewer */

    /* under v->mutex */
    bool used, finished, viewing;
    bool admitted, exclusive; /* the viewer has asked for its share of the screen, and has it alone */
    int wake;                 /* eventfd: there is damage, or the end */
    struct display_rect rects[VNC_RECTS_MAX];
    unsigned rect_count;
    bool resized;

    /* the thread's own */
    unsigned mask; /* the pointer's buttons, as RFB counts them */
    struct vnc_event held[VNC_HELD_MAX];
    unsigned held_count;
};

struct vnc {
    struct loop *loop;       /* borrowed */
    struct display *display; /* borrowed */
    struct keymap *keymap;
    bool paste;
    struct typist *typist; /* plays cut text */
    void (*power)(void *opaque, enum vnc_power what);
    void *opaque; /* power's */
    char *address, *name, *web_root, *url, *password;
    char *passwords[2]; /* LibVNCServer's list: the password, NULL */
    unsigned port;
    int listener[VNC_LISTENERS_MAX];
    struct loop_fd *listener_fd[VNC_LISTENERS_MAX];
    unsigned listeners;

    uint32_t *frame; /* VNC_SIZE_MAX squared, reserved, not committed */
    int width, height;
    int viewer; /* display_add_viewer's handle */
    struct timer timer;
    struct loop_job job;
    bool closing;       /* the job is still queued; it frees */
    unsigned held_mods; /* enum keymap_mods the guest sees held: the loop's */

    _Atomic int64_t browser_seen_s; /* vnc_web.c: when one last asked for something; 0: none did */

    pthread_mutex_t mutex; /* events, connections' shared fields, screen_used, closed */
    struct vnc_event events[VNC_EVENTS_MAX];
    unsigned event_count;
    unsigned viewing;
    bool new_viewer;
    uint8_t cut[VNC_CUT_MAX]; /* text to type; cut_bytes 0: none */
    size_t cut_bytes;
    struct vnc_connection connections[VNC_CONNECTIONS_MAX];
    rfbScreenInfoPtr screens[VNC_VIEWERS_MAX]; /* made before any thread: making one resets a lock of the library */
    bool screen_used[VNC_VIEWERS_MAX];
    pthread_mutex_t handshake; /* one at a time: the library's SHA-1 has static state */
};

/* vnc_listen.c: binds; fills listener[], listeners, port, address. 0 or -errno with *why. */
int vnc_listen(struct vnc *v, const struct vnc_options *o, char **why);

/* vnc_connection.c */
void *vnc_connection_run(void *connection);
void vnc_event_add(struct vnc *v, const struct vnc_event *e);
rfbScreenInfoPtr vnc_screen_create(struct vnc *v);

/* vnc_share.c: called while the viewer's next message is waiting: if it says whether it shares the screen, heeds that.
 */
void vnc_share(struct vnc_connection *c, rfbClientPtr cl);

/* vnc_input.c: in the loop: one event, or cut text, to the display. */
void vnc_input(struct vnc *v, const struct vnc_event *e);
void vnc_type(struct vnc *v, const uint8_t *text, size_t bytes);

/* vnc_extension.c: the extended key event. */
void vnc_extension_register(void);
void vnc_key(struct vnc_connection *c, enum vnc_event_kind kind, uint32_t code, bool down);

/* vnc_web.c: what speaks first on this socket? Serves the page itself. */
enum vnc_speaks { VNC_SPEAKS_RFB, VNC_SPEAKS_WEBSOCKET, VNC_SPEAKS_DONE };
enum vnc_speaks vnc_web_serve(struct vnc *v, int sock);

#endif
