/* SPDX-License-Identifier: GPL-2.0-or-later */
/* firmware.c: see firmware.h. */
#include "board/firmware.h"

#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct firmware_place {
    const char *what, *package;
    const char *pattern[3]; /* glob(7); the first match of the first that matches */
};

static const struct firmware_place places[] = {
    [FIRMWARE_HVMLOADER] = {"hvmloader",
                            "xen-utils-4.17",
                            {"/usr/lib/xen-*/boot/hvmloader", "/usr/lib/xen/boot/hvmloader"}},
    [FIRMWARE_XEN_SHIM] = {"xen-shim",
                           "xen-utils-4.17",
                           {"/usr/lib/xen-*/boot/xen-shim", "/usr/lib/xen/boot/xen-shim"}},
    [FIRMWARE_SEABIOS] = {"SeaBIOS with Xen support", "seabios", {"/usr/share/seabios/bios-256k.bin"}},
    [FIRMWARE_OVMF] = {"OVMF", "ovmf", {"/usr/share/ovmf/OVMF.fd", "/usr/share/OVMF/OVMF.fd"}},
    [FIRMWARE_VGA_CIRRUS] = {"the Cirrus VGA BIOS", "seabios", {"/usr/share/seabios/vgabios-cirrus.bin"}},
    [FIRMWARE_VGA_STD] = {"the standard VGA BIOS", "seabios", {"/usr/share/seabios/vgabios-stdvga.bin"}},
    [FIRMWARE_PXE_RTL8139] = {"the rtl8139 boot ROM",
                              "ipxe-qemu",
                              {"/usr/lib/ipxe/qemu/efi-rtl8139.rom", "/usr/lib/ipxe/qemu/pxe-rtl8139.rom"}},
    [FIRMWARE_PXE_E1000] = {"the e1000 boot ROM",
                            "ipxe-qemu",
                            {"/usr/lib/ipxe/qemu/efi-e1000.rom", "/usr/lib/ipxe/qemu/pxe-e1000.rom"}},
};

char *firmware_find(enum firmware_kind kind)
{
    const struct firmware_place *place = &places[kind];
    char *found = NULL;

    for (unsigned i = 0; i < ARRAY_SIZE(place->pattern) && place->pattern[i] && !found; i++) {
        glob_t g;
        if (glob(place->pattern[i], 0, NULL, &g) == 0) {
            found = strdup(g.gl_pathv[g.gl_pathc - 1]); /* the newest, as names sort */
            globfree(&g);
        }
    }
    if (!found)
        log_error("%s is not installed (looked for %s): apt-get install %s", place->what, place->pattern[0],
                  place->package);
    return found;
}

static int read_all(int fd, uint8_t *to, size_t len)
{
    while (len) {
        ssize_t n = read(fd, to, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            return -EIO; /* shorter than it said */
        to += n;
        len -= (size_t)n;
    }
    return 0;
}

int firmware_read(const char *path, size_t limit, uint8_t **bytes, size_t *len)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC), rc = 0;
    struct stat st;

    *bytes = NULL;
    if (fd < 0 || fstat(fd, &st) < 0)
        rc = -errno;
    else if (!S_ISREG(st.st_mode))
        rc = -EINVAL;
    else if ((uint64_t)st.st_size > limit)
        rc = -EFBIG;
    if (rc == 0) {
        *len = (size_t)st.st_size;
        *bytes = malloc(*len ? *len : 1);
        rc = *bytes ? read_all(fd, *bytes, *len) : -ENOMEM;
    }
    if (fd >= 0)
        close(fd);
    if (rc) {
        free(*bytes);
        *bytes = NULL;
        if (rc == -EFBIG)
            log_error("%s: larger than %zu bytes: not an image of this kind", path, limit);
        else
            log_error("%s: %s", path, rc == -EINVAL ? "not a regular file" : strerror(-rc));
    }
    return rc;
}
