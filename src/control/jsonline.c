/* SPDX-License-Identifier: GPL-2.0-or-later */
/* jsonline.c: see jsonline.h. */
#include "control/jsonline.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct jsonline_buffer {
    char *bytes;
    size_t start, end, room; /* bytes[start..end) are valid */
};

struct jsonline {
    int fd;
    struct jsonline_buffer in, out;
    size_t scanned; /* bytes of `in` known to hold no newline */
};

struct jsonline *jsonline_create(int fd)
{
    struct jsonline *j = calloc(1, sizeof *j);

    if (!j) {
        close(fd);
        return NULL;
    }
    j->fd = fd;
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    return j;
}

void jsonline_destroy(struct jsonline *j)
{
    if (!j)
        return;
    close(j->fd);
    free(j->in.bytes);
    free(j->out.bytes);
    free(j);
}

int jsonline_fd(const struct jsonline *j)
{
    return j->fd;
}

static int buffer_reserve(struct jsonline_buffer *b, size_t more)
{
    size_t used = b->end - b->start, room;
    char *bytes;

    if (b->start) {
        memmove(b->bytes, b->bytes + b->start, used);
        b->start = 0;
        b->end = used;
    }
    if (b->room - used >= more)
        return 0;
    if (used + more > 4 * (size_t)JSONLINE_MAX_BYTES)
        return -EMSGSIZE; /* the peer does not read, or never ends its line */
    room = used + more < 4096 ? 4096 : 2 * (used + more);
    bytes = realloc(b->bytes, room);
    if (!bytes)
        return -ENOMEM;
    b->bytes = bytes;
    b->room = room;
    return 0;
}

int jsonline_flush(struct jsonline *j)
{
    while (j->out.start < j->out.end) {
        ssize_t n = send(j->fd, j->out.bytes + j->out.start, j->out.end - j->out.start, MSG_NOSIGNAL);
        if (n < 0 && errno == ENOTSOCK)
            n = write(j->fd, j->out.bytes + j->out.start, j->out.end - j->out.start);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN ? 0 : -errno;
        j->out.start += (size_t)n;
    }
    return 0;
}

int jsonline_send(struct jsonline *j, const json_t *message)
{
    char *text = json_dumps(message, JSON_COMPACT);
    size_t length;
    int rc;

    if (!text)
        return -ENOMEM;
    length = strlen(text);
    rc = length >= JSONLINE_MAX_BYTES ? -EMSGSIZE : buffer_reserve(&j->out, length + 1);
    if (rc == 0) {
        memcpy(j->out.bytes + j->out.end, text, length);
        j->out.bytes[j->out.end + length] = '\n';
        j->out.end += length + 1;
        rc = jsonline_flush(j);
    }
    free(text);
    return rc;
}

bool jsonline_pending(const struct jsonline *j)
{
    return j->out.start < j->out.end;
}

int jsonline_fill(struct jsonline *j)
{
    ssize_t n;
    int rc;

    if (j->in.end - j->in.start >= JSONLINE_MAX_BYTES)
        return -EMSGSIZE;
    rc = buffer_reserve(&j->in, 16384);
    if (rc != 0)
        return rc;
    do
        n = read(j->fd, j->in.bytes + j->in.end, 16384);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return errno == EAGAIN ? 0 : -errno;
    if (n == 0)
        return -EPIPE;
    j->in.end += (size_t)n;
    return 0;
}

int jsonline_next(struct jsonline *j, json_t **message)
{
    char *start, *newline;

    *message = NULL;
    for (;;) {
        size_t used = j->in.end - j->in.start;
        if (used == 0)
            return 0;
        start = j->in.bytes + j->in.start;
        newline = memchr(start + j->scanned, '\n', used - j->scanned);
        if (!newline) {
            j->scanned = used;
            return 0;
        }
        j->scanned = 0;
        j->in.start += (size_t)(newline - start) + 1;
        if (newline > start)
            break; /* else an empty line: nothing said */
    }
    *message = json_loadb(start, (size_t)(newline - start), JSON_REJECT_DUPLICATES, NULL);
    if (*message && json_is_object(*message))
        return 1;
    json_decref(*message);
    *message = NULL;
    return -EPROTO;
}

int jsonline_wait(struct jsonline *j, int timeout_ms)
{
    struct pollfd p = {.fd = j->fd, .events = (short)(POLLIN | (jsonline_pending(j) ? POLLOUT : 0))};
    int r = poll(&p, 1, timeout_ms);

    if (r < 0)
        return errno == EINTR ? 0 : -errno;
    if (r == 0)
        return -ETIMEDOUT;
    return p.revents & POLLOUT ? jsonline_flush(j) : 0;
}
