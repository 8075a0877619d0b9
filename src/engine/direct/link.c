/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/direct/link.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CONTROL_BYTES (DIRECT_COPIES_OFFSET + DIRECT_COPIES * 4096ull)
#define ANSWER_MS     10000                    /* for what takes microseconds */
#define LOOK_MS       50                       /* how often a program that runs is asked whether it heeds kicks */
#define DEAF_MS       300                      /* of processor time that a program may use after it was kicked */
#define SYNC_FLAGS    SECCOMP_IOW(4, uint64_t) /* Linux 6.6: SECCOMP_IOCTL_NOTIF_SET_FLAGS, and its only flag */

/* Beside the running program, or where a build has it. */
static bool find_program(char *path, size_t size)
{
    static const char *const places[] = {"domus-stub", "../libexec/domus-stub", "../../domus-stub",
                                         "../../../domus-stub"};
    char self[4096];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n <= 0)
        return false;
    self[n] = 0;
    char *slash = strrchr(self, '/');
    *slash = 0;
    for (unsigned i = 0; i < sizeof places / sizeof *places; i++) {
        int r = snprintf(path, size, "%s/%s", self, places[i]);
        if (r > 0 && (size_t)r < size && access(path, X_OK) == 0)
            return true;
    }
    return false;
}

/* In the child of vfork(): the parent waits, and shares our memory. */
static _Noreturn void become(const char *path, const int from[4])
{
    static char *const none[] = {NULL};
    int high[4];
    sigset_t all;
    for (unsigned i = 0; i < 4; i++)
        high[i] = fcntl(from[i], F_DUPFD, 100);
    for (int i = 0; i < 4; i++)
        (void)dup2(high[i], DIRECT_FD_CONTROL + i);
    sigemptyset(&all);
    (void)sigprocmask(SIG_SETMASK, &all, NULL);
    char *const argv[] = {(char *)(uintptr_t)path, NULL};
    (void)execve(path, argv, none);
    _exit(127);
}

static int spawn(struct direct_link *l, int control, int ram)
{
    char path[4200];
    int runner[2] = {-1, -1}, mapper[2] = {-1, -1};
    if (!find_program(path, sizeof path))
        return -ENOENT;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, runner) < 0 ||
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, mapper) < 0)
        goto out;
    const int from[4] = {control, ram, runner[1], mapper[1]};
    pid_t pid = vfork();
    if (pid == 0)
        become(path, from);
    if (pid > 0) {
        l->pid = pid;
        l->runner = runner[0];
        l->mapper = mapper[0];
        runner[0] = mapper[0] = -1;
    }
out:;
    int error = errno;
    for (unsigned i = 0; i < 2; i++) {
        if (runner[i] >= 0)
            close(runner[i]);
        if (mapper[i] >= 0)
            close(mapper[i]);
    }
    return l->pid > 0 ? 0 : -error;
}

/* A byte from the mapper. */
static bool await(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    char byte;
    int r;
    while ((r = poll(&p, 1, ANSWER_MS)) < 0 && errno == EINTR)
        ;
    return r == 1 && read(fd, &byte, 1) == 1;
}

/* The descriptor that the runner sends when it begins, or -1. */
static int receive(int fd)
{
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } control;
    char byte;
    struct iovec part = {.iov_base = &byte, .iov_len = 1};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    struct pollfd p = {.fd = fd, .events = POLLIN};
    int got = -1;
    if (poll(&p, 1, ANSWER_MS) != 1 || recvmsg(fd, &message, MSG_CMSG_CLOEXEC) != 1)
        return -1;
    const struct cmsghdr *c = CMSG_FIRSTHDR(&message);
    if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS && c->cmsg_len == CMSG_LEN(sizeof got))
        memcpy(&got, CMSG_DATA(c), sizeof got);
    return got;
}

/* Processor time that the runner has used, in ms. */
static uint64_t used_ms(const struct direct_link *l)
{
    clockid_t clock;
    struct timespec t;
    if (clock_getcpuclockid(l->runner_tid, &clock) || clock_gettime(clock, &t) < 0)
        return 0;
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Until the kernel holds the runner at a stop. */
static bool await_stop(struct direct_link *l, const _Atomic uint32_t *wanted)
{
    struct pollfd p[2] = {{.fd = l->stops, .events = POLLIN}, {.fd = l->runner, .events = POLLIN}};
    uint64_t kicked = 0;
    for (;;) {
        int r = poll(p, 2, LOOK_MS);
        if (r < 0 && errno != EINTR)
            return false;
        if (r > 0 && (p[0].revents & POLLIN)) {
            struct seccomp_notif n = {0};
            if (ioctl(l->stops, SECCOMP_IOCTL_NOTIF_RECV, &n) == 0) {
                l->stop = n.id;
                return true;
            }
            if (errno != EINTR && errno != ENOENT)
                return false;
        } else if (r > 0) {
            return false; /* it died */
        }
        if (r == 0 && atomic_load(wanted)) {
            uint64_t now = used_ms(l) + 1;
            if (!kicked)
                kicked = now;
            else if (now - kicked > DEAF_MS)
                return false;
            (void)syscall(SYS_tgkill, l->runner_tid, l->runner_tid, SIGUSR1);
        }
    }
}

int direct_link_start(struct direct_link *l, int ram)
{
    static const _Atomic uint32_t never;
    memset(l, 0, sizeof *l);
    l->runner = l->mapper = l->stops = l->cpu = -1;
    int control = memfd_create("domus-stub", MFD_CLOEXEC), rc = -ENOMEM;
    const size_t bytes = CONTROL_BYTES;
    _Static_assert(sizeof(struct direct_commands) <= DIRECT_COMMAND_BYTES, "they fit");
    if (control < 0 || ftruncate(control, (off_t)bytes) < 0)
        goto out;
    l->commands = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, control, 0);
    if (l->commands == MAP_FAILED) {
        l->commands = NULL;
        goto out;
    }
    l->shared = (struct direct_shared *)(void *)((char *)l->commands + DIRECT_COMMAND_BYTES);
    rc = spawn(l, control, ram);
    if (rc < 0)
        goto out;
    rc = -EPERM;
    l->stops = receive(l->runner);
    l->runner_tid = (pid_t)l->shared->runner;
    if (l->stops < 0)
        goto out;
    uint64_t sync = 1; /* wake the runner on this processor: a hint, where the kernel knows it */
    (void)ioctl(l->stops, SYNC_FLAGS, sync);
    if (l->shared->keyed)
        l->copies = (uint8_t *)l->commands + DIRECT_COPIES_OFFSET;
    if (write(l->runner, "", 1) == 1 && await_stop(l, &never))
        rc = 0;
out:
    if (control >= 0)
        close(control);
    if (rc < 0)
        direct_link_end(l);
    return rc;
}

static void end(pid_t pid)
{
    if (pid <= 0)
        return;
    kill(pid, SIGKILL);
    while (waitpid(pid, NULL, __WALL) < 0 && errno == EINTR)
        ;
}

void direct_link_end(struct direct_link *l)
{
    end(l->runner_tid);
    end(l->pid);
    if (l->stops >= 0)
        close(l->stops);
    if (l->runner >= 0)
        close(l->runner);
    if (l->mapper >= 0)
        close(l->mapper);
    if (l->commands)
        munmap(l->commands, CONTROL_BYTES);
    memset(l, 0, sizeof *l);
    l->runner = l->mapper = l->stops = -1;
}

/*
 * The monitor's thread and the stub's tasks take turns: on one processor a turn is a switch, on two it wakes the other.
 */
static void follow(struct direct_link *l)
{
    int cpu = sched_getcpu();
    cpu_set_t set;
    if (cpu < 0 || cpu == l->cpu || cpu >= CPU_SETSIZE)
        return;
    CPU_ZERO(&set);
    CPU_SET((unsigned)cpu, &set);
    (void)sched_setaffinity(l->runner_tid, sizeof set, &set);
    (void)sched_setaffinity(l->pid, sizeof set, &set);
    l->cpu = cpu;
}

bool direct_link_map(struct direct_link *l, unsigned count)
{
    l->commands->count = count;
    follow(l);
    return send(l->mapper, "", 1, MSG_NOSIGNAL) == 1 && await(l->mapper);
}

ucontext_t *direct_link_frame(struct direct_link *l, uint8_t **fpu)
{
    const uint64_t first = DIRECT_SHARED + DIRECT_SHARED_BYTES - DIRECT_STACK_BYTES,
                   end = DIRECT_SHARED + DIRECT_SHARED_BYTES;
    uint64_t frame = l->shared->frame;
    if (frame < first || frame > end - sizeof(ucontext_t) || frame % 8)
        return NULL;
    ucontext_t *uc = (ucontext_t *)(void *)((char *)l->shared + (frame - DIRECT_SHARED));
    uint64_t image = (uint64_t)(uintptr_t)uc->uc_mcontext.fpregs;
    if (image < first || image > end - 1024 || image % 64)
        return NULL;
    *fpu = (uint8_t *)l->shared + (image - DIRECT_SHARED);
    return uc;
}

bool direct_link_go(struct direct_link *l, const struct direct_segments *segments, const _Atomic uint32_t *wanted)
{
    struct direct_commands *c = l->commands;
    const struct direct_segments *had = &l->segments;
    c->set_rest = !l->segments_known || had->fs_base != segments->fs_base || had->gs_base != segments->gs_base ||
                  had->ds != segments->ds || had->es != segments->es || had->flags != segments->flags;
    c->fs_base = segments->fs_base;
    c->gs_base = segments->gs_base;
    c->ds = segments->ds;
    c->es = segments->es;
    c->flags = segments->flags;
    l->segments = *segments;
    l->segments_known = true;
    follow(l);
    struct seccomp_notif_resp answer = {.id = l->stop};
    return ioctl(l->stops, SECCOMP_IOCTL_NOTIF_SEND, &answer) == 0 && await_stop(l, wanted);
}
