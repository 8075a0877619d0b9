/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lockstep_report.h: a difference between a translated block and the reference engine, in words; and what its
 * instructions leave undefined.
 */
#ifndef DOMUS_ENGINE_JIT_LOCKSTEP_REPORT_H
#define DOMUS_ENGINE_JIT_LOCKSTEP_REPORT_H

#include "engine/interp/interp.h"

#define JIT_COPIES 96u /* pages that a block may write before it is not compared */

/* A page that the reference engine wrote, beside the guest's own. */
struct jit_copy {
    const uint8_t *host;   /* the guest's */
    uint8_t *before, *now; /* as the block found it, and as the reference engine left it */
};

struct jit_copies {
    struct jit_copy copy[JIT_COPIES];
    unsigned used;
    uint8_t *pages; /* owned: what all `before` and `now` are in */
};

/* Arithmetic flags that b's first instructions may leave in any state. */
uint64_t jit_undefined_flags(const struct interp_block *b, unsigned count, unsigned code_mode);
/* To the log, as errors. Of the vCPUs only what the block's instructions change is looked at. */
void jit_lockstep_report(const struct interp_block *b, const struct interp_vcpu *before,
                         const struct interp_vcpu *reference, const struct interp_vcpu *translated,
                         const struct jit_copies *copies, uint64_t compared);

#endif
