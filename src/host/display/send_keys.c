/* SPDX-License-Identifier: GPL-2.0-or-later */
/* send_keys.c: names of keys and text to presses and releases. The names are those of QEMU's sendkey, and aliases. */
#include "host/display/keymap.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <xkbcommon/xkbcommon.h>

#define TOGETHER_MAX 8
#define SC_SHIFT     0x2a
#define SC_ALTGR     0xe038

static const struct {
    const char *name;
    uint16_t scancode;
} names[] = {
    {"shift", 0x2a},
    {"shift_r", 0x36},
    {"alt", 0x38},
    {"alt_r", 0xe038},
    {"altgr", 0xe038},
    {"ctrl", 0x1d},
    {"control", 0x1d},
    {"ctrl_r", 0xe01d},
    {"meta_l", 0xe05b},
    {"meta_r", 0xe05c},
    {"win", 0xe05b},
    {"super", 0xe05b},
    {"menu", 0xe05d},
    {"compose", 0xe05d},
    {"esc", 0x01},
    {"escape", 0x01},
    {"minus", 0x0c},
    {"equal", 0x0d},
    {"backspace", 0x0e},
    {"bs", 0x0e},
    {"tab", 0x0f},
    {"bracket_left", 0x1a},
    {"bracket_right", 0x1b},
    {"ret", 0x1c},
    {"return", 0x1c},
    {"enter", 0x1c},
    {"semicolon", 0x27},
    {"apostrophe", 0x28},
    {"grave_accent", 0x29},
    {"backslash", 0x2b},
    {"comma", 0x33},
    {"dot", 0x34},
    {"slash", 0x35},
    {"asterisk", 0x37},
    {"spc", 0x39},
    {"space", 0x39},
    {"caps_lock", 0x3a},
    {"f1", 0x3b},
    {"f2", 0x3c},
    {"f3", 0x3d},
    {"f4", 0x3e},
    {"f5", 0x3f},
    {"f6", 0x40},
    {"f7", 0x41},
    {"f8", 0x42},
    {"f9", 0x43},
    {"f10", 0x44},
    {"f11", 0x57},
    {"f12", 0x58},
    {"num_lock", 0x45},
    {"scroll_lock", 0x46},
    {"kp_divide", 0xe035},
    {"kp_multiply", 0x37},
    {"kp_subtract", 0x4a},
    {"kp_add", 0x4e},
    {"kp_enter", 0xe01c},
    {"kp_decimal", 0x53},
    {"kp_0", 0x52},
    {"kp_1", 0x4f},
    {"kp_2", 0x50},
    {"kp_3", 0x51},
    {"kp_4", 0x4b},
    {"kp_5", 0x4c},
    {"kp_6", 0x4d},
    {"kp_7", 0x47},
    {"kp_8", 0x48},
    {"kp_9", 0x49},
    {"less", 0x56},
    {"sysrq", 0x54},
    {"print", 0xe037},
    {"pause", 0xe11d},
    {"home", 0xe047},
    {"up", 0xe048},
    {"pgup", 0xe049},
    {"pageup", 0xe049},
    {"left", 0xe04b},
    {"right", 0xe04d},
    {"end", 0xe04f},
    {"down", 0xe050},
    {"pgdn", 0xe051},
    {"pagedown", 0xe051},
    {"insert", 0xe052},
    {"ins", 0xe052},
    {"delete", 0xe053},
    {"del", 0xe053},
};

static bool steps_add(struct key_steps *steps, uint16_t scancode, bool down)
{
    struct key_step *more = realloc(steps->step, (steps->count + 1) * sizeof *more);
    if (!more)
        return false;
    steps->step = more;
    steps->step[steps->count++] = (struct key_step){scancode, down};
    return true;
}

/* A key's name, or one character: the key that has it on this layout, whatever is held for it. */
static bool key_by_name(const struct keymap *k, const char *name, size_t len, uint16_t *scancode)
{
    struct key_stroke strokes[KEYMAP_STROKES_MAX];

    if (len == 1) {
        if (keymap_lookup(k, xkb_utf32_to_keysym((unsigned char)name[0]), strokes) != 1)
            return false;
        *scancode = strokes[0].scancode;
        return true;
    }
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        if (strlen(names[i].name) == len && strncasecmp(names[i].name, name, len) == 0) {
            *scancode = names[i].scancode;
            return true;
        }
    }
    return false;
}

/* "ctrl-alt-f1": 0 when it is not a list of key names, else how many keys. */
static size_t parse_together(const struct keymap *k, const char *argument, uint16_t keys[TOGETHER_MAX])
{
    size_t count = 0;

    for (const char *p = argument;; p++) {
        size_t len = strcspn(p, "-");
        if (count == TOGETHER_MAX || !len || !key_by_name(k, p, len, &keys[count++]))
            return 0;
        p += len;
        if (!*p)
            return count;
    }
}

/* One character of UTF-8; 0 with *bytes 0 when it is none. */
static uint32_t utf8_next(const char *s, size_t *bytes)
{
    const unsigned char *p = (const unsigned char *)s;
    size_t n = p[0] < 0x80                   ? 1
               : p[0] >= 0xc2 && p[0] < 0xe0 ? 2
               : p[0] >= 0xe0 && p[0] < 0xf0 ? 3
               : p[0] >= 0xf0 && p[0] < 0xf5 ? 4
                                             : 0;
    uint32_t c = n == 1 ? p[0] : n ? p[0] & (0x7fu >> n) : 0;

    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            *bytes = 0;
            return 0;
        }
        c = c << 6 | (p[i] & 0x3f);
    }
    *bytes = n;
    return c;
}

static bool press(struct key_steps *steps, struct key_stroke s)
{
    return (!(s.mods & KEYMAP_SHIFT) || steps_add(steps, SC_SHIFT, true)) &&
           (!(s.mods & KEYMAP_ALTGR) || steps_add(steps, SC_ALTGR, true)) && steps_add(steps, s.scancode, true) &&
           steps_add(steps, s.scancode, false) && (!(s.mods & KEYMAP_ALTGR) || steps_add(steps, SC_ALTGR, false)) &&
           (!(s.mods & KEYMAP_SHIFT) || steps_add(steps, SC_SHIFT, false));
}

/* How many keys it took; 0: none has it; -ENOMEM. */
static int type_keysym(const struct keymap *k, uint32_t keysym, struct key_steps *steps)
{
    struct key_stroke strokes[KEYMAP_STROKES_MAX];
    unsigned n = keymap_lookup(k, keysym, strokes);

    for (unsigned i = 0; i < n; i++)
        if (!press(steps, strokes[i]))
            return -ENOMEM;
    return (int)n;
}

static int type_text(const struct keymap *k, const char *text, struct key_steps *steps, char **why)
{
    size_t bytes, from = steps->count;

    for (const char *p = text; *p; p += bytes) {
        uint32_t c = utf8_next(p, &bytes);
        uint32_t keysym = c == '\n' || c == '\r' ? XKB_KEY_Return : c == '\t' ? XKB_KEY_Tab : xkb_utf32_to_keysym(c);
        int rc = bytes ? type_keysym(k, keysym, steps) : 0;
        if (rc <= 0)
            steps->count = from;
        if (rc < 0)
            return rc;
        if (rc == 0) {
            if (asprintf(why, "\"%.*s\" is on no key of this keyboard layout (see keymap=)", bytes ? (int)bytes : 1,
                         p) < 0)
                *why = NULL;
            return -EINVAL;
        }
    }
    return 0;
}

int keymap_type_latin1(const struct keymap *k, const uint8_t *text, size_t bytes, struct key_steps *steps,
                       size_t *skipped)
{
    size_t from = steps->count;

    *skipped = 0;
    for (size_t i = 0; i < bytes; i++) {
        uint8_t c = text[i];
        bool control = c < 0x20 || (c >= 0x7f && c < 0xa0);
        uint32_t keysym = c == '\n' || c == '\r' ? XKB_KEY_Return
                          : c == '\t'            ? XKB_KEY_Tab
                          : control              ? XKB_KEY_NoSymbol
                                                 : xkb_utf32_to_keysym(c);
        int rc;
        if (c == '\r' && i + 1 < bytes && text[i + 1] == '\n')
            continue;
        rc = keysym == XKB_KEY_NoSymbol ? 0 : type_keysym(k, keysym, steps);
        if (rc < 0) {
            steps->count = from;
            return rc;
        }
        *skipped += rc == 0;
    }
    return 0;
}

int keymap_send_keys(const struct keymap *k, const char *argument, struct key_steps *steps, char **why)
{
    uint16_t keys[TOGETHER_MAX];
    size_t count, from = steps->count;

    *why = NULL;
    if (strncmp(argument, "text:", 5) == 0)
        return type_text(k, argument + 5, steps, why);
    count = parse_together(k, argument, keys);
    if (!count || strlen(argument) == 1)
        return type_text(k, argument, steps, why);
    for (size_t i = 0; i < 2 * count; i++) {
        bool down = i < count;
        if (!steps_add(steps, keys[down ? i : 2 * count - 1 - i], down)) {
            steps->count = from;
            return -ENOMEM;
        }
    }
    return 0;
}
