/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pc_nics.c: vif=[...] as emulated NICs from slot 4 on, each on a tap in its bridge, or where that cannot be, behind
 * NAT of its own: then a notice says so, and names the config's line and the remedy.
 */
#include "board/pc_internal.h"

#include "base/log.h"
#include "board/firmware.h"
#include "dev/e1000.h"
#include "dev/rtl8139.h"
#include "host/net/net.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <unistd.h>

#define NIC_FIRST_SLOT 4u
#define ROM_LIMIT      (1u << 20)
#define DEFAULT_BRIDGE "xenbr0"
#define SCRIPTS        "/etc/xen/scripts/"

static const struct nic_model {
    const char *name;
    enum firmware_kind rom;
    struct pci_device *(*create)(struct loop *loop, struct net *net, const uint8_t mac[6], void *rom,
                                 uint64_t rom_bytes);
} models[] = {
    {"rtl8139", FIRMWARE_PXE_RTL8139, rtl8139_create},
    {"e1000", FIRMWARE_PXE_E1000, e1000_create},
};

static const struct nic_model *find_model(const char *name)
{
    for (unsigned i = 0; i < ARRAY_SIZE(models); i++)
        if (!name || !*name || !strcasecmp(name, models[i].name))
            return &models[i];
    return NULL;
}

/* "FILE:LINE", or "FILE". */
static const char *place(struct pc *pc, const struct nic_config *nic, char *text, size_t room)
{
    const char *source = pc->s.config->source ? pc->s.config->source : "config";

    if (nic->line > 0)
        (void)snprintf(text, room, "%s:%lld", source, (long long)nic->line);
    else
        (void)snprintf(text, room, "%s", source);
    return text;
}

__attribute__((format(printf, 3, 4))) static void notice(struct pc *pc, const struct nic_config *nic,
                                                         const char *format, ...)
{
    char where[256], text[512];
    va_list ap;

    va_start(ap, format);
    (void)vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    (void)place(pc, nic, where, sizeof where);
    log_info("%s: vif: %s", where, text);
    if (pc->s.notice) {
        char line[800];

        (void)snprintf(line, sizeof line, "%s: vif: %s", where, text);
        pc->s.notice(pc->s.opaque, line);
    }
}

/* Xen's part of the address space, as libxl does for a NIC without an address. */
static void choose_mac(const struct nic_config *nic, uint8_t mac[6])
{
    static const uint8_t none[6], xen[3] = {0x00, 0x16, 0x3e};

    memcpy(mac, nic->mac.bytes, 6);
    if (memcmp(mac, none, 6) != 0)
        return;
    memcpy(mac, xen, 3);
    if (getrandom(mac + 3, 3, 0) != 3) {
        mac[3] = (uint8_t)getpid();
        mac[4] = (uint8_t)(getpid() >> 8);
        mac[5] = (uint8_t)nic->devid;
    }
    mac[3] &= 0x7f;
}

/* The boot ROM in pages of its own, as long as the next power of two; NULL: the guest does without. */
static void *load_rom(enum firmware_kind kind, uint64_t *bytes)
{
    char *path = firmware_find(kind);
    uint8_t *file = NULL, *rom = NULL;
    size_t len = 0, size = PAGE_BYTES;

    if (path && firmware_read(path, ROM_LIMIT, &file, &len) == 0) {
        while (size < len)
            size *= 2;
        rom = aligned_alloc(PAGE_BYTES, size);
    }
    if (rom) {
        memset(rom, 0xff, size);
        memcpy(rom, file, len);
    }
    free(file);
    free(path);
    *bytes = rom ? size : 0;
    return rom;
}

static int open_nat(struct pc *pc, const struct nic_config *nic, unsigned n, struct net **net, char **why)
{
    struct net_nat_options o = {
        .network = n, .forward = nic->hostfwd, .host_name = pc->s.name, .mtu = nic->mtu > 0 ? (unsigned)nic->mtu : 0};
    char where[256], *cause = NULL;
    int rc = net_nat_open(net, pc->s.loop, &o, &cause);

    if (rc)
        (void)pc_why(why, rc, "%s: vif: NAT: %s", place(pc, nic, where, sizeof where), cause ? cause : strerror(-rc));
    free(cause);
    return rc;
}

static bool has(const char *text)
{
    return text && *text;
}

/* The script's file; false: the bridge is joined without one. */
static bool script_path(const struct nic_config *nic, char *path, size_t room)
{
    if (!has(nic->script))
        return false;
    (void)snprintf(path, room, "%s%s", nic->script[0] == '/' ? "" : SCRIPTS, nic->script);
    return true;
}

static bool script_wants_bridge(const char *path)
{
    const char *slash = strrchr(path, '/');

    return !strcmp(slash ? slash + 1 : path, "vif-bridge");
}

/* Whether the NIC gets a tap at all; if not, the user knows why. */
static bool tap_possible(struct pc *pc, const struct nic_config *nic, const char *script, const char *bridge)
{
    char path[300];

    if (has(nic->hostfwd)) {
        if (has(nic->bridge))
            notice(pc, nic, "hostfwd= is for NICs behind NAT: bridge=%s is not joined", nic->bridge);
        return false;
    }
    if (script && access(script, X_OK)) {
        notice(pc, nic, "script=%s: %s; the NIC is behind NAT (install the script, or leave script= out)", script,
               strerror(errno));
        return false;
    }
    (void)snprintf(path, sizeof path, "/sys/class/net/%s/bridge", bridge);
    if ((!script || script_wants_bridge(script)) && access(path, F_OK)) {
        notice(pc, nic,
               "there is no bridge %s; the NIC is behind NAT (for a bridge, as root: ip link add %s type bridge && "
               "ip link set %s up)",
               bridge, bridge, bridge);
        return false;
    }
    return true;
}

/* 0; 1: NAT shall do; or -errno with *why. */
static int open_tap(struct pc *pc, const struct nic_config *nic, struct pc_nic *state, char **why)
{
    const char *bridge = has(nic->bridge) ? nic->bridge : DEFAULT_BRIDGE;
    char script[512], where[256], variable[6][600], *cause = NULL;
    bool scripted = script_path(nic, script, sizeof script);
    const char *environment[ARRAY_SIZE(variable) + 3] = {"XENBUS_TYPE=vif", "XENBUS_BASE_PATH=backend"};
    struct net_tap_options o = {.name = state->interface, .bridge = bridge, .environment = environment};
    unsigned n = 0;
    int rc;

    if (!tap_possible(pc, nic, scripted ? script : NULL, bridge))
        return 1;
    if (has(nic->ifname) && strlen(nic->ifname) + 4 >= sizeof state->interface)
        return pc_why(why, -EINVAL, "%s: vif: vifname=%s: at most %zu characters", place(pc, nic, where, sizeof where),
                      nic->ifname, sizeof state->interface - 5);
    if (has(nic->ifname))
        (void)snprintf(state->interface, sizeof state->interface, "%.11s-emu", nic->ifname);
    else
        (void)snprintf(state->interface, sizeof state->interface, "vif%u.%u-emu", pc->s.domid & 0x7fff,
                       state->devid % 100);
    o.mtu = nic->mtu > 0 ? (unsigned)nic->mtu : 0;
    o.script = scripted ? script : NULL;
    (void)snprintf(variable[n++], sizeof variable[0], "script=%s", script);
    (void)snprintf(variable[n++], sizeof variable[0], "XENBUS_PATH=/local/domain/0/backend/vif/%u/%u", pc->s.domid,
                   state->devid);
    (void)snprintf(variable[n++], sizeof variable[0], "vif=%.*s", (int)strlen(state->interface) - 4, state->interface);
    (void)snprintf(variable[n++], sizeof variable[0], "mac=%02x:%02x:%02x:%02x:%02x:%02x", state->mac[0], state->mac[1],
                   state->mac[2], state->mac[3], state->mac[4], state->mac[5]);
    if (has(nic->ip))
        (void)snprintf(variable[n++], sizeof variable[0], "ip=%s", nic->ip);
    if (has(nic->gatewaydev))
        (void)snprintf(variable[n++], sizeof variable[0], "netdev=%s", nic->gatewaydev);
    for (unsigned i = 0; i < n; i++)
        environment[2 + i] = variable[i];
    rc = net_tap_open(&state->net, pc->s.loop, &o, &cause);
    if (rc)
        state->interface[0] = '\0';
    if (rc == -EPERM || rc == -EACCES || rc == -ENOENT || rc == -ENODEV) {
        notice(pc, nic, "bridge %s: %s; the NIC is behind NAT (for the bridge, %s)", bridge,
               cause ? cause : strerror(-rc), rc == -EPERM || rc == -EACCES ? "run xl as root" : "modprobe tun");
        rc = 1;
    } else if (rc) {
        (void)pc_why(why, rc, "%s: vif: %s", place(pc, nic, where, sizeof where), cause ? cause : strerror(-rc));
    } else if (has(nic->ip) && !scripted) {
        notice(pc, nic, "ip=%s is for scripts, and this NIC has none: it may use any address (script=vif-bridge)",
               nic->ip);
    }
    free(cause);
    return rc;
}

static int open_cable(struct pc *pc, const struct nic_config *nic, struct pc_nic *state, char **why)
{
    int rc = open_tap(pc, nic, state, why);

    if (rc > 0)
        rc = open_nat(pc, nic, pc->nics, &state->net, why);
    if (!rc && nic->rate_bytes_per_interval > 0)
        net_set_rate(state->net,
                     (struct net_rate){(uint64_t)nic->rate_bytes_per_interval, (uint64_t)nic->rate_interval_usecs});
    return rc;
}

static int add_nic(struct pc *pc, const struct nic_config *nic, char **why)
{
    struct pc_nic *state = &pc->nic[pc->nics];
    const struct nic_model *model = find_model(nic->model);
    struct pci_device *d;
    uint64_t rom_bytes;
    char where[256];
    void *rom;
    int rc;

    if (nic->nictype == NIC_VIF) {
        notice(pc, nic, "type=vif: a NIC for PV drivers only does not exist yet in domus; the guest has no such NIC");
        return 0;
    }
    if (!model)
        return pc_why(why, -EINVAL, "%s: vif: model=%s does not exist in domus; use model=rtl8139 or model=e1000",
                      place(pc, nic, where, sizeof where), nic->model);
    if (pc->nics == PC_NICS)
        return pc_why(why, -EINVAL, "%s: vif: at most %u NICs", place(pc, nic, where, sizeof where), PC_NICS);
    choose_mac(nic, state->mac);
    state->devid = (unsigned)nic->devid;
    rc = open_cable(pc, nic, state, why);
    if (rc)
        return rc;
    rom = load_rom(model->rom, &rom_bytes);
    d = model->create(pc->s.loop, state->net, state->mac, rom, rom_bytes);
    if (!d) {
        net_close(state->net);
        free(rom);
        return -ENOMEM;
    }
    rc = pc_add_pci(pc, d, PCI_DEVFN(NIC_FIRST_SLOT + pc->nics, 0));
    pc->nics++;
    return rc;
}

int pc_nics_create(struct pc *pc, char **why)
{
    const struct domain_config *c = pc->s.config;
    int rc = 0;

    for (size_t i = 0; !rc && i < c->nics_count; i++)
        rc = add_nic(pc, &c->nics[i], why);
    return rc;
}

unsigned pc_nics(const struct pc *pc)
{
    return pc->nics;
}

struct pc_nic_info pc_nic_info(const struct pc *pc, unsigned n)
{
    const struct pc_nic *nic = &pc->nic[n];
    struct pc_nic_info info = {.devid = nic->devid, .link = net_link(nic->net), .interface = nic->interface};

    memcpy(info.mac, nic->mac, 6);
    return info;
}

void pc_nic_set_link(struct pc *pc, unsigned n, bool up)
{
    net_set_link(pc->nic[n].net, up);
}
