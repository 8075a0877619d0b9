/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * registry.h: which domains exist: one directory per domain below the run directory, named by its domid.
 *
 *   RUN/lock            flock: held while the registry changes (or is read)
 *   RUN/next-domid      the domid the next domain gets; only grows, as on Xen
 *   RUN/domain/N/alive  flock: held by the domain's supervisor as long as it lives, so kill -9 leaves nothing behind
 *   RUN/domain/N/about  JSON: name, uuid, pid
 *   RUN/domain/N/control  the control socket (server.h, client.h)
 *
 * Knows nothing of what a domain does. Safe against any number of processes at once.
 */
#ifndef DOMUS_CONTROL_REGISTRY_H
#define DOMUS_CONTROL_REGISTRY_H

#include "base/types.h"

#include <sys/types.h>

#define REGISTRY_DOMID_LIMIT 0x7ff0u /* DOMID_FIRST_RESERVED */

struct registry;

/* Where the registry is: $DOMUS_RUN_DIR, else /run/domus as root, else $XDG_RUNTIME_DIR/domus, /run/user/UID/domus or
 * /tmp/domus-UID, the first that can be. malloc'd. */
char *registry_run_dir(void);
/* Where logs go: $DOMUS_RUN_DIR/log, /var/log/domus as root, else $XDG_STATE_HOME/domus or ~/.local/state/domus,
 * else "log" in the registry. */
char *registry_log_dir(void);

/* Opens (and creates) the registry; dir NULL: registry_run_dir(). NULL with *why (malloc'd, one line with a remedy). */
struct registry *registry_open(const char *dir, char **why);
void registry_close(struct registry *r);

struct registry_entry {
    unsigned domid;
    char *name, *uuid; /* owned */
    pid_t pid;         /* its supervisor's */
};

/* All live domains by growing domid; entries of dead ones are swept. -errno. */
int registry_list(struct registry *r, struct registry_entry **entries, size_t *n);
void registry_list_free(struct registry_entry *entries, size_t n);
/* A socket connected to the domain's control socket, or -errno (-ENOENT: no such domain). */
int registry_connect(struct registry *r, unsigned domid);

/* The supervisor's own entry. */
struct registry_claim;
/* -EEXIST: the name is in use; -ENOSPC: no domid left. uuid may be NULL. */
int registry_claim(struct registry *r, const char *name, const char *uuid, struct registry_claim **claim);
unsigned registry_claim_domid(const struct registry_claim *c);
/* The listening control socket of this entry; the claim keeps it. -errno. */
int registry_claim_listen(struct registry_claim *c);
int registry_claim_rename(struct registry_claim *c, const char *name, const char *uuid); /* uuid NULL: as it was */
/* The same entry under a new domid (a reboot). */
int registry_claim_renumber(struct registry_claim *c);
/* Removes the entry; NULL is fine. */
void registry_claim_release(struct registry_claim *c);
/* In a forked child that is not the domain's supervisor: lets go without removing the entry. */
void registry_claim_forget(struct registry_claim *c);

#endif
