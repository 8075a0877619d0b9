/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * simd.c: runs the MMX, SSE and AVX instructions that have a row in simd_forms.c: checks, operands, the host's stub,
 * results. Knows when an instruction faults; what it computes is the host's. (Intel SDM vol. 2, 2.4 and vol. 3, 6.15.)
 */
#include "engine/interp/simd.h"

#include "base/log.h"
#include "engine/interp/simd_state.h"

#define MXCSR_PRE 7u /* IE, DE, ZE: found before a result is computed, for all elements first */
#define MXCSR_UE  0x10u
#define MXCSR_FTZ 0x8000u

void simd_undefined(struct interp_vcpu *v, const struct x86_insn *insn)
{
    interp_raise(v, X86_EXC_UD);
}

void simd_check_alignment(struct interp_vcpu *v, const struct x86_insn *insn, unsigned bytes)
{
    gva_t linear = interp_ea(v, insn) + v->seg[interp_ea_segment(insn)].base;

    if (linear & (bytes - 1))
        interp_raise_error(v, X86_EXC_GP, 0);
}

void simd_to_mmx(uint8_t *image)
{
    const unsigned fsw = load_le16(image + FPU_FSW), top = fsw_top(fsw);
    uint8_t old[128];

    image[FPU_FTW] = 0xff;
    if (!top)
        return;
    memcpy(old, image + SIMD_ST_OFFSET, sizeof old);
    for (unsigned n = 0; n < 8; n++)
        memcpy(image + SIMD_ST_OFFSET + 16 * n, old + 16 * ((n - top) & 7), 16);
    store_le16(image + FPU_FSW, (uint16_t)(fsw & ~FSW_TOP));
}

static void check_enabled(struct interp_vcpu *v, const struct simd_stub *stub)
{
    const struct simd_form *f = stub->form;

    if (stub->vex)
        simd_check_vex(v);
    else if (f->reg == KIND_X || f->rm == KIND_X || f->reg == KIND_X1 || f->rm == KIND_X1)
        simd_check_sse(v);
    else if (!(f->flags & SF_NOFPU) && (v->cpu.cr0 & X86_CR0_EM))
        interp_raise(v, X86_EXC_UD);
    else if (!(f->flags & SF_NOFPU) && (v->cpu.cr0 & X86_CR0_TS))
        interp_raise(v, X86_EXC_NM);
    if (stub->mmx)
        simd_check_pending(v);
}

static void check_memory(struct interp_vcpu *v, const struct x86_insn *insn, const struct simd_stub *stub)
{
    const unsigned flags = stub->form->flags;

    if (stub->mem_bytes >= 16 && (flags & (stub->vex ? SF_VALIGN : SF_ALIGN)))
        simd_check_alignment(v, insn, stub->mem_bytes);
}

static uint8_t *operand(uint8_t *image, unsigned kind, unsigned number)
{
    if (kind == KIND_M)
        return fpu_mm(image, number & 7);
    return fpu_xmm(image, kind == KIND_G ? 0 : number & 15);
}

static void run_stub(const struct simd_stub *stub, const struct x86_insn *insn, uint8_t *image,
                     struct simd_frame *frame)
{
    const struct simd_form *f = stub->form;
    const unsigned is4 = (unsigned)insn->imm >> 4 & (insn->mode == X86_MODE_64 ? 15 : 7);

    frame->xmm0 = fpu_xmm(image, 0);
    stub->run(operand(image, f->reg, insn->reg), fpu_xmm(image, insn->vvvv), operand(image, f->rm, insn->rm),
              frame->mem, frame, fpu_xmm(image, is4));
}

static _Noreturn void raise_xm(struct interp_vcpu *v)
{
    interp_raise(v, v->cpu.cr4 & X86_CR4_OSXMMEXCPT ? X86_EXC_XM : X86_EXC_UD);
}

static bool makes_halves(const struct simd_stub *stub)
{
    return stub->form->map == X86_MAP_0F3A && stub->form->opcode == 0x1d;
}

static bool has_tiny_half(const struct x86_insn *insn, const struct simd_stub *stub, uint8_t *image,
                          const struct simd_frame *frame)
{
    const uint8_t *half = stub->mem_bytes ? frame->mem : fpu_xmm(image, insn->rm);
    const unsigned bytes = stub->mem_bytes ? stub->mem_bytes : 16;

    for (unsigned i = 0; i < bytes; i += 2)
        if (!(load_le16(half + i) & 0x7c00) && (load_le16(half + i) & 0x3ff))
            return true;
    return false;
}

/*
 * The guest has unmasked exceptions: run on a copy, so that the destination stays when one is met. With underflow
 * unmasked any tiny result counts, exact or not, and flush-to-zero has no effect: a second run with flush-to-zero,
 * which flags every tiny result, tells. VCVTPS2PH does not know flush-to-zero, so there the result itself tells.
 */
static void run_unmasked(struct interp_vcpu *v, const struct x86_insn *insn, const struct simd_stub *stub,
                         struct simd_frame *frame)
{
    uint8_t *image = fpu_bytes(v);
    const uint32_t guest = fpu_mxcsr(v), unmasked = ~guest >> 7 & SIMD_MXCSR_FLAGS;
    struct simd_frame first = *frame;
    struct x86_xsave copy = v->cpu.fpu;
    uint32_t raised;

    if (unmasked & MXCSR_UE)
        first.mxcsr &= ~MXCSR_FTZ;
    run_stub(stub, insn, copy.bytes, &first);
    raised = first.mxcsr & SIMD_MXCSR_FLAGS;
    if ((unmasked & MXCSR_UE) && makes_halves(stub)) {
        raised |= has_tiny_half(insn, stub, copy.bytes, &first) ? MXCSR_UE : 0;
    } else if (unmasked & MXCSR_UE) {
        struct simd_frame second = *frame;
        struct x86_xsave scratch = v->cpu.fpu;
        second.mxcsr |= MXCSR_FTZ;
        run_stub(stub, insn, scratch.bytes, &second);
        raised |= second.mxcsr & MXCSR_UE;
    }
    if (raised & unmasked & MXCSR_PRE)
        raised &= MXCSR_PRE;
    if (raised & unmasked) {
        store_le32(image + FPU_MXCSR, guest | raised);
        raise_xm(v);
    }
    first.mxcsr = raised;
    *frame = first;
    v->cpu.fpu = copy;
}

static void put_flags(struct interp_vcpu *v, uint64_t flags)
{
    interp_set_arith(v, (uint32_t)flags & X86_ARITH);
}

/* Results that are not in the image yet, and what only the guest's registers know. */
static void commit(struct interp_vcpu *v, const struct x86_insn *insn, const struct simd_stub *stub,
                   const struct simd_frame *frame)
{
    const struct simd_form *f = stub->form;
    uint8_t *image = fpu_bytes(v);

    if (f->flags & SF_FLAGS)
        put_flags(v, frame->flags);
    if (f->flags & SF_STRING) {
        if (f->opcode & 1)
            v->cpu.gpr[X86_RCX] = frame->rcx;
        else if (stub->vex)
            memset(fpu_xmm(image, 0) + SIMD_HIGH, 0, 16);
    }
    if (stub->gpr_reg_out)
        v->cpu.gpr[insn->reg] = frame->reg;
    if (stub->gpr_rm_out)
        v->cpu.gpr[insn->rm] = frame->rm;
    if (stub->mmx_reg_out)
        store_le16(fpu_mm(image, insn->reg & 7) + 8, 0xffff);
    if (stub->mmx_rm_out)
        store_le16(fpu_mm(image, insn->rm & 7) + 8, 0xffff);
    if (stub->mmx)
        simd_to_mmx(image);
}

static void run_form(struct interp_vcpu *v, const struct x86_insn *insn)
{
    const struct simd_stub *stub = (const struct simd_stub *)(uintptr_t)v->op->imm;
    const unsigned flags = stub->form->flags;
    const uint32_t mxcsr = fpu_mxcsr(v);
    struct simd_frame frame;

    check_enabled(v, stub);
    if (insn->mod != 3) {
        check_memory(v, insn, stub);
        if (stub->load)
            interp_load(v, insn, frame.mem, stub->mem_bytes);
    }
    if (stub->gpr_reg_in)
        frame.reg = v->cpu.gpr[insn->reg];
    if (stub->gpr_rm_in)
        frame.rm = v->cpu.gpr[insn->rm];
    if (flags & SF_STRING) {
        frame.reg = v->cpu.gpr[X86_RAX];
        frame.rdx = v->cpu.gpr[X86_RDX];
    }
    frame.mxcsr = (mxcsr & ~SIMD_MXCSR_FLAGS) | SIMD_ALL_MASKED;
    frame.host_mxcsr = SIMD_HOST_MXCSR;
    if ((flags & SF_FP) && (mxcsr & SIMD_ALL_MASKED) != SIMD_ALL_MASKED)
        run_unmasked(v, insn, stub, &frame);
    else
        run_stub(stub, insn, fpu_bytes(v), &frame);
    if (flags & SF_FP) /* even when storing the result (VCVTPS2PH) then faults */
        store_le32(fpu_bytes(v) + FPU_MXCSR, fpu_mxcsr(v) | (frame.mxcsr & SIMD_MXCSR_FLAGS));
    if (stub->store)
        interp_store(v, insn, frame.mem, stub->mem_bytes);
    commit(v, insn, stub, &frame);
}

/* VEX.vvvv must name no register where the form has no operand for it. */
static bool vvvv_valid(const struct simd_form *f, const struct x86_insn *insn)
{
    switch ((enum simd_shape)f->shape) {
    case SHAPE_B:
    case SHAPE_S:
    case SHAPE_C: return insn->vvvv == 0;
    default: return true;
    }
}

interp_insn_fn interp_simd_decode(struct interp_engine *e, const struct x86_insn *insn, int64_t *cookie)
{
    const struct simd_form *form;
    const struct simd_stub *stub;
    interp_insn_fn fn;

    *cookie = 0;
    if (insn->map == X86_MAP_1B)
        return x87_decode(e, insn, cookie);
    fn = xsave_decode(e, insn);
    if (!fn)
        fn = simd_decode_special(e, insn);
    if (fn)
        return insn->prefix_lock ? simd_undefined : fn;
    form = simd_form_find(insn);
    if (!form)
        return NULL;
    const bool vex = insn->encoding == X86_ENC_VEX;
    const enum simd_feature needed = !vex                                  ? form->legacy
                                     : insn->vl && !(form->flags & SF_LIG) ? form->v256
                                                                           : form->v128;
    if (insn->prefix_lock || !e->simd->host[needed] || (vex && !vvvv_valid(form, insn)))
        return simd_undefined;
    stub = simd_stub_get(e->simd, form, insn);
    if (!stub)
        return simd_undefined;
    *cookie = (int64_t)(uintptr_t)stub;
    return run_form;
}
