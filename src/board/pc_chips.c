/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pc_chips.c: the PC's chips that are not on PCI: timers, CMOS, ACPI power management, keyboard controller, DMA, and
 * the ports of firmware.
 */
#include "board/pc_internal.h"

#include "base/log.h"
#include "dev/acpi_gpe.h"
#include "dev/acpi_pm.h"
#include "dev/apic_bus.h"
#include "dev/debug_port.h"
#include "dev/fpu_error.h"
#include "dev/hpet.h"
#include "dev/i8042.h"
#include "dev/i8237.h"
#include "dev/i8254.h"
#include "dev/i8259.h"
#include "dev/ioapic.h"
#include "dev/mc146818.h"
#include "dev/ps2_keyboard.h"
#include "dev/ps2_mouse.h"
#include "dev/reset_port.h"

#include <errno.h>
#include <time.h>

#define HPET_BASE     0xfed00000u
#define PM_BASE_RESET 0x1f40 /* until the guest sets HVM_PARAM_ACPI_IOPORTS_LOCATION to 1 */
#define PM_BASE       0xb000
#define PM_PORTS      12

/* PM1 and GPE share the SCI. */
static void sci_changed(void *opaque, unsigned n, bool level)
{
    struct pc *pc = opaque;

    irq_set(&pc->isa[9], pc->sci[0].level || pc->sci[1].level);
}

static void hpet_gsi_changed(void *opaque, unsigned n, bool level)
{
    pc_gsi_set(opaque, n, level);
}

/* Has the guest not yet taken the last tick of the PIT, or of the HPET in its place? Then the next one waits, so that
 * none is lost. */
static bool tick_waiting(void *opaque)
{
    struct pc *pc = opaque;

    return (apic_bus_extint_accepted(pc->apic_bus) && i8259_waiting(pc->pic, 0)) || ioapic_waiting(pc->ioapic, 2);
}

/* With an HPET, the PIT's and the RTC's interrupts pass through it: it may take their place. */
static int create_timers(struct pc *pc)
{
    const struct domain_config *c = pc->s.config;
    struct irq_line *const legacy[2] = {&pc->isa[0], &pc->isa[8]};
    struct irq_line *gsi[HPET_GSIS];
    struct mc146818_config rtc = {.offset_s = c->rtc_timeoffset, .offset_changed = pc_xen_rtc_changed, .opaque = pc};
    struct device *hpet = NULL;
    int rc;

    if (tri_or(c->localtime, false)) {
        time_t now = time(NULL);
        struct tm local;
        if (localtime_r(&now, &local))
            rtc.offset_s += local.tm_gmtoff;
    }
    if (tri_or(c->hvm.hpet, true)) {
        for (unsigned i = 0; i < HPET_GSIS; i++) {
            pc->hpet_gsi[i] = (struct irq_line){hpet_gsi_changed, pc, HPET_FIRST_GSI + i, false};
            gsi[i] = &pc->hpet_gsi[i];
        }
        hpet = hpet_create(pc->s.loop, legacy, gsi);
        rc = pc_add(pc, hpet);
        if (!rc)
            rc = pc_map_mmio(pc, HPET_BASE, 0x400, hpet, &hpet_io);
        if (rc)
            return rc;
        hpet_set_waiting(hpet, tick_waiting, pc);
        for (unsigned n = 0; n < 2; n++)
            pc->timer_irq[n] = (struct irq_line){hpet_set_legacy_irq, hpet, n, false};
    }
    pc->pit = i8254_create(pc->s.loop, hpet ? &pc->timer_irq[0] : &pc->isa[0]);
    rc = pc_add(pc, pc->pit);
    if (rc)
        return rc;
    i8254_set_waiting(pc->pit, tick_waiting, pc);
    pc->rtc = mc146818_create(pc->s.loop, hpet ? &pc->timer_irq[1] : &pc->isa[8], &rtc);
    rc = pc_add(pc, pc->rtc);
    if (rc)
        return rc;
    if (pc_map_ports(pc, 0x40, 4, pc->pit, &i8254_io) || pc_map_ports(pc, 0x61, 1, pc->pit, &i8254_port61_io) ||
        pc_map_ports(pc, 0x70, 2, pc->rtc, &mc146818_io))
        return -ENOMEM;
    return 0;
}

/* SeaBIOS reads the boot order from CMOS 3Dh (first two) and 38h (third): 1 floppy, 2 disk, 3 CD, 4 network. */
static void set_boot_order(struct pc *pc)
{
    const char *order = pc->s.config->hvm.boot ? pc->s.config->hvm.boot : "cda";
    uint8_t code[3] = {0, 0, 0};

    for (unsigned i = 0; i < 3 && order[i]; i++) {
        switch (order[i]) {
        case 'a': code[i] = 1; break;
        case 'c': code[i] = 2; break;
        case 'd': code[i] = 3; break;
        case 'n': code[i] = 4; break;
        default: break;
        }
    }
    mc146818_set_cmos(pc->rtc, 0x3d, (uint8_t)(code[1] << 4 | code[0]));
    mc146818_set_cmos(pc->rtc, 0x38, (uint8_t)(code[2] << 4 | 1)); /* 1: no floppy signature check */
}

static int create_power(struct pc *pc)
{
    struct acpi_pm_config pm = {.sci = &pc->sci[0], .life = pc->s.life};
    struct acpi_gpe_config gpe = {.sci = &pc->sci[1]};
    struct device *reset;
    int rc;

    for (unsigned i = 0; i < 2; i++)
        pc->sci[i] = (struct irq_line){sci_changed, pc, i, false};
    pc->pm = acpi_pm_create(pc->s.loop, &pm);
    rc = pc_add(pc, pc->pm);
    if (rc)
        return rc;
    pc->pm_window = bus_map(pc->ports, PM_BASE_RESET, PM_PORTS, pc->pm, &acpi_pm_io);
    pc->gpe = acpi_gpe_create(&gpe);
    rc = pc_add(pc, pc->gpe);
    if (rc)
        return rc;
    for (unsigned i = 0; i < pc->cpus; i++)
        acpi_gpe_set_cpu(pc->gpe, i, pc->build.vcpus_online[i / 8] >> (i % 8) & 1, false);
    reset = reset_port_create(pc->s.life);
    rc = pc_add(pc, reset);
    if (rc)
        return rc;
    if (!pc->pm_window || pc_map_ports(pc, 0xb2, 2, pc->pm, &acpi_smi_io) ||
        pc_map_ports(pc, 0xafe0, 4, pc->gpe, &acpi_gpe_io) ||
        pc_map_ports(pc, 0xae00, 24, pc->gpe, &acpi_pci_hotplug_io) ||
        pc_map_ports(pc, 0xaf00, 32, pc->gpe, &acpi_cpu_hotplug_io) ||
        pc_map_ports(pc, 0xb044, 4, pc->gpe, &acpi_aml_debug_io) || pc_map_ports(pc, 0xcf9, 1, reset, &reset_port_io))
        return -ENOMEM;
    return 0;
}

void pc_move_pm(struct pc *pc, bool at_b000)
{
    bus_move(pc->ports, pc->pm_window, at_b000 ? PM_BASE : PM_BASE_RESET);
}

static int create_keyboard(struct pc *pc)
{
    struct i8042_config c = {.irq1 = &pc->isa[1], .irq12 = &pc->isa[12], .life = pc->s.life};
    struct device *d;
    int rc;

    c.keyboard = ps2_keyboard_create(pc->display);
    rc = pc_add(pc, c.keyboard ? &c.keyboard->dev : NULL);
    if (rc)
        return rc;
    c.mouse = ps2_mouse_create(pc->display);
    rc = pc_add(pc, c.mouse ? &c.mouse->dev : NULL);
    if (rc)
        return rc;
    d = i8042_create(pc->s.loop, &c);
    rc = pc_add(pc, d);
    if (rc)
        return rc;
    if (pc_map_ports(pc, 0x60, 1, d, &i8042_data_io) || pc_map_ports(pc, 0x64, 1, d, &i8042_command_io) ||
        pc_map_ports(pc, 0x92, 1, d, &i8042_port92_io))
        return -ENOMEM;
    return 0;
}

static void firmware_line(void *opaque, const char *text)
{
    log_info("(d%u) %s", ((struct pc *)opaque)->s.domid, text);
}

static int create_fpu_error(struct pc *pc)
{
    int rc;

    pc->fpu_error = fpu_error_create(&pc->isa[13]);
    rc = pc_add(pc, pc->fpu_error);
    return rc ? rc : pc_map_ports(pc, 0xf0, 1, pc->fpu_error, &fpu_error_io);
}

static int create_debug(struct pc *pc)
{
    struct device *d = debug_port_create(firmware_line, pc);
    int rc = pc_add(pc, d);

    return rc ? rc : pc_map_ports(pc, 0xe9, 1, d, &debug_port_io);
}

static int create_dma(struct pc *pc)
{
    int rc;

    pc->dma = i8237_create(pc->memory);
    rc = pc_add(pc, pc->dma);
    if (rc)
        return rc;
    if (pc_map_ports(pc, 0x00, 16, pc->dma, &i8237_low_io) || pc_map_ports(pc, 0xc0, 32, pc->dma, &i8237_high_io) ||
        pc_map_ports(pc, 0x80, 16, pc->dma, &i8237_page_io))
        return -ENOMEM;
    return 0;
}

int pc_chips_create(struct pc *pc)
{
    int rc = create_timers(pc);

    if (!rc)
        set_boot_order(pc);
    if (!rc)
        rc = create_dma(pc);
    if (!rc)
        rc = create_power(pc);
    if (!rc)
        rc = create_keyboard(pc);
    if (!rc)
        rc = create_fpu_error(pc);
    if (!rc)
        rc = create_debug(pc);
    return rc;
}
