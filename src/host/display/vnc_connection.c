/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vnc_connection.c: a connection's thread: what does it speak, then the viewer's life with LibVNCServer. */
#include "host/display/vnc_private.h"

#include "base/log.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

#define QUALITY_BEST 100 /* what the library makes of a viewer's level 9 */

void vnc_event_add(struct vnc *v, const struct vnc_event *e)
{
    pthread_mutex_lock(&v->mutex);
    struct vnc_event *last = v->event_count ? &v->events[v->event_count - 1] : NULL;
    if (last && e->kind == VNC_EVENT_POINTER && last->kind == VNC_EVENT_POINTER && e->buttons == last->buttons &&
        !e->wheel && !last->wheel)
        *last = *e; /* only moved further */
    else if (v->event_count < VNC_EVENTS_MAX)
        v->events[v->event_count++] = *e;
    pthread_mutex_unlock(&v->mutex);
    loop_post(v->loop, &v->job);
}

/* A viewer that goes away with keys down must not leave them down. */
static void held_note(struct vnc_connection *c, const struct vnc_event *e)
{
    unsigned i = 0;

    while (i < c->held_count && (c->held[i].kind != e->kind || c->held[i].code != e->code))
        i++;
    if (e->down && i == c->held_count && i < VNC_HELD_MAX)
        c->held[c->held_count++] = *e;
    else if (!e->down && i < c->held_count)
        c->held[i] = c->held[--c->held_count];
}

void vnc_key(struct vnc_connection *c, enum vnc_event_kind kind, uint32_t code, bool down)
{
    struct vnc_event e = {.kind = kind, .code = code, .down = down};

    held_note(c, &e);
    vnc_event_add(c->v, &e);
}

static void on_key(rfbBool down, rfbKeySym keysym, rfbClientPtr cl)
{
    vnc_key(cl->screen->screenData, VNC_EVENT_KEYSYM, keysym, down);
}

static void on_pointer(int mask, int x, int y, rfbClientPtr cl)
{
    struct vnc_connection *c = cl->screen->screenData;
    unsigned now = (unsigned)mask, pressed = now & ~c->mask;
    struct vnc_event e = {.kind = VNC_EVENT_POINTER, .x = x, .y = y, .buttons = now & 7};

    e.wheel = pressed & 8 ? 1 : pressed & 16 ? -1 : 0; /* the wheel's clicks are buttons 4 and 5 */
    c->mask = now;
    vnc_event_add(c->v, &e);
}

static void on_cut_text(char *text, int bytes, rfbClientPtr cl)
{
    struct vnc *v = ((struct vnc_connection *)cl->screen->screenData)->v;

    if (bytes <= 0 || !v->paste)
        return;
    if (bytes > VNC_CUT_MAX) {
        log_warning("vnc: a viewer's cut text of %d characters is not typed: at most %d are", bytes, VNC_CUT_MAX);
        return;
    }
    pthread_mutex_lock(&v->mutex);
    memcpy(v->cut, text, (size_t)bytes);
    v->cut_bytes = (size_t)bytes;
    pthread_mutex_unlock(&v->mutex);
    loop_post(v->loop, &v->job);
}

/* The xvp extension: noVNC's and other viewers' power buttons. False: the viewer is told that it failed. */
static rfbBool on_xvp(rfbClientPtr cl, uint8_t version, uint8_t code)
{
    struct vnc_connection *c = cl->screen->screenData;
    struct vnc_event e = {.kind = VNC_EVENT_POWER};

    if (version != 1 || (code != rfbXvp_Shutdown && code != rfbXvp_Reset))
        return FALSE; /* a reboot needs the guest's cooperation, and ACPI has no button for it */
    e.code = code == rfbXvp_Reset ? VNC_POWER_RESET : VNC_POWER_BUTTON;
    vnc_event_add(c->v, &e);
    return TRUE;
}

/* Before each update. The best quality is the picture itself; JPEG's best is not, for hardly fewer bytes. */
static void on_update(rfbClientPtr cl)
{
    if (cl->turboQualityLevel >= QUALITY_BEST)
        cl->turboQualityLevel = cl->tightQualityLevel = -1;
}

static void release_all(struct vnc_connection *c)
{
    while (c->held_count) {
        struct vnc_event e = c->held[--c->held_count];
        e.down = false;
        vnc_event_add(c->v, &e);
    }
}

/* 0x00RRGGBB in a little-endian word, as the display has it. */
static void set_format(rfbScreenInfoPtr screen)
{
    screen->depth = screen->serverFormat.depth = 24;
    screen->serverFormat.redShift = 16;
    screen->serverFormat.greenShift = 8;
    screen->serverFormat.blueShift = 0;
}

rfbScreenInfoPtr vnc_screen_create(struct vnc *v)
{
    rfbScreenInfoPtr s = rfbGetScreen(NULL, NULL, 640, 400, 8, 3, 4);
    if (!s)
        return NULL;
    set_format(s);
    s->frameBuffer = (char *)v->frame;
    s->desktopName = v->name;
    s->alwaysShared = TRUE;
    s->deferUpdateTime = 0; /* the loop's timer sets the pace */
    s->deferPtrUpdateTime = 0;
    s->cursor = NULL; /* the guest draws its own; a second one would only lag behind */
    s->kbdAddEvent = on_key;
    s->ptrAddEvent = on_pointer;
    s->setXCutText = on_cut_text;
    s->displayHook = on_update;
    if (v->power)
        s->xvpHook = on_xvp;
    if (v->passwords[0]) {
        s->authPasswdData = v->passwords;
        s->passwordCheck = rfbCheckPasswordByList;
    }
    return s;
}

/* Takes a screen and starts to collect damage; false: too many viewers. */
static bool viewer_begin(struct vnc_connection *c)
{
    struct vnc *v = c->v;

    pthread_mutex_lock(&v->mutex);
    for (unsigned i = 0; i < VNC_VIEWERS_MAX && !c->screen; i++) {
        if (v->screen_used[i])
            continue;
        v->screen_used[i] = true;
        c->screen = v->screens[i];
    }
    if (c->screen) {
        c->screen->screenData = c;
        c->viewing = v->new_viewer = true;
        c->resized = false;
        c->rect_count = 0;
        v->viewing++;
        c->screen->width = v->width;
        c->screen->height = v->height;
        c->screen->paddedWidthInBytes = v->width * 4;
    }
    pthread_mutex_unlock(&v->mutex);
    loop_post(v->loop, &v->job);
    return c->screen != NULL;
}

static void viewer_end(struct vnc_connection *c)
{
    struct vnc *v = c->v;

    release_all(c);
    pthread_mutex_lock(&v->mutex);
    for (unsigned i = 0; i < VNC_VIEWERS_MAX; i++)
        if (v->screens[i] == c->screen)
            v->screen_used[i] = false;
    c->screen = NULL;
    c->viewing = c->admitted = c->exclusive = false;
    v->viewing--;
    pthread_mutex_unlock(&v->mutex);
}

static void viewer_resize(rfbScreenInfoPtr screen, rfbClientPtr cl, int width, int height)
{
    rfbNewFramebuffer(screen, screen->frameBuffer, width, height, 8, 3, 4);
    set_format(screen);
    screen->setTranslateFunction(cl);
}

/* What the loop left for us since the last time. */
static void viewer_take_damage(struct vnc_connection *c, rfbClientPtr cl)
{
    struct display_rect rects[VNC_RECTS_MAX];
    struct vnc *v = c->v;
    uint64_t count;

    if (read(c->wake, &count, sizeof count) < 0 && errno != EAGAIN)
        log_debug("vnc: %s", strerror(errno));
    pthread_mutex_lock(&v->mutex);
    unsigned n = c->rect_count;
    bool resized = c->resized;
    int width = v->width, height = v->height;
    memcpy(rects, c->rects, n * sizeof *rects);
    c->rect_count = 0;
    c->resized = false;
    pthread_mutex_unlock(&v->mutex);

    if (resized) {
        viewer_resize(c->screen, cl, width, height);
        return; /* all of it is marked */
    }
    for (unsigned i = 0; i < n; i++)
        rfbMarkRectAsModified(c->screen, rects[i].x, rects[i].y, rects[i].x + rects[i].width,
                              rects[i].y + rects[i].height);
}

/* The socket becomes the library's. */
static void viewer_run(struct vnc_connection *c)
{
    rfbScreenInfoPtr screen = c->screen;

    FD_ZERO(&screen->allFds);
    screen->maxFd = 0;
    pthread_mutex_lock(&c->v->handshake);
    rfbClientPtr cl = rfbNewClient(screen, c->sock);
    pthread_mutex_unlock(&c->v->handshake);
    if (!cl) {
        c->sock = -1; /* closed by the library */
        return;
    }
    while (screen->clientHead) {
        struct pollfd p[2] = {{.fd = c->sock, .events = POLLIN}, {.fd = c->wake, .events = POLLIN}};
        if (poll(p, 2, -1) < 0 && errno != EINTR)
            break;
        if (p[1].revents)
            viewer_take_damage(c, cl);
        if (p[0].revents)
            vnc_share(c, cl);
        rfbProcessEvents(screen, 0); /* frees the client when it has gone */
    }
    c->sock = -1;
}

void *vnc_connection_run(void *connection)
{
    struct vnc_connection *c = connection;
    struct vnc *v = c->v;
    sigset_t pipe;

    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, NULL);
    if (vnc_web_serve(v, c->sock) != VNC_SPEAKS_DONE) {
        if (c->sock >= FD_SETSIZE) {
            log_warning("vnc: too many open files for another viewer");
        } else if (viewer_begin(c)) {
            viewer_run(c);
            viewer_end(c);
        } else {
            log_warning("vnc: already %d viewers, another one refused", VNC_VIEWERS_MAX);
        }
    }
    pthread_mutex_lock(&v->mutex);
    if (c->sock >= 0)
        close(c->sock);
    c->sock = -1;
    c->finished = true;
    pthread_mutex_unlock(&v->mutex);
    loop_post(v->loop, &v->job); /* to be joined */
    return NULL;
}
