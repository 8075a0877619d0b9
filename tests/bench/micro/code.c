/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * code.c: programs that write programs: fresh functions, patched ones, code beside data, code that runs once.
 */
#define _GNU_SOURCE
#include "micro.h"

#include <string.h>
#include <sys/mman.h>

static uint8_t *code_memory(size_t bytes)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (p == MAP_FAILED)
        micro_die("code memory");
    return p;
}

static uint64_t call(const uint8_t *code, uint64_t argument)
{
    uint64_t (*f)(uint64_t);
    memcpy(&f, &code, sizeof(f));
    return f(argument);
}

static uint8_t *emit(uint8_t *p, const void *bytes, size_t n)
{
    memcpy(p, bytes, n);
    return p + n;
}

static uint8_t *emit_imm(uint8_t *p, const void *bytes, size_t n, uint32_t imm)
{
    p = emit(p, bytes, n);
    return emit(p, &imm, 4);
}

/* mov rax,rdi, then steps of add/xor/imul/rol/test-and-skip, then ret. */
static uint8_t *emit_function(uint8_t *p, uint64_t *seed, unsigned steps)
{
    p = emit(p, "\x48\x89\xf8", 3);
    while (steps--) {
        uint64_t r = micro_random(seed);
        uint32_t imm = (uint32_t)(r >> 32) & 0x7fffffff;
        switch (r % 5) {
        case 0: p = emit_imm(p, "\x48\x05", 2, imm); break;            /* add rax,imm */
        case 1: p = emit_imm(p, "\x48\x35", 2, imm); break;            /* xor rax,imm */
        case 2: p = emit_imm(p, "\x48\x69\xc0", 3, imm | 1); break;    /* imul rax,rax,imm */
        case 3: p = emit(p, "\x48\xc1\xc0\x07", 4); break;             /* rol rax,7 */
        case 4: p = emit(p, "\xa8\x10\x74\x03\x48\xff\xc0", 7); break; /* test al,16; jz +3; inc rax */
        }
    }
    return emit(p, "\xc3", 1);
}

/* A compiler at work: functions written into a ring of code memory, each called a few times. */
static uint64_t run_fresh(uint64_t work)
{
    enum { SIZE = 1 << 20 };
    uint8_t *code = code_memory(SIZE), *p = code;
    uint64_t seed = 1, sum = 0;
    for (uint64_t i = 0; i < work; i++) {
        if (p > code + SIZE - 1024)
            p = code;
        uint8_t *entry = p;
        p = emit_function(p, &seed, 16);
        p += -(uintptr_t)p & 15;
        for (int k = 0; k < 8; k++)
            sum = call(entry, sum + i);
    }
    return sum;
}

/* An inline cache: one immediate of a loop's body changes between calls. */
static uint64_t run_patch(uint64_t work)
{
    uint8_t *code = code_memory(4096);
    /* mov eax,edi; mov ecx,8; 1: add rax,imm; dec ecx; jnz 1b; ret */
    emit(code, "\x89\xf8\xb9\x08\x00\x00\x00\x48\x05\x00\x00\x00\x00\xff\xc9\x75\xf6\xc3", 18);
    uint64_t sum = 0;
    for (uint64_t i = 0; i < work; i++) {
        uint32_t imm = (uint32_t)(i * 2654435761u) >> 8;
        memcpy(code + 9, &imm, 4);
        sum += call(code, i);
    }
    return sum;
}

/* Code and the data it counts in, in one page (another cache line). */
static uint64_t run_mixed(uint64_t work)
{
    uint8_t *code = code_memory(4096);
    /* 1: add [rip+0x100-7],edi; dec edi; jnz 1b; mov eax,[rip+...]; ret */
    uint8_t *p = emit_imm(code, "\x01\x3d", 2, 0x200 - 6);
    p = emit(p, "\xff\xcf\x75\xf6", 4);
    p = emit_imm(p, "\x8b\x05", 2, (uint32_t)(0x200 - (p + 6 - code)));
    emit(p, "\xc3", 1);
    uint64_t sum = 0;
    for (uint64_t i = 0; i < work; i++)
        sum += call(code, 8);
    return sum;
}

/* Writes the immediate of the very next instruction: mov [rip],edi; mov eax,imm; ret. */
static uint64_t run_next(uint64_t work)
{
    uint8_t *code = code_memory(4096);
    emit(code, "\x89\x3d\x01\x00\x00\x00\xb8\x00\x00\x00\x00\xc3", 12);
    uint64_t sum = 0;
    for (uint64_t i = 0; i < work; i++)
        sum += call(code, i & 0xffffff);
    return sum;
}

/* Long straight code, each function run once: what a program does while it starts. */
static uint64_t run_cold(uint64_t work)
{
    uint8_t *code = code_memory(work * 512), *p = code;
    uint64_t seed = 2, sum = 0;
    for (uint64_t i = 0; i < work; i++)
        p = emit_function(code + i * 512, &seed, 60);
    micro_start();
    for (uint64_t i = 0; i < work; i++)
        sum = call(code + i * 512, sum + i);
    return sum + (uint64_t)(p - code);
}

/* As compilers with separate mappings do: write, make executable, call, unmap. */
static uint64_t run_protect(uint64_t work)
{
    uint64_t seed = 3, sum = 0;
    for (uint64_t i = 0; i < work; i++) {
        uint8_t *code = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (code == MAP_FAILED)
            micro_die("mmap");
        emit_function(emit_function(code, &seed, 40) + 64, &seed, 40);
        if (mprotect(code, 8192, PROT_READ | PROT_EXEC))
            micro_die("mprotect");
        for (int k = 0; k < 16; k++)
            sum = call(code, sum + i);
        munmap(code, 8192);
    }
    return sum;
}

const struct micro_row code_rows[] = {
    {"fresh", run_fresh, 20000, NULL},
    {"patch", run_patch, 60000, NULL},
    {"mixed", run_mixed, 60000, NULL},
    {"next", run_next, 60000, NULL},
    {"cold", run_cold, 8000, NULL},
    {"protect", run_protect, 3000, NULL},
    {NULL, NULL, 0, NULL},
};
