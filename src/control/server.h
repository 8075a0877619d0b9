/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * server.h: the supervisor's end of the control socket: many clients, one table of commands, answers at once or later.
 *
 * Fits a poll(2) loop, not machine/loop.h: the supervisor outlives the machine and forks it, so it keeps to one thread.
 * Not thread-safe.
 */
#ifndef DOMUS_CONTROL_SERVER_H
#define DOMUS_CONTROL_SERVER_H

#include "base/types.h"
#include "control/client.h"

#include <jansson.h>
#include <poll.h>

struct control_server;
struct control_request; /* one command under way: answered exactly once, by control_reply() or control_fail() */

struct control_command {
    const char *name; /* NULL in the last row: any other command */
    /* args: an object, borrowed for the call. */
    void (*run)(void *opaque, struct control_request *request, const char *name, const json_t *args);
};

/* listen_fd and commands are borrowed; the last row of `commands` has no name. NULL: out of memory. */
struct control_server *control_server_create(int listen_fd, const struct control_command *commands, void *opaque);
/* Unanswered requests stay valid to answer: the answers go nowhere. */
void control_server_destroy(struct control_server *s);

/* Adds what to wait for at *fds (room for `room`); how many were added. */
size_t control_server_poll(struct control_server *s, struct pollfd *fds, size_t room);
/* Serves those of `fds` that are ready; commands run in here. */
void control_server_ready(struct control_server *s, const struct pollfd *fds, size_t n);

void control_reply(struct control_request *request, json_t *result); /* takes result; NULL: an empty one */
void control_fail(struct control_request *request, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
