/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_policy.c: every shutdown reason with every action, as the configuration's JSON says them. */
#include "domain/policy.h"

#include "machine/lifecycle.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void defaults_of_the_json(void **state)
{
    json_t *config = json_pack("{s:s, s:s}", "on_reboot", "restart", "on_soft_reset", "soft_reset");
    struct policy p;

    assert_int_equal(policy_from_config(&p, config), 0);
    assert_int_equal(policy_for(&p, LIFE_POWEROFF), POLICY_DESTROY);
    assert_int_equal(policy_for(&p, LIFE_REBOOT), POLICY_RESTART);
    assert_int_equal(policy_for(&p, LIFE_CRASH), POLICY_DESTROY);
    assert_int_equal(policy_for(&p, LIFE_WATCHDOG), POLICY_DESTROY);
    assert_int_equal(policy_for(&p, LIFE_SOFT_RESET), POLICY_SOFT_RESET);
    assert_int_equal(policy_for(&p, LIFE_SUSPEND), POLICY_DESTROY);
    json_decref(config);
}

static void every_action_for_every_reason(void **state)
{
    static const struct {
        const char *json;
        enum policy_action action;
        const char *log;
    } actions[] = {
        {"destroy", POLICY_DESTROY, "destroy"},
        {"restart", POLICY_RESTART, "restart"},
        {"restart_rename", POLICY_RENAME_RESTART, "rename-restart"},
        {"preserve", POLICY_PRESERVE, "preserve"},
        {"coredump_destroy", POLICY_COREDUMP_DESTROY, "coredump-destroy"},
        {"coredump_restart", POLICY_COREDUMP_RESTART, "coredump-restart"},
        {"soft_reset", POLICY_SOFT_RESET, "soft-reset"},
    };
    static const struct {
        const char *key;
        int reason;
    } reasons[] = {{"on_poweroff", 0}, {"on_reboot", 1}, {"on_crash", 3}, {"on_watchdog", 4}, {"on_soft_reset", 5}};

    for (size_t a = 0; a < ARRAY_SIZE(actions); a++) {
        for (size_t r = 0; r < ARRAY_SIZE(reasons); r++) {
            json_t *config = json_pack("{s:s}", reasons[r].key, actions[a].json);
            struct policy p;
            assert_int_equal(policy_from_config(&p, config), 0);
            assert_int_equal(policy_for(&p, reasons[r].reason), actions[a].action);
            for (size_t other = 0; other < ARRAY_SIZE(reasons); other++)
                if (other != r)
                    assert_int_equal(policy_for(&p, reasons[other].reason), POLICY_DESTROY);
            json_decref(config);
        }
        assert_string_equal(policy_action_name(actions[a].action), actions[a].log);
    }
}

static void nonsense(void **state)
{
    json_t *config = json_pack("{s:s}", "on_crash", "explode");
    struct policy p;

    assert_int_equal(policy_from_config(&p, config), -EINVAL);
    json_decref(config);
    config = json_object();
    assert_int_equal(policy_from_config(&p, config), 0);
    assert_int_equal(policy_for(&p, -1), POLICY_DESTROY);
    assert_int_equal(policy_for(&p, 77), POLICY_DESTROY);
    json_decref(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_of_the_json),
        cmocka_unit_test(every_action_for_every_reason),
        cmocka_unit_test(nonsense),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
