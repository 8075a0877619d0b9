/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * jit.c: the translator as an engine: hooks the reference engine's blocks, counts how often they run, enters their
 * code, links blocks, and runs single instructions by the reference engine's handlers.
 */
#include "engine/jit/jit.h"

#include "base/log.h"
#include "engine/interp/access.h"
#include "engine/interp/flags.h"
#include "engine/interp/simd_state.h"
#include "engine/jit/lockstep.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HOT     12u /* executions before a block is translated: about what translating costs */
#define NO_LINK UINT32_MAX

/* --- state in and out --- */

static void flags_to_code(struct jit_vcpu *j)
{
    struct interp_vcpu *v = &j->v;
    cc_commit(v);
    j->flags = ((uint32_t)v->cpu.rflags & (X86_ARITH & ~X86_OF)) << 8 | ((v->cpu.rflags & X86_OF) ? 1 : 0);
    j->stamp = (uint64_t)j->epoch << 32 | (uint32_t)v->rounds << 16 | v->exec_generation;
}

static void flags_from_code(struct jit_vcpu *j)
{
    interp_heed_table(&j->v);
    cc_set(&j->v, (j->flags >> 8 & (X86_ARITH & ~X86_OF)) | (j->flags & 1 ? X86_OF : 0));
}

void jit_went_on(struct interp_vcpu *v, const struct interp_op *op)
{
    to_jit(v)->went_on = true;
}

static bool wants_out(struct jit_vcpu *j)
{
    const struct interp_vcpu *v = &j->v;
    return v->bank == INTERP_BANK_SLOW || v->attention || v->stop || interp_requests(v) || v->event.valid ||
           (!atomic_load_explicit(&j->go, memory_order_relaxed) && !j->lockstep);
}

static bool code_was_written(const struct jit_vcpu *j)
{
    return j->epoch != atomic_load_explicit(&j->v.engine->code_epoch, memory_order_relaxed);
}

/* --- blocks --- */

static struct jit_front *front_of(const struct interp_space *s)
{
    return (struct jit_front *)(void *)((char *)s->table - INTERP_SPACE_FRONT);
}

static void clear_targets(struct jit_vcpu *j, struct interp_space *s)
{
    unsigned n = (unsigned)(s - j->v.spaces), used = j->target_log[n].used;
    struct jit_target *t = front_of(s)->target;
    if (used > ARRAY_SIZE(j->target_log[n].slot)) {
        memset(t, 0, sizeof front_of(s)->target);
        used = 0;
    }
    for (unsigned i = 0; i < used; i++)
        t[j->target_log[n].slot[i]] = (struct jit_target){.key = 0};
    t[0].key = 1; /* minus an address of another slot */
    front_of(s)->returns[0] = j->no_returns;
    if (j->has_32)
        front_of(s)->returns[1] = j->no_returns;
    j->target_log[n].used = 0;
    j->pending = NO_LINK;
}

static bool is_kernels(const struct jit_vcpu *j, const struct interp_space *s)
{
    return s == &j->v.spaces[INTERP_SPACE_KERNEL] || s == &j->v.spaces[INTERP_SPACE_KERNEL_AC];
}

/* The kernel's pages may be others now. */
static void unlink_far(struct jit_vcpu *j)
{
    while (j->far_count) {
        const struct jit_link *l = &j->links[j->far_links[--j->far_count]];
        emit_target(l->patch, l->unlinked);
    }
}

static void clear_all_targets(struct jit_vcpu *j)
{
    for (unsigned n = 0; n < INTERP_SPACES; n++)
        clear_targets(j, &j->v.spaces[n]);
}

/*
 * Added to an address of segmented code: its code segment and what blocks may count on. No two of them make the same of
 * addresses with the same low 15 bits, nor JIT_TARGET_32, nor a 64-bit address, nor is the sum ever zero.
 */
static uint64_t segmented_salt(struct jit_vcpu *j)
{
    const struct interp_vcpu *v = &j->v;
    const uint32_t limit = v->cpu.seg[X86_CS].limit, base = (uint32_t)v->cs_base;
    const unsigned n = (limit ^ limit >> 10 ^ limit >> 20) & (JIT_LIMITS - 1);
    uint64_t tag = 2 | (v->code_mode == X86_MODE_32 ? 4 : 0) | (v->stack_mask == 0xffff ? 0 : 8) | n << 4;
    if (j->cs_limit[n] != limit) {
        j->cs_limit[n] = limit;
        clear_all_targets(j);
    }
    return base == ~0u ? tag | 1 << 14 : tag | (uint64_t)base << 32;
}

static uint64_t target_salt(const struct jit_vcpu *j)
{
    return j->v.shape >= INTERP_SEGMENTED ? j->salt : j->v.shape == INTERP_FLAT32 ? JIT_TARGET_32 : 0;
}

void jit_add_target(struct jit_vcpu *j, uint64_t rip, const uint8_t *code)
{
    unsigned n = (unsigned)(j->v.space - j->v.spaces);
    const unsigned i = rip & (JIT_TARGETS - 1);
    struct jit_target *t = front_of(j->v.space)->target + i;
    const uint64_t key = -(rip + target_salt(j));
    if (t->key == key && t->code == code)
        return;
    *t = (struct jit_target){.key = key, .code = code};
    if (j->target_log[n].used < ARRAY_SIZE(j->target_log[n].slot))
        j->target_log[n].slot[j->target_log[n].used] = (uint16_t)i;
    j->target_log[n].used++;
}

/* --- blocks whose code was written --- */

static struct interp_block **coded_bucket(struct jit_vcpu *j, const void *version)
{
    return &j->coded[((uintptr_t)version >> 4) * 0x9e3779b97f4a7c15ull >> 52];
}

static void note_coded(struct jit_vcpu *j, struct interp_block *b)
{
    struct interp_block **bucket = coded_bucket(j, b->version);
    b->next_coded = *bucket;
    *bucket = b;
}

/* What still leads to its code, the table of targets, finds a jump there to where targets are looked up. */
static void bury(struct jit_vcpu *j, const struct interp_block *b)
{
    struct emit e = {.p = j->rw + (b->code - JIT_TARGET_ENTRY - j->rx), .end = j->rw + j->used};
    emit_target(emit_jump(&e), j->rw + (j->exit_by_rip - j->rx));
}

static void bury_page(struct jit_vcpu *j, const void *version)
{
    struct interp_block **link = coded_bucket(j, version), *b;
    while ((b = *link) != NULL) {
        if (atomic_load_explicit(b->version, memory_order_relaxed) == b->version_seen) {
            link = &b->next_coded;
            continue;
        }
        bury(j, b);
        *link = b->next_coded;
    }
}

/* Of a block that stays. */
static void take_code(struct jit_vcpu *j, struct interp_block *b)
{
    struct interp_block **link = coded_bucket(j, b->version);
    while (*link && *link != b)
        link = &(*link)->next_coded;
    if (*link) { /* else it is buried */
        bury(j, b);
        *link = b->next_coded;
    }
    b->code = NULL;
}

static void bury_all(struct jit_vcpu *j)
{
    for (unsigned i = 0; i < JIT_CODED; i++) {
        if (j->coded[i])
            bury_page(j, j->coded[i]->version);
    }
}

static void heed_invalidations(struct jit_vcpu *j)
{
    struct interp_engine *e = j->v.engine;
    uint32_t epoch = atomic_load(&e->code_epoch);
    for (uint32_t n = j->epoch; n != epoch && epoch - j->epoch <= INTERP_INVALIDATED / 2; n++)
        bury_page(j, &atomic_load(&e->invalidated[n % INTERP_INVALIDATED])->version);
    if (atomic_load(&e->code_epoch) - j->epoch > INTERP_INVALIDATED / 2) /* the ring has moved on */
        bury_all(j);
    j->epoch = epoch;
}

/* --- links and entering --- */

static void link_pending(struct jit_vcpu *j, const struct interp_block *b)
{
    const struct jit_link *l = &j->links[j->pending];
    const uint32_t number = j->pending;
    j->pending = NO_LINK;
    if (j->pending_rip != j->v.rip0)
        return;
    if (j->pending_far) {
        if (j->far_count == JIT_FAR_LINKS)
            return;
        j->far_links[j->far_count++] = number;
    } else if (l->from->version != b->version || l->from->version_seen != b->version_seen ||
               (l->from->key ^ b->key) & ~(uint64_t)PAGE_MASK_4K) {
        return;
    }
    emit_target(l->patch, j->rw + (b->code - l->entry - j->rx));
}

/* Everything for b's code, which is entered at rip0. */
static void make_ready(struct jit_vcpu *j, const struct interp_block *b)
{
    struct interp_vcpu *v = &j->v;
    if (v->shape >= INTERP_SEGMENTED)
        j->salt = segmented_salt(j);
    if (likely(!j->lockstep)) { /* which wants each block by itself */
        if (j->pending != NO_LINK)
            link_pending(j, b);
        jit_add_target(j, v->rip0, b->code - JIT_TARGET_ENTRY);
    }
    flags_to_code(j);
    j->page_va = v->rip0 - (b->key & PAGE_MASK_4K);
    j->vector = j->vector_vex = j->x87 = 0;
}

static void enter_block(struct interp_vcpu *v, const struct interp_op *op)
{
    struct jit_vcpu *j = to_jit(v);
    struct interp_block *b = v->block;
    if (unlikely(code_was_written(j)))
        heed_invalidations(j);
    make_ready(j, b);
    atomic_store(&j->go, 1);
    if (interp_requests(v) || v->brief || j->lockstep)
        atomic_store(&j->go, 0);
    v->brief = false;
    v->op = NULL; /* what ran before it is not to blame: fetches fault while cpu.rip is exact */
    if (unlikely(j->lockstep))
        jit_lockstep_run(j, b);
    else
        j->enter(j, b->code);
    j->counts.left[JIT_LEFT]++;
}

/* --- called from translated code --- */

/* All of b, at cpu.rip, is within the code segment. */
static bool within_cs(const struct interp_vcpu *v, const struct interp_block *b)
{
    return !v->cs_limited || v->cpu.rip + b->bytes - 1 <= v->cpu.seg[X86_CS].limit;
}

/* RIP at this offset from the running block's first instruction. */
static uint64_t rip_at(const struct interp_vcpu *v, unsigned offset)
{
    return interp_wrap(v->rip0 + offset, v->code_mode == X86_MODE_64 ? 8 : v->code_mode == X86_MODE_32 ? 4 : 2);
}

/* Where to go on at cpu.rip, if that is known and nothing wants to be looked at; else NULL, and the loop sees. */
static const uint8_t *onward(struct jit_vcpu *j)
{
    struct interp_vcpu *v = &j->v;
    if (wants_out(j) || v->direct || j->lockstep)
        return NULL;
    if (unlikely(code_was_written(j)))
        heed_invalidations(j);
    const struct interp_block *b = interp_find_block(v, false);
    if (b->ops[0].fn != enter_block || !within_cs(v, b))
        return NULL;
    v->block = (struct interp_block *)(uintptr_t)b;
    v->rip0 = v->cpu.rip;
    make_ready(j, b);
    return b->code;
}

static const struct interp_block *block_of(const struct jit_vcpu *j, const struct jit_op *o)
{
    return (const struct interp_block *)(const void *)(j->v.arena + (size_t)o->block * INTERP_BLOCK_ALIGN);
}

const uint8_t *jit_run_op(struct jit_vcpu *j, uint32_t number)
{
    struct interp_vcpu *v = &j->v;
    const struct jit_op *o = &j->ops[number];
    const struct interp_block *b = block_of(j, o);
    j->counts.handlers++;
    if (unlikely(j->stats))
        jit_stats_ran(j, o);
    flags_from_code(j);
    v->rip0 = j->page_va + (b->key & PAGE_MASK_4K);
    v->chain_left = 1; /* a branch's handler does not run on into the next block */
    const uint8_t shape = v->shape;
    j->went_on = false;
    j->one[0] = b->ops[o->at];
    j->one[1].start = (uint16_t)(j->one[0].start + j->one[0].length);
    j->one[1].fn = jit_went_on;
    (o->at ? j->one[0].fn : b->first)(v, j->one);
    v->op = NULL;
    if (!j->went_on)
        return onward(j);
    if ((j->vector && !jit_vector_allowed(j)) || (j->x87 && !jit_x87_allowed(j)) || wants_out(j) || v->shape != shape ||
        code_was_written(j)) { /* perhaps this block's */
        v->cpu.rip = rip_at(v, j->one[1].start);
        return onward(j);
    }
    flags_to_code(j);
    return j->resume;
}

/* Of a block: the handler of an instruction behind which it cannot go on. */
static const uint8_t *run_alone(struct jit_vcpu *j, uint32_t number)
{
    const uint8_t *next = jit_run_op(j, number);
    if (next != j->resume)
        return next;
    j->v.cpu.rip = rip_at(&j->v, j->one[1].start);
    flags_from_code(j);
    return onward(j);
}

/* Lets the vector registers be loaded; else the instruction is its handler's, and that is all for now. */
const uint8_t *jit_load_vectors(struct jit_vcpu *j, uint32_t number)
{
    const struct jit_op *o = &j->ops[number];
    const struct x86_insn *insn = block_of(j, o)->ops[o->at].insn;
    if (jit_vector_allowed(j) && (insn->encoding != X86_ENC_VEX || j->vector_vex)) {
        j->vector = 1;
        return j->resume;
    }
    j->vector = j->vector_vex = 0;
    return run_alone(j, number);
}

/* The same of the x87 registers. */
const uint8_t *jit_load_x87(struct jit_vcpu *j, uint32_t number)
{
    uint8_t *header = fpu_bytes(&j->v) + FPU_XSTATE_BV;
    if (jit_x87_allowed(j)) {
        memset(header, 0, 64); /* as XRSTOR wants it */
        header[0] = 7;
        j->x87 = 1;
        return j->resume;
    }
    j->x87 = 0;
    return run_alone(j, number);
}

const uint8_t *jit_check_crossing(struct jit_vcpu *j, uint32_t number)
{
    struct interp_vcpu *v = &j->v;
    struct jit_crossing *c = &j->crossings[number];
    flags_from_code(j);
    v->cpu.rip = j->page_va + (c->block->key & PAGE_MASK_4K);
    if (atomic_load(c->block->version) != c->block->version_seen || !interp_block_holds(v, c->block, v->cpu.rip))
        return onward(j);
    flags_to_code(j);
    *c->seen = -j->stamp;
    return j->resume;
}

const uint8_t *jit_go_to(struct jit_vcpu *j, uint32_t unused)
{
    flags_from_code(j);
    j->counts.left[JIT_LEFT_BY_RIP]++;
    return onward(j);
}

static const uint8_t *follow(struct jit_vcpu *j, uint32_t number, bool far)
{
    flags_from_code(j);
    j->counts.left[JIT_LEFT_BY_LINK]++;
    j->pending = number;
    j->pending_far = far;
    j->pending_rip = j->v.cpu.rip;
    return onward(j);
}

const uint8_t *jit_follow_link(struct jit_vcpu *j, uint32_t number)
{
    struct interp_vcpu *v = &j->v;
    v->cpu.rip = j->page_va + j->links[number].target;
    const uint8_t *next = follow(j, number, false);
    /* What came since STI saw nothing waiting is held off as it would have been. */
    if (!next && j->links[number].shadow && (j->lockstep || interp_requests(v)))
        v->cpu.sti_shadow = v->attention = true;
    return next;
}

const uint8_t *jit_follow_return(struct jit_vcpu *j, uint32_t number)
{
    return follow(j, number, false);
}

/*
 * Such a link holds for whoever runs the page at this address, so it is the kernel's alone. (Whatever changes what the
 * kernel may run or where it lies unlinks all.)
 */
const uint8_t *jit_follow_far_link(struct jit_vcpu *j, uint32_t number)
{
    struct interp_vcpu *v = &j->v;
    struct x86_walk w;
    if (!is_kernels(j, v->space) ||
        interp_walk(v, j->page_va, X86_ACCESS_EXEC | X86_ACCESS_USER | X86_ACCESS_PROBE, &w))
        return jit_go_to(j, 0);
    return follow(j, number, true);
}

static void count_block(struct interp_vcpu *v, const struct interp_op *op)
{
    struct jit_vcpu *j = to_jit(v);
    struct interp_block *b = v->block;
    if (++b->heat < HOT && !j->eager) {
        b->first(v, op);
        return;
    }
    if (jit_cache_low(j)) {
        interp_fn first = b->first;
        interp_drop_blocks(v); /* b's memory stays as it is until a block is made */
        first(v, op);
        return;
    }
    gpa_t gpa = b->key & ((1ull << 52) - 1);
    const uint8_t *host = memory_lookup(v->memory, gpa >> PAGE_SHIFT_4K).host;
    b->code = host ? jit_translate(j, b, host + (gpa & PAGE_MASK_4K)) : NULL;
    if (b->code) {
        note_coded(j, b);
        j->counts.translated++;
        v->hot_bytes += sizeof *b + b->count * sizeof b->ops[0];
    }
    b->ops[0].fn = b->code ? enter_block : b->first;
    b->ops[0].fn(v, op);
}

/* --- hooks of the reference engine --- */

static void block_made(struct interp_vcpu *v, struct interp_block *b)
{
    b->heat = 0;
    b->code = NULL;
    if (v->bank == INTERP_BANK_SLOW || (b->crossing && v->shape >= INTERP_SEGMENTED) || /* it may cross CS's limit */
        (to_jit(v)->lockstep && jit_lockstep_keeps(to_jit(v), b)))
        return;
    b->first = b->ops[0].fn;
    b->ops[0].fn = count_block;
}

/* Its translation knows flags of the code behind it, which may be what was written. */
static void block_revived(struct interp_vcpu *v, struct interp_block *b)
{
    struct jit_vcpu *j = to_jit(v);
    if (b->ops[0].fn != enter_block && b->ops[0].fn != count_block)
        return;
    if (b->code)
        take_code(j, b);
    b->heat = 0;
    b->ops[0].fn = count_block;
}

static void blocks_dropped(struct interp_vcpu *v)
{
    struct jit_vcpu *j = to_jit(v);
    jit_cache_clear(j);
    memset(j->coded, 0, sizeof j->coded);
    clear_all_targets(j);
}

static void jumps_flushed(struct interp_vcpu *v, struct interp_space *s)
{
    clear_targets(to_jit(v), s);
    if (is_kernels(to_jit(v), s))
        unlink_far(to_jit(v));
    ++*(s == &v->spaces[INTERP_SPACE_KERNEL] ? &to_jit(v)->counts.flushed_kernel : &to_jit(v)->counts.flushed_user);
}

static void kick(struct interp_vcpu *v)
{
    atomic_store(&to_jit(v)->go, 0);
    if (to_jit(v)->direct)
        direct_kick(to_jit(v)->direct);
}

static bool run_user(struct interp_vcpu *v)
{
    return direct_run(to_jit(v)->direct);
}

static void user_interrupted(struct interp_vcpu *v)
{
    if (to_jit(v)->direct)
        direct_sample(to_jit(v)->direct);
}

static unsigned space_number(const struct interp_vcpu *v, const struct interp_space *s)
{
    return (unsigned)(s - v->spaces);
}

static void space_flushed(struct interp_vcpu *v, struct interp_space *s)
{
    if (to_jit(v)->direct)
        direct_flush(to_jit(v)->direct, space_number(v, s));
}

static void page_flushed(struct interp_vcpu *v, struct interp_space *s, gva_t lin)
{
    if (to_jit(v)->direct)
        direct_flush_page(to_jit(v)->direct, space_number(v, s), lin);
}

static void space_changed(struct interp_vcpu *v, struct interp_space *s)
{
    if (to_jit(v)->direct)
        direct_forget(to_jit(v)->direct, space_number(v, s));
}

static void writes_revoked(struct interp_vcpu *v, const uint8_t *host)
{
    if (to_jit(v)->direct)
        direct_revoke_writes(to_jit(v)->direct, host);
}

static unsigned counters(struct interp_vcpu *v, struct engine_counter *c)
{
    const struct jit_vcpu *j = to_jit(v);
    const struct direct_counts none = {0}, *d = j->direct ? direct_counts(j->direct) : &none;
    unsigned n = 0;
    c[n++] = (struct engine_counter){"blocks translated", j->counts.translated};
    c[n++] = (struct engine_counter){"bytes of translated code now", j->used - j->fixed};
    c[n++] = (struct engine_counter){"translated code left", j->counts.left[JIT_LEFT]};
    c[n++] = (struct engine_counter){"addresses looked up", j->counts.left[JIT_LEFT_BY_RIP]};
    c[n++] = (struct engine_counter){"links looked up", j->counts.left[JIT_LEFT_BY_LINK]};
    c[n++] = (struct engine_counter){"handlers called", j->counts.handlers};
    c[n++] = (struct engine_counter){"targets emptied, the kernel's", j->counts.flushed_kernel};
    c[n++] = (struct engine_counter){"targets emptied, users'", j->counts.flushed_user};
    c[n++] = (struct engine_counter){"programs run directly", d->promoted};
    c[n++] = (struct engine_counter){"of them given up", d->demoted};
    c[n++] = (struct engine_counter){"direct stretches", d->bursts};
    c[n++] = (struct engine_counter){"faults of direct code mapped", d->maps};
    if (j->lockstep) {
        const struct jit_lockstep_counts *l = jit_lockstep_counts(j->lockstep);
        c[n++] = (struct engine_counter){"blocks compared", l->compared};
        c[n++] = (struct engine_counter){"of them as far as they ran", l->partly};
        c[n++] = (struct engine_counter){"blocks not compared", l->outside};
        c[n++] = (struct engine_counter){"instructions not compared", l->alone};
    }
    return n;
}

/* DOMUS_DIRECT: off, auto (the default), eager. */
static enum direct_mode direct_mode(void)
{
    const char *word = getenv("DOMUS_DIRECT");
    if (!word || !strcmp(word, "auto"))
        return DIRECT_AUTO;
    return strcmp(word, "eager") ? DIRECT_OFF : DIRECT_EAGER;
}

static int init(struct interp_vcpu *v)
{
    struct jit_vcpu *j = to_jit(v);
    if (jit_cache_init(j) < 0)
        return -1;
    j->index_mask = (uint64_t)(INTERP_TLB_SIZE - 1) << PAGE_SHIFT_4K;
    for (unsigned i = 0; i < ARRAY_SIZE(j->page_mask); i++)
        j->page_mask[i] = ~PAGE_MASK_4K | (i ? (8u << i) - 1 : 0);
    j->has_vectors = __builtin_cpu_supports("avx");
    j->host_mxcsr = 0x1f80;
    j->beside_mask = (uint64_t)(INTERP_BESIDE - 1) << PAGE_SHIFT_4K;
    j->two_granules = 3;
    jit_x87_init(j);
    j->target_mask = JIT_TARGETS - 1;
    j->return_mask = (uint64_t)(JIT_RETURNS - 1) << 3;
    j->bit_mask[0] = 31;
    j->bit_mask[1] = 63;
    j->arith = X86_ARITH;
    j->not_if = ~(uint64_t)X86_IF;
    j->not_ac = ~(uint64_t)X86_AC;
    j->pushed = ~(uint64_t)(X86_ARITH | X86_RF | X86_VM);
    j->tsd = X86_CR4_TSD;
    j->df = X86_DF;
    for (unsigned i = 0; i < JIT_RETURNS; i++)
        j->no_returns.code[i] = j->exit_by_rip;
    j->has_32 = true; /* once */
    j->sign = 1ull << 63;
    clear_all_targets(j);
    j->has_32 = false;
    jit_stats_init(j);
    if (jit_lockstep_init(j) < 0)
        return -1;
    if (direct_mode() != DIRECT_OFF && j->has_vectors && !j->lockstep)
        j->direct = direct_create(v, direct_mode());
    return 0;
}

static void fini(struct interp_vcpu *v)
{
    jit_stats_fini(to_jit(v));
    jit_lockstep_fini(to_jit(v));
    direct_destroy(to_jit(v)->direct);
    jit_cache_fini(to_jit(v));
}

static const struct interp_tier tier = {
    .before = JIT_SIGNAL_ROOM,
    .bytes = sizeof(struct jit_vcpu),
    .init = init,
    .fini = fini,
    .block_made = block_made,
    .block_revived = block_revived,
    .blocks_dropped = blocks_dropped,
    .jumps_flushed = jumps_flushed,
    .kick = kick,
    .run_user = run_user,
    .user_interrupted = user_interrupted,
    .space_flushed = space_flushed,
    .page_flushed = page_flushed,
    .space_changed = space_changed,
    .writes_revoked = writes_revoked,
    .counters = counters,
};

bool engine_jit_possible(void)
{
    return __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
}

static int create(struct engine **engine, struct memory *memory, unsigned max_vcpus)
{
    if (!engine_jit_possible()) {
        log_error("engine=\"jit\" wants a processor with BMI1 and BMI2: use engine=\"interp\"");
        return -ENOTSUP;
    }
    int rc = engine_interp.create(engine, memory, max_vcpus);
    if (rc == 0)
        ((struct interp_engine *)(void *)*engine)->tier = &tier;
    return rc;
}

static void destroy(struct engine *engine)
{
    engine_interp.destroy(engine);
}

static struct engine_vcpu *vcpu_create(struct engine *engine, unsigned index, _Atomic uint32_t *requests,
                                       const struct engine_host *host, void *opaque)
{
    return engine_interp.vcpu_create(engine, index, requests, host, opaque);
}

static struct engine_vcpu *vcpu_create_eager(struct engine *engine, unsigned index, _Atomic uint32_t *requests,
                                             const struct engine_host *host, void *opaque)
{
    struct engine_vcpu *v = engine_interp.vcpu_create(engine, index, requests, host, opaque);
    if (v)
        ((struct jit_vcpu *)(void *)v)->eager = true;
    return v;
}

static struct x86_cpu *vcpu_state(struct engine_vcpu *v)
{
    return engine_interp.vcpu_state(v);
}

static void vcpu_changed(struct engine_vcpu *v)
{
    engine_interp.vcpu_changed(v);
}

static enum engine_exit vcpu_run(struct engine_vcpu *v)
{
    return engine_interp.vcpu_run(v);
}

static void vcpu_kick(struct engine_vcpu *v)
{
    kick((struct interp_vcpu *)(void *)v);
}

static unsigned vcpu_counters(struct engine_vcpu *v, struct engine_counter *counters)
{
    return engine_interp.vcpu_counters(v, counters);
}

static int vcpu_translate(struct engine_vcpu *v, gva_t gva, unsigned access, gpa_t *gpa)
{
    return engine_interp.vcpu_translate(v, gva, access, gpa);
}

static int trace(struct engine *e, int fd, uint64_t count)
{
    return engine_interp.trace(e, fd, count);
}

const struct engine_ops engine_jit = {
    .name = "jit",
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

const struct engine_ops engine_jit_eager = {
    .name = "jit-eager",
    .create = create,
    .destroy = destroy,
    .vcpu_create = vcpu_create_eager,
    .vcpu_state = vcpu_state,
    .vcpu_changed = vcpu_changed,
    .vcpu_run = vcpu_run,
    .vcpu_kick = vcpu_kick,
    .vcpu_translate = vcpu_translate,
    .vcpu_counters = vcpu_counters,
    .trace = trace,
};
