/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * keymap.h: from keysyms (X11's numbers, as VNC and text use them) to keys of a PC keyboard with a given layout.
 * Layouts come from libxkbcommon and the xkb-data package; what dead keys make of others from libX11's data.
 */
#ifndef DOMUS_HOST_DISPLAY_KEYMAP_H
#define DOMUS_HOST_DISPLAY_KEYMAP_H

#include "base/types.h"

struct keymap;
struct display;
struct loop;

enum keymap_mods { KEYMAP_SHIFT = 1, KEYMAP_ALTGR = 2 };

/* name as in xl.cfg's keymap= ("en-us", "de", "fr", "cz", ...; NULL: en-us). NULL with *why (malloc'd) if unknown. */
struct keymap *keymap_create(const char *name, char **why);
void keymap_destroy(struct keymap *k); /* NULL is fine */

/* A key, as display_key() takes it, and what must be held with it. */
struct key_stroke {
    uint16_t scancode;
    unsigned mods;
};

/* What gives this keysym, one after the other: a key (1), or a dead key and another (2). 0: nothing on this layout. */
#define KEYMAP_STROKES_MAX 2
unsigned keymap_lookup(const struct keymap *k, uint32_t keysym, struct key_stroke strokes[KEYMAP_STROKES_MAX]);

struct key_step {
    uint16_t scancode;
    bool down;
};

struct key_steps {
    struct key_step *step; /* malloc'd */
    size_t count;
};

/*
 * One argument of `xl send-keys`: a key by name ("ret", "f12", "kp_enter"), keys held together ("ctrl-alt-delete"), or
 * else text to type ("text:ret" types even what is a name). Appends to *steps; 0, or -errno with *why (malloc'd).
 */
int keymap_send_keys(const struct keymap *k, const char *argument, struct key_steps *steps, char **why);

/*
 * A viewer's cut text (RFB's is ISO 8859-1) to type: lines end with Return. Other control characters, and those on no
 * key, are left out and counted in *skipped. Appends to *steps; 0 or -ENOMEM.
 */
int keymap_type_latin1(const struct keymap *k, const uint8_t *text, size_t bytes, struct key_steps *steps,
                       size_t *skipped);

/* Presses keys one after the other, at a pace that a keyboard controller's small buffer and a slow guest can follow. */
struct typist;
struct typist *typist_create(struct loop *loop, struct display *display);
void typist_destroy(struct typist *t);                            /* releases what it holds down; NULL is fine */
int typist_type(struct typist *t, const struct key_steps *steps); /* queued behind what is still going; 0 or -ENOMEM */
bool typist_busy(const struct typist *t);

#endif
