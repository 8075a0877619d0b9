/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz_main.c: runs a fuzz target without a fuzzer: `fuzz_X N` with N inputs of a fixed pseudo-random sequence,
 * `fuzz_X FILE...` with those files. The same source file with -fsanitize=fuzzer needs no main.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define INPUT_BYTES 4096

static uint64_t next(uint64_t *x) /* xorshift64 */
{
    *x ^= *x << 13;
    *x ^= *x >> 7;
    *x ^= *x << 17;
    return *x;
}

static int run_file(const char *path)
{
    static uint8_t data[1 << 20];
    FILE *f = fopen(path, "rb");
    size_t n;

    if (!f) {
        perror(path);
        return 1;
    }
    n = fread(data, 1, sizeof data, f);
    fclose(f);
    LLVMFuzzerTestOneInput(data, n);
    return 0;
}

int main(int argc, char **argv)
{
    char *end = NULL;
    unsigned long runs = argc == 2 ? strtoul(argv[1], &end, 10) : 0;
    uint64_t seed = 0x9e3779b97f4a7c15;
    int failed = 0;

    if (argc == 2 && end && !*end) {
        static uint8_t data[INPUT_BYTES];

        for (unsigned long i = 0; i < runs; i++) {
            size_t size = next(&seed) % INPUT_BYTES;

            for (size_t n = 0; n < size; n++)
                data[n] = (uint8_t)(next(&seed) >> 24);
            LLVMFuzzerTestOneInput(data, size);
        }
        return 0;
    }
    for (int i = 1; i < argc; i++)
        failed |= run_file(argv[i]);
    return failed;
}
