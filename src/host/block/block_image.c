/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * block_image.c: finds, opens, measures and locks an image file or block device, and says clearly why it cannot.
 *
 * Locks are open-file-description locks: they go with the descriptor, so a killed domain leaves none. A disk that is
 * written takes the whole file for itself; one that is only read shares it with readers.
 */
#include "host/block/block_image.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOCK_TRIES    30u
#define LOCK_PAUSE_US 100000u

int block_fail(char **why, int error, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    if (vasprintf(why, format, args) < 0)
        *why = NULL;
    va_end(args);
    return error;
}

int block_find_path(const char *target, char **path, char **why)
{
    char *under_dev;

    if (!access(target, F_OK) || errno != ENOENT || target[0] == '/') {
        *path = strdup(target);
        return *path ? 0 : block_fail(why, -ENOMEM, "%s: out of memory", target);
    }
    if (asprintf(&under_dev, "/dev/%s", target) < 0)
        return block_fail(why, -ENOMEM, "%s: out of memory", target);
    if (!access(under_dev, F_OK)) {
        *path = under_dev;
        return 0;
    }
    block_fail(why, -ENOENT, "no such file or device: neither %s nor %s exists", target, under_dev);
    free(under_dev);
    return -ENOENT;
}

/* Does the process hold the file open with a lock of this kind on it? */
static bool process_locks(const char *pid, const struct stat *file)
{
    char path[300], line[256];
    struct stat st;
    bool locked = false;
    struct dirent *e;
    DIR *d;
    FILE *f;

    snprintf(path, sizeof path, "/proc/%.20s/fd", pid);
    d = opendir(path);
    while (d && !locked && (e = readdir(d))) {
        snprintf(path, sizeof path, "/proc/%.20s/fd/%.20s", pid, e->d_name);
        if (e->d_name[0] == '.' || stat(path, &st) || st.st_dev != file->st_dev || st.st_ino != file->st_ino)
            continue;
        snprintf(path, sizeof path, "/proc/%.20s/fdinfo/%.20s", pid, e->d_name);
        f = fopen(path, "re");
        while (f && fgets(line, sizeof line, f))
            locked = locked || !strncmp(line, "lock:", 5);
        if (f)
            fclose(f);
    }
    if (d)
        closedir(d);
    return locked;
}

/* Who holds a lock on the file: "process 123 (domus)", or "another process". An OFD lock has no owner, so look at who
 * has the file open. False: nobody was found. */
static bool image_holder(int fd, char *text, size_t size)
{
    bool found = false;
    DIR *proc = opendir("/proc");
    struct stat st;
    struct dirent *e;

    snprintf(text, size, "another process");
    while (proc && !fstat(fd, &st) && (e = readdir(proc))) {
        char path[64], name[32] = "";
        FILE *f;

        if (e->d_name[0] < '1' || e->d_name[0] > '9' || !process_locks(e->d_name, &st))
            continue;
        snprintf(path, sizeof path, "/proc/%.20s/comm", e->d_name);
        f = fopen(path, "re");
        if (f && fgets(name, sizeof name, f))
            name[strcspn(name, "\n")] = '\0';
        if (f)
            fclose(f);
        if (strtol(e->d_name, NULL, 10) == getpid())
            snprintf(text, size, "this domain itself, as another disk");
        else
            snprintf(text, size, "process %.20s (%s)", e->d_name, name);
        found = true;
        break;
    }
    if (proc)
        closedir(proc);
    return found;
}

static int image_lock(struct block_image *image, bool writing, char **why)
{
    struct flock lock = {.l_type = writing ? F_WRLCK : F_RDLCK, .l_whence = SEEK_SET};
    char holder[96];

    /* A lock that no process holds: the kernel keeps a killed domain's io_uring, and its files, a moment longer. */
    for (unsigned tries = 0; tries < LOCK_TRIES; tries++) {
        if (!fcntl(image->fd, F_OFD_SETLK, &lock))
            return 0;
        if (errno != EAGAIN && errno != EACCES)
            return 0; /* a file system without locks: nothing to be done */
        if (image_holder(image->fd, holder, sizeof holder))
            break;
        (void)usleep(LOCK_PAUSE_US);
    }
    return block_fail(why, -EBUSY, "%s: in use by %s; %s", image->path, holder,
                      writing ? "a disk that is written can have one user only" : "that one writes to it");
}

static bool is_readonly_device(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), readonly = 0;

    if (fd < 0)
        return false;
    (void)ioctl(fd, BLKROGET, &readonly);
    close(fd);
    return readonly;
}

static int readonly_device(const char *path, char **why)
{
    return block_fail(why, -EROFS, "%s: the device is read-only; make the disk read-only (mode r)", path);
}

static int open_failed(const char *path, bool writing, int error, char **why)
{
    struct stat st;
    char holder[96];
    int fd;

    switch (error) {
    case ENOENT: return block_fail(why, -error, "%s: no such file or device", path);
    case EISDIR: return block_fail(why, -error, "%s: is a directory, not an image", path);
    case EACCES:
    case EPERM:
        if (writing && is_readonly_device(path))
            return readonly_device(path, why);
        return block_fail(why, -error, "%s: permission denied to %s it", path, writing ? "read and write" : "read");
    case EROFS:
        return block_fail(why, -error, "%s: on a read-only file system; make the disk read-only (mode r)", path);
    case ENOMEDIUM: return block_fail(why, -error, "%s: no medium in the drive", path);
    case EBUSY:
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        snprintf(holder, sizeof holder, "a mounted file system or another program");
        if (fd >= 0 && !fstat(fd, &st)) {
            image_holder(fd, holder, sizeof holder);
            close(fd);
        }
        return block_fail(why, -error, "%s: the device is in use (mounted, or by %s)", path, holder);
    default: return block_fail(why, -error, "%s: %s", path, strerror(error));
    }
}

static int image_measure(struct block_image *image, char **why)
{
    struct stat st;

    if (fstat(image->fd, &st))
        return block_fail(why, -errno, "%s: %s", image->path, strerror(errno));
    if (S_ISDIR(st.st_mode))
        return block_fail(why, -EISDIR, "%s: is a directory, not an image", image->path);
    image->device = S_ISBLK(st.st_mode);
    if (!image->device && !S_ISREG(st.st_mode))
        return block_fail(why, -EINVAL, "%s: neither a file nor a block device", image->path);
    image->bytes = (uint64_t)st.st_size;
    if (image->device && ioctl(image->fd, BLKGETSIZE64, &image->bytes))
        return block_fail(why, -errno, "%s: cannot tell the device's size: %s", image->path, strerror(errno));
    if (image->bytes < BLOCK_SECTOR_BYTES)
        return block_fail(why, -EINVAL, "%s: is empty; give it a size, e.g. truncate -s 10G %s", image->path,
                          image->path);
    return 0;
}

/* A raw image that begins as another format's is another format's. */
static int image_check_magic(struct block_image *image, char **why)
{
    static const struct {
        const char *format, *magic;
        unsigned len;
    } magics[] = {
        {"qcow2", "QFI\xfb", 4}, {"vmdk", "KDMV", 4},     {"vmdk", "COWD", 4}, {"vmdk", "# Disk DescriptorFile", 21},
        {"vhd", "conectix", 8},  {"vhdx", "vhdxfile", 8}, {"qed", "QED", 4},   {"vdi", "<<< Oracle VM VirtualBox", 24},
    };
    char head[32] = "";

    if (pread(image->fd, head, sizeof head, 0) < 0)
        return block_fail(why, -errno, "%s: cannot be read: %s", image->path, strerror(errno));
    for (size_t i = 0; i < sizeof magics / sizeof magics[0]; i++)
        if (!memcmp(head, magics[i].magic, magics[i].len))
            return block_fail(why, -EINVAL,
                              "%s: holds a %s image, but is configured as raw; convert it: qemu-img convert -O raw %s "
                              "NEW.img",
                              image->path, magics[i].format, image->path);
    return 0;
}

static int image_open_fd(struct block_image *image, bool writing, char **why)
{
    struct stat st;
    int flags = (writing ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK; /* never wait on a fifo */

    /* On a device O_EXCL means: not while it is mounted. On a file without O_CREAT it means nothing good. */
    if (writing && !stat(image->path, &st) && S_ISBLK(st.st_mode))
        flags |= O_EXCL;
    image->fd = open(image->path, flags);
    if (image->fd < 0)
        return open_failed(image->path, writing, errno, why);
    /* Some kernels open it all the same, and only writing would fail. */
    return flags & O_EXCL && is_readonly_device(image->path) ? readonly_device(image->path, why) : 0;
}

static int drive_image_open(struct block_image *image, const struct block_options *o, char **why)
{
    uint64_t bytes = 0;

    *why = NULL;
    *image = (struct block_image){.path = strdup(o->path), .fd = -1, .device = true};
    if (!image->path)
        return block_fail(why, -ENOMEM, "%s: out of memory", o->path);
    image->fd = fcntl(o->drive_fd, F_DUPFD_CLOEXEC, 3);
    if (image->fd < 0) {
        int rc = block_fail(why, -errno, "%s: %s", o->path, strerror(errno));

        block_image_close(image);
        return rc;
    }
    (void)ioctl(image->fd, BLKGETSIZE64, &bytes);
    image->bytes = bytes > o->drive_bytes ? bytes : o->drive_bytes;
    return 0;
}

int block_image_open(struct block_image *image, const struct block_options *o, char **why)
{
    bool writing = !o->readonly && !o->removable;
    int rc;

    if (o->drive)
        return drive_image_open(image, o, why);

    *image = (struct block_image){.fd = -1};
    *why = NULL;
    rc = block_find_path(o->path, &image->path, why);
    if (!rc)
        rc = image_open_fd(image, writing, why);
    if (!rc)
        rc = image_measure(image, why);
    if (!rc)
        rc = image_lock(image, writing, why);
    if (!rc && (!o->format || !strcmp(o->format, "raw")))
        rc = image_check_magic(image, why);
    if (rc)
        block_image_close(image);
    return rc;
}

void block_image_close(struct block_image *image)
{
    if (image->fd >= 0)
        close(image->fd);
    free(image->path);
    image->fd = -1;
    image->path = NULL;
}
