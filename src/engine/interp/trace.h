/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * trace.h: every instruction that the vCPUs run, as text in a file, for whoever must find out what a guest does. While
 * it is written, each runs alone in the reference engine.
 */
#ifndef DOMUS_ENGINE_INTERP_TRACE_H
#define DOMUS_ENGINE_INTERP_TRACE_H

#include "engine/interp/interp.h"

/* engine_ops.trace */
int interp_trace_start(struct interp_engine *e, int fd, uint64_t count);
void interp_trace_end(struct interp_engine *e);

/* All in v's thread. Whether there is a trace now, which is asked after ENGINE_REQ_FLUSH. */
bool interp_trace_wanted(const struct interp_vcpu *v);
/* b's one instruction is about to run; v->tracing is cleared when it was the last. */
void interp_trace_instruction(struct interp_vcpu *v, const struct interp_block *b);
void interp_trace_event(struct interp_vcpu *v, const struct interp_event *event);

#endif
