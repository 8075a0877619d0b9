/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_keymap.c: layouts, names of keys, typed text. */
#include "host/display/keymap.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void layouts(void **state)
{
    static const struct {
        const char *layout;
        uint32_t keysym;
        uint16_t scancode;
        unsigned mods;
    } cases[] = {
        {"en-us", 'a', 0x1e, 0},
        {"en-us", 'A', 0x1e, KEYMAP_SHIFT},
        {"en-us", '@', 0x03, KEYMAP_SHIFT},
        {"en-us", '\\', 0x2b, 0},
        {"en-gb", '@', 0x28, KEYMAP_SHIFT},
        {"en-gb", '\\', 0x56, 0},
        {"de", 'z', 0x15, 0},
        {"de", 'y', 0x2c, 0},
        {"de", '@', 0x10, KEYMAP_ALTGR},
        {"de", '/', 0x08, KEYMAP_SHIFT},
        {"de", 0xdf /* sharp s */, 0x0c, 0},
        {"de", '<', 0x56, 0},
        {"fr", 'a', 0x10, 0},
        {"fr", '1', 0x02, KEYMAP_SHIFT},
        {"fr", 0xe9 /* e acute */, 0x03, 0},
        {"fr", '#', 0x04, KEYMAP_ALTGR},
        {"cz", 'z', 0x15, 0},
        {"cz", 0x1ec /* e caron */, 0x03, 0},
        {"cz", '2', 0x03, KEYMAP_SHIFT},
        {"cs", 'y', 0x2c, 0},
        {"cs", 'Z', 0x15, KEYMAP_SHIFT},
        {"cs", 0x1b9 /* s caron */, 0x04, 0},
        {"cs", 0x1e8 /* c caron */, 0x05, 0},
        {"cs", 0x1f8 /* r caron */, 0x06, 0},
        {"cs", 0x1be /* z caron */, 0x07, 0},
        {"cs", 0xfd /* y acute */, 0x08, 0},
        {"cs", 0xe1 /* a acute */, 0x09, 0},
        {"cs", 0xed /* i acute */, 0x0a, 0},
        {"cs", 0xe9 /* e acute */, 0x0b, 0},
        {"cs", 0xfa /* u acute */, 0x1a, 0},
        {"cs", 0x1f9 /* u ring */, 0x27, 0},
        {"cs", 0xa7 /* section */, 0x28, 0},
        {"cs", '!', 0x28, KEYMAP_SHIFT},
        {"cs", '+', 0x02, 0},
        {"cs", 0xfe51 /* dead acute */, 0x0d, 0},
        {"cs", 0xfe5a /* dead caron */, 0x0d, KEYMAP_SHIFT},
        {"cs", 0x100011b /* e caron, by its number */, 0x03, 0},
        {"cs", 0x10000e9 /* e acute, by its number */, 0x0b, 0},
        {"de-ch", 0xe7 /* c cedilla */, 0x05, KEYMAP_SHIFT},
        {"en-us", 0xff0d /* Return */, 0x1c, 0},
        {"fr", 0xff52 /* Up */, 0xe048, 0},
        {"en-us", 0xff13 /* Pause */, 0xe11d, 0},
        {"en-us", 0xffb7 /* keypad 7 */, 0x47, 0},
        {"en-us", ' ', 0x39, 0},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char *why;
        struct key_stroke s[KEYMAP_STROKES_MAX] = {{0}};
        struct keymap *k = keymap_create(cases[i].layout, &why);
        assert_non_null(k);
        if (keymap_lookup(k, cases[i].keysym, s) != 1 || s[0].scancode != cases[i].scancode ||
            s[0].mods != cases[i].mods)
            fail_msg("%s: keysym %x is key %x, held %x", cases[i].layout, cases[i].keysym, s[0].scancode, s[0].mods);
        keymap_destroy(k);
    }
}

/* What is on no key of its own comes by a dead key. */
static void dead_keys(void **state)
{
    static const struct {
        const char *layout;
        uint32_t keysym;
        struct key_stroke want[KEYMAP_STROKES_MAX];
    } cases[] = {
        {"cs", 0xf3 /* o acute */, {{0x0d, 0}, {0x18, 0}}},
        {"cs", 0x1ef /* d caron */, {{0x0d, KEYMAP_SHIFT}, {0x20, 0}}},
        {"cs", 0x1bb /* t caron */, {{0x0d, KEYMAP_SHIFT}, {0x14, 0}}},
        {"cs", 0x1f2 /* n caron */, {{0x0d, KEYMAP_SHIFT}, {0x31, 0}}},
        {"cs", 0x1cc /* E caron */, {{0x0d, KEYMAP_SHIFT}, {0x12, KEYMAP_SHIFT}}},
        {"cs", 0xdd /* Y acute */, {{0x0d, 0}, {0x2c, KEYMAP_SHIFT}}},
        {"de", '^', {{0x29, 0}, {0x39, 0}}},
        {"de", 0xe9 /* e acute */, {{0x0d, 0}, {0x12, 0}}},
        {"fr", 0xea /* e circumflex */, {{0x1a, 0}, {0x12, 0}}},
        {"es", 0xf1 /* n tilde */, {{0x27, 0}}},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char *why;
        struct key_stroke s[KEYMAP_STROKES_MAX] = {{0}};
        struct keymap *k = keymap_create(cases[i].layout, &why);
        unsigned n = keymap_lookup(k, cases[i].keysym, s);
        if (n != (cases[i].want[1].scancode ? 2 : 1) || memcmp(s, cases[i].want, sizeof s) != 0)
            fail_msg("%s: keysym %x: %u keys: %x held %x, %x held %x", cases[i].layout, cases[i].keysym, n,
                     s[0].scancode, s[0].mods, s[1].scancode, s[1].mods);
        keymap_destroy(k);
    }
}

/* Every name that QEMU's xl.cfg keymap= knows and Debian's xkb-data has too. */
static void names_of_layouts(void **state)
{
    static const char *const names[] = {"ar", "cz", "da",    "de", "de-ch", "en-gb", "en-us", "es",
                                        "et", "fi", "fo",    "fr", "fr-be", "fr-ca", "fr-ch", "hr",
                                        "hu", "is", "it",    "ja", "lt",    "lv",    "mk",    "no",
                                        "pl", "pt", "pt-br", "ru", "sl",    "sv",    "th",    "tr"};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        char *why;
        struct key_stroke strokes[KEYMAP_STROKES_MAX];
        struct keymap *k = keymap_create(names[i], &why);
        if (!k)
            fail_msg("%s: %s", names[i], why);
        assert_int_equal(keymap_lookup(k, 0xffc2 /* F5 */, strokes), 1);
        keymap_destroy(k);
    }
}

static void unknown_layout(void **state)
{
    char *why = NULL;
    assert_null(keymap_create("klingon", &why));
    assert_non_null(strstr(why, "klingon"));
    free(why);
}

static char *sent(const char *layout, const char *argument)
{
    struct key_steps steps = {0};
    char *why, text[2048] = "";
    struct keymap *k = keymap_create(layout, &why);
    assert_int_equal(keymap_send_keys(k, argument, &steps, &why), 0);
    for (size_t i = 0; i < steps.count; i++)
        sprintf(text + strlen(text), "%s%c%x", i ? " " : "", steps.step[i].down ? '+' : '-', steps.step[i].scancode);
    free(steps.step);
    keymap_destroy(k);
    return strdup(text);
}

static void expect_sent(const char *layout, const char *argument, const char *want)
{
    char *got = sent(layout, argument);
    assert_string_equal(got, want);
    free(got);
}

static void names_and_text(void **state)
{
    expect_sent("en-us", "ret", "+1c -1c");
    expect_sent("en-us", "F12", "+58 -58");
    expect_sent("en-us", "ctrl-alt-delete", "+1d +38 +e053 -e053 -38 -1d");
    expect_sent("en-us", "ctrl-alt-f1", "+1d +38 +3b -3b -38 -1d");
    expect_sent("de", "ctrl-z", "+1d +15 -15 -1d");
    expect_sent("en-us", "aB", "+1e -1e +2a +30 -30 -2a");
    expect_sent("de", "@", "+e038 +10 -10 -e038");
    expect_sent("en-us", "text:ret", "+13 -13 +12 -12 +14 -14");
    expect_sent("en-us", "a-b c", "+1e -1e +c -c +30 -30 +39 -39 +2e -2e");
    expect_sent("en-us", "ls\n", "+26 -26 +1f -1f +1c -1c");
    expect_sent("de", "\xc3\x9f", "+c -c");
    expect_sent("en-us", "-", "+c -c");
    expect_sent("cs", "\xc5\x88", "+2a +d -d -2a +31 -31"); /* n caron */
    expect_sent("cs", "\xc3\x93", "+d -d +2a +18 -18 -2a"); /* O acute */
}

static void what_cannot_be_typed(void **state)
{
    struct key_steps steps = {0};
    char *why;
    struct keymap *k = keymap_create("en-us", &why);
    assert_int_equal(keymap_send_keys(k, "ab\xc3\xa9", &steps, &why), -EINVAL);
    assert_non_null(strstr(why, "\xc3\xa9"));
    assert_int_equal(steps.count, 0);
    free(why);
    assert_int_equal(keymap_send_keys(k, "\xff\xfe", &steps, &why), -EINVAL);
    free(why);
    assert_int_equal(keymap_send_keys(k, "\xc3", &steps, &why), -EINVAL);
    free(why);
    free(steps.step);
    keymap_destroy(k);
}

static void cut_text(void **state)
{
    static const uint8_t text[] = "a\r\nB\t\x1b\x7f\xb6\r";
    static const struct key_step want[] = {
        {0x1e, true},  {0x1e, false}, {0x1c, true}, {0x1c, false}, {0x2a, true}, {0x30, true},
        {0x30, false}, {0x2a, false}, {0x0f, true}, {0x0f, false}, {0x1c, true}, {0x1c, false},
    };
    struct key_steps steps = {0};
    size_t skipped;
    char *why;
    struct keymap *k = keymap_create("en-us", &why);

    assert_int_equal(keymap_type_latin1(k, text, sizeof text - 1, &steps, &skipped), 0);
    assert_int_equal(skipped, 3);
    assert_int_equal(steps.count, ARRAY_SIZE(want));
    for (size_t i = 0; i < steps.count; i++) {
        assert_int_equal(steps.step[i].scancode, want[i].scancode);
        assert_int_equal(steps.step[i].down, want[i].down);
    }
    free(steps.step);
    keymap_destroy(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layouts),        cmocka_unit_test(dead_keys),      cmocka_unit_test(names_of_layouts),
        cmocka_unit_test(unknown_layout), cmocka_unit_test(names_and_text), cmocka_unit_test(what_cannot_be_typed),
        cmocka_unit_test(cut_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
