/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fake_cd.c: LD_PRELOADed into a domain's process, makes the file FAKE_CD a CD drive of the host, for hosts without
 * one. The directory FAKE_CD.d is the drive: "status" is what CDROM_DRIVE_STATUS answers, "medium" the disc's image,
 * "changed" (once, it goes) that it was changed, "tracks" how many tracks it has, all but the first audio. "log" says
 * what the drive was told, a word each.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/cdrom.h>
#include <linux/fs.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *node(void)
{
    const char *path = getenv("FAKE_CD");

    return path ? path : "/nowhere";
}

static const char *part(const char *name)
{
    static _Thread_local char path[4096];

    snprintf(path, sizeof path, "%s.d/%s", node(), name);
    return path;
}

static int number_in(const char *name)
{
    FILE *f = fopen(part(name), "re");
    int n = 0;

    if (!f || fscanf(f, "%d", &n) != 1)
        n = 0;
    if (f)
        fclose(f);
    return n;
}

static void put_number(const char *name, int n)
{
    FILE *f = fopen(part(name), "we");

    if (f) {
        fprintf(f, "%d\n", n);
        fclose(f);
    }
}

static int told(const char *word)
{
    FILE *f = fopen(part("log"), "ae");

    if (f) {
        fprintf(f, "%s\n", word);
        fclose(f);
    }
    return 0;
}

int open64(const char *path, int flags, ...)
{
    int (*next)(const char *, int, ...) = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open64");
    va_list ap;
    int mode;

    va_start(ap, flags);
    mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(ap, int) : 0;
    va_end(ap);
    if (strcmp(path, node()))
        return next(path, flags, mode);
    return next(access(part("medium"), R_OK) ? "/dev/null" : part("medium"), flags);
}

int stat64(const char *path, struct stat64 *st)
{
    int (*next)(const char *, struct stat64 *) = (int (*)(const char *, struct stat64 *))dlsym(RTLD_NEXT, "stat64");
    int r = next(path, st);

    if (!r && !strcmp(path, node()))
        st->st_mode = (st->st_mode & ~(unsigned)S_IFMT) | S_IFBLK;
    return r;
}

static int entry(struct cdrom_tocentry *e)
{
    int tracks = number_in("tracks"), n = e->cdte_track == CDROM_LEADOUT ? tracks : e->cdte_track - 1;

    e->cdte_adr = 1;
    e->cdte_ctrl = (uint8_t)(n == 0 || n == tracks ? CDROM_DATA_TRACK : 0);
    e->cdte_addr.lba = n * 20000;
    return 0;
}

static int drive(unsigned long request, void *argument)
{
    int n = (int)(intptr_t)argument;

    switch (request) {
    case CDROM_GET_CAPABILITY: return 0;
    case CDROM_DRIVE_STATUS: return number_in("status");
    case CDROM_MEDIA_CHANGED: return !unlink(part("changed"));
    case CDROM_LOCKDOOR: return told(n ? "lock" : "unlock");
    case CDROMEJECT: put_number("status", CDS_TRAY_OPEN); return told("eject");
    case CDROMCLOSETRAY: put_number("status", CDS_DISC_OK); return told("close");
    case CDROMREADTOCHDR:
        *(struct cdrom_tochdr *)argument = (struct cdrom_tochdr){1, (uint8_t)number_in("tracks")};
        return 0;
    case CDROMREADTOCENTRY: return entry(argument);
    case CDROMMULTISESSION: ((struct cdrom_multisession *)argument)->xa_flag = 0; return 0;
    }
    return -1;
}

int ioctl(int fd, unsigned long request, ...)
{
    int (*next)(int, unsigned long, ...) = (int (*)(int, unsigned long, ...))dlsym(RTLD_NEXT, "ioctl");
    struct stat64 st;
    void *argument;
    va_list ap;
    int r;

    va_start(ap, request);
    argument = va_arg(ap, void *);
    va_end(ap);
    if (request >> 8 == 0x53)
        return drive(request, argument);
    r = next(fd, request, argument);
    if (r < 0 && request == BLKGETSIZE64 && !fstat64(fd, &st)) {
        *(uint64_t *)argument = (uint64_t)st.st_size;
        return 0;
    }
    return r;
}
