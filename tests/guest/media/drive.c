/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * drive.c: runs in the guest, linked statically: what its kernel and its CD-ROM drive say, a line each.
 *
 *   drive status     the driver's words: "disc", "empty", "open" ...
 *   drive ready      TEST UNIT READY by the bsg device, past the driver, which would swallow a unit attention:
 *                    "ready" or "sense KEY/ASC/ASCQ"
 *   drive lock|unlock|eject|close      "ok", "refused" or the error
 *   drive watch      waits for the kernel's event that a disc was changed, at most three minutes: "changed"
 *   drive toc        the table of contents: TRACK:CONTROL@SECTOR, the lead-out as "end"
 *   drive label      the ISO's volume name, read past the page cache
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/bsg.h>
#include <linux/cdrom.h>
#include <linux/netlink.h>
#include <scsi/sg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static int say(int r)
{
    puts(r < 0 ? strerror(errno) : r ? "refused" : "ok"); /* some kernels return the SCSI status */
    return 0;
}

static int status(int fd)
{
    static const char *const words[] = {"unknown", "empty", "open", "not-ready", "disc"};
    int r = ioctl(fd, CDROM_DRIVE_STATUS, CDSL_CURRENT);

    puts(r < 0 || r > 4 ? strerror(errno) : words[r]);
    return 0;
}

/* The drive is the third IDE place: the second channel's first. */
static int ready(void)
{
    uint8_t packet[12] = {0}, sense[64] = {0};
    struct sg_io_v4 io = {.guard = 'Q',
                          .request_len = sizeof packet,
                          .request = (uintptr_t)packet,
                          .max_response_len = sizeof sense,
                          .response = (uintptr_t)sense,
                          .timeout = 10000};
    int fd = open("/dev/bsg/1:0:0:0", O_RDWR);

    if (fd < 0 || ioctl(fd, SG_IO, &io) < 0)
        return say(-1);
    if (!io.device_status)
        puts("ready");
    else
        printf("sense %x/%02x/%02x\n", sense[2] & 15, sense[12], sense[13]);
    return 0;
}

static int watch(void)
{
    struct sockaddr_nl from = {.nl_family = AF_NETLINK, .nl_groups = 1};
    int fd = socket(AF_NETLINK, SOCK_DGRAM, NETLINK_KOBJECT_UEVENT);
    char message[8192];
    ssize_t n;

    if (fd < 0 || bind(fd, (struct sockaddr *)&from, sizeof from))
        return say(-1);
    alarm(180);
    while ((n = recv(fd, message, sizeof message, 0)) > 0)
        if (memmem(message, (size_t)n, "DISK_MEDIA_CHANGE=1", 19)) {
            puts("changed");
            return 0;
        }
    return say(-1);
}

static int toc(int fd)
{
    struct cdrom_tochdr header;

    if (ioctl(fd, CDROMREADTOCHDR, &header))
        return say(-1);
    for (int n = header.cdth_trk0; n <= header.cdth_trk1 + 1; n++) {
        bool end = n > header.cdth_trk1;
        struct cdrom_tocentry e = {.cdte_track = (uint8_t)(end ? CDROM_LEADOUT : n), .cdte_format = CDROM_LBA};

        if (ioctl(fd, CDROMREADTOCENTRY, &e))
            return say(-1);
        if (end)
            printf("end@%d\n", e.cdte_addr.lba);
        else
            printf("%d:%x@%d ", n, e.cdte_ctrl, e.cdte_addr.lba);
    }
    return 0;
}

static int label(void)
{
    static char sector[2048] __attribute__((aligned(4096)));
    int fd = open("/dev/sr0", O_RDONLY | O_DIRECT);

    if (fd < 0 || pread(fd, sector, sizeof sector, 16 * 2048) != sizeof sector)
        return say(-1);
    sector[72] = '\0';
    sector[40 + strcspn(sector + 40, " ")] = '\0';
    printf("label %s\n", sector + 40);
    return 0;
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    int fd;

    if (!strcmp(what, "ready"))
        return ready();
    if (!strcmp(what, "watch"))
        return watch();
    if (!strcmp(what, "label"))
        return label();
    fd = open("/dev/sr0", O_RDONLY | O_NONBLOCK);
    if (fd < 0)
        return say(-1);
    if (!strcmp(what, "status"))
        return status(fd);
    if (!strcmp(what, "toc"))
        return toc(fd);
    if (!strcmp(what, "lock") || !strcmp(what, "unlock"))
        return say(ioctl(fd, CDROM_LOCKDOOR, what[0] == 'l'));
    if (!strcmp(what, "eject"))
        return say(ioctl(fd, CDROMEJECT));
    if (!strcmp(what, "close"))
        return say(ioctl(fd, CDROMCLOSETRAY));
    return 2;
}
