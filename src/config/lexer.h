/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lexer.h: cuts a configuration text into tokens, and words xl's messages about bad ones (xl.cfg(5), "Syntax").
 * Knows no grammar. Lines are counted as xl counts them, oddities included: its error about a line end names the line
 * before, and its counter decides which follow-up errors are left out.
 */
#ifndef DOMUS_CONFIG_LEXER_H
#define DOMUS_CONFIG_LEXER_H

#include "config/diag.h"

enum token {
    TOKEN_END,
    TOKEN_IDENT,
    TOKEN_STRING,
    TOKEN_NUMBER,
    TOKEN_NEWLINE,
    TOKEN_SET = '=',
    TOKEN_OPEN = '[',
    TOKEN_CLOSE = ']',
    TOKEN_COMMA = ',',
    TOKEN_SEMICOLON = ';',
    TOKEN_ADD = 256,
};

struct lexer {
    const struct diag *diag;
    const char *p, *end;
    int64_t line;     /* of the next character */
    const char *text; /* the current token, raw */
    size_t text_len;
    int64_t token_line;
    char *string;         /* value of an identifier, string or number: the taker's to free */
    int64_t lexical_line; /* of the last lexical error: no other error is shown up to it */
    bool failed;          /* any error so far */
    bool python;
};

void lexer_init(struct lexer *lx, const struct diag *diag, const char *text, size_t len);
enum token lexer_next(struct lexer *lx);
/* xl's message about the current token, unless a lexical error on its line said enough. */
void lexer_complain(struct lexer *lx, int64_t line, const char *message);
char *lexer_take(struct lexer *lx);
void lexer_fini(struct lexer *lx);
const char *token_name(enum token token);

#endif
