/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * keymap.c: keysym to scancode for one keyboard layout. Keys that carry no character are a table of ours; the others
 * come from xkb's description of the layout (libxkbcommon; "evdev" keycodes are the kernel's plus 8).
 */
#include "host/display/keymap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xkbcommon/xkbcommon.h>
#include <xkbcommon/xkbcommon-compose.h>
#include <xkbcommon/xkbcommon-keysyms.h>

#define EVDEV_OFFSET 8
#define LEVELS_MAX   8
#define COMPOSE_FILE "/usr/share/X11/locale/en_US.UTF-8/Compose" /* what dead keys do, in all Latin locales alike */
#define DEAD_FIRST   XKB_KEY_dead_grave
#define DEAD_LAST    XKB_KEY_dead_greek
#define UNICODE      0x1000000u /* keysyms from there are characters' numbers */

struct entry {
    uint32_t keysym;
    uint16_t scancode;
    uint8_t mods;
    uint16_t dead; /* a dead key that comes before; 0: none */
    uint8_t dead_mods;
};

struct keymap {
    struct entry *entries; /* sorted by keysym; the easiest way to get each */
    size_t count;
};

/* Names of xl.cfg's keymap= (QEMU's file names) that are not xkb's layout names. */
static const struct {
    const char *name, *layout, *variant;
} layouts[] = {
    {"en-us", "us", ""}, {"en-gb", "gb", ""}, {"dvorak", "us", "dvorak"}, {"da", "dk", ""},      {"de-ch", "ch", ""},
    {"et", "ee", ""},    {"fr-be", "be", ""}, {"fr-ca", "ca", ""},        {"fr-ch", "ch", "fr"}, {"ja", "jp", ""},
    {"nl-be", "be", ""}, {"pt-br", "br", ""}, {"sl", "si", ""},           {"sv", "se", ""},      {"bepo", "fr", "bepo"},
    {"cs", "cz", ""},    {"ar", "ara", ""},   {"es-la", "latam", ""},
};

/* Keys without a character. */
static const struct {
    uint32_t keysym;
    uint16_t scancode;
} fixed[] = {
    {XKB_KEY_Escape, 0x01},
    {XKB_KEY_BackSpace, 0x0e},
    {XKB_KEY_Tab, 0x0f},
    {XKB_KEY_ISO_Left_Tab, 0x0f},
    {XKB_KEY_Return, 0x1c},
    {XKB_KEY_Linefeed, 0x1c},
    {XKB_KEY_Control_L, 0x1d},
    {XKB_KEY_Control_R, 0xe01d},
    {XKB_KEY_Shift_L, 0x2a},
    {XKB_KEY_Shift_R, 0x36},
    {XKB_KEY_Alt_L, 0x38},
    {XKB_KEY_Alt_R, 0xe038},
    {XKB_KEY_Meta_L, 0x38},
    {XKB_KEY_Meta_R, 0xe038},
    {XKB_KEY_ISO_Level3_Shift, 0xe038},
    {XKB_KEY_Mode_switch, 0xe038},
    {XKB_KEY_Super_L, 0xe05b},
    {XKB_KEY_Super_R, 0xe05c},
    {XKB_KEY_Hyper_L, 0xe05b},
    {XKB_KEY_Hyper_R, 0xe05c},
    {XKB_KEY_Menu, 0xe05d},
    {XKB_KEY_Caps_Lock, 0x3a},
    {XKB_KEY_Num_Lock, 0x45},
    {XKB_KEY_Scroll_Lock, 0x46},
    {XKB_KEY_Pause, 0xe11d},
    {XKB_KEY_Break, 0xe046},
    {XKB_KEY_Print, 0xe037},
    {XKB_KEY_Sys_Req, 0x54},
    {XKB_KEY_F1, 0x3b},
    {XKB_KEY_F2, 0x3c},
    {XKB_KEY_F3, 0x3d},
    {XKB_KEY_F4, 0x3e},
    {XKB_KEY_F5, 0x3f},
    {XKB_KEY_F6, 0x40},
    {XKB_KEY_F7, 0x41},
    {XKB_KEY_F8, 0x42},
    {XKB_KEY_F9, 0x43},
    {XKB_KEY_F10, 0x44},
    {XKB_KEY_F11, 0x57},
    {XKB_KEY_F12, 0x58},
    {XKB_KEY_Home, 0xe047},
    {XKB_KEY_Up, 0xe048},
    {XKB_KEY_Page_Up, 0xe049},
    {XKB_KEY_Left, 0xe04b},
    {XKB_KEY_Right, 0xe04d},
    {XKB_KEY_End, 0xe04f},
    {XKB_KEY_Down, 0xe050},
    {XKB_KEY_Page_Down, 0xe051},
    {XKB_KEY_Insert, 0xe052},
    {XKB_KEY_Delete, 0xe053},
    {XKB_KEY_KP_Divide, 0xe035},
    {XKB_KEY_KP_Multiply, 0x37},
    {XKB_KEY_KP_Subtract, 0x4a},
    {XKB_KEY_KP_Add, 0x4e},
    {XKB_KEY_KP_Enter, 0xe01c},
    {XKB_KEY_KP_7, 0x47},
    {XKB_KEY_KP_8, 0x48},
    {XKB_KEY_KP_9, 0x49},
    {XKB_KEY_KP_4, 0x4b},
    {XKB_KEY_KP_5, 0x4c},
    {XKB_KEY_KP_6, 0x4d},
    {XKB_KEY_KP_1, 0x4f},
    {XKB_KEY_KP_2, 0x50},
    {XKB_KEY_KP_3, 0x51},
    {XKB_KEY_KP_0, 0x52},
    {XKB_KEY_KP_Decimal, 0x53},
    {XKB_KEY_KP_Separator, 0x53},
    {XKB_KEY_KP_Home, 0x47},
    {XKB_KEY_KP_Up, 0x48},
    {XKB_KEY_KP_Page_Up, 0x49},
    {XKB_KEY_KP_Left, 0x4b},
    {XKB_KEY_KP_Begin, 0x4c},
    {XKB_KEY_KP_Right, 0x4d},
    {XKB_KEY_KP_End, 0x4f},
    {XKB_KEY_KP_Down, 0x50},
    {XKB_KEY_KP_Page_Down, 0x51},
    {XKB_KEY_KP_Insert, 0x52},
    {XKB_KEY_KP_Delete, 0x53},
};

/* The kernel numbered the keys after set 1; only what came later differs. 0: carries no character. */
static uint16_t scancode_of_evdev(xkb_keycode_t code)
{
    if (code >= 2 && code <= 0x39 && code != 0x0e && code != 0x0f && code != 0x1c && code != 0x1d && code != 0x2a &&
        code != 0x36 && code != 0x37 && code != 0x38)
        return (uint16_t)code;
    switch (code) {
    case 86: return 0x56;  /* beside the left shift, on ISO keyboards */
    case 89: return 0x73;  /* Ro */
    case 124: return 0x7d; /* Yen */
    }
    return 0;
}

/* Which of Shift and AltGr give this level; false when it takes anything else. */
static bool level_mods(struct xkb_keymap *xkb, xkb_keycode_t code, xkb_level_index_t level, uint8_t *mods)
{
    xkb_mod_mask_t masks[16];
    xkb_mod_mask_t shift = 1u << xkb_keymap_mod_get_index(xkb, "Shift"),
                   level3 = 1u << xkb_keymap_mod_get_index(xkb, "Mod5");
    size_t n = xkb_keymap_key_get_mods_for_level(xkb, code, 0, level, masks, ARRAY_SIZE(masks));

    for (size_t i = 0; i < n; i++) {
        if (masks[i] & ~(shift | level3))
            continue;
        *mods = (uint8_t)((masks[i] & shift ? KEYMAP_SHIFT : 0) | (masks[i] & level3 ? KEYMAP_ALTGR : 0));
        return true;
    }
    return false;
}

static bool keymap_add(struct keymap *k, struct entry e)
{
    struct entry *more = realloc(k->entries, (k->count + 1) * sizeof *more);
    if (!more)
        return false;
    k->entries = more;
    k->entries[k->count++] = e;
    return true;
}

/* A keysym by its older name where it has one, as layouts have it: some clients and tables know characters' numbers. */
static uint32_t named(uint32_t keysym)
{
    return keysym > UNICODE ? xkb_utf32_to_keysym(keysym - UNICODE) : keysym;
}

static bool keymap_add_key(struct keymap *k, struct xkb_keymap *xkb, xkb_keycode_t code, uint16_t scancode)
{
    xkb_level_index_t levels = xkb_keymap_num_levels_for_key(xkb, code, 0);

    for (xkb_level_index_t level = 0; level < levels && level < LEVELS_MAX; level++) {
        const xkb_keysym_t *syms;
        uint8_t mods;
        if (xkb_keymap_key_get_syms_by_level(xkb, code, 0, level, &syms) == 1 && level_mods(xkb, code, level, &mods) &&
            !keymap_add(k, (struct entry){.keysym = named(syms[0]), .scancode = scancode, .mods = mods}))
            return false;
    }
    return true;
}

/* By keysym; the easiest first: no dead key, fewest held keys, then the older key. */
static int entry_compare(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;

    if (x->keysym != y->keysym)
        return x->keysym < y->keysym ? -1 : 1;
    if (!x->dead != !y->dead)
        return !x->dead ? -1 : 1;
    if (x->mods + x->dead_mods != y->mods + y->dead_mods)
        return x->mods + x->dead_mods < y->mods + y->dead_mods ? -1 : 1;
    if (x->dead != y->dead)
        return x->dead < y->dead ? -1 : 1;
    return x->scancode < y->scancode ? -1 : x->scancode > y->scancode;
}

/* What a dead key makes of another: a keysym, or XKB_KEY_NoSymbol. */
static uint32_t composed(struct xkb_compose_state *state, uint32_t dead, uint32_t keysym)
{
    xkb_compose_state_reset(state);
    xkb_compose_state_feed(state, dead);
    xkb_compose_state_feed(state, keysym);
    if (xkb_compose_state_get_status(state) != XKB_COMPOSE_COMPOSED)
        return XKB_KEY_NoSymbol;
    return named(xkb_compose_state_get_one_sym(state));
}

static bool is_dead(uint32_t keysym)
{
    return keysym >= DEAD_FIRST && keysym <= DEAD_LAST;
}

/* Adds what the layout's dead keys and its characters make together. */
static bool keymap_add_composed(struct keymap *k, struct xkb_compose_state *state)
{
    const size_t count = k->count;

    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; is_dead(k->entries[i].keysym) && j < count; j++) {
            const struct entry dead = k->entries[i], base = k->entries[j];
            uint32_t keysym = base.keysym < XKB_KEY_dead_grave || base.keysym >= UNICODE
                                  ? composed(state, dead.keysym, base.keysym)
                                  : (uint32_t)XKB_KEY_NoSymbol;
            struct entry both = {keysym, base.scancode, base.mods, dead.scancode, dead.mods};
            if (keysym != XKB_KEY_NoSymbol && !is_dead(keysym) && !keymap_add(k, both))
                return false;
        }
    }
    return true;
}

/* Without the file, which libX11 brings, a dead key is all there is. False: no memory. */
static bool keymap_compose(struct keymap *k)
{
    struct xkb_context *context = NULL;
    struct xkb_compose_table *table = NULL;
    struct xkb_compose_state *state = NULL;
    bool wanted = false, ok = true;
    FILE *file;

    for (size_t i = 0; i < k->count; i++)
        wanted = wanted || is_dead(k->entries[i].keysym);
    file = wanted ? fopen(COMPOSE_FILE, "re") : NULL;
    if (file)
        context = xkb_context_new(XKB_CONTEXT_NO_DEFAULT_INCLUDES | XKB_CONTEXT_NO_ENVIRONMENT_NAMES);
    if (context) {
        xkb_context_set_log_level(context, XKB_LOG_LEVEL_CRITICAL);
        table = xkb_compose_table_new_from_file(context, file, "en_US.UTF-8", XKB_COMPOSE_FORMAT_TEXT_V1,
                                                XKB_COMPOSE_COMPILE_NO_FLAGS);
    }
    if (table)
        state = xkb_compose_state_new(table, XKB_COMPOSE_STATE_NO_FLAGS);
    if (state)
        ok = keymap_add_composed(k, state);
    xkb_compose_state_unref(state);
    xkb_compose_table_unref(table);
    xkb_context_unref(context);
    if (file)
        fclose(file);
    return ok;
}

static bool keymap_fill(struct keymap *k, struct xkb_keymap *xkb)
{
    for (size_t i = 0; i < ARRAY_SIZE(fixed); i++)
        if (!keymap_add(k, (struct entry){.keysym = fixed[i].keysym, .scancode = fixed[i].scancode}))
            return false;
    for (xkb_keycode_t code = xkb_keymap_min_keycode(xkb); code <= xkb_keymap_max_keycode(xkb); code++) {
        uint16_t scancode = code >= EVDEV_OFFSET ? scancode_of_evdev(code - EVDEV_OFFSET) : 0;
        if (scancode && !keymap_add_key(k, xkb, code, scancode))
            return false;
    }
    if (!keymap_compose(k))
        return false;
    qsort(k->entries, k->count, sizeof *k->entries, entry_compare);
    return true;
}

static struct xkb_keymap *layout_load(const char *name)
{
    struct xkb_rule_names rules = {.rules = "evdev", .model = "pc105", .layout = name, .variant = ""};
    struct xkb_context *context = xkb_context_new(XKB_CONTEXT_NO_ENVIRONMENT_NAMES);
    struct xkb_keymap *xkb;

    if (!context)
        return NULL;
    xkb_context_set_log_level(context, XKB_LOG_LEVEL_CRITICAL); /* we say it ourselves */
    for (size_t i = 0; i < ARRAY_SIZE(layouts); i++) {
        if (strcmp(layouts[i].name, name) == 0) {
            rules.layout = layouts[i].layout;
            rules.variant = layouts[i].variant;
        }
    }
    xkb = xkb_keymap_new_from_names(context, &rules, XKB_KEYMAP_COMPILE_NO_FLAGS);
    xkb_context_unref(context);
    return xkb;
}

struct keymap *keymap_create(const char *name, char **why)
{
    struct keymap *k = calloc(1, sizeof *k);
    struct xkb_keymap *xkb;

    *why = NULL;
    if (!name || !*name)
        name = "en-us";
    xkb = k ? layout_load(name) : NULL;
    if (!xkb) {
        if (asprintf(why, "no keyboard layout \"%s\" (use en-us, en-gb, de, fr, cz, ...; package xkb-data has them)",
                     name) < 0)
            *why = NULL;
        free(k);
        return NULL;
    }
    bool ok = keymap_fill(k, xkb);
    xkb_keymap_unref(xkb);
    if (ok)
        return k;
    keymap_destroy(k);
    return NULL;
}

void keymap_destroy(struct keymap *k)
{
    if (!k)
        return;
    free(k->entries);
    free(k);
}

unsigned keymap_lookup(const struct keymap *k, uint32_t keysym, struct key_stroke strokes[KEYMAP_STROKES_MAX])
{
    size_t low = 0, high = k->count;
    unsigned n = 0;

    keysym = named(keysym);
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (k->entries[middle].keysym < keysym)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == k->count || k->entries[low].keysym != keysym)
        return 0;
    if (k->entries[low].dead)
        strokes[n++] = (struct key_stroke){k->entries[low].dead, k->entries[low].dead_mods};
    strokes[n++] = (struct key_stroke){k->entries[low].scancode, k->entries[low].mods};
    return n;
}
