/* SPDX-License-Identifier: GPL-2.0-or-later */
/* keys.c: see keys.h. Scan codes: IBM PC/AT set 1; 0xE0xx are the extended keys. */
#include "xl/keys.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SHIFT_CODE 0x2a

static const struct keys_name {
    const char *name;
    uint16_t code;
} keys_names[] = {
    {"esc", 0x01},          {"escape", 0x01},
    {"backspace", 0x0e},    {"bs", 0x0e},
    {"tab", 0x0f},          {"ret", 0x1c},
    {"return", 0x1c},       {"enter", 0x1c},
    {"ctrl", 0x1d},         {"control", 0x1d},
    {"shift", 0x2a},        {"rshift", 0x36},
    {"shift_r", 0x36},      {"alt", 0x38},
    {"spc", 0x39},          {"space", 0x39},
    {"caps", 0x3a},         {"caps_lock", 0x3a},
    {"f1", 0x3b},           {"f2", 0x3c},
    {"f3", 0x3d},           {"f4", 0x3e},
    {"f5", 0x3f},           {"f6", 0x40},
    {"f7", 0x41},           {"f8", 0x42},
    {"f9", 0x43},           {"f10", 0x44},
    {"num_lock", 0x45},     {"scroll_lock", 0x46},
    {"kp_7", 0x47},         {"kp_8", 0x48},
    {"kp_9", 0x49},         {"kp_subtract", 0x4a},
    {"kp_4", 0x4b},         {"kp_5", 0x4c},
    {"kp_6", 0x4d},         {"kp_add", 0x4e},
    {"kp_1", 0x4f},         {"kp_2", 0x50},
    {"kp_3", 0x51},         {"kp_0", 0x52},
    {"kp_decimal", 0x53},   {"kp_multiply", 0x37},
    {"sysrq", 0x54},        {"less", 0x56},
    {"f11", 0x57},          {"f12", 0x58},
    {"kp_enter", 0xe01c},   {"ctrl_r", 0xe01d},
    {"rctrl", 0xe01d},      {"kp_divide", 0xe035},
    {"print", 0xe037},      {"alt_r", 0xe038},
    {"altgr", 0xe038},      {"home", 0xe047},
    {"up", 0xe048},         {"pgup", 0xe049},
    {"page_up", 0xe049},    {"left", 0xe04b},
    {"right", 0xe04d},      {"end", 0xe04f},
    {"down", 0xe050},       {"pgdn", 0xe051},
    {"page_down", 0xe051},  {"insert", 0xe052},
    {"ins", 0xe052},        {"delete", 0xe053},
    {"del", 0xe053},        {"meta", 0xe05b},
    {"super", 0xe05b},      {"win", 0xe05b},
    {"meta_r", 0xe05c},     {"menu", 0xe05d},
    {"pause", 0xe11d},      {"minus", 0x0c},
    {"equal", 0x0d},        {"comma", 0x33},
    {"dot", 0x34},          {"slash", 0x35},
    {"semicolon", 0x27},    {"apostrophe", 0x28},
    {"grave", 0x29},        {"backslash", 0x2b},
    {"bracket_left", 0x1a}, {"bracket_right", 0x1b},
};

/* The keys that type, in the order of their codes from `first`; '\0' where a key does not type. */
static const struct keys_row {
    uint16_t first;
    const char *plain, *shifted;
} keys_rows[] = {
    {0x02, "1234567890-=", "!@#$%^&*()_+"},
    {0x10, "qwertyuiop[]", "QWERTYUIOP{}"},
    {0x1e, "asdfghjkl;'`", "ASDFGHJKL:\"~"},
    {0x2b, "\\zxcvbnm,./", "|ZXCVBNM<>?"},
    {0x39, " ", " "},
    {0x1c, "\n", "\n"},
    {0x0f, "\t", "\t"},
    {0x01, "\033", "\033"},
    {0x0e, "\b", "\b"},
};

bool keys_from_char(char c, struct keys_chord *chord)
{
    chord->count = 0;
    if (!c)
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(keys_rows); i++) {
        const struct keys_row *row = &keys_rows[i];
        const char *plain = strchr(row->plain, c), *shifted = strchr(row->shifted, c);
        if (!plain && !shifted)
            continue;
        if (!plain)
            chord->codes[chord->count++] = SHIFT_CODE;
        chord->codes[chord->count++] = (uint16_t)(row->first + (plain ? plain - row->plain : shifted - row->shifted));
        return true;
    }
    return false;
}

static bool keys_one(const char *name, size_t length, struct keys_chord *chord)
{
    struct keys_chord typed;
    char text[32], *end;
    unsigned long code;

    if (length == 0 || length >= sizeof text || chord->count + 2 > KEYS_HELD)
        return false;
    memcpy(text, name, length);
    text[length] = '\0';
    for (size_t i = 0; i < ARRAY_SIZE(keys_names); i++) {
        if (strcasecmp(text, keys_names[i].name) == 0) {
            chord->codes[chord->count++] = keys_names[i].code;
            return true;
        }
    }
    if (length == 1 && keys_from_char(text[0], &typed)) {
        memcpy(chord->codes + chord->count, typed.codes, typed.count * sizeof typed.codes[0]);
        chord->count += typed.count;
        return true;
    }
    if (strncasecmp(text, "0x", 2) != 0)
        return false;
    code = strtoul(text, &end, 16);
    if (*end || code == 0 || !(code < 0x80 || (code >= 0xe000 && code < 0xe080) || code == 0xe11d))
        return false;
    chord->codes[chord->count++] = (uint16_t)code;
    return true;
}

bool keys_from_name(const char *name, struct keys_chord *chord)
{
    chord->count = 0;
    for (;;) {
        /* A dash parts keys, unless it is the key itself: "-", "ctrl--". */
        const char *dash = name[0] ? strchr(name + 1, '-') : NULL;
        size_t length = dash ? (size_t)(dash - name) : strlen(name);
        if (!keys_one(name, length, chord))
            return false;
        if (!dash)
            return true;
        name = dash + 1;
    }
}
