/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * schema.h: what each struct of a configuration consists of, as data: member name in xl's JSON, kind, place, and the
 * value that means "not set". Printing, reading back, initialising and freeing all follow these tables, in their order.
 */
#ifndef DOMUS_CONFIG_SCHEMA_H
#define DOMUS_CONFIG_SCHEMA_H

#include "config/config.h"

enum field_kind {
    FIELD_STRING,  /* char * */
    FIELD_STRINGS, /* char **, NULL-terminated */
    FIELD_TRI,     /* enum config_tri, printed as "True" or "False" */
    FIELD_NUMBER,  /* int64_t */
    FIELD_SIZE,    /* int64_t, printed as the unsigned 64 bits that libxl keeps it in */
    FIELD_BOOL,    /* int64_t, printed as true */
    FIELD_ENUM,    /* int, printed by name */
    FIELD_UUID,    /* struct config_uuid */
    FIELD_MAC,     /* struct config_mac */
    FIELD_GENID,   /* struct config_genid */
    FIELD_SET,     /* struct config_set */
    FIELD_SETS,    /* struct config_set *, size_t count */
    FIELD_NUMBERS, /* struct config_numbers */
    FIELD_ENUMS,   /* struct config_numbers, printed by name */
    FIELD_OBJECT,  /* members of the same struct or of one inside it, always printed */
    FIELD_OBJECTS, /* TYPE *, size_t count */
    FIELD_CPUID,   /* struct cpuid_config *, size_t count, in xl's own shape */
};

struct enum_name {
    int value;
    const char *name;
};
struct enum_names {
    const struct enum_name *names;
    size_t count;
    int unset; /* the value that is not printed */
};

struct schema;
struct field {
    const char *name;
    enum field_kind kind;
    size_t offset;
    int64_t unset; /* of FIELD_NUMBER and FIELD_SIZE: the value that is not printed and that a new struct has */
    const struct enum_names *names;
    const struct schema *schema;
    bool ours;   /* only inside "domus" */
    bool tagged; /* of FIELD_OBJECT: present only while the enum at `tag` has the value `tag_value` */
    size_t tag;
    int tag_value;
};
struct schema {
    const struct field *fields;
    size_t count, size;
};

extern const struct schema schema_domain, schema_disk, schema_nic, schema_ours;
extern const struct schema schema_vfb, schema_vkb, schema_pci, schema_vtpm, schema_p9, schema_pvcalls, schema_vdispl,
    schema_connector, schema_vsnd, schema_vsnd_pcm, schema_vsnd_stream, schema_channel, schema_usbctrl, schema_usbdev,
    schema_dtdev, schema_vnode, schema_ioport, schema_iomem, schema_inert, schema_vnc, schema_sdl, schema_spice;

extern const struct enum_names enum_type, enum_bios, enum_vga, enum_action, enum_tsc_mode, enum_timer_mode, enum_hdtype,
    enum_vendor_device, enum_gfx_kind, enum_altp2m, enum_passthrough, enum_tee, enum_gic, enum_vuart, enum_format,
    enum_backend, enum_specification, enum_nictype, enum_rdm_strategy, enum_rdm_policy, enum_device_model, enum_vkb,
    enum_usbctrl, enum_usbdev, enum_channel, enum_pcm_format, enum_stream, enum_engine, enum_viridian, enum_transport;

void schema_init(const struct schema *s, void *object); /* zeroes, and sets what "not set" is */
void schema_fini(const struct schema *s, void *object);
/* Appends a new, initialised element to the array at *items. */
void *schema_append(const struct schema *s, void *items, size_t *count);

const char *enum_name(const struct enum_names *e, int value);              /* NULL: no such value */
bool enum_parse(const struct enum_names *e, const char *name, int *value); /* any case, as libxl */

#endif
