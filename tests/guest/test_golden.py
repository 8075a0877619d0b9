#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The guest's view beside real Xen's: what firmware, kernel and toolstack say of one HVM domain, against golden/.

golden/*.txt are captures from Debian 12's Xen 4.17 (docs/golden.md says of what). Each is compared line by line with what
the same domain shows here, after MASKS have hidden what differs from host to host. What is left must be explained by a line
of golden/allowed.txt; anything else fails. DOMUS_GOLDEN_SHOW=1 prints the allowed differences too.
"""
import base64
import collections
import gzip
import os
import re
import subprocess
import sys

import domus

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "golden")

UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
# (sections, pattern, what stands in its place): values of a host, a run, a guest's image; "" drops the line.
MASKS = [
    (".*", UUID, "UUID"),
    ("firmware", r"CPU speed is \d+ MHz", "CPU speed is N MHz"),
    ("firmware", r"\d\d-bit phys", "NN-bit phys"),
    ("firmware", r"\(\d+ MiBytes\)", "(N MiBytes)"),
    ("firmware", r"PCHS=.* s=\d+", "PCHS=... s=N"),
    ("store", r"/dev/pts/\d+", "/dev/pts/N"),
    ("store", r"(vnc-port|device-model-pid|start_time) = \"[0-9.]+\"", r'\1 = "N"'),
    ("cpuinfo|dmesg", r"^(cpu family|model|stepping|microcode|bogomips).*", ""),
    ("cpuinfo", r"address sizes\t: \d+ bits physical", "address sizes\t: N bits physical"),
    ("iomem", r"^  [0-9a-f]+-[0-9a-f]+ : Kernel.*", ""),
    ("lspci", r" drv=.*", ""),
    ("dmi", r"^(modalias|uevent):.*", ""),
    ("smbios", r"^entry point .*", ""),  # holds the table's length, and so the number of strings' characters
    ("smbios", r"^(type 4 .{23}).*", r"\1"),  # processor: its signature, vendor and speed are the host's
    ("smbios", r"^(type 1 len 27 .{16}).{32}", r"\1"),
    ("cpuid", r".*: eax=0{8} ebx=0{8} ecx=0{8} edx=0{8}", ""),  # the capture leaves them out
    ("cpuid", r"^(CPUID 40000003\.[012]: eax=)........ ebx=........ ecx=........", r"\1N"),  # TSC offset, scale, kHz
    ("dmesg", r"^pci \S+ \w+\+\S+ took .*", ""),
    ("dmesg", r"to \d{4}-\d\d-\d\dT.*", "to NOW"),
]
# Of the kernel's log and its CPU's flags, what is about the machine and not about the kernel's build or the host.
DMESG = r"BIOS-e820|SMBIOS|DMI:|[Hh]ypervisor|^Xen|platform_pci_unplug|^ACPI: [A-Z]{4} 0x|PM-Timer|^IOAPIC|INT_SRC_OVR|HPET" \
        r"|x2apic|hpet0|clocksource: (xen|hpet|acpi_pm)|^\.\.TIMER|xen:|Xen|^pci |^pci_bus|PCI Root|Interrupt link|^pnp|^system 00" \
        r"|^PCI|ttyS0 at|i8042|serio|^rtc_cmos|acpiphp|hotplug CPUs|^installing|VNIC|^e820: r|available for PCI|NVS"
ALLOWED = "allowed.txt"


def golden(name):
    with open(os.path.join(HERE, name + ".txt"), encoding="utf-8") as f:
        return f.read().splitlines()


def masked(section, lines):
    for line in lines:
        for where, pattern, instead in MASKS:
            if line and re.fullmatch(where, section):
                line = re.sub(pattern, instead, line)
        if line.rstrip():
            yield line.rstrip()


class Comparison:
    """Gathers the differences of all sections; report() raises on those that nothing allows."""

    def __init__(self):
        self.rules = []
        for line in golden("allowed"):
            if line and not line.startswith("#"):
                section, pattern, why = line.split(" | ")
                self.rules.append((section, re.compile(pattern), why))
        self.bad, self.allowed, self.same = [], [], 0

    def compare(self, section, theirs, ours):
        a, b = collections.Counter(masked(section, theirs)), collections.Counter(masked(section, ours))
        self.same += sum((a & b).values())
        for sign, lines in (("-", a - b), ("+", b - a)):
            for line in lines.elements():
                self.note(section, sign + line)

    def note(self, section, line):
        why = next((why for where, p, why in self.rules if re.fullmatch(where, section) and p.search(line)), None)
        if why:
            self.allowed.append(f"{section}: {line}   ({why})")
        else:
            self.bad.append(f"{section}: {line}")

    def report(self):
        print(f"{self.same} lines the same, {len(self.allowed)} differ as explained, {len(self.bad)} differ otherwise")
        if os.environ.get("DOMUS_GOLDEN_SHOW"):
            print("\n".join(self.allowed))
        domus.check(not self.bad, "'-' real Xen, '+' here:\n" + "\n".join(self.bad))


def collector_cd(host):
    """A CD with what collects the guest's view."""
    cd = host.path("cd")
    os.mkdir(cd)
    subprocess.run(["cc", "-static", "-O1", "-o", cd + "/cpuid", os.path.join(HERE, "cpuid.c")], check=True)
    subprocess.run(["cp", os.path.join(HERE, "collect.sh"), cd], check=True)
    subprocess.run(["xorriso", "-as", "mkisofs", "-quiet", "-R", "-o", cd + ".iso", cd], check=True, capture_output=True)
    return cd + ".iso"


def sections(text):
    result, current = {}, None
    for line in text.splitlines():
        if line.startswith("@@ "):
            current = result.setdefault(line[3:], [])
        elif current is not None:
            current.append(line)
    return result


def guest_view(console):
    console.run("mount /dev/sr0 /mnt && sh /mnt/collect.sh >/tmp/out 2>/tmp/err; gzip -9 /tmp/out; umount /mnt", 120)
    # The echoed command and the prompt have characters that base64 does not have.
    packed = "".join(l for l in console.run("base64 /tmp/out.gz", 120).splitlines() if re.fullmatch("[A-Za-z0-9+/=]+", l))
    view = sections(gzip.decompress(base64.b64decode(packed)).decode("utf-8", "replace"))
    domus.check("end" in view, "the guest's view is cut short")
    return view


def acpi(lines):
    """Whole tables where the capture has them, lengths where it has only those."""
    whole = {l.split()[0] for l in golden("acpi") if "length=" not in l}
    for line in lines:
        name, table = line.split()
        yield line if name in whole else f"{name} length={len(table) // 2}"


def smbios(lines):
    """The structures as the capture lists them: type, length, formatted area, strings."""
    table = bytes.fromhex(lines[1])
    at = 0
    while at + 4 <= len(table):
        kind, length = table[at], table[at + 1]
        end = table.index(b"\0\0", at + length)
        strings = [s.decode() for s in table[at + length:end].split(b"\0")]
        yield f"type {kind} len {length} {table[at:at + length].hex()} {strings}"
        at = end + 2
        if kind == 127:
            return


def kernel_log(lines):
    for line in lines:
        line = re.sub(r"^\[ *[\d.]+\] ", "", line)
        if re.search(DMESG, line):
            yield line


def firmware_log(host, domid):
    with open(os.path.join(host.env["DOMUS_RUN_DIR"], "log", "domain-hvm1.log"), encoding="utf-8", errors="replace") as f:
        for line in f:
            at = line.find(f"(d{domid}) ")
            if at >= 0:
                yield line[at:].rstrip().replace(f"(d{domid})", "(d1)")


def config_space(lines):
    """hexdump -C of each function: one line for each 16 bytes that are not all zero, headed by the function's address."""
    function = None
    for line in lines:
        if re.match(r"[0-9a-f]{4}:", line):
            function = line
            yield line
        elif re.match(r"[0-9a-f]{8}  ", line) and set(line[10:58]) - set(" 0"):
            yield f"{function} {line[4:58].rstrip()}"


def cpu_flags(lines):
    flags = next((l.split(":")[1].split() for l in lines if l.startswith("flags")), [])
    return [l for l in lines if not l.startswith("flags")], flags


def compare_guest(c, view):
    for name in ["hypervisor", "cpuid", "clocksource", "iomem", "ioports", "lspci", "pciresource", "consoles",
                 "dmi", "mtrr", "balloon"]:
        c.compare(name, golden(name), view[name])
    c.compare("pciconfig", config_space(golden("pciconfig")), config_space(view["pciconfig"]))
    c.compare("acpi", golden("acpi"), acpi(view["acpi"]))
    c.compare("smbios", golden("smbios"), smbios(view["smbios"]))
    c.compare("dmesg", kernel_log(golden("dmesg")), kernel_log(view["dmesg"]))
    (theirs, theirs_flags), (ours, ours_flags) = cpu_flags(golden("cpuinfo")), cpu_flags(view["cpuinfo"])
    keep = {l.split(":")[0] for l in theirs}
    c.compare("cpuinfo", theirs, [l for l in ours if l.split(":")[0] in keep])
    c.compare("cpuflags", theirs_flags, ours_flags)


class Transcript:
    """Commands in the capture's form ("$ xl ...", "1|" and "2|" lines, "exit="), run here and compared."""

    def __init__(self, host, comparison, name):
        self.host, self.c, self.steps = host, comparison, collections.defaultdict(list)
        part = None
        for line in golden(name):
            if line.startswith("## "):
                part = self.steps[line[3:]]
            elif line.startswith("$ "):
                part.append((line[2:], []))
            elif line and not line.startswith("# "):
                part[-1][1].append(line)

    @staticmethod
    def same_shape(text):
        """Times, domids, pids, the host's row, columns whose width follows a number."""
        text = re.sub(r"(?m)^(1\| Domain-0 ).*", r"\1...", text)
        text = re.sub(r"(?m)^(1\| \S+ +)\d+( +\d+ +\d+ +)[-a-z]+ +\d+\.\d+$", r"\1ID\2STATE TIME", text)
        text = re.sub(r"(?m)^(1\| \S+ +)\d+( +\d+ +)(\d+|-)( +)[-a-z]+ +\d+\.\d+(  all / all)$", r"\1ID\2CPU STATE TIME\5", text)
        text = re.sub(r"(?m)^(1\| \S+ +)\d+ +\d:\d\d:\d\d$", r"\1ID UPTIME", text)
        text = re.sub(r"([Dd]omain )\d+", r"\1ID", text)
        text = re.sub(r"libxl: error: libxl_\w+\.c:\d+:\w+: ", "libxl: error: ", text)
        text = re.sub(r"(?m)^(\d\| [^ ]* +[0-9/]+ )\d+ +\d+ +(-1|\d+) +(-1|\d+) +/local.*", r"\1...", text)
        return re.sub(" +", " ", text)

    def run(self, part):
        for command, expected in self.steps[part]:
            p = subprocess.run([domus.XL, *command.replace("/g/", self.host.dir + "/").split()[1:]],
                               env={**os.environ, **self.host.env}, capture_output=True, text=True, timeout=600,
                               stdin=subprocess.DEVNULL)
            out = "".join(f"1| {l}\n" for l in p.stdout.splitlines()) + "".join(f"2| {l}\n" for l in p.stderr.splitlines())
            out = (out + f"exit={p.returncode}\n").replace(self.host.dir + "/", "/g/")
            section = f"xl {part}"
            self.c.compare(section, [f"[{command}] {l}" for l in self.same_shape("\n".join(expected)).splitlines()],
                           [f"[{command}] {l}" for l in self.same_shape(out).splitlines()])


def write_configs(host):
    for name, text in {"noname": 'type="hvm"\nmemory=64\n', "badtype": 'name="b"\ntype="foo"\n',
                       "missingdisk": 'name="b"\ntype="hvm"\nmemory=64\ndisk=["/nosuch.img,raw,hda,w"]\n',
                       "syntax": 'name="b\ntype=hvm\n',
                       "nokernel": 'name="b"\ntype="pvh"\nmemory=64\n',
                       "unknownkey": 'name="b"\ntype="hvm"\nmemory=64\nfrobnicate=1\nxen_platform_pci="x"\n'}.items():
        host.config(name, text)


def test(host):
    small = domus.recipe("linux-small")
    disk = domus.overlay(host, f"{small}/disk.img", "disk.img")
    cd = collector_cd(host)
    c = Comparison()
    commands = Transcript(host, c, "commands")
    write_configs(host)
    # The captured domain also had vif=[...] (an e1000 on a bridge).
    host.create("hvm1", f'''
name = "hvm1"
type = "hvm"
memory = 512
vcpus = 2
boot = "c"
serial = "pty"
vnc = 1
vnclisten = "0.0.0.0"
disk = [ "format=raw,vdev=hda,access=rw,target={disk}", "format=raw,vdev=hdc,access=ro,devtype=cdrom,target={cd}" ]
usb = 1
usbdevice = ["tablet"]
on_crash = "destroy"
tsc_mode = "native"
''')
    domid = host.domid("hvm1")
    # The firmware runs for some seconds before a kernel's drivers change xenstore.
    c.compare("store", golden("store"), host.xl("xenstore-ls", "-p", "hvm1").stdout.replace(
        host.dir + "/disk.img", "/g/hvm.img").replace(host.dir + "/cd.iso", "/g/cd4.iso").splitlines())
    commands.run("new")
    console = host.console("hvm1")
    console.wait("domus-guest-ready", 240)
    console.wait("/ # ", 30)
    view = guest_view(console)
    c.compare("firmware", golden("firmware"), firmware_log(host, domid))
    compare_guest(c, view)
    commands.run("running")
    console.wait("(?s)sysrq: HELP.*NMI received|NMI received.*sysrq: HELP", 30)
    commands.run("end")
    host.wait_gone("hvm1", 60)
    commands.run("gone")
    commands.run("no domain")
    c.report()


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)
    domus.main(test)
