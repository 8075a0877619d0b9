/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * simd_stub.c: writes the stubs. Knows x86-64 encodings and the System V calling convention, not the guest.
 *
 * In a stub:  reg place xmm1/mm1/eax   vvvv xmm2   rm place xmm3/mm3/r10   is4 xmm4   implicit xmm0
 *             rdi, rsi, rdx, r9: pointers to those operands; rcx: memory operand; r8: struct simd_frame
 */
#include "engine/interp/simd_stub.h"

#include "base/log.h"
#include "engine/interp/simd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define AREA_BYTES (32u << 20) /* more than all forms with all immediates need; pages come as they are used */
#define STUB_MAX   192u
#define HOST_REG   1u
#define HOST_VVVV  2u
#define HOST_RM    3u
#define HOST_IS4   4u
#define FRAME(f)   ((uint8_t)offsetof(struct simd_frame, f))
#define RSI        6u
#define RDI        7u
#define RDX        2u
#define R9         9u
#define R10        10u
#define RCX        1u

struct emit {
    uint8_t bytes[STUB_MAX];
    unsigned n;
};

static void put(struct emit *e, const void *bytes, unsigned n)
{
    memcpy(e->bytes + e->n, bytes, n);
    e->n += n;
}

#define PUT(e, ...)                                      \
    do {                                                 \
        const uint8_t put_bytes_[] = {__VA_ARGS__};      \
        put(e, put_bytes_, (unsigned)sizeof put_bytes_); \
    } while (0)

/* One move between a vector register and the operand `base` points at. */
static void move_vector(struct emit *e, bool store, unsigned kind, bool vex, bool wide, unsigned reg, unsigned base)
{
    const uint8_t b = base >= 8, modrm = (uint8_t)(reg << 3 | (base & 7));

    if (kind == KIND_M) {
        if (b)
            PUT(e, 0x41);
        PUT(e, 0x0f, store ? 0x7f : 0x6f, modrm);
        return;
    }
    if (!vex) {
        PUT(e, 0xf3);
        if (b)
            PUT(e, 0x41);
        PUT(e, 0x0f, store ? 0x7f : 0x6f, modrm);
        return;
    }
    PUT(e, 0xc4, b ? 0xc1 : 0xe1, 0x7a, store ? 0x7f : 0x6f, modrm); /* vmovdqu xmm */
    if (store) /* a VEX destination always has both halves, the upper one often zero */
        PUT(e, 0xc4, b ? 0xc3 : 0xe3, 0x7d, 0x19, modrm | 0x80, SIMD_HIGH & 0xff, SIMD_HIGH >> 8, 0, 0, 1);
    else if (wide)
        PUT(e, 0xc4, b ? 0xc3 : 0xe3, (uint8_t)((~reg & 15) << 3 | 5), 0x18, modrm | 0x80, SIMD_HIGH & 0xff,
            SIMD_HIGH >> 8, 0, 0, 1);
}

/* mov reg,[r8+offset] or back */
static void move_gpr(struct emit *e, bool store, unsigned reg, uint8_t offset)
{
    PUT(e, reg >= 8 ? 0x4d : 0x49, store ? 0x89 : 0x8b, (uint8_t)(0x40 | (reg & 7) << 3), offset);
}

struct plan {
    const struct simd_form *form;
    bool vex, wide, w, mem;
    uint8_t imm;
    bool load_reg, load_vvvv, load_rm, store_reg, store_vvvv, store_rm;
};

static void plan_roles(struct plan *p)
{
    const bool vex = p->vex;

    switch ((enum simd_shape)p->form->shape) {
    case SHAPE_A:
        p->load_reg = !vex;
        p->load_vvvv = vex;
        p->load_rm = p->store_reg = true;
        break;
    case SHAPE_B: p->load_rm = p->store_reg = true; break;
    case SHAPE_S: p->load_reg = p->store_rm = true; break;
    case SHAPE_SA:
        p->load_rm = !vex;
        p->load_vvvv = vex;
        p->load_reg = p->store_rm = true;
        break;
    case SHAPE_C: p->load_reg = p->load_rm = true; break;
    case SHAPE_SH:
        p->load_rm = true;
        p->store_rm = !vex;
        p->store_vvvv = vex;
        break;
    case SHAPE_F: p->load_reg = p->load_vvvv = p->load_rm = p->store_reg = true; break;
    }
}

static void emit_loads(struct emit *e, const struct plan *p)
{
    const struct simd_form *f = p->form;

    if (f->flags & SF_XMM0) {
        move_gpr(e, false, 11, FRAME(xmm0));
        PUT(e, 0xf3, 0x41, 0x0f, 0x6f, 0x03);
    }
    if (p->load_vvvv)
        move_vector(e, false, f->reg, p->vex, p->wide, HOST_VVVV, RSI);
    if (p->load_reg && f->reg == KIND_G)
        move_gpr(e, false, X86_RAX, FRAME(reg));
    else if (p->load_reg)
        move_vector(e, false, f->reg, p->vex, p->wide && f->reg == KIND_X, HOST_REG, RDI);
    if (p->load_rm && !p->mem && f->rm == KIND_G)
        move_gpr(e, false, R10, FRAME(rm));
    else if (p->load_rm && !p->mem)
        move_vector(e, false, f->rm, p->vex, p->wide && f->rm == KIND_X, HOST_RM, RDX);
    if (f->flags & SF_IS4)
        move_vector(e, false, f->reg, p->vex, p->wide, HOST_IS4, R9);
    if (f->flags & SF_STRING) {
        move_gpr(e, false, X86_RAX, FRAME(reg));
        move_gpr(e, false, X86_RDX, FRAME(rdx));
    }
    if (f->flags & SF_FP)
        PUT(e, 0x41, 0x0f, 0xae, 0x50, FRAME(mxcsr));
}

static void emit_insn(struct emit *e, const struct plan *p)
{
    const struct simd_form *f = p->form;
    const unsigned reg = f->digit != 0xff ? f->digit : f->reg == KIND_G ? X86_RAX : HOST_REG;
    const unsigned rm = p->mem ? RCX : f->rm == KIND_G ? R10 : HOST_RM;
    const uint8_t modrm = (uint8_t)((p->mem ? 0 : 0xc0) | reg << 3 | (rm & 7));
    static const uint8_t prefix[4] = {0, 0x66, 0xf3, 0xf2};

    if (p->vex) {
        unsigned vvvv = p->load_vvvv || p->store_vvvv ? HOST_VVVV : 0;
        PUT(e, 0xc4, (uint8_t)(0xc0 | (rm < 8 ? 0x20 : 0) | f->map),
            (uint8_t)((p->w ? 0x80 : 0) | (~vvvv & 15) << 3 | (p->wide ? 4 : 0) | f->pp));
    } else {
        if (f->pp)
            PUT(e, prefix[f->pp]);
        if (p->w || rm >= 8)
            PUT(e, (uint8_t)(0x40 | (p->w ? 8 : 0) | (rm >= 8 ? 1 : 0)));
        PUT(e, 0x0f);
        if (f->map != X86_MAP_0F)
            PUT(e, f->map == X86_MAP_0F38 ? 0x38 : 0x3a);
    }
    PUT(e, f->opcode, modrm);
    if (f->flags & SF_IS4)
        PUT(e, HOST_IS4 << 4);
    else if (f->flags & SF_IMM)
        PUT(e, p->imm);
}

static void emit_stores(struct emit *e, const struct plan *p)
{
    const struct simd_form *f = p->form;

    if (f->flags & SF_FLAGS)
        PUT(e, 0x9c, 0x41, 0x8f, 0x40, FRAME(flags)); /* pushfq; pop [r8+flags] */
    if (f->flags & SF_FP)
        PUT(e, 0x41, 0x0f, 0xae, 0x58, FRAME(mxcsr), 0x41, 0x0f, 0xae, 0x50, FRAME(host_mxcsr));
    if (f->flags & SF_STRING) {
        if (f->opcode & 1) {
            move_gpr(e, true, X86_RCX, FRAME(rcx));
        } else {
            move_gpr(e, false, 11, FRAME(xmm0));
            PUT(e, 0xf3, 0x41, 0x0f, 0x7f, 0x03);
        }
    }
    if (p->store_reg && f->reg == KIND_G)
        move_gpr(e, true, X86_RAX, FRAME(reg));
    else if (p->store_reg)
        move_vector(e, true, f->reg, p->vex, true, HOST_REG, RDI);
    if (p->store_vvvv)
        move_vector(e, true, f->reg, p->vex, true, HOST_VVVV, RSI);
    if (p->store_rm && !p->mem && f->rm == KIND_G)
        move_gpr(e, true, R10, FRAME(rm));
    else if (p->store_rm && !p->mem)
        move_vector(e, true, f->rm, p->vex, true, HOST_RM, RDX);
    if (p->vex)
        PUT(e, 0xc5, 0xf8, 0x77); /* vzeroupper */
    if (f->reg == KIND_M || f->rm == KIND_M)
        PUT(e, 0x0f, 0x77); /* emms */
    PUT(e, 0xc3);
}

static void describe(struct simd_stub *stub, const struct plan *p)
{
    const struct simd_form *f = p->form;

    stub->form = f;
    stub->mem_bytes = p->mem ? (uint8_t)simd_mem_bytes(f, p->wide, p->w) : 0;
    stub->vex = p->vex;
    stub->mmx = (f->reg == KIND_M || f->rm == KIND_M) && !(p->mem && (f->flags & SF_X87));
    stub->load = p->mem && p->load_rm;
    stub->store = p->mem && p->store_rm;
    stub->gpr_reg_in = p->load_reg && f->reg == KIND_G;
    stub->gpr_reg_out = p->store_reg && f->reg == KIND_G;
    stub->gpr_rm_in = p->load_rm && f->rm == KIND_G && !p->mem;
    stub->gpr_rm_out = p->store_rm && f->rm == KIND_G && !p->mem;
    stub->mmx_reg_out = p->store_reg && f->reg == KIND_M;
    stub->mmx_rm_out = p->store_rm && f->rm == KIND_M && !p->mem;
}

static size_t slot_of(const struct interp_simd *s, uint64_t key)
{
    size_t at = (size_t)(key * 0x9e3779b97f4a7c15ull >> 20) & (s->slots - 1);

    while (s->table[at] && s->table[at]->key != key)
        at = (at + 1) & (s->slots - 1);
    return at;
}

static bool grow(struct interp_simd *s)
{
    struct simd_stub **old = s->table;
    const size_t old_slots = s->slots, slots = old_slots ? old_slots * 2 : 4096;
    struct simd_stub **table = calloc(slots, sizeof *table);

    if (!table)
        return false;
    s->table = table;
    s->slots = slots;
    for (size_t i = 0; i < old_slots; i++)
        if (old[i])
            s->table[slot_of(s, old[i]->key)] = old[i];
    free(old);
    return true;
}

/* Takes a stub into the table; the lock is held and its slot is free. */
static struct simd_stub *add_stub(struct interp_simd *s, uint64_t key, const struct emit *e)
{
    struct simd_stub *stub = NULL;

    if (s->used + STUB_MAX <= AREA_BYTES && (s->count * 2 < s->slots || grow(s)))
        stub = calloc(1, sizeof *stub);
    if (!stub) {
        log_error("interp: no memory for the host's form of a vector instruction");
        return NULL;
    }
    memcpy(s->rw + s->used, e->bytes, e->n);
    stub->key = key;
    stub->run = (simd_run_fn)(uintptr_t)(s->rx + s->used);
    s->used += (e->n + 15) & ~15u;
    s->table[slot_of(s, key)] = stub;
    s->count++;
    return stub;
}

const struct simd_stub *simd_stub_get(struct interp_simd *s, const struct simd_form *form, const struct x86_insn *insn)
{
    const bool code64 = insn->mode == X86_MODE_64;
    const bool gpr_size = form->reg == KIND_G || form->rm == KIND_G || (form->flags & SF_STRING);
    struct plan p = {
        .form = form,
        .vex = insn->encoding == X86_ENC_VEX,
        .wide = insn->vl && !(form->flags & SF_LIG),
        .w = (insn->rex & 8) && (form->flags & (SF_W | SF_W1)) && (code64 || !gpr_size),
        .mem = insn->mod != 3,
        .imm = form->flags & SF_IMM && !(form->flags & SF_IS4) ? (uint8_t)insn->imm : 0,
    };
    if (!p.vex)
        p.wide = false;
    if (!p.vex && (form->flags & SF_W1))
        p.w = false;
    const uint64_t key = (uint64_t)simd_form_index(form) << 24 | (uint64_t)p.imm << 8 | (unsigned)p.vex << 3 |
                         (unsigned)p.wide << 2 | (unsigned)p.w << 1 | p.mem;

    pthread_mutex_lock(&s->lock);
    struct simd_stub *stub = s->table[slot_of(s, key)];
    if (!stub) {
        struct emit e = {.n = 0};
        plan_roles(&p);
        emit_loads(&e, &p);
        emit_insn(&e, &p);
        emit_stores(&e, &p);
        stub = add_stub(s, key, &e);
        if (stub)
            describe(stub, &p);
    }
    pthread_mutex_unlock(&s->lock);
    return stub;
}

/*
 * rdi: image, rsi: memory operand, rdx: frame. The image comes in with XRSTOR (or FXRSTOR) of the x87 part only, and
 * exceptions the instruction leaves pending go out with the image: FNINIT clears them before anybody waits for them.
 */
static void emit_x87(struct emit *e, bool xsave, uint8_t opcode, uint8_t modrm)
{
    const bool mem = modrm < 0xc0;
    const bool flags = !mem && (opcode == 0xda || opcode == 0xdb || opcode == 0xdf); /* FCMOV, FCOMI */

    PUT(e, 0x49, 0x89, 0xd0); /* mov r8,rdx */
    if (xsave)
        PUT(e, 0xb8, 1, 0, 0, 0, 0x31, 0xd2, 0x48, 0x0f, 0xae, 0x2f); /* mov eax,1; xor edx,edx; xrstor64 [rdi] */
    else
        PUT(e, 0x48, 0x0f, 0xae, 0x0f); /* fxrstor64 [rdi] */
    if (flags)
        PUT(e, 0x41, 0xff, 0x70, FRAME(flags), 0x9d); /* push [r8+flags]; popfq */
    PUT(e, opcode, mem ? (uint8_t)((modrm & 0x38) | 6) : modrm);
    if (flags)
        PUT(e, 0x9c, 0x41, 0x8f, 0x40, FRAME(flags)); /* pushfq; pop [r8+flags] */
    if (xsave)
        PUT(e, 0xb8, 1, 0, 0, 0, 0x31, 0xd2, 0x48, 0x0f, 0xae, 0x27); /* xsave64 [rdi] */
    else
        PUT(e, 0x48, 0x0f, 0xae, 0x07); /* fxsave64 [rdi] */
    PUT(e, 0xdb, 0xe3, 0xc3);           /* fninit; ret */
}

const struct simd_stub *simd_stub_get_x87(struct interp_simd *s, uint8_t opcode, uint8_t modrm)
{
    const uint64_t key = 1ull << 62 | (uint64_t)opcode << 8 | (modrm < 0xc0 ? modrm & 0x38 : modrm);

    pthread_mutex_lock(&s->lock);
    struct simd_stub *stub = s->table[slot_of(s, key)];
    if (!stub) {
        struct emit e = {.n = 0};
        emit_x87(&e, s->host[FEAT_XSAVE], opcode, modrm);
        stub = add_stub(s, key, &e);
    }
    pthread_mutex_unlock(&s->lock);
    return stub;
}

struct interp_simd *interp_simd_create(void)
{
    struct interp_simd *s = calloc(1, sizeof *s);
    int fd = -1, saved;

    if (!s)
        return NULL;
    pthread_mutex_init(&s->lock, NULL);
    s->rw = s->rx = MAP_FAILED;
    for (unsigned i = 0; i < FEAT_COUNT; i++)
        s->host[i] = simd_host_has(i);
    fd = memfd_create("domus-simd", MFD_CLOEXEC);
    if (!grow(s) || fd < 0 || ftruncate(fd, AREA_BYTES) < 0)
        goto fail;
    s->rw = mmap(NULL, AREA_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    s->rx = mmap(NULL, AREA_BYTES, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
    if (s->rw == MAP_FAILED || s->rx == MAP_FAILED)
        goto fail;
    close(fd);
    return s;
fail:
    saved = errno;
    if (fd >= 0)
        close(fd);
    interp_simd_destroy(s);
    errno = saved;
    return NULL;
}

void interp_simd_destroy(struct interp_simd *s)
{
    if (!s)
        return;
    if (s->rw != MAP_FAILED)
        munmap(s->rw, AREA_BYTES);
    if (s->rx != MAP_FAILED)
        munmap(s->rx, AREA_BYTES);
    for (size_t i = 0; i < s->slots; i++)
        free(s->table[i]);
    free(s->table);
    pthread_mutex_destroy(&s->lock);
    free(s);
}
