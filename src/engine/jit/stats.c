/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stats.c: what a vCPU's translated code did, for those who work on the translator: DOMUS_JIT_STATS=1 in the
 * environment, and the log tells when the vCPU ends what `xl debug` shows, and by opcode the
 * instructions that the reference engine's handlers did: "always" those without a translation, "missed" those whose
 * checks (TLB, target, alignment) failed.
 */
#include "engine/jit/jit.h"

#include "base/log.h"

#include <stdlib.h>

#define KEYS  (3u << 13) /* encoding, map, opcode, ModRM's reg */
#define SHOWN 40

struct jit_stats {
    uint64_t always[KEYS], missed[KEYS];
};

static unsigned key_of(const struct x86_insn *insn)
{
    unsigned digit = insn->has_modrm ? insn->modrm >> 3 & 7u : 0;
    return (unsigned)insn->encoding << 13 | (insn->map & 3u) << 11 | (unsigned)insn->opcode << 3 | digit;
}

void jit_stats_init(struct jit_vcpu *j)
{
    const char *word = getenv("DOMUS_JIT_STATS");
    if (word && *word == '1')
        j->stats = calloc(1, sizeof *j->stats);
}

void jit_stats_op(struct jit_vcpu *j, struct jit_op *o, const struct x86_insn *insn)
{
    if (j->stats)
        o->stats_key = (uint16_t)key_of(insn);
}

void jit_stats_ran(struct jit_vcpu *j, const struct jit_op *o)
{
    ++(o->missed ? j->stats->missed : j->stats->always)[o->stats_key];
}

static void show_most(const struct jit_vcpu *j, const char *title, uint64_t *count)
{
    static const char *const encoding[3] = {"", "vex ", "evex "}, *const map[4] = {"", "0f ", "0f38 ", "0f3a "};
    uint64_t all = 0;
    for (unsigned k = 0; k < KEYS; k++)
        all += count[k];
    log_info("jit: vcpu %u: %s: %llu", j->v.index, title, (unsigned long long)all);
    for (unsigned n = 0; n < SHOWN; n++) {
        unsigned most = 0;
        for (unsigned k = 1; k < KEYS; k++)
            most = count[k] > count[most] ? k : most;
        if (!count[most])
            return;
        log_info("jit: vcpu %u: %s: %12llu %s%s%02x /%u", j->v.index, title, (unsigned long long)count[most],
                 encoding[most >> 13], map[most >> 11 & 3], most >> 3 & 255, most & 7);
        count[most] = 0;
    }
}

void jit_stats_fini(struct jit_vcpu *j)
{
    struct jit_stats *s = j->stats;
    if (!s)
        return;
    struct engine_counter c[ENGINE_COUNTERS_MAX];
    const unsigned n = engine_jit.vcpu_counters((struct engine_vcpu *)(void *)j, c);
    for (unsigned i = 0; i < n; i++)
        log_info("jit: vcpu %u: %s: %llu", j->v.index, c[i].name, (unsigned long long)c[i].value);
    show_most(j, "always", s->always);
    show_most(j, "missed", s->missed);
    free(s);
    j->stats = NULL;
}
