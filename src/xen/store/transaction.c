/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * transaction.c: a guest's view that nobody else sees, and its end: what was seen must be as it was, then the steps are
 * done again on the store as it is now. So two transactions meet only where they touch the same nodes.
 */
#include "xen/store/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define OPS_MAX   1024u
#define BYTES_MAX (512u * 1024)

int transaction_start(struct store_connection *c, struct transaction **out)
{
    struct transaction *tx;

    if (c->domid && c->transaction_count >= STORE_TX_MAX)
        return -ENOSPC;
    tx = calloc(1, sizeof *tx);
    if (!tx)
        return -ENOMEM;
    do {
        tx->id = ++c->next_transaction;
    } while (tx->id == 0 || transaction_find(c, tx->id));
    tx->last = &tx->first;
    tree_copy(&tx->base, &c->store->tree);
    tree_copy(&tx->tree, &c->store->tree);
    list_append(&c->transactions, &tx->link);
    c->transaction_count++;
    *out = tx;
    return 0;
}

struct transaction *transaction_find(struct store_connection *c, uint32_t id)
{
    list_for_each (node, &c->transactions) {
        struct transaction *tx = list_entry(node, struct transaction, link);
        if (tx->id == id)
            return tx;
    }
    return NULL;
}

static void op_free(struct transaction_op *op)
{
    free(op->path);
    free(op->data);
    free(op);
}

void transaction_drop(struct store_connection *c, struct transaction *tx)
{
    while (tx->first) {
        struct transaction_op *next = tx->first->next;
        op_free(tx->first);
        tx->first = next;
    }
    tree_fini(&tx->base);
    tree_fini(&tx->tree);
    list_remove(&tx->link);
    c->transaction_count--;
    free(tx);
}

int transaction_note(struct transaction *tx, int kind, const char *path, const void *data, size_t len)
{
    size_t bytes = kind == XS_SET_PERMS ? len * sizeof(struct store_perm) : len;
    struct transaction_op *op;

    if (tx->ops >= OPS_MAX || tx->bytes + bytes + strlen(path) > BYTES_MAX)
        return -ENOSPC;
    op = calloc(1, sizeof *op);
    if (!op)
        return -ENOMEM;
    op->kind = kind;
    op->path = strdup(path);
    op->data = malloc(bytes ? bytes : 1);
    op->len = len;
    if (!op->path || !op->data) {
        op_free(op);
        return -ENOMEM;
    }
    if (bytes)
        memcpy(op->data, data, bytes);
    *tx->last = op;
    tx->last = &op->next;
    tx->ops++;
    tx->bytes += bytes + strlen(path);
    return 0;
}

static uint64_t path_gen(const struct tree *t, const char *path)
{
    const struct node *n = node_find(t->root, path);

    return n ? n->gen : 0;
}

static int op_replay(struct tree *t, unsigned who, const struct transaction_op *op, struct change **changes)
{
    switch (op->kind) {
    case XS_WRITE: return tree_write(t, who, op->path, op->data, op->len, changes);
    case XS_MKDIR: return tree_mkdir(t, who, op->path, changes);
    case XS_RM: return tree_remove(t, who, op->path, changes);
    case XS_SET_PERMS: return tree_set_perms(t, who, op->path, op->data, (unsigned)op->len, changes);
    default: return 0;
    }
}

static int transaction_commit(struct store_connection *c, const struct transaction *tx)
{
    struct store *s = c->store;
    struct change *changes = NULL;
    struct tree result;
    int rc = 0;

    for (const struct transaction_op *op = tx->first; op; op = op->next)
        if (path_gen(&s->tree, op->path) != path_gen(&tx->base, op->path))
            return -EAGAIN;
    tree_copy(&result, &s->tree);
    for (const struct transaction_op *op = tx->first; op && rc == 0; op = op->next)
        rc = op_replay(&result, c->domid, op, &changes);
    if (rc) {
        changes_free(changes);
        tree_fini(&result);
        return rc == -ENOMEM || rc == -ENOSPC ? rc : -EAGAIN;
    }
    tree_fini(&s->tree);
    s->tree = result;
    store_tell(s, changes);
    return 0;
}

int transaction_end(struct store_connection *c, struct transaction *tx, bool commit)
{
    int rc = commit ? transaction_commit(c, tx) : 0;

    transaction_drop(c, tx);
    return rc;
}
