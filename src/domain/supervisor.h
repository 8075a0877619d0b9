/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor.h: the process that stands for a domain from `xl create` to its end: holds its registry entry, answers its
 * control socket, forks a machine per boot and applies on_poweroff, on_reboot, ... when a boot ends.
 * Knows no chip and no guest.
 */
#ifndef DOMUS_DOMAIN_SUPERVISOR_H
#define DOMUS_DOMAIN_SUPERVISOR_H

#include "domain/boot.h"

struct supervisor_order {
    json_t *config;     /* canonical, as `xl create -n` prints it; borrowed */
    const char *engine; /* NULL: not said */
    bool paused;        /* xl create -p */
    bool foreground;    /* xl create -F: the log goes to standard error, the terminal's signals end the domain */
    bool unattended;    /* xl create -e: whatever the guest does, the domain stays as it is */
    bool detached;      /* made by a supervisor (rename-restart): nobody waits at report_fd */
    int report_fd; /* where to tell xl: {"notice": "..."}, {"started": {...}}, {"failed": "...", "code": N}; owned */
};

/* Until the domain's end; the exit status. Without `foreground` the process leaves its session and standard files. */
int supervisor_run(const struct supervisor_order *order, const struct boot_machine *machine);

/* Writes an order to a new supervisor's fd 0: {"config": {...}, "engine": "jit", "paused": true, ...}. 0 or -1 (errno).
 */
int supervisor_send_order(int fd, const json_t *order);
/* main()'s part, shared with the tests' fake machine: reads the order as JSON from fd 0 (a socket, which is also
 * report_fd), then supervisor_run(). */
int supervisor_main(const struct boot_machine *machine);

#endif
