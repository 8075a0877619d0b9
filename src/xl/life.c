/* SPDX-License-Identifier: GPL-2.0-or-later */
/* life.c: destroy, shutdown, reboot, pause, unpause, trigger, button-press. */
#include "xl/xl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

int xl_cmd_destroy(struct xl *xl, int argc, char **argv)
{
    bool force = xl->force;
    int opt, rc;
    long domid;

    while ((opt = xl_getopt(argc, argv, "hf", NULL, 1)) != -1)
        force |= opt == 'f';
    domid = xl_find_domain(xl, argv[optind]);
    if (domid < 0)
        return 1;
    if (domid == 0 && !force) {
        fprintf(stderr, "Not destroying domain 0; use -f to force.\n"
                        "This can only be done when using a disaggregated hardware domain and toolstack.\n\n");
        return 1;
    }
    rc = xl_call(xl, (unsigned)domid, "destroy", NULL, NULL, false);
    /* The supervisor answers when the machine is gone, and may be gone itself before the answer is read. */
    if (rc == 0 || (rc == CONTROL_DOMAIN_NOTFOUND && xl_lookup_domain(xl, argv[optind]) < 0))
        return 0;
    if (rc == CONTROL_DOMAIN_NOTFOUND && xl_domain_name(xl, (unsigned)domid) == NULL)
        xl_error("Domain %ld: does not exist", domid);
    fprintf(stderr, "destroy failed (rc=%d)\n", rc);
    return 1;
}

/* --- shutdown, reboot --- */

struct life_order {
    const char *doing;    /* "Shutting down" */
    const char *graceful; /* "shutdown" */
    const char *event;    /* "power" */
    const char *button;   /* "power button" */
    bool reboot;
    bool fallback; /* -F */
};

/* A domain that -w waits for: the connection tells when it shuts down and when it goes. */
struct life_wait {
    unsigned domid;
    struct control_client *client;
    json_int_t shutdown, destroy; /* requests under way, begun before the domain was asked to end */
};

static int life_ask_acpi(struct xl *xl, unsigned domid, const struct life_order *order)
{
    int rc;

    if (!order->fallback) {
        fprintf(stderr, "PV control interface not available: external graceful %s not possible.\n", order->graceful);
        fprintf(stderr, "Use \"-F\" to fallback to ACPI %s event.\n", order->event);
        return CONTROL_NOPARAVIRT;
    }
    fprintf(stderr, "PV control interface not available: sending ACPI %s button event.\n", order->button);
    rc = xl_call(xl, domid, "trigger", json_pack("{s:s}", "what", order->event), NULL, true);
    return rc;
}

/* 0 or 1 after messages. */
static int life_ask(struct xl *xl, unsigned domid, const struct life_order *order)
{
    json_t *result = NULL;
    bool taken;
    int rc;

    fprintf(stderr, "%s domain %u\n", order->doing, domid);
    rc = xl_call(xl, domid, "shutdown", json_pack("{s:s}", "what", order->reboot ? "reboot" : "poweroff"), &result,
                 false);
    taken = rc == 0 && xl_true(result, "taken");
    json_decref(result);
    if (taken)
        return 0;
    if (rc == 0 || rc == CONTROL_NOT_THERE)
        rc = life_ask_acpi(xl, domid, order);
    else
        xl_error("Domain %u: %s", domid, rc == CONTROL_DOMAIN_NOTFOUND ? "does not exist" : "it is not running");
    if (rc == 0)
        return 0;
    fprintf(stderr, "%s failed (rc=%d)\n", order->graceful, rc);
    return 1;
}

static struct life_wait life_wait_begin(struct xl *xl, unsigned domid)
{
    struct life_wait w = {.domid = domid, .client = control_connect(xl_registry(xl), domid)};

    if (w.client) {
        w.shutdown = control_begin(w.client, "wait", json_pack("{s:s}", "for", "shutdown"));
        w.destroy = control_begin(w.client, "wait", json_pack("{s:s}", "for", "destroy"));
    }
    return w;
}

static void life_await(struct life_wait *w)
{
    json_t *result = NULL;

    if (control_finish(w->client, w->shutdown, -1, &result, NULL) == 0 && xl_int(result, "reason", -1) >= 0)
        fprintf(stderr, "Domain %u has been shut down, reason code %lld\n", w->domid, xl_int(result, "reason", -1));
    json_decref(result);
    control_finish(w->client, w->destroy, -1, NULL, NULL);
    fprintf(stderr, "Domain %u has been destroyed\n", w->domid);
}

static int life_domains(struct xl *xl, const char *arg, unsigned **domids, size_t *n)
{
    struct registry_entry *entries = NULL;
    size_t found = 1;
    long domid = 0;

    if (arg) {
        domid = xl_find_domain(xl, arg);
        if (domid < 0)
            return 1;
    } else if (registry_list(xl_registry(xl), &entries, &found) != 0) {
        xl_error("the registry of domains cannot be read");
        return 1;
    }
    *domids = calloc(found + 1, sizeof **domids);
    if (!*domids)
        return 1;
    (*domids)[0] = (unsigned)domid;
    for (size_t i = 0; entries && i < found; i++)
        (*domids)[i] = entries[i].domid;
    *n = found;
    registry_list_free(entries, arg ? 0 : found);
    return 0;
}

static int life_end(struct xl *xl, int argc, char **argv, struct life_order order)
{
    static const struct option longs[] = {
        {"all", no_argument, NULL, 'a'}, {"wait", no_argument, NULL, 'w'}, {"help", no_argument, NULL, 'h'}, {0}};
    struct life_wait *waits;
    unsigned *domids = NULL;
    size_t n = 0, waiting = 0;
    int opt, wait = 0, rc = 0;
    bool all = false;

    while ((opt = xl_getopt(argc, argv, "hawF", longs, 0)) != -1) {
        switch (opt) {
        case 'a': all = true; break;
        case 'w': wait++; break;
        case 'F': order.fallback = true; break;
        }
    }
    if (!argv[optind] && !all) {
        fprintf(stderr, "You must specify -a or a domain id.\n\n");
        return 1;
    }
    if (life_domains(xl, all ? NULL : argv[optind], &domids, &n) != 0)
        return 1;
    waits = calloc(n + 1, sizeof *waits);
    for (size_t i = 0; waits && i < n; i++) {
        struct life_wait w = wait ? life_wait_begin(xl, domids[i]) : (struct life_wait){.client = NULL};
        if (life_ask(xl, domids[i], &order) != 0) {
            rc = 1;
            control_disconnect(w.client);
        } else if (w.client) {
            waits[waiting++] = w;
        }
    }
    if (waiting) {
        fprintf(stderr, "Waiting for %zu domains\n", waiting);
        for (size_t i = 0; i < waiting; i++) {
            life_await(&waits[i]);
            control_disconnect(waits[i].client);
        }
    }
    free(waits);
    free(domids);
    return rc;
}

int xl_cmd_shutdown(struct xl *xl, int argc, char **argv)
{
    return life_end(
        xl, argc, argv,
        (struct life_order){.doing = "Shutting down", .graceful = "shutdown", .event = "power", .button = "power"});
}

int xl_cmd_reboot(struct xl *xl, int argc, char **argv)
{
    return life_end(
        xl, argc, argv,
        (struct life_order){
            .doing = "Rebooting", .graceful = "reboot", .event = "reset", .button = "reset", .reboot = true});
}

/* --- pause, unpause, trigger --- */

static int life_simple(struct xl *xl, int argc, char **argv, const char *command)
{
    long domid;

    while (xl_getopt(argc, argv, "h", NULL, 1) != -1)
        ;
    domid = xl_find_domain(xl, argv[optind]);
    return domid < 0 || xl_call(xl, (unsigned)domid, command, NULL, NULL, true) != 0;
}

int xl_cmd_pause(struct xl *xl, int argc, char **argv)
{
    return life_simple(xl, argc, argv, "pause");
}

int xl_cmd_unpause(struct xl *xl, int argc, char **argv)
{
    return life_simple(xl, argc, argv, "unpause");
}

static int life_trigger(struct xl *xl, unsigned domid, const char *what, long vcpu)
{
    return xl_call(xl, domid, "trigger", json_pack("{s:s, s:I}", "what", what, "vcpu", (json_int_t)vcpu), NULL, true) !=
           0;
}

int xl_cmd_trigger(struct xl *xl, int argc, char **argv)
{
    static const char *const known[] = {"power", "sleep", "nmi", "init", "reset", "s3resume"};
    const char *what = NULL;
    char *end = NULL;
    long domid, vcpu = 0;

    while (xl_getopt(argc, argv, "h", NULL, 2) != -1)
        ;
    domid = xl_find_domain(xl, argv[optind]);
    if (domid < 0)
        return 1;
    for (size_t i = 0; i < ARRAY_SIZE(known); i++)
        if (strcasecmp(argv[optind + 1], known[i]) == 0)
            what = known[i];
    if (!what) {
        fprintf(stderr, "Invalid trigger \"%s\"\n", argv[optind + 1]);
        return 1;
    }
    if (argv[optind + 2]) {
        vcpu = strtol(argv[optind + 2], &end, 10);
        if (end == argv[optind + 2] || vcpu < 0) {
            fprintf(stderr, "Invalid vcpuid, using default vcpuid=0.\n\n");
            vcpu = 0;
        }
    }
    return life_trigger(xl, (unsigned)domid, what, vcpu);
}

int xl_cmd_button_press(struct xl *xl, int argc, char **argv)
{
    const char *button;
    long domid;

    fprintf(stderr, "WARNING: \"button-press\" is deprecated. Please use \"trigger\"\n");
    while (xl_getopt(argc, argv, "h", NULL, 2) != -1)
        ;
    domid = xl_find_domain(xl, argv[optind]);
    if (domid < 0)
        return 1;
    button = argv[optind + 1];
    if (strcmp(button, "power") != 0 && strcmp(button, "sleep") != 0) {
        fprintf(stderr, "%s is an invalid button identifier\n", button);
        return 1;
    }
    return life_trigger(xl, (unsigned)domid, button, 0);
}

int xl_cmd_sysrq(struct xl *xl, int argc, char **argv)
{
    long domid;

    while (xl_getopt(argc, argv, "h", NULL, 2) != -1)
        ;
    domid = xl_find_domain(xl, argv[optind]);
    if (domid < 0)
        return 1;
    if (argv[optind + 1][0] == '\0' || argv[optind + 1][1] != '\0') {
        fprintf(stderr, "Invalid sysrq.\n\n");
        xl_help_command(xl_command_named("sysrq"));
        return 1;
    }
    return xl_call(xl, (unsigned)domid, "sysrq", json_pack("{s:s}", "key", argv[optind + 1]), NULL, true) != 0;
}
