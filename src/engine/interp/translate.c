/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * translate.c: one decoded instruction to an operation: the handler, and operands as offsets into the vCPU. Here it is
 * decided what is an instruction of the processor we show; which mode it may run in, its handler decides.
 */
#include "engine/interp/ops.h"
#include "engine/interp/simd.h"

#define SIZE_INDEX(size) ((unsigned)__builtin_ctz(size))

struct context {
    struct interp_op *op;
    struct interp_engine *engine;
    const struct x86_insn *insn;
    unsigned start;
    bool ends;
};

static bool code64(const struct x86_insn *insn)
{
    return insn->mode == X86_MODE_64;
}

static bool flat(const struct x86_insn *insn)
{
    return insn->address_size == 8;
}

/* Byte registers without REX: 4 to 7 are AH, CH, DH, BH. */
static uint16_t reg_offset(const struct x86_insn *insn, unsigned n, unsigned size)
{
    if (size == 1 && !insn->has_rex && n >= 4 && n < 8)
        return (uint16_t)(REG_OFFSET(n - 4) + 1);
    return REG_OFFSET(n);
}

static void set_memory(struct context *c)
{
    struct interp_op *op = c->op;
    const struct x86_insn *insn = c->insn;
    uint16_t zero = offsetof(struct interp_vcpu, zero);
    op->base = insn->base == X86_NO_REG ? zero : REG_OFFSET(insn->base);
    op->index = insn->index == X86_NO_REG ? zero : REG_OFFSET(insn->index);
    op->scale = insn->scale;
    op->disp = insn->disp;
    op->seg = (uint8_t)interp_ea_segment(insn);
    if (insn->rip_relative) {
        op->base = offsetof(struct interp_vcpu, rip0);
        op->disp += c->start + insn->length;
    }
    op->seg_base = op->seg >= X86_FS ? (uint16_t)offsetof(struct interp_vcpu, seg[op->seg].base) : zero;
}

/* rm and reg of a ModRM instruction, both of this size. */
static void set_modrm(struct context *c, unsigned size)
{
    struct interp_op *op = c->op;
    const struct x86_insn *insn = c->insn;
    op->size = (uint8_t)size;
    op->reg = reg_offset(insn, insn->reg, size);
    op->is_reg = insn->mod == 3;
    if (op->is_reg)
        op->rm = reg_offset(insn, insn->rm, size);
    else
        set_memory(c);
}

static void set_insn_fn(struct context *c, interp_insn_fn fn, bool ends)
{
    c->op->insn_fn = fn;
    c->op->fn = ends ? interp_op_insn_end : interp_op_insn;
    c->ends = c->ends || ends;
}

static void invalid(struct context *c)
{
    c->op->fn = interp_op_ud;
    c->op->insn_fn = NULL;
    c->ends = true;
}

static unsigned byte_or_v(const struct x86_insn *insn)
{
    return insn->opcode & 1 ? insn->operand_size : 1;
}

/* LOCK is for read-modify-write of memory alone. */
static bool lock_ok(struct context *c)
{
    if (!c->insn->prefix_lock)
        return true;
    c->op->lock = true;
    return c->insn->mod != 3 && c->insn->has_modrm;
}

static void alu(struct context *c, unsigned kind, unsigned form, unsigned size)
{
    struct interp_op *op = c->op;
    bool memory = form != FORM_REG && form != FORM_IMM;
    op->kind = (uint8_t)kind;
    if (c->insn->prefix_lock) {
        if (!memory || form == FORM_LOAD || kind >= ALU_CMP) {
            invalid(c);
            return;
        }
        op->lock = true;
        op->fn = form == FORM_STORE ? interp_op_alu : interp_op_alu_imm;
        return;
    }
    op->fn = interp_alu_ops[kind][memory && flat(c->insn) ? form + 1 : form][SIZE_INDEX(size)];
}

static void alu_block(struct context *c) /* 00..3F */
{
    const struct x86_insn *insn = c->insn;
    unsigned size = byte_or_v(insn), kind = insn->opcode >> 3 & 7, column = insn->opcode & 7;
    if (column >= 4) {
        c->op->size = (uint8_t)size;
        c->op->rm = REG_OFFSET(X86_RAX);
        c->op->imm = insn->imm;
        alu(c, kind, FORM_IMM, size);
        return;
    }
    set_modrm(c, size);
    if (insn->mod == 3) {
        if (column >= 2) { /* reg is the destination: swap */
            uint16_t t = c->op->reg;
            c->op->reg = c->op->rm;
            c->op->rm = t;
        }
        alu(c, kind, FORM_REG, size);
    } else {
        alu(c, kind, column >= 2 ? FORM_LOAD : FORM_STORE, size);
    }
}

static void alu_group(struct context *c) /* 80..83 */
{
    unsigned size = byte_or_v(c->insn);
    set_modrm(c, size);
    c->op->imm = c->insn->imm;
    alu(c, c->insn->reg & 7, c->insn->mod == 3 ? FORM_IMM : FORM_MEM_IMM, size);
}

static void mov(struct context *c, unsigned form, unsigned size)
{
    bool memory = form != FORM_REG && form != FORM_IMM;
    c->op->fn = interp_mov_ops[memory && flat(c->insn) ? form + 1 : form][SIZE_INDEX(size)];
}

static void mov_modrm(struct context *c) /* 88..8B */
{
    unsigned size = byte_or_v(c->insn);
    bool load = c->insn->opcode & 2;
    set_modrm(c, size);
    if (c->insn->mod != 3) {
        mov(c, load ? FORM_LOAD : FORM_STORE, size);
        return;
    }
    if (load) {
        uint16_t t = c->op->reg;
        c->op->reg = c->op->rm;
        c->op->rm = t;
    }
    mov(c, FORM_REG, size);
}

static void mov_moffs(struct context *c) /* A0..A3 */
{
    const struct x86_insn *insn = c->insn;
    unsigned size = byte_or_v(insn);
    set_memory(c);
    c->op->seg = insn->segment == X86_NO_REG ? X86_DS : insn->segment;
    c->op->size = (uint8_t)size;
    c->op->reg = REG_OFFSET(X86_RAX);
    c->op->disp = (int64_t)insn->moffs;
    mov(c, insn->opcode & 2 ? FORM_STORE : FORM_LOAD, size);
}

static void mov_reg_imm(struct context *c) /* B0..BF */
{
    const struct x86_insn *insn = c->insn;
    unsigned size = insn->opcode & 8 ? insn->operand_size : 1;
    unsigned n = (insn->opcode & 7u) | (insn->rex & 1 ? 8 : 0);
    c->op->size = (uint8_t)size;
    c->op->rm = reg_offset(insn, n, size);
    c->op->imm = insn->imm;
    mov(c, FORM_IMM, size);
}

static unsigned low_reg(const struct x86_insn *insn)
{
    return (insn->opcode & 7u) | (insn->rex & 1 ? 8 : 0);
}

static unsigned stack_size(const struct x86_insn *insn)
{
    if (code64(insn))
        return insn->prefix_66 && !(insn->rex & 8) ? 2 : 8;
    return insn->operand_size;
}

static unsigned rip_size(const struct x86_insn *insn)
{
    return code64(insn) ? 8 : insn->operand_size;
}

static void push_pop_reg(struct context *c)
{
    struct interp_op *op = c->op;
    bool pop = c->insn->opcode >= 0x58;
    op->size = (uint8_t)stack_size(c->insn);
    op->seg = X86_SS;
    op->is_reg = true;
    op->rm = REG_OFFSET(low_reg(c->insn));
    if (op->size == 8)
        op->fn = pop ? interp_op_pop_reg64 : interp_op_push_reg64;
    else
        op->fn = pop ? interp_op_pop : interp_op_push;
}

/* Targets relative to the block's start. */
static void set_branch(struct context *c)
{
    c->op->size = (uint8_t)rip_size(c->insn);
    c->op->disp = c->start + c->insn->length;
    c->op->imm = c->op->disp + c->insn->imm;
    c->ends = true;
}

static void jcc(struct context *c)
{
    set_branch(c);
    c->op->fn = interp_jcc_ops[code64(c->insn)][c->insn->opcode & 15];
}

static void extend(struct context *c, bool sign, unsigned from)
{
    set_modrm(c, c->insn->operand_size);
    if (c->op->is_reg)
        c->op->rm = reg_offset(c->insn, c->insn->rm, from);
    unsigned where = c->op->is_reg ? 0 : flat(c->insn) ? 2 : 1;
    c->op->fn = interp_extend_ops[sign][SIZE_INDEX(from)][SIZE_INDEX(c->insn->operand_size)][where];
}

static void lea(struct context *c)
{
    if (c->insn->mod == 3) {
        invalid(c);
        return;
    }
    set_modrm(c, c->insn->operand_size);
    c->op->fn = interp_lea_ops[SIZE_INDEX(c->insn->operand_size)][flat(c->insn)];
}

static void shift_group(struct context *c) /* C0 C1 D0..D3 */
{
    const struct x86_insn *insn = c->insn;
    struct interp_op *op = c->op;
    unsigned size = byte_or_v(insn), digit = insn->reg & 7;
    set_modrm(c, size);
    op->kind = (uint8_t)digit;
    op->imm = insn->opcode < 0xd0 ? insn->imm & (size == 8 ? 63 : 31) : insn->opcode < 0xd2 ? 1 : -1;
    op->fn = interp_op_shift;
    if (op->is_reg && op->imm > 0 && interp_shift_imm_ops[digit][SIZE_INDEX(size)])
        op->fn = interp_shift_imm_ops[digit][SIZE_INDEX(size)];
    if (op->is_reg && op->imm < 0 && interp_shift_cl_ops[digit][SIZE_INDEX(size)])
        op->fn = interp_shift_cl_ops[digit][SIZE_INDEX(size)];
}

static void group3(struct context *c) /* F6 F7 */
{
    unsigned size = byte_or_v(c->insn), digit = c->insn->reg & 7;
    set_modrm(c, size);
    if (digit < 2) {
        c->op->imm = c->insn->imm;
        alu(c, ALU_TEST, c->op->is_reg ? FORM_IMM : FORM_MEM_IMM, size);
    } else if (digit < 4) {
        c->op->kind = (uint8_t)digit; /* 2 NOT, 3 NEG */
        c->op->fn = interp_op_inc;
    } else {
        c->op->kind = (uint8_t)(digit - 4);
        c->op->fn = interp_op_mul;
    }
}

static void inc_dec(struct context *c, unsigned size)
{
    unsigned down = c->insn->reg & 1;
    c->op->kind = (uint8_t)down;
    c->op->fn = c->op->is_reg ? interp_inc_ops[down][SIZE_INDEX(size)] : interp_op_inc;
}

static void group5(struct context *c) /* FE FF */
{
    const struct x86_insn *insn = c->insn;
    unsigned digit = insn->reg & 7;
    bool ends = true;
    if (digit < 2) {
        set_modrm(c, byte_or_v(insn));
        inc_dec(c, byte_or_v(insn));
        return;
    }
    if (insn->opcode == 0xfe || digit == 7) {
        invalid(c);
        return;
    }
    switch (digit) {
    case 2:
    case 4:
        set_modrm(c, rip_size(insn));
        c->op->fn = digit == 2 ? interp_op_call_rm : interp_op_jmp_rm;
        c->ends = true;
        break;
    case 6:
        set_modrm(c, stack_size(insn));
        c->op->fn = interp_op_push;
        break;
    default: set_insn_fn(c, interp_system_decode(insn, &ends), true); break;
    }
}

static void string_op(struct context *c)
{
    const struct x86_insn *insn = c->insn;
    unsigned size = byte_or_v(insn);
    if ((insn->opcode & 0xfc) == 0x6c && size == 8)
        size = 4;
    c->op->size = (uint8_t)size;
    c->op->kind = insn->opcode;
    c->op->imm = insn->prefix_rep;
    c->op->seg = insn->segment == X86_NO_REG ? X86_DS : insn->segment;
    c->op->fn = interp_op_string;
}

static void port_op(struct context *c)
{
    const struct x86_insn *insn = c->insn;
    unsigned size = byte_or_v(insn);
    c->op->size = (uint8_t)(size == 8 ? 4 : size);
    c->op->imm = insn->opcode < 0xec ? (uint8_t)insn->imm : -1;
    c->op->fn = insn->opcode & 2 ? interp_op_out : interp_op_in;
}

static void simple(struct context *c, interp_fn fn)
{
    c->op->size = c->insn->operand_size;
    c->op->kind = c->insn->opcode;
    c->op->imm = c->insn->imm;
    c->op->fn = fn;
}

static void stack_op(struct context *c, interp_fn fn)
{
    simple(c, fn);
    c->op->size = (uint8_t)stack_size(c->insn);
    c->op->seg = X86_SS;
}

static void xchg_acc(struct context *c) /* 90..97 */
{
    if (low_reg(c->insn) == 0 || (c->insn->opcode == 0x90 && c->insn->prefix_rep == 0xf3)) { /* NOP, PAUSE */
        simple(c, interp_op_nop);
        return;
    }
    simple(c, interp_op_xchg);
    c->op->is_reg = true;
    c->op->reg = REG_OFFSET(X86_RAX);
    c->op->rm = REG_OFFSET(low_reg(c->insn));
}

static void modrm_op(struct context *c, interp_fn fn, unsigned size, unsigned kind)
{
    set_modrm(c, size);
    c->op->kind = (uint8_t)kind;
    c->op->imm = c->insn->imm;
    c->op->fn = fn;
}

/* LOCK's right place for what modrm_op made; else #UD. */
static void may_lock(struct context *c)
{
    if (!lock_ok(c))
        invalid(c);
}

static void no_lock(struct context *c)
{
    if (c->insn->prefix_lock)
        invalid(c);
}

static void other(struct context *c) /* system and vector instructions */
{
    bool ends = false;
    interp_insn_fn fn = interp_system_decode(c->insn, &ends);
    if (!fn) {
        fn = interp_simd_decode(c->engine, c->insn, &c->op->imm);
        ends = false;
    }
    if (!fn) {
        invalid(c);
        return;
    }
    set_insn_fn(c, fn, ends);
}

static void translate_1b_low(struct context *c) /* 40..8F */
{
    const struct x86_insn *insn = c->insn;
    unsigned op = insn->opcode, size = byte_or_v(insn);
    switch (op) {
    case 0x60: stack_op(c, interp_op_pusha); break;
    case 0x61: stack_op(c, interp_op_popa); break;
    case 0x63:
        if (code64(insn))
            extend(c, true, 4);
        else
            other(c);
        break;
    case 0x68:
    case 0x6a: stack_op(c, interp_op_push_imm); break;
    case 0x69:
    case 0x6b: modrm_op(c, interp_op_imul3, insn->operand_size, 0); break;
    case 0x6c:
    case 0x6d:
    case 0x6e:
    case 0x6f: string_op(c); break;
    case 0x80:
    case 0x81:
    case 0x82:
    case 0x83: alu_group(c); break;
    case 0x84:
    case 0x85:
        set_modrm(c, size);
        alu(c, ALU_TEST, insn->mod == 3 ? FORM_REG : FORM_STORE, size);
        break;
    case 0x86:
    case 0x87:
        modrm_op(c, interp_op_xchg, size, 0);
        c->op->lock = insn->mod != 3;
        may_lock(c);
        return;
    case 0x88:
    case 0x89:
    case 0x8a:
    case 0x8b: mov_modrm(c); break;
    case 0x8d: lea(c); break;
    case 0x8f:
        if (insn->reg & 7) {
            invalid(c);
            break;
        }
        set_modrm(c, stack_size(insn));
        c->op->fn = interp_op_pop;
        break;
    default:
        if (op < 0x50) { /* 40..4F outside 64-bit code */
            c->op->is_reg = true;
            c->op->size = insn->operand_size;
            c->op->rm = REG_OFFSET(op & 7);
            c->op->fn = interp_inc_ops[op >> 3 & 1][SIZE_INDEX(insn->operand_size)];
        } else if (op < 0x60) {
            push_pop_reg(c);
        } else if (op >= 0x70 && op < 0x80) {
            jcc(c);
        } else {
            other(c);
        }
        break;
    }
    if (op < 0x80 || op > 0x83)
        no_lock(c);
}

static void translate_1b_high(struct context *c) /* 90..FF */
{
    const struct x86_insn *insn = c->insn;
    struct interp_op *o = c->op;
    unsigned op = insn->opcode, size = byte_or_v(insn);
    switch (op) {
    case 0x98: simple(c, interp_op_convert_a); break;
    case 0x99: simple(c, interp_op_convert_d); break;
    case 0x9c: stack_op(c, interp_op_pushf); break;
    case 0x9d:
        stack_op(c, interp_op_popf);
        c->ends = true;
        break;
    case 0x9e:
    case 0x9f:
    case 0xd6:
    case 0xf5:
    case 0xf8:
    case 0xf9:
    case 0xfc:
    case 0xfd: simple(c, interp_op_flag); break;
    case 0xa0:
    case 0xa1:
    case 0xa2:
    case 0xa3: mov_moffs(c); break;
    case 0xa8:
    case 0xa9:
        o->size = (uint8_t)size;
        o->rm = REG_OFFSET(X86_RAX);
        o->imm = insn->imm;
        alu(c, ALU_TEST, FORM_IMM, size);
        break;
    case 0xa4:
    case 0xa5:
    case 0xa6:
    case 0xa7:
    case 0xaa:
    case 0xab:
    case 0xac:
    case 0xad:
    case 0xae:
    case 0xaf: string_op(c); break;
    case 0xc0:
    case 0xc1:
    case 0xd0:
    case 0xd1:
    case 0xd2:
    case 0xd3: shift_group(c); break;
    case 0xc2:
    case 0xc3:
        o->size = (uint8_t)rip_size(insn);
        o->seg = X86_SS;
        o->imm = op == 0xc2 ? (uint16_t)insn->imm : 0;
        o->fn = o->size == 8 ? interp_op_ret64 : interp_op_ret;
        c->ends = true;
        break;
    case 0xc6:
    case 0xc7:
        if (insn->reg & 7) {
            invalid(c);
            break;
        }
        set_modrm(c, size);
        o->imm = insn->imm;
        mov(c, insn->mod == 3 ? FORM_IMM : FORM_MEM_IMM, size);
        break;
    case 0xc8:
        stack_op(c, interp_op_enter);
        o->imm = (uint16_t)insn->imm;
        o->kind = (uint8_t)insn->imm2;
        break;
    case 0xc9: stack_op(c, interp_op_leave); break;
    case 0xcc:
    case 0xcd:
    case 0xce:
    case 0xf1:
        simple(c, interp_op_int);
        c->ends = true;
        break;
    case 0x27:
    case 0x2f:
    case 0x37:
    case 0x3f:
    case 0xd4:
    case 0xd5: simple(c, interp_op_bcd); break;
    case 0xd7:
        simple(c, interp_op_xlat);
        set_memory(c);
        o->seg = insn->segment == X86_NO_REG ? X86_DS : insn->segment;
        break;
    case 0xe0:
    case 0xe1:
    case 0xe2:
    case 0xe3:
        set_branch(c);
        o->kind = (uint8_t)op;
        o->fn = interp_op_loop;
        break;
    case 0xe4:
    case 0xe5:
    case 0xe6:
    case 0xe7:
    case 0xec:
    case 0xed:
    case 0xee:
    case 0xef: port_op(c); break;
    case 0xe8:
        set_branch(c);
        o->seg = X86_SS;
        o->fn = code64(insn) ? interp_op_call64 : interp_op_call;
        break;
    case 0xe9:
    case 0xeb:
        set_branch(c);
        o->fn = interp_op_jmp;
        break;
    case 0xf6:
    case 0xf7:
        group3(c);
        if ((insn->reg & 6) == 2) {
            may_lock(c);
            return;
        }
        break;
    case 0xfe:
    case 0xff:
        group5(c);
        if ((insn->reg & 7) < 2) {
            may_lock(c);
            if (o->lock && o->fn != interp_op_ud)
                o->fn = interp_op_inc;
            return;
        }
        break;
    default:
        if (op >= 0x90 && op < 0x98)
            xchg_acc(c);
        else if (op >= 0xb0 && op < 0xc0)
            mov_reg_imm(c);
        else
            other(c);
        break;
    }
    no_lock(c);
}

static void bit_test(struct context *c, unsigned kind, bool imm)
{
    modrm_op(c, imm ? interp_op_bit_imm : interp_op_bit, c->insn->operand_size, kind);
    if (kind)
        may_lock(c);
    else
        no_lock(c);
}

static void cmpxchg_wide(struct context *c)
{
    if (c->insn->mod == 3 || (c->insn->reg & 7) != 1) {
        other(c);
        no_lock(c);
        return;
    }
    set_modrm(c, 8);
    c->op->size = c->insn->rex & 8 ? 16 : 8;
    c->op->fn = interp_op_cmpxchg_wide;
}

static void scan(struct context *c, unsigned plain, unsigned with_f3)
{
    modrm_op(c, interp_op_scan, c->insn->operand_size, c->insn->prefix_rep == 0xf3 ? with_f3 : plain);
    no_lock(c);
}

static void translate_0f(struct context *c)
{
    const struct x86_insn *insn = c->insn;
    struct interp_op *o = c->op;
    unsigned op = insn->opcode, size = insn->operand_size;
    switch (op) {
    case 0x0b:
    case 0xb9:
    case 0xff: invalid(c); return;
    case 0x0d:
    case 0x18:
    case 0x19:
    case 0x1a:
    case 0x1b:
    case 0x1c:
    case 0x1d:
    case 0x1e:
    case 0x1f: simple(c, interp_op_nop); break;
    case 0xa3: bit_test(c, 0, false); return;
    case 0xab: bit_test(c, 1, false); return;
    case 0xb3: bit_test(c, 2, false); return;
    case 0xbb: bit_test(c, 3, false); return;
    case 0xba:
        if (!(insn->reg & 4))
            invalid(c);
        else
            bit_test(c, insn->reg & 3, true);
        return;
    case 0xa4:
    case 0xac:
        modrm_op(c, interp_op_shld, size, op == 0xac);
        o->imm &= size == 8 ? 63 : 31;
        break;
    case 0xa5:
    case 0xad:
        modrm_op(c, interp_op_shld, size, op == 0xad);
        o->imm = -1;
        break;
    case 0xaf: modrm_op(c, interp_op_imul2, size, 0); break;
    case 0xb0:
    case 0xb1:
        modrm_op(c, interp_op_cmpxchg, byte_or_v(insn), 0);
        may_lock(c);
        return;
    case 0xc0:
    case 0xc1:
        modrm_op(c, interp_op_xadd, byte_or_v(insn), 0);
        may_lock(c);
        return;
    case 0xb6:
    case 0xb7: extend(c, false, op & 1 ? 2 : 1); break;
    case 0xbe:
    case 0xbf: extend(c, true, op & 1 ? 2 : 1); break;
    case 0xb8:
        if (insn->prefix_rep != 0xf3) {
            invalid(c);
            return;
        }
        modrm_op(c, interp_op_scan, size, SCAN_POPCNT);
        break;
    case 0xbc: scan(c, SCAN_BSF, SCAN_TZCNT); return;
    case 0xbd: scan(c, SCAN_BSR, SCAN_LZCNT); return;
    case 0xc7: cmpxchg_wide(c); return;
    case 0xae:
        if (insn->mod == 3 && insn->prefix_rep != 0xf3 && !insn->prefix_66 && !insn->prefix_rep && (insn->reg & 7) >= 5)
            simple(c, interp_op_nop); /* LFENCE, MFENCE, SFENCE: this host orders as the guest expects */
        else
            other(c);
        if (insn->mod == 3 && (insn->reg & 7) == 6 && o->fn == interp_op_nop)
            o->fn = interp_op_fence;
        break;
    default:
        if (op >= 0x40 && op < 0x50) {
            set_modrm(c, size);
            o->fn = interp_cmov_ops[op & 15];
        } else if (op >= 0x80 && op < 0x90) {
            jcc(c);
        } else if (op >= 0x90 && op < 0xa0) {
            set_modrm(c, 1);
            o->fn = interp_setcc_ops[op & 15];
        } else if (op >= 0xc8 && op < 0xd0) {
            simple(c, interp_op_bswap);
            o->rm = REG_OFFSET(low_reg(insn));
        } else {
            other(c);
        }
        break;
    }
    no_lock(c);
}

static void translate_0f38(struct context *c)
{
    const struct x86_insn *insn = c->insn;
    unsigned size = insn->operand_size;
    switch (insn->opcode) {
    case 0xf0:
    case 0xf1:
        if (insn->prefix_rep == 0xf2) {
            unsigned from = insn->opcode == 0xf0 ? 1 : size;
            modrm_op(c, interp_op_crc32, from, 0);
            c->op->reg = REG_OFFSET(insn->reg);
        } else if (insn->mod != 3 && !insn->prefix_rep) {
            modrm_op(c, interp_op_movbe, size, insn->opcode & 1);
        } else {
            invalid(c);
        }
        break;
    case 0xf6:
        if (insn->prefix_rep == 0xf3)
            modrm_op(c, interp_op_adx, insn->rex & 8 ? 8 : 4, 1);
        else if (insn->prefix_66 && !insn->prefix_rep)
            modrm_op(c, interp_op_adx, insn->rex & 8 ? 8 : 4, 0);
        else
            invalid(c);
        break;
    default: other(c); break;
    }
    no_lock(c);
}

static void translate(struct context *c)
{
    const struct x86_insn *insn = c->insn;
    if (!insn->length || insn->encoding == X86_ENC_EVEX) {
        invalid(c);
    } else if (insn->encoding == X86_ENC_VEX) {
        if (interp_bmi_known(insn))
            set_insn_fn(c, interp_op_bmi, false);
        else
            other(c);
    } else if (insn->map == X86_MAP_0F) {
        translate_0f(c);
    } else if (insn->map == X86_MAP_0F38) {
        translate_0f38(c);
    } else if (insn->map == X86_MAP_0F3A) {
        other(c);
        no_lock(c);
    } else if (insn->opcode < 0x40 && (insn->opcode & 7) < 6) {
        alu_block(c);
    } else if (insn->opcode >= 0x40 && insn->opcode < 0x90) {
        translate_1b_low(c);
    } else {
        translate_1b_high(c);
    }
}

bool interp_translate_insn(struct interp_engine *e, struct interp_op *op, const struct x86_insn *insn, unsigned start)
{
    struct context c = {.op = op, .engine = e, .insn = insn, .start = start};
    op->start = (uint16_t)start;
    op->length = insn->length;
    op->addr_size = insn->address_size;
    op->size = insn->operand_size;
    op->base = op->index = op->seg_base = offsetof(struct interp_vcpu, zero);
    op->seg = X86_DS;
    translate(&c);
    return c.ends;
}
