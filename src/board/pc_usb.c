/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pc_usb.c: the USB controller at 00:01.2, if usb=1 or a device asks for it, and the devices that usbdevice= names: two
 * at the root ports; of more, the first at one and a hub with the others at the other.
 */
#include "board/pc_internal.h"

#include "base/log.h"
#include "dev/usb/uhci.h"
#include "dev/usb/usb_hid.h"
#include "dev/usb/usb_hub.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define DEVICES_MAX (UHCI_PORTS - 1 + USB_HUB_PORTS)

static const struct usb_model {
    const char *name;
    struct usb_device *(*create)(struct loop *loop, struct display *display);
} models[] = {
    {"tablet", usb_tablet_create},
    {"mouse", usb_mouse_create},
    {"keyboard", usb_keyboard_create},
};

static const struct usb_model *find_model(const char *name)
{
    for (unsigned i = 0; i < ARRAY_SIZE(models); i++)
        if (!strcasecmp(name, models[i].name))
            return &models[i];
    return NULL;
}

__attribute__((format(printf, 2, 3))) static void notice(struct pc *pc, const char *format, ...)
{
    const char *source = pc->s.config->source ? pc->s.config->source : "config";
    char text[256], line[600];
    va_list ap;

    va_start(ap, format);
    (void)vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    (void)snprintf(line, sizeof line, "%s: %s", source, text);
    log_info("%s", line);
    if (pc->s.notice)
        pc->s.notice(pc->s.opaque, line);
}

static int add_device(struct pc *pc, const struct usb_model *model, unsigned n, struct usb_device *hub)
{
    struct usb_device *d = model->create(pc->s.loop, pc->display);
    int rc = pc_add(pc, d ? &d->dev : NULL);

    if (rc)
        return rc;
    if (hub && n > 0)
        usb_hub_plug(hub, n - 1, d);
    else
        uhci_plug(pc->usb, n, d);
    return 0;
}

static int add_devices(struct pc *pc, const struct usb_model *const *wanted, unsigned count)
{
    struct usb_device *hub = NULL;
    int rc = 0;

    if (count > UHCI_PORTS) {
        hub = usb_hub_create();
        rc = pc_add(pc, hub ? &hub->dev : NULL);
        if (rc)
            return rc;
        uhci_plug(pc->usb, UHCI_PORTS - 1, hub);
    }
    for (unsigned n = 0; !rc && n < count; n++)
        rc = add_device(pc, wanted[n], n, hub);
    return rc;
}

/* Who looks at the screen from outside has a pointer of his own, and only a tablet keeps the two together. */
static void hint_tablet(struct pc *pc, bool has_tablet)
{
    const struct hvm_config *h = &pc->s.config->hvm;

    if (!has_tablet && h->vga != VGA_NONE && h->vnc.enable == TRI_TRUE && !tri_or(h->nographic, false))
        notice(pc, "vnc=1 without usbdevice=\"tablet\": the guest's pointer may drift from the viewer's");
}

int pc_usb_create(struct pc *pc, char **why)
{
    const struct hvm_config *h = &pc->s.config->hvm;
    char *single[2] = {h->usbdevice, NULL}, **names = h->usbdevice_list ? h->usbdevice_list : single;
    const struct usb_model *wanted[DEVICES_MAX];
    bool has_tablet = false;
    unsigned count = 0;
    int rc;

    for (; *names; names++) {
        const struct usb_model *model = find_model(*names);

        if (!**names) /* usbdevice='' is none */
            continue;
        if (!strncmp(*names, "host:", 5)) {
            notice(pc, "usbdevice=\"%s\": devices of the host do nothing yet in domus", *names);
            continue;
        }
        if (!model)
            return pc_why(why, -EINVAL,
                          "usbdevice=\"%s\" does not exist in domus: use \"tablet\", \"mouse\" or \"keyboard\"",
                          *names);
        if (count == DEVICES_MAX)
            return pc_why(why, -EINVAL, "usbdevice: at most %u devices", DEVICES_MAX);
        has_tablet = has_tablet || model->create == usb_tablet_create;
        wanted[count++] = model;
    }
    hint_tablet(pc, has_tablet);
    if (!tri_or(h->usb, false) && !count)
        return 0;
    pc->usb = uhci_create(pc->s.loop);
    rc = pc_add_pci(pc, pc->usb, PCI_DEVFN(1, 2));
    return rc ? rc : add_devices(pc, wanted, count);
}
