/* SPDX-License-Identifier: GPL-2.0-or-later */
/* policy.c: see policy.h. */
#include "domain/policy.h"

#include "machine/lifecycle.h"

#include <errno.h>
#include <string.h>

static const char *const policy_names[] = {
    [POLICY_DESTROY] = "destroy",
    [POLICY_RESTART] = "restart",
    [POLICY_RENAME_RESTART] = "rename-restart",
    [POLICY_PRESERVE] = "preserve",
    [POLICY_COREDUMP_DESTROY] = "coredump-destroy",
    [POLICY_COREDUMP_RESTART] = "coredump-restart",
    [POLICY_SOFT_RESET] = "soft-reset",
};

/* The same in libxl's JSON, which the configuration is handed over in. */
static const char *const policy_json_names[] = {
    [POLICY_DESTROY] = "destroy",
    [POLICY_RESTART] = "restart",
    [POLICY_RENAME_RESTART] = "restart_rename",
    [POLICY_PRESERVE] = "preserve",
    [POLICY_COREDUMP_DESTROY] = "coredump_destroy",
    [POLICY_COREDUMP_RESTART] = "coredump_restart",
    [POLICY_SOFT_RESET] = "soft_reset",
};

static const struct policy_key {
    const char *name;
    int reason;
} policy_keys[] = {
    {"on_poweroff", LIFE_POWEROFF}, {"on_reboot", LIFE_REBOOT},         {"on_crash", LIFE_CRASH},
    {"on_watchdog", LIFE_WATCHDOG}, {"on_soft_reset", LIFE_SOFT_RESET},
};

int policy_from_config(struct policy *p, const json_t *config)
{
    p->action[LIFE_SUSPEND] = POLICY_DESTROY;
    for (size_t i = 0; i < ARRAY_SIZE(policy_keys); i++) {
        const struct policy_key *key = &policy_keys[i];
        const char *value = json_string_value(json_object_get(config, key->name));
        size_t a = 0;

        if (!value)
            value = "destroy"; /* libxl's JSON leaves out exactly this; the parser has filled in xl.cfg's defaults */
        while (a < ARRAY_SIZE(policy_json_names) && strcmp(value, policy_json_names[a]) != 0)
            a++;
        if (a == ARRAY_SIZE(policy_json_names))
            return -EINVAL;
        p->action[key->reason] = (enum policy_action)a;
    }
    return 0;
}

enum policy_action policy_for(const struct policy *p, int reason)
{
    return reason >= 0 && reason < POLICY_REASONS ? p->action[reason] : POLICY_DESTROY;
}

const char *policy_action_name(enum policy_action a)
{
    return policy_names[a];
}
