/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_direct_link.c: a stub process and user programs that want out of it. What must hold, whatever they do: a program
 * whose stop was told does not run; it maps nothing and calls nothing; and it can be ended.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "engine/direct/link.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE   4096u
#define CODE   0x400000ull /* where the program is; RAM's first page */
#define DATA   0x600000ull /* its data: RAM's second page, writable */
#define COPY   0x700000ull /* a page of the copies */
#define SECRET 2u          /* RAM's third page is not the program's */
#define TF     0x100u

struct rig {
    struct direct_link link;
    int ram;
    uint8_t *at; /* the monitor's view of RAM */
    _Atomic uint32_t wanted;
};

static void map(struct rig *r, uint64_t address, uint64_t prot, uint64_t page)
{
    r->link.commands->op[0] =
        (struct direct_op){.kind = DIRECT_MAP, .address = address, .bytes = PAGE, .prot = prot, .offset = page * PAGE};
    assert_true(direct_link_map(&r->link, 1));
}

static int set_up(void **state)
{
    struct rig *r = calloc(1, sizeof *r);
    r->ram = memfd_create("ram", MFD_CLOEXEC);
    assert_int_equal(ftruncate(r->ram, 16 * PAGE), 0);
    r->at = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, r->ram, 0);
    int rc = direct_link_start(&r->link, r->ram);
    if (rc < 0) {
        fprintf(stderr, "no stub on this host: %s\n", strerror(-rc));
        r->ram = -1;
    } else {
        map(r, CODE, PROT_READ | PROT_EXEC, 0);
        map(r, DATA, PROT_READ | PROT_WRITE, 1);
        memset(r->at + SECRET * PAGE, 0x5a, PAGE);
    }
    *state = r;
    return 0;
}

static int tear_down(void **state)
{
    struct rig *r = *state;
    direct_link_end(&r->link);
    munmap(r->at, 16 * PAGE);
    close(r->ram);
    free(r);
    return 0;
}

static ucontext_t *frame(struct rig *r)
{
    uint8_t *fpu;
    return direct_link_frame(&r->link, &fpu);
}

static bool run_at(struct rig *r, uint64_t rip)
{
    const struct direct_segments none = {0};
    ucontext_t *uc = frame(r);
    if (!uc)
        return false;
    uc->uc_mcontext.gregs[REG_RIP] = (greg_t)rip;
    return direct_link_go(&r->link, &none, &r->wanted);
}

/* Code in bytes that the tests write by hand. */
struct code {
    uint8_t *p;
};

static void emit(struct code *c, const void *bytes, size_t n)
{
    memcpy(c->p, bytes, n);
    c->p += n;
}

static void mov_imm(struct code *c, unsigned reg, uint64_t value) /* movabs */
{
    const uint8_t op[2] = {(uint8_t)(0x48 | (reg >> 3)), (uint8_t)(0xb8 | (reg & 7))};
    emit(c, op, 2);
    emit(c, &value, 8);
}

/* inc qword [DATA] for ever */
static void count_for_ever(struct code *c)
{
    mov_imm(c, 3, DATA);
    emit(c, "\x48\xff\x03\xeb\xfb", 5);
}

/* Is the program running? Its counter would move. */
static bool moves(struct rig *r)
{
    const struct timespec a_while = {.tv_nsec = 3000000};
    volatile uint64_t *counter = (uint64_t *)(void *)(r->at + PAGE);
    uint64_t before = *counter;
    nanosleep(&a_while, NULL);
    return *counter != before;
}

/* The offsets of each SYSCALL in the stub's text, in step or not. */
static unsigned find_calls(uint16_t *at, unsigned max)
{
    static const char *const places[] = {"domus-stub", "../domus-stub", "build/domus-stub"};
    char path[4200], self[4096];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    unsigned found = 0;
    FILE *f = NULL;
    self[n > 0 ? n : 0] = 0;
    for (char *cut; !f && (cut = strrchr(self, '/'));) {
        *cut = 0;
        for (unsigned i = 0; i < 3 && !f; i++) {
            (void)snprintf(path, sizeof path, "%.4090s/%s", self, places[i]);
            f = fopen(path, "re");
        }
    }
    assert_non_null(f);
    int c, last = 0;
    for (unsigned i = 0; i < PAGE && (c = fgetc(f)) != EOF; i++, last = c) {
        if (last == 0x0f && c == 0x05 && i > 64 && found < max)
            at[found++] = (uint16_t)(i - 1);
    }
    fclose(f);
    return found;
}

/* Ends every stop by a kick: the program must be stopped when we are told, until it is let go again. */
static void expect_stopped_when_told(struct rig *r, const char *what, unsigned nr, unsigned site, uint64_t flags)
{
    struct code c = {r->at};
    const struct direct_segments none = {0};
    const uint64_t byte = DIRECT_SHARED + offsetof(struct direct_shared, byte);
    mov_imm(&c, 7, DIRECT_FD_RUNNER);
    mov_imm(&c, 6, byte);
    mov_imm(&c, 2, 1);
    mov_imm(&c, 4, DATA + PAGE - 64); /* what RET finds is the counting */
    mov_imm(&c, 0, CODE + 0x800);
    emit(&c, "\x50\x50\x50\x50\x50\x50\x50\x50\x50\x50\x50\x50", 12);
    emit(&c, "\x50\x50\x50\x50\x50\x50\x50\x50\x50\x50\x50\x50", 12);
    mov_imm(&c, 3, nr);
    mov_imm(&c, 5, byte);
    mov_imm(&c, 1, DIRECT_BASE + site);
    mov_imm(&c, 0, flags | 0x202);
    emit(&c, "\x50", 1);
    mov_imm(&c, 0, nr);
    emit(&c, "\x9d\xff\xe1", 3); /* popf; jmp rcx */
    c.p = r->at + 0x800;
    count_for_ever(&c);

    bool alive = run_at(r, CODE);
    for (unsigned i = 0; alive && i < 2; i++) {
        if (moves(r))
            fail_msg("%s: call %u at %#x with flags %#lx: told of a stop, and runs", what, nr, site, (long)flags);
        if (!frame(r))
            break;
        atomic_store(&r->wanted, 1);
        (void)syscall(SYS_tgkill, r->link.runner_tid, r->link.runner_tid, SIGUSR1);
        alive = direct_link_go(&r->link, &none, &r->wanted);
        atomic_store(&r->wanted, 0);
    }
}

static void jumps_into_the_stub(void **state)
{
    static const unsigned calls[] = {SYS_write, SYS_pause, SYS_mmap, SYS_rt_sigreturn};
    uint16_t site[64];
    unsigned n = find_calls(site, 64);
    assert_true(n > 3);
    for (unsigned i = 0; i < n; i++) {
        for (unsigned k = 0; k < sizeof calls / sizeof *calls; k++) {
            for (unsigned f = 0; f < 2; f++) {
                struct rig *r = *state;
                if (r->ram < 0)
                    skip();
                expect_stopped_when_told(r, "jump", calls[k], site[i], f ? TF : 0);
                tear_down(state);
                set_up(state);
            }
        }
    }
}

/* A stop with `signal` at `rip`, and the program stands. */
static void expect_stop(struct rig *r, int signal, uint64_t rip)
{
    ucontext_t *uc = frame(r);
    assert_non_null(uc);
    assert_int_equal(r->link.shared->signal, signal);
    assert_int_equal(uc->uc_mcontext.gregs[REG_RIP], rip);
    assert_false(moves(r));
}

static void calls_nothing(void **state)
{
    static const struct {
        const char *bytes;
        unsigned length;
    } call[] = {{"\x0f\x05", 2}, {"\xcd\x80", 2}};
    struct rig *r = *state;
    if (r->ram < 0)
        skip();
    for (unsigned i = 0; i < 2; i++) {
        for (unsigned nr = 0; nr < 500; nr++) {
            struct code c = {r->at};
            mov_imm(&c, 0, nr);
            emit(&c, call[i].bytes, call[i].length);
            const uint64_t behind = CODE + (uint64_t)(c.p - r->at);
            emit(&c, "\x0f\x0b", 2);
            assert_true(run_at(r, CODE));
            if (i == 1 && r->link.shared->signal == SIGSEGV) /* a host without 32-bit calls */
                continue;
            if (i == 0 && r->link.shared->signal == SIGILL && (nr == 335 || nr == 336)) /* docs/direct.md */
                continue;
            expect_stop(r, SIGSYS, behind);
            assert_int_equal(frame(r)->uc_mcontext.gregs[REG_RAX], nr);
        }
    }
}

/* mov [address], rax; then for ever */
static void store_to(struct rig *r, uint64_t address)
{
    struct code c = {r->at};
    mov_imm(&c, 3, address);
    emit(&c, "\x48\x89\x03", 3);
    count_for_ever(&c);
}

static void cannot_write_what_others_read(void **state)
{
    struct rig *r = *state;
    if (r->ram < 0)
        skip();
    static const uint64_t place[] = {DIRECT_COMMANDS, DIRECT_COMMANDS + DIRECT_COMMAND_BYTES - 8, DIRECT_BASE, CODE};
    for (unsigned i = 0; i < sizeof place / sizeof *place; i++) {
        store_to(r, place[i]);
        assert_true(run_at(r, CODE));
        expect_stop(r, SIGSEGV, CODE + 10);
        assert_int_equal(frame(r)->uc_mcontext.gregs[REG_CR2], place[i]);
    }
}

/* Everything of the stub's that can be written is: the mapper maps what it is told, and nothing else. */
/* A copy of code with a trap: it runs up to the trap, and cannot be read. */
static void runs_what_it_cannot_read(void **state)
{
    struct rig *r = *state;
    if (r->ram < 0 || !r->link.copies)
        skip();
    struct code copy = {r->link.copies + PAGE}, reader = {r->at};
    emit(&copy, "\xb8\x2a\x00\x00\x00\x0f\x0b", 7); /* mov eax, 42; ud2 */
    mov_imm(&reader, 3, COPY);
    emit(&reader, "\x48\x8b\x03\x0f\x0b", 5); /* mov rax, [rbx]; ud2 */
    r->link.commands->op[0] = (struct direct_op){.kind = DIRECT_MAP_COPY,
                                                 .address = COPY,
                                                 .bytes = PAGE,
                                                 .prot = PROT_READ | PROT_EXEC,
                                                 .offset = DIRECT_COPIES_OFFSET + PAGE};
    assert_true(direct_link_map(&r->link, 1));
    assert_true(run_at(r, COPY));
    const greg_t *g = frame(r)->uc_mcontext.gregs;
    assert_int_equal(r->link.shared->signal, SIGILL);
    assert_int_equal(g[REG_RIP], COPY + 5);
    assert_int_equal(g[REG_RAX], 42);
    assert_true(run_at(r, CODE));
    g = frame(r)->uc_mcontext.gregs;
    assert_int_equal(r->link.shared->signal, SIGSEGV);
    assert_int_equal(g[REG_TRAPNO], 14);
    assert_int_equal(g[REG_CR2], COPY);
    assert_int_equal(g[REG_RIP], CODE + 10);
}

static void overwrites_the_stub(void **state)
{
    struct rig *r = *state;
    if (r->ram < 0)
        skip();
    struct code c = {r->at};
    mov_imm(&c, 7, DIRECT_BASE + 0x2000);
    mov_imm(&c, 1, 0x3000 / 8);
    mov_imm(&c, 0, DATA);
    emit(&c, "\xf3\x48\xab", 3); /* rep stosq */
    mov_imm(&c, 7, DIRECT_SHARED);
    mov_imm(&c, 1, DIRECT_SHARED_BYTES / 8);
    emit(&c, "\xf3\x48\xab\x0f\x0b", 5);
    const uint64_t end = CODE + (uint64_t)(c.p - r->at) - 2;
    assert_true(run_at(r, CODE));
    expect_stop(r, SIGILL, end);
    map(r, DATA + PAGE, PROT_READ | PROT_WRITE, 3);
    store_to(r, DATA + PAGE);
    frame(r)->uc_mcontext.gregs[REG_RAX] = 0x1234;
    atomic_store(&r->wanted, 1);
    assert_false(run_at(r, CODE) && moves(r));
    assert_int_equal(*(uint64_t *)(void *)(r->at + 3 * PAGE), 0x1234);
    for (unsigned i = 0; i < PAGE; i++)
        assert_int_equal(r->at[SECRET * PAGE + i], 0x5a);
}

/* A frame that it made: signals blocked, so that no kick comes through. It is given up, in time. */
static void forges_a_frame(void **state)
{
    struct rig *r = *state;
    if (r->ram < 0)
        skip();
    assert_true(run_at(r, CODE + 0x700)); /* zeros: add [rax], al, which faults: a frame to copy */
    ucontext_t *forged = (ucontext_t *)(void *)(r->at + PAGE + 0x100);
    memcpy(forged, frame(r), 304); /* the kernel's struct ucontext */
    memset((char *)forged + 296, 0xff, 8);
    forged->uc_mcontext.fpregs = NULL;
    forged->uc_mcontext.gregs[REG_RIP] = CODE + 0x800;
    struct code c = {r->at};
    uint16_t site[64];
    assert_true(find_calls(site, 64) > 0);
    mov_imm(&c, 4, DATA + 0x100);
    mov_imm(&c, 0, SYS_rt_sigreturn);
    mov_imm(&c, 1, DIRECT_BASE + site[0]);
    emit(&c, "\xff\xe1", 2);
    c.p = r->at + 0x800;
    count_for_ever(&c);
    atomic_store(&r->wanted, 1);
    struct timespec from, to;
    clock_gettime(CLOCK_MONOTONIC, &from);
    assert_false(run_at(r, CODE));
    clock_gettime(CLOCK_MONOTONIC, &to);
    assert_true(*(uint64_t *)(void *)(r->at + PAGE) > 1000); /* it did run, and deaf */
    assert_true(to.tv_sec - from.tv_sec < 20);
}

/* No process is left, nor its corpse. */
static void leaves_nothing(void **state)
{
    struct rig *r = *state;
    if (r->ram < 0)
        skip();
    for (unsigned i = 0; i < 20; i++) {
        const pid_t pid[2] = {r->link.pid, r->link.runner_tid};
        tear_down(state);
        for (unsigned k = 0; k < 2; k++)
            assert_int_equal(kill(pid[k], 0), -1);
        set_up(state);
        r = *state;
    }
}

/* The monitor is killed while the program runs: the stub goes with it. */
static void dies_with_the_monitor(void **state)
{
    struct rig *r = *state;
    int told[2];
    pid_t stub[2] = {0};
    if (r->ram < 0)
        skip();
    assert_int_equal(pipe(told), 0);
    pid_t monitor = fork();
    if (monitor == 0) {
        void *mine;
        set_up(&mine);
        struct rig *m = mine;
        struct code c = {m->at};
        count_for_ever(&c);
        const pid_t both[2] = {m->link.pid, m->link.runner_tid};
        (void)!write(told[1], both, sizeof both);
        run_at(m, CODE);
        _exit(0);
    }
    assert_int_equal(read(told[0], stub, sizeof stub), sizeof stub);
    const struct timespec a_while = {.tv_nsec = 20000000};
    nanosleep(&a_while, NULL);
    kill(monitor, SIGKILL);
    assert_int_equal(waitpid(monitor, NULL, 0), monitor);
    for (unsigned k = 0; k < 2; k++) {
        char path[64], line[256] = "";
        for (unsigned i = 0; i < 250; i++) { /* gone, or waiting for whoever has inherited it */
            (void)snprintf(path, sizeof path, "/proc/%d/stat", (int)stub[k]);
            FILE *f = fopen(path, "re");
            *line = 0;
            if (f) {
                (void)!fgets(line, sizeof line, f);
                fclose(f);
            }
            if (!*line || strstr(line, ") Z "))
                break;
            nanosleep(&a_while, NULL);
        }
        assert_true(!*line || strstr(line, ") Z "));
    }
    close(told[0]);
    close(told[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(calls_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(cannot_write_what_others_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(runs_what_it_cannot_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(overwrites_the_stub, set_up, tear_down),
        cmocka_unit_test_setup_teardown(forges_a_frame, set_up, tear_down),
        cmocka_unit_test_setup_teardown(leaves_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(dies_with_the_monitor, set_up, tear_down),
        cmocka_unit_test_setup_teardown(jumps_into_the_stub, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
