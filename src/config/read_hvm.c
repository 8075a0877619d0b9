/* SPDX-License-Identifier: GPL-2.0-or-later */
/* read_hvm.c: the readers of keys that only an HVM domain has: firmware, enlightenments, graphics. */
#include "config/reading.h"
#include "config/text.h"

#include <stdlib.h>
#include <string.h>

#define VIRIDIAN_BITS 64

int read_bios(struct reading *r, const struct key *key)
{
    const char *value = reading_string(r, "bios");

    if (!value) {
        if (r->c->hvm.system_firmware)
            diag_xl(&r->diag, "WARNING: bios_path_override given without specific bios name");
        return 0;
    }
    if (!enum_parse(&enum_bios, value, &r->c->hvm.bios)) {
        diag_xl(&r->diag, "ERROR: invalid value \"%s\" for \"bios\"", value);
        return 1;
    }
    return 0;
}

/* firmware=: the short way to say bios= or firmware_override=. */
int read_firmware(struct reading *r, const struct key *key)
{
    const char *value = reading_string(r, "firmware");

    if (!value || enum_parse(&enum_bios, value, &r->c->hvm.bios))
        return 0;
    if (strncmp(value, "uefi", strlen(value)) == 0)
        r->c->hvm.bios = BIOS_OVMF;
    else if (strncmp(value, "bios", strlen(value)) != 0)
        text_set(&r->c->hvm.firmware, value);
    return 0;
}

static int viridian_item(struct reading *r, const char *item)
{
    struct hvm_config *hvm = &r->c->hvm;
    bool remove = *item == '!';
    int bit;

    if (strcmp(item, "defaults") == 0) {
        hvm->viridian = TRI_TRUE;
        return 0;
    }
    if (strcmp(item, "all") == 0) {
        for (uint32_t i = 0; i < VIRIDIAN_BITS; i++)
            set_add(&hvm->viridian_enable, i);
        return 0;
    }
    item += remove;
    if (!enum_parse(&enum_viridian, item, &bit)) {
        diag_xl(&r->diag, "xl: unknown viridian enlightenment '%s'", item);
        return 3;
    }
    set_add(remove ? &hvm->viridian_disable : &hvm->viridian_enable, (uint32_t)bit);
    set_remove(remove ? &hvm->viridian_enable : &hvm->viridian_disable, (uint32_t)bit);
    return 0;
}

int read_viridian(struct reading *r, const struct key *key)
{
    const struct value *list;

    if (settings_list(&r->s, "viridian", &list, true)) {
        settings_tri(&r->s, "viridian", &r->c->hvm.viridian, true);
        return 0;
    }
    for (size_t i = 0; i < list->count; i++) {
        const char *item = value_string_at(list, i);
        int rc = item ? viridian_item(r, item) : 3;

        if (!item)
            diag_xl(&r->diag, "xl: Unable to parse viridian enlightenments.");
        if (rc)
            return rc;
    }
    return 0;
}

int read_mmio_hole(struct reading *r, const struct key *key)
{
    uint64_t bytes;
    long l;

    if (settings_long(&r->s, "mmio_hole", &l, false))
        return 0;
    bytes = (uint64_t)l * 1024 * 1024;
    if (bytes < 0x10000000 || bytes > 0xf0000000) { /* the hole as it is, and its largest: public/hvm/e820.h */
        diag_xl(&r->diag, "ERROR: invalid value %ld for \"mmio_hole\"", l);
        return 1;
    }
    r->c->hvm.mmio_hole_memkb = l * 1024;
    return 0;
}

int read_altp2mhvm(struct reading *r, const struct key *key)
{
    if (settings_tri(&r->s, "altp2mhvm", &r->c->hvm.altp2m, false) == 0)
        diag_xl(&r->diag, "WARNING: Specifying \"altp2mhvm\" is deprecated. Please use \"altp2m\" instead.");
    return 0;
}

int read_mca_caps(struct reading *r, const struct key *key)
{
    const struct value *list;

    if (!settings_find(&r->s, "mca_caps"))
        return 0;
    if (settings_list(&r->s, "mca_caps", &list, true)) {
        diag_xl(&r->diag, "ERROR: unable to parse mca_caps.");
        return 3;
    }
    for (size_t i = 0; i < list->count; i++) {
        const char *item = value_string_at(list, i);

        if (!item || strcmp(item, "lmce") != 0) {
            diag_xl(&r->diag, "ERROR: unrecognized MCA capability '%s'.", item ? item : "[...]");
            return 3;
        }
        r->c->hvm.mca_caps |= 1;
    }
    return 0;
}

static void read_vnc(struct reading *r, struct vnc_config *vnc)
{
    const char *s;
    long l;

    settings_tri(&r->s, "vnc", &vnc->enable, false);
    if ((s = reading_string(r, "vnclisten")))
        text_set(&vnc->listen, s);
    if ((s = reading_string(r, "vncpasswd")))
        text_set(&vnc->passwd, s);
    if (settings_long(&r->s, "vncdisplay", &l, false) == 0)
        vnc->display = (int)l;
    settings_tri(&r->s, "vncunused", &vnc->findunused, false);
}

static void read_sdl(struct reading *r, struct sdl_config *sdl)
{
    const char *s;

    settings_tri(&r->s, "sdl", &sdl->enable, false);
    settings_tri(&r->s, "opengl", &sdl->opengl, false);
    if ((s = reading_string(r, "display")))
        text_set(&sdl->display, s);
    if ((s = reading_string(r, "xauthority")))
        text_set(&sdl->xauthority, s);
}

/* vnc= and sdl= and what belongs to them; for a PV domain they make a framebuffer, unless vfb= did. */
int read_graphics(struct reading *r, const struct key *key)
{
    struct domain_config *c = r->c;
    struct vfb_config *vfb;
    struct vkb_config *vkb;
    const char *s;
    long l;

    if (!reading_is(r, DOMAIN_TYPE_PV) || c->vfbs_count) {
        read_vnc(r, &c->hvm.vnc);
        read_sdl(r, &c->hvm.sdl);
        return 0;
    }
    if (settings_long(&r->s, "vnc", &l, false) || !l)
        return 0;
    vfb = schema_append(&schema_vfb, &c->vfbs, &c->vfbs_count);
    vfb->devid = (int64_t)c->vfbs_count - 1;
    vkb = schema_append(&schema_vkb, &c->vkbs, &c->vkbs_count);
    vkb->devid = (int64_t)c->vkbs_count - 1;
    read_vnc(r, &vfb->vnc);
    read_sdl(r, &vfb->sdl);
    if ((s = reading_string(r, "keymap")))
        text_set(&vfb->keymap, s);
    return 0;
}

int read_vga(struct reading *r, const struct key *key)
{
    const char *value = reading_string(r, "vga");
    long l;

    if (!value) {
        if (settings_long(&r->s, "stdvga", &l, false) == 0)
            r->c->hvm.vga = l ? VGA_STD : VGA_CIRRUS;
        return 0;
    }
    if (strcmp(value, "stdvga") == 0)
        r->c->hvm.vga = VGA_STD;
    else if (strcmp(value, "cirrus") == 0)
        r->c->hvm.vga = VGA_CIRRUS;
    else if (strcmp(value, "none") == 0)
        r->c->hvm.vga = VGA_NONE;
    else if (strcmp(value, "qxl") == 0)
        r->c->hvm.vga = VGA_QXL;
    else {
        diag_xl(&r->diag, "Unknown vga \"%s\" specified", value);
        return 1;
    }
    return 0;
}

int read_gfx_passthru(struct reading *r, const struct key *key)
{
    const char *value;
    long l;

    if (settings_long(&r->s, "gfx_passthru", &l, true) == 0) {
        r->c->hvm.gfx_passthru = l ? TRI_TRUE : TRI_FALSE;
    } else if ((value = reading_string(r, "gfx_passthru"))) {
        if (!enum_parse(&enum_gfx_kind, value, &r->c->hvm.gfx_passthru_kind)) {
            diag_xl(&r->diag, "ERROR: invalid value \"%s\" for \"gfx_passthru\"", value);
            return 1;
        }
        r->c->hvm.gfx_passthru = TRI_TRUE;
    }
    return 0;
}

int read_vnc_conflict(struct reading *r, const struct key *key)
{
    const struct vnc_config *vnc = &r->c->hvm.vnc;

    if (vnc->listen && vnc->display && strchr(vnc->listen, ':')) {
        diag_xl(&r->diag, "ERROR: Display specified both in vnclisten and vncdisplay!");
        return 1;
    }
    return 0;
}
