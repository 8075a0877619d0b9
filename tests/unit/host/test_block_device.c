/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_block_device.c: phy: on real block devices, which are loop devices over files: their size, what is written, and
 * who may not have them. Skipped without the right to make loop devices.
 */
#include "host/block/block.h"

#include "host/block/cd_drive.h"
#include "machine/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define SKIPPED    77
#define DISK_BYTES (3 * 1024 * 1024 + 512) /* not a multiple of anything but 512 */

static struct loop *loop;
static char dir[] = "/tmp/domus-device-XXXXXX";
static char device[64], readonly_device[64];

static int shell(const char *format, const char *argument)
{
    char command[300];

    snprintf(command, sizeof command, format, argument);
    return system(command);
}

/* losetup's answer, the device's path; false: it refuses. */
static bool attach(const char *options, char *path, size_t size)
{
    char command[300];
    FILE *f;

    snprintf(command, sizeof command, "PATH=$PATH:/usr/sbin:/sbin losetup %s -f --show %s/disk 2>&1", options, dir);
    f = popen(command, "r");
    if (!f || !fgets(path, (int)size, f))
        path[0] = '\0';
    if (f)
        pclose(f);
    path[strcspn(path, "\n")] = '\0';
    return !strncmp(path, "/dev/", 5);
}

static struct block *open_it(struct block_options o)
{
    struct block *b;
    char *why = NULL;

    if (block_open(&b, loop, &o, &why))
        fail_msg("%s", why);
    return b;
}

static void refused(struct block_options o, int rc, const char *said)
{
    struct block *b;
    char *why = NULL;

    assert_int_equal(block_open(&b, loop, &o, &why), rc);
    if (!why || !strstr(why, said))
        fail_msg("%s", why ? why : "nothing said");
    free(why);
}

static void done(struct block_request *r, int error)
{
    *(int *)r->opaque = error;
    loop_stop(loop);
}

static int run(struct block *b, enum block_op op, uint64_t sector, void *bytes)
{
    const struct iovec iov = {bytes, 512};
    int error = 1;
    struct block_request r = {.op = op,
                              .sector = sector,
                              .count = op != BLOCK_FLUSH,
                              .iov = &iov,
                              .iovcnt = 1,
                              .done = done,
                              .opaque = &error};

    block_submit(b, &r);
    while (error == 1)
        loop_run(loop);
    return error;
}

static void test_size_and_data(void **state)
{
    struct block *b = open_it((struct block_options){.path = device});
    uint64_t last = DISK_BYTES / 512 - 1;
    char bytes[512], path[100];
    FILE *f;

    assert_int_equal(block_sectors(b), DISK_BYTES / 512);
    memset(bytes, 'x', sizeof bytes);
    assert_int_equal(run(b, BLOCK_WRITE, last, bytes), 0);
    assert_int_equal(run(b, BLOCK_FLUSH, 0, bytes), 0);
    assert_int_equal(run(b, BLOCK_READ, last + 1, bytes), -EIO);
    snprintf(path, sizeof path, "%s/disk", dir);
    f = fopen(path, "r");
    assert_int_equal(fseek(f, (long)last * 512, SEEK_SET), 0);
    memset(bytes, 0, sizeof bytes);
    assert_int_equal(fread(bytes, 1, sizeof bytes, f), sizeof bytes);
    assert_int_equal(bytes[0], 'x');
    assert_int_equal(bytes[511], 'x');
    fclose(f);
    block_close(b);
    b = open_it((struct block_options){.path = device + 5, .readonly = true}); /* phy:loop0 */
    assert_int_equal(block_sectors(b), DISK_BYTES / 512);
    block_close(b);
}

static void test_readonly(void **state)
{
    struct block *b;

    refused((struct block_options){.path = readonly_device}, -EROFS,
            "the device is read-only; make the disk read-only");
    b = open_it((struct block_options){.path = readonly_device, .readonly = true});
    block_close(b);
}

static void test_in_use(void **state)
{
    struct block *b = open_it((struct block_options){.path = device});

    refused((struct block_options){.path = device}, -EBUSY, "in use");
    refused((struct block_options){.path = device, .readonly = true}, -EBUSY, "in use by this domain itself");
    block_close(b);
    b = open_it((struct block_options){.path = device, .readonly = true});
    block_close(b);
}

static void test_mounted(void **state)
{
    char command[200];
    struct block *b;

    if (shell("PATH=$PATH:/usr/sbin:/sbin mkfs.ext2 -q -F %s", device)) {
        print_message("no mkfs.ext2\n");
        skip();
    }
    snprintf(command, sizeof command, "mkdir -p %s/mnt && mount %s %s/mnt", dir, device, dir);
    if (system(command)) {
        print_message("mount is not allowed here\n");
        skip();
    }
    refused((struct block_options){.path = device}, -EBUSY, "the device is in use (mounted, or by ");
    b = open_it((struct block_options){.path = device, .readonly = true}); /* at one's own risk, as on Xen */
    block_close(b);
    assert_int_equal(shell("umount %s/mnt", dir), 0);
    b = open_it((struct block_options){.path = device});
    block_close(b);
}

/* A block device as a CD is an image, not a drive: it has no tray. */
static void test_as_cd(void **state)
{
    struct block *b;

    assert_false(cd_drive_is_one(device));
    b = open_it((struct block_options){.path = device, .removable = true});
    assert_int_equal(block_sectors(b), (DISK_BYTES + 2047) / 2048 * 4);
    block_close(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_size_and_data), cmocka_unit_test(test_readonly), cmocka_unit_test(test_in_use),
        cmocka_unit_test(test_as_cd),         cmocka_unit_test(test_mounted),
    };
    char path[100];
    int rc = SKIPPED, fd;

    if (!mkdtemp(dir))
        return 1;
    snprintf(path, sizeof path, "%s/disk", dir);
    fd = open(path, O_RDWR | O_CREAT, 0600);
    if (fd < 0 || ftruncate(fd, DISK_BYTES))
        return 1;
    close(fd);
    loop = loop_create();
    if (!attach("", device, sizeof device))
        printf("no loop device can be made here: %s\n", device);
    else if (!attach("-r", readonly_device, sizeof readonly_device))
        printf("no read-only loop device can be made here: %s\n", readonly_device);
    else
        rc = cmocka_run_group_tests(tests, NULL, NULL);
    if (!strncmp(device, "/dev/", 5))
        (void)!shell("PATH=$PATH:/usr/sbin:/sbin losetup -d %s", device);
    if (!strncmp(readonly_device, "/dev/", 5))
        (void)!shell("PATH=$PATH:/usr/sbin:/sbin losetup -d %s", readonly_device);
    loop_destroy(loop);
    (void)!shell("rm -rf --one-file-system %s", dir);
    return rc;
}
