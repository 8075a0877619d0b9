/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tap_script.h: a hotplug script of Xen's kind (/etc/xen/scripts/vif-bridge), called as `SCRIPT add|remove type_if=tap`
 * with its parameters in the environment. Keys that such a script reads by xenstore-read fall back to the environment
 * where Xen's own scripts do; there is no xenstore daemon to ask.
 */
#ifndef DOMUS_HOST_NET_TAP_SCRIPT_H
#define DOMUS_HOST_NET_TAP_SCRIPT_H

#include "base/types.h"

struct net_tap_options;

struct tap_script {
    char *path;         /* NULL: none */
    char **environment; /* all of the script's, ended by NULL */
};

int tap_script_init(struct tap_script *s, const struct net_tap_options *o); /* 0 or -ENOMEM */
void tap_script_fini(struct tap_script *s);
/* Runs it and waits. 0, or -errno with *why (NULL: nobody asks); an empty one does nothing. */
int tap_script_run(const struct tap_script *s, const char *what, char **why);

#endif
