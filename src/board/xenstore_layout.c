/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * xenstore_layout.c: see xenstore_layout.h. Paths, values and rights as libxl of Xen 4.17 leaves them for a domain that
 * has not run yet. (docs/misc/xenstore-paths.pandoc.)
 */
#include "board/xenstore_layout.h"

#include "base/log.h"
#include "xen/store/store.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One domain's keys being written; the first error stays in rc and makes the rest do nothing. */
struct writer {
    struct store *s;
    unsigned domid;
    char readable[24], owned[24], shared[32]; /* rights: "n0,r5", "n5", "n5,r0" */
    int rc;
};

static void writer_init(struct writer *w, struct store *s, unsigned domid)
{
    *w = (struct writer){.s = s, .domid = domid};
    snprintf(w->readable, sizeof w->readable, "n0,r%u", domid);
    snprintf(w->owned, sizeof w->owned, "n%u", domid);
    snprintf(w->shared, sizeof w->shared, "n%u,r0", domid);
}

static void put_at(struct writer *w, const char *perms, const char *path, const char *value)
{
    if (w->rc == 0)
        w->rc = store_write(w->s, path, value);
    if (w->rc == 0 && perms)
        w->rc = store_set_perms(w->s, path, perms);
}

/* Below /local/domain/N. */
static void __attribute__((format(printf, 4, 5)))
put(struct writer *w, const char *perms, const char *key, const char *format, ...)
{
    char path[3072], *value = NULL;
    va_list ap;

    va_start(ap, format);
    if (vasprintf(&value, format, ap) < 0)
        value = NULL;
    va_end(ap);
    snprintf(path, sizeof path, "/local/domain/%u%s%s", w->domid, *key ? "/" : "", key);
    if (value)
        put_at(w, perms, path, value);
    else
        w->rc = -ENOMEM;
    free(value);
}

static void put_bool(struct writer *w, const char *key, bool value)
{
    put(w, w->readable, key, "%d", value);
}

static void put_basics(struct writer *w, const struct xenstore_layout *l)
{
    put(w, w->readable, "", "%s", "");
    put(w, w->readable, "vm", "/vm/%s", l->uuid);
    put(w, w->readable, "name", "%s", l->name);
    put(w, w->readable, "cpu", "%s", "");
    for (unsigned i = 0; i < l->vcpus_max; i++) {
        char key[48];
        snprintf(key, sizeof key, "cpu/%u", i);
        put(w, w->readable, key, "%s", "");
        snprintf(key, sizeof key, "cpu/%u/availability", i);
        put(w, w->readable, key, "%s", i < l->vcpus_online ? "online" : "offline");
    }
    put(w, w->readable, "memory", "%s", "");
    put(w, w->readable, "memory/static-max", "%llu", (unsigned long long)l->static_max_kib);
    put(w, w->readable, "memory/target", "%llu", (unsigned long long)l->target_kib);
    put(w, w->readable, "memory/videoram", "%llu", (unsigned long long)l->videoram_kib);
    put(w, w->readable, "device", "%s", "");
    put(w, w->readable, "device/suspend", "%s", "");
    put(w, w->owned, "device/suspend/event-channel", "%s", "");
    put(w, w->readable, "domid", "%u", l->domid);
    put(w, w->readable, "store", "%s", "");
    put(w, w->readable, "store/port", "%u", l->store_port);
    put(w, w->readable, "store/ring-ref", "%llu", (unsigned long long)l->store_gfn);
}

static void put_control(struct writer *w)
{
    static const char *const owned[] = {"control/shutdown",
                                        "control/feature-poweroff",
                                        "control/feature-reboot",
                                        "control/feature-suspend",
                                        "control/feature-s3",
                                        "control/feature-s4",
                                        "control/sysrq",
                                        "data",
                                        "drivers",
                                        "feature",
                                        "attr",
                                        "error"};

    put(w, w->readable, "control", "%s", "");
    for (unsigned i = 0; i < ARRAY_SIZE(owned); i++)
        put(w, w->owned, owned[i], "%s", "");
    put(w, w->readable, "control/platform-feature-multiprocessor-suspend", "1");
    put(w, w->readable, "control/platform-feature-xs_reset_watches", "1");
}

static void put_module(struct writer *w, const char *name, uint64_t address, uint64_t length)
{
    char key[64];

    if (!address)
        return;
    snprintf(key, sizeof key, "hvmloader/%s", name);
    put(w, w->readable, key, "%s", "");
    snprintf(key, sizeof key, "hvmloader/%s/address", name);
    put(w, w->readable, key, "0x%llx", (unsigned long long)address);
    snprintf(key, sizeof key, "hvmloader/%s/length", name);
    put(w, w->readable, key, "0x%llx", (unsigned long long)length);
}

static void put_firmware(struct writer *w, const struct xenstore_layout *l)
{
    put(w, w->readable, "hvmloader", "%s", "");
    if (l->bios)
        put(w, w->readable, "hvmloader/bios", "%s", l->bios);
    put(w, w->readable, "hvmloader/allow-memory-relocate", "0");
    put_module(w, "acpi", l->acpi_address, l->acpi_length);
    put_module(w, "smbios", l->smbios_address, l->smbios_length);
    put(w, w->readable, "platform", "%s", "");
    put_bool(w, "platform/acpi", l->acpi);
    put_bool(w, "platform/acpi_s3", l->acpi_s3);
    put_bool(w, "platform/acpi_s4", l->acpi_s4);
    put_bool(w, "platform/acpi_laptop_slate", l->acpi_laptop_slate);
    put(w, w->readable, "platform/device-model", "qemu_xen");
    if (l->mmio_hole_bytes)
        put(w, w->readable, "platform/mmio_hole_size", "%llu", (unsigned long long)l->mmio_hole_bytes);
    if (l->generation_id)
        put(w, w->readable, "platform/generation-id", "%s", l->generation_id);
    if (l->bios_strings && l->bios_strings[0])
        put(w, w->readable, "bios-strings", "%s", "");
    for (unsigned i = 0; l->bios_strings && l->bios_strings[i]; i++) {
        const char *equals = strchr(l->bios_strings[i], '=');
        char key[128];
        if (!equals)
            continue;
        snprintf(key, sizeof key, "bios-strings/%.*s", (int)(equals - l->bios_strings[i]), l->bios_strings[i]);
        put(w, w->readable, key, "%s", equals + 1);
    }
}

static void put_console(struct writer *w, const struct xenstore_layout *l)
{
    put(w, w->readable, "console", "%s", "");
    put(w, w->readable, "console/backend", "/local/domain/0/backend/console/%u/0", l->domid);
    put(w, w->shared, "console/backend-id", "0");
    put(w, w->readable, "console/limit", "1048576");
    put(w, w->readable, "console/type", "%s", l->console_type ? l->console_type : "xenconsoled");
    put(w, w->readable, "console/output", "pty");
    put(w, w->readable, "console/tty", "%s", l->console_tty ? l->console_tty : "");
    put(w, w->readable, "console/port", "%u", l->console_port);
    put(w, w->readable, "console/ring-ref", "%llu", (unsigned long long)l->console_gfn);
    if (l->vnc_listen) {
        put(w, w->readable, "console/vnc-listen", "%s", l->vnc_listen);
        put(w, w->readable, "console/vnc-port", "%u", l->vnc_port);
    }
    put(w, w->readable, "image", "%s", "");
    put(w, w->readable, "image/device-model-pid", "%ld", l->pid);
    if (l->serial_tty) {
        put(w, w->readable, "serial", "%s", "");
        put(w, w->readable, "serial/0", "%s", "");
        put(w, w->readable, "serial/0/tty", "%s", l->serial_tty);
    }
}

static void put_path(struct writer *w, const char *perms, const char *value, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
static void put_path(struct writer *w, const char *perms, const char *value, const char *format, ...)
{
    char path[1024];
    va_list ap;

    va_start(ap, format);
    vsnprintf(path, sizeof path, format, ap);
    va_end(ap);
    put_at(w, perms, path, value);
}

/* The PV console's back end. Guests are told of it by the domain's parameters and do not look here. */
static void put_console_backend(struct writer *w, unsigned domid)
{
    static const char *const values[][2] = {{"online", "1"}, {"state", "1"}, {"protocol", "vt100"}};
    char front[64], back[80], libxl[80], number[16];

    snprintf(number, sizeof number, "%u", domid);
    snprintf(front, sizeof front, "/local/domain/%u/console", domid);
    snprintf(back, sizeof back, "/local/domain/0/backend/console/%u/0", domid);
    snprintf(libxl, sizeof libxl, "/libxl/%u/device/console/0", domid);
    put_path(w, w->readable, "", "%s", back);
    put_path(w, w->readable, front, "%s/frontend", back);
    put_path(w, w->readable, number, "%s/frontend-id", back);
    put_path(w, NULL, front, "%s/frontend", libxl);
    put_path(w, NULL, back, "%s/backend", libxl);
    put_path(w, NULL, number, "%s/frontend-id", libxl);
    for (unsigned i = 0; i < ARRAY_SIZE(values); i++) {
        put_path(w, w->readable, values[i][1], "%s/%s", back, values[i][0]);
        put_path(w, NULL, values[i][1], "%s/%s", libxl, values[i][0]);
    }
}

static void put_vm(struct writer *w, const struct xenstore_layout *l)
{
    char start[32];

    snprintf(start, sizeof start, "%llu.00", (unsigned long long)l->start_time_s);
    put_path(w, w->readable, "", "/vm/%s", l->uuid);
    put_path(w, w->readable, l->name, "/vm/%s/name", l->uuid);
    put_path(w, w->readable, l->uuid, "/vm/%s/uuid", l->uuid);
    put_path(w, w->readable, "", "/vm/%s/rtc", l->uuid);
    put_path(w, w->readable, l->rtc_timeoffset ? l->rtc_timeoffset : "", "/vm/%s/rtc/timeoffset", l->uuid);
    put_path(w, w->readable, "", "/vm/%s/image", l->uuid);
    put_path(w, w->readable, "hvm", "/vm/%s/image/ostype", l->uuid);
    put_path(w, w->readable, start, "/vm/%s/start_time", l->uuid);
    put_path(w, NULL, l->type, "/libxl/%u/type", l->domid);
    put_path(w, NULL, "qemu_xen", "/libxl/%u/dm-version", l->domid);
    put_path(w, NULL, "running", "/local/domain/0/device-model/%u/state", l->domid);
}

/* What is there whichever domain runs. */
static void put_host(struct writer *w)
{
    put_at(w, NULL, "/tool/xenstored", "");
    put_at(w, NULL, "/local/domain/0/domid", "0");
    put_at(w, NULL, "/local/domain/0/name", "Domain-0");
    put_at(w, NULL, "/local/pool/0/name", "Pool-0");
}

int xenstore_layout_write(struct store *s, const struct xenstore_layout *l)
{
    struct writer w;

    writer_init(&w, s, l->domid);
    put_host(&w);
    put_basics(&w, l);
    put_control(&w);
    put_firmware(&w, l);
    put_console(&w, l);
    put_console_backend(&w, l->domid);
    put_vm(&w, l);
    if (w.rc)
        log_error("xenstore: the keys of domain %u could not be written: %s", l->domid, strerror(-w.rc));
    return w.rc;
}

void xenstore_layout_remove(struct store *s, unsigned domid, const char *uuid)
{
    char path[128], *classes;
    unsigned n;

    snprintf(path, sizeof path, "/local/domain/%u", domid);
    (void)store_remove(s, path);
    snprintf(path, sizeof path, "/local/domain/0/device-model/%u", domid);
    (void)store_remove(s, path);
    snprintf(path, sizeof path, "/libxl/%u", domid);
    (void)store_remove(s, path);
    snprintf(path, sizeof path, "/vm/%s", uuid);
    (void)store_remove(s, path);
    classes = store_list(s, "/local/domain/0/backend", &n);
    for (const char *class = classes; n > 0; n--, class += strlen(class) + 1) {
        snprintf(path, sizeof path, "/local/domain/0/backend/%s/%u", class, domid);
        (void)store_remove(s, path);
    }
    free(classes);
}

/* "key=value" lists below a directory; the new nodes take the directory's rights. */
static void put_list(struct writer *w, const char *perms, const char *directory, const char *const *list)
{
    for (unsigned i = 0; list && list[i]; i++) {
        const char *equals = strchr(list[i], '=');
        if (equals)
            put_path(w, perms, equals + 1, "%s/%.*s", directory, (int)(equals - list[i]), list[i]);
    }
}

int xenstore_layout_add_device(struct store *s, const struct xenstore_device *d)
{
    char front[256], back[256], libxl[256], domid[16];
    struct writer w;

    writer_init(&w, s, d->domid);
    snprintf(domid, sizeof domid, "%u", d->domid);
    snprintf(front, sizeof front, "/local/domain/%u/device/%s/%u", d->domid, d->frontend_class, d->id);
    snprintf(back, sizeof back, "/local/domain/0/backend/%s/%u/%u", d->backend_class, d->domid, d->id);
    snprintf(libxl, sizeof libxl, "/libxl/%u/device/%s/%u", d->domid, d->frontend_class, d->id);
    put_path(&w, w.readable, "", "/local/domain/%u/device/%s", d->domid, d->frontend_class);
    put_path(&w, w.readable, "", "%s", back);
    put_path(&w, w.readable, front, "%s/frontend", back);
    put_path(&w, w.readable, domid, "%s/frontend-id", back);
    put_path(&w, w.readable, "1", "%s/online", back);
    put_list(&w, w.readable, back, d->back);
    put_path(&w, w.readable, "1", "%s/state", back);
    put_path(&w, w.shared, "", "%s", front);
    put_path(&w, w.shared, back, "%s/backend", front);
    put_path(&w, w.shared, "0", "%s/backend-id", front);
    put_list(&w, w.shared, front, d->front);
    put_path(&w, w.shared, "1", "%s/state", front);
    put_path(&w, NULL, front, "%s/frontend", libxl);
    put_path(&w, NULL, back, "%s/backend", libxl);
    put_path(&w, NULL, domid, "%s/frontend-id", libxl);
    put_path(&w, NULL, "1", "%s/online", libxl);
    put_path(&w, NULL, "1", "%s/state", libxl);
    put_list(&w, NULL, libxl, d->back);
    if (w.rc)
        log_error("xenstore: device %s could not be written: %s", front, strerror(-w.rc));
    return w.rc;
}
