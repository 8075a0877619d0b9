/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_xlconf.c: xl.conf's keys, and that its defaults reach a domain's NICs. */
#include "config/xlconf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char lines[2000];

static void see(void *opaque, enum config_level level, const char *text)
{
    size_t n = strlen(lines);

    snprintf(lines + n, sizeof lines - n, "%s\n", text);
}

static const struct config_sink sink = {.line = see};

static struct xl_conf *conf(const char *text)
{
    int rc;

    lines[0] = '\0';
    return xlconf_parse(text, strlen(text), "xl.conf", &sink, &rc);
}

static void test_keys(void **state)
{
    struct xl_conf *c =
        conf("lockfile=\"/l\"\noutput_format=\"sxp\"\nmax_grant_frames=7\nclaim_mode=0\ndomid_policy=\"random\"\n"
             "vm.cpumask=\"0-1\"\nautoballoon=\"auto\"\nblkdev_start=\"xvdb\"\n");

    assert_non_null(c);
    assert_string_equal(lines, "");
    assert_string_equal(c->lockfile, "/l");
    assert_true(c->sxp && c->random_domid);
    assert_int_equal(c->max_grant_frames, 7);
    assert_int_equal(c->max_grant_version, CONFIG_UNSET);
    assert_int_equal(c->claim_mode, TRI_FALSE);
    assert_string_equal(c->cpumask, "0-1");
    assert_string_equal(c->blkdev_start, "xvdb");
    xlconf_free(c);
    c = conf("");
    assert_non_null(c);
    xlconf_free(c);
}

static void test_bad(void **state)
{
    struct xl_conf *c = conf("autoballoon=\"perhaps\"\nvifscript=\"s\"\n");

    assert_non_null(c);
    assert_non_null(strstr(lines, "invalid autoballoon option\n"));
    assert_non_null(strstr(lines, "vif.default.script"));
    assert_string_equal(c->vif_script, "s");
    xlconf_free(c);
    assert_null(conf("a=b\n"));
    assert_non_null(strstr(lines, "xl.conf:1: config parsing error near `b'"));
    assert_null(conf("max_grant_frames=\"x\"\n"));
}

static void test_defaults_of_nics(void **state)
{
    struct xl_conf *c = conf("vif.default.bridge=\"br7\"\nvif.default.script=\"s\"\nvif.default.gatewaydev=\"g\"\n"
                             "vif.default.backend=\"b\"\nrun_hotplug_scripts=0\n");
    const struct config_host host = {.conf = c, .cpus = 1};
    const char *text = "name='a'\ntype='hvm'\nvif=['','bridge=mine']\n";
    struct domain_config *d;
    int rc;

    d = config_parse(text, strlen(text), "f", NULL, &host, &sink, &rc);
    assert_non_null(d);
    assert_int_equal(d->nics_count, 2);
    assert_string_equal(d->nics[0].bridge, "br7");
    assert_string_equal(d->nics[0].script, "s");
    assert_string_equal(d->nics[0].gatewaydev, "g");
    assert_string_equal(d->nics[0].backend_domname, "b");
    assert_string_equal(d->nics[1].bridge, "mine");
    assert_int_equal(d->nics[1].line, 3);
    assert_int_equal(d->run_hotplug_scripts, TRI_FALSE);
    config_free(d);
    xlconf_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_keys), cmocka_unit_test(test_bad),
                                       cmocka_unit_test(test_defaults_of_nics)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
