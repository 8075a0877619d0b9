/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pc_serial.c: COM1..COM4 as serial= asks for them. Without serial= there is no port, as on Xen.
 */
#include "board/pc_internal.h"

#include "dev/ns16550.h"
#include "host/console/chardev.h"

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

static int create_port(struct pc *pc, unsigned n, const char *spec, char **why)
{
    struct device *d;
    char *cause = NULL;
    int rc = chardev_open(&pc->serial[n], pc->s.loop, spec, &cause);

    if (rc) {
        (void)pc_why(why, rc, "serial=\"%s\": %s", spec, cause ? cause : "cannot be opened");
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
    int rc = 0;

    if (h->serial)
        return create_port(pc, 0, h->serial, why);
    for (unsigned i = 0; !rc && h->serial_list && h->serial_list[i]; i++) {
        if (i == PC_SERIALS)
            return pc_why(why, -EINVAL, "serial=[...]: a PC has at most %d serial ports", PC_SERIALS);
        rc = create_port(pc, i, h->serial_list[i], why);
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
