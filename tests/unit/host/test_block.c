/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_block.c: files as disks: transfers by both carriers, odd sizes, locks, and the reason for every refusal. */
#include "host/block/block.h"

#include "base/types.h"
#include "host/block/block_aio.h"
#include "machine/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
    struct loop *loop;
    char dir[64];
};

struct waiter {
    struct loop *loop;
    int error;
    unsigned left;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    f->loop = loop_create();
    strcpy(f->dir, "/tmp/domus-block-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    char command[128];

    loop_destroy(f->loop);
    snprintf(command, sizeof command, "rm -rf %s", f->dir);
    assert_int_equal(system(command), 0);
    free(f);
    return 0;
}

/* A file of the fixture's directory; two may be in use at a time. */
static const char *file(struct fixture *f, const char *name, const char *content, size_t len, off_t size)
{
    static char paths[2][128];
    static unsigned n;
    char *path = paths[n++ & 1];
    int fd;

    snprintf(path, sizeof paths[0], "%s/%s", f->dir, name);
    fd = open(path, O_RDWR | O_CREAT, 0600);
    assert_true(fd >= 0);
    if (content)
        assert_int_equal(write(fd, content, len), len);
    if (size)
        assert_int_equal(ftruncate(fd, size), 0);
    close(fd);
    return path;
}

static void done(struct block_request *r, int error)
{
    struct waiter *w = r->opaque;

    if (error)
        w->error = error;
    if (!--w->left)
        loop_stop(w->loop);
}

/* A completion during close() may have left the loop told to stop. */
static void wait_for(struct waiter *w)
{
    while (w->left)
        loop_run(w->loop);
}

static int run(struct block *b, struct loop *l, enum block_op op, uint64_t sector, void *bytes, uint64_t sectors)
{
    struct waiter w = {.loop = l, .left = 1};
    struct iovec iov = {bytes, sectors * 512};
    struct block_request r = {
        .op = op, .sector = sector, .count = sectors, .iov = &iov, .iovcnt = 1, .done = done, .opaque = &w};

    block_submit(b, &r);
    assert_int_equal(w.left, 1); /* never inside submit */
    wait_for(&w);
    return w.error;
}

static void test_read_write(void **state)
{
    struct fixture *f = *state;
    const char *path = file(f, "disk", NULL, 0, 64 * 512 + 100);
    struct block *b;
    uint8_t out[1024], in[1024];
    char *why;

    assert_int_equal(block_open(&b, f->loop, &(struct block_options){.path = path}, &why), 0);
    assert_int_equal(block_sectors(b), 64);
    assert_false(block_readonly(b));
    memset(out, 0x5a, sizeof out);
    assert_int_equal(run(b, f->loop, BLOCK_WRITE, 62, out, 2), 0);
    assert_int_equal(run(b, f->loop, BLOCK_FLUSH, 0, NULL, 0), 0);
    assert_int_equal(run(b, f->loop, BLOCK_READ, 62, in, 2), 0);
    assert_memory_equal(in, out, sizeof in);
    assert_int_equal(run(b, f->loop, BLOCK_READ, 63, in, 2), -EIO);
    assert_int_equal(run(b, f->loop, BLOCK_READ, ~0ull, in, 2), -EIO);
    assert_int_equal(run(b, f->loop, BLOCK_DISCARD, 62, NULL, 2), 0);
    assert_int_equal(run(b, f->loop, BLOCK_READ, 63, in, 1), 0);
    assert_int_equal(in[0], 0);
    block_close(b);
}

/* A request in flight at close is done before close returns; many at once do not get lost. */
static void test_many(void **state)
{
    enum { N = 300 };
    struct fixture *f = *state;
    const char *path = file(f, "disk", NULL, 0, N * 512);
    static uint8_t data[N][512];
    static struct iovec iov[N];
    static struct block_request r[N];
    struct waiter w = {.loop = f->loop, .left = N};
    struct block *b;
    char *why;

    assert_int_equal(block_open(&b, f->loop, &(struct block_options){.path = path}, &why), 0);
    for (unsigned round = 0; round < 2; round++) {
        w.left = N;
        for (unsigned i = 0; i < N; i++) {
            memset(data[i], (int)(i * 7), 512);
            iov[i] = (struct iovec){data[i], 512};
            r[i] = (struct block_request){
                .op = BLOCK_WRITE, .sector = i, .count = 1, .iov = &iov[i], .iovcnt = 1, .done = done, .opaque = &w};
            block_submit(b, &r[i]);
        }
        if (!round)
            wait_for(&w);
    }
    block_close(b);
    assert_int_equal(w.left, 0);
    assert_int_equal(w.error, 0);
    assert_int_equal(block_open(&b, f->loop, &(struct block_options){.path = path}, &why), 0);
    for (unsigned i = 0; i < N; i += 37) {
        assert_int_equal(run(b, f->loop, BLOCK_READ, i, data[0], 1), 0);
        assert_int_equal(data[0][511], (uint8_t)(i * 7));
    }
    block_close(b);
}

static void carrier(struct fixture *f, const struct block_aio_ops *ops)
{
    const char *path = file(f, ops->name, "hello", 5, 600);
    struct block_target t = {.fd = open(path, O_RDWR), .bytes = 600, .sectors = 4};
    struct waiter w = {.loop = f->loop, .left = 1};
    struct block_aio *aio;
    uint8_t a[100], b[1948];
    struct iovec iov[2] = {{a, sizeof a}, {b, sizeof b}};
    struct block_request r = {.op = BLOCK_READ, .count = 4, .iov = iov, .iovcnt = 2, .done = done, .opaque = &w};

    memset(b, 0xee, sizeof b);
    assert_int_equal(ops->create(&aio, &t, f->loop), 0);
    ops->submit(aio, &r);
    wait_for(&w);
    assert_int_equal(w.error, 0);
    assert_memory_equal(a, "hello", 5);
    for (unsigned i = 0; i < sizeof b; i++)
        assert_int_equal(b[i], 0);
    /* the file shrinks under us */
    assert_int_equal(ftruncate(t.fd, 100), 0);
    w.left = 1;
    ops->submit(aio, &r);
    wait_for(&w);
    assert_int_equal(w.error, -EIO);
    w = (struct waiter){.loop = f->loop, .left = 1};
    r.op = BLOCK_FLUSH;
    ops->submit(aio, &r);
    ops->destroy(aio);
    assert_int_equal(w.left, 0);
    assert_int_equal(w.error, 0);
    close(t.fd);
}

static void test_carriers(void **state)
{
    struct block_aio *aio;
    struct fixture *f = *state;
    struct block_target t = {.fd = -1};

    carrier(f, &block_aio_thread);
    if (!block_aio_uring.create(&aio, &t, f->loop)) {
        block_aio_uring.destroy(aio);
        carrier(f, &block_aio_uring);
    } else {
        print_message("io_uring is refused here\n");
    }
}

/* Where a container's filter refuses io_uring, the disk works all the same. */
static void test_uring_refused(void **state)
{
    struct fixture *f = *state;
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog filter = {ARRAY_SIZE(code), code};
    const char *path = file(f, "disk", NULL, 0, 4096);
    pid_t pid = fork();
    int status;

    if (!pid) {
        struct block_aio *aio;
        struct block_target t = {.fd = -1};
        uint8_t a[512], b[512] = {0};
        struct block *disk;
        char *why;

        memset(a, 0x42, sizeof a);
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter))
            _exit(2);
        if (block_aio_uring.create(&aio, &t, f->loop) != -EPERM ||
            block_open(&disk, f->loop, &(struct block_options){.path = path}, &why))
            _exit(3);
        if (run(disk, f->loop, BLOCK_WRITE, 7, a, 1) || run(disk, f->loop, BLOCK_READ, 7, b, 1) || memcmp(a, b, 512))
            _exit(4);
        block_close(disk);
        _exit(0);
    }
    waitpid(pid, &status, 0);
    assert_int_equal(status, 0);
}

static void test_cd(void **state)
{
    struct fixture *f = *state;
    const char *path = file(f, "cd.iso", "CD001", 5, 2049);
    struct block *a, *b, *w;
    uint8_t sector[2048];
    char *why;

    assert_int_equal(block_open(&a, f->loop, &(struct block_options){.path = path, .removable = true}, &why), 0);
    assert_int_equal(block_open(&b, f->loop, &(struct block_options){.path = path, .removable = true}, &why), 0);
    assert_int_equal(block_sectors(a), 8);
    assert_true(block_readonly(a));
    memset(sector, 0xff, sizeof sector);
    assert_int_equal(run(b, f->loop, BLOCK_READ, 4, sector, 4), 0);
    assert_int_equal(sector[2047], 0);
    assert_int_equal(block_open(&w, f->loop, &(struct block_options){.path = path}, &why), -EBUSY);
    free(why);
    block_close(b);
    block_close(a);
}

static void refused(struct fixture *f, struct block_options o, int error, const char *part)
{
    struct block *b;
    char *why = NULL;

    assert_int_equal(block_open(&b, f->loop, &o, &why), error);
    assert_null(b);
    assert_non_null(why);
    if (!strstr(why, part))
        fail_msg("\"%s\" does not say \"%s\"", why, part);
    free(why);
}

static void test_refusals(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *magic;
        unsigned len;
        const char *says;
    } others[] = {{"QFI\xfb\0\0\0\3", 8, "a qcow2 image"}, {"KDMV", 4, "a vmdk"}, {"conectix", 8, "a vhd"}};

    refused(f, (struct block_options){.path = "/nowhere/disk.img"}, -ENOENT, "/nowhere/disk.img: no such file");
    refused(f, (struct block_options){.path = "no-such-cd0"}, -ENOENT, "neither no-such-cd0 nor /dev/no-such-cd0");
    refused(f, (struct block_options){.path = f->dir}, -EISDIR, "is a directory");
    refused(f, (struct block_options){.path = f->dir, .removable = true}, -EISDIR, "is a directory");
    refused(f, (struct block_options){.path = "/dev/null"}, -EINVAL, "neither a file nor a block device");
    refused(f, (struct block_options){.path = "null"}, -EINVAL, "/dev/null: neither");
    refused(f, (struct block_options){.path = file(f, "empty", NULL, 0, 0)}, -EINVAL, "is empty");
    refused(f, (struct block_options){.path = "x", .format = "qcow2"}, -ENOTSUP, "format qcow2 is not supported");
    for (unsigned i = 0; i < ARRAY_SIZE(others); i++)
        refused(f, (struct block_options){.path = file(f, "other", others[i].magic, others[i].len, 4096)}, -EINVAL,
                others[i].says);
    if (geteuid()) {
        const char *path = file(f, "secret", "x", 1, 4096);

        assert_int_equal(chmod(path, 0), 0);
        refused(f, (struct block_options){.path = path}, -EACCES, "permission denied");
    }
}

static void test_locks(void **state)
{
    struct fixture *f = *state;
    const char *path = file(f, "disk", NULL, 0, 4096);
    struct block_options writer = {.path = path}, reader = {.path = path, .readonly = true};
    struct block *a, *b;
    char *why, holder[64];
    int status, up[2], quit[2];
    pid_t pid;

    assert_int_equal(block_open(&a, f->loop, &writer, &why), 0);
    refused(f, writer, -EBUSY, "this domain itself");
    refused(f, reader, -EBUSY, "in use by");
    block_close(a);
    assert_int_equal(block_open(&a, f->loop, &reader, &why), 0);
    assert_int_equal(block_open(&b, f->loop, &reader, &why), 0);
    refused(f, writer, -EBUSY, "one user only");
    block_close(a);
    block_close(b);

    /* Another process; its lock goes with it. */
    assert_int_equal(pipe(up) | pipe(quit), 0);
    pid = fork();
    if (!pid) {
        char c = (char)block_open(&a, f->loop, &writer, &why);

        _exit(write(up[1], &c, 1) == 1 && read(quit[0], &c, 1) == 1 ? 0 : 1);
    }
    assert_int_equal(read(up[0], holder, 1), 1);
    snprintf(holder, sizeof holder, "process %d (", (int)pid);
    refused(f, writer, -EBUSY, holder);
    assert_int_equal(write(quit[1], "", 1), 1);
    waitpid(pid, &status, 0);
    assert_int_equal(block_open(&a, f->loop, &writer, &why), 0);
    block_close(a);
    close(up[0]);
    close(up[1]);
    close(quit[0]);
    close(quit[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_read_write, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many, setup, teardown),
        cmocka_unit_test_setup_teardown(test_carriers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_uring_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cd, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refusals, setup, teardown),
        cmocka_unit_test_setup_teardown(test_locks, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
