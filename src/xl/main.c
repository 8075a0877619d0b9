/* SPDX-License-Identifier: GPL-2.0-or-later */
/* main.c: `xl [-vfNtT] <subcommand> [args]`: global options, and which command is meant. */
#include "xl/xl.h"

#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An exact name, or else the only one that begins so. */
static const struct xl_command *main_lookup(const char *name)
{
    const struct xl_command *found = NULL;
    size_t matches = 0, length = strlen(name);

    for (const struct xl_command *c = xl_commands(); c->name; c++) {
        if (strcmp(c->name, name) == 0)
            return c;
        if (strncmp(c->name, name, length) == 0) {
            found = c;
            matches++;
        }
    }
    return matches == 1 ? found : NULL;
}

static int main_help(int argc, char **argv)
{
    const struct xl_command *c;

    if (argc < 2) {
        xl_help_all();
        return 0;
    }
    c = main_lookup(argv[1]);
    if (c)
        xl_help_command(c);
    else
        printf("command \"%s\" not implemented\n", argv[1]);
    return 0;
}

int main(int argc, char **argv)
{
    struct xl xl = {0};
    const struct xl_command *c;
    int opt, rc;

    while ((opt = getopt(argc, argv, "+vftTN")) >= 0) {
        switch (opt) {
        case 'v': xl.verbose++; break;
        case 'f': xl.force = true; break;
        case 'N': xl.dry_run = true; break;
        case 't': xl.progress = true; break;
        case 'T': break; /* time stamps on log lines: we print none that would need them */
        default: fprintf(stderr, "unknown global option\n"); return 1;
        }
    }
    argc -= optind;
    argv += optind;
    if (argc == 0) {
        xl_help_all();
        return 1;
    }
    log_init(2, xl.verbose ? LOG_DEBUG : LOG_WARNING);
    c = main_lookup(argv[0]);
    if (!c && strcmp(argv[0], "help") == 0)
        return main_help(argc, argv);
    if (!c) {
        fprintf(stderr, "command not implemented\n");
        return 1;
    }
    if (xl.dry_run && !c->can_dry_run) {
        fprintf(stderr, "command does not implement -N (dryrun) option\n");
        return 1;
    }
    argv[0] = (char *)c->name; /* messages name the command in full */
    optind = 0;                /* the scan starts anew */
    opterr = 0;
    rc = c->run(&xl, argc, argv);
    registry_close(xl.registry);
    if (fflush(stdout) != 0 && rc == 0)
        rc = 1;
    return rc;
}
