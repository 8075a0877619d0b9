/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pc_nics.c: vif=[...] as emulated NICs from slot 4 on, each behind NAT of its own. What the user should know comes as
 * a notice that names the config's file and line.
 */
#include "board/pc_internal.h"

#include "base/log.h"
#include "board/firmware.h"
#include "dev/e1000.h"
#include "dev/rtl8139.h"
#include "host/net/net.h"

#include <errno.h>
#include <net/if.h>
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
    struct net_nat_options o = {.network = n, .forward = nic->hostfwd, .host_name = pc->s.name};
    char where[256], *cause = NULL;
    int rc = net_nat_open(net, pc->s.loop, &o, &cause);

    if (rc)
        (void)pc_why(why, rc, "%s: vif: NAT: %s", place(pc, nic, where, sizeof where), cause ? cause : strerror(-rc));
    free(cause);
    return rc;
}

static int open_cable(struct pc *pc, const struct nic_config *nic, struct pc_nic *state, char **why)
{
    int rc = open_nat(pc, nic, pc->nics, &state->net, why);

    if (!rc)
        notice(pc, nic, "bridge %s: bridges do nothing yet in domus: the NIC is behind NAT",
               nic->bridge ? nic->bridge : DEFAULT_BRIDGE);
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

int pc_nic_set_link(struct pc *pc, unsigned devid, bool up, char **why)
{
    for (unsigned i = 0; i < pc->nics; i++) {
        if (pc->nic[i].devid == devid) {
            net_set_link(pc->nic[i].net, up);
            return 0;
        }
    }
    return pc_why(why, -ENODEV, "there is no NIC %u", devid);
}
