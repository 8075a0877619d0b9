/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * string.c: MOVS, STOS and LODS, and the first two with REP as long as source and destination lie in a page each.
 * Others, and all that go downwards, are the handlers'. Nothing is changed before the last check.
 */
#include "engine/jit/translate.h"

static bool is_rep(const struct x86_insn *insn)
{
    return insn->prefix_rep != 0; /* MOVS and STOS do not look at ZF: REPNE is REP */
}

bool tr_is_string(const struct translation *t, const struct x86_insn *insn)
{
    if (insn->encoding != X86_ENC_LEGACY || insn->map != X86_MAP_1B || insn->prefix_lock ||
        insn->address_size != t->word || t->segmented)
        return false;
    switch (insn->opcode) {
    case 0xa4:
    case 0xa5:
    case 0xac:
    case 0xad:
        return !(is_rep(insn) && insn->opcode >= 0xac) && insn->segment != X86_FS && insn->segment != X86_GS &&
               (insn->segment != X86_CS || t->word == 8);
    case 0xaa:
    case 0xab: return true;
    default: return false;
    }
}

static unsigned element_size(const struct x86_insn *insn)
{
    return insn->opcode & 1 ? insn->operand_size : 1;
}

static void unless_down(struct translation *t)
{
    struct emit *e = &t->e;
    emit_load(e, RCX, JIT_SLOT(v.cpu.rflags));
    emit_vex(e, 2, true, false, 0x2f5, RCX, RCX, JIT_SLOT(df)); /* pext */
    tr_unless_zero(t);
}

/* --- once --- */

static struct emit_rm element(struct translation *t, unsigned n, unsigned size, bool write)
{
    emit_op(&t->e, 0, t->word, 0x8d, R14, emit_mem(jit_host_reg[n], 0)); /* lea */
    return tr_memory(t, size, write, 0);
}

static void advance(struct translation *t, unsigned n, unsigned size)
{
    emit_op(&t->e, 0, t->word, 0x8d, jit_host_reg[n], emit_mem(jit_host_reg[n], (int32_t)size)); /* lea */
}

static void once(struct translation *t, const struct x86_insn *insn)
{
    static const uint16_t zero_extending[] = {[1] = 0x1b6, [2] = 0x1b7, [4] = 0x8b, [8] = 0x8b};
    struct emit *e = &t->e;
    const unsigned size = element_size(insn), store = size == 1 ? 0x88 : 0x89;
    switch (insn->opcode & 0xfe) {
    case 0xa4:
        emit_op(e, 0, size == 8 ? 8 : 4, zero_extending[size], RCX, element(t, X86_RSI, size, false));
        emit_store(e, RCX, JIT_SLOT(spare[0]));
        struct emit_rm to = tr_free_rcx(t, element(t, X86_RDI, size, true));
        emit_load(e, RCX, JIT_SLOT(spare[0]));
        emit_op(e, 0, size, store, RCX, to);
        advance(t, X86_RSI, size);
        advance(t, X86_RDI, size);
        break;
    case 0xaa:
        emit_op(e, 0, size, store, RAX, element(t, X86_RDI, size, true));
        advance(t, X86_RDI, size);
        break;
    default:
        emit_op(e, 0, size, size == 1 ? 0x8a : 0x8b, RAX, element(t, X86_RSI, size, false));
        advance(t, X86_RSI, size);
        break;
    }
}

/* --- with REP: rax, rcx and r14 are scratch, the guest's RAX and flags in memory --- */

static void put_aside(struct translation *t)
{
    struct emit *e = &t->e;
    emit_store(e, RAX, JIT_SLOT(spare[0]));
    if (!t->live[t->at])
        return;
    emit_8(e, 0x9f);                                      /* lahf */
    emit_op(e, EMIT_BYTE_RM, 1, 0x190, 0, emit_reg(RAX)); /* seto al */
    emit_store(e, RAX, JIT_SLOT(spare[1]));
}

static void take_back(struct translation *t)
{
    struct emit *e = &t->e;
    if (t->live[t->at]) {
        emit_load(e, RAX, JIT_SLOT(spare[1]));
        emit_16(e, 0x7f04); /* add al, 7f */
        emit_8(e, 0x9e);    /* sahf */
    }
    emit_load(e, RAX, JIT_SLOT(spare[0]));
}

/* r14 = where the guest's register n points on the host; rcx: the last offset in a page that leaves room. */
static uint8_t *find_place(struct translation *t, unsigned n, int32_t tag)
{
    struct emit *e = &t->e;
    emit_op(e, 0, t->word, 0x8b, R14, emit_reg(jit_host_reg[n]));
    emit_vex(e, 0, true, false, 0x2f7, RAX, R15, emit_reg(R14)); /* bextr rax, r14, r15 */
    emit_op(e, 0, 8, 0xc1, 4, emit_reg(RAX));                    /* shl */
    emit_8(e, 2);
    emit_op(e, 0, 8, 0x03, R14, emit_sib(R15, RAX, 3, tag)); /* add */
    emit_op(e, 0, 8, 0x3b, R14, emit_reg(RCX));              /* cmp */
    uint8_t *no = emit_jcc(e, 7);
    emit_op(e, 0, 8, 0x03, R14, emit_sib(R15, RAX, 3, JIT_ENTRY(host)));
    return no;
}

static void rep(struct translation *t, const struct x86_insn *insn)
{
    struct emit *e = &t->e;
    const unsigned size = element_size(insn), shift = (unsigned)__builtin_ctz(size);
    const bool moves = (insn->opcode & 0xfe) == 0xa4;
    const struct emit_rm count = emit_reg(GUEST_RCX);
    uint8_t *no[3];
    unsigned checks = 0;

    put_aside(t);
    emit_op(e, 0, t->word, 0x81, 7, count); /* cmp */
    emit_32(e, (uint32_t)PAGE_BYTES >> shift);
    no[checks++] = emit_jcc(e, 7);
    emit_op(e, 0, 4, 0x8b, RCX, count); /* rcx = PAGE_BYTES - bytes */
    emit_op(e, 0, 8, 0xc1, 4, emit_reg(RCX));
    emit_8(e, shift);
    emit_op(e, 0, 8, 0xf7, 3, emit_reg(RCX)); /* neg */
    emit_op(e, 0, 8, 0x81, 0, emit_reg(RCX)); /* add */
    emit_32(e, PAGE_BYTES);
    if (moves) {
        no[checks++] = find_place(t, X86_RSI, JIT_ENTRY(read));
        emit_store(e, R14, JIT_SLOT(spare[2]));
    }
    no[checks++] = find_place(t, X86_RDI, JIT_ENTRY(write));

    emit_op(e, 0, 4, 0x8b, RCX, count);
    emit_op(e, 0, 8, 0x87, RDI, emit_reg(R14)); /* xchg */
    if (moves) {
        emit_load(e, RAX, emit_reg(RSI));
        emit_load(e, RSI, JIT_SLOT(spare[2]));
    } else {
        emit_load(e, RAX, JIT_SLOT(spare[0]));
    }
    if (size == 2)
        emit_8(e, 0x66);
    emit_8(e, 0xf3);
    if (size == 8)
        emit_8(e, 0x48);
    emit_8(e, insn->opcode);
    if (moves)
        emit_op(e, 0, t->word, 0x8d, RSI, emit_sib(RAX, GUEST_RCX, shift, 0)); /* lea */
    emit_op(e, 0, t->word, 0x8d, RDI, emit_sib(R14, GUEST_RCX, shift, 0));
    emit_op(e, 0, 4, 0x8b, GUEST_RCX, emit_reg(RCX)); /* zero now */
    take_back(t);
    uint8_t *done = emit_jump(e);
    for (unsigned i = 0; i < checks && !e->full; i++)
        emit_target(no[i], e->p);
    take_back(t);
    tr_slow(t, emit_jump(e));
    if (!e->full)
        emit_target(done, e->p);
}

bool tr_string(struct translation *t)
{
    const struct x86_insn *insn = &t->insn[t->at];
    unless_down(t);
    if (is_rep(insn))
        rep(t, insn);
    else
        once(t, insn);
    return true;
}
