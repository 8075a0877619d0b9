/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * native.c: the host's processor as the oracle. A child process runs a batch of cases inside its signal handler's
 * return: the handler puts a case's registers into the signal frame and returns into the instruction; the trap or fault
 * behind it enters the handler again, which reads the frame. So a case costs one signal. Linux only; 32-bit code runs
 * by the compatibility code segment, which sigreturn loads.
 */
#include "oracle.h"

#include <asm/ldt.h>
#include <asm/prctl.h>
#include <errno.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#define DATA_PAGES (DATA_BYTES / PAGE_BYTES)
#define CODE_BYTES (CODE_LOW + PAGE_BYTES)

struct native {
    unsigned max_cases, count;
    unsigned first;       /* case the child starts with */
    volatile unsigned at; /* the case being run */
    uint8_t data[DATA_BYTES];
    uint8_t *code, *data_rw; /* writable aliases of the pages at CODE_VA and DATA_VA */
    struct oracle_case *cases;
    struct oracle_result *results;
    pid_t child;
    bool running;
};

/* The child's, for its handler: a signal handler has no argument of ours. */
static struct native *self;

static uint32_t *frame_xstate_bv(struct _libc_fpstate *fp)
{
    return (uint32_t *)((uint8_t *)fp + 512);
}

static bool frame_has_xsave(const struct _libc_fpstate *fp)
{
    uint32_t magic;
    memcpy(&magic, (const uint8_t *)fp + 464, 4);
    return magic == 0x46505853; /* FP_XSTATE_MAGIC1 */
}

static void put_fpu(struct _libc_fpstate *fp, const uint8_t *image)
{
    uint8_t *to = (uint8_t *)fp;

    memcpy(to, image, 28); /* MXCSR_MASK stays */
    memcpy(to + 32, image + 32, 416 - 32);
    if (!frame_has_xsave(fp))
        return;
    *frame_xstate_bv(fp) = (*frame_xstate_bv(fp) & ~0xe7u) | 7; /* AVX-512 state: initial */
    memcpy(to + 576, image + 576, 256);
}

static void get_fpu(const struct _libc_fpstate *fp, uint8_t *image)
{
    const uint8_t *from = (const uint8_t *)fp;

    memset(image, 0, sizeof(struct x86_xsave));
    memcpy(image, from, 416);
    if (frame_has_xsave(fp))
        memcpy(image + 576, from + 576, 256);
}

/* glibc's order of the general registers, in the order of their numbers. */
static const uint8_t greg[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                                 REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};

static void take_result(struct native *n, ucontext_t *uc)
{
    const struct oracle_case *c = &n->cases[n->at];
    struct oracle_result *r = &n->results[n->at];
    const greg_t *g = uc->uc_mcontext.gregs;

    for (unsigned i = 0; i < 16; i++)
        r->gpr[i] = (uint64_t)g[greg[i]];
    r->rip = (uint64_t)g[REG_RIP];
    r->rflags = (uint64_t)g[REG_EFL];
    r->error = (uint64_t)g[REG_ERR];
    r->cr2 = (uint64_t)g[REG_CR2];
    r->vector = (int)g[REG_TRAPNO];
    get_fpu(uc->uc_mcontext.fpregs, r->fpu.bytes);
    memcpy(r->data, n->data_rw, RW_BYTES);
    r->strayed = c->sequence && case_strayed(c, n->code - CODE_LOW);
    r->code = case_code_sum(n->code - CODE_LOW);
    memset(n->code - CODE_LOW, 0xcc, CODE_LOW);
    memset(n->code + c->code_at, 0xcc, c->bytes);
}

static void start_case(struct native *n, ucontext_t *uc)
{
    const struct oracle_case *c = &n->cases[n->at];
    greg_t *g = uc->uc_mcontext.gregs;

    memcpy(n->data_rw, n->data, DATA_BYTES);
    memcpy(n->data_rw + c->patch_at, c->patch, c->patch_bytes);
    memcpy(n->code + c->code_at, c->code, c->bytes);
    for (unsigned i = 0; i < 16; i++)
        g[greg[i]] = (greg_t)c->gpr[i];
    g[REG_RIP] = (greg_t)case_rip(c);
    g[REG_EFL] = (greg_t)c->rflags;
    const greg_t cs = c->code16 ? USER_CS16 : c->code32 ? USER_CS32 : USER_CS64, ss = c->code16 ? USER_DS16 : USER_DS;
    g[REG_CSGSFS] = (g[REG_CSGSFS] & 0x0000ffffffff0000) | cs | ss << 48;
    put_fpu(uc->uc_mcontext.fpregs, c->fpu.bytes);
}

static void on_signal(int sig, siginfo_t *info, void *context)
{
    struct native *n = self;

    /* A case may leave AC set, and compiled code takes unaligned accesses for granted; NT and ID would stay, too. */
    __asm__ volatile("pushfq; andl $0xffdbbfff, (%%rsp); popfq" ::: "cc", "memory");
    if (n->running)
        take_result(n, context);
    n->at += n->running;
    n->running = true;
    if (n->at >= n->count)
        syscall(SYS_exit, 0);
    start_case(n, context);
    const unsigned ds = n->cases[n->at].code16 ? USER_DS16 : USER_DS;
    __asm__ volatile("mov %0, %%ds; mov %0, %%es" ::"r"(ds)); /* sigreturn does not load them */
}

/* Once a second: a case that does not end is said not to have come back. */
static void on_tick(int sig)
{
    static unsigned seen, ticks;

    ticks = self->at == seen ? ticks + 1 : 0;
    seen = self->at;
    if (ticks == 2)
        syscall(SYS_exit, 5);
}

/* A 16-bit segment of 64 KiB in the LDT. */
static long make_segment(unsigned selector, uint32_t base, unsigned contents)
{
    struct user_desc d = {.entry_number = selector >> 3, .base_addr = base, .limit = 0xffff, .contents = contents & 3};

    return syscall(SYS_modify_ldt, 1, &d, sizeof d);
}

static _Noreturn void child_main(struct native *n)
{
    static const int signals[] = {SIGTRAP, SIGSEGV, SIGBUS, SIGILL, SIGFPE};
    struct sigaction act = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
    stack_t stack = {.ss_size = 256 << 10};

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    self = n;
    n->running = false;
    n->at = n->first;
    stack.ss_sp = mmap(NULL, stack.ss_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (stack.ss_sp == MAP_FAILED || sigaltstack(&stack, NULL) < 0)
        _exit(3);
    for (unsigned i = 0; i < ARRAY_SIZE(signals); i++)
        sigaction(signals[i], &act, NULL);
    for (unsigned i = 0; i < DATA_PAGES; i++) /* present in the page tables, so that faults say "protection" */
        (void)*(volatile uint8_t *)(uintptr_t)(DATA_VA + i * PAGE_BYTES);
    (void)*(volatile uint8_t *)(uintptr_t)CODE_VA;
    (void)*(volatile uint8_t *)(uintptr_t)(CODE_VA - CODE_LOW);
    syscall(SYS_arch_prctl, ARCH_SET_GS, GS_BASE);
    if (make_segment(USER_CS16, CODE_VA, MODIFY_LDT_CONTENTS_CODE) < 0 ||
        make_segment(USER_DS16, DATA_VA, MODIFY_LDT_CONTENTS_DATA) < 0)
        _exit(3);
    struct sigaction tick = {.sa_handler = on_tick, .sa_flags = SA_ONSTACK | SA_RESTART};
    sigaction(SIGALRM, &tick, NULL);
    setitimer(ITIMER_REAL, &(struct itimerval){{1, 0}, {1, 0}}, NULL);
    /* Code that was written astray makes no system calls, where the kernel can see to that. */
    prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT);
    __asm__ volatile("int3");
    _exit(4);
}

struct oracle_case *native_cases(struct native *n)
{
    return n->cases;
}

const struct oracle_result *native_result(const struct native *n, unsigned i)
{
    return &n->results[i];
}

static void spawn(struct native *n)
{
    n->child = fork();
    if (n->child == 0)
        child_main(n);
}

void native_start(struct native *n, unsigned count, const uint8_t data[DATA_BYTES])
{
    memcpy(n->data, data, DATA_BYTES);
    memset(n->code - CODE_LOW, 0xcc, CODE_BYTES);
    n->count = count;
    n->first = 0;
    spawn(n);
}

/* A case that kills the child is said not to have come back; the rest goes on in another child. */
void native_wait(struct native *n)
{
    for (;;) {
        int status = 0;
        if (n->child < 0 || waitpid(n->child, &status, 0) < 0) {
            perror("oracle: child");
            exit(2);
        }
        if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
            return;
        if (n->at >= n->count || !n->running) {
            fprintf(stderr, "oracle: the child failed to start (status %#x)\n", status);
            exit(2);
        }
        n->results[n->at].vector = -1;
        memset(n->code - CODE_LOW, 0xcc, CODE_BYTES);
        n->first = n->at + 1;
        if (n->first >= n->count)
            return;
        spawn(n);
    }
}

static void *shared(size_t bytes)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

/* The pages at their addresses, and a writable alias of them. */
static uint8_t *map_pages(uint32_t va, size_t bytes, int prot)
{
    int fd = memfd_create("oracle", MFD_CLOEXEC);
    uint8_t *alias;

    if (fd < 0 || ftruncate(fd, (off_t)bytes) < 0)
        return NULL;
    alias = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    void *at = mmap((void *)(uintptr_t)va, bytes, prot, MAP_SHARED | MAP_FIXED_NOREPLACE, fd, 0);
    close(fd);
    return alias == MAP_FAILED || at != (void *)(uintptr_t)va ? NULL : alias;
}

int native_create(struct native **out, unsigned max_cases)
{
    struct native *n = shared(sizeof *n);

    if (!n)
        return -ENOMEM;
    n->max_cases = max_cases;
    n->cases = shared(max_cases * sizeof *n->cases);
    n->results = shared(max_cases * sizeof *n->results);
    uint8_t *code = map_pages(CODE_VA - CODE_LOW, CODE_BYTES, PROT_READ | PROT_EXEC);
    n->code = code ? code + CODE_LOW : NULL;
    n->data_rw = map_pages(DATA_VA, DATA_BYTES, PROT_READ | PROT_WRITE);
    if (!n->cases || !n->results || !n->code || !n->data_rw ||
        mprotect((void *)(uintptr_t)(CODE_VA - CODE_LOW), CODE_LOW, PROT_READ | PROT_WRITE | PROT_EXEC) < 0 ||
        mprotect((void *)(uintptr_t)(DATA_VA + RW_BYTES), DATA_BYTES - RW_BYTES, PROT_READ) < 0) {
        native_destroy(n);
        return -ENOMEM;
    }
    *out = n;
    return 0;
}

void native_destroy(struct native *n)
{
    if (!n)
        return;
    if (n->cases)
        munmap(n->cases, n->max_cases * sizeof *n->cases);
    if (n->results)
        munmap(n->results, n->max_cases * sizeof *n->results);
    if (n->code)
        munmap(n->code - CODE_LOW, CODE_BYTES);
    if (n->data_rw)
        munmap(n->data_rw, DATA_BYTES);
    munmap((void *)(uintptr_t)(CODE_VA - CODE_LOW), CODE_BYTES);
    munmap((void *)(uintptr_t)DATA_VA, DATA_BYTES);
    munmap(n, sizeof *n);
}
