/* SPDX-License-Identifier: GPL-2.0-or-later */
/* input.c: screenshot and send-keys: looking at a domain and typing into it from a script. */
#include "xl/xl.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* The domain's process has a working directory of its own. */
char *xl_absolute(const char *path)
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
    path = xl_absolute(argv[optind + 1]);
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

/* The domain's keyboard types at the pace a guest can follow; a script's next step shall find it done. */
static void input_wait(struct control_client *c)
{
    for (;;) {
        json_t *info = NULL;
        bool typing = control_call(c, "info", NULL, -1, &info, NULL) == 0 && xl_true(info, "typing") &&
                      !xl_true(info, "paused") && !xl_true(info, "shutdown");
        json_decref(info);
        if (!typing)
            return;
        input_sleep(50);
    }
}

int xl_cmd_send_keys(struct xl *xl, int argc, char **argv)
{
    struct control_client *c;
    json_t *keys;
    char *why = NULL;
    long domid;
    int rc;

    while (xl_getopt(argc, argv, "+h", NULL, 2) != -1)
        ;
    domid = xl_find_domain(xl, argv[optind]);
    if (domid < 0)
        return 1;
    c = xl_connect(xl, (unsigned)domid);
    if (!c)
        return 1;
    keys = json_array();
    for (int i = optind + 1; i < argc; i++)
        json_array_append_new(keys, json_string(argv[i]));
    rc = control_call(c, "send_keys", json_pack("{s:o}", "keys", keys), -1, NULL, &why);
    if (rc == 0)
        input_wait(c);
    else
        xl_error("Domain %ld: %s", domid, why ? why : "unknown error");
    free(why);
    control_disconnect(c);
    return rc != 0;
}
