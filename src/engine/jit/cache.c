/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cache.c: the area for translated code, written through one mapping and run through another, and the routines at its
 * start: into translated code, out of it, and the call of one instruction's handler.
 */
#include "engine/jit/jit.h"

#include "base/log.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

const uint8_t jit_host_reg[16] = {RAX, R13, RDX, RBX, R12,           RBP,           RSI,           RDI,
                                  R8,  R9,  R10, R11, JIT_IN_MEMORY, JIT_IN_MEMORY, JIT_IN_MEMORY, JIT_IN_MEMORY};

static void registers(struct emit *e, bool load)
{
    for (unsigned n = 0; n < 12; n++) {
        if (load)
            emit_load(e, jit_host_reg[n], JIT_GPR(n));
        else
            emit_store(e, jit_host_reg[n], JIT_GPR(n));
    }
}

/* What is done only when the guest's vector, or x87, registers are in the host's. */
static void when(struct emit *e, struct emit_rm there, void (*move)(struct emit *))
{
    emit_op(e, 0, 8, 0x83, 7, there);
    emit_8(e, 0);
    uint8_t *skip = emit_jcc(e, 4);
    move(e);
    emit_target(skip, e->p);
}

static void spill(struct emit *e)
{
    registers(e, false);
    emit_8(e, 0x9f);                                      /* lahf */
    emit_op(e, EMIT_BYTE_RM, 1, 0x190, 0, emit_reg(RAX)); /* seto al */
    emit_op(e, 0, 4, 0x89, RAX, JIT_SLOT(flags));
    when(e, JIT_SLOT(vector), jit_vector_save);
    when(e, JIT_SLOT(x87), jit_x87_save);
}

static void reload(struct emit *e)
{
    when(e, JIT_SLOT(vector), jit_vector_load);
    when(e, JIT_SLOT(x87), jit_x87_load);
    emit_op(e, 0, 4, 0x8b, RAX, JIT_SLOT(flags));
    emit_16(e, 0x7f04); /* add al, 7f: 1 overflows, 0 does not */
    emit_8(e, 0x9e);    /* sahf */
    emit_load(e, R15, JIT_SLOT(v.table_and_field));
    registers(e, true);
}

static void out_to_c(struct emit *e)
{
    static const uint8_t pops[] = {0x48, 0x83, 0xc4, 0x08, 0x41, 0x5f, 0x41, 0x5e,
                                   0x41, 0x5d, 0x41, 0x5c, 0x5d, 0x5b, 0xc3};
    emit_load(e, RSP, JIT_SLOT(host_sp));
    emit_bytes(e, pops, sizeof pops); /* add rsp, 8; pop r15, r14, r13, r12, rbp, rbx; ret */
}

static void make_enter(struct jit_vcpu *j, struct emit *e)
{
    static const uint8_t pushes[] = {0x53, 0x55, 0x41, 0x54, 0x41, 0x55, 0x41,
                                     0x56, 0x41, 0x57, 0x48, 0x83, 0xec, 0x08};
    const uint8_t *code = jit_rx(j, e->p);
    emit_bytes(e, pushes, sizeof pushes);
    emit_store(e, RSP, emit_mem(RDI, offsetof(struct jit_vcpu, host_sp)));
    emit_store(e, RDI, emit_reg(RSP));
    emit_store(e, RSI, JIT_SLOT(resume));
    reload(e);
    emit_op(e, 0, 4, 0xff, 4, JIT_SLOT(resume));
    memcpy(&j->enter, &code, sizeof j->enter);
}

typedef const uint8_t *(*from_code)(struct jit_vcpu *j, uint32_t number);

/* Calls fn with ecx, and goes on where that says with the guest's registers as they then are; NULL: leaves. */
static void call_c(struct emit *e, from_code fn)
{
    uint64_t address;
    memcpy(&address, &fn, sizeof address);
    emit_op(e, 0, 4, 0x89, RCX, JIT_SLOT(number));
    spill(e);
    emit_op(e, 0, 4, 0x8b, RSI, JIT_SLOT(number));
    emit_load(e, RBX, emit_reg(RSP));
    emit_load(e, RDI, emit_reg(RSP));
    emit_load(e, RSP, JIT_SLOT(host_sp));
    emit_16(e, 0xb848); /* mov rax, imm64 */
    emit_64(e, address);
    emit_op(e, 0, 4, 0xff, 2, emit_reg(RAX));
    emit_load(e, RSP, emit_reg(RBX));
    emit_op(e, 0, 8, 0x85, RAX, emit_reg(RAX));
    uint8_t *leave = emit_jcc(e, 4);
    emit_store(e, RAX, JIT_SLOT(resume));
    reload(e);
    emit_op(e, 0, 4, 0xff, 4, JIT_SLOT(resume));
    emit_target(leave, e->p);
    out_to_c(e);
}

/* Called by translated code, with a number in ecx. */
static const uint8_t *make_call(struct jit_vcpu *j, struct emit *e, from_code fn)
{
    const uint8_t *start = jit_rx(j, e->p);
    emit_8(e, 0x41); /* pop r14 */
    emit_8(e, 0x5e);
    emit_store(e, R14, JIT_SLOT(resume));
    call_c(e, fn);
    return start;
}

static void make_exits(struct jit_vcpu *j, struct emit *e)
{
    j->exit_by_link = jit_rx(j, e->p); /* ecx: the link */
    call_c(e, jit_follow_link);
    j->exit_by_return = jit_rx(j, e->p); /* and r14: the guest's RIP */
    emit_store(e, R14, JIT_SLOT(v.cpu.rip));
    call_c(e, jit_follow_return);
    j->exit_by_far_link = jit_rx(j, e->p); /* the same */
    emit_store(e, R14, JIT_SLOT(v.cpu.rip));
    call_c(e, jit_follow_far_link);
    j->exit_by_rip = jit_rx(j, e->p); /* r14: the guest's RIP */
    emit_store(e, R14, JIT_SLOT(v.cpu.rip));
    call_c(e, jit_go_to);
}

static void *reserve(size_t bytes)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

int jit_cache_init(struct jit_vcpu *j)
{
    int fd = memfd_create("domus-jit", MFD_CLOEXEC);
    j->ops = reserve(JIT_OPS * sizeof *j->ops);
    j->links = reserve(JIT_LINKS * sizeof *j->links);
    j->crossings = reserve(JIT_CROSSINGS * sizeof *j->crossings);
    j->far_links = reserve(JIT_FAR_LINKS * sizeof *j->far_links);
    if (fd >= 0 && ftruncate(fd, JIT_CACHE_BYTES) == 0) {
        void *rw = mmap(NULL, JIT_CACHE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        void *rx = mmap(NULL, JIT_CACHE_BYTES, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
        j->rw = rw == MAP_FAILED ? NULL : rw;
        j->rx = rx == MAP_FAILED ? NULL : rx;
    }
    if (fd >= 0)
        close(fd);
    if (!j->rw || !j->rx || !j->ops || !j->links || !j->crossings || !j->far_links) {
        log_error("jit: no memory for translated code: %s", strerror(errno));
        return -1;
    }
    struct emit e = {.p = j->rw, .end = j->rw + 16384};
    make_enter(j, &e);
    j->fallback = make_call(j, &e, jit_run_op);
    j->load_vectors = make_call(j, &e, jit_load_vectors);
    j->load_x87 = make_call(j, &e, jit_load_x87);
    j->check_crossing = make_call(j, &e, jit_check_crossing);
    j->write_beside = j->v.engine->max_vcpus == 1 ? jit_make_beside(j, &e) : NULL;
    make_exits(j, &e);
    j->fixed = j->used = (size_t)(e.p - j->rw + 63) & ~(size_t)63;
    return 0;
}

void jit_cache_fini(struct jit_vcpu *j)
{
    if (j->rw)
        munmap(j->rw, JIT_CACHE_BYTES);
    if (j->rx)
        munmap((void *)(uintptr_t)j->rx, JIT_CACHE_BYTES);
    if (j->ops)
        munmap(j->ops, JIT_OPS * sizeof *j->ops);
    if (j->links)
        munmap(j->links, JIT_LINKS * sizeof *j->links);
    if (j->crossings)
        munmap(j->crossings, JIT_CROSSINGS * sizeof *j->crossings);
    if (j->far_links)
        munmap(j->far_links, JIT_FAR_LINKS * sizeof *j->far_links);
}

bool jit_cache_low(const struct jit_vcpu *j)
{
    return j->used + 65536 > JIT_CACHE_BYTES || j->op_count + 256 > JIT_OPS || j->link_count + 16 > JIT_LINKS ||
           j->crossing_count == JIT_CROSSINGS;
}

void jit_cache_clear(struct jit_vcpu *j)
{
    j->used = j->fixed;
    j->op_count = j->link_count = j->crossing_count = j->far_count = 0;
    j->pending = UINT32_MAX;
}
