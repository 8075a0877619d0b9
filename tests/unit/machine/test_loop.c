/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_loop.c: order of timers, posts from another thread, descriptors, paused time. No assertion on how long things
 * take. */
#include "machine/loop.h"

#include <pthread.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct trace {
    struct loop *loop;
    struct timer timer[3];
    char order[8];
    unsigned n;
};

static void note(struct trace *t, char c)
{
    t->order[t->n++] = c;
    if (t->n == 3)
        loop_stop(t->loop);
}

static void fired_a(void *opaque)
{
    note(opaque, 'a');
}

static void fired_b(void *opaque)
{
    note(opaque, 'b');
}

static void fired_c(void *opaque)
{
    note(opaque, 'c');
}

static void timers_fire_in_order(void **state)
{
    struct trace t = {.loop = loop_create()};
    uint64_t now = loop_now_ns(t.loop);

    timer_init(&t.timer[0], t.loop, fired_a, &t);
    timer_init(&t.timer[1], t.loop, fired_b, &t);
    timer_init(&t.timer[2], t.loop, fired_c, &t);
    timer_set(&t.timer[2], now + 3000000);
    timer_set(&t.timer[0], now + 9000000);
    timer_set(&t.timer[1], now + 2000000);
    timer_set(&t.timer[0], now + 1000000); /* re-armed earlier */
    loop_run(t.loop);
    assert_string_equal(t.order, "abc");
    assert_false(timer_armed(&t.timer[0]));
    loop_destroy(t.loop);
}

static void cancelled_does_not_fire(void **state)
{
    struct trace t = {.loop = loop_create(), .n = 1};
    uint64_t now = loop_now_ns(t.loop);

    for (unsigned i = 0; i < 3; i++)
        timer_init(&t.timer[i], t.loop, i == 1 ? fired_b : fired_c, &t);
    timer_set(&t.timer[0], now + 2000);
    timer_set(&t.timer[1], now + 1000);
    timer_set(&t.timer[2], now + 3000);
    timer_cancel(&t.timer[1]);
    timer_cancel(&t.timer[1]);
    loop_run(t.loop);
    assert_string_equal(t.order + 1, "cc");
    loop_destroy(t.loop);
}

struct poster {
    struct loop_job job;
    struct loop *loop;
    bool ran;
};

static void job_run(struct loop_job *job)
{
    struct poster *p = container_of(job, struct poster, job);

    p->ran = true;
    loop_stop(p->loop);
}

static void *post_thread(void *opaque)
{
    struct poster *p = opaque;

    loop_post(p->loop, &p->job);
    return NULL;
}

static void posts_from_a_thread(void **state)
{
    struct poster p = {.job.run = job_run, .loop = loop_create()};
    pthread_t thread;

    pthread_create(&thread, NULL, post_thread, &p);
    loop_run(p.loop);
    pthread_join(thread, NULL);
    assert_true(p.ran);
    loop_destroy(p.loop);
}

struct reader {
    struct loop *loop;
    struct loop_fd *fd;
    int pipe[2];
    char got;
};

static void reader_ready(void *opaque, uint32_t events)
{
    struct reader *r = opaque;

    assert_int_equal(read(r->pipe[0], &r->got, 1), 1);
    loop_remove_fd(r->fd);
    loop_stop(r->loop);
}

static void descriptors(void **state)
{
    struct reader r = {.loop = loop_create()};

    assert_int_equal(pipe(r.pipe), 0);
    r.fd = loop_add_fd(r.loop, r.pipe[0], EPOLLIN, reader_ready, &r);
    assert_int_equal(write(r.pipe[1], "!", 1), 1);
    loop_run(r.loop);
    assert_int_equal(r.got, '!');
    loop_destroy(r.loop);
    close(r.pipe[0]);
    close(r.pipe[1]);
}

static void paused_time_stands_still(void **state)
{
    struct loop *l = loop_create();
    uint64_t a, b;

    loop_pause_time(l, true);
    a = loop_now_ns(l);
    usleep(2000);
    b = loop_now_ns(l);
    assert_true(a == b);
    loop_pause_time(l, false);
    assert_true(loop_now_ns(l) >= a);
    loop_set_now_ns(l, 5000000000000ull);
    assert_true(loop_now_ns(l) >= 5000000000000ull);
    loop_destroy(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timers_fire_in_order),     cmocka_unit_test(cancelled_does_not_fire),
        cmocka_unit_test(posts_from_a_thread),      cmocka_unit_test(descriptors),
        cmocka_unit_test(paused_time_stands_still),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
