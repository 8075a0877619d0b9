/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * connection.c: one guest's side of the store in the wire protocol: messages in, answers and watch events out. Knows
 * bytes; where they come from is the ring's business. (public/io/xs_wire.h, docs/misc/xenstore.txt.)
 */
#include "xen/store/internal.h"

#include "base/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OUT_ANSWERS_MAX (64u * 1024)   /* no more requests are taken while so much waits */
#define OUT_MAX         (1024u * 1024) /* events are lost beyond: the guest does not read */
#define TOKEN_MAX       1024u

/* One request, its payload NUL-terminated, and where it acts. */
struct request {
    struct store_connection *c;
    struct xsd_sockmsg head;
    char *body;
    size_t len;
    struct transaction *tx;
    struct tree *tree;
};

struct store_connection *store_connect(struct store *s, unsigned domid, const struct store_connection_ops *ops)
{
    struct store_connection *c = calloc(1, sizeof *c);

    if (!c)
        return NULL;
    c->store = s;
    c->domid = domid;
    if (ops)
        c->ops = *ops;
    list_init(&c->transactions);
    return c;
}

static void drop_watches(struct store_connection *c)
{
    struct list *node = c->store->watches.next;

    while (node != &c->store->watches) {
        struct store_watch *w = list_entry(node, struct store_watch, link);
        node = node->next;
        if (w->owner == c)
            watch_free(w);
    }
    c->watch_count = 0;
}

static void drop_transactions(struct store_connection *c)
{
    while (!list_empty(&c->transactions))
        transaction_drop(c, list_entry(c->transactions.next, struct transaction, link));
}

void store_connection_reset(struct store_connection *c)
{
    drop_watches(c);
    drop_transactions(c);
    c->in_used = 0;
    c->out_start = c->out_end = 0;
    c->broken = false;
}

void store_disconnect(struct store_connection *c)
{
    if (!c)
        return;
    store_connection_reset(c);
    free(c->out);
    free(c);
}

/* ---- output ---- */

static bool out_append(struct store_connection *c, const void *bytes, size_t n)
{
    if (c->out_size - c->out_end < n && c->out_start) {
        memmove(c->out, c->out + c->out_start, c->out_end - c->out_start);
        c->out_end -= c->out_start;
        c->out_start = 0;
    }
    if (c->out_size - c->out_end < n) {
        size_t size = (c->out_end + n) * 2;
        uint8_t *out = realloc(c->out, size);
        if (!out)
            return false;
        c->out = out;
        c->out_size = size;
    }
    if (n)
        memcpy(c->out + c->out_end, bytes, n);
    c->out_end += n;
    return true;
}

static void out_message(struct store_connection *c, const struct xsd_sockmsg *head, const void *body, size_t len)
{
    struct xsd_sockmsg h = *head;
    size_t start = c->out_end - c->out_start;

    h.len = (uint32_t)len;
    if (!out_append(c, &h, sizeof h) || !out_append(c, body, len)) {
        c->out_end = c->out_start + start; /* whole messages only */
        return;
    }
    if (c->ops.has_output)
        c->ops.has_output(c->ops.opaque);
}

void connection_event(struct store_watch *w, const char *path)
{
    const struct xsd_sockmsg head = {.type = XS_WATCH_EVENT};
    struct store_connection *c = w->owner;
    size_t path_len, token_len = strlen(w->token) + 1;
    char body[XENSTORE_PAYLOAD_MAX];

    path += w->strip <= strlen(path) ? w->strip : 0;
    path_len = strlen(path) + 1;
    if (path_len + token_len > sizeof body)
        return;
    if (c->out_end - c->out_start > OUT_MAX) {
        log_guest("xenstore: domain %u does not read its watch events; one is lost", c->domid);
        return;
    }
    memcpy(body, path, path_len);
    memcpy(body + path_len, w->token, token_len);
    out_message(c, &head, body, path_len + token_len);
}

size_t store_connection_output(struct store_connection *c, void *bytes, size_t n)
{
    size_t have = c->out_end - c->out_start;

    if (n > have)
        n = have;
    if (n)
        memcpy(bytes, c->out + c->out_start, n);
    c->out_start += n;
    if (c->out_start == c->out_end)
        c->out_start = c->out_end = 0;
    return n;
}

static void answer(struct request *r, const void *body, size_t len)
{
    out_message(r->c, &r->head, body, len);
}

static int answer_ok(struct request *r)
{
    answer(r, "OK", 3);
    return 0;
}

static void answer_error(struct request *r, int rc)
{
    const char *name = "EINVAL";

    for (size_t i = 0; i < ARRAY_SIZE(xsd_errors); i++)
        if (xsd_errors[i].errnum == -rc)
            name = xsd_errors[i].errstring;
    r->head.type = XS_ERROR;
    answer(r, name, strlen(name) + 1);
}

/* ---- arguments ---- */

/* The nth NUL-terminated string of the payload, or NULL. The last one's NUL may be missing (READ and others). */
static char *argument(const struct request *r, unsigned n)
{
    size_t at = 0;

    while (n-- && at < r->len)
        at += strlen(r->body + at) + 1;
    return at < r->len ? r->body + at : NULL;
}

/* Absolute form of a path the guest wrote, in `out`. *strip: what it did not write. */
static int absolute(const struct request *r, const char *path, char out[STORE_ABS_PATH_MAX + 1], size_t *strip)
{
    int n;

    if (!path || !*path)
        return -EINVAL;
    if (path[0] == '/') {
        if (strlen(path) > STORE_ABS_PATH_MAX)
            return -EINVAL;
        strcpy(out, path);
        *strip = 0;
    } else {
        if (strlen(path) > STORE_REL_PATH_MAX)
            return -EINVAL;
        n = snprintf(out, STORE_ABS_PATH_MAX + 1, "/local/domain/%u/%s", r->c->domid, path);
        *strip = (size_t)n - strlen(path);
    }
    return path_valid(out) ? 0 : -EINVAL;
}

/* Looks up the first argument with the rights asked for, and notes for a transaction that it was seen. */
static int find(struct request *r, char path[STORE_ABS_PATH_MAX + 1], unsigned bits, const struct node **n)
{
    size_t strip;
    int rc = absolute(r, argument(r, 0), path, &strip);

    if (rc)
        return rc;
    if (r->tx && (rc = transaction_note(r->tx, XS_READ, path, NULL, 0)))
        return rc;
    return tree_lookup(r->tree, r->c->domid, path, bits, n);
}

/* ---- requests: 0 when answered, else the error to answer ---- */

static int do_read(struct request *r)
{
    char path[STORE_ABS_PATH_MAX + 1];
    const struct node *n;
    int rc = find(r, path, STORE_READ, &n);

    if (rc)
        return rc;
    if (n->len > XENSTORE_PAYLOAD_MAX)
        return -E2BIG;
    answer(r, n->value, n->len);
    return 0;
}

static int do_directory(struct request *r)
{
    char path[STORE_ABS_PATH_MAX + 1], list[XENSTORE_PAYLOAD_MAX];
    const struct node *n;
    size_t used = 0;
    int rc = find(r, path, STORE_READ, &n);

    if (rc)
        return rc;
    for (unsigned i = 0; i < n->children; i++) {
        size_t len = strlen(n->child[i]->name) + 1;
        if (used + len > sizeof list)
            return -E2BIG;
        memcpy(list + used, n->child[i]->name, len);
        used += len;
    }
    answer(r, list, used);
    return 0;
}

/* PATH, OFFSET -> GENERATION, then names from that byte of the whole list; an empty name ends the list. */
static int do_directory_part(struct request *r)
{
    char path[STORE_ABS_PATH_MAX + 1], out[XENSTORE_PAYLOAD_MAX];
    const char *offset_text = argument(r, 1);
    const struct node *n;
    size_t offset, at = 0, used;
    int rc = find(r, path, STORE_READ, &n);

    if (rc)
        return rc;
    if (!offset_text)
        return -EINVAL;
    offset = strtoul(offset_text, NULL, 10);
    used = (size_t)snprintf(out, sizeof out, "%llu", (unsigned long long)n->gen) + 1;
    for (unsigned i = 0; i < n->children; i++) {
        size_t len = strlen(n->child[i]->name) + 1;
        if (at >= offset) {
            if (used + len > sizeof out - 1)
                break;
            memcpy(out + used, n->child[i]->name, len);
            used += len;
        }
        at += len;
        if (i + 1 == n->children)
            out[used++] = '\0';
    }
    if (n->children == 0)
        out[used++] = '\0';
    answer(r, out, used);
    return 0;
}

static int do_get_perms(struct request *r)
{
    char path[STORE_ABS_PATH_MAX + 1], out[STORE_PERMS_MAX * 16];
    const struct node *n;
    size_t used = 0;
    int rc = find(r, path, STORE_READ, &n);

    if (rc)
        return rc;
    for (unsigned i = 0; i < n->perms; i++) {
        perm_print(&n->perm[i], out + used);
        used += strlen(out + used) + 1;
    }
    answer(r, out, used);
    return 0;
}

static int change_step(struct request *r, int kind, const char *path, const void *data, size_t len)
{
    unsigned who = r->c->domid;
    struct change *changes = NULL, **to = r->tx ? NULL : &changes;
    int rc;

    switch (kind) {
    case XS_WRITE: rc = tree_write(r->tree, who, path, data, len, to); break;
    case XS_MKDIR: rc = tree_mkdir(r->tree, who, path, to); break;
    case XS_RM: rc = tree_remove(r->tree, who, path, to); break;
    default: rc = tree_set_perms(r->tree, who, path, data, (unsigned)len, to); break;
    }
    if (rc == 0 && r->tx)
        rc = transaction_note(r->tx, kind, path, data, len);
    if (rc)
        return rc;
    store_tell(r->c->store, changes);
    return answer_ok(r);
}

static int do_write(struct request *r)
{
    char path[STORE_ABS_PATH_MAX + 1];
    size_t strip, name;
    int rc = absolute(r, argument(r, 0), path, &strip);

    if (rc)
        return rc;
    name = strlen(r->body) + 1;
    if (name > r->len)
        return -EINVAL;
    return change_step(r, XS_WRITE, path, r->body + name, r->len - name);
}

static int do_mkdir(struct request *r)
{
    char path[STORE_ABS_PATH_MAX + 1];
    size_t strip;
    int rc = absolute(r, argument(r, 0), path, &strip);

    return rc ? rc : change_step(r, XS_MKDIR, path, NULL, 0);
}

static int do_rm(struct request *r)
{
    char path[STORE_ABS_PATH_MAX + 1], parent[STORE_ABS_PATH_MAX + 1];
    const struct node *n;
    size_t strip;
    int rc = absolute(r, argument(r, 0), path, &strip);

    if (rc)
        return rc;
    rc = tree_lookup(r->tree, r->c->domid, path, STORE_WRITE, &n);
    if (rc == -ENOENT) { /* fine when the directory is there and the guest's to write */
        strcpy(parent, path);
        *strrchr(parent, '/') = '\0';
        rc = tree_lookup(r->tree, r->c->domid, *parent ? parent : "/", STORE_WRITE, &n);
        return rc ? rc : answer_ok(r);
    }
    return rc ? rc : change_step(r, XS_RM, path, NULL, 0);
}

static int do_set_perms(struct request *r)
{
    char path[STORE_ABS_PATH_MAX + 1];
    struct store_perm perm[STORE_PERMS_MAX];
    unsigned count = 0;
    const char *text;
    size_t strip;
    int rc = absolute(r, argument(r, 0), path, &strip);

    if (rc)
        return rc;
    while ((text = argument(r, count + 1)) && *text) {
        if (count == STORE_PERMS_MAX)
            return -ENOSPC;
        if (!perm_parse(text, &perm[count++]))
            return -EINVAL;
    }
    return change_step(r, XS_SET_PERMS, path, perm, count);
}

static struct store_watch *watch_find(struct store_connection *c, const char *path, const char *token)
{
    list_for_each (node, &c->store->watches) {
        struct store_watch *w = list_entry(node, struct store_watch, link);
        if (w->owner == c && strcmp(w->path, path) == 0 && strcmp(w->token, token) == 0)
            return w;
    }
    return NULL;
}

/* Path and token of a watch; special names ("@releaseDomain") are domain 0's. */
static int watch_arguments(struct request *r, char path[STORE_ABS_PATH_MAX + 1], size_t *strip, const char **token)
{
    const char *name = argument(r, 0);

    *token = argument(r, 1);
    if (!name || !*token || strlen(*token) > TOKEN_MAX)
        return -EINVAL;
    return name[0] == '@' ? -EACCES : absolute(r, name, path, strip);
}

static int do_watch(struct request *r)
{
    char path[STORE_ABS_PATH_MAX + 1];
    struct store_watch *w;
    const char *token;
    size_t strip;
    int rc = watch_arguments(r, path, &strip, &token);

    if (rc)
        return rc;
    if (watch_find(r->c, path, token))
        return -EEXIST;
    if (r->c->watch_count >= STORE_WATCHES_MAX)
        return -E2BIG;
    w = watch_new(r->c->store, path);
    if (!w)
        return -ENOMEM;
    w->owner = r->c;
    w->strip = strip;
    w->token = strdup(token);
    if (!w->token) {
        watch_free(w);
        return -ENOMEM;
    }
    r->c->watch_count++;
    (void)answer_ok(r);
    store_tell_first(w);
    return 0;
}

static int do_unwatch(struct request *r)
{
    char path[STORE_ABS_PATH_MAX + 1];
    struct store_watch *w;
    const char *token;
    size_t strip;
    int rc = watch_arguments(r, path, &strip, &token);

    if (rc)
        return rc;
    w = watch_find(r->c, path, token);
    if (!w)
        return -ENOENT;
    watch_free(w);
    r->c->watch_count--;
    return answer_ok(r);
}

static int do_reset_watches(struct request *r)
{
    drop_watches(r->c);
    drop_transactions(r->c);
    return answer_ok(r);
}

static int do_transaction_start(struct request *r)
{
    struct transaction *tx;
    char text[16];
    int rc;

    if (r->tx)
        return -EBUSY;
    rc = transaction_start(r->c, &tx);
    if (rc)
        return rc;
    answer(r, text, (size_t)snprintf(text, sizeof text, "%u", tx->id) + 1);
    return 0;
}

static int do_transaction_end(struct request *r)
{
    const char *what = argument(r, 0);
    int rc;

    if (!r->tx)
        return -ENOENT;
    if (!what || (strcmp(what, "T") && strcmp(what, "F")))
        return -EINVAL;
    rc = transaction_end(r->c, r->tx, *what == 'T');
    return rc ? rc : answer_ok(r);
}

static int do_get_domain_path(struct request *r)
{
    const char *text = argument(r, 0);
    char path[64];

    if (!text || *text < '0' || *text > '9')
        return -EINVAL;
    answer(r, path, (size_t)snprintf(path, sizeof path, "/local/domain/%lu", strtoul(text, NULL, 10) & 0xffff) + 1);
    return 0;
}

static int do_is_introduced(struct request *r)
{
    const char *text = argument(r, 0);
    unsigned long domid;

    if (!text)
        return -EINVAL;
    domid = strtoul(text, NULL, 10);
    answer(r, domid == 0 || domid == r->c->domid ? "T" : "F", 2);
    return 0;
}

static int do_privileged(struct request *r)
{
    return -EACCES;
}

static int request_run(struct request *r)
{
    static int (*const run[])(struct request * r) = {
        [XS_CONTROL] = do_privileged,
        [XS_DIRECTORY] = do_directory,
        [XS_READ] = do_read,
        [XS_GET_PERMS] = do_get_perms,
        [XS_WATCH] = do_watch,
        [XS_UNWATCH] = do_unwatch,
        [XS_TRANSACTION_START] = do_transaction_start,
        [XS_TRANSACTION_END] = do_transaction_end,
        [XS_INTRODUCE] = do_privileged,
        [XS_RELEASE] = do_privileged,
        [XS_GET_DOMAIN_PATH] = do_get_domain_path,
        [XS_WRITE] = do_write,
        [XS_MKDIR] = do_mkdir,
        [XS_RM] = do_rm,
        [XS_SET_PERMS] = do_set_perms,
        [XS_IS_DOMAIN_INTRODUCED] = do_is_introduced,
        [XS_RESUME] = do_privileged,
        [XS_SET_TARGET] = do_privileged,
        [XS_RESET_WATCHES] = do_reset_watches,
        [XS_DIRECTORY_PART] = do_directory_part,
    };

    if (r->head.type >= ARRAY_SIZE(run) || !run[r->head.type])
        return -ENOSYS;
    return run[r->head.type](r);
}

static void request_handle(struct store_connection *c)
{
    struct request r = {.c = c, .tree = &c->store->tree};
    int rc;

    memcpy(&r.head, c->in, sizeof r.head);
    r.body = (char *)c->in + sizeof r.head;
    r.len = r.head.len;
    r.body[r.len] = '\0';
    if (r.head.tx_id) {
        r.tx = transaction_find(c, r.head.tx_id);
        if (r.tx)
            r.tree = &r.tx->tree;
    }
    rc = r.head.tx_id && !r.tx ? -ENOENT : request_run(&r);
    if (rc)
        answer_error(&r, rc);
}

long store_connection_input(struct store_connection *c, const void *bytes, size_t n)
{
    const uint8_t *from = bytes;
    size_t taken = 0;

    while (taken < n && !c->broken && c->out_end - c->out_start <= OUT_ANSWERS_MAX) {
        struct xsd_sockmsg head;
        size_t want = sizeof head, part;
        if (c->in_used >= sizeof head) {
            memcpy(&head, c->in, sizeof head);
            want += head.len; /* checked when the header was complete */
        }
        part = want - c->in_used < n - taken ? want - c->in_used : n - taken;
        memcpy(c->in + c->in_used, from + taken, part);
        c->in_used += part;
        taken += part;
        if (c->in_used < sizeof head)
            break;
        memcpy(&head, c->in, sizeof head);
        if (head.len > XENSTORE_PAYLOAD_MAX)
            c->broken = true;
        else if (c->in_used == sizeof head + head.len) {
            c->in_used = 0;
            request_handle(c);
        }
    }
    return c->broken ? -EINVAL : (long)taken;
}
