/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cfgdump.c: what `xl create -n` does with a file, over the configuration room alone: messages on standard error, JSON
 * on standard output, xl's exit code. xl's own lines come as they are; ours get a "+ " in front, so that a comparison
 * with real xl can leave them out. --start adds the checks of a start.
 * --batch: texts named t.cfg come from standard input, each as a line with its length and then its bytes; for each the
 * answer is a line "EXIT MESSAGES JSON" of numbers, the latter two lengths of what follows. There the JSON is also read
 * back and printed again, and must come out the same.
 */
#include "config/config.h"

#include "config/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void line(void *opaque, enum config_level level, const char *text)
{
    text_addf(opaque, "%s%s\n", level == CONFIG_XL ? "" : "+ ", text);
}

static char *read_whole(const char *name, size_t *len)
{
    FILE *f = fopen(name, "rb");
    struct text t = {0};
    char buffer[4096];
    size_t n;

    if (!f)
        return NULL;
    while ((n = fread(buffer, 1, sizeof buffer, f)))
        text_addn(&t, buffer, n);
    fclose(f);
    *len = t.len;
    return text_take(&t);
}

/* Through the domain process's form and back; what differs is said in `errors`. */
static void check_again(const struct domain_config *config, const char *json, struct text *errors)
{
    char *ours = config_to_json(config, true), *error = NULL, *back;
    struct domain_config *again = config_from_json(ours, &error);

    if (!again) {
        text_addf(errors, "cannot be read back: %s\n", error);
    } else {
        back = config_to_json(again, false);
        if (strcmp(back, json) != 0)
            text_addf(errors, "comes back as %s", back);
        free(back);
        back = config_to_json(again, true);
        if (strcmp(back, ours) != 0)
            text_addf(errors, "comes back, with domus's part, as %s", back);
        free(back);
    }
    config_free(again);
    free(error);
    free(ours);
}

static int dump(const char *text, size_t len, const char *name, const char *extra, bool start, bool again,
                struct text *messages, char **json)
{
    const struct config_sink sink = {.line = line, .opaque = messages};
    const struct config_host host = {.cpus = 8};
    struct domain_config *config;
    int rc;

    config = config_parse(text, len, name, extra, &host, &sink, &rc);
    *json = NULL;
    if (!config)
        return rc;
    if (start)
        rc = config_check_start(config, &sink, false);
    *json = config_to_json(config, false);
    if (again)
        check_again(config, *json, messages);
    config_free(config);
    return rc;
}

static int batch(void)
{
    size_t len;

    while (scanf("%zu", &len) == 1 && getchar() == '\n') {
        struct text messages = {0};
        char *text = text_alloc(len + 1), *json;
        int rc;

        if (fread(text, 1, len, stdin) != len)
            return 100;
        rc = dump(text, len, "t.cfg", NULL, false, true, &messages, &json);
        printf("%d %zu %zu\n%s%s", rc, messages.len, json ? strlen(json) : 0, text_str(&messages), json ? json : "");
        text_free(&messages);
        free(json);
        free(text);
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct text messages = {0};
    bool start = argc > 1 && strcmp(argv[1], "--start") == 0;
    char *text, *json;
    size_t len;
    int rc;

    if (argc == 2 && strcmp(argv[1], "--batch") == 0)
        return batch();
    argv += start;
    argc -= start;
    if (argc < 2 || !(text = read_whole(argv[1], &len))) {
        fprintf(stderr, "usage: cfgdump --batch | cfgdump [--start] FILE [KEY=VALUE]\n");
        return 100;
    }
    rc = dump(text, len, argv[1], argc > 2 ? argv[2] : NULL, start, false, &messages, &json);
    fputs(text_str(&messages), stderr);
    if (json)
        fputs(json, stdout);
    text_free(&messages);
    free(text);
    free(json);
    return rc;
}
