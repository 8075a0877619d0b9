/* SPDX-License-Identifier: GPL-2.0-or-later */
/* target.c: which domain a <Domain> argument means, and talking to it. */
#include "xl/xl.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define INFO_PATIENCE_MS 5000

void xl_error(const char *format, ...)
{
    va_list ap;

    fputs("libxl: error: ", stderr);
    va_start(ap, format);
    vfprintf(stderr, format, ap);
    va_end(ap);
    fputc('\n', stderr);
}

struct registry *xl_registry(struct xl *xl)
{
    char *why = NULL;

    if (xl->registry)
        return xl->registry;
    xl->registry = registry_open(NULL, &why);
    if (xl->registry)
        return xl->registry;
    fprintf(stderr, "xl: %s\n", why ? why : "out of memory");
    exit(1);
}

static bool target_is_number(const char *arg)
{
    if (!*arg)
        return false;
    for (; *arg; arg++)
        if (!isdigit((unsigned char)*arg))
            return false;
    return true;
}

long xl_lookup_domain(struct xl *xl, const char *arg)
{
    struct registry_entry *entries = NULL;
    size_t n = 0;
    long domid = -1;

    if (target_is_number(arg))
        return strlen(arg) > 9 ? REGISTRY_DOMID_LIMIT : strtol(arg, NULL, 10);
    if (strcmp(arg, "Domain-0") == 0)
        return 0;
    if (registry_list(xl_registry(xl), &entries, &n) != 0)
        return -1;
    for (size_t i = 0; i < n; i++)
        if (strcmp(entries[i].name, arg) == 0)
            domid = entries[i].domid;
    registry_list_free(entries, n);
    return domid;
}

long xl_find_domain(struct xl *xl, const char *arg)
{
    long domid = xl_lookup_domain(xl, arg);

    if (domid < 0)
        fprintf(stderr, "%s is an invalid domain identifier (rc=%d)\n", arg, CONTROL_INVAL);
    return domid;
}

char *xl_domain_name(struct xl *xl, unsigned domid)
{
    struct registry_entry *entries = NULL;
    size_t n = 0;
    char *name = NULL;

    if (domid == 0)
        return strdup("Domain-0");
    if (registry_list(xl_registry(xl), &entries, &n) != 0)
        return NULL;
    for (size_t i = 0; i < n; i++)
        if (entries[i].domid == domid)
            name = strdup(entries[i].name);
    registry_list_free(entries, n);
    return name;
}

struct control_client *xl_connect(struct xl *xl, unsigned domid)
{
    struct control_client *c = NULL;

    if (domid == 0) {
        xl_error("Domain 0 is this host: xl does not control it");
        return NULL;
    }
    c = control_connect(xl_registry(xl), domid);
    if (!c)
        xl_error("Domain %u: does not exist", domid);
    return c;
}

int xl_call(struct xl *xl, unsigned domid, const char *command, json_t *args, json_t **result, bool say)
{
    struct control_client *c = xl_connect(xl, domid);
    char *why = NULL;
    int rc;

    if (!c) {
        json_decref(args);
        return domid == 0 ? CONTROL_INVAL : CONTROL_DOMAIN_NOTFOUND;
    }
    rc = control_call(c, command, args, -1, result, &why);
    if (rc != 0 && say)
        xl_error("Domain %u: %s", domid, why ? why : "unknown error");
    free(why);
    control_disconnect(c);
    return rc;
}

/* --- lists of domains --- */

/* user + nice + system time of the host's CPU `cpu` (-1: of all), in nanoseconds. */
static long long host_cpu_ns(FILE *stat, int cpu)
{
    char line[512], name[16];
    unsigned long long user, nice, system;

    snprintf(name, sizeof name, cpu < 0 ? "cpu" : "cpu%d", cpu);
    rewind(stat);
    while (fgets(line, sizeof line, stat)) {
        char found[16];
        if (sscanf(line, "%15s %llu %llu %llu", found, &user, &nice, &system) == 4 && strcmp(found, name) == 0)
            return (long long)((double)(user + nice + system) * 1e9 / (double)sysconf(_SC_CLK_TCK));
    }
    return 0;
}

struct xl_domain xl_host_domain(void)
{
    struct xl_domain d = {.domid = 0, .name = strdup("Domain-0")};
    long long kb = (long long)sysconf(_SC_PHYS_PAGES) * (sysconf(_SC_PAGESIZE) / 1024);
    json_t *vcpus = json_array();
    FILE *stat = fopen("/proc/stat", "r");
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);

    for (int cpu = 0; cpu < cpus; cpu++)
        json_array_append_new(vcpus, json_pack("{s:b, s:s, s:I, s:i}", "online", 1, "state", "running", "time_ns",
                                               (json_int_t)(stat ? host_cpu_ns(stat, cpu) : 0), "cpu", cpu));
    if (stat)
        fclose(stat);
    d.uuid = strdup("00000000-0000-0000-0000-000000000000");
    d.info =
        json_pack("{s:i, s:s, s:I, s:o, s:{s:{s:s, s:s}, s:{s:I, s:I, s:{s:s, s:i, s:i}, s:{}, s:{}, s:{}}}}", "domid",
                  0, "name", "Domain-0", "memory_kb", (json_int_t)kb, "vcpus", vcpus, "config", "c_info", "type", "pv",
                  "name", "Domain-0", "b_info", "max_memkb", (json_int_t)kb, "target_memkb", (json_int_t)kb,
                  "sched_params", "sched", "credit2", "weight", 256, "cap", 0, "type.pv", "arch_arm", "arch_x86");
    if (!d.info)
        d.info = json_object();
    return d;
}

static json_t *target_info(struct xl *xl, unsigned domid, bool with_config)
{
    struct control_client *c = control_connect(xl_registry(xl), domid);
    json_t *info = NULL;

    if (c)
        control_call(c, "info", json_pack("{s:b}", "config", (int)with_config), INFO_PATIENCE_MS, &info, NULL);
    control_disconnect(c);
    return info ? info : json_object();
}

int xl_domains(struct xl *xl, bool with_host, bool with_config, struct xl_domain **domains, size_t *n)
{
    struct registry_entry *entries = NULL;
    struct xl_domain *list;
    size_t found = 0, used = 0;
    int rc = registry_list(xl_registry(xl), &entries, &found);

    if (rc != 0) {
        xl_error("the registry of domains cannot be read: %s", strerror(-rc));
        return -1;
    }
    list = calloc(found + 1, sizeof *list);
    if (!list) {
        registry_list_free(entries, found);
        return -1;
    }
    if (with_host)
        list[used++] = xl_host_domain();
    for (size_t i = 0; i < found; i++) {
        list[used] = (struct xl_domain){.domid = entries[i].domid, .name = entries[i].name, .uuid = entries[i].uuid};
        entries[i].name = entries[i].uuid = NULL;
        list[used].info = target_info(xl, list[used].domid, with_config);
        used++;
    }
    registry_list_free(entries, found);
    *domains = list;
    *n = used;
    return 0;
}

void xl_domains_free(struct xl_domain *domains, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(domains[i].name);
        free(domains[i].uuid);
        json_decref(domains[i].info);
    }
    free(domains);
}
