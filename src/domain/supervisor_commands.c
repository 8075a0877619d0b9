/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor_commands.c: what a domain's control socket understands. Commands about the domain's life are answered
 * here, so that they work with a machine that hangs or is gone; all others go to the machine.
 */
#include "domain/supervisor_internal.h"

#include "base/log.h"

#include <stdlib.h>
#include <string.h>
#include <errno.h>

#define INFO_PATIENCE_MS 1000 /* xl list shall not hang on one domain */

struct supervisor_call {
    struct supervisor *supervisor;
    struct control_request *request;
    bool with_config;
};

/* What the supervisor knows by itself. */
static json_t *supervisor_info(struct supervisor *s, bool with_config)
{
    json_t *info =
        json_pack("{s:i, s:s, s:I, s:b, s:b, s:b, s:b, s:i, s:i}", "domid", (int)registry_claim_domid(s->claim), "name",
                  supervisor_name(s), "created", (json_int_t)s->created_s, "starting", s->state == SUPERVISOR_STARTING,
                  "paused", s->pauses > 0 || s->state == SUPERVISOR_STARTING, "shutdown", s->shutdown_reason >= 0,
                  "dying", s->state == SUPERVISOR_ENDING || s->state == SUPERVISOR_WAITING, "reason",
                  s->shutdown_reason, "pid", s->boot ? (int)boot_pid(s->boot) : 0);

    if (info && s->about)
        json_object_set(info, "about", s->about);
    if (info && with_config)
        json_object_set(info, "config", s->config);
    return info;
}

static void info_answered(void *opaque, json_t *result, int code, const char *why)
{
    struct supervisor_call *call = opaque;
    json_t *info = supervisor_info(call->supervisor, call->with_config);

    if (info && result)
        json_object_update_missing(info, result); /* ours win */
    else if (info)
        json_object_set_new(info, "machine", json_string(why));
    control_reply(call->request, info);
    free(call);
}

static struct supervisor_call *supervisor_call(struct supervisor *s, struct control_request *request)
{
    struct supervisor_call *call = calloc(1, sizeof *call);

    if (!call) {
        control_fail(request, CONTROL_NOMEM, "out of memory");
        return NULL;
    }
    call->supervisor = s;
    call->request = request;
    return call;
}

static bool supervisor_has_machine(const struct supervisor *s)
{
    return s->boot && boot_pid(s->boot) && (s->state == SUPERVISOR_RUNNING || s->state == SUPERVISOR_SHUTDOWN);
}

static void command_info(void *opaque, struct control_request *request, const char *name, const json_t *args)
{
    struct supervisor *s = opaque;
    struct supervisor_call *call;
    bool with_config = json_is_true(json_object_get(args, "config"));

    if (!supervisor_has_machine(s)) {
        control_reply(request, supervisor_info(s, with_config));
        return;
    }
    call = supervisor_call(s, request);
    if (!call)
        return;
    call->with_config = with_config;
    boot_call(s->boot, "info", NULL, INFO_PATIENCE_MS, info_answered, call);
}

static void proxy_answered(void *opaque, json_t *result, int code, const char *why)
{
    struct supervisor_call *call = opaque;

    if (code == 0)
        control_reply(call->request, json_incref(result));
    else
        control_fail(call->request, code, "%s", why ? why : "unknown error");
    free(call);
}

static void command_proxy(void *opaque, struct control_request *request, const char *name, const json_t *args)
{
    struct supervisor *s = opaque;
    struct supervisor_call *call;

    if (!supervisor_has_machine(s)) {
        control_fail(request, CONTROL_FAIL, "domain %s is not running", supervisor_name(s));
        return;
    }
    call = supervisor_call(s, request);
    if (call)
        boot_call(s->boot, name, json_deep_copy(args), -1, proxy_answered, call);
}

static void command_pause(void *opaque, struct control_request *request, const char *name, const json_t *args)
{
    struct supervisor *s = opaque;

    if (s->state != SUPERVISOR_RUNNING)
        control_fail(request, CONTROL_FAIL, "domain %s is not running", supervisor_name(s));
    else if (s->pauses++ > 0)
        control_reply(request, NULL);
    else
        command_proxy(opaque, request, name, args);
}

static void command_unpause(void *opaque, struct control_request *request, const char *name, const json_t *args)
{
    struct supervisor *s = opaque;

    if (s->state != SUPERVISOR_RUNNING)
        control_fail(request, CONTROL_FAIL, "domain %s is not running", supervisor_name(s));
    else if (s->pauses == 0 || --s->pauses > 0)
        control_reply(request, NULL);
    else
        command_proxy(opaque, request, name, args);
}

static void supervisor_add_waiter(struct list *waiters, struct control_request *request, bool for_destroy)
{
    struct supervisor_waiter *w = calloc(1, sizeof *w);

    if (!w) {
        control_fail(request, CONTROL_NOMEM, "out of memory");
        return;
    }
    w->request = request;
    w->for_destroy = for_destroy;
    list_append(waiters, &w->link);
}

static void command_wait(void *opaque, struct control_request *request, const char *name, const json_t *args)
{
    struct supervisor *s = opaque;
    const char *what = json_string_value(json_object_get(args, "for"));
    bool for_destroy = what && strcmp(what, "destroy") == 0;

    if (!for_destroy && s->shutdown_reason >= 0)
        control_reply(request, json_pack("{s:i}", "reason", s->shutdown_reason));
    else
        supervisor_add_waiter(&s->waiters, request, for_destroy);
}

static void command_destroy(void *opaque, struct control_request *request, const char *name, const json_t *args)
{
    struct supervisor *s = opaque;

    supervisor_add_waiter(&s->destroyers, request, true);
    supervisor_destroy(s);
}

static void command_rename(void *opaque, struct control_request *request, const char *name, const json_t *args)
{
    struct supervisor *s = opaque;
    const char *to = json_string_value(json_object_get(args, "name"));
    int rc = to && to[0] ? registry_claim_rename(s->claim, to, NULL) : -EINVAL;

    if (rc == -EEXIST) {
        control_fail(request, CONTROL_INVAL, "Domain with name \"%s\" already exists.", to);
    } else if (rc != 0) {
        control_fail(request, CONTROL_INVAL, "%s", strerror(-rc));
    } else {
        json_object_set_new(json_object_get(s->config, "c_info"), "name", json_string(to));
        control_reply(request, NULL);
    }
}

const struct control_command supervisor_commands[] = {
    {"info", command_info},     {"pause", command_pause},     {"unpause", command_unpause}, {"wait", command_wait},
    {"rename", command_rename}, {"destroy", command_destroy}, {NULL, command_proxy},
};
