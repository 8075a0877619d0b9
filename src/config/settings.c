/* SPDX-License-Identifier: GPL-2.0-or-later */
/* settings.c: the readers of settings.h; the grammar is in grammar.c. */
#include "config/settings.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static int find_atom(struct settings *s, const char *name, struct setting **found, bool quiet)
{
    struct setting *set = settings_find(s, name);

    if (!set)
        return -ENOENT;
    set->used = true;
    if (set->value->is_list) {
        if (!quiet)
            diag_xl(&s->diag, "%s:%" PRId64 ": warning: parameter `%s' is a list but should be a single value",
                    s->diag.source, set->line, name);
        return -EINVAL;
    }
    *found = set;
    return 0;
}

int settings_string(struct settings *s, const char *name, const char **value, bool quiet)
{
    struct setting *set;
    int rc = find_atom(s, name, &set, quiet);

    if (!rc)
        *value = set->value->string;
    return rc;
}

int settings_long(struct settings *s, const char *name, long *value, bool quiet)
{
    struct setting *set;
    const char *why;
    char *end;
    long l;
    int rc = find_atom(s, name, &set, quiet);

    if (rc)
        return rc;
    if (set->added) {
        if (!quiet)
            diag_xl(&s->diag, "%s:%" PRId64 ": warning: can't use += with numbers for parameter `%s'", s->diag.source,
                    set->line, name);
        return -EINVAL;
    }
    errno = 0;
    l = strtol(set->value->string, &end, 0);
    if (errno == ERANGE) {
        why = "could not be parsed as a number: Numerical result out of range";
        rc = -ERANGE;
    } else if (*end || end == set->value->string) {
        why = "is not a valid number";
        rc = -EINVAL;
    } else {
        *value = l;
        return 0;
    }
    if (!quiet)
        diag_xl(&s->diag, "%s:%" PRId64 ": warning: parameter `%s' %s", s->diag.source, set->line, name, why);
    return rc;
}

int settings_bounded(struct settings *s, const char *name, long min, long max, long *value)
{
    long l;
    int rc = settings_long(s, name, &l, true);

    if (rc == -ENOENT)
        return rc;
    if (rc || l < min || l > max) {
        diag_add(&s->diag, CONFIG_ERROR, settings_find(s, name)->line, "%s must be a number from %ld to %ld", name, min,
                 max);
        return -EINVAL;
    }
    *value = l;
    return 0;
}

int settings_tri(struct settings *s, const char *name, enum config_tri *value, bool quiet)
{
    long l;
    int rc = settings_long(s, name, &l, quiet);

    if (!rc)
        *value = l ? TRI_TRUE : TRI_FALSE;
    return rc;
}

int settings_list(struct settings *s, const char *name, const struct value **list, bool quiet)
{
    struct setting *set = settings_find(s, name);

    if (!set)
        return -ENOENT;
    set->used = true;
    if (!set->value->is_list) {
        if (!quiet)
            diag_xl(&s->diag, "%s:%" PRId64 ": warning: parameter `%s' is a single value but should be a list",
                    s->diag.source, set->line, name);
        return -EINVAL;
    }
    *list = set->value;
    return 0;
}

const char *value_string_at(const struct value *list, size_t index)
{
    if (index >= list->count || list->items[index]->is_list)
        return NULL;
    return list->items[index]->string;
}
