/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * client.h: asks a domain's supervisor to do something and waits for the answer.
 *
 * A request is {"id": N, "command": "pause", "args": {...}}; its reply {"id": N, "result": {...}} or
 * {"id": N, "error": "one line", "code": -3} with libxl's error numbers.
 */
#ifndef DOMUS_CONTROL_CLIENT_H
#define DOMUS_CONTROL_CLIENT_H

#include "control/registry.h"

#include <jansson.h>

/* libxl's error numbers, as far as we use them: they show in xl's messages and exit codes. */
enum control_code {
    CONTROL_NOT_THERE = -1, /* the domain has no such command */
    CONTROL_FAIL = -3,
    CONTROL_NOMEM = -5,
    CONTROL_INVAL = -6,
    CONTROL_TIMEDOUT = -9,
    CONTROL_NOPARAVIRT = -10,
    CONTROL_DOMAIN_NOTFOUND = -21,
};

struct control_client;

/* NULL when the domain is not there (any more). */
struct control_client *control_connect(struct registry *r, unsigned domid);
void control_disconnect(struct control_client *c); /* NULL is fine */

/* Takes args (NULL: none). 0 with *result (new reference; result may be NULL: not wanted), or a control_code with *why
 * (malloc'd; why may be NULL). CONTROL_DOMAIN_NOTFOUND: the domain ended before it answered. timeout_ms -1: none. */
int control_call(struct control_client *c, const char *command, json_t *args, int timeout_ms, json_t **result,
                 char **why);

/* The same in two steps, so that something can be done between: the request's number (0: out of memory), and its reply.
 * Replies are to be taken in the order the domain gives them: one that is passed over is lost. */
json_int_t control_begin(struct control_client *c, const char *command, json_t *args);
int control_finish(struct control_client *c, json_int_t id, int timeout_ms, json_t **result, char **why);

#endif
