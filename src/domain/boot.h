/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * boot.h: one boot of a domain as its supervisor sees it: the forked machine process and the line to it.
 * Knows no policy and no client. Not thread-safe.
 */
#ifndef DOMUS_DOMAIN_BOOT_H
#define DOMUS_DOMAIN_BOOT_H

#include "domain/domain.h"

#include <jansson.h>
#include <poll.h>

struct boot;

/* What the machine process told; called from boot_ready() and boot_tick(). boot_destroy() only after `gone`. */
struct boot_client {
    void (*notice)(void *opaque, const char *text);
    void (*started)(void *opaque, json_t *about); /* borrowed */
    void (*failed)(void *opaque, const char *text);
    void (*ended)(void *opaque, int reason, const char *why);
    void (*gone)(void *opaque, const char *how); /* the process is no more; how it died, NULL: in an orderly way */
    void *opaque;
};

/* The machine: domain_machine_run(), or what a test puts in its place. */
struct boot_machine {
    int (*run)(const json_t *config, const struct domain_boot *order, struct domain_channel *channel);
};

/* log_fd: where the machine process logs (borrowed). NULL with errno. */
struct boot *boot_start(const struct boot_machine *machine, const json_t *config, const struct domain_boot *order,
                        int log_fd, const struct boot_client *client);
void boot_destroy(struct boot *b); /* kills what is left; NULL is fine */

struct pollfd boot_poll(const struct boot *b);
void boot_ready(struct boot *b, short events);
/* When boot_tick() wants to be called next: CLOCK_MONOTONIC ms, -1: never. */
long long boot_deadline_ms(const struct boot *b);
void boot_tick(struct boot *b);

/* Asks the machine; `answered` gets the result (borrowed), or NULL with code and why. Takes args (may be NULL).
 * timeout_ms -1: none. Always answered once, at the latest when the process is gone. */
void boot_call(struct boot *b, const char *command, json_t *args, int timeout_ms,
               void (*answered)(void *opaque, json_t *result, int code, const char *why), void *opaque);

/* Asks the process to flush and go, and kills it when it has not after patience_ms. */
void boot_end(struct boot *b, int patience_ms);
pid_t boot_pid(const struct boot *b);
long long boot_now_ms(void);

#endif
