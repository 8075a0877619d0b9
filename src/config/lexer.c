/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lexer.c: see lexer.h. */
#include "config/lexer.h"

#include "config/text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN_BYTES 1000 /* of a bad token; xl shows all of it, which for a binary file is no help */

void lexer_init(struct lexer *lx, const struct diag *diag, const char *text, size_t len)
{
    *lx = (struct lexer){.diag = diag, .p = text, .end = text + len, .line = 1, .token_line = 1, .lexical_line = -1};
    lx->text = text;
}

void lexer_fini(struct lexer *lx)
{
    free(lx->string);
    lx->string = NULL;
}

char *lexer_take(struct lexer *lx)
{
    char *s = lx->string;

    lx->string = NULL;
    return s;
}

const char *token_name(enum token token)
{
    switch (token) {
    case TOKEN_END: return "$end";
    case TOKEN_IDENT: return "IDENT";
    case TOKEN_STRING: return "STRING";
    case TOKEN_NUMBER: return "NUMBER";
    case TOKEN_NEWLINE: return "NEWLINE";
    case TOKEN_SET: return "'='";
    case TOKEN_OPEN: return "'['";
    case TOKEN_CLOSE: return "']'";
    case TOKEN_COMMA: return "','";
    case TOKEN_SEMICOLON: return "';'";
    case TOKEN_ADD: return "+=";
    }
    return "";
}

void lexer_complain(struct lexer *lx, int64_t line, const char *message)
{
    size_t len = lx->text_len;
    bool newline = false;

    if (line <= lx->lexical_line)
        return;
    if (len && lx->text[len - 1] == '\n') {
        len--;
        line--;
        newline = len == 0;
    }
    while (len && (lx->text[len - 1] == ' ' || lx->text[len - 1] == '\t'))
        len--;
    if (newline)
        diag_xl(lx->diag, "%s:%" PRId64 ": config parsing error near <newline>: %s", lx->diag->source, line, message);
    else
        diag_xl(lx->diag, "%s:%" PRId64 ": config parsing error near `%.*s%s': %s", lx->diag->source, line,
                (int)(len < SHOWN_BYTES ? len : SHOWN_BYTES), lx->text, len > SHOWN_BYTES ? "..." : "", message);
    lx->failed = true;
}

/* A lexical error: xl remembers its line even when it does not show it. */
static void lexer_error(struct lexer *lx, const char *message)
{
    lexer_complain(lx, lx->line, message);
    lx->lexical_line = lx->line;
}

static bool is_ident(char c, bool first)
{
    return (c >= 'a' && c <= 'z') || (!first && (c == '.' || c == '_' || (c >= '0' && c <= '9')));
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_number(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || c == 'x';
}

/*
 * The length of `\NNN` after its first digit, 0 if refused. xl reads up to three more characters as a decimal number,
 * wants at least two of them, and then drops the lot.
 */
static size_t octal_rest(const char *p, const char *end)
{
    size_t n = 0, digits = 0;

    while (p + n < end && n < 3 && (*(p + n) == ' ' || *(p + n) == '\t'))
        n++;
    if (p + n < end && n < 3 && (p[n] == '+' || p[n] == '-'))
        n++;
    while (p + n < end && n < 3 && is_digit(p[n])) {
        n++;
        digits++;
    }
    return digits && n >= 2 ? n : 0;
}

/* The value of a quoted string whose inside is [p, end). NULL after a message. */
static char *lexer_dequote(struct lexer *lx, const char *p, const char *end)
{
    static const char names[] = "abfnrtv", values[] = "\a\b\f\n\r\t\v";
    char *out = text_resize(NULL, (size_t)(end - p) + 1, 1), *q = out;

    while (p < end) {
        const char *known;
        size_t rest;

        if (*p != '\\') {
            *q++ = *p++;
            continue;
        }
        p++;
        if (*p == '"' || *p == '\'' || *p == '\\') {
            *q++ = *p++;
        } else if ((known = memchr(names, *p, sizeof names - 1))) {
            *q++ = values[known - names];
            p++;
        } else if (*p >= '0' && *p <= '7' && (rest = octal_rest(p + 1, end))) {
            p += 1 + rest;
        } else {
            const char *why = "invalid character after backlash in quoted string";

            if (*p == 'x')
                why = "invalid digit after backslash hexnumerical character escape in quoted string";
            else if (*p >= '0' && *p <= '7')
                why = "invalid digit after backslash octalnumerical character escape in quoted string";
            lexer_error(lx, why);
            free(out);
            return NULL;
        }
    }
    *q = '\0';
    return out;
}

/* The end of the quoted string that starts at p, past its closing quote; NULL if it has none on this line. */
static const char *string_end(const char *p, const char *end)
{
    char quote = *p++;

    for (; p < end && *p != '\n'; p++) {
        if (*p == quote)
            return p + 1;
        if (*p == '\\' && (++p == end || *p == '\n'))
            return NULL;
    }
    return NULL;
}

static enum token lexer_got(struct lexer *lx, size_t len, enum token token)
{
    lx->text = lx->p;
    lx->text_len = len;
    lx->p += len;
    lx->token_line = lx->line;
    return token;
}

static size_t span(const struct lexer *lx, bool (*is)(char c))
{
    size_t n = 1;

    while (lx->p + n < lx->end && is(lx->p[n]))
        n++;
    return n;
}

static bool is_ident_rest(char c)
{
    return is_ident(c, false);
}

static bool is_black(char c)
{
    return c != ' ' && c != '\t' && c != '\n';
}

static void lexer_python(struct lexer *lx)
{
    if (*lx->p && strchr("()+,-.:", *lx->p))
        lx->python = true;
}

/* Where no token can start: the rest up to white space goes into one message. True if that was a line's end too. */
static bool lexer_bad(struct lexer *lx)
{
    size_t n = span(lx, is_black);
    bool newline = false;

    lexer_python(lx);
    lx->text = lx->p;
    if (n == 1) {
        newline = lx->p[1] == '\n';
        n = 2;
    }
    lx->text_len = n;
    lx->p += n;
    lx->line += newline;
    lexer_error(lx, "lexical error");
    return newline;
}

static enum token lexer_comment(struct lexer *lx)
{
    const char *newline = memchr(lx->p, '\n', (size_t)(lx->end - lx->p));

    if (!newline) { /* xl refuses this one; see settings_parse's note */
        lx->text = lx->p = lx->end;
        lx->text_len = 0;
        return TOKEN_END;
    }
    lexer_got(lx, (size_t)(newline + 1 - lx->p), TOKEN_NEWLINE);
    lx->line++;
    return TOKEN_NEWLINE;
}

enum token lexer_next(struct lexer *lx)
{
    const char *after;
    enum token token;

    lexer_fini(lx);
again:
    while (lx->p < lx->end && (*lx->p == ' ' || *lx->p == '\t'))
        lx->p++;
    if (lx->p == lx->end) {
        lx->text_len = 0;
        return TOKEN_END;
    }
    switch (*lx->p) {
    case ',':
    case '[':
    case ']':
    case '=':
    case ';': return lexer_got(lx, 1, (enum token) * lx->p);
    case '\n':
    case '#': return lexer_comment(lx);
    case '+':
        if (lx->p + 1 < lx->end && lx->p[1] == '=')
            return lexer_got(lx, 2, TOKEN_ADD);
        break;
    case '"':
    case '\'':
        after = string_end(lx->p, lx->end);
        if (after) {
            lexer_got(lx, (size_t)(after - lx->p), TOKEN_STRING);
            if (!lx->failed)
                lx->string = lexer_dequote(lx, lx->text + 1, after - 1);
            if (!lx->string)
                lx->string = text_dup("");
            return TOKEN_STRING;
        }
        break;
    default:
        if (!is_ident(*lx->p, true) && !is_digit(*lx->p))
            break;
        token = is_digit(*lx->p) ? lexer_got(lx, span(lx, is_number), TOKEN_NUMBER)
                                 : lexer_got(lx, span(lx, is_ident_rest), TOKEN_IDENT);
        lx->string = text_dupn(lx->text, lx->text_len);
        return token;
    }
    if (lx->p + 1 == lx->end) { /* xl overlooks a single bad character at the very end, but shows it as the token */
        int64_t line = lx->token_line;

        lexer_python(lx);
        lexer_got(lx, 1, TOKEN_END);
        lx->token_line = line;
        return TOKEN_END;
    }
    if (!lexer_bad(lx))
        goto again;
    lx->token_line = lx->line;
    return TOKEN_NEWLINE;
}
