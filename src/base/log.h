/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * log.h: one line per event, to the domain's log (or standard error before there is one).
 * Any thread. A line is written whole. Lines at LOG_ERROR and LOG_WARNING are for the user and name what is wrong and
 * what to do; LOG_GUEST is for what a guest did wrong and is rate-limited by its caller's `struct log_limit`.
 */
#ifndef DOMUS_BASE_LOG_H
#define DOMUS_BASE_LOG_H

#include <stdbool.h>

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_GUEST, LOG_DEBUG };

/* Where lines go and down to which level; fd stays the caller's. The default is standard error, LOG_WARNING. */
void log_init(int fd, enum log_level level);
void log_write(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The newest LOG_ERROR line without its mark, "" when there was none: the cause, for whoever reports a failure. The
 * pointer is good until the next error; while a machine is being built there is one thread. */
const char *log_last_error(void);

#define log_error(...)   log_write(LOG_ERROR, __VA_ARGS__)
#define log_warning(...) log_write(LOG_WARNING, __VA_ARGS__)
#define log_info(...)    log_write(LOG_INFO, __VA_ARGS__)
#define log_debug(...)   log_write(LOG_DEBUG, __VA_ARGS__)

/* At most a burst of lines a second from one place: `if (log_limited(&limit)) return; log_write(LOG_GUEST, ...)`. */
struct log_limit {
    long long second;
    unsigned count;
};
bool log_limited(struct log_limit *limit);
#define log_guest(...)                         \
    do {                                       \
        static struct log_limit log_limit_;    \
        if (!log_limited(&log_limit_))         \
            log_write(LOG_GUEST, __VA_ARGS__); \
    } while (0)

#endif
