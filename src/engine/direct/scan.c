/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * scan.c: code that would see the host's processor, and does not fault: CPUID, XGETBV, the XSAVE family, whose areas
 * have another size here, descriptor tables, selectors. Candidates are looked for at every byte. Whether one is an
 * instruction is seen by decoding from several places before it: soon they all go in step. Where they agree that it is
 * none, it is let be; where they agree that it is one, a copy of the page can have a trap there; else the page is
 * barred.
 */
#include "engine/direct/pages.h"

#include "x86/decode.h"

#include <string.h>

#define STARTS  16u /* places to decode from, */
#define BEFORE  64u /* the first of them so many bytes before */
#define IN_STEP 8u  /* instructions that a decoding must have come through to count */
#define VOTES   10u /* and so many must count */

#define BYTES   (PAGE_BYTES + DIRECT_NEXT_BYTES)

static bool memory_form(uint8_t modrm)
{
    return modrm < 0xc0;
}

/* At any byte of the page, which is 0F. */
static bool forbidden_at(const uint8_t *page, unsigned at)
{
    uint8_t op = page[at + 1], modrm = page[at + 2], digit = modrm >> 3 & 7;
    switch (op) {
    case 0xa2: return true; /* CPUID */
    case 0x34: return true; /* SYSENTER */
    case 0x01:              /* XGETBV; VMCALL, VMMCALL; RDPKRU, WRPKRU. RDTSCP traps, the rest faults or is harmless. */
        return modrm == 0xd0 || modrm == 0xc1 || modrm == 0xd9 || modrm == 0xee || modrm == 0xef;
    case 0xae:
        if (!memory_form(modrm)) /* RDFSBASE and its like; the fences are not */
            return digit < 4 && at > 0 && (page[at - 1] == 0xf3 || (page[at - 1] & 0xf0) == 0x40);
        return digit >= 4 && digit <= 6; /* XSAVE, XRSTOR, XSAVEOPT */
    case 0xc7:
        return memory_form(modrm) ? digit >= 3 && digit <= 5                      /* XRSTORS, XSAVEC, XSAVES */
                                  : digit == 7 && at > 0 && page[at - 1] == 0xf3; /* RDPID */
    default: return false;
    }
}

static bool forbidden_insn(const struct x86_insn *in)
{
    /* MOV FS and GS change bases without a word to us. Other segments, far jumps too, are seen at the next stop. */
    if (in->map == X86_MAP_1B)
        return in->opcode == 0x8e && (in->modrm >> 3 & 6) == 4;
    if (in->map != X86_MAP_0F || in->encoding != X86_ENC_LEGACY)
        return false;
    switch (in->opcode) {
    case 0x00:
    case 0x02:
    case 0x03: return true;                                       /* SLDT, STR, VERR, VERW; LAR; LSL */
    case 0x01: return in->mod != 3 || (in->modrm & 0xf8) == 0xe0; /* SGDT, SIDT, SMSW */
    case 0xa1:
    case 0xa9:
    case 0xb2:
    case 0xb4:
    case 0xb5: return true; /* POP FS, POP GS, LSS, LFS, LGS */
    default: return false;
    }
}

/* --- is it an instruction? --- */

static unsigned opcode_offset(const uint8_t *bytes)
{
    unsigned n = 0;
    while (n < X86_INSN_MAX && bytes[n] && strchr("\x66\x67\xf2\xf3\xf0\x2e\x36\x3e\x26\x64\x65", bytes[n]))
        n++;
    return (bytes[n] & 0xf0) == 0x40 ? n + 1 : n;
}

/* What compilers do not make for user programs: then those are hardly instructions. */
static bool unlikely_insn(const struct x86_insn *in)
{
    if (in->map != X86_MAP_1B)
        return false;
    switch (in->opcode) {
    case 0x00: return in->modrm == 0; /* zeros */
    case 0x6c:
    case 0x6d:
    case 0x6e:
    case 0x6f:
    case 0xe4:
    case 0xe5:
    case 0xe6:
    case 0xe7:
    case 0xec:
    case 0xed:
    case 0xee:
    case 0xef:
    case 0xcf:
    case 0xf1:
    case 0xf4:
    case 0xfa:
    case 0xfb: return true;
    default: return false;
    }
}

enum vote { NO_VOTE, IS_OPCODE, IS_INSIDE };

static enum vote vote(const uint8_t *page, unsigned from, unsigned at)
{
    unsigned in_step = 0;
    while (from <= at) {
        struct x86_insn in;
        int length = x86_decode(&in, page + from, X86_INSN_MAX, X86_MODE_64);
        if (length > 0 && from + (unsigned)length > at) {
            if (in_step < IN_STEP)
                return NO_VOTE;
            return from + opcode_offset(page + from) == at ? IS_OPCODE : IS_INSIDE;
        }
        in_step = length > 0 && !unlikely_insn(&in) ? in_step + 1 : 0;
        from += length > 0 ? (unsigned)length : 1;
    }
    return NO_VOTE;
}

enum verdict { UNSURE, SURELY, SURELY_NOT };

static enum verdict is_opcode(const uint8_t *page, unsigned at)
{
    unsigned votes[3] = {0}, first = at > BEFORE ? at - BEFORE : 0;
    for (unsigned i = 0; i < STARTS && first + i < at; i++)
        votes[vote(page, first + i, at)]++;
    if (votes[IS_INSIDE] >= VOTES && !votes[IS_OPCODE])
        return SURELY_NOT;
    return votes[IS_OPCODE] >= VOTES && !votes[IS_INSIDE] ? SURELY : UNSURE;
}

struct scan {
    const uint8_t *page;
    uint16_t *traps;
    int count; /* -1: barred */
};

static void found(struct scan *s, unsigned at)
{
    enum verdict v = is_opcode(s->page, at);
    if (v == SURELY_NOT || s->count < 0)
        return;
    if (v == UNSURE || s->count == DIRECT_TRAPS_MAX)
        s->count = -1;
    else
        s->traps[s->count++] = (uint16_t)at;
}

int direct_scan(const uint8_t *host, const uint8_t *next, uint16_t traps[DIRECT_TRAPS_MAX])
{
    uint8_t page[BYTES];
    struct scan s = {.page = page, .traps = traps};
    memcpy(page, host, PAGE_BYTES);
    memcpy(page + PAGE_BYTES, next, DIRECT_NEXT_BYTES);
    for (const uint8_t *p = page; (p = memchr(p, 0x0f, (size_t)(page + PAGE_BYTES - p))) != NULL; p++) {
        if (forbidden_at(page, (unsigned)(p - page)))
            found(&s, (unsigned)(p - page));
    }
    unsigned in_step = 0; /* instructions since the sweep met what is none: data, and then it may be out of step */
    for (unsigned at = 0; at < PAGE_BYTES;) {
        struct x86_insn in;
        int n = x86_decode(&in, page + at, X86_INSN_MAX, X86_MODE_64);
        if (n > 0 && in_step >= IN_STEP && forbidden_insn(&in) && at + opcode_offset(page + at) < PAGE_BYTES)
            found(&s, at + opcode_offset(page + at));
        in_step = n > 0 ? in_step + 1 : 0;
        at += n > 0 ? (unsigned)n : 1;
    }
    return s.count;
}

void direct_put_trap(uint8_t *page, unsigned at)
{
    if (page[at] == 0x0f && at + 1 < PAGE_BYTES)
        page[at + 1] = 0x0b; /* UD2 */
    else
        page[at] = 0x06; /* no instruction in 64-bit code */
}
