/* SPDX-License-Identifier: GPL-2.0-or-later */
/* json_print.c: JSON laid out as libxl's generator does, byte for byte; and reading what supervisors tell. */
#include "xl/xl.h"

#include <stdio.h>
#include <stdlib.h>

static void print_indent(int indent)
{
    printf("%*s", 4 * indent, "");
}

static void print_scalar(const json_t *value)
{
    char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));

    fputs(text ? text : "null", stdout);
    free(text);
}

void xl_print_json(const json_t *value, int indent)
{
    bool first = true, object = json_is_object(value);
    size_t index;
    json_t *item;
    const char *key;

    if (!object && !json_is_array(value)) {
        print_scalar(value);
        return;
    }
    printf(object ? "{\n" : "[\n");
    if (object) {
        json_object_foreach((json_t *)value, key, item)
        {
            json_t *name = json_string(key);
            printf("%s", first ? "" : ",\n");
            print_indent(indent + 1);
            print_scalar(name);
            printf(": ");
            xl_print_json(item, indent + 1);
            json_decref(name);
            first = false;
        }
    } else {
        json_array_foreach(value, index, item)
        {
            printf("%s", first ? "" : ",\n");
            print_indent(indent + 1);
            xl_print_json(item, indent + 1);
            first = false;
        }
    }
    printf("\n");
    print_indent(indent);
    printf(object ? "}" : "]");
}

long long xl_int(const json_t *object, const char *key, long long otherwise)
{
    const json_t *value = json_object_get(object, key);

    return json_is_integer(value) ? json_integer_value(value) : otherwise;
}

const char *xl_string(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

bool xl_true(const json_t *object, const char *key)
{
    return json_is_true(json_object_get(object, key));
}
