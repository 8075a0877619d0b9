/* SPDX-License-Identifier: GPL-2.0-or-later */
/* keys.h: names of keys and characters of a US keyboard as set 1 scan codes. Pure. */
#ifndef DOMUS_XL_KEYS_H
#define DOMUS_XL_KEYS_H

#include "base/types.h"

#define KEYS_HELD 8 /* keys of one chord */

struct keys_chord {
    uint16_t codes[KEYS_HELD]; /* in the order they go down */
    size_t count;
};

/* "a", "F12", "ctrl-alt-delete", "0x1c"; false: not a key. */
bool keys_from_name(const char *name, struct keys_chord *chord);
/* A character of the US layout, with shift where it needs it; false: no key types it. */
bool keys_from_char(char c, struct keys_chord *chord);

#endif
