/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cpuid.c: cpuid=: a string of named flags ("host,NAME=VALUE,..."), or a list of leaves with their bits spelled out.
 * Knows the names xl knows and where they are in CPUID; what a guest then sees is decided where CPUID is made.
 */
#include "config/reading.h"
#include "config/text.h"

#include <stdlib.h>
#include <string.h>

#define ANY CONFIG_UNSET
enum { EAX, EBX, ECX, EDX };

static const struct flag {
    const char *name;
    int64_t leaf, subleaf;
    int reg;
    unsigned bit, width;
} flags[] = {
    {"maxleaf", 0x00000000, ANY, EAX, 0, 32},
    {"stepping", 0x00000001, ANY, EAX, 0, 4},
    {"brandid", 0x00000001, ANY, EBX, 0, 8},
    {"clflush", 0x00000001, ANY, EBX, 8, 8},
    {"proccount", 0x00000001, ANY, EBX, 16, 8},
    {"localapicid", 0x00000001, ANY, EBX, 24, 8},
    {"sse3", 0x00000001, ANY, ECX, 0, 1},
    {"dtes64", 0x00000001, ANY, ECX, 2, 1},
    {"dscpl", 0x00000001, ANY, ECX, 4, 1},
    {"vmx", 0x00000001, ANY, ECX, 5, 1},
    {"smx", 0x00000001, ANY, ECX, 6, 1},
    {"eist", 0x00000001, ANY, ECX, 7, 1},
    {"est", 0x00000001, ANY, ECX, 7, 1},
    {"tm2", 0x00000001, ANY, ECX, 8, 1},
    {"ssse3", 0x00000001, ANY, ECX, 9, 1},
    {"cntxid", 0x00000001, ANY, ECX, 10, 1},
    {"fma", 0x00000001, ANY, ECX, 12, 1},
    {"cmpxchg16", 0x00000001, ANY, ECX, 13, 1},
    {"cx16", 0x00000001, ANY, ECX, 13, 1},
    {"xtpr", 0x00000001, ANY, ECX, 14, 1},
    {"pdcm", 0x00000001, ANY, ECX, 15, 1},
    {"dca", 0x00000001, ANY, ECX, 18, 1},
    {"sse4-1", 0x00000001, ANY, ECX, 19, 1},
    {"sse4.1", 0x00000001, ANY, ECX, 19, 1},
    {"sse4_1", 0x00000001, ANY, ECX, 19, 1},
    {"sse4-2", 0x00000001, ANY, ECX, 20, 1},
    {"sse4.2", 0x00000001, ANY, ECX, 20, 1},
    {"sse4_2", 0x00000001, ANY, ECX, 20, 1},
    {"x2apic", 0x00000001, ANY, ECX, 21, 1},
    {"movbe", 0x00000001, ANY, ECX, 22, 1},
    {"popcnt", 0x00000001, ANY, ECX, 23, 1},
    {"tsc-deadline", 0x00000001, ANY, ECX, 24, 1},
    {"aes", 0x00000001, ANY, ECX, 25, 1},
    {"aesni", 0x00000001, ANY, ECX, 25, 1},
    {"osxsave", 0x00000001, ANY, ECX, 27, 1},
    {"avx", 0x00000001, ANY, ECX, 28, 1},
    {"f16c", 0x00000001, ANY, ECX, 29, 1},
    {"rdrand", 0x00000001, ANY, ECX, 30, 1},
    {"hypervisor", 0x00000001, ANY, ECX, 31, 1},
    {"fpu", 0x00000001, ANY, EDX, 0, 1},
    {"vme", 0x00000001, ANY, EDX, 1, 1},
    {"de", 0x00000001, ANY, EDX, 2, 1},
    {"pse", 0x00000001, ANY, EDX, 3, 1},
    {"tsc", 0x00000001, ANY, EDX, 4, 1},
    {"msr", 0x00000001, ANY, EDX, 5, 1},
    {"pae", 0x00000001, ANY, EDX, 6, 1},
    {"mce", 0x00000001, ANY, EDX, 7, 1},
    {"cmpxchg8", 0x00000001, ANY, EDX, 8, 1},
    {"cx8", 0x00000001, ANY, EDX, 8, 1},
    {"sep", 0x00000001, ANY, EDX, 11, 1},
    {"sysenter", 0x00000001, ANY, EDX, 11, 1},
    {"mtrr", 0x00000001, ANY, EDX, 12, 1},
    {"pge", 0x00000001, ANY, EDX, 13, 1},
    {"mca", 0x00000001, ANY, EDX, 14, 1},
    {"cmov", 0x00000001, ANY, EDX, 15, 1},
    {"pat", 0x00000001, ANY, EDX, 16, 1},
    {"pse36", 0x00000001, ANY, EDX, 17, 1},
    {"psn", 0x00000001, ANY, EDX, 18, 1},
    {"clfsh", 0x00000001, ANY, EDX, 19, 1},
    {"ds", 0x00000001, ANY, EDX, 21, 1},
    {"acpi", 0x00000001, ANY, EDX, 22, 1},
    {"mmx", 0x00000001, ANY, EDX, 23, 1},
    {"sse", 0x00000001, ANY, EDX, 25, 1},
    {"sse2", 0x00000001, ANY, EDX, 26, 1},
    {"ss", 0x00000001, ANY, EDX, 27, 1},
    {"htt", 0x00000001, ANY, EDX, 28, 1},
    {"tm", 0x00000001, ANY, EDX, 29, 1},
    {"tm1", 0x00000001, ANY, EDX, 29, 1},
    {"ia64", 0x00000001, ANY, EDX, 30, 1},
    {"pbe", 0x00000001, ANY, EDX, 31, 1},
    {"procpkg", 0x00000004, 0, EAX, 26, 6},
    {"arat", 0x00000006, ANY, EAX, 2, 1},
    {"fsgsbase", 0x00000007, 0, EBX, 0, 1},
    {"tsc-adjust", 0x00000007, 0, EBX, 1, 1},
    {"tsc_adjust", 0x00000007, 0, EBX, 1, 1},
    {"sgx", 0x00000007, 0, EBX, 2, 1},
    {"bmi1", 0x00000007, 0, EBX, 3, 1},
    {"hle", 0x00000007, 0, EBX, 4, 1},
    {"avx2", 0x00000007, 0, EBX, 5, 1},
    {"fdp-excp-only", 0x00000007, 0, EBX, 6, 1},
    {"smep", 0x00000007, 0, EBX, 7, 1},
    {"erms", 0x00000007, 0, EBX, 9, 1},
    {"invpcid", 0x00000007, 0, EBX, 10, 1},
    {"rtm", 0x00000007, 0, EBX, 11, 1},
    {"cmt", 0x00000007, 0, EBX, 12, 1},
    {"pqm", 0x00000007, 0, EBX, 12, 1},
    {"no-fpu-sel", 0x00000007, 0, EBX, 13, 1},
    {"mpx", 0x00000007, 0, EBX, 14, 1},
    {"pqe", 0x00000007, 0, EBX, 15, 1},
    {"avx512f", 0x00000007, 0, EBX, 16, 1},
    {"avx512dq", 0x00000007, 0, EBX, 17, 1},
    {"rdseed", 0x00000007, 0, EBX, 18, 1},
    {"adx", 0x00000007, 0, EBX, 19, 1},
    {"avx512-ifma", 0x00000007, 0, EBX, 21, 1},
    {"clflushopt", 0x00000007, 0, EBX, 23, 1},
    {"clwb", 0x00000007, 0, EBX, 24, 1},
    {"proc-trace", 0x00000007, 0, EBX, 25, 1},
    {"avx512pf", 0x00000007, 0, EBX, 26, 1},
    {"avx512er", 0x00000007, 0, EBX, 27, 1},
    {"avx512cd", 0x00000007, 0, EBX, 28, 1},
    {"sha", 0x00000007, 0, EBX, 29, 1},
    {"avx512bw", 0x00000007, 0, EBX, 30, 1},
    {"avx512vl", 0x00000007, 0, EBX, 31, 1},
    {"prefetchwt1", 0x00000007, 0, ECX, 0, 1},
    {"avx512-vbmi", 0x00000007, 0, ECX, 1, 1},
    {"umip", 0x00000007, 0, ECX, 2, 1},
    {"pku", 0x00000007, 0, ECX, 3, 1},
    {"ospke", 0x00000007, 0, ECX, 4, 1},
    {"avx512-vbmi2", 0x00000007, 0, ECX, 6, 1},
    {"cet-ss", 0x00000007, 0, ECX, 7, 1},
    {"gfni", 0x00000007, 0, ECX, 8, 1},
    {"vaes", 0x00000007, 0, ECX, 9, 1},
    {"vpclmulqdq", 0x00000007, 0, ECX, 10, 1},
    {"avx512-vnni", 0x00000007, 0, ECX, 11, 1},
    {"avx512-bitalg", 0x00000007, 0, ECX, 12, 1},
    {"avx512-vpopcntdq", 0x00000007, 0, ECX, 14, 1},
    {"rdpid", 0x00000007, 0, ECX, 22, 1},
    {"cldemote", 0x00000007, 0, ECX, 25, 1},
    {"movdiri", 0x00000007, 0, ECX, 27, 1},
    {"movdir64b", 0x00000007, 0, ECX, 28, 1},
    {"enqcmd", 0x00000007, 0, ECX, 29, 1},
    {"avx512-4vnniw", 0x00000007, 0, EDX, 2, 1},
    {"avx512-4fmaps", 0x00000007, 0, EDX, 3, 1},
    {"fsrm", 0x00000007, 0, EDX, 4, 1},
    {"avx512-vp2intersect", 0x00000007, 0, EDX, 8, 1},
    {"srbds-ctrl", 0x00000007, 0, EDX, 9, 1},
    {"md-clear", 0x00000007, 0, EDX, 10, 1},
    {"rtm-always-abort", 0x00000007, 0, EDX, 11, 1},
    {"tsx-force-abort", 0x00000007, 0, EDX, 13, 1},
    {"serialize", 0x00000007, 0, EDX, 14, 1},
    {"hybrid", 0x00000007, 0, EDX, 15, 1},
    {"tsxldtrk", 0x00000007, 0, EDX, 16, 1},
    {"cet-ibt", 0x00000007, 0, EDX, 20, 1},
    {"avx512-fp16", 0x00000007, 0, EDX, 23, 1},
    {"ibrsb", 0x00000007, 0, EDX, 26, 1},
    {"l1d-flush", 0x00000007, 0, EDX, 28, 1},
    {"arch-caps", 0x00000007, 0, EDX, 29, 1},
    {"core-caps", 0x00000007, 0, EDX, 30, 1},
    {"avx-vnni", 0x00000007, 1, EAX, 4, 1},
    {"avx512-bf16", 0x00000007, 1, EAX, 5, 1},
    {"fzrm", 0x00000007, 1, EAX, 10, 1},
    {"fsrs", 0x00000007, 1, EAX, 11, 1},
    {"fsrcs", 0x00000007, 1, EAX, 12, 1},
    {"intel-ppin", 0x00000007, 1, EBX, 0, 1},
    {"cet-sss", 0x00000007, 1, EDX, 18, 1},
    {"intel-psfd", 0x00000007, 2, EDX, 0, 1},
    {"ipred-ctrl", 0x00000007, 2, EDX, 1, 1},
    {"rrsba-ctrl", 0x00000007, 2, EDX, 2, 1},
    {"bhi-ctrl", 0x00000007, 2, EDX, 4, 1},
    {"mcdt-no", 0x00000007, 2, EDX, 5, 1},
    {"xsaveopt", 0x0000000d, 1, EAX, 0, 1},
    {"xsavec", 0x0000000d, 1, EAX, 1, 1},
    {"xgetbv1", 0x0000000d, 1, EAX, 2, 1},
    {"xsaves", 0x0000000d, 1, EAX, 3, 1},
    {"maxhvleaf", 0x40000000, ANY, EAX, 0, 8},
    {"lahf-lm", 0x80000001, ANY, ECX, 0, 1},
    {"lahfsahf", 0x80000001, ANY, ECX, 0, 1},
    {"cmp-legacy", 0x80000001, ANY, ECX, 1, 1},
    {"cmplegacy", 0x80000001, ANY, ECX, 1, 1},
    {"svm", 0x80000001, ANY, ECX, 2, 1},
    {"extapic", 0x80000001, ANY, ECX, 3, 1},
    {"altmovcr8", 0x80000001, ANY, ECX, 4, 1},
    {"cr8-legacy", 0x80000001, ANY, ECX, 4, 1},
    {"abm", 0x80000001, ANY, ECX, 5, 1},
    {"sse4a", 0x80000001, ANY, ECX, 6, 1},
    {"misalignsse", 0x80000001, ANY, ECX, 7, 1},
    {"3dnowprefetch", 0x80000001, ANY, ECX, 8, 1},
    {"osvw", 0x80000001, ANY, ECX, 9, 1},
    {"ibs", 0x80000001, ANY, ECX, 10, 1},
    {"xop", 0x80000001, ANY, ECX, 11, 1},
    {"skinit", 0x80000001, ANY, ECX, 12, 1},
    {"wdt", 0x80000001, ANY, ECX, 13, 1},
    {"lwp", 0x80000001, ANY, ECX, 15, 1},
    {"fma4", 0x80000001, ANY, ECX, 16, 1},
    {"nodeid", 0x80000001, ANY, ECX, 19, 1},
    {"nodeid-msr", 0x80000001, ANY, ECX, 19, 1},
    {"tbm", 0x80000001, ANY, ECX, 21, 1},
    {"topoext", 0x80000001, ANY, ECX, 22, 1},
    {"perfctr_core", 0x80000001, ANY, ECX, 23, 1},
    {"perfctr_nb", 0x80000001, ANY, ECX, 24, 1},
    {"dbext", 0x80000001, ANY, ECX, 26, 1},
    {"monitorx", 0x80000001, ANY, ECX, 29, 1},
    {"syscall", 0x80000001, ANY, EDX, 11, 1},
    {"nx", 0x80000001, ANY, EDX, 20, 1},
    {"mmxext", 0x80000001, ANY, EDX, 22, 1},
    {"ffxsr", 0x80000001, ANY, EDX, 25, 1},
    {"page1gb", 0x80000001, ANY, EDX, 26, 1},
    {"rdtscp", 0x80000001, ANY, EDX, 27, 1},
    {"lm", 0x80000001, ANY, EDX, 29, 1},
    {"3dnowext", 0x80000001, ANY, EDX, 30, 1},
    {"3dnow", 0x80000001, ANY, EDX, 31, 1},
    {"hw-pstate", 0x80000007, ANY, EDX, 7, 1},
    {"invtsc", 0x80000007, ANY, EDX, 8, 1},
    {"itsc", 0x80000007, ANY, EDX, 8, 1},
    {"cpb", 0x80000007, ANY, EDX, 9, 1},
    {"efro", 0x80000007, ANY, EDX, 10, 1},
    {"clzero", 0x80000008, ANY, EBX, 0, 1},
    {"rstr-fp-err-ptrs", 0x80000008, ANY, EBX, 2, 1},
    {"wbnoinvd", 0x80000008, ANY, EBX, 9, 1},
    {"ibpb", 0x80000008, ANY, EBX, 12, 1},
    {"ibrs", 0x80000008, ANY, EBX, 14, 1},
    {"amd-stibp", 0x80000008, ANY, EBX, 15, 1},
    {"ibrs-always", 0x80000008, ANY, EBX, 16, 1},
    {"stibp-always", 0x80000008, ANY, EBX, 17, 1},
    {"ibrs-fast", 0x80000008, ANY, EBX, 18, 1},
    {"ibrs-same-mode", 0x80000008, ANY, EBX, 19, 1},
    {"no-lmsl", 0x80000008, ANY, EBX, 20, 1},
    {"amd-ppin", 0x80000008, ANY, EBX, 23, 1},
    {"ppin", 0x80000008, ANY, EBX, 23, 1},
    {"amd-ssbd", 0x80000008, ANY, EBX, 24, 1},
    {"virt-ssbd", 0x80000008, ANY, EBX, 25, 1},
    {"psfd", 0x80000008, ANY, EBX, 28, 1},
    {"btc-no", 0x80000008, ANY, EBX, 29, 1},
    {"ibpb-ret", 0x80000008, ANY, EBX, 30, 1},
    {"nc", 0x80000008, ANY, ECX, 0, 8},
    {"apicidsize", 0x80000008, ANY, ECX, 12, 4},
    {"svm_npt", 0x8000000a, ANY, EDX, 0, 1},
    {"svm_lbrv", 0x8000000a, ANY, EDX, 1, 1},
    {"svm_nrips", 0x8000000a, ANY, EDX, 3, 1},
    {"svm_tscrate", 0x8000000a, ANY, EDX, 4, 1},
    {"svm_vmcbclean", 0x8000000a, ANY, EDX, 5, 1},
    {"svm_decode", 0x8000000a, ANY, EDX, 7, 1},
    {"svm_pausefilt", 0x8000000a, ANY, EDX, 10, 1},
    {"lfence+", 0x80000021, ANY, EAX, 2, 1},
    {"lfence-dispatch", 0x80000021, ANY, EAX, 2, 1},
    {"verw-clear", 0x80000021, ANY, EAX, 5, 1},
    {"nscb", 0x80000021, ANY, EAX, 6, 1},
    {"auto-ibrs", 0x80000021, ANY, EAX, 8, 1},
    {"sbpb", 0x80000021, ANY, EAX, 27, 1},
    {"ibpb-brtype", 0x80000021, ANY, EAX, 28, 1},
    {"srso-no", 0x80000021, ANY, EAX, 29, 1},
    {"srso-us-no", 0x80000021, ANY, EAX, 30, 1},
    {"srso-msr-fix", 0x80000021, ANY, EAX, 31, 1},
    {"tsa-sq-no", 0x80000021, ANY, ECX, 1, 1},
    {"tsa-l1-no", 0x80000021, ANY, ECX, 2, 1},
};

static struct cpuid_config *leaf_of(struct domain_config *c, int64_t leaf, int64_t subleaf)
{
    struct cpuid_config *l;

    for (size_t i = 0; i < c->cpuid_count; i++) {
        if (c->cpuid[i].leaf == leaf && c->cpuid[i].subleaf == subleaf)
            return &c->cpuid[i];
    }
    c->cpuid = text_resize(c->cpuid, c->cpuid_count + 1, sizeof *c->cpuid);
    l = &c->cpuid[c->cpuid_count++];
    *l = (struct cpuid_config){.leaf = leaf, .subleaf = subleaf};
    return l;
}

static char *policy_of(struct cpuid_config *leaf, int reg)
{
    if (!leaf->policy[reg]) {
        leaf->policy[reg] = text_dup("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
    }
    return leaf->policy[reg];
}

static void put_bits(char *policy, unsigned bit, unsigned width, unsigned long value)
{
    for (unsigned i = 0; i < width; i++)
        policy[31 - bit - i] = value >> i & 1 ? '1' : '0';
}

static const struct flag *flag_find(const char *name, size_t len)
{
    for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
        if (strncmp(flags[i].name, name, len) == 0 && flags[i].name[len] == '\0')
            return &flags[i];
    }
    return NULL;
}

/* Family and model above 15 continue in the extended fields (AMD64 APM 3, E.3.2). */
static void put_family(char *policy, unsigned long family)
{
    put_bits(policy, 8, 4, family < 15 ? family : 15);
    put_bits(policy, 20, 8, family < 15 ? 0 : family - 15);
}

static void put_model(char *policy, unsigned long model)
{
    put_bits(policy, 4, 4, model & 15);
    put_bits(policy, 16, 4, model >> 4);
}

/* One NAME=VALUE: 0, or the number xl gives the error. */
static int flag_set(struct domain_config *c, const char *text)
{
    const char *value = strchr(text, '=');
    bool family, model;
    struct cpuid_config *leaf;
    const struct flag *f;
    unsigned long n;
    char *policy, *end;

    if (!value)
        return 1;
    family = strncmp(text, "family=", 7) == 0;
    model = strncmp(text, "model=", 6) == 0;
    f = flag_find(text, (size_t)(value++ - text));
    if (!f && !family && !model)
        return 2;
    leaf = leaf_of(c, f ? f->leaf : 1, f ? f->subleaf : ANY);
    n = strtoul(value, &end, 0);
    if (value == end && (!*value || !strchr("xksXKS", *value)))
        return 3;
    policy = policy_of(leaf, f ? f->reg : EAX);
    if (value == end && f) {
        memset(policy + 32 - f->bit - f->width, *value, f->width);
        return 0;
    }
    if (value == end) { /* a letter: for the model in both its places, for the family with the extended one cleared */
        memset(policy + (family ? 4 : 12), family ? '0' : *value, family ? 8 : 4);
        memset(policy + (family ? 20 : 24), *value, 4);
        return 0;
    }
    if (family)
        put_family(policy, n);
    else if (model)
        put_model(policy, n);
    else
        put_bits(policy, f->bit, f->width, n);
    return 0;
}

static void read_flags(struct reading *r, const char *text)
{
    static const char *const why[] = {"", "missing \"=\" in key=value", "unknown CPUID flag name",
                                      "illegal CPUID value (must be: [0|1|x|k|s])"};
    char **parts = strings_split(text, ",");

    if (parts[0] && strcmp(parts[0], "host") != 0) {
        diag_xl(&r->diag, "while parsing CPUID string: \"%s\":", text);
        diag_xl(&r->diag, "  error: first word must be \"host\"");
    } else {
        for (size_t i = 1; parts[0] && parts[i]; i++) {
            int error = flag_set(r->c, parts[i]);

            if (error) {
                diag_xl(&r->diag, "while parsing CPUID flag: \"%s\":", parts[i]);
                diag_xl(&r->diag, "  error #%i: %s", error, why[error]);
            }
        }
    }
    strings_free(parts);
}

/* `LEAF[,SUBLEAF]:REG=32 characters,...`: 0, or the number xl gives the error. */
static int leaf_set(struct domain_config *c, const char *text)
{
    static const char letters[] = "abcd";
    int64_t leaf, subleaf = ANY;
    struct cpuid_config *l;
    char *end;

    leaf = (uint32_t)strtoul(text, &end, 0);
    if (end == text)
        return 1;
    if (*end == ',') {
        const char *second = end + 1;

        subleaf = (uint32_t)strtoul(second, &end, 0);
        if (end == second)
            return 2;
    }
    if (*end != ':')
        return 3;
    l = leaf_of(c, leaf, subleaf);
    for (const char *p = end + 1; *p;) {
        const char *letter = p[0] == 'e' && p[1] ? strchr(letters, p[1]) : NULL;

        if (!letter || p[2] != 'x' || p[3] != '=')
            return 4;
        p += 4;
        if (strcspn(p, ",") != 32)
            return 5;
        free(l->policy[letter - letters]);
        l->policy[letter - letters] = text_dupn(p, 32);
        p += 32;
        p += *p == ',';
    }
    return 0;
}

int read_cpuid(struct reading *r, const struct key *key)
{
    static const char *const why[] = {"",
                                      "illegal leaf number",
                                      "illegal subleaf number",
                                      "missing colon",
                                      "invalid register name (must be e[abcd]x)",
                                      "policy string must be exactly 32 characters long"};
    const struct value *list;
    const char *text;

    if (settings_list(&r->s, "cpuid", &list, true)) {
        text = reading_string(r, "cpuid");
        if (text)
            read_flags(r, text);
        return 0;
    }
    for (size_t i = 0; (text = value_string_at(list, i)); i++) {
        int error = leaf_set(r->c, text);

        if (error) {
            diag_xl(&r->diag, "while parsing CPUID line: \"%s\":", text);
            diag_xl(&r->diag, "  error #%i: %s", error, why[error]);
        }
    }
    return 0;
}
