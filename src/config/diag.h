/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * diag.h: formats one message line and hands it to the caller's sink.
 * Knows no wording: who prints xl's own text uses diag_xl, who adds ours names the line it is about.
 */
#ifndef DOMUS_CONFIG_DIAG_H
#define DOMUS_CONFIG_DIAG_H

#include "config/config.h"

struct diag {
    const struct config_sink *sink; /* borrowed; NULL is silence */
    const char *source;             /* borrowed: the file's name as typed */
};

/* A line word for word as xl prints it. */
void diag_xl(const struct diag *d, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* `SOURCE:LINE: LEVEL: text`; without the line's number if it is not known (0). */
void diag_add(const struct diag *d, enum config_level level, int64_t line, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
