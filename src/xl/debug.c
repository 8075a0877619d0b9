/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * debug.c: what the CPU engine of a domain counts, and the instructions that it runs, for who works on an engine or
 * wonders what a guest does.
 */
#include "xl/xl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT_DEFAULT 100000

static int show_counters(struct xl *xl, unsigned domid)
{
    json_t *answer = NULL, *vcpu, *value;
    const char *name;
    size_t i;

    if (xl_call(xl, domid, "counters", NULL, &answer, true) != 0)
        return 1;
    printf("engine %s\n", xl_string(answer, "engine"));
    json_array_foreach(json_object_get(answer, "vcpus"), i, vcpu)
    {
        printf("VCPU %zu\n", i);
        json_object_foreach(vcpu, name, value) printf("  %-32s %14lld\n", name, (long long)json_integer_value(value));
    }
    json_decref(answer);
    return 0;
}

static int write_trace(struct xl *xl, unsigned domid, const char *file, long count)
{
    char *path = xl_absolute(file);
    int rc;

    if (!path) {
        xl_error("%s: %s", file, strerror(errno));
        return 1;
    }
    rc = xl_call(xl, domid, "trace", json_pack("{s:s, s:I}", "path", path, "count", (json_int_t)count), NULL, true);
    free(path);
    return rc != 0;
}

int xl_cmd_debug(struct xl *xl, int argc, char **argv)
{
    const char *file = NULL, *number = NULL;
    char *end = NULL;
    long domid, count = COUNT_DEFAULT;
    int opt;

    while ((opt = xl_getopt(argc, argv, "hn:t:", NULL, 1)) != -1) {
        if (opt == 't')
            file = optarg;
        else if (opt == 'n')
            number = optarg;
    }
    if (number) {
        errno = 0;
        count = strtol(number, &end, 10);
        if (errno || *end || count <= 0) {
            xl_error("-n %s is not a number of instructions", number);
            return 1;
        }
        if (!file) {
            xl_error("-n says how many instructions -t writes: name a file with -t");
            return 1;
        }
    }
    domid = xl_find_domain(xl, argv[optind]);
    if (domid < 0)
        return 1;
    return file ? write_trace(xl, (unsigned)domid, file, count) : show_counters(xl, (unsigned)domid);
}
