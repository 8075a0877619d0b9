/* SPDX-License-Identifier: GPL-2.0-or-later */
/* launch.h: starts a domain's supervisor (domus-domain) and hears from it how the start went. */
#ifndef DOMUS_XL_LAUNCH_H
#define DOMUS_XL_LAUNCH_H

#include "base/types.h"

#include <jansson.h>
#include <sys/types.h>

struct launch_options {
    bool paused, foreground, unattended; /* -p, -F, -e */
};

/* 0 with *told {"domid": N, "about": {...}} and the supervisor's pid, or a control_code after a message. Then nothing
 * is left running. */
int launch_domain(const json_t *config, const struct launch_options *options, json_t **told, pid_t *pid);
/* -F: until the supervisor's end; the exit code. SIGTERM is passed on. */
int launch_wait(pid_t pid);
/* The path of domus-domain: $DOMUS_DOMAIN, beside this program, or where it is installed. malloc'd. */
char *launch_program(void);

#endif
