/* SPDX-License-Identifier: GPL-2.0-or-later */
/* run.h: the vCPU loop. */
#ifndef DOMUS_ENGINE_INTERP_RUN_H
#define DOMUS_ENGINE_INTERP_RUN_H

#include "engine/interp/interp.h"

enum engine_exit interp_run(struct interp_vcpu *v);

#endif
