/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * block.c: finds or makes the decoded block at cpu.rip. Blocks belong to one vCPU, are keyed by guest-physical address,
 * code size, segments' shape and whether translations are fast (a translator makes code of those), never leave their
 * page, and die when their page's version moves on. An instruction that lies outside RAM is decoded anew each time; one
 * that crosses a page is a block of its own, whose bytes in the second page are compared before it runs.
 */
#include "engine/interp/interp.h"

#include "engine/interp/ops.h"

#include <stdlib.h>
#include <sys/mman.h>

/*
 * The arena grows when much of what it is emptied of had run often; what runs once or twice (systems that start) would
 * only be kept.
 */
#define ARENA_LEAST   (24u << 20)
#define ARENA_MOST    (96u << 20)
#define ARENA_HOT     3u /* grows when a third was hot */
#define SET_BITS      14
#define SETS          (1u << SET_BITS)
#define MAX_OPS       48
#define SCRATCH_BYTES (sizeof(struct interp_block) + 2 * sizeof(struct interp_op) + sizeof(struct x86_insn))

/* Where blocks are, by their key: one line of the host's cache says whether one is there. The oldest makes place. */
struct interp_set {
    uint32_t tag[8];
    uint32_t place[8]; /* in the arena, in units of INTERP_BLOCK_ALIGN, plus one; 0: none */
};
_Static_assert(sizeof(struct interp_set) == 64, "a line");

int interp_blocks_init(struct interp_vcpu *v)
{
    v->sets = aligned_alloc(sizeof(struct interp_set), SETS * sizeof(struct interp_set));
    if (v->sets)
        memset(v->sets, 0, SETS * sizeof(struct interp_set));
    v->scratch = calloc(1, SCRATCH_BYTES);
    v->arena_limit = ARENA_LEAST;
    v->arena = mmap(NULL, ARENA_MOST, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (v->arena == MAP_FAILED)
        v->arena = NULL;
    return v->sets && v->scratch && v->arena ? 0 : -1;
}

void interp_blocks_fini(struct interp_vcpu *v)
{
    free(v->sets);
    free(v->scratch);
    if (v->arena)
        munmap(v->arena, ARENA_MOST);
}

void interp_drop_blocks(struct interp_vcpu *v)
{
    memset(v->sets, 0, SETS * sizeof(struct interp_set));
    memset(v->jump, 0, sizeof v->jump);
    v->arena_used = v->hot_bytes = 0;
    v->counts.emptied++;
    if (v->engine->tier)
        v->engine->tier->blocks_dropped(v);
}

void interp_end(struct interp_vcpu *v, const struct interp_op *op)
{
    v->cpu.rip = interp_wrap(v->rip0 + op->start, v->code_mode == X86_MODE_64   ? 8
                                                  : v->code_mode == X86_MODE_32 ? 4
                                                                                : 2);
    interp_go_on(v);
}

void interp_stop_block(struct interp_vcpu *v)
{
    const struct interp_op *first = v->block->ops;
    if (v->op < first || v->op >= first + v->block->count)
        return;
    ((struct interp_op *)(uintptr_t)v->op)[1].fn = interp_end;
    v->block->seen = NULL;
}

static void set_sentinel(struct interp_op *op, unsigned start)
{
    memset(op, 0, sizeof *op);
    op->fn = interp_end;
    op->start = (uint16_t)start;
}

struct draft {
    struct interp_op ops[MAX_OPS + 1];
    struct x86_insn insns[MAX_OPS];
    unsigned count, insn_count, bytes;
};

/* Adds one instruction; true when it ends the block. length < 0: no instruction. */
static bool draft_add(struct interp_vcpu *v, struct draft *d, const struct x86_insn *insn, int length)
{
    struct interp_op *op = &d->ops[d->count++];
    struct x86_insn invalid = {.length = 0, .mode = insn->mode};
    memset(op, 0, sizeof *op);
    bool ends = interp_translate_insn(v->engine, op, length < 0 ? &invalid : insn, d->bytes);
    if (ends && d->count > 1 && !v->engine->tier) /* which wants one handler for each instruction */
        interp_fuse(op - 1, op);
    if (op->insn_fn) {
        d->insns[d->insn_count] = *insn;
        op->insn = &d->insns[d->insn_count++];
    }
    d->bytes += length < 0 ? 0 : (unsigned)length;
    return ends || length < 0;
}

static void fill(struct interp_block *b, struct draft *d)
{
    struct x86_insn *insns = (struct x86_insn *)(void *)&b->ops[d->count + 1];
    set_sentinel(&d->ops[d->count], d->bytes);
    memcpy(insns, d->insns, d->insn_count * sizeof *insns);
    for (unsigned i = 0; i < d->count; i++) {
        if (d->ops[i].insn)
            d->ops[i].insn = insns + (d->ops[i].insn - d->insns);
    }
    memcpy(b->ops, d->ops, (d->count + 1) * sizeof b->ops[0]);
    b->count = (uint16_t)d->count;
    b->bytes = (uint16_t)d->bytes;
}

/* Cached, behind the other blocks; made of these bytes. */
static struct interp_block *allocate(struct interp_vcpu *v, struct draft *d, const uint8_t *bytes, bool crossing)
{
    const size_t own = sizeof(struct interp_block) + (d->count + 1) * sizeof(struct interp_op) +
                       d->insn_count * sizeof(struct x86_insn);
    const size_t need = (own + d->bytes + INTERP_BLOCK_ALIGN - 1) & ~(size_t)(INTERP_BLOCK_ALIGN - 1);
    if (v->arena_used + need > v->arena_limit) {
        if (v->hot_bytes > v->arena_limit / ARENA_HOT && v->arena_limit < ARENA_MOST)
            v->arena_limit *= 2;
        else
            interp_drop_blocks(v);
    }
    struct interp_block *b = (struct interp_block *)(void *)(v->arena + v->arena_used);
    v->arena_used += need;
    v->counts.blocks++;
    fill(b, d);
    memcpy((uint8_t *)b + own, bytes, d->bytes);
    b->seen = d->bytes ? (const uint8_t *)b + own : NULL;
    b->crossing = crossing;
    return b;
}

static uint64_t hash_of(uint64_t key)
{
    return key * 0x9e3779b97f4a7c15ull;
}

static struct interp_set *set_of(const struct interp_vcpu *v, uint64_t hash)
{
    return &v->sets[hash >> (64 - SET_BITS)];
}

static uint32_t tag_of(uint64_t hash)
{
    return (uint32_t)(hash >> 16);
}

static struct interp_block *block_at(const struct interp_vcpu *v, uint32_t place)
{
    return (struct interp_block *)(void *)(v->arena + (size_t)(place - 1) * INTERP_BLOCK_ALIGN);
}

static void add_block(struct interp_vcpu *v, struct interp_block *b, uint64_t key, const struct interp_code_page *page,
                      uint32_t version)
{
    const uint64_t hash = hash_of(key);
    struct interp_set *set = set_of(v, hash);
    memmove(set->tag + 1, set->tag, sizeof set->tag - sizeof set->tag[0]);
    memmove(set->place + 1, set->place, sizeof set->place - sizeof set->place[0]);
    set->tag[0] = tag_of(hash);
    set->place[0] = (uint32_t)(((uint8_t *)b - v->arena) / INTERP_BLOCK_ALIGN) + 1;
    b->key = key;
    b->version = &page->version;
    b->version_seen = version;
}

/* Fetch rights and the host page for lin; faults. */
static struct interp_exec_entry *exec_entry(struct interp_vcpu *v, gva_t lin)
{
    struct interp_exec_entry *e = &v->exec[(lin >> PAGE_SHIFT_4K) & (INTERP_EXEC_SIZE - 1)];
    uint64_t tag = (lin & ~PAGE_MASK_4K) | v->exec_generation;
    struct interp_page page;
    if (likely(e->tag == tag))
        return e;
    interp_translate(v, lin, X86_ACCESS_EXEC | interp_data_access(v), &page); /* the whole address, for CR2 */
    e->gpa = page.gpa & ~PAGE_MASK_4K;
    e->host = page.host ? page.host - (lin & PAGE_MASK_4K) : NULL;
    e->page = page.host ? interp_code_page(v->engine, page.gpa >> PAGE_SHIFT_4K, true) : NULL;
    e->tag = tag;
    return e;
}

static void fetch_bytes(struct interp_vcpu *v, gva_t lin, uint8_t *to, unsigned size)
{
    const struct interp_exec_entry *e = NULL;
    for (unsigned i = 0; i < size; i++) {
        if (i == 0 || !((lin + i) & PAGE_MASK_4K))
            e = exec_entry(v, (lin + i) & v->lin_mask);
        gpa_t offset = (lin + i) & PAGE_MASK_4K;
        to[i] = e->host ? e->host[offset] : (uint8_t)v->host.mmio_read(v->opaque, e->gpa + offset, 1);
    }
}

/* One instruction that may lie in two pages or outside RAM. Faults on the second page only when it needs it. */
static int decode_across(struct interp_vcpu *v, gva_t lin, struct x86_insn *insn, uint8_t bytes[X86_INSN_MAX])
{
    unsigned have = PAGE_BYTES - (unsigned)(lin & PAGE_MASK_4K);
    have = have < X86_INSN_MAX ? have : X86_INSN_MAX;
    fetch_bytes(v, lin, bytes, have);
    int length = x86_decode(insn, bytes, have, (enum x86_mode)v->code_mode);
    while (length == 0 && have < X86_INSN_MAX) {
        fetch_bytes(v, lin + have, bytes + have, 1);
        length = x86_decode(insn, bytes, ++have, (enum x86_mode)v->code_mode);
    }
    return length;
}

static struct interp_block *scratch_block(struct interp_vcpu *v, gva_t lin)
{
    uint8_t bytes[X86_INSN_MAX];
    struct x86_insn insn;
    struct draft d = {.count = 0};
    int length = decode_across(v, lin, &insn, bytes);
    draft_add(v, &d, &insn, length);
    fill(v->scratch, &d);
    memcpy(v->scratch_bytes, bytes, sizeof bytes);
    v->scratch->version = NULL;
    v->scratch->seen = v->scratch_bytes;
    v->scratch->crossing = false;
    return v->scratch;
}

/* --- an instruction in two pages --- */

static unsigned bytes_before(gva_t lin)
{
    return PAGE_BYTES - (unsigned)(lin & PAGE_MASK_4K);
}

/* Writes to what it has in the second page will be seen. False: that is not RAM. */
static bool mark_second(struct interp_vcpu *v, gva_t lin, unsigned length)
{
    const struct interp_exec_entry *e = exec_entry(v, (lin + bytes_before(lin)) & v->lin_mask);
    if (e->page)
        interp_code_mark(v, e->page, e->gpa, length - bytes_before(lin));
    return e->page != NULL;
}

static bool has_bytes(struct interp_vcpu *v, gva_t lin, const uint8_t *bytes, unsigned length)
{
    uint8_t now[X86_INSN_MAX];
    fetch_bytes(v, lin, now, length);
    return memcmp(now, bytes, length) == 0;
}

bool interp_block_holds(struct interp_vcpu *v, struct interp_block *b, gva_t lin)
{
    if (likely(!b->crossing))
        return true;
    if (mark_second(v, lin, b->bytes) && has_bytes(v, lin, b->seen, b->bytes))
        return true;
    b->version_seen = atomic_load(b->version) - 1;
    return false;
}

static struct interp_block *make_crossing(struct interp_vcpu *v, gva_t lin, uint64_t key)
{
    uint8_t bytes[X86_INSN_MAX];
    struct x86_insn insn;
    struct draft d = {.count = 0};
    uint32_t version;
    int length;
    do { /* again when it was written before it was marked */
        struct interp_exec_entry *e = exec_entry(v, lin);
        if (!e->page)
            return scratch_block(v, lin);
        version = atomic_load(&e->page->version);
        length = decode_across(v, lin, &insn, bytes);
        if (length <= (int)bytes_before(lin) || !mark_second(v, lin, (unsigned)length))
            return scratch_block(v, lin);
        e = exec_entry(v, lin);
        interp_code_mark(v, e->page, e->gpa + (lin & PAGE_MASK_4K), bytes_before(lin));
    } while (!has_bytes(v, lin, bytes, (unsigned)length) || version != atomic_load(&exec_entry(v, lin)->page->version));
    draft_add(v, &d, &insn, length);
    struct interp_block *b = allocate(v, &d, bytes, true);
    add_block(v, b, key, exec_entry(v, lin)->page, version);
    if (v->engine->tier)
        v->engine->tier->block_made(v, b);
    return b;
}

static void draft_page(struct interp_vcpu *v, struct draft *d, const uint8_t *host, unsigned offset, unsigned max_ops)
{
    bool ends = false;
    while (!ends && d->count < max_ops) {
        struct x86_insn insn;
        unsigned at = offset + d->bytes, left = PAGE_BYTES - at;
        if (!left)
            break;
        int length =
            x86_decode(&insn, host + at, left < X86_INSN_MAX ? left : X86_INSN_MAX, (enum x86_mode)v->code_mode);
        if (length == 0 || (length < 0 && d->count)) /* what is no instruction is a block of its own */
            break;
        const bool alone = unlikely(v->alone != NULL) && length > 0 && v->alone(&insn);
        if (alone && d->count)
            break;
        ends = draft_add(v, d, &insn, length) || alone;
    }
}

static struct interp_block *make_block(struct interp_vcpu *v, const struct interp_exec_entry *e, gva_t lin,
                                       uint64_t key, bool one)
{
    struct interp_code_page *page = e->page;
    unsigned offset = (unsigned)(lin & PAGE_MASK_4K);
    struct draft d;
    uint8_t copy[PAGE_BYTES];
    uint32_t version;
    do { /* again when the page was written while it was decoded, before it was marked */
        version = atomic_load(&page->version);
        d.count = d.insn_count = d.bytes = 0;
        draft_page(v, &d, e->host, offset, one ? 1 : MAX_OPS);
        if (!d.count)
            return one ? scratch_block(v, lin) : make_crossing(v, lin, key);
        memcpy(copy, e->host + offset, d.bytes);
        const unsigned left = bytes_before(lin);
        interp_code_mark(v, page, e->gpa + offset, d.bytes ? d.bytes : left < X86_INSN_MAX ? left : X86_INSN_MAX);
        if (memcmp(copy, e->host + offset, d.bytes) == 0 && version == atomic_load(&page->version))
            break;
    } while (true);
    struct interp_block *b = allocate(v, &d, copy, false);
    add_block(v, b, key, page, version);
    if (!one && v->engine->tier)
        v->engine->tier->block_made(v, b);
    return b;
}

/* A stale block whose bytes are still what they were is good again. */
static bool revive(struct interp_vcpu *v, struct interp_block *b, const struct interp_exec_entry *e)
{
    const unsigned offset = (unsigned)(b->key & PAGE_MASK_4K);
    if (!b->seen || b->crossing)
        return false;
    const uint32_t version = atomic_load(&e->page->version);
    interp_code_mark(v, e->page, e->gpa + offset, b->bytes);
    if (memcmp(e->host + offset, b->seen, b->bytes) != 0 || version != atomic_load(&e->page->version))
        return false;
    if (v->engine->tier)
        v->engine->tier->block_revived(v, b);
    b->version_seen = version;
    return true;
}

/* NULL: there is none, or what there was is of no more use. */
static struct interp_block *known_block(struct interp_vcpu *v, uint64_t key, gva_t lin,
                                        const struct interp_exec_entry *e)
{
    const uint64_t hash = hash_of(key);
    struct interp_set *set = set_of(v, hash);
    for (unsigned i = 0; i < ARRAY_SIZE(set->tag); i++) {
        if (set->tag[i] != tag_of(hash) || !set->place[i])
            continue;
        struct interp_block *b = block_at(v, set->place[i]);
        if (b->key != key)
            continue;
        if (atomic_load_explicit(b->version, memory_order_relaxed) == b->version_seen ? interp_block_holds(v, b, lin)
                                                                                      : revive(v, b, e))
            return b;
        set->place[i] = 0;
    }
    return NULL;
}

struct interp_block *interp_find_block(struct interp_vcpu *v, bool one)
{
    gva_t lin = (v->cs_base + v->cpu.rip) & v->lin_mask;
    struct interp_jump_entry *j = interp_jump_slot(v, lin);
    uint64_t jump_key = lin ^ v->jump_salt;
    if (!one && j->key == jump_key && j->block &&
        atomic_load_explicit(j->block->version, memory_order_relaxed) == j->block->version_seen &&
        interp_block_holds(v, j->block, lin))
        return j->block;

    const struct interp_exec_entry *e = exec_entry(v, lin);
    if (!e->page)
        return scratch_block(v, lin);
    uint64_t key = (e->gpa + (lin & PAGE_MASK_4K)) | (uint64_t)(v->bank == INTERP_BANK_SLOW) << 58 |
                   (uint64_t)v->shape << 55 | (uint64_t)v->code_mode << 60 | (uint64_t)one << 62;
    struct interp_block *b = known_block(v, key, lin, e);
    if (!b)
        b = make_block(v, e, lin, key, one);
    if (!one && b->version) {
        j->key = jump_key;
        j->block = b;
    }
    return b;
}
