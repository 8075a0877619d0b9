/* SPDX-License-Identifier: GPL-2.0-or-later */
/* log.c: see log.h. One write(2) per line, so lines from several threads and processes never mix. */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int log_fd = 2;
static enum log_level log_max = LOG_WARNING;
static char last_error[1024];

void log_init(int fd, enum log_level level)
{
    log_fd = fd;
    log_max = level;
}

void log_write(enum log_level level, const char *format, ...)
{
    static const char *const names[] = {"error: ", "warning: ", "", "guest: ", "debug: "};
    char line[1024];
    va_list ap;
    int used, n;

    if (level > log_max)
        return;
    used = snprintf(line, sizeof line, "%s", names[level]);
    va_start(ap, format);
    n = vsnprintf(line + used, sizeof line - (size_t)used - 1, format, ap);
    va_end(ap);
    if (n < 0)
        return;
    if (level == LOG_ERROR)
        (void)snprintf(last_error, sizeof last_error, "%s", line + used);
    used = (int)strnlen(line, sizeof line - 2);
    line[used++] = '\n';
    (void)!write(log_fd, line, (size_t)used);
}

const char *log_last_error(void)
{
    return last_error;
}

bool log_limited(struct log_limit *limit)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    if (limit->second != now.tv_sec) {
        limit->second = now.tv_sec;
        limit->count = 0;
    }
    return ++limit->count > 10;
}
