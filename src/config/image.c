/* SPDX-License-Identifier: GPL-2.0-or-later */
/* image.c: see image.h. Magic numbers: QEMU's docs/interop/qcow2, VMDK 5.0 and VHD 1.0 and VHDX 1.0 specifications. */
#include "config/image.h"

#include "config/diag.h"
#include "config/text.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECTOR 512

const char *image_magic(const uint8_t *bytes, size_t len, const uint8_t *tail, size_t tail_len)
{
    static const struct {
        const char *magic;
        size_t len;
        const char *format;
    } known[] = {
        {"QFI\xfb\0\0\0\1", 8, "qcow"},
        {"QFI\xfb", 4, "qcow2"},
        {"conectix", 8, "vhd"},
        {"vhdxfile", 8, "vhdx"},
        {"KDMV", 4, "vmdk"},
        {"# Disk DescriptorFile", 21, "vmdk"},
        {"QED\0", 4, "qed"},
        {"<<< Oracle VM VirtualBox Disk Image >>>", 39, "vdi"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
        if (len >= known[i].len && memcmp(bytes, known[i].magic, known[i].len) == 0)
            return known[i].format;
    }
    if (tail_len == SECTOR && memcmp(tail, "conectix", 8) == 0)
        return "vhd"; /* a fixed VHD has only a footer */
    return NULL;
}

static int image_open(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    char *under;

    if (fd >= 0 || *path == '/')
        return fd;
    under = text_format("/dev/%s", path);
    fd = open(under, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    free(under);
    return fd;
}

static const char *image_look(const char *path)
{
    uint8_t head[SECTOR], tail[SECTOR];
    ssize_t head_len, tail_len = 0;
    int fd = image_open(path);
    struct stat st;
    bool file;

    if (fd < 0)
        return NULL;
    file = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
    head_len = file ? pread(fd, head, sizeof head, 0) : 0;
    if (file && st.st_size > 2 * SECTOR)
        tail_len = pread(fd, tail, sizeof tail, st.st_size - SECTOR);
    close(fd);
    return image_magic(head, head_len > 0 ? (size_t)head_len : 0, tail, tail_len > 0 ? (size_t)tail_len : 0);
}

void image_check(const struct domain_config *config, const struct config_sink *sink)
{
    struct diag d = {.sink = sink, .source = config->source ? config->source : config->name};

    for (size_t i = 0; i < config->disks_count; i++) {
        const struct disk_config *disk = &config->disks[i];
        const char *format;

        if (disk->format != DISK_RAW || !disk->pdev_path || !*disk->pdev_path || disk->script || disk->backend_domname)
            continue;
        format = image_look(disk->pdev_path);
        if (format)
            diag_add(
                &d, CONFIG_WARNING, disk->line,
                "%s is a %s image, but %s says raw: the guest will see the container's own bytes; `qemu-img convert "
                "-O raw` makes a raw one",
                disk->pdev_path, format, disk->vdev);
    }
}
