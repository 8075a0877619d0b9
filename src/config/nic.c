/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nic.c: one virtual interface (xl-network-configuration(5)): the parts of its string, and its rate.
 * Knows no bridges and no host interfaces; defaults beyond xl.conf's are for whoever builds the domain.
 */
#include "config/reading.h"
#include "config/text.h"
#include "config/xlconf.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

static int64_t pow1000(unsigned n)
{
    return n ? 1000 * pow1000(n - 1) : 1;
}

static int rate_error(const struct diag *diag, const char *message, const char *rate)
{
    diag_xl(diag, "%s: config parsing error in vif: %s in `%s'", diag->source, message, rate);
    return -1;
}

/* `N[G|M|K](b|B)/s`, in units of 1000; b is bits. */
static int rate_bytes(const struct diag *diag, const char *s, uint64_t *bytes)
{
    static const char units[] = "KMG";
    size_t digits = strspn(s, "0123456789");
    const char *p = s + digits, *unit = *p ? strchr(units, *p) : NULL;
    uint64_t n;

    if (unit)
        p++;
    if (!digits || (*p != 'b' && *p != 'B') || strcmp(p + 1, "/s") != 0)
        return rate_error(diag, "invalid rate", s);
    n = strtoull(s, NULL, 0);
    if (n == 0 || n > UINT32_MAX)
        return rate_error(diag, "rate overflow", s);
    if (unit)
        n *= (uint64_t)pow1000((unsigned)(unit - units) + 1);
    *bytes = *p == 'b' ? n / 8 : n;
    return 0;
}

/* `N(ms|us|s)`; a bare number is seconds. */
static int rate_interval(const struct diag *diag, const char *s, uint64_t *usecs)
{
    size_t digits = strspn(s, "0123456789");
    const char *unit = s + digits;
    uint64_t n;

    if (!digits || !(strcmp(unit, "") == 0 || strcmp(unit, "s") == 0 || strcmp(unit, "m") == 0 ||
                     strcmp(unit, "u") == 0 || strcmp(unit, "ms") == 0 || strcmp(unit, "us") == 0))
        return rate_error(diag, "invalid replenishment interval", s);
    n = strtoull(s, NULL, 0);
    if (n && n <= UINT32_MAX) {
        if (*unit == '\0' || *unit == 's')
            n *= 1000000;
        else if (*unit == 'm')
            n *= 1000;
    }
    if (n == 0 || n > UINT32_MAX)
        return rate_error(diag, "replenishment interval overflow", s);
    *usecs = n;
    return 0;
}

static int nic_rate(struct nic_config *nic, const char *rate, const struct diag *diag)
{
    char *copy = text_dup(rate), *at = strchr(copy, '@');
    uint64_t bytes, usecs = 50000;
    int rc;

    if (at)
        *at++ = '\0';
    if (*copy == '\0')
        rc = rate_error(diag, "no rate specified", rate);
    else
        rc = rate_bytes(diag, copy, &bytes);
    if (!rc && at)
        rc = rate_interval(diag, at, &usecs);
    if (!rc && bytes > UINT64_MAX / usecs)
        rc = rate_error(diag, "rate overflow", rate);
    free(copy);
    if (rc)
        return rc;
    nic->rate_bytes_per_interval = (int64_t)(bytes * usecs / 1000000);
    nic->rate_interval_usecs = (int64_t)usecs;
    return 0;
}

/* Six numbers in hex with any one character between two of them. */
static bool nic_mac(struct config_mac *mac, const char *s)
{
    for (size_t i = 0; i < sizeof mac->bytes; i++) {
        char *end;
        unsigned long n = strtoul(s, &end, 16);

        if (end == s || n > 255)
            return false;
        mac->bytes[i] = (uint8_t)n;
        s = *end ? end + 1 : end;
    }
    return true;
}

static int nic_number(const struct diag *diag, const char *s, int64_t *out)
{
    char *end;
    unsigned long n = strtoul(s, &end, 10);

    if (end == s || n == ULONG_MAX) {
        diag_xl(diag, "xl: failed to convert \"%s\" to number", s);
        return -1;
    }
    *out = (int)n;
    return 0;
}

/* The keys whose value is kept as it stands. */
static char **nic_string(struct nic_config *nic, const char *key, size_t len)
{
    const struct {
        const char *name;
        char **field;
    } plain[] = {
        {"bridge", &nic->bridge},  {"gatewaydev", &nic->gatewaydev}, {"netdev", &nic->gatewaydev},
        {"ip", &nic->ip},          {"script", &nic->script},         {"backend", &nic->backend_domname},
        {"vifname", &nic->ifname}, {"model", &nic->model},           {"forwarddev", &nic->forwarddev},
    };

    for (size_t i = 0; i < ARRAY_SIZE(plain); i++) {
        if (strlen(plain[i].name) == len && strncmp(plain[i].name, key, len) == 0)
            return plain[i].field;
    }
    for (size_t i = 0; i < schema_nic.count; i++) {
        const struct field *f = &schema_nic.fields[i];

        if (f->offset >= offsetof(struct nic_config, colo) &&
            f->offset < offsetof(struct nic_config, colo) + sizeof nic->colo && strlen(f->name) == len &&
            strncmp(f->name, key, len) == 0)
            return (char **)(void *)((char *)nic + f->offset);
    }
    return NULL;
}

static bool key_is(const char *part, size_t len, const char *key)
{
    return part[len] == '=' && strlen(key) == len && strncmp(part, key, len) == 0;
}

/* A key of ours, which may come several times. */
static void nic_forward(struct nic_config *nic, const char *value)
{
    char *all = nic->hostfwd ? text_format("%s;%s", nic->hostfwd, value) : text_dup(value);

    free(nic->hostfwd);
    nic->hostfwd = all;
}

int nic_parse_part(struct nic_config *nic, char *part, const struct diag *diag)
{
    size_t len = strcspn(part, "=");
    const char *value = part[len] ? part + len + 1 : "";
    char **field = part[len] ? nic_string(nic, part, len) : NULL;

    if (field) {
        if (key_is(part, len, "netdev"))
            diag_xl(diag, "the netdev parameter is deprecated, please use gatewaydev instead");
        text_set(field, value);
    } else if (key_is(part, len, "type")) {
        if (strcmp(value, "vif") != 0 && strcmp(value, "ioemu") != 0) {
            diag_xl(diag, "Invalid parameter `type'.");
            return 1;
        }
        nic->nictype = *value == 'v' ? NIC_VIF : NIC_IOEMU;
    } else if (key_is(part, len, "mac")) {
        if (!nic_mac(&nic->mac, value)) {
            diag_xl(diag, "Invalid parameter `mac'.");
            return 1;
        }
    } else if (key_is(part, len, "rate")) {
        return nic_rate(nic, value, diag);
    } else if (key_is(part, len, "accel")) {
        diag_xl(diag, "the accel parameter for vifs is currently not supported");
    } else if (key_is(part, len, "devid")) {
        return nic_number(diag, value, &nic->devid);
    } else if (key_is(part, len, "mtu")) {
        return nic_number(diag, value, &nic->mtu);
    } else if (key_is(part, len, "hostfwd")) {
        nic_forward(nic, value);
    } else if (strcmp(part, "trusted") == 0) {
        nic->trusted = TRI_TRUE;
    } else if (strcmp(part, "untrusted") == 0) {
        nic->trusted = TRI_FALSE;
    } else {
        diag_xl(diag, "unrecognized argument `%s'", part);
        return 1;
    }
    return 0;
}

void nic_defaults(struct nic_config *nic, const struct config_host *host)
{
    const struct xl_conf *conf = host ? host->conf : NULL;

    if (!conf)
        return;
    text_set(&nic->script, conf->vif_script);
    text_set(&nic->bridge, conf->vif_bridge);
    text_set(&nic->gatewaydev, conf->vif_gatewaydev);
    text_set(&nic->backend_domname, conf->vif_backend);
}

bool config_parse_nic(struct nic_config *nic, const char *spec, const char *name, const struct config_host *host,
                      const struct config_sink *sink)
{
    struct diag diag = {.sink = sink, .source = name};
    char *copy = text_dup(spec);
    bool ok;

    memset(nic, 0, sizeof *nic);
    schema_init(&schema_nic, nic);
    nic_defaults(nic, host);
    ok = nic_parse_part(nic, copy, &diag) == 0;
    free(copy);
    return ok;
}

static int read_nic(struct reading *r, const char *spec, int64_t line)
{
    size_t devid = r->c->nics_count;
    struct nic_config *nic = schema_append(&schema_nic, &r->c->nics, &r->c->nics_count);
    char **parts = strings_split(spec, ",");
    bool stop = false;

    nic->devid = (int64_t)devid;
    nic->line = line;
    nic_defaults(nic, &r->host);
    for (size_t i = 0; parts[i] && !stop; i++) {
        char *part = parts[i] + strspn(parts[i], " ");
        int rc = nic_parse_part(nic, part, &r->diag);

        if (rc > 0)
            diag_add(&r->diag, CONFIG_NOTE, line, "'%s' in vif '%s' is left out", part, spec);
        if (rc > 0 && key_is(part, strcspn(part, "="), "mac") && !r->c->bad_mac_line)
            r->c->bad_mac_line = line;
        stop = rc < 0;
    }
    strings_free(parts);
    return stop ? 1 : 0;
}

int read_nics(struct reading *r, const struct key *key)
{
    const struct value *list;
    const char *spec;

    if (settings_list(&r->s, "vif", &list, false))
        return 0;
    while ((spec = value_string_at(list, r->c->nics_count))) {
        int rc = read_nic(r, spec, reading_line(r, "vif"));

        if (rc)
            return rc;
    }
    return 0;
}

int read_vif2(struct reading *r, const struct key *key)
{
    const struct value *list;

    if (!settings_list(&r->s, "vif2", &list, false))
        diag_xl(&r->diag, "WARNING: vif2: netchannel2 is deprecated and not supported by xl");
    return 0;
}
