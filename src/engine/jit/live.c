/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * live.c: which flags matter where. Within the block from its end backwards; at its end by looking at the code that
 * follows in the same page, which dies with this block's when it is written. What is not seen needs all flags.
 *
 * Deviation: an exception or interrupt in code that is about to overwrite flags may show others than the processor's in
 * the RFLAGS that its handler sees; after IRET the same code overwrites them.
 */
#include "engine/jit/translate.h"

#define LOOK_AHEAD 12u /* instructions */

/* SSE moves and XORs, by opcode in map 0F, and x87 but for FCMOV, FCOMI and their rows: no flags. */
static bool leaves_flags(const struct x86_insn *insn)
{
    if (insn->map == X86_MAP_1B && (insn->opcode & 0xf8) == 0xd8)
        return insn->mod != 3 || (insn->opcode != 0xda && insn->opcode != 0xdb && insn->opcode != 0xdf);
    if (insn->map != X86_MAP_0F)
        return false;
    switch (insn->opcode) {
    case 0x10:
    case 0x11:
    case 0x12:
    case 0x13:
    case 0x16:
    case 0x17:
    case 0x28:
    case 0x29:
    case 0x57:
    case 0x6e:
    case 0x6f:
    case 0x7e:
    case 0x7f:
    case 0xd6:
    case 0xef: return true;
    default: return false;
    }
}

/* The flags that code at this offset in the page reads before it writes them. */
static uint16_t needed(const struct translation *t, int64_t offset, unsigned budget)
{
    const uint8_t *page = t->guest - t->page_offset;
    uint16_t need = 0, open = X86_ARITH; /* open: not yet overwritten */
    while (budget-- && open) {
        struct x86_insn insn;
        struct jit_class c;
        if (offset < 0 || offset >= (int64_t)PAGE_BYTES)
            break;
        size_t left = (size_t)(PAGE_BYTES - offset);
        int n = x86_decode(&insn, page + offset, left < X86_INSN_MAX ? left : X86_INSN_MAX,
                           (enum x86_mode)t->j->v.code_mode);
        if (n <= 0)
            break;
        jit_normalize(&insn);
        jit_classify(&c, &insn);
        offset += n;
        if (c.kind == JIT_FALLBACK) {
            if (leaves_flags(&insn))
                continue;
            break;
        }
        need |= c.reads & open;
        open = (uint16_t)(open & ~c.kills);
        switch (c.kind) {
        case JIT_JMP:
        case JIT_CALL: offset += insn.imm; break;
        case JIT_JCC:
        case JIT_LOOP:
            return (uint16_t)(need |
                              (open & (needed(t, offset, budget / 2) | needed(t, offset + insn.imm, budget / 2))));
        case JIT_RET:
        case JIT_JMP_RM:
        case JIT_CALL_RM: return need | open;
        default: break;
        }
    }
    return need | open;
}

uint16_t tr_live_behind(const struct translation *t)
{
    const struct x86_insn *last = &t->insn[t->count - 1];
    const int64_t next = (int64_t)t->page_offset + t->start[t->count];
    if (t->uneven) /* what follows may lie elsewhere */
        return X86_ARITH;
    switch (t->how[t->count - 1].kind) {
    case JIT_RET:
    case JIT_JMP_RM:
    case JIT_CALL_RM: return X86_ARITH;
    case JIT_JMP:
    case JIT_CALL: return needed(t, next + last->imm, LOOK_AHEAD);
    case JIT_JCC:
    case JIT_LOOP: return needed(t, next, LOOK_AHEAD) | needed(t, next + last->imm, LOOK_AHEAD);
    default: return needed(t, next, LOOK_AHEAD);
    }
}

void tr_find_live(struct translation *t)
{
    uint16_t live = tr_live_behind(t);
    for (unsigned i = t->count; i-- > 0;) {
        const struct jit_class *c = &t->how[i];
        live = (uint16_t)((live & ~c->kills) | c->reads);
        t->live[i] = live;
    }
}
