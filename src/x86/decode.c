/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * decode.c: instruction bytes to fields by one table per opcode map (SDM vol. 2, ch. 2 and appendix A). Knows layouts
 * only, as decode.h says. Where vendors differ (66 before a near branch in 64-bit code) it does as Intel does.
 */
#include "x86/decode.h"

#include "base/bytes.h"
#include "x86/cpu.h"

/*
 * One letter per opcode:
 *   .  nothing follows       m  ModRM                 b  imm8                    B  ModRM, imm8
 *   z  imm16/32              Z  ModRM, imm16/32       v  imm16/32/64             w  imm16
 *   e  imm16, imm8 (ENTER)   f  far pointer           o  absolute offset         j  near branch displacement
 *   g  ModRM, imm8 if /0 /1  G  the same, imm16/32    c  ModRM, always registers 6  nothing; not in 64-bit code
 *   q  b, not in 64-bit      Q  B, not in 64-bit      p  prefix or escape        x  no instruction
 */
static const char map_1b[256] = "mmmmbz66mmmmbz6p" /* 00 */
                                "mmmmbz66mmmmbz66" /* 10 */
                                "mmmmbzp6mmmmbzp6" /* 20 */
                                "mmmmbzp6mmmmbzp6" /* 30 */
                                "................" /* 40 */
                                "................" /* 50 */
                                "66mmppppzZbB...." /* 60 */
                                "bbbbbbbbbbbbbbbb" /* 70 */
                                "BZQBmmmmmmmmmmmm" /* 80 */
                                "..........f....." /* 90 */
                                "oooo....bz......" /* a0 */
                                "bbbbbbbbvvvvvvvv" /* b0 */
                                "BBw.mmBZe.w..b6." /* c0 */
                                "mmmmqq6.mmmmmmmm" /* d0 */
                                "bbbbbbbbjjfb...." /* e0 */
                                "p.pp..gG......mm" /* f0 */;

static const char map_0f[256] = "mmmmx.....x.xm.B" /* 00 */
                                "mmmmmmmmmmmmmmmm" /* 10 */
                                "ccccxxxxmmmmmmmm" /* 20 */
                                "......x.pxpxxxxx" /* 30 */
                                "mmmmmmmmmmmmmmmm" /* 40 */
                                "mmmmmmmmmmmmmmmm" /* 50 */
                                "mmmmmmmmmmmmmmmm" /* 60 */
                                "BBBBmmm.mmxxmmmm" /* 70 */
                                "jjjjjjjjjjjjjjjj" /* 80 */
                                "mmmmmmmmmmmmmmmm" /* 90 */
                                "...mBmxx...mBmmm" /* a0 */
                                "mmmmmmmmmmBmmmmm" /* b0 */
                                "mmBmBBBm........" /* c0 */
                                "mmmmmmmmmmmmmmmm" /* d0 */
                                "mmmmmmmmmmmmmmmm" /* e0 */
                                "mmmmmmmmmmmmmmmm" /* f0 */;

#define REX_W 8
#define REX_R 4
#define REX_X 2
#define REX_B 1

struct cursor {
    const uint8_t *bytes;
    size_t available;
    unsigned at;
    bool more; /* ran out of bytes */
};

static uint8_t take(struct cursor *c)
{
    if (c->at >= c->available) {
        c->more = true;
        return 0;
    }
    return c->bytes[c->at++];
}

static uint64_t take_number(struct cursor *c, unsigned size)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < size; i++)
        value |= (uint64_t)take(c) << (8 * i);
    return value;
}

static int64_t sign_extend(uint64_t value, unsigned size)
{
    switch (size) {
    case 1: return (int8_t)value;
    case 2: return (int16_t)value;
    case 4: return (int32_t)value;
    default: return (int64_t)value;
    }
}

/* Consumes the legacy and REX prefixes; returns the first byte behind them. */
static uint8_t take_prefixes(struct x86_insn *insn, struct cursor *c)
{
    for (;;) {
        uint8_t byte = take(c);
        if (insn->mode == X86_MODE_64 && (byte & 0xf0) == 0x40 && !c->more) {
            insn->rex = byte; /* counts only right before the opcode: any prefix behind it clears it */
            continue;
        }
        switch (byte) {
        case 0x26:
        case 0x2e:
        case 0x36:
        case 0x3e:
            if (insn->mode != X86_MODE_64)
                insn->segment = (uint8_t)((byte >> 3) & 3);
            break;
        case 0x64: insn->segment = X86_FS; break;
        case 0x65: insn->segment = X86_GS; break;
        case 0x66: insn->prefix_66 = true; break;
        case 0x67: insn->prefix_67 = true; break;
        case 0xf0: insn->prefix_lock = true; break;
        case 0xf2:
        case 0xf3: insn->prefix_rep = byte; break;
        default: return byte;
        }
        if (c->more)
            return 0;
        insn->rex = 0;
    }
}

static void set_pp(struct x86_insn *insn, unsigned pp)
{
    static const uint8_t rep[4] = {0, 0, 0xf3, 0xf2};
    insn->prefix_66 = pp == 1;
    insn->prefix_rep = rep[pp];
}

static bool take_vex(struct x86_insn *insn, struct cursor *c, uint8_t first)
{
    uint8_t p1 = take(c), map = 1, last = p1;
    if (first == 0xc4) {
        last = take(c);
        map = p1 & 0x1f;
        insn->rex = (uint8_t)((~p1 >> 5 & 7) | (last & 0x80 ? REX_W : 0));
    } else {
        insn->rex = (uint8_t)(p1 & 0x80 ? 0 : REX_R);
    }
    insn->encoding = X86_ENC_VEX;
    insn->vvvv = (uint8_t)(~last >> 3 & 15);
    insn->vl = last >> 2 & 1;
    set_pp(insn, last & 3);
    insn->map = map;
    return map >= 1 && map <= 3;
}

static bool take_evex(struct x86_insn *insn, struct cursor *c)
{
    uint8_t p0 = take(c), p1 = take(c), p2 = take(c);
    insn->encoding = X86_ENC_EVEX;
    insn->rex = (uint8_t)((~p0 >> 5 & 7) | (p1 & 0x80 ? REX_W : 0));
    insn->vvvv = (uint8_t)(~p1 >> 3 & 15);
    insn->vl = p2 >> 5 & 3;
    insn->evex_aaa = p2 & 7;
    insn->evex_z = p2 >> 7;
    insn->evex_b = p2 >> 4 & 1;
    set_pp(insn, p1 & 3);
    insn->map = p0 & 7;
    if (c->more)
        return true;
    return !(p0 & 8) && (p1 & 4) && insn->map >= 1 && insn->map != 4 && insn->map != 7;
}

/* Is the byte at hand a VEX or EVEX escape? Outside 64-bit code its second byte would be a register ModRM. */
static bool is_vex(const struct x86_insn *insn, const struct cursor *c, uint8_t byte)
{
    if (byte != 0xc4 && byte != 0xc5 && byte != 0x62)
        return false;
    return insn->mode == X86_MODE_64 || (c->at < c->available && c->bytes[c->at] >= 0xc0);
}

/* Escapes and the opcode byte. False: no such encoding. */
static bool take_opcode(struct x86_insn *insn, struct cursor *c, uint8_t byte)
{
    if (is_vex(insn, c, byte)) {
        bool prefixed = insn->prefix_66 || insn->prefix_rep || insn->prefix_lock || insn->rex;
        bool ok = byte == 0x62 ? take_evex(insn, c) : take_vex(insn, c, byte);
        if ((!ok || prefixed) && !c->more)
            return false;
        if (insn->mode != X86_MODE_64) {
            insn->rex &= REX_W;
            insn->vvvv &= 7;
        }
        insn->opcode = take(c);
        return true;
    }
    insn->has_rex = insn->rex != 0;
    insn->map = X86_MAP_1B;
    if (byte == 0x0f) {
        insn->map = X86_MAP_0F;
        byte = take(c);
        if (byte == 0x38 || byte == 0x3a) {
            insn->map = byte == 0x38 ? X86_MAP_0F38 : X86_MAP_0F3A;
            byte = take(c);
        }
    }
    insn->opcode = byte;
    return true;
}

static void set_sizes(struct x86_insn *insn)
{
    /* For VEX, pp's 66 is part of the opcode and says nothing about sizes. */
    bool small = insn->prefix_66 && insn->encoding == X86_ENC_LEGACY;
    switch (insn->mode) {
    case X86_MODE_16:
        insn->operand_size = small ? 4 : 2;
        insn->address_size = insn->prefix_67 ? 4 : 2;
        if (insn->encoding != X86_ENC_LEGACY)
            insn->operand_size = 4;
        break;
    case X86_MODE_32:
        insn->operand_size = small ? 2 : 4;
        insn->address_size = insn->prefix_67 ? 2 : 4;
        break;
    default:
        insn->operand_size = insn->rex & REX_W ? 8 : small ? 2 : 4;
        insn->address_size = insn->prefix_67 ? 4 : 8;
        break;
    }
}

static char layout_of(const struct x86_insn *insn)
{
    char layout = 'm';
    if (insn->map == X86_MAP_1B)
        layout = map_1b[insn->opcode];
    else if (insn->map == X86_MAP_0F)
        layout = map_0f[insn->opcode];
    else if (insn->map == X86_MAP_0F3A)
        layout = 'B';
    if (insn->encoding == X86_ENC_LEGACY || insn->map != X86_MAP_0F)
        return layout;
    /* VEX and EVEX keep the immediates of map 0F; all their opcodes have ModRM but VZEROUPPER. */
    if (insn->opcode == 0x77 && insn->encoding == X86_ENC_VEX)
        return '.';
    return layout == 'B' ? 'B' : 'm';
}

static void take_disp(struct x86_insn *insn, struct cursor *c, unsigned size)
{
    if (!size)
        return;
    insn->disp_offset = (uint8_t)c->at;
    insn->disp_size = (uint8_t)size;
    insn->disp = (int32_t)sign_extend(take_number(c, size), size);
}

static void take_address_16(struct x86_insn *insn, struct cursor *c)
{
    static const uint8_t bases[8] = {X86_RBX, X86_RBX, X86_RBP, X86_RBP, X86_RSI, X86_RDI, X86_RBP, X86_RBX};
    static const uint8_t indexes[4] = {X86_RSI, X86_RDI, X86_RSI, X86_RDI};
    unsigned rm = insn->modrm & 7;
    if (insn->mod == 0 && rm == 6) {
        take_disp(insn, c, 2);
        return;
    }
    insn->base = bases[rm];
    if (rm < 4)
        insn->index = indexes[rm];
    take_disp(insn, c, insn->mod);
}

static void take_address(struct x86_insn *insn, struct cursor *c)
{
    unsigned rm = insn->modrm & 7, b = insn->rex & REX_B ? 8 : 0;
    unsigned disp_size = insn->mod == 1 ? 1 : insn->mod == 2 ? 4 : 0;
    if (rm == 4) {
        uint8_t sib = take(c);
        unsigned index = (sib >> 3 & 7) | (insn->rex & REX_X ? 8u : 0);
        insn->scale = sib >> 6;
        if (index != 4)
            insn->index = (uint8_t)index;
        rm = sib & 7;
        if (rm == 5 && insn->mod == 0)
            disp_size = 4;
        else
            insn->base = (uint8_t)(rm | b);
    } else if (rm == 5 && insn->mod == 0) {
        disp_size = 4;
        insn->rip_relative = insn->mode == X86_MODE_64;
    } else {
        insn->base = (uint8_t)(rm | b);
    }
    take_disp(insn, c, disp_size);
}

static void take_modrm(struct x86_insn *insn, struct cursor *c, bool registers_only)
{
    insn->has_modrm = true;
    insn->modrm = take(c);
    insn->mod = registers_only ? 3 : insn->modrm >> 6;
    insn->reg = (uint8_t)((insn->modrm >> 3 & 7) | (insn->rex & REX_R ? 8 : 0));
    insn->rm = (uint8_t)((insn->modrm & 7) | (insn->rex & REX_B ? 8 : 0));
    if (insn->mod == 3)
        return;
    if (insn->address_size == 2)
        take_address_16(insn, c);
    else
        take_address(insn, c);
}

static void take_imm(struct x86_insn *insn, struct cursor *c, unsigned size)
{
    insn->imm_offset = (uint8_t)c->at;
    insn->imm_size = (uint8_t)size;
    insn->imm = sign_extend(take_number(c, size), size);
}

static void take_imm2(struct x86_insn *insn, struct cursor *c, unsigned size)
{
    insn->imm2_size = (uint8_t)size;
    insn->imm2 = (uint16_t)take_number(c, size);
}

/* What follows the opcode. False: not an instruction. */
static bool take_operands(struct x86_insn *insn, struct cursor *c, char layout)
{
    unsigned z = insn->operand_size == 2 ? 2 : 4;
    bool code64 = insn->mode == X86_MODE_64;
    if (code64 && (layout == '6' || layout == 'q' || layout == 'Q' || layout == 'f'))
        return false;
    switch (layout) {
    case '6':
    case '.': return true;
    case 'c':
    case 'm': take_modrm(insn, c, layout == 'c'); return true;
    case 'Q':
    case 'B':
        take_modrm(insn, c, false);
        take_imm(insn, c, 1);
        return true;
    case 'Z':
        take_modrm(insn, c, false);
        take_imm(insn, c, z);
        return true;
    case 'q':
    case 'b': take_imm(insn, c, 1); return true;
    case 'z': take_imm(insn, c, z); return true;
    case 'v': take_imm(insn, c, insn->operand_size); return true;
    case 'w': take_imm(insn, c, 2); return true;
    case 'j': take_imm(insn, c, code64 ? 4 : z); return true;
    case 'e':
        take_imm(insn, c, 2);
        take_imm2(insn, c, 1);
        return true;
    case 'f':
        take_imm(insn, c, z);
        take_imm2(insn, c, 2);
        return true;
    case 'o':
        insn->disp_offset = (uint8_t)c->at;
        insn->disp_size = insn->address_size;
        insn->moffs = take_number(c, insn->address_size);
        return true;
    case 'g':
    case 'G':
        take_modrm(insn, c, false);
        if ((insn->modrm & 0x30) == 0)
            take_imm(insn, c, layout == 'g' ? 1 : z);
        return true;
    default: return false;
    }
}

int x86_decode(struct x86_insn *insn, const uint8_t *bytes, size_t available, enum x86_mode mode)
{
    struct cursor c = {.bytes = bytes, .available = available < X86_INSN_MAX ? available : X86_INSN_MAX};
    memset(insn, 0, sizeof *insn);
    insn->mode = (uint8_t)mode;
    insn->segment = insn->base = insn->index = X86_NO_REG;

    uint8_t byte = take_prefixes(insn, &c);
    bool ok = c.more || take_opcode(insn, &c, byte);
    if (ok && !c.more) {
        set_sizes(insn);
        ok = take_operands(insn, &c, layout_of(insn));
    }
    if (!ok)
        return -1;
    if (c.more)
        return available >= X86_INSN_MAX ? -1 : 0;
    insn->length = (uint8_t)c.at;
    memcpy(insn->bytes, bytes, c.at);
    return insn->length;
}
