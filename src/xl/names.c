/* SPDX-License-Identifier: GPL-2.0-or-later */
/* names.c: domid, domname, rename. */
#include "xl/xl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int xl_cmd_domid(struct xl *xl, int argc, char **argv)
{
    struct registry_entry *entries = NULL;
    size_t n = 0;
    long domid = -1;

    while (xl_getopt(argc, argv, "h", NULL, 1) != -1)
        ;
    /* Here a number is a name too. */
    if (strcmp(argv[optind], "Domain-0") == 0)
        domid = 0;
    else if (registry_list(xl_registry(xl), &entries, &n) == 0)
        for (size_t i = 0; i < n; i++)
            if (strcmp(entries[i].name, argv[optind]) == 0)
                domid = entries[i].domid;
    registry_list_free(entries, n);
    if (domid < 0) {
        fprintf(stderr, "Can't get domid of domain name '%s', maybe this domain does not exist.\n", argv[optind]);
        return 1;
    }
    printf("%ld\n", domid);
    return 0;
}

int xl_cmd_domname(struct xl *xl, int argc, char **argv)
{
    char *end, *name;
    long domid;

    while (xl_getopt(argc, argv, "h", NULL, 1) != -1)
        ;
    domid = strtol(argv[optind], &end, 10);
    if (end == argv[optind] || *end || domid < 0) {
        fprintf(stderr, "Invalid domain id.\n\n");
        return 1;
    }
    name = domid < (long)REGISTRY_DOMID_LIMIT ? xl_domain_name(xl, (unsigned)domid) : NULL;
    if (!name) {
        fprintf(stderr, "Can't get domain name of domain id '%s', maybe this domain does not exist.\n", argv[optind]);
        return 1;
    }
    printf("%s\n", name);
    free(name);
    return 0;
}

int xl_cmd_rename(struct xl *xl, int argc, char **argv)
{
    long domid;

    while (xl_getopt(argc, argv, "h", NULL, 2) != -1)
        ;
    domid = xl_find_domain(xl, argv[optind]);
    if (domid < 0)
        return 1;
    if (xl_call(xl, (unsigned)domid, "rename", json_pack("{s:s}", "name", argv[optind + 1]), NULL, true) == 0)
        return 0;
    fprintf(stderr, "Can't rename domain '%s'.\n", argv[optind]);
    return 1;
}
