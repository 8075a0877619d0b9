/* SPDX-License-Identifier: GPL-2.0-or-later */
/* absent.c: commands that need the Xen hypervisor, and those that do not exist here yet: one clear line each. */
#include "xl/xl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int xl_cmd_needs_xen(struct xl *xl, int argc, char **argv)
{
    if (argc > 1 && (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0))
        xl_getopt(argc, argv, "h", NULL, 0);
    fprintf(stderr, "xl: '%s' needs the Xen hypervisor; this host has none (not applicable here)\n", argv[0]);
    return 1;
}

static void absent_say(const char *name)
{
    fprintf(stderr, "xl: '%s' does not exist yet in domus\n", name);
}

/* How many arguments xl wants, so that wrong usage is answered as there. */
static int absent_required(const char *name)
{
    static const struct {
        const char *name;
        int required;
    } wanted[] = {
        {"pci-attach", 2},
        {"pci-detach", 2},
        {"pci-assignable-add", 1},
        {"pci-assignable-remove", 1},
        {"save", 2},
        {"restore", 1},
        {"migrate", 2},
        {"dump-core", 2},
        {"vcpu-pin", 3},
        {"mem-max", 2},

        {"block-detach", 2},
        {"vtpm-attach", 1},
        {"vtpm-detach", 2},
        {"vkb-attach", 2},
        {"vkb-detach", 2},
        {"vdispl-attach", 1},
        {"vdispl-detach", 2},
        {"vsnd-attach", 1},
        {"vsnd-detach", 2},
        {"usbctrl-attach", 1},
        {"usbctrl-detach", 2},
        {"usbdev-attach", 2},
        {"usbdev-detach", 2},
        {"usb-list", 1},
        {"pci-list", 1},
        {"qemu-monitor-command", 2},
    };

    for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
        if (strcmp(name, wanted[i].name) == 0)
            return wanted[i].required;
    return 0;
}

/* [DDDD:]BB:DD.F, and for attaching what may follow. */
static bool absent_bdf(const char *text, bool with_options)
{
    unsigned domain, bus, device, function;
    int n = 0, m = 0;

    if (sscanf(text, "%x:%x:%x.%x%n", &domain, &bus, &device, &function, &n) != 4)
        n = 0;
    if (n == 0 && sscanf(text, "%x:%x.%x%n", &bus, &device, &function, &m) != 3)
        return false;
    text += n ? n : m;
    return (!*text || (with_options && (*text == '@' || *text == ','))) && bus < 256 && device < 32 && function < 8;
}

/* What xl finds wrong with the arguments before it would do anything; 0: nothing. */
static int absent_check(struct xl *xl, const struct xl_command *c, char **args)
{
    const char *usage = c->usage ? c->usage : "";

    if (strcmp(c->name, "config-update") == 0 && !args[0]) {
        fprintf(stderr, "xl config-update requires a domain argument\n");
        xl_help_command(c);
        return 1;
    }
    if (strncmp(c->name, "pci-assignable-", 15) == 0 && args[0] && !absent_bdf(args[0], false)) {
        fprintf(stderr, "%s: malformed BDF \"%s\"\n", c->name, args[0]);
        return 2;
    }
    if (strstr(usage, "<PCI_SPEC_STRING>") && args[1] && !absent_bdf(args[1], true)) {
        fprintf(stderr, "%s: malformed PCI_SPEC_STRING \"%s\"\n", c->name, args[1]);
        return 2;
    }
    if (strcmp(c->name, "restore") == 0 && access(args[0], R_OK) != 0) {
        fprintf(stderr, "Can't open restore file: %s\n", strerror(errno));
        return 1;
    }
    if ((strncmp(usage, "<Domain>", 8) == 0 || strncmp(usage, "[options] <Domain>", 18) == 0) &&
        xl_find_domain(xl, args[0]) < 0)
        return 1;
    return 0;
}

int xl_cmd_not_yet(struct xl *xl, int argc, char **argv)
{
    int first = 1, required = absent_required(argv[0]), rc;

    if (argc > 1 && (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0))
        xl_getopt(argc, argv, "h", NULL, 0);
    while (first < argc && argv[first][0] == '-' && argv[first][1])
        first++;
    if (argc - first < required) {
        char *none[] = {argv[0], NULL};
        xl_getopt(1, none, "h", NULL, required); /* says so, and leaves */
    }
    rc = absent_check(xl, xl_command_named(argv[0]), argv + first);
    if (rc != 0)
        return rc;
    absent_say(argv[0]);
    return 1;
}

static bool absent_size(const char *text)
{
    char *end;
    long long value = strtoll(text, &end, 10);

    return end != text && value >= 0 && (!*end || (strchr("bkmgtBKMGT", *end) && !end[1]));
}

/* mem-set and mem-max: what xl checks is checked. */
int xl_cmd_mem_set(struct xl *xl, int argc, char **argv)
{
    while (xl_getopt(argc, argv, "h", NULL, 2) != -1)
        ;
    if (xl_find_domain(xl, argv[optind]) < 0)
        return 1;
    if (!absent_size(argv[optind + 1])) {
        fprintf(stderr, "invalid memory size: %s\n", argv[optind + 1]);
        return 1;
    }
    absent_say(argv[0]);
    return 1;
}

int xl_cmd_vcpu_set(struct xl *xl, int argc, char **argv)
{
    static const struct option longs[] = {
        {"ignore-host", no_argument, NULL, 'i'}, {"help", no_argument, NULL, 'h'}, {0}};
    long cpus = sysconf(_SC_NPROCESSORS_ONLN), wanted;
    bool ignore = false;
    char *end;
    int opt;

    while ((opt = xl_getopt(argc, argv, "hi", longs, 2)) != -1)
        ignore |= opt == 'i';
    if (xl_find_domain(xl, argv[optind]) < 0)
        return 1;
    wanted = strtol(argv[optind + 1], &end, 10);
    if (end == argv[optind + 1] || *end || wanted < 0) {
        fprintf(stderr, "Error: Invalid argument.\n");
        return 1;
    }
    if (!ignore && wanted > cpus) {
        fprintf(
            stderr,
            "You are overcommmitting! You have %ld physical CPUs and want %ld vCPUs! Aborting, use --ignore-host to "
            "continue\n",
            cpus, wanted);
        return 1;
    }
    absent_say(argv[0]);
    return 1;
}
