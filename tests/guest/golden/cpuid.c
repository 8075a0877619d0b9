/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cpuid.c: runs in the guest: prints the CPUID leaves that the capture of real Xen has, in its layout. */
#include <cpuid.h>
#include <stdio.h>

static void print(unsigned leaf, unsigned subleaf)
{
    unsigned a, b, c, d;

    __cpuid_count(leaf, subleaf, a, b, c, d);
    printf("CPUID %08x.%x: eax=%08x ebx=%08x ecx=%08x edx=%08x\n", leaf, subleaf, a, b, c, d);
}

int main(void)
{
    static const unsigned leaves[][2] = {
        {0, 0},          {1, 0},          {7, 0},          {0xb, 0},        {0xb, 1},        {0xd, 0},
        {0xd, 1},        {0x40000000, 0}, {0x40000001, 0}, {0x40000002, 0}, {0x40000003, 0}, {0x40000003, 1},
        {0x40000003, 2}, {0x40000004, 0}, {0x40000005, 0}, {0x80000000, 0}, {0x80000001, 0}, {0x80000008, 0},
    };

    for (unsigned i = 0; i < sizeof leaves / sizeof leaves[0]; i++)
        print(leaves[i][0], leaves[i][1]);
    return 0;
}
