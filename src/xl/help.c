/* SPDX-License-Identifier: GPL-2.0-or-later */
/* help.c: the help texts' shapes and the options every command shares. Shell completion parses xl_help_all()'s. */
#include "xl/xl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void xl_help_all(void)
{
    printf("Usage xl [-vfNtT] <subcommand> [args]\n\n");
    printf("xl full list of subcommands:\n\n");
    for (const struct xl_command *c = xl_commands(); c->name; c++) {
        printf(" %-19s ", c->name);
        if (strlen(c->name) > 19)
            printf("\n %-19s ", "");
        printf("%s\n", c->summary);
    }
}

void xl_help_command(const struct xl_command *c)
{
    printf("Usage: xl [-vtT%s%s] %s %s\n\n", c->modifies ? "f" : "", c->can_dry_run ? "N" : "", c->name,
           c->usage ? c->usage : "");
    printf("%s.\n\n", c->summary);
    if (c->options)
        printf("Options:\n\n%s\n", c->options);
}

const struct xl_command *xl_command_named(const char *name)
{
    const struct xl_command *c = xl_commands();

    while (c->name && strcmp(c->name, name) != 0)
        c++;
    return c;
}

int xl_getopt(int argc, char **argv, const char *shorts, const struct option *longs, int required)
{
    static const struct option none[] = {{"help", no_argument, NULL, 'h'}, {0}};
    int opt = getopt_long(argc, argv, shorts, longs ? longs : none, NULL);

    switch (opt) {
    case '?':
        if (optopt)
            fprintf(stderr, "option `%c' not supported.\n", optopt);
        else
            fprintf(stderr, "option `%s' not supported.\n", argv[optind - 1]);
        exit(2);
    case 'h': xl_help_command(xl_command_named(argv[0])); exit(0);
    case -1:
        if (argc - optind >= required)
            return -1;
        fprintf(stderr, "'xl %s' requires at least %d argument%s.\n\n", argv[0], required, required > 1 ? "s" : "");
        xl_help_command(xl_command_named(argv[0]));
        exit(2);
    default: return opt;
    }
}
