/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/direct/link.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define STOP_MS 2000 /* a stub that was kicked and has not stopped by then is not the one that was started */

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

/* A byte from the stub. patience_ms < 0: as long as it takes. */
static bool await(struct direct_link *l, int fd, int patience_ms)
{
    char byte;
    for (;;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (patience_ms >= 0) {
            int r = poll(&p, 1, patience_ms);
            if (r == 0)
                return false;
            if (r < 0 && errno != EINTR)
                return false;
        }
        ssize_t n = read(fd, &byte, 1);
        if (n == 1)
            return true;
        if (n == 0 || errno != EINTR)
            return false;
    }
}

int direct_link_start(struct direct_link *l, int ram)
{
    memset(l, 0, sizeof *l);
    l->runner = l->mapper = l->cpu = -1;
    int control = memfd_create("domus-stub", MFD_CLOEXEC), rc = -ENOMEM;
    const size_t bytes = DIRECT_COMMAND_BYTES + DIRECT_SHARED_BYTES;
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
    if (rc == 0 && !await(l, l->runner, STOP_MS))
        rc = -EPERM;
    if (rc == 0)
        l->runner_tid = (pid_t)l->shared->runner;
out:
    if (control >= 0)
        close(control);
    if (rc < 0)
        direct_link_end(l);
    return rc;
}

void direct_link_end(struct direct_link *l)
{
    if (l->pid > 0) {
        if (l->runner_tid > 0)
            kill(l->runner_tid, SIGKILL);
        kill(l->pid, SIGKILL);
        while (waitpid(l->pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    if (l->runner >= 0)
        close(l->runner);
    if (l->mapper >= 0)
        close(l->mapper);
    if (l->commands)
        munmap(l->commands, DIRECT_COMMAND_BYTES + DIRECT_SHARED_BYTES);
    memset(l, 0, sizeof *l);
    l->runner = l->mapper = -1;
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
    return write(l->mapper, "", 1) == 1 && await(l, l->mapper, STOP_MS);
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

bool direct_link_go(struct direct_link *l, const struct direct_segments *segments)
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
    return write(l->runner, "", 1) == 1 && await(l, l->runner, -1);
}
