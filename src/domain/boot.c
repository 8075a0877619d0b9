/* SPDX-License-Identifier: GPL-2.0-or-later */
/* boot.c: see boot.h. The process keeps one descriptor of the channel to its very end, so end of file means: gone. */
#include "domain/boot.h"

#include "base/list.h"
#include "base/log.h"
#include "control/client.h"
#include "control/jsonline.h"
#include "domain/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct boot_request {
    struct list link;
    json_int_t id;
    long long deadline_ms; /* -1: none */
    void (*answered)(void *opaque, json_t *result, int code, const char *why);
    void *opaque;
};

struct boot {
    pid_t pid; /* 0: reaped */
    struct jsonline *line;
    struct list requests;
    json_int_t last_id;
    long long kill_at_ms; /* -1: not ending */
    bool ending;
    struct boot_client client;
};

long long boot_now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Everything but 0 to 4, which boot_child has put in order: registry locks, clients, the report to xl. */
static void boot_close_others(void)
{
    long limit = sysconf(_SC_OPEN_MAX);

    if (close_range(5, ~0u, 0) == 0)
        return;
    for (int fd = 5; fd < limit; fd++) /* a kernel before 5.9 */
        close(fd);
}

/* In the new process: nothing of the supervisor's stays but the channel and the log. */
static int boot_child(const struct boot_machine *machine, const json_t *config, const struct domain_boot *order,
                      int log_fd, int channel_fd, pid_t supervisor)
{
    int null = open("/dev/null", O_RDWR), rc;
    struct domain_channel *channel;
    sigset_t none;

    /* The registry says the domain is alive as long as its supervisor is: so the machine must not outlive it. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != supervisor)
        return 1;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    /* 4 is the channel's end that stays open to the very end of the process. */
    if (null < 0 || dup2(log_fd, 2) < 0 || dup2(null, 0) < 0 || dup2(log_fd, 1) < 0) /* 1: serial="stdio" */
        return 1;
    channel_fd = fcntl(channel_fd, F_DUPFD, 5); /* out of the way of 3 and 4 */
    if (channel_fd < 0 || dup3(channel_fd, 3, O_CLOEXEC) < 0 || dup3(channel_fd, 4, O_CLOEXEC) < 0)
        return 1;
    boot_close_others();
    log_init(2, LOG_GUEST); /* a guest's mistakes are of interest to whoever reads a domain's log */
    channel = channel_create(3);
    if (!channel)
        return 1;
    rc = machine->run(config, order, channel);
    channel_destroy(channel);
    return rc;
}

struct boot *boot_start(const struct boot_machine *machine, const json_t *config, const struct domain_boot *order,
                        int log_fd, const struct boot_client *client)
{
    struct boot *b = calloc(1, sizeof *b);
    pid_t self = getpid();
    int fds[2] = {-1, -1}, failed;

    if (!b || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0)
        goto fail;
    fflush(NULL);
    b->pid = fork();
    if (b->pid < 0)
        goto fail;
    if (b->pid == 0) {
        close(fds[0]);
        exit(boot_child(machine, config, order, log_fd, fds[1], self));
    }
    close(fds[1]);
    fds[1] = -1;
    list_init(&b->requests);
    b->kill_at_ms = -1;
    b->client = *client;
    b->line = jsonline_create(fds[0]);
    fds[0] = -1;
    if (b->line)
        return b;
    kill(b->pid, SIGKILL);
    waitpid(b->pid, NULL, 0);
    errno = ENOMEM;
fail:
    failed = errno;
    if (fds[0] >= 0)
        close(fds[0]);
    if (fds[1] >= 0)
        close(fds[1]);
    free(b);
    errno = failed;
    return NULL;
}

static void boot_answer(struct boot_request *request, json_t *result, int code, const char *why)
{
    list_remove(&request->link);
    request->answered(request->opaque, result, code, why);
    free(request);
}

void boot_destroy(struct boot *b)
{
    if (!b)
        return;
    if (b->pid) {
        kill(b->pid, SIGKILL);
        waitpid(b->pid, NULL, 0);
    }
    while (!list_empty(&b->requests))
        boot_answer(list_entry(b->requests.next, struct boot_request, link), NULL, CONTROL_DOMAIN_NOTFOUND,
                    "the domain has ended");
    jsonline_destroy(b->line);
    free(b);
}

struct pollfd boot_poll(const struct boot *b)
{
    return (struct pollfd){.fd = b->pid ? jsonline_fd(b->line) : -1,
                           .events = (short)(POLLIN | (jsonline_pending(b->line) ? POLLOUT : 0))};
}

static void boot_reply(struct boot *b, const json_t *message)
{
    json_int_t id = json_integer_value(json_object_get(message, "id"));
    json_t *error = json_object_get(message, "error");

    list_for_each (node, &b->requests) {
        struct boot_request *request = list_entry(node, struct boot_request, link);
        if (request->id != id)
            continue;
        if (error)
            boot_answer(request, NULL, (int)json_integer_value(json_object_get(message, "code")),
                        json_string_value(error));
        else
            boot_answer(request, json_object_get(message, "result"), 0, NULL);
        return;
    }
}

static void boot_message(struct boot *b, const json_t *message)
{
    const char *event = json_string_value(json_object_get(message, "event"));
    const char *text = json_string_value(json_object_get(message, "text"));

    if (!event)
        boot_reply(b, message);
    else if (strcmp(event, "notice") == 0)
        b->client.notice(b->client.opaque, text ? text : "");
    else if (strcmp(event, "failed") == 0)
        b->client.failed(b->client.opaque, text ? text : "unknown cause");
    else if (strcmp(event, "started") == 0)
        b->client.started(b->client.opaque, json_object_get(message, "about"));
    else if (strcmp(event, "ended") == 0)
        b->client.ended(b->client.opaque, (int)json_integer_value(json_object_get(message, "reason")), text);
}

/* The process closed its last descriptor of the channel: it is dead, or as good as. */
static void boot_reap(struct boot *b)
{
    char how[128];
    int status = 0;

    while (waitpid(b->pid, &status, 0) < 0 && errno == EINTR)
        ;
    b->pid = 0;
    b->kill_at_ms = -1;
    while (!list_empty(&b->requests))
        boot_answer(list_entry(b->requests.next, struct boot_request, link), NULL, CONTROL_DOMAIN_NOTFOUND,
                    "the domain has ended");
    if (WIFSIGNALED(status))
        snprintf(how, sizeof how, "the domain's process was killed by signal %d (%s)", WTERMSIG(status),
                 strsignal(WTERMSIG(status)));
    else
        snprintf(how, sizeof how, "the domain's process ended with status %d", WEXITSTATUS(status));
    b->client.gone(b->client.opaque, WIFEXITED(status) && WEXITSTATUS(status) == 0 ? NULL : how);
}

void boot_ready(struct boot *b, short events)
{
    json_t *message;
    int rc = 0, next;

    if (!b->pid || !events)
        return;
    if (events & POLLOUT)
        jsonline_flush(b->line);
    if (events & (POLLIN | POLLHUP | POLLERR))
        rc = jsonline_fill(b->line);
    while ((next = jsonline_next(b->line, &message)) > 0) {
        boot_message(b, message);
        json_decref(message);
    }
    if (next < 0) {
        log_error("the domain's process talks nonsense; killing it");
        kill(b->pid, SIGKILL);
        rc = -EPIPE;
    }
    if (rc != 0)
        boot_reap(b);
}

long long boot_deadline_ms(const struct boot *b)
{
    long long first = b->kill_at_ms;

    list_for_each (node, &b->requests) {
        const struct boot_request *request = list_entry(node, struct boot_request, link);
        if (request->deadline_ms >= 0 && (first < 0 || request->deadline_ms < first))
            first = request->deadline_ms;
    }
    return first;
}

void boot_tick(struct boot *b)
{
    long long now = boot_now_ms();

    for (struct list *node = b->requests.next, *next; node != &b->requests; node = next) {
        struct boot_request *request = list_entry(node, struct boot_request, link);
        next = node->next;
        if (request->deadline_ms >= 0 && request->deadline_ms <= now)
            boot_answer(request, NULL, CONTROL_TIMEDOUT, "the domain does not answer");
    }
    if (b->pid && b->kill_at_ms >= 0 && b->kill_at_ms <= now) {
        log_warning("the domain's process does not end; killing it");
        kill(b->pid, SIGKILL);
        b->kill_at_ms = -1;
    }
}

void boot_call(struct boot *b, const char *command, json_t *args, int timeout_ms,
               void (*answered)(void *opaque, json_t *result, int code, const char *why), void *opaque)
{
    struct boot_request *request = calloc(1, sizeof *request);
    json_t *message =
        json_pack("{s:I, s:s, s:o}", "id", ++b->last_id, "command", command, "args", args ? args : json_object());

    if (!request || !message || !b->pid || jsonline_send(b->line, message) != 0) {
        answered(opaque, NULL, CONTROL_DOMAIN_NOTFOUND, "the domain has ended");
        free(request);
    } else {
        *request = (struct boot_request){.id = b->last_id, .answered = answered, .opaque = opaque};
        request->deadline_ms = timeout_ms < 0 ? -1 : boot_now_ms() + timeout_ms;
        list_append(&b->requests, &request->link);
    }
    json_decref(message);
}

void boot_end(struct boot *b, int patience_ms)
{
    long long kill_at = boot_now_ms() + patience_ms;

    if (!b->pid)
        return;
    if (b->kill_at_ms < 0 || kill_at < b->kill_at_ms)
        b->kill_at_ms = kill_at;
    if (!b->ending) {
        json_t *message = json_pack("{s:s}", "command", "end");
        b->ending = true;
        if (message)
            jsonline_send(b->line, message);
        json_decref(message);
    }
}

pid_t boot_pid(const struct boot *b)
{
    return b->pid;
}
