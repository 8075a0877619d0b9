/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hvm_build.c: see hvm_build.h. What an HVM domain is before its first instruction: RAM, hvmloader and the images that
 * it starts, start_info, hvm_info_table, special pages, parameters. Knows Xen's layout; not where files are.
 * (public/arch-x86/hvm/start_info.h, public/hvm/hvm_info_table.h, public/hvm/params.h.)
 */
#include "board/hvm_build.h"

#include "base/bytes.h"
#include "base/log.h"
#include "board/firmware.h"
#include "machine/memory.h"
#include "x86/cpu.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <xen/hvm/hvm_info_table.h>
#include <xen/arch-x86/hvm/start_info.h>
#include <xen/hvm/params.h>

#define MIB             (1024ull * 1024)
#define GIB4            (1ull << 32)
#define MMIO_HOLE       (256 * MIB)  /* below 4 GiB, as hvmloader has it */
#define MMIO_HOLE_MAX   (4032 * MIB) /* the loader still has 64 MiB below */
#define VGA_START       0xa0000ull
#define VGA_END         0xc0000ull
#define SPECIAL_PAGES   16u       /* ioreq servers' and the special ones, frames 0xFEFF0 to 0xFEFFF */
#define SLACK           (1 * MIB) /* libxl lets a domain have so much more: hvmloader populates tables with it */
#define ELF_MAX         (64 * MIB)
#define MODULE_MAX      (64 * MIB)
#define CMDLINE_BYTES   1024u
#define TRIPLE_FAULT_AS 1u /* SHUTDOWN_reboot */

int hvm_layout_init(struct hvm_layout *l, const struct hvm_build_config *c)
{
    uint64_t hole = c->mmio_hole_bytes ? c->mmio_hole_bytes : MMIO_HOLE, bytes = c->memory_kib * 1024;

    memset(l, 0, sizeof *l);
    if (hole < MMIO_HOLE || hole > MMIO_HOLE_MAX || (hole & PAGE_MASK_4K)) {
        log_error("mmio_hole: from 256 to 4032 MiB, not %llu", (unsigned long long)(hole / MIB));
        return -EINVAL;
    }
    if (c->memory_kib > 1ull << 33 || bytes < 4 * MIB) {
        log_error("a domain needs 4 MiB to 8 TiB of memory beside its video memory, not %llu KiB",
                  (unsigned long long)c->memory_kib);
        return -EINVAL;
    }
    bytes &= ~PAGE_MASK_4K;
    l->lowmem_end = bytes < GIB4 - hole ? bytes : GIB4 - hole;
    l->highmem_end = bytes > l->lowmem_end ? GIB4 + (bytes - l->lowmem_end) : 0;
    l->special_ram_offset = bytes;
    l->ram_bytes = bytes + SPECIAL_PAGES * PAGE_BYTES + SLACK;
    l->current_pages = (bytes - (VGA_END - VGA_START)) / PAGE_BYTES + SPECIAL_PAGES;
    l->max_pages = l->ram_bytes / PAGE_BYTES;
    l->map[l->map_count++] = (struct xen_memory_range){MIB, l->lowmem_end - MIB, 1};
    if (l->highmem_end)
        l->map[l->map_count++] = (struct xen_memory_range){GIB4, l->highmem_end - GIB4, 1};
    return 0;
}

static int map_ram(struct memory *m, const struct hvm_layout *l)
{
    int rc = memory_map_ram(m, 0, 0, VGA_START / PAGE_BYTES);

    if (rc == 0)
        rc = memory_map_ram(m, VGA_END / PAGE_BYTES, VGA_END, (l->lowmem_end - VGA_END) / PAGE_BYTES);
    if (rc == 0 && l->highmem_end)
        rc = memory_map_ram(m, GIB4 / PAGE_BYTES, l->lowmem_end, (l->highmem_end - GIB4) / PAGE_BYTES);
    if (rc == 0)
        rc = memory_map_ram(m, HVM_IOREQ_FIRST, l->special_ram_offset, SPECIAL_PAGES);
    if (rc)
        log_error("guest memory could not be mapped: %s", strerror(-rc));
    return rc;
}

/* ---- loading ---- */

static int load_bytes(struct memory *m, gpa_t at, const void *bytes, uint64_t len, const char *what)
{
    if (len == 0 || mem_copy_out(m, at, bytes, len) == 0)
        return 0;
    log_error("%s: %llu bytes do not fit the domain's memory at %#llx", what, (unsigned long long)len,
              (unsigned long long)at);
    return -ENOMEM;
}

static int load_zeroes(struct memory *m, gpa_t at, uint64_t len, const char *what)
{
    static const uint8_t zero[PAGE_BYTES];
    int rc = 0;

    while (len && rc == 0) {
        uint64_t n = len < sizeof zero ? len : sizeof zero;
        rc = load_bytes(m, at, zero, n, what);
        at += n;
        len -= n;
    }
    return rc;
}

struct segment { /* of either ELF class */
    uint64_t offset, paddr, filesz, memsz;
};

struct elf_view {
    const uint8_t *bytes;
    size_t len;
    bool is64;
    uint64_t entry, phoff;
    unsigned phnum, phentsize;
};

static const char *elf_open(struct elf_view *e)
{
    const Elf32_Ehdr *h32 = (const void *)e->bytes;
    const Elf64_Ehdr *h64 = (const void *)e->bytes;

    if (e->len < sizeof *h32 || memcmp(e->bytes, ELFMAG, SELFMAG) != 0)
        return "not an ELF file";
    e->is64 = e->bytes[EI_CLASS] == ELFCLASS64;
    if (e->bytes[EI_DATA] != ELFDATA2LSB || (e->is64 && e->len < sizeof *h64))
        return "not an ELF file for x86";
    if ((e->is64 ? h64->e_machine : h32->e_machine) != (e->is64 ? EM_X86_64 : EM_386))
        return "not an ELF file for x86";
    e->entry = e->is64 ? h64->e_entry : h32->e_entry;
    e->phoff = e->is64 ? h64->e_phoff : h32->e_phoff;
    e->phnum = e->is64 ? h64->e_phnum : h32->e_phnum;
    e->phentsize = e->is64 ? h64->e_phentsize : h32->e_phentsize;
    if (e->phentsize != (e->is64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr)) || e->phnum == 0)
        return "an ELF file without program headers";
    if (!range_inside(e->phoff, (uint64_t)e->phnum * e->phentsize, e->len))
        return "an ELF file that ends inside its program headers";
    return NULL;
}

static bool elf_segment(const struct elf_view *e, unsigned i, struct segment *s)
{
    const uint8_t *at = e->bytes + e->phoff + (uint64_t)i * e->phentsize;

    if (e->is64) {
        Elf64_Phdr p;
        memcpy(&p, at, sizeof p);
        *s = (struct segment){p.p_offset, p.p_paddr, p.p_filesz, p.p_memsz};
        return p.p_type == PT_LOAD;
    } else {
        Elf32_Phdr p;
        memcpy(&p, at, sizeof p);
        *s = (struct segment){p.p_offset, p.p_paddr, p.p_filesz, p.p_memsz};
        return p.p_type == PT_LOAD;
    }
}

/* Loads every PT_LOAD at its physical address; *end is the first byte behind them all. */
static int load_elf(struct memory *m, const char *path, gpa_t *entry, gpa_t *end)
{
    struct elf_view e = {0};
    const char *why;
    uint8_t *bytes;
    int rc = firmware_read(path, ELF_MAX, &bytes, &e.len);

    if (rc)
        return rc;
    e.bytes = bytes;
    why = elf_open(&e);
    *end = 0;
    for (unsigned i = 0; !why && rc == 0 && i < e.phnum; i++) {
        struct segment s;
        if (!elf_segment(&e, i, &s) || s.memsz == 0)
            continue;
        if (s.filesz > s.memsz || !range_inside(s.offset, s.filesz, e.len) || s.paddr + s.memsz < s.paddr) {
            why = "an ELF file with a segment outside itself";
            break;
        }
        if (s.memsz - s.filesz > ELF_MAX) {
            why = "an ELF file with too much zeroed memory";
            break;
        }
        rc = load_bytes(m, s.paddr, e.bytes + s.offset, s.filesz, path);
        if (rc == 0)
            rc = load_zeroes(m, s.paddr + s.filesz, s.memsz - s.filesz, path);
        if (s.paddr + s.memsz > *end)
            *end = s.paddr + s.memsz;
    }
    if (!why && rc == 0 && *end == 0)
        why = "an ELF file with nothing to load";
    if (why) {
        log_error("%s: %s", path, why);
        rc = -ENOEXEC;
    }
    *entry = e.entry;
    free(bytes);
    return rc;
}

static gpa_t page_up(gpa_t at)
{
    return (at + PAGE_MASK_4K) & ~PAGE_MASK_4K;
}

/* A file at the next page; *at moves behind it. */
static int load_module(struct memory *m, const char *path, gpa_t *at, gpa_t *address, uint64_t *length)
{
    uint8_t *bytes;
    size_t len;
    int rc = firmware_read(path, MODULE_MAX, &bytes, &len);

    if (rc)
        return rc;
    *address = page_up(*at);
    *length = len;
    *at = *address + len;
    rc = load_bytes(m, *address, bytes, len, path);
    free(bytes);
    return rc;
}

/* start_info, one module, the two command lines, the memory map. */
struct start_block {
    struct hvm_start_info info;
    struct hvm_modlist_entry module[2];
    char module_cmdline[CMDLINE_BYTES], cmdline[CMDLINE_BYTES];
    struct hvm_memmap_table_entry map[4];
};

static int load_start_info(struct memory *m, const struct hvm_layout *l, const char *cmdline, gpa_t at, gpa_t bios,
                           uint64_t bios_len)
{
    struct start_block *b = calloc(1, sizeof *b);
    int rc;

    if (!b)
        return -ENOMEM;
    b->info.magic = XEN_HVM_START_MAGIC_VALUE;
    b->info.version = 1;
    if (bios) {
        b->info.nr_modules = 1;
        b->info.modlist_paddr = at + offsetof(struct start_block, module);
        b->module[0].paddr = bios;
        b->module[0].size = bios_len;
        b->module[0].cmdline_paddr = at + offsetof(struct start_block, module_cmdline);
        strcpy(b->module_cmdline, "firmware"); /* hvmloader looks for this */
    }
    if (cmdline) {
        strncpy(b->cmdline, cmdline, sizeof b->cmdline - 1);
        b->info.cmdline_paddr = at + offsetof(struct start_block, cmdline);
    }
    b->info.memmap_paddr = at + offsetof(struct start_block, map);
    b->info.memmap_entries = l->map_count;
    for (unsigned i = 0; i < l->map_count; i++)
        b->map[i] = (struct hvm_memmap_table_entry){l->map[i].start, l->map[i].length, l->map[i].type, 0};
    rc = load_bytes(m, at, b, sizeof *b, "start_info");
    free(b);
    return rc;
}

static int load_hvm_info(struct memory *m, const struct hvm_layout *l, const struct hvm_build_config *c)
{
    struct hvm_info_table info = {
        .signature = {'H', 'V', 'M', ' ', 'I', 'N', 'F', 'O'},
        .length = sizeof info,
        .apic_mode = 1,
        .nr_vcpus = c->vcpus,
        .low_mem_pgend = (uint32_t)(l->lowmem_end >> PAGE_SHIFT_4K),
        .reserved_mem_pgstart = HVM_IOREQ_FIRST,
        .high_mem_pgend = (uint32_t)(l->highmem_end >> PAGE_SHIFT_4K),
    };
    const uint8_t *bytes = (const uint8_t *)&info;
    uint8_t sum = 0;

    memcpy(info.vcpu_online, c->vcpus_online, sizeof info.vcpu_online);
    for (unsigned i = 0; i < sizeof info; i++)
        sum = (uint8_t)(sum + bytes[i]);
    info.checksum = (uint8_t)-sum;
    return load_bytes(m, HVM_INFO_PADDR, &info, sizeof info, "hvm_info_table");
}

/* 1024 4 MiB pages, for processors that cannot run without paging. */
static int load_ident_pt(struct memory *m)
{
    uint32_t entry[PAGE_BYTES / 4];

    for (uint32_t i = 0; i < ARRAY_SIZE(entry); i++)
        entry[i] = i << 22 | 0xe7; /* PS, D, A, U, W, P */
    return load_bytes(m, (gpa_t)HVM_IDENT_PT_GFN << PAGE_SHIFT_4K, entry, sizeof entry, "identity page table");
}

static void first_vcpu(struct x86_cpu *cpu, gpa_t entry, gpa_t start_info)
{
    const struct x86_seg data = {.attr = 0xc93, .limit = 0xffffffff};

    x86_cpu_reset(cpu);
    memset(cpu->gpr, 0, sizeof cpu->gpr);
    memset(cpu->seg, 0, sizeof cpu->seg);
    cpu->seg[X86_CS] = (struct x86_seg){.attr = 0xc9b, .limit = 0xffffffff};
    cpu->seg[X86_DS] = cpu->seg[X86_ES] = cpu->seg[X86_SS] = data;
    cpu->seg[X86_TR] = (struct x86_seg){.attr = 0x8b, .limit = 0x67};
    cpu->gdtr = cpu->idtr = (struct x86_table){0};
    cpu->cr0 = X86_CR0_PE | X86_CR0_ET;
    cpu->gpr[X86_RBX] = start_info;
    cpu->rip = entry;
    cpu->dr[6] = 0xffff0ff0;
    cpu->dr[7] = 0x400;
    cpu->activity = X86_RUNNING;
}

int hvm_build(struct memory *m, const struct hvm_layout *l, const struct hvm_build_config *c, struct x86_cpu *cpu,
              struct hvm_build_result *result)
{
    char *found = c->firmware_override ? NULL : firmware_find(FIRMWARE_HVMLOADER);
    const char *loader = c->firmware_override ? c->firmware_override : found;
    gpa_t end = 0, bios = 0;
    uint64_t bios_len = 0;
    int rc;

    memset(result, 0, sizeof *result);
    if (!loader)
        return -ENOENT; /* firmware_find() has said it */
    rc = map_ram(m, l);
    if (rc == 0)
        rc = load_elf(m, loader, &result->entry, &end);
    free(found);
    if (rc == 0 && c->bios)
        rc = load_module(m, c->bios, &end, &bios, &bios_len);
    if (rc == 0 && c->acpi_firmware)
        rc = load_module(m, c->acpi_firmware, &end, &result->acpi_address, &result->acpi_length);
    if (rc == 0 && c->smbios_firmware)
        rc = load_module(m, c->smbios_firmware, &end, &result->smbios_address, &result->smbios_length);
    result->start_info = page_up(end);
    if (rc == 0)
        rc = load_start_info(m, l, c->cmdline, result->start_info, bios, bios_len);
    if (rc == 0)
        rc = load_hvm_info(m, l, c);
    if (rc == 0)
        rc = load_ident_pt(m);
    if (rc == 0)
        first_vcpu(cpu, result->entry, result->start_info);
    return rc;
}

void hvm_build_params(struct xen_domain *d)
{
    static const struct {
        unsigned index;
        uint64_t value;
    } params[] = {
        {HVM_PARAM_STORE_PFN, HVM_STORE_GFN},
        {HVM_PARAM_IOREQ_PFN, HVM_SPECIAL_FIRST + 5},
        {HVM_PARAM_BUFIOREQ_PFN, HVM_SPECIAL_FIRST + 3},
        {HVM_PARAM_TIMER_MODE, 1},
        {HVM_PARAM_HPET_ENABLED, 1},
        {HVM_PARAM_IDENT_PT, (uint64_t)HVM_IDENT_PT_GFN << PAGE_SHIFT_4K},
        {HVM_PARAM_VPT_ALIGN, 1},
        {HVM_PARAM_CONSOLE_PFN, HVM_CONSOLE_GFN},
        {HVM_PARAM_PAGING_RING_PFN, HVM_SPECIAL_FIRST},
        {HVM_PARAM_MONITOR_RING_PFN, HVM_SPECIAL_FIRST + 1},
        {HVM_PARAM_SHARING_RING_PFN, HVM_SPECIAL_FIRST + 2},
        {HVM_PARAM_TRIPLE_FAULT_REASON, TRIPLE_FAULT_AS},
        {HVM_PARAM_IOREQ_SERVER_PFN, HVM_IOREQ_FIRST},
        {HVM_PARAM_NR_IOREQ_SERVER_PAGES, 8},
    };

    for (unsigned i = 0; i < ARRAY_SIZE(params); i++)
        xen_param_set(d, params[i].index, params[i].value);
}
