/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_pci_chips.c: the config spaces of the board's fixed functions, PIRQ routing, and the platform device's ports. */
#include "dev/i440fx.h"
#include "dev/piix3.h"
#include "dev/piix4_pm_pci.h"
#include "dev/xen_platform.h"

#include "base/bytes.h"

#include <string.h>

#include "pci_machine.h"

static struct irq_line isa[PIIX3_ISA_IRQS];

static struct pci_device *add(struct machine *m, struct pci_device *d, unsigned devfn)
{
    assert_non_null(d);
    assert_int_equal(pci_device_add(m->pci, d, devfn), 0);
    return d;
}

/* Reset state, loaded into a second chip, is the same state; another vendor's is refused. */
static void check_record(struct pci_device *a, struct pci_device *b)
{
    size_t size = a->dev.ops->state_size;

    memcpy(b->dev.state, a->dev.state, size);
    assert_int_equal(b->dev.ops->check(b->dev.state), 0);
    b->dev.ops->loaded(&b->dev);
    assert_memory_equal(a->dev.state, b->dev.state, size);
    ((uint8_t *)b->dev.state)[0] ^= 0xff;
    assert_int_not_equal(b->dev.ops->check(b->dev.state), 0);
    b->dev.ops->destroy(&b->dev);
}

static void test_i440fx(void **state)
{
    struct machine *m = *state;
    struct pci_device *d = add(m, i440fx_create(504ull << 20), 0);

    assert_int_equal(config_read(m, 0, 0, 4), 0x12378086);
    assert_int_equal(config_read(m, 0, 8, 4), 0x06000002);
    assert_int_equal(config_read(m, 0, 0x57, 1), 0x3f);
    assert_int_equal(config_read(m, 0, 0x72, 1), 2);
    config_write(m, 0, 0x59, 1, 0x30);
    assert_int_equal(config_read(m, 0, 0x59, 1), 0x30);
    check_record(d, i440fx_create(8 << 20));
    d->dev.ops->reset(&d->dev);
    assert_int_equal(config_read(m, 0, 0x59, 1), 0);
    d->dev.ops->destroy(&d->dev);
    assert_int_equal(config_read(m, 0, 0, 4), 0xffffffff);
}

static void test_piix3(void **state)
{
    struct machine *m = *state;
    struct pci_device *d;

    memset(isa, 0, sizeof isa);
    d = add(m, piix3_create(isa), 8);
    assert_int_equal(config_read(m, 8, 0, 4), 0x70008086);
    assert_int_equal(config_read(m, 8, 0x0e, 1), 0x80);
    assert_int_equal(config_read(m, 8, 0x60, 4), 0x80808080);
    piix3_set_intx(d, 2, 0, true);
    assert_int_equal(piix3_route(d, 2, 0), -1);
    config_write(m, 8, 0x60, 4, 0x050b0a05);
    assert_int_equal(piix3_route(d, 2, 0), 11);
    assert_int_equal(piix3_route(d, 1, 3), 5);
    assert_true(isa[11].level);
    assert_false(isa[5].level);
    /* two wires on one link; links 0 and 3 share interrupt 5 */
    piix3_set_intx(d, 6, 0, true);
    piix3_set_intx(d, 2, 0, false);
    piix3_set_intx(d, 2, 0, false);
    assert_true(isa[11].level);
    piix3_set_intx(d, 4, 0, true);
    piix3_set_intx(d, 3, 0, true);
    piix3_set_intx(d, 4, 0, false);
    assert_true(isa[5].level);
    /* a route moved while up moves the level; a reserved interrupt is none */
    config_write(m, 8, 0x62, 1, 10);
    assert_false(isa[11].level);
    assert_true(isa[10].level);
    config_write(m, 8, 0x62, 1, 13);
    assert_false(isa[10].level);
    assert_int_equal(piix3_route(d, 2, 0), -1);
    check_record(d, piix3_create(isa));
    d->dev.ops->reset(&d->dev);
    assert_false(isa[5].level);
    d->dev.ops->destroy(&d->dev);
}

static void test_piix4_pm(void **state)
{
    struct machine *m = *state;
    struct pci_device *d = add(m, piix4_pm_pci_create(), 11);
    static const uint8_t from_0x40[] = {0x01, 0xb0, 0, 0};

    /* What hvmloader does, in its order. */
    config_write(m, 11, 0x20, 2, 0);
    config_write(m, 11, 0xd2, 2, 0);
    config_write(m, 11, 0x22, 2, 0);
    config_write(m, 11, 0x3c, 2, 0x0009);
    config_write(m, 11, 0x3c, 2, 0x0001);
    config_write(m, 11, 0x40, 4, 0xb001);
    config_write(m, 11, 0x80, 1, 0x01);
    config_write(m, 11, 0x3c, 1, 10);
    assert_int_equal(config_read(m, 11, 0, 4), 0x71138086);
    assert_int_equal(config_read(m, 11, 6, 2), 0x0280);
    assert_int_equal(config_read(m, 11, 8, 4), 0x06800003);
    assert_int_equal(config_read(m, 11, 0x3c, 2), 0x010a);
    assert_memory_equal(pci_config(d) + 0x40, from_0x40, sizeof from_0x40);
    assert_int_equal(config_read(m, 11, 0x80, 1), 1);
    assert_int_equal(config_read(m, 11, 0x90, 4), 0xb101);
    check_record(d, piix4_pm_pci_create());
    d->dev.ops->destroy(&d->dev);
}

static void unplugged(void *opaque, unsigned mask)
{
    *(unsigned *)opaque = mask;
}

static void test_platform(void **state)
{
    struct machine *m = *state;
    unsigned mask = 0;
    struct pci_device *d = add(m, xen_platform_create(unplugged, &mask), 16), *off;

    assert_non_null(
        bus_map(m->ports, XEN_PLATFORM_FIXED_BASE, XEN_PLATFORM_FIXED_LEN, &d->dev, &xen_platform_fixed_io));
    assert_int_equal(config_read(m, 16, 0, 4), 0x00015853);
    assert_int_equal(config_read(m, 16, 8, 4), 0xff800001);
    assert_int_equal(config_read(m, 16, 0x2c, 4), 0x00015853);
    assert_int_equal(bus_read(m->ports, 0x10, 2), 0x49d2);
    assert_int_equal(bus_read(m->ports, 0x12, 1), 1);
    bus_write(m->ports, 0x12, 2, 3);
    bus_write(m->ports, 0x10, 4, 0x1234);
    bus_write(m->ports, 0x10, 2, XEN_UNPLUG_DISKS | XEN_UNPLUG_NICS);
    assert_int_equal(mask, 3);
    bus_write(m->ports, 0x10, 1, 0xff);
    assert_int_equal(bus_read(m->ports, 0x10, 1), 1);
    for (unsigned i = 0; i < 1000; i++)
        bus_write(m->ports, 0x12, 1, 'a' + i % 64);
    config_write(m, 16, 0x10, 4, 0xc000);
    config_write(m, 16, 0x14, 4, 0xf2000000);
    config_write(m, 16, 0x04, 2, 7);
    assert_int_equal(config_read(m, 16, 0x14, 4), 0xf2000008);
    assert_int_equal(bus_read(m->ports, 0xc000, 1), 1);
    assert_int_equal(bus_read(m->mmio, 0xf2fffffc, 4), 0xffffffff);
    off = xen_platform_create(NULL, NULL);
    assert_int_equal(xen_platform_fixed_io.read(&off->dev, 0, 2), 0xffff);
    xen_platform_fixed_io.write(&off->dev, 0, 2, 3);
    check_record(d, off);
    d->dev.ops->reset(&d->dev);
    assert_int_equal(bus_read(m->ports, 0x10, 1), 0);
    d->dev.ops->destroy(&d->dev);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_i440fx, setup, teardown),
        cmocka_unit_test_setup_teardown(test_piix3, setup, teardown),
        cmocka_unit_test_setup_teardown(test_piix4_pm, setup, teardown),
        cmocka_unit_test_setup_teardown(test_platform, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
