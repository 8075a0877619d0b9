/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * compare.c: do the host's processor and the engine agree? Everything must, but for what the manuals leave undefined
 * (the table below; --strict compares that too) and what differs by the host's kernel and not by its processor.
 */
#include "oracle.h"

#include "base/bytes.h"

#include <Zydis/Zydis.h>
#include <cpuid.h>
#include <inttypes.h>
#include <stdio.h>

#define FLAGS_SEEN (X86_ARITH | X86_TF | X86_DF | X86_NT | X86_AC | X86_ID | X86_RF | X86_IF)
#define AF         X86_AF
#define ALL        X86_ARITH

/* Shift or rotate by an amount that is known: OF is defined for 1 only, CF for amounts below the operand's size. */
static uint32_t undefined_shift(const struct x86_insn *in)
{
    const unsigned digit = in->modrm >> 3 & 7;

    if (digit < 4) /* rotates: CF always, OF for 1 */
        return (in->opcode & 0xfe) == 0xd0 ? 0 : X86_OF;
    return (in->opcode & 0xfe) == 0xd0 ? AF : X86_OF | X86_CF | AF;
}

static uint32_t undefined_1b(const struct x86_insn *in)
{
    const unsigned op = in->opcode, digit = in->modrm >> 3 & 7;

    if (op < 0x40 && (op & 7) < 6) /* OR, AND, XOR: AF */
        return (op >> 3) == 1 || (op >> 3) == 4 || (op >> 3) == 6 ? AF : 0;
    switch (op) {
    case 0x27:
    case 0x2f: return X86_OF; /* DAA, DAS */
    case 0x37:
    case 0x3f: return X86_OF | X86_SF | X86_ZF | X86_PF; /* AAA, AAS */
    case 0xd4:
    case 0xd5: return X86_OF | AF | X86_CF; /* AAM, AAD; all when AAM divides by 0 */
    case 0x69:
    case 0x6b: return X86_SF | X86_ZF | AF | X86_PF; /* IMUL */
    case 0x80:
    case 0x81:
    case 0x82:
    case 0x83: return digit == 1 || digit == 4 || digit == 6 ? AF : 0;
    case 0x84:
    case 0x85:
    case 0xa8:
    case 0xa9: return AF; /* TEST */
    case 0xc0:
    case 0xc1:
    case 0xd0:
    case 0xd1:
    case 0xd2:
    case 0xd3: return undefined_shift(in);
    case 0xf6:
    case 0xf7:
        if (digit < 2)
            return AF;                                                          /* TEST */
        return digit < 4 ? 0 : digit < 6 ? X86_SF | X86_ZF | AF | X86_PF : ALL; /* MUL; DIV */
    default: return 0;
    }
}

static uint32_t undefined_0f(const struct x86_insn *in)
{
    const uint32_t count = X86_OF | X86_SF | AF | X86_PF; /* LZCNT, TZCNT */

    switch (in->opcode) {
    case 0xa3:
    case 0xab:
    case 0xb3:
    case 0xbb:
    case 0xba: return X86_OF | X86_SF | AF | X86_PF; /* BT..BTC */
    case 0xa4:
    case 0xa5:
    case 0xac:
    case 0xad: return in->operand_size == 2 ? ALL : X86_OF | AF; /* SHLD, SHRD; 16 bits by more than 16: all */
    case 0xaf: return X86_SF | X86_ZF | AF | X86_PF;             /* IMUL */
    case 0xbc:
    case 0xbd: return in->prefix_rep == 0xf3 ? count : count | X86_CF; /* BSF, BSR */
    default: return 0;
    }
}

uint32_t compare_undefined_flags(const struct x86_insn *in)
{
    if (in->map == X86_MAP_1B)
        return undefined_1b(in);
    if (in->map == X86_MAP_0F && in->encoding == X86_ENC_LEGACY)
        return undefined_0f(in);
    if (in->map == X86_MAP_0F38 && in->encoding == X86_ENC_VEX)
        switch (in->opcode) {
        case 0xf2:
        case 0xf3: return AF | X86_PF;                                                    /* ANDN, BLSx */
        case 0xf5: return (!in->prefix_rep && !in->prefix_66) ? AF | X86_PF : 0;          /* BZHI */
        case 0xf7: return (!in->prefix_rep && !in->prefix_66) ? AF | X86_SF | X86_PF : 0; /* BEXTR */
        default: return 0;
        }
    return 0;
}

static bool host_is_intel(void)
{
    static int known = -1; /* in a virtual machine, CPUID is slow */
    unsigned a, b, c, d;
    if (known < 0)
        known = __get_cpuid(0, &a, &b, &c, &d) && b == 0x756e6547;
    return known;
}

static const char *const register_names[16] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
                                               "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};

struct report {
    bool say, same;
    const struct oracle_case *c;
};

static void differ(struct report *r, const char *what, uint64_t native, uint64_t engine)
{
    if (r->say)
        printf("    %-12s native %016" PRIx64 "  engine %016" PRIx64 "\n", what, native, engine);
    r->same = false;
}

static void check(struct report *r, const char *what, uint64_t native, uint64_t engine, uint64_t mask)
{
    if ((native ^ engine) & mask)
        differ(r, what, native & mask, engine & mask);
}

static void check_vectors(struct report *r, const uint8_t *n, const uint8_t *e)
{
    char name[16];

    for (unsigned i = 0; i < 16; i++)
        for (unsigned j = 0; j < 4; j++) {
            const unsigned at = (j < 2 ? 160 : 576) + 16 * i + 8 * (j & 1);
            snprintf(name, sizeof name, "ymm%u[%u]", i, j);
            check(r, name, load_le64(n + at), load_le64(e + at), ~0ull);
        }
}

/*
 * An unmasked exception was raised. Whether an unmasked overflow or underflow is inexact too depends on a result
 * with its exponent adjusted, which an engine that runs with exceptions masked does not see: PE is not compared then.
 * DPPS and DPPD stop at an unmasked exception of any of their steps: none of their flags is.
 */
static uint64_t xm_mask(const struct oracle_case *c)
{
    for (unsigned i = 0; i < c->count; i++)
        if (c->insn[i].map == X86_MAP_0F3A && (c->insn[i].opcode & 0xfe) == 0x40)
            return ~0x3full;
    return ~0x20ull;
}

/* The flags of VCVTPS2PH to memory, which AMD sets with the store and not before. */
static uint64_t half_store_flags(const struct oracle_case *c)
{
    for (unsigned i = 0; i < c->count && !host_is_intel(); i++)
        if (c->insn[i].map == X86_MAP_0F3A && c->insn[i].opcode == 0x1d && c->insn[i].mod != 3)
            return 0x3f;
    return 0;
}

static void check_fpu(struct report *r, const uint8_t *n, const uint8_t *e, bool x87, bool xm)
{
    /* AMD keeps the pointers only with a pending exception, and its FDP and FOP rules are others */
    const uint64_t pointers = r->c->referred    ? ~0ull
                              : host_is_intel() ? bytes_ones(7)
                                                : 0; /* bits above an address's differ by model */
    char name[16];

    check(r, "mxcsr", load_le32(n + 24), load_le32(e + 24), (xm ? xm_mask(r->c) : ~0ull) & ~half_store_flags(r->c));
    check_vectors(r, n, e);
    if (!x87)
        return;
    check(r, "fcw", load_le16(n), load_le16(e), ~0ull);
    check(r, "fsw", load_le16(n + 2), load_le16(e + 2), ~0ull);
    check(r, "ftw", n[4], e[4], ~0ull);
    check(r, "fop", load_le16(n + 6), load_le16(e + 6), pointers);
    check(r, "fip", load_le64(n + 8), load_le64(e + 8), pointers);
    check(r, "fdp", load_le64(n + 16), load_le64(e + 16), pointers);
    for (unsigned i = 0; i < 8; i++) {
        snprintf(name, sizeof name, "st%u", i);
        check(r, name, load_le64(n + 32 + 16 * i), load_le64(e + 32 + 16 * i), ~0ull);
        check(r, name, load_le16(n + 40 + 16 * i), load_le16(e + 40 + 16 * i), ~0ull);
    }
}

/* IP wraps. */
static bool is_at(const struct oracle_case *c, uint64_t at, uint64_t rip)
{
    return ((at ^ rip) & (c->segmented && c->code16 ? 0xffff : ~0ull)) == 0;
}

/* The instruction that a fault is at. */
static const struct x86_insn *insn_at(const struct oracle_case *c, uint64_t rip)
{
    uint64_t at = case_rip(c);
    unsigned i = 0;

    while (i + 1 < c->count && !is_at(c, at, rip))
        at += c->insn[i++].length;
    return &c->insn[i];
}

/* A faulting MMX instruction has, on Intel, already made MMX state of the x87 registers; ours has not. */
static bool xrstor_fault(const struct oracle_case *c, const struct oracle_result *n)
{
    const struct x86_insn *in = insn_at(c, n->rip);
    return n->vector != X86_EXC_BP && n->vector != X86_EXC_DB && in->map == X86_MAP_0F && in->opcode == 0xae;
}

static bool mmx_fault(const struct oracle_case *c, const struct oracle_result *n)
{
    return (n->vector == X86_EXC_PF || n->vector == X86_EXC_GP || n->vector == X86_EXC_SS || n->vector == X86_EXC_XM ||
            n->vector == X86_EXC_AC) &&
           !(load_le16(n->fpu.bytes + 2) & 0x3800) && insn_at(c, n->rip)->map != X86_MAP_1B;
}

/* An MXCSR and its MASK as FXSAVE stores them: AMD's has bit 17, misaligned SSE, which our CPUID does not offer. */
static bool mxcsr_mask_differs(uint64_t n, uint64_t e)
{
    return (n ^ e) == 1ull << 49 && e >> 32 == 0xffff;
}

static void check_data(struct report *r, const uint8_t *n, const uint8_t *e)
{
    char name[24];
    unsigned said = 0;

    if (!memcmp(n, e, RW_BYTES))
        return;
    for (unsigned i = 0; i < RW_BYTES && said < 4; i += 8)
        if (memcmp(n + i, e + i, 8) && !mxcsr_mask_differs(load_le64(n + i), load_le64(e + i))) {
            snprintf(name, sizeof name, "[%x]", DATA_VA + i);
            differ(r, name, load_le64(n + i), load_le64(e + i));
            said++;
        }
}

/*
 * Instructions whose many bytes may fault in any order, so that CR2 is any of them: FXSAVE, XSAVE, FNSAVE, FNSTENV with
 * theirs, the masked moves; CMPS, with its two operands.
 */
static bool fault_address_free(const struct x86_insn *in)
{
    const unsigned digit = in->modrm >> 3 & 7;

    if (in->map == X86_MAP_1B)
        return (in->opcode & 0xfe) == 0xa6 ||
               ((in->opcode == 0xd9 || in->opcode == 0xdd) && (digit == 4 || digit == 6));
    if (in->map == X86_MAP_0F)
        return in->opcode == 0xae || in->opcode == 0xc7 || in->opcode == 0xf7;
    return in->map == X86_MAP_0F38 && in->encoding == X86_ENC_VEX &&
           ((in->opcode >= 0x2c && in->opcode <= 0x2f) || in->opcode == 0x8c || in->opcode == 0x8e);
}

/*
 * Which of its faults an instruction meets first, and whether it meets one, is the model's choice here: bytes that
 * MASKMOVQ and MASKMOVDQU do not write; XRSTOR's area against its header; which byte of an x87 environment or a masked
 * move; #AC of what ENTER, PUSH of a segment, VCVTPH2PS and VCVTPS2PH access.
 */
static bool fault_free(const struct oracle_case *c, const struct oracle_result *n, const struct oracle_result *e)
{
    const struct x86_insn *in = insn_at(c, n->rip);
    const bool memory_fault = n->vector >= X86_EXC_SS && n->vector <= X86_EXC_AC && n->vector != X86_EXC_MF;

    if (in->map == X86_MAP_0F38 && fault_address_free(in))
        return memory_fault && e->vector >= X86_EXC_SS;
    if (in->map == X86_MAP_0F38 || in->map == X86_MAP_0F3A)
        return in->opcode == (in->map == X86_MAP_0F38 ? 0x13 : 0x1d) && e->vector == X86_EXC_AC;
    if (!memory_fault)
        return false;
    if (in->map == X86_MAP_1B && in->opcode >= 0xd8)
        return (fault_address_free(in) || in->opcode == 0xdb || in->opcode == 0xdf) && e->vector >= X86_EXC_SS;
    if (in->map == X86_MAP_1B)
        return n->vector == X86_EXC_AC && (in->opcode == 0xc8 || (in->opcode < 0x20 && (in->opcode & 7) == 6));
    if (in->opcode == 0xa0 || in->opcode == 0xa8)
        return n->vector == X86_EXC_AC;
    return in->opcode == 0xf7 || ((in->opcode == 0xae || in->opcode == 0xc7) && e->vector >= X86_EXC_SS);
}

/* Whether an access across the end of a 4 GiB segment meets its limit is the model's choice (SDM vol. 3, 6.3). */
static bool across_4g(const struct oracle_case *c, const struct oracle_result *n, const struct oracle_result *e)
{
    if (c->code32 && n->vector == X86_EXC_AC && (e->vector == X86_EXC_GP || e->vector == X86_EXC_SS))
        return true;
    return c->code32 && n->vector == X86_EXC_PF && (e->vector == X86_EXC_GP || e->vector == X86_EXC_SS) &&
           (n->cr2 >= 0xfffffc00 || n->cr2 < 0x400);
}

static void check_fault(struct report *r, const struct oracle_result *n, const struct oracle_result *e)
{
    uint64_t error_mask = 0xffff;

    if (across_4g(r->c, n, e))
        return;
    check(r, "vector", (uint64_t)(int64_t)n->vector, (uint64_t)(int64_t)e->vector, ~0ull);
    if (n->vector != e->vector)
        return;
    if (n->vector == X86_EXC_PF) {
        if (fault_address_free(insn_at(r->c, n->rip)))
            error_mask &= ~1ull;
        else
            check(r, "cr2", n->cr2, e->cr2, ~0ull);
        if (n->cr2 >= 0x7ffffffff000) /* Linux says "protection" of every address that is not the user's */
            error_mask &= ~1ull;
    }
    if (n->vector >= X86_EXC_DF && n->vector <= X86_EXC_AC && n->vector != X86_EXC_MF)
        check(r, "error", n->error, e->error, error_mask);
}

static const char *disassemble(const struct x86_insn *in, char *out, size_t size, uint64_t at)
{
    ZydisDisassembledInstruction d;
    const ZydisMachineMode mode = in->mode == X86_MODE_64   ? ZYDIS_MACHINE_MODE_LONG_64
                                  : in->mode == X86_MODE_32 ? ZYDIS_MACHINE_MODE_LONG_COMPAT_32
                                                            : ZYDIS_MACHINE_MODE_LONG_COMPAT_16;

    if (ZYAN_SUCCESS(ZydisDisassembleIntel(mode, at, in->bytes, in->length, &d)))
        snprintf(out, size, "%s", d.text);
    else
        snprintf(out, size, "(not an instruction)");
    return out;
}

void compare_mnemonic(const struct oracle_case *c, char *out, size_t size)
{
    char text[128];

    disassemble(&c->insn[c->count - 1], text, sizeof text, 0);
    text[strcspn(text, " ")] = 0;
    snprintf(out, size, "%s%s", text, c->count > 1 ? " (run)" : "");
}

static void describe_registers(const struct oracle_case *c)
{
    for (unsigned i = 0; i < (c->code32 ? 8u : 16u); i++)
        printf("    %-4s%016" PRIx64 "%s", register_names[i], c->gpr[i], i % 4 == 3 ? "\n" : "");
    printf("    rflags %06" PRIx64 " fcw %04x fsw %04x ftw %02x mxcsr %04x\n", c->rflags, load_le16(c->fpu.bytes),
           load_le16(c->fpu.bytes + 2), c->fpu.bytes[4], load_le32(c->fpu.bytes + 24));
}

void compare_describe(const struct oracle_case *c)
{
    uint64_t at = case_rip(c);
    char text[128];

    printf("  case %" PRIu64 " (%s, %s%s)\n", c->number, c->group,
           c->code16   ? "16-bit"
           : c->code32 ? "32-bit"
                       : "64-bit",
           c->rflags & X86_TF ? ", TF" : "");
    for (unsigned i = 0; i < ARRAY_SIZE(c->seg) && c->segmented; i++)
        printf("    %.2s: base %08" PRIx64 " limit %08x attributes %03x\n", "escsssds" + 2 * i, c->seg[i].base,
               c->seg[i].limit, c->seg[i].attr);
    for (unsigned i = 0; i < c->count; at += c->insn[i].length, i++) {
        printf("    %08" PRIx64 ":", at);
        for (unsigned b = 0; b < c->insn[i].length; b++)
            printf(" %02x", c->insn[i].bytes[b]);
        printf("  %s\n", disassemble(&c->insn[i], text, sizeof text, at));
    }
    describe_registers(c);
    if (c->sequence)
        printf("    in the TLB: %u %u %u\n", c->warm[0], c->warm[1], c->warm[2]);
}

/*
 * What a faulting or trapped instruction has done on this model and another may not have: between the iterations of REP
 * CMPS and SCAS the flags are those from before, a store of 10 bytes into two pages has written the first, and POPA has
 * loaded the registers before the fault.
 */
static bool long_store_fault(const struct oracle_case *c, const struct oracle_result *n)
{
    const struct x86_insn *in = insn_at(c, n->rip);
    return n->vector == X86_EXC_PF && in->map == X86_MAP_1B && in->opcode >= 0xd9 && in->opcode <= 0xdf;
}

static bool popa_fault(const struct oracle_case *c, const struct oracle_result *n)
{
    const struct x86_insn *in = insn_at(c, n->rip);
    return c->code32 && (n->rflags & X86_RF) && in->map == X86_MAP_1B && in->opcode == 0x61;
}

/* A gather that faults has done the elements before, and may have done any of the others (SDM vol. 2, VPGATHER). */
static bool gather_fault(const struct oracle_case *c, const struct oracle_result *n)
{
    const struct x86_insn *in = insn_at(c, n->rip);
    return n->vector >= X86_EXC_SS && n->vector <= X86_EXC_AC && in->encoding == X86_ENC_VEX &&
           in->map == X86_MAP_0F38 && in->opcode >= 0x90 && in->opcode <= 0x93;
}

static bool rep_string(const struct x86_insn *in)
{
    return in->map == X86_MAP_1B && in->prefix_rep &&
           ((in->opcode >= 0xa4 && in->opcode <= 0xa7) || (in->opcode >= 0xaa && in->opcode <= 0xaf));
}

static bool is_memory_fault(int vector)
{
    return vector >= X86_EXC_SS && vector <= X86_EXC_AC && vector != X86_EXC_MF;
}

static bool is_sha(const struct x86_insn *in)
{
    return in->encoding == X86_ENC_LEGACY && ((in->map == X86_MAP_0F38 && in->opcode >= 0xc8 && in->opcode <= 0xcd) ||
                                              (in->map == X86_MAP_0F3A && in->opcode == 0xcc));
}

/*
 * Whole outcomes that are the model's choice, where ours is Intel's and the host may be AMD's: alignment of
 * SHA's operands; which of CMPS's operands faults first; #AC of AVX operands; a memory fault of an x87 store or of
 * VCVTPS2PH before its exception or after; a 16-bit double shift by more than 16; MXCSR bit 17; NOPs and UDs with
 * operands; VPERMQ with W0; VPINSRD and VPEXTRD with W1 outside of 64-bit code; REP in front of LOOPcc and of XCHG R8;
 * whether a CALL that faults has pushed; what PUSH of a segment register writes above its 16 bits; whether PUSHA's
 * alignment or its pages come first; which MXCSR bits there are, in what comes behind an FXSAVE; VMASKMOV and VPMASKMOV
 * across 64 KiB with 16-bit addresses, which wrap there; and the x87 pointers that FNSTENV and FNSAVE find: with
 * FXSAVE, by which the engine sees them, they are kept with a pending exception only.
 */
static bool pushes_segment(const struct x86_insn *in)
{
    bool low = in->map == X86_MAP_1B && (in->opcode & 0xe7) == 0x06;
    return in->operand_size == 4 && (low || (in->map == X86_MAP_0F && (in->opcode & 0xf7) == 0xa0));
}

static bool is_masked_move(const struct x86_insn *in)
{
    return in->encoding == X86_ENC_VEX && in->map == X86_MAP_0F38 &&
           ((in->opcode & 0xfc) == 0x2c || in->opcode == 0x8c || in->opcode == 0x8e);
}

/* FNSTENV, FNSAVE */
static bool stores_x87_pointers(const struct x86_insn *in)
{
    return in->map == X86_MAP_1B && (in->opcode == 0xd9 || in->opcode == 0xdd) && in->mod != 3 && (in->reg & 7) == 6;
}

/* FXSAVE, XSAVE, XSAVEOPT, XSAVEC: MXCSR_MASK among the rest */
static bool stores_mxcsr_mask(const struct x86_insn *in)
{
    const unsigned digit = in->reg & 7;
    return in->map == X86_MAP_0F && in->mod != 3 &&
           ((in->opcode == 0xae && (digit == 0 || digit == 4 || digit == 6)) || (in->opcode == 0xc7 && digit == 4));
}

static bool stores_mask_anywhere(const struct oracle_case *c)
{
    for (unsigned i = 0; i < c->count; i++)
        if (stores_mxcsr_mask(&c->insn[i]))
            return true;
    return false;
}

static bool wide_lane(const struct oracle_case *c, const struct x86_insn *in)
{
    return c->code32 && in->encoding == X86_ENC_VEX && (in->rex & 8) && in->map == X86_MAP_0F3A &&
           (in->opcode == 0x16 || in->opcode == 0x22);
}

static bool amd_chooses(const struct oracle_case *c, const struct oracle_result *n, const struct oracle_result *e)
{
    const struct x86_insn *in = insn_at(c, n->rip), *before = insn_at(c, e->rip), *last = &c->insn[c->count - 1];
    bool differs = n->vector != e->vector || n->rip != e->rip;

    if (host_is_intel())
        return false;
    if (e->vector == X86_EXC_UD && before->encoding == X86_ENC_VEX && before->map == X86_MAP_0F3A && before->opcode < 2)
        return true;
    for (unsigned i = 0; i < c->count; i++) { /* what follows has their results */
        const struct x86_insn *x = &c->insn[i];
        if (x->map == X86_MAP_0F && (x->opcode & 0xf6) == 0xa4 && x->operand_size == 2)
            return true;
        if (x->map == X86_MAP_1B && x->prefix_rep && ((x->opcode & 0xfe) == 0xe0 || (x->opcode == 0x90 && x->rex & 1)))
            return true;
        if ((pushes_segment(x) || (i > 0 && stores_x87_pointers(x)) || (i + 1 < c->count && stores_mxcsr_mask(x))) &&
            !differs)
            return true;
    }
    if (n->vector == X86_EXC_UD && wide_lane(c, in))
        return true;
    if (load_le32(n->fpu.bytes + 24) & 1u << 17)
        return true;
    if (n->vector == X86_EXC_AC && (in->map != X86_MAP_1B || in->opcode == 0x60))
        return true;
    if (differs && is_masked_move(before) && before->address_size == 2 &&
        (e->vector == X86_EXC_GP || e->vector == X86_EXC_SS))
        return true;
    if (n->vector == X86_EXC_UD && in->map == X86_MAP_0F &&
        (in->opcode == 0x0d || in->opcode == 0xb9 || in->opcode == 0xff))
        return true;
    if (differs && e->vector == X86_EXC_GP && is_sha(before))
        return true;
    if (differs && in->map == X86_MAP_0F3A && in->opcode == 0x1d && in->mod != 3)
        return is_memory_fault(n->vector) && e->vector == X86_EXC_XM;
    if (is_memory_fault(n->vector) && in->map == X86_MAP_1B && (in->opcode & 0xfe) == 0xa6)
        return is_memory_fault(e->vector);
    if (differs && is_memory_fault(n->vector) && in->map == X86_MAP_1B && in->opcode >= 0xd8 && in->opcode <= 0xdf)
        return true;
    bool call = last->opcode == 0xe8 || (last->opcode == 0xff && (last->reg & 7) == 2);
    return n->vector == X86_EXC_GP && e->vector == X86_EXC_GP && last->map == X86_MAP_1B && call;
}

/* ... and details of outcomes: what REP with 32-bit addresses leaves of the upper halves, RF between its iterations. */
static uint64_t amd_gpr_mask(const struct x86_insn *in, unsigned reg)
{
    bool counted = reg == X86_RCX || reg == X86_RSI || reg == X86_RDI;
    return !host_is_intel() && counted && rep_string(in) && in->address_size == 4 ? 0xffffffff : ~0ull;
}

static uint64_t string_masks(const struct oracle_case *c, unsigned reg)
{
    uint64_t mask = ~0ull;
    for (unsigned i = 0; i < c->count; i++)
        mask &= amd_gpr_mask(&c->insn[i], reg);
    return mask;
}

/* Index of the instruction at rip; count: none of them, or what follows the last. */
static unsigned index_at(const struct oracle_case *c, uint64_t rip)
{
    uint64_t at = case_rip(c);
    unsigned i = 0;

    while (i < c->count && !is_at(c, at, rip))
        at += c->insn[i++].length;
    return i;
}

/* A RET whose address was changed led between the instructions. */
static bool astray(const struct oracle_case *c, uint64_t rip)
{
    return index_at(c, rip) == c->count && rip - case_rip(c) < c->bytes;
}

uint32_t compare_live_flags(const struct oracle_case *c, uint64_t rip)
{
    return !c->sequence || astray(c, rip) ? 0 : c->live[index_at(c, rip)];
}

/* Where a sequence ended; elsewhere than in it and behind it, any of its flags may be unknown. */
static uint32_t unknown_flags(const struct oracle_case *c, const struct oracle_result *n)
{
    const unsigned at = index_at(c, n->rip);
    uint32_t unknown = astray(c, n->rip) ? X86_ARITH : c->unknown[at];

    for (unsigned i = 0; at == c->count && n->rip != case_rip(c) + c->bytes + 1 && i < c->count; i++)
        unknown |= c->unknown[i];
    return unknown;
}

bool compare_results(const struct oracle_case *c, const struct oracle_result *n, const struct oracle_result *e,
                     bool strict, bool say)
{
    struct report r = {.same = true, .c = c, .say = say};
    uint32_t flags = FLAGS_SEEN;

    if (say)
        compare_describe(c);
    if ((n->strayed && e->strayed) || ((n->vector != e->vector || n->rip != e->rip) && fault_free(c, n, e)))
        return true;
    if (!c->referred && amd_chooses(c, n, e))
        return true;
    if (!strict)
        flags &= ~(c->sequence ? unknown_flags(c, n) : compare_undefined_flags(&c->insn[c->count - 1]));
    const struct x86_insn *at = insn_at(c, n->rip);
    const uint64_t gpr_mask = c->code32 ? 0xffffffff : ~0ull;
    if (rep_string(at) && (n->rflags & X86_RF))
        flags &= ~(uint32_t)X86_ARITH;
    if (rep_string(at) && !host_is_intel())
        flags &= ~(uint32_t)(X86_RF | (n->vector == X86_EXC_DB ? X86_ARITH : 0));
    check_fault(&r, n, e);
    check(&r, "rip", n->rip, e->rip, ~0ull);
    check(&r, "rflags", n->rflags, e->rflags, flags);
    for (unsigned i = 0; i < (popa_fault(c, n) ? 0u : c->code32 ? 8u : 16u); i++)
        check(&r, register_names[i], n->gpr[i], e->gpr[i], gpr_mask & string_masks(c, i));
    if (!xrstor_fault(c, n) && !gather_fault(c, n)) /* may have loaded some registers before it found what is wrong */
        check_fpu(&r, n->fpu.bytes, e->fpu.bytes, !mmx_fault(c, n), n->vector == X86_EXC_XM);
    if (!stores_mask_anywhere(c))
        check(&r, "code page", n->code, e->code, ~0ull);
    if (n->vector >= 0 && e->vector >= 0 && !long_store_fault(c, n))
        check_data(&r, n->data, e->data);
    return r.same;
}
