/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * window_program.c: domus-window, the process that shows one machine's display in a window, by SDL2. Started by
 * window.c; it ends when the machine closes its link.
 *
 *   domus-window NAME opengl|software x11|any WIDTH HEIGHT
 *
 * A thread waits for updates and hands each to the main thread as an SDL event; everything else is in the main thread.
 */
#include "host/display/window_link.h"
#include "host/display/window_view.h"

#include <SDL.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define WHEEL_MAX    10  /* clicks of one event */
#define SMALLEST     160 /* pixels wide, that a window is made for: a chip without a mode has less */
#define FIRST_WIDTH  720 /* the window's until there is a mode */
#define FIRST_HEIGHT 400

struct view {
    const char *name;
    const uint32_t *frame; /* the machine's picture; WINDOW_FRAME_BYTES */
    SDL_Window *window;
    SDL_Renderer *renderer;
    SDL_Texture *texture; /* of the picture's size; NULL: none yet, or lost */
    Uint32 update_event;

    int width, height; /* of the picture; 0: none came yet */
    bool dirty;        /* to be drawn */
    bool ready;        /* an update is in the texture: ask for the next once it is drawn */
    bool shown;        /* as the machine was told */
    bool sized;        /* the user chose the window's size */
    bool absolute;     /* the guest takes places */
    bool grabbed, full_screen;
    bool grabbed_before;             /* full screen */
    int width_before, height_before; /* the window's size, until it has that again; 0 */
    bool asked_to_end;

    unsigned buttons;           /* 1 left, 2 middle, 4 right: as the guest knows them */
    struct window_event motion; /* not yet sent; kind WINDOW_READY: none */
    SDL_Scancode swallowed;     /* of a hot key: its release is not the guest's */
};

static void tell(const struct window_event *e)
{
    if (send(WINDOW_FD_LINK, e, sizeof *e, MSG_NOSIGNAL) < 0)
        exit(0); /* the machine has gone */
}

static void tell_text(enum window_event_kind kind, const char *text)
{
    struct window_event e = {.kind = kind};

    snprintf(e.text, sizeof e.text, "%s", text);
    tell(&e);
}

static void motion_flush(struct view *v)
{
    if (v->motion.kind != WINDOW_READY)
        tell(&v->motion);
    v->motion = (struct window_event){.kind = WINDOW_READY};
}

/* After what the pointer did before. */
static void tell_after(struct view *v, const struct window_event *e)
{
    motion_flush(v);
    tell(e);
}

/* Where the picture is, in the window's own units, which the pointer's events use too. */
static struct display_rect place(struct view *v)
{
    int width, height;

    SDL_GetWindowSize(v->window, &width, &height);
    return window_fit(v->width, v->height, width, height);
}

static void title_show(struct view *v)
{
    char title[300];

    snprintf(title, sizeof title, "%s%s%s", v->name, v->asked_to_end ? " - asked to power off" : "",
             v->grabbed ? " - Ctrl-Alt-G releases keyboard and pointer" : "");
    SDL_SetWindowTitle(v->window, title);
}

/* The guest draws its own pointer where it follows ours; ours would only lead it. */
static void cursor_show(struct view *v, int x, int y)
{
    struct display_rect r = place(v);
    bool inside = x >= r.x && x < r.x + r.width && y >= r.y && y < r.y + r.height;

    SDL_ShowCursor(v->absolute && inside ? SDL_DISABLE : SDL_ENABLE);
}

static void pointer_mode(struct view *v)
{
    int x, y;

    SDL_SetRelativeMouseMode(v->grabbed && !v->absolute ? SDL_TRUE : SDL_FALSE);
    SDL_GetMouseState(&x, &y);
    cursor_show(v, x, y);
}

/* Buttons or wheel, where the pointer is. */
static void tell_buttons(struct view *v, int wheel)
{
    struct window_event e = {.kind = v->absolute ? WINDOW_TO : WINDOW_BY, .wheel = wheel, .buttons = v->buttons};

    if (v->absolute) {
        SDL_GetMouseState(&e.x, &e.y);
        window_point(place(v), v->width, v->height, &e.x, &e.y);
    }
    tell_after(v, &e);
}

static void grab(struct view *v, bool on)
{
    if (v->grabbed == on)
        return;
    if (v->buttons && !on) {
        v->buttons = 0;
        tell_buttons(v, 0);
    }
    v->grabbed = on;
    SDL_SetWindowKeyboardGrab(v->window, on ? SDL_TRUE : SDL_FALSE);
    SDL_SetWindowMouseGrab(v->window, on ? SDL_TRUE : SDL_FALSE);
    pointer_mode(v);
    title_show(v);
}

/* What of the desktop a window's inside may take; false: who knows. */
static bool desktop_room(struct view *v, SDL_Rect *room)
{
    int top = 0, left = 0, bottom = 0, right = 0;

    if (SDL_GetDisplayUsableBounds(SDL_GetWindowDisplayIndex(v->window), room) != 0)
        return false;
    SDL_GetWindowBordersSize(v->window, &top, &left, &bottom, &right);
    room->x += left;
    room->y += top;
    room->w -= left + right;
    room->h -= top + bottom;
    return room->w > 0 && room->h > 0;
}

/* The window as large as the picture, or as the desktop lets it be, and not out of the desktop. */
static void size_to_picture(struct view *v)
{
    int width = v->width, height = v->height, x, y;
    SDL_Rect room;
    bool known;

    v->sized = false;
    if (v->full_screen || v->width < SMALLEST)
        return;
    known = desktop_room(v, &room);
    if (known && (width > room.w || height > room.h)) {
        struct display_rect r = window_fit(width, height, room.w, room.h);
        width = r.width;
        height = r.height;
    }
    SDL_SetWindowSize(v->window, width, height);
    SDL_GetWindowPosition(v->window, &x, &y);
    if (known && (x + width > room.x + room.w || y + height > room.y + room.h))
        SDL_SetWindowPosition(v->window, SDL_min(x, room.x + room.w - width), SDL_min(y, room.y + room.h - height));
}

static void full_screen(struct view *v, bool on)
{
    if (on)
        SDL_GetWindowSize(v->window, &v->width_before, &v->height_before);
    if (SDL_SetWindowFullscreen(v->window, on ? SDL_WINDOW_FULLSCREEN_DESKTOP : 0) != 0)
        return;
    v->full_screen = on;
    if (on) {
        v->grabbed_before = v->grabbed;
        grab(v, true);
    } else {
        grab(v, v->grabbed_before);
    }
    v->dirty = true;
}

/* The window was resized by somebody else than us: by the user, or back after full screen. */
static void resized(struct view *v, int width, int height)
{
    if (v->full_screen)
        return;
    if (width != v->width_before || height != v->height_before) {
        v->sized = true;
    } else {
        v->width_before = 0;
        if (!v->sized) /* the picture may be another by now */
            size_to_picture(v);
    }
}

/* A texture with all of the picture; false: none could be had. */
static bool texture_make(struct view *v)
{
    if (v->texture)
        SDL_DestroyTexture(v->texture);
    v->texture =
        SDL_CreateTexture(v->renderer, SDL_PIXELFORMAT_RGB888, SDL_TEXTUREACCESS_STREAMING, v->width, v->height);
    return v->texture && SDL_UpdateTexture(v->texture, NULL, v->frame, v->width * (int)sizeof *v->frame) == 0;
}

static void draw(struct view *v)
{
    struct display_rect r;
    SDL_Rect to;

    v->dirty = false;
    if (!v->texture && !texture_make(v))
        return;
    /* The renderer's pixels, of which a window's unit may have several. */
    if (SDL_GetRendererOutputSize(v->renderer, &to.w, &to.h) != 0)
        return;
    r = window_fit(v->width, v->height, to.w, to.h);
    to = (SDL_Rect){r.x, r.y, r.width, r.height};
    SDL_SetTextureScaleMode(v->texture, r.width % v->width == 0 && r.height % v->height == 0 ? SDL_ScaleModeNearest
                                                                                             : SDL_ScaleModeLinear);
    SDL_SetRenderDrawColor(v->renderer, 0, 0, 0, 255);
    SDL_RenderClear(v->renderer);
    SDL_RenderCopy(v->renderer, v->texture, NULL, &to);
    SDL_RenderPresent(v->renderer);
}

static void update(struct view *v, const struct window_update *u)
{
    if (u->width != v->width || u->height != v->height) {
        v->width = u->width;
        v->height = u->height;
        texture_make(v);
        if (!v->sized)
            size_to_picture(v);
    } else {
        for (unsigned i = 0; i < u->rects && v->texture; i++) {
            SDL_Rect r = {u->rect[i].x, u->rect[i].y, u->rect[i].width, u->rect[i].height};
            SDL_UpdateTexture(v->texture, &r, v->frame + (size_t)r.y * (size_t)v->width + r.x,
                              v->width * (int)sizeof *v->frame);
        }
    }
    if (u->absolute != v->absolute) {
        v->absolute = u->absolute;
        motion_flush(v);
        pointer_mode(v);
    }
    v->dirty = v->ready = true;
}

/* Ctrl-Alt with this letter, on the keyboard's layout; by its place where the layout has no Latin letters. */
static bool hot_key(const SDL_Keysym *k, char letter)
{
    bool here = k->sym == letter || (k->sym > 127 && k->scancode == (SDL_Scancode)(SDL_SCANCODE_A + letter - 'a'));

    return here && (k->mod & KMOD_CTRL) && (k->mod & KMOD_LALT);
}

static void key(struct view *v, const SDL_KeyboardEvent *k)
{
    struct window_event e = {.kind = WINDOW_KEY, .code = window_scancode(k->keysym.scancode)};

    e.down = k->type == SDL_KEYDOWN;
    if (v->swallowed != SDL_SCANCODE_UNKNOWN && k->keysym.scancode == v->swallowed) {
        if (!e.down)
            v->swallowed = SDL_SCANCODE_UNKNOWN;
        return;
    }
    if (e.down && (hot_key(&k->keysym, 'f') || hot_key(&k->keysym, 'g') || hot_key(&k->keysym, 'u'))) {
        v->swallowed = k->keysym.scancode;
        if (hot_key(&k->keysym, 'f'))
            full_screen(v, !v->full_screen);
        else if (hot_key(&k->keysym, 'g'))
            grab(v, !v->grabbed);
        else
            size_to_picture(v);
        return;
    }
    if (e.code)
        tell_after(v, &e);
}

/* The pointer goes to the guest as a place, or as a way while it is grabbed, or not at all. */
static bool pointer_is_guests(const struct view *v)
{
    return v->absolute || v->grabbed;
}

static void motion(struct view *v, const SDL_MouseMotionEvent *m)
{
    int x = m->x, y = m->y;

    if (!pointer_is_guests(v))
        return;
    if (!v->absolute) {
        v->motion.kind = WINDOW_BY;
        v->motion.x += m->xrel;
        v->motion.y += m->yrel;
    } else {
        cursor_show(v, x, y);
        window_point(place(v), v->width, v->height, &x, &y);
        v->motion.kind = WINDOW_TO;
        v->motion.x = x;
        v->motion.y = y;
    }
    v->motion.buttons = v->buttons;
}

static void button(struct view *v, const SDL_MouseButtonEvent *b)
{
    unsigned bit = b->button == SDL_BUTTON_LEFT     ? 1
                   : b->button == SDL_BUTTON_MIDDLE ? 2
                   : b->button == SDL_BUTTON_RIGHT  ? 4
                                                    : 0;
    bool down = b->type == SDL_MOUSEBUTTONDOWN;

    if (!pointer_is_guests(v)) {
        if (down)
            grab(v, true); /* this click is not the guest's */
        return;
    }
    if (!bit || (!down && !(v->buttons & bit)))
        return;
    v->buttons = down ? v->buttons | bit : v->buttons & ~bit;
    tell_buttons(v, 0);
}

static void wheel(struct view *v, const SDL_MouseWheelEvent *w)
{
    int clicks = w->direction == SDL_MOUSEWHEEL_FLIPPED ? -w->y : w->y;

    for (int i = 0; i < abs(clicks) && i < WHEEL_MAX && pointer_is_guests(v); i++)
        tell_buttons(v, clicks > 0 ? 1 : -1);
}

static void shown(struct view *v, bool now)
{
    if (v->shown != now)
        tell_after(v, &(struct window_event){.kind = WINDOW_SHOWN, .down = now});
    v->shown = now;
}

static void window_event(struct view *v, const SDL_WindowEvent *e)
{
    switch (e->event) {
    case SDL_WINDOWEVENT_SHOWN:
    case SDL_WINDOWEVENT_RESTORED:
    case SDL_WINDOWEVENT_MAXIMIZED: shown(v, true); break;
    case SDL_WINDOWEVENT_HIDDEN:
    case SDL_WINDOWEVENT_MINIMIZED: shown(v, false); break;
    case SDL_WINDOWEVENT_RESIZED: resized(v, e->data1, e->data2); break;
    case SDL_WINDOWEVENT_EXPOSED:
        if (!(SDL_GetWindowFlags(v->window) & SDL_WINDOW_MINIMIZED))
            shown(v, true);
        break;
    case SDL_WINDOWEVENT_FOCUS_LOST: /* SDL lets go of all keys */
        if (!v->full_screen)
            grab(v, false);
        break;
    case SDL_WINDOWEVENT_CLOSE:
        v->asked_to_end = true;
        title_show(v);
        tell_after(v, &(struct window_event){.kind = WINDOW_CLOSED});
        break;
    }
    v->dirty = true;
}

static void handle(struct view *v, SDL_Event *e)
{
    if (e->type == v->update_event) {
        if (!e->user.data1)
            exit(0); /* the machine has gone */
        update(v, e->user.data1);
        free(e->user.data1);
        return;
    }
    switch (e->type) {
    case SDL_KEYDOWN:
    case SDL_KEYUP: key(v, &e->key); break;
    case SDL_MOUSEMOTION: motion(v, &e->motion); break;
    case SDL_MOUSEBUTTONDOWN:
    case SDL_MOUSEBUTTONUP: button(v, &e->button); break;
    case SDL_MOUSEWHEEL: wheel(v, &e->wheel); break;
    case SDL_WINDOWEVENT: window_event(v, &e->window); break;
    case SDL_RENDER_TARGETS_RESET:
    case SDL_RENDER_DEVICE_RESET:
        if (v->texture)
            SDL_DestroyTexture(v->texture);
        v->texture = NULL;
        v->dirty = true;
        break;
    }
}

static _Noreturn void run(struct view *v)
{
    SDL_Event e;

    for (;;) {
        if (!SDL_WaitEvent(&e))
            exit(1);
        do
            handle(v, &e);
        while (SDL_PollEvent(&e));
        motion_flush(v);
        if (v->dirty)
            draw(v);
        if (v->ready)
            tell(&(struct window_event){.kind = WINDOW_READY});
        v->ready = false;
    }
}

static void *link_read(void *view)
{
    struct view *v = view;
    const struct timespec pause = {0, 10000000}, patience = {2, 0};

    for (;;) {
        struct window_update *u = calloc(1, sizeof *u);
        SDL_Event e = {.type = v->update_event};
        ssize_t n = u ? recv(WINDOW_FD_LINK, u, sizeof *u, 0) : 0;

        if (n != sizeof *u) {
            free(u);
            SDL_PushEvent(&e);
            nanosleep(&patience, NULL); /* the main thread may hang in an X server that does not answer */
            _exit(0);
        }
        e.user.data1 = u;
        while (SDL_PushEvent(&e) < 0) /* its queue is full */
            nanosleep(&pause, NULL);
    }
}

static _Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
static _Noreturn void fail(const char *format, ...)
{
    char text[WINDOW_TEXT_MAX];
    va_list ap;

    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    tell_text(WINDOW_FAILED, text);
    exit(1);
}

static void hints(void)
{
    SDL_SetHint(SDL_HINT_NO_SIGNAL_HANDLERS, "1");
    SDL_SetHint(SDL_HINT_APP_NAME, "domus");
    SDL_SetHint(SDL_HINT_VIDEO_ALLOW_SCREENSAVER, "1");
    SDL_SetHint(SDL_HINT_VIDEO_X11_NET_WM_BYPASS_COMPOSITOR, "0");
    SDL_SetHint(SDL_HINT_VIDEO_MINIMIZE_ON_FOCUS_LOSS, "0");
    SDL_SetHint(SDL_HINT_MOUSE_FOCUS_CLICKTHROUGH, "1");
    SDL_SetHint(SDL_HINT_MOUSE_RELATIVE_SCALING, "0");
    SDL_SetHint(SDL_HINT_FRAMEBUFFER_ACCELERATION, "0"); /* opengl=0 is without OpenGL */
}

/* X11 or Wayland, and not the console's own framebuffer: a domain that is started there must not take it. */
static void open_video(bool only_x11)
{
    const char *x = getenv("DISPLAY"), *wayland = getenv("WAYLAND_DISPLAY"), *driver = getenv("SDL_VIDEODRIVER");

    x = x && *x ? x : NULL;
    wayland = wayland && *wayland && !only_x11 ? wayland : NULL;
    if (!x && !wayland && !driver)
        fail("no window: no desktop here, DISPLAY is not set: display=\":0\" names an X server, and xauthority= its "
             "key file");
    hints();
    if (only_x11 || !driver)
        SDL_SetHintWithPriority(SDL_HINT_VIDEODRIVER,
                                !wayland ? "x11"
                                : x      ? "x11,wayland"
                                         : "wayland",
                                SDL_HINT_OVERRIDE);
    if (SDL_Init(SDL_INIT_VIDEO) == 0)
        return;
    if (x)
        fail("no window: the X server \"%s\" cannot be reached: is it there, and may this user use it (display=, "
             "xauthority=, xhost)?",
             x);
    fail("no window: the desktop %s%scannot be reached: %s", wayland ? wayland : "", wayland ? " " : "",
         SDL_GetError());
}

/* driver NULL: any. */
static bool open_renderer(struct view *v, const char *driver, Uint32 flags)
{
    SDL_RendererInfo info = {0};

    SDL_SetHint(SDL_HINT_RENDER_DRIVER, driver ? driver : "");
    v->window = SDL_CreateWindow(v->name, SDL_WINDOWPOS_CENTERED, SDL_WINDOWPOS_CENTERED,
                                 v->width < SMALLEST ? FIRST_WIDTH : v->width,
                                 v->width < SMALLEST ? FIRST_HEIGHT : v->height, SDL_WINDOW_RESIZABLE);
    v->renderer = v->window ? SDL_CreateRenderer(v->window, -1, flags) : NULL;
    if (v->renderer && SDL_GetRendererInfo(v->renderer, &info) == 0 && (!driver || strcmp(info.name, driver) == 0))
        return true;
    if (v->renderer)
        SDL_DestroyRenderer(v->renderer);
    if (v->window)
        SDL_DestroyWindow(v->window);
    v->renderer = NULL;
    v->window = NULL;
    return false;
}

static void open_window(struct view *v, bool opengl)
{
    char note[WINDOW_TEXT_MAX] = "";

    if (opengl && !open_renderer(v, "opengl", SDL_RENDERER_ACCELERATED | SDL_RENDERER_PRESENTVSYNC))
        snprintf(note, sizeof note, "opengl=1: no OpenGL here (%s): the window is drawn without", SDL_GetError());
    /* To SDL's mind Wayland's windows are OpenGL's only. */
    if (!v->renderer && !open_renderer(v, "software", SDL_RENDERER_SOFTWARE) && !open_renderer(v, NULL, 0))
        fail("no window: %s", SDL_GetError());
    SDL_StopTextInput(); /* keys are keys: an input method must not make words of them */
    SDL_EventState(SDL_DROPFILE, SDL_IGNORE);
    tell_text(WINDOW_OPENED, note);
}

int main(int argc, char **argv)
{
    struct view v = {.motion.kind = WINDOW_READY};
    pthread_t reader;

    if (argc != 6) {
        fprintf(stderr, "domus-window: started by domus-domain, not by hand\n");
        return 2;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGINT, SIG_IGN); /* a terminal's Ctrl-C is for who started the domain */
    v.name = argv[1];
    v.width = atoi(argv[4]);
    v.height = atoi(argv[5]);
    v.frame = mmap(NULL, WINDOW_FRAME_BYTES, PROT_READ, MAP_SHARED, WINDOW_FD_FRAME, 0);
    if (v.frame == MAP_FAILED)
        fail("no window: its picture cannot be seen: %s", strerror(errno));
    open_video(strcmp(argv[3], "x11") == 0);
    v.update_event = SDL_RegisterEvents(1);
    open_window(&v, strcmp(argv[2], "opengl") == 0);
    if (pthread_create(&reader, NULL, link_read, &v) != 0)
        return 1;
    run(&v);
}
