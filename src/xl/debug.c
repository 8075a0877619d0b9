/* SPDX-License-Identifier: GPL-2.0-or-later */
/* debug.c: what the CPU engine of a domain counts, for who works on an engine or wonders what a guest does. */
#include "xl/xl.h"

#include <stdio.h>

int xl_cmd_debug(struct xl *xl, int argc, char **argv)
{
    json_t *answer = NULL, *vcpu, *value;
    const char *name;
    size_t i;
    long domid;

    while (xl_getopt(argc, argv, "h", NULL, 1) != -1)
        ;
    domid = xl_find_domain(xl, argv[optind]);
    if (domid < 0 || xl_call(xl, (unsigned)domid, "counters", NULL, &answer, true) != 0)
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
