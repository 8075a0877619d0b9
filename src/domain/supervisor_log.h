/* SPDX-License-Identifier: GPL-2.0-or-later */
/* supervisor_log.h: a domain's log files, rotated at each create as xl does (NAME.log, NAME.log.1, ... NAME.log.10). */
#ifndef DOMUS_DOMAIN_SUPERVISOR_LOG_H
#define DOMUS_DOMAIN_SUPERVISOR_LOG_H

/* Opens DIR/PREFIX-NAME.log anew for appending, having moved the older ones up. A descriptor or -errno. A '/' in name
 * is written '_'. DIR is created. */
int supervisor_log_open(const char *dir, const char *prefix, const char *name);

#endif
