/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * time.c: Xen's system time, each vCPU's time record (pvclock) and its timers.
 *
 * System time is the host's TSC, scaled by one fixed factor from one anchor, so that what guests compute from their
 * records never steps; pausing moves the anchor. It starts equal to loop_now_ns() and is converted where a timer of the
 * loop is set. (public/xen.h: struct vcpu_time_info.)
 */
#include "xen/domain.h"

#include "base/bytes.h"

#include <time.h>
#include <x86intrin.h>
#include <xen/sched.h>

#define RECORD_AT       32u /* in vcpu_info */
#define MEASURE_NS      10000000
#define FLAG_TSC_STABLE 1u
#define NS_PER_MS       1000000ull

static int64_t host_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC_RAW, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* One (TSC, time) pair; of a few tries the one that took least, so that an interruption does not count. */
static void sample(uint64_t *tsc, int64_t *ns)
{
    uint64_t best = ~0ull;

    for (int i = 0; i < 8; i++) {
        uint64_t before = __rdtsc();
        int64_t now = host_ns();
        uint64_t after = __rdtsc();
        if (after - before < best) {
            best = after - before;
            *tsc = before + best / 2;
            *ns = now;
        }
    }
}

static uint32_t measure_tsc_khz(void)
{
    uint64_t tsc0, tsc1;
    int64_t ns0, ns1;
    struct timespec nap = {0, MEASURE_NS};
    double khz;

    sample(&tsc0, &ns0);
    nanosleep(&nap, NULL);
    sample(&tsc1, &ns1);
    khz = (double)(tsc1 - tsc0) * 1e6 / (double)(ns1 - ns0);
    return khz < 1000.0 ? 1000u : khz > 4e9 ? 4000000000u : (uint32_t)(khz + 0.5);
}

/* ns = ((ticks << shift) * mul) >> 32, with mul as large as 32 bits allow. */
void time_scale(uint32_t khz, uint32_t *mul, int8_t *shift)
{
    unsigned __int128 scaled = ((unsigned __int128)NS_PER_MS << 64) / khz; /* ns per tick, 64.64 */

    *shift = 0;
    while (scaled >> 64) {
        scaled >>= 1;
        ++*shift;
    }
    while (!(scaled >> 63)) {
        scaled <<= 1;
        --*shift;
    }
    *mul = (uint32_t)(scaled >> 32);
}

static uint64_t ticks_to_ns(const struct xen_domain *d, uint64_t ticks)
{
    ticks = d->tsc_shift < 0 ? ticks >> -d->tsc_shift : ticks << d->tsc_shift;
    return (uint64_t)((unsigned __int128)ticks * d->tsc_mul >> 32);
}

uint64_t xen_time_now_ns(struct xen_domain *d)
{
    if (d->time_paused)
        return d->time_anchor_ns;
    return d->time_anchor_ns + ticks_to_ns(d, __rdtsc() - d->time_anchor_tsc);
}

uint32_t xen_time_tsc_khz(struct xen_domain *d)
{
    return d->tsc_khz;
}

void time_init(struct xen_domain *d)
{
    d->tsc_khz = d->config.tsc_khz ? d->config.tsc_khz : measure_tsc_khz();
    time_scale(d->tsc_khz, &d->tsc_mul, &d->tsc_shift);
    d->time_anchor_tsc = __rdtsc();
    d->time_anchor_ns = loop_now_ns(d->config.loop);
}

static void record_write(const struct xen_vcpu *v, uint8_t *record)
{
    const struct xen_domain *d = v->domain;
    uint32_t version = load_le32(record) | 1;

    store_le32(record, version);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    store_le64(record + 8, d->time_anchor_tsc + v->tsc_offset);
    store_le64(record + 16, d->time_anchor_ns);
    store_le32(record + 24, d->tsc_mul);
    record[28] = (uint8_t)d->tsc_shift;
    record[29] = FLAG_TSC_STABLE;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    store_le32(record, version + 1);
}

/* The record says where the anchor is on this vCPU's own TSC; it changes only with the anchor and the offset. */
void time_update_vcpu(struct xen_vcpu *v)
{
    struct memory *m = v->domain->config.memory;
    uint8_t *copy = v->time_gpa ? mem_at(m, v->time_gpa, TIME_RECORD_BYTES) : NULL;

    record_write(v, vcpu_info_at(v) + RECORD_AT);
    vcpu_info_written(v);
    if (copy) {
        record_write(v, copy);
        memory_written(m, v->time_gpa, TIME_RECORD_BYTES);
    }
}

void time_update_all(struct xen_domain *d)
{
    for (unsigned i = 0; i < d->config.vcpus; i++)
        time_update_vcpu(&d->vcpu[i]);
}

void xen_time_set_tsc_offset(struct xen_domain *d, unsigned vcpu, uint64_t offset)
{
    if (vcpu >= d->config.vcpus)
        return;
    d->vcpu[vcpu].tsc_offset = offset;
    time_update_vcpu(&d->vcpu[vcpu]);
}

void xen_time_pause(struct xen_domain *d, bool paused)
{
    if (paused == d->time_paused)
        return;
    d->time_anchor_ns = xen_time_now_ns(d);
    d->time_anchor_tsc = __rdtsc();
    d->time_paused = paused;
    if (paused)
        return;
    time_update_all(d);
    shared_info_update_wallclock(d);
}

void xen_time_set_rtc_offset(struct xen_domain *d, int64_t offset_s)
{
    d->rtc_offset_s = offset_s;
    shared_info_update_wallclock(d);
}

uint64_t time_to_loop_ns(struct xen_domain *d, uint64_t xen_ns)
{
    uint64_t now = loop_now_ns(d->config.loop), xen_now = xen_time_now_ns(d), ahead;

    if (xen_ns <= xen_now)
        return now;
    ahead = xen_ns - xen_now;
    return ahead > ~0ull - now ? ~0ull : now + ahead;
}

/* ---- timers ---- */

static void single_arm(struct xen_vcpu *v)
{
    timer_set(&v->single, time_to_loop_ns(v->domain, v->single_ns));
}

static void single_fired(void *opaque)
{
    struct xen_vcpu *v = opaque;

    if (v->single_ns == TIME_NEVER)
        return;
    if (xen_time_now_ns(v->domain) < v->single_ns) { /* the two clocks differ a little */
        single_arm(v);
        return;
    }
    v->single_ns = TIME_NEVER;
    evtchn_raise_virq(v, VIRQ_TIMER);
}

static void periodic_fired(void *opaque)
{
    struct xen_vcpu *v = opaque;

    if (!v->period_ns)
        return;
    timer_set(&v->periodic, loop_now_ns(v->domain->config.loop) + v->period_ns);
    evtchn_raise_virq(v, VIRQ_TIMER);
}

void time_timers_init(struct xen_vcpu *v)
{
    v->single_ns = TIME_NEVER;
    v->created_ns = xen_time_now_ns(v->domain);
    timer_init(&v->single, v->domain->config.loop, single_fired, v);
    timer_init(&v->periodic, v->domain->config.loop, periodic_fired, v);
}

void time_timers_stop(struct xen_vcpu *v)
{
    timer_cancel(&v->single);
    timer_cancel(&v->periodic);
    timer_cancel(&v->poll);
}

void time_set_single(struct xen_vcpu *v, uint64_t deadline_ns)
{
    v->single_ns = deadline_ns;
    if (deadline_ns == TIME_NEVER)
        timer_cancel(&v->single);
    else
        single_arm(v);
}

void time_set_period(struct xen_vcpu *v, uint64_t period_ns)
{
    v->period_ns = period_ns;
    if (period_ns)
        timer_set(&v->periodic, loop_now_ns(v->domain->config.loop) + period_ns);
    else
        timer_cancel(&v->periodic);
}

/* The timer of PV guests, which HVM guests may use too: absolute, zero stops it. */
int64_t set_timer_op(struct xen_call *c)
{
    uint64_t deadline = c->compat ? (c->arg[0] & 0xffffffffu) | c->arg[1] << 32 : c->arg[0];

    time_set_single(c->v, deadline ? deadline : TIME_NEVER);
    return 0;
}
