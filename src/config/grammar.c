/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * grammar.c: settings_parse: the grammar of xl's configuration files (xl.cfg(5)).
 * Errors are worded, counted and recovered from as an LALR(1) parser of that grammar does, since that is what users see
 * from xl: an error is shown only when three tokens were accepted after the one before, and reading goes on at the next
 * line, except after a complete assignment, where such a parser has nowhere to go on from.
 */
#include "config/settings.h"

#include "config/lexer.h"
#include "config/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX_BYTES (16u << 20)
#define NESTING_MAX    200

struct parser {
    struct lexer lx;
    struct settings *settings;
    enum token token; /* the one not yet accepted */
    bool peeked;
    unsigned quiet; /* tokens to accept before the next error is shown */
};

static struct value *value_new(int64_t line, bool is_list, char *string)
{
    struct value *v = text_alloc(sizeof *v);

    v->line = line;
    v->is_list = is_list;
    v->string = string;
    return v;
}

static void value_free(struct value *v)
{
    if (!v)
        return;
    for (size_t i = 0; i < v->count; i++)
        value_free(v->items[i]);
    free(v->items);
    free(v->string);
    free(v);
}

static void value_append(struct value *list, struct value *item)
{
    if ((list->count & (list->count - 1)) == 0)
        list->items = text_resize(list->items, list->count ? list->count * 2 : 1, sizeof *list->items);
    list->items[list->count++] = item;
}

void settings_free(struct settings *s)
{
    for (size_t i = 0; i < s->count; i++) {
        free(s->all[i].name);
        value_free(s->all[i].value);
    }
    free(s->all);
    s->all = NULL;
    s->count = 0;
}

static enum token peek(struct parser *p)
{
    if (!p->peeked)
        p->token = lexer_next(&p->lx);
    p->peeked = true;
    return p->token;
}

/* Accepts the token just seen; its string, if it has one, is the caller's. */
static char *accept(struct parser *p)
{
    if (p->quiet)
        p->quiet--;
    p->peeked = false;
    return lexer_take(&p->lx);
}

static void drop(struct parser *p)
{
    free(accept(p));
}

static int unexpected(struct parser *p, const char *expecting)
{
    char *message;

    if (!p->quiet) {
        message = text_format("syntax error, unexpected %s, expecting %s", token_name(p->token), expecting);
        lexer_complain(&p->lx, p->lx.token_line, message);
        free(message);
    }
    p->lx.failed = true;
    return -EINVAL;
}

static void skip_newlines(struct parser *p)
{
    while (peek(p) == TOKEN_NEWLINE)
        drop(p);
}

static int parse_value(struct parser *p, unsigned depth, const char *expecting, struct value **value);

static int parse_list(struct parser *p, unsigned depth, struct value *list)
{
    struct value *item;
    int rc;

    skip_newlines(p);
    while (peek(p) != TOKEN_CLOSE) {
        rc = parse_value(p, depth, "']'", &item);
        if (rc)
            return rc;
        value_append(list, item);
        skip_newlines(p);
        if (peek(p) != TOKEN_COMMA)
            break;
        drop(p);
        skip_newlines(p);
    }
    if (peek(p) != TOKEN_CLOSE)
        return unexpected(p, "']'");
    drop(p);
    return 0;
}

static int parse_value(struct parser *p, unsigned depth, const char *expecting, struct value **value)
{
    int rc;

    switch (peek(p)) {
    case TOKEN_STRING:
    case TOKEN_NUMBER: *value = value_new(p->lx.token_line, false, accept(p)); return 0;
    case TOKEN_OPEN:
        drop(p);
        if (depth == NESTING_MAX) {
            diag_add(p->lx.diag, CONFIG_ERROR, p->lx.token_line, "more than %d lists inside each other", NESTING_MAX);
            p->lx.failed = true;
            p->lx.p = p->lx.end;
            return -EINVAL;
        }
        *value = value_new(p->lx.token_line, true, NULL);
        rc = parse_list(p, depth + 1, *value);
        if (rc) {
            value_free(*value);
            *value = NULL;
        }
        return rc;
    default: return unexpected(p, expecting);
    }
}

struct setting *settings_find(struct settings *s, const char *name)
{
    for (size_t i = s->count; i-- > 0;) {
        if (strcmp(s->all[i].name, name) == 0)
            return &s->all[i];
    }
    return NULL;
}

/* What += makes of the older setting's value and the new one, which it takes. NULL if they do not go together. */
static struct value *value_sum(struct setting *old, struct value *more)
{
    struct value *sum = old->value;

    if (sum->is_list != more->is_list)
        return NULL;
    if (!sum->is_list) {
        char *joined = text_format("%s%s", sum->string, more->string);

        free(more->string);
        more->string = joined;
        return more;
    }
    for (size_t i = 0; i < more->count; i++)
        value_append(sum, more->items[i]);
    more->count = 0;
    old->value = more; /* empty, and never looked up again: the newer setting is found first */
    return sum;
}

static void store(struct parser *p, char *name, struct value *value, bool add, int64_t line)
{
    struct settings *s = p->settings;
    struct setting *old = add ? settings_find(s, name) : NULL;

    if (p->lx.failed) { /* nothing will be used: xl stops looking at meanings here */
        free(name);
        value_free(value);
        return;
    }
    if (old) {
        struct value *sum = value_sum(old, value);

        if (!sum) {
            lexer_complain(&p->lx, p->lx.token_line, "can't add [list] to \"string\" or vice versa");
            p->lx.failed = true;
            free(name);
            value_free(value);
            return;
        }
        value = sum;
    }
    if ((s->count & (s->count - 1)) == 0)
        s->all = text_resize(s->all, s->count ? s->count * 2 : 1, sizeof *s->all);
    s->all[s->count++] = (struct setting){.name = name, .value = value, .line = line, .added = add};
}

/* -EINVAL: go on at the next line; -ENOENT: there is nowhere to go on from. */
static int parse_assignment(struct parser *p)
{
    char *name = accept(p);
    struct value *value = NULL;
    int64_t line;
    bool add;
    int rc;

    if (peek(p) != TOKEN_SET && p->token != TOKEN_ADD) {
        free(name);
        return unexpected(p, "+= or '='");
    }
    add = p->token == TOKEN_ADD;
    drop(p);
    peek(p);
    line = p->lx.token_line;
    rc = parse_value(p, 0, "STRING or NUMBER or '['", &value);
    if (rc) {
        free(name);
        return rc;
    }
    store(p, name, value, add, line);
    if (peek(p) == TOKEN_END)
        return 0;
    if (p->token != TOKEN_NEWLINE && p->token != TOKEN_SEMICOLON) {
        unexpected(p, "$end");
        return -ENOENT;
    }
    drop(p);
    return 0;
}

static void parse_file(struct parser *p)
{
    int rc;

    while (peek(p) != TOKEN_END) {
        rc = 0;
        if (p->token == TOKEN_IDENT)
            rc = parse_assignment(p);
        else if (p->token == TOKEN_NEWLINE || p->token == TOKEN_SEMICOLON)
            drop(p);
        else
            rc = unexpected(p, "$end or IDENT or NEWLINE or ';'");
        if (!rc)
            continue;
        if (rc == -ENOENT)
            return;
        while (peek(p) != TOKEN_NEWLINE && p->token != TOKEN_END)
            drop(p);
        p->quiet = 3;
        if (p->token == TOKEN_NEWLINE)
            drop(p);
    }
}

/*
 * What xl refuses and we read with a note: a byte order mark, CRLF line ends, a last comment without its newline.
 * The result is malloc'd.
 */
static char *tolerate(const char *text, size_t *len, const struct diag *diag)
{
    char *copy;
    size_t n = 0;
    bool crlf = false;
    const char *last;

    if (*len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
        diag_add(diag, CONFIG_NOTE, 1, "skipped a byte order mark, which real xl refuses");
        text += 3;
        *len -= 3;
    }
    copy = text_resize(NULL, *len + 1, 1);
    for (size_t i = 0; i < *len; i++) {
        if (text[i] == '\r' && i + 1 < *len && text[i + 1] == '\n')
            crlf = true;
        else
            copy[n++] = text[i];
    }
    if (crlf)
        diag_add(diag, CONFIG_NOTE, 1, "lines end in CRLF, which real xl refuses");
    copy[n] = '\0';
    *len = n;
    last = memrchr(copy, '\n', n);
    last = last ? last + 1 : copy;
    for (const char *p = last; p < copy + n; p++) {
        const char *q = *p == '"' || *p == '\'' ? strchr(p + 1, *p) : NULL;

        if (q)
            p = q;
        else if (*p == '#') {
            diag_add(diag, CONFIG_NOTE, 0, "the comment at the end of the file has no line end, which real xl refuses");
            break;
        }
    }
    return copy;
}

int settings_parse(struct settings *s, const char *text, size_t len, const char *extra, const struct diag *diag)
{
    struct parser p = {.settings = s};
    struct text all = {0};
    const char *nul = memchr(text, '\0', len);
    char *clean;

    *s = (struct settings){.diag = *diag};
    if (len > TEXT_MAX_BYTES || nul) {
        int64_t line = 1;

        for (const char *c = text; nul && c < nul; c++)
            line += *c == '\n';
        if (nul)
            diag_add(diag, CONFIG_ERROR, line, "a NUL byte: this is a binary file, not a configuration");
        else
            diag_add(diag, CONFIG_ERROR, 0, "larger than %u MiB: not a configuration", TEXT_MAX_BYTES >> 20);
        return -EINVAL;
    }
    clean = tolerate(text, &len, diag);
    text_addn(&all, clean, len);
    free(clean);
    if (extra && *extra)
        text_addf(&all, "\n%s\n", extra);
    lexer_init(&p.lx, diag, text_str(&all), all.len);
    parse_file(&p);
    lexer_fini(&p.lx);
    if (p.lx.failed && p.lx.python) {
        diag_xl(diag, "warning: Config file looks like it contains Python code.");
        diag_xl(diag, "warning:  Arbitrary Python is no longer supported.");
        diag_xl(diag, "warning:  See https://wiki.xen.org/wiki/PythonInXlConfig");
    }
    text_free(&all);
    if (p.lx.failed)
        settings_free(s);
    return p.lx.failed ? -EINVAL : 0;
}
