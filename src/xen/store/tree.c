/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tree.c: see tree.h. */
#include "xen/store/tree.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct node *node_get(struct node *n)
{
    n->refs++;
    return n;
}

void node_put(struct node *n)
{
    if (!n || --n->refs)
        return;
    for (unsigned i = 0; i < n->children; i++)
        node_put(n->child[i]);
    free(n->child);
    free(n->name);
    free(n->value);
    free(n);
}

static struct node *node_new(const char *name, size_t len)
{
    struct node *n = calloc(1, sizeof *n);

    if (!n)
        return NULL;
    n->refs = 1;
    n->perms = 1;
    n->name = strndup(name, len);
    if (!n->name) {
        free(n);
        return NULL;
    }
    return n;
}

static struct node *node_clone(const struct node *from)
{
    struct node *n = node_new(from->name, strlen(from->name));

    if (!n)
        return NULL;
    n->gen = from->gen;
    n->perms = from->perms;
    memcpy(n->perm, from->perm, sizeof n->perm);
    n->value = malloc(from->len ? from->len : 1);
    n->child = calloc(from->children ? from->children : 1, sizeof(struct node *));
    if (!n->value || !n->child) {
        node_put(n);
        return NULL;
    }
    if (from->len)
        memcpy(n->value, from->value, from->len);
    n->len = from->len;
    for (unsigned i = 0; i < from->children; i++)
        n->child[i] = node_get(from->child[i]);
    n->children = from->children;
    return n;
}

int tree_init(struct tree *t, uint64_t *next_gen)
{
    t->root = node_new("", 0);
    t->guest_nodes = 0;
    t->next_gen = next_gen;
    if (!t->root)
        return -ENOMEM;
    t->root->gen = ++*next_gen;
    return 0;
}

void tree_fini(struct tree *t)
{
    node_put(t->root);
    t->root = NULL;
}

void tree_copy(struct tree *to, const struct tree *from)
{
    *to = *from;
    node_get(to->root);
}

/* ---- paths ---- */

bool path_valid(const char *path)
{
    size_t len = strlen(path);

    if (path[0] != '/' || len > STORE_ABS_PATH_MAX || (len > 1 && path[len - 1] == '/') || strstr(path, "//"))
        return false;
    return strspn(path, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-/_@") == len;
}

/* The next name of a path: its start and length; false at the end. */
static bool path_next(const char **at, const char **name, size_t *len)
{
    while (**at == '/')
        ++*at;
    if (!**at)
        return false;
    *name = *at;
    *len = strcspn(*at, "/");
    *at += *len;
    return true;
}

static int name_compare(const char *name, size_t len, const char *other)
{
    int r = strncmp(name, other, len);

    return r ? r : other[len] ? -1 : 0;
}

/* Where the child is, or would be. */
static bool child_index(const struct node *n, const char *name, size_t len, unsigned *index)
{
    unsigned low = 0, high = n->children;

    while (low < high) {
        unsigned mid = (low + high) / 2;
        int r = name_compare(name, len, n->child[mid]->name);
        if (r == 0) {
            *index = mid;
            return true;
        }
        if (r < 0)
            high = mid;
        else
            low = mid + 1;
    }
    *index = low;
    return false;
}

const struct node *node_find(const struct node *n, const char *path)
{
    const char *name;
    unsigned i;
    size_t len;

    while (n && path_next(&path, &name, &len))
        n = child_index(n, name, len, &i) ? n->child[i] : NULL;
    return n;
}

/* The deepest node on the way to path; *exact: it is path itself. */
static const struct node *node_nearest(const struct node *n, const char *path, bool *exact)
{
    const char *name;
    unsigned i;
    size_t len;

    *exact = true;
    while (path_next(&path, &name, &len)) {
        if (!child_index(n, name, len, &i)) {
            *exact = false;
            break;
        }
        n = n->child[i];
    }
    return n;
}

/* ---- rights ---- */

bool node_allows(const struct node *n, unsigned domid, unsigned bits)
{
    unsigned have = n->perm[0].bits;

    if (domid == 0 || n->perm[0].domid == domid)
        return true;
    for (unsigned i = 1; i < n->perms; i++)
        if (n->perm[i].domid == domid) {
            have = n->perm[i].bits;
            break;
        }
    return (have & bits) == bits;
}

bool perm_parse(const char *text, struct store_perm *perm)
{
    static const char letters[] = "nrwb"; /* none, read, write, both */
    const char *at = text[0] ? strchr(letters, text[0]) : NULL;
    unsigned long domid;
    char *end;

    if (!at || text[1] < '0' || text[1] > '9')
        return false;
    errno = 0;
    domid = strtoul(text + 1, &end, 10);
    if (errno || *end || domid > 0x7ff0)
        return false;
    perm->bits = (uint8_t)(at - letters);
    perm->domid = (uint16_t)domid;
    return true;
}

void perm_print(const struct store_perm *perm, char out[16])
{
    snprintf(out, 16, "%c%u", "nrwb"[perm->bits & 3], perm -> domid);
}

int tree_lookup(const struct tree *t, unsigned who, const char *path, unsigned bits, const struct node **out)
{
    bool exact;
    const struct node *n;

    if (!path_valid(path))
        return -EINVAL;
    n = node_nearest(t->root, path, &exact);
    if (!exact) /* who may not look into the directory learns nothing of its contents */
        return node_allows(n, who, STORE_READ) || node_allows(n, who, STORE_WRITE) ? -ENOENT : -EACCES;
    if (!node_allows(n, who, bits))
        return -EACCES;
    *out = n;
    return 0;
}

/* ---- changes ---- */

void changes_free(struct change *c)
{
    while (c) {
        struct change *next = c->next;
        node_put(c->gone);
        free(c);
        c = next;
    }
}

/* Room for a change is made before the tree is touched, so that nothing fails half way. */
static struct change *change_new(const char *path)
{
    struct change *c = malloc(sizeof *c + strlen(path) + 1);

    if (!c)
        return NULL;
    c->next = NULL;
    c->gone = NULL;
    memcpy(c->path, path, strlen(path) + 1);
    return c;
}

static void change_publish(struct change *c, struct change **changes)
{
    if (!changes) {
        changes_free(c);
        return;
    }
    c->next = *changes;
    *changes = c;
}

/* Makes *slot ours alone. */
static struct node *own(struct node **slot)
{
    struct node *copy;

    if ((*slot)->refs == 1)
        return *slot;
    copy = node_clone(*slot);
    if (copy) {
        node_put(*slot);
        *slot = copy;
    }
    return copy;
}

/* The node at an existing path, ours alone to change; NULL: no memory (the tree's contents are as before). */
static struct node *node_edit(struct tree *t, const char *path)
{
    struct node *n = own(&t->root);
    const char *name;
    unsigned i;
    size_t len;

    while (n && path_next(&path, &name, &len))
        n = child_index(n, name, len, &i) ? own(&n->child[i]) : NULL;
    return n;
}

static struct node *child_add(struct tree *t, struct node *parent, const char *name, size_t len, unsigned who)
{
    struct node *n, **list;
    unsigned i;

    (void)child_index(parent, name, len, &i);
    list = realloc(parent->child, (parent->children + 1) * sizeof(struct node *));
    if (!list)
        return NULL;
    parent->child = list;
    n = node_new(name, len);
    if (!n)
        return NULL;
    n->perms = parent->perms;
    memcpy(n->perm, parent->perm, sizeof n->perm);
    if (who)
        n->perm[0].domid = (uint16_t)who; /* a guest owns what it makes */
    n->gen = ++*t->next_gen;
    memmove(list + i + 1, list + i, (parent->children - i) * sizeof *list);
    list[i] = n;
    parent->children++;
    parent->gen = ++*t->next_gen;
    if (n->perm[0].domid)
        t->guest_nodes++;
    return n;
}

/* How many nodes a path lacks below the nearest one. */
static unsigned nodes_missing(const struct node *n, const char *path)
{
    const char *name;
    unsigned i, missing = 0;
    size_t len;

    while (path_next(&path, &name, &len)) {
        if (missing || !child_index(n, name, len, &i))
            missing++;
        else
            n = n->child[i];
    }
    return missing;
}

/* Existing or new node at path, to be changed. */
static int node_make(struct tree *t, unsigned who, const char *path, struct node **out)
{
    unsigned i, missing = nodes_missing(t->root, path);
    const char *name;
    struct node *n;
    bool exact;
    size_t len;

    if (!node_allows(node_nearest(t->root, path, &exact), who, STORE_WRITE))
        return -EACCES;
    if (who && missing && t->guest_nodes + missing > STORE_NODES_MAX)
        return -ENOSPC;
    n = own(&t->root);
    while (n && path_next(&path, &name, &len))
        n = child_index(n, name, len, &i) ? own(&n->child[i]) : child_add(t, n, name, len, who);
    *out = n;
    return n ? 0 : -ENOMEM;
}

int tree_write(struct tree *t, unsigned who, const char *path, const void *value, size_t len, struct change **changes)
{
    struct change *change;
    struct node *n;
    uint8_t *copy;
    int rc;

    if (!path_valid(path))
        return -EINVAL;
    if (who && len > STORE_VALUE_MAX)
        return -ENOSPC;
    copy = malloc(len ? len : 1);
    change = change_new(path);
    rc = copy && change ? node_make(t, who, path, &n) : -ENOMEM;
    if (rc) {
        free(copy);
        free(change);
        return rc;
    }
    if (len)
        memcpy(copy, value, len);
    free(n->value);
    n->value = copy;
    n->len = len;
    n->gen = ++*t->next_gen;
    change_publish(change, changes);
    return 0;
}

int tree_mkdir(struct tree *t, unsigned who, const char *path, struct change **changes)
{
    const struct node *old;
    int rc = tree_lookup(t, who, path, STORE_WRITE, &old);

    if (rc == 0)
        return 0; /* is there already: that is success */
    return rc == -ENOENT || rc == -EACCES ? tree_write(t, who, path, "", 0, changes) : rc;
}

static unsigned guest_owned(const struct node *n)
{
    unsigned count = n->perm[0].domid != 0;

    for (unsigned i = 0; i < n->children; i++)
        count += guest_owned(n->child[i]);
    return count;
}

int tree_remove(struct tree *t, unsigned who, const char *path, struct change **changes)
{
    char parent[STORE_ABS_PATH_MAX + 1], *slash;
    const struct node *old;
    struct change *change;
    struct node *n;
    unsigned i;
    int rc;

    if (strcmp(path, "/") == 0)
        return -EINVAL;
    rc = tree_lookup(t, who, path, STORE_WRITE, &old);
    if (rc)
        return rc;
    strcpy(parent, path); /* fits: path_valid */
    slash = strrchr(parent, '/');
    change = change_new(path);
    *slash = '\0';
    n = change ? node_edit(t, parent) : NULL;
    if (!n) {
        free(change);
        return -ENOMEM;
    }
    (void)child_index(n, slash + 1, strlen(slash + 1), &i);
    change->gone = n->child[i];
    memmove(n->child + i, n->child + i + 1, (n->children - i - 1) * sizeof(struct node *));
    n->children--;
    n->gen = ++*t->next_gen;
    t->guest_nodes -= guest_owned(change->gone);
    change_publish(change, changes);
    return 0;
}

int tree_set_perms(struct tree *t, unsigned who, const char *path, const struct store_perm *perm, unsigned perms,
                   struct change **changes)
{
    const struct node *old;
    struct change *change;
    struct node *n;
    int rc;

    if (perms == 0)
        return -EINVAL;
    if (perms > STORE_PERMS_MAX)
        return -ENOSPC;
    rc = tree_lookup(t, who, path, STORE_WRITE, &old);
    if (rc)
        return rc;
    if (who && (old->perm[0].domid != who || perm[0].domid != who)) /* only the owner, and it stays the owner */
        return -EPERM;
    change = change_new(path);
    n = change ? node_edit(t, path) : NULL;
    if (!n) {
        free(change);
        return -ENOMEM;
    }
    t->guest_nodes -= n->perm[0].domid != 0;
    memcpy(n->perm, perm, perms * sizeof *perm);
    n->perms = perms;
    t->guest_nodes += n->perm[0].domid != 0;
    n->gen = ++*t->next_gen;
    change_publish(change, changes);
    return 0;
}
