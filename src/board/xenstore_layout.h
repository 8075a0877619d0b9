/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * xenstore_layout.h: what libxl writes to xenstore for a new HVM domain, apart from its devices.
 */
#ifndef DOMUS_BOARD_XENSTORE_LAYOUT_H
#define DOMUS_BOARD_XENSTORE_LAYOUT_H

#include "base/types.h"

struct store;

struct xenstore_layout {
    unsigned domid;
    const char *name;
    const char *uuid; /* as text */
    unsigned vcpus_max, vcpus_online;
    uint64_t static_max_kib, target_kib, videoram_kib;
    uint64_t start_time_s;
    const char *rtc_timeoffset; /* "" */
    const char *type;           /* "hvm", "pvh", "pv" */
    const char *bios;           /* "seabios", "ovmf"; NULL: no hvmloader/bios key */
    bool acpi, acpi_s3, acpi_s4, acpi_laptop_slate;
    uint64_t mmio_hole_bytes;                                          /* 0: not written */
    const char *generation_id;                                         /* "lo:hi", or NULL */
    const char *const *bios_strings;                                   /* "key=value", NULL at the end; or NULL */
    uint64_t acpi_address, acpi_length, smbios_address, smbios_length; /* address 0: none */
    uint32_t store_port, console_port;
    gfn_t store_gfn, console_gfn;
    const char *console_type; /* "xenconsoled"; NULL: that */
    const char *console_tty;  /* NULL: not known */
    const char *serial_tty;   /* NULL: none */
    const char *vnc_listen;   /* NULL: no VNC */
    unsigned vnc_port;
    long pid; /* of the domain's process */
};

/* 0 or -errno, said in the log. */
int xenstore_layout_write(struct store *s, const struct xenstore_layout *l);
/* Everything of this domain goes. */
void xenstore_layout_remove(struct store *s, unsigned domid, const char *uuid);

/* A device's front and back directories; `front` and `back` are "key=value", NULL at the end. state 1 on both sides is
 * written by us, as are backend, backend-id, frontend, frontend-id and online. */
struct xenstore_device {
    unsigned domid;
    const char *backend_class;  /* "vbd", "qdisk", "vif", "vkbd", ... */
    const char *frontend_class; /* "vbd" for both disk back ends */
    unsigned id;
    const char *const *front, *const *back;
};
int xenstore_layout_add_device(struct store *s, const struct xenstore_device *device);

#endif
