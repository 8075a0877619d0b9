/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * device.c: block-list, network-list, channel-list and the lists of devices we do not have; cd-insert, cd-eject.
 * The machine's "block_list" answers {"disks": [{"vdev": 768, "handle": 1, "state": 4, "evtchn": -1, "ref": -1,
 * "backend": "/local/..."}]}, its "network_list" {"nics": [{"devid", "mac", "handle", "state", "evtchn", "tx_ref",
 * "rx_ref", "backend"}]}. A machine without PV back ends has neither, and the tables stay empty.
 */
#include "xl/xl.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static void block_rows(const json_t *disks)
{
    size_t i;
    json_t *d;

    json_array_foreach(disks, i, d)
    {
        const char *backend = xl_string(d, "backend");
        printf("%-5lld %-3d %-6lld %-5lld %-6lld %-8lld %-30s\n", xl_int(d, "vdev", 0), 0, xl_int(d, "handle", 0),
               xl_int(d, "state", 1), xl_int(d, "evtchn", -1), xl_int(d, "ref", -1), backend ? backend : "");
    }
}

static void network_rows(const json_t *nics)
{
    size_t i;
    json_t *n;

    json_array_foreach(nics, i, n)
    {
        const char *mac = xl_string(n, "mac"), *backend = xl_string(n, "backend");
        printf("%-3lld %-2d %-17s %6lld %5lld %6lld %5lld/%-11lld %-30s\n", xl_int(n, "devid", 0), 0, mac ? mac : "",
               xl_int(n, "handle", 0), xl_int(n, "state", 1), xl_int(n, "evtchn", -1), xl_int(n, "tx_ref", -1),
               xl_int(n, "rx_ref", -1), backend ? backend : "");
    }
}

int xl_cmd_block_list(struct xl *xl, int argc, char **argv)
{
    while (xl_getopt(argc, argv, "h", NULL, 1) != -1)
        ;
    printf("%-5s %-3s %-6s %-5s %-6s %-8s %-30s\n", "Vdev", "BE", "handle", "state", "evt-ch", "ring-ref", "BE-path");
    for (int i = optind; i < argc; i++) {
        json_t *result = NULL;
        long domid = xl_lookup_domain(xl, argv[i]);
        if (domid < 0) {
            fprintf(stderr, "%s is an invalid domain identifier\n", argv[i]);
            continue;
        }
        if (domid > 0 && xl_call(xl, (unsigned)domid, "block_list", NULL, &result, false) == 0)
            block_rows(json_object_get(result, "disks"));
        json_decref(result);
    }
    return 0; /* as xl: an unknown domain is no failure here */
}

int xl_cmd_network_list(struct xl *xl, int argc, char **argv)
{
    while (xl_getopt(argc, argv, "h", NULL, 1) != -1)
        ;
    printf("%-3s %-2s %-17s %-6s %-5s %-6s %5s/%-5s %-30s\n", "Idx", "BE", "Mac Addr.", "handle", "state", "evt-ch",
           "tx-", "rx-ring-ref", "BE-path");
    for (int i = optind; i < argc; i++) {
        json_t *result = NULL;
        long domid = xl_find_domain(xl, argv[i]);
        if (domid < 0)
            return 1;
        if (domid > 0 && xl_call(xl, (unsigned)domid, "network_list", NULL, &result, false) == 0)
            network_rows(json_object_get(result, "nics"));
        json_decref(result);
    }
    return 0;
}

/* Kinds of devices no domain here has: the header alone. */
int xl_cmd_empty_list(struct xl *xl, int argc, char **argv)
{
    static const struct {
        const char *command, *header;
    } kinds[] = {
        {"channel-list", "Idx BE state evt-ch ring-ref connection                               "},
        {"vtpm-list", "Idx BE Uuid                                 handle state evt-ch ring-ref BE-path   "},
        {"vkb-list", "Idx BE handle state evt-ch    ref ID         BE-type    BE-path                       "},
        {"vdispl-list", "Idx BE handle state evt-ch ring-ref BE-path                       "},
        {"vsnd-list", "Idx BE handle state evt-ch ring-ref BE-path                       "},
    };

    while (xl_getopt(argc, argv, "h", NULL, 1) != -1)
        ;
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
        if (strcmp(argv[0], kinds[i].command) == 0)
            printf("%s\n", kinds[i].header);
    for (int i = optind; i < argc; i++)
        if (xl_find_domain(xl, argv[i]) < 0)
            return 1;
    return 0;
}

static int cd_call(struct xl *xl, const char *domain, const char *vdev, const char *path)
{
    char absolute[PATH_MAX];
    long domid = xl_find_domain(xl, domain);
    struct stat st;
    json_t *args;

    if (domid < 0)
        return 1;
    if (path && path[0] && (stat(path, &st) != 0 || !realpath(path, absolute))) {
        fprintf(stderr, "Cannot stat file: %s\n", path);
        return 1;
    }
    if (xl->dry_run) {
        printf("disk: {\n");
        if (path && path[0])
            printf("    \"pdev_path\": \"%s\",\n", path);
        printf("    \"vdev\": \"%s\",\n    \"format\": \"raw\",\n    \"removable\": 1,\n    \"is_cdrom\": 1\n}\n\n",
               vdev);
        return 0;
    }
    args = path && path[0] ? json_pack("{s:s, s:s}", "vdev", vdev, "path", absolute) : json_pack("{s:s}", "vdev", vdev);
    return xl_call(xl, (unsigned)domid, path && path[0] ? "cd_insert" : "cd_eject", args, NULL, true) != 0;
}

int xl_cmd_cd_insert(struct xl *xl, int argc, char **argv)
{
    while (xl_getopt(argc, argv, "h", NULL, 3) != -1)
        ;
    return cd_call(xl, argv[optind], argv[optind + 1], argv[optind + 2]);
}

int xl_cmd_cd_eject(struct xl *xl, int argc, char **argv)
{
    while (xl_getopt(argc, argv, "h", NULL, 2) != -1)
        ;
    return cd_call(xl, argv[optind], argv[optind + 1], NULL);
}
