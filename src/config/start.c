/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * start.c: config_check_start: what real Xen refuses only when a domain starts, and what domus cannot do yet.
 * Knows no files; whether images exist and are what they claim is image.h's and the domain's.
 */
#include "config/config.h"

#include "config/diag.h"
#include "config/vdev.h"

#include <inttypes.h>
#include <string.h>

static int check_memory(const struct domain_config *c, const struct diag *d, bool force)
{
    if (c->memory_line && !force) {
        diag_add(d, CONFIG_ERROR, c->memory_line,
                 "memory could not be read and real xl would start this domain with 32 MiB; write a number of MiB, "
                 "e.g. memory=2048 for 2 GiB");
        return 3;
    }
    if (c->target_memkb != CONFIG_UNSET && c->max_memkb != CONFIG_UNSET &&
        (uint64_t)c->target_memkb > (uint64_t)c->max_memkb) {
        diag_add(d, CONFIG_ERROR, 0, "memory (%" PRIu64 " MiB) is more than maxmem (%" PRIu64 " MiB)",
                 (uint64_t)c->target_memkb / 1024, (uint64_t)c->max_memkb / 1024);
        return 3;
    }
    return 0;
}

static int check_macs(const struct domain_config *c, const struct diag *d, bool force)
{
    if (!c->bad_mac_line || force)
        return 0;
    diag_add(d, CONFIG_ERROR, c->bad_mac_line,
             "this mac= is no address and real xl would choose one at random; write six bytes in hex, e.g. "
             "mac=00:16:3e:12:34:56");
    return 3;
}

static int check_disks(const struct domain_config *c, const struct diag *d)
{
    struct vdev seen[64], v;
    size_t count = 0;

    for (size_t i = 0; i < c->disks_count; i++) {
        const struct disk_config *disk = &c->disks[i];

        if (!vdev_parse(disk->vdev, &v)) {
            diag_add(d, CONFIG_ERROR, disk->line,
                     "Invalid or unsupported virtual disk identifier %s (hda to hdd, fda, fdb, sda..., xvda...)",
                     disk->vdev);
            return 3;
        }
        for (size_t k = 0; k < count; k++) {
            if (seen[k].number == v.number) {
                diag_add(d, CONFIG_ERROR, disk->line, "two disks are %s", disk->vdev);
                return 3;
            }
        }
        if (count < ARRAY_SIZE(seen))
            seen[count++] = v;
    }
    return 0;
}

static int check_hvm(const struct domain_config *c, const struct diag *d)
{
    static const char *const sound[] = {"ac97", "adlib", "cs4231a", "es1370", "gus", "hda", "sb16"};
    static const int64_t least_kib[] = {
        [VGA_UNSET] = 8192, [VGA_CIRRUS] = 8192, [VGA_STD] = 16384, [VGA_NONE] = 0, [VGA_QXL] = 131072};
    static const int64_t most_kib[] = {[VGA_UNSET] = 16384, [VGA_CIRRUS] = 16384, [VGA_STD] = 262144};
    const struct hvm_config *h = &c->hvm;
    bool known = !h->soundhw;

    if (h->bios == BIOS_ROMBIOS) {
        diag_add(d, CONFIG_ERROR, 0, "bios=\"rombios\" needs qemu-xen-traditional, which domus is not; use seabios");
        return 3;
    }
    if (c->video_memkb != CONFIG_UNSET && h->vga != VGA_NONE && c->video_memkb < least_kib[h->vga]) {
        diag_add(d, CONFIG_ERROR, 0, "videoram must be at least %" PRId64 " MiB for this vga",
                 least_kib[h->vga] / 1024);
        return 3;
    }
    if ((size_t)h->vga < ARRAY_SIZE(most_kib) && most_kib[h->vga] && c->video_memkb > most_kib[h->vga])
        diag_add(d, CONFIG_WARNING, 0,
                 "videoram: this vga has at most %" PRId64 " MiB, and that is what the guest gets",
                 most_kib[h->vga] / 1024);
    for (size_t i = 0; i < ARRAY_SIZE(sound) && !known; i++)
        known = strcmp(sound[i], h->soundhw) == 0;
    if (!known) {
        diag_add(d, CONFIG_ERROR, 0, "Unknown soundhw option '%s': ac97, adlib, cs4231a, es1370, gus, hda, sb16",
                 h->soundhw);
        return 3;
    }
    if (h->usbversion && (h->usb == TRI_TRUE || h->usbdevice || h->usbdevice_list)) {
        diag_add(d, CONFIG_ERROR, 0, "usbversion cannot be used together with usb or usbdevice");
        return 3;
    }
    return 0;
}

static int check_utf8(const struct domain_config *c, const struct diag *d)
{
    if (!c->bad_utf8_line)
        return 0;
    diag_add(d, CONFIG_ERROR, c->bad_utf8_line, "this line is not UTF-8; save the file as UTF-8");
    return 3;
}

int config_check_start(const struct domain_config *c, const struct config_sink *sink, bool force)
{
    struct diag d = {.sink = sink, .source = c->source ? c->source : c->name};
    int rc = check_memory(c, &d, force);

    if (!rc)
        rc = check_utf8(c, &d);
    if (!rc)
        rc = check_macs(c, &d, force);
    if (!rc)
        rc = check_disks(c, &d);
    if (!rc && c->type == DOMAIN_TYPE_HVM)
        rc = check_hvm(c, &d);
    for (size_t i = 0; i < c->nics_count && !rc; i++) {
        if (c->type != DOMAIN_TYPE_HVM && c->nics[i].nictype == NIC_IOEMU) {
            diag_add(&d, CONFIG_ERROR, c->nics[i].line, "trying to create PV or PVH guest with an emulated interface");
            rc = 3;
        }
    }
    if (rc)
        return rc;
    if (c->type == DOMAIN_TYPE_HVM && c->hvm.soundhw && strcmp(c->hvm.soundhw, "sb16") != 0)
        diag_add(&d, CONFIG_WARNING, 0,
                 "soundhw '%s' does not exist yet in domus: the guest has no sound card; soundhw='sb16' exists",
                 c->hvm.soundhw);
    for (size_t i = 0; i < c->inert_count; i++) {
        const char *key = c->inert[i].key;

        if (strncmp(key, "device_model_", 13) == 0)
            diag_add(&d, CONFIG_WARNING, c->inert[i].line, "'%s' ignored: domus has no separate device model", key);
        else
            diag_add(&d, CONFIG_WARNING, c->inert[i].line, "'%s' does nothing yet in domus", key);
    }
    return 0;
}
