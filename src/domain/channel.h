/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * channel.h: the machine process's line to its supervisor.
 *
 * Commands the machine serves (those it lacks in its table are answered "does not exist yet in domus"):
 *   info          {} -> {"memory_kb": N, "vcpus": [{"online": true, "state": "running"|"blocked"|"paused",
 *                 "time_ns": N, "cpu": N}], ...}; more keys pass through to xl unchanged
 *   pause, unpause  {}: never nested, the supervisor counts
 *   trigger       {"what": "power"|"sleep"|"nmi"|"reset"|"init"|"s3resume", "vcpu": N}
 *   screenshot    {"path": "/absolute/FILE.png"}
 *   send_keys     {"keys": ["ctrl-alt-delete", "hello", ...]}: as keymap_send_keys() reads them; typed in the
 *                 background while "info" says "typing": true
 *   shutdown      {"what": "poweroff"|"reboot"} -> {"taken": bool}: asks the guest's PV driver, if it has one
 *   cd_insert     {"vdev": "hdc", "path": "/absolute/FILE"},  cd_eject {"vdev": "hdc"}
 *   block_list    {} -> {"disks": [...]}, network_list {} -> {"nics": [...]}: see xl/cmd_device.c for the fields
 * A handler returns its result, or NULL with one line in *why.
 */
#ifndef DOMUS_DOMAIN_CHANNEL_H
#define DOMUS_DOMAIN_CHANNEL_H

#include "base/types.h"
#include "machine/lifecycle.h"

#include <jansson.h>

struct domain_channel;
struct loop;

struct channel_command {
    const char *name; /* NULL ends the table */
    /* Runs in the loop with the machine lock held. args: an object, borrowed. New reference, or NULL with *why
     * (malloc'd). */
    json_t *(*run)(void *opaque, const json_t *args, char **why);
};

/* Takes `fd`, the machine's end of a connected stream socket. NULL: out of memory. */
struct domain_channel *channel_create(int fd);
void channel_destroy(struct domain_channel *c);

/* A line the user shall read when the domain starts (which engine and why, NAT instead of a bridge, ...). */
void channel_notice(struct domain_channel *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The boot runs (or is paused, ready to run). Takes `about`, an object of what xl shows and uses:
 *   "consoles": [{"type": "serial"|"pv", "number": 0, "tty": "/dev/pts/N"}],
 *   "vnc": {"listen": "127.0.0.1", "port": 5900, "password": "..."}, "web": "http://...", "engine": "jit", ... */
void channel_started(struct domain_channel *c, json_t *about);
/* The boot cannot run: the cause in one line, with the file's or option's name. Return after this. */
void channel_failed(struct domain_channel *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The guest ended. Any thread; only the first counts. `why`: one phrase for the log, NULL: none. */
void channel_ended(struct domain_channel *c, enum life_reason reason, const char *why);

/* Serves commands from `loop`; loop_stop()s it when the supervisor says so or is gone. The table is borrowed. Call
 * before loop_run() or with the machine lock held. 0 or -errno. */
int channel_serve(struct domain_channel *c, struct loop *loop, const struct channel_command *commands, void *opaque);
/* Before loop_destroy(). Not serving is fine. */
void channel_unserve(struct domain_channel *c);

#endif
