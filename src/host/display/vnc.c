/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vnc.c: the VNC server's part in the domain's loop: accepts, refreshes the display while somebody looks, hands damage
 * to the connections' threads and their input to the display. The threads' side is vnc_connection.c; why there are
 * threads is said in vnc_private.h.
 */
#include "host/display/vnc_private.h"

#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define REFRESH_NS  33000000u
#define FRAME_BYTES ((size_t)VNC_SIZE_MAX * VNC_SIZE_MAX * sizeof(uint32_t))
#define WEB_ROOT    "/usr/share/novnc"
#define WEB_CLIENT  "/core/rfb.js"
#define STACK_BYTES (512u << 10)

static void wake(struct vnc_connection *c)
{
    uint64_t one = 1;
    if (write(c->wake, &one, sizeof one) < 0)
        log_debug("vnc: %s", strerror(errno)); /* full: it is awake */
}

/* Copies a rectangle of the surface, whose geometry is v's, into the frame. */
static void frame_copy(struct vnc *v, struct display_rect r)
{
    int width, height, stride;
    const uint32_t *from = display_pixels(v->display, &width, &height, &stride);

    if (width != v->width || height != v->height)
        return;
    for (int y = r.y; y < r.y + r.height; y++)
        memcpy(v->frame + (size_t)y * (size_t)v->width + r.x, from + (size_t)y * (size_t)stride + r.x,
               (size_t)r.width * sizeof *from);
}

static void on_damaged(void *opaque, struct display_rect r)
{
    struct vnc *v = opaque;

    frame_copy(v, r);
    pthread_mutex_lock(&v->mutex);
    for (unsigned i = 0; i < VNC_CONNECTIONS_MAX; i++) {
        struct vnc_connection *c = &v->connections[i];
        if (!c->used || !c->viewing)
            continue;
        if (c->rect_count < VNC_RECTS_MAX)
            c->rects[c->rect_count++] = r;
        else /* it does not keep up: coarser */
            c->rects[VNC_RECTS_MAX - 1] = display_rect_union(c->rects[VNC_RECTS_MAX - 1], r);
        wake(c);
    }
    pthread_mutex_unlock(&v->mutex);
}

static void on_resized(void *opaque, int width, int height)
{
    struct vnc *v = opaque;

    pthread_mutex_lock(&v->mutex);
    v->width = width;
    v->height = height;
    for (unsigned i = 0; i < VNC_CONNECTIONS_MAX; i++) {
        struct vnc_connection *c = &v->connections[i];
        if (!c->used || !c->viewing)
            continue;
        c->resized = true;
        c->rect_count = 0;
        wake(c);
    }
    pthread_mutex_unlock(&v->mutex);
    frame_copy(v, (struct display_rect){0, 0, width, height});
}

static void refresh(struct vnc *v)
{
    display_refresh(v->display, false);
    if (vnc_viewers(v))
        timer_set(&v->timer, loop_now_ns(v->loop) + REFRESH_NS);
}

static void on_timer(void *opaque)
{
    refresh(opaque);
}

/* Frees what ended threads leave. */
static void join_finished(struct vnc *v)
{
    for (unsigned i = 0; i < VNC_CONNECTIONS_MAX; i++) {
        struct vnc_connection *c = &v->connections[i];
        pthread_mutex_lock(&v->mutex);
        bool over = c->used && c->finished;
        pthread_mutex_unlock(&v->mutex);
        if (!over)
            continue;
        pthread_join(c->thread, NULL);
        pthread_mutex_lock(&v->mutex);
        close(c->wake);
        close(c->control);
        c->used = false;
        pthread_mutex_unlock(&v->mutex);
    }
}

static void vnc_free(struct vnc *v)
{
    for (unsigned i = 0; i < VNC_VIEWERS_MAX; i++)
        if (v->screens[i])
            rfbScreenCleanup(v->screens[i]);
    if (v->frame)
        munmap(v->frame, FRAME_BYTES);
    keymap_destroy(v->keymap);
    free(v->address);
    free(v->name);
    free(v->web_root);
    free(v->url);
    free(v->password);
    pthread_mutex_destroy(&v->mutex);
    pthread_mutex_destroy(&v->handshake);
    free(v);
}

/* Something came from the threads: input, a new viewer, an end. */
static void on_job(struct loop_job *job)
{
    struct vnc *v = container_of(job, struct vnc, job);
    struct vnc_event events[VNC_EVENTS_MAX];
    uint8_t cut[VNC_CUT_MAX];

    if (v->closing) {
        vnc_free(v);
        return;
    }
    pthread_mutex_lock(&v->mutex);
    unsigned n = v->event_count;
    bool new_viewer = v->new_viewer;
    memcpy(events, v->events, n * sizeof *events);
    v->event_count = 0;
    v->new_viewer = false;
    size_t cut_bytes = v->cut_bytes;
    memcpy(cut, v->cut, cut_bytes);
    v->cut_bytes = 0;
    pthread_mutex_unlock(&v->mutex);
    for (unsigned i = 0; i < n; i++)
        vnc_input(v, &events[i]);
    if (cut_bytes)
        vnc_type(v, cut, cut_bytes);
    if (new_viewer && !timer_armed(&v->timer))
        refresh(v);
    join_finished(v);
}

static struct vnc_connection *connection_free(struct vnc *v)
{
    for (unsigned i = 0; i < VNC_CONNECTIONS_MAX; i++)
        if (!v->connections[i].used)
            return &v->connections[i];
    return NULL;
}

/* Takes sock, or closes it. */
static void connection_start(struct vnc *v, int sock)
{
    struct vnc_connection *c = connection_free(v);
    pthread_attr_t attr;
    int r;

    if (!c) {
        close(sock);
        return;
    }
    *c = (struct vnc_connection){.v = v, .sock = sock};
    c->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    c->control = fcntl(sock, F_DUPFD_CLOEXEC, 0);
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK_BYTES);
    r = c->wake < 0 || c->control < 0 ? EMFILE : pthread_create(&c->thread, &attr, vnc_connection_run, c);
    pthread_attr_destroy(&attr);
    if (r == 0) {
        pthread_mutex_lock(&v->mutex);
        c->used = true;
        pthread_mutex_unlock(&v->mutex);
        return;
    }
    log_warning("vnc: no resources for another connection: %s", strerror(r));
    close(sock);
    if (c->wake >= 0)
        close(c->wake);
    if (c->control >= 0)
        close(c->control);
}

static void on_connect(void *opaque, uint32_t events)
{
    struct vnc *v = opaque;

    join_finished(v);
    for (unsigned i = 0; i < v->listeners; i++) {
        int sock = accept4(v->listener[i], NULL, NULL, SOCK_CLOEXEC);
        if (sock >= 0)
            connection_start(v, sock);
    }
}

/* The address a browser on this host, or for a wildcard on another one, can use. */
static char *web_url(const struct vnc *v)
{
    char host[256] = "localhost", *url = NULL;
    bool any = !*v->address || strcmp(v->address, "0.0.0.0") == 0 || strcmp(v->address, "::") == 0;
    const char *name = v->address;

    if (any) {
        if (gethostname(host, sizeof host - 1))
            snprintf(host, sizeof host, "localhost");
        name = host;
    }
    if (asprintf(&url, strchr(name, ':') ? "http://[%s]:%u/" : "http://%s:%u/", name, v->port) < 0)
        return NULL;
    return url;
}

static bool web_client_present(const char *root)
{
    char path[1024];
    return (size_t)snprintf(path, sizeof path, "%s%s", root, WEB_CLIENT) < sizeof path && access(path, R_OK) == 0;
}

static bool vnc_prepare(struct vnc *v, const struct vnc_options *o)
{
    int width, height, stride;

    v->name = strdup(o->name ? o->name : "domus");
    v->web_root = strdup(o->web_root ? o->web_root : WEB_ROOT);
    v->password = o->password && *o->password ? strdup(o->password) : NULL;
    v->passwords[0] = v->password;
    v->frame = mmap(NULL, FRAME_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (v->frame == MAP_FAILED)
        v->frame = NULL;
    if (!v->name || !v->web_root || !v->frame || (o->password && *o->password && !v->password))
        return false;
    display_pixels(v->display, &width, &height, &stride);
    v->width = width;
    v->height = height;
    vnc_extension_register();
    for (unsigned i = 0; i < VNC_VIEWERS_MAX; i++)
        if (!(v->screens[i] = vnc_screen_create(v)))
            return false;
    return true;
}

static bool vnc_attach(struct vnc *v)
{
    struct display_viewer viewer = {.resized = on_resized, .damaged = on_damaged, .opaque = v};

    for (unsigned i = 0; i < v->listeners; i++) {
        v->listener_fd[i] = loop_add_fd(v->loop, v->listener[i], EPOLLIN, on_connect, v);
        if (!v->listener_fd[i])
            return false;
    }
    v->viewer = display_add_viewer(v->display, &viewer);
    frame_copy(v, (struct display_rect){0, 0, v->width, v->height});
    return v->viewer >= 0;
}

int vnc_open(struct vnc **out, struct loop *loop, struct display *display, const struct vnc_options *o, char **why)
{
    struct vnc *v = calloc(1, sizeof *v);
    int rc = -ENOMEM;

    *out = NULL;
    *why = NULL;
    if (!v)
        return -ENOMEM;
    v->loop = loop;
    v->display = display;
    v->power = o->power;
    v->paste = o->paste;
    v->opaque = o->opaque;
    v->viewer = -1;
    v->job.run = on_job;
    pthread_mutex_init(&v->mutex, NULL);
    pthread_mutex_init(&v->handshake, NULL);
    timer_init(&v->timer, loop, on_timer, v);
    list_init(&v->job.link);
    v->keymap = keymap_create(o->keymap, why);
    if (!v->keymap) {
        rc = *why ? -EINVAL : -ENOMEM;
        goto fail;
    }
    v->typist = typist_create(loop, display);
    if (!v->typist)
        goto fail;
    rc = vnc_listen(v, o, why);
    if (rc)
        goto fail;
    rc = -ENOMEM;
    if (!vnc_prepare(v, o) || !vnc_attach(v))
        goto fail;
    if (web_client_present(v->web_root))
        v->url = web_url(v);
    *out = v;
    return 0;
fail:
    vnc_close(v);
    return rc;
}

void vnc_close(struct vnc *v)
{
    if (!v)
        return;
    timer_cancel(&v->timer);
    typist_destroy(v->typist);
    v->typist = NULL;
    display_remove_viewer(v->display, v->viewer);
    for (unsigned i = 0; i < v->listeners; i++) {
        loop_remove_fd(v->listener_fd[i]);
        close(v->listener[i]);
    }
    for (unsigned i = 0; i < VNC_CONNECTIONS_MAX; i++) {
        struct vnc_connection *c = &v->connections[i];
        if (!c->used)
            continue;
        shutdown(c->control, SHUT_RDWR); /* also ends a write that the client does not take */
        wake(c);
        pthread_join(c->thread, NULL);
        close(c->wake);
        close(c->control);
    }
    v->closing = true;
    if (!v->job.queued)
        vnc_free(v); /* else the job does */
}

const char *vnc_address(const struct vnc *v)
{
    return v->address;
}

unsigned vnc_port(const struct vnc *v)
{
    return v->port;
}

const char *vnc_web_url(const struct vnc *v)
{
    return v->url;
}

unsigned vnc_viewers(struct vnc *v)
{
    pthread_mutex_lock(&v->mutex);
    unsigned n = v->viewing;
    pthread_mutex_unlock(&v->mutex);
    return n;
}
