/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * system.c: what the kernel is asked for: system calls, pipes, processes, page faults, signals, context switches,
 * files. Works on files in /tmp, which should be in memory.
 */
#define _GNU_SOURCE
#include "micro.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static uint64_t run_getppid(uint64_t work)
{
    uint64_t sum = 0;
    for (uint64_t i = 0; i < work; i++)
        sum += syscall(SYS_getppid) > 0;
    return sum;
}

/* A byte to a child and back: two switches each. */
static uint64_t run_pipe(uint64_t work)
{
    int there[2], back[2];
    char c = 1;
    if (pipe(there) || pipe(back))
        micro_die("pipe");
    pid_t pid = fork();
    if (pid < 0)
        micro_die("fork");
    if (pid == 0) {
        close(there[1]);
        while (read(there[0], &c, 1) == 1) {
            c++;
            if (write(back[1], &c, 1) != 1)
                _exit(1);
        }
        _exit(0);
    }
    for (uint64_t i = 0; i < work; i++)
        if (write(there[1], &c, 1) != 1 || read(back[0], &c, 1) != 1)
            micro_die("pipe");
    close(there[1]);
    waitpid(pid, NULL, 0);
    return (uint8_t)c;
}

static uint64_t run_fork(uint64_t work)
{
    uint64_t sum = 0;
    for (uint64_t i = 0; i < work; i++) {
        int status;
        pid_t pid = fork();
        if (pid < 0)
            micro_die("fork");
        if (pid == 0)
            _exit((int)(i & 63));
        waitpid(pid, &status, 0);
        sum += (uint64_t)WEXITSTATUS(status);
    }
    return sum;
}

/* Runs itself, to print nothing: `micro --list` with its output closed. */
static uint64_t run_exec(uint64_t work)
{
    uint64_t sum = 0;
    for (uint64_t i = 0; i < work; i++) {
        int status;
        pid_t pid = fork();
        if (pid < 0)
            micro_die("fork");
        if (pid == 0) {
            close(1);
            execl("/proc/self/exe", "micro", "--list", (char *)NULL);
            _exit(127);
        }
        waitpid(pid, &status, 0);
        sum += (uint64_t)WEXITSTATUS(status) + 1;
    }
    return sum;
}

static uint64_t run_fault(uint64_t work)
{
    enum { PAGES = 256 };
    uint64_t sum = 0;
    for (uint64_t i = 0; i < work; i++) {
        char *p = mmap(NULL, PAGES * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED)
            micro_die("mmap");
        for (size_t k = 0; k < PAGES; k++)
            p[k * 4096] = (char)k;
        sum += (uint8_t)p[i % PAGES * 4096];
        munmap(p, PAGES * 4096);
    }
    return sum;
}

/* A map, a page, a change of protection, an unmap. */
static uint64_t run_mmap(uint64_t work)
{
    uint64_t sum = 0;
    for (uint64_t i = 0; i < work; i++) {
        char *p = mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED)
            micro_die("mmap");
        p[4096] = (char)i;
        if (mprotect(p, 8192, PROT_READ))
            micro_die("mprotect");
        sum += (uint8_t)p[4096];
        munmap(p, 16384);
    }
    return sum;
}

static volatile sig_atomic_t seen;

static void on_signal(int n)
{
    seen += n;
}

static uint64_t run_signal(uint64_t work)
{
    signal(SIGUSR1, on_signal);
    seen = 0;
    for (uint64_t i = 0; i < work; i++)
        raise(SIGUSR1);
    return (uint64_t)seen;
}

/* A write to a page that may not be written: the handler allows it, the program forbids it again. */
static char *guarded;

static void on_segv(int n)
{
    seen += n;
    mprotect(guarded, 4096, PROT_READ | PROT_WRITE);
}

static uint64_t run_segv(uint64_t work)
{
    guarded = micro_alloc(4096);
    signal(SIGSEGV, on_segv);
    seen = 0;
    for (uint64_t i = 0; i < work; i++) {
        mprotect(guarded, 4096, PROT_READ);
        *(volatile char *)guarded = (char)i;
    }
    return (uint64_t)seen;
}

static long futex(uint32_t *word, int op, uint32_t value)
{
    return syscall(SYS_futex, word, op, value, NULL, NULL, 0);
}

/* Two processes hand a turn to each other. */
static uint64_t run_futex(uint64_t work)
{
    uint32_t *turn = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (turn == MAP_FAILED)
        micro_die("mmap");
    pid_t pid = fork();
    if (pid < 0)
        micro_die("fork");
    uint32_t mine = pid == 0;
    for (uint64_t i = 0; i < work; i++) {
        while (__atomic_load_n(turn, __ATOMIC_ACQUIRE) != mine)
            futex(turn, FUTEX_WAIT, !mine);
        turn[1]++;
        __atomic_store_n(turn, !mine, __ATOMIC_RELEASE);
        futex(turn, FUTEX_WAKE, 1);
    }
    if (pid == 0)
        _exit(0);
    waitpid(pid, NULL, 0);
    return turn[1];
}

static uint64_t run_yield(uint64_t work)
{
    pid_t pid = fork();
    if (pid < 0)
        micro_die("fork");
    for (uint64_t i = 0; i < work; i++)
        sched_yield();
    if (pid == 0)
        _exit(0);
    waitpid(pid, NULL, 0);
    return work;
}

static uint64_t run_readwrite(uint64_t work)
{
    char data[512] = "domus";
    uint64_t sum = 0;
    int fd = open("/tmp/micro.rw", O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (fd < 0)
        micro_die("/tmp/micro.rw");
    for (uint64_t i = 0; i < work; i++) {
        data[5] = (char)i;
        off_t at = (off_t)(i % 64 * 512);
        if (pwrite(fd, data, sizeof(data), at) != sizeof(data) || pread(fd, data, sizeof(data), at) != sizeof(data))
            micro_die("/tmp/micro.rw");
        sum += (uint8_t)data[5];
    }
    close(fd);
    unlink("/tmp/micro.rw");
    return sum;
}

static uint64_t run_stat(uint64_t work)
{
    struct stat st;
    uint64_t sum = 0;
    if (mkdir("/tmp/micro.dir", 0700) && access("/tmp/micro.dir", F_OK))
        micro_die("/tmp/micro.dir");
    for (uint64_t i = 0; i < work; i++) {
        int fd = open("/tmp/micro.dir/file", O_RDWR | O_CREAT, 0600);
        if (fd < 0 || fstat(fd, &st) || stat("/tmp/micro.dir/file", &st))
            micro_die("/tmp/micro.dir/file");
        sum += (uint64_t)S_ISREG(st.st_mode) + (uint64_t)(stat("/tmp/micro.dir/none", &st) != 0);
        close(fd);
    }
    unlink("/tmp/micro.dir/file");
    rmdir("/tmp/micro.dir");
    return sum;
}

static uint64_t run_clock(uint64_t work)
{
    struct timespec t, last = {0, 0};
    uint64_t sum = 0;
    for (uint64_t i = 0; i < work; i++) {
        clock_gettime(CLOCK_MONOTONIC, &t);
        sum += t.tv_sec > last.tv_sec || (t.tv_sec == last.tv_sec && t.tv_nsec >= last.tv_nsec);
        last = t;
    }
    return sum;
}

const struct micro_row system_rows[] = {
    {"getppid", run_getppid, 200000, NULL},
    {"pipe", run_pipe, 12000, NULL},
    {"fork", run_fork, 400, NULL},
    {"exec", run_exec, 100, NULL},
    {"fault", run_fault, 60, NULL},
    {"mmap", run_mmap, 8000, NULL},
    {"signal", run_signal, 40000, NULL},
    {"segv", run_segv, 8000, NULL},
    {"futex", run_futex, 15000, NULL},
    {"yield", run_yield, 30000, NULL},
    {"readwrite", run_readwrite, 60000, NULL},
    {"stat", run_stat, 20000, NULL},
    {"clock", run_clock, 4000000, NULL},
    {NULL, NULL, 0, NULL},
};
