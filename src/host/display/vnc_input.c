/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vnc_input.c: a client's keys and pointer to the display. A keysym becomes the key that has it on the guest's layout;
 * where the client's keyboard needs other modifiers for it than the guest's, they change for the moment of the press.
 */
#include "host/display/vnc_private.h"

#include "base/log.h"

#include <stdlib.h>
#include <xkbcommon/xkbcommon.h>

enum { SC_SHIFT_L = 0x2a, SC_SHIFT_R = 0x36, SC_ALT_R = 0xe038 };

static void key(struct vnc *v, uint16_t scancode, bool down)
{
    unsigned mod = scancode == SC_SHIFT_L || scancode == SC_SHIFT_R ? KEYMAP_SHIFT
                   : scancode == SC_ALT_R                           ? KEYMAP_ALTGR
                                                                    : 0;

    v->held_mods = down ? v->held_mods | mod : v->held_mods & ~mod;
    display_key(v->display, scancode, down);
}

/* ... or makes one, as dead keys do. */
static bool has_character(uint32_t keysym)
{
    return (keysym >= 0x20 && keysym < 0xfe00) || (keysym >= XKB_KEY_dead_grave && keysym < 0xfea0) ||
           keysym > 0x1000000;
}

static void set_mods(struct vnc *v, unsigned from, unsigned to)
{
    if ((from ^ to) & KEYMAP_SHIFT)
        display_key(v->display, SC_SHIFT_L, to & KEYMAP_SHIFT);
    if ((from ^ to) & KEYMAP_ALTGR)
        display_key(v->display, SC_ALT_R, to & KEYMAP_ALTGR);
}

static void keysym_event(struct vnc *v, uint32_t keysym, bool down)
{
    struct key_stroke strokes[KEYMAP_STROKES_MAX], *last;
    unsigned n = keymap_lookup(v->keymap, keysym, strokes), held = v->held_mods;

    if (n == 0)
        return;
    last = &strokes[n - 1];
    if (!down || !has_character(keysym)) {
        key(v, last->scancode, down);
        return;
    }
    /* a letter's case may come from Caps Lock, which the guest has followed: its shift is the client's */
    if (xkb_keysym_to_upper(keysym) != xkb_keysym_to_lower(keysym))
        last->mods = (last->mods & ~(unsigned)KEYMAP_SHIFT) | (held & KEYMAP_SHIFT);
    if (n > 1) { /* a dead key first */
        set_mods(v, held, strokes[0].mods);
        key(v, strokes[0].scancode, true);
        key(v, strokes[0].scancode, false);
        set_mods(v, strokes[0].mods, held);
    }
    set_mods(v, held, last->mods);
    key(v, last->scancode, true);
    set_mods(v, last->mods, held);
}

void vnc_input(struct vnc *v, const struct vnc_event *e)
{
    switch (e->kind) {
    case VNC_EVENT_KEYSYM: keysym_event(v, e->code, e->down); break;
    case VNC_EVENT_SCANCODE: key(v, (uint16_t)e->code, e->down); break;
    case VNC_EVENT_POWER: v->power(v->opaque, (enum vnc_power)e->code); break;
    case VNC_EVENT_POINTER: display_pointer(v->display, e->x, e->y, e->wheel, e->buttons); break;
    }
}

void vnc_type(struct vnc *v, const uint8_t *text, size_t bytes)
{
    struct key_steps steps = {0};
    size_t skipped;

    if (typist_busy(v->typist)) {
        log_warning("vnc: cut text is not typed: the last one still is");
        return;
    }
    if (keymap_type_latin1(v->keymap, text, bytes, &steps, &skipped) || typist_type(v->typist, &steps))
        log_warning("vnc: no memory to type cut text");
    else if (skipped)
        log_warning("vnc: %zu characters of cut text are on no key of this keyboard layout (see keymap=)", skipped);
    free(steps.step);
}
