/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_hvm_build.c: where RAM, hvmloader, start_info, hvm_info and the special pages end up; which files are refused.
 */
#include "board/hvm_build.h"

#include "base/bytes.h"
#include "base/log.h"
#include "board/firmware.h"
#include "machine/loop.h"
#include "machine/memory.h"
#include "x86/cpu.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#define MIB (1024ull * 1024)

/* What is refused is said; the test's reader need not see it. */
static void quiet(bool on)
{
    static int null = -1;

    if (null < 0)
        null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    log_init(on ? null : 2, LOG_WARNING);
}

static bool mapped(struct memory *m, gpa_t gpa)
{
    return memory_lookup(m, gpa >> PAGE_SHIFT_4K).flags & MEMORY_PRESENT;
}

static void test_layout(void **state)
{
    struct hvm_build_config c = {.memory_kib = 504 * 1024};
    struct hvm_layout l;

    assert_int_equal(hvm_layout_init(&l, &c), 0);
    assert_int_equal(l.lowmem_end, 0x1f800000); /* as real Xen's E820 for memory=512 with 8 MiB of video memory */
    assert_int_equal(l.highmem_end, 0);
    c.memory_kib = 6 * 1024 * 1024;
    assert_int_equal(hvm_layout_init(&l, &c), 0);
    assert_int_equal(l.lowmem_end, 0xf0000000);
    assert_int_equal(l.highmem_end, 0x190000000);
    assert_int_equal(l.map_count, 2);
    c.mmio_hole_bytes = 1024 * MIB;
    assert_int_equal(hvm_layout_init(&l, &c), 0);
    assert_int_equal(l.lowmem_end, 0xc0000000);
    quiet(true);
    c.mmio_hole_bytes = 4096 * MIB;
    assert_int_equal(hvm_layout_init(&l, &c), -EINVAL);
    c.mmio_hole_bytes = 16 * MIB;
    assert_int_equal(hvm_layout_init(&l, &c), -EINVAL);
    c = (struct hvm_build_config){.memory_kib = 1024};
    assert_int_equal(hvm_layout_init(&l, &c), -EINVAL);
    c.memory_kib = ~0ull;
    assert_int_equal(hvm_layout_init(&l, &c), -EINVAL);
    quiet(false);
}

/* With Debian's own hvmloader and SeaBIOS, which the build installs. */
static void test_hvmloader(void **state)
{
    char *bios = firmware_find(FIRMWARE_SEABIOS);
    struct hvm_build_config c = {.memory_kib = 64 * 1024, .vcpus = 3, .vcpus_online = {5}, .bios = bios};
    struct hvm_build_result r;
    struct hvm_layout l;
    struct x86_cpu cpu;
    struct memory *m;
    const uint8_t *info;
    uint8_t sum = 0;

    assert_non_null(bios);
    assert_int_equal(hvm_layout_init(&l, &c), 0);
    m = memory_create(l.ram_bytes);
    assert_int_equal(hvm_build(m, &l, &c, &cpu, &r), 0);

    assert_int_equal(cpu.rip, 0x100000);
    assert_int_equal(cpu.cr0, 0x11);
    assert_int_equal(cpu.gpr[X86_RBX], r.start_info);
    assert_int_equal(cpu.seg[X86_CS].attr, 0xc9b);
    assert_int_equal(cpu.seg[X86_TR].limit, 0x67);
    assert_true(mapped(m, 0x9ffff) && !mapped(m, 0xa0000) && !mapped(m, 0xbffff) && mapped(m, 0xc0000));
    assert_true(mapped(m, 64 * MIB - 1) && !mapped(m, 64 * MIB));
    assert_true(!mapped(m, 0xfefef000) && mapped(m, 0xfeff0000) && mapped(m, 0xfefff000) && !mapped(m, 0xff000000));

    info = mem_at(m, 0x9f800, 48);
    assert_memory_equal(info, "HVM INFO", 8);
    for (unsigned i = 0; i < 48; i++)
        sum = (uint8_t)(sum + info[i]);
    assert_int_equal(sum, 0);
    assert_int_equal(load_le32(info + 16), 3);
    assert_int_equal(load_le32(info + 20), 64 * MIB >> 12);
    assert_int_equal(info[32], 5);

    const uint8_t *start = mem_at(m, r.start_info, 56);
    assert_int_equal(load_le32(start), 0x336ec578);
    assert_int_equal(load_le32(start + 12), 1);
    const uint8_t *module = mem_at(m, load_le64(start + 16), 32);
    assert_int_equal(load_le64(module), 0x134000);
    assert_int_equal(load_le64(module + 8), 256 * 1024);
    assert_string_equal(mem_at(m, load_le64(module + 16), 9), "firmware");
    assert_int_equal(load_le32(mem_at(m, 0xfeffe004, 4)), 0x4000e7);
    memory_destroy(m);
    free(bios);
}

struct elf_file {
    Elf32_Ehdr h;
    Elf32_Phdr p[2];
    uint8_t text[16];
};

static struct elf_file good_elf(void)
{
    struct elf_file f = {
        .h = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS32, ELFDATA2LSB, 1},
              .e_type = ET_EXEC,
              .e_machine = EM_386,
              .e_entry = 0x200000,
              .e_phoff = offsetof(struct elf_file, p),
              .e_phentsize = sizeof(Elf32_Phdr),
              .e_phnum = 2},
        .p = {{.p_type = PT_LOAD,
               .p_offset = offsetof(struct elf_file, text),
               .p_paddr = 0x200000,
               .p_filesz = 16,
               .p_memsz = 0x2000},
              {.p_type = PT_NOTE}},
        .text = "sixteen bytes..",
    };

    return f;
}

static int build_elf(const struct elf_file *f, size_t len, struct x86_cpu *cpu, struct memory **out)
{
    char path[] = "/tmp/domus-test-elf-XXXXXX";
    struct hvm_build_config c = {.memory_kib = 8 * 1024, .vcpus = 1, .firmware_override = path};
    struct hvm_build_result r;
    struct hvm_layout l;
    struct memory *m;
    int fd = mkstemp(path), rc;

    assert_true(fd >= 0 && write(fd, f, len) == (ssize_t)len);
    close(fd);
    assert_int_equal(hvm_layout_init(&l, &c), 0);
    m = memory_create(l.ram_bytes);
    rc = hvm_build(m, &l, &c, cpu, &r);
    unlink(path);
    if (out)
        *out = m;
    else
        memory_destroy(m);
    return rc;
}

static void test_override(void **state)
{
    struct elf_file f = good_elf();
    struct x86_cpu cpu;
    struct memory *m;

    assert_int_equal(build_elf(&f, sizeof f, &cpu, &m), 0);
    assert_int_equal(cpu.rip, 0x200000);
    assert_int_equal(cpu.gpr[X86_RBX], 0x202000);
    assert_memory_equal(mem_at(m, 0x200000, 16), f.text, 16);
    memory_destroy(m);
}

static void test_bad_elf(void **state)
{
    struct elf_file good = good_elf(), f;
    struct x86_cpu cpu;

    quiet(true);
    assert_int_equal(build_elf(&good, 20, &cpu, NULL), -ENOEXEC);
    assert_int_equal(build_elf(&good, 0, &cpu, NULL), -ENOEXEC);
    assert_int_equal(build_elf(&good, offsetof(struct elf_file, text), &cpu, NULL), -ENOEXEC);
    f = good;
    f.h.e_ident[0] = 0;
    assert_int_equal(build_elf(&f, sizeof f, &cpu, NULL), -ENOEXEC);
    f = good;
    f.h.e_machine = EM_ARM;
    assert_int_equal(build_elf(&f, sizeof f, &cpu, NULL), -ENOEXEC);
    f = good;
    f.h.e_phoff = 0xffffff00;
    assert_int_equal(build_elf(&f, sizeof f, &cpu, NULL), -ENOEXEC);
    f = good;
    f.p[0].p_filesz = 0xffffffff;
    assert_int_equal(build_elf(&f, sizeof f, &cpu, NULL), -ENOEXEC);
    f = good;
    f.p[0].p_memsz = 0;
    assert_int_equal(build_elf(&f, sizeof f, &cpu, NULL), -ENOEXEC);
    f = good;
    f.p[0].p_paddr = 0x80000000; /* no memory there */
    assert_int_equal(build_elf(&f, sizeof f, &cpu, NULL), -ENOMEM);
    f = good;
    f.p[0].p_paddr = 0xb0000; /* into the VGA window */
    assert_int_equal(build_elf(&f, sizeof f, &cpu, NULL), -ENOMEM);
    f = good;
    f.p[0].p_memsz = 0xf0000000;
    assert_int_equal(build_elf(&f, sizeof f, &cpu, NULL), -ENOEXEC);
    quiet(false);
}

static void test_files(void **state)
{
    uint8_t *bytes;
    size_t len;

    quiet(true);
    assert_int_equal(firmware_read("/nonexistent", 10, &bytes, &len), -ENOENT);
    assert_int_equal(firmware_read("/tmp", 10, &bytes, &len), -EINVAL);
    assert_int_equal(firmware_read("/proc/self/exe", 10, &bytes, &len), -EFBIG);
    quiet(false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layout),  cmocka_unit_test(test_hvmloader), cmocka_unit_test(test_override),
        cmocka_unit_test(test_bad_elf), cmocka_unit_test(test_files),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
