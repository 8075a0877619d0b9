/* SPDX-License-Identifier: GPL-2.0-or-later */
/* read_pci.c: pci=, its defaults, and the other keys about passed-through devices. */
#include "config/reading.h"
#include "config/text.h"

#include <stdlib.h>
#include <string.h>

int read_pci_default(struct reading *r, const struct key *key)
{
    struct pci_config *t = &r->pci_template;
    const struct {
        const char *name;
        int64_t *field;
    } all[] = {
        {"pci_msitranslate", &t->msitranslate},
        {"pci_power_mgmt", &t->power_mgmt},
        {"pci_permissive", &t->permissive},
        {"pci_seize", &t->seize},
    };
    long l;

    for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
        if (strcmp(all[i].name, key->name) == 0 && settings_long(&r->s, key->name, &l, false) == 0)
            *all[i].field = l != 0;
    }
    return 0;
}

/* xl 4.17 takes `strategy=host` alone; with a policy behind it, it drops both without a word. */
int read_rdm(struct reading *r, const struct key *key)
{
    const char *value = reading_string(r, "rdm"), *strategy;

    if (!value)
        return 0;
    strategy = strncmp(value, "strategy=", 9) == 0 ? value + 9 : NULL;
    if (!strategy && !strchr(value, '='))
        return 0; /* xl says nothing about that one */
    if (!strategy)
        diag_xl(&r->diag, "Unknown RDM state option: %.*s", (int)strcspn(value, "="), value);
    else if (strncmp(strategy, "host", 4) != 0 || (strategy[4] && strategy[4] != ','))
        diag_xl(&r->diag, "Unknown RDM strategy option: %.*s", (int)strcspn(strategy, ","), strategy);
    else if (strategy[4] == '\0')
        r->c->hvm.rdm_strategy = 1;
    return 0;
}

/* Hexadecimal digits up to one of `stops`; false if there are none, others between, or bits outside the mask. */
static bool hex_until(const char **p, const char *stops, unsigned long mask, int64_t *out)
{
    char *end;
    unsigned long n = strtoul(*p, &end, 16);

    if (end == *p || (*end && !strchr(stops, *end)) || (n & ~mask))
        return false;
    *out = (int64_t)n;
    *p = end;
    return true;
}

static bool pci_address(struct pci_config *pci, const char **rest);

/* 0, or the exit code; what xl says about it goes to `why`, because xl ends no line there. */
static int pci_option(struct pci_config *pci, char *text, char **why)
{
    char *value = strchr(text, '=');
    const char *address;

    if (!value)
        return 6;
    *value++ = '\0';
    address = value;
    if (strcmp(text, "msitranslate") == 0)
        pci->msitranslate = atoi(value) != 0;
    else if (strcmp(text, "power_mgmt") == 0)
        pci->power_mgmt = atoi(value) != 0;
    else if (strcmp(text, "permissive") == 0)
        pci->permissive = atoi(value) != 0;
    else if (strcmp(text, "seize") == 0)
        pci->seize = atoi(value) != 0;
    else if (strcmp(text, "bdf") == 0)
        return pci_address(pci, &address) && !*address ? 0 : 6;
    else if (strcmp(text, "rdm_policy") != 0) {
        *why = text_format("Unknown PCI_SPEC_STRING option: %s", text);
        return 6;
    } else if (strcmp(value, "strict") == 0 || strcmp(value, "relaxed") == 0) {
        pci->rdm_policy = *value == 'r';
    } else {
        *why = text_format("Unknown RDM policy: %s", value);
        return 3;
    }
    return 0;
}

/* `[DDDD:]BB:DD.F[@SLOT][,option=value...]`; F may be `*`. */
static bool pci_address(struct pci_config *pci, const char **rest)
{
    const char *p = *rest;
    int64_t slot;

    if (!hex_until(&p, ":", 0xffff, &pci->bus) || *p++ != ':' || !hex_until(&p, ":.", 0xff, &pci->dev))
        return false;
    if (*p == ':') {
        pci->domain = pci->bus;
        pci->bus = pci->dev;
        p++;
        if (!hex_until(&p, ".", 0xff, &pci->dev))
            return false;
    } else if (pci->bus > 0xff) {
        return false;
    }
    if (*p++ != '.')
        return false;
    if (*p == '*') {
        pci->vfunc_mask = 0xffffffff;
        p++;
    } else {
        pci->vfunc_mask = 1;
        if (!hex_until(&p, "@,", 7, &pci->func))
            return false;
    }
    if (*p == '@') {
        p++;
        if (!hex_until(&p, ",", 0xff, &slot))
            return false;
        pci->vdevfn = slot << 3;
    }
    *rest = p;
    return *p == '\0' || *p == ',';
}

static int pci_parse(struct pci_config *pci, const char *text, char **why)
{
    const char *p = text;
    bool address = pci_address(pci, &p);
    char **options = strings_split(address ? p : text, ",");
    int rc = address || options[0] ? 0 : 6;

    for (size_t i = 0; options[i] && !rc; i++)
        rc = pci_option(pci, options[i], why);
    strings_free(options);
    return rc;
}

int read_pci(struct reading *r, const struct key *key)
{
    const struct value *list;
    const char *text;

    if (settings_list(&r->s, "pci", &list, false))
        return 0;
    while ((text = value_string_at(list, r->c->pcidevs_count))) {
        struct pci_config *pci = schema_append(&schema_pci, &r->c->pcidevs, &r->c->pcidevs_count);

        char *why = NULL;
        int rc;

        *pci = r->pci_template;
        pci->rdm_policy = reading_is(r, DOMAIN_TYPE_HVM) ? r->c->hvm.rdm_policy : 0;
        rc = pci_parse(pci, text, &why);
        if (rc) {
            diag_xl(&r->diag, "%sunable to parse PCI_SPEC_STRING `%s' for passthrough", why ? why : "", text);
            free(why);
            return rc;
        }
    }
    if (r->c->pcidevs_count && reading_is(r, DOMAIN_TYPE_PV))
        r->c->e820_host = TRI_TRUE;
    return 0;
}

int read_dtdev(struct reading *r, const struct key *key)
{
    const struct value *list;
    const char *text;

    if (settings_list(&r->s, "dtdev", &list, false))
        return 0;
    while ((text = value_string_at(list, r->c->dtdevs_count))) {
        struct dtdev_config *dtdev = schema_append(&schema_dtdev, &r->c->dtdevs, &r->c->dtdevs_count);

        dtdev->path = text_dup(text);
    }
    return 0;
}
