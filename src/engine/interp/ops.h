/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ops.h: the handlers that translate.c chooses from. Tables are indexed by log2 of the operand size. */
#ifndef DOMUS_ENGINE_INTERP_OPS_H
#define DOMUS_ENGINE_INTERP_OPS_H

#include "engine/interp/access.h"

/* A jump by an offset: the target must be in the code segment. */
ALWAYS_INLINE void interp_near_jump(struct interp_vcpu *v, const struct interp_op *op, uint64_t rip)
{
    if (unlikely(v->cs_limited && rip > v->cpu.seg[X86_CS].limit)) {
        v->op = op;
        interp_raise_error(v, X86_EXC_GP, 0);
    }
    v->cpu.rip = rip;
}

enum { ALU_ADD, ALU_OR, ALU_ADC, ALU_SBB, ALU_AND, ALU_SUB, ALU_XOR, ALU_CMP, ALU_TEST, ALU_KINDS };

/* rm is the destination but for LOAD, where reg is. FLAT: 64-bit code and addresses. */
enum {
    FORM_REG,
    FORM_IMM,
    FORM_LOAD,
    FORM_LOAD_FLAT,
    FORM_STORE,
    FORM_STORE_FLAT,
    FORM_MEM_IMM,
    FORM_MEM_IMM_FLAT,
    FORMS
};

extern const interp_fn interp_alu_ops[ALU_KINDS][FORMS][4];
extern const interp_fn interp_mov_ops[FORMS][4];
/* [signed][log2 source size][log2 destination size][0 register, 1 memory, 2 flat memory] */
extern const interp_fn interp_extend_ops[2][3][4][3];
extern const interp_fn interp_lea_ops[4][2];  /* [.][1]: 64-bit addresses */
extern const interp_fn interp_inc_ops[2][4];  /* [0 INC, 1 DEC], register */
extern const interp_fn interp_jcc_ops[2][16]; /* [1]: 64-bit code */
extern const interp_fn interp_cmov_ops[16];
extern const interp_fn interp_setcc_ops[16];
extern const interp_fn interp_shift_cl_ops[8][4];
extern const interp_fn interp_shift_imm_ops[8][4]; /* registers, by the group's /digit; NULL: use interp_op_shift */

enum { SHIFT_ROL, SHIFT_ROR, SHIFT_RCL, SHIFT_RCR, SHIFT_SHL, SHIFT_SHR, SHIFT_SAL, SHIFT_SAR };
enum { COUNT_IMM, COUNT_CL };

/* Makes first (CMP, TEST) do the work of second (Jcc) too, where there is a handler for both. */
void interp_fuse(struct interp_op *first, const struct interp_op *second);

/* Slower forms that look at op->is_reg, op->size and op->lock at run time. */
void interp_op_alu(struct interp_vcpu *v, const struct interp_op *op);     /* kind: ALU_*, reg as source; LOCK */
void interp_op_alu_imm(struct interp_vcpu *v, const struct interp_op *op); /* kind, immediate source; LOCK */
void interp_op_inc(struct interp_vcpu *v, const struct interp_op *op);     /* kind: 0 INC, 1 DEC, 2 NOT, 3 NEG */
void interp_op_shift(struct interp_vcpu *v, const struct interp_op *op);   /* kind: SHIFT_*; imm < 0: CL */
void interp_op_shld(struct interp_vcpu *v, const struct interp_op *op);    /* kind: 0 SHLD, 1 SHRD; imm < 0: CL */
void interp_op_xchg(struct interp_vcpu *v, const struct interp_op *op);
void interp_op_xadd(struct interp_vcpu *v, const struct interp_op *op);
void interp_op_cmpxchg(struct interp_vcpu *v, const struct interp_op *op);
void interp_op_cmpxchg_wide(struct interp_vcpu *v, const struct interp_op *op); /* 8B and 16B by size */
void interp_op_mul(struct interp_vcpu *v, const struct interp_op *op);          /* kind: 0 MUL, 1 IMUL, 2 DIV, 3 IDIV */
void interp_op_imul2(struct interp_vcpu *v, const struct interp_op *op);        /* reg *= rm */
void interp_op_imul3(struct interp_vcpu *v, const struct interp_op *op);        /* reg = rm * imm */
void interp_op_bit(struct interp_vcpu *v, const struct interp_op *op); /* kind: 0 BT, 1 BTS, 2 BTR, 3 BTC; by reg */
void interp_op_bit_imm(struct interp_vcpu *v, const struct interp_op *op);
void interp_op_scan(struct interp_vcpu *v, const struct interp_op *op); /* kind: enum scan */
enum { SCAN_BSF, SCAN_BSR, SCAN_TZCNT, SCAN_LZCNT, SCAN_POPCNT };
void interp_op_bswap(struct interp_vcpu *v, const struct interp_op *op);
void interp_op_convert_a(struct interp_vcpu *v, const struct interp_op *op); /* CBW, CWDE, CDQE */
void interp_op_convert_d(struct interp_vcpu *v, const struct interp_op *op); /* CWD, CDQ, CQO */
void interp_op_bcd(struct interp_vcpu *v, const struct interp_op *op);       /* kind: the opcode */
void interp_op_xlat(struct interp_vcpu *v, const struct interp_op *op);
void interp_op_movbe(struct interp_vcpu *v, const struct interp_op *op); /* kind: 0 load, 1 store */
void interp_op_crc32(struct interp_vcpu *v, const struct interp_op *op); /* kind: log2 source size */
void interp_op_adx(struct interp_vcpu *v, const struct interp_op *op);   /* kind: 0 ADCX, 1 ADOX */
void interp_op_bmi(struct interp_vcpu *v, const struct x86_insn *insn);  /* all VEX-encoded integer operations */
bool interp_bmi_known(const struct x86_insn *insn);

void interp_op_nop(struct interp_vcpu *v, const struct interp_op *op);
void interp_op_ud(struct interp_vcpu *v, const struct interp_op *op);
void interp_op_fence(struct interp_vcpu *v, const struct interp_op *op);
void interp_op_insn(struct interp_vcpu *v, const struct interp_op *op); /* calls insn_fn, goes on */
void interp_op_insn_end(struct interp_vcpu *v,
                        const struct interp_op *op); /* calls insn_fn with cpu.rip behind; ends */

/* Stack and branches. */
void interp_op_push_reg64(struct interp_vcpu *v, const struct interp_op *op);
void interp_op_pop_reg64(struct interp_vcpu *v, const struct interp_op *op);
void interp_op_push(struct interp_vcpu *v, const struct interp_op *op); /* register or memory */
void interp_op_push_imm(struct interp_vcpu *v, const struct interp_op *op);
void interp_op_pop(struct interp_vcpu *v, const struct interp_op *op);
void interp_op_jmp(struct interp_vcpu *v, const struct interp_op *op);
void interp_op_call(struct interp_vcpu *v, const struct interp_op *op);
void interp_op_call64(struct interp_vcpu *v, const struct interp_op *op);
void interp_op_ret(struct interp_vcpu *v, const struct interp_op *op); /* imm: bytes to release */
void interp_op_ret64(struct interp_vcpu *v, const struct interp_op *op);
void interp_op_jmp_rm(struct interp_vcpu *v, const struct interp_op *op);
void interp_op_call_rm(struct interp_vcpu *v, const struct interp_op *op);
void interp_op_loop(struct interp_vcpu *v, const struct interp_op *op); /* kind: opcode E0..E3 */
void interp_op_pusha(struct interp_vcpu *v, const struct interp_op *op);
void interp_op_popa(struct interp_vcpu *v, const struct interp_op *op);
void interp_op_enter(struct interp_vcpu *v, const struct interp_op *op);
void interp_op_leave(struct interp_vcpu *v, const struct interp_op *op);
void interp_op_pushf(struct interp_vcpu *v, const struct interp_op *op);
void interp_op_popf(struct interp_vcpu *v, const struct interp_op *op);
void interp_op_flag(struct interp_vcpu *v, const struct interp_op *op); /* CLC STC CMC CLD STD LAHF SAHF SALC */
void interp_op_int(struct interp_vcpu *v, const struct interp_op *op);  /* kind: CC, CD, CE, F1 */

/* String operations: kind is the opcode; with REP, op->imm is the prefix. */
void interp_op_string(struct interp_vcpu *v, const struct interp_op *op);
void interp_op_in(struct interp_vcpu *v, const struct interp_op *op); /* imm < 0: DX */
void interp_op_out(struct interp_vcpu *v, const struct interp_op *op);

/* Semantics on whole instructions (system.c): NULL when not a system instruction. *ends: the block ends there. */
interp_insn_fn interp_system_decode(const struct x86_insn *insn, bool *ends);

/* Does the port permission of the mode allow it? Faults. */
void interp_check_port(struct interp_vcpu *v, uint16_t port, unsigned size);

/* --- operands by op->size, for what is not hot --- */

static inline int64_t interp_rm_read(struct interp_vcpu *v, const struct interp_op *op)
{
    if (op->is_reg) {
        switch (op->size) {
        case 1: return interp_reg(v, op->rm, 1);
        case 2: return interp_reg(v, op->rm, 2);
        case 4: return interp_reg(v, op->rm, 4);
        default: return interp_reg(v, op->rm, 8);
        }
    }
    gva_t lin = interp_address(v, op, op->size, false, op->addr_size == 8);
    switch (op->size) {
    case 1: return interp_read(v, op, lin, 1);
    case 2: return interp_read(v, op, lin, 2);
    case 4: return interp_read(v, op, lin, 4);
    default: return interp_read(v, op, lin, 8);
    }
}

static inline int64_t interp_reg_read(struct interp_vcpu *v, const struct interp_op *op)
{
    return interp_extend(interp_slot64(v, op->reg), op->size);
}

static inline void interp_reg_write(struct interp_vcpu *v, const struct interp_op *op, uint64_t value)
{
    interp_set_reg(v, op->reg, op->size, value);
}

/* A read-modify-write of rm; end returns false when a locked one must be done again. */
static inline int64_t interp_rm_begin(struct interp_vcpu *v, const struct interp_op *op, struct interp_rmw *m)
{
    if (op->is_reg)
        return interp_rm_read(v, op);
    gva_t lin = interp_address(v, op, op->size, true, op->addr_size == 8);
    m->host = interp_hit(v, lin, op->size, true);
    if (likely(m->host))
        return interp_extend((uint64_t)interp_host_load(m->host, op->size), op->size);
    return interp_extend(interp_rmw_begin_slow(v, op, lin, op->size, m), op->size);
}

bool interp_locked_store(struct interp_vcpu *v, const struct interp_op *op, struct interp_rmw *m, int64_t old,
                         uint64_t value);

static inline bool interp_rm_end(struct interp_vcpu *v, const struct interp_op *op, struct interp_rmw *m, int64_t old,
                                 uint64_t value)
{
    if (op->is_reg)
        interp_set_reg(v, op->rm, op->size, value);
    else if (op->lock)
        return interp_locked_store(v, op, m, old, value);
    else if (likely(m->host))
        interp_host_store(m->host, op->size, value);
    else
        interp_rmw_end_slow(v, m, op->size, value);
    return true;
}

#endif
