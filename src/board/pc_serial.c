/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pc_serial.c: COM1..COM4 as serial= asks for them. Without serial= there is no port, as on Xen.
 */
#include "board/pc_internal.h"

#include "config/config.h"
#include "dev/ns16550.h"
#include "host/console/chardev.h"
#include "host/console/chardev_spec.h"

#include <errno.h>
#include <stdlib.h>

static const struct {
    uint16_t port;
    unsigned irq;
} com[PC_SERIALS] = {{0x3f8, 4}, {0x2f8, 3}, {0x3e8, 4}, {0x2e8, 3}};

/* COM1 and COM3 share an interrupt, and so do COM2 and COM4. */
static void com_changed(void *opaque, unsigned n, bool level)
{
    struct pc *pc = opaque;

    irq_set(&pc->isa[com[n].irq], pc->com_irq[n].level || pc->com_irq[n ^ 2].level);
}

/* `FILE:LINE: serial="SPEC": TEXT`, the line where the configuration is a file's. */
static int serial_why(struct pc *pc, const char *spec, char **why, int rc, const char *text)
{
    const struct domain_config *c = pc->s.config;
    const char *source = c->source ? c->source : "config";

    if (c->serial_line > 0)
        return pc_why(why, rc, "%s:%lld: serial=\"%s\": %s", source, (long long)c->serial_line, spec, text);
    return pc_why(why, rc, "%s: serial=\"%s\": %s", source, spec, text);
}

/* What the user shall know of it before it is opened, which may take a while. */
static void say_note(struct pc *pc, const char *spec)
{
    struct chardev_spec parsed;
    char *why = NULL, *line = NULL;
    const char *note = chardev_spec_parse(&parsed, spec, &why) ? NULL : chardev_spec_note(&parsed);

    free(why);
    if (!note || !pc->s.notice)
        return;
    (void)serial_why(pc, spec, &line, 0, note);
    pc->s.notice(pc->s.opaque, line ? line : note);
    free(line);
}

static int create_port(struct pc *pc, unsigned n, const char *spec, char **why)
{
    struct device *d;
    char *cause = NULL;
    int rc;

    say_note(pc, spec);
    rc = chardev_open(&pc->serial[n], pc->s.loop, spec, &cause);
    if (rc) {
        (void)serial_why(pc, spec, why, rc, cause ? cause : "cannot be opened");
        free(cause);
        return rc;
    }
    pc->com_irq[n] = (struct irq_line){com_changed, pc, n, false};
    d = ns16550_create(pc->s.loop, &pc->com_irq[n], pc->serial[n]);
    rc = pc_add(pc, d);
    return rc ? rc : pc_map_ports(pc, com[n].port, 8, d, &ns16550_io);
}

int pc_serial_create(struct pc *pc, char **why)
{
    const struct hvm_config *h = &pc->s.config->hvm;
    char *single[2] = {h->serial, NULL}, **specs = h->serial_list ? h->serial_list : single;
    int rc = 0;

    for (unsigned i = 0; !rc && specs[i]; i++) {
        if (i == PC_SERIALS)
            return serial_why(pc, specs[i], why, -EINVAL, "a PC has at most four serial ports");
        rc = create_port(pc, i, specs[i], why);
    }
    return rc;
}

void pc_serial_destroy(struct pc *pc)
{
    for (unsigned i = 0; i < PC_SERIALS; i++)
        chardev_close(pc->serial[i]);
}

const char *pc_serial_tty(const struct pc *pc, unsigned n)
{
    return n < PC_SERIALS && pc->serial[n] ? chardev_tty(pc->serial[n]) : NULL;
}
