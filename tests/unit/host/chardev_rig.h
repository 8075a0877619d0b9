/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * chardev_rig.h: around a chardev in a unit test: a loop that runs until something is so, a client that keeps what
 * comes, and the descriptor of the other side.
 */
#ifndef TESTS_UNIT_HOST_CHARDEV_RIG_H
#define TESTS_UNIT_HOST_CHARDEV_RIG_H

#include "host/console/chardev.h"

#include "machine/loop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

extern struct loop *loop;
extern char got[4096]; /* what came to the client; room is how much it still takes */
extern size_t got_count, room, break_at;
extern unsigned breaks; /* that came, the last after break_at bytes */
extern int slave;       /* the other side, non-blocking */
extern char heard[200000];
extern size_t heard_count;

/* Runs the loop until it is so; for ever when it never is, and the test's time limit ends that. */
void run_until(bool (*condition)(void));
bool got_5(void);
bool got_break(void);
void hear(size_t n); /* until the other side has read that much, or more */
struct chardev *open_it(const char *spec);
void close_it(struct chardev *c);
size_t say(struct chardev *c, const char *text);

#endif
