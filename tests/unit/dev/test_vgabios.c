/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_vgabios.c: the VGA BIOSes that guests get, run on the reference engine against the display chips: every mode
 * they offer is set, drawn into by the BIOS and by the guest, and compared with what the display shows.
 */
#include "dev/vga.h"

#include "base/bytes.h"
#include "engine/engine.h"
#include "host/display/display.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define RAM_BYTES (1u << 20)
#define DEVFN     24u
#define STUB      0x7c00u
#define ROM       0xc0000u
#define LFB       0xe0000000u
#define MMIO      0xe8000000u
#define BUFFER    0x8000u /* what VBE calls fill */
#define LFB_MODE  0x4000u
#define NO_CLEAR  0x8000u

struct pc {
    enum vga_model model;
    struct bus *ports, *mmio;
    struct memory *memory;
    struct pci_bus *pci;
    struct pci_device *vga;
    struct display *display;
    struct engine *engine;
    struct engine_vcpu *vcpu;
    _Atomic uint32_t requests;
};

struct regs {
    uint16_t ax, bx, cx, dx, es, di, bp;
};

static uint64_t port_read(void *opaque, uint16_t port, unsigned size)
{
    return bus_read(((struct pc *)opaque)->ports, port, size);
}

static void port_write(void *opaque, uint16_t port, unsigned size, uint64_t value)
{
    bus_write(((struct pc *)opaque)->ports, port, size, value);
}

static uint64_t mmio_read(void *opaque, gpa_t gpa, unsigned size)
{
    return bus_read(((struct pc *)opaque)->mmio, gpa, size);
}

static void mmio_write(void *opaque, gpa_t gpa, unsigned size, uint64_t value)
{
    bus_write(((struct pc *)opaque)->mmio, gpa, size, value);
}

static bool msr_read(void *opaque, uint32_t msr, uint64_t *value)
{
    return false;
}

static bool msr_write(void *opaque, uint32_t msr, uint64_t value)
{
    return false;
}

static void cpuid(void *opaque, uint32_t leaf, uint32_t subleaf, uint32_t out[4])
{
    memset(out, 0, 4 * sizeof out[0]);
}

static void hypercall(void *opaque, struct x86_cpu *cpu)
{
}

static int interrupt_ack(void *opaque)
{
    return -1;
}

static uint64_t cr8_read(void *opaque)
{
    return 0;
}

static void cr8_write(void *opaque, uint64_t value)
{
}

static const struct engine_host host = {
    .port_read = port_read,
    .port_write = port_write,
    .mmio_read = mmio_read,
    .mmio_write = mmio_write,
    .msr_read = msr_read,
    .msr_write = msr_write,
    .cpuid = cpuid,
    .hypercall = hypercall,
    .interrupt_ack = interrupt_ack,
    .cr8_read = cr8_read,
    .cr8_write = cr8_write,
};

static void no_intx(void *opaque, unsigned slot, unsigned pin, bool level)
{
}

static void config_write(struct pc *p, unsigned offset, uint32_t value)
{
    bus_write(p->ports, 0xcf8, 4, 0x80000000u | DEVFN << 8 | offset);
    bus_write(p->ports, 0xcfc, 4, value);
}

/* Runs the stub at `code` until its HLT; r in and out. */
static void run(struct pc *p, unsigned code, struct regs *r)
{
    struct x86_cpu *cpu = engine_interp.vcpu_state(p->vcpu);

    for (unsigned i = X86_ES; i <= X86_GS; i++) {
        cpu->seg[i].selector = 0;
        cpu->seg[i].base = 0;
        if (i != X86_CS)
            cpu->seg[i].limit = 0xffffffff; /* SeaBIOS leaves it so, and this BIOS reads its BAR with it */
    }
    cpu->seg[X86_ES].selector = r->es;
    cpu->seg[X86_ES].base = r->es * 16u;
    cpu->gpr[X86_RAX] = r->ax;
    cpu->gpr[X86_RBX] = r->bx;
    cpu->gpr[X86_RCX] = r->cx;
    cpu->gpr[X86_RDX] = r->dx;
    cpu->gpr[X86_RDI] = r->di;
    cpu->gpr[X86_RBP] = r->bp;
    cpu->gpr[X86_RSP] = 0x7000;
    cpu->rip = code;
    cpu->activity = X86_RUNNING;
    engine_interp.vcpu_changed(p->vcpu);
    assert_int_equal(engine_interp.vcpu_run(p->vcpu), ENGINE_EXIT_HALT);
    assert_int_not_equal(cpu->rip, STUB + 12);
    r->ax = (uint16_t)cpu->gpr[X86_RAX];
    r->bx = (uint16_t)cpu->gpr[X86_RBX];
    r->cx = (uint16_t)cpu->gpr[X86_RCX];
    r->dx = (uint16_t)cpu->gpr[X86_RDX];
    r->bp = (uint16_t)cpu->gpr[X86_RBP];
    r->es = cpu->seg[X86_ES].selector;
}

static struct regs int10(struct pc *p, struct regs r)
{
    run(p, STUB, &r);
    return r;
}

static uint8_t *load_rom(enum vga_model model, size_t *bytes)
{
    const char *path =
        model == VGA_MODEL_STD ? "/usr/share/seabios/vgabios-stdvga.bin" : "/usr/share/seabios/vgabios-cirrus.bin";
    static uint8_t rom[128 << 10];
    FILE *f = fopen(path, "rb");

    if (!f)
        return NULL;
    *bytes = fread(rom, 1, sizeof rom, f);
    fclose(f);
    return rom;
}

/* An IVT whose handlers all return, two stubs, the ROM where its BAR's content is copied to, and its initialization. */
static void boot(struct pc *p, const uint8_t *rom, size_t rom_bytes)
{
    static const uint8_t stubs[] = {0xcd, 0x10, 0xf4, 0x90, 0x9a, 0x03,
                                    0x00, 0x00, 0xc0, 0xf4, 0xcf, 0xf4}; /* .. iret */
    uint8_t *low = mem_at(p->memory, 0, 0x10000);

    for (unsigned i = 0; i < 256; i++)
        store_le32(low + 4 * i, i < 0x10 ? STUB + 11 : STUB + 10); /* exceptions stop */
    memcpy(low + STUB, stubs, sizeof stubs);
    assert_int_equal(mem_copy_out(p->memory, ROM, rom, rom_bytes), 0);
    run(p, STUB + 4, &(struct regs){.ax = DEVFN});
    assert_int_equal(load_le16(low + 4 * 0x10 + 2), 0xc000); /* INT 10h is the ROM's */
}

static int setup(void **state, enum vga_model model)
{
    struct pc *p = calloc(1, sizeof *p);
    size_t rom_bytes;
    uint8_t *rom = load_rom(model, &rom_bytes);
    char *why;

    *state = p;
    if (!rom)
        return 0;
    p->model = model;
    p->ports = bus_create("ports", 0x10000);
    p->mmio = bus_create("mmio", 1ull << 40);
    p->memory = memory_create(RAM_BYTES);
    memory_map_ram(p->memory, 0, 0, 0xa0);
    memory_map_ram(p->memory, 0xc0, 0xc0000, 0x40);
    p->pci = pci_bus_create(p->ports, p->mmio, p->memory, no_intx, NULL);
    bus_map(p->ports, 0xcf8, 8, pci_bus_device(p->pci), &pci_config_io);
    p->display = display_create();
    struct vga_config c = {
        .model = model, .rom = rom, .rom_bytes = rom_bytes, .memory = p->memory, .display = p->display};
    assert_int_equal(vga_create(&p->vga, &c, &why), 0);
    assert_int_equal(pci_device_add(p->pci, p->vga, DEVFN), 0);
    bus_map(p->ports, VGA_PORTS_BASE, VGA_PORTS_COUNT, &p->vga->dev, &vga_port_io);
    bus_map(p->mmio, VGA_WINDOW_BASE, VGA_WINDOW_BYTES, &p->vga->dev, &vga_window_io);
    if (model == VGA_MODEL_STD)
        bus_map(p->ports, BOCHS_VBE_PORTS_BASE, BOCHS_VBE_PORTS, &p->vga->dev, &bochs_vbe_port_io);
    assert_int_equal(engine_interp.create(&p->engine, p->memory, 1), 0);
    p->vcpu = engine_interp.vcpu_create(p->engine, 0, &p->requests, &host, p);
    config_write(p, 0x10, LFB);
    config_write(p, model == VGA_MODEL_STD ? 0x18 : 0x14, MMIO);
    config_write(p, 0x04, 3);
    boot(p, rom, rom_bytes);
    return 0;
}

static int setup_std(void **state)
{
    return setup(state, VGA_MODEL_STD);
}

static int setup_cirrus(void **state)
{
    return setup(state, VGA_MODEL_CIRRUS);
}

static int teardown(void **state)
{
    struct pc *p = *state;

    if (p->engine) {
        engine_interp.destroy(p->engine);
        p->vga->dev.ops->destroy(&p->vga->dev);
        display_destroy(p->display);
        pci_bus_destroy(p->pci);
        memory_destroy(p->memory);
        bus_destroy(p->mmio);
        bus_destroy(p->ports);
    }
    free(p);
    return 0;
}

static uint32_t pixel(struct pc *p, int x, int y)
{
    int width, height, stride;
    uint32_t *pixels = display_pixels(p->display, &width, &height, &stride);

    assert_in_range(x, 0, width - 1);
    assert_in_range(y, 0, height - 1);
    return pixels[y * stride + x];
}

static void expect_size(struct pc *p, unsigned mode, int width, int height)
{
    int w, h, stride;

    display_refresh(p->display, false);
    display_pixels(p->display, &w, &h, &stride);
    if (w != width || h != height)
        fail_msg("mode %x shows %dx%d, not %dx%d", mode, w, h, width, height);
}

static void text_on_the_screen(void **state)
{
    struct pc *p = *state;
    if (!p->engine)
        skip();
    int10(p, (struct regs){.ax = 0x0003});
    struct regs r = int10(p, (struct regs){.ax = 0x1130, .bx = 0x0600}); /* where the 8x16 font is */
    uint8_t *font = mem_at(p->memory, r.es * 16u + r.bp, 256 * 16);
    assert_non_null(font);
    static const char text[] = "domus \xc9\xcd\xbb";
    for (unsigned i = 0; text[i]; i++)
        int10(p, (struct regs){.ax = (uint16_t)(0x0e00 | (uint8_t)text[i]), .bx = 7});
    expect_size(p, 3, 720, 400);
    for (int i = 0; text[i]; i++) {
        uint8_t ch = (uint8_t)text[i];
        for (int y = 0; y < 14; y++) { /* the cursor may be on the last lines of the cell behind */
            for (int x = 0; x < 9; x++) {
                bool lit = x < 8 ? font[ch * 16 + y] >> (7 - x) & 1 : (ch & 0xe0) == 0xc0 && (font[ch * 16 + y] & 1);
                assert_int_equal(pixel(p, i * 9 + x, y), lit ? 0xaaaaaa : 0);
            }
        }
    }
    for (int i = 0; i < 30; i++) /* scrolls */
        int10(p, (struct regs){.ax = 0x0e0a, .bx = 7});
    display_refresh(p->display, false);
    for (int x = 0; x < 81; x++)
        assert_int_equal(pixel(p, x, 7), 0);
}

static void graphics_modes_of_the_vga(void **state)
{
    struct pc *p = *state;
    static const struct {
        uint16_t mode;
        int width, height, columns, rows; /* shown; the BIOS's */
        uint8_t colour;
        uint32_t shown;
    } modes[] = {
        {0x04, 640, 400, 320, 200, 2, 0xff55ff},  {0x05, 640, 400, 320, 200, 1, 0x55ffff},
        {0x06, 640, 400, 640, 200, 1, 0xffffff},  {0x0d, 640, 400, 320, 200, 12, 0xff5555},
        {0x0e, 640, 400, 640, 200, 9, 0x5555ff},  {0x10, 640, 350, 640, 350, 6, 0xaa5500},
        {0x11, 640, 480, 640, 480, 1, 0xffffff},  {0x12, 640, 480, 640, 480, 14, 0xffff55},
        {0x13, 640, 400, 320, 200, 40, 0xff0000},
    };
    if (!p->engine)
        skip();
    for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
        int sx = modes[i].width / modes[i].columns, sy = modes[i].height / modes[i].rows;
        int10(p, (struct regs){.ax = modes[i].mode});
        expect_size(p, modes[i].mode, modes[i].width, modes[i].height);
        for (uint16_t n = 0; n < 8; n++) {
            uint16_t x = (uint16_t)(13 + n * 31), y = (uint16_t)(7 + n * 23);
            int10(p, (struct regs){.ax = (uint16_t)(0x0c00 | modes[i].colour), .cx = x, .dx = y});
            struct regs r = int10(p, (struct regs){.ax = 0x0d00, .cx = x, .dx = y});
            assert_int_equal(r.ax & 0xff, modes[i].colour);
            display_refresh(p->display, false);
            if (pixel(p, x * sx, y * sy) != modes[i].shown)
                fail_msg("mode %x, pixel %d,%d: %06x, not %06x", modes[i].mode, x, y, pixel(p, x * sx, y * sy),
                         modes[i].shown);
            assert_int_equal(pixel(p, (x + 1) * sx, y * sy), 0);
            assert_int_equal(pixel(p, x * sx, (y + 1) * sy), 0);
        }
    }
}

/* VBE's mode information block. */
struct mode_info {
    unsigned attributes, pitch, width, height, bpp, model, lfb;
};

static bool vbe_mode_info(struct pc *p, uint16_t mode, struct mode_info *m)
{
    struct regs r = int10(p, (struct regs){.ax = 0x4f01, .cx = mode, .di = BUFFER});
    const uint8_t *b = mem_at(p->memory, BUFFER, 256);

    if (r.ax != 0x004f)
        return false;
    *m = (struct mode_info){.attributes = load_le16(b),
                            .pitch = load_le16(b + 16),
                            .width = load_le16(b + 18),
                            .height = load_le16(b + 20),
                            .bpp = b[25],
                            .model = b[27],
                            .lfb = load_le32(b + 40)};
    return m->attributes & 1;
}

static uint32_t shown_as(unsigned bpp, uint32_t value)
{
    uint32_t r, g, b;

    switch (bpp) {
    case 15:
        r = value >> 10 & 31, g = value >> 5 & 31, b = value & 31;
        return (r << 3 | r >> 2) << 16 | (g << 3 | g >> 2) << 8 | (b << 3 | b >> 2);
    case 16:
        r = value >> 11 & 31, g = value >> 5 & 63, b = value & 31;
        return (r << 3 | r >> 2) << 16 | (g << 2 | g >> 4) << 8 | (b << 3 | b >> 2);
    default: return value & 0xffffff;
    }
}

static void vbe_draw(struct pc *p, uint16_t mode, const struct mode_info *m)
{
    unsigned bytes = (m->bpp + 7) / 8;

    int10(p, (struct regs){.ax = 0x1010, .bx = 0xc3, .dx = 0x3f00, .cx = 0x1a2b}); /* a colour for 8 bpp */
    for (unsigned n = 0; n < 4; n++) {
        unsigned x = n & 1 ? m->width - 1 : 3, y = n & 2 ? m->height - 1 : 5;
        uint32_t value = m->bpp == 8 ? 0xc3 : 0x00a5c37e & (uint32_t)bytes_ones(bytes);
        uint32_t want = m->bpp == 8 ? 0xff69ae : shown_as(m->bpp, value); /* 3f 1a 2b, six bits to eight */
        assert_int_equal(mem_copy_out(p->memory, m->lfb + y * m->pitch + x * bytes, &value, bytes), 0);
        display_refresh(p->display, false);
        if (pixel(p, (int)x, (int)y) != want)
            fail_msg("VBE mode %x (%ux%ux%u), pixel %u,%u: %06x, not %06x", mode, m->width, m->height, m->bpp, x, y,
                     pixel(p, (int)x, (int)y), want);
    }
}

static void vbe_modes(void **state)
{
    struct pc *p = *state;
    uint16_t modes[256];
    unsigned count = 0, drawn = 0, widest = 0;

    if (!p->engine)
        skip();
    memcpy(mem_at(p->memory, BUFFER, 512), "VBE2", 4);
    struct regs r = int10(p, (struct regs){.ax = 0x4f00, .di = BUFFER});
    assert_int_equal(r.ax, 0x004f);
    const uint8_t *info = mem_at(p->memory, BUFFER, 512);
    assert_memory_equal(info, "VESA", 4);
    assert_int_equal(load_le16(info + 18), p->model == VGA_MODEL_STD ? 256 : 64); /* memory in 64 KiB */
    const uint8_t *list = mem_at(p->memory, load_le16(info + 16) * 16u + load_le16(info + 14), 512);
    for (; load_le16(list + 2 * count) != 0xffff && count < 255; count++)
        modes[count] = load_le16(list + 2 * count);
    for (unsigned i = 0; i < count; i++) {
        struct mode_info m;
        if (modes[i] < 0x100 || !vbe_mode_info(p, modes[i], &m) || m.model < 4)
            continue; /* the VGA's own, text and planar: tried by other means */
        r = int10(p, (struct regs){.ax = 0x4f02, .bx = (uint16_t)(modes[i] | LFB_MODE | NO_CLEAR)});
        assert_int_equal(r.ax, 0x004f);
        if (m.height == 200 && p->model == VGA_MODEL_CIRRUS)
            continue; /* shown twice as large */
        expect_size(p, modes[i], (int)m.width, (int)m.height);
        if (m.attributes & 0x80) {
            assert_int_equal(m.lfb, LFB);
            vbe_draw(p, modes[i], &m);
            drawn++;
        }
        widest = m.width > widest ? m.width : widest;
    }
    assert_true(drawn >= (p->model == VGA_MODEL_STD ? 30 : 12));
    assert_int_equal(widest, p->model == VGA_MODEL_STD ? 2560 : 1280);
}

/* 4F05: the window at 0xA0000; 4F07: the start of the picture. */
static void vbe_windows_and_panning(void **state)
{
    struct pc *p = *state;
    struct mode_info m;

    if (!p->engine)
        skip();
    assert_true(vbe_mode_info(p, 0x103, &m)); /* 800x600, 256 colours */
    assert_int_equal(m.width, 800);
    struct regs r = int10(p, (struct regs){.ax = 0x4f02, .bx = 0x103 | NO_CLEAR});
    assert_int_equal(r.ax, 0x004f);
    int10(p, (struct regs){.ax = 0x1010, .bx = 0xc3, .dx = 0x3f00, .cx = 0x1a2b});
    const uint8_t *info = mem_at(p->memory, BUFFER, 256);
    unsigned granularity = load_le16(info + 4) * 1024u, at = 500 * m.pitch + 77;
    r = int10(p, (struct regs){.ax = 0x4f05, .bx = 0, .dx = (uint16_t)(at / granularity)});
    assert_int_equal(r.ax, 0x004f);
    bus_write(p->mmio, 0xa0000 + at % granularity, 1, 0xc3);
    display_refresh(p->display, false);
    assert_int_equal(pixel(p, 77, 500), 0xff69ae);
    if (p->model ==
        VGA_MODEL_STD) { /* the Cirrus BIOS puts bits 8 to 11 of the start address into bits 16 to 19 as well */
        r = int10(p, (struct regs){.ax = 0x4f07, .bx = 0, .cx = 0, .dx = 100});
        assert_int_equal(r.ax, 0x004f);
        display_refresh(p->display, false);
        assert_int_equal(pixel(p, 77, 400), 0xff69ae);
    }
    int10(p, (struct regs){.ax = 0x0003}); /* and back */
    int10(p, (struct regs){.ax = 0x0e41, .bx = 7});
    expect_size(p, 3, 720, 400);
    unsigned lit = 0;
    for (int y = 0; y < 16; y++)
        for (int x = 0; x < 8; x++)
            lit += pixel(p, x, y) == 0xaaaaaa;
    assert_in_range(lit, 20, 60);
}

int main(void)
{
#define BOTH(f)                                                                                       \
    {.name = #f " (std)", .test_func = f, .setup_func = setup_std, .teardown_func = teardown},        \
    {                                                                                                 \
        .name = #f " (cirrus)", .test_func = f, .setup_func = setup_cirrus, .teardown_func = teardown \
    }
    const struct CMUnitTest tests[] = {
        BOTH(text_on_the_screen),
        BOTH(graphics_modes_of_the_vga),
        BOTH(vbe_modes),
        BOTH(vbe_windows_and_panning),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
