/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * read_basic.c: the readers of the keys that every kind of domain has: what it is, how it ends, what it boots.
 * Each returns 0, or the exit code xl ends with after the message it printed.
 */
#include "config/reading.h"
#include "config/text.h"
#include "config/xlconf.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

int read_seclabel(struct reading *r, const struct key *key)
{
    const char *init = reading_string(r, "init_seclabel"), *label = reading_string(r, "seclabel");
    const struct xl_conf *conf = r->host.conf;

    text_set(&r->c->ssid_label, init ? init : label);
    text_set(&r->c->exec_ssid_label, init ? label : NULL);
    r->c->run_hotplug_scripts = conf && conf->run_hotplug_scripts ? conf->run_hotplug_scripts : TRI_TRUE;
    r->c->claim_mode = conf && conf->claim_mode ? conf->claim_mode : TRI_TRUE;
    if (conf && conf->blkdev_start)
        text_set(&r->c->blkdev_start, conf->blkdev_start);
    return 0;
}

/* xl takes any beginning of a name, the empty one too. */
static bool begins(const char *s, const char *name)
{
    return strncmp(s, name, strlen(s)) == 0;
}

int read_type(struct reading *r, const struct key *key)
{
    const char *type = reading_string(r, "type"), *builder;
    int built;

    if (type) {
        if (begins(type, "hvm"))
            r->c->type = DOMAIN_TYPE_HVM;
        else if (begins(type, "pv"))
            r->c->type = DOMAIN_TYPE_PV;
        else if (begins(type, "pvh"))
            r->c->type = DOMAIN_TYPE_PVH;
        else {
            diag_xl(&r->diag, "Invalid domain type %s.", type);
            return 1;
        }
    }
    builder = reading_string(r, "builder");
    if (builder) {
        if (!begins(builder, "hvm") && !begins(builder, "generic")) {
            diag_xl(&r->diag, "Invalid domain type %s.", builder);
            return 1;
        }
        built = begins(builder, "hvm") ? DOMAIN_TYPE_HVM : DOMAIN_TYPE_PV;
        if (r->c->type != DOMAIN_TYPE_INVALID && r->c->type != built) {
            diag_xl(&r->diag, "Contradicting \"builder\" and \"type\" options specified.");
            return 1;
        }
        r->c->type = built;
    }
    if (r->c->type == DOMAIN_TYPE_INVALID)
        r->c->type = DOMAIN_TYPE_PV;
    return 0;
}

int read_name(struct reading *r, const struct key *key)
{
    const char *name = reading_string(r, "name");

    if (!name) {
        diag_xl(&r->diag, "Domain name must be specified.");
        return 1;
    }
    text_set(&r->c->name, name);
    return 0;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool uuid_parse(const char *s, struct config_uuid *uuid)
{
    for (int i = 0; i < 16; i++) {
        int high, low;

        if (i == 4 || i == 6 || i == 8 || i == 10) {
            if (*s++ != '-')
                return false;
        }
        high = hex_digit(s[0]);
        low = high < 0 ? -1 : hex_digit(s[1]);
        if (low < 0)
            return false;
        uuid->bytes[i] = (uint8_t)(high << 4 | low);
        s += 2;
    }
    return *s == '\0';
}

/* Random bytes for what must be new in each run; there is no run without them. */
static void random_bytes(uint8_t *out, size_t n)
{
    while (n) {
        ssize_t r = getrandom(out, n, 0);

        if (r > 0) {
            out += r;
            n -= (size_t)r;
        }
    }
}

int read_uuid(struct reading *r, const struct key *key)
{
    const char *text = reading_string(r, "uuid");
    uint8_t *b = r->c->uuid.bytes;

    if (text && !uuid_parse(text, &r->c->uuid)) {
        diag_xl(&r->diag, "Failed to parse UUID: %s", text);
        return 1;
    }
    if (!text) {
        random_bytes(b, 16);
        b[6] = (uint8_t)((b[6] & 0x0f) | 0x40); /* RFC 4122: version 4, variant 1 */
        b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
    }
    return 0;
}

int read_genid(struct reading *r, const struct key *key)
{
    const char *value = reading_string(r, "ms_vm_genid");

    if (!value || strcmp(value, "none") == 0)
        return 0;
    if (strcmp(value, "generate") != 0) {
        diag_xl(&r->diag, "ERROR: \"ms_vm_genid\" option must be \"generate\" or \"none\"");
        return 1;
    }
    random_bytes(r->c->hvm.ms_vm_genid.bytes, 16);
    return 0;
}

static const char *const action_names[] = {
    [ACTION_DESTROY] = "destroy",
    [ACTION_RESTART] = "restart",
    [ACTION_RESTART_RENAME] = "rename-restart",
    [ACTION_PRESERVE] = "preserve",
    [ACTION_COREDUMP_DESTROY] = "coredump-destroy",
    [ACTION_COREDUMP_RESTART] = "coredump-restart",
    [ACTION_SOFT_RESET] = "soft-reset",
};

const char *config_action_name(int action)
{
    return action > 0 && (size_t)action < ARRAY_SIZE(action_names) ? action_names[action] : "unknown";
}

int read_action(struct reading *r, const struct key *key)
{
    const char *value = reading_string(r, key->name);

    if (!value)
        value = key->normal;
    for (size_t i = 1; i < ARRAY_SIZE(action_names); i++) {
        if (strcmp(action_names[i], value) == 0) {
            *(int *)(void *)((char *)r->c + key->offset) = (int)i;
            return 0;
        }
    }
    diag_xl(&r->diag, "Unknown %s action \"%s\" specified", key->name, value);
    return 1;
}

int read_grant_limit(struct reading *r, const struct key *key)
{
    const struct xl_conf *conf = r->host.conf;
    int64_t *field = (void *)((char *)r->c + key->offset);
    long l;

    if (!settings_find(&r->s, key->name)) {
        if (conf && key->offset == offsetof(struct domain_config, max_grant_frames))
            *field = conf->max_grant_frames;
        else if (conf && key->offset == offsetof(struct domain_config, max_maptrack_frames))
            *field = conf->max_maptrack_frames;
        else if (conf)
            *field = conf->max_grant_version;
        return 0;
    }
    if (settings_bounded(&r->s, key->name, 0, INT_MAX, &l))
        return 1;
    *field = l;
    return 0;
}

/* The keys whose value is one name of a list and whose message is the usual one. */
int read_enum(struct reading *r, const struct key *key)
{
    static const struct {
        const char *key;
        const struct enum_names *names;
        const char *message;
        int exit_code;
    } all[] = {
        {"vuart", &enum_vuart, "ERROR: invalid value \"%s\" for \"vuart\"", 1},
        {"passthrough", &enum_passthrough, "ERROR: unknown passthrough option '%s'", 1},
        {"hdtype", &enum_hdtype, "ERROR: invalid value \"%s\" for \"hdtype\"", 1},
        {"vendor_device", &enum_vendor_device, "xl: unknown vendor_device '%s'", 3},
        {"gic_version", &enum_gic, "Unknown gic_version \"%s\" specified", 3},
        {"tee", &enum_tee, "Unknown tee \"%s\" specified", 3},
    };
    const char *value;
    char *message;
    size_t i = 0;

    if (settings_string(&r->s, key->name, &value,
                        strcmp(key->name, "tee") == 0 || strcmp(key->name, "gic_version") == 0))
        return 0;
    while (strcmp(all[i].key, key->name) != 0)
        i++;
    if (enum_parse(all[i].names, value, (int *)(void *)((char *)r->c + key->offset)))
        return 0;
    message = text_dup(all[i].message);
    *strstr(message, "%s") = '\0';
    diag_xl(&r->diag, "%s%s%s", message, value, strstr(all[i].message, "%s") + 2);
    free(message);
    return all[i].exit_code;
}

/* xm had a key of this name, with 0 and 1. */
int read_audio(struct reading *r, const struct key *key)
{
    const char *value = reading_string(r, "audio");

    if (!value || strcmp(value, "0") == 0 || strcmp(value, "1") == 0)
        return 0;
    if (strcmp(value, "auto") != 0 && strcmp(value, "sdl") != 0 && strcmp(value, "none") != 0 &&
        (strncmp(value, "wav:", 4) != 0 || !value[4])) {
        diag_add(&r->diag, CONFIG_ERROR, reading_line(r, "audio"),
                 "audio=\"%s\": sound goes to auto, sdl, wav:PATH or none", value);
        return 1;
    }
    text_set(&r->c->audio, value);
    return 0;
}

int read_engine(struct reading *r, const struct key *key)
{
    const char *value = reading_string(r, "engine");

    if (value && !enum_parse(&enum_engine, value, &r->c->engine)) {
        diag_add(&r->diag, CONFIG_ERROR, reading_line(r, "engine"),
                 "engine=\"%s\": the engines are auto, kvm, jit and interp", value);
        return 1;
    }
    return 0;
}

/* tsc_mode and timer_mode: a name, or a number with a complaint. */
static int read_mode(struct reading *r, const char *key, const struct enum_names *names, int max, int *field)
{
    const char *value;
    long l;

    if (settings_long(&r->s, key, &l, true) == 0) {
        const char *name = enum_name(names, (int)l); /* cut to an int, as xl has it */

        diag_xl(&r->diag,
                "WARNING: specifying \"%s\" as an integer is deprecated. Please use the named parameter variant. "
                "%s%s%s%s%s",
                key, name ? "e.g. " : "", name ? key : "", name ? "=\"" : "", name ? name : "", name ? "\"" : "");
        if (l < 0 || l > max) {
            diag_xl(&r->diag, "ERROR: invalid value %ld for \"%s\"", l, key);
            return 1;
        }
        *field = (int)l;
        return 0;
    }
    value = reading_string(r, key);
    if (!value)
        return 0;
    if (strcmp(key, "tsc_mode") == 0)
        diag_xl(&r->diag, "got a tsc mode string: \"%s\"", value);
    if (!enum_parse(names, value, field)) {
        diag_xl(&r->diag, "ERROR: invalid value \"%s\" for \"%s\"", value, key);
        return 1;
    }
    return 0;
}

int read_tsc_mode(struct reading *r, const struct key *key)
{
    return read_mode(r, "tsc_mode", &enum_tsc_mode, 3, &r->c->tsc_mode);
}

int read_timer_mode(struct reading *r, const struct key *key)
{
    const char *value;

    if (reading_is(r, DOMAIN_TYPE_PV) && settings_string(&r->s, "timer_mode", &value, true) == 0) {
        diag_xl(&r->diag, "ERROR: \"timer_mode\" option is not supported for PV guests.");
        return 3;
    }
    return read_mode(r, "timer_mode", &enum_timer_mode, 3, &r->c->timer_mode);
}

int read_vncviewer(struct reading *r, const struct key *key)
{
    long l;

    if (settings_long(&r->s, "vncviewer", &l, false) == 0)
        diag_xl(&r->diag, "WARNING: ignoring \"vncviewer\" option. Use \"-V\" option of \"xl create\" to automatically "
                          "spawn vncviewer.");
    return 0;
}

int read_cmdline(struct reading *r, const struct key *key)
{
    const char *cmdline = reading_string(r, "cmdline"), *root = reading_string(r, "root");
    const char *extra = reading_string(r, "extra");

    if (cmdline) {
        if (root || extra)
            diag_xl(&r->diag, "Warning: ignoring root= and extra= in favour of cmdline=");
        text_set(&r->c->cmdline, cmdline);
    } else if (root) {
        r->c->cmdline = text_format("root=%s%s%s", root, extra ? " " : "", extra ? extra : "");
    } else if (extra) {
        text_set(&r->c->cmdline, extra);
    }
    return 0;
}

static char **string_list(const struct value *list)
{
    char **strings = text_alloc((list->count + 1) * sizeof(char *));
    const char *s;

    for (size_t i = 0; (s = value_string_at(list, i)); i++)
        strings[i] = text_dup(s);
    return strings;
}

int read_bootloader_args(struct reading *r, const struct key *key)
{
    const struct value *list;
    const char *s;

    if (settings_list(&r->s, "bootloader_args", &list, true) == 0) {
        r->c->bootloader_args = string_list(list);
    } else if ((s = reading_string(r, "bootloader_args"))) {
        diag_xl(&r->diag, "WARNING: Specifying \"bootloader_args\" as a string is deprecated. "
                          "Please use a list of arguments.");
        r->c->bootloader_args = strings_split(s, " \t\n");
    }
    return 0;
}

int read_device_model_args(struct reading *r, const struct key *key)
{
    const struct value *list;

    if (!settings_find(&r->s, key->name))
        return 0;
    if (settings_list(&r->s, key->name, &list, false)) {
        diag_xl(&r->diag, "xl: Unable to parse %s.", key->name);
        return 3;
    }
    *(char ***)(void *)((char *)r->c + key->offset) = string_list(list);
    return 0;
}

/* serial and usbdevice: a list goes to its own field, which follows in key->normal's place by name. */
int read_string_or_list(struct reading *r, const struct key *key)
{
    bool serial = strcmp(key->name, "serial") == 0;
    const struct value *list;
    const char *s;

    if (!settings_find(&r->s, key->name))
        return 0;
    if (settings_list(&r->s, key->name, &list, true) == 0)
        *(serial ? &r->c->hvm.serial_list : &r->c->hvm.usbdevice_list) = string_list(list);
    else if ((s = reading_string(r, key->name)))
        text_set(serial ? &r->c->hvm.serial : &r->c->hvm.usbdevice, s);
    return 0;
}

/* firmware= of PV and PVH names a kernel; and there must be something to boot. */
static int read_pv_boot(struct reading *r)
{
    const char *firmware = reading_string(r, "firmware");

    if (firmware) {
        if (r->c->kernel) {
            diag_xl(&r->diag, "ERROR: both kernel and firmware specified");
            return 1;
        }
        if (!begins(firmware, "pvgrub32") && !begins(firmware, "pvgrub64")) {
            diag_xl(&r->diag, "ERROR: only pvgrub{32|64} supported as firmware options");
            return 1;
        }
        r->c->kernel = text_format("/usr/lib/xen-4.17/boot/%s.bin", firmware);
    }
    if (!r->c->bootloader && !r->c->kernel) {
        diag_xl(&r->diag, "Neither kernel nor bootloader specified");
        return 1;
    }
    return 0;
}

int read_boot_source(struct reading *r, const struct key *key)
{
    const char *base;

    if (!reading_is(r, DOMAIN_TYPE_HVM))
        return read_pv_boot(r);
    base = r->c->kernel ? strrchr(r->c->kernel, '/') : NULL;
    base = base ? base + 1 : r->c->kernel;
    if (base && strcmp(base, "hvmloader") == 0) {
        diag_xl(&r->diag, "WARNING: you seem to be using \"kernel\" directive to override HVM guest firmware. Ignore "
                          "that. Use \"firmware_override\" instead if you really want a non-default firmware");
        text_set(&r->c->kernel, NULL);
    }
    return 0;
}

int read_device_model(struct reading *r, const struct key *key)
{
    const char *value = reading_string(r, "device_model");

    if (!value)
        return 0;
    diag_xl(&r->diag, "WARNING: ignoring device_model directive.");
    diag_xl(&r->diag, "WARNING: Use \"device_model_override\" instead if you really want a non-default device_model");
    if (strstr(value, "stubdom-dm")) {
        if (reading_is(r, DOMAIN_TYPE_HVM))
            diag_xl(&r->diag,
                    "WARNING: Or use \"device_model_stubdomain_override\" if you  want to enable stubdomains");
        else
            diag_xl(&r->diag, "WARNING: ignoring \"device_model_stubdomain_override\" directive for pv guest");
    }
    return 0;
}

int read_device_model_version(struct reading *r, const struct key *key)
{
    const char *value = reading_string(r, "device_model_version");

    if (!value) {
        if (r->c->device_model)
            diag_xl(&r->diag, "WARNING: device model override given without specific DM version");
        return 0;
    }
    if (strcmp(value, "qemu-xen-traditional") == 0)
        r->c->device_model_version = DEVICE_MODEL_TRADITIONAL;
    else if (strcmp(value, "qemu-xen") == 0)
        r->c->device_model_version = DEVICE_MODEL_QEMU_XEN;
    else {
        diag_xl(&r->diag, "Unknown device_model_version \"%s\" specified", value);
        return 1;
    }
    return 0;
}

int read_msr_relaxed(struct reading *r, const struct key *key)
{
    if (settings_tri(&r->s, "msr_relaxed", &r->c->msr_relaxed, false) == 0) {
        diag_xl(&r->diag, "WARNING: msr_relaxed will be removed in future versions.");
        diag_xl(&r->diag, "If it fixes an issue you are having please report to xen-devel@lists.xenproject.org.");
    }
    return 0;
}

int read_altp2m(struct reading *r, const struct key *key)
{
    const char *value;
    long l;

    if (settings_long(&r->s, "altp2m", &l, true) == 0) {
        if (l < 0 || l > 3) {
            diag_xl(&r->diag, "ERROR: invalid value %ld for \"altp2m\"", l);
            return 1;
        }
        r->c->altp2m = (int)l;
    } else if ((value = reading_string(r, "altp2m")) && !enum_parse(&enum_altp2m, value, &r->c->altp2m)) {
        diag_xl(&r->diag, "ERROR: invalid value \"%s\" for \"altp2m\"", value);
        return 1;
    }
    return 0;
}

int read_vmtrace(struct reading *r, const struct key *key)
{
    long l;

    if (settings_long(&r->s, "vmtrace_buf_kb", &l, true) == 0 && l)
        r->c->vmtrace_buf_kb = (int)l;
    return 0;
}
