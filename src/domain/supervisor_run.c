/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor_run.c: a supervisor from its order to its end: what it needs before a machine can start, and its loop.
 * One thread, one poll(2) loop: it forks, so it shares nothing with machine/loop.h.
 */
#include "domain/supervisor.h"

#include "domain/supervisor_internal.h"
#include "domain/supervisor_log.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define SUPERVISOR_POLLED 300

static void supervisor_loop(struct supervisor *s)
{
    enum { SIGNALS, REPORT, MACHINE, CLIENTS };
    struct pollfd fds[SUPERVISOR_POLLED];

    while (!s->finished) {
        size_t n = CLIENTS;
        bool watch_xl = s->report_fd >= 0 && !s->order->detached;
        fds[SIGNALS] = (struct pollfd){.fd = s->signal_fd, .events = POLLIN};
        fds[REPORT] = (struct pollfd){.fd = watch_xl ? s->report_fd : -1, .events = 0};
        fds[MACHINE] = s->boot ? boot_poll(s->boot) : (struct pollfd){.fd = -1};
        n += control_server_poll(s->server, fds + CLIENTS, SUPERVISOR_POLLED - CLIENTS);
        if (poll(fds, n, supervisor_timeout_ms(s)) < 0) {
            if (errno == EINTR)
                continue;
            return;
        }
        if (fds[SIGNALS].revents) {
            struct signalfd_siginfo info;
            if (read(s->signal_fd, &info, sizeof info) == (ssize_t)sizeof info)
                supervisor_log(s, "Signal %u: destroying the domain", info.ssi_signo);
            supervisor_destroy(s);
        }
        if (fds[REPORT].revents && s->state == SUPERVISOR_STARTING) {
            supervisor_report_end(s); /* xl was interrupted: nobody knows of this domain yet */
            supervisor_destroy(s);
        }
        if (fds[MACHINE].revents && s->boot)
            boot_ready(s->boot, fds[MACHINE].revents);
        if (!s->finished)
            control_server_ready(s->server, fds + CLIENTS, n - CLIENTS);
        if (!s->finished)
            supervisor_tick(s);
    }
}

/* --- from the order to the loop --- */

static int supervisor_signals(void)
{
    sigset_t set;

    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* What a start needs before there is a machine. 0, or a control_code with the report sent. */
static int supervisor_prepare(struct supervisor *s)
{
    char *why = NULL;
    int rc, fd = -1;

    s->registry = registry_open(NULL, &why);
    if (!s->registry) {
        supervisor_report(s, json_pack("{s:s, s:i}", "failed", why ? why : "out of memory", "code", CONTROL_FAIL));
        free(why);
        return CONTROL_FAIL;
    }
    if (!supervisor_name(s)[0]) {
        supervisor_report(
            s, json_pack("{s:s, s:i}", "failed", "A domain's name must not be empty.", "code", CONTROL_INVAL));
        return CONTROL_INVAL;
    }
    rc = registry_claim(s->registry, supervisor_name(s), supervisor_uuid(s), &s->claim);
    if (rc == 0) {
        fd = registry_claim_listen(s->claim);
        rc = fd < 0 ? fd : 0;
    }
    if (rc == 0 && !(s->server = control_server_create(fd, supervisor_commands, s)))
        rc = -ENOMEM;
    if (rc != 0) {
        if (rc == -EEXIST)
            asprintf(&why, "Domain with name \"%s\" already exists.", supervisor_name(s)) < 0 ? why = NULL : why;
        supervisor_report(s, json_pack("{s:s, s:i}", "failed", why ? why : strerror(-rc), "code",
                                       rc == -EEXIST ? CONTROL_INVAL : CONTROL_FAIL));
        free(why);
        return rc == -EEXIST ? CONTROL_INVAL : CONTROL_FAIL;
    }
    s->machine_fd = supervisor_log_open(s->log_dir, "domain", supervisor_name(s));
    if (!s->order->foreground)
        s->monitor_fd = supervisor_log_open(s->log_dir, "xl", supervisor_name(s));
    if (s->machine_fd < 0 || s->monitor_fd < 0) {
        if (asprintf(&why, "cannot write logs in %s: %s", s->log_dir,
                     strerror(s->machine_fd < 0 ? -s->machine_fd : -s->monitor_fd)) < 0)
            why = NULL;
        supervisor_report(s, json_pack("{s:s, s:i}", "failed", why ? why : "out of memory", "code", CONTROL_FAIL));
        free(why);
        return CONTROL_FAIL;
    }
    return 0;
}

static void supervisor_fini(struct supervisor *s)
{
    boot_destroy(s->boot);
    /* First the entry, then the answers: whom we told "destroyed" shall not find the domain any more. */
    registry_claim_release(s->claim);
    supervisor_wake(&s->waiters, false, s->shutdown_reason);
    supervisor_wake(&s->destroyers, false, s->shutdown_reason);
    control_server_destroy(s->server);
    registry_close(s->registry);
    supervisor_report_end(s);
    json_decref(s->about);
    json_decref(s->config);
    free(s->failure);
    free(s->log_dir);
    if (s->signal_fd >= 0)
        close(s->signal_fd);
    if (s->machine_fd >= 0)
        close(s->machine_fd);
    if (s->monitor_fd > 2)
        close(s->monitor_fd);
}

int supervisor_run(const struct supervisor_order *order, const struct boot_machine *machine)
{
    struct supervisor s = {
        .order = order,
        .machine = machine,
        .config = json_deep_copy(order->config),
        .log_dir = registry_log_dir(),
        .monitor_fd = 2,
        .machine_fd = -1,
        .signal_fd = -1,
        .report_fd = order->report_fd,
        .shutdown_reason = -1,
    };
    int rc = CONTROL_NOMEM;

    list_init(&s.waiters);
    list_init(&s.destroyers);
    if (!order->foreground)
        setsid();
    s.signal_fd = supervisor_signals();
    if (s.config && s.log_dir && policy_from_config(&s.policy, s.config) == 0)
        rc = supervisor_prepare(&s);
    if (rc == 0 && supervisor_boot(&s, order->paused) != 0) {
        supervisor_report(&s, json_pack("{s:s, s:i}", "failed", strerror(errno), "code", CONTROL_FAIL));
        rc = CONTROL_FAIL;
    }
    if (rc == 0)
        supervisor_loop(&s);
    else
        s.status = -rc;
    supervisor_fini(&s);
    return s.status;
}
