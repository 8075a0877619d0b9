/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stub.c: the program of a stub process (wire.h). It gives up its stack, its vDSO and all system calls but the few that
 * its filters let through, and then runs guest code in one task and maps guest memory in the other.
 *
 * A stop is told by a system call that the kernel holds until the monitor answers: wherever guest code jumps, it does
 * not run while the monitor believes that it stands.
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

#define ALWAYS_INLINE       static inline __attribute__((always_inline))

#define PROT_READ           1
#define PROT_WRITE          2
#define PROT_EXEC           4
#define PKEY_DISABLE_ACCESS 1
#define MAP_SHARED          1
#define MAP_FIXED           16
#define FLAGS_KEPT          0x204000ull /* NT, ID */
#define SIG_KICK            10          /* SIGUSR1 */

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

static long set_filter(struct sock_filter *code, unsigned n, uint64_t flags)
{
    struct sock_fprog program = {.len = (unsigned short)n, .filter = code};
    call6(__NR_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0);
    long r = call3(__NR_seccomp, SECCOMP_SET_MODE_FILTER, flags, (uint64_t)(uintptr_t)&program);
    if (r < 0)
        quit(10);
    return r;
}

/*
 * The stop: a system call that the kernel holds until the monitor answers. It is one only at this instruction, so no
 * code of the guest's can be past it and have been told of.
 */
extern const char stub_told[];

static uint32_t low(const void *p)
{
    return (uint32_t)(uintptr_t)p;
}

/* The first filter: stops go to the monitor. Returns the descriptor at which it hears of them. */
static long filter_stops(void)
{
    struct sock_filter code[] = {
        LOAD(arch),
        IF_NOT(AUDIT_ARCH_X86_64, 7),
        LOAD(nr),
        IF_NOT(__NR_pause, 5),
        LOAD_HIGH(instruction_pointer),
        IF_NOT(DIRECT_BASE >> 32, 3),
        LOAD(instruction_pointer),
        IF_NOT(low(stub_told), 1),
        RETURN(SECCOMP_RET_USER_NOTIF),
        RETURN(SECCOMP_RET_ALLOW),
    };
    return set_filter(code, sizeof code / sizeof *code,
                      SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);
}

/* The second: only from the stub's text, and there the stop and what brings the program's state back. */
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
        IF_NOT(low(stub_told), 3),
        LOAD(nr),
        IF_NOT(__NR_pause, 8),
        RETURN(SECCOMP_RET_ALLOW),
        LOAD(nr),
        IF_NOT(__NR_rt_sigreturn, 1),
        RETURN(SECCOMP_RET_ALLOW),
        IF_NOT(__NR_arch_prctl, 3),
        LOAD(args[0]),
        IF(ARCH_SET_FS, 2),
        IF(ARCH_SET_GS, 1),
        RETURN(SECCOMP_RET_TRAP),
        RETURN(SECCOMP_RET_ALLOW),
    };
    set_filter(code, sizeof code / sizeof *code, 0);
}

/* Maps shared memory of the guest's RAM at fixed addresses, and code of the control file; and answers. */
static void filter_mapper(void)
{
    struct sock_filter code[] = {
        LOAD(arch),
        IF(AUDIT_ARCH_X86_64, 1),
        RETURN(SECCOMP_RET_KILL_PROCESS),
        LOAD(nr),
        IF_NOT(__NR_mmap, 8),
        LOAD(args[3]),
        IF_NOT(MAP_SHARED | MAP_FIXED, 11),
        LOAD(args[4]),
        IF(DIRECT_FD_RAM, 10),
        IF_NOT(DIRECT_FD_CONTROL, 8),
        LOAD(args[2]),
        IF(PROT_READ | PROT_EXEC, 7),
        RETURN(SECCOMP_RET_KILL_PROCESS),
        IF(__NR_pkey_mprotect, 5),
        IF(__NR_munmap, 4),
        IF(__NR_read, 3),
        IF(__NR_write, 2),
        IF(__NR_exit_group, 1),
        RETURN(SECCOMP_RET_KILL_PROCESS),
        RETURN(SECCOMP_RET_ALLOW),
    };
    set_filter(code, sizeof code / sizeof *code, 0);
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
    __asm__ volatile("1: mov %0, %%eax\n"
                     "syscall\n"
                     "stub_told: test %%eax, %%eax\n"
                     "jnz 1b"
                     :
                     : "i"(__NR_pause)
                     : "rax", "rcx", "r11", "cc", "memory");
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

/* Gives the monitor its end of the stops. What it answers shows that it was there after PR_SET_PDEATHSIG. */
static void introduce(long listener)
{
    struct {
        uint64_t bytes;
        int level, type, fd, pad;
    } control = {.bytes = 20, .level = 1 /* SOL_SOCKET */, .type = 1 /* SCM_RIGHTS */, .fd = (int)listener};
    struct {
        const void *base;
        uint64_t bytes;
    } part = {"", 1};
    struct {
        const void *name;
        uint64_t name_bytes;
        void *part;
        uint64_t parts;
        void *control;
        uint64_t control_bytes, flags;
    } message = {.part = &part, .parts = 1, .control = &control, .control_bytes = sizeof control};
    char byte;
    if (call3(__NR_sendmsg, DIRECT_FD_RUNNER, (uint64_t)(uintptr_t)&message, 0) != 1 ||
        call3(__NR_read, DIRECT_FD_RUNNER, (uint64_t)(uintptr_t)&byte, 1) != 1)
        quit(18);
}

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
    if (call3(__NR_prctl, PR_SET_TSC, PR_TSC_SIGSEGV, 0) < 0)
        quit(17);
    introduce(filter_stops());
    call3(__NR_close_range, 0, DIRECT_FD_RUNNER - 1, 0);
    call3(__NR_close_range, DIRECT_FD_RUNNER + 1, ~0u, 0);
    filter_runner();
    __asm__ volatile("ud2"); /* the first stop: from here on the frame is the monitor's to fill */
    for (;;)
        __asm__ volatile("ud2");
}

/* --- the mapper --- */

/*
 * In registers and from the commands only: this task's memory is guest code's to write. So it is not left to the
 * compiler.
 */
static __attribute__((noinline)) _Noreturn void map(void)
{
    __asm__ volatile(
        "movabs %[commands], %%rbx\n"
        "1: mov $%c[nr_read], %%eax\n" /* an order */
        "mov $%c[fd], %%edi\n"
        "movabs %[byte], %%rsi\n"
        "mov $1, %%edx\n"
        "syscall\n"
        "cmp $1, %%rax\n"
        "jne 9f\n"
        "mov %c[count](%%rbx), %%r12\n"
        "cmp $%c[most], %%r12\n"
        "ja 9f\n"
        "lea %c[op](%%rbx), %%r13\n"
        "2: test %%r12, %%r12\n"
        "jz 5f\n"
        "mov %c[address](%%r13), %%rdi\n"
        "mov %c[bytes](%%r13), %%rsi\n"
        "mov $%c[nr_munmap], %%eax\n"
        "cmpq $%c[kind_unmap], %c[kind](%%r13)\n"
        "je 3f\n"
        "mov %c[prot](%%r13), %%rdx\n"
        "mov $%c[flags], %%r10d\n"
        "mov $%c[ram], %%r8d\n"
        "mov $%c[control], %%r14d\n"
        "cmpq $%c[kind_map], %c[kind](%%r13)\n"
        "cmovne %%r14, %%r8\n"
        "mov %c[offset](%%r13), %%r9\n"
        "mov $%c[nr_mmap], %%eax\n"
        "3: syscall\n"
        "cmp $-4096, %%rax\n"
        "ja 9f\n"
        "cmpq $%c[kind_copy], %c[kind](%%r13)\n"
        "jne 4f\n"
        "mov $%c[key], %%r10d\n" /* the other registers are as they were */
        "mov $%c[nr_protect], %%eax\n"
        "syscall\n"
        "test %%rax, %%rax\n"
        "jnz 9f\n"
        "4: add $%c[op_bytes], %%r13\n"
        "dec %%r12\n"
        "jmp 2b\n"
        "5: mov $%c[nr_write], %%eax\n" /* done */
        "mov $%c[fd], %%edi\n"
        "mov %%rbx, %%rsi\n"
        "mov $1, %%edx\n"
        "syscall\n"
        "cmp $1, %%rax\n"
        "je 1b\n"
        "9: mov $%c[nr_exit], %%eax\n" /* its death is an answer, too */
        "xor %%edi, %%edi\n"
        "syscall\n"
        "jmp 9b"
        :
        : [commands] "i"(DIRECT_COMMANDS), [byte] "i"(DIRECT_SHARED + offsetof(struct direct_shared, byte)),
          [control] "i"(DIRECT_FD_CONTROL), [kind_unmap] "i"(DIRECT_UNMAP), [kind_copy] "i"(DIRECT_MAP_COPY),
          [key] "i"(DIRECT_KEY), [nr_protect] "i"(__NR_pkey_mprotect), [fd] "i"(DIRECT_FD_MAPPER),
          [ram] "i"(DIRECT_FD_RAM), [flags] "i"(MAP_SHARED | MAP_FIXED), [most] "i"(DIRECT_OPS),
          [kind_map] "i"(DIRECT_MAP), [nr_read] "i"(__NR_read), [nr_write] "i"(__NR_write), [nr_mmap] "i"(__NR_mmap),
          [nr_munmap] "i"(__NR_munmap), [nr_exit] "i"(__NR_exit_group),
          [count] "i"(offsetof(struct direct_commands, count)), [op] "i"(offsetof(struct direct_commands, op)),
          [op_bytes] "i"(sizeof(struct direct_op)), [kind] "i"(offsetof(struct direct_op, kind)),
          [address] "i"(offsetof(struct direct_op, address)), [bytes] "i"(offsetof(struct direct_op, bytes)),
          [prot] "i"(offsetof(struct direct_op, prot)), [offset] "i"(offsetof(struct direct_op, offset))
        : "memory");
    __builtin_unreachable();
}

/* --- making --- */

static uint8_t runner_stack[8192] __attribute__((aligned(16)));
extern uint8_t stub_stack[8192];
uint8_t stub_stack[8192] __attribute__((aligned(16), used));

/* The child has the stack above, the same parent (which reaps it), and never returns. */
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
                     : "D"((uint64_t)CLONE_VM | CLONE_PARENT), "r"(runner_stack + sizeof runner_stack),
                       "r"((uint64_t)(uintptr_t)run), "S"(runner_stack + sizeof runner_stack), "d"(0)
                     : "rcx", "r11", "memory");
    return r;
}

_Noreturn void stub_main(void);
_Noreturn __attribute__((used)) void stub_main(void)
{
    const uint64_t prot = PROT_READ | PROT_WRITE;
    call3(__NR_prctl, PR_SET_PDEATHSIG, 9, 0);
    call3(__NR_close_range, 0, DIRECT_FD_CONTROL - 1, 0);
    call3(__NR_close_range, DIRECT_FD_MAPPER + 1, ~0u, 0);
    call3(__NR_munmap, 0, DIRECT_BASE, 0);
    call3(__NR_munmap, DIRECT_END, DIRECT_TOP - DIRECT_END, 0);
    if (call6(__NR_mmap, DIRECT_COMMANDS, DIRECT_COMMAND_BYTES, PROT_READ, MAP_SHARED | MAP_FIXED, DIRECT_FD_CONTROL,
              0) < 0 ||
        call6(__NR_mmap, DIRECT_SHARED, DIRECT_SHARED_BYTES, prot, MAP_SHARED | MAP_FIXED, DIRECT_FD_CONTROL,
              DIRECT_COMMAND_BYTES) < 0)
        quit(15);
    SHARED->keyed = call3(__NR_pkey_alloc, 0, PKEY_DISABLE_ACCESS, 0) == DIRECT_KEY; /* the runner inherits the right */
    if (start_runner() < 0)
        quit(16);
    call3(__NR_close, DIRECT_FD_RUNNER, 0, 0);
    filter_mapper();
    map();
}

__asm__(".globl _start\n_start: lea stub_stack+8192(%rip), %rsp\nxor %ebp, %ebp\ncall stub_main\nhlt");
