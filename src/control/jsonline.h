/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * jsonline.h: one JSON object per line over a stream socket, for either end; never blocks.
 * Knows nothing of what the objects mean. Not thread-safe.
 */
#ifndef DOMUS_CONTROL_JSONLINE_H
#define DOMUS_CONTROL_JSONLINE_H

#include "base/types.h"

#include <jansson.h>

#define JSONLINE_MAX_BYTES (4u << 20) /* the longest line either side may send */

struct jsonline;

/* Takes fd (sets O_NONBLOCK, closes it in the end). NULL: out of memory, fd closed. */
struct jsonline *jsonline_create(int fd);
void jsonline_destroy(struct jsonline *j); /* NULL is fine */
int jsonline_fd(const struct jsonline *j);

/* Queues a message (borrowed) and writes what goes without blocking; -errno when the connection is of no more use. */
int jsonline_send(struct jsonline *j, const json_t *message);
int jsonline_flush(struct jsonline *j); /* when the fd is writable */
bool jsonline_pending(const struct jsonline *j);

/* Reads what there is; 0, or -errno: -EPIPE at the peer's end of file, -EMSGSIZE, ... */
int jsonline_fill(struct jsonline *j);
/* The next whole message in *message (new reference), 1; none yet 0; -EPROTO: not JSON. */
int jsonline_next(struct jsonline *j, json_t **message);

/* Waits up to timeout_ms (-1: for ever) for the fd to be readable or, with output pending, flushes it. 0, -ETIMEDOUT or
 * -errno. */
int jsonline_wait(struct jsonline *j, int timeout_ms);

#endif
