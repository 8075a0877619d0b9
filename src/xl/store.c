/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store.c: xenstore-ls: what a domain's xenstore holds. On Xen a program of its own; here every domain has its store.
 */
#include "xl/xl.h"

#include <stdio.h>

int xl_cmd_xenstore_ls(struct xl *xl, int argc, char **argv)
{
    json_t *answer = NULL;
    bool perms = false;
    long domid;
    int opt, rc;

    while ((opt = xl_getopt(argc, argv, "hfp", NULL, 1)) != -1)
        perms |= opt == 'p';
    domid = xl_find_domain(xl, argv[optind]);
    if (domid < 0)
        return 1;
    rc = xl_call(xl, (unsigned)domid, "store",
                 json_pack("{s:s, s:b}", "path", optind + 1 < argc ? argv[optind + 1] : "/", "perms", (int)perms),
                 &answer, true);
    if (rc == 0)
        fputs(xl_string(answer, "lines") ? xl_string(answer, "lines") : "", stdout);
    json_decref(answer);
    return rc != 0;
}
