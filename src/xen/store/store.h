/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * store.h: xenstore: a tree of small values with permissions, watches and transactions.
 *
 * Knows paths, rights and quotas; not rings nor guests' memory. Domain 0 (the board, back ends, the toolstack) calls
 * the functions below; a guest speaks the wire protocol through a struct store_connection (public/io/xs_wire.h,
 * docs/misc/xenstore.txt). Everything wants the machine lock. Errors are -errno with the errno values that the
 * protocol names.
 */
#ifndef DOMUS_XEN_STORE_STORE_H
#define DOMUS_XEN_STORE_STORE_H

#include "base/types.h"

struct store;
struct store_connection;
struct store_watch;

struct store *store_create(void); /* NULL: no memory */
void store_destroy(struct store *s);

/* ---- As domain 0. Paths are absolute. ---- */
int store_write(struct store *s, const char *path, const char *value); /* makes the nodes above; a string */
int store_writef(struct store *s, const char *path, const char *format, ...) __attribute__((format(printf, 3, 4)));
int store_write_bytes(struct store *s, const char *path, const void *value, size_t len);
int store_mkdir(struct store *s, const char *path);
int store_remove(struct store *s, const char *path); /* with all below it; -ENOENT */
/* A NUL-terminated copy to free(), or NULL. *len may be NULL. */
char *store_read(struct store *s, const char *path, size_t *len);
long long store_read_int(struct store *s, const char *path, long long missing);
/* The child names, NUL-terminated each, one after the other, to free(); *n their number. NULL: no such node. */
char *store_list(struct store *s, const char *path, unsigned *n);

/* Rights as xs_wire.h writes them: "n0,r5" = owner domain 0, others nothing, domain 5 may read. -EINVAL. */
int store_set_perms(struct store *s, const char *path, const char *perms);
char *store_get_perms(struct store *s, const char *path); /* "n0,r5", to free(); NULL */

/* Called for every change at or below path, and once at first; from the end of whichever call made the change, so the
 * callback may use the store. NULL: no memory. */
struct store_watch *store_watch(struct store *s, const char *path, void (*changed)(void *opaque, const char *path),
                                void *opaque);
void store_unwatch(struct store *s, struct store_watch *w); /* NULL is fine */

/* ---- As a guest, by wire messages. ---- */
struct store_connection_ops {
    void (*has_output)(void *opaque); /* bytes wait in store_connection_output() */
    void *opaque;
};
struct store_connection *store_connect(struct store *s, unsigned domid, const struct store_connection_ops *ops);
void store_disconnect(struct store_connection *c);       /* NULL is fine */
void store_connection_reset(struct store_connection *c); /* watches, transactions and half messages go */
/* Bytes of requests in; takes all unless answers pile up (then fewer: try again after output was taken). A message
 * longer than 4096 bytes breaks the connection: -EINVAL until reset. */
long store_connection_input(struct store_connection *c, const void *bytes, size_t n);
/* Takes up to n bytes of answers and watch events. */
size_t store_connection_output(struct store_connection *c, void *bytes, size_t n);

/* "/path = \"value\"   (n0,r1)" lines as `xenstore-ls -fp` prints; to free(). */
char *store_dump(struct store *s, const char *path, bool perms);

#endif
