/* SPDX-License-Identifier: GPL-2.0-or-later */
/* xlconf.c: see xlconf.h. */
#include "config/xlconf.h"

#include "config/settings.h"
#include "config/text.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

static void conf_string(struct settings *s, const char *key, char **field)
{
    const char *value;

    if (settings_string(s, key, &value, false) == 0)
        text_set(field, value);
}

/* The names vif settings had before 4.2, taken with a message. */
static void conf_old_string(struct settings *s, const char *old, const char *key, char **field)
{
    const char *value;

    if (settings_string(s, old, &value, false) == 0) {
        diag_xl(&s->diag, "the global config option %s is deprecated, please switch to %s", old, key);
        text_set(field, value);
    }
    conf_string(s, key, field);
}

static int conf_limit(struct settings *s, const char *key, int64_t *field)
{
    long value;
    int rc = settings_bounded(s, key, 0, INT_MAX, &value);

    *field = CONFIG_UNSET;
    if (rc == 0)
        *field = value;
    return rc == 0 || !settings_find(s, key) ? 0 : 1;
}

static int conf_choices(struct settings *s, struct xl_conf *conf)
{
    const char *value;
    long ignored;

    if (settings_string(s, "autoballoon", &value, false) == 0 && strcmp(value, "on") != 0 &&
        strcmp(value, "off") != 0 && strcmp(value, "auto") != 0 && settings_long(s, "autoballoon", &ignored, true)) {
        diag_xl(&s->diag, "invalid autoballoon option");
    }
    if (settings_string(s, "output_format", &value, false) == 0) {
        if (strcmp(value, "json") != 0 && strcmp(value, "sxp") != 0)
            diag_xl(&s->diag, "invalid default output format \"%s\"", value);
        conf->sxp = strcmp(value, "sxp") == 0;
    }
    if (settings_string(s, "domid_policy", &value, false) == 0) {
        if (strcmp(value, "xen") != 0 && strcmp(value, "random") != 0)
            diag_xl(&s->diag, "invalid domid_policy option");
        conf->random_domid = strcmp(value, "random") == 0;
    }
    return conf_limit(s, "max_grant_frames", &conf->max_grant_frames) ||
           conf_limit(s, "max_maptrack_frames", &conf->max_maptrack_frames) ||
           conf_limit(s, "max_grant_version", &conf->max_grant_version);
}

struct xl_conf *xlconf_parse(const char *text, size_t len, const char *name, const struct config_sink *sink,
                             int *exit_code)
{
    struct diag diag = {.sink = sink, .source = name};
    struct settings s;
    struct xl_conf *conf;

    *exit_code = 1;
    if (settings_parse(&s, text, len, NULL, &diag)) {
        diag_xl(&diag, "Failed to parse config file: Invalid argument");
        return NULL;
    }
    conf = text_alloc(sizeof *conf);
    settings_tri(&s, "run_hotplug_scripts", &conf->run_hotplug_scripts, false);
    settings_tri(&s, "claim_mode", &conf->claim_mode, false);
    conf_string(&s, "lockfile", &conf->lockfile);
    conf_old_string(&s, "vifscript", "vif.default.script", &conf->vif_script);
    conf_old_string(&s, "defaultbridge", "vif.default.bridge", &conf->vif_bridge);
    conf_string(&s, "vif.default.gatewaydev", &conf->vif_gatewaydev);
    conf_string(&s, "vif.default.backend", &conf->vif_backend);
    conf_string(&s, "blkdev_start", &conf->blkdev_start);
    conf_string(&s, "remus.default.netbufscript", &conf->remus_script);
    conf_string(&s, "colo.default.proxyscript", &conf->colo_script);
    conf_string(&s, "vm.cpumask", &conf->cpumask);
    conf_string(&s, "vm.hvm.cpumask", &conf->hvm_cpumask);
    conf_string(&s, "vm.pv.cpumask", &conf->pv_cpumask);
    if (conf_choices(&s, conf)) {
        xlconf_free(conf);
        conf = NULL;
    }
    settings_free(&s);
    return conf;
}

void xlconf_free(struct xl_conf *conf)
{
    if (!conf)
        return;
    free(conf->vif_script);
    free(conf->vif_bridge);
    free(conf->vif_gatewaydev);
    free(conf->vif_backend);
    free(conf->lockfile);
    free(conf->blkdev_start);
    free(conf->remus_script);
    free(conf->colo_script);
    free(conf->cpumask);
    free(conf->hvm_cpumask);
    free(conf->pv_cpumask);
    free(conf);
}
