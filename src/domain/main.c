/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * main.c: domus-domain: one process per domain, started by `xl create` with an order on fd 0 (supervisor.h).
 * `domus-domain --firmware` answers `xl doctor`: which files of the distribution's are there.
 */
#include "board/firmware.h"
#include "config/config.h"
#include "domain/channel.h"
#include "domain/supervisor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int main_machine(const json_t *json, const struct domain_boot *order, struct domain_channel *channel)
{
    char *text = json_dumps(json, 0), *error = NULL;
    struct domain_config *config = text ? config_from_json(text, &error) : NULL;
    int rc;

    free(text);
    if (!config) {
        channel_failed(channel, "%s", error ? error : "out of memory");
        free(error);
        return 0;
    }
    rc = domain_machine_run(config, order, channel);
    config_free(config);
    return rc;
}

static int main_firmware(void)
{
    static const struct {
        enum firmware_kind kind;
        const char *what;
        bool needed; /* for the main job: an HVM guest with a BIOS */
    } files[] = {
        {FIRMWARE_HVMLOADER, "hvmloader", true},
        {FIRMWARE_SEABIOS, "SeaBIOS", true},
        {FIRMWARE_VGA_CIRRUS, "VGA BIOS for the Cirrus card", true},
        {FIRMWARE_VGA_STD, "VGA BIOS for the standard card", true},
        {FIRMWARE_OVMF, "OVMF (bios=\"ovmf\")", false},
        {FIRMWARE_XEN_SHIM, "xen-shim (PV guests)", false},
        {FIRMWARE_PXE_RTL8139, "network boot ROM for rtl8139", false},
        {FIRMWARE_PXE_E1000, "network boot ROM for e1000", false},
    };

    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        char *path = firmware_find(files[i].kind);
        printf("%s\t%s\t%s%s%s\n", path ? "ok" : "missing", files[i].needed ? "needed" : "optional", files[i].what,
               path ? ": " : "", path ? path : "");
        free(path);
    }
    return 0;
}

int main(int argc, char **argv)
{
    const struct boot_machine machine = {.run = main_machine};

    if (argc == 2 && strcmp(argv[1], "--firmware") == 0)
        return main_firmware();
    return supervisor_main(&machine);
}
