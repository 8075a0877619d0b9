/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * settings.h: the grammar of xl's configuration files, and the table of settings a text leaves behind.
 * Knows strings and lists, lines and xl's messages about them; not what any key means. xl.conf uses it too.
 */
#ifndef DOMUS_CONFIG_SETTINGS_H
#define DOMUS_CONFIG_SETTINGS_H

#include "config/diag.h"

struct value {
    int64_t line;
    bool is_list;
    char *string;         /* unless a list */
    struct value **items; /* if a list */
    size_t count;
};

struct setting {
    char *name;
    struct value *value;
    int64_t line;
    bool added; /* by += */
    bool used;  /* somebody asked for it: what is left over is a key nobody knows */
};

struct settings {
    struct setting *all; /* in the order written; the last one of a name counts */
    size_t count;
    struct diag diag;
};

/* 0, or -EINVAL after xl's messages. `extra` is appended to the text, as key=value arguments are. */
int settings_parse(struct settings *s, const char *text, size_t len, const char *extra, const struct diag *diag);
void settings_free(struct settings *s);

struct setting *settings_find(struct settings *s, const char *name);

/*
 * The readers say what xl says if the value is of the wrong kind (unless `quiet`), and return 0, -ENOENT if the key is
 * not there, -EINVAL or -ERANGE if it cannot be read, which xl treats as not there.
 */
int settings_string(struct settings *s, const char *name, const char **value, bool quiet);
int settings_long(struct settings *s, const char *name, long *value, bool quiet);
int settings_list(struct settings *s, const char *name, const struct value **list, bool quiet);
int settings_tri(struct settings *s, const char *name, enum config_tri *value, bool quiet);
/* Refuses what is no number in [min, max]; xl gives up there without a word, the message is ours. */
int settings_bounded(struct settings *s, const char *name, long min, long max, long *value);

/* The string at that place of a list; NULL after the end or if a list stands there. */
const char *value_string_at(const struct value *list, size_t index);

#endif
