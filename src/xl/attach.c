/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * attach.c: block-attach and network-attach: their arguments are read, checked and, dry (-N), shown as xl shows them.
 * Attaching disks to a running domain does not exist yet; of emulated NICs the cable is pulled and plugged.
 */
#include "xl/xl.h"

#include "config/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int xl_cmd_block_attach(struct xl *xl, int argc, char **argv)
{
    struct disk_config disk = {0};
    int rc = 1;

    while (xl_getopt(argc, argv, "h", NULL, 2) != -1)
        ;
    if (xl_lookup_domain(xl, argv[optind]) < 0) {
        fprintf(stderr, "%s is an invalid domain identifier\n", argv[optind]);
        return 1;
    }
    if (config_parse_disk(&disk, (const char *const *)argv + optind + 1, (size_t)(argc - optind - 1), "command line",
                          &config_sink_stderr)) {
        char *json = config_disk_to_json(&disk);
        if (xl->dry_run && json) {
            printf("disk: %s\n", json);
            rc = 0;
        } else {
            fprintf(stderr, "xl: '%s' does not exist yet in domus: name the device in the configuration\n", argv[0]);
        }
        free(json);
    }
    config_disk_fini(&disk);
    return rc;
}

/* One argument a key, commas and all: its part of the NIC is added to `all`. */
static bool attach_nic_part(json_t *all, const char *part)
{
    const struct config_host host = {.conf = NULL, .cpus = (unsigned)sysconf(_SC_NPROCESSORS_CONF)};
    struct nic_config nic = {0};
    bool ok = config_parse_nic(&nic, part, "command line", &host, &config_sink_stderr);
    char *text = ok ? config_nic_to_json(&nic) : NULL;
    json_t *json = text ? json_loads(text, 0, NULL) : NULL;

    if (json)
        json_object_update(all, json);
    json_decref(json);
    free(text);
    config_nic_fini(&nic);
    return ok;
}

int xl_cmd_network_attach(struct xl *xl, int argc, char **argv)
{
    json_t *all = json_object(), *args;
    const char *mac;
    long domid;
    bool ok;

    while (xl_getopt(argc, argv, "h", NULL, 1) != -1)
        ;
    domid = xl_find_domain(xl, argv[optind]);
    ok = domid >= 0;
    for (int i = optind + 1; ok && i < argc; i++)
        ok = attach_nic_part(all, argv[i]);
    if (ok && xl->dry_run) {
        printf("vif: ");
        xl_print_json(all, 0);
        printf("\n\n");
    } else if (ok) {
        mac = xl_string(all, "mac");
        args = mac ? json_pack("{s:b, s:s}", "up", 1, "device", mac) : json_pack("{s:b}", "up", 1);
        ok = xl_call(xl, (unsigned)domid, "network_plug", args, NULL, true) == 0;
        if (!ok)
            fprintf(stderr, "libxl_device_nic_add failed.\n");
    }
    json_decref(all);
    return ok ? 0 : 1;
}

int xl_cmd_network_detach(struct xl *xl, int argc, char **argv)
{
    json_t *args;
    long domid;

    while (xl_getopt(argc, argv, "h", NULL, 2) != -1)
        ;
    domid = xl_find_domain(xl, argv[optind]);
    if (domid < 0)
        return 1;
    args = json_pack("{s:b, s:s}", "up", 0, "device", argv[optind + 1]);
    if (xl_call(xl, (unsigned)domid, "network_plug", args, NULL, false) != 0) {
        fprintf(stderr, "Unknown device %s.\n", argv[optind + 1]);
        return 1;
    }
    return 0;
}
