/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dev/i8237.h"
#include "machine/memory.h"

#include "fake.h"

#include <string.h>

#define RAM_BYTES (4u << 20)

static struct memory *memory;
static struct device *dma;

static int setup(void **state)
{
    fake_loop_reset();
    memory = memory_create(RAM_BYTES);
    if (!memory || memory_map_ram(memory, 0, 0, RAM_BYTES / PAGE_BYTES))
        return -1;
    dma = i8237_create(memory);
    out8(dma, &i8237_high_io, 0xA << 1, 0); /* the BIOS opens the cascade */
    return 0;
}

static int teardown(void **state)
{
    dma->ops->destroy(dma);
    memory_destroy(memory);
    return 0;
}

/* As programs do: mask, flip-flop, mode, address, count, page, unmask. */
static void program(unsigned channel, unsigned mode, uint32_t address, unsigned count)
{
    static const uint8_t pages[] = {0x7, 0x3, 0x1, 0x2, 0xF, 0xB, 0x9, 0xA};
    const struct io_ops *io = channel < 4 ? &i8237_low_io : &i8237_high_io;
    unsigned shift = channel < 4 ? 0 : 1, ch = channel & 3, low = channel < 4 ? address : address >> 1;

    out8(dma, io, 0xA << shift, 4 | ch);
    out8(dma, io, 0xC << shift, 0);
    out8(dma, io, 0xB << shift, mode | ch);
    out8(dma, io, (2 * ch) << shift, low & 0xFF);
    out8(dma, io, (2 * ch) << shift, low >> 8 & 0xFF);
    out8(dma, io, (2 * ch + 1) << shift, (count - 1) & 0xFF);
    out8(dma, io, (2 * ch + 1) << shift, (count - 1) >> 8);
    out8(dma, &i8237_page_io, pages[channel], address >> 16);
    out8(dma, io, 0xA << shift, ch);
}

static void test_floppy_read(void **state)
{
    uint8_t sector[512];
    bool end;

    memset(sector, 0x5A, sizeof sector);
    program(2, 0x44, 0x12345, 1024);
    assert_true(i8237_ready(dma, 2));
    assert_int_equal(i8237_to_memory(dma, 2, sector, 512, &end), 512);
    assert_false(end);
    assert_int_equal(in8(dma, &i8237_low_io, 4), 0x45); /* address now */
    assert_int_equal(in8(dma, &i8237_low_io, 4), 0x25);
    assert_int_equal(i8237_to_memory(dma, 2, sector, 512, &end), 512);
    assert_true(end);
    assert_false(i8237_ready(dma, 2));
    assert_int_equal(i8237_to_memory(dma, 2, sector, 512, &end), 0);
    assert_memory_equal(mem_at(memory, 0x12345, 512), sector, 512);
    assert_memory_equal(mem_at(memory, 0x12545, 512), sector, 512);
    assert_int_equal(*(uint8_t *)mem_at(memory, 0x12745, 1), 0);
    assert_int_equal(in8(dma, &i8237_low_io, 8), 0x04);
    assert_int_equal(in8(dma, &i8237_low_io, 8), 0x00);
}

static void test_directions(void **state)
{
    uint8_t bytes[4] = {1, 2, 3, 4};
    bool end;

    program(1, 0x48, 0x1000, 4);
    assert_int_equal(i8237_to_memory(dma, 1, bytes, 4, &end), 0); /* programmed the other way */
    memcpy(mem_at(memory, 0x1000, 4), "abcd", 4);
    assert_int_equal(i8237_from_memory(dma, 1, bytes, 4, &end), 4);
    assert_memory_equal(bytes, "abcd", 4);
    program(1, 0x68, 0x1003, 4); /* downwards */
    assert_int_equal(i8237_from_memory(dma, 1, bytes, 4, &end), 4);
    assert_memory_equal(bytes, "dcba", 4);
    program(1, 0x40, 0x1000, 4); /* verify: nothing is written */
    assert_int_equal(i8237_to_memory(dma, 1, "WXYZ", 4, &end), 4);
    assert_memory_equal(mem_at(memory, 0x1000, 4), "abcd", 4);
    program(1, 0x48, 0xFF0000, 4); /* no RAM there */
    assert_int_equal(i8237_from_memory(dma, 1, bytes, 4, &end), 4);
    assert_memory_equal(bytes, "\xFF\xFF\xFF\xFF", 4);
}

static void test_auto_and_wrap(void **state)
{
    char bytes[12];
    bool end;

    memcpy(mem_at(memory, 0x2FFFE, 2), "ab", 2);
    memcpy(mem_at(memory, 0x20000, 2), "cd", 2);
    program(3, 0x58, 0x2FFFE, 4); /* wraps in its 64 KiB, and starts again by itself */
    assert_int_equal(i8237_from_memory(dma, 3, bytes, 10, &end), 10);
    assert_true(end);
    assert_memory_equal(bytes, "abcdabcdab", 10);
    assert_true(i8237_ready(dma, 3));
}

static void test_words(void **state)
{
    uint8_t bytes[8];
    bool end;

    memcpy(mem_at(memory, 0x3FFFC, 4), "abcd", 4);
    memcpy(mem_at(memory, 0x20000, 4), "efgh", 4);
    program(5, 0x48, 0x3FFFC, 4); /* words: wraps in 128 KiB */
    assert_int_equal(i8237_from_memory(dma, 5, bytes, 8, &end), 8);
    assert_true(end);
    assert_memory_equal(bytes, "abcdefgh", 8);
    assert_int_equal(i8237_from_memory(dma, 4, bytes, 8, &end), 0);
    out8(dma, &i8237_high_io, 0xD << 1, 0); /* master clear masks the cascade: nothing comes through */
    program(2, 0x44, 0, 16);
    assert_false(i8237_ready(dma, 2));
}

static void test_save(void **state)
{
    struct device *other = i8237_create(memory);
    uint8_t bad[256], bytes[16];
    bool end;

    program(2, 0x44, 0x12345, 1024);
    out8(dma, &i8237_page_io, 0, 0x77); /* POST code */
    i8237_to_memory(dma, 2, "x", 1, &end);
    assert_roundtrip(dma, other);
    other->ops->destroy(other);
    memset(bad, 0xFF, sizeof bad);
    assert_true(dma->ops->state_size <= sizeof bad);
    assert_refused(dma, bad);
    for (unsigned i = 0; i < 100; i++) {
        torture(dma, &i8237_low_io, 16, 200);
        torture(dma, &i8237_high_io, 32, 200);
        torture(dma, &i8237_page_io, 16, 20);
        i8237_to_memory(dma, i, bytes, sizeof bytes, &end);
        i8237_from_memory(dma, i, bytes, sizeof bytes, &end);
        i8237_set_request(dma, i, i & 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_floppy_read, setup, teardown),
        cmocka_unit_test_setup_teardown(test_directions, setup, teardown),
        cmocka_unit_test_setup_teardown(test_auto_and_wrap, setup, teardown),
        cmocka_unit_test_setup_teardown(test_words, setup, teardown),
        cmocka_unit_test_setup_teardown(test_save, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
