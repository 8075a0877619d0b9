/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * window.c: the machine's side of its window: starts the window's process, copies what changed where it can see it, and
 * hands its keys and pointer to the display. Knows nothing of X, OpenGL or SDL.
 */
#include "host/display/window.h"

#include "base/log.h"
#include "host/display/window_link.h"
#include "machine/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define REFRESH_NS 33000000u
#define OPEN_MS    10000
#define END_MS     1000
#define HELD_MAX   16

extern char **environ;

struct window {
    struct loop *loop;       /* borrowed */
    struct display *display; /* borrowed */
    void (*closed)(void *opaque);
    void *opaque;
    char *name;
    pid_t pid;       /* 0: none */
    int link;        /* -1: the window's process has gone */
    uint32_t *frame; /* the shared picture */
    struct loop_fd *fd;
    struct timer timer;
    int viewer; /* display_add_viewer's handle, -1: none */
    struct window_update update;
    bool changed;            /* update has something that the window has not been told */
    bool ready, shown;       /* may be told; can be seen */
    uint16_t held[HELD_MAX]; /* keys that are down: a window that goes away must not leave them so */
    unsigned held_count;
};

static void on_damaged(void *opaque, struct display_rect r)
{
    struct window *w = opaque;
    struct window_update *u = &w->update;
    int width, height, stride;
    const uint32_t *from = display_pixels(w->display, &width, &height, &stride);

    for (int y = r.y; y < r.y + r.height; y++)
        memcpy(w->frame + (size_t)y * (size_t)width + r.x, from + (size_t)y * (size_t)stride + r.x,
               (size_t)r.width * sizeof *from);
    if (u->rects < WINDOW_RECTS_MAX)
        u->rect[u->rects++] = r;
    else /* it does not keep up: coarser */
        u->rect[WINDOW_RECTS_MAX - 1] = display_rect_union(u->rect[WINDOW_RECTS_MAX - 1], r);
    w->changed = true;
}

static void on_resized(void *opaque, int width, int height)
{
    struct window *w = opaque;

    w->update.width = width;
    w->update.height = height;
    w->update.rects = 0;
    on_damaged(w, (struct display_rect){0, 0, width, height});
}

static void update_send(struct window *w)
{
    bool absolute = display_pointer_is_absolute(w->display);

    if (!w->ready || (!w->changed && w->update.absolute == absolute))
        return;
    w->update.absolute = absolute;
    if (send(w->link, &w->update, sizeof w->update, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
        return; /* the end of it is heard of from the loop */
    w->update.rects = 0;
    w->changed = w->ready = false;
}

static void on_timer(void *opaque)
{
    struct window *w = opaque;

    display_refresh(w->display, false);
    update_send(w);
    if (w->shown)
        timer_set(&w->timer, loop_now_ns(w->loop) + REFRESH_NS);
}

static void key(struct window *w, uint16_t scancode, bool down)
{
    unsigned i = 0;

    while (i < w->held_count && w->held[i] != scancode)
        i++;
    if (down && i == w->held_count && i < HELD_MAX)
        w->held[w->held_count++] = scancode;
    else if (!down && i < w->held_count)
        w->held[i] = w->held[--w->held_count];
    display_key(w->display, scancode, down);
}

/* Waits for the process to end by itself, which it does when the link is closed; or ends it. */
static void reap(pid_t pid)
{
    const struct timespec pause = {0, 5000000};

    for (int ms = 0; ms < END_MS; ms += 5) {
        if (waitpid(pid, NULL, WNOHANG) != 0)
            return;
        nanosleep(&pause, NULL);
    }
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

/* Everything of the window but struct window itself. */
static void detach(struct window *w)
{
    timer_cancel(&w->timer);
    if (w->viewer >= 0)
        display_remove_viewer(w->display, w->viewer);
    w->viewer = -1;
    loop_remove_fd(w->fd);
    w->fd = NULL;
    while (w->held_count)
        key(w, w->held[0], false);
    if (w->link >= 0)
        close(w->link);
    w->link = -1;
    if (w->pid > 0)
        reap(w->pid);
    w->pid = 0;
    if (w->frame)
        munmap(w->frame, WINDOW_FRAME_BYTES);
    w->frame = NULL;
}

static void handle(struct window *w, const struct window_event *e)
{
    switch (e->kind) {
    case WINDOW_READY:
        w->ready = true;
        update_send(w);
        break;
    case WINDOW_SHOWN:
        w->shown = e->down;
        if (w->shown && !timer_armed(&w->timer))
            on_timer(w);
        break;
    case WINDOW_KEY: key(w, e->code, e->down); break;
    case WINDOW_TO: display_pointer(w->display, e->x, e->y, e->wheel, e->buttons); break;
    case WINDOW_BY: display_pointer_move(w->display, e->x, e->y, e->wheel, e->buttons); break;
    case WINDOW_CLOSED:
        log_info("the window was closed");
        if (w->closed)
            w->closed(w->opaque);
        break;
    case WINDOW_OPENED:
    case WINDOW_FAILED: break;
    }
}

static void on_readable(void *opaque, uint32_t events)
{
    struct window *w = opaque;
    struct window_event e;

    for (;;) {
        ssize_t n = recv(w->link, &e, sizeof e, MSG_DONTWAIT);
        if (n == sizeof e) {
            handle(w, &e);
        } else if (n >= 0 || (errno != EAGAIN && errno != EINTR)) {
            log_warning("%s: its window has ended (the X server, or its connection to it?); the guest runs on without",
                        w->name);
            detach(w);
            return;
        } else if (errno == EAGAIN) {
            return;
        }
    }
}

/* Beside the running program, or where a build or an installation has it. */
static bool find_program(char *path, size_t size)
{
    static const char *const places[] = {"domus-window", "../libexec/domus-window", "../../domus-window",
                                         "../../../domus-window"};
    char self[4096];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

    if (n <= 0)
        return false;
    self[n] = '\0';
    *strrchr(self, '/') = '\0';
    for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
        int r = snprintf(path, size, "%s/%s", self, places[i]);
        if (r > 0 && (size_t)r < size && access(path, X_OK) == 0)
            return true;
    }
    return false;
}

/* Our environment but DISPLAY and XAUTHORITY where the configuration has its own; malloc'd, as those two are. NULL: no
 * memory. */
static char **environment_create(const struct window_options *o, char *own[2])
{
    const char *const names[2] = {"DISPLAY", "XAUTHORITY"}, *const values[2] = {o->x_display, o->xauthority};
    size_t n = 0, all = 0;
    char **environment;

    while (environ[all])
        all++;
    environment = calloc(all + 3, sizeof *environment);
    for (size_t i = 0; environment && i < all; i++)
        environment[n++] = environ[i];
    for (size_t i = 0; environment && i < 2; i++) {
        size_t at = 0, len = strlen(names[i]);
        if (!values[i] || !*values[i])
            continue;
        if (asprintf(&own[i], "%s=%s", names[i], values[i]) < 0) {
            own[i] = NULL;
            free(environment);
            return NULL;
        }
        while (at < n && (strncmp(environment[at], names[i], len) != 0 || environment[at][len] != '='))
            at++;
        environment[at] = own[i];
        n = at == n ? n + 1 : n;
    }
    return environment;
}

/* 0 with w->pid, or an errno. Takes no descriptor. */
static int spawn(struct window *w, const char *path, const struct window_options *o, int link, int frame)
{
    /* Above what they become there: dup2() onto itself would leave a descriptor close-on-exec. */
    const int high[2] = {fcntl(link, F_DUPFD_CLOEXEC, 10), fcntl(frame, F_DUPFD_CLOEXEC, 10)};
    char *own[2] = {NULL, NULL}, **environment = environment_create(o, own), width[16], height[16];
    char *const argv[] = {(char *)(uintptr_t) "domus-window",
                          w->name,
                          (char *)(uintptr_t)(o->opengl ? "opengl" : "software"),
                          (char *)(uintptr_t)(o->x_display && *o->x_display ? "x11" : "any"),
                          width,
                          height,
                          NULL};
    posix_spawn_file_actions_t actions;
    int r;

    snprintf(width, sizeof width, "%d", w->update.width);
    snprintf(height, sizeof height, "%d", w->update.height);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, high[0], WINDOW_FD_LINK);
    posix_spawn_file_actions_adddup2(&actions, high[1], WINDOW_FD_FRAME);
    r = high[0] < 0 || high[1] < 0 ? EMFILE
        : environment              ? posix_spawn(&w->pid, path, &actions, NULL, argv, environment)
                                   : ENOMEM;
    posix_spawn_file_actions_destroy(&actions);
    for (int i = 0; i < 2; i++) {
        if (high[i] >= 0)
            close(high[i]);
        free(own[i]);
    }
    free(environment);
    if (r)
        w->pid = 0;
    return r;
}

static int start(struct window *w, const struct window_options *o, char **text)
{
    int pair[2] = {-1, -1}, frame = memfd_create("domus-window", MFD_CLOEXEC), rc = -ENOMEM;
    const char *path = o->program;
    char found[4200];

    if (!path) {
        if (!find_program(found, sizeof found)) {
            if (asprintf(text, "domus-window, the window's program, is not beside domus-domain: install domus anew") <
                0)
                *text = NULL;
            rc = -ENOENT;
            goto out;
        }
        path = found;
    }
    if (frame < 0 || ftruncate(frame, (off_t)WINDOW_FRAME_BYTES) ||
        socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
        goto out;
    w->frame = mmap(NULL, WINDOW_FRAME_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, frame, 0);
    if (w->frame == MAP_FAILED) {
        w->frame = NULL;
        goto out;
    }
    rc = -spawn(w, path, o, pair[1], frame);
    if (rc) {
        if (asprintf(text, "%s, the window's program, does not start: %s", path, strerror(-rc)) < 0)
            *text = NULL;
        goto out;
    }
    w->link = pair[0];
    pair[0] = -1;
out:
    if (frame >= 0)
        close(frame);
    if (pair[0] >= 0)
        close(pair[0]);
    if (pair[1] >= 0)
        close(pair[1]);
    return rc;
}

/* The process's first word. */
static int await_opened(struct window *w, char **text)
{
    struct pollfd p = {.fd = w->link, .events = POLLIN};
    struct window_event e = {.kind = WINDOW_FAILED};
    int r;

    do
        r = poll(&p, 1, OPEN_MS);
    while (r < 0 && errno == EINTR);
    if (r == 0) {
        *text = strdup("no window: the X server does not answer");
        return -ETIMEDOUT;
    }
    if (r < 0 || recv(w->link, &e, sizeof e, MSG_DONTWAIT) != sizeof e)
        snprintf(e.text, sizeof e.text, "no window: its program ended at once; the domain's log may say why");
    e.text[sizeof e.text - 1] = '\0';
    if (e.text[0])
        *text = strdup(e.text);
    return e.kind == WINDOW_OPENED ? 0 : -ENODEV;
}

int window_open(struct window **out, struct loop *loop, struct display *display, const struct window_options *o,
                char **text)
{
    struct window *w = calloc(1, sizeof *w);
    struct display_viewer viewer = {.resized = on_resized, .damaged = on_damaged, .opaque = w};
    int rc, stride;

    *out = NULL;
    *text = NULL;
    if (!w)
        return -ENOMEM;
    w->loop = loop;
    w->display = display;
    w->closed = o->closed;
    w->opaque = o->opaque;
    w->link = w->viewer = -1;
    w->ready = true;
    timer_init(&w->timer, loop, on_timer, w);
    w->name = strdup(o->name ? o->name : "domus");
    display_pixels(display, &w->update.width, &w->update.height, &stride);
    rc = w->name ? start(w, o, text) : -ENOMEM;
    if (!rc)
        rc = await_opened(w, text);
    if (rc)
        goto fail;
    rc = -ENOMEM;
    w->fd = loop_add_fd(loop, w->link, EPOLLIN, on_readable, w);
    w->viewer = display_add_viewer(display, &viewer);
    if (!w->fd || w->viewer < 0)
        goto fail;
    on_resized(w, w->update.width, w->update.height);
    update_send(w);
    *out = w;
    return 0;
fail:
    window_close(w);
    return rc;
}

void window_close(struct window *w)
{
    if (!w)
        return;
    detach(w);
    free(w->name);
    free(w);
}
