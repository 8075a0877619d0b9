/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz_hypercall.c: a guest that calls anything with anything, in both ABIs, while it also writes its own RAM, rings
 * and grant entries, and back ends map, unmap and notify.
 */
#include "base/bytes.h"
#include "base/log.h"
#include "machine/loop.h"
#include "machine/memory.h"
#include "x86/cpu.h"
#include "xen/store/store.h"
#include "xen/xen.h"

#include <assert.h>
#include <string.h>

#define RAM_BYTES  (1u << 20)
#define STORE_GFN  0xf0u
#define ARGS_AT    0x2000u
#define GUEST_CPUS 3u

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

struct input {
    const uint8_t *at, *end;
};

static uint8_t next(struct input *in)
{
    return in->at < in->end ? *in->at++ : 0;
}

/* Mostly small numbers and addresses that exist; now and then anything. */
static uint64_t number(struct input *in)
{
    static const uint64_t interesting[] = {0x7ff0,     0,          ARGS_AT,    0xf0000, 0xfdfff,
                                           0xfc000000, 0xffffffff, 1ull << 40, ~0ull,   0x2ull << 56 | 0xf3,
                                           1ull << 56, 0xfc000,    0xff,       0x1000};
    uint8_t kind = next(in) & 31, a = next(in);

    if (kind < 16)
        return a;
    if (kind < 24)
        return interesting[a % ARRAY_SIZE(interesting)];
    if (kind < 28)
        return (uint64_t)a << 8 | next(in);
    return (uint64_t)next(in) << (a & 63) | kind;
}

static int copy_in(void *opaque, void *to, gva_t from, size_t len)
{
    return mem_copy_in(opaque, to, from, len);
}

static int copy_out(void *opaque, gva_t to, const void *from, size_t len)
{
    return mem_copy_out(opaque, to, from, len);
}

static int translate(void *opaque, gva_t gva, gpa_t *gpa)
{
    *gpa = gva;
    return 0;
}

static void ignore_event(void *opaque)
{
}

static void one_call(struct xen_domain *d, struct memory *m, struct input *in)
{
    static const uint8_t numbers[] = {12, 13, 15, 17, 18, 20, 21, 24, 29, 32, 34};
    const struct xen_guest_ops ops = {copy_in, copy_out, translate, m};
    struct x86_cpu cpu = {.cr0 = X86_CR0_PE};
    uint8_t what = next(in), *args = mem_at(m, ARGS_AT, PAGE_BYTES);
    static const uint8_t regs[] = {X86_RDI, X86_RSI, X86_RDX, X86_RBX, X86_RCX, 8, 10};

    cpu.seg[X86_CS].attr = what & 1 ? 0xa9b : 0xc9b;
    cpu.seg[X86_SS].attr = 0xc93;
    cpu.efer = what & 1 ? X86_EFER_LMA : 0;
    cpu.gpr[X86_RAX] = what & 2 ? numbers[next(in) % ARRAY_SIZE(numbers)] : next(in);
    for (unsigned i = 0; i < ARRAY_SIZE(regs); i++)
        cpu.gpr[regs[i]] = number(in);
    cpu.gpr[X86_RSI] = what & 4 ? ARGS_AT : cpu.gpr[X86_RSI];
    cpu.gpr[X86_RCX] = what & 4 ? ARGS_AT : cpu.gpr[X86_RCX];
    for (unsigned i = 0; args && i < (what >> 4); i++)
        store_le64(args + 8 * i, number(in));
    xen_hypercall(d, next(in) % GUEST_CPUS, &cpu, &ops);
}

static void one_step(struct xen_domain *d, struct memory *m, struct input *in, int *backend)
{
    uint64_t value;
    uint8_t byte;

    switch (next(in) & 15) {
    case 0:
        byte = next(in);
        (void)mem_copy_out(m, STORE_GFN * PAGE_BYTES + number(in) % PAGE_BYTES, &byte, 1);
        break;
    case 1:
        byte = next(in);
        (void)mem_copy_out(m, number(in), &byte, 1);
        break;
    case 2: (void)xen_msr_write(d, 0, &(const struct x86_cpu){0}, 0x40000000, number(in)); break;
    case 3: (void)xen_msr_read(d, 0, (uint32_t)number(in), &value); break;
    case 4:
        value = number(in);
        if (xen_grant_map(d, (uint32_t)value, next(in) & 1))
            xen_grant_unmap(d, (uint32_t)value, next(in) & 1);
        break;
    case 5:
        xen_evtchn_disconnect(d, *backend);
        *backend = xen_evtchn_connect(d, (uint32_t)number(in), ignore_event, NULL);
        break;
    case 6: xen_evtchn_notify(d, *backend); break;
    case 7: xen_upcall_sync(d); break;
    case 8: (void)xen_upcall_vector(d, next(in) % GUEST_CPUS); break;
    default: one_call(d, m, in); break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct input in = {bytes, bytes + n};
    struct xen_config c = {
        .domid = 1, .tsc_khz = 2600000, .vcpus = GUEST_CPUS, .store_gfn = STORE_GFN, .console_gfn = STORE_GFN + 1};
    struct xen_memory_range map = {0, RAM_BYTES, 1};
    struct store *s = store_create();
    struct xen_store_ring *ring;
    struct xen_domain *d;
    int backend = 0, rc;

    log_init(2, LOG_ERROR);
    c.memory = memory_create(RAM_BYTES + 64 * PAGE_BYTES);
    c.loop = loop_create();
    c.current_pages = RAM_BYTES / PAGE_BYTES;
    c.max_pages = c.current_pages + 32;
    c.map = &map;
    c.map_count = 1;
    rc = memory_map_ram(c.memory, 0, 0, RAM_BYTES / PAGE_BYTES);
    assert(rc == 0);
    rc = xen_domain_create(&d, &c);
    assert(rc == 0);
    ring = xen_store_ring_create(d, s);
    while (in.at < in.end)
        one_step(d, c.memory, &in, &backend);
    xen_store_ring_destroy(ring);
    store_destroy(s);
    xen_domain_destroy(d);
    loop_destroy(c.loop);
    memory_destroy(c.memory);
    return 0;
}
