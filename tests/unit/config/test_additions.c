/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_additions.c: what domus says beyond xl, and what it does with texts that are no configuration.
 * What it shares with xl is compared with real xl in tests/config/.
 */
#include "config/reading.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define BASE "name=\"t\"\ntype=\"hvm\"\nmemory=64\n" /* three lines: what follows is line 4 */

static char lines[20000];

static void see(void *opaque, enum config_level level, const char *text)
{
    size_t n = strlen(lines);

    assert_true(strlen(text) < 5000); /* whatever the input's size */
    snprintf(lines + n, sizeof lines - n, "%s\n", text);
}

static const struct config_sink sink = {.line = see};

/* Parses, and checks as for a start if that is accepted; the exit code. */
static int run_text(const char *text, size_t len, const char *extra, bool force)
{
    struct domain_config *config;
    int rc;

    lines[0] = '\0';
    config = config_parse(text, len, "t.cfg", extra, NULL, &sink, &rc);
    if (config)
        rc = config_check_start(config, &sink, force);
    config_free(config);
    return rc;
}

static void test_lines(void **state)
{
    static const struct {
        const char *text; /* after BASE */
        int rc;
        const char *line; /* one of the lines; NULL: there is none at all */
    } rows[] = {
        {"", 0, NULL},
        {"vnc=1\nboot=\"d\"\nserial=\"pty\"\nhpet=0\nsdl=0\nopengl=0\nnx=1\n", 0, NULL},
        {"vncused=1\n", 0, "t.cfg:4: warning: unknown parameter 'vncused' ignored (did you mean 'vncunused'?)\n"},
        {"on_xend_stoip=1\n", 0, "(did you mean 'on_xend_stop'?)\n"},
        {"vnccolsole=1\n", 0, "(did you mean 'vncconsole'?)\n"},
        {"qwertyuiop=1\n", 0, "t.cfg:4: warning: unknown parameter 'qwertyuiop' ignored\n"},
        {"vif=['']\n", 0, NULL},
        {"usb=1\nsoundhw='sb16'\naudio='none'\n", 0, NULL},
        {"soundhw='ac97'\n", 0, "t.cfg: warning: soundhw 'ac97' does not exist yet in domus: the guest has no sound"},
        {"audio='wav:/x.wav'\n", 0, NULL},
        {"vncpaste=1\n", 0, NULL},
        {"audio='alsa'\n", 1, "t.cfg:4: error: audio=\"alsa\": sound goes to auto, sdl, wav:PATH or none\n"},
        {"device_model_override='/x'\n", 0, "t.cfg:4: warning: 'device_model_override' ignored: domus has no separate"},
        {"on_crash=\"Destroy\"\n", 1, "t.cfg:4: note: this is about 'on_crash'\n"},
        {"\n\nvga='x'\n", 1, "t.cfg:6: note: this is about 'vga'\n"},
        {"disk=['/x,hda,w']\n", 1,
         "t.cfg:4: note: `/x,hda,w' has no format: write `/x,raw,hda,w' or `file:/x,hda,w'\n"},
        {"disk=['/x,vmdk,hda,w']\n", 1, "qemu-img convert"},
        {"disk=['file:/x,hda,w!']\n", 1, "write `w'"},
        {"disk=['rbd:pool/img:id=a,raw,xvda']\n", 1, "needs target=PATH"},
        {"disk=['file:/x,zzz,w']\n", 3, "t.cfg:4: error: Invalid or unsupported virtual disk identifier zzz"},
        {"disk=['file:/x,hda,w','file:/y,xvda,w','file:/z,768,r']\n", 3, "t.cfg:4: error: two disks are 768\n"},
        {"vif=['brige=b']\n", 0, "t.cfg:4: note: 'brige=b' in vif 'brige=b' is left out\n"},
        {"bios='rombios'\n", 3, "use seabios"},
        {"videoram=4\n", 3, "videoram must be at least 8 MiB"},
        {"videoram=16\n", 0, NULL},
        {"videoram=17\n", 0,
         "t.cfg: warning: videoram: this vga has at most 16 MiB, and that is what the guest gets\n"},
        {"stdvga=1\nvideoram=8\n", 3, "videoram must be at least 16 MiB"},
        {"stdvga=1\nvideoram=256\n", 0, NULL},
        {"stdvga=1\nvideoram=512\n", 0, "t.cfg: warning: videoram: this vga has at most 256 MiB, and"},
        {"vga='none'\nvideoram=512\n", 0, NULL},
        {"soundhw='all'\n", 3, "Unknown soundhw option 'all'"},
        {"usbversion=2\nusb=1\n", 3, "usbversion cannot be used together"},
        {"maxmem=32\n", 3, "memory (64 MiB) is more than maxmem (32 MiB)\n"},
        {"engine='jit'\n", 0, NULL},
        {"engine='fast'\n", 1, "t.cfg:4: error: engine=\"fast\": the engines are auto, kvm, jit and interp\n"},
        {"vcpus=100000\n", 1, "t.cfg:4: error: vcpus=100000: no domain can have more than"},
        {"max_grant_frames='x'\n", 1, "t.cfg:4: error: max_grant_frames must be a number from 0"},
        {"boot='d' # f\xfcr sp\xe4ter\n", 0, NULL},
        {"boot='d'\nkernel='\xe9\xe8'\n", 3, "t.cfg:5: error: this line is not UTF-8; save the file as UTF-8\n"},
        {"extra='\xf0\x9f\x98\x80\xc3\xa9'\n", 0, "t.cfg:4: warning: 'extra' does nothing yet in domus\n"},
        {"extra='\xed\xa0\x80'\n", 3, "t.cfg:4: error: this line is not UTF-8"},
        {"boot='d' # last", 0, "t.cfg: note: the comment at the end of the file has no line end"},
    };
    char text[500];

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        int rc;

        snprintf(text, sizeof text, "%s%s", BASE, rows[i].text);
        rc = run_text(text, strlen(text), NULL, false);
        if (rc != rows[i].rc || (rows[i].line ? !strstr(lines, rows[i].line) : *lines))
            fail_msg("%s: exit %d:\n%s", rows[i].text, rc, lines);
    }
}

/* Every key of the table is known, says what it is for, and says so at a start if it does nothing yet. */
static void test_every_key(void **state)
{
    char text[200], inert[200];
    unsigned said = 0;

    for (size_t i = 0; i < keys_count; i++) {
        int rc;

        if (keys[i].name[0] == ' ' || strcmp(keys[i].name, "name") == 0)
            continue;
        snprintf(text, sizeof text, "name='t'\n%s=%s\n", keys[i].name, keys[i].inert == INERT_IF_FALSE ? "0" : "1");
        if (strcmp(keys[i].name, "type") != 0 && strcmp(keys[i].name, "builder") != 0)
            strcat(text, "type='hvm'\n");
        rc = run_text(text, strlen(text), NULL, false);
        if (strstr(lines, "unknown parameter"))
            fail_msg("%s", lines);
        assert_true(strlen(keys[i].doc) > 2);
        if (rc || keys[i].inert == WORKS)
            continue;
        snprintf(inert, sizeof inert, "t.cfg:2: warning: '%s' ", keys[i].name);
        if (!strstr(lines, inert))
            fail_msg("%s says nothing:\n%s", keys[i].name, lines);
        said++;
    }
    assert_true(said > 80); /* else they were refused, and this showed nothing */
}

static void test_memory(void **state)
{
    const char *text = "name='t'\ntype='hvm'\nmemory='2G'\n";

    assert_int_equal(run_text(text, strlen(text), NULL, false), 3);
    assert_non_null(strstr(lines, "t.cfg:3: warning: parameter `memory' is not a valid number\n"));
    assert_non_null(strstr(lines, "t.cfg:3: error: memory could not be read"));
    assert_int_equal(run_text(text, strlen(text), NULL, true), 0);
}

static void test_mac(void **state)
{
    const char *text = BASE "vif=['mac=00:16:3e:00:00:01']\n", *bad = BASE "vif=['mac=00:16:3e:zz:00:01']\n";

    assert_int_equal(run_text(text, strlen(text), NULL, false), 0);
    assert_int_equal(run_text(bad, strlen(bad), NULL, false), 3);
    assert_non_null(strstr(lines, "Invalid parameter `mac'.\n"));
    assert_non_null(strstr(lines, "t.cfg:4: error: this mac= is no address"));
    assert_int_equal(run_text(bad, strlen(bad), NULL, true), 0);
}

static void test_tolerance(void **state)
{
    const char *crlf = "name='t'\r\ntype='hvm'\r\nmemory=64\r\n";
    const char *bom = "\xef\xbb\xbfname='t'\ntype='hvm'\nmemory=64\n";

    assert_int_equal(run_text(crlf, strlen(crlf), NULL, false), 0);
    assert_string_equal(lines, "t.cfg:1: note: lines end in CRLF, which real xl refuses\n");
    assert_int_equal(run_text(bom, strlen(bom), NULL, false), 0);
    assert_non_null(strstr(lines, "byte order mark"));
}

/* Arguments of the command line are numbered after the file's last line, and win. */
static void test_extra(void **state)
{
    struct domain_config *config;
    int rc;

    assert_int_equal(run_text(BASE, strlen(BASE), "vga='x'", false), 1);
    assert_non_null(strstr(lines, "t.cfg:5: note"));
    assert_int_equal(run_text(BASE, strlen(BASE), "name=y", false), 1);
    assert_non_null(strstr(lines, "t.cfg:5: config parsing error near `y'"));
    config = config_parse(BASE, strlen(BASE), "t.cfg", "name='u'\nmemory=65", NULL, &sink, &rc);
    assert_non_null(config);
    assert_string_equal(config->name, "u");
    assert_int_equal(config->target_memkb, 65 * 1024);
    config_free(config);
}

static void test_no_configuration(void **state)
{
    static char big[17 << 20], deep[5000];
    size_t n = sizeof big;

    assert_int_equal(run_text("\x7f"
                              "ELF\2\1\1\0\0\0",
                              10, NULL, false),
                     1);
    assert_non_null(strstr(lines, "t.cfg:1: error: a NUL byte"));
    memset(big, 'a', n);
    assert_int_equal(run_text(big, n, NULL, false), 1);
    assert_non_null(strstr(lines, "larger than 16 MiB"));
    assert_int_equal(run_text(big, 10 << 20, NULL, false), 1); /* a 10 MB word */
    assert_non_null(strstr(lines, "t.cfg:1: config parsing error near `"));
    big[0] = '"';
    assert_int_equal(run_text(big, 10 << 20, NULL, false), 1); /* and a string without an end */
    assert_non_null(strstr(lines, "lexical error"));
    memset(deep, '[', sizeof deep);
    memcpy(deep, "x=", 2);
    assert_int_equal(run_text(deep, sizeof deep, NULL, false), 1);
    assert_non_null(strstr(lines, "lists inside each other"));
    assert_int_equal(run_text("", 0, NULL, false), 1);
    assert_string_equal(lines, "Domain name must be specified.\n");
}

/* What only the domain's process needs travels in the JSON too. */
static void test_json_ours(void **state)
{
    const char *text = BASE "engine='interp'\ndisk=['file:/x,hda,w']\nsoundhw='hda'\n";
    struct domain_config *config, *back;
    char *json, *error = NULL;
    int rc;

    lines[0] = '\0';
    config = config_parse(text, strlen(text), "t.cfg", NULL, NULL, &sink, &rc);
    assert_non_null(config);
    json = config_to_json(config, false);
    assert_null(strstr(json, "domus"));
    free(json);
    json = config_to_json(config, true);
    back = config_from_json(json, &error);
    assert_non_null(back);
    assert_int_equal(back->engine, ENGINE_INTERP);
    assert_int_equal(back->disks[0].line, 5);
    assert_string_equal(back->source, "t.cfg");
    assert_int_equal(config_check_start(back, &sink, false), 0);
    assert_string_equal(lines,
                        "t.cfg: warning: soundhw 'hda' does not exist yet in domus: the guest has no sound card; "
                        "soundhw='sb16' exists\n");
    free(json);
    config_free(back);
    config_free(config);
    assert_null(config_from_json("{\"c_info\": {\"nmae\": 1}}", &error));
    assert_string_equal(error, "configuration: nothing is called \"nmae\" here");
    free(error);
    assert_null(config_from_json("{\"c_info\": {\"name\": 1}}", &error));
    assert_string_equal(error, "configuration: \"name\" should be a string");
    free(error);
    assert_null(config_from_json("[", &error));
    free(error);
}

static void test_devices_alone(void **state)
{
    const char *const disk_specs[] = {"vdev=xvdb", "target=/x,y"};
    const char *const bad[] = {"foo"};
    struct disk_config disk;
    struct nic_config nic;
    char *json;

    assert_true(config_parse_disk(&disk, disk_specs, 2, "command line", &sink));
    json = config_disk_to_json(&disk);
    assert_string_equal(json, "{\n    \"pdev_path\": \"/x,y\",\n    \"vdev\": \"xvdb\",\n    \"format\": \"raw\",\n"
                              "    \"readwrite\": 1\n}\n");
    free(json);
    config_disk_fini(&disk);
    lines[0] = '\0';
    assert_false(config_parse_disk(&disk, bad, 1, "command line", &sink));
    assert_non_null(
        strstr(lines, "command line: config parsing error in disk specification: no vdev specified in `foo'\n"));
    config_disk_fini(&disk);
    assert_true(config_parse_nic(&nic, "bridge=br0,x=1", "command line", NULL, &sink));
    json = config_nic_to_json(&nic);
    assert_string_equal(json, "{\n    \"bridge\": \"br0,x=1\"\n}\n");
    free(json);
    config_nic_fini(&nic);
    assert_false(config_parse_nic(&nic, "foo=1", "command line", NULL, &sink));
    config_nic_fini(&nic);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),     cmocka_unit_test(test_every_key),     cmocka_unit_test(test_memory),
        cmocka_unit_test(test_tolerance), cmocka_unit_test(test_extra),         cmocka_unit_test(test_no_configuration),
        cmocka_unit_test(test_json_ours), cmocka_unit_test(test_devices_alone), cmocka_unit_test(test_mac),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
