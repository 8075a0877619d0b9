/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pc_internal.h: what pc.c and its parts (pc_*.c) share. Nobody else includes it. */
#ifndef DOMUS_BOARD_PC_INTERNAL_H
#define DOMUS_BOARD_PC_INTERNAL_H

#include "board/hvm_build.h"
#include "board/pc.h"
#include "config/config.h"
#include "dev/hpet.h"
#include "machine/bus.h"
#include "machine/irq.h"
#include "machine/loop.h"
#include "machine/memory.h"
#include "vcpu/vcpu.h"
#include "x86/cpuid.h"
#include "xen/xen.h"

#define PC_MAX_VCPUS   XEN_MAX_VCPUS
#define PC_ISA_IRQS    16
#define PC_GSIS        48
#define PC_DEVICES     64 /* room for all chips of one board but the LAPICs */
#define PC_SERIALS     4
#define PC_NICS        8
#define PC_CDS         4 /* the IDE places */
#define PC_LAPIC_BASE  0xfee00000u
#define PC_IOAPIC_BASE 0xfec00000u

struct apic_bus;
struct audio;
struct net;
struct pci_bus;
struct pc_cd;
struct pci_device;
struct store;
struct xen_store_ring;

/* What a callback that is about one vCPU gets. */
struct pc_cpu {
    struct pc *pc;
    unsigned index;
    struct device *lapic;
    bool lapic_intr; /* the LAPIC's INTR wire */
};

struct pc_nic {
    uint8_t mac[6];
    unsigned devid;
    struct net *net;    /* the chip's */
    char interface[16]; /* "" behind NAT */
};

struct pc {
    struct pc_setup s;
    bool paused;

    uint64_t max_kib; /* maxmem, video RAM included */
    struct hvm_build_config build;
    struct hvm_layout layout;
    struct hvm_build_result built;
    struct memory *memory;
    struct bus *ports, *mmio;

    unsigned cpus;
    struct vcpus *vcpus;
    struct pc_cpu cpu[PC_MAX_VCPUS];
    struct x86_cpuid_host cpuid_host;
    struct x86_cpuid_policy cpuid_policy;

    /* Chips in the order they were made; reset and save go along it, destroy goes back. */
    struct device *device[PC_DEVICES + PC_MAX_VCPUS];
    unsigned devices;

    /* Interrupt wires. ISA interrupts have two drivers each: ISA chips and PCI routed by the PIIX3. */
    struct irq_line isa[PC_ISA_IRQS], isa_pci[PC_ISA_IRQS];
    struct irq_line intr;         /* the PICs' output */
    struct irq_line sci[2];       /* PM1's and GPE's share of ISA interrupt 9 */
    struct irq_line timer_irq[2]; /* the PIT's and the RTC's, into the HPET */
    struct irq_line hpet_gsi[HPET_GSIS];
    struct irq_line com_irq[PC_SERIALS];
    unsigned gsi_asserted[PC_GSIS];
    struct apic_bus *apic_bus;
    struct device *ioapic, *pic;
    struct device *fpu_error;

    struct device *pit, *rtc, *pm, *gpe, *dma;
    struct device *floppy;
    uint8_t floppy_kind[2]; /* as CMOS has it; 0: no drive */
    bool floppy_readonly[2];
    struct pc_cd *cd[PC_CDS]; /* pc_cds.c's; NULL: never had a drive of the host */
    struct bus_window *pm_window;
    struct pci_bus *pci;
    struct pci_device *piix3, *ide, *usb; /* usb: NULL without */

    struct audio *audio;
    struct display *display;
    struct pci_device *vga;
    struct pc_nic nic[PC_NICS];
    unsigned nics;
    struct vnc *vnc;
    struct window *window; /* NULL: none */
    struct chardev *serial[PC_SERIALS];

    struct xen_domain *xen;
    struct store *store;
    struct xen_store_ring *store_ring;
    struct xen_console *console;
    struct chardev *pv_tty; /* the PV console's; NULL: none could be had */
};

/* Keeps the chip for reset and destroy; maps it nowhere. NULL (no memory) gives -ENOMEM, for chaining. */
int pc_add(struct pc *pc, struct device *device);
int pc_add_pci(struct pc *pc, struct pci_device *d, unsigned devfn);
int pc_map_ports(struct pc *pc, uint16_t base, unsigned count, struct device *d, const struct io_ops *ops);
int pc_map_mmio(struct pc *pc, gpa_t base, uint64_t len, struct device *d, const struct io_ops *ops);
/* One line for the user, malloc'd into *why; returns rc. */
int pc_why(char **why, int rc, const char *format, ...) __attribute__((format(printf, 3, 4)));

uint64_t pc_videoram_kib(const struct pc *pc);

/* pc_irq.c: PIC, IOAPIC, LAPICs and the wires. */
int pc_irq_create(struct pc *pc);
void pc_gsi_set(struct pc *pc, unsigned gsi, bool level);
void pc_intx_set(void *opaque, unsigned slot, unsigned pin, bool level);

/* pc_cpu.c: vCPUs, their CPUID, MSRs, hypercalls. */
int pc_cpu_create(struct pc *pc);
bool pc_cpu_uses_vmmcall(const struct pc *pc);
void pc_cpu_update_interrupt(struct pc *pc, unsigned vcpu);

/* pc_xen.c: the Xen ABI, xenstore and the rings. */
int pc_xen_create(struct pc *pc, char **why);
void pc_xen_destroy(struct pc *pc);
void pc_xen_rtc_changed(void *pc, int64_t offset_s); /* the guest set its clock */

/* pc_chips.c: timers, CMOS, power management, keyboard controller, DMA. */
int pc_chips_create(struct pc *pc);
void pc_move_pm(struct pc *pc, bool at_b000);

/* pc_display.c, pc_serial.c, pc_disks.c, pc_sound.c */
int pc_display_create(struct pc *pc, char **why);
void pc_display_destroy(struct pc *pc);
int pc_serial_create(struct pc *pc, char **why);
void pc_serial_destroy(struct pc *pc);
int pc_disks_create(struct pc *pc, char **why);
/* pc_cds.c: a CD-ROM drive at an IDE place, or what is in it: an image, a device, a drive of the host; target NULL:
 * nothing. 0, or -errno, where *why need not be set: -EEXIST, -ENODEV. */
int pc_cd_attach(struct pc *pc, unsigned place, const char *target, char **why);
int pc_cd_replace(struct pc *pc, unsigned place, const char *target, char **why);
void pc_cds_destroy(struct pc *pc); /* before the chips */
int pc_sound_create(struct pc *pc, char **why);
int pc_usb_create(struct pc *pc, char **why);
int pc_nics_create(struct pc *pc, char **why); /* after the display: slot 4 is the first NIC's */

#endif
