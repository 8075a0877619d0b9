/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz_chips.c: the PC's own chips wired together, with accesses of any kind to any of their registers, interrupts
 * acknowledged, and time passing. Whatever the guest does, a chip must be in a state that it would load again, and time
 * must pass in bounded work. A clock of this file's own stands in for machine/loop.c, and a stream for chardev.c.
 */
#include "dev/acpi_gpe.h"
#include "dev/acpi_pm.h"
#include "dev/apic_bus.h"
#include "dev/debug_port.h"
#include "dev/fpu_error.h"
#include "dev/hpet.h"
#include "dev/i8042.h"
#include "dev/i8237.h"
#include "dev/i8254.h"
#include "dev/i8259.h"
#include "dev/ioapic.h"
#include "dev/lapic.h"
#include "dev/mc146818.h"
#include "dev/ns16550.h"
#include "dev/ps2_keyboard.h"
#include "dev/ps2_mouse.h"
#include "dev/reset_port.h"
#include "host/console/chardev.h"
#include "machine/memory.h"

#include <stdlib.h>
#include <string.h>

#include "fuzz_input.h"

#define MAX_TIMERS 32
#define MAX_FIRES  10000 /* in one step of at most 17 ms: more than all timers together may */
#define RAM_BYTES  (1u << 20)

struct loop {
    uint64_t now;
    struct timer *armed[MAX_TIMERS];
};

uint64_t loop_now_ns(struct loop *l)
{
    return l->now;
}

void timer_init(struct timer *t, struct loop *l, void (*fired)(void *opaque), void *opaque)
{
    *t = (struct timer){.fired = fired, .opaque = opaque, .loop = l};
}

void timer_cancel(struct timer *t)
{
    if (t->slot)
        t->loop->armed[t->slot - 1] = NULL;
    t->slot = 0;
}

void timer_set(struct timer *t, uint64_t deadline_ns)
{
    unsigned i = 0;

    timer_cancel(t);
    while (t->loop->armed[i])
        if (++i == MAX_TIMERS)
            abort();
    t->loop->armed[i] = t;
    t->slot = i + 1;
    t->deadline_ns = deadline_ns;
}

static void advance(struct loop *l, uint64_t ns)
{
    uint64_t until = l->now + ns;

    for (unsigned fires = 0;; fires++) {
        struct timer *next = NULL;

        for (unsigned i = 0; i < MAX_TIMERS; i++)
            if (l->armed[i] && l->armed[i]->deadline_ns <= until &&
                (!next || l->armed[i]->deadline_ns < next->deadline_ns))
                next = l->armed[i];
        if (!next)
            break;
        if (fires > MAX_FIRES)
            abort(); /* the host would be busy for ever */
        if (next->deadline_ns > l->now)
            l->now = next->deadline_ns;
        timer_cancel(next);
        next->fired(next->opaque);
    }
    l->now = until;
}

struct chardev {
    struct chardev_client client;
    size_t room;
};

size_t chardev_write(struct chardev *c, const uint8_t *bytes, size_t n)
{
    if (n > c->room)
        n = c->room;
    c->room -= n;
    return n;
}
void chardev_set_client(struct chardev *c, const struct chardev_client *client)
{
    c->client = client ? *client : (struct chardev_client){0};
}
void chardev_set_line(struct chardev *c, const struct chardev_line *line)
{
}
void chardev_set_break(struct chardev *c, bool on)
{
}
void chardev_room_changed(struct chardev *c)
{
}

static void type(struct chardev *c, uint8_t value)
{
    const uint8_t bytes[16] = {value, 'f', 'u', 'z', 'z'};
    size_t room = c->client.room(c->client.opaque);

    c->client.input(c->client.opaque, bytes, room < sizeof bytes ? room : sizeof bytes);
    c->room = value;
    c->client.writable(c->client.opaque);
    if (value % 16 == 9)
        c->client.line_break(c->client.opaque);
}

static uint64_t guest_tsc(void *opaque)
{
    return 3 * ((struct loop *)opaque)->now;
}

static void ignore_line(void *opaque, const char *text)
{
    if (strlen(text) > 200)
        abort();
}

static void ignore_request(struct lifecycle *l, enum life_reason reason, const char *why)
{
}

struct window {
    struct device *d;
    const struct io_ops *io;
    unsigned len;
};

enum {
    PIC,
    IOAPIC,
    LAPIC0,
    LAPIC1,
    HPET,
    PIT,
    RTC,
    PM,
    GPE,
    DMA,
    KEYBOARD,
    MOUSE,
    KBC,
    UART,
    DEBUG,
    RESET,
    FPU,
    CHIPS
};

struct rig {
    struct loop loop;
    struct lifecycle life;
    struct chardev stream;
    struct memory *memory;
    struct apic_bus *bus;
    struct ps2_device *keyboard, *mouse;
    struct irq_line intr, isa[16], pit_out, rtc_out, gsi[HPET_GSIS];
    struct device *chip[CHIPS];
    struct window window[32];
    unsigned windows;
};

static void isa_changed(void *opaque, unsigned n, bool level)
{
    struct rig *r = opaque;

    i8259_set_irq(r->chip[PIC], n, level);
    ioapic_set_irq(r->chip[IOAPIC], n ? n : 2, level);
}

static void map(struct rig *r, unsigned chip, const struct io_ops *io, unsigned len)
{
    r->window[r->windows++] = (struct window){r->chip[chip], io, len};
}

static void map_all(struct rig *r)
{
    map(r, PIC, &i8259_master_io, 2);
    map(r, PIC, &i8259_slave_io, 2);
    map(r, PIC, &i8259_elcr_io, 2);
    map(r, IOAPIC, &ioapic_io, 0x20);
    map(r, LAPIC0, &lapic_io, 0x400);
    map(r, LAPIC1, &lapic_io, 0x400);
    map(r, HPET, &hpet_io, 0x180);
    map(r, PIT, &i8254_io, 4);
    map(r, PIT, &i8254_port61_io, 1);
    map(r, RTC, &mc146818_io, 2);
    map(r, PM, &acpi_pm_io, 12);
    map(r, PM, &acpi_smi_io, 2);
    map(r, GPE, &acpi_gpe_io, 4);
    map(r, GPE, &acpi_pci_hotplug_io, 24);
    map(r, GPE, &acpi_cpu_hotplug_io, 32);
    map(r, GPE, &acpi_aml_debug_io, 4);
    map(r, DMA, &i8237_low_io, 16);
    map(r, DMA, &i8237_high_io, 32);
    map(r, DMA, &i8237_page_io, 16);
    map(r, KBC, &i8042_data_io, 1);
    map(r, KBC, &i8042_command_io, 1);
    map(r, KBC, &i8042_port92_io, 1);
    map(r, UART, &ns16550_io, 8);
    map(r, DEBUG, &debug_port_io, 1);
    map(r, RESET, &reset_port_io, 1);
    map(r, FPU, &fpu_error_io, 1);
}

static void build_interrupts(struct rig *r)
{
    struct lapic_cpu cpu = {.tsc = guest_tsc, .tsc_hz = 3000000000u, .opaque = &r->loop};

    r->bus = apic_bus_create();
    r->intr = (struct irq_line){.changed = apic_bus_set_extint, .opaque = r->bus};
    r->chip[PIC] = i8259_create(&r->intr);
    apic_bus_set_pic(r->bus, r->chip[PIC], i8259_ack);
    r->chip[IOAPIC] = ioapic_create(r->bus);
    r->chip[LAPIC0] = lapic_create(r->bus, &r->loop, 0, &cpu);
    r->chip[LAPIC1] = lapic_create(r->bus, &r->loop, 1, &cpu);
    for (unsigned n = 0; n < 16; n++)
        r->isa[n] = (struct irq_line){.changed = isa_changed, .opaque = r, .n = n};
    for (unsigned n = 0; n < HPET_GSIS; n++)
        r->gsi[n] = (struct irq_line){.changed = ioapic_set_irq, .opaque = r->chip[IOAPIC], .n = HPET_FIRST_GSI + n};
}

static void build(struct rig *r)
{
    struct irq_line *const legacy[2] = {&r->isa[0], &r->isa[8]};
    struct irq_line *const gsi[HPET_GSIS] = {&r->gsi[0], &r->gsi[1], &r->gsi[2], &r->gsi[3]};
    struct acpi_pm_config pm = {.sci = &r->isa[9], .life = &r->life};
    struct acpi_gpe_config gpe = {.sci = &r->isa[10]};
    struct i8042_config kbc = {.irq1 = &r->isa[1], .irq12 = &r->isa[12], .life = &r->life};

    *r = (struct rig){.loop = {.now = 1000000000}, .life = {ignore_request}, .stream = {.room = 100}};
    r->memory = memory_create(RAM_BYTES);
    if (!r->memory || memory_map_ram(r->memory, 0, 0, RAM_BYTES / PAGE_BYTES))
        abort();
    build_interrupts(r);
    r->chip[HPET] = hpet_create(&r->loop, legacy, gsi);
    r->pit_out = (struct irq_line){.changed = hpet_set_legacy_irq, .opaque = r->chip[HPET], .n = 0};
    r->rtc_out = (struct irq_line){.changed = hpet_set_legacy_irq, .opaque = r->chip[HPET], .n = 1};
    r->chip[PIT] = i8254_create(&r->loop, &r->pit_out);
    r->chip[RTC] = mc146818_create(&r->loop, &r->rtc_out, NULL);
    r->chip[PM] = acpi_pm_create(&r->loop, &pm);
    r->chip[GPE] = acpi_gpe_create(&gpe);
    r->chip[DMA] = i8237_create(r->memory);
    r->keyboard = kbc.keyboard = ps2_keyboard_create(NULL);
    r->mouse = kbc.mouse = ps2_mouse_create(NULL);
    r->chip[KEYBOARD] = &r->keyboard->dev;
    r->chip[MOUSE] = &r->mouse->dev;
    r->chip[KBC] = i8042_create(&r->loop, &kbc);
    r->chip[UART] = ns16550_create(&r->loop, &r->isa[4], &r->stream);
    r->chip[DEBUG] = debug_port_create(ignore_line, NULL);
    r->chip[RESET] = reset_port_create(&r->life);
    r->chip[FPU] = fpu_error_create(&r->isa[13]);
    map_all(r);
}

static void access_window(struct rig *r, struct fuzz_input *in)
{
    struct window *w = &r->window[fuzz_byte(in) % r->windows];
    unsigned what = fuzz_byte(in), size = 1u << (what & 3), offset = (fuzz_byte(in) | what << 6) % w->len;
    uint64_t value = fuzz_u32(in);

    if (what & 0x80) /* registers are mostly aligned words */
        offset &= ~15u;
    while (offset + size > w->len)
        size /= 2;
    if (what & 0x40)
        value |= value << 32;
    if (what & 4)
        w->io->read(w->d, offset, size);
    else
        w->io->write(w->d, offset, size, value);
}

static void check_states(struct rig *r)
{
    for (unsigned i = 0; i < CHIPS; i++)
        if (r->chip[i]->ops->check && r->chip[i]->ops->check(r->chip[i]->state))
            abort();
}

static void step(struct rig *r, struct fuzz_input *in)
{
    uint8_t what = fuzz_byte(in), value = fuzz_byte(in), bytes[64];
    uint64_t msr;
    bool end;

    switch (what % 16) {
    case 0: advance(&r->loop, (uint64_t)value * 65536); break;
    case 1: r->loop.now += value * 100000000ull; break; /* a host that was away */
    case 2: lapic_ack(r->chip[LAPIC0 + (value & 1)]); break;
    case 3: lapic_msr_write(r->chip[LAPIC0 + (value & 1)], 0x800 + (value >> 1), fuzz_u32(in)); break;
    case 4: lapic_msr_read(r->chip[LAPIC0 + (value & 1)], 0x800 + (value >> 1), &msr); break;
    case 5: apic_msi(r->bus, 0xFEE00000 | (fuzz_u32(in) & 0xFFFFF), fuzz_u32(in)); break;
    case 6: i8237_to_memory(r->chip[DMA], value, bytes, sizeof bytes, &end); break;
    case 7: i8237_from_memory(r->chip[DMA], value, bytes, sizeof bytes, &end); break;
    case 8: ps2_keyboard_key(r->keyboard, (uint16_t)fuzz_u32(in), value & 1); break;
    case 9: ps2_mouse_move(r->mouse, (int)fuzz_u32(in), (int)fuzz_u32(in), (int8_t)value, value); break;
    case 10: type(&r->stream, value); break;
    case 11:
        if (value < 8)
            lapic_msr_write(r->chip[LAPIC0 + (value & 1)], MSR_IA32_APIC_BASE, 0xFEE00000 | (value >> 1 & 3) << 10);
        lapic_msr_write(r->chip[LAPIC0 + (value & 1)], MSR_TSC_DEADLINE, guest_tsc(&r->loop) + fuzz_u32(in));
        break;
    case 12: fpu_error_set(r->chip[FPU], value & 1); break;
    default: access_window(r, in); break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size};
    struct rig r;

    build(&r);
    while (in.left)
        step(&r, &in);
    check_states(&r);
    for (unsigned i = 0; i < CHIPS; i++)
        if (i != KEYBOARD && i != MOUSE)
            r.chip[i]->ops->destroy(r.chip[i]);
    r.chip[KEYBOARD]->ops->destroy(r.chip[KEYBOARD]);
    r.chip[MOUSE]->ops->destroy(r.chip[MOUSE]);
    for (unsigned i = 0; i < MAX_TIMERS; i++)
        if (r.loop.armed[i])
            abort();
    apic_bus_destroy(r.bus);
    memory_destroy(r.memory);
    return 0;
}
