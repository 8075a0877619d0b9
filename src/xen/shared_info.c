/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * shared_info.c: the page that a domain shares with Xen, in its two layouts, and where each vCPU's vcpu_info is.
 *
 * The layout follows the mode of the vCPU that last wrote the hypercall page's MSR or the callback parameter; what is
 * in the page is not converted. Knows offsets; not what an event is. (public/xen.h: struct shared_info.)
 */
#include "xen/domain.h"

#include "base/bytes.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MASK_64        0xa00u
#define MASK_32        0x880u
#define WC_64          0xc00u /* wc_version, wc_sec, wc_nsec, wc_sec_hi */
#define WC_32          0x900u
#define WC_SEC_HI_32   0x924u
#define VCPU_INFO_SIZE 64u

int shared_info_init(struct xen_domain *d)
{
    d->shared_info = aligned_alloc(PAGE_BYTES, PAGE_BYTES);
    if (!d->shared_info)
        return -XEN_ENOMEM;
    memset(d->shared_info, 0, PAGE_BYTES);
    d->shared_info_gfn = GFN_NONE;
    d->shinfo32 = true;
    return 0;
}

uint8_t *shared_info_pending(struct xen_domain *d)
{
    return d->shared_info + SHINFO_PENDING;
}

uint8_t *shared_info_mask(struct xen_domain *d)
{
    return d->shared_info + (d->shinfo32 ? MASK_32 : MASK_64);
}

void shared_info_latch(struct xen_domain *d, bool is_32bit)
{
    d->shinfo32 = is_32bit;
    shared_info_update_wallclock(d);
}

/* UTC at Xen's system time 0, plus the guest's own RTC offset, as the guest adds system time to it. */
void shared_info_update_wallclock(struct xen_domain *d)
{
    uint8_t *wc = d->shared_info + (d->shinfo32 ? WC_32 : WC_64);
    uint8_t *sec_hi = d->shinfo32 ? d->shared_info + WC_SEC_HI_32 : wc + 12;
    uint64_t now = xen_time_now_ns(d), ns;
    uint32_t version = load_le32(wc) | 1;
    struct timespec utc;
    int64_t sec;

    clock_gettime(CLOCK_REALTIME, &utc);
    ns = (uint64_t)utc.tv_sec * 1000000000u + (uint64_t)utc.tv_nsec - now;
    sec = (int64_t)(ns / 1000000000u) + d->rtc_offset_s;
    store_le32(wc, version);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    store_le32(wc + 4, (uint32_t)sec);
    store_le32(wc + 8, (uint32_t)(ns % 1000000000u));
    store_le32(sec_hi, (uint32_t)((uint64_t)sec >> 32));
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    store_le32(wc, version + 1);
}

uint8_t *vcpu_info_at(struct xen_vcpu *v)
{
    if (v->info_gpa) {
        uint8_t *at = mem_at(v->domain->config.memory, v->info_gpa, VCPU_INFO_SIZE);
        return at ? at : v->dummy_info;
    }
    return v->id < SHARED_VCPUS ? v->domain->shared_info + v->id * VCPU_INFO_SIZE : v->dummy_info;
}

void vcpu_info_written(struct xen_vcpu *v)
{
    struct xen_domain *d = v->domain;

    if (v->info_gpa)
        memory_written(d->config.memory, v->info_gpa, VCPU_INFO_SIZE);
    else if (d->shared_info_gfn != GFN_NONE)
        memory_written(d->config.memory, d->shared_info_gfn << PAGE_SHIFT_4K, PAGE_BYTES);
}

int64_t vcpu_info_register(struct xen_vcpu *v, gpa_t gpa)
{
    struct memory *m = v->domain->config.memory;
    struct memory_page page = memory_lookup(m, gpa >> PAGE_SHIFT_4K);
    uint8_t *old = vcpu_info_at(v), *to;

    if (v->info_gpa || (gpa & PAGE_MASK_4K) > PAGE_BYTES - VCPU_INFO_SIZE || (page.flags & MEMORY_READONLY))
        return -XEN_EINVAL;
    to = mem_at(m, gpa, VCPU_INFO_SIZE);
    if (!to || gpa == 0)
        return -XEN_EINVAL;
    memmove(to, old, VCPU_INFO_SIZE);
    v->info_gpa = gpa;
    upcall_mark(v); /* an event may have come between the copy and now: the guest looks at all */
    time_update_vcpu(v);
    return 0;
}
