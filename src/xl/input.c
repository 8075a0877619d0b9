/* SPDX-License-Identifier: GPL-2.0-or-later */
/* input.c: screenshot and send-keys: looking at a domain and typing into it from a script. */
#include "xl/xl.h"

#include "xl/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* The domain's process has a working directory of its own. */
static char *input_absolute(const char *path)
{
    char cwd[PATH_MAX], *absolute = NULL;

    if (path[0] == '/')
        return strdup(path);
    if (!getcwd(cwd, sizeof cwd) || asprintf(&absolute, "%s/%s", cwd, path) < 0)
        return NULL;
    return absolute;
}

int xl_cmd_screenshot(struct xl *xl, int argc, char **argv)
{
    char *path;
    long domid;
    int rc;

    while (xl_getopt(argc, argv, "h", NULL, 2) != -1)
        ;
    domid = xl_find_domain(xl, argv[optind]);
    if (domid < 0)
        return 1;
    path = input_absolute(argv[optind + 1]);
    if (!path) {
        xl_error("%s: %s", argv[optind + 1], strerror(errno));
        return 1;
    }
    rc = xl_call(xl, (unsigned)domid, "screenshot", json_pack("{s:s}", "path", path), NULL, true);
    free(path);
    return rc != 0;
}

static void input_sleep(long ms)
{
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

    while (nanosleep(&t, &t) != 0 && errno == EINTR)
        ;
}

/* Down in order, up in reverse: each event by itself, so that a slow guest sees them all. */
static int input_chord(struct control_client *c, unsigned domid, const struct keys_chord *chord, long wait_ms)
{
    for (size_t i = 0; i < 2 * chord->count; i++) {
        bool down = i < chord->count;
        uint16_t code = chord->codes[down ? i : 2 * chord->count - 1 - i];
        char *why = NULL;
        int rc = control_call(c, "send_keys",
                              json_pack("{s:[{s:i, s:b}]}", "events", "scancode", (int)code, "down", (int)down), -1,
                              NULL, &why);
        if (rc != 0) {
            xl_error("Domain %u: %s", domid, why ? why : "unknown error");
            free(why);
            return 1;
        }
        input_sleep(wait_ms);
    }
    return 0;
}

/* All arguments are checked before the first key goes down. 0 or 2. */
static int input_check(char **args, bool text)
{
    struct keys_chord chord;

    for (; *args; args++) {
        if (!text && !keys_from_name(*args, &chord)) {
            fprintf(stderr, "xl: '%s' is no key (see xl help send-keys)\n", *args);
            return 2;
        }
        for (const char *c = *args; text && *c; c++) {
            if (!keys_from_char(*c, &chord)) {
                fprintf(stderr, "xl: no key of a US keyboard types '%c' (0x%02x)\n", *c, (unsigned char)*c);
                return 2;
            }
        }
    }
    return 0;
}

int xl_cmd_send_keys(struct xl *xl, int argc, char **argv)
{
    static const struct option longs[] = {{"text", no_argument, NULL, 't'}, {"help", no_argument, NULL, 'h'}, {0}};
    struct control_client *c;
    struct keys_chord chord;
    bool text = false;
    long wait_ms = 20, domid;
    int opt, rc;

    while ((opt = xl_getopt(argc, argv, "+htw:", longs, 2)) != -1) {
        if (opt == 't')
            text = true;
        if (opt == 'w')
            wait_ms = strtol(optarg, NULL, 10);
    }
    rc = input_check(argv + optind + 1, text);
    if (rc != 0)
        return rc;
    domid = xl_find_domain(xl, argv[optind]);
    if (domid < 0)
        return 1;
    c = xl_connect(xl, (unsigned)domid);
    if (!c)
        return 1;
    for (int i = optind + 1; rc == 0 && i < argc; i++) {
        if (!text && keys_from_name(argv[i], &chord))
            rc = input_chord(c, (unsigned)domid, &chord, wait_ms);
        for (const char *p = argv[i]; text && rc == 0 && *p; p++)
            if (keys_from_char(*p, &chord))
                rc = input_chord(c, (unsigned)domid, &chord, wait_ms);
        if (text && rc == 0 && i + 1 < argc && keys_from_char(' ', &chord))
            rc = input_chord(c, (unsigned)domid, &chord, wait_ms);
    }
    control_disconnect(c);
    return rc;
}
