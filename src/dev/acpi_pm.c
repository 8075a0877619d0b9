/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * acpi_pm.c: PM1a event and control registers, the 32-bit PM timer, SMI_CMD (ACPI 6.5, 4.8.3).
 * Knows registers and the SCI condition; not its ports, its IRQ number, nor how a domain stops or sleeps.
 *
 * Sleep types are those of hvmloader's DSDT: S5 and S4 are 0, S3 is 1.
 * Deviation: the timer answers reads of any size (Xen: four bytes only).
 */
#include "dev/acpi_pm.h"

#include "base/log.h"
#include "dev/bytewise.h"
#include "dev/clock.h"

#include <errno.h>
#include <stdlib.h>

enum { PM1_STATUS = 0, PM1_ENABLE = 2, PM1_CONTROL = 4, PM_TIMER = 8 };

#define STS_TIMER        0x0001u
#define STS_GLOBAL       0x0020u
#define STS_POWER_BUTTON 0x0100u
#define STS_SLEEP_BUTTON 0x0200u
#define STS_RTC          0x0400u
#define STS_WAKE         0x8000u
#define STATUS_BITS      (STS_TIMER | 0x10u | STS_GLOBAL | STS_POWER_BUTTON | STS_SLEEP_BUTTON | STS_RTC | STS_WAKE)
#define ENABLE_BITS      (STS_TIMER | STS_GLOBAL | STS_POWER_BUTTON | STS_SLEEP_BUTTON | STS_RTC)
#define CONTROL_SCI_EN   0x0001u
#define CONTROL_SLP_EN   0x2000u
#define CONTROL_WRITABLE 0x1C03u /* SCI_EN too: guests turn it on when there is no SMI command */
#define SLEEP_TYPE(v)    ((v) >> 10 & 7)
#define SLEEP_OFF        0
#define SLEEP_S3         1
#define SMI_ACPI_ENABLE  0xF1
#define SMI_ACPI_DISABLE 0xF0
#define HALF_TURN        0x80000000ull /* STS_TIMER rises when the timer's top bit changes */

struct acpi_pm_state {
    uint64_t seen_half; /* the last half turn of the timer that the status has seen */
    uint16_t status, enable, control;
    uint8_t smi[2]; /* command and its argument, as written last */
};

struct acpi_pm {
    struct device dev;
    struct acpi_pm_state s;
    struct acpi_pm_config config;
    struct loop *loop; /* borrowed */
    struct timer half_turn;
};

static struct acpi_pm *to_pm(struct device *d)
{
    return (struct acpi_pm *)d;
}

static uint64_t timer_ticks(const struct acpi_pm *pm)
{
    return clock_ticks(loop_now_ns(pm->loop), ACPI_PM_TIMER_HZ);
}

static void pm_advance(struct acpi_pm *pm)
{
    uint64_t half = timer_ticks(pm) / HALF_TURN;

    if (half != pm->s.seen_half)
        pm->s.status |= STS_TIMER;
    pm->s.seen_half = half;
}

static void pm_update(struct device *d)
{
    struct acpi_pm *pm = to_pm(d);

    pm_advance(pm);
    if (pm->s.enable & STS_TIMER)
        timer_set(&pm->half_turn, clock_ns((pm->s.seen_half + 1) * HALF_TURN, ACPI_PM_TIMER_HZ));
    else
        timer_cancel(&pm->half_turn);
    irq_set(pm->config.sci, pm->s.status & pm->s.enable & ENABLE_BITS);
}

static void half_turn_fired(void *opaque)
{
    pm_update(opaque);
}

static void pm_sleep(struct acpi_pm *pm, unsigned type)
{
    switch (type) {
    case SLEEP_OFF: lifecycle_request(pm->config.life, LIFE_POWEROFF, "ACPI S5"); break;
    case SLEEP_S3:
        if (pm->config.suspend)
            pm->config.suspend(pm->config.opaque);
        else
            pm->s.status |= STS_WAKE;
        break;
    default: log_guest("ACPI: sleep type %u is not one that the DSDT offers", type);
    }
}

static uint8_t pm_read_reg(struct device *d, unsigned reg)
{
    struct acpi_pm *pm = to_pm(d);
    unsigned shift = 8 * (reg & 1);

    pm_advance(pm);
    switch (reg & ~1u) {
    case PM1_STATUS: return (uint8_t)(pm->s.status >> shift);
    case PM1_ENABLE: return (uint8_t)(pm->s.enable >> shift);
    case PM1_CONTROL: return (uint8_t)(pm->s.control >> shift);
    default:
        if (reg < PM_TIMER)
            return 0xFF;
        return (uint8_t)(timer_ticks(pm) >> (8 * (reg & 3)));
    }
}

static uint64_t pm_read(struct device *d, uint64_t offset, unsigned size)
{
    if (offset == PM_TIMER && size == 4) /* one moment for all four bytes */
        return (uint32_t)timer_ticks(to_pm(d));
    return bytewise_read(d, offset, size, pm_read_reg);
}

static void pm_write_reg(struct device *d, unsigned reg, uint8_t byte)
{
    struct acpi_pm *pm = to_pm(d);
    unsigned shift = 8 * (reg & 1);
    uint16_t value = (uint16_t)(byte << shift), mask = (uint16_t)(0xFF << shift);

    switch (reg & ~1u) {
    case PM1_STATUS: pm->s.status &= (uint16_t)~value; break; /* write 1 to clear */
    case PM1_ENABLE: pm->s.enable = (uint16_t)((pm->s.enable & ~mask) | (value & ENABLE_BITS)); break;
    case PM1_CONTROL:
        pm->s.control = (uint16_t)((pm->s.control & ~(mask & CONTROL_WRITABLE)) | (value & CONTROL_WRITABLE));
        if (value & CONTROL_SLP_EN)
            pm_sleep(pm, SLEEP_TYPE(pm->s.control));
        break;
    }
}

static void pm_write(struct device *d, uint64_t offset, unsigned size, uint64_t value)
{
    pm_advance(to_pm(d));
    bytewise_write(d, offset, size, value, pm_write_reg);
    pm_update(d);
}

const struct io_ops acpi_pm_io = {.read = pm_read, .write = pm_write};

static uint8_t smi_read_reg(struct device *d, unsigned reg)
{
    return to_pm(d)->s.smi[reg & 1];
}

static void smi_write_reg(struct device *d, unsigned reg, uint8_t value)
{
    struct acpi_pm *pm = to_pm(d);

    pm->s.smi[reg & 1] = value;
    if (reg == 0 && value == SMI_ACPI_ENABLE)
        pm->s.control |= CONTROL_SCI_EN;
    if (reg == 0 && value == SMI_ACPI_DISABLE)
        pm->s.control &= (uint16_t)~CONTROL_SCI_EN;
}

static uint64_t smi_read(struct device *d, uint64_t offset, unsigned size)
{
    return bytewise_read(d, offset, size, smi_read_reg);
}

static void smi_write(struct device *d, uint64_t offset, unsigned size, uint64_t value)
{
    bytewise_write(d, offset, size, value, smi_write_reg);
}

const struct io_ops acpi_smi_io = {.read = smi_read, .write = smi_write};

static void pm_event(struct device *d, unsigned status)
{
    to_pm(d)->s.status |= (uint16_t)status;
    pm_update(d);
}

void acpi_pm_power_button(struct device *d)
{
    pm_event(d, STS_POWER_BUTTON);
}

void acpi_pm_sleep_button(struct device *d)
{
    pm_event(d, STS_SLEEP_BUTTON);
}

void acpi_pm_wake(struct device *d)
{
    pm_event(d, STS_WAKE);
}

static void pm_reset(struct device *d)
{
    struct acpi_pm *pm = to_pm(d);

    pm->s = (struct acpi_pm_state){.seen_half = timer_ticks(pm) / HALF_TURN};
    pm_update(d);
}

static int pm_check(const void *state)
{
    const struct acpi_pm_state *s = state;

    return s->status & ~STATUS_BITS || s->enable & ~ENABLE_BITS || s->control & ~CONTROL_WRITABLE ? -EINVAL : 0;
}

static void pm_destroy(struct device *d)
{
    timer_cancel(&to_pm(d)->half_turn);
    free(to_pm(d));
}

static const struct device_ops pm_ops = {
    .name = "acpi-pm",
    .version = 1,
    .state_size = sizeof(struct acpi_pm_state),
    .reset = pm_reset,
    .check = pm_check,
    .loaded = pm_update,
    .destroy = pm_destroy,
};

struct device *acpi_pm_create(struct loop *loop, const struct acpi_pm_config *config)
{
    struct acpi_pm *pm = calloc(1, sizeof *pm);

    if (!pm)
        return NULL;
    pm->dev = (struct device){.ops = &pm_ops, .state = &pm->s};
    pm->config = *config;
    pm->loop = loop;
    timer_init(&pm->half_turn, loop, half_turn_fired, pm);
    pm_reset(&pm->dev);
    return &pm->dev;
}
