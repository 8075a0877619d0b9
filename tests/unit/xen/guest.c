/* SPDX-License-Identifier: GPL-2.0-or-later */
/* guest.c: see guest.h. */
#include "guest.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#define ARG_AT 0x8000u

static bool on_lapic(void *opaque, unsigned vcpu, uint8_t vector)
{
    struct guest *g = opaque;

    g->vector = vector;
    if (g->lapic_off)
        return false;
    g->raised[vcpu]++;
    return true;
}

static void on_kick(void *opaque, unsigned vcpu)
{
    ((struct guest *)opaque)->kicked[vcpu]++;
}

static void on_block(void *opaque, unsigned vcpu)
{
    ((struct guest *)opaque)->blocked[vcpu]++;
}

static void on_wake(void *opaque, unsigned vcpu)
{
    ((struct guest *)opaque)->woken[vcpu]++;
}

static void on_nmi(void *opaque, unsigned vcpu)
{
    ((struct guest *)opaque)->nmis[vcpu]++;
}

static void on_gsi(void *opaque, unsigned gsi, bool level)
{
    struct guest *g = opaque;

    g->gsi = gsi;
    g->gsi_level = level;
}

static void on_intx(void *opaque, unsigned device, unsigned intx, bool level)
{
    struct guest *g = opaque;

    g->intx_device = device;
    g->intx = intx;
    g->intx_level = level;
}

static void on_ioports(void *opaque, bool at_b000)
{
    ((struct guest *)opaque)->ioports = at_b000;
}

static void on_log(void *opaque, const char *text, size_t n)
{
    struct guest *g = opaque;

    if (n > sizeof g->log - g->log_used)
        n = sizeof g->log - g->log_used;
    memcpy(g->log + g->log_used, text, n);
    g->log_used += (unsigned)n;
}

static void on_life(struct lifecycle *l, enum life_reason reason, const char *why)
{
    container_of(l, struct guest, life)->life_reason = (int)reason;
}

static int copy_from(void *opaque, void *to, gva_t from, size_t len)
{
    struct guest *g = opaque;

    return mem_copy_in(g->memory, to, from, len);
}

static int copy_to(void *opaque, gva_t to, const void *from, size_t len)
{
    struct guest *g = opaque;

    return mem_copy_out(g->memory, to, from, len);
}

static int translate(void *opaque, gva_t gva, gpa_t *gpa)
{
    *gpa = gva;
    return gva < GUEST_RAM ? 0 : -EFAULT;
}

void guest_init(struct guest *g)
{
    static const struct xen_memory_range map[] = {{0x100000, GUEST_RAM - 0x100000, 1}, {0xfc000000, 0x1000, 2}};
    struct xen_config c = {
        .domid = 7,
        .uuid = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16},
        .vcpus = GUEST_VCPUS,
        .rdtscp = true,
        .store_gfn = GUEST_STORE,
        .console_gfn = GUEST_CONS,
        .current_pages = GUEST_RAM / PAGE_BYTES,
        .max_pages = GUEST_RAM / PAGE_BYTES + GUEST_SPARE,
        .map = map,
        .map_count = 2,
        .host = {on_lapic, on_kick, on_block, on_wake, on_nmi, on_gsi, on_intx, on_ioports, on_log, g},
    };
    int rc;

    memset(g, 0, sizeof *g);
    g->life_reason = -1;
    g->life.request = on_life;
    g->loop = loop_create();
    g->memory = memory_create(GUEST_RAM + (GUEST_SPARE + 8) * PAGE_BYTES);
    assert(g->loop && g->memory);
    rc = memory_map_ram(g->memory, 0, 0, GUEST_RAM / PAGE_BYTES);
    assert(rc == 0);
    c.memory = g->memory;
    c.loop = g->loop;
    c.life = &g->life;
    rc = xen_domain_create(&g->d, &c);
    assert(rc == 0);
    guest_mode(g, true);
}

void guest_fini(struct guest *g)
{
    xen_domain_destroy(g->d);
    memory_destroy(g->memory);
    loop_destroy(g->loop);
}

void guest_mode(struct guest *g, bool mode64)
{
    g->mode64 = mode64;
    for (unsigned i = 0; i < GUEST_VCPUS; i++) {
        struct x86_cpu *cpu = &g->cpu[i];
        memset(cpu, 0, sizeof *cpu);
        cpu->cr0 = X86_CR0_PE;
        cpu->seg[X86_CS].attr = mode64 ? 0xa9b : 0xc9b;
        cpu->seg[X86_SS].attr = 0xc93;
        cpu->efer = mode64 ? X86_EFER_LMA | X86_EFER_LME : 0;
    }
    shared_info_latch(g->d, !mode64);
}

int64_t guest_call(struct guest *g, unsigned vcpu, unsigned nr, uint64_t a0, uint64_t a1, uint64_t a2)
{
    const struct xen_guest_ops ops = {copy_from, copy_to, translate, g};
    struct x86_cpu *cpu = &g->cpu[vcpu];
    static const uint8_t regs[2][3] = {{X86_RBX, X86_RCX, X86_RDX}, {X86_RDI, X86_RSI, X86_RDX}};

    cpu->gpr[X86_RAX] = nr;
    cpu->gpr[regs[g->mode64][0]] = a0;
    cpu->gpr[regs[g->mode64][1]] = a1;
    cpu->gpr[regs[g->mode64][2]] = a2;
    xen_hypercall(g->d, vcpu, cpu, &ops);
    return g->mode64 ? (int64_t)cpu->gpr[X86_RAX] : (int32_t)cpu->gpr[X86_RAX];
}

int64_t guest_op(struct guest *g, unsigned vcpu, unsigned nr, uint64_t cmd, void *arg, size_t len)
{
    bool third = nr == NR_VCPU; /* vcpu_op(cmd, vcpu, arg), grant_table_op(cmd, arg, count) */
    int64_t rc;

    memcpy(guest_at(g, ARG_AT), arg, len);
    rc = guest_call(g, vcpu, nr, cmd, third ? vcpu : ARG_AT, third ? ARG_AT : 1);
    memcpy(arg, guest_at(g, ARG_AT), len);
    return rc;
}

uint8_t *guest_at(struct guest *g, gpa_t gpa)
{
    return mem_at(g->memory, gpa, 1);
}
