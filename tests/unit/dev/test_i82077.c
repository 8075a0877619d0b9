/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dev/i8237.h"
#include "dev/i82077.h"
#include "machine/memory.h"

#include "fake.h"
#include "fake_block.h"

#include <string.h>

#define RAM_BYTES (1u << 20)
#define BUFFER    0x8000u

enum { DOR = 2, MSR = 4, FIFO = 5 };

static struct memory *memory;
static struct device *dma, *fdc;
static struct fake_line irq6;
static struct fake_disk disk;

static int setup(void **state)
{
    fake_loop_reset();
    fake_line_init(&irq6);
    memory = memory_create(RAM_BYTES);
    if (!memory || memory_map_ram(memory, 0, 0, RAM_BYTES / PAGE_BYTES))
        return -1;
    dma = i8237_create(memory);
    out8(dma, &i8237_high_io, 0xA << 1, 0);
    fdc = i82077_create(fake_loop, &irq6.line, dma);
    assert_int_equal(i82077_add_drive(fdc, 0, 4), 0);
    return i82077_insert(fdc, 0, fake_open(&disk, 2880, false));
}

static int teardown(void **state)
{
    fdc->ops->destroy(fdc);
    dma->ops->destroy(dma);
    memory_destroy(memory);
    free(disk.bytes);
    disk.bytes = NULL;
    return 0;
}

static void command(unsigned n, ...)
{
    va_list ap;

    va_start(ap, n);
    while (n--) {
        assert_int_equal(in8(fdc, &i82077_io, MSR) & 0xC0, 0x80);
        out8(fdc, &i82077_io, FIFO, va_arg(ap, unsigned));
    }
    va_end(ap);
}

static void expect(unsigned n, ...)
{
    va_list ap;

    va_start(ap, n);
    while (n--) {
        assert_int_equal(in8(fdc, &i82077_io, MSR) & 0xF0, 0xD0);
        assert_int_equal(in8(fdc, &i82077_io, FIFO), va_arg(ap, unsigned));
    }
    va_end(ap);
    assert_int_equal(in8(fdc, &i82077_io, MSR), 0x80);
}

/* As a BIOS does: reset, four senses, specify, data rate, recalibrate. */
static void start(unsigned rate)
{
    out8(fdc, &i82077_io, DOR, 0x18);
    out8(fdc, &i82077_io, DOR, 0x1C);
    assert_true(irq6.line.level);
    for (unsigned i = 0; i < 4; i++) {
        command(1, 8u);
        expect(2, 0xC0 | i, 0u);
        assert_false(irq6.line.level);
    }
    command(3, 3u, 0xAFu, 2u);
    out8(fdc, &i82077_dir_io, 0, rate);
    command(2, 7u, 0u);
    fake_advance(10000000);
    assert_true(irq6.line.level);
    command(1, 8u);
    expect(2, 0x20u, 0u);
}

static void program(unsigned mode, unsigned count)
{
    out8(dma, &i8237_low_io, 0xA, 6);
    out8(dma, &i8237_low_io, 0xC, 0);
    out8(dma, &i8237_low_io, 0xB, mode | 2);
    out8(dma, &i8237_low_io, 4, BUFFER & 0xFF);
    out8(dma, &i8237_low_io, 4, BUFFER >> 8);
    out8(dma, &i8237_low_io, 5, (count - 1) & 0xFF);
    out8(dma, &i8237_low_io, 5, (count - 1) >> 8);
    out8(dma, &i8237_page_io, 1, 0);
    out8(dma, &i8237_low_io, 0xA, 2);
}

static void test_reset_and_ids(void **state)
{
    assert_int_equal(in8(fdc, &i82077_io, MSR), 0);
    start(0);
    command(1, 8u); /* nothing to sense */
    expect(1, 0x80u);
    command(1, 0x10u);
    expect(1, 0x90u);
    command(1, 0x18u); /* PART ID is the 82078's */
    expect(1, 0x80u);
    command(4, 0x13u, 0u, 0x57u, 0u);
    command(1, 0x94u);
    expect(1, 0x10u);
    command(1, 0x0Eu);
    expect(10, 0u, 0u, 0u, 0u, 0xAFu, 2u, 0u, 0x80u, 0x57u, 0u);
    command(2, 4u, 0u);
    expect(1, 0x38u);
    command(2, 7u, 3u); /* no such drive */
    fake_advance(10000000);
    command(1, 8u);
    expect(2, 0x73u, 0u);
}

static void test_read(void **state)
{
    start(0);
    program(0x44, 1024);
    command(9, 0xE6u, 0u, 0u, 0u, 18u, 2u, 18u, 0x1Bu, 0xFFu); /* the last sector, then over to head 1 */
    assert_int_equal(in8(fdc, &i82077_io, MSR), 0x10);
    fake_pump(&disk);
    assert_true(irq6.line.level);
    expect(7, 4u, 0u, 0u, 0u, 1u, 2u, 2u);
    assert_false(irq6.line.level);
    assert_memory_equal(mem_at(memory, BUFFER, 1024), disk.bytes + 17 * 512, 1024);
    program(0x44, 1024);
    command(9, 0x66u, 0u, 0u, 0u, 18u, 2u, 18u, 0x1Bu, 0xFFu); /* one track only: it ends before the DMA does */
    fake_pump(&disk);
    expect(7, 0x40u, 0x80u, 0u, 1u, 0u, 1u, 2u);
    command(9, 0x66u, 0u, 1u, 0u, 1u, 2u, 18u, 0x1Bu, 0xFFu); /* not sought there */
    expect(7, 0x40u, 4u, 0x10u, 1u, 0u, 1u, 2u);
    out8(dma, &i8237_low_io, 0xA, 6);
    command(9, 0x66u, 0u, 0u, 0u, 1u, 2u, 18u, 0x1Bu, 0xFFu); /* nobody takes the data */
    fake_pump(&disk);
    expect(7, 0x40u, 0x10u, 0u, 0u, 0u, 1u, 2u);
    program(0x44, 512);
    disk.fail_at = disk.requests + 1;
    command(9, 0x66u, 0u, 0u, 0u, 1u, 2u, 18u, 0x1Bu, 0xFFu);
    fake_pump(&disk);
    expect(7, 0x40u, 0x20u, 0u, 0u, 0u, 1u, 2u);
}

static void test_write_and_format(void **state)
{
    start(0);
    command(3, 0xFu, 4u, 5u);
    fake_advance(10000000);
    command(1, 8u);
    expect(2, 0x24u, 5u);
    memset(mem_at(memory, BUFFER, 700), 0x77, 700);
    program(0x48, 700);
    command(9, 0x45u, 4u, 5u, 1u, 3u, 2u, 18u, 0x1Bu, 0xFFu);
    fake_pump(&disk);
    expect(7, 4u, 0u, 0u, 5u, 1u, 5u, 2u);
    assert_memory_equal(disk.bytes + (5 * 36 + 18 + 2) * 512, mem_at(memory, BUFFER, 700), 700);
    assert_int_equal(disk.bytes[(5 * 36 + 18 + 2) * 512 + 700], 0);
    for (unsigned i = 0; i < 18; i++)
        memcpy(mem_at(memory, BUFFER + 4 * i, 4), (uint8_t[]){5, 0, (uint8_t)(i + 1), 2}, 4);
    program(0x48, 72);
    command(6, 0x4Du, 0u, 2u, 18u, 0x54u, 0xF6u);
    fake_pump(&disk);
    expect(7, 0u, 0u, 0u, 5u, 0u, 18u, 2u);
    for (unsigned i = 0; i < 18 * 512; i++)
        assert_int_equal(disk.bytes[5 * 36 * 512 + i], 0xF6);
    assert_int_equal(i82077_insert(fdc, 0, fake_open(&disk, 2880, true)), 0);
    program(0x48, 512);
    command(9, 0x45u, 0u, 5u, 0u, 1u, 2u, 18u, 0x1Bu, 0xFFu);
    expect(7, 0x40u, 2u, 0u, 5u, 0u, 1u, 2u);
    command(2, 4u, 0u);
    expect(1, 0x68u);
}

static void test_without_dma(void **state)
{
    start(0);
    command(3, 3u, 0xAFu, 3u);
    command(9, 0x46u, 0u, 0u, 0u, 2u, 2u, 2u, 0x1Bu, 0xFFu);
    fake_pump(&disk);
    assert_true(irq6.line.level);
    for (unsigned i = 0; i < 512; i++) {
        assert_int_equal(in8(fdc, &i82077_io, MSR), 0xF0);
        assert_int_equal(in8(fdc, &i82077_io, FIFO), disk.bytes[512 + i]);
    }
    assert_true(irq6.line.level);
    expect(7, 0x40u, 0x80u, 0u, 1u, 0u, 1u, 2u);
    command(9, 0x45u, 0u, 0u, 0u, 2u, 2u, 2u, 0x1Bu, 0xFFu);
    for (unsigned i = 0; i < 512; i++)
        out8(fdc, &i82077_io, FIFO, 0x3C);
    fake_pump(&disk);
    expect(7, 0x40u, 0x80u, 0u, 1u, 0u, 1u, 2u);
    assert_int_equal(disk.bytes[512], 0x3C);
    assert_int_equal(disk.bytes[1023], 0x3C);
}

static void test_change_line(void **state)
{
    start(0);
    assert_int_equal(in8(fdc, &i82077_dir_io, 0), 0);
    assert_int_equal(i82077_insert(fdc, 0, NULL), 0);
    assert_int_equal(in8(fdc, &i82077_dir_io, 0), 0x80);
    command(2, 7u, 0u);
    fake_advance(10000000);
    command(1, 8u);
    expect(2, 0x20u, 0u);
    assert_int_equal(in8(fdc, &i82077_dir_io, 0), 0x80); /* still no disk */
    command(2, 0x4Au, 0u);
    expect(7, 0x40u, 1u, 0u, 0u, 0u, 1u, 2u);
    assert_int_equal(i82077_insert(fdc, 0, fake_open(&disk, 1440, false)), 0);
    assert_int_equal(in8(fdc, &i82077_dir_io, 0), 0x80);
    command(3, 0xFu, 0u, 1u);
    fake_advance(10000000);
    command(1, 8u);
    expect(2, 0x20u, 1u);
    assert_int_equal(in8(fdc, &i82077_dir_io, 0), 0);
    command(2, 0x4Au, 0u); /* 720K at 500 kbit/s */
    expect(7, 0x40u, 1u, 0u, 1u, 0u, 1u, 2u);
    out8(fdc, &i82077_dir_io, 0, 2);
    command(2, 0x4Au, 0u);
    expect(7, 0u, 0u, 0u, 1u, 0u, 1u, 2u);
}

static void test_sizes(void **state)
{
    static const struct {
        unsigned kib, kind;
    } rows[] = {{160, 1},  {180, 1},  {320, 1},  {360, 1},  {720, 3}, {1200, 2},
                {1440, 4}, {1640, 4}, {1680, 4}, {2880, 5}, {100, 0}, {0, 0}};
    struct fake_disk other = {0};
    struct block *b = fake_open(&other, 720, false);

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++)
        assert_int_equal(i82077_drive_kind(rows[i].kib * 2), rows[i].kind);
    assert_int_equal(i82077_insert(fdc, 0, b), -EINVAL); /* 5.25" into a 3.5" drive */
    assert_int_equal(i82077_insert(fdc, 1, b), -ENODEV);
    assert_int_equal(i82077_add_drive(fdc, 1, 2), 0);
    assert_int_equal(i82077_add_drive(fdc, 1, 2), -EEXIST);
    assert_int_equal(i82077_insert(fdc, 1, b), 0);
    assert_int_equal(i82077_insert(fdc, 1, NULL), 0);
    free(other.bytes);
}

/* A reset while a sector is on its way: it is forgotten, and the next command waits for its turn. */
static void test_reset_meanwhile(void **state)
{
    start(0);
    program(0x44, 512);
    command(9, 0x46u, 0u, 0u, 0u, 1u, 2u, 18u, 0x1Bu, 0xFFu);
    start(0);
    command(9, 0x46u, 0u, 0u, 0u, 7u, 2u, 18u, 0x1Bu, 0xFFu);
    fake_pump(&disk);
    expect(7, 0u, 0u, 0u, 0u, 0u, 8u, 2u);
    assert_memory_equal(mem_at(memory, BUFFER, 512), disk.bytes + 6 * 512, 512);
}

static void test_save(void **state)
{
    struct device *other = i82077_create(fake_loop, NULL, dma);
    struct fake_disk copy = {0};
    uint8_t bad[2048];

    assert_int_equal(i82077_add_drive(other, 0, 4), 0);
    assert_int_equal(i82077_insert(other, 0, fake_open(&copy, 2880, false)), 0);
    start(0);
    program(0x44, 512);
    assert_roundtrip(fdc, other);
    command(9, 0x46u, 0u, 0u, 0u, 3u, 2u, 18u, 0x1Bu, 0xFFu);
    assert_roundtrip(fdc, other); /* the other one asks its own disk again */
    fake_pump(&copy);
    assert_memory_equal(mem_at(memory, BUFFER, 512), copy.bytes + 2 * 512, 512);
    assert_int_equal(in8(other, &i82077_io, MSR), 0xD0);
    other->ops->destroy(other);
    free(copy.bytes);
    memset(bad, 0xFF, sizeof bad);
    assert_refused(fdc, bad);
    fake_pump(&disk);
    disk.strict = false;
    for (unsigned i = 0; i < 200; i++) {
        out8(fdc, &i82077_io, DOR, 0x1C);
        torture(fdc, &i82077_io, 6, 300);
        torture(fdc, &i82077_dir_io, 1, 2);
        fake_advance(1000000);
        fake_pump(&disk);
        assert_int_equal(fdc->ops->check(fdc->state), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_reset_and_ids, setup, teardown),
        cmocka_unit_test_setup_teardown(test_read, setup, teardown),
        cmocka_unit_test_setup_teardown(test_write_and_format, setup, teardown),
        cmocka_unit_test_setup_teardown(test_without_dma, setup, teardown),
        cmocka_unit_test_setup_teardown(test_change_line, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sizes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reset_meanwhile, setup, teardown),
        cmocka_unit_test_setup_teardown(test_save, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
