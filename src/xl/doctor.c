/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * doctor.c: `xl doctor`: what this host can do for domains, each thing it cannot with what to do about it.
 * One line a thing: "ok", "note" (works, but less well) or "MISSING" (something will not work). Exit 1 with a MISSING.
 */
#include "xl/xl.h"

#include "xl/launch.h"

#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <linux/kvm.h>
#include <unistd.h>

enum doctor_verdict { DOCTOR_OK, DOCTOR_NOTE, DOCTOR_MISSING };

static bool doctor_say(enum doctor_verdict v, const char *what, const char *remedy)
{
    static const char *const names[] = {"ok", "note", "MISSING"};

    printf("%-8s %s\n", names[v], what);
    if (v != DOCTOR_OK && remedy)
        printf("         -> %s\n", remedy);
    return v != DOCTOR_MISSING;
}

static bool doctor_cpu_has_vmx(void)
{
    unsigned a, b, c, d;

    return (__get_cpuid(1, &a, &b, &c, &d) && c & (1u << 5)) || (__get_cpuid(0x80000001u, &a, &b, &c, &d) && c & 4);
}

static bool doctor_kvm(void)
{
    int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC), version;

    if (fd >= 0) {
        version = ioctl(fd, KVM_GET_API_VERSION, 0);
        close(fd);
        if (version == 12)
            return doctor_say(DOCTOR_OK, "hardware virtualization: /dev/kvm is usable", NULL);
        return doctor_say(DOCTOR_NOTE, "/dev/kvm is not a usable KVM", "guests run on our own engine, slower");
    }
    if (errno == EACCES || errno == EPERM)
        return doctor_say(DOCTOR_NOTE, "/dev/kvm: no permission; guests run on our own engine, slower",
                          "join its group: sudo usermod -aG kvm $USER, then log in again");
    if (doctor_cpu_has_vmx())
        return doctor_say(DOCTOR_NOTE,
                          "no /dev/kvm although the processor has virtualization; guests run on our own "
                          "engine, slower",
                          "sudo modprobe kvm_intel (or kvm_amd); in a container give it --device /dev/kvm");
    return doctor_say(DOCTOR_NOTE, "no hardware virtualization; guests run on our own engine, slower",
                      "switch on VT-x/AMD-V in the firmware, or nested virtualization in the host of this host");
}

/* domus-domain knows which files it looks for: one line each, "ok|missing <TAB> needed|optional <TAB> text". */
static bool doctor_firmware(void)
{
    char *program = launch_program(), *command = NULL, line[1024];
    bool good = true;
    FILE *p;

    if (!program || access(program, X_OK) != 0) {
        good = doctor_say(DOCTOR_MISSING, "domus-domain, which runs the domains, is not there",
                          "build it (make), or set DOMUS_DOMAIN to its path");
        free(program);
        return good;
    }
    if (asprintf(&command, "'%s' --firmware", program) < 0)
        command = NULL;
    p = command ? popen(command, "r") : NULL;
    while (p && fgets(line, sizeof line, p)) {
        char *rest = line, *state = strsep(&rest, "\t"), *need = strsep(&rest, "\t"), *text = strsep(&rest, "\n");
        if (!need || !text)
            continue;
        if (strcmp(state, "ok") == 0)
            doctor_say(DOCTOR_OK, text, NULL);
        else
            good &= doctor_say(strcmp(need, "needed") == 0 ? DOCTOR_MISSING : DOCTOR_NOTE, text,
                               "sudo apt-get install xen-utils-4.17 seabios ovmf ipxe-qemu (Debian's packages)");
    }
    if (!p || pclose(p) != 0)
        good = doctor_say(DOCTOR_MISSING, "domus-domain does not run", program);
    free(command);
    free(program);
    return good;
}

static bool doctor_directories(void)
{
    char *run = registry_run_dir(), *log = registry_log_dir(), *why = NULL, text[4300];
    struct registry *r = registry_open(NULL, &why);
    bool good = true;

    if (r) {
        snprintf(text, sizeof text, "run directory %s", run);
        doctor_say(DOCTOR_OK, text, NULL);
    } else {
        good = doctor_say(DOCTOR_MISSING, why ? why : "out of memory", "set DOMUS_RUN_DIR");
    }
    registry_close(r);
    snprintf(text, sizeof text, "logs go to %s", log ? log : "nowhere");
    if (log && access(log, F_OK) == 0 && access(log, W_OK) != 0)
        good &= doctor_say(DOCTOR_MISSING, text, "it is not writable: chown it, or set DOMUS_RUN_DIR");
    else
        doctor_say(DOCTOR_OK, text, NULL);
    free(why);
    free(run);
    free(log);
    return good;
}

static void doctor_network(void)
{
    bool tun = access("/dev/net/tun", R_OK | W_OK) == 0, bridge = access("/sys/class/net/xenbr0/bridge", F_OK) == 0;

    if (tun && geteuid() == 0)
        doctor_say(DOCTOR_OK, "tap devices: /dev/net/tun is usable", NULL);
    else
        doctor_say(DOCTOR_NOTE,
                   tun ? "tap devices need root; other users' guests get the built-in NAT"
                       : "no /dev/net/tun; guests get the built-in NAT",
                   tun ? "run xl as root for a bridge" : "sudo modprobe tun");
    if (bridge)
        doctor_say(DOCTOR_OK, "bridge xenbr0, where vif=[''] connects", NULL);
    else
        doctor_say(DOCTOR_NOTE, "no bridge xenbr0, where vif=[''] connects",
                   "sudo ip link add xenbr0 type bridge, or name yours: vif=['bridge=br0']");
}

static void doctor_programs(void)
{
    const char *viewer = getenv("VNCVIEWER");
    char command[512];

    if (access("/usr/share/novnc/vnc.html", R_OK) == 0)
        doctor_say(DOCTOR_OK, "web console: noVNC's pages in /usr/share/novnc", NULL);
    else
        doctor_say(DOCTOR_NOTE, "no noVNC pages for the web console", "sudo apt-get install novnc");
    snprintf(command, sizeof command, "command -v '%s' >/dev/null 2>&1", viewer && viewer[0] ? viewer : "vncviewer");
    if (system(command) == 0)
        doctor_say(DOCTOR_OK, "a viewer for xl vncviewer", NULL);
    else
        doctor_say(DOCTOR_NOTE, "no vncviewer for xl vncviewer and xl create -V",
                   "sudo apt-get install tigervnc-viewer, or set VNCVIEWER, or use the web console");
}

int xl_cmd_doctor(struct xl *xl, int argc, char **argv)
{
    bool good = true;

    while (xl_getopt(argc, argv, "h", NULL, 0) != -1)
        ;
    setvbuf(stdout, NULL, _IOLBF, 0); /* in order with what the programs we ask say */
    doctor_kvm();
    good &= doctor_firmware();
    good &= doctor_directories();
    doctor_network();
    doctor_programs();
    return good ? 0 : 1;
}
