/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_protocol.c: lines of JSON in pieces, and a client against a server over a real control socket. */
#include "control/client.h"
#include "control/jsonline.h"
#include "control/server.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static void pieces(void **state)
{
    int fds[2];
    json_t *message;

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    struct jsonline *j = jsonline_create(fds[0]);
    assert_int_equal(jsonline_fill(j), 0);
    assert_int_equal(jsonline_next(j, &message), 0);
    assert_int_equal(write(fds[1], "\n{\"a\":", 6), 6);
    assert_int_equal(jsonline_fill(j), 0);
    assert_int_equal(jsonline_next(j, &message), 0);
    assert_int_equal(write(fds[1], "1}\n{\"b\":2}\n{", 12), 12);
    assert_int_equal(jsonline_fill(j), 0);
    assert_int_equal(jsonline_next(j, &message), 1);
    assert_int_equal(json_integer_value(json_object_get(message, "a")), 1);
    json_decref(message);
    assert_int_equal(jsonline_next(j, &message), 1);
    assert_int_equal(json_integer_value(json_object_get(message, "b")), 2);
    json_decref(message);
    assert_int_equal(jsonline_next(j, &message), 0);
    assert_int_equal(write(fds[1], "]\n", 2), 2);
    assert_int_equal(jsonline_fill(j), 0);
    assert_int_equal(jsonline_next(j, &message), -EPROTO);
    close(fds[1]);
    assert_int_equal(jsonline_fill(j), -EPIPE);
    jsonline_destroy(j);
}

static void endless_line(void **state)
{
    int fds[2], rc = 0;
    char block[8192];

    memset(block, 'x', sizeof block);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    struct jsonline *j = jsonline_create(fds[0]);
    for (unsigned i = 0; rc == 0 && i < 2 * JSONLINE_MAX_BYTES / sizeof block; i++) {
        assert_int_equal(write(fds[1], block, sizeof block), sizeof block);
        rc = jsonline_fill(j);
    }
    assert_int_equal(rc, -EMSGSIZE);
    close(fds[1]);
    jsonline_destroy(j);
}

static void reader_that_does_not_read(void **state)
{
    int fds[2], rc = 0;
    char *long_text = calloc(1, 100001);
    json_t *message;

    memset(long_text, 'y', 100000);
    message = json_pack("{s:s}", "text", long_text);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    struct jsonline *j = jsonline_create(fds[0]);
    for (int i = 0; rc == 0 && i < 1000; i++)
        rc = jsonline_send(j, message);
    assert_int_equal(rc, -EMSGSIZE); /* instead of all memory */
    json_decref(message);
    free(long_text);
    close(fds[1]);
    jsonline_destroy(j);
}

/* --- a server in a thread --- */

struct fixture {
    char dir[64];
    struct registry *registry;
    struct registry_claim *claim;
    struct control_server *server;
    struct control_request *held;
    int stop[2];
    pthread_t thread;
};

static void run_echo(void *opaque, struct control_request *request, const char *name, const json_t *args)
{
    control_reply(request, json_pack("{s:O}", "args", args));
}

static void run_fail(void *opaque, struct control_request *request, const char *name, const json_t *args)
{
    control_fail(request, CONTROL_INVAL, "no %s today", name);
}

static void run_hold(void *opaque, struct control_request *request, const char *name, const json_t *args)
{
    ((struct fixture *)opaque)->held = request;
}

static void run_release(void *opaque, struct control_request *request, const char *name, const json_t *args)
{
    struct fixture *f = opaque;

    if (f->held)
        control_reply(f->held, json_pack("{s:b}", "released", 1));
    f->held = NULL;
    control_reply(request, NULL);
}

static void run_other(void *opaque, struct control_request *request, const char *name, const json_t *args)
{
    control_fail(request, CONTROL_NOT_THERE, "what is %s?", name);
}

static const struct control_command commands[] = {
    {"echo", run_echo}, {"fail", run_fail}, {"hold", run_hold}, {"release", run_release}, {NULL, run_other},
};

static void *serve(void *opaque)
{
    struct fixture *f = opaque;
    struct pollfd fds[64];

    for (;;) {
        fds[0] = (struct pollfd){.fd = f->stop[0], .events = POLLIN};
        size_t n = 1 + control_server_poll(f->server, fds + 1, 63);
        poll(fds, n, -1);
        if (fds[0].revents)
            return NULL;
        control_server_ready(f->server, fds + 1, n - 1);
    }
}

static int start_server(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    char *why;

    strcpy(f->dir, "/tmp/domus-test-XXXXXX");
    if (!mkdtemp(f->dir) || pipe(f->stop) != 0 || !(f->registry = registry_open(f->dir, &why)) ||
        registry_claim(f->registry, "d", NULL, &f->claim) != 0)
        return -1;
    f->server = control_server_create(registry_claim_listen(f->claim), commands, f);
    *state = f;
    return pthread_create(&f->thread, NULL, serve, f);
}

static int stop_server(void **state)
{
    struct fixture *f = *state;
    char command[128];

    (void)!write(f->stop[1], "x", 1);
    pthread_join(f->thread, NULL);
    control_server_destroy(f->server);
    registry_claim_release(f->claim);
    registry_close(f->registry);
    close(f->stop[0]);
    close(f->stop[1]);
    snprintf(command, sizeof command, "rm -rf '%s'", f->dir);
    free(f);
    return system(command);
}

static struct control_client *connect_to(struct fixture *f)
{
    struct control_client *c = control_connect(f->registry, registry_claim_domid(f->claim));

    assert_non_null(c);
    return c;
}

static void call_and_answer(void **state)
{
    struct control_client *c = connect_to(*state);
    json_t *result = NULL;
    char *why = NULL;

    assert_int_equal(control_call(c, "echo", json_pack("{s:i}", "x", 7), 10000, &result, &why), 0);
    assert_null(why);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(result, "args"), "x")), 7);
    json_decref(result);
    assert_int_equal(control_call(c, "fail", NULL, 10000, &result, &why), CONTROL_INVAL);
    assert_null(result);
    assert_string_equal(why, "no fail today");
    free(why);
    assert_int_equal(control_call(c, "nonsense", NULL, 10000, NULL, NULL), CONTROL_NOT_THERE);
    control_disconnect(c);
}

static void slow_answers(void **state)
{
    struct control_client *a = connect_to(*state), *b = connect_to(*state);
    json_t *result = NULL;

    /* Given up: the late answer must not be taken for the next request's. */
    assert_int_equal(control_call(a, "hold", NULL, 50, NULL, NULL), CONTROL_TIMEDOUT);
    assert_int_equal(control_call(b, "release", NULL, 10000, NULL, NULL), 0);
    assert_int_equal(control_call(a, "echo", json_pack("{s:i}", "x", 1), 10000, &result, NULL), 0);
    assert_non_null(json_object_get(result, "args"));
    json_decref(result);

    /* The asker is gone when the answer comes. */
    assert_int_equal(control_call(a, "hold", NULL, 50, NULL, NULL), CONTROL_TIMEDOUT);
    control_disconnect(a);
    assert_int_equal(control_call(b, "echo", NULL, 10000, NULL, NULL), 0);
    assert_int_equal(control_call(b, "release", NULL, 10000, NULL, NULL), 0);
    control_disconnect(b);
}

static void nonsense_costs_only_its_sender(void **state)
{
    struct fixture *f = *state;
    struct control_client *good = connect_to(f);
    static const char *const lines[] = {"hello\n", "{}\n", "{\"id\":\"x\",\"command\":\"echo\"}\n", "{\"id\":1}\n",
                                        "[1]\n"};

    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        int fd = registry_connect(f->registry, registry_claim_domid(f->claim));
        char byte;
        assert_true(fd >= 0);
        assert_true(write(fd, lines[i], strlen(lines[i])) > 0);
        assert_int_equal(read(fd, &byte, 1), 0); /* hung up on */
        close(fd);
    }
    assert_int_equal(control_call(good, "echo", NULL, 10000, NULL, NULL), 0);
    control_disconnect(good);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces),
        cmocka_unit_test(endless_line),
        cmocka_unit_test(reader_that_does_not_read),
        cmocka_unit_test_setup_teardown(call_and_answer, start_server, stop_server),
        cmocka_unit_test_setup_teardown(slow_answers, start_server, stop_server),
        cmocka_unit_test_setup_teardown(nonsense_costs_only_its_sender, start_server, stop_server),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
