/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * text.h: a growing string, and allocation that cannot fail.
 * A configuration is parsed before anything runs and its size is bounded, so running out of memory here ends the
 * process with one line instead of being threaded through every parser.
 */
#ifndef DOMUS_CONFIG_TEXT_H
#define DOMUS_CONFIG_TEXT_H

#include "base/types.h"

#include <stdarg.h>

struct text {
    char *data; /* owned; NUL-terminated once anything was added */
    size_t len, room;
};

void text_add(struct text *t, const char *s);
void text_addn(struct text *t, const char *s, size_t n);
void text_addf(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_vadd(struct text *t, const char *format, va_list ap) __attribute__((format(printf, 2, 0)));
const char *text_str(const struct text *t); /* "" if nothing was added */
char *text_take(struct text *t);            /* the caller's; t is empty again */
void text_free(struct text *t);

void *text_alloc(size_t size); /* zeroed */
void *text_resize(void *p, size_t count, size_t size);
char *text_dup(const char *s);
char *text_dupn(const char *s, size_t n);
char *text_format(const char *format, ...) __attribute__((format(printf, 1, 2)));
void text_set(char **field, const char *s); /* frees what was there */

/* A NULL-terminated array of strings. */
void strings_add(char ***list, const char *s);
size_t strings_count(char *const *list);
void strings_free(char **list);
/* The pieces of s between runs of characters of `separators`, as strtok cuts them: never an empty piece. */
char **strings_split(const char *s, const char *separators);

#endif
