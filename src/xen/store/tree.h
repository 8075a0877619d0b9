/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tree.h: the nodes of xenstore as a tree that shares what has not changed: a transaction's copy costs one reference.
 *
 * A node is changed only while nobody else refers to it or to a node above it; tree_* functions copy the way down
 * first. `gen` is new whenever a node's own value, rights or set of children changes, so that equal means untouched.
 * Knows rights and quotas; not watches, nor who calls. Errors are -errno.
 */
#ifndef DOMUS_XEN_STORE_TREE_H
#define DOMUS_XEN_STORE_TREE_H

#include "base/types.h"

/* Xenstored's limits for an unprivileged domain. */
#define STORE_NODES_MAX    1000u
#define STORE_VALUE_MAX    2048u
#define STORE_PERMS_MAX    5u
#define STORE_WATCHES_MAX  128u
#define STORE_TX_MAX       10u
#define STORE_ABS_PATH_MAX 3072u
#define STORE_REL_PATH_MAX 2048u

enum { STORE_READ = 1, STORE_WRITE = 2 };

struct store_perm {
    uint16_t domid;
    uint8_t bits;
};

struct node {
    unsigned refs;
    unsigned children;
    struct node **child; /* sorted by name */
    char *name;
    uint64_t gen;
    uint8_t *value;
    size_t len;
    unsigned perms; /* at least 1: perm[0] is the owner, and what everyone else may */
    struct store_perm perm[STORE_PERMS_MAX];
};

struct tree {
    struct node *root;
    unsigned guest_nodes; /* nodes whose owner is not domain 0 */
    uint64_t *next_gen;   /* shared by all trees of one store */
};

/* One changed path, for watches. */
struct change {
    struct change *next;
    struct node *gone; /* the subtree that was removed (a reference), or NULL */
    char path[];
};

int tree_init(struct tree *t, uint64_t *next_gen);
void tree_fini(struct tree *t);
void tree_copy(struct tree *to, const struct tree *from);

struct node *node_get(struct node *n);
void node_put(struct node *n); /* NULL is fine */
const struct node *node_find(const struct node *root, const char *path);
bool node_allows(const struct node *n, unsigned domid, unsigned bits);

/* As domain `who`. Changed paths are prepended to *changes (NULL: nobody asks). */
int tree_lookup(const struct tree *t, unsigned who, const char *path, unsigned bits, const struct node **n);
int tree_write(struct tree *t, unsigned who, const char *path, const void *value, size_t len, struct change **changes);
int tree_mkdir(struct tree *t, unsigned who, const char *path, struct change **changes);
int tree_remove(struct tree *t, unsigned who, const char *path, struct change **changes);
int tree_set_perms(struct tree *t, unsigned who, const char *path, const struct store_perm *perm, unsigned perms,
                   struct change **changes);
void changes_free(struct change *c);

bool path_valid(const char *path); /* absolute */
/* "n0", "r5", ... false: not a right. */
bool perm_parse(const char *text, struct store_perm *perm);
void perm_print(const struct store_perm *perm, char out[16]);

#endif
