/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * misc_op.c: hypercalls that are one function each: the hypervisor's console (a guest's log lines) and vm_assist.
 * (public/xen.h.)
 */
#include "xen/domain.h"

#define CONSOLE_BYTES_MAX 16384u /* of one call; Xen writes all, guests send lines */

int64_t console_io_op(struct xen_call *c)
{
    const struct xen_host *h = &c->d->config.host;
    uint64_t count = (uint32_t)c->arg[1], gva = c->arg[2];
    char text[128];

    if (c->arg[0] != CONSOLEIO_write)
        return -XEN_EPERM;
    if (count > CONSOLE_BYTES_MAX)
        return -XEN_EINVAL;
    while (count) {
        size_t n = count < sizeof text ? count : sizeof text;
        if (!call_copy_in(c, text, gva, n))
            return -XEN_EFAULT;
        if (h->guest_log)
            h->guest_log(h->opaque, text, n);
        gva += n;
        count -= n;
    }
    return 0;
}

/* An HVM guest has one assist that means something: a mark in its runstate areas while Xen writes them. */
int64_t vm_assist_op(struct xen_call *c)
{
    if (c->arg[0] != VMASST_CMD_enable && c->arg[0] != VMASST_CMD_disable)
        return -XEN_ENOSYS;
    return c->arg[1] == VMASST_TYPE_runstate_update_flag ? 0 : -XEN_EINVAL;
}
