/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * read_cpus.c: vCPUs, where they may run, and virtual NUMA.
 * How many CPUs "all" means comes from the caller; which of them belong to a NUMA node nobody here knows, so `node:`
 * stands for all of them.
 */
#include "config/reading.h"
#include "config/text.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define VCPUS_MAX 4096 /* far above what any domain may have: it bounds what a mistyped number allocates */

void set_add(struct config_set *set, uint32_t n)
{
    size_t i = set->count;

    while (i && set->numbers[i - 1] > n)
        i--;
    if (i && set->numbers[i - 1] == n)
        return;
    set->numbers = text_resize(set->numbers, set->count + 1, sizeof *set->numbers);
    memmove(set->numbers + i + 1, set->numbers + i, (set->count - i) * sizeof *set->numbers);
    set->numbers[i] = n;
    set->count++;
}

void set_remove(struct config_set *set, uint32_t n)
{
    for (size_t i = 0; i < set->count; i++) {
        if (set->numbers[i] == n) {
            memmove(set->numbers + i, set->numbers + i + 1, (set->count - i - 1) * sizeof *set->numbers);
            set->count--;
            return;
        }
    }
}

static int too_many(struct reading *r, const char *key, long n)
{
    diag_add(&r->diag, CONFIG_ERROR, reading_line(r, key), "%s=%ld: no domain can have more than %d", key, n,
             VCPUS_MAX);
    return 1;
}

int read_vcpus(struct reading *r, const struct key *key)
{
    long l;

    if (settings_long(&r->s, "vcpus", &l, false) == 0) {
        if (l < 0) {
            diag_xl(&r->diag, "Unable to allocate cpumap");
            return 1;
        }
        if (l > VCPUS_MAX)
            return too_many(r, "vcpus", l);
        r->vcpus = l;
        for (long i = 0; i < l; i++)
            set_add(&r->c->vcpus_online, (uint32_t)i);
    }
    if (settings_long(&r->s, "maxvcpus", &l, false) == 0) {
        if (l > VCPUS_MAX)
            return too_many(r, "maxvcpus", l);
        r->c->vcpus_max = (int)l;
    }
    return 0;
}

/* `N` or `N-M`; false if it is neither. */
static bool parse_range(const char *s, unsigned long *first, unsigned long *last)
{
    char *end;

    *first = *last = strtoul(s, &end, 10);
    if (end == s || *first == ULONG_MAX)
        return false;
    if (*end == '-') {
        const char *second = end + 1;

        *last = strtoul(second, &end, 10);
        if (end == second || *last == ULONG_MAX || *last < *first)
            return false;
    }
    return *end == '\0';
}

static const char *skip_prefix(const char *s, const char *prefix)
{
    size_t n = strlen(prefix);

    return strncmp(s, prefix, n) == 0 ? s + n : NULL;
}

/* One piece of `0-3,^1,node:0,all`. */
static int cpus_piece(struct reading *r, const char *piece, struct config_set *set)
{
    uint32_t bits = (r->host.cpus + 7) / 8 * 8;
    const char *rest = skip_prefix(piece, "^"), *nodes;
    bool not = rest != NULL;
    unsigned long first, last;

    if (!rest)
        rest = piece;
    nodes = skip_prefix(rest, "node:");
    if (!nodes)
        nodes = skip_prefix(rest, "nodes:");
    if (nodes)
        rest = nodes;
    if (strcmp(rest, "all") == 0) {
        if (not ) {
            diag_xl(&r->diag, "Can't combine \"^\" and \"all\".");
            return 1;
        }
        first = 0;
        last = bits - 1;
    } else if (!parse_range(rest, &first, &last)) {
        diag_xl(&r->diag, "Invalid pcpu range: %s.", rest);
        return 1;
    } else if (nodes) {
        first = 0;
        last = r->host.cpus - 1;
    }
    for (unsigned long i = first; i <= last && i < bits; i++) {
        if (not )
            set_remove(set, (uint32_t)i);
        else
            set_add(set, (uint32_t)i);
    }
    return 0;
}

static int cpus_set(struct reading *r, const char *text, struct config_set *set)
{
    char **pieces = strings_split(text, ",");
    int rc = 0;

    for (size_t i = 0; pieces[i] && !rc; i++)
        rc = cpus_piece(r, pieces[i], set);
    strings_free(pieces);
    return rc;
}

/* A string is for every vCPU, a list has one entry each; what is beyond the last vCPU is silently left out. */
int read_cpus(struct reading *r, const struct key *key)
{
    bool hard = strcmp(key->name, "cpus") == 0;
    struct config_set **sets = hard ? &r->c->hard_affinity : &r->c->soft_affinity;
    size_t *count = hard ? &r->c->hard_affinity_count : &r->c->soft_affinity_count;
    size_t vcpus = r->c->vcpus_max > 0 ? (size_t)r->c->vcpus_max : 0;
    const struct value *list = NULL;
    const char *text = NULL;

    if (settings_list(&r->s, key->name, &list, true) && !(text = reading_string(r, key->name)))
        return 0;
    if (list && list->count < vcpus)
        vcpus = list->count;
    if (!hard || list)
        r->c->numa_placement = TRI_FALSE;
    if (!vcpus && text) { /* not used without vcpus=, but still checked */
        struct config_set unused = {0};
        int rc = cpus_set(r, text, &unused);

        free(unused.numbers);
        return rc;
    }
    *sets = text_alloc((vcpus + 1) * sizeof **sets);
    *count = vcpus;
    for (size_t i = 0; i < vcpus; i++) {
        const char *entry = list ? value_string_at(list, i) : text;
        int rc = entry ? cpus_set(r, entry, &(*sets)[i]) : 0;

        if (rc)
            return rc;
    }
    return 0;
}

struct vnuma {
    struct reading *r;
    int64_t vcpus, memkb;
};

static bool vnuma_number(struct reading *r, const char *text, int64_t *out)
{
    char *end;
    unsigned long n = strtoul(text, &end, 10);

    if (end == text || n == ULONG_MAX) {
        diag_xl(&r->diag, "xl: failed to convert \"%s\" to number", text);
        return false;
    }
    *out = (int64_t)n;
    return true;
}

static bool vnuma_vcpus(struct vnuma *v, struct vnode_config *node, const char *text)
{
    char **pieces = strings_split(text, ",");
    bool ok = true;

    for (size_t i = 0; pieces[i] && ok; i++) {
        unsigned long first, last;

        if (!parse_range(pieces[i], &first, &last))
            continue;
        ok = last < VCPUS_MAX;
        for (unsigned long n = first; ok && n <= last; n++) {
            set_add(&node->vcpus, (uint32_t)n);
            v->vcpus++;
        }
        if (!ok)
            too_many(v->r, "vnuma", (long)last);
    }
    strings_free(pieces);
    return ok;
}

static bool vnuma_distances(struct vnuma *v, struct vnode_config *node, const char *text)
{
    char **pieces = strings_split(text, ",");
    bool ok = true;

    for (size_t i = 0; pieces[i] && i < node->distances.count && ok; i++)
        ok = vnuma_number(v->r, pieces[i], &node->distances.numbers[i]);
    strings_free(pieces);
    return ok;
}

static char *trimmed(const char *s, size_t n)
{
    while (n && strchr(" \t\n\r\v\f", *s)) {
        s++;
        n--;
    }
    while (n && strchr(" \t\n\r\v\f", s[n - 1]))
        n--;
    return text_dupn(s, n);
}

static bool vnuma_option(struct vnuma *v, struct vnode_config *node, const char *text)
{
    const char *equals = strchr(text, '=');
    char *option, *value;
    bool ok = true;

    if (!equals) {
        diag_xl(&v->r->diag, "xl: failed to split \"%s\" into pair", text);
        return false;
    }
    option = trimmed(text, (size_t)(equals - text));
    value = trimmed(equals + 1, strlen(equals + 1));
    if (strcmp(option, "pnode") == 0) {
        ok = vnuma_number(v->r, value, &node->pnode);
        if (ok && node->pnode != 0) {
            diag_xl(&v->r->diag, "xl: invalid pnode number: %ld", (long)node->pnode);
            ok = false;
        }
        v->r->c->numa_placement = TRI_FALSE;
    } else if (strcmp(option, "size") == 0) {
        ok = vnuma_number(v->r, value, &node->memkb);
        node->memkb = (int64_t)((uint64_t)node->memkb << 10);
        v->memkb = (int64_t)((uint64_t)v->memkb + (uint64_t)node->memkb);
    } else if (strcmp(option, "vcpus") == 0) {
        ok = vnuma_vcpus(v, node, value);
    } else if (strcmp(option, "vdistances") == 0) {
        ok = vnuma_distances(v, node, value);
    }
    free(option);
    free(value);
    return ok;
}

static bool vnuma_node(struct vnuma *v, size_t nodes, const struct value *spec)
{
    struct vnode_config *node = schema_append(&schema_vnode, &v->r->c->vnuma, &v->r->c->vnuma_count);

    node->distances.numbers = text_alloc(nodes * sizeof(int64_t));
    node->distances.count = nodes;
    if (!spec->is_list) {
        diag_xl(&v->r->diag, "%s:%ld:0: warning: value is not a list", v->r->diag.source, (long)spec->line);
        diag_xl(&v->r->diag, "xl: cannot get vnode config option list");
        return false;
    }
    for (size_t i = 0; i < spec->count; i++) {
        if (!spec->items[i]->is_list && !vnuma_option(v, node, spec->items[i]->string))
            return false;
    }
    return true;
}

int read_vnuma(struct reading *r, const struct key *key)
{
    struct vnuma v = {.r = r};
    const struct value *list;
    bool many;

    if (settings_list(&r->s, "vnuma", &list, true) || list->count == 0)
        return 0;
    if (list->count > VCPUS_MAX / 64)
        return too_many(r, "vnuma", (long)list->count);
    for (size_t i = 0; i < list->count; i++) {
        if (!vnuma_node(&v, list->count, list->items[i]))
            return 1;
    }
    many = r->c->vcpus_max == 0 && v.vcpus > r->host.cpus;
    if (many || (r->c->vcpus_max && r->c->vcpus_max != v.vcpus)) {
        diag_xl(&r->diag, many ? "xl: vnuma specifies more vcpus than pcpus, use maxvcpus= to override this check."
                               : "xl: vnuma vcpus and maxvcpus= mismatch");
        return 1;
    }
    r->c->vcpus_max = v.vcpus;
    if (r->c->max_memkb != CONFIG_UNSET && r->c->max_memkb != v.memkb) {
        diag_xl(&r->diag, "xl: maxmem and vnuma memory size mismatch");
        return 1;
    }
    r->c->max_memkb = v.memkb;
    return 0;
}

/* What vcpus=, maxvcpus=, memory=, maxmem= and vnuma= come to together. */
int read_vcpu_total(struct reading *r, const struct key *key)
{
    if (r->c->max_memkb == CONFIG_UNSET)
        r->c->max_memkb = r->c->target_memkb;
    if (r->c->vcpus_max == 0)
        r->c->vcpus_max = r->vcpus;
    if (r->c->vcpus_max < r->vcpus) {
        diag_xl(&r->diag, "xl: maxvcpus < vcpus");
        return 1;
    }
    return 0;
}
