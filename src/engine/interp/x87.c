/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * x87.c: the x87 instructions. Arithmetic, loads and stores run on the host's x87 with the guest's state loaded into
 * it; what controls the unit (FLDCW, FNSTENV, FNSAVE, ...) is done here on the state's image. FIP, FDP and FOP are the
 * guest's own; FCS and FDS are zero, as processors with CPUID.7.EBX[13] have them. (Intel SDM vol. 1, ch. 8.)
 */
#include "engine/interp/simd_state.h"

#define FCW_INIT  0x37fu
#define FCW_BITS  0x1f3fu
#define FCW_FIXED 0x40u
#define STORES    X87_STORES

/* Of D8+row /digit: see x87_operand(). */
static const uint8_t operands[8][8] = {
    {4, 4, 4, 4, 4, 4, 4, 4}, {4, 0, 4 | STORES, 4 | STORES, 0, 0, 0, 0},
    {4, 4, 4, 4, 4, 4, 4, 4}, {4, 4 | STORES, 4 | STORES, 4 | STORES, 0, 10, 0, 10 | STORES},
    {8, 8, 8, 8, 8, 8, 8, 8}, {8, 8 | STORES, 8 | STORES, 8 | STORES, 0, 0, 0, 0},
    {2, 2, 2, 2, 2, 2, 2, 2}, {2, 2 | STORES, 2 | STORES, 2 | STORES, 10, 8, 10 | STORES, 8 | STORES},
};

/* Register forms that exist, a bit for each of C0..FF by the low six bits of ModRM (controls left out). */
static const uint64_t register_forms[8] = {
    0xffffffffffffffff, /* D8: all */
    /* D9: FLD FXCH, FNOP, FSTP1, FCHS FABS FTST FXAM, FLD1..FLDZ, F2XM1..FCOS */
    0xffff7f33ff01ffff, 0x00000200ffffffff, /* DA: FCMOV, FUCOMPP */
    0x00ffff00ffffffff,                     /* DB: FCMOV, FUCOMI, FCOMI */
    0xffffffffffffffff,                     /* DC */
    0x0000ffffffffffff,                     /* DD: FFREE FXCH4 FST FSTP FUCOM FUCOMP */
    0xffffffff02ffffff,                     /* DE: FADDP FMULP FCOMP5 FCOMPP FSUBRP FSUBP FDIVRP FDIVP */
    0x00ffff00ffffffff,                     /* DF: FFREEP FXCH7 FSTP8 FSTP9 FUCOMIP FCOMIP */
};

unsigned x87_operand(const struct x86_insn *insn)
{
    return operands[insn->opcode & 7][insn->modrm >> 3 & 7];
}

/*
 * With CR0.NE the exception is #MF. Without, the processor shows it on FERR#, which a PC makes an interrupt of, and
 * waits for that before the instruction, unless the PC answers with IGNNE#: then the instruction runs.
 */
void x87_pending(struct interp_vcpu *v)
{
    const bool pending = load_le16(fpu_bytes(v) + FPU_FSW) & FSW_ES;

    if (pending && (v->cpu.cr0 & X86_CR0_NE))
        interp_raise(v, X86_EXC_MF);
    v->ferr = pending;
    if (v->host.fpu_error && !v->host.fpu_error(v->opaque, pending) && pending)
        interp_wait(v);
}

static void check_available(struct interp_vcpu *v)
{
    if (v->cpu.cr0 & (X86_CR0_EM | X86_CR0_TS))
        interp_raise(v, X86_EXC_NM);
}

static void check_waiting(struct interp_vcpu *v)
{
    check_available(v);
    simd_check_pending(v);
}

/* Sets FSW; the registers stay where they are physically, so their ST-relative places turn with TOP. */
static void set_fsw(uint8_t *image, unsigned fsw)
{
    const unsigned turn = (fsw_top(fsw) - fsw_top(load_le16(image + FPU_FSW))) & 7;
    uint8_t old[128];

    if (turn) {
        memcpy(old, image + SIMD_ST_OFFSET, sizeof old);
        for (unsigned i = 0; i < 8; i++)
            memcpy(image + SIMD_ST_OFFSET + 16 * i, old + 16 * ((i + turn) & 7), 16);
    }
    store_le16(image + FPU_FSW, (uint16_t)fsw);
}

/* Guest values of FIP, FDP and FOP where the host's instruction set them. */
static void put_pointers(struct interp_vcpu *v, const struct x86_insn *insn, const uint8_t *work, unsigned host_fop)
{
    uint8_t *image = fpu_bytes(v);

    if (load_le64(work + FPU_FIP))
        store_le64(image + FPU_FIP, interp_this_rip(v));
    if (load_le64(work + FPU_FDP) && insn->mod != 3)
        store_le64(image + FPU_FDP, interp_ea(v, insn));
    if (load_le16(work + FPU_FOP) == host_fop)
        store_le16(image + FPU_FOP, (uint16_t)((insn->opcode & 7) << 8 | insn->modrm));
}

struct x87_work {
    uint8_t image[576] __attribute__((aligned(64)));
};

static unsigned pending_of(struct interp_vcpu *v)
{
    const unsigned fsw = load_le16(fpu_bytes(v) + FPU_FSW);

    return fsw & FSW_ES ? fsw & (FSW_EXC | FSW_ES | FSW_B) : 0;
}

/*
 * The x87 part of the image with no pointers, so that new ones show, and nothing else for XRSTOR to see. Exceptions
 * that are pending, and ignored by the guest, are left out as well: the host's instruction would not ignore them.
 */
static void make_work(struct interp_vcpu *v, struct x87_work *work, unsigned host_fop)
{
    memcpy(work->image, fpu_bytes(v), SIMD_XMM_OFFSET);
    store_le16(work->image + FPU_FSW, (uint16_t)(load_le16(work->image + FPU_FSW) & ~pending_of(v)));
    memset(work->image + FPU_FIP, 0, 16);
    store_le16(work->image + FPU_FOP, (uint16_t)(host_fop ^ 0x7ff));
    store_le64(work->image + FPU_MXCSR, SIMD_HOST_MXCSR);
    memset(work->image + FPU_XSTATE_BV, 0, 64);
    work->image[FPU_XSTATE_BV] = 1;
}

/* An unmasked exception may have kept a store from happening: then another run over other bytes leaves those too. */
static bool stored(struct interp_vcpu *v, const struct simd_stub *stub, const struct simd_frame *frame, unsigned size,
                   unsigned host_fop)
{
    struct x87_work work;
    struct simd_frame again = *frame;

    for (unsigned i = 0; i < size; i++)
        again.mem[i] = (uint8_t)~frame->mem[i];
    make_work(v, &work, host_fop);
    stub->x87(work.image, again.mem, &again);
    return memcmp(frame->mem, again.mem, size) == 0;
}

static void run_x87(struct interp_vcpu *v, const struct x86_insn *insn)
{
    const struct simd_stub *stub = (const struct simd_stub *)(uintptr_t)v->op->imm;
    const unsigned operand = insn->mod == 3 ? 0 : x87_operand(insn);
    const unsigned size = operand & X87_BYTES;
    const unsigned host_modrm = insn->mod == 3 ? insn->modrm : (insn->modrm & 0x38u) | 6;
    const unsigned host_fop = (insn->opcode & 7u) << 8 | host_modrm;
    struct x87_work work;
    struct simd_frame frame;

    check_waiting(v);
    if (operand & STORES)
        memset(frame.mem, 0, 16);
    else if (size)
        interp_load(v, insn, frame.mem, size);
    const bool flags = insn->mod == 3 && (insn->opcode == 0xda || insn->opcode == 0xdb || insn->opcode == 0xdf);
    frame.flags = flags ? interp_get_arith(v) | 2 : 0;
    make_work(v, &work, host_fop);
    stub->x87(work.image, frame.mem, &frame);
    if ((operand & STORES) && (!(load_le16(work.image + FPU_FSW) & FSW_ES) || stored(v, stub, &frame, size, host_fop)))
        interp_store(v, insn, frame.mem, size);
    put_pointers(v, insn, work.image, host_fop);
    store_le16(work.image + FPU_FSW, (uint16_t)(load_le16(work.image + FPU_FSW) | pending_of(v)));
    memcpy(fpu_bytes(v), work.image, FPU_FOP);
    memcpy(fpu_bytes(v) + SIMD_ST_OFFSET, work.image + SIMD_ST_OFFSET, 128);
    if (flags)
        interp_set_arith(v, (uint32_t)frame.flags & X86_ARITH);
}

/* Control instructions */

static void fwait(struct interp_vcpu *v, const struct x86_insn *insn)
{
    if ((v->cpu.cr0 & (X86_CR0_MP | X86_CR0_TS)) == (X86_CR0_MP | X86_CR0_TS))
        interp_raise(v, X86_EXC_NM);
    simd_check_pending(v);
}

static void fnop_old(struct interp_vcpu *v,
                     const struct x86_insn *insn) /* FENI, FDISI, FSETPM: nothing since the 387 */
{
    check_available(v);
}

static void fninit_image(uint8_t *image)
{
    set_fsw(image, 0);
    store_le16(image + FPU_FCW, FCW_INIT);
    store_le16(image + FPU_FTW, 0);
    memset(image + FPU_FOP, 0, 2 + 16);
}

static void fninit(struct interp_vcpu *v, const struct x86_insn *insn)
{
    check_available(v);
    fninit_image(fpu_bytes(v));
}

static void fnclex(struct interp_vcpu *v, const struct x86_insn *insn)
{
    check_available(v);
    store_le16(fpu_bytes(v) + FPU_FSW, load_le16(fpu_bytes(v) + FPU_FSW) & 0x7f00);
}

static void put_fcw(uint8_t *image, unsigned fcw)
{
    fcw = (fcw & FCW_BITS) | FCW_FIXED;
    store_le16(image + FPU_FCW, (uint16_t)fcw);
    store_le16(image + FPU_FSW, fsw_with_summary(load_le16(image + FPU_FSW), fcw));
}

static void fldcw(struct interp_vcpu *v, const struct x86_insn *insn)
{
    uint8_t value[2];

    check_waiting(v);
    interp_load(v, insn, value, 2);
    put_fcw(fpu_bytes(v), load_le16(value));
}

static void fnstcw(struct interp_vcpu *v, const struct x86_insn *insn)
{
    check_available(v);
    interp_store(v, insn, fpu_bytes(v) + FPU_FCW, 2);
}

static void fnstsw(struct interp_vcpu *v, const struct x86_insn *insn)
{
    check_available(v);
    interp_store(v, insn, fpu_bytes(v) + FPU_FSW, 2);
}

static void fnstsw_ax(struct interp_vcpu *v, const struct x86_insn *insn)
{
    check_available(v);
    store_le16(&v->cpu.gpr[X86_RAX], load_le16(fpu_bytes(v) + FPU_FSW));
}

static unsigned tag_of(const uint8_t *st)
{
    const unsigned exponent = load_le16(st + 8) & 0x7fff;
    const uint64_t mantissa = load_le64(st);

    if (exponent == 0)
        return mantissa ? 2 : 1;
    return exponent == 0x7fff || !(mantissa >> 63) ? 2 : 0;
}

static uint16_t full_tags(const uint8_t *image)
{
    const unsigned top = fsw_top(load_le16(image + FPU_FSW));
    unsigned tags = 0;

    for (unsigned n = 0; n < 8; n++) {
        const uint8_t *st = image + SIMD_ST_OFFSET + 16 * ((n - top) & 7);
        tags |= (image[FPU_FTW] >> n & 1 ? tag_of(st) : 3) << (2 * n);
    }
    return (uint16_t)tags;
}

/* The environment in memory has four layouts: 14 or 28 bytes, protected or real mode (SDM vol. 1, 8.1.10). */
static bool real_layout(const struct interp_vcpu *v)
{
    return !(v->cpu.cr0 & X86_CR0_PE) || (v->cpu.rflags & X86_VM);
}

static unsigned env_bytes(const struct x86_insn *insn)
{
    return insn->operand_size == 2 ? 14 : 28;
}

static void make_env(const struct interp_vcpu *v, const struct x86_insn *insn, uint8_t out[28])
{
    const uint8_t *image = v->cpu.fpu.bytes;
    const uint32_t fip = load_le32(image + FPU_FIP), fdp = load_le32(image + FPU_FDP);
    const uint32_t fop = load_le16(image + FPU_FOP) & 0x7ff;
    const bool real = real_layout(v);
    uint32_t field[7] = {load_le16(image + FPU_FCW), load_le16(image + FPU_FSW), full_tags(image), fip, 0, fdp, 0};

    if (insn->operand_size == 2) {
        if (real) {
            field[4] = (fip >> 16 & 0xf) << 12 | fop;
            field[6] = (fdp >> 16 & 0xf) << 12;
        }
        for (unsigned i = 0; i < 7; i++)
            store_le16(out + 2 * i, (uint16_t)field[i]);
        return;
    }
    for (unsigned i = 0; i < 3; i++)
        field[i] |= 0xffff0000;
    if (real) {
        field[3] |= 0xffff0000;
        field[4] = (fip >> 16) << 12 | fop;
        field[5] |= 0xffff0000;
        field[6] = (fdp >> 16) << 12;
    } else {
        field[4] = fop << 16;
        field[6] = 0xffff0000;
    }
    for (unsigned i = 0; i < 7; i++)
        store_le32(out + 4 * i, field[i]);
}

static void put_env(struct interp_vcpu *v, const struct x86_insn *insn, const uint8_t *env)
{
    uint8_t *image = fpu_bytes(v);
    uint32_t field[7];
    unsigned abridged = 0;

    for (unsigned i = 0; i < 7; i++)
        field[i] = insn->operand_size == 2 ? load_le16(env + 2 * i) : load_le32(env + 4 * i);
    for (unsigned n = 0; n < 8; n++)
        abridged |= (field[2] >> (2 * n) & 3) != 3 ? 1u << n : 0;
    image[FPU_FTW] = (uint8_t)abridged;
    set_fsw(image, field[1] & 0xffff);
    put_fcw(image, field[0]);
    uint32_t fip = field[3], fdp = field[5], fop = field[4];
    if (real_layout(v)) {
        const uint32_t high = insn->operand_size == 2 ? 0xf : 0xffff;
        fip = (fip & 0xffff) | (field[4] >> 12 & high) << 16;
        fdp = (fdp & 0xffff) | (field[6] >> 12 & high) << 16;
    } else {
        fop = insn->operand_size == 2 ? 0 : fop >> 16;
    }
    store_le16(image + FPU_FOP, fop & 0x7ff);
    store_le64(image + FPU_FIP, fip);
    store_le64(image + FPU_FDP, fdp);
}

static void fnstenv(struct interp_vcpu *v, const struct x86_insn *insn)
{
    uint8_t env[28];

    check_available(v);
    make_env(v, insn, env);
    interp_store(v, insn, env, env_bytes(insn));
    put_fcw(fpu_bytes(v), load_le16(fpu_bytes(v) + FPU_FCW) | FSW_EXC);
}

static void fldenv(struct interp_vcpu *v, const struct x86_insn *insn)
{
    uint8_t env[28];

    check_waiting(v);
    interp_load(v, insn, env, env_bytes(insn));
    put_env(v, insn, env);
}

static void fnsave(struct interp_vcpu *v, const struct x86_insn *insn)
{
    const unsigned env = env_bytes(insn);
    uint8_t out[28 + 80];

    check_available(v);
    make_env(v, insn, out);
    for (unsigned i = 0; i < 8; i++)
        memcpy(out + env + 10 * i, fpu_bytes(v) + SIMD_ST_OFFSET + 16 * i, 10);
    interp_store(v, insn, out, env + 80);
    fninit_image(fpu_bytes(v));
}

static void frstor(struct interp_vcpu *v, const struct x86_insn *insn)
{
    const unsigned env = env_bytes(insn);
    uint8_t in[28 + 80];

    check_waiting(v);
    interp_load(v, insn, in, env + 80);
    put_env(v, insn, in);
    for (unsigned i = 0; i < 8; i++) {
        uint8_t *st = fpu_bytes(v) + SIMD_ST_OFFSET + 16 * i;
        memset(st, 0, 16);
        memcpy(st, in + env + 10 * i, 10);
    }
}

static interp_insn_fn decode_control(const struct x86_insn *insn)
{
    const unsigned digit = insn->modrm >> 3 & 7;

    if (insn->mod == 3) {
        if (insn->opcode == 0xdf && insn->modrm == 0xe0)
            return fnstsw_ax;
        if (insn->opcode != 0xdb)
            return NULL;
        switch (insn->modrm) {
        case 0xe0:
        case 0xe1:
        case 0xe4: return fnop_old;
        case 0xe2: return fnclex;
        case 0xe3: return fninit;
        default: return NULL;
        }
    }
    if (insn->opcode == 0xd9) {
        static const interp_insn_fn d9[8] = {[4] = fldenv, [5] = fldcw, [6] = fnstenv, [7] = fnstcw};
        return d9[digit];
    }
    if (insn->opcode == 0xdd) {
        static const interp_insn_fn dd[8] = {[4] = frstor, [6] = fnsave, [7] = fnstsw};
        return dd[digit];
    }
    return NULL;
}

interp_insn_fn x87_decode(struct interp_engine *e, const struct x86_insn *insn, int64_t *cookie)
{
    const struct simd_stub *stub;
    interp_insn_fn fn;
    bool exists;

    if (insn->opcode != 0x9b && (insn->opcode & 0xf8) != 0xd8)
        return NULL;
    if (insn->prefix_lock)
        return simd_undefined;
    if (insn->opcode == 0x9b)
        return fwait;
    fn = decode_control(insn);
    if (fn)
        return fn;
    if (insn->mod == 3)
        exists = register_forms[insn->opcode & 7] >> (insn->modrm & 0x3f) & 1;
    else
        exists = x87_operand(insn) != 0;
    stub = exists ? simd_stub_get_x87(e->simd, insn->opcode, insn->modrm) : NULL;
    if (!stub)
        return simd_undefined;
    *cookie = (int64_t)(uintptr_t)stub;
    return run_x87;
}
