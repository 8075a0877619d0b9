/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bus.c: see bus.h. Windows stand in an array in the order they were mapped, so the newest that covers an address wins.
 * A second array, rebuilt on every change, cuts the address space into runs with one winner each: an access is one
 * binary search, or none when it hits the run of the access before.
 */
#include "machine/bus.h"

#include "base/bytes.h"

#include <assert.h>
#include <stdlib.h>

struct bus_window {
    uint64_t base, len;
    struct device *device;
    const struct io_ops *ops;
};

struct run {
    uint64_t start;            /* up to the next run's start */
    struct bus_window *window; /* NULL: a gap */
};

struct bus {
    const char *name;
    uint64_t limit;
    struct bus_window **window;
    size_t windows, window_room;
    struct run *run;
    size_t runs, run_room;
    size_t last; /* the run of the access before */
};

struct bus *bus_create(const char *name, uint64_t limit)
{
    struct bus *bus = calloc(1, sizeof *bus);

    if (!bus)
        return NULL;
    bus->name = name;
    bus->limit = limit;
    bus->run = calloc(1, sizeof *bus->run);
    bus->run_room = bus->runs = 1;
    if (!bus->run) {
        free(bus);
        return NULL;
    }
    return bus;
}

void bus_destroy(struct bus *bus)
{
    if (!bus)
        return;
    for (size_t i = 0; i < bus->windows; i++)
        free(bus->window[i]);
    free(bus->window);
    free(bus->run);
    free(bus);
}

static struct bus_window *winner(const struct bus *bus, uint64_t address)
{
    for (size_t i = bus->windows; i-- > 0;) {
        struct bus_window *w = bus->window[i];
        if (address >= w->base && address - w->base < w->len)
            return w;
    }
    return NULL;
}

static int compare_u64(const void *a, const void *b)
{
    uint64_t x, y;

    x = *(const uint64_t *)a;
    y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* Every window's first and one-past-last address starts a run; equal neighbours are merged. */
static void bus_rebuild(struct bus *bus)
{
    size_t n = 0, edges = 2 * bus->windows + 1;
    uint64_t *edge = malloc(edges * sizeof *edge);

    assert(edge); /* a few KiB at a configuration change */
    edge[n++] = 0;
    for (size_t i = 0; i < bus->windows; i++) {
        edge[n++] = bus->window[i]->base;
        edge[n++] = bus->window[i]->base + bus->window[i]->len;
    }
    qsort(edge, n, sizeof *edge, compare_u64);
    bus->runs = 0;
    bus->last = 0;
    for (size_t i = 0; i < n; i++) {
        struct bus_window *w = winner(bus, edge[i]);
        if (bus->runs && (bus->run[bus->runs - 1].start == edge[i] || bus->run[bus->runs - 1].window == w))
            continue;
        bus->run[bus->runs++] = (struct run){edge[i], w};
    }
    free(edge);
}

struct bus_window *bus_map(struct bus *bus, uint64_t base, uint64_t len, struct device *device,
                           const struct io_ops *ops)
{
    struct bus_window *w;

    assert(len && range_inside(base, len, bus->limit));
    if (bus->windows == bus->window_room) {
        size_t room = bus->window_room ? 2 * bus->window_room : 32;
        void *p = realloc(bus->window, room * sizeof *bus->window);
        if (!p)
            return NULL;
        bus->window = p;
        p = realloc(bus->run, (2 * room + 1) * sizeof *bus->run);
        if (!p)
            return NULL;
        bus->run = p;
        bus->run_room = 2 * room + 1;
        bus->window_room = room;
    }
    w = malloc(sizeof *w);
    if (!w)
        return NULL;
    *w = (struct bus_window){base, len, device, ops};
    bus->window[bus->windows++] = w;
    bus_rebuild(bus);
    return w;
}

void bus_unmap(struct bus *bus, struct bus_window *window)
{
    size_t i = 0;

    if (!window)
        return;
    while (i < bus->windows && bus->window[i] != window)
        i++;
    assert(i < bus->windows);
    for (; i + 1 < bus->windows; i++)
        bus->window[i] = bus->window[i + 1];
    bus->windows--;
    free(window);
    bus_rebuild(bus);
}

void bus_move(struct bus *bus, struct bus_window *window, uint64_t base)
{
    assert(range_inside(base, window->len, bus->limit));
    window->base = base;
    bus_rebuild(bus);
}

static struct bus_window *bus_find(struct bus *bus, uint64_t address)
{
    size_t low = 0, high = bus->runs;

    if (bus->last < bus->runs && address >= bus->run[bus->last].start &&
        (bus->last + 1 == bus->runs || address < bus->run[bus->last + 1].start))
        return bus->run[bus->last].window;
    while (high - low > 1) {
        size_t middle = (low + high) / 2;
        if (address < bus->run[middle].start)
            high = middle;
        else
            low = middle;
    }
    bus->last = low;
    return bus->runs ? bus->run[low].window : NULL;
}

uint64_t bus_read(struct bus *bus, uint64_t address, unsigned size)
{
    struct bus_window *w = bus_find(bus, address);
    uint64_t value = 0;

    if (w && address - w->base + size <= w->len)
        return w->ops->read(w->device, address - w->base, size) & bytes_ones(size);
    if (size == 1)
        return 0xff;
    for (unsigned i = 0; i < size; i++)
        value |= bus_read(bus, address + i, 1) << (8 * i);
    return value;
}

void bus_write(struct bus *bus, uint64_t address, unsigned size, uint64_t value)
{
    struct bus_window *w = bus_find(bus, address);

    if (w && address - w->base + size <= w->len) {
        w->ops->write(w->device, address - w->base, size, value & bytes_ones(size));
        return;
    }
    for (unsigned i = 0; size > 1 && i < size; i++)
        bus_write(bus, address + i, 1, value >> (8 * i) & 0xff);
}

bool bus_claimed(struct bus *bus, uint64_t address)
{
    return bus_find(bus, address) != NULL;
}
