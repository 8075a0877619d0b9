/* SPDX-License-Identifier: GPL-2.0-or-later */
/* acpi_pm.c, acpi_gpe.c, and the small ports beside them: reset_port.c, fpu_error.c, debug_port.c. */
#include "dev/acpi_gpe.h"
#include "dev/acpi_pm.h"
#include "dev/debug_port.h"
#include "dev/fpu_error.h"
#include "dev/reset_port.h"

#include "fake.h"

#include <stdio.h>
#include <string.h>

static struct fake_line sci;
static struct device *pm, *gpe;
static int asked; /* the reason of the last lifecycle request, or -1 */
static unsigned suspends, ejected;

static void request(struct lifecycle *l, enum life_reason reason, const char *why)
{
    asked = (int)reason;
}
static struct lifecycle life = {request};

static void suspend(void *opaque)
{
    suspends++;
}
static void eject(void *opaque, unsigned slot)
{
    ejected |= 1u << slot;
}

static int setup(void **state)
{
    struct acpi_pm_config pm_config = {.sci = &sci.line, .life = &life, .suspend = suspend};
    struct acpi_gpe_config gpe_config = {.sci = &sci.line, .eject = eject};

    fake_loop_reset();
    fake_line_init(&sci);
    asked = -1;
    suspends = ejected = 0;
    pm = acpi_pm_create(fake_loop, &pm_config);
    gpe = acpi_gpe_create(&gpe_config);
    return 0;
}

static int teardown(void **state)
{
    pm->ops->destroy(pm);
    gpe->ops->destroy(gpe);
    assert_int_equal(fake_timers_armed(), 0);
    return 0;
}

static void test_buttons(void **state)
{
    acpi_pm_power_button(pm);
    assert_false(sci.line.level);
    out16(pm, &acpi_pm_io, 2, 0x0120);
    assert_true(sci.line.level);
    assert_int_equal(in16(pm, &acpi_pm_io, 0), 0x0100);
    out8(pm, &acpi_pm_io, 1, 0x01); /* by bytes too */
    assert_false(sci.line.level);
    acpi_pm_sleep_button(pm);
    assert_int_equal(in32(pm, &acpi_pm_io, 0), 0x01200200);
}

static void test_sleep(void **state)
{
    out8(pm, &acpi_smi_io, 0, 0xF1);
    assert_int_equal(in16(pm, &acpi_pm_io, 4), 1); /* hvmloader's check */
    out16(pm, &acpi_pm_io, 4, 1 << 10 | 1);
    assert_int_equal(suspends, 0);
    out16(pm, &acpi_pm_io, 4, 1 << 10 | 0x2001);
    assert_int_equal(suspends, 1);
    assert_int_equal(in16(pm, &acpi_pm_io, 4), 1 << 10 | 1);
    acpi_pm_wake(pm);
    assert_int_equal(in16(pm, &acpi_pm_io, 0), 0x8000);
    assert_int_equal(asked, -1);
    out16(pm, &acpi_pm_io, 4, 0x2001);
    assert_int_equal(asked, LIFE_POWEROFF);
    out8(pm, &acpi_smi_io, 0, 0xF0);
    assert_int_equal(in16(pm, &acpi_pm_io, 4) & 1, 0);
    assert_int_equal(in8(pm, &acpi_smi_io, 0), 0xF0);
}

static void test_timer(void **state)
{
    uint32_t first = in32(pm, &acpi_pm_io, 8);

    fake_advance(1000000000);
    assert_in_range(in32(pm, &acpi_pm_io, 8) - first, 3579544, 3579546);
    assert_int_equal(in16(pm, &acpi_pm_io, 8), in32(pm, &acpi_pm_io, 8) & 0xFFFF);
    out16(pm, &acpi_pm_io, 2, 1);
    assert_false(sci.line.level);
    fake_advance(600ull * 1000000000); /* the top bit changes every 599.9 s */
    assert_true(sci.line.level);
    out16(pm, &acpi_pm_io, 0, 1);
    assert_false(sci.line.level);
    out16(pm, &acpi_pm_io, 2, 0);
    assert_int_equal(fake_timers_armed(), 0);
    fake_advance(600ull * 1000000000);
    assert_int_equal(in16(pm, &acpi_pm_io, 0), 1);
}

static void test_hotplug(void **state)
{
    acpi_gpe_set_removable(gpe, 0xFFFFFFF0);
    acpi_gpe_set_cpu(gpe, 0, true, false);
    acpi_gpe_set_cpu(gpe, 127, true, false);
    acpi_gpe_set_cpu(gpe, 128, true, false); /* no such vCPU */
    assert_int_equal(in8(gpe, &acpi_cpu_hotplug_io, 0), 1);
    assert_int_equal(in8(gpe, &acpi_cpu_hotplug_io, 15), 0x80);
    out16(gpe, &acpi_gpe_io, 2, 0x06);
    acpi_gpe_pci_plug(gpe, 5);
    assert_true(sci.line.level);
    assert_int_equal(in16(gpe, &acpi_gpe_io, 0), 2);
    assert_int_equal(in32(gpe, &acpi_pci_hotplug_io, 0), 0x20);
    assert_int_equal(in32(gpe, &acpi_pci_hotplug_io, 0), 0x20);
    out8(gpe, &acpi_gpe_io, 0, 2);
    assert_false(sci.line.level);
    acpi_gpe_pci_unplug(gpe, 5);
    assert_int_equal(in32(gpe, &acpi_pci_hotplug_io, 0), 0);
    assert_int_equal(in32(gpe, &acpi_pci_hotplug_io, 4), 0x20);
    out32(gpe, &acpi_pci_hotplug_io, 8, 0x21); /* slot 0 is not removable */
    assert_int_equal(ejected, 0x20);
    assert_int_equal(in32(gpe, &acpi_pci_hotplug_io, 4), 0);
    acpi_gpe_set_cpu(gpe, 1, true, true);
    assert_int_equal(in16(gpe, &acpi_gpe_io, 0), 6);
}

static void test_reset_port(void **state)
{
    struct device *d = reset_port_create(&life), *other = reset_port_create(&life);

    out8(d, &reset_port_io, 0, 0x02);
    assert_int_equal(asked, -1);
    out8(d, &reset_port_io, 0, 0x06);
    assert_int_equal(asked, LIFE_REBOOT);
    assert_roundtrip(d, other);
    assert_refused(d, "\xFF");
    d->ops->destroy(d);
    other->ops->destroy(other);
}

static void test_fpu_error(void **state)
{
    struct fake_line irq13, other_irq13;
    struct device *d, *other;

    fake_line_init(&irq13);
    fake_line_init(&other_irq13);
    d = fpu_error_create(&irq13.line);
    other = fpu_error_create(&other_irq13.line);
    out8(d, &fpu_error_io, 0, 0); /* no error, nothing to ignore */
    assert_false(fpu_error_set(d, true));
    assert_false(fpu_error_set(d, true));
    assert_int_equal(irq13.rises, 1);
    assert_true(irq13.line.level);
    assert_roundtrip(d, other);
    assert_true(other_irq13.line.level);
    out8(d, &fpu_error_io, 0, 0);
    assert_false(irq13.line.level);
    assert_true(fpu_error_set(d, true));
    assert_roundtrip(d, other);
    assert_false(other_irq13.line.level);
    assert_false(fpu_error_set(d, false));
    assert_false(fpu_error_set(d, true)); /* the next error is a new one */
    assert_int_equal(irq13.rises, 2);
    assert_refused(d, "\0\1");
    assert_refused(d, "\2\0");
    d->ops->destroy(d);
    other->ops->destroy(other);
}

static char lines[8][200];
static unsigned line_count;

static void take_line(void *opaque, const char *text)
{
    snprintf(lines[line_count++ % 8], sizeof lines[0], "%s", text);
}

static void print(struct device *d, const char *text)
{
    for (; *text; text++)
        out8(d, &debug_port_io, 0, (unsigned char)*text);
}

static void test_debug_port(void **state)
{
    struct device *d = debug_port_create(take_line, NULL), *other = debug_port_create(take_line, NULL);
    uint8_t bad[200];

    print(d, "HVM Loader\r\nDetected\x1b[31m Xen");
    assert_int_equal(line_count, 1);
    assert_string_equal(lines[0], "HVM Loader");
    assert_roundtrip(d, other);
    print(other, " v4.17\n");
    assert_string_equal(lines[1], "Detected?[31m Xen v4.17");
    for (unsigned i = 0; i < 1000; i++)
        print(d, "x");
    assert_in_range(line_count, 2 + 6, 2 + 7);
    for (unsigned i = 0; i < 100000; i++)
        print(d, "\n");
    assert_in_range(line_count, 1000, 5000); /* a flood is cut */
    memset(bad, 0xFF, sizeof bad);
    assert_true(d->ops->state_size <= sizeof bad);
    assert_refused(d, bad);
    d->ops->destroy(d);
    other->ops->destroy(other);
}

static void test_save(void **state)
{
    struct fake_line line;
    struct acpi_pm_config pm_config = {.sci = &line.line};
    struct acpi_gpe_config gpe_config = {.sci = &line.line};
    struct device *other;
    uint8_t bad[256];

    fake_line_init(&line);
    out16(pm, &acpi_pm_io, 2, 0x0101);
    acpi_pm_power_button(pm);
    other = acpi_pm_create(fake_loop, &pm_config);
    assert_roundtrip(pm, other);
    assert_true(line.line.level);
    other->ops->destroy(other);
    memset(bad, 0xFF, sizeof bad);
    assert_true(pm->ops->state_size <= sizeof bad);
    assert_refused(pm, bad);
    fake_line_init(&line);
    out16(gpe, &acpi_gpe_io, 2, 0x06);
    acpi_gpe_pci_plug(gpe, 7);
    other = acpi_gpe_create(&gpe_config);
    assert_roundtrip(gpe, other);
    assert_true(line.line.level);
    other->ops->destroy(other);
    torture(pm, &acpi_pm_io, 12, 20000);
    torture(pm, &acpi_smi_io, 2, 1000);
    torture(gpe, &acpi_gpe_io, 4, 1000);
    torture(gpe, &acpi_pci_hotplug_io, 24, 10000);
    torture(gpe, &acpi_cpu_hotplug_io, 32, 10000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_buttons, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sleep, setup, teardown),
        cmocka_unit_test_setup_teardown(test_timer, setup, teardown),
        cmocka_unit_test_setup_teardown(test_hotplug, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reset_port, setup, teardown),
        cmocka_unit_test_setup_teardown(test_fpu_error, setup, teardown),
        cmocka_unit_test_setup_teardown(test_debug_port, setup, teardown),
        cmocka_unit_test_setup_teardown(test_save, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
