/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * config.h: an xl.cfg(5) text becomes a struct domain_config, and that becomes the JSON that `xl create -n` prints.
 * Pure: nothing here opens a file or looks at the host (image.h does); everything the user should read goes to a sink.
 * A field says what the text said: "not set" stays visible (TRI_DEFAULT, NULL, CONFIG_UNSET), because the JSON shows
 * only what was set. What an unset field means is for whoever builds the domain: tri_or() in device.h, xl.cfg(5),
 * keys.c.
 */
#ifndef DOMUS_CONFIG_CONFIG_H
#define DOMUS_CONFIG_CONFIG_H

#include "base/types.h"
#include "config/device.h"

/* Who speaks: CONFIG_XL is a line word for word as xl prints it; the other three are our additions. */
enum config_level { CONFIG_XL, CONFIG_NOTE, CONFIG_WARNING, CONFIG_ERROR };

/*
 * Where messages go, one line without its newline at a time. Our own lines start with `FILE:LINE: note: `,
 * `FILE:LINE: warning: ` or `FILE:LINE: error: `. xl's lines with that start go on with "parameter `" or "can't use
 * +=".
 */
struct config_sink {
    void (*line)(void *opaque, enum config_level level, const char *text);
    void *opaque;
};

enum domain_type { DOMAIN_TYPE_INVALID = -1, DOMAIN_TYPE_HVM = 1, DOMAIN_TYPE_PV = 2, DOMAIN_TYPE_PVH = 3 };
enum domain_action {
    ACTION_DESTROY = 1,
    ACTION_RESTART,
    ACTION_RESTART_RENAME,
    ACTION_PRESERVE,
    ACTION_COREDUMP_DESTROY,
    ACTION_COREDUMP_RESTART,
    ACTION_SOFT_RESET,
};
enum domain_bios { BIOS_UNSET, BIOS_ROMBIOS, BIOS_SEABIOS, BIOS_OVMF };
enum domain_vga { VGA_UNSET, VGA_CIRRUS, VGA_STD, VGA_NONE, VGA_QXL };
enum domain_engine { ENGINE_AUTO, ENGINE_KVM, ENGINE_JIT, ENGINE_INTERP };
enum domain_device_model { DEVICE_MODEL_UNSET, DEVICE_MODEL_TRADITIONAL, DEVICE_MODEL_QEMU_XEN };

struct hvm_config {
    char *firmware; /* firmware_override, or firmware= naming a path: an ELF in hvmloader's place */
    int bios;       /* enum domain_bios */
    enum config_tri pae, acpi_s3, acpi_s4, acpi_laptop_slate, nx, hpet, vpt_align;
    enum config_tri viridian;
    struct config_set viridian_enable, viridian_disable;
    int64_t mmio_hole_memkb;
    enum config_tri altp2m;
    char *system_firmware; /* bios_path_override */
    char *smbios_firmware, *acpi_firmware;
    int hdtype; /* 0 unset, 1 IDE, 2 AHCI */
    enum config_tri nographic;
    int vga; /* enum domain_vga */
    struct vnc_config vnc;
    char *keymap;
    struct sdl_config sdl;
    struct spice_config spice;
    enum config_tri gfx_passthru;
    int gfx_passthru_kind;
    char *serial; /* serial="..."; a list goes to serial_list */
    char *boot;   /* letters of c d n a */
    enum config_tri usb;
    int64_t usbversion;
    char *usbdevice; /* usbdevice="..."; a list goes to usbdevice_list */
    enum config_tri vkb_device;
    char *soundhw;
    enum config_tri xen_platform_pci;
    char **usbdevice_list, **serial_list; /* NULL-terminated, or NULL */
    int vendor_device;
    struct config_genid ms_vm_genid;
    int rdm_strategy, rdm_policy;
    int64_t rdm_mem_boundary_memkb;
    int64_t mca_caps;
};

struct domain_config {
    char *source; /* the name the text was read under; for messages at start */

    int type; /* enum domain_type */
    enum config_tri hap, oos;
    char *ssid_label; /* seclabel or init_seclabel */
    char *name;
    struct config_uuid uuid;
    char *pool;
    enum config_tri run_hotplug_scripts, driver_domain;
    int passthrough;
    enum config_tri xend_suspend_evtchn_compat;

    int64_t vcpus_max;              /* max_vcpus: 0 means unset, which is 1 */
    struct config_set vcpus_online; /* avail_vcpus: vCPU numbers online at start; unset means 0 only */
    struct config_set *hard_affinity;
    size_t hard_affinity_count;
    struct config_set *soft_affinity;
    size_t soft_affinity_count;
    enum config_tri numa_placement;
    int tsc_mode;
    int64_t max_memkb, target_memkb; /* CONFIG_UNSET when not given: Xen then gives 32 MiB */
    int64_t video_memkb;             /* CONFIG_UNSET: by kind of VGA */
    int64_t shadow_memkb;
    int64_t rtc_timeoffset; /* seconds; the low 32 bits of what was given, as xl has it: cast to int32_t */
    char *exec_ssid_label;
    enum config_tri localtime, disable_migrate;
    struct cpuid_config *cpuid;
    size_t cpuid_count;
    char *blkdev_start;
    struct vnode_config *vnuma;
    size_t vnuma_count;
    int64_t max_grant_frames, max_maptrack_frames, max_grant_version;
    int device_model_version;
    enum config_tri device_model_stubdomain;
    int64_t stubdomain_memkb;
    char *stubdomain_kernel, *stubdomain_cmdline, *stubdomain_ramdisk;
    char *device_model, *device_model_ssid_label, *device_model_user;
    char **extra, **extra_pv, **extra_hvm; /* device_model_args* */
    int64_t sched_weight, sched_cap, sched_period, sched_extratime, sched_slice, sched_latency;
    struct ioport_config *ioports;
    size_t ioports_count;
    struct config_set irqs;
    struct iomem_config *iomem;
    size_t iomem_count;
    enum config_tri claim_mode;
    int64_t event_channels;
    char *kernel, *cmdline, *ramdisk, *device_tree;
    enum config_tri acpi;
    char *bootloader;
    char **bootloader_args;
    int timer_mode;
    enum config_tri nested_hvm, apic, dm_restrict;
    int tee;
    struct hvm_config hvm; /* meaningful for HVM; the vnc part for PVH too */
    enum config_tri e820_host;
    enum config_tri pvshim;
    char *pvshim_path, *pvshim_cmdline, *pvshim_extra;
    int gic_version, vuart;
    enum config_tri msr_relaxed;
    int altp2m;
    int64_t vmtrace_buf_kb;
    enum config_tri vpmu;

    struct disk_config *disks;
    size_t disks_count;
    struct nic_config *nics;
    size_t nics_count;
    struct pci_config *pcidevs;
    size_t pcidevs_count;
    struct dtdev_config *dtdevs;
    size_t dtdevs_count;
    struct vfb_config *vfbs;
    size_t vfbs_count;
    struct vkb_config *vkbs;
    size_t vkbs_count;
    struct vtpm_config *vtpms;
    size_t vtpms_count;
    struct p9_config *p9s;
    size_t p9s_count;
    struct pvcalls_config *pvcalls;
    size_t pvcalls_count;
    struct vdispl_config *vdispls;
    size_t vdispls_count;
    struct vsnd_config *vsnds;
    size_t vsnds_count;
    struct channel_config *channels;
    size_t channels_count;
    struct usbctrl_config *usbctrls;
    size_t usbctrls_count;
    struct usbdev_config *usbdevs;
    size_t usbdevs_count;
    int on_poweroff, on_reboot, on_watchdog, on_crash, on_soft_reset; /* enum domain_action */

    /* Ours, not in xl's JSON: they travel in its "domus" member, which only config_to_json(.., true) writes. */
    char *audio; /* ours: where sound goes; NULL: auto */
    enum config_tri vnc_paste;
    int engine;              /* enum domain_engine */
    int64_t bad_utf8_line;   /* of the first value that is not UTF-8, or 0: no domain starts with one */
    int64_t memory_line;     /* line of a memory= that could not be read as a number, or 0 */
    int64_t bad_mac_line;    /* line of a vif whose mac= is none, or 0: xl would leave it out and choose one */
    int64_t serial_line;     /* line of serial=, or 0 */
    struct inert_key *inert; /* keys that were set and do nothing yet */
    size_t inert_count;
};

/* What the text cannot know: xl.conf's defaults (NULL for none) and how many CPUs cpus="all" means. */
struct xl_conf;
struct config_host {
    const struct xl_conf *conf; /* borrowed */
    unsigned cpus;
};

/*
 * Parses `len` bytes of `text`, read from the file `name`, followed by `extra` (key=value lines from a command line, or
 * NULL). NULL after a fatal message, with the exit code xl would end with in *exit_code. The result is the caller's.
 */
struct domain_config *config_parse(const char *text, size_t len, const char *name, const char *extra,
                                   const struct config_host *host, const struct config_sink *sink, int *exit_code);

/*
 * Everything real Xen refuses only when a domain starts, and our warnings about keys that do nothing yet.
 * 0, or the exit code to end with; `force` starts although the memory size could not be read.
 */
int config_check_start(const struct domain_config *config, const struct config_sink *sink, bool force);

/* xl's JSON, 4-space indent, ending in a newline; malloc'd. `ours` adds the "domus" member the domain process needs. */
char *config_to_json(const struct domain_config *config, bool ours);
/* The inverse, for what config_to_json wrote. NULL and one line in *error (malloc'd) if it is something else. */
struct domain_config *config_from_json(const char *json, char **error);
void config_free(struct domain_config *config); /* NULL is fine */

/* Sinks that write each line to standard error: all of them, and (for -q) all but our notes and warnings. */
extern const struct config_sink config_sink_stderr, config_sink_quiet;

/* Names as xl.cfg and JSON spell them. */
const char *config_action_name(int action); /* "rename-restart", as xl's log says it */
const char *config_type_name(int type);
const char *config_engine_name(int engine);
int config_engine_parse(const char *name); /* -1: no such engine */

/* One disk, from one or more specifications as block-attach gives them; false after a message. `name`: who asks. */
bool config_parse_disk(struct disk_config *disk, const char *const *specs, size_t count, const char *name,
                       const struct config_sink *sink);
/* One NIC as network-attach gives it; false if any part was not understood (a message said so). */
bool config_parse_nic(struct nic_config *nic, const char *spec, const char *name, const struct config_host *host,
                      const struct config_sink *sink);
char *config_disk_to_json(const struct disk_config *disk); /* what `xl -N block-attach` prints after "disk: " */
char *config_nic_to_json(const struct nic_config *nic);
void config_disk_fini(struct disk_config *disk);
void config_nic_fini(struct nic_config *nic);

#endif
