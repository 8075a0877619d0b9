/* SPDX-License-Identifier: GPL-2.0-or-later */
/* channel.c: see channel.h. Sends from any thread under one mutex; receives in the machine's loop only. */
#include "domain/channel.h"

#include "base/log.h"
#include "control/client.h"
#include "control/jsonline.h"
#include "machine/loop.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

struct domain_channel {
    struct jsonline *line;
    pthread_mutex_t send_lock; /* guards what follows and the line's output */
    bool ended;
    struct loop *loop; /* borrowed; NULL: not serving */
    struct loop_fd *watch;
    const struct channel_command *commands; /* borrowed */
    void *opaque;
};

struct domain_channel *channel_create(int fd)
{
    struct domain_channel *c = calloc(1, sizeof *c);
    struct jsonline *line = jsonline_create(fd);

    if (!c || !line) {
        free(c);
        jsonline_destroy(line);
        return NULL;
    }
    c->line = line;
    pthread_mutex_init(&c->send_lock, NULL);
    return c;
}

void channel_destroy(struct domain_channel *c)
{
    if (!c)
        return;
    assert(!c->watch); /* channel_unserve() comes before the loop's end */
    jsonline_destroy(c->line);
    pthread_mutex_destroy(&c->send_lock);
    free(c);
}

/* Takes the message. Waits until it is out: the supervisor always reads. send_lock held. */
static void channel_send_locked(struct domain_channel *c, json_t *message)
{
    int rc = message ? jsonline_send(c->line, message) : -ENOMEM;

    while (rc == 0 && jsonline_pending(c->line)) {
        struct pollfd p = {.fd = jsonline_fd(c->line), .events = POLLOUT};
        if (poll(&p, 1, -1) < 0 && errno != EINTR)
            rc = -errno;
        else
            rc = jsonline_flush(c->line);
    }
    if (rc != 0)
        log_debug("the supervisor cannot be told: %s", strerror(-rc));
    json_decref(message);
}

static void channel_send(struct domain_channel *c, json_t *message)
{
    pthread_mutex_lock(&c->send_lock);
    channel_send_locked(c, message);
    pthread_mutex_unlock(&c->send_lock);
}

static void channel_text(struct domain_channel *c, const char *event, const char *format, va_list ap)
{
    char *text = NULL;

    if (vasprintf(&text, format, ap) < 0)
        text = NULL;
    channel_send(c, json_pack("{s:s, s:s}", "event", event, "text", text ? text : "out of memory"));
    free(text);
}

void channel_notice(struct domain_channel *c, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    channel_text(c, "notice", format, ap);
    va_end(ap);
}

void channel_failed(struct domain_channel *c, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    channel_text(c, "failed", format, ap);
    va_end(ap);
}

void channel_started(struct domain_channel *c, json_t *about)
{
    channel_send(c, json_pack("{s:s, s:o}", "event", "started", "about", about ? about : json_object()));
}

void channel_ended(struct domain_channel *c, enum life_reason reason, const char *why)
{
    pthread_mutex_lock(&c->send_lock);
    if (!c->ended) {
        c->ended = true;
        channel_send_locked(
            c, json_pack("{s:s, s:i, s:s}", "event", "ended", "reason", (int)reason, "text", why ? why : ""));
    }
    pthread_mutex_unlock(&c->send_lock);
}

static json_t *channel_answer(struct domain_channel *c, const char *name, const json_t *args, char **why, int *code)
{
    const struct channel_command *command = c->commands;

    while (command->name && strcmp(command->name, name) != 0)
        command++;
    if (command->name) {
        *code = CONTROL_FAIL;
        return command->run(c->opaque, args, why);
    }
    *code = CONTROL_NOT_THERE;
    if (asprintf(why, "'%s' does not exist yet in domus", name) < 0)
        *why = NULL;
    return NULL;
}

static void channel_dispatch(struct domain_channel *c, const json_t *message)
{
    const char *name = json_string_value(json_object_get(message, "command"));
    json_t *id = json_object_get(message, "id"), *args = json_object_get(message, "args"), *result, *none = NULL;
    char *why = NULL;
    int code;

    if (!name || strcmp(name, "end") == 0) {
        loop_stop(c->loop);
        return;
    }
    if (!args)
        args = none = json_object();
    result = channel_answer(c, name, args, &why, &code);
    json_decref(none);
    if (result)
        channel_send(c, json_pack("{s:O, s:o}", "id", id, "result", result));
    else
        channel_send(c, json_pack("{s:O, s:s, s:i}", "id", id, "error", why ? why : "out of memory", "code", code));
    free(why);
}

static void channel_readable(void *opaque, uint32_t events)
{
    struct domain_channel *c = opaque;
    json_t *message;
    int rc = jsonline_fill(c->line), next;

    while ((next = jsonline_next(c->line, &message)) > 0) {
        channel_dispatch(c, message);
        json_decref(message);
    }
    if (rc != 0 || next < 0) {
        loop_remove_fd(c->watch);
        c->watch = NULL;
        loop_stop(c->loop); /* nobody is left to serve */
    }
}

int channel_serve(struct domain_channel *c, struct loop *loop, const struct channel_command *commands, void *opaque)
{
    c->loop = loop;
    c->commands = commands;
    c->opaque = opaque;
    c->watch = loop_add_fd(loop, jsonline_fd(c->line), EPOLLIN, channel_readable, c);
    return c->watch ? 0 : -errno;
}

void channel_unserve(struct domain_channel *c)
{
    loop_remove_fd(c->watch);
    c->watch = NULL;
}
