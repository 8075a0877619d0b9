/* SPDX-License-Identifier: GPL-2.0-or-later */
/* domain.c: makes and unmakes a struct xen_domain; see domain.h. */
#include "xen/domain.h"

#include "base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int domain_copy_map(struct xen_domain *d)
{
    if (d->config.map_count == 0)
        return 0;
    d->map = calloc(d->config.map_count, sizeof *d->map);
    if (!d->map)
        return -ENOMEM;
    memcpy(d->map, d->config.map, d->config.map_count * sizeof *d->map);
    return 0;
}

int xen_domain_create(struct xen_domain **out, const struct xen_config *config)
{
    struct xen_domain *d;

    *out = NULL;
    if (config->vcpus == 0 || config->vcpus > XEN_MAX_VCPUS) {
        log_error("a domain has 1 to %u vCPUs, not %u", XEN_MAX_VCPUS, config->vcpus);
        return -EINVAL;
    }
    d = calloc(1, sizeof *d);
    if (!d)
        return -ENOMEM;
    d->config = *config;
    d->current_pages = config->current_pages;
    d->rtc_offset_s = config->rtc_offset_s;
    d->shutdown_code = SHUTDOWN_CODE_INVALID;
    d->vcpu = calloc(config->vcpus, sizeof *d->vcpu);
    if (!d->vcpu || domain_copy_map(d) || shared_info_init(d) || grant_init(d)) {
        xen_domain_destroy(d);
        return -ENOMEM;
    }
    time_init(d);
    for (unsigned i = 0; i < config->vcpus; i++) {
        struct xen_vcpu *v = &d->vcpu[i];
        v->domain = d;
        v->id = i;
        sched_init(v);
        time_timers_init(v);
    }
    time_update_all(d);
    d->param[HVM_PARAM_STORE_PFN] = config->store_gfn;
    d->param[HVM_PARAM_CONSOLE_PFN] = config->console_gfn;
    xen_grant_seed(d, 0, config->console_gfn);
    xen_grant_seed(d, 1, config->store_gfn);
    *out = d;
    return 0;
}

uint64_t xen_domain_pages(const struct xen_domain *d)
{
    return d->current_pages;
}

void xen_domain_destroy(struct xen_domain *d)
{
    if (!d)
        return;
    for (unsigned i = 0; d->vcpu && i < d->config.vcpus && d->vcpu[i].domain; i++)
        time_timers_stop(&d->vcpu[i]);
    if (d->shared_info && d->shared_info_gfn != GFN_NONE)
        memory_unmap(d->config.memory, d->shared_info_gfn, 1);
    for (unsigned i = 0; d->grant_table && i < GRANT_FRAMES_MAX; i++)
        if (d->grant_gfn[i] != GFN_NONE)
            memory_unmap(d->config.memory, d->grant_gfn[i], 1);
    grant_fini(d);
    free(d->shared_info);
    free(d->map);
    free(d->vcpu);
    free(d);
}
