/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * run.c: the vCPU loop: requests, interrupts, shadows, single steps, and blocks one after the other.
 */
#include "engine/interp/run.h"

#include "engine/interp/access.h"
#include "engine/interp/flags.h"
#include "engine/interp/trace.h"

static bool leave(struct interp_vcpu *v, enum engine_exit why)
{
    v->exit = (uint8_t)why;
    return false;
}

static void run_block(struct interp_vcpu *v, struct interp_block *b)
{
    if (unlikely(v->cs_limited) && v->cpu.rip + b->bytes - 1 > v->cpu.seg[X86_CS].limit) {
        b = interp_find_block(v, true); /* the last instructions before the limit, one by one */
        if (v->cpu.rip + b->bytes - 1 > v->cpu.seg[X86_CS].limit && b->bytes)
            interp_raise_error(v, X86_EXC_GP, 0);
    }
    v->block = b;
    v->rip0 = v->cpu.rip;
    v->chain_left = 256;
    b->ops[0].fn(v, b->ops);
    v->op = NULL;
}

/* Instruction breakpoints on the next instruction; RF holds them off once. */
static void check_exec_breakpoints(struct interp_vcpu *v)
{
    gva_t lin = (v->code_mode == X86_MODE_64 ? v->cpu.rip : v->cpu.seg[X86_CS].base + v->cpu.rip) & v->lin_mask;
    uint64_t hits = 0;
    for (unsigned i = 0; i < 4; i++) {
        bool armed = (v->cpu.dr[7] >> (2 * i) & 3) && !(v->cpu.dr[7] >> (16 + 4 * i) & 3);
        if (armed && v->cpu.dr[i] == lin)
            hits |= 1u << i;
    }
    if (!hits)
        return;
    v->cpu.rflags |= X86_RF;
    v->event = (struct interp_event){.valid = true, .vector = X86_EXC_DB, .dr6 = hits};
}

/* One instruction, with all that single-stepping and breakpoints ask for. */
static void run_one(struct interp_vcpu *v)
{
    bool step = v->cpu.rflags & X86_TF;
    bool rf = v->cpu.rflags & X86_RF;
    if (v->exec_watch && !rf) {
        check_exec_breakpoints(v);
        if (v->event.valid)
            return;
    }
    v->cpu.sti_shadow = false;
    v->debug_hits = 0;
    struct interp_block *b = interp_find_block(v, true);
    if (unlikely(v->tracing)) {
        interp_trace_instruction(v, b);
        if (!v->tracing)
            interp_mode_changed(v);
    }
    if (rf) {
        v->cpu.rflags &= ~(uint64_t)X86_RF;
        interp_mode_changed(v);
    }
    v->stepping = v->attention = true;
    run_block(v, b);
    v->stepping = false;
    uint64_t hits = v->debug_hits | (step ? 1u << 14 : 0);
    v->debug_hits = 0;
    if (hits && !v->event.valid && !v->stop)
        v->event = (struct interp_event){.valid = true, .vector = X86_EXC_DB, .dr6 = hits};
}

static bool deliverable(const struct interp_vcpu *v)
{
    return !v->cpu.sti_shadow;
}

/* Returns false to leave vcpu_run. */
static bool look_around(struct interp_vcpu *v, uint32_t requests)
{
    if (requests & ENGINE_REQ_FLUSH) {
        atomic_fetch_and(v->requests, ~(uint32_t)ENGINE_REQ_FLUSH);
        interp_flush_tlb(v);
        const bool wanted = interp_trace_wanted(v);
        if (unlikely(wanted != v->tracing)) {
            v->tracing = wanted;
            interp_mode_changed(v);
        }
    }
    if (v->stop) {
        v->stop = false;
        return false;
    }
    if (requests & (ENGINE_REQ_INIT | ENGINE_REQ_SIPI | ENGINE_REQ_STOP))
        return leave(v, ENGINE_EXIT_REQUEST);
    if (v->cpu.activity == X86_WAIT_FOR_SIPI)
        return leave(v, ENGINE_EXIT_HALT);
    if ((requests & ENGINE_REQ_NMI) && !v->cpu.nmi_masked && deliverable(v)) {
        atomic_fetch_and(v->requests, ~(uint32_t)ENGINE_REQ_NMI);
        v->cpu.nmi_masked = true;
        interp_inject(v, X86_EXC_NMI, INTERP_EXTERNAL);
        return true;
    }
    if ((requests & ENGINE_REQ_INTR) && (v->cpu.rflags & X86_IF) && deliverable(v)) {
        cc_commit(v);
        if (v->user && v->engine->tier)
            v->engine->tier->user_interrupted(v);
        int vector = v->host.interrupt_ack(v->opaque);
        if (vector >= 0) {
            interp_inject(v, (unsigned)vector, INTERP_EXTERNAL);
            return true;
        }
    }
    if (v->cpu.activity == X86_HALTED)
        return leave(v, ENGINE_EXIT_HALT);
    return true;
}

static bool run_user(struct interp_vcpu *v)
{
    bool held = v->direct_hold;
    v->direct_hold = false;
    return !held && v->engine->tier->run_user(v);
}

static bool step(struct interp_vcpu *v)
{
    if (unlikely(v->event.valid)) {
        interp_deliver(v);
        return true;
    }
    uint32_t requests = interp_requests(v);
    if (likely(!(requests | v->attention))) {
        if (unlikely(v->direct) && run_user(v))
            return true;
        run_block(v, interp_find_block(v, false));
        return true;
    }
    if (!look_around(v, requests))
        return false;
    if (v->event.valid)
        return true;
    v->attention = v->single;
    v->mid_string = false;
    if (v->single || v->cpu.sti_shadow)
        run_one(v);
    else if (!v->direct || !run_user(v))
        run_block(v, interp_find_block(v, false));
    return true;
}

enum engine_exit interp_run(struct interp_vcpu *v)
{
    v->attention = true;
    interp_if_changed(v);
    if (_setjmp(v->fault_exit))
        interp_event_after_fault(v);
    v->stepping = false;
    while (step(v))
        ;
    cc_commit(v);
    v->block = NULL;
    return (enum engine_exit)v->exit;
}
