/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * main.c: `micro ROW [PERCENT]` runs one row and prints `row seconds cpu-seconds checksum`; `micro --list` names them;
 * `micro --text BYTES` writes the text that the application rows work on; `micro --timed NAME FILE COMMAND...` runs a
 * program with its output in FILE and prints the same line about it; `micro --many N ROW [PERCENT]` runs a row in N
 * processes at once and prints how long they took together.
 */
#include "micro.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const struct micro_row *const groups[] = {
    integer_rows, float_rows, simd_rows, memory_rows, system_rows, code_rows,
};

static double began, began_cpu;

_Noreturn void micro_die(const char *what)
{
    perror(what);
    exit(1);
}

void *micro_alloc(size_t bytes)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (p == MAP_FAILED)
        micro_die("memory");
    return p;
}

static double wall(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double cpu_of(int who)
{
    struct rusage u;
    getrusage(who, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static double cpu(void)
{
    return cpu_of(RUSAGE_SELF) + cpu_of(RUSAGE_CHILDREN);
}

void micro_start(void)
{
    began = wall();
    began_cpu = cpu();
}

static const struct micro_row *find(const char *name)
{
    for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
        for (const struct micro_row *r = groups[i]; r->name; r++)
            if (!strcmp(r->name, name))
                return r;
    fprintf(stderr, "micro: no row '%s'\n", name);
    exit(2);
}

static uint64_t scaled(const struct micro_row *r, const char *percent)
{
    uint64_t work = r->work * (percent ? strtoul(percent, NULL, 10) : 100) / 100;
    return work ? work : 1;
}

static int run(const struct micro_row *r, const char *percent)
{
    if (r->can && !r->can()) {
        printf("%s skipped\n", r->name);
        return 0;
    }
    micro_start();
    uint64_t sum = r->run(scaled(r, percent));
    printf("%s %.6f %.6f %016" PRIx64 "\n", r->name, wall() - began, cpu() - began_cpu, sum);
    return 0;
}

static uint64_t file_sum(const char *path)
{
    static unsigned char buffer[65536];
    uint64_t sum = 0xcbf29ce484222325u;
    ssize_t n;
    int fd = open(path, O_RDONLY);
    if (fd < 0)
        micro_die(path);
    while ((n = read(fd, buffer, sizeof(buffer))) > 0)
        for (ssize_t i = 0; i < n; i++)
            sum = micro_mix(sum, buffer[i]);
    close(fd);
    return sum;
}

static int timed(const char *name, const char *path, char **command)
{
    int status, fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (fd < 0)
        micro_die(path);
    micro_start();
    pid_t pid = fork();
    if (pid < 0)
        micro_die("fork");
    if (pid == 0) {
        dup2(fd, 1);
        execvp(command[0], command);
        micro_die(command[0]);
    }
    waitpid(pid, &status, 0);
    double w = wall() - began, c = cpu() - began_cpu;
    if (status != 0) {
        fprintf(stderr, "micro: %s failed (%d)\n", name, status);
        return 1;
    }
    printf("%s %.6f %.6f %016" PRIx64 "\n", name, w, c, file_sum(path));
    unlink(path);
    return 0;
}

/* Words of a small vocabulary, some often and most seldom, in lines. */
static int text(uint64_t bytes)
{
    static char words[4096][12];
    uint64_t seed = 20231, written = 0, column = 0;
    for (size_t w = 0; w < 4096; w++) {
        size_t length = 2 + micro_random(&seed) % 8;
        for (size_t i = 0; i < length; i++)
            words[w][i] = "etaoinshrdlucmfwypvbgkjqxz"[micro_random(&seed) % (1 + micro_random(&seed) % 26)];
    }
    while (written < bytes) {
        const char *w = words[micro_random(&seed) % (1 + micro_random(&seed) % 4096)];
        column += strlen(w) + 1;
        bool end = column > 72;
        written += (uint64_t)printf("%s%c", w, end ? '\n' : ' ');
        column = end ? 0 : column;
    }
    return 0;
}

static int many(unsigned n, const struct micro_row *r, const char *percent)
{
    uint64_t *sums = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (sums == MAP_FAILED || n < 1 || n > 64)
        micro_die("--many");
    micro_start();
    for (unsigned i = 0; i < n; i++) {
        pid_t pid = fork();
        if (pid < 0)
            micro_die("fork");
        if (pid == 0) {
            sums[i] = r->run(scaled(r, percent));
            _exit(0);
        }
    }
    while (wait(NULL) > 0)
        ;
    for (unsigned i = 1; i < n; i++)
        if (sums[i] != sums[0]) {
            fprintf(stderr, "micro: process %u computed something else\n", i);
            return 1;
        }
    printf("%ux%s %.6f %.6f %016" PRIx64 "\n", n, r->name, wall() - began, cpu() - began_cpu, sums[0]);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 2 && !strcmp(argv[1], "--list")) {
        for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
            for (const struct micro_row *r = groups[i]; r->name; r++)
                puts(r->name);
        return 0;
    }
    if (argc == 3 && !strcmp(argv[1], "--text"))
        return text(strtoul(argv[2], NULL, 10));
    if (argc >= 5 && !strcmp(argv[1], "--timed"))
        return timed(argv[2], argv[3], argv + 4);
    if (argc >= 4 && !strcmp(argv[1], "--many"))
        return many((unsigned)strtoul(argv[2], NULL, 10), find(argv[3]), argv[4]);
    if (argc < 2 || argc > 3 || argv[1][0] == '-') {
        fprintf(stderr, "usage: micro ROW [PERCENT] | --list | --text BYTES | --timed NAME FILE COMMAND... | "
                        "--many N ROW [PERCENT]\n");
        return 2;
    }
    return run(find(argv[1]), argv[2]);
}
