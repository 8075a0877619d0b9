/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pc.c: see pc.h. The order of making: memory and buses, interrupt controllers, vCPUs, chips, PCI, what has a host
 * side, the Xen ABI, and last what the domain builder puts into memory. One function wires a fresh start and a restore
 * alike.
 */
#include "board/pc_internal.h"

#include "base/log.h"
#include "board/firmware.h"
#include "dev/acpi_pm.h"
#include "dev/apic_bus.h"
#include "dev/i440fx.h"
#include "dev/piix3.h"
#include "dev/piix4_pm_pci.h"
#include "dev/xen_platform.h"
#include "host/audio/audio.h"
#include "host/display/display.h"
#include "xen/store/store.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_MEMORY_KIB (32 * 1024) /* what libxl gives a guest that says nothing */

int pc_why(char **why, int rc, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    if (!*why && vasprintf(why, format, ap) < 0)
        *why = NULL;
    va_end(ap);
    return rc;
}

int pc_add(struct pc *pc, struct device *device)
{
    if (!device || pc->devices == PC_DEVICES + PC_MAX_VCPUS)
        return -ENOMEM;
    pc->device[pc->devices++] = device;
    return 0;
}

int pc_add_pci(struct pc *pc, struct pci_device *d, unsigned devfn)
{
    int rc = pc_add(pc, d ? &d->dev : NULL);

    return rc ? rc : pci_device_add(pc->pci, d, devfn);
}

int pc_map_ports(struct pc *pc, uint16_t base, unsigned count, struct device *d, const struct io_ops *ops)
{
    return bus_map(pc->ports, base, count, d, ops) ? 0 : -ENOMEM;
}

int pc_map_mmio(struct pc *pc, gpa_t base, uint64_t len, struct device *d, const struct io_ops *ops)
{
    return bus_map(pc->mmio, base, len, d, ops) ? 0 : -ENOMEM;
}

/* What libxl takes off the guest's memory for its video RAM. */
uint64_t pc_videoram_kib(const struct pc *pc)
{
    const struct domain_config *c = pc->s.config;

    if (c->hvm.vga == VGA_NONE)
        return 0;
    if (c->video_memkb > 0)
        return (uint64_t)c->video_memkb;
    return (c->hvm.vga == VGA_STD ? 16 : 8) * 1024;
}

/* Sizes and firmware from the configuration. */
static int plan(struct pc *pc, char **why)
{
    const struct domain_config *c = pc->s.config;
    struct hvm_build_config *b = &pc->build;
    int64_t kib = c->max_memkb > 0 ? c->max_memkb : c->target_memkb > 0 ? c->target_memkb : DEFAULT_MEMORY_KIB;
    enum firmware_kind bios = c->hvm.bios == BIOS_OVMF ? FIRMWARE_OVMF : FIRMWARE_SEABIOS;
    char *path = c->hvm.system_firmware ? strdup(c->hvm.system_firmware) : NULL;

    pc->cpus = c->vcpus_max > 0 ? (unsigned)c->vcpus_max : 1;
    if (pc->cpus > PC_MAX_VCPUS)
        return pc_why(why, -EINVAL, "maxvcpus=%u: at most %u vCPUs", pc->cpus, PC_MAX_VCPUS);
    pc->max_kib = (uint64_t)kib;
    b->memory_kib = pc->max_kib > pc_videoram_kib(pc) ? pc->max_kib - pc_videoram_kib(pc) : 0;
    b->mmio_hole_bytes = c->hvm.mmio_hole_memkb > 0 ? (uint64_t)c->hvm.mmio_hole_memkb * 1024 : 0;
    b->vcpus = pc->cpus;
    if (!c->vcpus_online.count)
        b->vcpus_online[0] = 1;
    for (size_t i = 0; i < c->vcpus_online.count; i++) {
        uint32_t n = c->vcpus_online.numbers[i];
        if (n < pc->cpus)
            b->vcpus_online[n / 8] = (uint8_t)(b->vcpus_online[n / 8] | 1u << (n % 8));
    }
    b->firmware_override = c->hvm.firmware;
    b->acpi_firmware = c->hvm.acpi_firmware;
    b->smbios_firmware = c->hvm.smbios_firmware;
    if (!path)
        path = firmware_find(bios);
    if (!path && !b->firmware_override)
        return pc_why(why, -ENOENT, "the BIOS image is missing: apt-get install %s",
                      bios == FIRMWARE_OVMF ? "ovmf" : "seabios");
    b->bios = path; /* freed in pc_destroy() */
    if (hvm_layout_init(&pc->layout, b))
        return pc_why(why, -EINVAL, "memory=%lld (MiB) cannot be laid out: %s", (long long)(kib / 1024),
                      log_last_error());
    return 0;
}

/* Guest memory is given out page by page as the guest touches it; a domain that could never have all of it would end
 * by the host's out-of-memory killer instead of by a message. 0: the host does not say. */
static uint64_t host_free_mib(void)
{
    FILE *f = fopen("/proc/meminfo", "re");
    unsigned long long kib, available = 0, swap = 0;
    char line[128];

    while (f && fgets(line, sizeof line, f)) {
        if (sscanf(line, "MemAvailable: %llu", &kib) == 1)
            available = kib;
        else if (sscanf(line, "SwapFree: %llu", &kib) == 1)
            swap = kib;
    }
    if (f)
        fclose(f);
    return (available + swap) >> 10;
}

static int create_memory(struct pc *pc, char **why)
{
    uint64_t mib = pc->layout.ram_bytes >> 20, free_mib = host_free_mib();

    if (free_mib && mib > free_mib)
        return pc_why(why, -ENOMEM, "the guest needs %llu MiB of memory and the host has %llu MiB free: lower memory=",
                      (unsigned long long)mib, (unsigned long long)free_mib);
    pc->memory = memory_create(pc->layout.ram_bytes);
    if (!pc->memory)
        return pc_why(why, -ENOMEM, "no %llu MiB of memory for the guest: %s",
                      (unsigned long long)(pc->layout.ram_bytes >> 20), strerror(errno));
    pc->ports = bus_create("ports", 0x10000);
    pc->mmio = bus_create("MMIO", 1ull << 52);
    return pc->ports && pc->mmio ? 0 : -ENOMEM;
}

static int create_pci(struct pc *pc)
{
    int rc;

    pc->pci = pci_bus_create(pc->ports, pc->mmio, pc->memory, pc_intx_set, pc);
    if (!pc->pci)
        return -ENOMEM;
    rc = pc_map_ports(pc, 0xcf8, 8, pci_bus_device(pc->pci), &pci_config_io);
    if (!rc)
        rc = pc_add_pci(pc, i440fx_create(pc->layout.lowmem_end), 0x00);
    if (rc)
        return rc;
    pc->piix3 = piix3_create(pc->isa_pci);
    rc = pc_add_pci(pc, pc->piix3, 0x08);
    if (!rc)
        rc = pc_add_pci(pc, piix4_pm_pci_create(), 0x0b);
    return rc;
}

static int create_platform(struct pc *pc)
{
    struct pci_device *d;
    int rc;

    if (!tri_or(pc->s.config->hvm.xen_platform_pci, true))
        return 0;
    d = xen_platform_create(NULL, NULL); /* no PV back ends yet: the guest keeps its emulated disks */
    rc = pc_add_pci(pc, d, 0x10);
    return rc ? rc : pc_map_ports(pc, XEN_PLATFORM_FIXED_BASE, XEN_PLATFORM_FIXED_LEN, &d->dev, &xen_platform_fixed_io);
}

static int wire(struct pc *pc, char **why)
{
    int rc = create_memory(pc, why);

    pc->display = rc ? NULL : display_create();
    if (!rc && !pc->display)
        rc = -ENOMEM;
    if (!rc)
        rc = pc_irq_create(pc);
    if (!rc)
        rc = pc_cpu_create(pc);
    if (!rc)
        rc = pc_chips_create(pc);
    if (!rc)
        rc = create_pci(pc);
    if (!rc)
        rc = pc_disks_create(pc, why);
    if (!rc)
        rc = create_platform(pc);
    if (!rc)
        rc = pc_display_create(pc, why);
    if (!rc)
        rc = pc_usb_create(pc, why);
    if (!rc)
        rc = pc_nics_create(pc, why);
    if (!rc)
        rc = pc_serial_create(pc, why);
    if (!rc)
        rc = pc_sound_create(pc, why);
    if (!rc)
        rc = pc_xen_create(pc, why);
    return rc;
}

int pc_create(struct pc **out, const struct pc_setup *setup, char **why)
{
    struct pc *pc = calloc(1, sizeof *pc);
    int rc;

    *out = NULL;
    *why = NULL;
    if (!pc)
        return -ENOMEM;
    pc->s = *setup;
    pc->paused = true;
    loop_pause_time(setup->loop, true);
    loop_lock(setup->loop);
    rc = plan(pc, why);
    if (!rc)
        rc = wire(pc, why);
    for (unsigned i = 0; !rc && i < pc->devices; i++)
        pc->device[i]->ops->reset(pc->device[i]);
    loop_unlock(setup->loop);
    if (!rc)
        rc = vcpus_start(pc->vcpus);
    if (rc) {
        (void)pc_why(why, rc, "the machine could not be built: %s",
                     *log_last_error() ? log_last_error() : strerror(-rc));
        pc_destroy(pc);
        return rc;
    }
    *out = pc;
    return 0;
}

void pc_destroy(struct pc *pc)
{
    if (!pc)
        return;
    vcpus_destroy(pc->vcpus);
    loop_lock(pc->s.loop);
    pc_xen_destroy(pc);
    pc_cds_destroy(pc);
    while (pc->devices) {
        struct device *d = pc->device[--pc->devices];
        d->ops->destroy(d);
    }
    audio_close(pc->audio);
    pc_display_destroy(pc);
    pc_serial_destroy(pc);
    pci_bus_destroy(pc->pci);
    apic_bus_destroy(pc->apic_bus);
    bus_destroy(pc->ports);
    bus_destroy(pc->mmio);
    loop_unlock(pc->s.loop);
    memory_destroy(pc->memory);
    free((void *)(uintptr_t)pc->build.bios);
    free(pc);
}

void pc_pause(struct pc *pc)
{
    if (pc->paused)
        return;
    pc->paused = true;
    vcpus_pause(pc->vcpus);
    loop_pause_time(pc->s.loop, true);
    xen_time_pause(pc->xen, true);
}

void pc_unpause(struct pc *pc)
{
    if (!pc->paused)
        return;
    pc->paused = false;
    loop_pause_time(pc->s.loop, false);
    xen_time_pause(pc->xen, false);
    vcpus_unpause(pc->vcpus);
}

bool pc_paused(const struct pc *pc)
{
    return pc->paused;
}

void pc_power_button(struct pc *pc)
{
    acpi_pm_power_button(pc->pm);
}

void pc_sleep_button(struct pc *pc)
{
    acpi_pm_sleep_button(pc->pm);
}

void pc_wake(struct pc *pc)
{
    acpi_pm_wake(pc->pm);
}

int pc_nmi(struct pc *pc, unsigned vcpu)
{
    if (vcpu >= pc->cpus)
        return -EINVAL;
    vcpu_nmi(pc->vcpus, vcpu);
    return 0;
}

int pc_init_vcpu(struct pc *pc, unsigned vcpu)
{
    if (vcpu >= pc->cpus)
        return -EINVAL;
    vcpu_init(pc->vcpus, vcpu);
    return 0;
}

void pc_reset_request(struct pc *pc)
{
    lifecycle_request(pc->s.life, LIFE_REBOOT, "reset asked for from outside");
}

unsigned pc_vcpus(const struct pc *pc)
{
    return pc->cpus;
}

unsigned pc_vcpu_counters(struct pc *pc, unsigned vcpu, struct engine_counter *counters)
{
    return vcpu_counters(pc->vcpus, vcpu, counters);
}

int pc_trace(struct pc *pc, int fd, uint64_t count)
{
    return vcpus_trace(pc->vcpus, fd, count);
}

struct pc_vcpu_info pc_vcpu_info(struct pc *pc, unsigned vcpu)
{
    return (struct pc_vcpu_info){
        .online = vcpu < pc->cpus && (pc->build.vcpus_online[vcpu / 8] >> (vcpu % 8) & 1),
        .blocked = vcpu_blocked(pc->vcpus, vcpu),
        .paused = pc->paused,
        .time_ns = vcpu_time_ns(pc->vcpus, vcpu),
    };
}
