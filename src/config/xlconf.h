/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * xlconf.h: xl.conf(5), the toolstack's own defaults. The same grammar as xl.cfg; the caller reads the file.
 */
#ifndef DOMUS_CONFIG_XLCONF_H
#define DOMUS_CONFIG_XLCONF_H

#include "config/config.h"

struct xl_conf {
    char *vif_script, *vif_bridge, *vif_gatewaydev, *vif_backend; /* NULL: not set */
    char *lockfile;
    bool sxp;                                        /* output_format="sxp" */
    enum config_tri run_hotplug_scripts, claim_mode; /* TRI_DEFAULT is true for both */
    char *blkdev_start;
    int64_t max_grant_frames, max_maptrack_frames, max_grant_version; /* CONFIG_UNSET */
    char *remus_script, *colo_script;
    char *cpumask, *hvm_cpumask, *pv_cpumask;
    bool random_domid; /* domid_policy="random" */
};

/* NULL after a message that ends the command, with its exit code. `text` may be empty. */
struct xl_conf *xlconf_parse(const char *text, size_t len, const char *name, const struct config_sink *sink,
                             int *exit_code);
void xlconf_free(struct xl_conf *conf);

#endif
