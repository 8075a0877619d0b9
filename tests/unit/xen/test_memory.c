/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_memory.c: XENMEM_* and grant tables in both ABIs: what a guest maps, drops, adds and grants. */
#include "guest.h"

#include "base/bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <xen/grant_table.h>
#include <xen/memory.h>
#include <cmocka.h>

#define LIST_AT 0xa000u

static int setup(void **state)
{
    static struct guest g;

    guest_init(&g);
    *state = &g;
    return 0;
}

static int teardown(void **state)
{
    guest_fini(*state);
    return 0;
}

static size_t put_word(struct guest *g, uint8_t *at, uint64_t value)
{
    store_le64(at, value); /* the next field overwrites the upper half */
    return g->mode64 ? 8 : 4;
}

static int64_t add(struct guest *g, uint16_t size, uint32_t space, uint64_t idx, uint64_t gfn)
{
    uint8_t op[40] = {0};
    size_t at = 8;

    store_le16(op, DOMID_SELF);
    store_le16(op + 2, size);
    store_le32(op + 4, space);
    at += put_word(g, op + at, idx);
    at += put_word(g, op + at, gfn);
    return guest_op(g, 0, NR_MEMORY, XENMEM_add_to_physmap, op, at);
}

static int64_t reservation(struct guest *g, unsigned cmd, const uint64_t *gfns, uint64_t n, uint32_t order)
{
    uint8_t op[40] = {0};
    size_t at = 0;

    for (uint64_t i = 0; i < n && i < 64; i++)
        put_word(g, guest_at(g, LIST_AT + i * (g->mode64 ? 8 : 4)), gfns[i]);
    at += put_word(g, op, LIST_AT);
    at += put_word(g, op + at, n);
    store_le32(op + at, order);
    store_le32(op + at + 4, 0);
    store_le32(op + at + 8, DOMID_SELF);
    return guest_op(g, 0, NR_MEMORY, cmd, op, g->mode64 ? 32 : 20);
}

static int64_t pages(struct guest *g, unsigned cmd)
{
    uint16_t domid = DOMID_SELF;

    return guest_op(g, 0, NR_MEMORY, cmd, &domid, 2);
}

static bool mapped(struct guest *g, gfn_t gfn)
{
    return memory_lookup(g->memory, gfn).flags & MEMORY_PRESENT;
}

static void test_shared_info(void **state)
{
    struct guest *g = *state;

    for (int mode = 0; mode < 2; mode++) {
        const gfn_t ram = 0x100 + (gfn_t)mode;
        guest_mode(g, mode);
        assert_int_equal(add(g, 0, XENMAPSPACE_shared_info, 0, 0xfdfff), 0); /* no RAM there: hvmloader's place */
        assert_ptr_equal(memory_lookup(g->memory, 0xfdfff).host, g->d->shared_info);
        assert_true(load_le32(guest_at(g, 0xfdfff000ull + 56)) != 0); /* vCPU 0's TSC scale, before it is looked at */
        uint64_t before = g->d->current_pages;
        assert_int_equal(add(g, 0, XENMAPSPACE_shared_info, 0, ram), 0); /* in place of a page of RAM: Linux */
        assert_false(mapped(g, 0xfdfff));
        assert_ptr_equal(memory_lookup(g->memory, ram).host, g->d->shared_info);
        assert_int_equal(g->d->current_pages, before - 1);
        assert_int_equal(add(g, 0, XENMAPSPACE_shared_info, 0, ram), 0);
        assert_int_equal(add(g, 0, XENMAPSPACE_shared_info, 1, 0x101), -XEN_EINVAL);
        assert_int_equal(add(g, 0, XENMAPSPACE_gmfn_foreign, 0, 0x101), -XEN_ENOSYS);
    }
    assert_int_equal(add(g, 0, XENMAPSPACE_shared_info, 0, 1ull << 50), -XEN_EINVAL);
}

static void test_chip_pages_stay(void **state)
{
    static uint8_t rom[PAGE_BYTES] __attribute__((aligned(4096)));
    struct guest *g = *state;
    const uint64_t gfn = 0xf0000;

    assert_int_equal(memory_map_host(g->memory, gfn, rom, 1, 0), 0);
    assert_int_equal(add(g, 0, XENMAPSPACE_shared_info, 0, gfn), -XEN_EPERM);
    assert_int_equal(reservation(g, XENMEM_populate_physmap, &gfn, 1, 0), 0);
    assert_int_equal(reservation(g, XENMEM_decrease_reservation, &gfn, 1, 0), 0);
    assert_ptr_equal(memory_lookup(g->memory, gfn).host, rom);
}

static void test_populate(void **state)
{
    struct guest *g = *state;
    const uint64_t gfns[3] = {0xfc000, 0xfc001, 0xfc100}, low[2] = {0x40, 0x41}, big = 0x200;

    for (int mode = 0; mode < 2; mode++) {
        guest_mode(g, mode);
        uint64_t before = g->d->current_pages;
        assert_int_equal(reservation(g, XENMEM_populate_physmap, gfns, 3, 0), 3);
        assert_int_equal(pages(g, XENMEM_current_reservation), before + 3);
        *guest_at(g, 0xfc100000ull) = 5;
        assert_int_equal(reservation(g, XENMEM_decrease_reservation, gfns, 3, 0), 3);
        assert_false(mapped(g, 0xfc001));
        assert_int_equal(pages(g, XENMEM_current_reservation), before);
        /* A balloon: out, and in again, empty. */
        *guest_at(g, 0x40000) = 77;
        assert_int_equal(reservation(g, XENMEM_decrease_reservation, low, 2, 0), 2);
        assert_false(mapped(g, 0x40));
        assert_int_equal(reservation(g, XENMEM_populate_physmap, low, 2, 0), 2);
        assert_int_equal(*guest_at(g, 0x40000), 0);
        assert_int_equal(reservation(g, XENMEM_decrease_reservation, &big, 1, 9), 1);
        assert_false(mapped(g, 0x3ff));
        assert_int_equal(reservation(g, XENMEM_populate_physmap, &big, 1, 9), 1);
        assert_true(mapped(g, 0x3ff));
        assert_int_equal(reservation(g, XENMEM_populate_physmap, &big, 1, 10), 0);
    }
    assert_int_equal(pages(g, XENMEM_maximum_reservation), GUEST_RAM / PAGE_BYTES + GUEST_SPARE);
}

static void test_populate_limits(void **state)
{
    struct guest *g = *state;
    uint64_t gfns[64];

    for (unsigned i = 0; i < 64; i++)
        gfns[i] = 0xfc000 + i;
    assert_int_equal(reservation(g, XENMEM_populate_physmap, gfns, 64, 0), GUEST_SPARE);
    gfns[0] = 0xfd000;
    assert_int_equal(reservation(g, XENMEM_populate_physmap, gfns, 1, 0), 0); /* no more than max_pages */
    gfns[0] = 0xfc000;
    gfns[1] = 0xffffffff;
    assert_int_equal(reservation(g, XENMEM_decrease_reservation, gfns, 2, 0), 1);
    gfns[0] = 0xfe001; /* an extent that does not fit is undone whole */
    assert_int_equal(reservation(g, XENMEM_populate_physmap, gfns, 1, 1), 0);
    gfns[0] = 0xfe000;
    assert_int_equal(reservation(g, XENMEM_populate_physmap, gfns, 1, 1), 0);
    assert_false(mapped(g, 0xfe000));
    assert_int_equal(reservation(g, XENMEM_populate_physmap, gfns, ~0ull, 0) <= 64, 1);
}

static void test_move_and_remove(void **state)
{
    struct guest *g = *state;
    uint8_t op[16] = {0};

    for (int mode = 0; mode < 2; mode++) {
        guest_mode(g, mode);
        *guest_at(g, 0x50000) = 9;
        assert_int_equal(add(g, 0, XENMAPSPACE_gmfn, 0x50, 0xfc050), 0);
        assert_false(mapped(g, 0x50));
        assert_int_equal(*guest_at(g, 0xfc050000ull), 9);
        assert_int_equal(add(g, 3, XENMAPSPACE_gmfn_range, 0xfc050, 0x50), -XEN_EINVAL); /* one of three exists */
        assert_int_equal(*guest_at(g, 0x50000), 9);
        store_le16(op, DOMID_SELF);
        put_word(g, op + (mode ? 8 : 4), 0x50);
        assert_int_equal(guest_op(g, 0, NR_MEMORY, XENMEM_remove_from_physmap, op, 16), 0);
        assert_false(mapped(g, 0x50));
        assert_int_equal(guest_op(g, 0, NR_MEMORY, XENMEM_remove_from_physmap, op, 16), -XEN_ENOENT);
        const uint64_t gfn = 0x50;
        assert_int_equal(reservation(g, XENMEM_populate_physmap, &gfn, 1, 0), 1);
    }
}

static void test_memory_map(void **state)
{
    struct guest *g = *state;

    for (int mode = 0; mode < 2; mode++) {
        uint8_t op[16] = {0};
        guest_mode(g, mode);
        store_le32(op, 128);
        put_word(g, op + (mode ? 8 : 4), LIST_AT);
        assert_int_equal(guest_op(g, 0, NR_MEMORY, XENMEM_memory_map, op, mode ? 16 : 8), 0);
        assert_int_equal(load_le32(op), 2);
        assert_int_equal(load_le64(guest_at(g, LIST_AT)), 0x100000);
        assert_int_equal(load_le64(guest_at(g, LIST_AT + 8)), GUEST_RAM - 0x100000);
        assert_int_equal(load_le32(guest_at(g, LIST_AT + 16)), 1);
        assert_int_equal(load_le64(guest_at(g, LIST_AT + 20)), 0xfc000000);
        store_le32(op, 1);
        assert_int_equal(guest_op(g, 0, NR_MEMORY, XENMEM_memory_map, op, mode ? 16 : 8), -XEN_EINVAL);
    }
    assert_int_equal(guest_call(g, 0, NR_MEMORY, XENMEM_get_vnumainfo, LIST_AT, 0), -XEN_EOPNOTSUPP);
    assert_int_equal(guest_call(g, 0, NR_MEMORY, XENMEM_machphys_mapping, LIST_AT, 0), -XEN_ENOSYS);
    assert_int_equal(guest_call(g, 0, NR_MEMORY, XENMEM_memory_map, 0xf0000000, 0), -XEN_EFAULT);
}

static int64_t gnttab(struct guest *g, unsigned cmd, void *arg, size_t len)
{
    return guest_op(g, 0, NR_GRANT, cmd, arg, len);
}

static void test_grant_frames(void **state)
{
    struct guest *g = *state;
    struct gnttab_query_size size = {.dom = DOMID_SELF};
    struct gnttab_set_version version = {.version = 2};
    struct gnttab_get_version got = {.dom = DOMID_SELF};

    assert_int_equal(gnttab(g, GNTTABOP_query_size, &size, sizeof size), 0);
    assert_int_equal(size.status, GNTST_okay);
    assert_int_equal(size.max_nr_frames, 64);
    assert_int_equal(gnttab(g, GNTTABOP_set_version, &version, sizeof version), -XEN_ENOSYS);
    assert_int_equal(version.version, 1);
    assert_int_equal(gnttab(g, GNTTABOP_get_version, &got, sizeof got), 0);
    assert_int_equal(got.version, 1);
    assert_int_equal(add(g, 0, XENMAPSPACE_grant_table, 3, 0xf2003), 0); /* Linux: the last one first */
    assert_int_equal(add(g, 0, XENMAPSPACE_grant_table, 0, 0xf2000), 0);
    assert_int_equal(add(g, 0, XENMAPSPACE_grant_table, 64, 0xf2040), -XEN_EINVAL);
    assert_int_equal(add(g, 0, XENMAPSPACE_grant_table, 0x80000000, 0xf2041), -XEN_EINVAL);
    size.dom = 3;
    assert_int_equal(gnttab(g, GNTTABOP_query_size, &size, sizeof size), 0);
    assert_int_equal(size.status, GNTST_bad_domain);
    assert_int_equal(size.nr_frames, 4);
    /* The toolstack's two entries. */
    const struct grant_entry_v1 *e = (void *)guest_at(g, 0xf2000000ull);
    assert_int_equal(e[0].frame, GUEST_CONS);
    assert_int_equal(e[1].frame, GUEST_STORE);
    assert_int_equal(e[1].flags, GTF_permit_access);
}

static void test_grant_map(void **state)
{
    struct guest *g = *state;
    struct grant_entry_v1 *e;

    assert_int_equal(add(g, 0, XENMAPSPACE_grant_table, 0, 0xf2000), 0);
    e = (void *)guest_at(g, 0xf2000000ull);
    e[9] = (struct grant_entry_v1){.flags = GTF_permit_access, .domid = 0, .frame = 0x60};
    assert_ptr_equal(xen_grant_map(g->d, 9, true), guest_at(g, 0x60000));
    assert_int_equal(e[9].flags, GTF_permit_access | GTF_reading | GTF_writing);
    assert_non_null(xen_grant_map(g->d, 9, false));
    xen_grant_unmap(g->d, 9, true);
    assert_int_equal(e[9].flags, GTF_permit_access | GTF_reading);
    xen_grant_unmap(g->d, 9, false);
    xen_grant_unmap(g->d, 9, false); /* once too often */
    assert_int_equal(e[9].flags, GTF_permit_access);
    e[9].flags |= GTF_readonly;
    assert_null(xen_grant_map(g->d, 9, true));
    assert_non_null(xen_grant_map(g->d, 9, false));
    xen_grant_unmap(g->d, 9, false);
    e[10] = (struct grant_entry_v1){.flags = GTF_permit_access, .domid = 3, .frame = 0x60};
    assert_null(xen_grant_map(g->d, 10, false)); /* granted to somebody else */
    e[10] = (struct grant_entry_v1){.flags = GTF_permit_access, .domid = 0, .frame = 0xfffff000};
    assert_null(xen_grant_map(g->d, 10, false)); /* no memory */
    assert_int_equal(e[10].flags, GTF_permit_access);
    assert_null(xen_grant_map(g->d, 11, false));
    assert_null(xen_grant_map(g->d, ~0u, false));
}

static void test_grant_copy(void **state)
{
    struct guest *g = *state;
    struct gnttab_copy op = {.source = {.u.gmfn = 0x60, .domid = DOMID_SELF, .offset = 16},
                             .dest = {.u.gmfn = 0x61, .domid = DOMID_SELF, .offset = 32},
                             .len = 5};

    memcpy(guest_at(g, 0x60010), "hello", 5);
    assert_int_equal(gnttab(g, GNTTABOP_copy, &op, sizeof op), 0);
    assert_int_equal(op.status, GNTST_okay);
    assert_memory_equal(guest_at(g, 0x61020), "hello", 5);
    op.dest.offset = 4095;
    assert_int_equal(gnttab(g, GNTTABOP_copy, &op, sizeof op), 0);
    assert_int_equal(op.status, GNTST_bad_copy_arg);
    op.dest.offset = 0;
    op.dest.u.gmfn = 0xf0000000;
    assert_int_equal(gnttab(g, GNTTABOP_copy, &op, sizeof op), 0);
    assert_int_equal(op.status, GNTST_bad_page);
    op.dest.domid = 0;
    assert_int_equal(gnttab(g, GNTTABOP_copy, &op, sizeof op), 0);
    assert_int_equal(op.status, GNTST_permission_denied);
    assert_int_equal(guest_call(g, 0, NR_GRANT, GNTTABOP_copy, 0x9000, 100000), -XEN_EINVAL);
    assert_int_equal(guest_call(g, 0, NR_GRANT, GNTTABOP_get_status_frames, 0x9000, 1), -XEN_ENOSYS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_shared_info, setup, teardown),
        cmocka_unit_test_setup_teardown(test_chip_pages_stay, setup, teardown),
        cmocka_unit_test_setup_teardown(test_populate, setup, teardown),
        cmocka_unit_test_setup_teardown(test_populate_limits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_move_and_remove, setup, teardown),
        cmocka_unit_test_setup_teardown(test_memory_map, setup, teardown),
        cmocka_unit_test_setup_teardown(test_grant_frames, setup, teardown),
        cmocka_unit_test_setup_teardown(test_grant_map, setup, teardown),
        cmocka_unit_test_setup_teardown(test_grant_copy, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
