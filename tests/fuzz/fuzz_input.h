/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz_input.h: takes numbers off a fuzzer's input; zeros after its end. */
#ifndef DOMUS_TESTS_FUZZ_INPUT_H
#define DOMUS_TESTS_FUZZ_INPUT_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct fuzz_input {
    const uint8_t *at;
    size_t left;
};

static inline uint8_t fuzz_byte(struct fuzz_input *in)
{
    if (!in->left)
        return 0;
    in->left--;
    return *in->at++;
}

static inline uint32_t fuzz_u32(struct fuzz_input *in)
{
    uint32_t value = 0;

    for (unsigned i = 0; i < 4; i++)
        value = value << 8 | fuzz_byte(in);
    return value;
}

#endif
