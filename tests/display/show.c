/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * show.c: a display without a guest for the scripts beside it: shows a known picture over VNC and web, and in a window,
 * prints every key and pointer event it gets, changes size or picture on a line from standard input.
 *
 *   show LISTEN DISPLAY UNUSED PASSWORD KEYMAP [tablet] [paste] [window [opengl] [display=X] [xauthority=FILE]]
 *
 * prints what window_open() has to say, "port N url U", then events; see command()
 */
#include "host/display/display.h"
#include "host/display/keymap.h"
#include "host/display/vnc.h"
#include "host/display/window.h"
#include "machine/loop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

struct show {
    struct loop *loop;
    struct display *display;
    struct keymap *keymap;
    struct typist *typist;
    struct window *window;
    int width, height;
    uint32_t shade;
    bool changed;
};

/* Every pixel says where it is: red grows to the right, green downwards, blue is the shade. */
static uint32_t pixel(const struct show *s, int x, int y)
{
    return (uint32_t)(x * 255 / (s->width - 1)) << 16 | (uint32_t)(y * 255 / (s->height - 1)) << 8 | s->shade;
}

static void refresh(void *opaque, bool everything)
{
    struct show *s = opaque;
    int width, height, stride;
    uint32_t *p = display_pixels(s->display, &width, &height, &stride);

    if (!s->changed && !everything)
        return;
    s->changed = false;
    if (width != s->width || height != s->height) {
        display_resize(s->display, s->width, s->height);
        p = display_pixels(s->display, &width, &height, &stride);
    }
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            p[y * stride + x] = pixel(s, x, y);
    display_damage(s->display, (struct display_rect){0, 0, width, height});
}

static void on_key(void *opaque, uint16_t scancode, bool down)
{
    printf("key %04x %s\n", scancode, down ? "down" : "up");
    fflush(stdout);
}

static void on_relative(void *opaque, int dx, int dy, int wheel, unsigned buttons)
{
    printf("relative %d %d wheel %d buttons %u\n", dx, dy, wheel, buttons);
    fflush(stdout);
}

static void on_absolute(void *opaque, int x, int y, int wheel, unsigned buttons)
{
    printf("absolute %d %d wheel %d buttons %u\n", x, y, wheel, buttons);
    fflush(stdout);
}

static void on_power(void *opaque, enum vnc_power what)
{
    printf("power %s\n", what == VNC_POWER_RESET ? "reset" : "button");
    fflush(stdout);
}

static void on_closed(void *opaque)
{
    printf("window closed\n");
    fflush(stdout);
}

static void open_window(struct show *s, int words, char **word)
{
    struct window_options o = {.name = "show", .closed = on_closed};
    char *text;
    bool wanted = false;
    int rc;

    for (int i = 0; i < words; i++) {
        wanted = wanted || !strcmp(word[i], "window");
        o.opengl = o.opengl || !strcmp(word[i], "opengl");
        if (!strncmp(word[i], "display=", 8))
            o.x_display = word[i] + 8;
        if (!strncmp(word[i], "xauthority=", 11))
            o.xauthority = word[i] + 11;
    }
    if (!wanted)
        return;
    rc = window_open(&s->window, s->loop, s->display, &o, &text);
    printf("window %d: %s\n", rc, text ? text : "");
    free(text);
}

/* "tablet" and "mouse" change what the guest has, "size W H", "shade N", "shot FILE", "type ARGUMENT"; the end of input
 * ends all. */
static void command(void *opaque, uint32_t events)
{
    static const struct display_input tablet = {.pointer_absolute = on_absolute};
    static int handle = -1;
    struct show *s = opaque;
    char line[512], file[256];
    ssize_t n = read(STDIN_FILENO, line, sizeof line - 1);

    if (n <= 0) {
        loop_stop(s->loop);
        return;
    }
    line[n] = '\0';
    line[strcspn(line, "\n")] = '\0';
    s->changed |= sscanf(line, "size %d %d", &s->width, &s->height) == 2;
    s->changed |= sscanf(line, "shade %u", &s->shade) == 1;
    if (!strcmp(line, "tablet"))
        handle = display_add_input(s->display, &tablet);
    else if (!strcmp(line, "mouse"))
        display_remove_input(s->display, handle);
    if (sscanf(line, "shot %255s", file) == 1)
        printf("shot %d\n", display_screenshot(s->display, file));
    if (strncmp(line, "type ", 5) == 0) {
        struct key_steps steps = {0};
        char *why;
        int rc = keymap_send_keys(s->keymap, line + 5, &steps, &why);
        printf("type %d %s\n", rc, rc && why ? why : "");
        if (rc == 0)
            typist_type(s->typist, &steps);
        free(steps.step);
        free(why);
    }
    fflush(stdout);
}

int main(int argc, char **argv)
{
    struct show s = {.width = 640, .height = 400, .shade = 0x40, .changed = true};
    struct display_input input = {.key = on_key, .pointer_relative = on_relative};
    struct vnc *vnc;
    char *why = NULL;
    bool paste = false;

    if (argc < 6)
        return 2;
    for (int i = 6; i < argc; i++) {
        if (!strcmp(argv[i], "tablet"))
            input.pointer_absolute = on_absolute;
        paste = paste || !strcmp(argv[i], "paste");
    }
    struct vnc_options o = {.listen = argv[1],
                            .display = (unsigned)atoi(argv[2]),
                            .find_unused = atoi(argv[3]),
                            .password = argv[4],
                            .keymap = argv[5],
                            .name = "show",
                            .paste = paste,
                            .power = on_power};
    s.loop = loop_create();
    s.display = display_create();
    display_set_source(s.display, &(struct display_source){.refresh = refresh, .opaque = &s});
    display_add_input(s.display, &input);
    if (vnc_open(&vnc, s.loop, s.display, &o, &why)) {
        fprintf(stderr, "%s\n", why ? why : "out of memory");
        return 1;
    }
    open_window(&s, argc - 6, argv + 6);
    s.keymap = keymap_create(argv[5], &why);
    s.typist = typist_create(s.loop, s.display);
    loop_add_fd(s.loop, STDIN_FILENO, EPOLLIN, command, &s);
    printf("port %u url %s\n", vnc_port(vnc), vnc_web_url(vnc) ? vnc_web_url(vnc) : "none");
    fflush(stdout);
    loop_run(s.loop);
    window_close(s.window);
    vnc_close(vnc);
    typist_destroy(s.typist);
    keymap_destroy(s.keymap);
    display_destroy(s.display);
    loop_destroy(s.loop);
    return 0;
}
