/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cfgdump.c: what `xl create -n` does with a file, over the configuration room alone: messages on standard error, JSON
 * on standard output, xl's exit code. xl's own lines come as they are; ours get a "+ " in front, so that a comparison
 * with real xl can leave them out. --start adds the checks of a start; --again reads the JSON back and prints it again.
 */
#include "config/config.h"

#include "config/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void line(void *opaque, enum config_level level, const char *text)
{
    fprintf(stderr, "%s%s\n", level == CONFIG_XL ? "" : "+ ", text);
}

static char *read_whole(const char *name, size_t *len)
{
    FILE *f = fopen(name, "rb");
    char *data = NULL;
    size_t room = 0, n;

    if (!f)
        return NULL;
    *len = 0;
    do {
        room = room ? room * 2 : 4096;
        data = realloc(data, room);
        if (!data)
            abort();
        n = fread(data + *len, 1, room - *len, f);
        *len += n;
    } while (*len == room);
    fclose(f);
    return data;
}

int main(int argc, char **argv)
{
    const struct config_sink sink = {.line = line};
    const struct config_host host = {.cpus = 8};
    const char *extra = NULL;
    bool start = false, again = false;
    struct domain_config *config;
    char *text, *json, *error;
    size_t len;
    int rc;

    for (; argc > 2; argc--, argv++) {
        if (strcmp(argv[1], "--start") == 0)
            start = true;
        else if (strcmp(argv[1], "--again") == 0)
            again = true;
        else
            break;
    }
    if (argc < 2 || !(text = read_whole(argv[1], &len))) {
        fprintf(stderr, "usage: cfgdump [--start] [--again] FILE [KEY=VALUE]\n");
        return 100;
    }
    if (argc > 2)
        extra = argv[2];
    fprintf(stderr, "Parsing config from %s\n", argv[1]);
    config = config_parse(text, len, argv[1], extra, &host, &sink, &rc);
    free(text);
    if (!config)
        return rc;
    if (start)
        rc = config_check_start(config, &sink, false);
    json = config_to_json(config, again);
    if (again) {
        config_free(config);
        config = config_from_json(json, &error);
        free(json);
        if (!config) {
            fprintf(stderr, "%s\n", error);
            free(error);
            return 101;
        }
        json = config_to_json(config, false);
    }
    fputs(json, stdout);
    free(json);
    config_free(config);
    return rc;
}
