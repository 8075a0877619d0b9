/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pc.h: the PC that Xen's HVM guests expect (i440FX, PIIX3, PIIX4 PM, the Xen platform device), wired.
 *
 * Machine lock held for every call unless it says otherwise.
 */
#ifndef DOMUS_BOARD_PC_H
#define DOMUS_BOARD_PC_H

#include "base/types.h"

struct display;
struct domain_config;
struct engine_counter;
struct engine_ops;
struct lifecycle;
struct loop;
struct pc;

struct pc_setup {
    const struct domain_config *config; /* borrowed while the pc lives, as all of this */
    const struct engine_ops *engine;
    struct loop *loop;
    struct lifecycle *life;
    unsigned domid;
    const char *name, *uuid;
    void (*notice)(void *opaque, const char *text); /* a line the user shall read at start; may be NULL */
    void *opaque;
};

/* Builds the machine up to the first instruction; its vCPUs are paused. 0, or -errno with *why: one line for the user
 * (malloc'd). The lock not held: nothing runs yet. */
int pc_create(struct pc **pc, const struct pc_setup *setup, char **why);
void pc_destroy(struct pc *pc); /* the lock not held; flushes disks. NULL is fine */

/* Guest time and vCPUs together; not nested. */
void pc_pause(struct pc *pc);
void pc_unpause(struct pc *pc);
bool pc_paused(const struct pc *pc);

void pc_power_button(struct pc *pc);
void pc_sleep_button(struct pc *pc);
void pc_wake(struct pc *pc);              /* out of S3 */
int pc_nmi(struct pc *pc, unsigned vcpu); /* 0 or -EINVAL: no such vCPU */
int pc_init_vcpu(struct pc *pc, unsigned vcpu);
void pc_reset_request(struct pc *pc); /* as if the guest had pulled the reset line */
/* Writes control/shutdown ("poweroff", "reboot") if the guest said that it listens; false: it does not. */
bool pc_control_shutdown(struct pc *pc, const char *what);
/* Writes control/sysrq, whether the guest listens or not. 0 or -errno. */
int pc_control_sysrq(struct pc *pc, char key);

/* What `xl list` shows: the guest's pages now and its video RAM. */
uint64_t pc_memory_kib(const struct pc *pc);
unsigned pc_vcpus(const struct pc *pc);
struct pc_vcpu_info {
    bool online, blocked, paused;
    uint64_t time_ns; /* host CPU time */
};
struct pc_vcpu_info pc_vcpu_info(struct pc *pc, unsigned vcpu); /* any thread */
/* What the engine counts of it (engine_ops.vcpu_counters); any thread. */
unsigned pc_vcpu_counters(struct pc *pc, unsigned vcpu, struct engine_counter *counters);
int pc_trace(struct pc *pc, int fd, uint64_t count); /* engine_ops.trace */

struct display *pc_display(struct pc *pc);                  /* NULL: no display */
const char *pc_serial_tty(const struct pc *pc, unsigned n); /* NULL: no such port, or not a pty */
const char *pc_pv_console_tty(const struct pc *pc);         /* NULL: none */

/* The VNC server; port 0: none. */
const char *pc_vnc_listen(const struct pc *pc);
unsigned pc_vnc_port(const struct pc *pc);
const char *pc_web_address(const struct pc *pc); /* "http://..." or NULL */

/* xenstore from path down, one line a node, as `xenstore-ls -f[p]` prints it; to free(). NULL: no such node. */
char *pc_store_dump(struct pc *pc, const char *path, bool perms);

/* CD drives and floppies by vdev name ("hdc", "fda"); path NULL: eject. 0, or -errno with *why. */
int pc_cd_change(struct pc *pc, const char *vdev, const char *path, char **why);

/* NICs in the order of the configuration. */
struct pc_nic_info {
    unsigned devid;
    uint8_t mac[6];
    bool link;
    const char *interface; /* the tap on the host, "" behind NAT */
};
unsigned pc_nics(const struct pc *pc);
struct pc_nic_info pc_nic_info(const struct pc *pc, unsigned n);
void pc_nic_set_link(struct pc *pc, unsigned n, bool up); /* pulls or plugs its cable */

#endif
