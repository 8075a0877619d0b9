/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * schema.c: the tables of schema.h, in the order in which libxl's generated code prints members, and what follows from
 * them without knowing JSON. Libxl leaves a member out when it has its initial value; those are the `unset` ones here.
 */
#include "config/schema.h"

#include "config/text.h"

#include <stdlib.h>
#include <string.h>

#define AT(member) .offset = offsetof(struct THIS, member)
#define STR(n, m)                              \
    {                                          \
        .name = n, .kind = FIELD_STRING, AT(m) \
    }
#define STRS(n, m)                              \
    {                                           \
        .name = n, .kind = FIELD_STRINGS, AT(m) \
    }
#define TRI(n, m)                           \
    {                                       \
        .name = n, .kind = FIELD_TRI, AT(m) \
    }
#define NUM(n, m, u)                                       \
    {                                                      \
        .name = n, .kind = FIELD_NUMBER, AT(m), .unset = u \
    }
#define SIZE(n, m, u)                                    \
    {                                                    \
        .name = n, .kind = FIELD_SIZE, AT(m), .unset = u \
    }
#define BOOL(n, m)                           \
    {                                        \
        .name = n, .kind = FIELD_BOOL, AT(m) \
    }
#define ENUM(n, m, e)                                            \
    {                                                            \
        .name = n, .kind = FIELD_ENUM, AT(m), .names = &enum_##e \
    }
#define OBJ(n, m, s)                                         \
    {                                                        \
        .name = n, .kind = FIELD_OBJECT, AT(m), .schema = &s \
    }
/* Members of this very struct that xl prints one level further in. */
#define GROUP(n, s, ...)                                           \
    {                                                              \
        .name = n, .kind = FIELD_OBJECT, .schema = &s, __VA_ARGS__ \
    }
#define OBJS(n, m, s)                                         \
    {                                                         \
        .name = n, .kind = FIELD_OBJECTS, AT(m), .schema = &s \
    }
#define SCHEMA(n, type) const struct schema schema_##n = {n##_fields, ARRAY_SIZE(n##_fields), sizeof(struct type)}
#define PRIVATE_SCHEMA(n, type) \
    static const struct schema schema_##n = {n##_fields, ARRAY_SIZE(n##_fields), sizeof(struct type)}

#define THIS vnc_config
static const struct field vnc_fields[] = {
    TRI("enable", enable),      STR("listen", listen),         STR("passwd", passwd),
    NUM("display", display, 0), TRI("findunused", findunused),
};
SCHEMA(vnc, vnc_config);
#undef THIS

#define THIS sdl_config
static const struct field sdl_fields[] = {
    TRI("enable", enable),
    TRI("opengl", opengl),
    STR("display", display),
    STR("xauthority", xauthority),
};
SCHEMA(sdl, sdl_config);
#undef THIS

#define THIS spice_config
static const struct field spice_fields[] = {
    TRI("enable", enable),
    NUM("port", port, 0),
    NUM("tls_port", tls_port, 0),
    STR("host", host),
    TRI("disable_ticketing", disable_ticketing),
    STR("passwd", passwd),
    TRI("agent_mouse", agent_mouse),
    TRI("vdagent", vdagent),
    TRI("clipboard_sharing", clipboard_sharing),
    NUM("usbredirection", usbredirection, 0),
    STR("image_compression", image_compression),
    STR("streaming_video", streaming_video),
};
SCHEMA(spice, spice_config);
#undef THIS

#define THIS disk_config
static const struct field disk_fields[] = {
    {.name = "domus_line", .kind = FIELD_NUMBER, AT(line), .ours = true},
    STR("backend_domname", backend_domname),
    STR("pdev_path", pdev_path),
    STR("vdev", vdev),
    ENUM("backend", backend, backend),
    ENUM("format", format, format),
    STR("script", script),
    NUM("removable", removable, 0),
    NUM("readwrite", readwrite, 0),
    NUM("is_cdrom", is_cdrom, 0),
    BOOL("direct_io_safe", direct_io_safe),
    TRI("discard_enable", discard_enable),
    ENUM("specification", specification, specification),
    ENUM("transport", transport, transport),
    TRI("colo_enable", colo_enable),
    TRI("colo_restore_enable", colo_restore_enable),
    STR("colo_host", colo_host),
    NUM("colo_port", colo_port, 0),
    STR("colo_export", colo_export),
    STR("active_disk", active_disk),
    STR("hidden_disk", hidden_disk),
    TRI("trusted", trusted),
};
SCHEMA(disk, disk_config);
#undef THIS

#define COLO(i, n)                                                                                          \
    {                                                                                                       \
        .name = n, .kind = FIELD_STRING, .offset = offsetof(struct nic_config, colo) + (i) * sizeof(char *) \
    }
#define THIS nic_config
static const struct field nic_fields[] = {
    {.name = "domus_line", .kind = FIELD_NUMBER, AT(line), .ours = true},
    STR("backend_domname", backend_domname),
    NUM("devid", devid, CONFIG_UNSET),
    NUM("mtu", mtu, 0),
    STR("model", model),
    {.name = "mac", .kind = FIELD_MAC, AT(mac)},
    {.name = "domus_hostfwd", .kind = FIELD_STRING, AT(hostfwd), .ours = true},
    STR("ip", ip),
    STR("bridge", bridge),
    STR("ifname", ifname),
    STR("script", script),
    ENUM("nictype", nictype, nictype),
    SIZE("rate_bytes_per_interval", rate_bytes_per_interval, 0),
    NUM("rate_interval_usecs", rate_interval_usecs, 0),
    STR("gatewaydev", gatewaydev),
    STR("coloft_forwarddev", forwarddev),
    COLO(0, "colo_sock_mirror_id"),
    COLO(1, "colo_sock_mirror_ip"),
    COLO(2, "colo_sock_mirror_port"),
    COLO(3, "colo_sock_compare_pri_in_id"),
    COLO(4, "colo_sock_compare_pri_in_ip"),
    COLO(5, "colo_sock_compare_pri_in_port"),
    COLO(6, "colo_sock_compare_sec_in_id"),
    COLO(7, "colo_sock_compare_sec_in_ip"),
    COLO(8, "colo_sock_compare_sec_in_port"),
    COLO(9, "colo_sock_compare_notify_id"),
    COLO(10, "colo_sock_compare_notify_ip"),
    COLO(11, "colo_sock_compare_notify_port"),
    COLO(12, "colo_sock_redirector0_id"),
    COLO(13, "colo_sock_redirector0_ip"),
    COLO(14, "colo_sock_redirector0_port"),
    COLO(15, "colo_sock_redirector1_id"),
    COLO(16, "colo_sock_redirector1_ip"),
    COLO(17, "colo_sock_redirector1_port"),
    COLO(18, "colo_sock_redirector2_id"),
    COLO(19, "colo_sock_redirector2_ip"),
    COLO(20, "colo_sock_redirector2_port"),
    COLO(21, "colo_filter_mirror_queue"),
    COLO(22, "colo_filter_mirror_outdev"),
    COLO(23, "colo_filter_redirector0_queue"),
    COLO(24, "colo_filter_redirector0_indev"),
    COLO(25, "colo_filter_redirector0_outdev"),
    COLO(26, "colo_filter_redirector1_queue"),
    COLO(27, "colo_filter_redirector1_indev"),
    COLO(28, "colo_filter_redirector1_outdev"),
    COLO(29, "colo_compare_pri_in"),
    COLO(30, "colo_compare_sec_in"),
    COLO(31, "colo_compare_out"),
    COLO(32, "colo_compare_notify_dev"),
    COLO(33, "colo_sock_sec_redirector0_id"),
    COLO(34, "colo_sock_sec_redirector0_ip"),
    COLO(35, "colo_sock_sec_redirector0_port"),
    COLO(36, "colo_sock_sec_redirector1_id"),
    COLO(37, "colo_sock_sec_redirector1_ip"),
    COLO(38, "colo_sock_sec_redirector1_port"),
    COLO(39, "colo_filter_sec_redirector0_queue"),
    COLO(40, "colo_filter_sec_redirector0_indev"),
    COLO(41, "colo_filter_sec_redirector0_outdev"),
    COLO(42, "colo_filter_sec_redirector1_queue"),
    COLO(43, "colo_filter_sec_redirector1_indev"),
    COLO(44, "colo_filter_sec_redirector1_outdev"),
    COLO(45, "colo_filter_sec_rewriter0_queue"),
    COLO(46, "colo_checkpoint_host"),
    COLO(47, "colo_checkpoint_port"),
    TRI("trusted", trusted),
};
SCHEMA(nic, nic_config);
#undef THIS

#define THIS pci_config
static const struct field pci_fields[] = {
    NUM("func", func, 0),
    NUM("dev", dev, 0),
    NUM("bus", bus, 0),
    NUM("domain", domain, 0),
    NUM("vdevfn", vdevfn, 0),
    NUM("vfunc_mask", vfunc_mask, 0),
    BOOL("msitranslate", msitranslate),
    BOOL("power_mgmt", power_mgmt),
    BOOL("permissive", permissive),
    BOOL("seize", seize),
    ENUM("rdm_policy", rdm_policy, rdm_policy),
};
SCHEMA(pci, pci_config);
#undef THIS

#define THIS dtdev_config
static const struct field dtdev_fields[] = {
    STR("path", path),
};
SCHEMA(dtdev, dtdev_config);
#undef THIS

#define THIS vfb_config
static const struct field vfb_fields[] = {
    NUM("devid", devid, CONFIG_UNSET),
    OBJ("vnc", vnc, schema_vnc),
    OBJ("sdl", sdl, schema_sdl),
    STR("keymap", keymap),
};
SCHEMA(vfb, vfb_config);
#undef THIS

#define THIS vkb_config
static const struct field vkb_fields[] = {
    STR("backend_domname", backend_domname),
    NUM("devid", devid, CONFIG_UNSET),
    ENUM("backend_type", backend_type, vkb),
    STR("unique_id", unique_id),
    BOOL("feature_disable_keyboard", disable_keyboard),
    BOOL("feature_disable_pointer", disable_pointer),
    BOOL("feature_abs_pointer", abs_pointer),
    BOOL("feature_raw_pointer", raw_pointer),
    BOOL("feature_multi_touch", multi_touch),
    NUM("width", width, 0),
    NUM("height", height, 0),
    NUM("multi_touch_width", multi_touch_width, 0),
    NUM("multi_touch_height", multi_touch_height, 0),
    NUM("multi_touch_num_contacts", multi_touch_num_contacts, 0),
};
SCHEMA(vkb, vkb_config);
#undef THIS

#define THIS vtpm_config
static const struct field vtpm_fields[] = {
    STR("backend_domname", backend_domname),
    NUM("devid", devid, CONFIG_UNSET),
    {.name = "uuid", .kind = FIELD_UUID, AT(uuid)},
};
SCHEMA(vtpm, vtpm_config);
#undef THIS

#define THIS p9_config
static const struct field p9_fields[] = {
    STR("backend_domname", backend_domname), STR("tag", tag), STR("path", path), STR("security_model", security_model),
    NUM("devid", devid, CONFIG_UNSET),
};
SCHEMA(p9, p9_config);
#undef THIS

#define THIS pvcalls_config
static const struct field pvcalls_fields[] = {
    STR("backend_domname", backend_domname),
    NUM("devid", devid, CONFIG_UNSET),
};
SCHEMA(pvcalls, pvcalls_config);
#undef THIS

#define THIS connector_config
static const struct field connector_fields[] = {
    STR("unique_id", unique_id),
    NUM("width", width, 0),
    NUM("height", height, 0),
};
SCHEMA(connector, connector_config);
#undef THIS

#define THIS vdispl_config
static const struct field vdispl_fields[] = {
    STR("backend_domname", backend_domname),
    NUM("devid", devid, CONFIG_UNSET),
    BOOL("be_alloc", be_alloc),
    OBJS("connectors", connectors, schema_connector),
};
SCHEMA(vdispl, vdispl_config);
#undef THIS

#define THIS vsnd_params
static const struct field vsnd_params_fields[] = {
    {.name = "sample_rates", .kind = FIELD_NUMBERS, AT(rates)},
    {.name = "sample_formats", .kind = FIELD_ENUMS, AT(formats), .names = &enum_pcm_format},
    NUM("channels_min", channels_min, 0),
    NUM("channels_max", channels_max, 0),
    NUM("buffer_size", buffer_size, 0),
};
PRIVATE_SCHEMA(vsnd_params, vsnd_params);
#undef THIS

#define THIS vsnd_stream
static const struct field vsnd_stream_fields[] = {
    STR("unique_id", unique_id),
    ENUM("type", type, stream),
    OBJ("params", params, schema_vsnd_params),
};
SCHEMA(vsnd_stream, vsnd_stream);
#undef THIS

#define THIS vsnd_pcm
static const struct field vsnd_pcm_fields[] = {
    STR("name", name),
    OBJ("params", params, schema_vsnd_params),
    OBJS("streams", streams, schema_vsnd_stream),
};
SCHEMA(vsnd_pcm, vsnd_pcm);
#undef THIS

#define THIS vsnd_config
static const struct field vsnd_fields[] = {
    STR("backend_domname", backend_domname),
    NUM("devid", devid, CONFIG_UNSET),
    STR("short_name", short_name),
    STR("long_name", long_name),
    OBJ("params", params, schema_vsnd_params),
    OBJS("pcms", pcms, schema_vsnd_pcm),
};
SCHEMA(vsnd, vsnd_config);
#undef THIS

static const struct schema schema_empty = {NULL, 0, 0};

#define THIS channel_config
static const struct field socket_fields[] = {
    STR("path", path),
};
PRIVATE_SCHEMA(socket, channel_config);
#undef THIS

#define THIS channel_config
static const struct field channel_fields[] = {
    STR("backend_domname", backend_domname),
    NUM("devid", devid, CONFIG_UNSET),
    STR("name", name),
    GROUP("connection.pty", schema_empty, .tagged = true, .tag = offsetof(struct channel_config, connection),
          .tag_value = 1),
    GROUP("connection.socket", schema_socket, .tagged = true, .tag = offsetof(struct channel_config, connection),
          .tag_value = 2),
};
SCHEMA(channel, channel_config);
#undef THIS

#define THIS usbctrl_config
static const struct field usbctrl_fields[] = {
    ENUM("type", type, usbctrl),
    NUM("devid", devid, CONFIG_UNSET),
    NUM("version", version, 0),
    NUM("ports", ports, 0),
};
SCHEMA(usbctrl, usbctrl_config);
#undef THIS

#define THIS usbdev_config
static const struct field hostdev_fields[] = {
    NUM("hostbus", hostbus, 0),
    NUM("hostaddr", hostaddr, 0),
};
PRIVATE_SCHEMA(hostdev, usbdev_config);
#undef THIS

#define THIS usbdev_config
static const struct field usbdev_fields[] = {
    NUM("ctrl", ctrl, CONFIG_UNSET),
    NUM("port", port, 0),
    GROUP("type.hostdev", schema_hostdev, .tagged = true, .tag = offsetof(struct usbdev_config, type), .tag_value = 1),
};
SCHEMA(usbdev, usbdev_config);
#undef THIS

#define THIS vnode_config
static const struct field vnode_fields[] = {
    SIZE("memkb", memkb, 0),
    {.name = "distances", .kind = FIELD_NUMBERS, AT(distances)},
    NUM("pnode", pnode, 0),
    {.name = "vcpus", .kind = FIELD_SET, AT(vcpus)},
};
SCHEMA(vnode, vnode_config);
#undef THIS

#define THIS ioport_config
static const struct field ioport_fields[] = {
    NUM("first", first, 0),
    NUM("number", number, 0),
};
SCHEMA(ioport, ioport_config);
#undef THIS

#define THIS iomem_config
static const struct field iomem_fields[] = {
    SIZE("start", start, 0),
    NUM("number", number, 0),
    SIZE("gfn", gfn, CONFIG_UNSET),
};
SCHEMA(iomem, iomem_config);
#undef THIS

#define THIS inert_key
static const struct field inert_fields[] = {
    STR("key", key),
    NUM("line", line, 0),
};
SCHEMA(inert, inert_key);
#undef THIS

#define THIS domain_config
static const struct field c_info_fields[] = {
    ENUM("type", type, type),
    TRI("hap", hap),
    TRI("oos", oos),
    STR("ssid_label", ssid_label),
    STR("name", name),
    {.name = "uuid", .kind = FIELD_UUID, AT(uuid)},
    STR("pool_name", pool),
    TRI("run_hotplug_scripts", run_hotplug_scripts),
    TRI("driver_domain", driver_domain),
    ENUM("passthrough", passthrough, passthrough),
    TRI("xend_suspend_evtchn_compat", xend_suspend_evtchn_compat),
};
PRIVATE_SCHEMA(c_info, domain_config);
#undef THIS

#define THIS domain_config
static const struct field sched_fields[] = {
    NUM("weight", sched_weight, CONFIG_UNSET), NUM("cap", sched_cap, CONFIG_UNSET),
    NUM("period", sched_period, CONFIG_UNSET), NUM("extratime", sched_extratime, CONFIG_UNSET),
    NUM("slice", sched_slice, CONFIG_UNSET),   NUM("latency", sched_latency, CONFIG_UNSET),
};
PRIVATE_SCHEMA(sched, domain_config);
#undef THIS

#define THIS domain_config
static const struct field vga_fields[] = {
    ENUM("kind", hvm.vga, vga),
};
PRIVATE_SCHEMA(vga, domain_config);
#undef THIS

#define THIS domain_config
static const struct field rdm_fields[] = {
    ENUM("strategy", hvm.rdm_strategy, rdm_strategy),
    ENUM("policy", hvm.rdm_policy, rdm_policy),
};
PRIVATE_SCHEMA(rdm, domain_config);
#undef THIS

#define THIS domain_config
static const struct field hvm_fields[] = {
    STR("firmware", hvm.firmware),
    ENUM("bios", hvm.bios, bios),
    TRI("pae", hvm.pae),
    TRI("acpi_s3", hvm.acpi_s3),
    TRI("acpi_s4", hvm.acpi_s4),
    TRI("acpi_laptop_slate", hvm.acpi_laptop_slate),
    TRI("nx", hvm.nx),
    TRI("viridian", hvm.viridian),
    {.name = "viridian_enable", .kind = FIELD_SET, AT(hvm.viridian_enable)},
    {.name = "viridian_disable", .kind = FIELD_SET, AT(hvm.viridian_disable)},
    TRI("hpet", hvm.hpet),
    TRI("vpt_align", hvm.vpt_align),
    SIZE("mmio_hole_memkb", hvm.mmio_hole_memkb, 0),
    TRI("altp2m", hvm.altp2m),
    STR("system_firmware", hvm.system_firmware),
    STR("smbios_firmware", hvm.smbios_firmware),
    STR("acpi_firmware", hvm.acpi_firmware),
    ENUM("hdtype", hvm.hdtype, hdtype),
    TRI("nographic", hvm.nographic),
    GROUP("vga", schema_vga),
    OBJ("vnc", hvm.vnc, schema_vnc),
    STR("keymap", hvm.keymap),
    OBJ("sdl", hvm.sdl, schema_sdl),
    OBJ("spice", hvm.spice, schema_spice),
    TRI("gfx_passthru", hvm.gfx_passthru),
    ENUM("gfx_passthru_kind", hvm.gfx_passthru_kind, gfx_kind),
    STR("serial", hvm.serial),
    STR("boot", hvm.boot),
    TRI("usb", hvm.usb),
    NUM("usbversion", hvm.usbversion, 0),
    STR("usbdevice", hvm.usbdevice),
    TRI("vkb_device", hvm.vkb_device),
    STR("soundhw", hvm.soundhw),
    TRI("xen_platform_pci", hvm.xen_platform_pci),
    STRS("usbdevice_list", hvm.usbdevice_list),
    ENUM("vendor_device", hvm.vendor_device, vendor_device),
    {.name = "ms_vm_genid", .kind = FIELD_GENID, AT(hvm.ms_vm_genid)},
    STRS("serial_list", hvm.serial_list),
    GROUP("rdm", schema_rdm),
    SIZE("rdm_mem_boundary_memkb", hvm.rdm_mem_boundary_memkb, CONFIG_UNSET),
    SIZE("mca_caps", hvm.mca_caps, 0),
};
PRIVATE_SCHEMA(hvm, domain_config);
#undef THIS

#define THIS domain_config
static const struct field pv_fields[] = {
    TRI("e820_host", e820_host),
};
PRIVATE_SCHEMA(pv, domain_config);
#undef THIS

#define THIS domain_config
static const struct field pvh_fields[] = {
    TRI("pvshim", pvshim),
    STR("pvshim_path", pvshim_path),
    STR("pvshim_cmdline", pvshim_cmdline),
    STR("pvshim_extra", pvshim_extra),
};
PRIVATE_SCHEMA(pvh, domain_config);
#undef THIS

#define THIS domain_config
static const struct field arch_arm_fields[] = {
    ENUM("gic_version", gic_version, gic),
    ENUM("vuart", vuart, vuart),
};
PRIVATE_SCHEMA(arch_arm, domain_config);
#undef THIS

#define THIS domain_config
static const struct field arch_x86_fields[] = {
    TRI("msr_relaxed", msr_relaxed),
};
PRIVATE_SCHEMA(arch_x86, domain_config);
#undef THIS

#define THIS domain_config
static const struct field b_info_fields[] = {
    NUM("max_vcpus", vcpus_max, 0),
    {.name = "avail_vcpus", .kind = FIELD_SET, AT(vcpus_online)},
    {.name = "vcpu_hard_affinity", .kind = FIELD_SETS, AT(hard_affinity)},
    {.name = "vcpu_soft_affinity", .kind = FIELD_SETS, AT(soft_affinity)},
    TRI("numa_placement", numa_placement),
    ENUM("tsc_mode", tsc_mode, tsc_mode),
    SIZE("max_memkb", max_memkb, CONFIG_UNSET),
    SIZE("target_memkb", target_memkb, CONFIG_UNSET),
    SIZE("video_memkb", video_memkb, CONFIG_UNSET),
    SIZE("shadow_memkb", shadow_memkb, CONFIG_UNSET),
    NUM("rtc_timeoffset", rtc_timeoffset, 0),
    STR("exec_ssid_label", exec_ssid_label),
    TRI("localtime", localtime),
    TRI("disable_migrate", disable_migrate),
    {.name = "cpuid", .kind = FIELD_CPUID, AT(cpuid)},
    STR("blkdev_start", blkdev_start),
    OBJS("vnuma_nodes", vnuma, schema_vnode),
    NUM("max_grant_frames", max_grant_frames, CONFIG_UNSET),
    NUM("max_maptrack_frames", max_maptrack_frames, CONFIG_UNSET),
    NUM("max_grant_version", max_grant_version, CONFIG_UNSET),
    ENUM("device_model_version", device_model_version, device_model),
    TRI("device_model_stubdomain", device_model_stubdomain),
    SIZE("stubdomain_memkb", stubdomain_memkb, CONFIG_UNSET),
    STR("stubdomain_kernel", stubdomain_kernel),
    STR("stubdomain_cmdline", stubdomain_cmdline),
    STR("stubdomain_ramdisk", stubdomain_ramdisk),
    STR("device_model", device_model),
    STR("device_model_ssid_label", device_model_ssid_label),
    STR("device_model_user", device_model_user),
    STRS("extra", extra),
    STRS("extra_pv", extra_pv),
    STRS("extra_hvm", extra_hvm),
    GROUP("sched_params", schema_sched),
    OBJS("ioports", ioports, schema_ioport),
    {.name = "irqs", .kind = FIELD_SET, AT(irqs)},
    OBJS("iomem", iomem, schema_iomem),
    TRI("claim_mode", claim_mode),
    NUM("event_channels", event_channels, 0),
    STR("kernel", kernel),
    STR("cmdline", cmdline),
    STR("ramdisk", ramdisk),
    STR("device_tree", device_tree),
    TRI("acpi", acpi),
    STR("bootloader", bootloader),
    STRS("bootloader_args", bootloader_args),
    ENUM("timer_mode", timer_mode, timer_mode),
    TRI("nested_hvm", nested_hvm),
    TRI("apic", apic),
    TRI("dm_restrict", dm_restrict),
    ENUM("tee", tee, tee),
    GROUP("type.hvm", schema_hvm, .tagged = true, .tag = offsetof(struct domain_config, type),
          .tag_value = DOMAIN_TYPE_HVM),
    GROUP("type.pv", schema_pv, .tagged = true, .tag = offsetof(struct domain_config, type),
          .tag_value = DOMAIN_TYPE_PV),
    GROUP("type.pvh", schema_pvh, .tagged = true, .tag = offsetof(struct domain_config, type),
          .tag_value = DOMAIN_TYPE_PVH),
    GROUP("arch_arm", schema_arch_arm),
    GROUP("arch_x86", schema_arch_x86),
    ENUM("altp2m", altp2m, altp2m),
    NUM("vmtrace_buf_kb", vmtrace_buf_kb, 0),
    TRI("vpmu", vpmu),
};
PRIVATE_SCHEMA(b_info, domain_config);
#undef THIS

#define THIS domain_config
static const struct field ours_fields[] = {
    STR("source", source),
    STR("audio", audio),
    TRI("vnc_paste", vnc_paste),
    ENUM("engine", engine, engine),
    NUM("bad_utf8_line", bad_utf8_line, 0),
    NUM("memory_line", memory_line, 0),
    NUM("bad_mac_line", bad_mac_line, 0),
    NUM("serial_line", serial_line, 0),
    OBJS("inert", inert, schema_inert),
};
SCHEMA(ours, domain_config);
#undef THIS

#define THIS domain_config
static const struct field domain_fields[] = {
    GROUP("c_info", schema_c_info),
    GROUP("b_info", schema_b_info),
    OBJS("disks", disks, schema_disk),
    OBJS("nics", nics, schema_nic),
    OBJS("pcidevs", pcidevs, schema_pci),
    OBJS("dtdevs", dtdevs, schema_dtdev),
    OBJS("vfbs", vfbs, schema_vfb),
    OBJS("vkbs", vkbs, schema_vkb),
    OBJS("vtpms", vtpms, schema_vtpm),
    OBJS("p9s", p9s, schema_p9),
    OBJS("pvcallsifs", pvcalls, schema_pvcalls),
    OBJS("vdispls", vdispls, schema_vdispl),
    OBJS("vsnds", vsnds, schema_vsnd),
    OBJS("channels", channels, schema_channel),
    OBJS("usbctrls", usbctrls, schema_usbctrl),
    OBJS("usbdevs", usbdevs, schema_usbdev),
    ENUM("on_poweroff", on_poweroff, action),
    ENUM("on_reboot", on_reboot, action),
    ENUM("on_watchdog", on_watchdog, action),
    ENUM("on_crash", on_crash, action),
    ENUM("on_soft_reset", on_soft_reset, action),
    GROUP("domus", schema_ours, .ours = true),
};
SCHEMA(domain, domain_config);
#undef THIS

void schema_init(const struct schema *s, void *object)
{
    for (size_t i = 0; i < s->count; i++) {
        const struct field *f = &s->fields[i];
        char *at = (char *)object + f->offset;

        if (f->kind == FIELD_NUMBER || f->kind == FIELD_SIZE)
            *(int64_t *)(void *)at = f->unset;
        else if (f->kind == FIELD_ENUM)
            *(int *)(void *)at = f->names->unset;
        else if (f->kind == FIELD_OBJECT)
            schema_init(f->schema, at);
    }
}

static void objects_free(const struct schema *s, char *items, size_t count)
{
    for (size_t i = 0; i < count; i++)
        schema_fini(s, items + i * s->size);
    free(items);
}

static void sets_free(struct config_set *sets, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(sets[i].numbers);
    free(sets);
}

static void cpuid_free(struct cpuid_config *leaves, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t r = 0; r < ARRAY_SIZE(leaves[i].policy); r++)
            free(leaves[i].policy[r]);
    }
    free(leaves);
}

static bool field_is_pointer(enum field_kind kind)
{
    return kind == FIELD_STRING || kind == FIELD_STRINGS || kind == FIELD_SET || kind == FIELD_SETS ||
           kind == FIELD_NUMBERS || kind == FIELD_ENUMS || kind == FIELD_OBJECTS || kind == FIELD_CPUID;
}

void schema_fini(const struct schema *s, void *object)
{
    for (size_t i = 0; i < s->count; i++) {
        const struct field *f = &s->fields[i];
        char *at = (char *)object + f->offset;
        void *p = NULL;
        size_t count = 0;

        if (field_is_pointer(f->kind))
            p = *(void **)(void *)at;
        if (f->kind == FIELD_SETS || f->kind == FIELD_OBJECTS || f->kind == FIELD_CPUID)
            count = *(size_t *)(void *)(at + sizeof(void *));
        switch (f->kind) {
        case FIELD_STRING:
        case FIELD_SET:
        case FIELD_NUMBERS:
        case FIELD_ENUMS: free(p); break;
        case FIELD_STRINGS: strings_free(p); break;
        case FIELD_SETS: sets_free(p, count); break;
        case FIELD_OBJECT: schema_fini(f->schema, at); break;
        case FIELD_OBJECTS: objects_free(f->schema, p, count); break;
        case FIELD_CPUID: cpuid_free(p, count); break;
        default: break;
        }
    }
}

void *schema_append(const struct schema *s, void *items, size_t *count)
{
    char **array = items;
    char *item;

    *array = text_resize(*array, *count + 1, s->size);
    item = *array + (*count)++ * s->size;
    memset(item, 0, s->size);
    schema_init(s, item);
    return item;
}
