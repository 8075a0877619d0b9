/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_vdev.c: disk names to numbers and places (xen-vbd-interface(7), and what `xl block-list` shows on real Xen). */
#include "config/vdev.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct {
    const char *name;
    uint32_t number;
    enum vdev_bus bus;
    unsigned disk, partition;
    int channel, unit; /* -1: not on IDE */
} good[] = {
    {"hda", 768, VDEV_IDE, 0, 0, 0, 0},
    {"hdb", 832, VDEV_IDE, 1, 0, 0, 1},
    {"hdc", 5632, VDEV_IDE, 2, 0, 1, 0},
    {"hdd", 5696, VDEV_IDE, 3, 0, 1, 1},
    {"hda63", 831, VDEV_IDE, 0, 63, -1, -1},
    {"sda", 2048, VDEV_SCSI, 0, 0, -1, -1},
    {"sdp15", 2303, VDEV_SCSI, 15, 15, -1, -1},
    {"xvda", 51712, VDEV_XEN, 0, 0, 0, 0},
    {"xvdb", 51728, VDEV_XEN, 1, 0, 0, 1},
    {"xvda1", 51713, VDEV_XEN, 0, 1, -1, -1},
    {"xvde", 51776, VDEV_XEN, 4, 0, -1, -1},
    {"xvdp15", 51967, VDEV_XEN, 15, 15, -1, -1},
    {"xvdq", (1u << 28) + (16u << 8), VDEV_XEN, 16, 0, -1, -1},
    {"xvdaa", (1u << 28) + (26u << 8), VDEV_XEN, 26, 0, -1, -1},
    {"xvda16", (1u << 28) + 16, VDEV_XEN, 0, 16, -1, -1},
    {"fda", 512, VDEV_FLOPPY, 0, 0, -1, -1},
    {"fdb", 513, VDEV_FLOPPY, 1, 0, -1, -1},
    {"d0", 51712, VDEV_XEN, 0, 0, 0, 0},
    {"d5p2", 51794, VDEV_XEN, 5, 2, -1, -1},
    {"768", 768, VDEV_IDE, 0, 0, 0, 0},
    {"0xca00", 51712, VDEV_XEN, 0, 0, 0, 0},
    {"5696", 5696, VDEV_IDE, 3, 0, 1, 1},
    {"2064", 2064, VDEV_SCSI, 1, 0, -1, -1},
};

static void test_good(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        unsigned channel, unit;
        struct vdev v;

        if (!vdev_parse(good[i].name, &v))
            fail_msg("%s refused", good[i].name);
        if (v.number != good[i].number || v.bus != good[i].bus || v.disk != good[i].disk ||
            v.partition != good[i].partition)
            fail_msg("%s is %u, bus %d, disk %u, partition %u", good[i].name, v.number, v.bus, v.disk, v.partition);
        assert_int_equal(vdev_ide(&v, &channel, &unit), good[i].channel >= 0);
        if (good[i].channel >= 0) {
            assert_int_equal(channel, good[i].channel);
            assert_int_equal(unit, good[i].unit);
        }
    }
}

static void test_bad(void **state)
{
    static const char *const bad[] = {"",     "hd",    "hde",         "hda64",       "sdq",    "sda16", "xvd", "xvda0",
                                      "xvdA", "zzz",   "hda1x",       "xvda256",     "d",      "d1p",   "dp1", "12x",
                                      "-1",   "hda 1", "xvdzzzzzzzz", "99999999999", "d1p256", "fdc",   "fda1"};
    struct vdev v;

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        if (vdev_parse(bad[i], &v))
            fail_msg("'%s' accepted", bad[i]);
    }
    assert_false(vdev_parse(NULL, &v));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_good), cmocka_unit_test(test_bad)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
