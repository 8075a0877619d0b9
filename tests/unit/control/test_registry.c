/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_registry.c: claims from many processes at once, names, domids, and domains that were killed. */
#include "control/registry.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char run_dir[512];

static int make_run_dir(void **state)
{
    const char *tmp = getenv("TMPDIR");

    /* Longer than a socket's address may be. */
    snprintf(run_dir, sizeof run_dir, "%s/domus-test-XXXXXX", tmp ? tmp : "/tmp");
    if (!mkdtemp(run_dir))
        return -1;
    strcat(run_dir,
           "/a-directory-with-a-rather-long-name-so-that-the-path-of-a-socket-in-it-does-not-fit/and-one-more");
    return 0;
}

static int remove_run_dir(void **state)
{
    char command[700];

    *strchr(run_dir + 1, '\0') = '\0';
    *(strstr(run_dir, "/a-directory") + 0) = '\0';
    snprintf(command, sizeof command, "rm -rf '%s'", run_dir);
    return system(command);
}

static struct registry *open_registry(void)
{
    char *why = NULL;
    struct registry *r = registry_open(run_dir, &why);

    if (!r)
        fail_msg("%s", why);
    return r;
}

static size_t count(struct registry *r)
{
    struct registry_entry *e = NULL;
    size_t n = 0;

    assert_int_equal(registry_list(r, &e, &n), 0);
    registry_list_free(e, n);
    return n;
}

static void names_and_domids(void **state)
{
    struct registry *r = open_registry();
    struct registry_claim *a = NULL, *b = NULL;
    struct registry_entry *e = NULL;
    size_t n = 0;

    assert_int_equal(count(r), 0);
    assert_int_equal(registry_claim(r, "one", "u-1", &a), 0);
    assert_int_equal(registry_claim(r, "one", NULL, &b), -EEXIST);
    assert_null(b);
    assert_int_equal(registry_claim(r, "Domain-0", NULL, &b), -EEXIST);
    assert_int_equal(registry_claim(r, "two", NULL, &b), 0);
    assert_true(registry_claim_domid(b) > registry_claim_domid(a));
    assert_int_equal(registry_claim_rename(b, "one", NULL), -EEXIST);
    assert_int_equal(registry_claim_rename(b, "two", NULL), 0);
    assert_int_equal(registry_claim_rename(b, "drei", "u-3"), 0);

    unsigned before = registry_claim_domid(a);
    assert_int_equal(registry_claim_renumber(a), 0);
    assert_true(registry_claim_domid(a) > registry_claim_domid(b));
    assert_int_equal(registry_list(r, &e, &n), 0);
    assert_int_equal(n, 2);
    assert_string_equal(e[0].name, "drei");
    assert_string_equal(e[0].uuid, "u-3");
    assert_string_equal(e[1].name, "one");
    assert_int_equal(e[1].domid, registry_claim_domid(a));
    assert_int_equal(e[1].pid, getpid());
    assert_int_not_equal(e[1].domid, before);
    registry_list_free(e, n);

    registry_claim_release(a);
    registry_claim_release(b);
    assert_int_equal(count(r), 0);
    registry_close(r);
}

static void sockets_in_a_long_path(void **state)
{
    struct registry *r = open_registry();
    struct registry_claim *c = NULL;
    int fd, peer;

    assert_int_equal(registry_claim(r, "s", NULL, &c), 0);
    assert_int_equal(registry_connect(r, registry_claim_domid(c)), -ENOENT);
    assert_true(registry_claim_listen(c) >= 0);
    fd = registry_connect(r, registry_claim_domid(c));
    assert_true(fd >= 0);
    /* A reboot keeps the socket, under the new number. */
    unsigned old = registry_claim_domid(c);
    assert_int_equal(registry_claim_renumber(c), 0);
    assert_int_equal(registry_connect(r, old), -ENOENT);
    peer = registry_connect(r, registry_claim_domid(c));
    assert_true(peer >= 0);
    close(fd);
    close(peer);
    registry_claim_release(c);
    registry_close(r);
}

/* Each child claims a name of its own and a shared one; exactly one gets the shared one, no domid comes twice. */
static void many_at_once(void **state)
{
    enum { PROCESSES = 16 };
    int result[2], go[2], hold[2];
    struct {
        unsigned domid;
        bool shared;
    } told;
    unsigned domids[PROCESSES], winners = 0;
    struct registry *r = open_registry();

    assert_int_equal(pipe(result) | pipe(go) | pipe(hold), 0);
    for (int i = 0; i < PROCESSES; i++) {
        if (fork() == 0) {
            struct registry_claim *mine = NULL, *shared = NULL;
            struct registry *own = open_registry();
            char name[32], c;
            close(go[1]);
            close(hold[1]);
            (void)!read(go[0], &c, 1);
            snprintf(name, sizeof name, "child-%d", i);
            int rc = registry_claim(own, name, NULL, &mine);
            told.shared = registry_claim(own, "shared", NULL, &shared) == 0;
            told.domid = rc == 0 ? registry_claim_domid(mine) : 0;
            (void)!write(result[1], &told, sizeof told);
            (void)!read(hold[0], &c, 1); /* until all have tried */
            registry_claim_release(mine);
            registry_claim_release(shared);
            registry_close(own);
            _exit(0);
        }
    }
    close(go[1]);
    close(hold[0]);
    for (int i = 0; i < PROCESSES; i++) {
        assert_int_equal(read(result[0], &told, sizeof told), sizeof told);
        domids[i] = told.domid;
        winners += told.shared;
        assert_int_not_equal(told.domid, 0);
        for (int k = 0; k < i; k++)
            assert_int_not_equal(domids[k], told.domid);
    }
    assert_int_equal(winners, 1);
    assert_int_equal(count(r), PROCESSES + 1);
    close(hold[1]);
    for (int i = 0; i < PROCESSES; i++)
        assert_true(wait(NULL) > 0);
    assert_int_equal(count(r), 0);
    registry_close(r);
}

static void killed_leaves_nothing(void **state)
{
    struct registry *r = open_registry();
    struct registry_claim *c = NULL;
    int ready[2], status;
    char byte;
    pid_t pid;

    assert_int_equal(pipe(ready), 0);
    pid = fork();
    if (pid == 0) {
        struct registry *own = open_registry();
        if (registry_claim(own, "victim", NULL, &c) == 0 && registry_claim_listen(c) >= 0)
            (void)!write(ready[1], "x", 1);
        pause();
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(count(r), 1);
    assert_int_equal(registry_claim(r, "victim", NULL, &c), -EEXIST);
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    assert_int_equal(count(r), 0);
    assert_int_equal(registry_claim(r, "victim", NULL, &c), 0);
    registry_claim_release(c);
    registry_close(r);
}

/* A machine process lives on for a moment with the supervisor's descriptors closed: it must not keep the entry alive.
 */
static void forgotten_claims_do_not_hold(void **state)
{
    struct registry *r = open_registry();
    struct registry_claim *c = NULL;
    int ready[2], done[2];
    char byte;

    assert_int_equal(registry_claim(r, "parent", NULL, &c), 0);
    assert_int_equal(pipe(ready) | pipe(done), 0);
    if (fork() == 0) {
        close(done[1]);
        registry_claim_forget(c);
        (void)!write(ready[1], "x", 1);
        (void)!read(done[0], &byte, 1);
        _exit(0);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(count(r), 1); /* forgetting in a child does not unlock the parent's */
    registry_claim_forget(c);
    assert_int_equal(count(r), 0);
    close(done[1]);
    wait(NULL);
    registry_close(r);
}

static void broken_entries_do_not_hide_others(void **state)
{
    struct registry *r = open_registry();
    struct registry_claim *good = NULL, *bad = NULL;
    char path[700];
    FILE *f;

    assert_int_equal(registry_claim(r, "good", NULL, &good), 0);
    assert_int_equal(registry_claim(r, "bad", NULL, &bad), 0);
    snprintf(path, sizeof path, "%s/domain/%u/about", run_dir, registry_claim_domid(bad));
    f = fopen(path, "w");
    assert_non_null(f);
    fputs("{\"name\": 3", f);
    fclose(f);
    assert_int_equal(count(r), 1);
    registry_claim_release(bad);
    registry_claim_release(good);
    registry_close(r);
}

static void unusable_run_directory(void **state)
{
    char *why = NULL;

    assert_null(registry_open("/dev/null/domus", &why));
    assert_non_null(strstr(why, "/dev/null/domus"));
    assert_non_null(strstr(why, "DOMUS_RUN_DIR"));
    free(why);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_domids),
        cmocka_unit_test(sockets_in_a_long_path),
        cmocka_unit_test(many_at_once),
        cmocka_unit_test(killed_leaves_nothing),
        cmocka_unit_test(forgotten_claims_do_not_hold),
        cmocka_unit_test(broken_entries_do_not_hide_others),
        cmocka_unit_test(unusable_run_directory),
    };

    return cmocka_run_group_tests(tests, make_run_dir, remove_run_dir);
}
