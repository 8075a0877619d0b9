/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cpuid.c: the guest's CPUID leaves (SDM vol. 2, CPUID; APM vol. 3, appendix E). Each feature word is what the engines
 * implement, cut down to what the host has where the instruction may run natively.
 */
#include "x86/cpuid.h"

#include "base/bytes.h"
#include "x86/paging.h"

#include <cpuid.h>

enum { EAX, EBX, ECX, EDX };

#define BIT(n)           (1u << (n))

#define BASIC_MAX        0xdu
#define EXTENDED_MAX     0x80000008u
#define EXTENDED_MAX_AMD 0x80000021u /* where the engine interprets */

/* FPU DE PSE TSC MSR PAE MCE CX8 APIC SEP MTRR PGE MCA CMOV PAT PSE36 CLFSH MMX FXSR SSE SSE2 HT */
#define FEATURES_1_EDX 0x178bfbfdu
#define F1_APIC        BIT(9)
/* SSE3 PCLMULQDQ SSSE3 FMA CX16 PCID SSE4.1 SSE4.2 MOVBE POPCNT AES XSAVE AVX F16C RDRAND */
#define FEATURES_1_ECX                                                                                          \
    (BIT(0) | BIT(1) | BIT(9) | BIT(12) | BIT(13) | BIT(17) | BIT(19) | BIT(20) | BIT(22) | BIT(23) | BIT(25) | \
     BIT(26) | BIT(28) | BIT(29) | BIT(30))
#define F1_X2APIC     BIT(21)
#define F1_DEADLINE   BIT(24)
#define F1_XSAVE      BIT(26)
#define F1_OSXSAVE    BIT(27)
#define F1_AVX        BIT(28)
#define F1_HYPERVISOR BIT(31)
/* FSGSBASE BMI1 AVX2 SMEP BMI2 INVPCID RDSEED ADX SMAP CLFLUSHOPT SHA */
#define FEATURES_7_EBX \
    (BIT(0) | BIT(3) | BIT(5) | BIT(7) | BIT(8) | BIT(10) | BIT(18) | BIT(19) | BIT(20) | BIT(23) | BIT(29))
#define F7_TSC_ADJUST BIT(1)
#define F7_ERMS       BIT(9)
/* GFNI VAES VPCLMULQDQ */
#define FEATURES_7_ECX (BIT(8) | BIT(9) | BIT(10))
#define F7_FSRM        BIT(4)
/* IBRS+IBPB, STIBP, ARCH_CAPABILITIES, SSBD */
#define F7_SPECULATION (BIT(26) | BIT(27) | BIT(29) | BIT(31))
/* AMD's words for the same in leaf 8000_0021: automatic IBRS, and not subject to SRSO, TSA-SQ and TSA-L1 */
#define E21_EAX          (BIT(8) | BIT(29))
#define E21_ECX          (BIT(1) | BIT(2))
#define FEATURES_7_1_EAX BIT(4)            /* AVX-VNNI */
#define FEATURES_D_1_EAX (BIT(0) | BIT(1)) /* XSAVEOPT XSAVEC */
/* SYSCALL NX PDPE1GB RDTSCP LM */
#define FEATURES_E1_EDX (BIT(11) | BIT(20) | BIT(26) | BIT(27) | BIT(29))
/* On AMD this word repeats leaf 1's, and has MMXEXT. */
#define FEATURES_E1_EDX_AMD (0x0183f3fdu | BIT(22))
#define FEATURES_E1_ECX     (BIT(0) | BIT(5) | BIT(8)) /* LAHF64 LZCNT PREFETCHW */

#define XSAVE_AVX_BYTES     832u
#define XSAVE_SSE_BYTES     576u

static bool is_amd(const struct x86_cpuid_host *host)
{
    return host->basic[0][ECX] == 0x444d4163; /* "cAMD" */
}

void x86_cpuid_read_host(struct x86_cpuid_host *host)
{
    memset(host, 0, sizeof *host);
    host->basic_max = __get_cpuid_max(0, NULL);
    host->extended_max = __get_cpuid_max(0x80000000u, NULL);
    for (unsigned i = 0; i < ARRAY_SIZE(host->basic) && i <= host->basic_max; i++) {
        uint32_t *r = host->basic[i];
        __cpuid_count(i, 0, r[EAX], r[EBX], r[ECX], r[EDX]);
    }
    for (unsigned i = 0; i < ARRAY_SIZE(host->cache) && host->basic_max >= 4; i++) {
        uint32_t *r = host->cache[i];
        __cpuid_count(4, i, r[EAX], r[EBX], r[ECX], r[EDX]);
    }
    if (host->basic_max >= 7 && host->basic[7][EAX] >= 1) {
        uint32_t *r = host->features7_1;
        __cpuid_count(7, 1, r[EAX], r[EBX], r[ECX], r[EDX]);
    }
    if (host->basic_max >= 0xd) {
        uint32_t *r = host->xsave1;
        __cpuid_count(0xd, 1, r[EAX], r[EBX], r[ECX], r[EDX]);
    }
    for (unsigned i = 0; i < ARRAY_SIZE(host->extended) && 0x80000000u + i <= host->extended_max; i++) {
        uint32_t *r = host->extended[i];
        __cpuid(0x80000000u + i, r[EAX], r[EBX], r[ECX], r[EDX]);
    }
}

static uint32_t xcr0_offered(const struct x86_cpuid_host *host)
{
    return host->basic[1][ECX] & F1_AVX ? 7 : 3;
}

static void leaf_1(const struct x86_cpuid_host *host, const struct x86_cpuid_policy *policy,
                   const struct x86_cpuid_vcpu *vcpu, uint32_t out[4])
{
    unsigned logical = 2 * policy->vcpus;
    out[EAX] = host->basic[1][EAX];
    out[EBX] = vcpu->index * 2 << 24 | (logical < 255 ? logical : 255) << 16 | (host->basic[1][EBX] & 0xff00);
    out[EDX] = FEATURES_1_EDX & (host->basic[1][EDX] | BIT(28) | F1_APIC);
    out[ECX] = (FEATURES_1_ECX & host->basic[1][ECX]) | F1_HYPERVISOR;
    if (policy->x2apic)
        out[ECX] |= F1_X2APIC;
    if (policy->tsc_deadline)
        out[ECX] |= F1_DEADLINE;
    if ((out[ECX] & F1_XSAVE) && (vcpu->cpu->cr4 & X86_CR4_OSXSAVE))
        out[ECX] |= F1_OSXSAVE;
    if (!vcpu->apic_on)
        out[EDX] &= ~F1_APIC;
}

static void leaf_4(const struct x86_cpuid_host *host, const struct x86_cpuid_policy *policy, uint32_t subleaf,
                   uint32_t out[4])
{
    if (subleaf >= ARRAY_SIZE(host->cache) || !(host->cache[subleaf][EAX] & 0x1f))
        return;
    memcpy(out, host->cache[subleaf], 4 * sizeof out[0]);
    unsigned cores = policy->vcpus * 2 - 1; /* ids run in steps of two */
    out[EAX] = (out[EAX] & 0x3fff) | (cores < 63 ? cores : 63) << 26;
}

static void leaf_7(const struct x86_cpuid_host *host, const struct x86_cpuid_policy *policy, uint32_t subleaf,
                   uint32_t out[4])
{
    if (subleaf == 1)
        out[EAX] = FEATURES_7_1_EAX & host->features7_1[EAX];
    if (subleaf != 0)
        return;
    out[EAX] = host->features7_1[EAX] & FEATURES_7_1_EAX ? 1 : 0;
    out[EBX] = (FEATURES_7_EBX & host->basic[7][EBX]) | F7_TSC_ADJUST | F7_ERMS;
    out[ECX] = FEATURES_7_ECX & host->basic[7][ECX];
    out[EDX] = F7_FSRM;
    if (policy->interpreted && !is_amd(host))
        out[EDX] |= F7_SPECULATION;
}

static void leaf_d(const struct x86_cpuid_host *host, const struct x86_cpuid_vcpu *vcpu, uint32_t subleaf,
                   uint32_t out[4])
{
    uint32_t offered = xcr0_offered(host);
    if (!(host->basic[1][ECX] & F1_XSAVE))
        return;
    uint32_t now = vcpu->cpu->xcr0 & 4 ? XSAVE_AVX_BYTES : XSAVE_SSE_BYTES;
    switch (subleaf) {
    case 0:
        out[EAX] = offered;
        out[EBX] = now;
        out[ECX] = offered & 4 ? XSAVE_AVX_BYTES : XSAVE_SSE_BYTES;
        break;
    case 1:
        out[EAX] = FEATURES_D_1_EAX & host->xsave1[EAX];
        out[EBX] = out[EAX] & BIT(1) ? now : 0;
        break;
    case 2:
        out[EAX] = offered & 4 ? XSAVE_AVX_BYTES - XSAVE_SSE_BYTES : 0;
        out[EBX] = offered & 4 ? XSAVE_SSE_BYTES : 0;
        break;
    default: break;
    }
}

static void leaf_basic(const struct x86_cpuid_host *host, const struct x86_cpuid_policy *policy,
                       const struct x86_cpuid_vcpu *vcpu, uint32_t leaf, uint32_t subleaf, uint32_t out[4])
{
    switch (leaf) {
    case 0:
        memcpy(out, host->basic[0], 4 * sizeof out[0]);
        out[EAX] = BASIC_MAX;
        break;
    case 1: leaf_1(host, policy, vcpu, out); break;
    case 2: memcpy(out, host->basic[2], 4 * sizeof out[0]); break;
    case 4: leaf_4(host, policy, subleaf, out); break;
    case 6: out[EAX] = BIT(2); break; /* the APIC timer always runs */
    case 7: leaf_7(host, policy, subleaf, out); break;
    case 0xb:
        out[ECX] = subleaf & 0xff;
        out[EDX] = vcpu->index * 2;
        break;
    case 0xd: leaf_d(host, vcpu, subleaf, out); break;
    default: break;
    }
}

static uint32_t extended_max(const struct x86_cpuid_host *host, const struct x86_cpuid_policy *policy)
{
    return policy->interpreted && is_amd(host) ? EXTENDED_MAX_AMD : EXTENDED_MAX;
}

static void leaf_extended(const struct x86_cpuid_host *host, const struct x86_cpuid_policy *policy, uint32_t leaf,
                          uint32_t out[4])
{
    const unsigned n = leaf - 0x80000000u;
    const uint32_t *h = host->extended[n < ARRAY_SIZE(host->extended) ? n : 0];
    if (leaf > EXTENDED_MAX) {
        out[EAX] = leaf == EXTENDED_MAX_AMD ? E21_EAX : 0;
        out[ECX] = leaf == EXTENDED_MAX_AMD ? E21_ECX : 0;
        return;
    }
    switch (leaf) {
    case 0x80000000u:
        memcpy(out, h, 4 * sizeof out[0]);
        out[EAX] = extended_max(host, policy);
        break;
    case 0x80000001u:
        out[EAX] = h[EAX];
        out[ECX] = FEATURES_E1_ECX & h[ECX];
        out[EDX] = FEATURES_E1_EDX & (h[EDX] | BIT(11)); /* Intel shows SYSCALL to 64-bit code only */
        if (is_amd(host))
            out[EDX] |= FEATURES_E1_EDX_AMD & h[EDX];
        break;
    case 0x80000007u: break; /* no promise about the TSC: a domain may move */
    case 0x80000008u: out[EAX] = X86_PHYS_BITS | 48u << 8; break;
    default: memcpy(out, h, 4 * sizeof out[0]); break; /* brand and caches */
    }
}

void x86_cpuid(const struct x86_cpuid_host *host, const struct x86_cpuid_policy *policy,
               const struct x86_cpuid_vcpu *vcpu, uint32_t leaf, uint32_t subleaf, uint32_t out[4])
{
    memset(out, 0, 4 * sizeof out[0]);
    if (leaf <= BASIC_MAX)
        leaf_basic(host, policy, vcpu, leaf, subleaf, out);
    else if (leaf >= 0x80000000u && leaf <= extended_max(host, policy))
        leaf_extended(host, policy, leaf, out);
}
