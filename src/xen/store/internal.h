/* SPDX-License-Identifier: GPL-2.0-or-later */
/* internal.h: the inside of struct store and of its connections, for store.c, transaction.c and connection.c. */
#ifndef DOMUS_XEN_STORE_INTERNAL_H
#define DOMUS_XEN_STORE_INTERNAL_H

#include "base/list.h"
#include "xen/store/store.h"
#include "xen/store/tree.h"

#include <errno.h> /* before xs_wire.h, which then has its table of error names */
#include <xen/io/xs_wire.h>

struct store {
    struct tree tree;
    uint64_t next_gen;
    struct list watches;
    struct list events; /* of domain 0's watches, not yet told */
    bool telling;
};

struct store_watch {
    struct list link;               /* store->watches */
    struct store_connection *owner; /* NULL: domain 0's */
    char *path;                     /* absolute, or "@..." */
    char *token;                    /* owner's */
    size_t strip;                   /* so many bytes of an event's path its owner did not write (a relative watch) */
    void (*changed)(void *opaque, const char *path);
    void *opaque;
};

struct transaction_op {
    struct transaction_op *next;
    int kind; /* XS_WRITE, XS_MKDIR, XS_RM, XS_SET_PERMS; XS_READ: a path whose state the transaction has seen */
    char *path;
    void *data; /* value, or struct store_perm[] */
    size_t len; /* bytes, or number of rights */
};

struct transaction {
    struct list link; /* connection's */
    uint32_t id;
    struct tree base, tree; /* as it began; as it sees it now */
    struct transaction_op *first, **last;
    unsigned ops;
    size_t bytes;
};

struct store_connection {
    struct store *store;
    unsigned domid;
    struct store_connection_ops ops;
    struct list transactions;
    unsigned transaction_count, watch_count;
    uint32_t next_transaction;
    bool broken;

    uint8_t in[sizeof(struct xsd_sockmsg) + XENSTORE_PAYLOAD_MAX + 1]; /* one message, and a NUL behind it */
    size_t in_used;
    uint8_t *out; /* a FIFO: bytes [out_start, out_end) */
    size_t out_start, out_end, out_size;
};

/* Tells all watches of `changes` and frees them; then domain 0's callbacks run, unless they run already. */
void store_tell(struct store *s, struct change *changes);
/* The first event of a new watch. */
void store_tell_first(struct store_watch *w);
void store_flush(struct store *s);
void watch_free(struct store_watch *w);
struct store_watch *watch_new(struct store *s, const char *path);

/* transaction.c */
int transaction_start(struct store_connection *c, struct transaction **tx);
struct transaction *transaction_find(struct store_connection *c, uint32_t id);
/* Ends and frees it. -EAGAIN: what it saw has changed since. */
int transaction_end(struct store_connection *c, struct transaction *tx, bool commit);
void transaction_drop(struct store_connection *c, struct transaction *tx);
/* Records one step, -ENOSPC when there are too many. */
int transaction_note(struct transaction *tx, int kind, const char *path, const void *data, size_t len);

/* connection.c: a watch event for a guest. */
void connection_event(struct store_watch *w, const char *path);

#endif
