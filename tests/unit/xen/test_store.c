/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_store.c: the store's tree, rights, watches, transactions, quotas and wire protocol, without a ring. */
#include "xen/store/store.h"

#include "base/log.h"
#include "xen/store/tree.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xen/io/xs_wire.h>
#include <cmocka.h>

struct rig {
    struct store *s;
    struct store_connection *c; /* domain 5 */
    struct xsd_sockmsg head;    /* of the last message taken */
    char body[XENSTORE_PAYLOAD_MAX + 1];
    uint32_t tx;
};

static int setup(void **state)
{
    static struct rig r;

    memset(&r, 0, sizeof r);
    r.s = store_create();
    r.c = store_connect(r.s, 5, NULL);
    store_write(r.s, "/local/domain/5", "");
    store_set_perms(r.s, "/local/domain/5", "n0,r5");
    store_write(r.s, "/local/domain/5/data", "");
    store_set_perms(r.s, "/local/domain/5/data", "n5");
    store_write(r.s, "/local/domain/5/name", "guest");
    *state = &r;
    return 0;
}

static int teardown(void **state)
{
    struct rig *r = *state;

    store_disconnect(r->c);
    store_destroy(r->s);
    return 0;
}

static bool take(struct rig *r)
{
    if (store_connection_output(r->c, &r->head, sizeof r->head) != sizeof r->head)
        return false;
    assert_true(r->head.len <= XENSTORE_PAYLOAD_MAX);
    assert_int_equal(store_connection_output(r->c, r->body, r->head.len), r->head.len);
    r->body[r->head.len] = '\0';
    return true;
}

static void post(struct rig *r, uint32_t type, const void *body, size_t len)
{
    struct xsd_sockmsg head = {.type = type, .req_id = 42, .tx_id = r->tx, .len = (uint32_t)len};

    assert_int_equal(store_connection_input(r->c, &head, sizeof head), sizeof head);
    assert_int_equal(store_connection_input(r->c, body, len), len);
}

/* Sends and takes the answer; true: not an error. body is a string with its NUL. */
static bool ask_bytes(struct rig *r, uint32_t type, const void *body, size_t len)
{
    post(r, type, body, len);
    assert_true(take(r));
    assert_int_equal(r->head.req_id, 42);
    assert_true(r->head.type == type || r->head.type == XS_ERROR);
    return r->head.type != XS_ERROR;
}

#define ask(r, type, text) ask_bytes(r, type, text, sizeof(text))
/* Without the last NUL, as a WRITE's value is. */
#define ask_value(r, type, text) ask_bytes(r, type, text, sizeof(text) - 1)

static void test_paths(void **state)
{
    struct rig *r = *state;
    static const char *const bad[] = {"", "a", "//", "/a/", "/a//b", "/a b", "/a\n", "/\xff"};

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_equal(store_write(r->s, bad[i], "x"), -EINVAL);
    assert_int_equal(store_write(r->s, "/A-z_0@9/b", "x"), 0);
    assert_int_equal(store_remove(r->s, "/"), -EINVAL);
    assert_int_equal(store_remove(r->s, "/none"), -ENOENT);
}

static void test_tree(void **state)
{
    struct rig *r = *state;
    unsigned n;
    char *text;

    assert_int_equal(store_writef(r->s, "/x/b", "%d", 12), 0);
    assert_int_equal(store_write(r->s, "/x/a", "one"), 0);
    assert_int_equal(store_write(r->s, "/x/c/d", ""), 0);
    assert_int_equal(store_read_int(r->s, "/x/b", -1), 12);
    assert_int_equal(store_read_int(r->s, "/x/a", -1), -1);
    text = store_list(r->s, "/x", &n);
    assert_int_equal(n, 3);
    assert_memory_equal(text, "a\0b\0c", 6);
    free(text);
    text = store_dump(r->s, "/x", true);
    assert_string_equal(text,
                        "/x/a = \"one\"   (n0)\n/x/b = \"12\"   (n0)\n/x/c = \"\"   (n0)\n/x/c/d = \"\"   (n0)\n");
    free(text);
    assert_int_equal(store_remove(r->s, "/x"), 0);
    assert_null(store_read(r->s, "/x/c/d", NULL));
    assert_null(store_list(r->s, "/x", &n));
}

static void test_rights(void **state)
{
    struct rig *r = *state;
    char *perms;

    assert_true(ask(r, XS_READ, "/local/domain/5/name"));
    assert_string_equal(r->body, "guest");
    assert_true(ask(r, XS_READ, "name"));
    assert_false(ask_value(r, XS_WRITE, "name\0other"));
    assert_string_equal(r->body, "EACCES");
    assert_false(ask(r, XS_READ, "/local/domain/6/name")); /* not there, and not to be known */
    assert_string_equal(r->body, "EACCES");
    assert_false(ask(r, XS_READ, "nothing"));
    assert_string_equal(r->body, "ENOENT");
    assert_true(ask_value(r, XS_WRITE, "data/a/b\0v"));
    perms = store_get_perms(r->s, "/local/domain/5/data/a/b");
    assert_string_equal(perms, "n5");
    free(perms);
    assert_true(ask(r, XS_SET_PERMS, "data/a\0n5\0r0\0b3"));
    assert_true(ask(r, XS_GET_PERMS, "data/a"));
    assert_memory_equal(r->body, "n5\0r0\0b3", 9);
    assert_false(ask(r, XS_SET_PERMS, "data/a\0n0")); /* giving away */
    assert_string_equal(r->body, "EPERM");
    assert_false(ask(r, XS_SET_PERMS, "data/a\0q5"));
    assert_false(ask(r, XS_SET_PERMS, "data/a\0n5\0r0\0r1\0r2\0r3\0r4"));
    assert_int_equal(store_write(r->s, "/secret", "x"), 0);
    assert_false(ask(r, XS_READ, "/secret"));
    assert_false(ask(r, XS_DIRECTORY, "/"));
    assert_false(ask(r, XS_RM, "name"));
    assert_true(ask(r, XS_RM, "data/a"));
    assert_true(ask(r, XS_RM, "data/a")); /* gone already: fine */
}

static void test_directory(void **state)
{
    struct rig *r = *state;
    char path[200];

    assert_true(ask(r, XS_MKDIR, "data/z"));
    assert_true(ask(r, XS_MKDIR, "data/y"));
    assert_true(ask(r, XS_MKDIR, "data/y"));
    assert_true(ask(r, XS_DIRECTORY, "data"));
    assert_int_equal(r->head.len, 4);
    assert_memory_equal(r->body, "y\0z", 4);
    assert_true(ask(r, XS_DIRECTORY_PART,
                    "data\0"
                    "0"));
    assert_memory_equal(r->body + strlen(r->body) + 1, "y\0z\0", 5);
    for (int i = 0; i < 60; i++) {
        snprintf(path, sizeof path, "/local/domain/5/data/%0120d", i);
        assert_int_equal(store_write(r->s, path, ""), 0);
    }
    assert_false(ask(r, XS_DIRECTORY, "data"));
    assert_string_equal(r->body, "E2BIG");
    size_t offset = 0, names = 0;
    for (bool last = false; !last;) {
        int n = snprintf(path, sizeof path, "data%c%zu", 0, offset);
        assert_true(ask_bytes(r, XS_DIRECTORY_PART, path, (size_t)n + 1));
        for (size_t at = strlen(r->body) + 1; at < r->head.len; at += strlen(r->body + at) + 1) {
            if (!r->body[at]) {
                last = true;
                break;
            }
            names++;
            offset += strlen(r->body + at) + 1;
        }
    }
    assert_int_equal(names, 62);
}

static void test_protocol(void **state)
{
    struct rig *r = *state;
    struct xsd_sockmsg bad = {.type = XS_READ, .len = XENSTORE_PAYLOAD_MAX + 1};

    assert_true(ask(r, XS_GET_DOMAIN_PATH, "5"));
    assert_string_equal(r->body, "/local/domain/5");
    assert_true(ask(r, XS_IS_DOMAIN_INTRODUCED, "5"));
    assert_string_equal(r->body, "T");
    assert_false(ask(r, XS_INTRODUCE, "5"));
    assert_false(ask(r, XS_CONTROL, "x"));
    assert_false(ask(r, 1000, "x"));
    assert_string_equal(r->body, "ENOSYS");
    assert_false(ask_bytes(r, XS_READ, "", 0));
    assert_false(ask_value(r, XS_WRITE, "data/x")); /* no NUL, no value */
    assert_true(ask(r, XS_RESET_WATCHES, ""));
    /* Byte by byte, as a ring that wraps gives it. */
    struct xsd_sockmsg head = {.type = XS_READ, .req_id = 9, .len = 5};
    for (size_t i = 0; i < sizeof head; i++)
        assert_int_equal(store_connection_input(r->c, (char *)&head + i, 1), 1);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(store_connection_input(r->c, &"name"[i], 1), 1);
    assert_true(take(r));
    assert_int_equal(r->head.req_id, 9);
    assert_string_equal(r->body, "guest");
    assert_int_equal(store_connection_input(r->c, &bad, sizeof bad), -EINVAL);
    assert_int_equal(store_connection_input(r->c, &bad, sizeof bad), -EINVAL);
    store_connection_reset(r->c);
    assert_true(ask(r, XS_READ, "name"));
}

static void test_guest_watch(void **state)
{
    struct rig *r = *state;

    assert_true(ask(r, XS_WATCH, "data\0tok"));
    assert_true(take(r)); /* the first event, at once */
    assert_int_equal(r->head.type, XS_WATCH_EVENT);
    assert_memory_equal(r->body, "data\0tok", 9);
    assert_false(ask(r, XS_WATCH, "data\0tok"));
    assert_string_equal(r->body, "EEXIST");
    store_write(r->s, "/local/domain/5/data/x", "1");
    assert_true(take(r));
    assert_memory_equal(r->body, "data/x\0tok", 11); /* relative, as asked */
    store_write(r->s, "/local/domain/5/database", "1");
    assert_false(take(r));
    store_write(r->s, "/local/domain/5/data/hidden", "1");
    assert_true(take(r));
    store_set_perms(r->s, "/local/domain/5/data/hidden", "n0");
    assert_false(take(r)); /* what it may not read it does not hear of */
    assert_true(ask(r, XS_WATCH, "/local/domain/5/data/x\0deep"));
    assert_true(take(r));
    store_remove(r->s, "/local/domain/5/data");
    assert_true(take(r));
    assert_memory_equal(r->body, "data\0tok", 9);
    assert_true(take(r));
    assert_memory_equal(r->body, "/local/domain/5/data/x\0deep", 28);
    assert_false(take(r));
    assert_true(ask(r, XS_UNWATCH, "data\0tok"));
    assert_false(ask(r, XS_UNWATCH, "data\0tok"));
    assert_false(ask(r, XS_WATCH, "@releaseDomain\0t"));
}

static char heard[256];

static void hear(void *opaque, const char *path)
{
    struct rig *r = opaque;

    strncat(heard, path, sizeof heard - strlen(heard) - 2);
    strcat(heard, " ");
    if (strcmp(path, "/dev/state") == 0) /* a back end answers within its callback */
        store_write(r->s, "/dev/answer", "4");
}

static void test_own_watch(void **state)
{
    struct rig *r = *state;
    struct store_watch *w;

    heard[0] = '\0';
    w = store_watch(r->s, "/dev", hear, r);
    assert_string_equal(heard, "/dev ");
    store_write(r->s, "/dev/state", "3");
    assert_string_equal(heard, "/dev /dev/state /dev/answer ");
    store_unwatch(r->s, w);
    store_write(r->s, "/dev/state", "5");
    assert_string_equal(heard, "/dev /dev/state /dev/answer ");
}

static void tx_start(struct rig *r)
{
    assert_true(ask(r, XS_TRANSACTION_START, ""));
    r->tx = (uint32_t)atoi(r->body);
    assert_true(r->tx != 0);
}

static bool tx_end(struct rig *r)
{
    bool ok = ask(r, XS_TRANSACTION_END, "T");

    r->tx = 0;
    return ok;
}

static void test_transaction(void **state)
{
    struct rig *r = *state;
    int answers = 0;
    char *text;

    assert_true(ask_value(r, XS_WRITE,
                          "data/a\0"
                          "1"));
    assert_true(ask(r, XS_WATCH, "data\0t"));
    assert_true(take(r));
    tx_start(r);
    assert_true(ask_value(r, XS_WRITE,
                          "data/a\0"
                          "2"));
    assert_true(ask(r, XS_READ, "data/a"));
    assert_string_equal(r->body, "2");
    text = store_read(r->s, "/local/domain/5/data/a", NULL);
    assert_string_equal(text, "1"); /* nobody else sees it */
    free(text);
    store_write(r->s, "/local/domain/5/elsewhere", "x"); /* does not matter */
    post(r, XS_TRANSACTION_END, "T", 2);
    for (int i = 0; i < 2; i++) { /* the answer and the watch's event, in either order */
        assert_true(take(r));
        assert_true(r->head.type == XS_TRANSACTION_END || r->head.type == XS_WATCH_EVENT);
        answers += r->head.type == XS_TRANSACTION_END;
    }
    assert_int_equal(answers, 1);
    r->tx = 0;
    text = store_read(r->s, "/local/domain/5/data/a", NULL);
    assert_string_equal(text, "2");
    free(text);
}

static void test_transaction_conflict(void **state)
{
    struct rig *r = *state;

    assert_true(ask_value(r, XS_WRITE,
                          "data/a\0"
                          "1"));
    tx_start(r);
    assert_true(ask(r, XS_READ, "data/a"));
    assert_true(ask_value(r, XS_WRITE,
                          "data/b\0"
                          "2"));
    store_write(r->s, "/local/domain/5/data/a", "changed");
    assert_false(tx_end(r));
    assert_string_equal(r->body, "EAGAIN");
    assert_null(store_read(r->s, "/local/domain/5/data/b", NULL));
    tx_start(r);
    assert_false(ask(r, XS_READ, "data/new"));
    store_write(r->s, "/local/domain/5/data/new", "");
    assert_false(tx_end(r)); /* it had seen that it was not there */
    tx_start(r);
    assert_true(ask_value(r, XS_WRITE,
                          "data/c\0"
                          "2"));
    assert_true(ask(r, XS_TRANSACTION_END, "F"));
    r->tx = 0;
    assert_null(store_read(r->s, "/local/domain/5/data/c", NULL));
    r->tx = 99;
    assert_false(ask(r, XS_READ, "data/a"));
    assert_string_equal(r->body, "ENOENT");
    r->tx = 0;
}

static void test_quotas(void **state)
{
    struct rig *r = *state;
    char text[4000];
    unsigned n = 0;
    int len;

    memset(text, 'v', sizeof text);
    len = snprintf(text, sizeof text, "data/big");
    text[len] = 0;
    assert_false(ask_bytes(r, XS_WRITE, text, 3000));
    assert_string_equal(r->body, "ENOSPC");
    for (;; n++) {
        len = snprintf(text, sizeof text, "data/n%u%c", n, 0);
        if (!ask_bytes(r, XS_WRITE, text, (size_t)len))
            break;
        assert_true(n < 1100);
    }
    assert_string_equal(r->body, "ENOSPC");
    assert_int_equal(n, STORE_NODES_MAX - 1); /* data itself is the guest's too */
    assert_true(ask(r, XS_RM, "data/n0"));
    assert_true(ask_value(r, XS_WRITE, "data/again\0"));
    assert_false(ask_value(r, XS_WRITE, "data/more\0"));
    for (n = 0;; n++) {
        len = snprintf(text, sizeof text, "data%ct%u", 0, n);
        post(r, XS_WATCH, text, (size_t)len + 1);
        assert_true(take(r));
        if (r->head.type == XS_ERROR)
            break;
        assert_true(take(r));
    }
    assert_int_equal(n, STORE_WATCHES_MAX);
    for (n = 0; ask(r, XS_TRANSACTION_START, ""); n++)
        ;
    assert_int_equal(n, STORE_TX_MAX);
    assert_string_equal(r->body, "ENOSPC");
}

/* A guest that asks and never reads: we stop taking requests, and what watches tell it is bounded. */
static void test_backpressure(void **state)
{
    struct rig *r = *state;
    struct xsd_sockmsg head = {.type = XS_READ, .len = 5};
    char message[sizeof head + 5];
    unsigned n = 0;

    memcpy(message, &head, sizeof head);
    memcpy(message + sizeof head, "name", 5);
    while (store_connection_input(r->c, message, sizeof message) == (long)sizeof message)
        assert_true(++n < 100000);
    while (take(r))
        n--;
    assert_true(ask(r, XS_WATCH, "data\0t"));
    log_init(2, LOG_ERROR); /* it would say that events are lost */
    for (n = 0; n < 100000; n++)
        store_write(r->s, "/local/domain/5/data", "x");
    for (n = 0; take(r); n++)
        ;
    assert_in_range(n, 10000, 60000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_paths, setup, teardown),
        cmocka_unit_test_setup_teardown(test_tree, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rights, setup, teardown),
        cmocka_unit_test_setup_teardown(test_directory, setup, teardown),
        cmocka_unit_test_setup_teardown(test_protocol, setup, teardown),
        cmocka_unit_test_setup_teardown(test_guest_watch, setup, teardown),
        cmocka_unit_test_setup_teardown(test_own_watch, setup, teardown),
        cmocka_unit_test_setup_teardown(test_transaction, setup, teardown),
        cmocka_unit_test_setup_teardown(test_transaction_conflict, setup, teardown),
        cmocka_unit_test_setup_teardown(test_quotas, setup, teardown),
        cmocka_unit_test_setup_teardown(test_backpressure, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
