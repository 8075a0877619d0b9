/* SPDX-License-Identifier: GPL-2.0-or-later */
/* machine_commands.c: see machine_commands.h. Each handler runs in the loop with the machine lock held. */
#include "domain/machine_commands.h"

#include "board/pc.h"
#include "config/config.h"
#include "domain/channel.h"
#include "engine/engine.h"
#include "host/display/display.h"
#include "host/display/keymap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static json_t *refuse(char **why, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    if (vasprintf(why, format, ap) < 0)
        *why = NULL;
    va_end(ap);
    return NULL;
}

json_t *machine_about(struct machine *m)
{
    json_t *about = json_pack("{s:s}", "engine", m->engine->name), *consoles = json_array();

    for (unsigned i = 0; i < 4; i++) {
        const char *tty = pc_serial_tty(m->pc, i);
        if (tty)
            json_array_append_new(consoles,
                                  json_pack("{s:s, s:i, s:s}", "type", "serial", "number", (int)i, "tty", tty));
    }
    if (pc_pv_console_tty(m->pc)) /* after the serial ports: they are the ones meant when nobody says which */
        json_array_append_new(consoles,
                              json_pack("{s:s, s:i, s:s}", "type", "pv", "number", 0, "tty", pc_pv_console_tty(m->pc)));
    json_object_set_new(about, "consoles", consoles);
    if (pc_vnc_port(m->pc)) {
        const char *password = m->config->hvm.vnc.passwd;
        json_object_set_new(about, "vnc",
                            json_pack("{s:s, s:i, s:s}", "listen", pc_vnc_listen(m->pc), "port",
                                      (int)pc_vnc_port(m->pc), "password", password ? password : ""));
    }
    if (pc_web_address(m->pc))
        json_object_set_new(about, "web", json_string(pc_web_address(m->pc)));
    return about;
}

static json_t *run_info(void *opaque, const json_t *args, char **why)
{
    struct machine *m = opaque;
    json_t *vcpus = json_array();

    for (unsigned i = 0; i < pc_vcpus(m->pc); i++) {
        struct pc_vcpu_info v = pc_vcpu_info(m->pc, i);
        json_array_append_new(vcpus, json_pack("{s:b, s:s, s:I, s:i}", "online", v.online, "state",
                                               v.paused    ? "paused"
                                               : v.blocked ? "blocked"
                                                           : "running",
                                               "time_ns", (json_int_t)v.time_ns, "cpu", 0));
    }
    return json_pack("{s:I, s:o, s:s, s:b}", "memory_kb", (json_int_t)pc_memory_kib(m->pc), "vcpus", vcpus, "engine",
                     m->engine->name, "typing", m->typist && typist_busy(m->typist));
}

static json_t *run_pause(void *opaque, const json_t *args, char **why)
{
    pc_pause(((struct machine *)opaque)->pc);
    return json_object();
}

static json_t *run_unpause(void *opaque, const json_t *args, char **why)
{
    pc_unpause(((struct machine *)opaque)->pc);
    return json_object();
}

static json_t *run_trigger(void *opaque, const json_t *args, char **why)
{
    struct pc *pc = ((struct machine *)opaque)->pc;
    const char *what = json_string_value(json_object_get(args, "what"));
    json_int_t vcpu = json_integer_value(json_object_get(args, "vcpu"));
    int rc = 0;

    if (vcpu < 0 || vcpu >= (json_int_t)pc_vcpus(pc))
        return refuse(why, "there is no vCPU %lld", (long long)vcpu);
    if (!what)
        return refuse(why, "no trigger named");
    if (!strcmp(what, "power"))
        pc_power_button(pc);
    else if (!strcmp(what, "sleep"))
        pc_sleep_button(pc);
    else if (!strcmp(what, "s3resume"))
        pc_wake(pc);
    else if (!strcmp(what, "nmi"))
        rc = pc_nmi(pc, (unsigned)vcpu);
    else if (!strcmp(what, "init"))
        rc = pc_init_vcpu(pc, (unsigned)vcpu);
    else if (!strcmp(what, "reset"))
        pc_reset_request(pc);
    else
        return refuse(why, "no such trigger: %s", what);
    return rc ? refuse(why, "%s: %s", what, strerror(-rc)) : json_object();
}

static json_t *run_screenshot(void *opaque, const json_t *args, char **why)
{
    struct display *display = pc_display(((struct machine *)opaque)->pc);
    const char *path = json_string_value(json_object_get(args, "path"));
    int rc;

    if (!path)
        return refuse(why, "no file named");
    if (!display)
        return refuse(why, "this domain has no display");
    display_refresh(display, true);
    rc = display_screenshot(display, path);
    return rc ? refuse(why, "cannot write %s: %s", path, strerror(-rc)) : json_object();
}

/* 0, or -errno with *why. */
static int typing_begin(struct machine *m, char **why)
{
    if (!m->keymap)
        m->keymap = keymap_create(m->config->hvm.keymap, why);
    if (m->keymap && !m->typist)
        m->typist = typist_create(m->loop, pc_display(m->pc));
    return m->typist ? 0 : -ENOMEM;
}

static json_t *run_send_keys(void *opaque, const json_t *args, char **why)
{
    struct machine *m = opaque;
    struct key_steps steps = {0};
    const json_t *key;
    size_t i;
    int rc = pc_display(m->pc) ? typing_begin(m, why) : -ENODEV;

    if (rc == -ENODEV)
        return refuse(why, "this domain has no display, and so no keyboard to type on");
    json_array_foreach(json_object_get(args, "keys"), i, key)
    {
        const char *text = json_string_value(key);
        if (rc == 0)
            rc = text ? keymap_send_keys(m->keymap, text, &steps, why) : -EINVAL;
    }
    if (rc == 0)
        rc = typist_type(m->typist, &steps);
    free(steps.step);
    if (rc != 0 && !*why)
        return refuse(why, "%s", strerror(-rc));
    return rc ? NULL : json_object();
}

void machine_commands_fini(struct machine *m)
{
    typist_destroy(m->typist);
    keymap_destroy(m->keymap);
    m->typist = NULL;
    m->keymap = NULL;
}

/* A guest says in xenstore that its PV driver takes shutdown requests; none does while there are no PV devices. */
static json_t *run_shutdown(void *opaque, const json_t *args, char **why)
{
    const char *what = json_string_value(json_object_get(args, "what"));

    if (!what)
        return refuse(why, "neither poweroff nor reboot");
    return json_pack("{s:b}", "taken", pc_control_shutdown(((struct machine *)opaque)->pc, what));
}

static json_t *run_sysrq(void *opaque, const json_t *args, char **why)
{
    const char *key = json_string_value(json_object_get(args, "key"));
    int rc = key && key[0] ? pc_control_sysrq(((struct machine *)opaque)->pc, key[0]) : -EINVAL;

    return rc ? refuse(why, "sysrq: %s", strerror(-rc)) : json_object();
}

static json_t *run_cd(void *opaque, const json_t *args, char **why)
{
    const char *vdev = json_string_value(json_object_get(args, "vdev"));
    const char *path = json_string_value(json_object_get(args, "path"));

    if (!vdev)
        return refuse(why, "no drive named");
    if (pc_cd_change(((struct machine *)opaque)->pc, vdev, path, why))
        return NULL;
    return json_object();
}

/* What xl shows of a NIC; a pulled cable is a device that was detached. */
static json_t *run_network_list(void *opaque, const json_t *args, char **why)
{
    struct machine *m = opaque;
    json_t *nics = json_array();

    for (unsigned i = 0; i < pc_nics(m->pc); i++) {
        struct pc_nic_info info = pc_nic_info(m->pc, i);
        char mac[18], backend[64];

        (void)snprintf(mac, sizeof mac, "%02x:%02x:%02x:%02x:%02x:%02x", info.mac[0], info.mac[1], info.mac[2],
                       info.mac[3], info.mac[4], info.mac[5]);
        (void)snprintf(backend, sizeof backend, "%s", *info.interface ? info.interface : "NAT");
        if (info.link)
            json_array_append_new(nics, json_pack("{s:i, s:s, s:i, s:i, s:s}", "devid", (int)info.devid, "mac", mac,
                                                  "handle", (int)info.devid, "state", 4, "backend", backend));
    }
    return json_pack("{s:o}", "nics", nics);
}

/* "1", or an address. */
static bool nic_is(const struct pc_nic_info *info, const char *name)
{
    unsigned b[6];
    char *end;
    unsigned long n = strtoul(name, &end, 10);

    if (end != name && !*end)
        return n == info->devid;
    if (sscanf(name, "%x:%x:%x:%x:%x:%x", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5]) != 6)
        return false;
    for (unsigned i = 0; i < 6; i++)
        if (b[i] != info->mac[i])
            return false;
    return true;
}

/* An emulated card stays in its slot; what comes and goes is its cable. No name: the first without one. */
static json_t *run_network_plug(void *opaque, const json_t *args, char **why)
{
    struct machine *m = opaque;
    const char *name = json_string_value(json_object_get(args, "device"));
    bool up = json_is_true(json_object_get(args, "up"));

    for (unsigned i = 0; i < pc_nics(m->pc); i++) {
        struct pc_nic_info info = pc_nic_info(m->pc, i);

        if (info.link == up || (name && !nic_is(&info, name)))
            continue;
        pc_nic_set_link(m->pc, i, up);
        return json_object();
    }
    if (up)
        return refuse(why, "emulated NICs cannot be added to a running domain: name it in vif= (a detached one comes "
                           "back)");
    return refuse(why, "Unknown device %s.", name ? name : "?");
}

static json_t *run_store(void *opaque, const json_t *args, char **why)
{
    const char *path = json_string_value(json_object_get(args, "path"));
    char *lines =
        pc_store_dump(((struct machine *)opaque)->pc, path ? path : "/", json_is_true(json_object_get(args, "perms")));
    json_t *answer;

    if (!lines)
        return refuse(why, "no such node in xenstore: %s", path ? path : "/");
    answer = json_pack("{s:s}", "lines", lines); /* NULL when a guest wrote no UTF-8 */
    free(lines);
    return answer ? answer : refuse(why, "a value in xenstore is not text");
}

static json_t *run_counters(void *opaque, const json_t *args, char **why)
{
    struct machine *m = opaque;
    json_t *vcpus = json_array();

    for (unsigned i = 0; i < pc_vcpus(m->pc); i++) {
        struct engine_counter c[ENGINE_COUNTERS_MAX];
        json_t *counters = json_object();
        const unsigned n = pc_vcpu_counters(m->pc, i, c);
        for (unsigned k = 0; k < n; k++)
            json_object_set_new(counters, c[k].name, json_integer((json_int_t)c[k].value));
        json_array_append_new(vcpus, counters);
    }
    return json_pack("{s:s, s:o}", "engine", m->engine->name, "vcpus", vcpus);
}

static json_t *run_trace(void *opaque, const json_t *args, char **why)
{
    struct machine *m = opaque;
    const char *path = json_string_value(json_object_get(args, "path"));
    const json_int_t count = json_integer_value(json_object_get(args, "count"));
    int fd, rc;

    if (!path || count <= 0)
        return refuse(why, "no file or no number of instructions named");
    fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    rc = fd < 0 ? -errno : pc_trace(m->pc, fd, (uint64_t)count);
    if (rc == -EBUSY)
        return refuse(why, "an earlier trace is still being written: it ends when the guest has run its instructions");
    return rc ? refuse(why, "cannot write %s: %s", path, strerror(-rc)) : json_object();
}

const struct channel_command machine_commands[] = {
    {"info", run_info},
    {"counters", run_counters},
    {"trace", run_trace},
    {"pause", run_pause},
    {"unpause", run_unpause},
    {"trigger", run_trigger},
    {"screenshot", run_screenshot},
    {"send_keys", run_send_keys},
    {"shutdown", run_shutdown},
    {"sysrq", run_sysrq},
    {"cd_insert", run_cd},
    {"cd_eject", run_cd},
    {"store", run_store},
    {"network_list", run_network_list},
    {"network_plug", run_network_plug},
    {NULL, NULL},
};
