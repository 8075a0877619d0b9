/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_net.c: the cable: its queue, its link, the rate; and what a hotplug script gets. */
#include "host/net/net_backend.h"
#include "host/net/tap_script.h"

#include "../dev/fake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct end {
    struct net net; /* first */
    unsigned sent, rooms, received, writables, links;
    bool ready;
};

static void end_send(struct net *n, const uint8_t *frame, size_t len)
{
    ((struct end *)n)->sent++;
}

static void end_room(struct net *n)
{
    ((struct end *)n)->rooms++;
}

static bool client_ready(void *opaque)
{
    return ((struct end *)opaque)->ready;
}

static void client_receive(void *opaque, const uint8_t *frame, size_t len)
{
    ((struct end *)opaque)->received++;
}

static void client_writable(void *opaque)
{
    ((struct end *)opaque)->writables++;
}

static void client_link(void *opaque, bool up)
{
    ((struct end *)opaque)->links++;
}

static const struct net_backend_ops ops = {.send = end_send, .room = end_room};
static const uint8_t frame[1000];

static int open_end(void **state)
{
    struct end *e = calloc(1, sizeof *e);
    struct net_client client = {client_ready, client_receive, client_writable, client_link, e};

    fake_loop_reset();
    assert_int_equal(net_init(&e->net, fake_loop, &ops), 0);
    net_set_client(&e->net, &client);
    e->ready = true;
    *state = e;
    return 0;
}

static int close_end(void **state)
{
    net_fini(*state);
    free(*state);
    return 0;
}

static void frames_wait_and_room_is_told(void **state)
{
    struct end *e = *state;

    e->ready = false;
    for (unsigned i = 0; i < NET_QUEUE; i++)
        assert_true(net_deliver(&e->net, frame, sizeof frame));
    assert_false(net_deliver(&e->net, frame, sizeof frame));
    fake_run_jobs();
    assert_int_equal(e->received, 0);
    e->ready = true;
    net_ready_changed(&e->net);
    fake_run_jobs();
    assert_int_equal(e->received, NET_QUEUE);
    assert_int_equal(e->rooms, 1);
}

static void a_pulled_cable_loses_frames(void **state)
{
    struct end *e = *state;

    net_set_link(&e->net, false);
    net_set_link(&e->net, false);
    assert_int_equal(e->links, 1);
    net_send(&e->net, frame, sizeof frame);
    assert_true(net_deliver(&e->net, frame, sizeof frame));
    fake_run_jobs();
    assert_int_equal(e->sent + e->received, 0);
    net_set_link(&e->net, true);
    net_send(&e->net, frame, sizeof frame);
    assert_int_equal(e->sent, 1);
}

/* 10000 bytes in 50 ms: ten frames at once, then ten each interval, over a second two hundred and some. */
static void the_rate_is_kept(void **state)
{
    struct end *e = *state;

    net_set_rate(&e->net, (struct net_rate){10000, 50000});
    for (unsigned ms = 0; ms < 1000; ms++) {
        while (net_can_send(&e->net))
            net_send(&e->net, frame, sizeof frame);
        fake_advance(1000000);
    }
    assert_in_range(e->sent, 190, 210);
    assert_in_range(e->writables, 18, 21);
    fake_advance(1000000000);
}

static void the_script_gets_its_environment(void **state)
{
    char dir[] = "/tmp/domus-test-net-XXXXXX", script[64], out[64], text[256] = "";
    const char *const environment[] = {"vif=vif1.0", "ip=10.0.0.1", NULL};
    struct net_tap_options o = {.name = "vif1.0-emu", .bridge = "xenbr0", .mtu = 1400, .environment = environment};
    struct tap_script s = {0};
    char *why = NULL;
    FILE *f;

    assert_non_null(mkdtemp(dir));
    (void)snprintf(script, sizeof script, "%s/script", dir);
    (void)snprintf(out, sizeof out, "%s/out", dir);
    f = fopen(script, "w");
    fprintf(f, "#!/bin/sh\necho \"$1 $2 $vif $INTERFACE $bridge $mtu $ip\" >%s\n[ $1 = add ]\n", out);
    fclose(f);
    chmod(script, 0700);
    o.script = script;
    assert_int_equal(tap_script_init(&s, &o), 0);
    assert_int_equal(tap_script_run(&s, "add", &why), 0);
    f = fopen(out, "r");
    assert_non_null(fgets(text, sizeof text, f));
    fclose(f);
    assert_string_equal(text, "add type_if=tap vif1.0 vif1.0-emu xenbr0 1400 10.0.0.1\n");
    assert_true(tap_script_run(&s, "fail", &why) < 0);
    assert_non_null(strstr(why, "exit status 1"));
    free(why);
    tap_script_fini(&s);
    assert_int_equal(tap_script_run(&s, "add", NULL), 0); /* none: nothing to do */
    unlink(script);
    unlink(out);
    rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(frames_wait_and_room_is_told, open_end, close_end),
        cmocka_unit_test_setup_teardown(a_pulled_cable_loses_frames, open_end, close_end),
        cmocka_unit_test_setup_teardown(the_rate_is_kept, open_end, close_end),
        cmocka_unit_test(the_script_gets_its_environment),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
