/* SPDX-License-Identifier: GPL-2.0-or-later */
/* supervisor_log.h: a domain's log files, rotated at each create as xl does (NAME.log, NAME.log.1, ... NAME.log.10). */
#ifndef DOMUS_DOMAIN_SUPERVISOR_LOG_H
#define DOMUS_DOMAIN_SUPERVISOR_LOG_H

#include <sys/types.h>

/* Opens DIR/PREFIX-NAME.log anew for appending, having moved the older ones up. A descriptor or -errno. A '/' in name
 * is written '_'. DIR is created. */
int supervisor_log_open(const char *dir, const char *prefix, const char *name);
/* What was written to the log behind `from`, at most the last room - 1 bytes, as text. */
void supervisor_log_read(int fd, off_t from, char *text, size_t room);
/* The last line behind `from` that names an error: what a process that died without a word left. malloc'd or NULL. */
char *supervisor_log_last_words(int fd, off_t from);

#endif
