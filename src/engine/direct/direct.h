/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * direct.h: guest user programs that compute run as they are, in a stub process whose addresses are theirs; whatever
 * they do that is not computing stops the stub, and the engine goes on with that instruction. docs/direct.md.
 *
 * All of it belongs to one vCPU and is called in its thread, but for direct_kick().
 */
#ifndef DOMUS_ENGINE_DIRECT_DIRECT_H
#define DOMUS_ENGINE_DIRECT_DIRECT_H

#include "engine/interp/interp.h"

struct direct;

enum direct_mode { DIRECT_OFF, DIRECT_AUTO, DIRECT_EAGER }; /* EAGER: whatever is allowed, at once: for tests */

/* NULL: not on this host, or no memory; said in the log. Then nothing below is to be called. */
struct direct *direct_create(struct interp_vcpu *v, enum direct_mode mode);
void direct_destroy(struct direct *d); /* NULL is fine */

/* An interrupt is about to end a stretch of v's user code: is its address space worth it? Then interp_space.direct. */
void direct_sample(struct direct *d);
/* Runs user code until it needs the engine. False: could not; nothing has changed. */
bool direct_run(struct direct *d);
/* Any thread: stop soon. */
void direct_kick(struct direct *d);

/* A user space's translations go: all, one page's, or (another program has it now) what is known of it, too. */
void direct_flush(struct direct *d, unsigned space);
void direct_flush_page(struct direct *d, unsigned space, gva_t lin);
void direct_forget(struct direct *d, unsigned space);
/* Nobody may write this page of guest RAM without being seen. */
void direct_revoke_writes(struct direct *d, const uint8_t *host);

struct direct_counts {
    uint64_t promoted, demoted, bursts, maps, flushes, lost; /* said in the log at the end */
};
const struct direct_counts *direct_counts(const struct direct *d);

#endif
