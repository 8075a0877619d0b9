/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * decode.h: instruction bytes to fields (SDM vol. 2 ch. 2). Purely syntactic: it knows each opcode's operand layout
 * (ModRM, immediate), not its meaning; whether an instruction is valid here is for the engine to say.
 */
#ifndef DOMUS_X86_DECODE_H
#define DOMUS_X86_DECODE_H

#include "base/types.h"

#define X86_INSN_MAX 15

enum x86_mode { X86_MODE_16, X86_MODE_32, X86_MODE_64 }; /* CS.D and CS.L */
enum x86_map { X86_MAP_1B, X86_MAP_0F, X86_MAP_0F38, X86_MAP_0F3A };
enum x86_encoding { X86_ENC_LEGACY, X86_ENC_VEX, X86_ENC_EVEX };
#define X86_NO_REG 0xff

struct x86_insn {
    uint8_t length;       /* bytes, 1..15 */
    uint8_t mode;         /* enum x86_mode it was decoded for */
    uint8_t encoding;     /* enum x86_encoding */
    uint8_t map, opcode;  /* enum x86_map and the opcode byte */
    uint8_t operand_size; /* 2, 4 or 8: of a "v" operand, after 66, REX.W and nothing else (no default-64 rule) */
    uint8_t address_size; /* 2, 4 or 8 */
    uint8_t rex;          /* 0, or 0x40..0x4f; for VEX/EVEX the same W R X B bits, un-inverted, without 0x40 */
    bool has_rex;         /* a legacy REX prefix was there (SPL.. instead of AH..) */
    bool prefix_66, prefix_67, prefix_lock;
    uint8_t prefix_rep; /* 0, 0xf2 or 0xf3: the last one; for VEX/EVEX from pp (66 too, in prefix_66) */
    uint8_t segment;    /* X86_ES..X86_GS when a (meaningful) override prefix was there, else X86_NO_REG */
    /* VEX / EVEX */
    uint8_t vvvv; /* un-inverted register number */
    uint8_t vl;   /* 0: 128, 1: 256, 2: 512 */
    uint8_t evex_aaa, evex_z, evex_b;
    /* ModRM, SIB, displacement; mod 3: rm is a register. reg, rm, base, index are 0..15 with REX applied. */
    bool has_modrm;
    uint8_t modrm, mod, reg, rm;
    uint8_t base, index; /* X86_NO_REG: none; 16-bit forms are resolved into base and index too */
    uint8_t scale;       /* 0..3 */
    bool rip_relative;
    uint8_t disp_offset, disp_size; /* where in the bytes; size 0: none */
    int32_t disp;                   /* sign-extended (address_size 2: still to be wrapped); A0..A3: see moffs */
    uint64_t moffs;                 /* the absolute address of A0..A3 */
    uint8_t imm_offset, imm_size, imm2_size; /* ENTER and far pointers have a second one behind the first */
    int64_t imm;                             /* sign-extended from imm_size */
    uint16_t imm2;
    uint8_t bytes[X86_INSN_MAX];
};

/*
 * Decodes at most `available` bytes. Returns the length; 0 when more bytes are needed than were available; -1 for what
 * no processor accepts as an encoding (over 15 bytes, an opcode without a layout, LOCK is not checked here): #UD (or
 * #GP for the length).
 */
int x86_decode(struct x86_insn *insn, const uint8_t *bytes, size_t available, enum x86_mode mode);

#endif
