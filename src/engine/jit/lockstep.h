/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lockstep.h: every translated block against the reference engine, for those who look for the translator's faults:
 * DOMUS_JIT_LOCKSTEP=1 in the environment (docs/jit.md), or =eager, so that all blocks are translated at first sight.
 */
#ifndef DOMUS_ENGINE_JIT_LOCKSTEP_H
#define DOMUS_ENGINE_JIT_LOCKSTEP_H

#include "engine/jit/jit.h"

/* For engine_ops.vcpu_counters. */
struct jit_lockstep_counts {
    uint64_t compared;
    uint64_t partly;  /* of them, those that were left before their end */
    uint64_t alone;   /* run by the reference engine only: instructions with effects elsewhere, or no sure outcome */
    uint64_t outside; /* not compared: a device was asked, much was written, or other code was there by now */
};

/* Nothing, unless it is asked for: then j->lockstep is set. 0, or -1 with a log line. */
int jit_lockstep_init(struct jit_vcpu *j);
void jit_lockstep_fini(struct jit_vcpu *j);
const struct jit_lockstep_counts *jit_lockstep_counts(const struct jit_lockstep *l);

/* The rest is for a j->lockstep that is set. Takes a block that cannot be compared; false: it can. */
bool jit_lockstep_keeps(struct jit_vcpu *j, struct interp_block *b);
/* In place of j->enter(), with everything ready for that: runs b in both, and only b. A difference is told in the log,
 * and vcpu_run() ends with ENGINE_EXIT_ERROR. */
void jit_lockstep_run(struct jit_vcpu *j, struct interp_block *b);

#endif
