/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * micro.h: what the bench guest's own programs share: rows of fixed work, the clock around them, deterministic data.
 * A row returns a checksum of what it computed, which must be the same on every machine.
 */
#ifndef MICRO_H
#define MICRO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct micro_row {
    const char *name;
    uint64_t (*run)(uint64_t work);
    uint64_t work;     /* how much, for some tenths of a second natively; the command line can scale it */
    bool (*can)(void); /* NULL: any x86-64 processor can */
};

/* Each ends with a row without a name. */
extern const struct micro_row integer_rows[], float_rows[], simd_rows[], memory_rows[], system_rows[], code_rows[];

/* Restarts the row's clock: what was done so far was preparation. */
void micro_start(void);
/* Ends the program with one line on standard error. */
_Noreturn void micro_die(const char *what);
/* Memory that the process keeps, zeroed and touched. */
void *micro_alloc(size_t bytes);

/* A small generator (xorshift64*), the same everywhere. */
static inline uint64_t micro_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 2685821657736338717u;
}

static inline uint64_t micro_mix(uint64_t sum, uint64_t value)
{
    return (sum ^ value) * 0x100000001b3u;
}

/* Hides from the compiler what a value is. */
#define MICRO_HIDE(v) __asm__ volatile("" : "+r"(v))

#endif
