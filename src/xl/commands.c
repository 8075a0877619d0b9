/* SPDX-License-Identifier: GPL-2.0-or-later */
/* commands.c: the table of commands. Its order and texts are those of xl 4.17's help; the last rows are ours. */
#include "xl/xl.h"

#define SUMMARY_CONFIG_UPDATE                                                                        \
    "Update a running domain's saved configuration, used when rebuilding the domain after reboot.\n" \
    "WARNING: xl now has better capability to manage domain configuration, avoid using this command when possible"

#define OPTIONS_CREATE                                                                     \
    "-c                      Connect to the console after the domain is created.\n"        \
    "-d                      Enable debug messages.\n"                                     \
    "-e                      Do not wait in the background for the death of the domain.\n" \
    "-F                      Run in foreground until death of the domain.\n"               \
    "-f FILE, --defconfig=FILE\n"                                                          \
    "                     Use the given configuration file.\n"                             \
    "-h                      Print this help.\n"                                           \
    "-n, --dryrun            Dry run - prints the resulting configuration\n"               \
    "                         (deprecated in favour of global -N option).\n"               \
    "-p                      Leave the domain paused after it is created.\n"               \
    "-q, --quiet             Quiet.\n"                                                     \
    "-V, --vncviewer         Connect to the VNC display after the domain is created.\n"    \
    "-A, --vncviewer-autopass\n"                                                           \
    "                        Pass VNC password to viewer via stdin.\n"                     \
    "--ignore-global-affinity-masks Ignore global masks in xl.conf.\n"                     \
    "--engine=ENGINE         Run the vCPUs on auto, kvm, jit or interp (domus only)."

#define OPTIONS_END(what)                                                         \
    "-a, --all               " what " all guest domains.\n"                       \
    "-h                      Print this help.\n"                                  \
    "-F                      Fall back to an ACPI event for HVM guests without\n" \
    "                        PV drivers.\n"                                       \
    "-w, --wait              Wait until the guests are gone."

#define OPTIONS_RESTORE                                                                     \
    "-h                       Print this help.\n"                                           \
    "-p                       Do not unpause domain after restoring it.\n"                  \
    "-e                       Do not wait in the background for the death of the domain.\n" \
    "-d                       Enable debug messages.\n"                                     \
    "-V, --vncviewer          Connect to the VNC display after the domain is created.\n"    \
    "-A, --vncviewer-autopass Pass VNC password to viewer via stdin."

#define OPTIONS_MIGRATE                                                              \
    "-h              Print this help.\n"                                             \
    "-C <config>     Send <config> instead of config file from creation.\n"          \
    "-s <sshcommand> Use <sshcommand> instead of ssh.  String will be passed\n"      \
    "                to sh. If empty, run <host> instead of ssh <host> xl\n"         \
    "                migrate-receive [-d -e]\n"                                      \
    "-e              Do not wait in the background (on <host>) for the death\n"      \
    "                of the domain.\n"                                               \
    "--debug         Print huge (!) amount of debug during the migration process.\n" \
    "-p              Do not unpause domain after migrating it.\n"                    \
    "-D              Preserve the domain id"

#define USAGE_MEMORY "<Domain> <MemMB['b'[bytes]|'k'[KB]|'m'[MB]|'g'[GB]|'t'[TB]]>"

/* Flags as in struct xl_command: can it dry-run, does it modify (-f). */
#define N__ true, false
#define _F_ false, true
#define NF_ true, true
#define ___ false, false

static const struct xl_command commands[] = {
    {"create", xl_cmd_create, NF_, "Create a domain from config file <filename>", "<ConfigFile> [options] [vars]",
     OPTIONS_CREATE},
    {"config-update", xl_cmd_not_yet, NF_, SUMMARY_CONFIG_UPDATE, "<Domain> <ConfigFile> [options] [vars]",
     "-h                      Print this help.\n"
     "-f FILE, --defconfig=FILE\n"
     "                     Use the given configuration file.\n"
     "-d                      Enable debug messages.\n"},
    {"list", xl_cmd_list, ___, "List information about all/some domains", "[options] [Domain]\n",
     "-l, --long              Output all VM details\n"
     "-v, --verbose           Prints out UUIDs and security context\n"
     "-Z, --context           Prints out security context\n"
     "-c, --cpupool           Prints the cpupool the domain is in\n"
     "-n, --numa              Prints out NUMA node affinity"},
    {"destroy", xl_cmd_destroy, _F_, "Terminate a domain immediately", "[options] <Domain>\n",
     "-f                      Permit destroying domain 0, which will only succeed\n"
     "                        when run from disaggregated toolstack domain with a\n"
     "                        hardware domain distinct from domain 0."},
    {"shutdown", xl_cmd_shutdown, _F_, "Issue a shutdown signal to a domain", "[options] <-a|Domain>",
     OPTIONS_END("Shutdown")},
    {"reboot", xl_cmd_reboot, _F_, "Issue a reboot signal to a domain", "[options] <-a|Domain>", OPTIONS_END("Reboot")},
    {"pci-attach", xl_cmd_not_yet, _F_, "Insert a new pass-through pci device",
     "<Domain> <PCI_SPEC_STRING> [Virtual Slot]", NULL},
    {"pci-detach", xl_cmd_not_yet, _F_, "Remove a domain's pass-through pci device", "<Domain> <PCI_SPEC_STRING>",
     NULL},
    {"pci-list", xl_cmd_not_yet, ___, "List pass-through pci devices for a domain", "<Domain>", NULL},
    {"pci-assignable-add", xl_cmd_not_yet, _F_, "Make a device assignable for pci-passthru", "[options] <BDF>", NULL},
    {"pci-assignable-remove", xl_cmd_not_yet, _F_, "Remove a device from being assignable", "[options] <BDF>", NULL},
    {"pci-assignable-list", xl_cmd_not_yet, ___, "List all the assignable pci devices", "[options]", NULL},
    {"pause", xl_cmd_pause, _F_, "Pause execution of a domain", "<Domain>", NULL},
    {"unpause", xl_cmd_unpause, _F_, "Unpause a paused domain", "<Domain>", NULL},
    {"console", xl_cmd_console, ___, "Attach to domain's console",
     "[options] <Domain>\n"
     "-t <type>       console type, pv , serial or vuart\n"
     "-n <number>     console number",
     NULL},
    {"vncviewer", xl_cmd_vncviewer, ___, "Attach to domain's VNC server.",
     "[options] <Domain>\n"
     "--autopass               Pass VNC password to viewer via stdin and\n"
     "                         -autopass\n"
     "--vncviewer-autopass     (consistency alias for --autopass)",
     NULL},
    {"save", xl_cmd_not_yet, _F_, "Save a domain state to restore later",
     "[options] <Domain> <CheckpointFile> [<ConfigFile>]",
     "-h  Print this help.\n"
     "-c  Leave domain running after creating the snapshot.\n"
     "-p  Leave domain paused after creating the snapshot.\n"
     "-D  Store the domain id in the configuration."},
    {"migrate", xl_cmd_not_yet, _F_, "Migrate a domain to another host", "[options] <Domain> <host>", OPTIONS_MIGRATE},
    {"restore", xl_cmd_not_yet, _F_, "Restore a domain from a saved state", "[options] [<ConfigFile>] <CheckpointFile>",
     OPTIONS_RESTORE},
    {"migrate-receive", xl_cmd_not_yet, _F_, "Restore a domain from a saved state", "- for internal use only", NULL},
    {"dump-core", xl_cmd_not_yet, _F_, "Core dump a domain", "<Domain> <filename>", NULL},
    {"cd-insert", xl_cmd_cd_insert, NF_, "Insert a cdrom into a guest's cd drive", "<Domain> <VirtualDevice> <path>",
     NULL},
    {"cd-eject", xl_cmd_cd_eject, NF_, "Eject a cdrom from a guest's cd drive", "<Domain> <VirtualDevice>", NULL},
    {"mem-max", xl_cmd_mem_set, _F_, "Set the maximum amount reservation for a domain", USAGE_MEMORY, NULL},
    {"mem-set", xl_cmd_mem_set, _F_, "Set the current memory usage for a domain", USAGE_MEMORY, NULL},
    {"button-press", xl_cmd_button_press, _F_, "Indicate an ACPI button press to the domain",
     "<Domain> <Button, one of 'power' or 'sleep'>", NULL},
    {"vcpu-list", xl_cmd_vcpu_list, ___, "List the VCPUs for all/some domains", "[Domain, ...]", NULL},
    {"vcpu-pin", xl_cmd_not_yet, NF_, "Set which CPUs a VCPU can use",
     "[option] <Domain> <VCPU|all> <Hard affinity|-|all> <Soft affinity|-|all>",
     "-f, --force        undo an override pinning done by the kernel\n"
     "--ignore-global-affinity-masks Ignore global masks in xl.conf"},
    {"vcpu-set", xl_cmd_vcpu_set, _F_, "Set the number of active VCPUs allowed for the domain",
     "[option] <Domain> <vCPUs>", "-i, --ignore-host  Allow more vCPUs than the host has CPUs"},
    {"vm-list", xl_cmd_vm_list, ___, "List guest domains, excluding dom0, stubdoms, etc.", "", NULL},
    {"info", xl_cmd_info, ___, "Get information about Xen host", "[options] [KEY]",
     "-n, --numa         List host NUMA topology information"},
    {"sharing", xl_cmd_sharing, ___, "Get information about page sharing", "[Domain]", NULL},
    {"sched-credit", xl_cmd_needs_xen, _F_, "Get/set credit scheduler parameters", "[options]", NULL},
    {"sched-credit2", xl_cmd_needs_xen, _F_, "Get/set credit2 scheduler parameters", "[options]", NULL},
    {"sched-rtds", xl_cmd_needs_xen, _F_, "Get/set rtds scheduler parameters", "[options]", NULL},
    {"domid", xl_cmd_domid, ___, "Convert a domain name to domain id", "<DomainName>", NULL},
    {"domname", xl_cmd_domname, ___, "Convert a domain id to domain name", "<DomainId>", NULL},
    {"rename", xl_cmd_rename, _F_, "Rename a domain", "<Domain> <NewDomainName>", NULL},
    {"trigger", xl_cmd_trigger, _F_, "Send a trigger to a domain",
     "<Domain> <nmi|reset|init|power|sleep|s3resume> [<VCPU>]", NULL},
    {"sysrq", xl_cmd_sysrq, _F_, "Send a sysrq to a domain", "<Domain> <letter>", NULL},
    {"debug-keys", xl_cmd_needs_xen, _F_, "Send debug keys to Xen", "<Keys>", NULL},
    {"set-parameters", xl_cmd_needs_xen, _F_, "Set hypervisor parameters", "<Params>", NULL},
    {"dmesg", xl_cmd_dmesg, _F_, "Read and/or clear dmesg buffer", "[-c]",
     "-c                        Clear dmesg buffer as well as printing it"},
    {"top", xl_cmd_not_yet, ___, "Monitor a host and the domains in real time", "", NULL},
    {"network-attach", xl_cmd_network_attach, NF_, "Create a new virtual network device",
     "<Domain> [type=<type>] [mac=<mac>] [bridge=<bridge>] [ip=<ip>] [script=<script>] [backend=<BackDomain>] "
     "[vifname=<name>] [rate=<rate>] [model=<model>] [accel=<accel>] [mtu=<mtu>]",
     NULL},
    {"network-list", xl_cmd_network_list, ___, "List virtual network interfaces for a domain", "<Domain(s)>", NULL},
    {"network-detach", xl_cmd_network_detach, _F_, "Destroy a domain's virtual network device", "<Domain> <DevId|mac>",
     NULL},
    {"channel-list", xl_cmd_empty_list, ___, "List virtual channel devices for a domain", "<Domain(s)>", NULL},
    {"block-attach", xl_cmd_block_attach, NF_, "Create a new virtual block device",
     "<Domain> <disk-spec-component(s)>...", NULL},
    {"block-list", xl_cmd_block_list, ___, "List virtual block devices for a domain", "<Domain(s)>", NULL},
    {"block-detach", xl_cmd_not_yet, _F_, "Destroy a domain's virtual block device", "<Domain> <DevId>", NULL},
    {"vtpm-attach", xl_cmd_not_yet, NF_, "Create a new virtual TPM device",
     "<Domain> [uuid=<uuid>] [backend=<BackDomain>]", NULL},
    {"vtpm-list", xl_cmd_empty_list, ___, "List virtual TPM devices for a domain", "<Domain(s)>", NULL},
    {"vtpm-detach", xl_cmd_not_yet, _F_, "Destroy a domain's virtual TPM device", "<Domain> <DevId|uuid>", NULL},
    {"vkb-attach", xl_cmd_not_yet, NF_, "Create a new virtual keyboard device", "<Domain> <vkb-spec-component(s)>...",
     NULL},
    {"vkb-list", xl_cmd_empty_list, ___, "List virtual keyboard devices for a domain", "<Domain(s)>", NULL},
    {"vkb-detach", xl_cmd_not_yet, _F_, "Destroy a domain's virtual keyboard device", "<Domain> <DevId>", NULL},
    {"vdispl-attach", xl_cmd_not_yet, NF_, "Create a new virtual display device",
     "<Domain> [backend=<BackDomain>] [be-alloc=<0|1>] [connectors=<Connectors>]", NULL},
    {"vdispl-list", xl_cmd_empty_list, ___, "List virtual display devices for a domain", "<Domain(s)>", NULL},
    {"vdispl-detach", xl_cmd_not_yet, _F_, "Destroy a domain's virtual display device", "<Domain> <DevId>", NULL},
    {"vsnd-attach", xl_cmd_not_yet, NF_, "Create a new virtual sound device", "<Domain> <vsnd-spec-component(s)>...",
     NULL},
    {"vsnd-list", xl_cmd_empty_list, ___, "List virtual display devices for a domain", "<Domain(s)>", NULL},
    {"vsnd-detach", xl_cmd_not_yet, _F_, "Destroy a domain's virtual sound device", "<Domain> <DevId>", NULL},
    {"uptime", xl_cmd_uptime, ___, "Print uptime for all/some domains", "[-s] [Domain]", NULL},
    {"claims", xl_cmd_claims, ___, "List outstanding claim information about all domains", "", NULL},
    {"cpupool-create", xl_cmd_needs_xen, NF_, "Create a new CPU pool", "[options] [<ConfigFile>] [Variable=value ...]",
     NULL},
    {"cpupool-list", xl_cmd_cpupool_list, ___, "List CPU pools on host", "[-c|--cpus] [<CPU Pool>]",
     "-c, --cpus                     Output list of CPUs used by a pool"},
    {"cpupool-destroy", xl_cmd_needs_xen, _F_, "Deactivates a CPU pool", "<CPU Pool>", NULL},
    {"cpupool-rename", xl_cmd_needs_xen, _F_, "Renames a CPU pool", "<CPU Pool> <new name>", NULL},
    {"cpupool-cpu-add", xl_cmd_needs_xen, _F_, "Adds a CPU to a CPU pool", "<CPU Pool> <CPU nr>|node:<node nr>", NULL},
    {"cpupool-cpu-remove", xl_cmd_needs_xen, _F_, "Removes a CPU from a CPU pool", "<CPU Pool> <CPU nr>|node:<node nr>",
     NULL},
    {"cpupool-migrate", xl_cmd_needs_xen, _F_, "Moves a domain into a CPU pool", "<Domain> <CPU Pool>", NULL},
    {"cpupool-numa-split", xl_cmd_needs_xen, NF_, "Splits up the machine into one CPU pool per NUMA node", "", NULL},
    {"getenforce", xl_cmd_getenforce, ___, "Returns the current enforcing mode of the Flask Xen security module", "",
     NULL},
    {"setenforce", xl_cmd_needs_xen, _F_, "Sets the current enforcing mode of the Flask Xen security module",
     "<1|0|Enforcing|Permissive>", NULL},
    {"loadpolicy", xl_cmd_needs_xen, _F_, "Loads a new policy into the Flask Xen security module", "<policy file>",
     NULL},
    {"remus", xl_cmd_needs_xen, _F_, "Enable Remus HA for domain", "[options] <Domain> [<host>]", NULL},
    {"devd", xl_cmd_needs_xen, _F_, "Daemon that listens for devices and launches backends", "[options]",
     "-F                      Run in the foreground.\n"
     "-p, --pidfile [FILE]    Write the process id to FILE when it runs as a daemon."},
    {"psr-hwinfo", xl_cmd_needs_xen, ___, "Show hardware information for Platform Shared Resource", "[options]", NULL},
    {"psr-cmt-attach", xl_cmd_needs_xen, _F_, "Attach Cache Monitoring Technology service to a domain", "<Domain>",
     NULL},
    {"psr-cmt-detach", xl_cmd_needs_xen, _F_, "Detach Cache Monitoring Technology service from a domain", "<Domain>",
     NULL},
    {"psr-cmt-show", xl_cmd_needs_xen, ___, "Show Cache Monitoring Technology information", "<PSR-CMT-Type> <Domain>",
     NULL},
    {"psr-cat-set", xl_cmd_needs_xen, _F_, "Set cache capacity bitmasks(CBM) for a domain", "[options] <Domain> <CBM>",
     NULL},
    {"psr-cat-show", xl_cmd_needs_xen, ___, "Show Cache Allocation Technology information", "[options] <Domain>", NULL},
    {"psr-mba-set", xl_cmd_needs_xen, _F_, "Set throttling value (THRTL) for a domain", "[options] <Domain> <THRTL>",
     NULL},
    {"psr-mba-show", xl_cmd_needs_xen, ___, "Show Memory Bandwidth Allocation information", "[options] <Domain>", NULL},
    {"usbctrl-attach", xl_cmd_not_yet, NF_, "Create a virtual USB controller for a domain",
     "<Domain> [type=<type>] [version=<version>] [ports=<number>]", NULL},
    {"usbctrl-detach", xl_cmd_not_yet, _F_, "Remove the virtual USB controller specified by <DevId> for a domain",
     "<Domain> <DevId>", NULL},
    {"usbdev-attach", xl_cmd_not_yet, _F_, "Attach a USB device to a domain",
     "<Domain> hostbus=<busnum> hostaddr=<devnum> [controller=<DevId> [port=<port>]]", NULL},
    {"usbdev-detach", xl_cmd_not_yet, _F_, "Detach a USB device from a domain",
     "<Domain> controller=<DevId> port=<port>", NULL},
    {"usb-list", xl_cmd_empty_list, ___, "List information about all USB controllers and devices for a domain",
     "<Domain>", NULL},
    {"qemu-monitor-command", xl_cmd_not_yet, _F_, "Issue a qemu monitor command to the device model of a domain",
     "<Domain> <Command>", NULL},
    {"screenshot", xl_cmd_screenshot, ___, "Write what a domain's screen shows into a PNG file", "<Domain> <File.png>",
     NULL},
    {"send-keys", xl_cmd_send_keys, _F_, "Type into a domain", "<Domain> <Keys>...",
     "Each argument is a key by its name (ret, esc, tab, spc, f12, up, pgdn, kp_enter), keys held together\n"
     "(ctrl-alt-delete, shift-a), or else text to type; text:WORD types even what is a name."},
    {"debug", xl_cmd_debug, ___, "Show what a domain's CPU engine counts, or write what it runs",
     "[-t <File> [-n <Count>]] <Domain>",
     "-t <File>   Write the instructions that the domain runs from now on, as text\n"
     "-n <Count>  How many (100000)"},
    {"xenstore-ls", xl_cmd_xenstore_ls, ___, "List what a domain's xenstore holds, as xenstore-ls -f does",
     "[-p] <Domain> [<Path>]", "-p  Show the permissions too"},
    {"doctor", xl_cmd_doctor, ___, "Say what this host can do, and how to mend what it cannot", "", NULL},
    {NULL, NULL, ___, NULL, NULL, NULL},
};

const struct xl_command *xl_commands(void)
{
    return commands;
}
