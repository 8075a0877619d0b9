/* SPDX-License-Identifier: GPL-2.0-or-later */
/* chardev_rig.c: see chardev_rig.h. */
#include "chardev_rig.h"

#include <string.h>
#include <unistd.h>

struct loop *loop;
char got[4096];
size_t got_count, room, break_at;
unsigned breaks;
static bool (*until)(void);
static struct timer check;

static void check_fired(void *opaque)
{
    if (until())
        loop_stop(loop);
    else
        timer_set(&check, loop_now_ns(loop) + 2000000);
}

void run_until(bool (*condition)(void))
{
    until = condition;
    loop_lock(loop);
    timer_init(&check, loop, check_fired, NULL);
    timer_set(&check, 0);
    loop_unlock(loop);
    loop_run(loop);
}

static void take_input(void *opaque, const uint8_t *bytes, size_t n)
{
    assert_true(n <= room);
    memcpy(got + got_count, bytes, n);
    got_count += n;
    room -= n;
}
static size_t input_room(void *opaque)
{
    return room;
}

static void take_break(void *opaque)
{
    breaks++;
    break_at = got_count;
}

struct chardev *open_it(const char *spec)
{
    const struct chardev_client client = {.input = take_input, .room = input_room, .line_break = take_break};
    struct chardev *c;
    char *why;
    int rc;

    loop = loop_create();
    got_count = 0;
    breaks = 0;
    room = sizeof got;
    rc = chardev_open(&c, loop, spec, &why);
    if (rc)
        fail_msg("%s: %s", spec, why);
    assert_null(why);
    chardev_set_client(c, &client);
    return c;
}

void close_it(struct chardev *c)
{
    chardev_close(c);
    loop_destroy(loop);
}

size_t say(struct chardev *c, const char *text)
{
    return chardev_write(c, (const uint8_t *)text, strlen(text));
}

bool got_5(void)
{
    return got_count >= 5;
}

bool got_break(void)
{
    return breaks > 0;
}

int slave;
char heard[200000];
size_t heard_count;
static size_t heard_wanted;

static bool heard_all(void)
{
    ssize_t r;

    while ((r = read(slave, heard + heard_count, sizeof heard - heard_count)) > 0)
        heard_count += (size_t)r;
    return heard_count >= heard_wanted;
}

void hear(size_t n)
{
    heard_count = 0;
    heard_wanted = n;
    run_until(heard_all);
}
