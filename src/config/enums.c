/* SPDX-License-Identifier: GPL-2.0-or-later */
/* enums.c: every enumeration of a configuration by value and by the name that xl.cfg and xl's JSON use for it. */
#include "config/schema.h"

#include <strings.h>

const char *enum_name(const struct enum_names *e, int value)
{
    for (size_t i = 0; i < e->count; i++) {
        if (e->names[i].value == value)
            return e->names[i].name;
    }
    return NULL;
}

bool enum_parse(const struct enum_names *e, const char *name, int *value)
{
    for (size_t i = 0; i < e->count; i++) {
        if (strcasecmp(e->names[i].name, name) == 0) {
            *value = e->names[i].value;
            return true;
        }
    }
    return false;
}

static const struct enum_name type_names[] = {{-1, "invalid"}, {1, "hvm"}, {2, "pv"}, {3, "pvh"}};
const struct enum_names enum_type = {type_names, ARRAY_SIZE(type_names), -1};

static const struct enum_name bios_names[] = {{0, "unknown"}, {1, "rombios"}, {2, "seabios"}, {3, "ovmf"}};
const struct enum_names enum_bios = {bios_names, ARRAY_SIZE(bios_names), 0};

static const struct enum_name vga_names[] = {{0, "unknown"}, {1, "cirrus"}, {2, "std"}, {3, "none"}, {4, "qxl"}};
const struct enum_names enum_vga = {vga_names, ARRAY_SIZE(vga_names), 0};

static const struct enum_name action_names[] = {{1, "destroy"},   {2, "restart"},          {3, "restart_rename"},
                                                {4, "preserve"},  {5, "coredump_destroy"}, {6, "coredump_restart"},
                                                {7, "soft_reset"}};
const struct enum_names enum_action = {action_names, ARRAY_SIZE(action_names), 1};

static const struct enum_name tsc_mode_names[] = {
    {0, "default"}, {1, "always_emulate"}, {2, "native"}, {3, "native_paravirt"}};
const struct enum_names enum_tsc_mode = {tsc_mode_names, ARRAY_SIZE(tsc_mode_names), 0};

static const struct enum_name timer_mode_names[] = {{-1, "unknown"},
                                                    {0, "delay_for_missed_ticks"},
                                                    {1, "no_delay_for_missed_ticks"},
                                                    {2, "no_missed_ticks_pending"},
                                                    {3, "one_missed_tick_pending"}};
const struct enum_names enum_timer_mode = {timer_mode_names, ARRAY_SIZE(timer_mode_names), -1};

static const struct enum_name hdtype_names[] = {{1, "ide"}, {2, "ahci"}};
const struct enum_names enum_hdtype = {hdtype_names, ARRAY_SIZE(hdtype_names), 1};

static const struct enum_name vendor_device_names[] = {{0, "none"}, {1, "xenserver"}};
const struct enum_names enum_vendor_device = {vendor_device_names, ARRAY_SIZE(vendor_device_names), 0};

static const struct enum_name gfx_kind_names[] = {{0, "default"}, {1, "igd"}};
const struct enum_names enum_gfx_kind = {gfx_kind_names, ARRAY_SIZE(gfx_kind_names), 0};

static const struct enum_name altp2m_names[] = {{0, "disabled"}, {1, "mixed"}, {2, "external"}, {3, "limited"}};
const struct enum_names enum_altp2m = {altp2m_names, ARRAY_SIZE(altp2m_names), 0};

static const struct enum_name passthrough_names[] = {
    {0, "default"}, {1, "disabled"}, {2, "enabled"}, {3, "sync_pt"}, {4, "share_pt"}};
const struct enum_names enum_passthrough = {passthrough_names, ARRAY_SIZE(passthrough_names), 0};

static const struct enum_name tee_names[] = {{0, "none"}, {1, "optee"}};
const struct enum_names enum_tee = {tee_names, ARRAY_SIZE(tee_names), 0};

static const struct enum_name gic_names[] = {{0, "default"}, {32, "v2"}, {48, "v3"}};
const struct enum_names enum_gic = {gic_names, ARRAY_SIZE(gic_names), 0};

static const struct enum_name vuart_names[] = {{0, "unknown"}, {1, "sbsa_uart"}};
const struct enum_names enum_vuart = {vuart_names, ARRAY_SIZE(vuart_names), 0};

static const struct enum_name format_names[] = {{0, "unknown"}, {1, "qcow"},  {2, "qcow2"}, {3, "vhd"},
                                                {4, "raw"},     {5, "empty"}, {6, "qed"}};
const struct enum_names enum_format = {format_names, ARRAY_SIZE(format_names), 0};

static const struct enum_name backend_names[] = {
    {0, "unknown"}, {1, "phy"}, {2, "tap"}, {3, "qdisk"}, {4, "standalone"}};
const struct enum_names enum_backend = {backend_names, ARRAY_SIZE(backend_names), 0};

static const struct enum_name specification_names[] = {{0, "unknown"}, {1, "xen"}, {2, "virtio"}};
const struct enum_names enum_specification = {specification_names, ARRAY_SIZE(specification_names), 0};

static const struct enum_name transport_names[] = {{0, "unknown"}, {1, "mmio"}};
const struct enum_names enum_transport = {transport_names, ARRAY_SIZE(transport_names), 0};

static const struct enum_name nictype_names[] = {{0, "unknown"}, {1, "vif_ioemu"}, {2, "vif"}};
const struct enum_names enum_nictype = {nictype_names, ARRAY_SIZE(nictype_names), 0};

static const struct enum_name rdm_strategy_names[] = {{0, "ignore"}, {1, "host"}};
const struct enum_names enum_rdm_strategy = {rdm_strategy_names, ARRAY_SIZE(rdm_strategy_names), 0};

static const struct enum_name rdm_policy_names[] = {{-1, "invalid"}, {0, "strict"}, {1, "relaxed"}};
const struct enum_names enum_rdm_policy = {rdm_policy_names, ARRAY_SIZE(rdm_policy_names), -1};

static const struct enum_name device_model_names[] = {{0, "unknown"}, {1, "qemu_xen_traditional"}, {2, "qemu_xen"}};
const struct enum_names enum_device_model = {device_model_names, ARRAY_SIZE(device_model_names), 0};

static const struct enum_name vkb_names[] = {{0, "unknown"}, {1, "qemu"}, {2, "linux"}};
const struct enum_names enum_vkb = {vkb_names, ARRAY_SIZE(vkb_names), 0};

static const struct enum_name usbctrl_names[] = {{0, "auto"}, {1, "pv"}, {2, "devicemodel"}, {3, "qusb"}};
const struct enum_names enum_usbctrl = {usbctrl_names, ARRAY_SIZE(usbctrl_names), 0};

static const struct enum_name usbdev_names[] = {{1, "hostdev"}};
const struct enum_names enum_usbdev = {usbdev_names, ARRAY_SIZE(usbdev_names), 0};

static const struct enum_name channel_names[] = {{0, "unknown"}, {1, "pty"}, {2, "socket"}};
const struct enum_names enum_channel = {channel_names, ARRAY_SIZE(channel_names), 0};

static const struct enum_name pcm_format_names[] = {{1, "s8"},
                                                    {2, "u8"},
                                                    {3, "s16_le"},
                                                    {4, "s16_be"},
                                                    {5, "u16_le"},
                                                    {6, "u16_be"},
                                                    {7, "s24_le"},
                                                    {8, "s24_be"},
                                                    {9, "u24_le"},
                                                    {10, "u24_be"},
                                                    {11, "s32_le"},
                                                    {12, "s32_be"},
                                                    {13, "u32_le"},
                                                    {14, "u32_be"},
                                                    {15, "f32_le"},
                                                    {16, "f32_be"},
                                                    {17, "f64_le"},
                                                    {18, "f64_be"},
                                                    {19, "iec958_subframe_le"},
                                                    {20, "iec958_subframe_be"},
                                                    {21, "mu_law"},
                                                    {22, "a_law"},
                                                    {23, "ima_adpcm"},
                                                    {24, "mpeg"},
                                                    {25, "gsm"}};
const struct enum_names enum_pcm_format = {pcm_format_names, ARRAY_SIZE(pcm_format_names), 0};

static const struct enum_name stream_names[] = {{1, "p"}, {2, "c"}};
const struct enum_names enum_stream = {stream_names, ARRAY_SIZE(stream_names), 0};

static const struct enum_name engine_names[] = {{0, "auto"}, {1, "kvm"}, {2, "jit"}, {3, "interp"}};
const struct enum_names enum_engine = {engine_names, ARRAY_SIZE(engine_names), 0};

static const struct enum_name viridian_names[] = {{0, "base"},
                                                  {1, "freq"},
                                                  {2, "time_ref_count"},
                                                  {3, "reference_tsc"},
                                                  {4, "hcall_remote_tlb_flush"},
                                                  {5, "apic_assist"},
                                                  {6, "crash_ctl"},
                                                  {7, "synic"},
                                                  {8, "stimer"},
                                                  {9, "hcall_ipi"},
                                                  {10, "ex_processor_masks"},
                                                  {11, "no_vp_limit"},
                                                  {12, "cpu_hotplug"}};
const struct enum_names enum_viridian = {viridian_names, ARRAY_SIZE(viridian_names), -1};
