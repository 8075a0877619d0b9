/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_image.c: what an image's first and last bytes say about it. */
#include "config/image.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const char *magic(const char *head, size_t len)
{
    uint8_t bytes[512] = {0};

    memcpy(bytes, head, len);
    return image_magic(bytes, sizeof bytes, NULL, 0);
}

static void test_magic(void **state)
{
    uint8_t zero[512] = {0}, foot[512] = "conectix";

    assert_string_equal(magic("QFI\xfb\0\0\0\3", 8), "qcow2");
    assert_string_equal(magic("QFI\xfb\0\0\0\1", 8), "qcow");
    assert_string_equal(magic("conectix", 8), "vhd");
    assert_string_equal(magic("vhdxfile", 8), "vhdx");
    assert_string_equal(magic("KDMV", 4), "vmdk");
    assert_string_equal(magic("# Disk DescriptorFile\n", 22), "vmdk");
    assert_null(magic("\xeb\x63\x90", 3));
    assert_null(image_magic(zero, 3, zero, 0));
    assert_string_equal(image_magic(zero, 512, foot, 512), "vhd");
}

struct seen {
    int lines;
    char last[1024];
};

static void see(void *opaque, enum config_level level, const char *text)
{
    struct seen *seen = opaque;

    assert_int_equal(level, CONFIG_WARNING);
    seen->lines++;
    snprintf(seen->last, sizeof seen->last, "%s", text);
}

static void test_check(void **state)
{
    char path[] = "/tmp/domus-image-XXXXXX", text[200];
    struct seen seen = {0};
    const struct config_sink sink = {.line = see, .opaque = &seen};
    struct domain_config *config;
    int fd = mkstemp(path), rc;

    assert_true(fd >= 0);
    assert_int_equal(write(fd, "QFI\xfb\0\0\0\3", 8), 8);
    close(fd);
    snprintf(text, sizeof text, "name=\"a\"\ntype=\"hvm\"\ndisk=['file:%s,hda,w','qcow2:%s,hdb,w','/nosuch,raw,hdc,r']",
             path, path);
    config = config_parse(text, strlen(text), "f.cfg", NULL, NULL, &sink, &rc);
    assert_non_null(config);
    image_check(config, &sink);
    assert_int_equal(seen.lines, 1); /* not for the one that says qcow2, nor for the missing one */
    assert_non_null(strstr(seen.last, "f.cfg:3: warning: "));
    assert_non_null(strstr(seen.last, "qcow2"));
    config_free(config);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_magic), cmocka_unit_test(test_check)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
