/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stub.c: the program of a stub process (wire.h). It gives up its stack, its vDSO and all system calls but the few that
 * its filters let through, and then runs guest code in one task and maps guest memory in the other.
 *
 * After a stop has been told, nothing but the monitor's answer lets the runner go on: what the code between the two
 * system calls reads is immediate. So guest code that jumps into it stops like any other.
 */
#include "engine/direct/wire.h"

#include <asm/prctl.h>
#include <asm/unistd.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <stddef.h>

#define ALWAYS_INLINE static inline __attribute__((always_inline))

#define PROT_READ     1
#define PROT_WRITE    2
#define MAP_SHARED    1
#define MAP_FIXED     16
#define FLAGS_KEPT    0x204000ull /* NT, ID */
#define SIG_KICK      10          /* SIGUSR1 */

ALWAYS_INLINE long call6(long nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f)
{
    register uint64_t r10 __asm__("r10") = d;
    register uint64_t r8 __asm__("r8") = e;
    register uint64_t r9 __asm__("r9") = f;
    long r = nr;
    __asm__ volatile("syscall" : "+a"(r) : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9) : "rcx", "r11", "memory");
    return r;
}

ALWAYS_INLINE long call3(long nr, uint64_t a, uint64_t b, uint64_t c)
{
    return call6(nr, a, b, c, 0, 0, 0);
}

ALWAYS_INLINE _Noreturn void quit(int status)
{
    for (;;)
        call3(__NR_exit_group, (uint64_t)status, 0, 0);
}

#define COMMANDS ((const volatile struct direct_commands *)DIRECT_COMMANDS)
#define SHARED   ((volatile struct direct_shared *)DIRECT_SHARED)

/* --- filters --- */

#define LOAD(field)              BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define LOAD_HIGH(field)         BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field) + 4)
#define IF_NOT(value, else_skip) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(value), 0, else_skip)
#define IF(value, then_skip)     BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(value), then_skip, 0)
#define RETURN(what)             BPF_STMT(BPF_RET | BPF_K, what)

static void set_filter(struct sock_filter *code, unsigned n)
{
    struct sock_fprog program = {.len = (unsigned short)n, .filter = code};
    if (call6(__NR_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0) < 0 ||
        call3(__NR_seccomp, SECCOMP_SET_MODE_FILTER, 0, (uint64_t)(uintptr_t)&program) < 0)
        quit(10);
}

/* Only from the stub's text, and there only what on_signal() does; all else stops the runner as a signal. */
static void filter_runner(void)
{
    struct sock_filter code[] = {
        LOAD(arch),
        IF(AUDIT_ARCH_X86_64, 1),
        RETURN(SECCOMP_RET_TRAP),
        LOAD_HIGH(instruction_pointer),
        IF(DIRECT_BASE >> 32, 1),
        RETURN(SECCOMP_RET_TRAP),
        LOAD(instruction_pointer),
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, (uint32_t)DIRECT_TEXT_BYTES, 0, 1),
        RETURN(SECCOMP_RET_TRAP),
        LOAD(nr),
        IF_NOT(__NR_rt_sigreturn, 1),
        RETURN(SECCOMP_RET_ALLOW),
        IF_NOT(__NR_arch_prctl, 5),
        LOAD(args[0]),
        IF(ARCH_SET_FS, 2),
        IF(ARCH_SET_GS, 1),
        RETURN(SECCOMP_RET_TRAP),
        RETURN(SECCOMP_RET_ALLOW),
        IF(__NR_read, 2),
        IF(__NR_write, 1),
        RETURN(SECCOMP_RET_TRAP),
        LOAD(args[0]),
        IF(DIRECT_FD_RUNNER, 1),
        RETURN(SECCOMP_RET_TRAP),
        LOAD(args[2]),
        IF(1, 1),
        RETURN(SECCOMP_RET_TRAP),
        LOAD_HIGH(args[1]),
        IF(DIRECT_SHARED >> 32, 1),
        RETURN(SECCOMP_RET_TRAP),
        LOAD(args[1]),
        IF((uint32_t)(DIRECT_SHARED + offsetof(struct direct_shared, byte)), 1),
        RETURN(SECCOMP_RET_TRAP),
        RETURN(SECCOMP_RET_ALLOW),
    };
    set_filter(code, sizeof code / sizeof *code);
}

static void filter_mapper(void)
{
    struct sock_filter code[] = {
        LOAD(arch),
        IF(AUDIT_ARCH_X86_64, 1),
        RETURN(SECCOMP_RET_KILL_PROCESS),
        LOAD(nr),
        IF(__NR_mmap, 5),
        IF(__NR_munmap, 4),
        IF(__NR_read, 3),
        IF(__NR_write, 2),
        IF(__NR_exit_group, 1),
        RETURN(SECCOMP_RET_KILL_PROCESS),
        RETURN(SECCOMP_RET_ALLOW),
    };
    set_filter(code, sizeof code / sizeof *code);
}

/* --- the runner --- */

/* What the kernel wants of a handler (arch/x86: rt_sigframe's return address is the restorer). */
struct kernel_sigaction {
    void (*handler)(int, void *, void *);
    uint64_t flags;
    void (*restorer)(void);
    uint64_t mask;
};

__asm__(".globl stub_restorer\nstub_restorer: mov $15, %eax\nsyscall\nhlt");
void stub_restorer(void);

static void on_signal(int signal, void *unused, void *context)
{
    SHARED->frame = (uint64_t)(uintptr_t)context;
    SHARED->signal = (uint64_t)signal;
    const uint64_t byte = DIRECT_SHARED + offsetof(struct direct_shared, byte);
    long r = call3(__NR_write, DIRECT_FD_RUNNER, byte, 1);
    do
        r = call3(__NR_read, DIRECT_FD_RUNNER, DIRECT_SHARED + offsetof(struct direct_shared, byte), 1);
    while (r != 1);
    if (COMMANDS->set_rest) {
        call3(__NR_arch_prctl, ARCH_SET_FS, COMMANDS->fs_base, 0);
        call3(__NR_arch_prctl, ARCH_SET_GS, COMMANDS->gs_base, 0);
        __asm__ volatile("pushfq; andq %0, (%%rsp); orq %1, (%%rsp); popfq"
                         :
                         : "r"(~FLAGS_KEPT), "r"(COMMANDS->flags & FLAGS_KEPT)
                         : "cc", "memory");
        __asm__ volatile("mov %0, %%ds; mov %1, %%es" ::"r"((uint32_t)COMMANDS->ds), "r"((uint32_t)COMMANDS->es));
    }
}

struct kernel_stack {
    void *sp;
    int flags, pad;
    uint64_t size;
};

static _Noreturn void run(void)
{
    static const uint8_t signals[] = {4, 5, 7, 8, 11, 31, SIG_KICK}; /* ILL TRAP BUS FPE SEGV SYS USR1 */
    struct kernel_sigaction act = {.handler = on_signal,
                                   .flags = 4 /* SIGINFO */ | 0x08000000 /* ONSTACK */ | 0x04000000 /* RESTORER */,
                                   .restorer = stub_restorer,
                                   .mask = ~0ull};
    struct kernel_stack stack = {.sp = (void *)(DIRECT_SHARED + DIRECT_SHARED_BYTES - DIRECT_STACK_BYTES),
                                 .size = DIRECT_STACK_BYTES};
    call3(__NR_prctl, PR_SET_PDEATHSIG, 9, 0);
    SHARED->runner = (uint64_t)call3(__NR_gettid, 0, 0, 0);
    if (call3(__NR_sigaltstack, (uint64_t)(uintptr_t)&stack, 0, 0) < 0)
        quit(11);
    for (unsigned i = 0; i < sizeof signals; i++) {
        if (call6(__NR_rt_sigaction, signals[i], (uint64_t)(uintptr_t)&act, 0, 8, 0, 0) < 0)
            quit(12);
    }
    call3(__NR_prctl, PR_SET_TSC, PR_TSC_SIGSEGV, 0);
    filter_runner();
    __asm__ volatile("ud2"); /* the first stop: from here on the frame is the monitor's to fill */
    for (;;)
        __asm__ volatile("ud2");
}

/* --- the mapper --- */

/* In registers and from the commands only: this task's memory is guest code's to write. */
static __attribute__((noinline)) _Noreturn void map(void)
{
    for (;;) {
        if (call3(__NR_read, DIRECT_FD_MAPPER, DIRECT_SHARED + offsetof(struct direct_shared, byte), 1) != 1)
            quit(0);
        for (uint64_t i = 0; i < COMMANDS->count && i < DIRECT_OPS; i++) {
            const volatile struct direct_op *op = &COMMANDS->op[i];
            long r;
            if (op->kind == DIRECT_MAP)
                r = call6(__NR_mmap, op->address, op->bytes, op->prot, MAP_SHARED | MAP_FIXED, DIRECT_FD_RAM,
                          op->offset);
            else
                r = call3(__NR_munmap, op->address, op->bytes, 0);
            if (r < 0 && r > -4096)
                quit(13);
        }
        if (call3(__NR_write, DIRECT_FD_MAPPER, DIRECT_COMMANDS, 1) != 1)
            quit(14);
    }
}

/* --- making --- */

static uint8_t runner_stack[8192] __attribute__((aligned(16)));
extern uint8_t stub_stack[8192];
uint8_t stub_stack[8192] __attribute__((aligned(16), used));

/* vfork-like: the child has the stack above and never returns. */
static long start_runner(void)
{
    long r = __NR_clone;
    __asm__ volatile("syscall\n"
                     "test %%eax, %%eax\n"
                     "jnz 1f\n"
                     "mov %2, %%rsp\n"
                     "xor %%ebp, %%ebp\n"
                     "call *%3\n"
                     "1:"
                     : "+a"(r)
                     : "D"((uint64_t)CLONE_VM), "r"(runner_stack + sizeof runner_stack), "r"((uint64_t)(uintptr_t)run),
                       "S"(runner_stack + sizeof runner_stack), "d"(0)
                     : "rcx", "r11", "memory");
    return r;
}

_Noreturn void stub_main(void);
_Noreturn __attribute__((used)) void stub_main(void)
{
    const uint64_t prot = PROT_READ | PROT_WRITE;
    call3(__NR_prctl, PR_SET_PDEATHSIG, 9, 0);
    call3(__NR_close_range, DIRECT_FD_MAPPER + 1, ~0u, 0);
    call3(__NR_munmap, 0, DIRECT_BASE, 0);
    call3(__NR_munmap, DIRECT_END, DIRECT_TOP - DIRECT_END, 0);
    if (call6(__NR_mmap, DIRECT_COMMANDS, DIRECT_COMMAND_BYTES, PROT_READ, MAP_SHARED | MAP_FIXED, DIRECT_FD_CONTROL,
              0) < 0 ||
        call6(__NR_mmap, DIRECT_SHARED, DIRECT_SHARED_BYTES, prot, MAP_SHARED | MAP_FIXED, DIRECT_FD_CONTROL,
              DIRECT_COMMAND_BYTES) < 0)
        quit(15);
    call3(__NR_close, DIRECT_FD_CONTROL, 0, 0);
    if (start_runner() < 0)
        quit(16);
    call3(__NR_close, DIRECT_FD_RUNNER, 0, 0);
    filter_mapper();
    map();
}

__asm__(".globl _start\n_start: lea stub_stack+8192(%rip), %rsp\nxor %ebp, %ebp\ncall stub_main\nhlt");
