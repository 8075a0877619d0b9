/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * json.c: prints a configuration as xl does: libxl's member order, 4 blanks a level, an empty object over three lines,
 * characters escaped as yajl escapes them. Which members there are is schema.c's; reading back is json_read.c's.
 */
#include "config/schema.h"
#include "config/text.h"

#include <inttypes.h>
#include <string.h>

struct writer {
    struct text out;
    unsigned depth;
    bool first; /* nothing printed yet at this depth */
    bool ours;
};

static void indent(struct writer *w)
{
    for (unsigned i = 0; i < w->depth; i++)
        text_add(&w->out, "    ");
}

static void next_item(struct writer *w)
{
    if (!w->first)
        text_add(&w->out, ",\n");
    w->first = false;
    indent(w);
}

static void open_bracket(struct writer *w, const char *bracket)
{
    text_addf(&w->out, "%s\n", bracket);
    w->depth++;
    w->first = true;
}

static void close_bracket(struct writer *w, const char *bracket)
{
    text_add(&w->out, "\n");
    w->depth--;
    indent(w);
    text_add(&w->out, bracket);
    w->first = false;
}

static void put_string(struct writer *w, const char *s)
{
    static const char plain[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";

    text_add(&w->out, "\"");
    for (; *s; s++) {
        const char *known = strchr(plain, *s);

        if (known)
            text_addf(&w->out, "\\%c", letters[known - plain]);
        else if ((unsigned char)*s < 0x20)
            text_addf(&w->out, "\\u%04X", (unsigned)*s);
        else
            text_addn(&w->out, s, 1);
    }
    text_add(&w->out, "\"");
}

static void put_name(struct writer *w, const char *name)
{
    next_item(w);
    put_string(w, name);
    text_add(&w->out, ": ");
}

static void put_number(struct writer *w, int64_t n)
{
    text_addf(&w->out, "%" PRId64, n);
}

static void put_uuid(struct writer *w, const uint8_t *b)
{
    text_add(&w->out, "\"");
    for (int i = 0; i < 16; i++)
        text_addf(&w->out, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", b[i]);
    text_add(&w->out, "\"");
}

static bool all_zero(const void *p, size_t n)
{
    const uint8_t *b = p;

    for (size_t i = 0; i < n; i++) {
        if (b[i])
            return false;
    }
    return true;
}

static void put_set(struct writer *w, const struct config_set *set)
{
    open_bracket(w, "[");
    for (size_t i = 0; i < set->count; i++) {
        next_item(w);
        put_number(w, set->numbers[i]);
    }
    close_bracket(w, "]");
}

static void put_numbers(struct writer *w, const struct config_numbers *n, const struct enum_names *names)
{
    open_bracket(w, "[");
    for (size_t i = 0; i < n->count; i++) {
        next_item(w);
        if (names)
            put_string(w, enum_name(names, (int)n->numbers[i]));
        else
            put_number(w, n->numbers[i]);
    }
    close_bracket(w, "]");
}

static void put_cpuid(struct writer *w, const struct cpuid_config *leaves, size_t count)
{
    static const char *const registers[] = {"eax", "ebx", "ecx", "edx"};

    open_bracket(w, "{");
    put_name(w, "cpuid");
    open_bracket(w, "[");
    for (size_t i = 0; i < count; i++) {
        next_item(w);
        open_bracket(w, "{");
        put_name(w, "leaf");
        put_number(w, leaves[i].leaf);
        if (leaves[i].subleaf != CONFIG_UNSET) {
            put_name(w, "subleaf");
            put_number(w, leaves[i].subleaf);
        }
        for (size_t r = 0; r < ARRAY_SIZE(registers); r++) {
            if (leaves[i].policy[r]) {
                put_name(w, registers[r]);
                put_string(w, leaves[i].policy[r]);
            }
        }
        close_bracket(w, "}");
    }
    close_bracket(w, "]");
    put_name(w, "msr");
    open_bracket(w, "[");
    close_bracket(w, "]");
    close_bracket(w, "}");
}

static void put_object(struct writer *w, const struct schema *s, const void *object);

static void put_bytes(struct writer *w, const uint8_t *bytes, size_t count)
{
    open_bracket(w, "[");
    for (size_t i = 0; i < count; i++) {
        next_item(w);
        put_number(w, bytes[i]);
    }
    close_bracket(w, "]");
}

static bool field_is_set(const struct field *f, const char *base, bool ours)
{
    const char *at = base + f->offset;

    if (f->ours && !ours)
        return false;
    switch (f->kind) {
    case FIELD_STRING: return *(char *const *)(const void *)at != NULL;
    case FIELD_STRINGS: return strings_count(*(char **const *)(const void *)at) > 0;
    case FIELD_TRI: return *(const enum config_tri *)(const void *)at != TRI_DEFAULT;
    case FIELD_NUMBER:
    case FIELD_SIZE: return *(const int64_t *)(const void *)at != f->unset;
    case FIELD_BOOL: return *(const int64_t *)(const void *)at != 0;
    case FIELD_ENUM: return *(const int *)(const void *)at != f->names->unset;
    case FIELD_UUID:
    case FIELD_GENID: return !all_zero(at, 16);
    case FIELD_MAC: return !all_zero(at, 6);
    case FIELD_SET: return ((const struct config_set *)(const void *)at)->count > 0;
    case FIELD_NUMBERS:
    case FIELD_ENUMS: return ((const struct config_numbers *)(const void *)at)->count > 0;
    case FIELD_SETS:
    case FIELD_OBJECTS:
    case FIELD_CPUID: return *(const size_t *)(const void *)(at + sizeof(void *)) > 0;
    case FIELD_OBJECT: return !f->tagged || *(const int *)(const void *)(base + f->tag) == f->tag_value;
    }
    return false;
}

static void put_array(struct writer *w, const struct field *f, const char *at)
{
    const char *items = *(const char *const *)(const void *)at;
    size_t count = *(const size_t *)(const void *)(at + sizeof(void *));

    open_bracket(w, "[");
    for (size_t i = 0; i < count; i++) {
        next_item(w);
        if (f->kind == FIELD_SETS)
            put_set(w, (const struct config_set *)(const void *)items + i);
        else
            put_object(w, f->schema, items + i * f->schema->size);
    }
    close_bracket(w, "]");
}

static void put_strings(struct writer *w, char *const *list)
{
    open_bracket(w, "[");
    for (; *list; list++) {
        next_item(w);
        put_string(w, *list);
    }
    close_bracket(w, "]");
}

static void put_field(struct writer *w, const struct field *f, const char *at)
{
    const void *p = at;
    const uint8_t *b = p;

    switch (f->kind) {
    case FIELD_STRING: put_string(w, *(const char *const *)p); break;
    case FIELD_STRINGS: put_strings(w, *(char **const *)p); break;
    case FIELD_TRI: put_string(w, *(const enum config_tri *)p == TRI_TRUE ? "True" : "False"); break;
    case FIELD_NUMBER: put_number(w, *(const int64_t *)p); break;
    case FIELD_SIZE:
        if (w->ours)
            put_number(w, *(const int64_t *)p); /* readers know no more than 63 bits */
        else
            text_addf(&w->out, "%" PRIu64, *(const uint64_t *)p);
        break;
    case FIELD_BOOL: text_add(&w->out, "true"); break;
    case FIELD_ENUM: put_string(w, enum_name(f->names, *(const int *)p)); break;
    case FIELD_UUID: put_uuid(w, b); break;
    case FIELD_MAC: text_addf(&w->out, "\"%02x:%02x:%02x:%02x:%02x:%02x\"", b[0], b[1], b[2], b[3], b[4], b[5]); break;
    case FIELD_GENID: put_bytes(w, b, 16); break;
    case FIELD_SET: put_set(w, p); break;
    case FIELD_NUMBERS: put_numbers(w, p, NULL); break;
    case FIELD_ENUMS: put_numbers(w, p, f->names); break;
    case FIELD_CPUID:
        put_cpuid(w, *(const struct cpuid_config *const *)p, *(const size_t *)(const void *)(at + sizeof(void *)));
        break;
    case FIELD_SETS:
    case FIELD_OBJECTS: put_array(w, f, at); break;
    case FIELD_OBJECT: put_object(w, f->schema, at); break;
    }
}

static void put_object(struct writer *w, const struct schema *s, const void *object)
{
    open_bracket(w, "{");
    for (size_t i = 0; i < s->count; i++) {
        const struct field *f = &s->fields[i];

        if (!field_is_set(f, object, w->ours))
            continue;
        put_name(w, f->name);
        put_field(w, f, (const char *)object + f->offset);
    }
    close_bracket(w, "}");
}

static char *to_json(const struct schema *s, const void *object, bool ours)
{
    struct writer w = {.ours = ours, .first = true};

    put_object(&w, s, object);
    text_add(&w.out, "\n");
    return text_take(&w.out);
}

char *config_to_json(const struct domain_config *config, bool ours)
{
    return to_json(&schema_domain, config, ours);
}

char *config_disk_to_json(const struct disk_config *disk)
{
    return to_json(&schema_disk, disk, false);
}

char *config_nic_to_json(const struct nic_config *nic)
{
    return to_json(&schema_nic, nic, false);
}

void config_disk_fini(struct disk_config *disk)
{
    schema_fini(&schema_disk, disk);
}

void config_nic_fini(struct nic_config *nic)
{
    schema_fini(&schema_nic, nic);
}

const char *config_type_name(int type)
{
    return enum_name(&enum_type, type);
}

const char *config_engine_name(int engine)
{
    return enum_name(&enum_engine, engine);
}

int config_engine_parse(const char *name)
{
    int engine;

    return enum_parse(&enum_engine, name, &engine) ? engine : -1;
}
