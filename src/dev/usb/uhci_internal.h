/* SPDX-License-Identifier: GPL-2.0-or-later */
/* uhci_internal.h: what uhci.c and uhci_schedule.c share. Nobody else includes it. */
#ifndef DOMUS_DEV_USB_UHCI_INTERNAL_H
#define DOMUS_DEV_USB_UHCI_INTERNAL_H

#include "dev/usb/uhci.h"
#include "machine/loop.h"

#define UHCI_FRAME_NS      1000000ull
#define UHCI_FRAMES        0x800u /* FRNUM wraps here; the frame list has half as many entries */

#define UHCI_STATUS_INT    0x01u
#define UHCI_STATUS_ERROR  0x02u
#define UHCI_STATUS_RESUME 0x04u
#define UHCI_STATUS_HSE    0x08u /* host system error: memory could not be reached */
#define UHCI_STATUS_HCPE   0x10u /* process error: the schedule is nonsense */
#define UHCI_STATUS_HALTED 0x20u

#define UHCI_PORT_ENABLE   0x0004u
#define UHCI_PORT_SUSPEND  0x1000u

/* Why UHCI_STATUS_INT is up: the enable register tells the two apart, the status register does not. */
#define UHCI_CAUSE_COMPLETE 0x01u
#define UHCI_CAUSE_SHORT    0x02u

struct uhci_state {
    struct pci_device_state pci;
    uint16_t command, status, interrupt;
    uint16_t port[UHCI_PORTS];
    uint8_t causes, sof_modify;
    uint8_t soon;   /* frames to do one by one, however quiet it was */
    uint16_t frame; /* the next to do */
    uint32_t list;
    uint32_t quiet;    /* frames since the schedule moved anything */
    uint64_t frame_ns; /* guest time when `frame` begins; while running */
};

struct uhci {
    struct pci_device pci; /* first */
    struct uhci_state s;
    struct loop *loop;
    struct timer timer;
    struct usb_device *device[UHCI_PORTS]; /* borrowed; NULL: nothing plugged in */
};

/* uhci_schedule.c: does one frame's schedule; true if it moved anything. Sets status and causes, drives no line. */
bool uhci_schedule_run(struct uhci *u, unsigned frame);

#endif
