/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * device.h: the parts of a domain's configuration that come in lists (disks, NICs, ...), as xl.cfg(5) gives them.
 * Plain data, all strings owned by their struct; schema.c knows how each prints as JSON and how it is freed.
 */
#ifndef DOMUS_CONFIG_DEVICE_H
#define DOMUS_CONFIG_DEVICE_H

#include "base/types.h"

/* A boolean the user may have left to us. */
enum config_tri { TRI_DEFAULT, TRI_FALSE, TRI_TRUE };

#define CONFIG_UNSET INT64_C(-1) /* of a number that was not given, where 0 is a value of its own */

static inline bool tri_or(enum config_tri t, bool otherwise)
{
    return t == TRI_DEFAULT ? otherwise : t == TRI_TRUE;
}

struct config_uuid {
    uint8_t bytes[16];
};
struct config_mac {
    uint8_t bytes[6]; /* all zero: not given */
};
struct config_genid {
    uint8_t bytes[16]; /* all zero: none */
};
/* Ascending numbers: vCPUs, CPUs, interrupts. */
struct config_set {
    uint32_t *numbers;
    size_t count;
};
struct config_numbers {
    int64_t *numbers;
    size_t count;
};

struct vnc_config {
    enum config_tri enable;
    char *listen; /* ADDR or ADDR:DISPLAY */
    char *passwd;
    int64_t display;
    enum config_tri findunused;
};
struct sdl_config {
    enum config_tri enable, opengl;
    char *display, *xauthority;
};
struct spice_config {
    enum config_tri enable;
    int64_t port, tls_port;
    char *host;
    enum config_tri disable_ticketing;
    char *passwd;
    enum config_tri agent_mouse, vdagent, clipboard_sharing;
    int64_t usbredirection;
    char *image_compression, *streaming_video;
};

enum disk_format { DISK_UNKNOWN, DISK_QCOW, DISK_QCOW2, DISK_VHD, DISK_RAW, DISK_EMPTY, DISK_QED };
enum disk_backend { DISK_BACKEND_UNSET, DISK_BACKEND_PHY, DISK_BACKEND_TAP, DISK_BACKEND_QDISK, DISK_BACKEND_ALONE };

struct disk_config {
    int64_t line; /* of the disk= setting, 0 if unknown */
    char *backend_domname;
    char *pdev_path; /* NULL or "": an empty drive */
    char *vdev;      /* "hda": see vdev.h */
    int backend;     /* enum disk_backend */
    int format;      /* enum disk_format */
    char *script;
    int64_t removable, readwrite, is_cdrom; /* 0 or 1 */
    int64_t direct_io_safe;
    enum config_tri discard_enable;
    int specification, transport;
    enum config_tri colo_enable, colo_restore_enable;
    char *colo_host;
    int64_t colo_port;
    char *colo_export, *active_disk, *hidden_disk;
    enum config_tri trusted;
};

enum nic_type { NIC_UNSET, NIC_IOEMU, NIC_VIF };
#define NIC_COLO_KEYS 48

struct nic_config {
    int64_t line;
    char *backend_domname;
    int64_t devid;
    int64_t mtu;
    char *model;
    struct config_mac mac;
    char *ip, *bridge, *ifname, *script;
    char *hostfwd; /* ours: forwards of a NIC behind NAT, joined by ';' */
    int nictype;   /* enum nic_type */
    int64_t rate_bytes_per_interval, rate_interval_usecs;
    char *gatewaydev;
    char *forwarddev;
    char *colo[NIC_COLO_KEYS]; /* kept and printed, no more: the names are in nic.c */
    enum config_tri trusted;
};

struct pci_config {
    int64_t func, dev, bus, domain, vdevfn, vfunc_mask;
    int64_t msitranslate, power_mgmt, permissive, seize; /* 0 or 1 */
    int rdm_policy;
};
struct dtdev_config {
    char *path;
};
struct vfb_config {
    int64_t devid;
    struct vnc_config vnc;
    struct sdl_config sdl;
    char *keymap;
};
struct vkb_config {
    char *backend_domname;
    int64_t devid;
    int backend_type;
    char *unique_id;
    int64_t disable_keyboard, disable_pointer, abs_pointer, raw_pointer, multi_touch; /* 0 or 1 */
    int64_t width, height, multi_touch_width, multi_touch_height, multi_touch_num_contacts;
};
struct vtpm_config {
    char *backend_domname;
    int64_t devid;
    struct config_uuid uuid;
};
struct p9_config {
    char *backend_domname, *tag, *path, *security_model;
    int64_t devid;
};
struct pvcalls_config {
    char *backend_domname;
    int64_t devid;
};
struct connector_config {
    char *unique_id;
    int64_t width, height;
};
struct vdispl_config {
    char *backend_domname;
    int64_t devid;
    int64_t be_alloc;
    struct connector_config *connectors;
    size_t connectors_count;
};
struct vsnd_params {
    struct config_numbers rates;
    struct config_numbers formats;
    int64_t channels_min, channels_max, buffer_size;
};
struct vsnd_stream {
    char *unique_id;
    int type;
    struct vsnd_params params;
};
struct vsnd_pcm {
    char *name;
    struct vsnd_params params;
    struct vsnd_stream *streams;
    size_t streams_count;
};
struct vsnd_config {
    char *backend_domname;
    int64_t devid;
    char *short_name, *long_name;
    struct vsnd_params params;
    struct vsnd_pcm *pcms;
    size_t pcms_count;
};
struct channel_config {
    char *backend_domname;
    int64_t devid;
    char *name;
    int connection; /* 1 pty, 2 socket */
    char *path;     /* of a socket */
};
struct usbctrl_config {
    int type;
    int64_t devid, version, ports;
};
struct usbdev_config {
    int64_t ctrl, port;
    int type;
    int64_t hostbus, hostaddr;
};
struct vnode_config {
    int64_t memkb;
    struct config_numbers distances;
    int64_t pnode;
    struct config_set vcpus;
};
struct ioport_config {
    int64_t first, number;
};
struct iomem_config {
    int64_t start, number, gfn;
};
struct cpuid_config {
    int64_t leaf, subleaf; /* subleaf CONFIG_UNSET: any */
    char *policy[4];       /* eax ebx ecx edx: 32 characters of 01xks, bit 31 first; NULL: untouched */
};
struct inert_key {
    char *key;
    int64_t line;
};

#endif
