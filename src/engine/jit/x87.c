/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * x87.c: x87 and MMX instructions, which run as they are on the guest's registers in the host's x87 unit. They are
 * brought there at the first such instruction and taken back whenever translated code calls or returns to C, as the
 * vector registers are (vector.c), but by a switch of their own: who uses none pays nothing.
 *
 * An exception that is not masked is seen by the guest at the next instruction that waits, and by a process at once,
 * as SIGFPE; so the guest's state is in the host's unit only while its control word masks all and none is pending.
 * Otherwise, and for what stores or loads an environment, each instruction is its handler's.
 */
#include "engine/interp/simd_state.h"
#include "engine/jit/translate.h"

#define FPU_SLOT(offset) emit_mem(RSP, (int32_t)(offsetof(struct jit_vcpu, v.cpu.fpu) + (offset)))
#define ALL_MASKED       FSW_EXC /* of FCW, which has its masks where FSW has its flags */

/* --- moving the state --- */

static void only_x87(struct emit *e)
{
    emit_8(e, 0xb8 + RAX); /* the components: mov eax, 1; xor edx, edx */
    emit_32(e, 1);
    emit_16(e, 0xd231);
}

/* The pointers in the image are the guest's, and stay; the host's unit is as the C ABI wants it afterwards. */
void jit_x87_save(struct emit *e)
{
    emit_op(e, 0, 4, 0x1b7, RCX, FPU_SLOT(FPU_FOP)); /* movzx */
    emit_load(e, RSI, FPU_SLOT(FPU_FIP));
    emit_load(e, RDI, FPU_SLOT(FPU_FDP));
    only_x87(e);
    emit_op(e, 0, 8, 0x1ae, 4, FPU_SLOT(0)); /* xsave64 */
    emit_op(e, 0, 1, 0x80, 1, FPU_SLOT(FPU_XSTATE_BV));
    emit_8(e, 1);
    emit_op(e, 0, 2, 0x89, RCX, FPU_SLOT(FPU_FOP));
    emit_store(e, RSI, FPU_SLOT(FPU_FIP));
    emit_store(e, RDI, FPU_SLOT(FPU_FDP));
    emit_16(e, 0xe3db); /* fninit */
}

void jit_x87_load(struct emit *e)
{
    only_x87(e);
    emit_op(e, 0, 8, 0x1ae, 5, FPU_SLOT(0)); /* xrstor64 */
}

/* May the guest's instructions run unwatched now? */
bool jit_x87_allowed(struct jit_vcpu *j)
{
    struct interp_vcpu *v = &j->v;
    return !(v->cpu.cr0 & (X86_CR0_EM | X86_CR0_TS)) &&
           (load_le16(fpu_bytes(v) + FPU_FCW) & ALL_MASKED) == ALL_MASKED &&
           !(load_le16(fpu_bytes(v) + FPU_FSW) & FSW_ES) && !v->ferr;
}

/* --- pointers --- */

/* Runs an instruction as the reference engine does; `image` is then what it looks at for the pointers. */
static void try_out(const struct simd_stub *stub, uint8_t image[576], unsigned host_fop)
{
    struct simd_frame frame = {.flags = 2};
    memset(image, 0, 576);
    store_le16(image + FPU_FCW, 0x37f);
    image[FPU_FTW] = 0xff;
    for (unsigned i = 0; i < 8; i++) {
        store_le64(image + SIMD_ST_OFFSET + 16 * i, 1ull << 63);
        store_le16(image + SIMD_ST_OFFSET + 16 * i + 8, 0x3fff);
    }
    store_le16(image + FPU_FOP, (uint16_t)(host_fop ^ 0x7ff));
    store_le32(image + FPU_MXCSR, SIMD_HOST_MXCSR);
    image[FPU_XSTATE_BV] = 1;
    stub->x87(image, frame.mem, &frame);
}

/*
 * With exceptions masked, AMD's processors keep no pointers; Intel's that of the instruction, but since Haswell none of
 * the operand and no opcode. A host that kept more would leave all to the handlers.
 */
void jit_x87_init(struct jit_vcpu *j)
{
    const unsigned opcode = 0xdd, modrm = 6, fop = (opcode & 7) << 8 | modrm; /* FLD m64 */
    const struct simd_stub *stub = j->has_vectors ? simd_stub_get_x87(j->v.engine->simd, opcode, modrm) : NULL;
    uint8_t image[576] __attribute__((aligned(64)));
    if (!stub)
        return;
    try_out(stub, image, fop);
    j->x87_keeps_fip = load_le64(image + FPU_FIP) != 0;
    j->has_x87 = !load_le64(image + FPU_FDP) && load_le16(image + FPU_FOP) != fop;
    j->all_masked = ALL_MASKED;
}

static bool keeps_fip(const struct translation *t, const struct simd_stub *stub)
{
    uint8_t image[576] __attribute__((aligned(64)));
    if (!t->j->x87_keeps_fip)
        return false;
    try_out(stub, image, 0);
    return load_le64(image + FPU_FIP) != 0;
}

static void record_fip(struct translation *t)
{
    emit_load(&t->e, R14, JIT_SLOT(page_va));
    emit_lea(&t->e, R14, emit_mem(R14, (int32_t)(t->page_offset + t->start[t->at])));
    emit_store(&t->e, R14, FPU_SLOT(FPU_FIP));
}

/* --- translation --- */

static bool is_control(const struct x86_insn *insn, unsigned opcode, unsigned digit)
{
    return insn->opcode == opcode && insn->mod != 3 && (insn->reg & 7) == digit;
}

static bool is_fldcw(const struct x86_insn *insn)
{
    return is_control(insn, 0xd9, 5);
}

static bool is_fwait(const struct x86_insn *insn)
{
    return insn->map == X86_MAP_1B && insn->opcode == 0x9b;
}

static bool is_emms(const struct x86_insn *insn)
{
    return insn->map == X86_MAP_0F && insn->opcode == 0x77;
}

/* FNSTCW, FNSTSW */
static bool stores_control(const struct x86_insn *insn)
{
    return is_control(insn, 0xd9, 7) || is_control(insn, 0xdd, 7);
}

/* FNSTSW AX, FNCLEX */
static bool is_simple_control(const struct x86_insn *insn)
{
    return (insn->opcode == 0xdf && insn->modrm == 0xe0) || (insn->opcode == 0xdb && insn->modrm == 0xe2);
}

static const struct simd_stub *stub_of(const struct translation *t)
{
    return (const struct simd_stub *)(uintptr_t)t->b->ops[t->at].imm;
}

/* FCMOVcc reads flags; FCOMI and its like write them. */
static void classify_flags(struct jit_class *c, const struct x86_insn *insn)
{
    static const uint16_t conditions[4] = {X86_CF, X86_ZF, X86_CF | X86_ZF, X86_PF};
    const unsigned digit = insn->reg & 7;
    if (insn->mod != 3)
        return;
    if ((insn->opcode == 0xda || insn->opcode == 0xdb) && digit < 4)
        c->reads = conditions[digit];
    else if ((insn->opcode == 0xdb || insn->opcode == 0xdf) && (digit == 5 || digit == 6))
        c->kills = X86_ZF | X86_PF | X86_CF;
}

void tr_classify_x87(struct translation *t, unsigned i)
{
    const struct interp_op *op = &t->b->ops[i];
    const struct x86_insn *insn = &t->insn[i];
    struct jit_class found = {.kind = JIT_X87};
    if (!op->insn_fn || op->insn_fn == simd_undefined || insn->encoding != X86_ENC_LEGACY)
        return;
    if (insn->map == X86_MAP_1B && (insn->opcode & 0xf8) == 0xd8) {
        const unsigned operand = insn->mod == 3 ? 0 : x87_operand(insn);
        found.rm = operand & X87_STORES || stores_control(insn) ? USE_W : USE_R;
        found.rm_size = is_fldcw(insn) || stores_control(insn) ? 2 : operand & X87_BYTES;
        if (!op->imm && !found.rm_size && !is_simple_control(insn))
            return;
        classify_flags(&found, insn);
    } else if (!is_fwait(insn) && !is_emms(insn)) {
        return;
    }
    t->how[i] = found;
}

void tr_x87_loaded(struct translation *t)
{
    struct emit *e = &t->e;
    if (t->x87_there)
        return;
    t->x87_there = true;
    emit_load(e, RCX, JIT_SLOT(x87));
    emit_16(e, 0x02e3); /* jrcxz over the short jump */
    emit_16(e, 0x0aeb); /* over what follows */
    tr_call(t, t->j->load_x87, tr_op(t));
}

/* A value that unmasks something is the handler's; it is read once, as others may write it. */
static void fldcw(struct translation *t, struct emit_rm rm)
{
    struct emit *e = &t->e;
    emit_op(e, 0, 4, 0x1b7, RCX, rm); /* movzx */
    emit_op(e, 0, 2, 0x89, RCX, JIT_SLOT(x87_fcw));
    emit_op(e, 0, 4, 0xf7, 2, emit_reg(RCX));                           /* not: the flags stay */
    emit_vex(e, 2, true, false, 0x2f5, RCX, RCX, JIT_SLOT(all_masked)); /* pext */
    tr_unless_zero(t);
    emit_op(e, 0, 4, 0xd9, 5, JIT_SLOT(x87_fcw));
}

bool tr_x87(struct translation *t)
{
    const struct x86_insn *insn = &t->insn[t->at];
    const struct jit_class *c = &t->how[t->at];
    struct emit *e = &t->e;
    struct emit_rm rm;
    tr_x87_loaded(t);
    if (is_fwait(insn))
        return true;
    if (is_emms(insn)) {
        emit_16(e, 0x770f);
        return true;
    }
    if (insn->mod == 3) {
        emit_8(e, insn->opcode);
        emit_8(e, insn->modrm);
    } else {
        if (!tr_grouped(t, 0, &rm)) {
            if (!tr_address(t, insn))
                return false;
            rm = tr_memory(t, c->rm_size, c->rm & USE_W, 0);
        }
        if (is_fldcw(insn))
            fldcw(t, rm);
        else
            emit_op(e, 0, 4, insn->opcode, insn->reg & 7, rm);
    }
    if (stub_of(t) && keeps_fip(t, stub_of(t)))
        record_fip(t);
    return true;
}
