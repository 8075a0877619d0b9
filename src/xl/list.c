/* SPDX-License-Identifier: GPL-2.0-or-later */
/* list.c: list, vm-list, vcpu-list, uptime, claims, sharing: tables over domains, with xl's columns. */
#include "xl/xl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static long long list_memory_mib(const struct xl_domain *d)
{
    return xl_int(d->info, "memory_kb", 0) / 1024;
}

static double list_cpu_seconds(const json_t *vcpus)
{
    double sum = 0;
    size_t i;
    json_t *v;

    json_array_foreach(vcpus, i, v) sum += (double)xl_int(v, "time_ns", 0) / 1e9;
    return sum;
}

static int list_online(const json_t *vcpus)
{
    int online = 0;
    size_t i;
    json_t *v;

    json_array_foreach(vcpus, i, v) online += xl_true(v, "online");
    return online;
}

/* Six letters: r b p s, the shutdown reason's, d. */
static void list_state(const struct xl_domain *d, char state[7])
{
    static const char reasons[] = "-rscwS";
    const json_t *vcpus = json_object_get(d->info, "vcpus");
    bool running = false, blocked = json_array_size(vcpus) > 0;
    long long reason = xl_int(d->info, "reason", -1);
    size_t i;
    json_t *v;

    json_array_foreach(vcpus, i, v)
    {
        const char *s = xl_string(v, "state");
        if (!xl_true(v, "online") || !s)
            continue;
        running |= strcmp(s, "running") == 0;
        blocked &= strcmp(s, "blocked") == 0;
    }
    memcpy(state, "------", 7);
    if (xl_true(d->info, "paused"))
        state[2] = 'p';
    else if (xl_true(d->info, "shutdown"))
        state[3] = 's';
    else if (running)
        state[0] = 'r';
    else if (blocked)
        state[1] = 'b';
    if (xl_true(d->info, "shutdown")) {
        state[3] = 's';
        state[4] = reason >= 0 && reason < 6 ? reasons[reason] : '?';
    }
    if (xl_true(d->info, "dying"))
        state[5] = 'd';
}

/* Columns beside the usual ones. */
struct list_columns {
    bool verbose, context, claim, cpupool, numa;
};

static void list_table(const struct xl_domain *domains, size_t n, struct list_columns c)
{
    char state[7], reason[16];

    printf("Name                                        ID   Mem VCPUs\tState\tTime(s)");
    if (c.verbose)
        printf("   UUID                            Reason-Code\tSecurity Label");
    if (c.context && !c.verbose)
        printf("   Security Label");
    if (c.claim)
        printf("  Claimed");
    if (c.cpupool)
        printf("         Cpupool");
    if (c.numa)
        printf(" NODE Affinity");
    printf("\n");
    for (size_t i = 0; i < n; i++) {
        const struct xl_domain *d = &domains[i];
        const json_t *vcpus = json_object_get(d->info, "vcpus");
        list_state(d, state);
        printf("%-40s %5u %5lld %5d     %s  %8.1f", d->name, d->domid, list_memory_mib(d), list_online(vcpus), state,
               list_cpu_seconds(vcpus));
        snprintf(reason, sizeof reason, xl_true(d->info, "shutdown") ? "%lld" : "-", xl_int(d->info, "reason", -1));
        if (c.verbose)
            printf(" %s %8s", d->uuid, reason);
        if (c.claim)
            printf(" %5d", 0);
        if (c.verbose || c.context)
            printf(" %16s", "-");
        if (c.cpupool)
            printf("%16s", "Pool-0");
        if (c.numa)
            printf(" any node");
        printf("\n");
    }
}

static void list_details(const struct xl_domain *domains, size_t n)
{
    json_t *all = json_array();

    for (size_t i = 0; i < n; i++) {
        json_t *config = json_deep_copy(json_object_get(domains[i].info, "config"));
        if (!config)
            continue;
        json_object_del(config, "domus"); /* ours: not what readers of libxl's JSON expect */
        json_array_append_new(all, json_pack("{s:i, s:o}", "domid", (int)domains[i].domid, "config", config));
    }
    xl_print_json(all, 0);
    printf("\n\n");
    json_decref(all);
}

/* Only the one with this domid is kept; false: it is not among them. */
static bool list_keep(struct xl_domain *domains, size_t *n, unsigned domid)
{
    size_t kept = 0;

    for (size_t i = 0; i < *n; i++) {
        struct xl_domain d = domains[i];
        if (d.domid == domid) {
            domains[i] = domains[kept];
            domains[kept++] = d;
        }
    }
    for (size_t i = kept; i < *n; i++) {
        free(domains[i].name);
        free(domains[i].uuid);
        json_decref(domains[i].info);
    }
    *n = kept;
    return kept > 0;
}

/* All domains, or the one `arg` means; the exit code. */
static int list_fetch(struct xl *xl, const char *arg, bool with_config, struct xl_domain **domains, size_t *n)
{
    long domid = arg ? xl_find_domain(xl, arg) : 0;

    if (domid < 0)
        return 1;
    if (xl_domains(xl, true, with_config, domains, n) != 0)
        return 1;
    if (arg && !list_keep(*domains, n, (unsigned)domid)) {
        fprintf(stderr, "Error: Domain '%s' does not exist.\n", arg);
        xl_domains_free(*domains, *n);
        return 1;
    }
    return 0;
}

int xl_cmd_list(struct xl *xl, int argc, char **argv)
{
    static const struct option longs[] = {{"long", no_argument, NULL, 'l'},
                                          {"help", no_argument, NULL, 'h'},
                                          {"verbose", no_argument, NULL, 'v'},
                                          {"context", no_argument, NULL, 'Z'},
                                          {"cpupool", no_argument, NULL, 'c'},
                                          {"numa", no_argument, NULL, 'n'},
                                          {0}};
    struct list_columns columns = {0};
    struct xl_domain *domains;
    bool details = false;
    size_t n;
    int opt, rc;

    while ((opt = xl_getopt(argc, argv, "lvhZcn", longs, 0)) != -1) {
        switch (opt) {
        case 'l': details = true; break;
        case 'v': columns.verbose = true; break;
        case 'Z': columns.context = true; break;
        case 'c': columns.cpupool = true; break;
        case 'n': columns.numa = true; break;
        }
    }
    if (argc - optind > 1) {
        xl_help_command(xl_command_named("list"));
        return 1;
    }
    rc = list_fetch(xl, argv[optind], details, &domains, &n);
    if (rc != 0)
        return rc;
    if (details)
        list_details(domains, n);
    else
        list_table(domains, n, columns);
    xl_domains_free(domains, n);
    return 0;
}

int xl_cmd_claims(struct xl *xl, int argc, char **argv)
{
    struct xl_domain *domains;
    size_t n;

    while (xl_getopt(argc, argv, "h", NULL, 0) != -1)
        ;
    if (list_fetch(xl, NULL, false, &domains, &n) != 0)
        return 1;
    list_table(domains, n, (struct list_columns){.claim = true});
    xl_domains_free(domains, n);
    return 0;
}

int xl_cmd_sharing(struct xl *xl, int argc, char **argv)
{
    struct xl_domain *domains;
    size_t n;
    int rc;

    while (xl_getopt(argc, argv, "h", NULL, 0) != -1)
        ;
    rc = list_fetch(xl, argv[optind], false, &domains, &n);
    if (rc != 0)
        return rc;
    printf("Name                                        ID   Mem Shared\n");
    for (size_t i = 0; i < n; i++)
        printf("%-40s %5u %5lld  %5d\n", domains[i].name, domains[i].domid, list_memory_mib(&domains[i]), 0);
    xl_domains_free(domains, n);
    return 0;
}

int xl_cmd_vm_list(struct xl *xl, int argc, char **argv)
{
    struct xl_domain *domains;
    size_t n;

    while (xl_getopt(argc, argv, "h", NULL, 0) != -1)
        ;
    if (list_fetch(xl, NULL, false, &domains, &n) != 0)
        return 1;
    printf("UUID                                  ID    name\n");
    for (size_t i = 0; i < n; i++)
        printf("%s  %u    %-30s\n", domains[i].uuid, domains[i].domid, domains[i].name);
    xl_domains_free(domains, n);
    return 0;
}

static void vcpu_rows(const struct xl_domain *d)
{
    size_t i;
    json_t *v;

    json_array_foreach(json_object_get(d->info, "vcpus"), i, v)
    {
        const char *state = xl_string(v, "state");
        bool online = xl_true(v, "online"), paused = xl_true(d->info, "paused");
        long long cpu = xl_int(v, "cpu", -1);
        char letters[4] = "---", on[24] = "-";

        if (!online || paused)
            letters[2] = 'p';
        else if (state && strcmp(state, "running") == 0)
            letters[0] = 'r';
        else if (state && strcmp(state, "blocked") == 0)
            letters[1] = 'b';
        if (online && cpu >= 0)
            snprintf(on, sizeof on, "%lld", cpu);
        printf("%-32s %5u %5zu %4s   %s %9.1f  %s / %s\n", d->name, d->domid, i, on, letters,
               (double)xl_int(v, "time_ns", 0) / 1e9, "all", "all");
    }
}

int xl_cmd_vcpu_list(struct xl *xl, int argc, char **argv)
{
    int rc = 0, end = 1;

    while (xl_getopt(argc, argv, "h", NULL, 0) != -1)
        ;
    printf("%-32s %5s %5s %5s %5s %9s %s\n", "Name", "ID", "VCPU", "CPU", "State", "Time(s)", "Affinity (Hard / Soft)");
    if (optind < argc)
        end = argc - optind;
    for (int i = 0; i < end; i++) {
        struct xl_domain *domains;
        size_t n;
        if (list_fetch(xl, argv[optind + i], false, &domains, &n) != 0) {
            rc = 1;
            continue;
        }
        for (size_t d = 0; d < n; d++)
            vcpu_rows(&domains[d]);
        xl_domains_free(domains, n);
    }
    return rc;
}

static void uptime_text(long long seconds, bool short_form, char *text, size_t room)
{
    long long days = seconds / 86400, hours = seconds / 3600 % 24, minutes = seconds / 60 % 60;

    if (short_form && days > 1)
        snprintf(text, room, "%lld days, %2lld:%02lld", days, hours, minutes);
    else if (short_form && days == 1)
        snprintf(text, room, "1 day, %2lld:%02lld", hours, minutes);
    else if (short_form)
        snprintf(text, room, "%2lld:%02lld", hours, minutes);
    else if (days > 1)
        snprintf(text, room, "%lld days, %2lld:%02lld:%02lld", days, hours, minutes, seconds % 60);
    else if (days == 1)
        snprintf(text, room, "1 day, %2lld:%02lld:%02lld", hours, minutes, seconds % 60);
    else
        snprintf(text, room, "%2lld:%02lld:%02lld", hours, minutes, seconds % 60);
}

static void uptime_row(const struct xl_domain *d, bool short_form)
{
    long long up = 0;
    char text[64];
    time_t now = time(NULL);
    struct tm tm;

    if (d->domid == 0) {
        struct timespec t;
        clock_gettime(CLOCK_BOOTTIME, &t);
        up = t.tv_sec;
    } else {
        up = now - xl_int(d->info, "created", now);
    }
    uptime_text(up < 0 ? 0 : up, short_form, text, sizeof text);
    if (short_form) {
        char clock[16];
        strftime(clock, sizeof clock, "%H:%M:%S", localtime_r(&now, &tm));
        printf(" %s up %s, %s (%u)\n", clock, text, d->name, d->domid);
    } else {
        printf("%-33s %4u %s\n", d->name, d->domid, text);
    }
}

int xl_cmd_uptime(struct xl *xl, int argc, char **argv)
{
    bool short_form = false;
    int opt, rc = 0, end = 1;

    while ((opt = xl_getopt(argc, argv, "hs", NULL, 0)) != -1)
        short_form |= opt == 's';
    /* All names are looked at before anything is printed. */
    for (int i = optind; i < argc; i++)
        if (xl_find_domain(xl, argv[i]) < 0)
            return 1;
    if (!short_form)
        printf("%-33s %4s %s\n", "Name", "ID", "Uptime");
    if (optind < argc)
        end = argc - optind;
    for (int i = 0; i < end; i++) {
        struct xl_domain *domains;
        size_t n;
        if (list_fetch(xl, argv[optind + i], false, &domains, &n) != 0) {
            rc = 1;
            continue;
        }
        for (size_t d = 0; d < n; d++)
            uptime_row(&domains[d], short_form);
        xl_domains_free(domains, n);
    }
    return rc;
}
