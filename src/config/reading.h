/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * reading.h: what turns settings into a struct domain_config: the one table of keys, and the readers of those keys that
 * are more than a string, a number or a boolean.
 * The table's order is the order in which xl looks at keys, so that of two faults the same one is reported.
 */
#ifndef DOMUS_CONFIG_READING_H
#define DOMUS_CONFIG_READING_H

#include "config/schema.h"
#include "config/settings.h"

struct reading {
    struct settings s;
    struct diag diag;
    struct domain_config *c;
    struct config_host host;
    long vcpus;                     /* vcpus=, 0 if absent */
    struct pci_config pci_template; /* what pci_permissive= and its like say for all devices */
};

enum key_kind {
    KEY_STRING, /* char * */
    KEY_TRI,    /* enum config_tri */
    KEY_INT,    /* int64_t holding what fits xl's int */
    KEY_U32,    /* int64_t holding what fits 32 bits */
    KEY_KIB,    /* int64_t in KiB, given in MiB */
    KEY_OWN,    /* `read` does it */
    KEY_PART,   /* read together with another key */
    KEY_XM,     /* a leftover from xm's days: known, silently ignored */
};

/* When a key that was set earns a "does nothing yet". */
enum key_inert { WORKS, INERT, INERT_IF_TRUE, INERT_IF_FALSE };

enum { ON_HVM = 1 << DOMAIN_TYPE_HVM, ON_PV = 1 << DOMAIN_TYPE_PV, ON_PVH = 1 << DOMAIN_TYPE_PVH, ON_ALL = 0 };

struct key {
    const char *name;
    enum key_kind kind;
    enum key_inert inert;
    unsigned on;                                           /* the domain types it is looked at for; ON_ALL */
    size_t offset;                                         /* of the field in struct domain_config */
    int (*read)(struct reading *r, const struct key *key); /* 0, or xl's exit code after its message */
    const char *normal;                                    /* what it is when absent */
    const char *doc;
};

extern const struct key keys[];
extern const size_t keys_count;
const struct key *key_find(const char *name);
const char *key_nearest(const char *name); /* NULL: none is near */

/* The line a key was last set on, 0 if it was not. */
int64_t reading_line(struct reading *r, const char *key);
static inline const char *reading_string(struct reading *r, const char *key)
{
    const char *s = NULL;

    settings_string(&r->s, key, &s, false);
    return s;
}
static inline bool reading_is(const struct reading *r, enum domain_type type)
{
    return r->c->type == (int)type;
}

int read_seclabel(struct reading *r, const struct key *key);
int read_type(struct reading *r, const struct key *key);
int read_name(struct reading *r, const struct key *key);
int read_uuid(struct reading *r, const struct key *key);
int read_vcpus(struct reading *r, const struct key *key);
int read_vnuma(struct reading *r, const struct key *key);
int read_vcpu_total(struct reading *r, const struct key *key);
int read_cpus(struct reading *r, const struct key *key);
int read_grant_limit(struct reading *r, const struct key *key);
int read_action(struct reading *r, const struct key *key);
int read_pci_default(struct reading *r, const struct key *key);
int read_rdm(struct reading *r, const struct key *key);
int read_pci(struct reading *r, const struct key *key);
int read_dtdev(struct reading *r, const struct key *key);
int read_enum(struct reading *r, const struct key *key);
int read_tsc_mode(struct reading *r, const struct key *key);
int read_vncviewer(struct reading *r, const struct key *key);
int read_cmdline(struct reading *r, const struct key *key);
int read_bootloader_args(struct reading *r, const struct key *key);
int read_timer_mode(struct reading *r, const struct key *key);
int read_boot_source(struct reading *r, const struct key *key);
int read_bios(struct reading *r, const struct key *key);
int read_viridian(struct reading *r, const struct key *key);
int read_mmio_hole(struct reading *r, const struct key *key);
int read_altp2mhvm(struct reading *r, const struct key *key);
int read_genid(struct reading *r, const struct key *key);
int read_mca_caps(struct reading *r, const struct key *key);
int read_firmware(struct reading *r, const struct key *key);
int read_altp2m(struct reading *r, const struct key *key);
int read_vmtrace(struct reading *r, const struct key *key);
int read_ioports(struct reading *r, const struct key *key);
int read_irqs(struct reading *r, const struct key *key);
int read_iomem(struct reading *r, const struct key *key);
int read_disks(struct reading *r, const struct key *key);
int read_p9(struct reading *r, const struct key *key);
int read_vtpm(struct reading *r, const struct key *key);
int read_vdispl(struct reading *r, const struct key *key);
int read_pvcalls(struct reading *r, const struct key *key);
int read_vsnd(struct reading *r, const struct key *key);
int read_channel(struct reading *r, const struct key *key);
int read_nics(struct reading *r, const struct key *key);
int read_vif2(struct reading *r, const struct key *key);
int read_vfb(struct reading *r, const struct key *key);
int read_usbctrl(struct reading *r, const struct key *key);
int read_usbdev(struct reading *r, const struct key *key);
int read_cpuid(struct reading *r, const struct key *key);
int read_device_model(struct reading *r, const struct key *key);
int read_device_model_version(struct reading *r, const struct key *key);
int read_device_model_args(struct reading *r, const struct key *key);
int read_graphics(struct reading *r, const struct key *key);
int read_vga(struct reading *r, const struct key *key);
int read_gfx_passthru(struct reading *r, const struct key *key);
int read_string_or_list(struct reading *r, const struct key *key);
int read_vnc_conflict(struct reading *r, const struct key *key);
int read_vkb(struct reading *r, const struct key *key);
int read_msr_relaxed(struct reading *r, const struct key *key);
int read_audio(struct reading *r, const struct key *key);
int read_engine(struct reading *r, const struct key *key);

/* Of disk.c and nic.c; `diag` names whose text it is. */
bool disk_parse(struct disk_config *disk, const char *const *specs, size_t count, const struct diag *diag,
                int64_t line);
void nic_defaults(struct nic_config *nic, const struct config_host *host);
/* 0; 1 if the part was not understood and is left out (a message said so); -1 if xl would stop here. */
int nic_parse_part(struct nic_config *nic, char *part, const struct diag *diag);
bool uuid_parse(const char *s, struct config_uuid *uuid);
/* Adds a number to an ascending set. */
void set_add(struct config_set *set, uint32_t n);
void set_remove(struct config_set *set, uint32_t n);

#endif
