/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pc_display.c: the display chip with its windows, and the viewers the configuration asks for.
 */
#include "board/pc_internal.h"

#include "base/log.h"
#include "board/firmware.h"
#include "dev/vga.h"
#include "host/display/display.h"
#include "host/display/vnc.h"
#include "host/display/window.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VGA_DEVFN     0x18
#define VGA_ROM_LIMIT (256 * 1024)

static int create_vga(struct pc *pc, char **why)
{
    const struct hvm_config *h = &pc->s.config->hvm;
    bool std = h->vga == VGA_STD;
    struct vga_config c = {
        .model = std ? VGA_MODEL_STD : VGA_MODEL_CIRRUS,
        .videoram_mib = pc->s.config->video_memkb > 0 ? (unsigned)(pc->s.config->video_memkb / 1024) : 0,
        .memory = pc->memory,
        .loop = pc->s.loop,
        .display = pc->display,
    };
    char *path = firmware_find(std ? FIRMWARE_VGA_STD : FIRMWARE_VGA_CIRRUS);
    uint8_t *rom = NULL;
    size_t rom_bytes = 0;
    int rc;

    if (!path)
        return pc_why(why, -ENOENT, "the VGA BIOS is missing: apt-get install seabios");
    rc = firmware_read(path, VGA_ROM_LIMIT, &rom, &rom_bytes);
    if (rc) {
        (void)pc_why(why, rc, "the VGA BIOS %s cannot be read", path);
        free(path);
        return rc;
    }
    free(path);
    c.rom = rom;
    c.rom_bytes = rom_bytes;
    rc = vga_create(&pc->vga, &c, why);
    free(rom);
    if (rc)
        return rc;
    rc = pc_add_pci(pc, pc->vga, VGA_DEVFN);
    if (!rc)
        rc = pc_map_ports(pc, VGA_PORTS_BASE, VGA_PORTS_COUNT, &pc->vga->dev, &vga_port_io);
    if (!rc)
        rc = pc_map_mmio(pc, VGA_WINDOW_BASE, VGA_WINDOW_BYTES, &pc->vga->dev, &vga_window_io);
    if (!rc && std)
        rc = pc_map_ports(pc, BOCHS_VBE_PORTS_BASE, BOCHS_VBE_PORTS, &pc->vga->dev, &bochs_vbe_port_io);
    return rc;
}

static void on_power(void *opaque, enum vnc_power what)
{
    struct pc *pc = opaque;

    if (what == VNC_POWER_RESET)
        pc_reset_request(pc);
    else
        pc_power_button(pc);
}

static int create_vnc(struct pc *pc, char **why)
{
    const struct domain_config *c = pc->s.config;
    const struct vnc_config *v = &c->hvm.vnc;
    const struct vnc_options o = {
        .listen = v->listen,
        .display = v->display > 0 ? (unsigned)v->display : 0,
        .find_unused = tri_or(v->findunused, true),
        .password = v->passwd,
        .keymap = c->hvm.keymap,
        .name = pc->s.name,
        .paste = tri_or(c->vnc_paste, false),
        .power = on_power,
        .opaque = pc,
    };

    if (!tri_or(v->enable, true) || tri_or(c->hvm.nographic, false))
        return 0;
    return vnc_open(&pc->vnc, pc->s.loop, pc->display, &o, why);
}

static void on_closed(void *opaque)
{
    pc_power_button(opaque);
}

/* Without a window the guest runs all the same: it may have been started where there is no desktop, or again there. */
static void create_window(struct pc *pc)
{
    const struct domain_config *c = pc->s.config;
    const struct sdl_config *sdl = &c->hvm.sdl;
    const struct window_options o = {
        .name = pc->s.name,
        .opengl = tri_or(sdl->opengl, false),
        .x_display = sdl->display,
        .xauthority = sdl->xauthority,
        .closed = on_closed,
        .opaque = pc,
    };
    char *text = NULL, line[700];
    int rc;

    if (!tri_or(sdl->enable, false) || tri_or(c->hvm.nographic, false))
        return;
    rc = window_open(&pc->window, pc->s.loop, pc->display, &o, &text);
    if (rc || text) {
        (void)snprintf(line, sizeof line, "%s: sdl=1: %s%s", c->source ? c->source : "config",
                       text ? text : strerror(-rc),
                       !rc       ? ""
                       : pc->vnc ? "; the guest runs on, and VNC shows it"
                                 : "; the guest runs on without");
        log_info("%s", line);
        if (pc->s.notice)
            pc->s.notice(pc->s.opaque, line);
    }
    free(text);
}

int pc_display_create(struct pc *pc, char **why)
{
    const struct hvm_config *h = &pc->s.config->hvm;
    int rc;

    if (h->vga == VGA_QXL)
        return pc_why(why, -ENOSYS, "vga=\"qxl\" does not exist yet in domus: use \"stdvga\" or \"cirrus\"");
    rc = h->vga == VGA_NONE ? 0 : create_vga(pc, why);
    if (!rc)
        rc = create_vnc(pc, why);
    if (!rc)
        create_window(pc);
    return rc;
}

void pc_display_destroy(struct pc *pc)
{
    window_close(pc->window);
    vnc_close(pc->vnc);
    display_destroy(pc->display);
}

struct display *pc_display(struct pc *pc)
{
    return pc->display;
}

const char *pc_vnc_listen(const struct pc *pc)
{
    return pc->vnc ? vnc_address(pc->vnc) : NULL;
}

unsigned pc_vnc_port(const struct pc *pc)
{
    return pc->vnc ? vnc_port(pc->vnc) : 0;
}

const char *pc_web_address(const struct pc *pc)
{
    return pc->vnc ? vnc_web_url(pc->vnc) : NULL;
}
