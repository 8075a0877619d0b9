/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine.c: the reference interpreter as an engine: creation, vCPUs, and what other threads may ask of it.
 */
#include "engine/engine.h"

#include "base/log.h"
#include "engine/interp/flags.h"
#include "engine/interp/run.h"
#include "engine/interp/simd.h"
#include "engine/interp/trace.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct interp_engine *to_engine(struct engine *e)
{
    return (struct interp_engine *)(void *)e;
}

static struct interp_vcpu *to_vcpu(struct engine_vcpu *v)
{
    return (struct interp_vcpu *)(void *)v;
}

void interp_request_flush(struct interp_engine *e, const struct interp_vcpu *except)
{
    for (unsigned i = 0; i < e->max_vcpus; i++) {
        struct interp_vcpu *v = atomic_load(&e->vcpus[i]);
        if (!v || v == except)
            continue;
        atomic_fetch_or(v->requests, ENGINE_REQ_FLUSH);
        if (e->tier)
            e->tier->kick(v);
    }
}

static void on_unmapped(void *opaque, gfn_t first, uint64_t count)
{
    interp_code_unmapped(opaque, first, count);
    interp_request_flush(opaque, NULL);
}

static void on_code_written(void *opaque, gpa_t gpa, uint64_t len)
{
    interp_code_written(opaque, gpa, len);
}

static void free_vcpu(struct interp_engine *e, struct interp_vcpu *v)
{
    if (!v)
        return;
    if (e->tier)
        e->tier->fini(v);
    interp_blocks_fini(v);
    interp_tlb_fini(v);
    free((char *)v - (e->tier ? e->tier->before : 0));
}

static void destroy(struct engine *engine)
{
    struct interp_engine *e = to_engine(engine);
    if (!e)
        return;
    memory_set_listener(e->memory, &(struct memory_listener){.opaque = NULL});
    for (unsigned i = 0; e->vcpus && i < e->max_vcpus; i++)
        free_vcpu(e, atomic_load(&e->vcpus[i]));
    interp_trace_end(e);
    pthread_mutex_destroy(&e->trace_lock);
    interp_code_fini(e);
    interp_simd_destroy(e->simd);
    free(e->vcpus);
    free(e);
}

static int create(struct engine **engine, struct memory *memory, unsigned max_vcpus)
{
    struct interp_engine *e = calloc(1, sizeof *e);
    if (!e)
        return -ENOMEM;
    pthread_mutex_init(&e->trace_lock, NULL);
    e->memory = memory;
    e->max_vcpus = max_vcpus;
    e->vcpus = calloc(max_vcpus, sizeof *e->vcpus);
    e->simd = interp_simd_create();
    if (interp_code_init(e) < 0 || !e->vcpus || !e->simd) {
        destroy((struct engine *)(void *)e);
        log_error("interpreter: no memory for its tables");
        return -ENOMEM;
    }
    memory_set_listener(memory, &(struct memory_listener){on_unmapped, on_code_written, e});
    *engine = (struct engine *)(void *)e;
    return 0;
}

static struct engine_vcpu *vcpu_create(struct engine *engine, unsigned index, _Atomic uint32_t *requests,
                                       const struct engine_host *host, void *opaque)
{
    struct interp_engine *e = to_engine(engine);
    size_t before = e->tier ? e->tier->before : 0, bytes = e->tier ? e->tier->bytes : sizeof(struct interp_vcpu);
    void *p = NULL;
    bytes = (before + bytes + 63) & ~(size_t)63;
    if (index >= e->max_vcpus || posix_memalign(&p, 64, bytes))
        return NULL;
    memset(p, 0, bytes);
    struct interp_vcpu *v = (struct interp_vcpu *)(void *)((char *)p + before);
    v->engine = e;
    v->memory = e->memory;
    v->index = index;
    v->requests = requests;
    v->host = *host;
    v->opaque = opaque;
    if (interp_tlb_init(v) < 0 || interp_blocks_init(v) < 0 || (e->tier && e->tier->init(v) < 0)) {
        free_vcpu(e, v);
        return NULL;
    }
    x86_cpu_reset(&v->cpu);
    interp_mode_changed(v);
    atomic_store(&e->vcpus[index], v);
    return (struct engine_vcpu *)(void *)v;
}

static struct x86_cpu *vcpu_state(struct engine_vcpu *ev)
{
    struct interp_vcpu *v = to_vcpu(ev);
    cc_commit(v);
    return &v->cpu;
}

static void vcpu_changed(struct engine_vcpu *ev)
{
    struct interp_vcpu *v = to_vcpu(ev);
    v->event.valid = v->delivering.valid = false;
    interp_flush_tlb(v);
    interp_mode_changed(v);
}

static enum engine_exit vcpu_run(struct engine_vcpu *v)
{
    return interp_run(to_vcpu(v));
}

/* Blocks are short and the loop reads the request word before each: nothing more to do. */
static void vcpu_kick(struct engine_vcpu *v)
{
}

static int vcpu_translate(struct engine_vcpu *ev, gva_t gva, unsigned access, gpa_t *gpa)
{
    struct x86_walk w;
    if (!interp_walk(to_vcpu(ev), gva, access, &w))
        return -EFAULT;
    *gpa = w.gpa;
    return 0;
}

static unsigned vcpu_counters(struct engine_vcpu *ev, struct engine_counter *c)
{
    struct interp_vcpu *v = to_vcpu(ev);
    unsigned n = 0;
    c[n++] = (struct engine_counter){"blocks decoded", v->counts.blocks};
    c[n++] = (struct engine_counter){"decoded blocks dropped, times", v->counts.emptied};
    c[n++] = (struct engine_counter){"invalidations of code, all vCPUs", atomic_load(&v->engine->code_epoch)};
    c[n++] = (struct engine_counter){"page walks", v->counts.walks};
    c[n++] = (struct engine_counter){"exceptions and interrupts", v->counts.events};
    c[n++] = (struct engine_counter){"entries of user code", v->user_entries};
    return v->engine->tier ? n + v->engine->tier->counters(v, c + n) : n;
}

static int trace(struct engine *e, int fd, uint64_t count)
{
    return interp_trace_start(to_engine(e), fd, count);
}

const struct engine_ops engine_interp = {
    .name = "interp",
    .create = create,
    .destroy = destroy,
    .vcpu_create = vcpu_create,
    .vcpu_state = vcpu_state,
    .vcpu_changed = vcpu_changed,
    .vcpu_run = vcpu_run,
    .vcpu_kick = vcpu_kick,
    .vcpu_translate = vcpu_translate,
    .vcpu_counters = vcpu_counters,
    .trace = trace,
};
