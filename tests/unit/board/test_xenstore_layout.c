/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_xenstore_layout.c: a domain's keys and rights, against what real Xen 4.17 wrote for the same configuration. */
#include "board/xenstore_layout.h"

#include "base/log.h"
#include "xen/store/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define UUID "f78c4e8c-e6e6-4c98-8a91-fac9f113a1f1"

/* Lines of `xenstore-ls -fp` of such a domain, before its drivers ran. */
static const char *const wanted[] = {
    "/local/domain/1 = \"\"   (n0,r1)",
    "/local/domain/1/vm = \"/vm/" UUID "\"   (n0,r1)",
    "/local/domain/1/name = \"hvm1\"   (n0,r1)",
    "/local/domain/1/cpu/1/availability = \"online\"   (n0,r1)",
    "/local/domain/1/memory/static-max = \"524288\"   (n0,r1)",
    "/local/domain/1/memory/target = \"516096\"   (n0,r1)",
    "/local/domain/1/memory/videoram = \"8192\"   (n0,r1)",
    "/local/domain/1/device/suspend/event-channel = \"\"   (n1)",
    "/local/domain/1/device/vbd = \"\"   (n0,r1)",
    "/local/domain/1/device/vbd/768 = \"\"   (n1,r0)",
    "/local/domain/1/device/vbd/768/backend = \"/local/domain/0/backend/vbd/1/768\"   (n1,r0)",
    "/local/domain/1/device/vbd/768/backend-id = \"0\"   (n1,r0)",
    "/local/domain/1/device/vbd/768/state = \"1\"   (n1,r0)",
    "/local/domain/1/device/vbd/768/virtual-device = \"768\"   (n1,r0)",
    "/local/domain/0/backend/vbd/1/768/frontend = \"/local/domain/1/device/vbd/768\"   (n0,r1)",
    "/local/domain/0/backend/vbd/1/768/mode = \"w\"   (n0,r1)",
    "/local/domain/0/backend/vbd = \"\"   (n0)",
    "/local/domain/1/control = \"\"   (n0,r1)",
    "/local/domain/1/control/shutdown = \"\"   (n1)",
    "/local/domain/1/control/feature-s4 = \"\"   (n1)",
    "/local/domain/1/control/sysrq = \"\"   (n1)",
    "/local/domain/1/control/platform-feature-multiprocessor-suspend = \"1\"   (n0,r1)",
    "/local/domain/1/control/platform-feature-xs_reset_watches = \"1\"   (n0,r1)",
    "/local/domain/1/hvmloader/bios = \"seabios\"   (n0,r1)",
    "/local/domain/1/hvmloader/allow-memory-relocate = \"0\"   (n0,r1)",
    "/local/domain/1/data = \"\"   (n1)",
    "/local/domain/1/error = \"\"   (n1)",
    "/local/domain/1/domid = \"1\"   (n0,r1)",
    "/local/domain/1/store/port = \"1\"   (n0,r1)",
    "/local/domain/1/store/ring-ref = \"1044476\"   (n0,r1)",
    "/local/domain/1/platform/acpi = \"1\"   (n0,r1)",
    "/local/domain/1/platform/acpi_laptop_slate = \"0\"   (n0,r1)",
    "/local/domain/1/platform/device-model = \"qemu_xen\"   (n0,r1)",
    "/local/domain/1/console/backend-id = \"0\"   (n1,r0)",
    "/local/domain/1/console/port = \"2\"   (n0,r1)",
    "/local/domain/1/console/ring-ref = \"1044479\"   (n0,r1)",
    "/local/domain/1/console/vnc-port = \"5900\"   (n0,r1)",
    "/local/domain/1/serial/0/tty = \"/dev/pts/1\"   (n0,r1)",
    "/vm/" UUID " = \"\"   (n0,r1)",
    "/vm/" UUID "/image/ostype = \"hvm\"   (n0,r1)",
    "/vm/" UUID "/start_time = \"1795348382.00\"   (n0,r1)",
    "/libxl/1/type = \"hvm\"   (n0)",
    "/libxl/1/device/vbd/768/mode = \"w\"   (n0)",
    "/local/domain/1/bios-strings/oem-1 = \"a=b\"   (n0,r1)",
    "/local/domain/1/hvmloader/smbios/address = \"0x174000\"   (n0,r1)",
};

static bool has_line(const char *text, const char *line)
{
    size_t len = strlen(line);

    for (const char *at = strstr(text, line); at; at = strstr(at + 1, line))
        if ((at == text || at[-1] == '\n') && at[len] == '\n')
            return true;
    return false;
}

static void test_layout(void **state)
{
    static const char *const front[] = {"virtual-device=768", "device-type=disk", NULL};
    static const char *const back[] = {"params=/g/hvm.img", "mode=w", NULL};
    static const char *const strings[] = {"oem-1=a=b", NULL};
    const struct xenstore_device disk = {1, "vbd", "vbd", 768, front, back};
    const struct xenstore_layout l = {
        .domid = 1,
        .name = "hvm1",
        .uuid = UUID,
        .vcpus_max = 2,
        .vcpus_online = 2,
        .static_max_kib = 524288,
        .target_kib = 516096,
        .videoram_kib = 8192,
        .start_time_s = 1795348382,
        .type = "hvm",
        .bios = "seabios",
        .acpi = true,
        .acpi_s3 = true,
        .acpi_s4 = true,
        .bios_strings = strings,
        .smbios_address = 0x174000,
        .smbios_length = 10,
        .store_port = 1,
        .console_port = 2,
        .store_gfn = 0xfeffc,
        .console_gfn = 0xfefff,
        .serial_tty = "/dev/pts/1",
        .vnc_listen = "0.0.0.0",
        .vnc_port = 5900,
        .pid = 298,
    };
    struct store *s = store_create();
    unsigned missing = 0;
    char *text;

    assert_int_equal(xenstore_layout_write(s, &l), 0);
    assert_int_equal(xenstore_layout_add_device(s, &disk), 0);
    text = store_dump(s, "/", true);
    for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
        if (!has_line(text, wanted[i])) {
            print_error("missing: %s\n", wanted[i]);
            missing++;
        }
    assert_int_equal(missing, 0);
    free(text);
    xenstore_layout_remove(s, 1, UUID);
    text = store_dump(s, "/", false);
    assert_null(strstr(text, "hvm1"));
    assert_null(strstr(text, "768"));
    free(text);
    store_destroy(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_layout)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
