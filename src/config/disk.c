/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * disk.c: one disk specification (xl-disk-configuration(5)), the new key=value and positional forms and xm's old ones.
 * Knows no files: whether the target exists and what it holds is for the start (image.h).
 * At each place the longest of the rules that match wins, of equal ones the first listed, as in a generated scanner:
 * that is what makes `file:/x,hda,w` an old specification and `/x,raw,hda,w` a new one.
 */
#include "config/reading.h"
#include "config/text.h"

#include <stdlib.h>
#include <string.h>

struct disk_scan {
    struct disk_config *disk;
    const struct diag *diag;
    const char *spec;
    int64_t line;
    bool old_style; /* a deprecated prefix was there: no format among the positional parts */
    bool access_set, failed, stop, hinted;
};

static void disk_error(struct disk_scan *d, const char *near, const char *message)
{
    diag_xl(d->diag, "%s: config parsing error in disk specification: %s%s%s%s in `%s'", d->diag->source, message,
            near ? ": near `" : "", near ? near : "", near ? "'" : "", d->spec);
    d->failed = true;
}

/* At most one hint a disk: the first error is the one to mend. */
static void disk_hint(struct disk_scan *d, const char *hint)
{
    if (!d->hinted)
        diag_add(d->diag, CONFIG_NOTE, d->line, "%s", hint);
    d->hinted = true;
}

static void disk_save(struct disk_scan *d, const char *what, char **field, const char *value)
{
    char *message;

    if (*field && **field) {
        message = text_format("%s respecified", what);
        disk_error(d, value, message);
        free(message);
        return;
    }
    text_set(field, value);
}

static void disk_set_enum(struct disk_scan *d, int *field, int value, const char *text, const char *respecified)
{
    if (*field && *field != value)
        disk_error(d, text, respecified);
    else
        *field = value;
}

/* The old order given without a prefix is the mistake seen most: say how to write it. */
static void hint_format(struct disk_scan *d, const char *value)
{
    const char *path = d->disk->pdev_path ? d->disk->pdev_path : "PATH";
    size_t skip = strlen(path);
    char *hint;

    if (strcmp(value, "vmdk") == 0 || strcmp(value, "vdi") == 0 || strcmp(value, "vhdx") == 0)
        hint = text_format("an image of the kind %s cannot be used; `qemu-img convert -O raw` makes a raw one", value);
    else if (strncmp(d->spec, path, skip) == 0 && d->spec[skip] == ',')
        hint = text_format("`%s' has no format: write `%s,raw%s' or `file:%s'", d->spec, path, d->spec + skip, d->spec);
    else
        hint = text_format("the format can be raw, qcow, qcow2, vhd, qed or empty");
    disk_hint(d, hint);
    free(hint);
}

static void disk_format(struct disk_scan *d, const char *value)
{
    int format = DISK_RAW;

    if (*value && (!enum_parse(&enum_format, value, &format) || format == DISK_UNKNOWN ||
                   strcmp(enum_name(&enum_format, format), value) != 0)) {
        disk_error(d, value, "unknown value for format");
        hint_format(d, value);
        return;
    }
    disk_set_enum(d, &d->disk->format, format, value, "format respecified");
}

static void disk_access(struct disk_scan *d, const char *value)
{
    if (strcmp(value, "r") == 0 || strcmp(value, "ro") == 0)
        d->disk->readwrite = 0;
    else if (strcmp(value, "rw") == 0 || strcmp(value, "w") == 0 || *value == '\0')
        d->disk->readwrite = 1;
    else {
        disk_error(d, value, "unknown value for access");
        disk_hint(d, strcmp(value, "w!") == 0 ? "xm's `w!' (write although shared) does not exist in xl; write `w'"
                                              : "the access can be ro or r (read only), rw or w");
    }
}

static void disk_backend(struct disk_scan *d, const char *value)
{
    int backend = 0;

    if (!enum_parse(&enum_backend, value, &backend) || !backend ||
        strcmp(enum_name(&enum_backend, backend), value) != 0) {
        disk_error(d, value, "unknown value for backendtype");
        disk_hint(d, "the backendtype can be phy, tap, qdisk or standalone");
        return;
    }
    disk_set_enum(d, &d->disk->backend, backend, value, "backend respecified");
}

static void disk_specification(struct disk_scan *d, const char *value)
{
    int specification = 0;

    if (strcmp(value, "xen") == 0)
        specification = 1;
    else if (strcmp(value, "virtio") == 0)
        specification = 2;
    else
        disk_error(d, value, "unknown value for specification");
    if (specification)
        disk_set_enum(d, &d->disk->specification, specification, value, "specification respecified");
}

static void disk_colo_port(struct disk_scan *d, const char *value)
{
    int port = atoi(value);

    if (port)
        d->disk->colo_port = port;
    else
        disk_error(d, value, "unknown value for colo_port");
}

/* The rules with a value; the value ends at the next comma. */
enum disk_key {
    DK_FORMAT,
    DK_DEVTYPE,
    DK_ACCESS,
    DK_BACKEND,
    DK_BACKENDTYPE,
    DK_VDEV,
    DK_SCRIPT,
    DK_SPECIFICATION,
    DK_COLO_HOST,
    DK_COLO_PORT,
    DK_COLO_EXPORT,
    DK_ACTIVE,
    DK_HIDDEN,
};
static const char *const disk_keys[] = {
    [DK_FORMAT] = "format=",           [DK_DEVTYPE] = "devtype=",
    [DK_ACCESS] = "access=",           [DK_BACKEND] = "backend=",
    [DK_BACKENDTYPE] = "backendtype=", [DK_VDEV] = "vdev=",
    [DK_SCRIPT] = "script=",           [DK_SPECIFICATION] = "specification=",
    [DK_COLO_HOST] = "colo-host=",     [DK_COLO_PORT] = "colo-port=",
    [DK_COLO_EXPORT] = "colo-export=", [DK_ACTIVE] = "active-disk=",
    [DK_HIDDEN] = "hidden-disk=",
};

static void disk_key(struct disk_scan *d, enum disk_key key, const char *value, bool comma)
{
    struct disk_config *k = d->disk;
    char *raw;

    switch (key) {
    case DK_FORMAT: disk_format(d, value); break;
    case DK_DEVTYPE:
        if (strcmp(value, "cdrom") == 0 || strcmp(value, "disk") == 0) {
            k->is_cdrom = *value == 'c';
            break;
        }
        raw = text_format("devtype=%s%s", value, comma ? "," : "");
        disk_error(d, raw, "unknown value for type");
        disk_hint(d, "the devtype can be cdrom or disk");
        free(raw);
        break;
    case DK_ACCESS: disk_access(d, value); break;
    case DK_BACKEND: disk_save(d, "backend", &k->backend_domname, value); break;
    case DK_BACKENDTYPE: disk_backend(d, value); break;
    case DK_VDEV: disk_save(d, "vdev", &k->vdev, value); break;
    case DK_SCRIPT: disk_save(d, "script", &k->script, value); break;
    case DK_SPECIFICATION: disk_specification(d, value); break;
    case DK_COLO_HOST: disk_save(d, "colo-host", &k->colo_host, value); break;
    case DK_COLO_PORT: disk_colo_port(d, value); break;
    case DK_COLO_EXPORT: disk_save(d, "colo-export", &k->colo_export, value); break;
    case DK_ACTIVE: disk_save(d, "active-disk", &k->active_disk, value); break;
    case DK_HIDDEN: disk_save(d, "hidden-disk", &k->hidden_disk, value); break;
    }
}

/* The rules that are one word. */
static const char *const disk_flags[] = {"cdrom",   "trusted",    "untrusted", "direct-io-safe",
                                         "discard", "no-discard", "colo",      "no-colo"};

static void disk_flag(struct disk_scan *d, size_t flag)
{
    struct disk_config *k = d->disk;

    switch (flag) {
    case 0: k->is_cdrom = 1; break;
    case 1: k->trusted = TRI_TRUE; break;
    case 2: k->trusted = TRI_FALSE; break;
    case 3: k->direct_io_safe = 1; break;
    case 4: k->discard_enable = TRI_TRUE; break;
    case 5: k->discard_enable = TRI_FALSE; break;
    case 6: k->colo_enable = TRI_TRUE; break;
    case 7: k->colo_enable = TRI_FALSE; break;
    }
}

/* `hdc:cdrom`: false, and nothing done, if there is no colon. */
static bool vdev_and_type(struct disk_scan *d, char *part)
{
    char *colon = strrchr(part, ':');

    if (!colon)
        return false;
    *colon++ = '\0';
    disk_save(d, "vdev", &d->disk->vdev, part);
    if (strcmp(colon, "cdrom") == 0)
        d->disk->is_cdrom = 1;
    else if (strcmp(colon, "disk") == 0)
        d->disk->is_cdrom = 0;
    else
        disk_error(d, colon, "unknown deprecated type");
    return true;
}

static void disk_positional(struct disk_scan *d, char *part)
{
    struct disk_config *k = d->disk;

    if (d->failed)
        return; /* earlier errors may just lead to this one */
    if (!k->pdev_path) {
        disk_save(d, "target", &k->pdev_path, part);
    } else if (!d->old_style && k->format == DISK_UNKNOWN) {
        if (*k->pdev_path == '\0' && vdev_and_type(d, part))
            k->format = DISK_EMPTY;
        else
            disk_format(d, part);
    } else if (!k->vdev) {
        if (!vdev_and_type(d, part))
            disk_save(d, "vdev", &k->vdev, part);
    } else if (!d->access_set) {
        d->access_set = true;
        disk_access(d, part);
    } else {
        disk_error(d, part, "too many positional parameters");
        disk_hint(d, "the order is target,format,vdev,access; a comma in a path needs target=PATH as the last part");
        d->stop = true;
    }
}

static const char *const format_prefixes[] = {"raw:", "qcow:", "qcow2:", "vhd:"};
static const char *const script_prefixes[] = {"iscsi:", "nbd:", "enbd:", "drbd:"};
static const char *const plain_prefixes[] = {"tapdisk:", "tap:", "tap2:", "aio:", "ioemu:", "file:", "phy:"};

static size_t prefix_of(const char *p, const char *const *list, size_t count, size_t *which)
{
    for (size_t i = 0; i < count; i++) {
        size_t n = strlen(list[i]);

        if (strncmp(p, list[i], n) == 0) {
            *which = i;
            return n;
        }
    }
    return 0;
}

static bool lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool lower_or_digit(char c)
{
    return lower(c) || (c >= '0' && c <= '9');
}

/* How far a rule reaches that claims the rest of its line. */
static size_t line_rest(const char *p)
{
    return strcspn(p, "\n");
}

/* A prefix, known or not. Its rule looks at the whole line, so it beats whatever stops at a comma. */
static size_t disk_prefix(struct disk_scan *d, const char *p)
{
    size_t which, n, word = 0;
    char *name;

    n = prefix_of(p, format_prefixes, ARRAY_SIZE(format_prefixes), &which);
    if (n) {
        d->old_style = true;
        name = text_dupn(p, n - 1);
        disk_format(d, name);
        free(name);
        return n;
    }
    n = prefix_of(p, script_prefixes, ARRAY_SIZE(script_prefixes), &which);
    if (n) {
        d->old_style = true;
        name = text_format("block-%.*s", (int)n - 1, p);
        disk_save(d, "script", &d->disk->script, name);
        free(name);
        return n;
    }
    n = prefix_of(p, plain_prefixes, ARRAY_SIZE(plain_prefixes), &which);
    if (n) {
        d->old_style = true;
        return n;
    }
    if (!lower(*p))
        return 0;
    while (lower_or_digit(p[word]))
        word++;
    if (p[word] != ':' || lower_or_digit(p[word + 1]) || p[word + 1] == '\0')
        return 0;
    name = text_dupn(p, word + 1);
    disk_error(d, name, "unknown deprecated disk prefix");
    disk_hint(d, "the prefixes are phy: file: raw: qcow: qcow2: vhd: tap: aio: ioemu: iscsi: nbd: drbd:; "
                 "for anything else write target=PATH as the last part");
    free(name);
    d->stop = true;
    return word + 1;
}

/* Takes one item off the front of p; the number of characters it used. */
static size_t disk_item(struct disk_scan *d, const char *p)
{
    size_t n, to_comma = strcspn(p, ","), run = strcspn(p, "=,");
    bool comma = p[to_comma] == ',';
    char *copy;

    if (strchr(" \t\n", *p))
        return strspn(p, " \t\n");
    n = disk_prefix(d, p);
    if (n)
        return n;
    if (strncmp(p, "target=", 7) == 0) {
        n = line_rest(p);
        copy = text_dupn(p + 7, n - 7 - (p[n - 1] == ',' && n > 7));
        disk_save(d, "target", &d->disk->pdev_path, copy);
        free(copy);
        return n;
    }
    for (size_t i = 0; i < ARRAY_SIZE(disk_keys); i++) {
        n = strlen(disk_keys[i]);
        if (strncmp(p, disk_keys[i], n) != 0)
            continue;
        copy = text_dupn(p + n, to_comma - n);
        disk_key(d, (enum disk_key)i, copy, comma);
        free(copy);
        return to_comma + comma;
    }
    for (size_t i = 0; i < ARRAY_SIZE(disk_flags); i++) {
        if (run == strlen(disk_flags[i]) && strncmp(p, disk_flags[i], run) == 0 && p[run] != '=') {
            disk_flag(d, i);
            return run + comma;
        }
    }
    n = 0;
    while (n < run && (lower_or_digit(p[n]) || (n && p[n] == '-')))
        n++;
    if (n && lower(*p) && n == run && p[run] == '=' && p[run + 1] && p[run + 1] != ',') {
        n = run + 2 + (p[run + 2] == ',');
        copy = text_dupn(p, n);
        disk_error(d, copy, "unknown parameter");
        free(copy);
        return n;
    }
    if (*p == '=' && p[1] == '\0')
        return 1; /* xl overlooks it at the very end */
    if (*p == '=') {
        n = line_rest(p);
        copy = text_dupn(p, n);
        disk_error(d, copy, "bad disk syntax");
        disk_hint(d, "a path with `=' in it needs target=PATH as the last part");
        free(copy);
        d->stop = true;
        return n;
    }
    copy = text_dupn(p, run);
    disk_positional(d, copy);
    free(copy);
    return run + (p[run] == ',');
}

static void disk_finish(struct disk_scan *d)
{
    struct disk_config *k = d->disk;

    if (k->format == DISK_UNKNOWN)
        k->format = DISK_RAW;
    if (k->is_cdrom) {
        k->removable = 1;
        k->readwrite = 0;
        if (!k->pdev_path || *k->pdev_path == '\0')
            k->format = DISK_EMPTY;
    }
    if (!k->vdev) {
        disk_error(d, NULL, "no vdev specified");
        disk_hint(d, "say which disk it is for the guest, e.g. vdev=hda; the short form is target,format,vdev,access");
    } else if (!k->pdev_path && !k->removable) {
        disk_error(d, NULL, "no target specified (and device not removable)");
        disk_hint(d, "add target=PATH as the last part, or devtype=cdrom for an empty drive");
    }
}

bool disk_parse(struct disk_config *disk, const char *const *specs, size_t count, const struct diag *diag, int64_t line)
{
    struct disk_scan d = {.disk = disk, .diag = diag, .line = line};

    disk->line = line;
    disk->readwrite = 1;
    for (size_t i = 0; i < count && !d.failed; i++) {
        d.spec = specs[i];
        for (const char *p = specs[i]; *p && !d.stop;)
            p += disk_item(&d, p);
    }
    if (!d.failed)
        disk_finish(&d);
    return !d.failed;
}

bool config_parse_disk(struct disk_config *disk, const char *const *specs, size_t count, const char *name,
                       const struct config_sink *sink)
{
    struct diag diag = {.sink = sink, .source = name};

    memset(disk, 0, sizeof *disk);
    schema_init(&schema_disk, disk);
    return disk_parse(disk, specs, count, &diag, 0);
}
