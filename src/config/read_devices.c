/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * read_devices.c: the lists of devices whose strings are `key=value, key=value`: disks, channels, framebuffers, USB,
 * TPM, 9pfs, displays, keyboards, and host resources. A string's pieces are cut at commas, blanks in front are skipped.
 */
#include "config/reading.h"
#include "config/text.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int read_disks(struct reading *r, const struct key *key)
{
    const struct value *list;
    const char *spec;

    if (settings_list(&r->s, "disk", &list, false))
        return 0;
    while ((spec = value_string_at(list, r->c->disks_count))) {
        struct disk_config *disk = schema_append(&schema_disk, &r->c->disks, &r->c->disks_count);

        if (!disk_parse(disk, &spec, 1, &r->diag, reading_line(r, "disk")))
            return 1;
    }
    return 0;
}

/* The value of `key=` at the start of a piece, NULL if it is another key. */
static const char *option(const char *piece, const char *key)
{
    size_t n = strlen(key);

    return strncmp(piece, key, n) == 0 && piece[n] == '=' ? piece + n + 1 : NULL;
}

/* Runs `one` over the pieces of a device's string until it returns non-zero. */
static int pieces_of(struct reading *r, const char *spec, void *device,
                     int (*one)(struct reading *r, void *device, char *piece))
{
    char **pieces = strings_split(spec, ",");
    int rc = 0;

    for (size_t i = 0; pieces[i] && !rc; i++)
        rc = one(r, device, pieces[i] + strspn(pieces[i], " "));
    strings_free(pieces);
    return rc;
}

#define NO_MORE (-1) /* of a piece reader: the rest of this string is ignored, as xl does */

static int p9_piece(struct reading *r, void *device, char *piece)
{
    struct p9_config *p9 = device;
    char *equals = strchr(piece, '=');

    if (!equals)
        return NO_MORE;
    *equals++ = '\0';
    if (strcmp(piece, "security_model") == 0)
        text_set(&p9->security_model, equals);
    else if (strcmp(piece, "path") == 0)
        text_set(&p9->path, equals);
    else if (strcmp(piece, "tag") == 0)
        text_set(&p9->tag, equals);
    else if (strcmp(piece, "backend") == 0)
        text_set(&p9->backend_domname, equals);
    else {
        diag_xl(&r->diag, "Unknown string `%s' in 9pfs spec", piece);
        return 1;
    }
    return 0;
}

int read_p9(struct reading *r, const struct key *key)
{
    const struct value *list;
    const char *spec;

    if (settings_list(&r->s, "p9", &list, false))
        return 0;
    while ((spec = value_string_at(list, r->c->p9s_count))) {
        struct p9_config *p9 = schema_append(&schema_p9, &r->c->p9s, &r->c->p9s_count);

        if (pieces_of(r, spec, p9, p9_piece) > 0)
            return 1;
        if (!p9->tag || !p9->path || !p9->security_model) {
            diag_xl(&r->diag, "9pfs spec missing required field!");
            return 1;
        }
    }
    return 0;
}

static int vtpm_piece(struct reading *r, void *device, char *piece)
{
    struct vtpm_config *vtpm = device;
    char *equals = strchr(piece, '=');

    if (!equals)
        return NO_MORE;
    *equals++ = '\0';
    if (strcmp(piece, "backend") == 0) {
        text_set(&vtpm->backend_domname, equals);
    } else if (strcmp(piece, "uuid") == 0) {
        if (!uuid_parse(equals, &vtpm->uuid)) {
            diag_xl(&r->diag, "Failed to parse vtpm UUID: %s", equals);
            return 1;
        }
    } else {
        diag_xl(&r->diag, "Unknown string `%s' in vtpm spec", piece);
        return 1;
    }
    return 0;
}

int read_vtpm(struct reading *r, const struct key *key)
{
    const struct value *list;
    const char *spec;

    if (settings_list(&r->s, "vtpm", &list, false))
        return 0;
    while ((spec = value_string_at(list, r->c->vtpms_count))) {
        struct vtpm_config *vtpm = schema_append(&schema_vtpm, &r->c->vtpms, &r->c->vtpms_count);

        vtpm->devid = (int64_t)r->c->vtpms_count - 1;
        if (pieces_of(r, spec, vtpm, vtpm_piece) > 0)
            return 1;
        if (!vtpm->backend_domname) {
            diag_xl(&r->diag, "vtpm spec missing required backend field!");
            return 1;
        }
    }
    return 0;
}

static int connectors(struct reading *r, struct vdispl_config *display, const char *text)
{
    char **list = strings_split(text, ";");
    int rc = 0;

    for (size_t i = 0; list[i] && !rc; i++) {
        struct connector_config *c = schema_append(&schema_connector, &display->connectors, &display->connectors_count);
        char *colon = strchr(list[i], ':');
        unsigned width, height;

        if (!colon || sscanf(colon + 1, "%ux%u", &width, &height) != 2) {
            diag_xl(&r->diag, "Can't parse connector resolution");
            rc = 1;
            break;
        }
        *colon = '\0';
        c->unique_id = text_dup(list[i]);
        c->width = width;
        c->height = height;
    }
    strings_free(list);
    return rc;
}

static int vdispl_piece(struct reading *r, void *device, char *piece)
{
    struct vdispl_config *display = device;
    const char *v;

    if ((v = option(piece, "backend")))
        text_set(&display->backend_domname, v);
    else if ((v = option(piece, "be-alloc")))
        display->be_alloc = strtoul(v, NULL, 0) != 0;
    else if ((v = option(piece, "connectors")))
        return connectors(r, display, v);
    else {
        diag_xl(&r->diag, "Unknown string \"%s\" in vdispl spec", piece);
        return 1;
    }
    return 0;
}

int read_vdispl(struct reading *r, const struct key *key)
{
    const struct value *list;
    const char *spec;

    if (settings_list(&r->s, "vdispl", &list, false))
        return 0;
    while ((spec = value_string_at(list, r->c->vdispls_count))) {
        struct vdispl_config *display = schema_append(&schema_vdispl, &r->c->vdispls, &r->c->vdispls_count);

        display->devid = (int64_t)r->c->vdispls_count - 1;
        if (pieces_of(r, spec, display, vdispl_piece))
            return 1;
        if (!display->connectors_count) {
            diag_xl(&r->diag, "At least one connector should be specified.");
            return 1;
        }
    }
    return 0;
}

static int pvcalls_piece(struct reading *r, void *device, char *piece)
{
    struct pvcalls_config *pvcalls = device;
    char *equals = strchr(piece, '=');

    if (!equals)
        return NO_MORE;
    *equals++ = '\0';
    if (strcmp(piece, "backend") != 0) {
        diag_xl(&r->diag, "Unknown string `%s' in pvcalls spec", piece);
        return 1;
    }
    text_set(&pvcalls->backend_domname, equals);
    return 0;
}

int read_pvcalls(struct reading *r, const struct key *key)
{
    const struct value *list;
    const char *spec;

    if (settings_list(&r->s, "pvcalls", &list, false))
        return 0;
    while ((spec = value_string_at(list, r->c->pvcalls_count))) {
        struct pvcalls_config *pvcalls = schema_append(&schema_pvcalls, &r->c->pvcalls, &r->c->pvcalls_count);

        pvcalls->devid = (int64_t)r->c->pvcalls_count - 1;
        if (pieces_of(r, spec, pvcalls, pvcalls_piece) > 0)
            return 1;
    }
    return 0;
}

static char *trim(char *s)
{
    char *end;

    s += strspn(s, " \t\n\v\f\r");
    for (end = s + strlen(s); end > s && strchr(" \t\n\v\f\r", end[-1]);)
        *--end = '\0';
    return s;
}

static int channel_piece(struct reading *r, void *device, char *piece)
{
    struct channel_config *channel = device;
    char *value = strchr(piece, '='), *name;

    if (!value) {
        diag_xl(&r->diag, "failed to parse channel configuration: %s", piece);
        return 1;
    }
    *value++ = '\0';
    name = trim(piece);
    value = trim(value);
    if (strcmp(name, "backend") == 0)
        text_set(&channel->backend_domname, value);
    else if (strcmp(name, "name") == 0)
        text_set(&channel->name, value);
    else if (strcmp(name, "path") == 0)
        text_set(&channel->path, value);
    else if (strcmp(name, "connection") != 0)
        diag_xl(&r->diag, "unknown channel parameter '%s', ignoring", name);
    else if (strcmp(value, "pty") == 0 || strcmp(value, "socket") == 0)
        channel->connection = *value == 'p' ? 1 : 2;
    else {
        diag_xl(&r->diag, "unknown channel connection '%s'", value);
        return 1;
    }
    return 0;
}

int read_channel(struct reading *r, const struct key *key)
{
    const struct value *list;
    const char *spec;

    if (settings_list(&r->s, "channel", &list, false))
        return 0;
    while ((spec = value_string_at(list, r->c->channels_count))) {
        struct channel_config *channel = schema_append(&schema_channel, &r->c->channels, &r->c->channels_count);

        channel->devid = (int64_t)r->c->channels_count - 1;
        if (pieces_of(r, spec, channel, channel_piece))
            return 1;
        if (!channel->connection || (channel->connection == 2 && !channel->path)) {
            diag_xl(&r->diag, channel->connection ? "channel connection 'socket' requires path=.."
                                                  : "channel has unknown 'connection'");
            return 1;
        }
    }
    return 0;
}

static int vfb_piece(struct reading *r, void *device, char *piece)
{
    struct vfb_config *vfb = device;
    char *v = strchr(piece, '=');
    const struct {
        const char *name;
        enum config_tri *tri;
        char **string;
    } all[] = {
        {"vnc", &vfb->vnc.enable, NULL},
        {"vnclisten", NULL, &vfb->vnc.listen},
        {"vncpasswd", NULL, &vfb->vnc.passwd},
        {"vncunused", &vfb->vnc.findunused, NULL},
        {"keymap", NULL, &vfb->keymap},
        {"sdl", &vfb->sdl.enable, NULL},
        {"opengl", &vfb->sdl.opengl, NULL},
        {"display", NULL, &vfb->sdl.display},
        {"xauthority", NULL, &vfb->sdl.xauthority},
    };

    if (!v)
        return NO_MORE;
    *v++ = '\0';
    if (strcmp(piece, "vncdisplay") == 0)
        vfb->vnc.display = atoi(v);
    for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
        if (strcmp(all[i].name, piece) != 0)
            continue;
        if (all[i].tri)
            *all[i].tri = atoi(v) ? TRI_TRUE : TRI_FALSE;
        else
            text_set(all[i].string, v);
    }
    return 0;
}

int read_vfb(struct reading *r, const struct key *key)
{
    const struct value *list;
    const char *spec;

    if (settings_list(&r->s, "vfb", &list, false))
        return 0;
    while ((spec = value_string_at(list, r->c->vfbs_count))) {
        struct vfb_config *vfb = schema_append(&schema_vfb, &r->c->vfbs, &r->c->vfbs_count);
        struct vkb_config *vkb = schema_append(&schema_vkb, &r->c->vkbs, &r->c->vkbs_count);

        vfb->devid = vkb->devid = (int64_t)r->c->vfbs_count - 1;
        pieces_of(r, spec, vfb, vfb_piece);
    }
    return 0;
}

static int usbctrl_piece(struct reading *r, void *device, char *piece)
{
    struct usbctrl_config *u = device;
    const char *v;

    if ((v = option(piece, "type"))) {
        if (!enum_parse(&enum_usbctrl, v, &u->type)) {
            diag_xl(&r->diag, "Invalid usb controller type '%s'", v);
            return 1;
        }
    } else if ((v = option(piece, "version"))) {
        u->version = atoi(v);
    } else if ((v = option(piece, "ports"))) {
        u->ports = atoi(v);
    } else {
        diag_xl(&r->diag, "Unknown string `%s' in usbctrl spec", piece);
        return 1;
    }
    return 0;
}

int read_usbctrl(struct reading *r, const struct key *key)
{
    const struct value *list;
    const char *spec;

    if (settings_list(&r->s, "usbctrl", &list, false))
        return 0;
    while ((spec = value_string_at(list, r->c->usbctrls_count))) {
        struct usbctrl_config *u = schema_append(&schema_usbctrl, &r->c->usbctrls, &r->c->usbctrls_count);

        u->devid = (int64_t)r->c->usbctrls_count - 1;
        if (pieces_of(r, spec, u, usbctrl_piece))
            return 1;
    }
    return 0;
}

static int usbdev_piece(struct reading *r, void *device, char *piece)
{
    struct usbdev_config *u = device;
    const char *v;

    if ((v = option(piece, "type"))) {
        if (!enum_parse(&enum_usbdev, v, &u->type)) {
            diag_xl(&r->diag, "Invalid usb device type: %s", v);
            return 1;
        }
    } else if ((v = option(piece, "hostbus"))) {
        u->hostbus = (uint8_t)strtoul(v, NULL, 0);
    } else if ((v = option(piece, "hostaddr"))) {
        u->hostaddr = (uint8_t)strtoul(v, NULL, 0);
    } else if ((v = option(piece, "controller"))) {
        u->ctrl = atoi(v);
    } else if ((v = option(piece, "port"))) {
        u->port = atoi(v);
    } else {
        diag_xl(&r->diag, "Unknown string `%s' in usbdev spec", piece);
        return 1;
    }
    return 0;
}

int read_usbdev(struct reading *r, const struct key *key)
{
    const struct value *list;
    const char *spec;

    if (settings_list(&r->s, "usbdev", &list, false))
        return 0;
    while ((spec = value_string_at(list, r->c->usbdevs_count))) {
        if (pieces_of(r, spec, schema_append(&schema_usbdev, &r->c->usbdevs, &r->c->usbdevs_count), usbdev_piece))
            return 1;
    }
    return 0;
}

static int vkb_piece(struct reading *r, void *device, char *piece)
{
    struct vkb_config *k = device;
    const struct {
        const char *name;
        int64_t *field;
        bool flag;
    } numbers[] = {
        {"feature-disable-keyboard", &k->disable_keyboard, true},
        {"feature-disable-pointer", &k->disable_pointer, true},
        {"feature-abs-pointer", &k->abs_pointer, true},
        {"feature-raw-pointer", &k->raw_pointer, true},
        {"feature-multi-touch", &k->multi_touch, true},
        {"multi-touch-width", &k->multi_touch_width, false},
        {"multi-touch-height", &k->multi_touch_height, false},
        {"multi-touch-num-contacts", &k->multi_touch_num_contacts, false},
        {"width", &k->width, false},
        {"height", &k->height, false},
    };
    const char *v;

    if ((v = option(piece, "backend"))) {
        text_set(&k->backend_domname, v);
        return 0;
    }
    if ((v = option(piece, "backend-type"))) {
        if (enum_parse(&enum_vkb, v, &k->backend_type))
            return 0;
        diag_xl(&r->diag, "Unknown backend_type \"%s\" in vkb spec", v);
        return 1;
    }
    if ((v = option(piece, "unique-id"))) {
        text_set(&k->unique_id, v);
        return 0;
    }
    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
        if ((v = option(piece, numbers[i].name))) {
            uint32_t n = (uint32_t)strtoul(v, NULL, 0);

            *numbers[i].field = numbers[i].flag ? n != 0 : n;
            return 0;
        }
    }
    diag_xl(&r->diag, "Unknown string \"%s\" in vkb spec", piece);
    return 1;
}

int read_vkb(struct reading *r, const struct key *key)
{
    const struct value *list;
    const char *spec;
    bool touch;

    if (settings_list(&r->s, "vkb", &list, false))
        return 0;
    for (size_t i = 0; (spec = value_string_at(list, i)); i++) {
        struct vkb_config *k = schema_append(&schema_vkb, &r->c->vkbs, &r->c->vkbs_count);

        k->devid = (int64_t)r->c->vkbs_count - 1;
        if (pieces_of(r, spec, k, vkb_piece))
            return 1;
        if (!k->backend_type) {
            diag_xl(&r->diag, "backend-type should be set in vkb spec");
            return 1;
        }
        touch = k->multi_touch_width || k->multi_touch_height || k->multi_touch_num_contacts;
        if (k->multi_touch && !touch) {
            diag_xl(&r->diag, "multi-touch-width, multi-touch-height, multi-touch-num-contacts should be set for "
                              "multi touch in vkb spec");
            return 1;
        }
        k->multi_touch = touch;
    }
    return 0;
}

/* `HEX` or `HEX-HEX`. */
static int ioport_range(struct reading *r, const char *text, struct ioport_config *out)
{
    char *end;
    unsigned long first = strtoul(text, &end, 16), last = first;

    if (end == text)
        goto bad;
    if (first >= UINT32_MAX)
        goto big;
    if (*end == '-') {
        const char *second = end + 1;

        last = strtoul(second, &end, 16);
        if (end == second || *end)
            goto bad;
        if (last >= UINT32_MAX) {
            first = last;
            goto big;
        }
    } else if (*end) {
        diag_xl(&r->diag, "xl: Invalid argument parsing ioport: %s", text); /* and goes on, as xl does */
    }
    out->first = (int64_t)first;
    out->number = (uint32_t)(last - first + 1);
    return 0;
bad:
    diag_xl(&r->diag, "xl: Invalid argument parsing ioport: %s", text);
    return 1;
big:
    diag_xl(&r->diag, "xl: ioport %lx too big", first);
    return 1;
}

int read_ioports(struct reading *r, const struct key *key)
{
    const struct value *list;

    if (settings_list(&r->s, "ioports", &list, false))
        return 0;
    for (size_t i = 0; i < list->count; i++) {
        const char *text = value_string_at(list, i);

        if (!text) {
            diag_xl(&r->diag, "xl: Unable to get element #%zu in ioport list", i);
            return 1;
        }
        if (ioport_range(r, text, schema_append(&schema_ioport, &r->c->ioports, &r->c->ioports_count)))
            return 1;
    }
    return 0;
}

int read_irqs(struct reading *r, const struct key *key)
{
    const struct value *list;

    if (settings_list(&r->s, "irqs", &list, false))
        return 0;
    r->c->irqs.numbers = text_alloc((list->count + 1) * sizeof(uint32_t));
    for (size_t i = 0; i < list->count; i++) {
        const char *text = value_string_at(list, i);
        unsigned long n;
        char *end;

        if (!text) {
            diag_xl(&r->diag, "xl: Unable to get element %zu in irq list", i);
            return 1;
        }
        n = strtoul(text, &end, 10);
        if (end == text || *end) {
            diag_xl(&r->diag, "xl: Invalid argument parsing irq: %s", text);
            return 1;
        }
        if (n >= UINT32_MAX) {
            diag_xl(&r->diag, "xl: irq %lx too big", n);
            return 1;
        }
        r->c->irqs.numbers[r->c->irqs.count++] = (uint32_t)n;
    }
    return 0;
}

int read_iomem(struct reading *r, const struct key *key)
{
    const struct value *list;

    if (settings_list(&r->s, "iomem", &list, false))
        return 0;
    for (size_t i = 0; i < list->count; i++) {
        const char *text = value_string_at(list, i);
        uint64_t start, number, gfn = UINT64_MAX;
        struct iomem_config *m;
        int used = 0;

        if (!text) {
            diag_xl(&r->diag, "xl: Unable to get element %zu in iomem list", i);
            return 1;
        }
        if (sscanf(text, "%" SCNx64 ",%" SCNx64 "%n@%" SCNx64 "%n", &start, &number, &used, &gfn, &used) < 2 ||
            text[used]) {
            diag_xl(&r->diag, "xl: Invalid argument parsing iomem: %s", text);
            return 1;
        }
        m = schema_append(&schema_iomem, &r->c->iomem, &r->c->iomem_count);
        *m = (struct iomem_config){.start = (int64_t)start, .number = (int64_t)number, .gfn = (int64_t)gfn};
    }
    return 0;
}
