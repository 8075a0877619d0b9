#!/bin/sh
# Runs in the guest: what it sees of its machine, in sections headed "@@ NAME", in the layout of the capture.
here=$(dirname "$0")
modprobe -q cpuid 2>/dev/null

section() {
    echo "@@ $1"
}

section hypervisor
for f in type uuid version/major version/minor version/extra properties/capabilities properties/changeset \
    properties/features properties/pagesize properties/virtual_start properties/buildid compilation/compiler \
    compilation/compiled_by compilation/compile_date guest_type; do
    echo "$f: $(cat /sys/hypervisor/$f)"
done
section cpuinfo
sed '/^$/q' /proc/cpuinfo
section cpuid
taskset 1 "$here/cpuid"
section clocksource
cat /sys/devices/system/clocksource/clocksource0/available_clocksource
cat /sys/devices/system/clocksource/clocksource0/current_clocksource
section iomem
cat /proc/iomem
section ioports
cat /proc/ioports
section interrupts
cat /proc/interrupts
section lspci
for d in /sys/bus/pci/devices/*; do
    driver=
    [ ! -e "$d/driver" ] || driver=$(basename "$(readlink "$d/driver")")
    echo "$(basename "$d") class=$(cat "$d/class") id=$(cat "$d/vendor"):$(cat "$d/device")" \
        "sub=$(cat "$d/subsystem_vendor"):$(cat "$d/subsystem_device") rev=$(cat "$d/revision")" \
        "irq=$(cat "$d/irq") drv=$driver"
done
section pciresource
for d in /sys/bus/pci/devices/*; do
    basename "$d"
    grep -v '^0x0* 0x0* 0x0*$' "$d/resource"
done
section pciconfig
for d in /sys/bus/pci/devices/*; do
    basename "$d"
    hexdump -C "$d/config"
done
section xenbus
for d in /sys/bus/xenbus/devices/*; do
    [ ! -e "$d/nodename" ] || echo "$(basename "$d") nodename=$(cat "$d/nodename") state=$(cat "$d/state")"
done
section consoles
cat /proc/consoles
section dmi
for f in /sys/class/dmi/id/*; do
    [ -f "$f" ] && echo "$(basename "$f"): $(cat "$f")"
done
section mtrr
cat /proc/mtrr
section acpi
for f in /sys/firmware/acpi/tables/*; do
    [ ! -f "$f" ] || echo "$(basename "$f") $(hexdump -v -e '1/1 "%02x"' "$f")"
done
section smbios
hexdump -v -e '1/1 "%02x"' /sys/firmware/dmi/tables/smbios_entry_point
echo
hexdump -v -e '1/1 "%02x"' /sys/firmware/dmi/tables/DMI
echo
section balloon
cd /sys/devices/system/xen_memory/xen_memory0 && grep . target_kb info/current_kb
section dmesg
dmesg
section end
