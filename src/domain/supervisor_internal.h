/* SPDX-License-Identifier: GPL-2.0-or-later */
/* supervisor_internal.h: what supervisor.c, supervisor_run.c and supervisor_commands.c share. */
#ifndef DOMUS_DOMAIN_SUPERVISOR_INTERNAL_H
#define DOMUS_DOMAIN_SUPERVISOR_INTERNAL_H

#include "base/list.h"
#include "control/server.h"
#include "domain/policy.h"
#include "domain/supervisor.h"

enum supervisor_state {
    SUPERVISOR_STARTING, /* the machine is being built */
    SUPERVISOR_RUNNING,
    SUPERVISOR_SHUTDOWN, /* the guest ended; the machine may still be there (preserved) */
    SUPERVISOR_ENDING,   /* asked the machine to go; `next` says what then */
    SUPERVISOR_WAITING,  /* before a restart */
};

enum supervisor_next {
    NEXT_NOTHING,
    NEXT_EXIT,    /* the domain is cleaned up as its policy says */
    NEXT_RESTART, /* a new boot, new domid */
    NEXT_DESTROYED,
};

/* A client that waits for the domain to shut down or to go: shutdown -w. */
struct supervisor_waiter {
    struct list link;
    struct control_request *request;
    bool for_destroy;
};

struct supervisor {
    const struct supervisor_order *order; /* borrowed */
    const struct boot_machine *machine;   /* borrowed */
    struct registry *registry;
    struct registry_claim *claim;
    struct control_server *server;
    struct policy policy;
    json_t *config; /* a copy: renaming changes it */
    char *log_dir;
    int monitor_fd; /* xl-NAME.log or standard error */
    int machine_fd; /* domain-NAME.log */
    off_t log_from; /* where this boot's lines begin in it */
    int signal_fd;
    int report_fd; /* -1: xl knows */

    enum supervisor_state state;
    enum supervisor_next next;
    struct boot *boot;       /* NULL: no machine now */
    json_t *about;           /* what the machine told when it started; NULL: not yet */
    char *failure;           /* why the start failed */
    int shutdown_reason;     /* valid in SHUTDOWN and after; -1: none */
    unsigned pauses;         /* nested, as Xen counts */
    long long boot_at_ms;    /* when this boot began */
    long long restart_at_ms; /* valid in WAITING */
    long long created_s;     /* wall clock, of this domid */
    struct list waiters;     /* supervisor_waiter.link */
    struct list destroyers;  /* supervisor_waiter.link: clients of `destroy` */
    bool finished;           /* leave the loop */
    int status;              /* then exit with this */
};

extern const struct control_command supervisor_commands[];

const char *supervisor_name(const struct supervisor *s);
void supervisor_log(struct supervisor *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
const char *supervisor_uuid(const struct supervisor *s);
unsigned supervisor_domid(const struct supervisor *s);
void supervisor_report(struct supervisor *s, json_t *message); /* to xl; takes the message */
void supervisor_report_end(struct supervisor *s);
int supervisor_boot(struct supervisor *s, bool paused); /* 0 or -errno */
void supervisor_destroy(struct supervisor *s);
void supervisor_tick(struct supervisor *s);
int supervisor_timeout_ms(const struct supervisor *s); /* until the next tick has something to do */
void supervisor_wake(struct list *waiters, bool only_shutdown, int reason);

#endif
