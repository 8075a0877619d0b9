/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * scan.c: code that would see the host's processor, and does not fault. What changes a program's course (CPUID, XGETBV,
 * the XSAVE family, whose areas have another size here) is looked for at every byte; what only yields a strange value
 * (descriptor tables, selectors) or is no user code's business in the instructions as they follow each other.
 */
#include "engine/direct/pages.h"

#include "x86/decode.h"

#include <string.h>

#define IN_STEP 8

static bool memory_form(uint8_t modrm)
{
    return modrm < 0xc0;
}

/* At any byte; b[0] is 0F. Bytes beyond the page are taken for the worst. */
static bool forbidden_at(const uint8_t *page, unsigned at)
{
    if (at + 2 >= PAGE_BYTES)
        return at + 1 >= PAGE_BYTES || page[at + 1] == 0xa2 || page[at + 1] == 0x01 || page[at + 1] == 0xae ||
               page[at + 1] == 0xc7;
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
    if (in->map == X86_MAP_1B) {
        if (in->opcode == 0xff) /* CALL and JMP to another code segment */
            return in->mod != 3 && ((in->modrm >> 3 & 7) == 3 || (in->modrm >> 3 & 7) == 5);
        return in->opcode == 0x8e || in->opcode == 0xca || in->opcode == 0xcb ||
               in->opcode == 0xcf; /* MOV; RETF, IRET */
    }
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

bool direct_scan(const uint8_t *page)
{
    for (const uint8_t *p = page; (p = memchr(p, 0x0f, (size_t)(page + PAGE_BYTES - p))) != NULL; p++) {
        if (forbidden_at(page, (unsigned)(p - page)))
            return true;
    }
    unsigned in_step = 0; /* instructions since the sweep met what is none: data, and then it may be out of step */
    for (unsigned at = 0; at < PAGE_BYTES;) {
        struct x86_insn in;
        unsigned left = PAGE_BYTES - at;
        int n = x86_decode(&in, page + at, left < X86_INSN_MAX ? left : X86_INSN_MAX, X86_MODE_64);
        if (n == 0)
            break;
        if (n > 0 && in_step >= IN_STEP && forbidden_insn(&in))
            return true;
        in_step = n > 0 ? in_step + 1 : 0;
        at += n > 0 ? (unsigned)n : 1;
    }
    return false;
}
