/* SPDX-License-Identifier: GPL-2.0-or-later */
/* text.c: see text.h. */
#include "config/text.h"

#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *text_resize(void *p, size_t count, size_t size)
{
    void *q = reallocarray(p, count ? count : 1, size);

    if (!q) {
        log_error("out of memory while reading a configuration");
        exit(1);
    }
    return q;
}

void *text_alloc(size_t size)
{
    return memset(text_resize(NULL, 1, size), 0, size);
}

char *text_dupn(const char *s, size_t n)
{
    char *copy = text_resize(NULL, n + 1, 1);

    memcpy(copy, s, n);
    copy[n] = '\0';
    return copy;
}

char *text_dup(const char *s)
{
    return text_dupn(s, strlen(s));
}

void text_set(char **field, const char *s)
{
    char *copy = s ? text_dup(s) : NULL;

    free(*field);
    *field = copy;
}

void text_addn(struct text *t, const char *s, size_t n)
{
    if (t->room < t->len + n + 1) {
        t->room = (t->len + n + 1) * 2;
        t->data = text_resize(t->data, t->room, 1);
    }
    memcpy(t->data + t->len, s, n);
    t->len += n;
    t->data[t->len] = '\0';
}

void text_add(struct text *t, const char *s)
{
    text_addn(t, s, strlen(s));
}

void text_vadd(struct text *t, const char *format, va_list ap)
{
    char *s = NULL;
    int n = vasprintf(&s, format, ap);

    if (n < 0)
        s = text_dup("");
    text_add(t, s);
    free(s);
}

void text_addf(struct text *t, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    text_vadd(t, format, ap);
    va_end(ap);
}

char *text_format(const char *format, ...)
{
    struct text t = {0};
    va_list ap;

    va_start(ap, format);
    text_vadd(&t, format, ap);
    va_end(ap);
    return text_take(&t);
}

const char *text_str(const struct text *t)
{
    return t->data ? t->data : "";
}

char *text_take(struct text *t)
{
    char *s = t->data ? t->data : text_dup("");

    *t = (struct text){0};
    return s;
}

void text_free(struct text *t)
{
    free(t->data);
    *t = (struct text){0};
}

size_t strings_count(char *const *list)
{
    size_t n = 0;

    while (list && list[n])
        n++;
    return n;
}

void strings_add(char ***list, const char *s)
{
    size_t n = strings_count(*list);

    *list = text_resize(*list, n + 2, sizeof(char *));
    (*list)[n] = text_dup(s);
    (*list)[n + 1] = NULL;
}

void strings_free(char **list)
{
    for (size_t i = 0; list && list[i]; i++)
        free(list[i]);
    free(list);
}

char **strings_split(const char *s, const char *separators)
{
    size_t room = 8, n = 0;
    char **list = text_resize(NULL, room, sizeof(char *));

    for (s += strspn(s, separators); *s; s += strspn(s, separators)) {
        size_t len = strcspn(s, separators);

        if (n + 2 > room)
            list = text_resize(list, room *= 2, sizeof(char *));
        list[n++] = text_dupn(s, len);
        s += len;
    }
    list[n] = NULL;
    return list;
}
