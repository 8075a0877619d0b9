/* SPDX-License-Identifier: GPL-2.0-or-later */
/* policy.h: what happens to a domain that shut down: on_poweroff, on_reboot, ... Pure; knows no process. */
#ifndef DOMUS_DOMAIN_POLICY_H
#define DOMUS_DOMAIN_POLICY_H

#include "base/types.h"

#include <jansson.h>

enum policy_action {
    POLICY_DESTROY,
    POLICY_RESTART,
    POLICY_RENAME_RESTART,
    POLICY_PRESERVE,
    POLICY_COREDUMP_DESTROY,
    POLICY_COREDUMP_RESTART,
    POLICY_SOFT_RESET,
};

#define POLICY_REASONS 6 /* enum life_reason */

struct policy {
    enum policy_action action[POLICY_REASONS]; /* by reason; [LIFE_SUSPEND] is always destroy: the save took it over */
};

/* From the canonical JSON of a configuration (libxl's names: "on_reboot": "restart"). -EINVAL: an unknown action. */
int policy_from_config(struct policy *p, const json_t *config);
/* A reason no guest should give is answered with destroy, as xl does. */
enum policy_action policy_for(const struct policy *p, int reason);
const char *policy_action_name(enum policy_action a); /* as xl's log prints it */

#endif
