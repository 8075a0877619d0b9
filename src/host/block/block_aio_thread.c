/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * block_aio_thread.c: requests carried by one thread a block with blocking calls, where io_uring is not allowed. The
 * thread never calls a device: finished requests queue for the event loop.
 */
#include "host/block/block_aio.h"

#include "machine/loop.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct queue {
    struct block_request *first, *last; /* linked by internal[0] */
};

struct block_aio {
    struct block_target target;
    pthread_t thread;
    pthread_mutex_t mutex; /* guards what follows to `stopping` */
    pthread_cond_t wake;
    struct queue waiting, finished; /* a finished request's error is in internal[1] */
    bool stopping;                  /* the thread ends once `waiting` is empty */
    int event_fd;
    struct loop_fd *watch;
};

static void queue_put(struct queue *q, struct block_request *r)
{
    r->internal[0] = NULL;
    if (q->first)
        q->last->internal[0] = r;
    else
        q->first = r;
    q->last = r;
}

static struct block_request *queue_take(struct queue *q)
{
    struct block_request *r = q->first;

    if (r)
        q->first = r->internal[0];
    return r;
}

static void *thread_main(void *opaque)
{
    struct block_aio *aio = opaque;
    static const uint64_t one = 1;

    pthread_mutex_lock(&aio->mutex);
    for (;;) {
        struct block_request *r = queue_take(&aio->waiting);
        int error;

        if (!r && aio->stopping)
            break;
        if (!r) {
            pthread_cond_wait(&aio->wake, &aio->mutex);
            continue;
        }
        pthread_mutex_unlock(&aio->mutex);
        error = block_request_finish(&aio->target, r, 0);
        pthread_mutex_lock(&aio->mutex);
        r->internal[1] = (void *)(intptr_t)error;
        queue_put(&aio->finished, r);
        if (write(aio->event_fd, &one, sizeof one) < 0 && errno != EAGAIN)
            break; /* cannot happen to an eventfd of ours */
    }
    pthread_mutex_unlock(&aio->mutex);
    return NULL;
}

static void thread_reap(struct block_aio *aio)
{
    for (;;) {
        struct block_request *r;

        pthread_mutex_lock(&aio->mutex);
        r = queue_take(&aio->finished);
        pthread_mutex_unlock(&aio->mutex);
        if (!r)
            return;
        r->done(r, (int)(intptr_t)r->internal[1]);
    }
}

static void thread_ready(void *opaque, uint32_t events)
{
    struct block_aio *aio = opaque;
    uint64_t count;

    if (read(aio->event_fd, &count, sizeof count) == sizeof count)
        thread_reap(aio);
}

static void thread_submit(struct block_aio *aio, struct block_request *r)
{
    pthread_mutex_lock(&aio->mutex);
    queue_put(&aio->waiting, r);
    pthread_cond_signal(&aio->wake);
    pthread_mutex_unlock(&aio->mutex);
}

static void thread_destroy(struct block_aio *aio)
{
    pthread_mutex_lock(&aio->mutex);
    aio->stopping = true;
    pthread_cond_signal(&aio->wake);
    pthread_mutex_unlock(&aio->mutex);
    pthread_join(aio->thread, NULL);
    thread_reap(aio);
    loop_remove_fd(aio->watch);
    close(aio->event_fd);
    pthread_cond_destroy(&aio->wake);
    pthread_mutex_destroy(&aio->mutex);
    free(aio);
}

static int thread_create(struct block_aio **out, const struct block_target *target, struct loop *loop)
{
    struct block_aio *aio = calloc(1, sizeof *aio);
    int rc = -ENOMEM;

    if (!aio)
        return rc;
    aio->target = *target;
    pthread_mutex_init(&aio->mutex, NULL);
    pthread_cond_init(&aio->wake, NULL);
    aio->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (aio->event_fd < 0) {
        rc = -errno;
        goto no_fd;
    }
    aio->watch = loop_add_fd(loop, aio->event_fd, EPOLLIN, thread_ready, aio);
    if (!aio->watch)
        goto no_watch;
    rc = -pthread_create(&aio->thread, NULL, thread_main, aio);
    if (rc)
        goto no_thread;
    *out = aio;
    return 0;

no_thread:
    loop_remove_fd(aio->watch);
no_watch:
    close(aio->event_fd);
no_fd:
    pthread_cond_destroy(&aio->wake);
    pthread_mutex_destroy(&aio->mutex);
    free(aio);
    return rc;
}

const struct block_aio_ops block_aio_thread = {
    .name = "a thread",
    .create = thread_create,
    .submit = thread_submit,
    .destroy = thread_destroy,
};
