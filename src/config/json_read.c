/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * json_read.c: config_from_json: reads back what json.c prints. The reader is the domain's own process and the writer
 * the toolstack, but the text may also be an old or edited file: whatever does not fit the tables is refused by name.
 */
#include "config/schema.h"
#include "config/text.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

struct reader {
    char *error; /* the first thing that did not fit */
};

static void refuse(struct reader *r, const char *name, const char *what)
{
    if (!r->error)
        r->error = text_format("configuration: \"%s\" should be %s", name, what);
}

static void read_object(struct reader *r, const struct schema *s, const json_t *j, char *object);

static bool hex_bytes(const char *s, const char *skip, uint8_t *out, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char two[3] = {0}, *end;

        while (*s && strchr(skip, *s))
            s++;
        if (!s[0] || !s[1])
            return false;
        memcpy(two, s, 2);
        out[i] = (uint8_t)strtoul(two, &end, 16);
        if (*end)
            return false;
        s += 2;
    }
    return *s == '\0';
}

static void read_set(struct reader *r, const char *name, const json_t *j, struct config_set *set)
{
    size_t n = json_array_size(j);

    if (!json_is_array(j)) {
        refuse(r, name, "a list of numbers");
        return;
    }
    free(set->numbers);
    set->numbers = text_resize(NULL, n, sizeof *set->numbers);
    set->count = n;
    for (size_t i = 0; i < n; i++)
        set->numbers[i] = (uint32_t)json_integer_value(json_array_get(j, i));
}

static void read_numbers(struct reader *r, const struct field *f, const json_t *j, struct config_numbers *numbers)
{
    size_t n = json_array_size(j);

    if (!json_is_array(j)) {
        refuse(r, f->name, "a list");
        return;
    }
    free(numbers->numbers);
    numbers->numbers = text_resize(NULL, n, sizeof *numbers->numbers);
    numbers->count = n;
    for (size_t i = 0; i < n; i++) {
        const json_t *item = json_array_get(j, i);
        int value = 0;

        if (f->kind == FIELD_NUMBERS)
            numbers->numbers[i] = json_integer_value(item);
        else if (json_is_string(item) && enum_parse(f->names, json_string_value(item), &value))
            numbers->numbers[i] = value;
        else {
            numbers->numbers[i] = f->names->names[0].value;
            refuse(r, f->name, "a list of known names");
        }
    }
}

static void read_cpuid(struct reader *r, const json_t *j, char *at)
{
    static const char *const registers[] = {"eax", "ebx", "ecx", "edx"};
    struct cpuid_config **leaves = (void *)at;
    size_t *count = (void *)(at + sizeof(void *));
    const json_t *list = json_object_get(j, "cpuid"), *item;
    size_t i;

    json_array_foreach(list, i, item)
    {
        const json_t *sub = json_object_get(item, "subleaf");
        struct cpuid_config *leaf;

        *leaves = text_resize(*leaves, *count + 1, sizeof **leaves);
        leaf = &(*leaves)[(*count)++];
        *leaf = (struct cpuid_config){.leaf = json_integer_value(json_object_get(item, "leaf"))};
        leaf->subleaf = sub ? json_integer_value(sub) : CONFIG_UNSET;
        for (size_t k = 0; k < ARRAY_SIZE(registers); k++) {
            const char *policy = json_string_value(json_object_get(item, registers[k]));

            if (policy && strlen(policy) != 32)
                refuse(r, registers[k], "32 characters");
            else if (policy)
                leaf->policy[k] = text_dup(policy);
        }
    }
}

static void read_array(struct reader *r, const struct field *f, const json_t *j, char *at)
{
    size_t *count = (void *)(at + sizeof(void *)), i;
    const json_t *item;

    if (!json_is_array(j)) {
        refuse(r, f->name, "a list");
        return;
    }
    json_array_foreach(j, i, item)
    {
        if (f->kind == FIELD_SETS) {
            struct config_set **sets = (void *)at;

            *sets = text_resize(*sets, *count + 1, sizeof **sets);
            (*sets)[*count] = (struct config_set){0};
            read_set(r, f->name, item, &(*sets)[(*count)++]);
        } else {
            read_object(r, f->schema, item, schema_append(f->schema, at, count));
        }
    }
}

static void read_bytes(struct reader *r, const struct field *f, const json_t *j, uint8_t *out)
{
    const char *s = json_string_value(j);
    bool ok;

    if (f->kind == FIELD_GENID) {
        ok = json_array_size(j) == 16;
        for (size_t i = 0; ok && i < 16; i++)
            out[i] = (uint8_t)json_integer_value(json_array_get(j, i));
    } else {
        ok = s && (f->kind == FIELD_MAC ? hex_bytes(s, ":", out, 6) : hex_bytes(s, "-", out, 16));
    }
    if (!ok)
        refuse(r, f->name, f->kind == FIELD_MAC ? "a MAC address" : f->kind == FIELD_UUID ? "a UUID" : "16 bytes");
}

static void read_number(struct reader *r, const struct field *f, const json_t *j, int64_t *out)
{
    if (json_is_integer(j))
        *out = json_integer_value(j);
    else
        refuse(r, f->name, "a number");
}

static void read_field(struct reader *r, const struct field *f, const json_t *j, char *base)
{
    void *at = base + f->offset;
    const char *s = json_string_value(j);
    const json_t *item;
    size_t i;

    switch (f->kind) {
    case FIELD_STRING:
        if (s)
            text_set(at, s);
        else
            refuse(r, f->name, "a string");
        break;
    case FIELD_STRINGS:
        json_array_foreach(j, i, item) strings_add(at, json_is_string(item) ? json_string_value(item) : "");
        break;
    case FIELD_TRI:
        if (s && (strcmp(s, "True") == 0 || strcmp(s, "False") == 0))
            *(enum config_tri *)at = *s == 'T' ? TRI_TRUE : TRI_FALSE;
        else
            refuse(r, f->name, "\"True\" or \"False\"");
        break;
    case FIELD_NUMBER:
    case FIELD_SIZE: read_number(r, f, j, at); break;
    case FIELD_BOOL: *(int64_t *)at = json_is_true(j); break;
    case FIELD_ENUM:
        if (!s || !enum_parse(f->names, s, at))
            refuse(r, f->name, "a known name");
        break;
    case FIELD_UUID:
    case FIELD_MAC:
    case FIELD_GENID: read_bytes(r, f, j, at); break;
    case FIELD_SET: read_set(r, f->name, j, at); break;
    case FIELD_NUMBERS:
    case FIELD_ENUMS: read_numbers(r, f, j, at); break;
    case FIELD_SETS:
    case FIELD_OBJECTS: read_array(r, f, j, at); break;
    case FIELD_OBJECT:
        if (f->tagged)
            *(int *)(void *)(base + f->tag) = f->tag_value;
        read_object(r, f->schema, j, at);
        break;
    case FIELD_CPUID: read_cpuid(r, j, at); break;
    }
}

static void read_object(struct reader *r, const struct schema *s, const json_t *j, char *object)
{
    const char *name;
    json_t *member;

    if (!json_is_object(j)) {
        if (!r->error)
            r->error = text_format("configuration: not a JSON object where one should be");
        return;
    }
    json_object_foreach((json_t *)j, name, member)
    {
        size_t i = 0;

        while (i < s->count && strcmp(s->fields[i].name, name) != 0)
            i++;
        if (i < s->count)
            read_field(r, &s->fields[i], member, object);
        else if (!r->error)
            r->error = text_format("configuration: nothing is called \"%s\" here", name);
    }
}

struct domain_config *config_from_json(const char *json, char **error)
{
    struct reader r = {0};
    struct domain_config *config;
    json_error_t why;
    json_t *j = json_loads(json, JSON_DECODE_ANY, &why);

    if (!j) {
        *error = text_format("configuration: line %d: %s", why.line, why.text);
        return NULL;
    }
    config = text_alloc(sizeof *config);
    schema_init(&schema_domain, config);
    read_object(&r, &schema_domain, j, (char *)config);
    json_decref(j);
    if (r.error) {
        config_free(config);
        config = NULL;
    }
    *error = r.error;
    return config;
}

void config_free(struct domain_config *config)
{
    if (!config)
        return;
    schema_fini(&schema_domain, config);
    free(config);
}
