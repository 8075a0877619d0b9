/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * domain.h: the seam between a domain's supervisor (supervisor.c: registry, control socket, policy) and its machine
 * (machine.c: memory, chips, vCPUs).
 *
 * The supervisor forks one process per boot, and in it calls domain_machine_run(). That process has one thread, no open
 * descriptors of the supervisor's but the channel, /dev/null for standard input and output, and log_write() going to
 * the domain's log. It dies with the supervisor.
 *
 * The life of a boot, as the machine tells it through channel.h:
 *   channel_notice()*  ->  channel_started() or channel_failed()  ->  channel_serve() .. channel_ended() .. return
 * After channel_ended() the machine has stopped its vCPUs but stays (memory, display) and serves on, because the
 * domain may be preserved or dumped; the channel stops the loop when the supervisor has no more need of it. Then
 * domain_machine_run() flushes its disks, frees everything and returns.
 */
#ifndef DOMUS_DOMAIN_DOMAIN_H
#define DOMUS_DOMAIN_DOMAIN_H

#include "base/types.h"

struct domain_channel;
struct domain_config; /* config/config.h */

/* What xl and the supervisor say beside the configuration. */
struct domain_boot {
    unsigned domid;
    const char *name;
    const char *uuid;
    const char *engine;  /* `xl create --engine=`: wins over the configuration's; NULL: not said */
    bool paused;         /* do not run the vCPUs before the command `unpause` */
    const char *log_dir; /* where the domain's log files are (a console log would go here too) */
};

/* What the process shall exit with; 0 when the boot ended in an orderly way or the failure was told. */
int domain_machine_run(const struct domain_config *config, const struct domain_boot *boot,
                       struct domain_channel *channel);

#endif
