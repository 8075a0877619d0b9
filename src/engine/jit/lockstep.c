/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lockstep.c: see lockstep.h. The reference engine goes first, from the same registers, and writes to copies of pages
 * (interp_vcpu.copy_of), so that the guest never sees what it did; then the translated block runs on the real ones.
 * Both must have come to the same registers, the same event and the same bytes in the pages that the reference wrote.
 * What this cannot see is told in docs/jit.md.
 */
#include "engine/jit/lockstep.h"

#include "base/log.h"
#include "engine/interp/access.h"
#include "engine/interp/flags.h"
#include "engine/interp/simd_state.h"
#include "engine/jit/lockstep_report.h"
#include "engine/jit/translate.h"

#include <stdlib.h>
#include <string.h>

/* What of a vCPU a block's instructions change: all in front of this. */
#define FRONT            offsetof(struct interp_vcpu, engine)
#define MAX_OPS          48u
#define FPU_HEADER_BYTES 64u

struct jit_lockstep {
    struct jit_vcpu *j;
    struct jit_lockstep_counts counts;
    struct interp_vcpu *before, *reference, *translated; /* owned; only the first FRONT bytes are there */
    struct interp_op ops[MAX_OPS + 1];                   /* that the reference engine runs */
    struct jit_copies copies;
    unsigned ran; /* instructions of the block that are compared */
    bool slow_used;
    uint64_t user_entries;
    struct engine_host host; /* the vCPU's own, while the reference engine runs; and whom it calls */
    void *opaque;
    jmp_buf outer_exit, abandon;
};

/* --- effects elsewhere --- */

static _Noreturn void abandon(void *opaque)
{
    longjmp(((struct jit_lockstep *)opaque)->abandon, 1);
}

static uint64_t no_port_read(void *opaque, uint16_t port, unsigned size)
{
    abandon(opaque);
}

static void no_port_write(void *opaque, uint16_t port, unsigned size, uint64_t value)
{
    abandon(opaque);
}

static uint64_t no_mmio_read(void *opaque, gpa_t gpa, unsigned size)
{
    abandon(opaque);
}

static void no_mmio_write(void *opaque, gpa_t gpa, unsigned size, uint64_t value)
{
    abandon(opaque);
}

static bool no_msr_read(void *opaque, uint32_t msr, uint64_t *value)
{
    abandon(opaque);
}

static bool no_msr_write(void *opaque, uint32_t msr, uint64_t value)
{
    abandon(opaque);
}

static void no_cpuid(void *opaque, uint32_t leaf, uint32_t subleaf, uint32_t out[4])
{
    abandon(opaque);
}

static void no_hypercall(void *opaque, struct x86_cpu *cpu)
{
    abandon(opaque);
}

static int no_interrupt_ack(void *opaque)
{
    abandon(opaque);
}

static uint64_t no_cr8_read(void *opaque)
{
    abandon(opaque);
}

static void no_cr8_write(void *opaque, uint64_t value)
{
    abandon(opaque);
}

static bool no_fpu_error(void *opaque, bool pending)
{
    abandon(opaque);
}

static const struct engine_host nobody = {
    .port_read = no_port_read,
    .port_write = no_port_write,
    .mmio_read = no_mmio_read,
    .mmio_write = no_mmio_write,
    .msr_read = no_msr_read,
    .msr_write = no_msr_write,
    .cpuid = no_cpuid,
    .hypercall = no_hypercall,
    .interrupt_ack = no_interrupt_ack,
    .cr8_read = no_cr8_read,
    .cr8_write = no_cr8_write,
    .fpu_error = no_fpu_error,
};

/* Instructions that are blocks of their own here, and the reference engine's: ports, what differs each time, modes and
 * translations, and what leaves for other privileges. No translation of ours but RDTSC's is lost with them. */
static bool alone(const struct x86_insn *insn)
{
    const unsigned op = insn->opcode, digit = insn->reg & 7u;
    if (insn->encoding != X86_ENC_LEGACY)
        return false;
    if (insn->map == X86_MAP_1B)
        return (op >= 0x6c && op <= 0x6f) || (op >= 0xe4 && op <= 0xe7) || (op >= 0xec && op <= 0xef) || op == 0x9a ||
               op == 0xea || op == 0xca || op == 0xcb || op == 0xcf || op == 0xf4 ||
               (op == 0xff && (digit == 3 || digit == 5));
    if (insn->map == X86_MAP_0F38)
        return op == 0x82;
    if (insn->map != X86_MAP_0F)
        return false;
    if (op == 0x01) /* but STAC and CLAC, which have a translation */
        return insn->modrm != 0xca && insn->modrm != 0xcb;
    return op == 0x00 || (op >= 0x05 && op <= 0x09) || (op >= 0x20 && op <= 0x23) || (op >= 0x30 && op <= 0x35) ||
           op == 0xa2 || (op == 0xc7 && insn->mod == 3 && digit >= 6);
}

static void run_alone(struct interp_vcpu *v, const struct interp_op *op)
{
    to_jit(v)->lockstep->counts.alone++;
    v->block->first(v, op);
}

bool jit_lockstep_keeps(struct jit_vcpu *j, struct interp_block *b)
{
    struct x86_insn insn;
    if (b->seen && x86_decode(&insn, b->seen, b->bytes, (enum x86_mode)j->v.code_mode) > 0 && !alone(&insn))
        return false;
    b->first = b->ops[0].fn;
    b->ops[0].fn = run_alone;
    return true;
}

/* --- copies of pages --- */

static struct jit_copy *find_copy(struct jit_copies *c, const uint8_t *host)
{
    for (unsigned i = c->used; i-- > 0;) {
        if (c->copy[i].host == host)
            return &c->copy[i];
    }
    return NULL;
}

static uint8_t *copy_of(struct interp_vcpu *v, uint8_t *host, bool write)
{
    struct jit_lockstep *l = to_jit(v)->lockstep;
    uint8_t *page = host - ((uintptr_t)host & PAGE_MASK_4K);
    struct jit_copy *c = find_copy(&l->copies, page);
    if (!c && !write)
        return host;
    if (!c) {
        if (l->copies.used == JIT_COPIES)
            abandon(l);
        c = &l->copies.copy[l->copies.used++];
        c->host = page;
        memcpy(c->before, page, PAGE_BYTES);
        memcpy(c->now, c->before, PAGE_BYTES);
    }
    return c->now + (host - page);
}

static void undo_copies(struct jit_copies *c)
{
    for (unsigned i = 0; i < c->used; i++)
        memcpy(c->copy[i].now, c->copy[i].before, PAGE_BYTES);
}

/* --- both of them --- */

/* Requests are for later: whoever met one in the block would leave it where the other does not. */
static void ignore_requests(struct interp_vcpu *v)
{
    v->heed = 0;
}

static void finished(struct interp_vcpu *v)
{
    cc_commit(v);
    v->op = NULL;
}

/* The first instructions of b, on copies; l->reference is what comes of it. False: it cannot be done here. */
static bool run_reference(struct jit_lockstep *l, const struct interp_block *b, unsigned count)
{
    struct interp_vcpu *v = &l->j->v;
    bool done = false;
    memcpy(l->ops, b->ops, count * sizeof l->ops[0]);
    l->ops[0].fn = b->first;
    l->ops[count] = (struct interp_op){.fn = interp_end, .start = b->ops[count].start};
    v->host = nobody;
    v->opaque = l;
    v->copy_of = copy_of;
    interp_set_bank(v, INTERP_BANK_SLOW);
    ignore_requests(v);
    v->chain_left = 1;
    if (_setjmp(l->abandon) == 0) {
        if (_setjmp(v->fault_exit))
            interp_event_after_fault(v);
        else
            l->ops[0].fn(v, l->ops);
        finished(v);
        memcpy(l->reference, v, FRONT);
        done = true;
    }
    v->copy_of = NULL;
    memcpy(v, l->before, FRONT);
    v->host = l->host;
    v->opaque = l->opaque;
    v->slow_used = l->slow_used;
    v->user_entries = l->user_entries;
    return done;
}

static void run_translated(struct jit_lockstep *l, const struct interp_block *b)
{
    struct interp_vcpu *v = &l->j->v;
    ignore_requests(v);
    l->j->went_on = false;
    if (_setjmp(v->fault_exit))
        interp_event_after_fault(v);
    else
        l->j->enter(l->j, b->code);
    finished(v);
    interp_if_changed(v);
    memcpy(v->fault_exit, l->outer_exit, sizeof v->fault_exit);
}

/* How many of b's instructions have been run when the next is at rip; 0: all, or it went elsewhere. */
static unsigned instructions_before(const struct interp_block *b, uint64_t offset)
{
    unsigned i = b->count - 1u;
    while (i && b->ops[i].start != offset)
        i--;
    return i;
}

/* A handler may end a block early, when code was written or the mode has changed: what has come of that part is known
 * when the reference engine has done just as much. */
static bool compare_part(struct jit_lockstep *l, const struct interp_block *b, uint64_t left_before)
{
    struct jit_vcpu *j = l->j;
    struct interp_vcpu *v = &j->v;
    const uint64_t left = j->counts.left[JIT_LEFT_BY_RIP] + j->counts.left[JIT_LEFT_BY_LINK];
    const unsigned count = instructions_before(b, v->cpu.rip - l->before->rip0);
    if (v->event.valid || left != left_before || !j->went_on || !count)
        return true;
    l->counts.partly++;
    l->ran = count;
    undo_copies(&l->copies);
    memcpy(l->translated, v, FRONT);
    memcpy(v, l->before, FRONT);
    v->walks = true; /* what the block has found in the guest's tables is cached by now */
    const bool done = run_reference(l, b, count);
    v->walks = false;
    memcpy(v->fault_exit, l->outer_exit, sizeof v->fault_exit);
    memcpy(v, l->translated, FRONT);
    return done;
}

static bool same_event(const struct interp_event *a, const struct interp_event *b)
{
    if (a->valid != b->valid || !a->valid)
        return a->valid == b->valid;
    return a->vector == b->vector && a->has_error == b->has_error && a->cause == b->cause && a->error == b->error &&
           a->cr2 == b->cr2 && a->dr6 == b->dr6;
}

static bool elsewhere(const struct jit_lockstep *l)
{
    const struct interp_vcpu *v = &l->j->v;
    return v->cpu.rip != l->reference->cpu.rip || v->event.valid != l->reference->event.valid;
}

/* Flags that the reference engine and the host may leave as they like: those that nothing reads any more (live.c), all
 * when the block faulted, and those that the manuals leave undefined. */
static uint64_t loose_flags(struct jit_lockstep *l, struct interp_block *b)
{
    struct interp_vcpu *v = &l->j->v;
    if (v->event.valid)
        return X86_ARITH;
    const gpa_t gpa = b->key & ((1ull << 52) - 1);
    const uint8_t *page = memory_lookup(v->memory, gpa >> PAGE_SHIFT_4K).host;
    uint64_t loose = jit_undefined_flags(b, l->ran, l->before->code_mode);
    if (page)
        loose |= X86_ARITH & ~(uint64_t)jit_live_before(l->j, b, page + (gpa & PAGE_MASK_4K), l->ran);
    return loose;
}

/* A line of a page that the reference engine left as it was may have been written by a device or the monitor (event
 * channels' pending bits lie among a kernel's own data), so only those that it wrote count. */
static bool same_page(const struct jit_copy *c)
{
    if (memcmp(c->host, c->now, PAGE_BYTES) == 0)
        return true;
    for (unsigned at = 0; at < PAGE_BYTES; at += 64) {
        if (memcmp(c->now + at, c->before + at, 64) != 0 && memcmp(c->host + at, c->now + at, 64) != 0)
            return false;
    }
    return true;
}

static bool same(struct jit_lockstep *l, struct interp_block *b)
{
    struct interp_vcpu *v = &l->j->v;
    const uint64_t differ = (v->cpu.rflags ^ l->reference->cpu.rflags) & X86_ARITH;
    if (differ)
        l->reference->cpu.rflags ^= differ & loose_flags(l, b);
    /* The image's header is no state: simd.h. */
    memcpy(fpu_bytes(l->reference) + FPU_XSTATE_BV, fpu_bytes(v) + FPU_XSTATE_BV, FPU_HEADER_BYTES);
    if (memcmp(&v->cpu, &l->reference->cpu, sizeof v->cpu) != 0 || !same_event(&v->event, &l->reference->event) ||
        v->stop != l->reference->stop || v->mid_string != l->reference->mid_string)
        return false;
    for (unsigned i = 0; i < l->copies.used; i++) {
        if (!same_page(&l->copies.copy[i]))
            return false;
    }
    return true;
}

static void fail(struct jit_lockstep *l, const struct interp_block *b)
{
    struct interp_vcpu *v = &l->j->v;
    jit_lockstep_report(b, l->before, l->reference, v, &l->copies, l->counts.compared);
    v->exit = ENGINE_EXIT_ERROR;
    v->stop = v->attention = true;
    v->event.valid = false;
}

void jit_lockstep_run(struct jit_vcpu *j, struct interp_block *b)
{
    struct jit_lockstep *l = j->lockstep;
    struct interp_vcpu *v = &j->v;
    l->copies.used = 0;
    l->ran = b->count;
    l->host = v->host;
    l->opaque = v->opaque;
    l->slow_used = v->slow_used;
    l->user_entries = v->user_entries;
    memcpy(l->before, v, FRONT);
    memcpy(l->outer_exit, v->fault_exit, sizeof l->outer_exit);
    const bool done = b->count <= MAX_OPS && run_reference(l, b, b->count);
    if (done && !l->reference->event.valid) /* so that indirect branches find their target, which leads out */
        jit_add_target(j, l->reference->cpu.rip, j->exit_by_rip);
    const uint64_t handlers = j->counts.handlers;
    const uint64_t left = j->counts.left[JIT_LEFT_BY_RIP] + j->counts.left[JIT_LEFT_BY_LINK];
    run_translated(l, b);
    const bool not_run = v->cpu.rip == l->before->rip0 && handlers == j->counts.handlers &&
                         left == j->counts.left[JIT_LEFT_BY_RIP] + j->counts.left[JIT_LEFT_BY_LINK];
    if (!done || not_run || (elsewhere(l) && !compare_part(l, b, left))) {
        l->counts.outside++;
        return;
    }
    if (same(l, b))
        l->counts.compared++;
    else
        fail(l, b);
}

/* --- making --- */

static void *zeroed(size_t align, size_t bytes)
{
    void *p = NULL;
    if (posix_memalign(&p, align, bytes))
        return NULL;
    return memset(p, 0, bytes);
}

int jit_lockstep_init(struct jit_vcpu *j)
{
    const char *word = getenv("DOMUS_JIT_LOCKSTEP");
    if (!word || (strcmp(word, "1") != 0 && strcmp(word, "eager") != 0))
        return 0;
    if (j->v.index > 0) {
        log_warning("DOMUS_JIT_LOCKSTEP: blocks of vCPU 0 only are compared; another one's writes may look like "
                    "differences");
        return 0;
    }
    struct jit_lockstep *l = j->lockstep = zeroed(64, sizeof *l);
    if (l) {
        l->j = j;
        l->before = zeroed(64, FRONT);
        l->reference = zeroed(64, FRONT);
        l->translated = zeroed(64, FRONT);
        l->copies.pages = zeroed(PAGE_BYTES, 2ul * JIT_COPIES * PAGE_BYTES);
    }
    if (!l || !l->before || !l->reference || !l->translated || !l->copies.pages) {
        log_error("jit: no memory to compare blocks (DOMUS_JIT_LOCKSTEP)");
        return -1;
    }
    for (unsigned i = 0; i < JIT_COPIES; i++) {
        l->copies.copy[i].before = l->copies.pages + 2ul * i * PAGE_BYTES;
        l->copies.copy[i].now = l->copies.copy[i].before + PAGE_BYTES;
    }
    j->eager = strcmp(word, "eager") == 0;
    j->v.alone = alone;
    return 0;
}

void jit_lockstep_fini(struct jit_vcpu *j)
{
    struct jit_lockstep *l = j->lockstep;
    if (!l)
        return;
    log_info("jit: vcpu %u: %llu blocks compared, %llu not", j->v.index, (unsigned long long)l->counts.compared,
             (unsigned long long)(l->counts.outside + l->counts.alone));
    free(l->before);
    free(l->reference);
    free(l->translated);
    free(l->copies.pages);
    free(l);
    j->lockstep = NULL;
}

const struct jit_lockstep_counts *jit_lockstep_counts(const struct jit_lockstep *l)
{
    return &l->counts;
}
