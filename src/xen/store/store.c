/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * store.c: the store as domain 0 uses it, and watches: who is told of a change, and when. Domain 0's callbacks run at
 * the end of the call that made the change, one after the other, so they may change the store themselves.
 */
#include "xen/store/internal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct event {
    struct list link;
    struct store_watch *watch;
    char path[];
};

struct store *store_create(void)
{
    struct store *s = calloc(1, sizeof *s);

    if (!s)
        return NULL;
    list_init(&s->watches);
    list_init(&s->events);
    if (tree_init(&s->tree, &s->next_gen)) {
        free(s);
        return NULL;
    }
    return s;
}

void store_destroy(struct store *s)
{
    if (!s)
        return;
    while (!list_empty(&s->watches))
        watch_free(list_entry(s->watches.next, struct store_watch, link));
    tree_fini(&s->tree);
    free(s);
}

/* ---- watches ---- */

struct store_watch *watch_new(struct store *s, const char *path)
{
    struct store_watch *w = calloc(1, sizeof *w);

    if (!w)
        return NULL;
    list_init(&w->link);
    w->path = strdup(path);
    if (!w->path) {
        free(w);
        return NULL;
    }
    list_append(&s->watches, &w->link);
    return w;
}

void watch_free(struct store_watch *w)
{
    list_remove(&w->link);
    free(w->path);
    free(w->token);
    free(w);
}

static void event_queue(struct store *s, struct store_watch *w, const char *path)
{
    struct event *e = malloc(sizeof *e + strlen(path) + 1);

    if (!e)
        return;
    e->watch = w;
    memcpy(e->path, path, strlen(path) + 1);
    list_append(&s->events, &e->link);
}

void store_flush(struct store *s)
{
    if (s->telling)
        return;
    s->telling = true;
    while (!list_empty(&s->events)) {
        struct event *e = list_entry(s->events.next, struct event, link);
        list_remove(&e->link);
        e->watch->changed(e->watch->opaque, e->path);
        free(e);
    }
    s->telling = false;
}

/* Is `path` at or below `top`? */
static bool path_below(const char *path, const char *top)
{
    size_t len = strlen(top);

    if (len == 1) /* "/" */
        return path[0] == '/';
    return strncmp(path, top, len) == 0 && (path[len] == '\0' || path[len] == '/');
}

static bool may_see(const struct store *s, unsigned domid, const struct change *c, const char *path)
{
    const struct node *n = c->gone ? node_find(c->gone, path + strlen(c->path)) : node_find(s->tree.root, path);

    return domid == 0 || (n && node_allows(n, domid, STORE_READ));
}

static void watch_tell(struct store *s, struct store_watch *w, const struct change *c)
{
    const char *path;

    if (path_below(c->path, w->path))
        path = c->path;
    else if (c->gone && path_below(w->path, c->path) && node_find(c->gone, w->path + strlen(c->path)))
        path = w->path; /* what was watched went with a directory above it */
    else
        return;
    if (!w->owner)
        event_queue(s, w, path);
    else if (may_see(s, w->owner->domid, c, path))
        connection_event(w, path);
}

void store_tell(struct store *s, struct change *changes)
{
    struct change *oldest = NULL;

    while (changes) { /* they were collected newest first */
        struct change *next = changes->next;
        changes->next = oldest;
        oldest = changes;
        changes = next;
    }
    for (const struct change *c = oldest; c; c = c->next)
        list_for_each (node, &s->watches)
            watch_tell(s, list_entry(node, struct store_watch, link), c);
    changes_free(oldest);
    store_flush(s);
}

void store_tell_first(struct store_watch *w)
{
    connection_event(w, w->path);
}

struct store_watch *store_watch(struct store *s, const char *path, void (*changed)(void *opaque, const char *path),
                                void *opaque)
{
    struct store_watch *w = watch_new(s, path);

    if (!w)
        return NULL;
    w->changed = changed;
    w->opaque = opaque;
    event_queue(s, w, path);
    store_flush(s);
    return w;
}

void store_unwatch(struct store *s, struct store_watch *w)
{
    struct list *node = s->events.next;

    if (!w)
        return;
    while (node != &s->events) {
        struct event *e = list_entry(node, struct event, link);
        node = node->next;
        if (e->watch == w) {
            list_remove(&e->link);
            free(e);
        }
    }
    watch_free(w);
}

/* ---- domain 0 ---- */

int store_write_bytes(struct store *s, const char *path, const void *value, size_t len)
{
    struct change *changes = NULL;
    int rc = tree_write(&s->tree, 0, path, value, len, &changes);

    store_tell(s, changes);
    return rc;
}

int store_write(struct store *s, const char *path, const char *value)
{
    return store_write_bytes(s, path, value, strlen(value));
}

int store_writef(struct store *s, const char *path, const char *format, ...)
{
    char *text = NULL;
    va_list ap;
    int rc;

    va_start(ap, format);
    rc = vasprintf(&text, format, ap);
    va_end(ap);
    if (rc < 0)
        return -ENOMEM;
    rc = store_write(s, path, text);
    free(text);
    return rc;
}

int store_mkdir(struct store *s, const char *path)
{
    struct change *changes = NULL;
    int rc = tree_mkdir(&s->tree, 0, path, &changes);

    store_tell(s, changes);
    return rc;
}

int store_remove(struct store *s, const char *path)
{
    struct change *changes = NULL;
    int rc = tree_remove(&s->tree, 0, path, &changes);

    store_tell(s, changes);
    return rc;
}

char *store_read(struct store *s, const char *path, size_t *len)
{
    const struct node *n;
    char *copy;

    if (tree_lookup(&s->tree, 0, path, STORE_READ, &n))
        return NULL;
    copy = malloc(n->len + 1);
    if (!copy)
        return NULL;
    if (n->len)
        memcpy(copy, n->value, n->len);
    copy[n->len] = '\0';
    if (len)
        *len = n->len;
    return copy;
}

long long store_read_int(struct store *s, const char *path, long long missing)
{
    char *text = store_read(s, path, NULL), *end;
    long long value = missing;

    if (text && *text) {
        value = strtoll(text, &end, 10);
        if (*end)
            value = missing;
    }
    free(text);
    return value;
}

char *store_list(struct store *s, const char *path, unsigned *count)
{
    const struct node *n;
    size_t size = 1;
    char *list, *at;

    *count = 0;
    if (tree_lookup(&s->tree, 0, path, STORE_READ, &n))
        return NULL;
    for (unsigned i = 0; i < n->children; i++)
        size += strlen(n->child[i]->name) + 1;
    list = at = malloc(size);
    if (!list)
        return NULL;
    for (unsigned i = 0; i < n->children; i++)
        at = stpcpy(at, n->child[i]->name) + 1;
    *at = '\0';
    *count = n->children;
    return list;
}

int store_set_perms(struct store *s, const char *path, const char *text)
{
    struct store_perm perm[STORE_PERMS_MAX];
    struct change *changes = NULL;
    unsigned count = 0;
    int rc;

    while (*text) {
        char one[16];
        size_t len = strcspn(text, ",");
        if (count == STORE_PERMS_MAX || len >= sizeof one)
            return -EINVAL;
        memcpy(one, text, len);
        one[len] = '\0';
        if (!perm_parse(one, &perm[count++]))
            return -EINVAL;
        text += len + (text[len] == ',');
    }
    rc = tree_set_perms(&s->tree, 0, path, perm, count, &changes);
    store_tell(s, changes);
    return rc;
}

static void perms_print(const struct node *n, char *out)
{
    for (unsigned i = 0; i < n->perms; i++) {
        char one[16];
        perm_print(&n->perm[i], one);
        if (i)
            *out++ = ',';
        out = stpcpy(out, one);
    }
}

char *store_get_perms(struct store *s, const char *path)
{
    char text[STORE_PERMS_MAX * 16];
    const struct node *n;

    if (tree_lookup(&s->tree, 0, path, STORE_READ, &n))
        return NULL;
    perms_print(n, text);
    return strdup(text);
}

static void value_print(FILE *f, const struct node *n)
{
    for (size_t i = 0; i < n->len; i++) {
        uint8_t c = n->value[i];
        if (c == '"' || c == '\\')
            fprintf(f, "\\%c", c);
        else if (c >= ' ' && c < 0x7f)
            fputc(c, f);
        else
            fprintf(f, "\\%03o", c);
    }
}

static void node_dump(FILE *f, const struct node *n, const char *path, bool perms)
{
    char text[STORE_PERMS_MAX * 16], *below;

    for (unsigned i = 0; i < n->children; i++) {
        const struct node *child = n->child[i];
        if (asprintf(&below, "%s/%s", path, child->name) < 0)
            return;
        fprintf(f, "%s = \"", below);
        value_print(f, child);
        perms_print(child, text);
        if (perms)
            fprintf(f, "\"   (%s)\n", text);
        else
            fputs("\"\n", f);
        node_dump(f, child, below, perms);
        free(below);
    }
}

char *store_dump(struct store *s, const char *path, bool perms)
{
    const struct node *n;
    char *text = NULL;
    size_t size;
    FILE *f;

    if (tree_lookup(&s->tree, 0, path, STORE_READ, &n))
        return NULL;
    f = open_memstream(&text, &size);
    if (!f)
        return NULL;
    node_dump(f, n, strcmp(path, "/") ? path : "", perms);
    fclose(f);
    return text;
}
