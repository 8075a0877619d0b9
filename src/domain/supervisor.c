/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor.c: the life of a domain: what its supervisor does when the machine starts, ends, dies or does not.
 * The log's lines are those of xl's own monitor, because people and scripts read them.
 */
#include "domain/supervisor_internal.h"

#include "base/log.h"
#include "domain/supervisor_log.h"
#include "machine/lifecycle.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define END_PATIENCE_MS     10000 /* to flush disks */
#define DESTROY_PATIENCE_MS 3000  /* the same when somebody waits for `xl destroy` */
#define SHORT_BOOT_MS       10000 /* a boot shorter than this is followed by a pause: no busy loop of restarts */
#define RESTART_PAUSE_MS    2000
#define REPORTED_LINES      10

const char *supervisor_name(const struct supervisor *s)
{
    const char *name = json_string_value(json_object_get(json_object_get(s->config, "c_info"), "name"));

    return name ? name : "";
}

const char *supervisor_uuid(const struct supervisor *s)
{
    const char *uuid = json_string_value(json_object_get(json_object_get(s->config, "c_info"), "uuid"));

    return uuid ? uuid : "";
}

void supervisor_log(struct supervisor *s, const char *format, ...)
{
    char line[1024];
    va_list ap;
    int n;

    va_start(ap, format);
    n = vsnprintf(line, sizeof line - 1, format, ap);
    va_end(ap);
    if (n < 0)
        return;
    if ((size_t)n > sizeof line - 2)
        n = sizeof line - 2;
    line[n++] = '\n';
    (void)!write(s->monitor_fd, line, (size_t)n);
}

unsigned supervisor_domid(const struct supervisor *s)
{
    return registry_claim_domid(s->claim);
}

void supervisor_report(struct supervisor *s, json_t *message)
{
    char *text = message ? json_dumps(message, JSON_COMPACT) : NULL;
    size_t length = text ? strlen(text) : 0;

    if (text && s->report_fd >= 0) {
        text[length] = '\n'; /* in place of the terminator */
        (void)!send(s->report_fd, text, length + 1, MSG_NOSIGNAL);
    }
    free(text);
    json_decref(message);
}

void supervisor_report_end(struct supervisor *s)
{
    if (s->report_fd >= 0)
        close(s->report_fd);
    s->report_fd = -1;
}

void supervisor_wake(struct list *waiters, bool only_shutdown, int reason)
{
    for (struct list *node = waiters->next, *next; node != waiters; node = next) {
        struct supervisor_waiter *w = list_entry(node, struct supervisor_waiter, link);
        next = node->next;
        if (only_shutdown && w->for_destroy)
            continue;
        list_remove(node);
        control_reply(w->request, json_pack("{s:i}", "reason", reason));
        free(w);
    }
}

/* --- what the machine tells --- */

static void supervisor_noticed(void *opaque, const char *text)
{
    struct supervisor *s = opaque;

    log_info("%s", text);
    supervisor_report(s, json_pack("{s:s}", "notice", text));
}

static void supervisor_detach(struct supervisor *s)
{
    int null;

    if (s->order->foreground)
        return;
    null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0)
        return;
    dup2(null, 0);
    dup2(null, 1);
    dup2(s->machine_fd, 2);
    close(null);
}

static void supervisor_report_log(struct supervisor *s, const char *said);

static void supervisor_started(void *opaque, json_t *about)
{
    struct supervisor *s = opaque;
    json_t *told = json_pack("{s:i, s:O*}", "domid", (int)supervisor_domid(s), "about", about);

    json_decref(s->about);
    s->about = json_incref(about);
    if (s->state == SUPERVISOR_STARTING)
        s->state = SUPERVISOR_RUNNING;
    supervisor_log(s, "Waiting for domain %s (domid %u) to die [pid %ld]", supervisor_name(s), supervisor_domid(s),
                   (long)getpid());
    supervisor_report_log(s, "");
    supervisor_report(s, json_pack("{s:o}", "started", told));
    supervisor_report_end(s);
    supervisor_detach(s);
}

static void supervisor_failed(void *opaque, const char *text)
{
    struct supervisor *s = opaque;

    if (!s->failure)
        s->failure = strdup(text);
    boot_end(s->boot, END_PATIENCE_MS);
}

static void supervisor_end_boot(struct supervisor *s, enum supervisor_next next, int patience_ms)
{
    s->state = SUPERVISOR_ENDING;
    s->next = next;
    if (s->boot)
        boot_end(s->boot, patience_ms);
}

/* A name nobody has, as xl makes it: the time at its end. */
static void supervisor_rename_preserved(struct supervisor *s)
{
    char *name = NULL, stamp[32];
    time_t now = time(NULL);
    struct tm tm;
    uint8_t u[16];
    char uuid[37];

    strftime(stamp, sizeof stamp, "-%Y%m%dT%H%MZ", gmtime_r(&now, &tm));
    if (asprintf(&name, "%s%s", supervisor_name(s), stamp) < 0)
        return;
    supervisor_log(s, "Preserving domain %s %u with suffix%s", supervisor_name(s), supervisor_domid(s), stamp);
    /* The restarted domain keeps the uuid, so this one needs another. */
    if (getrandom(u, sizeof u, 0) != (ssize_t)sizeof u)
        memset(u, 0, sizeof u);
    u[6] = (uint8_t)((u[6] & 0x0f) | 0x40);
    u[8] = (uint8_t)((u[8] & 0x3f) | 0x80);
    snprintf(uuid, sizeof uuid, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", u[0], u[1],
             u[2], u[3], u[4], u[5], u[6], u[7], u[8], u[9], u[10], u[11], u[12], u[13], u[14], u[15]);
    if (registry_claim_rename(s->claim, name, uuid) != 0)
        supervisor_log(s, "The preserved domain could not be renamed to %s", name);
    else
        json_object_update(json_object_get(s->config, "c_info"), json_pack("{s:s, s:s}", "name", name, "uuid", uuid));
    free(name);
}

/* rename-restart: this process stays with the preserved domain; another one, made as xl makes it, starts the new. */
static void supervisor_rename_restart(struct supervisor *s)
{
    json_t *order =
        json_pack("{s:o, s:s*, s:b, s:b, s:b}", "config", json_deep_copy(s->config), "engine", s->order->engine,
                  "foreground", (int)s->order->foreground, "unattended", 0, "detached", 1);
    int fds[2] = {-1, -1};
    pid_t pid = -1;

    supervisor_rename_preserved(s);
    if (order && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0)
        pid = fork();
    if (pid == 0) {
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        dup2(fds[1], 0);
        execl("/proc/self/exe", "domus-domain", (char *)NULL);
        _exit(127);
    }
    if (fds[1] >= 0)
        close(fds[1]);
    if (pid < 0 || supervisor_send_order(fds[0], order) != 0)
        supervisor_log(s, "Domain %s could not be restarted: %s", supervisor_name(s), strerror(errno));
    if (fds[0] >= 0)
        close(fds[0]);
    json_decref(order);
}

static void supervisor_apply(struct supervisor *s, enum policy_action action)
{
    bool restart = action == POLICY_RESTART || action == POLICY_COREDUMP_RESTART || action == POLICY_SOFT_RESET;

    if (action == POLICY_COREDUMP_DESTROY || action == POLICY_COREDUMP_RESTART)
        supervisor_log(s, "Dumping a domain's core does not exist yet in domus: domain %u is not dumped",
                       supervisor_domid(s));
    if (action == POLICY_SOFT_RESET)
        supervisor_log(s, "Soft reset does not exist yet in domus: domain %u is restarted instead",
                       supervisor_domid(s));
    switch (action) {
    case POLICY_PRESERVE: break;
    case POLICY_RENAME_RESTART: supervisor_rename_restart(s); break;
    default:
        supervisor_log(s, "Domain %u needs to be cleaned up: destroying the domain", supervisor_domid(s));
        supervisor_end_boot(s, restart ? NEXT_RESTART : NEXT_EXIT, END_PATIENCE_MS);
    }
}

static void supervisor_ended(void *opaque, int reason, const char *why)
{
    struct supervisor *s = opaque;
    enum policy_action action = policy_for(&s->policy, reason);

    if (s->state != SUPERVISOR_RUNNING && s->state != SUPERVISOR_STARTING)
        return;
    s->state = SUPERVISOR_SHUTDOWN;
    s->shutdown_reason = reason;
    supervisor_log(s, "Domain %u has shut down, reason code %d 0x%x", supervisor_domid(s), reason, (unsigned)reason);
    if (why && why[0])
        supervisor_log(s, "Domain %u ended by: %s", supervisor_domid(s), why);
    supervisor_wake(&s->waiters, true, reason);
    if (s->order->unattended)
        return;
    if (reason < 0 || reason >= POLICY_REASONS)
        supervisor_log(s, "Unknown shutdown reason code %d. Destroying domain.", reason);
    supervisor_log(s, "Action for shutdown reason code %d is %s", reason, policy_action_name(action));
    supervisor_apply(s, action);
}

/* --- what comes after --- */

/* The user shall not have to look into a log for what went wrong, or half wrong, while the domain was started;
 * but for what `said` says anyway. */
static void supervisor_report_log(struct supervisor *s, const char *said)
{
    char text[8192], *line, *rest = text;
    unsigned lines = 0;

    if (s->report_fd < 0)
        return;
    supervisor_log_read(s->machine_fd, s->log_from, text, sizeof text);
    while ((line = strsep(&rest, "\n")) && lines < REPORTED_LINES) {
        if (strncmp(line, "error: ", 7) != 0 && strncmp(line, "warning: ", 9) != 0)
            continue;
        if (strstr(said, strchr(line, ' ') + 1))
            continue;
        supervisor_report(s, json_pack("{s:s}", "notice", line));
        lines++;
    }
}

static void supervisor_finish(struct supervisor *s, int status)
{
    s->finished = true;
    s->status = status;
}

static void supervisor_start_failed(struct supervisor *s, const char *how)
{
    char *words = s->failure ? NULL : supervisor_log_last_words(s->machine_fd, s->log_from);
    const char *text = s->failure ? s->failure
                       : words    ? words
                       : how      ? how
                                  : "the domain's process ended without a word";

    supervisor_log(s, "Domain %s could not be started: %s", supervisor_name(s), text);
    if (!words)
        supervisor_report_log(s, text);
    supervisor_report(s, json_pack("{s:s, s:i}", "failed", text, "code", CONTROL_FAIL));
    supervisor_report_end(s);
    free(words);
    supervisor_finish(s, -CONTROL_FAIL);
}

/* The machine is gone and wanted so. */
static void supervisor_cleaned_up(struct supervisor *s)
{
    if (s->next == NEXT_RESTART) {
        supervisor_wake(&s->destroyers, false, s->shutdown_reason);
        supervisor_wake(&s->waiters, false, s->shutdown_reason);
        long long now = boot_now_ms();
        supervisor_log(s, "Done. Rebooting now");
        s->state = SUPERVISOR_WAITING;
        s->restart_at_ms = now - s->boot_at_ms < SHORT_BOOT_MS ? now + RESTART_PAUSE_MS : now;
        return;
    }
    if (s->next == NEXT_DESTROYED)
        supervisor_log(s, "Domain %u has been destroyed.", supervisor_domid(s));
    else
        supervisor_log(s, "Done. Exiting now");
    supervisor_finish(s, s->status);
}

/* The machine's process is no more. */
static void supervisor_gone(void *opaque, const char *how)
{
    struct supervisor *s = opaque;

    switch (s->state) {
    case SUPERVISOR_STARTING: supervisor_start_failed(s, how); break;
    case SUPERVISOR_RUNNING:
        /* It died under the guest: for the guest's owner that is a crash. */
        supervisor_ended(s, LIFE_CRASH, how ? how : "the domain's process ended");
        if (s->state == SUPERVISOR_ENDING)
            supervisor_gone(s, NULL);
        break;
    case SUPERVISOR_ENDING:
        if (how)
            supervisor_log(s, "At its end %s", how);
        supervisor_cleaned_up(s);
        break;
    case SUPERVISOR_SHUTDOWN: /* preserved without a machine: still listed, until somebody destroys it */
    case SUPERVISOR_WAITING: break;
    }
}

void supervisor_destroy(struct supervisor *s)
{
    if (s->state == SUPERVISOR_STARTING && !s->failure)
        s->failure = strdup("destroyed while it was being started");
    if (s->state == SUPERVISOR_STARTING) {
        boot_end(s->boot, DESTROY_PATIENCE_MS);
        return;
    }
    s->next = NEXT_DESTROYED;
    supervisor_end_boot(s, NEXT_DESTROYED, DESTROY_PATIENCE_MS);
    if (!s->boot || !boot_pid(s->boot))
        supervisor_cleaned_up(s);
}

int supervisor_boot(struct supervisor *s, bool paused)
{
    const struct domain_boot order = {
        .domid = supervisor_domid(s),
        .name = supervisor_name(s),
        .uuid = supervisor_uuid(s),
        .engine = s->order->engine,
        .paused = paused,
        .log_dir = s->log_dir,
    };
    const struct boot_client client = {
        .notice = supervisor_noticed,
        .started = supervisor_started,
        .failed = supervisor_failed,
        .ended = supervisor_ended,
        .gone = supervisor_gone,
        .opaque = s,
    };

    boot_destroy(s->boot);
    s->state = SUPERVISOR_STARTING;
    s->next = NEXT_NOTHING;
    s->shutdown_reason = -1;
    s->pauses = paused;
    s->boot_at_ms = boot_now_ms();
    s->created_s = time(NULL);
    s->log_from = lseek(s->machine_fd, 0, SEEK_END);
    s->boot = boot_start(s->machine, s->config, &order, s->machine_fd, &client);
    return s->boot ? 0 : -errno;
}

static void supervisor_restart(struct supervisor *s)
{
    int rc = registry_claim_renumber(s->claim);

    if (rc == 0)
        rc = supervisor_boot(s, false);
    if (rc == 0)
        return;
    supervisor_log(s, "Domain %s could not be restarted: %s", supervisor_name(s), strerror(-rc));
    supervisor_finish(s, -CONTROL_FAIL);
}

void supervisor_tick(struct supervisor *s)
{
    if (s->boot)
        boot_tick(s->boot);
    if (s->state == SUPERVISOR_WAITING && s->restart_at_ms <= boot_now_ms())
        supervisor_restart(s);
}

int supervisor_timeout_ms(const struct supervisor *s)
{
    long long at = s->boot ? boot_deadline_ms(s->boot) : -1, left;

    if (s->state == SUPERVISOR_WAITING && (at < 0 || s->restart_at_ms < at))
        at = s->restart_at_ms;
    if (at < 0)
        return -1;
    left = at - boot_now_ms();
    return left < 0 ? 0 : left > 60000 ? 60000 : (int)left;
}
