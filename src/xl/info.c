/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * info.c: info, and the few other questions about the hypervisor that have an answer without one.
 * The xen_* fields say which Xen our guests see (4.17); the rest is this host's.
 */
#include "xl/xl.h"

#include <cpuid.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

static void info_row(const char *wanted, const char *key, const char *format, ...)
{
    size_t length = wanted ? strlen(wanted) : 0;
    va_list ap;

    if (wanted && strncmp(key, wanted, length) != 0)
        return;
    if (!wanted)
        printf("%-23s: ", key);
    va_start(ap, format);
    vprintf(format, ap);
    va_end(ap);
    printf("\n");
}

/* The value after "KEY :" in a /proc file, as a number; 0: not there. */
static double info_proc(const char *path, const char *key)
{
    char line[512];
    double value = 0;
    FILE *f = fopen(path, "r");

    while (f && fgets(line, sizeof line, f)) {
        char *colon = strchr(line, ':');
        if (strncmp(line, key, strlen(key)) == 0 && colon) {
            value = strtod(colon + 1, NULL);
            break;
        }
    }
    if (f)
        fclose(f);
    return value;
}

/* How many NUMA nodes: /sys/devices/system/node/nodeN. */
static int info_nodes(void)
{
    int n = 0;
    char path[64];

    do
        snprintf(path, sizeof path, "/sys/devices/system/node/node%d", n);
    while (access(path, F_OK) == 0 && ++n < 1024);
    return n ? n : 1;
}

/* The feature words in the order of Xen's featureset. */
static void info_hw_caps(char *text, size_t room)
{
    unsigned a, b, c, d, words[8] = {0};

    if (__get_cpuid(1, &a, &b, &c, &d)) {
        words[0] = d;
        words[1] = c;
    }
    if (__get_cpuid(0x80000001u, &a, &b, &c, &d)) {
        words[2] = d;
        words[3] = c;
    }
    if (__get_cpuid_count(0xd, 1, &a, &b, &c, &d))
        words[4] = a;
    if (__get_cpuid_count(7, 0, &a, &b, &c, &d)) {
        words[5] = b;
        words[6] = c;
    }
    if (__get_cpuid(0x80000007u, &a, &b, &c, &d))
        words[7] = d;
    snprintf(text, room, "%08x:%08x:%08x:%08x:%08x:%08x:%08x:%08x", words[0], words[1], words[2], words[3], words[4],
             words[5], words[6], words[7]);
}

static void info_machine(const char *wanted)
{
    struct utsname u;
    char caps[80];
    double siblings = info_proc("/proc/cpuinfo", "siblings"), cores = info_proc("/proc/cpuinfo", "cpu cores");
    long cpus = sysconf(_SC_NPROCESSORS_ONLN), page_kb = sysconf(_SC_PAGESIZE) / 1024;

    if (uname(&u) != 0)
        memset(&u, 0, sizeof u);
    info_hw_caps(caps, sizeof caps);
    info_row(wanted, "host", "%s", u.nodename);
    info_row(wanted, "release", "%s", u.release);
    info_row(wanted, "version", "%s", u.version);
    info_row(wanted, "machine", "%s", u.machine);
    info_row(wanted, "nr_cpus", "%ld", cpus);
    info_row(wanted, "max_cpu_id", "%ld", sysconf(_SC_NPROCESSORS_CONF) - 1);
    info_row(wanted, "nr_nodes", "%d", info_nodes());
    info_row(wanted, "cores_per_socket", "%.0f", cores > 0 ? cores : 1);
    info_row(wanted, "threads_per_core", "%.0f", cores > 0 && siblings > cores ? siblings / cores : 1);
    info_row(wanted, "cpu_mhz", "%.3f", info_proc("/proc/cpuinfo", "cpu MHz"));
    info_row(wanted, "hw_caps", "%s", caps);
    info_row(wanted, "virt_caps", "hvm%s gnttab-v1", access("/dev/kvm", R_OK | W_OK) == 0 ? " hap" : "");
    info_row(wanted, "total_memory", "%ld", sysconf(_SC_PHYS_PAGES) * page_kb / 1024);
    info_row(wanted, "free_memory", "%.0f", info_proc("/proc/meminfo", "MemAvailable") / 1024);
    info_row(wanted, "sharing_freed_memory", "0");
    info_row(wanted, "sharing_used_memory", "0");
    info_row(wanted, "outstanding_claims", "0");
    info_row(wanted, "free_cpus", "0");
}

static void info_xen(const char *wanted)
{
    info_row(wanted, "xen_major", "4");
    info_row(wanted, "xen_minor", "17");
    info_row(wanted, "xen_extra", "-domus");
    info_row(wanted, "xen_version", "4.17-domus");
    info_row(wanted, "xen_caps", "hvm-3.0-x86_32 hvm-3.0-x86_32p hvm-3.0-x86_64 ");
    info_row(wanted, "xen_scheduler", "linux");
    info_row(wanted, "xen_pagesize", "4096");
    info_row(wanted, "platform_params", "virt_start=0xffff800000000000");
    info_row(wanted, "xen_changeset", "");
    info_row(wanted, "xen_commandline", "");
    info_row(wanted, "cc_compiler", "gcc %s", __VERSION__);
    info_row(wanted, "cc_compile_by", "");
    info_row(wanted, "cc_compile_domain", "");
    info_row(wanted, "cc_compile_date", "");
    info_row(wanted, "build_id", "");
    info_row(wanted, "xend_config_format", "4");
}

int xl_cmd_info(struct xl *xl, int argc, char **argv)
{
    static const struct option longs[] = {{"numa", no_argument, NULL, 'n'}, {"help", no_argument, NULL, 'h'}, {0}};
    const char *wanted;
    bool numa = false;
    int opt;

    while ((opt = xl_getopt(argc, argv, "hn", longs, 0)) != -1)
        numa |= opt == 'n';
    wanted = argv[optind];
    info_machine(wanted);
    info_xen(wanted);
    if (numa)
        fprintf(stderr, "xl: info -n does not exist yet in domus\n");
    return 0;
}

int xl_cmd_cpupool_list(struct xl *xl, int argc, char **argv)
{
    static const struct option longs[] = {{"cpus", no_argument, NULL, 'c'}, {"help", no_argument, NULL, 'h'}, {0}};
    struct xl_domain *domains;
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    bool list = false;
    size_t n;
    int opt;

    while ((opt = xl_getopt(argc, argv, "hc", longs, 0)) != -1)
        list |= opt == 'c';
    if (xl_domains(xl, true, false, &domains, &n) != 0)
        return 1;
    if (list) {
        printf("%-19s%s\n%-16s   ", "Name", "CPU list", "Pool-0");
        for (long i = 0; i < cpus; i++)
            printf("%s%ld", i ? "," : "", i);
        printf("\n");
    } else {
        printf("Name               CPUs   Sched     Active   Domain count\n");
        printf("%-16s %5ld %9s %7s %10zu\n", "Pool-0", cpus, "linux", "y", n);
    }
    xl_domains_free(domains, n);
    return 0;
}

int xl_cmd_getenforce(struct xl *xl, int argc, char **argv)
{
    while (xl_getopt(argc, argv, "h", NULL, 0) != -1)
        ;
    printf("Flask XSM Disabled\n");
    return 0;
}

/* Each domain logs by itself here; what a reader of dmesg looks for is in these files. */
int xl_cmd_dmesg(struct xl *xl, int argc, char **argv)
{
    struct xl_domain *domains;
    char *dir = registry_log_dir();
    int opt;
    size_t n;

    while ((opt = xl_getopt(argc, argv, "hc", NULL, 0)) != -1)
        ;
    if (!dir || xl_domains(xl, false, false, &domains, &n) != 0) {
        free(dir);
        return 1;
    }
    for (size_t i = 0; i < n; i++) {
        char *path = NULL, line[1024];
        FILE *f = asprintf(&path, "%s/domain-%s.log", dir, domains[i].name) < 0 ? NULL : fopen(path, "r");
        while (f && fgets(line, sizeof line, f))
            printf("(d%u) %s", domains[i].domid, line);
        if (f)
            fclose(f);
        free(path);
    }
    xl_domains_free(domains, n);
    free(dir);
    return 0;
}
