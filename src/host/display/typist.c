/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * typist.c: plays key presses into the display's keyboard by a timer on guest time. A PS/2 keyboard holds 16 bytes of
 * scancodes, and a guest's BIOS 15 keys: typing all at once would lose most of it.
 */
#include "host/display/keymap.h"

#include "host/display/display.h"
#include "machine/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define STEP_NS 20000000u

struct typist {
    struct display *display; /* borrowed */
    struct loop *loop;       /* borrowed */
    struct timer timer;
    struct key_step *queue; /* owned */
    size_t count, next;
};

static void typist_release(struct typist *t)
{
    /* what went down in the played part and not up again */
    for (size_t i = t->next; i-- > 0;) {
        bool up_later = !t->queue[i].down;
        for (size_t j = i + 1; j < t->next; j++)
            up_later |= t->queue[j].scancode == t->queue[i].scancode;
        if (!up_later)
            display_key(t->display, t->queue[i].scancode, false);
    }
}

static void typist_step(void *opaque)
{
    struct typist *t = opaque;
    struct key_step s = t->queue[t->next++];

    display_key(t->display, s.scancode, s.down);
    if (t->next < t->count) {
        timer_set(&t->timer, loop_now_ns(t->loop) + STEP_NS);
        return;
    }
    t->count = t->next = 0;
}

struct typist *typist_create(struct loop *loop, struct display *display)
{
    struct typist *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    t->display = display;
    t->loop = loop;
    timer_init(&t->timer, loop, typist_step, t);
    return t;
}

void typist_destroy(struct typist *t)
{
    if (!t)
        return;
    timer_cancel(&t->timer);
    typist_release(t);
    free(t->queue);
    free(t);
}

int typist_type(struct typist *t, const struct key_steps *steps)
{
    struct key_step *more;

    if (!steps->count)
        return 0;
    more = realloc(t->queue, (t->count + steps->count) * sizeof *more);
    if (!more)
        return -ENOMEM;
    t->queue = more;
    memcpy(t->queue + t->count, steps->step, steps->count * sizeof *more);
    t->count += steps->count;
    if (!timer_armed(&t->timer))
        timer_set(&t->timer, loop_now_ns(t->loop));
    return 0;
}

bool typist_busy(const struct typist *t)
{
    return t->count != 0;
}
