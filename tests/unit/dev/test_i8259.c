/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dev/i8259.h"

#include "fake.h"

#include <string.h>

static struct fake_line intr;
static struct device *pic;

static void init_chip(const struct io_ops *io, unsigned base, unsigned cascade, unsigned icw4)
{
    out8(pic, io, 0, 0x11);
    out8(pic, io, 1, base);
    out8(pic, io, 1, cascade);
    out8(pic, io, 1, icw4);
}

static int setup(void **state)
{
    fake_loop_reset();
    fake_line_init(&intr);
    pic = i8259_create(&intr.line);
    init_chip(&i8259_master_io, 0x20, 4, 1);
    init_chip(&i8259_slave_io, 0x28, 2, 1);
    return pic ? 0 : -1;
}

static int teardown(void **state)
{
    pic->ops->destroy(pic);
    return 0;
}

static void test_edge_and_eoi(void **state)
{
    i8259_set_irq(pic, 1, true);
    assert_true(intr.line.level);
    assert_int_equal(i8259_ack(pic), 0x21);
    assert_false(intr.line.level);
    i8259_set_irq(pic, 1, false);
    i8259_set_irq(pic, 1, true); /* the next edge waits for the EOI */
    assert_false(intr.line.level);
    out8(pic, &i8259_master_io, 0, 0x20);
    assert_true(intr.line.level);
    assert_int_equal(i8259_ack(pic), 0x21);
    out8(pic, &i8259_master_io, 0, 0x61);   /* specific */
    assert_false(intr.line.level);          /* high, but no edge */
    assert_int_equal(i8259_ack(pic), 0x27); /* spurious */
}

static void test_priority_and_mask(void **state)
{
    out8(pic, &i8259_master_io, 1, 0x02);
    i8259_set_irq(pic, 1, true);
    assert_false(intr.line.level);
    i8259_set_irq(pic, 5, true);
    i8259_set_irq(pic, 0, true);
    assert_int_equal(in8(pic, &i8259_master_io, 0), 0x23);
    assert_int_equal(i8259_ack(pic), 0x20);
    assert_false(intr.line.level); /* 5 is less than 0 in service */
    out8(pic, &i8259_master_io, 0, 0x20);
    assert_int_equal(i8259_ack(pic), 0x25);
    out8(pic, &i8259_master_io, 1, 0x00);
    assert_int_equal(i8259_ack(pic), 0x21); /* nests */
    out8(pic, &i8259_master_io, 0, 0x0B);
    assert_int_equal(in8(pic, &i8259_master_io, 0), 0x22);
}

static void test_cascade(void **state)
{
    i8259_set_irq(pic, 8, true);
    i8259_set_irq(pic, 12, true);
    assert_int_equal(i8259_ack(pic), 0x28);
    assert_false(intr.line.level);
    out8(pic, &i8259_slave_io, 0, 0x20);
    assert_false(intr.line.level); /* the master still has its input 2 in service */
    out8(pic, &i8259_master_io, 0, 0x20);
    assert_true(intr.line.level);
    assert_int_equal(i8259_ack(pic), 0x2C);
    out8(pic, &i8259_slave_io, 0, 0x20);
    out8(pic, &i8259_master_io, 0, 0x20);
    i8259_set_irq(pic, 2, true); /* nobody can drive the cascade */
    assert_false(intr.line.level);
}

static void test_level(void **state)
{
    out8(pic, &i8259_elcr_io, 0, 0xFF);
    out8(pic, &i8259_elcr_io, 1, 0xFF);
    assert_int_equal(in16(pic, &i8259_elcr_io, 0), 0xDEF8);
    i8259_set_irq(pic, 10, true);
    assert_int_equal(i8259_ack(pic), 0x2A);
    out8(pic, &i8259_slave_io, 0, 0x20);
    out8(pic, &i8259_master_io, 0, 0x20);
    assert_true(intr.line.level); /* still high */
    i8259_set_irq(pic, 10, false);
    assert_false(intr.line.level);
}

static void test_modes(void **state)
{
    init_chip(&i8259_master_io, 0x40, 4, 3); /* automatic EOI */
    out8(pic, &i8259_master_io, 0, 0x80);    /* rotating */
    i8259_set_irq(pic, 3, true);
    assert_int_equal(i8259_ack(pic), 0x43);
    i8259_set_irq(pic, 3, false);
    i8259_set_irq(pic, 3, true);
    i8259_set_irq(pic, 4, true);
    assert_int_equal(i8259_ack(pic), 0x44); /* 3 went to the end */
    init_chip(&i8259_master_io, 0x40, 4, 1);
    i8259_set_irq(pic, 0, true);
    assert_int_equal(i8259_ack(pic), 0x40);
    out8(pic, &i8259_master_io, 1, 0x01);
    out8(pic, &i8259_master_io, 0, 0x68); /* special mask: 0 is masked and no longer blocks */
    i8259_set_irq(pic, 5, true);
    assert_int_equal(i8259_ack(pic), 0x45);
    init_chip(&i8259_master_io, 0x40, 4, 1);
    i8259_set_irq(pic, 6, true);
    out8(pic, &i8259_master_io, 0, 0x0C); /* poll */
    assert_int_equal(in8(pic, &i8259_master_io, 0), 0x86);
    assert_false(intr.line.level);
    out8(pic, &i8259_master_io, 0, 0xC3); /* 3 is the lowest now, 4 the highest */
    out8(pic, &i8259_master_io, 0, 0x66);
    i8259_set_irq(pic, 6, false);
    i8259_set_irq(pic, 6, true);
    i8259_set_irq(pic, 1, true);
    assert_int_equal(i8259_ack(pic), 0x46);
}

static void test_save(void **state)
{
    struct device *other = i8259_create(NULL);
    uint8_t bad[64];

    i8259_set_irq(pic, 9, true);
    i8259_set_irq(pic, 1, true);
    i8259_ack(pic);
    assert_roundtrip(pic, other);
    assert_int_equal(pic->ops->state_size <= sizeof bad, 1);
    memset(bad, 0xFF, sizeof bad);
    assert_refused(pic, bad);
    torture(pic, &i8259_master_io, 2, 20000);
    torture(pic, &i8259_slave_io, 2, 20000);
    torture(pic, &i8259_elcr_io, 2, 2000);
    other->ops->destroy(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_edge_and_eoi, setup, teardown),
        cmocka_unit_test_setup_teardown(test_priority_and_mask, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cascade, setup, teardown),
        cmocka_unit_test_setup_teardown(test_level, setup, teardown),
        cmocka_unit_test_setup_teardown(test_modes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_save, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
