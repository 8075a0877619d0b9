/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * loop.c: see loop.h. epoll for descriptors, a binary heap for timers, an eventfd to wake for posts and earlier timers.
 */
#include "machine/loop.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define EVENTS 32
#define NEVER  UINT64_MAX

struct loop_fd {
    struct list link;
    struct loop *loop;
    int fd;
    bool dead; /* removed; freed after the batch of events that may still name it */
    void (*ready)(void *opaque, uint32_t events);
    void *opaque;
};

struct loop {
    pthread_mutex_t lock;
    int epoll, wake, alarm; /* alarm: a timerfd, for nanosecond deadlines */
    atomic_bool stop;
    struct list fds, dead;

    struct timer **heap;
    size_t timers, heap_room;
    uint64_t armed_ns; /* guest time the alarm is set to, NEVER when off */

    /* Guest time: monotonic + offset, or frozen. A seqlock would do; the mutex is short and rarely contended. */
    pthread_mutex_t time_lock;
    int64_t offset_ns;
    uint64_t frozen_ns;
    unsigned paused;

    pthread_mutex_t post_lock;
    struct list posts;
};

static uint64_t monotonic_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int loop_watch(struct loop *l, int fd, uint32_t events, void *data)
{
    struct epoll_event ev = {.events = events, .data.ptr = data};

    return epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &ev) < 0 ? -errno : 0;
}

struct loop *loop_create(void)
{
    struct loop *l = calloc(1, sizeof *l);

    if (!l)
        return NULL;
    pthread_mutex_init(&l->lock, NULL);
    pthread_mutex_init(&l->time_lock, NULL);
    pthread_mutex_init(&l->post_lock, NULL);
    list_init(&l->fds);
    list_init(&l->dead);
    list_init(&l->posts);
    l->armed_ns = NEVER;
    l->offset_ns = -(int64_t)monotonic_ns();
    l->epoll = epoll_create1(EPOLL_CLOEXEC);
    l->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    l->alarm = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (l->epoll < 0 || l->wake < 0 || l->alarm < 0 || loop_watch(l, l->wake, EPOLLIN, &l->wake) ||
        loop_watch(l, l->alarm, EPOLLIN, &l->alarm)) {
        loop_destroy(l);
        return NULL;
    }
    return l;
}

static void free_fds(struct list *head)
{
    while (!list_empty(head)) {
        struct loop_fd *f = list_entry(head->next, struct loop_fd, link);
        list_remove(&f->link);
        free(f);
    }
}

void loop_destroy(struct loop *l)
{
    int saved = errno;

    if (!l)
        return;
    free_fds(&l->fds);
    free_fds(&l->dead);
    for (size_t i = 0; i < l->timers; i++)
        l->heap[i]->slot = 0;
    if (l->epoll >= 0)
        close(l->epoll);
    if (l->wake >= 0)
        close(l->wake);
    if (l->alarm >= 0)
        close(l->alarm);
    pthread_mutex_destroy(&l->lock);
    pthread_mutex_destroy(&l->time_lock);
    pthread_mutex_destroy(&l->post_lock);
    free(l->heap);
    free(l);
    errno = saved;
}

void loop_lock(struct loop *l)
{
    pthread_mutex_lock(&l->lock);
}

void loop_unlock(struct loop *l)
{
    pthread_mutex_unlock(&l->lock);
}

static void loop_wake(struct loop *l)
{
    uint64_t one = 1;

    (void)!write(l->wake, &one, sizeof one);
}

uint64_t loop_now_ns(struct loop *l)
{
    uint64_t now;

    pthread_mutex_lock(&l->time_lock);
    now = l->paused ? l->frozen_ns : monotonic_ns() + (uint64_t)l->offset_ns;
    pthread_mutex_unlock(&l->time_lock);
    return now;
}

void loop_pause_time(struct loop *l, bool paused)
{
    pthread_mutex_lock(&l->time_lock);
    if (paused && l->paused++ == 0) {
        l->frozen_ns = monotonic_ns() + (uint64_t)l->offset_ns;
    } else if (!paused && l->paused && --l->paused == 0) {
        l->offset_ns = (int64_t)(l->frozen_ns - monotonic_ns());
    }
    pthread_mutex_unlock(&l->time_lock);
    loop_wake(l);
}

void loop_set_now_ns(struct loop *l, uint64_t now_ns)
{
    pthread_mutex_lock(&l->time_lock);
    l->frozen_ns = now_ns;
    l->offset_ns = (int64_t)(now_ns - monotonic_ns());
    pthread_mutex_unlock(&l->time_lock);
    loop_wake(l);
}

/* The heap: slot is index + 1. */
static void heap_put(struct loop *l, size_t i, struct timer *t)
{
    l->heap[i] = t;
    t->slot = (unsigned)(i + 1);
}

static void heap_up(struct loop *l, size_t i)
{
    struct timer *t = l->heap[i];

    while (i && l->heap[(i - 1) / 2]->deadline_ns > t->deadline_ns) {
        heap_put(l, i, l->heap[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    heap_put(l, i, t);
}

static void heap_down(struct loop *l, size_t i)
{
    struct timer *t = l->heap[i];

    for (;;) {
        size_t child = 2 * i + 1;
        if (child + 1 < l->timers && l->heap[child + 1]->deadline_ns < l->heap[child]->deadline_ns)
            child++;
        if (child >= l->timers || l->heap[child]->deadline_ns >= t->deadline_ns)
            break;
        heap_put(l, i, l->heap[child]);
        i = child;
    }
    heap_put(l, i, t);
}

void timer_init(struct timer *t, struct loop *l, void (*fired)(void *opaque), void *opaque)
{
    *t = (struct timer){.fired = fired, .opaque = opaque, .loop = l};
}

void timer_cancel(struct timer *t)
{
    struct loop *l = t->loop;
    size_t i;

    if (!t->slot)
        return;
    i = t->slot - 1;
    t->slot = 0;
    if (i != --l->timers) {
        heap_put(l, i, l->heap[l->timers]);
        heap_up(l, i);
        heap_down(l, l->heap[i]->slot - 1);
    }
}

void timer_set(struct timer *t, uint64_t deadline_ns)
{
    struct loop *l = t->loop;

    timer_cancel(t);
    if (l->timers == l->heap_room) {
        size_t room = l->heap_room ? 2 * l->heap_room : 64;
        void *p = realloc(l->heap, room * sizeof(struct timer *));
        assert(p); /* as many timers as chips made: never by a guest's number */
        l->heap = p;
        l->heap_room = room;
    }
    t->deadline_ns = deadline_ns;
    heap_put(l, l->timers, t);
    heap_up(l, l->timers++);
    if (deadline_ns < l->armed_ns)
        loop_wake(l);
}

static void run_timers(struct loop *l)
{
    /* Bounded: a timer that re-arms itself in the past may not keep the loop from its descriptors. */
    for (unsigned n = 0; n < 256 && l->timers; n++) {
        struct timer *t = l->heap[0];
        if (t->deadline_ns > loop_now_ns(l))
            break;
        timer_cancel(t);
        t->fired(t->opaque);
    }
}

static void arm_alarm(struct loop *l)
{
    struct itimerspec its = {0};
    bool paused;
    int64_t offset;

    pthread_mutex_lock(&l->time_lock);
    paused = l->paused != 0;
    offset = l->offset_ns;
    pthread_mutex_unlock(&l->time_lock);

    l->armed_ns = l->timers && !paused ? l->heap[0]->deadline_ns : NEVER;
    if (l->armed_ns != NEVER) {
        uint64_t at = l->armed_ns - (uint64_t)offset;
        if ((int64_t)at <= 0 || l->armed_ns > (1ull << 62))
            at = (int64_t)at <= 0 && l->armed_ns < (1ull << 62) ? 1 : (1ull << 62);
        its.it_value.tv_sec = (time_t)(at / 1000000000u);
        its.it_value.tv_nsec = (long)(at % 1000000000u);
    }
    timerfd_settime(l->alarm, TFD_TIMER_ABSTIME, &its, NULL);
}

struct loop_fd *loop_add_fd(struct loop *l, int fd, uint32_t events, void (*ready)(void *opaque, uint32_t events),
                            void *opaque)
{
    struct loop_fd *f = calloc(1, sizeof *f);

    if (!f)
        return NULL;
    *f = (struct loop_fd){.loop = l, .fd = fd, .ready = ready, .opaque = opaque};
    if (loop_watch(l, fd, events, f)) {
        free(f);
        return NULL;
    }
    list_append(&l->fds, &f->link);
    return f;
}

void loop_set_fd_events(struct loop_fd *f, uint32_t events)
{
    struct epoll_event ev = {.events = events, .data.ptr = f};

    (void)epoll_ctl(f->loop->epoll, EPOLL_CTL_MOD, f->fd, &ev);
}

void loop_remove_fd(struct loop_fd *f)
{
    if (!f || f->dead)
        return;
    (void)epoll_ctl(f->loop->epoll, EPOLL_CTL_DEL, f->fd, NULL);
    f->dead = true;
    list_remove(&f->link);
    list_append(&f->loop->dead, &f->link);
}

void loop_post(struct loop *l, struct loop_job *job)
{
    pthread_mutex_lock(&l->post_lock);
    if (!job->queued) {
        job->queued = true;
        list_append(&l->posts, &job->link);
    }
    pthread_mutex_unlock(&l->post_lock);
    loop_wake(l);
}

void loop_unpost(struct loop *l, struct loop_job *job)
{
    pthread_mutex_lock(&l->post_lock);
    if (job->queued) {
        list_remove(&job->link);
        job->queued = false;
    }
    pthread_mutex_unlock(&l->post_lock);
}

static struct loop_job *take_post(struct loop *l)
{
    struct loop_job *job = NULL;

    pthread_mutex_lock(&l->post_lock);
    if (!list_empty(&l->posts)) {
        job = list_entry(l->posts.next, struct loop_job, link);
        list_remove(&job->link);
        job->queued = false;
    }
    pthread_mutex_unlock(&l->post_lock);
    return job;
}

static void dispatch(struct loop *l, const struct epoll_event *ev)
{
    uint64_t drained;

    if (ev->data.ptr == &l->wake || ev->data.ptr == &l->alarm) {
        (void)!read(*(int *)ev->data.ptr, &drained, sizeof drained);
    } else {
        struct loop_fd *f = ev->data.ptr;
        if (!f->dead)
            f->ready(f->opaque, ev->events);
    }
}

void loop_run(struct loop *l)
{
    struct epoll_event events[EVENTS];
    struct loop_job *job;

    loop_lock(l);
    while (!atomic_load(&l->stop)) {
        int n;

        arm_alarm(l);
        loop_unlock(l);
        n = epoll_wait(l->epoll, events, EVENTS, -1);
        loop_lock(l);
        for (int i = 0; i < n; i++)
            dispatch(l, &events[i]);
        while ((job = take_post(l)) != NULL)
            job->run(job);
        run_timers(l);
        free_fds(&l->dead);
    }
    atomic_store(&l->stop, false);
    loop_unlock(l);
}

void loop_stop(struct loop *l)
{
    atomic_store(&l->stop, true);
    loop_wake(l);
}
