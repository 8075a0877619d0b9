/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * machine.c: one boot of a domain: chooses the engine, builds the PC, serves the supervisor's commands, and tells it
 * how the guest ended. Knows no policy.
 */
#include "domain/domain.h"

#include "base/log.h"
#include "board/pc.h"
#include "config/config.h"
#include "domain/channel.h"
#include "domain/machine_commands.h"
#include "engine/engine.h"
#include "machine/lifecycle.h"
#include "machine/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The first end of the guest, carried from whichever thread saw it to the loop. */
struct ending {
    struct lifecycle life; /* first */
    struct machine *machine;
    struct loop_job job;
    _Atomic(const char *) why; /* set once: the claim on reason */
    enum life_reason reason;
};

static void ending_run(struct loop_job *job)
{
    struct ending *e = container_of(job, struct ending, job);

    pc_pause(e->machine->pc);
    channel_ended(e->machine->channel, e->reason, atomic_load(&e->why));
}

static void ending_request(struct lifecycle *life, enum life_reason reason, const char *why)
{
    struct ending *e = container_of(life, struct ending, life);
    const char *none = NULL;

    if (!atomic_compare_exchange_strong(&e->why, &none, why ? why : ""))
        return;
    e->reason = reason;
    log_info("the guest ended: reason %d (%s)", (int)reason, why ? why : "no more said");
    loop_post(e->machine->loop, &e->job);
}

/* Which engine runs the guest, and one line that says so when the user left the choice to us. */
static const struct engine_ops *choose_engine(const struct domain_config *config, const struct domain_boot *boot,
                                              struct domain_channel *channel)
{
    int wanted = boot->engine ? config_engine_parse(boot->engine) : config->engine;

    switch (wanted) {
    case ENGINE_INTERP: return &engine_interp;
    case ENGINE_JIT: return &engine_jit;
    case ENGINE_AUTO:
        if (!engine_jit_possible()) {
            channel_notice(channel,
                           "engine: interp (slow: the translator wants a processor with BMI1 and BMI2; kvm does "
                           "not exist yet in domus)");
            return &engine_interp;
        }
        channel_notice(channel, "engine: jit (the translator; kvm does not exist yet in domus)");
        return &engine_jit;
    case ENGINE_KVM:
        channel_failed(channel, "engine=\"%s\" does not exist yet in domus: use \"jit\", \"interp\" or \"auto\"",
                       config_engine_name(wanted));
        return NULL;
    default:
        channel_failed(channel, "engine=\"%s\": no such engine; auto, kvm, jit and interp are known",
                       boot->engine ? boot->engine : "?");
        return NULL;
    }
}

static void on_notice(void *opaque, const char *text)
{
    channel_notice(opaque, "%s", text);
}

static int run(struct machine *m, const struct pc_setup *setup, const struct domain_boot *boot)
{
    char *why = NULL;
    int rc = pc_create(&m->pc, setup, &why);

    if (rc) {
        channel_failed(m->channel, "%s", why ? why : strerror(-rc));
        free(why);
        return 0;
    }
    rc = channel_serve(m->channel, m->loop, machine_commands, m);
    if (rc) {
        channel_failed(m->channel, "the domain's process cannot serve commands: %s", strerror(-rc));
        return 0;
    }
    channel_started(m->channel, machine_about(m));
    if (!boot->paused) {
        loop_lock(m->loop);
        pc_unpause(m->pc);
        loop_unlock(m->loop);
    }
    loop_run(m->loop);
    return 0;
}

int domain_machine_run(const struct domain_config *config, const struct domain_boot *boot,
                       struct domain_channel *channel)
{
    struct machine m = {.config = config, .channel = channel, .engine = choose_engine(config, boot, channel)};
    struct ending ending = {.life.request = ending_request, .machine = &m, .job.run = ending_run};
    struct pc_setup setup = {
        .config = config,
        .engine = m.engine,
        .life = &ending.life,
        .domid = boot->domid,
        .name = boot->name,
        .uuid = boot->uuid,
        .notice = on_notice,
        .opaque = channel,
    };
    int rc = 0;

    if (!m.engine)
        return 0;
    m.loop = setup.loop = loop_create();
    if (!m.loop) {
        channel_failed(channel, "no event loop: %s", strerror(errno));
        return 0;
    }
    rc = run(&m, &setup, boot);
    machine_commands_fini(&m);
    pc_destroy(m.pc);
    channel_unserve(channel);
    loop_destroy(m.loop);
    return rc;
}
