/* SPDX-License-Identifier: GPL-2.0-or-later */
/* diag.c: see diag.h. */
#include "config/diag.h"

#include "config/text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

static void stderr_line(void *opaque, enum config_level level, const char *text)
{
    fprintf(stderr, "%s\n", text);
}

static void quiet_line(void *opaque, enum config_level level, const char *text)
{
    if (level != CONFIG_NOTE && level != CONFIG_WARNING)
        stderr_line(opaque, level, text);
}

const struct config_sink config_sink_stderr = {.line = stderr_line};
const struct config_sink config_sink_quiet = {.line = quiet_line};

static void diag_send(const struct diag *d, enum config_level level, const char *prefix, const char *format, va_list ap)
{
    struct text t = {0};

    if (!d->sink)
        return;
    text_add(&t, prefix);
    text_vadd(&t, format, ap);
    d->sink->line(d->sink->opaque, level, text_str(&t));
    text_free(&t);
}

void diag_xl(const struct diag *d, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    diag_send(d, CONFIG_XL, "", format, ap);
    va_end(ap);
}

void diag_add(const struct diag *d, enum config_level level, int64_t line, const char *format, ...)
{
    static const char *const names[] = {
        [CONFIG_XL] = "", [CONFIG_NOTE] = "note: ", [CONFIG_WARNING] = "warning: ", [CONFIG_ERROR] = "error: "};
    struct text prefix = {0};
    va_list ap;

    text_addf(&prefix, "%s:", d->source);
    if (line > 0)
        text_addf(&prefix, "%" PRId64 ":", line);
    text_addf(&prefix, " %s", names[level]);
    va_start(ap, format);
    diag_send(d, level, text_str(&prefix), format, ap);
    va_end(ap);
    text_free(&prefix);
}
