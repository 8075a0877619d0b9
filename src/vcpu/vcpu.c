/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vcpu.c: the vCPU threads; see vcpu.h.
 *
 * A thread sleeps on its own condition variable when its processor is halted, waits for SIPI, is blocked by a
 * hypercall, or the domain is paused. Whoever sets a bit of the request word signals it.
 */
#include "vcpu/vcpu.h"

#include "x86/paging.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct vcpu {
    struct vcpus *all;
    unsigned index;
    _Atomic uint32_t requests; /* enum engine_request */
    struct engine_vcpu *engine;
    _Atomic gpa_t local_page;
    uint8_t sipi_vector;

    pthread_t thread;
    bool started;
    pthread_mutex_t lock; /* of the fields below */
    pthread_cond_t wake;
    bool sleeping; /* halted, blocked or waiting for SIPI */
    bool inside;   /* may be running guest code */
    bool blocked;  /* by vcpu_block() */
    bool woken;    /* vcpu_wake() since */
};

struct vcpus {
    struct vcpus_config c;
    struct vcpu_hooks hooks;
    struct engine *engine;
    atomic_uint paused; /* count; threads stay out of guest code while it is not 0 */
    atomic_bool quit;
    struct vcpu *vcpu;
};

static void vcpu_signal(struct vcpu *v)
{
    pthread_mutex_lock(&v->lock);
    pthread_cond_broadcast(&v->wake);
    pthread_mutex_unlock(&v->lock);
}

static void vcpu_request(struct vcpu *v, uint32_t bits)
{
    atomic_fetch_or(&v->requests, bits);
    v->all->c.engine->vcpu_kick(v->engine);
    vcpu_signal(v);
}

/* Engine callbacks: take the machine lock, find the device. */
static uint64_t on_port_read(void *opaque, uint16_t port, unsigned size)
{
    struct vcpu *v = opaque;
    uint64_t value;

    loop_lock(v->all->c.loop);
    value = bus_read(v->all->c.ports, port, size);
    loop_unlock(v->all->c.loop);
    return value;
}

static void on_port_read_many(void *opaque, uint16_t port, unsigned size, void *to, unsigned count)
{
    struct vcpu *v = opaque;
    uint8_t *p = to;

    loop_lock(v->all->c.loop);
    for (; count; count--, p += size) {
        uint64_t value = bus_read(v->all->c.ports, port, size);
        memcpy(p, &value, size);
    }
    loop_unlock(v->all->c.loop);
}

static void on_port_write(void *opaque, uint16_t port, unsigned size, uint64_t value)
{
    struct vcpu *v = opaque;

    loop_lock(v->all->c.loop);
    bus_write(v->all->c.ports, port, size, value);
    loop_unlock(v->all->c.loop);
}

static bool is_local(struct vcpu *v, gpa_t gpa)
{
    return (gpa & ~PAGE_MASK_4K) == atomic_load_explicit(&v->local_page, memory_order_relaxed);
}

static uint64_t on_mmio_read(void *opaque, gpa_t gpa, unsigned size)
{
    struct vcpu *v = opaque;
    struct vcpus *all = v->all;
    uint64_t value;

    loop_lock(all->c.loop);
    if (is_local(v, gpa))
        value = all->hooks.local_read(all->c.opaque, v->index, (unsigned)(gpa & PAGE_MASK_4K), size);
    else
        value = bus_read(all->c.mmio, gpa, size);
    loop_unlock(all->c.loop);
    return value;
}

static void on_mmio_write(void *opaque, gpa_t gpa, unsigned size, uint64_t value)
{
    struct vcpu *v = opaque;
    struct vcpus *all = v->all;

    loop_lock(all->c.loop);
    if (is_local(v, gpa))
        all->hooks.local_write(all->c.opaque, v->index, (unsigned)(gpa & PAGE_MASK_4K), size, value);
    else
        bus_write(all->c.mmio, gpa, size, value);
    loop_unlock(all->c.loop);
}

static bool on_msr_read(void *opaque, uint32_t msr, uint64_t *value)
{
    struct vcpu *v = opaque;

    return v->all->hooks.msr_read(v->all->c.opaque, v->index, msr, value);
}

static bool on_msr_write(void *opaque, uint32_t msr, uint64_t value)
{
    struct vcpu *v = opaque;

    return v->all->hooks.msr_write(v->all->c.opaque, v->index, msr, value);
}

static void on_cpuid(void *opaque, uint32_t leaf, uint32_t subleaf, uint32_t out[4])
{
    struct vcpu *v = opaque;

    v->all->hooks.cpuid(v->all->c.opaque, v->index, v->all->c.engine->vcpu_state(v->engine), leaf, subleaf, out);
}

static void on_hypercall(void *opaque, struct x86_cpu *cpu)
{
    struct vcpu *v = opaque;

    v->all->hooks.hypercall(v->all->c.opaque, v->index, cpu);
}

static int on_interrupt_ack(void *opaque)
{
    struct vcpu *v = opaque;

    return v->all->hooks.interrupt_ack(v->all->c.opaque, v->index);
}

static uint64_t on_cr8_read(void *opaque)
{
    struct vcpu *v = opaque;

    return v->all->hooks.cr8_read(v->all->c.opaque, v->index);
}

static void on_cr8_write(void *opaque, uint64_t value)
{
    struct vcpu *v = opaque;

    v->all->hooks.cr8_write(v->all->c.opaque, v->index, value);
}

static bool on_fpu_error(void *opaque, bool pending)
{
    struct vcpu *v = opaque;

    return v->all->hooks.fpu_error(v->all->c.opaque, v->index, pending);
}

static const struct engine_host vcpu_host = {
    .port_read = on_port_read,
    .port_write = on_port_write,
    .port_read_many = on_port_read_many,
    .mmio_read = on_mmio_read,
    .mmio_write = on_mmio_write,
    .msr_read = on_msr_read,
    .msr_write = on_msr_write,
    .cpuid = on_cpuid,
    .hypercall = on_hypercall,
    .interrupt_ack = on_interrupt_ack,
    .cr8_read = on_cr8_read,
    .cr8_write = on_cr8_write,
    .fpu_error = on_fpu_error,
};

int vcpus_create(struct vcpus **out, const struct vcpus_config *config)
{
    struct vcpus *all = calloc(1, sizeof *all);
    int rc = -ENOMEM;

    *out = NULL;
    if (!all)
        return -ENOMEM;
    all->c = *config;
    all->hooks = *config->hooks;
    atomic_store(&all->paused, 1);
    all->vcpu = calloc(config->count, sizeof *all->vcpu);
    if (!all->vcpu)
        goto fail;
    rc = config->engine->create(&all->engine, config->memory, config->count);
    if (rc)
        goto fail;
    for (unsigned i = 0; i < config->count; i++) {
        struct vcpu *v = &all->vcpu[i];
        v->all = all;
        v->index = i;
        atomic_store(&v->local_page, ~0ull);
        pthread_mutex_init(&v->lock, NULL);
        pthread_cond_init(&v->wake, NULL);
        v->engine = config->engine->vcpu_create(all->engine, i, &v->requests, &vcpu_host, v);
        if (!v->engine) {
            rc = -ENOMEM;
            goto fail;
        }
        x86_cpu_reset(config->engine->vcpu_state(v->engine));
        if (i)
            config->engine->vcpu_state(v->engine)->activity = X86_WAIT_FOR_SIPI;
        config->engine->vcpu_changed(v->engine);
    }
    *out = all;
    return 0;
fail:
    vcpus_destroy(all);
    return rc;
}

void vcpus_destroy(struct vcpus *all)
{
    if (!all)
        return;
    atomic_store(&all->quit, true);
    for (unsigned i = 0; all->vcpu && i < all->c.count; i++) {
        struct vcpu *v = &all->vcpu[i];
        if (v->started) {
            vcpu_request(v, ENGINE_REQ_STOP);
            pthread_join(v->thread, NULL);
        }
    }
    all->c.engine->destroy(all->engine);
    free(all->vcpu);
    free(all);
}

unsigned vcpus_count(const struct vcpus *v)
{
    return v->c.count;
}

struct x86_cpu *vcpus_state(struct vcpus *all, unsigned i)
{
    return all->c.engine->vcpu_state(all->vcpu[i].engine);
}

void vcpus_state_changed(struct vcpus *all, unsigned i)
{
    all->c.engine->vcpu_changed(all->vcpu[i].engine);
}

/* INIT and SIPI, in the vCPU's own thread. */
static void take_startup_requests(struct vcpu *v)
{
    const struct engine_ops *e = v->all->c.engine;
    struct x86_cpu *cpu = e->vcpu_state(v->engine);
    uint32_t got = atomic_fetch_and(&v->requests, ~(uint32_t)(ENGINE_REQ_INIT | ENGINE_REQ_SIPI));

    if (got & ENGINE_REQ_INIT) {
        x86_cpu_init(cpu);
        if (v->index == 0)
            cpu->activity = X86_RUNNING; /* the bootstrap processor goes on at the reset vector */
        e->vcpu_changed(v->engine);
    }
    if ((got & ENGINE_REQ_SIPI) && cpu->activity == X86_WAIT_FOR_SIPI) {
        cpu->activity = X86_RUNNING;
        cpu->seg[X86_CS].selector = (uint16_t)(v->sipi_vector << 8);
        cpu->seg[X86_CS].base = (uint64_t)v->sipi_vector << 12;
        cpu->rip = 0;
        e->vcpu_changed(v->engine);
    }
}

/* Must this processor's thread wait? v->lock held. */
static bool must_sleep(struct vcpu *v)
{
    const struct x86_cpu *cpu = v->all->c.engine->vcpu_state(v->engine);
    uint32_t r = atomic_load(&v->requests);
    bool interrupt = (r & ENGINE_REQ_NMI) || ((r & ENGINE_REQ_INTR) && (cpu->rflags & X86_IF));

    if (atomic_load(&v->all->quit) || (r & ENGINE_REQ_INIT))
        return false;
    if (cpu->activity == X86_WAIT_FOR_SIPI)
        return !(r & ENGINE_REQ_SIPI);
    if (v->blocked && !v->woken)
        return !interrupt;
    return cpu->activity == X86_HALTED && !interrupt;
}

static void vcpu_wait(struct vcpu *v)
{
    pthread_mutex_lock(&v->lock);
    v->inside = false;
    pthread_cond_broadcast(&v->wake); /* for vcpus_pause() */
    while (!atomic_load(&v->all->quit) && (atomic_load(&v->all->paused) || must_sleep(v))) {
        v->sleeping = must_sleep(v);
        pthread_cond_wait(&v->wake, &v->lock);
    }
    v->sleeping = v->blocked = v->woken = false;
    v->inside = true;
    atomic_fetch_and(&v->requests, ~(uint32_t)ENGINE_REQ_STOP);
    /* A pause may have come between the wait and the line above. */
    if (atomic_load(&v->all->paused) || atomic_load(&v->all->quit))
        atomic_fetch_or(&v->requests, ENGINE_REQ_STOP);
    pthread_mutex_unlock(&v->lock);
}

static void *vcpu_thread(void *opaque)
{
    struct vcpu *v = opaque;
    struct vcpus *all = v->all;

    for (;;) {
        enum engine_exit exit;

        vcpu_wait(v);
        if (atomic_load(&all->quit))
            return NULL;
        take_startup_requests(v);
        if (all->c.engine->vcpu_state(v->engine)->activity == X86_WAIT_FOR_SIPI)
            continue;
        exit = all->c.engine->vcpu_run(v->engine);
        if (exit == ENGINE_EXIT_TRIPLE_FAULT || exit == ENGINE_EXIT_ERROR) {
            lifecycle_request(all->c.lifecycle, exit == ENGINE_EXIT_ERROR ? LIFE_CRASH : all->c.triple_fault,
                              exit == ENGINE_EXIT_ERROR ? "the CPU engine failed" : "triple fault");
            all->c.engine->vcpu_state(v->engine)->activity = X86_WAIT_FOR_SIPI;
        }
    }
}

int vcpus_start(struct vcpus *all)
{
    for (unsigned i = 0; i < all->c.count; i++) {
        int r = pthread_create(&all->vcpu[i].thread, NULL, vcpu_thread, &all->vcpu[i]);
        char name[16];
        if (r)
            return -r;
        all->vcpu[i].started = true;
        (void)snprintf(name, sizeof name, "vcpu%u", i);
        (void)pthread_setname_np(all->vcpu[i].thread, name);
    }
    return 0;
}

void vcpus_pause(struct vcpus *all)
{
    atomic_fetch_add(&all->paused, 1);
    for (unsigned i = 0; i < all->c.count; i++)
        vcpu_request(&all->vcpu[i], ENGINE_REQ_STOP);
    loop_unlock(all->c.loop);
    for (unsigned i = 0; i < all->c.count; i++) {
        struct vcpu *v = &all->vcpu[i];
        pthread_mutex_lock(&v->lock);
        while (v->inside)
            pthread_cond_wait(&v->wake, &v->lock);
        pthread_mutex_unlock(&v->lock);
    }
    loop_lock(all->c.loop);
}

void vcpus_unpause(struct vcpus *all)
{
    if (atomic_load(&all->paused) == 0 || atomic_fetch_sub(&all->paused, 1) != 1)
        return;
    for (unsigned i = 0; i < all->c.count; i++)
        vcpu_signal(&all->vcpu[i]);
}

bool vcpus_paused(struct vcpus *all)
{
    return atomic_load(&all->paused) != 0;
}

void vcpu_set_interrupt(struct vcpus *all, unsigned i, bool level)
{
    struct vcpu *v = &all->vcpu[i];

    if (!level)
        atomic_fetch_and(&v->requests, ~(uint32_t)ENGINE_REQ_INTR);
    else if (!(atomic_load(&v->requests) & ENGINE_REQ_INTR))
        vcpu_request(v, ENGINE_REQ_INTR);
}

void vcpu_nmi(struct vcpus *all, unsigned i)
{
    vcpu_request(&all->vcpu[i], ENGINE_REQ_NMI);
}

/* A SIPI that the processor has not looked at yet came before this INIT and must not start it afterwards. */
void vcpu_init(struct vcpus *all, unsigned i)
{
    struct vcpu *v = &all->vcpu[i];
    uint32_t old = atomic_load(&v->requests);

    while (!atomic_compare_exchange_weak(&v->requests, &old, (old | ENGINE_REQ_INIT) & ~(uint32_t)ENGINE_REQ_SIPI))
        ;
    vcpu_request(v, ENGINE_REQ_INIT);
}

void vcpu_sipi(struct vcpus *all, unsigned i, uint8_t vector)
{
    all->vcpu[i].sipi_vector = vector;
    vcpu_request(&all->vcpu[i], ENGINE_REQ_SIPI);
}

void vcpu_set_local_page(struct vcpus *all, unsigned i, gpa_t gpa)
{
    atomic_store(&all->vcpu[i].local_page, gpa);
}

/* Walks page by page; host is read (out) or written. */
static int copy_linear(struct vcpus *all, unsigned i, gva_t gva, void *host, uint64_t len, bool out)
{
    uint8_t *at = host;

    while (len) {
        uint64_t n = PAGE_BYTES - (gva & PAGE_MASK_4K);
        gpa_t gpa;
        int rc;

        if (n > len)
            n = len;
        rc = all->c.engine->vcpu_translate(all->vcpu[i].engine, gva, out ? X86_ACCESS_WRITE : X86_ACCESS_READ, &gpa);
        if (!rc)
            rc = out ? mem_copy_out(all->c.memory, gpa, at, n) : mem_copy_in(all->c.memory, at, gpa, n);
        if (rc)
            return rc;
        gva += n;
        at += n;
        len -= n;
    }
    return 0;
}

int vcpu_translate(struct vcpus *all, unsigned i, gva_t gva, gpa_t *gpa)
{
    return all->c.engine->vcpu_translate(all->vcpu[i].engine, gva, X86_ACCESS_WRITE, gpa);
}

int vcpu_copy_in(struct vcpus *all, unsigned i, void *to, gva_t from, uint64_t len)
{
    return copy_linear(all, i, from, to, len, false);
}

int vcpu_copy_out(struct vcpus *all, unsigned i, gva_t to, const void *from, uint64_t len)
{
    return copy_linear(all, i, to, (void *)(uintptr_t)from, len, true);
}

void vcpu_block(struct vcpus *all, unsigned i)
{
    struct vcpu *v = &all->vcpu[i];

    pthread_mutex_lock(&v->lock);
    v->blocked = true;
    v->woken = false;
    pthread_mutex_unlock(&v->lock);
    atomic_fetch_or(&v->requests, ENGINE_REQ_STOP); /* leave guest code after this hypercall */
}

void vcpu_wake(struct vcpus *all, unsigned i)
{
    struct vcpu *v = &all->vcpu[i];

    pthread_mutex_lock(&v->lock);
    v->woken = true;
    pthread_cond_broadcast(&v->wake);
    pthread_mutex_unlock(&v->lock);
}

unsigned vcpu_counters(struct vcpus *all, unsigned i, struct engine_counter *counters)
{
    return all->c.engine->vcpu_counters(all->vcpu[i].engine, counters);
}

int vcpus_trace(struct vcpus *all, int fd, uint64_t count)
{
    return all->c.engine->trace(all->engine, fd, count);
}

uint64_t vcpu_time_ns(struct vcpus *all, unsigned i)
{
    struct timespec t;
    clockid_t clock;

    if (!all->vcpu[i].started || pthread_getcpuclockid(all->vcpu[i].thread, &clock) || clock_gettime(clock, &t))
        return 0;
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

bool vcpu_blocked(struct vcpus *all, unsigned i)
{
    bool sleeping;

    pthread_mutex_lock(&all->vcpu[i].lock);
    sleeping = all->vcpu[i].sleeping;
    pthread_mutex_unlock(&all->vcpu[i].lock);
    return sleeping;
}
