/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * classify.c: which instructions are translated, which operands they have, and what they do to the flags. What is not
 * recognized is JIT_FALLBACK. (SDM vol. 2; flags: vol. 1, appendix A.)
 */
#include "engine/jit/translate.h"

#define ALL X86_ARITH

static uint16_t condition_reads(unsigned condition)
{
    static const uint16_t reads[8] = {X86_OF, X86_CF, X86_ZF,          X86_CF | X86_ZF,
                                      X86_SF, X86_PF, X86_SF | X86_OF, X86_ZF | X86_SF | X86_OF};
    return reads[condition >> 1 & 7];
}

static void modrm(struct jit_class *c, unsigned size, unsigned reg, unsigned rm)
{
    c->kind = JIT_MODRM;
    c->size = c->reg_size = c->rm_size = (uint8_t)size;
    c->reg = (uint8_t)reg;
    c->rm = (uint8_t)rm;
}

static void alu_flags(struct jit_class *c, unsigned kind)
{
    c->reads = kind == 2 || kind == 3 ? X86_CF : 0;
    c->kills = ALL;
}

static void alu(struct jit_class *c, const struct x86_insn *insn)
{
    unsigned kind = insn->opcode >> 3 & 7, column = insn->opcode & 7, size = column & 1 ? insn->operand_size : 1;
    unsigned to = kind == 7 ? USE_R : USE_RW;
    if (column >= 4) {
        c->kind = JIT_ACC;
        c->size = (uint8_t)size;
    } else if (column >= 2) {
        modrm(c, size, to, USE_R);
    } else {
        modrm(c, size, USE_R, to);
    }
    alu_flags(c, kind);
}

static void shift(struct jit_class *c, const struct x86_insn *insn)
{
    unsigned size = insn->opcode & 1 ? insn->operand_size : 1, digit = insn->reg & 7;
    modrm(c, size, 0, USE_RW);
    if (digit == 2 || digit == 3)
        c->reads = X86_CF;
    if ((insn->opcode & 0xfe) == 0xd2) {
        c->by_cl = true;
        return;
    }
    unsigned count = insn->opcode >= 0xd0 ? 1 : (unsigned)insn->imm & (size == 8 ? 63 : 31);
    if (!count)
        return;
    if (digit < 4)
        c->kills = X86_CF;
    else
        c->kills = X86_CF | X86_ZF | X86_SF | X86_PF | (count == 1 ? X86_OF : 0);
}

static void group3(struct jit_class *c, const struct x86_insn *insn)
{
    unsigned size = insn->opcode & 1 ? insn->operand_size : 1, digit = insn->reg & 7;
    switch (digit) {
    case 0:
    case 1:
        modrm(c, size, 0, USE_R);
        c->kills = ALL;
        break;
    case 2: modrm(c, size, 0, USE_RW); break;
    case 3:
        modrm(c, size, 0, USE_RW);
        c->kills = ALL;
        break;
    case 4:
    case 5:
        modrm(c, size, 0, USE_R);
        c->kills = X86_CF | X86_OF;
        break;
    default:
        if (size >= 4) {
            modrm(c, size, 0, USE_R);
            c->kind = JIT_DIV;
            c->kills = ALL; /* undefined */
        }
        break;
    }
}

/* PUSH and its like with operands of another size than the code's; in segmented code that is as good. */
static bool odd_word(const struct x86_insn *insn)
{
    return insn->prefix_66 && insn->mode != X86_MODE_16;
}

static void group5(struct jit_class *c, const struct x86_insn *insn)
{
    unsigned size = insn->opcode & 1 ? insn->operand_size : 1, digit = insn->reg & 7;
    if (digit < 2) {
        modrm(c, size, 0, USE_RW);
        c->kills = ALL & ~X86_CF;
    } else if (insn->opcode == 0xff && (digit == 2 || digit == 4 || digit == 6)) {
        modrm(c, 8, 0, USE_R);
        c->kind = digit == 2 ? JIT_CALL_RM : digit == 4 ? JIT_JMP_RM : JIT_PUSH_RM;
        if (digit == 6 && odd_word(insn))
            c->kind = JIT_FALLBACK;
    }
}

static void set_kind(struct jit_class *c, enum jit_kind kind, unsigned size)
{
    c->kind = (uint8_t)kind;
    c->size = (uint8_t)size;
}

static void low(struct jit_class *c, const struct x86_insn *insn) /* 40..8F */
{
    unsigned op = insn->opcode, size = op & 1 ? insn->operand_size : 1;
    switch (op) {
    case 0x63:
        if (insn->operand_size == 2)
            break;
        modrm(c, insn->operand_size, USE_W, USE_R);
        c->rm_size = 4;
        break;
    case 0x68:
    case 0x6a:
        if (!odd_word(insn))
            set_kind(c, JIT_PUSH_IMM, 8);
        break;
    case 0x69:
    case 0x6b:
        modrm(c, insn->operand_size, USE_W, USE_R);
        c->kills = X86_CF | X86_OF;
        break;
    case 0x80:
    case 0x81:
    case 0x83:
        modrm(c, size, 0, (insn->reg & 7) == 7 ? USE_R : USE_RW);
        alu_flags(c, insn->reg & 7);
        break;
    case 0x84:
    case 0x85:
        modrm(c, size, USE_R, USE_R);
        c->kills = ALL;
        break;
    case 0x86:
    case 0x87: modrm(c, size, USE_RW, USE_RW); break;
    case 0x88:
    case 0x89: modrm(c, size, USE_R, USE_W); break;
    case 0x8a:
    case 0x8b: modrm(c, size, USE_W, USE_R); break;
    case 0x8d:
        modrm(c, insn->operand_size, USE_W, 0);
        c->kind = JIT_LEA;
        break;
    default:
        if (op >= 0x50 && op < 0x60) {
            if (!odd_word(insn))
                set_kind(c, op >= 0x58 ? JIT_POP : JIT_PUSH, 8);
        } else if (op >= 0x70 && op < 0x80) {
            set_kind(c, JIT_JCC, 0);
            c->reads = condition_reads(op);
        }
        break;
    }
}

static void one_byte(struct jit_class *c, const struct x86_insn *insn) /* 90..FF */
{
    unsigned op = insn->opcode, size = op & 1 ? insn->operand_size : 1;
    switch (op) {
    case 0x90:
        set_kind(c, (insn->rex & 1) && insn->prefix_rep != 0xf3 ? JIT_XCHG_RAX : JIT_COPY, insn->operand_size);
        break;
    case 0x98:
    case 0x99: set_kind(c, JIT_COPY, 0); break;
    case 0x9e:
        set_kind(c, JIT_COPY, 0);
        c->kills = ALL & ~X86_OF;
        break;
    case 0x9f:
        set_kind(c, JIT_COPY, 0);
        c->reads = ALL & ~X86_OF;
        break;
    case 0xf5: c->reads = X86_CF; /* fall through */
    case 0xf8:
    case 0xf9:
        set_kind(c, JIT_COPY, 0);
        c->kills = X86_CF;
        break;
    case 0xa8:
    case 0xa9:
        set_kind(c, JIT_ACC, size);
        c->kills = ALL;
        break;
    case 0xc0:
    case 0xc1:
    case 0xd0:
    case 0xd1:
    case 0xd2:
    case 0xd3: shift(c, insn); break;
    case 0xc2:
    case 0xc3: set_kind(c, JIT_RET, 8); break;
    case 0xc6:
    case 0xc7: modrm(c, size, 0, USE_W); break;
    case 0xc9:
        if (!odd_word(insn))
            set_kind(c, JIT_LEAVE, 8);
        break;
    case 0xe2:
    case 0xe3:
        if (insn->mode == X86_MODE_16 || (!insn->prefix_66 && insn->address_size != 2))
            set_kind(c, JIT_LOOP, insn->address_size);
        break;
    case 0xe8: set_kind(c, JIT_CALL, 8); break;
    case 0xe9:
    case 0xeb: set_kind(c, JIT_JMP, 8); break;
    case 0xf6:
    case 0xf7: group3(c, insn); break;
    case 0xfe:
    case 0xff: group5(c, insn); break;
    default:
        if (op >= 0x91 && op < 0x98)
            set_kind(c, JIT_XCHG_RAX, insn->operand_size);
        else if (op >= 0xb0 && op < 0xc0)
            set_kind(c, JIT_MOV_IMM, op & 8 ? insn->operand_size : 1);
        break;
    }
}

static void bit_test(struct jit_class *c, const struct x86_insn *insn, unsigned kind, bool imm)
{
    if (!imm && insn->mod != 3) /* the register selects other memory */
        return;
    modrm(c, insn->operand_size, imm ? 0 : USE_R, kind ? USE_RW : USE_R);
    c->kills = X86_CF;
}

static void map_0f(struct jit_class *c, const struct x86_insn *insn)
{
    unsigned op = insn->opcode, size = insn->operand_size, byte_or_v = op & 1 ? size : 1;
    switch (op) {
    case 0x0d:
    case 0x18:
    case 0x19:
    case 0x1a:
    case 0x1b:
    case 0x1c:
    case 0x1d:
    case 0x1e:
    case 0x1f: c->kind = JIT_NOP; break;
    case 0xa3: bit_test(c, insn, 0, false); break;
    case 0xab: bit_test(c, insn, 1, false); break;
    case 0xb3: bit_test(c, insn, 2, false); break;
    case 0xbb: bit_test(c, insn, 3, false); break;
    case 0xba: bit_test(c, insn, insn->reg & 3, true); break;
    case 0xa4:
    case 0xac: modrm(c, size, USE_R, USE_RW); break;
    case 0xa5:
    case 0xad:
        modrm(c, size, USE_R, USE_RW);
        c->by_cl = true;
        break;
    case 0xaf:
        modrm(c, size, USE_RW, USE_R);
        c->kills = X86_CF | X86_OF;
        break;
    case 0xb0:
    case 0xb1:
        modrm(c, byte_or_v, USE_R, USE_RW);
        c->kills = ALL;
        break;
    case 0xc0:
    case 0xc1:
        modrm(c, byte_or_v, USE_RW, USE_RW);
        c->kills = ALL;
        break;
    case 0xb6:
    case 0xb7:
    case 0xbe:
    case 0xbf:
        modrm(c, size, USE_W, USE_R);
        c->rm_size = op & 1 ? 2 : 1;
        break;
    case 0xb8:
        modrm(c, size, USE_W, USE_R);
        c->keep_rep = true;
        c->kills = ALL;
        break;
    case 0xbc:
    case 0xbd:
        modrm(c, size, USE_RW, USE_R);
        c->keep_rep = insn->prefix_rep == 0xf3;
        c->kills = X86_ZF;
        break;
    case 0xae:
        if (insn->mod == 3 && (insn->reg & 7) >= 5 && !insn->prefix_66 && !insn->prefix_rep)
            c->kind = JIT_COPY;
        break;
    default:
        if (op >= 0x40 && op < 0x50) {
            modrm(c, size, USE_RW, USE_R);
            c->reads = condition_reads(op);
        } else if (op >= 0x80 && op < 0x90) {
            set_kind(c, JIT_JCC, 0);
            c->reads = condition_reads(op);
        } else if (op >= 0x90 && op < 0xa0) {
            modrm(c, 1, 0, USE_W);
            c->reads = condition_reads(op);
        } else if (op >= 0xc8 && op < 0xd0 && size >= 4) {
            set_kind(c, JIT_BSWAP, size);
        }
        break;
    }
}

static void map_0f38(struct jit_class *c, const struct x86_insn *insn)
{
    unsigned size = insn->operand_size;
    if (insn->opcode != 0xf0 && insn->opcode != 0xf1)
        return;
    if (insn->prefix_rep == 0xf2) {
        modrm(c, size == 8 ? 8 : 4, USE_RW, USE_R);
        c->rm_size = (uint8_t)(insn->opcode == 0xf0 ? 1 : size);
        c->size = insn->opcode == 0xf0 ? (size == 8 ? 8 : 4) : (uint8_t)size;
        c->keep_rep = true;
    } else if (insn->mod != 3 && !insn->prefix_rep) {
        if (insn->opcode == 0xf0)
            modrm(c, size, USE_W, USE_R);
        else
            modrm(c, size, USE_R, USE_W);
    }
}

/*
 * 16- and 32-bit code: what is no instruction in 64-bit code or another one; in 32-bit code operands of 16 bits, too,
 * in what moves words or branches (EIP is cut then).
 */
static bool is_legacy_only(const struct x86_insn *insn, const struct jit_class *c)
{
    if (insn->map == X86_MAP_1B && ((insn->opcode < 0x40 && (insn->opcode & 7) >= 6) || insn->opcode == 0x63))
        return true;
    return insn->mode == X86_MODE_32 && insn->operand_size == 2 &&
           (c->kind >= JIT_JCC || (c->kind >= JIT_PUSH && c->kind <= JIT_LEAVE));
}

void jit_normalize(struct x86_insn *insn)
{
    if (insn->mode == X86_MODE_64 || insn->encoding != X86_ENC_LEGACY || insn->map != X86_MAP_1B)
        return;
    if (insn->opcode >= 0x40 && insn->opcode < 0x50) {
        insn->reg = insn->opcode >> 3 & 1;
        insn->rm = insn->opcode & 7;
        insn->mod = 3;
        insn->opcode = 0xff;
    } else if (insn->opcode >= 0xa0 && insn->opcode < 0xa4) {
        insn->reg = X86_RAX;
        insn->rm = 5;
        insn->mod = 0;
        insn->base = insn->index = X86_NO_REG;
        insn->disp = (int32_t)insn->moffs;
        insn->opcode = (uint8_t)(0x88 | (~insn->opcode & 2) | (insn->opcode & 1));
    } else {
        return;
    }
    insn->has_modrm = true;
    insn->modrm = (uint8_t)(insn->mod << 6 | insn->reg << 3 | insn->rm);
    insn->imm_size = 0;
}

void jit_classify(struct jit_class *c, const struct x86_insn *insn)
{
    *c = (struct jit_class){.kind = JIT_FALLBACK};
    if (insn->encoding == X86_ENC_LEGACY) {
        if (insn->map == X86_MAP_0F)
            map_0f(c, insn);
        else if (insn->map == X86_MAP_0F38)
            map_0f38(c, insn);
        else if (insn->map == X86_MAP_1B && insn->opcode < 0x40)
            alu(c, insn);
        else if (insn->map == X86_MAP_1B && insn->opcode < 0x90)
            low(c, insn);
        else if (insn->map == X86_MAP_1B)
            one_byte(c, insn);
    }
    if (insn->mode != X86_MODE_64 && is_legacy_only(insn, c))
        *c = (struct jit_class){.kind = JIT_FALLBACK};
    if (c->kind == JIT_FALLBACK && tr_is_special(insn)) {
        c->kind = JIT_SPECIAL;
        c->reads = insn->opcode == 0x9c && insn->map == X86_MAP_1B ? ALL : 0;
        c->kills = insn->opcode == 0x9d && insn->map == X86_MAP_1B ? ALL : 0;
    }
    if (c->kind == JIT_FALLBACK) {
        c->reads = ALL;
        c->kills = 0;
    }
}
