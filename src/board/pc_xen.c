/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pc_xen.c: the Xen ABI of the PC: its hypercalls and interrupts wired to the LAPICs and GSIs, xenstore with what libxl
 * writes for an HVM domain, and the domain builder's work in memory and the first vCPU.
 */
#include "board/pc_internal.h"

#include "base/bytes.h"
#include "base/log.h"
#include "board/xenstore_layout.h"
#include "dev/lapic.h"
#include "dev/mc146818.h"
#include "host/console/chardev.h"
#include "xen/store/store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static bool on_lapic_raise(void *opaque, unsigned vcpu, uint8_t vector)
{
    struct pc *pc = opaque;

    if (!lapic_accepts_fixed(pc->cpu[vcpu].lapic))
        return false;
    lapic_inject(pc->cpu[vcpu].lapic, vector);
    return true;
}

static void on_vcpu_block(void *opaque, unsigned vcpu)
{
    vcpu_block(((struct pc *)opaque)->vcpus, vcpu);
}

static void on_vcpu_wake(void *opaque, unsigned vcpu)
{
    vcpu_wake(((struct pc *)opaque)->vcpus, vcpu);
}

static void on_upcall_kick(void *opaque, unsigned vcpu)
{
    struct pc *pc = opaque;

    vcpu_set_interrupt(pc->vcpus, vcpu, true);
}

static void on_nmi_raise(void *opaque, unsigned vcpu)
{
    struct pc *pc = opaque;

    vcpu_nmi(pc->vcpus, vcpu);
}

static void on_gsi_set(void *opaque, unsigned gsi, bool level)
{
    pc_gsi_set(opaque, gsi, level);
}

static void on_acpi_ioports_moved(void *opaque, bool at_b000)
{
    pc_move_pm(opaque, at_b000);
}

static void on_guest_log(void *opaque, const char *text, size_t n)
{
    log_info("guest console: %.*s", (int)(n > 512 ? 512 : n), text);
}

static int create_domain(struct pc *pc)
{
    const struct domain_config *c = pc->s.config;
    struct xen_config x = {
        .memory = pc->memory,
        .loop = pc->s.loop,
        .life = pc->s.life,
        .host =
            {
                .lapic_raise = on_lapic_raise,
                .upcall_kick = on_upcall_kick,
                .vcpu_block = on_vcpu_block,
                .vcpu_wake = on_vcpu_wake,
                .nmi_raise = on_nmi_raise,
                .gsi_set = on_gsi_set,
                .intx_set = pc_intx_set,
                .acpi_ioports_moved = on_acpi_ioports_moved,
                .guest_log = on_guest_log,
                .opaque = pc,
            },
        .domid = (uint16_t)pc->s.domid,
        .vcpus = pc->cpus,
        .vmmcall = pc_cpu_uses_vmmcall(pc),
        .rdtscp = true,
        .tsc_mode = c->tsc_mode > 0 ? (uint32_t)c->tsc_mode : 0,
        .rtc_offset_s = pc->rtc ? mc146818_offset_s(pc->rtc) : 0,
        .store_gfn = HVM_STORE_GFN,
        .console_gfn = HVM_CONSOLE_GFN,
        .current_pages = pc->layout.current_pages,
        .max_pages = pc->layout.max_pages,
        .map = pc->layout.map,
        .map_count = pc->layout.map_count,
    };

    memcpy(x.uuid, c->uuid.bytes, sizeof x.uuid);
    return xen_domain_create(&pc->xen, &x);
}

static int write_store(struct pc *pc)
{
    const struct domain_config *c = pc->s.config;
    const struct hvm_config *h = &c->hvm;
    const char *vnc = pc_vnc_listen(pc);
    const uint64_t target = c->target_memkb > 0 ? (uint64_t)c->target_memkb : pc->max_kib, video = pc_videoram_kib(pc);
    const uint8_t *id = h->ms_vm_genid.bytes;
    unsigned online = 0;
    char generation[48];
    struct xenstore_layout l = {
        .domid = pc->s.domid,
        .name = pc->s.name,
        .uuid = pc->s.uuid,
        .vcpus_max = pc->cpus,
        .static_max_kib = pc->max_kib,
        .target_kib = target > video ? target - video : 0,
        .videoram_kib = video,
        .start_time_s = (uint64_t)time(NULL),
        .rtc_timeoffset = "",
        .type = "hvm",
        .bios = h->bios == BIOS_OVMF ? "ovmf" : "seabios",
        .acpi = tri_or(c->acpi, true),
        .acpi_s3 = tri_or(h->acpi_s3, true),
        .acpi_s4 = tri_or(h->acpi_s4, true),
        .acpi_laptop_slate = tri_or(h->acpi_laptop_slate, false),
        .mmio_hole_bytes = pc->build.mmio_hole_bytes,
        .acpi_address = pc->built.acpi_address,
        .acpi_length = pc->built.acpi_length,
        .smbios_address = pc->built.smbios_address,
        .smbios_length = pc->built.smbios_length,
        .store_port = (uint32_t)xen_param_get(pc->xen, 2),
        .console_port = (uint32_t)xen_param_get(pc->xen, 18),
        .store_gfn = HVM_STORE_GFN,
        .console_gfn = HVM_CONSOLE_GFN,
        .console_tty = pc_pv_console_tty(pc),
        .serial_tty = pc_serial_tty(pc, 0),
        .vnc_listen = vnc,
        .vnc_port = pc_vnc_port(pc),
        .pid = (long)getpid(),
    };

    for (unsigned i = 0; i < pc->cpus; i++)
        online += pc->build.vcpus_online[i / 8] >> (i % 8) & 1;
    l.vcpus_online = online;
    if (load_le64(id) | load_le64(id + 8)) { /* two decimal numbers, the low half first */
        (void)snprintf(generation, sizeof generation, "%llu:%llu", (unsigned long long)load_le64(id),
                       (unsigned long long)load_le64(id + 8));
        l.generation_id = generation;
    }
    return xenstore_layout_write(pc->store, &l);
}

/* A domain runs without it too. */
static void open_console(struct pc *pc)
{
    char *why = NULL;

    if (chardev_open(&pc->pv_tty, pc->s.loop, "pty", &why)) {
        pc->pv_tty = NULL;
        log_warning("no PV console: %s", why ? why : "no pty");
    }
    free(why);
}

const char *pc_pv_console_tty(const struct pc *pc)
{
    return pc->pv_tty ? chardev_tty(pc->pv_tty) : NULL;
}

/* The wall clock that Xen shows follows the guest's own; the toolstack's record too, so that a reboot keeps it. */
void pc_xen_rtc_changed(void *opaque, int64_t offset_s)
{
    struct pc *pc = opaque;
    char path[80];

    if (!pc->xen || !pc->store)
        return;
    xen_time_set_rtc_offset(pc->xen, offset_s);
    (void)snprintf(path, sizeof path, "/vm/%s/rtc/timeoffset", pc->s.uuid);
    (void)store_writef(pc->store, path, "%lld", (long long)offset_s);
}

void pc_xen_destroy(struct pc *pc)
{
    xen_console_destroy(pc->console);
    chardev_close(pc->pv_tty);
    xen_store_ring_destroy(pc->store_ring);
    xen_domain_destroy(pc->xen);
    store_destroy(pc->store);
    pc->xen = NULL;
    pc->store = NULL;
}

int pc_xen_create(struct pc *pc, char **why)
{
    int rc = create_domain(pc);

    if (rc)
        return rc;
    rc = hvm_build(pc->memory, &pc->layout, &pc->build, vcpus_state(pc->vcpus, 0), &pc->built);
    if (rc)
        return pc_why(why, rc, "the guest's firmware could not be loaded: %s",
                      *log_last_error() ? log_last_error() : strerror(-rc));
    vcpus_state_changed(pc->vcpus, 0);
    hvm_build_params(pc->xen);
    pc->store = store_create();
    if (!pc->store)
        return -ENOMEM;
    pc->store_ring = xen_store_ring_create(pc->xen, pc->store);
    open_console(pc);
    pc->console = xen_console_create(pc->xen, pc->pv_tty);
    if (!pc->store_ring || !pc->console)
        return -ENOMEM;
    return write_store(pc);
}

/* xl(1) shutdown: the PV control node, if the guest's driver announced that it listens. */
bool pc_control_shutdown(struct pc *pc, const char *what)
{
    char path[64];
    bool listens;

    (void)snprintf(path, sizeof path, "/local/domain/%u/control/feature-%s", pc->s.domid, what);
    listens = store_read_int(pc->store, path, 0) == 1;
    if (!listens)
        return false;
    (void)snprintf(path, sizeof path, "/local/domain/%u/control/shutdown", pc->s.domid);
    return store_write(pc->store, path, what) == 0;
}

int pc_control_sysrq(struct pc *pc, char key)
{
    char path[64];

    (void)snprintf(path, sizeof path, "/local/domain/%u/control/sysrq", pc->s.domid);
    return store_write(pc->store, path, (const char[]){key, '\0'});
}

/* The VGA hole counts as memory: Xen has about as much in the pages of its device model (option ROMs, rings). */
uint64_t pc_memory_kib(const struct pc *pc)
{
    return xen_domain_pages(pc->xen) * 4 + 128 + pc_videoram_kib(pc);
}

char *pc_store_dump(struct pc *pc, const char *path, bool perms)
{
    return store_dump(pc->store, path, perms);
}
