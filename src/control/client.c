/* SPDX-License-Identifier: GPL-2.0-or-later */
/* client.c: see client.h. */
#include "control/client.h"

#include "control/jsonline.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct control_client {
    struct jsonline *line;
    json_int_t last_id;
};

struct control_client *control_connect(struct registry *r, unsigned domid)
{
    int fd = registry_connect(r, domid);
    struct control_client *c;

    if (fd < 0)
        return NULL;
    c = calloc(1, sizeof *c);
    if (c)
        c->line = jsonline_create(fd);
    if (c && c->line)
        return c;
    free(c);
    return NULL;
}

void control_disconnect(struct control_client *c)
{
    if (!c)
        return;
    jsonline_destroy(c->line);
    free(c);
}

static long long client_now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int client_why(char **why, int code, const char *text)
{
    if (why)
        *why = strdup(text);
    return code;
}

/* The reply to request `id`; replies to earlier, given-up requests are dropped. */
static int client_await(struct control_client *c, json_int_t id, int timeout_ms, json_t **reply)
{
    long long end = client_now_ms() + timeout_ms;

    for (;;) {
        json_t *message;
        int rc = jsonline_next(c->line, &message), left = -1;
        if (rc < 0)
            return rc;
        if (rc > 0) {
            if (json_integer_value(json_object_get(message, "id")) == id) {
                *reply = message;
                return 0;
            }
            json_decref(message);
            continue;
        }
        if (timeout_ms >= 0) {
            long long rest = end - client_now_ms();
            if (rest <= 0)
                return -ETIMEDOUT;
            left = (int)rest;
        }
        rc = jsonline_wait(c->line, left);
        if (rc == 0)
            rc = jsonline_fill(c->line);
        if (rc < 0)
            return rc;
    }
}

json_int_t control_begin(struct control_client *c, const char *command, json_t *args)
{
    json_t *request =
        json_pack("{s:I, s:s, s:o}", "id", c->last_id + 1, "command", command, "args", args ? args : json_object());

    if (!request)
        return 0;
    c->last_id++;
    /* When it cannot be sent, the reply will not come: control_finish() says why. */
    (void)jsonline_send(c->line, request);
    json_decref(request);
    return c->last_id;
}

int control_finish(struct control_client *c, json_int_t id, int timeout_ms, json_t **result, char **why)
{
    json_t *reply = NULL, *error;
    int rc;

    if (why)
        *why = NULL;
    if (result)
        *result = NULL;
    if (id == 0)
        return client_why(why, CONTROL_NOMEM, "out of memory");
    rc = client_await(c, id, timeout_ms, &reply);
    if (rc == -ETIMEDOUT)
        return client_why(why, CONTROL_TIMEDOUT, "the domain's process does not answer");
    if (rc == -EPIPE || rc == -ECONNRESET)
        return client_why(why, CONTROL_DOMAIN_NOTFOUND, "the domain has ended");
    if (rc != 0)
        return client_why(why, CONTROL_FAIL, strerror(-rc));
    error = json_object_get(reply, "error");
    if (error) {
        int code = (int)json_integer_value(json_object_get(reply, "code"));
        const char *text = json_string_value(error);
        rc = client_why(why, code < 0 ? code : CONTROL_FAIL, text ? text : "unknown error");
    } else if (result) {
        *result = json_incref(json_object_get(reply, "result"));
    }
    json_decref(reply);
    return rc;
}

int control_call(struct control_client *c, const char *command, json_t *args, int timeout_ms, json_t **result,
                 char **why)
{
    return control_finish(c, control_begin(c, command, args), timeout_ms, result, why);
}
