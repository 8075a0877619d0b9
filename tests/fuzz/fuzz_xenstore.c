/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz_xenstore.c: the store's wire protocol: raw bytes, and messages that are well formed but ask for anything,
 * between changes that domain 0 makes. A guest may not exceed its quotas nor leave its own part of the tree.
 */
#include "base/log.h"
#include "xen/store/internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

struct input {
    const uint8_t *at, *end;
};

static uint8_t next(struct input *in)
{
    return in->at < in->end ? *in->at++ : 0;
}

static const char *const words[] = {
    "data", "a",  "b/c",    "/local/domain/5/data", "/secret", "/", "T", "F", "n5", "r0", "b9", "0", "1", "tok", "..",
    "",     "@x", "data/a", "data/a/b/c/d",         "5"};

static void send_message(struct store_connection *c, struct input *in)
{
    uint8_t message[sizeof(struct xsd_sockmsg) + 256];
    struct xsd_sockmsg head = {.type = next(in) % 24, .tx_id = next(in) & 3 ? 0 : next(in) % 12};
    size_t len = 0;

    for (unsigned words_left = next(in) % 4; words_left; words_left--) {
        const char *word = words[next(in) % ARRAY_SIZE(words)];
        size_t n = strlen(word) + (next(in) & 7 ? 1 : 0);
        memcpy(message + sizeof head + len, word, n);
        len += n;
    }
    head.len = (uint32_t)len;
    memcpy(message, &head, sizeof head);
    (void)store_connection_input(c, message, sizeof head + len);
}

static void on_change(void *opaque, const char *path)
{
    struct store *s = opaque;

    if (strlen(path) < 30) /* a back end that answers inside its callback */
        (void)store_write(s, "/secret/answer", path);
}

static void own_change(struct store *s, struct input *in)
{
    const char *path = words[next(in) % ARRAY_SIZE(words)];

    if (strcmp(path, "/secret") == 0)
        path = "/local/domain/5/name";
    switch (next(in) & 3) {
    case 0: (void)store_write(s, path, "v"); break;
    case 1: (void)store_remove(s, path); break;
    case 2: (void)store_set_perms(s, "/local/domain/5/data", "n5,r0"); break;
    default: free(store_dump(s, "/", true)); break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct input in = {bytes, bytes + n};
    struct store *s = store_create();
    struct store_connection *c = store_connect(s, 5, NULL);
    struct store_watch *w;
    uint8_t out[512], part[16];
    char *secret;

    log_init(2, LOG_ERROR);
    store_write(s, "/secret", "kept");
    store_write(s, "/local/domain/5/data", "");
    store_set_perms(s, "/local/domain/5/data", "n5");
    w = store_watch(s, "/local/domain/5", on_change, s);
    while (in.at < in.end) {
        switch (next(&in) & 7) {
        case 0: (void)store_connection_output(c, out, next(&in) * 2u); break;
        case 1:
            for (unsigned i = 0; i < sizeof part; i++)
                part[i] = next(&in);
            if (store_connection_input(c, part, next(&in) % sizeof part) < 0)
                store_connection_reset(c);
            break;
        case 2: own_change(s, &in); break;
        default: send_message(c, &in); break;
        }
        assert(s->tree.guest_nodes <= STORE_NODES_MAX + 1);
        assert(c->watch_count <= STORE_WATCHES_MAX && c->transaction_count <= STORE_TX_MAX);
    }
    secret = store_read(s, "/secret", NULL);
    assert(secret && strcmp(secret, "kept") == 0);
    free(secret);
    store_unwatch(s, w);
    store_disconnect(c);
    store_destroy(s);
    return 0;
}
