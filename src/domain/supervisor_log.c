/* SPDX-License-Identifier: GPL-2.0-or-later */
/* supervisor_log.c: see supervisor_log.h. */
#include "domain/supervisor_log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOG_OLD_FILES 10

static void supervisor_log_mkdirs(const char *dir)
{
    char part[PATH_MAX];
    size_t length = strlen(dir);

    if (length >= sizeof part)
        return;
    memcpy(part, dir, length + 1);
    for (size_t i = 1; i <= length; i++) {
        if (part[i] != '/' && part[i] != '\0')
            continue;
        char end = part[i];
        part[i] = '\0';
        mkdir(part, 0755); /* what went wrong shows when the file is opened */
        part[i] = end;
    }
}

int supervisor_log_open(const char *dir, const char *prefix, const char *name)
{
    char file[NAME_MAX + 1], from[NAME_MAX + 16], to[NAME_MAX + 16];
    int dir_fd, fd;

    supervisor_log_mkdirs(dir);
    dir_fd = open(dir, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
    if (dir_fd < 0)
        return -errno;
    if (snprintf(file, sizeof file, "%s-%s.log", prefix, name) >= (int)sizeof file)
        strcpy(file + sizeof file - 5, ".log");
    for (char *c = file; *c; c++)
        if (*c == '/')
            *c = '_';
    for (int i = LOG_OLD_FILES; i > 0; i--) {
        snprintf(to, sizeof to, "%s.%d", file, i);
        snprintf(from, sizeof from, i > 1 ? "%s.%d" : "%s", file, i - 1);
        renameat(dir_fd, from, dir_fd, to);
    }
    fd = openat(dir_fd, file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (fd < 0)
        fd = -errno;
    close(dir_fd);
    return fd;
}

void supervisor_log_read(int log_fd, off_t from, char *text, size_t room)
{
    off_t size = lseek(log_fd, 0, SEEK_END);
    char path[64];
    ssize_t n = 0;
    int fd;

    snprintf(path, sizeof path, "/proc/self/fd/%d", log_fd); /* ours is for appending only */
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && size > from) {
        if (size - from > (off_t)room - 1)
            from = size - (off_t)room + 1;
        n = pread(fd, text, room - 1, from);
    }
    if (fd >= 0)
        close(fd);
    text[n > 0 ? n : 0] = '\0';
}

char *supervisor_log_last_words(int fd, off_t from)
{
    char text[8192], *line, *rest = text, *found = NULL;

    supervisor_log_read(fd, from, text, sizeof text);
    while ((line = strsep(&rest, "\n")))
        if (strstr(line, "error: ") || strstr(line, "Assertion"))
            found = line;
    return found ? strdup(found) : NULL;
}
