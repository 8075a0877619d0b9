/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lifecycle.h: whom a chip or hypercall asks when the domain shall end. The domain's process decides what happens.
 */
#ifndef DOMUS_MACHINE_LIFECYCLE_H
#define DOMUS_MACHINE_LIFECYCLE_H

/* Xen's shutdown reasons (public/sched.h), so that they pass through unchanged. */
enum life_reason {
    LIFE_POWEROFF = 0,
    LIFE_REBOOT = 1,
    LIFE_SUSPEND = 2,
    LIFE_CRASH = 3,
    LIFE_WATCHDOG = 4,
    LIFE_SOFT_RESET = 5,
};

struct lifecycle {
    /* Any thread, lock or not; the first request counts. `why` is one phrase for the log, e.g. "triple fault on vCPU
     * 0". */
    void (*request)(struct lifecycle *l, enum life_reason reason, const char *why);
};

static inline void lifecycle_request(struct lifecycle *l, enum life_reason reason, const char *why)
{
    if (l && l->request)
        l->request(l, reason, why);
}

#endif
