/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_rings.c: the store's and the console's ring pages, used as firmware and kernels use them, and misused. */
#include "guest.h"

#include "host/console/chardev.h"
#include "xen/store/store.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <xen/io/console.h>
#include <xen/io/xs_wire.h>
#include <cmocka.h>

struct rig {
    struct guest g;
    struct store *s;
    struct xen_store_ring *ring;
    struct xenstore_domain_interface *page;
    uint32_t port;
};

/* A chardev that takes so many bytes, and keeps them. */
struct chardev {
    struct chardev_client client;
    char text[4096];
    size_t used, room;
    unsigned asked;
};

size_t chardev_write(struct chardev *c, const uint8_t *bytes, size_t n)
{
    if (n > c->room)
        n = c->room;
    memcpy(c->text + c->used, bytes, n);
    c->used += n;
    c->room -= n;
    return n;
}

void chardev_set_client(struct chardev *c, const struct chardev_client *client)
{
    c->client = client ? *client : (struct chardev_client){0};
}

void chardev_room_changed(struct chardev *c)
{
    c->asked++;
}

static int setup(void **state)
{
    static struct rig r;

    memset(&r, 0, sizeof r);
    guest_init(&r.g);
    r.s = store_create();
    store_write(r.s, "/local/domain/7", "");
    store_set_perms(r.s, "/local/domain/7", "n0,r7");
    store_write(r.s, "/local/domain/7/hvmloader/bios", "seabios");
    store_set_perms(r.s, "/local/domain/7/hvmloader/bios", "n0,r7");
    r.ring = xen_store_ring_create(r.g.d, r.s);
    r.page = (void *)guest_at(&r.g, GUEST_STORE * PAGE_BYTES);
    r.port = (uint32_t)xen_param_get(r.g.d, HVM_PARAM_STORE_EVTCHN);
    *state = &r;
    return 0;
}

static int teardown(void **state)
{
    struct rig *r = *state;

    xen_store_ring_destroy(r->ring);
    store_destroy(r->s);
    guest_fini(&r->g);
    return 0;
}

static void kick(struct rig *r)
{
    struct evtchn_send op = {.port = r->port};

    assert_int_equal(guest_op(&r->g, 0, NR_EVTCHN, EVTCHNOP_send, &op, sizeof op), 0);
}

static void put(struct rig *r, const void *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        r->page->req[r->page->req_prod++ % XENSTORE_RING_SIZE] = ((const char *)bytes)[i];
}

static void get(struct rig *r, void *bytes, size_t n)
{
    assert_true(r->page->rsp_prod - r->page->rsp_cons >= n);
    for (size_t i = 0; i < n; i++)
        ((char *)bytes)[i] = r->page->rsp[r->page->rsp_cons++ % XENSTORE_RING_SIZE];
}

static void read_bios(struct rig *r)
{
    static const char path[] = "/local/domain/7/hvmloader/bios";
    struct xsd_sockmsg head = {.type = XS_READ, .len = sizeof path};
    char body[16] = "";

    put(r, &head, sizeof head);
    put(r, path, sizeof path);
    kick(r);
    get(r, &head, sizeof head);
    assert_int_equal(head.type, XS_READ);
    assert_int_equal(head.len, 7);
    get(r, body, 7);
    assert_string_equal(body, "seabios");
}

static void test_requests(void **state)
{
    struct rig *r = *state;

    assert_int_equal(r->port, 1);
    for (int i = 0; i < 200; i++) /* round and round the ring */
        read_bios(r);
    assert_true(evtchn_is_pending(r->g.d, r->port)); /* and the guest was told */
}

static void test_handover_without_handshake(void **state)
{
    struct rig *r = *state;

    read_bios(r);
    memset(r->page->req, 0xff, sizeof r->page->req);
    memset(r->page->rsp, 0xff, sizeof r->page->rsp);
    r->page->req_cons = r->page->req_prod = r->page->rsp_cons = r->page->rsp_prod = 0;
    kick(r);
    assert_int_equal(r->page->rsp_prod, 0);
    read_bios(r);
}

static void test_reconnection(void **state)
{
    struct rig *r = *state;
    struct xsd_sockmsg head = {.type = XS_WATCH, .len = 4};
    uint8_t half[7] = {0};

    assert_true(r->page->server_features & XENSTORE_SERVER_FEATURE_RECONNECTION);
    put(r, &head, sizeof head);
    put(r, "a\0b", 4);
    kick(r);
    put(r, half, sizeof half);
    kick(r);
    r->page->connection = XENSTORE_RECONNECT;
    kick(r);
    assert_int_equal(r->page->connection, XENSTORE_CONNECTED);
    assert_int_equal(r->page->req_prod | r->page->rsp_prod | r->page->req_cons | r->page->rsp_cons, 0);
    store_write(r->s, "/local/domain/7/a", "x"); /* the watch is gone */
    assert_int_equal(r->page->rsp_prod, 0);
    read_bios(r);
}

static void test_bad_indices(void **state)
{
    struct rig *r = *state;
    struct xsd_sockmsg head = {.type = XS_READ, .len = 1u << 31};

    r->page->req_prod = r->page->req_cons + 1025;
    kick(r);
    assert_int_equal(r->page->error, XENSTORE_ERROR_RINGIDX);
    r->page->req_prod = r->page->req_cons;
    r->page->rsp_cons = r->page->rsp_prod + 1;
    kick(r);
    r->page->rsp_cons = r->page->rsp_prod;
    r->page->error = 0;
    put(r, &head, sizeof head);
    kick(r);
    assert_int_equal(r->page->error, XENSTORE_ERROR_PROTO);
    r->page->connection = XENSTORE_RECONNECT;
    kick(r);
    read_bios(r);
    memory_unmap(r->g.memory, GUEST_STORE, 1); /* the page itself goes */
    kick(r);
}

static void test_long_answers(void **state)
{
    static const char path[] = "/local/domain/7/long";
    struct rig *r = *state;
    struct xsd_sockmsg head = {.type = XS_READ, .len = sizeof path};
    char value[2000], body[2000];

    memset(value, 'y', sizeof value);
    store_write_bytes(r->s, path, value, sizeof value);
    store_set_perms(r->s, path, "n0,r7");
    put(r, &head, sizeof head);
    put(r, path, sizeof path);
    kick(r);
    get(r, &head, sizeof head);
    assert_int_equal(head.len, sizeof value);
    for (size_t done = 0; done < sizeof value;) { /* larger than the ring: in parts */
        size_t n = r->page->rsp_prod - r->page->rsp_cons;
        if (n > sizeof value - done)
            n = sizeof value - done;
        assert_true(n > 0);
        get(r, body + done, n);
        done += n;
        kick(r);
    }
    assert_memory_equal(body, value, sizeof value);
}

static void test_console(void **state)
{
    struct rig *r = *state;
    struct chardev dev = {.room = 5};
    struct xen_console *c = xen_console_create(r->g.d, &dev);
    struct xencons_interface *page = (void *)guest_at(&r->g, GUEST_CONS * PAGE_BYTES);
    struct evtchn_send op = {.port = (uint32_t)xen_param_get(r->g.d, HVM_PARAM_CONSOLE_EVTCHN)};

    assert_int_equal(op.port, 2);
    page->out_cons = page->out_prod = 2045; /* wraps */
    for (int i = 0; i < 8; i++)
        page->out[(page->out_prod + (uint32_t)i) % 2048] = "printed\n"[i];
    page->out_prod += 8;
    assert_int_equal(guest_op(&r->g, 0, NR_EVTCHN, EVTCHNOP_send, &op, sizeof op), 0);
    assert_int_equal(page->out_prod - page->out_cons, 3); /* the host takes five */
    dev.room = 100;
    dev.client.writable(dev.client.opaque);
    assert_int_equal(page->out_prod, page->out_cons);
    assert_memory_equal(dev.text, "printed\n", 8);
    assert_int_equal(dev.client.room(dev.client.opaque), 1024);
    dev.client.input(dev.client.opaque, (const uint8_t *)"ls\n", 3);
    assert_int_equal(page->in_prod, 3);
    assert_memory_equal(page->in, "ls\n", 3);
    assert_true(evtchn_is_pending(r->g.d, op.port));
    page->out_prod = page->out_cons + 5000;
    page->in_prod = page->in_cons - 1;
    assert_int_equal(guest_op(&r->g, 0, NR_EVTCHN, EVTCHNOP_send, &op, sizeof op), 0);
    assert_int_equal(dev.client.room(dev.client.opaque), 0);
    dev.client.input(dev.client.opaque, (const uint8_t *)"x", 1);
    assert_int_equal(dev.used, 8);
    xen_console_destroy(c);
    assert_null(dev.client.input);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_requests, setup, teardown),
        cmocka_unit_test_setup_teardown(test_handover_without_handshake, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reconnection, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bad_indices, setup, teardown),
        cmocka_unit_test_setup_teardown(test_long_answers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_console, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
