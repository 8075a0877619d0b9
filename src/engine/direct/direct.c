/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * direct.c: when user code runs directly, and what a stop means. State goes into the stub's signal frame and out of it;
 * exceptions and system calls are never taken from the stub: the engine runs that instruction again and sees for
 * itself.
 */
#include "engine/direct/direct.h"

#include "base/log.h"
#include "engine/direct/pages.h"
#include "engine/interp/access.h"
#include "engine/interp/flags.h"
#include "engine/interp/segment.h"
#include "engine/interp/simd_state.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <x86intrin.h>

/* Linux's user selectors: the stub's, and so the guest's program must have the same. */
#define USER_CS     0x33
#define USER_SS     0x2b
#define TYPE_CODE   8u /* in a segment's type */

#define FLAGS_TAKEN (X86_ARITH | X86_TF | X86_DF | X86_NT | X86_AC | X86_ID)
#define FLAGS_LEFT  (X86_NT | X86_ID) /* by a signal's return as they are */
#define BURST_WORTH 2000000u          /* TSC cycles of user code between two entries of the kernel that pay a stub */
#define PROBES      8                 /* stops that show what one costs on this host */
#define SAMPLE_MAX  200000000u
#define SAMPLES     2 /* in a row, before a space is promoted */
/* Between two samples: more, and the program makes its code or runs each piece once, and would stop all the time. */
#define CODE_WRITES      16u  /* times that code was written */
#define CODE_NEW         512u /* blocks that were decoded */
#define WINDOW           64u /* stops over which a promoted space is judged: did three quarters of the time go to its code? */
#define BACK_OFF_MAX     1024u
#define XSTATE_BV_OURS   7u
#define XSTATE_BV_HIDDEN 0xe0u /* AVX-512's components start as after reset */

struct space {
    struct direct_link link;
    struct direct_pages pages;
    bool running; /* link has a process */
    uint32_t epoch;
    /* Judging. */
    uint64_t entries_seen, sampled_at;
    uint64_t blocks_seen; /* interp_counts.blocks then */
    uint32_t epoch_seen;  /* interp_engine.code_epoch then */
    unsigned samples, back_off, wait;
    uint64_t window_cycles, window_useful;
    unsigned window_stops;
};

struct direct {
    struct interp_vcpu *v;
    enum direct_mode mode;
    bool broken;               /* no stub can be had */
    uint64_t stop_cycles;      /* what going on and stopping at once costs */
    pthread_mutex_t kick_lock; /* a runner is not ended while it is being kicked: its number may be another's then */
    pid_t kickable;            /* under it; 0: none runs */
    struct direct_counts counts;
    struct space spaces[INTERP_SPACES];
};

static struct space *space_of(struct direct *d)
{
    return &d->spaces[d->v->user_space];
}

static void set_direct(struct direct *d, struct interp_space *s, bool on)
{
    s->direct = on;
    interp_set_bank(d->v, (enum interp_bank)d->v->bank);
}

/* --- judging --- */

static void promote(struct direct *d, struct interp_space *s, struct space *space)
{
    space->samples = 0;
    space->window_cycles = space->window_useful = space->window_stops = 0;
    d->counts.promoted++;
    set_direct(d, s, true);
}

static void demote(struct direct *d, struct space *space)
{
    space->back_off = space->back_off * 2 + 8;
    if (space->back_off > BACK_OFF_MAX)
        space->back_off = BACK_OFF_MAX;
    space->wait = space->back_off;
    d->counts.demoted++;
    set_direct(d, &d->v->spaces[space - d->spaces], false);
}

void direct_sample(struct direct *d)
{
    struct interp_vcpu *v = d->v;
    struct interp_space *s = &v->spaces[v->user_space];
    struct space *space = space_of(d);
    if (d->broken || s->direct || d->mode == DIRECT_OFF)
        return;
    uint64_t now = __rdtsc(), bursts = v->user_entries - space->entries_seen + 1, cycles = now - space->sampled_at;
    const uint32_t epoch = atomic_load_explicit(&v->engine->code_epoch, memory_order_relaxed);
    const bool settled = epoch - space->epoch_seen <= CODE_WRITES && v->counts.blocks - space->blocks_seen <= CODE_NEW;
    space->entries_seen = v->user_entries;
    space->epoch_seen = epoch;
    space->blocks_seen = v->counts.blocks;
    space->sampled_at = now;
    if (space->wait) {
        space->wait--;
        return;
    }
    space->samples = cycles < SAMPLE_MAX && cycles / bursts > BURST_WORTH && settled ? space->samples + 1 : 0;
    if (space->samples >= SAMPLES)
        promote(d, s, space);
}

static void judge(struct direct *d, struct space *space, uint64_t cycles)
{
    d->counts.bursts++;
    space->window_cycles += cycles;
    if (space->window_stops < WINDOW)
        return;
    if (space->window_useful < space->window_cycles / 4 * 3 && d->mode != DIRECT_EAGER)
        demote(d, space);
    else
        space->back_off = 0;
    space->window_cycles = space->window_useful = space->window_stops = 0;
}

/* --- state --- */

static const uint8_t greg[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                                 REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};

/* As this one stub, with these segments, can run it. */
static bool suits(const struct interp_vcpu *v)
{
    const struct x86_cpu *cpu = &v->cpu;
    if (v->code_mode != X86_MODE_64 || !v->user || v->single || v->watch || (cpu->rflags & (X86_TF | X86_AC)) ||
        !(cpu->rflags & X86_IF) || (cpu->rflags & X86_IOPL))
        return false;
    if (cpu->seg[X86_CS].selector != USER_CS || cpu->seg[X86_SS].selector != USER_SS ||
        (cpu->seg[X86_DS].selector && cpu->seg[X86_DS].selector != USER_SS) ||
        (cpu->seg[X86_ES].selector && cpu->seg[X86_ES].selector != USER_SS) || cpu->seg[X86_FS].selector ||
        cpu->seg[X86_GS].selector)
        return false;
    if ((cpu->cr0 & (X86_CR0_EM | X86_CR0_TS)) || !(cpu->cr0 & X86_CR0_PG) || !(cpu->cr4 & X86_CR4_OSFXSR) ||
        !(cpu->cr4 & X86_CR4_OSXSAVE) || (cpu->xcr0 & 6) != 6)
        return false;
    return cpu->seg[X86_FS].base < DIRECT_TOP && cpu->seg[X86_GS].base < DIRECT_TOP && cpu->gpr[X86_RSP] < DIRECT_TOP &&
           cpu->rip < DIRECT_TOP;
}

static void put_state(struct interp_vcpu *v, ucontext_t *uc, uint8_t *fpu)
{
    greg_t *g = uc->uc_mcontext.gregs;
    const uint8_t *image = fpu_bytes(v);
    cc_commit(v);
    for (unsigned i = 0; i < 16; i++)
        g[greg[i]] = (greg_t)v->cpu.gpr[i];
    g[REG_RIP] = (greg_t)v->cpu.rip;
    g[REG_EFL] = (greg_t)((v->cpu.rflags & FLAGS_TAKEN) | X86_IF | 2);
    g[REG_CSGSFS] = (greg_t)((uint64_t)USER_SS << 48 | USER_CS);
    memcpy(fpu, image, FPU_MASK);
    memcpy(fpu + SIMD_ST_OFFSET, image + SIMD_ST_OFFSET, 416 - SIMD_ST_OFFSET);
    store_le32(fpu + FPU_MXCSR, fpu_mxcsr(v) & MXCSR_VALID);
    store_le64(fpu + FPU_XSTATE_BV, (load_le64(fpu + FPU_XSTATE_BV) & ~(uint64_t)XSTATE_BV_HIDDEN) | XSTATE_BV_OURS);
    memcpy(fpu + SIMD_YMM_OFFSET, image + SIMD_YMM_OFFSET, 256);
}

static void take_state(struct interp_vcpu *v, const ucontext_t *uc, const uint8_t *fpu)
{
    const greg_t *g = uc->uc_mcontext.gregs;
    uint8_t *image = fpu_bytes(v);
    for (unsigned i = 0; i < 16; i++)
        v->cpu.gpr[i] = (uint64_t)g[greg[i]];
    v->cpu.rip = (uint64_t)g[REG_RIP];
    v->cpu.rflags = (v->cpu.rflags & ~(uint64_t)FLAGS_TAKEN) | ((uint64_t)g[REG_EFL] & FLAGS_TAKEN);
    cc_set(v, (uint32_t)g[REG_EFL] & X86_ARITH);
    memcpy(image, fpu, FPU_MASK);
    memcpy(image + SIMD_ST_OFFSET, fpu + SIMD_ST_OFFSET, 416 - SIMD_ST_OFFSET);
    store_le32(image + FPU_MXCSR, load_le32(fpu + FPU_MXCSR) & MXCSR_VALID);
    if (load_le64(fpu + FPU_XSTATE_BV) & 4)
        memcpy(image + SIMD_YMM_OFFSET, fpu + SIMD_YMM_OFFSET, 256);
    else
        memset(image + SIMD_YMM_OFFSET, 0, 256);
    if (v->cpu.rflags & (X86_AC | X86_TF))
        interp_mode_changed(v);
}

/* A segment register that the program has loaded: compatibility mode is one far jump away. */
static bool take_segment(struct interp_vcpu *v, unsigned seg, uint16_t selector)
{
    struct descriptor d;
    if (v->cpu.seg[seg].selector == selector)
        return true;
    if ((selector & 3) != 3 || !descriptor_peek(v, selector, &d))
        return false;
    uint16_t attr = descriptor_attr(&d);
    if (!(attr & X86_ATTR_P) || !(attr & X86_ATTR_S) || attr_dpl(attr) != 3 ||
        ((attr & TYPE_CODE) != 0) != (seg == X86_CS))
        return false;
    descriptor_to_seg(&d, selector, &v->cpu.seg[seg]);
    interp_mode_changed(v);
    return true;
}

static bool take_segments(struct interp_vcpu *v, const ucontext_t *uc)
{
    uint64_t selectors = (uint64_t)uc->uc_mcontext.gregs[REG_CSGSFS];
    return take_segment(v, X86_CS, (uint16_t)selectors) && take_segment(v, X86_SS, (uint16_t)(selectors >> 48));
}

/* --- running --- */

static void set_kickable(struct direct *d, pid_t tid)
{
    pthread_mutex_lock(&d->kick_lock);
    d->kickable = tid;
    pthread_mutex_unlock(&d->kick_lock);
}

static bool start(struct direct *d, struct space *space)
{
    if (space->running)
        return true;
    if (!space->pages.slot && direct_pages_init(&space->pages, memory_ram_bytes(d->v->memory)) < 0)
        return false;
    int rc = direct_link_start(&space->link, memory_ram_fd(d->v->memory));
    if (rc < 0) {
        log_info("jit: user programs are translated, not run directly: no stub process: %s", strerror(-rc));
        d->broken = true;
        return false;
    }
    space->running = true;
    if (!d->stop_cycles) {
        d->stop_cycles = BURST_WORTH;
        for (unsigned i = 0; i < PROBES; i++) {
            const struct direct_segments segments = {0};
            uint64_t at = __rdtsc();
            (void)direct_link_go(&space->link, &segments,
                                 d->v->requests); /* it still stands at its own illegal instruction */
            at = __rdtsc() - at;
            d->stop_cycles = at < d->stop_cycles ? at : d->stop_cycles;
        }
    }
    return true;
}

static void stop(struct space *space)
{
    if (space->running)
        direct_link_end(&space->link);
    space->running = false;
    if (space->pages.slot) {
        direct_pages_empty(&space->pages);
        space->pages.unmap_all = false;
    }
}

/* The program that did this to its stub loses what it had computed since: it goes on at an address that faults. */
static void lost(struct direct *d, struct space *space)
{
    stop(space);
    d->counts.lost++;
    d->v->cpu.rip = 0;
    demote(d, space);
    space->back_off = space->wait = BACK_OFF_MAX;
}

static uint8_t user_byte(struct interp_vcpu *v, gva_t at)
{
    struct x86_walk w;
    uint8_t byte = 0;
    if (interp_walk(v, at, X86_ACCESS_USER | X86_ACCESS_PROBE, &w))
        (void)mem_copy_in(v->memory, &byte, w.gpa, 1);
    return byte;
}

/* INT3, INT 3, INT1: back to it. What single-stepping trapped behind is over. */
static void on_trap(struct interp_vcpu *v, const ucontext_t *uc)
{
    const greg_t *g = uc->uc_mcontext.gregs;
    uint8_t byte = user_byte(v, v->cpu.rip - 1);
    if (g[REG_TRAPNO] == X86_EXC_DB && ((uint64_t)g[REG_EFL] & X86_TF)) {
        v->event = (struct interp_event){.valid = true, .vector = X86_EXC_DB, .dr6 = 1u << 14};
        return;
    }
    v->cpu.rip -= byte == 0xcc || byte == 0xf1 ? 1 : 2;
}

/* Back to the system call. One of the vsyscall page has returned already: back to where that was called. */
static void back_to_call(struct interp_vcpu *v)
{
    const uint64_t at = v->cpu.rip - 2;
    const uint8_t bytes[2] = {user_byte(v, at), user_byte(v, at + 1)};
    if ((bytes[0] == 0x0f && bytes[1] == 0x05) || (bytes[0] == 0xcd && bytes[1] == 0x80)) {
        v->cpu.rip = at;
        return;
    }
    const uint64_t number = v->cpu.gpr[X86_RAX];
    v->cpu.rip = 0xffffffffff600000ull + (number == 201 ? 0x400 : number == 309 ? 0x800 : 0);
    v->cpu.gpr[X86_RSP] -= 8;
}

/*
 * Linux since 2024 keeps SYSCALL number 335 for its probes, past every filter, and says SIGILL to whoever is none: it
 * stands behind the call then, with an error. The guest's kernel is to answer that call like any other.
 */
static void back_to_probe_call(struct interp_vcpu *v)
{
    const uint64_t at = v->cpu.rip, error = v->cpu.gpr[X86_RAX];
    if (v->cpu.gpr[X86_RCX] != at || user_byte(v, at - 2) != 0x0f || user_byte(v, at - 1) != 0x05 ||
        error != (uint64_t)-1 || (user_byte(v, at) == 0x0f && user_byte(v, at + 1) == 0x0b))
        return;
    v->cpu.rip = at - 2;
    v->cpu.gpr[X86_RAX] = 335;
}

enum stopped { STOPPED_AGAIN, STOPPED_ENGINE, STOPPED_CODE };

static enum stopped on_stop(struct direct *d, struct space *space, const ucontext_t *uc)
{
    const greg_t *g = uc->uc_mcontext.gregs;
    if (space->link.shared->signal != SIGSEGV || g[REG_TRAPNO] != X86_EXC_PF)
        return STOPPED_ENGINE;
    switch (direct_pages_fault(&space->pages, &space->link, d->v, (gva_t)g[REG_CR2], (uint32_t)g[REG_ERR])) {
    case DIRECT_FAULT_MAPPED: d->counts.maps++; return STOPPED_AGAIN;
    case DIRECT_FAULT_CODE: return STOPPED_CODE;
    default: return STOPPED_ENGINE;
    }
}

/* The engine's requests matter to user code: interrupts are on. */
static bool wanted(const struct interp_vcpu *v)
{
    return atomic_load(v->requests) != 0;
}

/* Code that stubs may run changed somewhere. */
static void heed_epoch(struct interp_vcpu *v, struct space *space)
{
    uint32_t epoch = atomic_load(&v->engine->code_epoch);
    if (space->epoch != epoch)
        direct_pages_heed_code(&space->pages, &space->link);
    space->epoch = epoch;
}

bool direct_run(struct direct *d)
{
    struct interp_vcpu *v = d->v;
    struct space *space = space_of(d);
    uint8_t *fpu;
    if (d->broken || !suits(v) || !start(d, space) ||
        (direct_pages_find(&space->pages, v->cpu.rip & ~PAGE_MASK_4K) & DIRECT_PAGE_BARRED))
        return false;
    ucontext_t *uc = direct_link_frame(&space->link, &fpu);
    if (!uc) {
        lost(d, space);
        return true;
    }
    put_state(v, uc, fpu);
    const uint64_t begin = __rdtsc();
    const struct x86_seg *seg = v->cpu.seg;
    const struct direct_segments segments = {.fs_base = seg[X86_FS].base,
                                             .gs_base = seg[X86_GS].base,
                                             .ds = seg[X86_DS].selector,
                                             .es = seg[X86_ES].selector,
                                             .flags = (uint32_t)v->cpu.rflags & FLAGS_LEFT};
    enum stopped how = STOPPED_AGAIN;
    uint64_t signal = SIGUSR1;
    while (how == STOPPED_AGAIN) {
        heed_epoch(v, space);
        uint64_t at = __rdtsc();
        set_kickable(d, space->link.runner_tid);
        bool go = !wanted(v);
        bool mapped = !go || direct_pages_apply(&space->pages, &space->link);
        bool ok = !go || (mapped && direct_link_go(&space->link, &segments, v->requests));
        set_kickable(d, 0);
        if (!mapped) { /* the host's doing; the program stands where it stood */
            take_state(v, uc, fpu);
            stop(space);
            demote(d, space);
            return true;
        }
        uc = ok ? direct_link_frame(&space->link, &fpu) : NULL;
        if (!uc) {
            lost(d, space);
            return true;
        }
        at = __rdtsc() - at;
        space->window_useful += at > 2 * d->stop_cycles ? at - 2 * d->stop_cycles : 0;
        space->window_stops++;
        signal = go ? space->link.shared->signal : SIGUSR1;
        how = go ? on_stop(d, space, uc) : STOPPED_ENGINE;
    }
    take_state(v, uc, fpu);
    if (!take_segments(v, uc)) {
        lost(d, space);
        return true;
    }
    space->link.segments.flags = (uint32_t)uc->uc_mcontext.gregs[REG_EFL] & FLAGS_LEFT;
    if (signal == SIGSYS)
        back_to_call(v);
    else if (signal == SIGILL)
        back_to_probe_call(v);
    else if (signal == SIGTRAP)
        on_trap(v, uc);
    v->direct_hold = signal != SIGUSR1;
    v->brief = how != STOPPED_CODE;
    judge(d, space, __rdtsc() - begin);
    return true;
}

void direct_kick(struct direct *d)
{
    pthread_mutex_lock(&d->kick_lock);
    if (d->kickable > 0)
        (void)syscall(SYS_tgkill, d->kickable, d->kickable, SIGUSR1);
    pthread_mutex_unlock(&d->kick_lock);
}

/* --- what the guest's kernel does to translations --- */

void direct_flush(struct direct *d, unsigned space)
{
    if (d->spaces[space].pages.used)
        d->counts.flushes++;
    if (d->spaces[space].pages.slot)
        direct_pages_empty(&d->spaces[space].pages);
}

void direct_flush_page(struct direct *d, unsigned space, gva_t lin)
{
    struct space *s = &d->spaces[space];
    if (s->running && s->pages.used)
        direct_pages_remove(&s->pages, &s->link, lin & ~PAGE_MASK_4K);
}

void direct_forget(struct direct *d, unsigned space)
{
    struct space *s = &d->spaces[space];
    stop(s);
    s->samples = s->back_off = s->wait = 0;
    d->v->spaces[space].direct = d->mode == DIRECT_EAGER;
}

void direct_revoke_writes(struct direct *d, const uint8_t *host)
{
    uint64_t page = (uint64_t)(host - memory_ram(d->v->memory)) >> PAGE_SHIFT_4K;
    for (unsigned i = INTERP_SPACE_USER; i < INTERP_SPACES; i++) {
        if (d->spaces[i].running)
            direct_pages_revoke(&d->spaces[i].pages, &d->spaces[i].link, page);
    }
}

/* --- making --- */

struct direct *direct_create(struct interp_vcpu *v, enum direct_mode mode)
{
    struct direct *d = calloc(1, sizeof *d);
    if (!d)
        return NULL;
    d->v = v;
    d->mode = mode;
    pthread_mutex_init(&d->kick_lock, NULL);
    for (unsigned i = INTERP_SPACE_USER; i < INTERP_SPACES; i++)
        v->spaces[i].direct = mode == DIRECT_EAGER;
    return d;
}

void direct_destroy(struct direct *d)
{
    if (!d)
        return;
    if (d->counts.bursts)
        log_info("jit: user programs run directly: %" PRIu64 " times taken up, %" PRIu64 " given up; %" PRIu64
                 " bursts, %" PRIu64 " faults mapped, %" PRIu64 " flushes, %" PRIu64 " stubs lost",
                 d->counts.promoted, d->counts.demoted, d->counts.bursts, d->counts.maps, d->counts.flushes,
                 d->counts.lost);
    for (unsigned i = 0; i < INTERP_SPACES; i++) {
        if (d->spaces[i].running)
            direct_link_end(&d->spaces[i].link);
        direct_pages_fini(&d->spaces[i].pages);
    }
    pthread_mutex_destroy(&d->kick_lock);
    free(d);
}

const struct direct_counts *direct_counts(const struct direct *d)
{
    return &d->counts;
}
