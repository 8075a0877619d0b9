/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hvm_build.h: what libxc's HVM builder does: guest RAM laid out, firmware loaded, the special pages, and the first
 * vCPU's registers. Fills a struct memory and a struct x86_cpu; starts nothing.
 */
#ifndef DOMUS_BOARD_HVM_BUILD_H
#define DOMUS_BOARD_HVM_BUILD_H

#include "base/types.h"
#include "xen/xen.h"

struct memory;
struct x86_cpu;

#define HVM_SPECIAL_FIRST 0xfeff8u /* 8 pages, public/hvm/params.h names them */
#define HVM_STORE_GFN     0xfeffcu
#define HVM_IDENT_PT_GFN  0xfeffeu
#define HVM_CONSOLE_GFN   0xfefffu
#define HVM_IOREQ_FIRST   0xfeff0u /* 8 pages of ioreq servers */

/* Where RAM goes, from the sizes in the configuration. */
struct hvm_layout {
    uint64_t ram_bytes;          /* of struct memory: RAM, special pages, and what hvmloader may still populate */
    uint64_t lowmem_end;         /* first byte not RAM below 4 GiB */
    uint64_t highmem_end;        /* first byte not RAM above 4 GiB; 0: none */
    uint64_t current_pages;      /* populated at start */
    uint64_t max_pages;          /* what XENMEM_maximum_reservation says */
    uint64_t special_ram_offset; /* RAM offset of the 16 special pages */
    struct xen_memory_range map[3];
    unsigned map_count;
};

struct hvm_build_config {
    uint64_t memory_kib;                         /* maxmem less video RAM */
    uint64_t mmio_hole_bytes;                    /* 0: the default, 256 MiB */
    unsigned vcpus;                              /* at most */
    uint8_t vcpus_online[16];                    /* bitmap */
    const char *firmware_override;               /* an ELF file instead of hvmloader; NULL */
    const char *bios;                            /* path of the image that hvmloader starts; NULL: no module */
    const char *cmdline;                         /* for start_info; NULL */
    const char *acpi_firmware, *smbios_firmware; /* files to pass through; NULL */
};

/* What the builder tells xenstore_layout.c: modules given by address. */
struct hvm_build_result {
    gpa_t entry, start_info;
    gpa_t acpi_address, smbios_address; /* 0: none */
    uint64_t acpi_length, smbios_length;
};

/* 0, or -EINVAL: sizes that cannot be laid out (said in the log). */
int hvm_layout_init(struct hvm_layout *l, const struct hvm_build_config *c);
/* Maps RAM and loads everything; cpu becomes the first vCPU's state. 0 or -errno, said in the log. */
int hvm_build(struct memory *m, const struct hvm_layout *l, const struct hvm_build_config *c, struct x86_cpu *cpu,
              struct hvm_build_result *result);
/* HVM params after build, store and console ports excepted (their rings set those). */
void hvm_build_params(struct xen_domain *d);

#endif
