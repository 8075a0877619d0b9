/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * flags.c: what an instruction does to the six arithmetic flags, as the disassembler's tables have it, which know
 * nothing of the engines'; and where control goes behind it.
 */
#include "gen.h"

#include <Zydis/Zydis.h>

/* Shifts and rotates may leave the flags alone; so may repeated strings. */
static bool may_leave(const struct x86_insn *in)
{
    if (in->map == X86_MAP_0F)
        return (in->opcode & 0xf6) == 0xa4;
    return in->map == X86_MAP_1B && (in->prefix_rep || (in->opcode & 0xfe) == 0xc0 || (in->opcode & 0xfc) == 0xd0);
}

static ZydisMachineMode mode_of(const struct x86_insn *in)
{
    return in->mode == X86_MODE_64   ? ZYDIS_MACHINE_MODE_LONG_64
           : in->mode == X86_MODE_32 ? ZYDIS_MACHINE_MODE_LONG_COMPAT_32
                                     : ZYDIS_MACHINE_MODE_LONG_COMPAT_16;
}

struct flag_use gen_flag_use(const struct x86_insn *in)
{
    static ZydisDecoder decoders[3];
    ZydisDecoder *decoder = &decoders[in->mode];
    ZydisDecodedInstruction d;
    struct flag_use use = {.reads = X86_ARITH, .touches = X86_ARITH};

    if (!decoder->machine_mode || decoder->machine_mode != mode_of(in))
        ZydisDecoderInit(decoder, mode_of(in), in->mode == X86_MODE_64 ? ZYDIS_STACK_WIDTH_64 : ZYDIS_STACK_WIDTH_32);
    if (!ZYAN_SUCCESS(ZydisDecoderDecodeInstruction(decoder, NULL, in->bytes, in->length, &d)))
        return use;
    use.undefines = compare_undefined_flags(in);
    use.reads = use.touches = use.defines = 0;
    if (d.cpu_flags) {
        use.reads = d.cpu_flags->tested & X86_ARITH;
        use.defines = (d.cpu_flags->modified | d.cpu_flags->set_0 | d.cpu_flags->set_1) & X86_ARITH & ~use.undefines;
        use.touches = use.defines | use.undefines | (d.cpu_flags->undefined & X86_ARITH);
    }
    if (may_leave(in))
        use.defines = 0;
    const bool unconditional = d.meta.category == ZYDIS_CATEGORY_UNCOND_BR || d.meta.category == ZYDIS_CATEGORY_CALL;
    use.ends = unconditional || d.meta.category == ZYDIS_CATEGORY_RET;
    use.branches = (unconditional || d.meta.category == ZYDIS_CATEGORY_COND_BR) && in->opcode != 0xff;
    use.anywhere = use.ends && !use.branches;
    return use;
}
