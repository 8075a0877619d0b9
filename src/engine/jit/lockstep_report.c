/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lockstep_report.c: see lockstep_report.h. The disassembler is Zydis. */
#include "engine/jit/lockstep_report.h"

#include "base/bytes.h"
#include "base/log.h"

#include <Zydis/Zydis.h>
#include <string.h>

#define SHOWN 16u /* differing words of memory */

typedef unsigned long long ull;

static bool disassemble(const struct interp_block *b, unsigned i, unsigned code_mode, uint64_t rip,
                        ZydisDisassembledInstruction *out)
{
    const ZydisMachineMode mode = code_mode == X86_MODE_64   ? ZYDIS_MACHINE_MODE_LONG_64
                                  : code_mode == X86_MODE_32 ? ZYDIS_MACHINE_MODE_LONG_COMPAT_32
                                                             : ZYDIS_MACHINE_MODE_LONG_COMPAT_16;
    return b->seen && ZYAN_SUCCESS(ZydisDisassembleIntel(mode, rip + b->ops[i].start, b->seen + b->ops[i].start,
                                                         b->ops[i].length, out));
}

/* A shift by zero leaves the flags. */
static bool may_keep_flags(const ZydisDisassembledInstruction *insn)
{
    switch (insn->info.mnemonic) {
    case ZYDIS_MNEMONIC_SHL:
    case ZYDIS_MNEMONIC_SHR:
    case ZYDIS_MNEMONIC_SAR:
    case ZYDIS_MNEMONIC_ROL:
    case ZYDIS_MNEMONIC_ROR:
    case ZYDIS_MNEMONIC_RCL:
    case ZYDIS_MNEMONIC_RCR:
    case ZYDIS_MNEMONIC_SHLD:
    case ZYDIS_MNEMONIC_SHRD: return true;
    default: return false;
    }
}

uint64_t jit_undefined_flags(const struct interp_block *b, unsigned count, unsigned code_mode)
{
    ZydisDisassembledInstruction insn;
    uint64_t undefined = 0;
    for (unsigned i = 0; i < count; i++) {
        if (!disassemble(b, i, code_mode, 0, &insn) || !insn.info.cpu_flags)
            continue;
        const ZydisAccessedFlags *f = insn.info.cpu_flags;
        if (!may_keep_flags(&insn))
            undefined &= ~(uint64_t)(f->modified | f->set_0 | f->set_1);
        undefined |= f->undefined;
    }
    return undefined & X86_ARITH;
}

static void line(const char *name, uint64_t before, uint64_t reference, uint64_t translated)
{
    log_error("  %-8s %016llx -> reference %016llx, translated %016llx%s", name, (ull)before, (ull)reference,
              (ull)translated, reference == translated ? "" : "  <--");
}

static void registers(const struct x86_cpu *before, const struct x86_cpu *reference, const struct x86_cpu *translated)
{
    static const char *const name[16] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
                                         "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};
    for (unsigned i = 0; i < 16; i++)
        line(name[i], before->gpr[i], reference->gpr[i], translated->gpr[i]);
    line("rip", before->rip, reference->rip, translated->rip);
    line("rflags", before->rflags, reference->rflags, translated->rflags);
    const uint8_t *b = (const uint8_t *)before, *r = (const uint8_t *)reference, *t = (const uint8_t *)translated;
    unsigned said = 0;
    for (size_t i = offsetof(struct x86_cpu, seg); i + 8 <= sizeof *before && said < SHOWN; i += 8) {
        char where[24];
        if (memcmp(r + i, t + i, 8) == 0)
            continue;
        if (i >= offsetof(struct x86_cpu, fpu))
            snprintf(where, sizeof where, "xsave+%zu", i - offsetof(struct x86_cpu, fpu));
        else
            snprintf(where, sizeof where, "cpu+%zu", i);
        line(where, load_le64(b + i), load_le64(r + i), load_le64(t + i));
        said++;
    }
}

static void event(const char *who, const struct interp_vcpu *v)
{
    if (v->event.valid)
        log_error("  %s: exception %u, error %x, address %llx", who, v->event.vector, v->event.error,
                  (ull)v->event.cr2);
    else
        log_error("  %s: no exception%s%s", who, v->stop ? ", wants to stop" : "",
                  v->mid_string ? ", inside a repeated string operation" : "");
}

static void memory(const struct jit_copies *copies)
{
    unsigned said = 0;
    for (unsigned n = 0; n < copies->used; n++) {
        const struct jit_copy *c = &copies->copy[n];
        for (unsigned at = 0; at < PAGE_BYTES && said < SHOWN; at += 8) {
            if (memcmp(c->now + at, c->host + at, 8) == 0)
                continue;
            log_error("  memory, page %u at %03x: %016llx -> reference %016llx, translated %016llx", n, at,
                      (ull)load_le64(c->before + at), (ull)load_le64(c->now + at), (ull)load_le64(c->host + at));
            said++;
        }
    }
}

void jit_lockstep_report(const struct interp_block *b, const struct interp_vcpu *before,
                         const struct interp_vcpu *reference, const struct interp_vcpu *translated,
                         const struct jit_copies *copies, uint64_t compared)
{
    log_error("jit: the block at %llx differs from the reference engine, after %llu that did not:", (ull)before->rip0,
              (ull)compared);
    for (unsigned i = 0; i < b->count; i++) {
        ZydisDisassembledInstruction insn;
        const bool known = disassemble(b, i, before->code_mode, before->rip0, &insn);
        log_error("  %016llx  %s", (ull)(before->rip0 + b->ops[i].start), known ? insn.text : "(no instruction)");
    }
    registers(&before->cpu, &reference->cpu, &translated->cpu);
    event("reference", reference);
    event("translated", translated);
    memory(copies);
}
