/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_cd_drive.c: a drive of the host that is a table of ioctls and a file: discs come and go, the door locks, the
 * tray moves only for somebody who has the drive open alone, as Linux has it.
 */
#include "host/block/cd_drive.h"

#include "host/block/block.h"
#include "machine/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/cdrom.h>
#include <linux/fs.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define POLL_MS 5

/* The drive, as the thread sees it. */
static struct {
    pthread_mutex_t lock;
    int status;
    bool changed, door, somebody_else, unplugged;
    unsigned ejects, closes, busy_answers;
    uint64_t bytes;
    unsigned tracks, audio_from; /* tracks from this on are audio; 0: none */
    unsigned last_session;       /* the track that the last session begins with; 0: one session */
    int file;                    /* the disc */
} fake = {.lock = PTHREAD_MUTEX_INITIALIZER};

static struct loop *loop;
static struct block *block; /* what the board would give the guest */
static struct cd_medium seen;
static unsigned changes;

static int refuse(int error)
{
    errno = error;
    return -1;
}

static int fake_open(const char *path)
{
    bool gone;

    pthread_mutex_lock(&fake.lock);
    gone = fake.unplugged;
    pthread_mutex_unlock(&fake.lock);
    return gone ? refuse(ENXIO) : fcntl(fake.file, F_DUPFD_CLOEXEC, 3);
}

static int fake_entry(struct cdrom_tocentry *e)
{
    bool audio = fake.audio_from && e->cdte_track >= fake.audio_from;

    if (e->cdte_format != CDROM_LBA)
        return refuse(EINVAL);
    e->cdte_adr = 1;
    e->cdte_ctrl = (uint8_t)(audio && e->cdte_track != CDROM_LEADOUT ? 0 : CDROM_DATA_TRACK);
    if (e->cdte_track == CDROM_LEADOUT)
        e->cdte_addr.lba = (int)(20000 * fake.tracks);
    else if (e->cdte_track >= 1 && e->cdte_track <= fake.tracks)
        e->cdte_addr.lba = 20000 * (e->cdte_track - 1);
    else
        return refuse(EIO);
    return 0;
}

static int answer(unsigned long request, void *argument)
{
    int number = (int)(intptr_t)argument;

    if (fake.unplugged)
        return refuse(ENODEV);
    switch (request) {
    case CDROM_DRIVE_STATUS:
        if (number != CDSL_CURRENT)
            abort();
        if (fake.busy_answers)
            return fake.busy_answers--, CDS_DRIVE_NOT_READY;
        return fake.status;
    case CDROM_MEDIA_CHANGED:
        number = fake.changed;
        fake.changed = false;
        return number;
    case CDROM_LOCKDOOR: fake.door = number; return 0;
    case CDROMEJECT:
        if (fake.somebody_else || fake.door)
            return refuse(EBUSY);
        fake.ejects++;
        fake.status = CDS_TRAY_OPEN;
        return 0;
    case CDROMCLOSETRAY: fake.closes++; return 0;
    case BLKGETSIZE64: *(uint64_t *)argument = fake.bytes; return 0;
    case CDROMREADTOCHDR:
        *(struct cdrom_tochdr *)argument = (struct cdrom_tochdr){1, (uint8_t)fake.tracks};
        return fake.tracks ? 0 : refuse(EIO);
    case CDROMREADTOCENTRY: return fake_entry(argument);
    case CDROMMULTISESSION: {
        struct cdrom_multisession *m = argument;

        m->xa_flag = fake.last_session != 0;
        m->addr.lba = (int)(20000 * (fake.last_session - 1));
        return 0;
    }
    }
    return refuse(ENOTTY);
}

static int fake_ioctl(int fd, unsigned long request, void *argument)
{
    int r;

    pthread_mutex_lock(&fake.lock);
    r = answer(request, argument);
    pthread_mutex_unlock(&fake.lock);
    return r;
}

static void changed(void *opaque, const struct cd_medium *m)
{
    struct block_options o = {
        .path = "fake", .removable = true, .drive = true, .drive_fd = m->fd, .drive_bytes = m->bytes};
    char *why = NULL;

    changes++;
    seen = *m;
    block_close(block);
    block = NULL;
    assert_int_equal(m->fd >= 0, m->place == CD_LOADED);
    if (m->place == CD_LOADED && m->bytes && block_open(&block, loop, &o, &why))
        fail_msg("%s", why);
}

static bool (*until)(void);
static struct timer check;

static void check_fired(void *opaque)
{
    if (until())
        loop_stop(loop);
    else
        timer_set(&check, loop_now_ns(loop) + 1000000);
}

static void run_until(bool (*condition)(void))
{
    until = condition;
    loop_lock(loop);
    timer_init(&check, loop, check_fired, NULL);
    timer_set(&check, 0);
    loop_unlock(loop);
    loop_run(loop);
}

static unsigned wanted;
static bool changed_enough(void)
{
    return changes >= wanted;
}
static void await_changes(unsigned n)
{
    wanted = n;
    run_until(changed_enough);
    assert_int_equal(changes, n);
}

static bool door_is(bool locked)
{
    bool is;

    pthread_mutex_lock(&fake.lock);
    is = fake.door == locked;
    pthread_mutex_unlock(&fake.lock);
    return is;
}
static bool door_locked(void)
{
    return door_is(true);
}
static bool door_free(void)
{
    return door_is(false);
}

static bool a_while(void) /* some ten looks of the thread */
{
    static unsigned n;

    return ++n % 50 == 0;
}

static void put_disc(uint64_t bytes, unsigned tracks)
{
    pthread_mutex_lock(&fake.lock);
    fake.status = CDS_DISC_OK;
    fake.changed = true;
    fake.bytes = bytes;
    fake.tracks = tracks;
    fake.audio_from = fake.last_session = 0;
    pthread_mutex_unlock(&fake.lock);
}

static void set_status(int status)
{
    pthread_mutex_lock(&fake.lock);
    fake.status = status;
    pthread_mutex_unlock(&fake.lock);
}

static void set_trouble(bool unplugged, bool somebody_else, unsigned busy_answers)
{
    pthread_mutex_lock(&fake.lock);
    fake.unplugged = unplugged;
    fake.somebody_else = somebody_else;
    fake.busy_answers = busy_answers;
    pthread_mutex_unlock(&fake.lock);
}

static struct cd_drive *open_drive(void)
{
    const struct cd_drive_system system = {fake_open, fake_ioctl, POLL_MS};
    const struct cd_drive_client client = {.changed = changed};
    struct cd_drive *d;
    char *why = NULL;

    changes = 0;
    loop = loop_create();
    if (cd_drive_open(&d, loop, "/dev/fake", true, &system, &client, &why))
        fail_msg("%s", why);
    return d;
}

static void close_drive(struct cd_drive *d)
{
    cd_drive_close(d);
    block_close(block);
    block = NULL;
    loop_destroy(loop);
}

static int setup(void **state)
{
    char name[] = "/tmp/domus-cd-XXXXXX";
    int file = mkstemp(name);

    assert_true(file >= 0);
    unlink(name);
    assert_int_equal(ftruncate(file, 40000 * 2048), 0);
    assert_int_equal(pwrite(file, "QFI\xfb is no reason here", 22, 0), 22); /* a drive holds what it holds */
    fake.status = CDS_NO_DISC;
    fake.changed = fake.door = fake.somebody_else = fake.unplugged = false;
    fake.ejects = fake.closes = fake.busy_answers = fake.tracks = 0;
    fake.bytes = 0;
    fake.file = file;
    return 0;
}

static int teardown(void **state)
{
    close(fake.file);
    return 0;
}

static void test_comes_and_goes(void **state)
{
    struct cd_drive *d = open_drive();

    assert_int_equal(changes, 1); /* told at once: empty */
    assert_int_equal(seen.place, CD_EMPTY);
    put_disc(1000 * 2048, 1);
    await_changes(2);
    assert_int_equal(seen.place, CD_LOADED);
    assert_int_equal(seen.toc.count, 1);
    assert_int_equal(seen.toc.leadout, 20000);
    assert_int_equal(seen.bytes, 20000 * 2048); /* the table says more than the device: as long as the longer */
    assert_int_equal(block_sectors(block), 20000 * 4);
    run_until(a_while); /* nothing happens: nothing is told */
    assert_int_equal(changes, 2);
    put_disc(30000ull * 2048, 0); /* another, between two looks; without a table that Linux can read */
    await_changes(3);
    assert_int_equal(seen.place, CD_LOADED);
    assert_int_equal(seen.toc.count, 0);
    assert_int_equal(block_sectors(block), 30000 * 4);
    set_status(CDS_NO_DISC);
    await_changes(4);
    assert_int_equal(seen.place, CD_EMPTY);
    put_disc(0, 0); /* blank */
    await_changes(5);
    assert_int_equal(seen.bytes, 0);
    assert_null(block);
    set_status(CDS_TRAY_OPEN);
    await_changes(6);
    assert_int_equal(seen.place, CD_TRAY_OPEN);
    set_trouble(true, false, 0);
    await_changes(7);
    assert_int_equal(seen.place, CD_EMPTY);
    close_drive(d);
}

static void test_table(void **state)
{
    struct cd_drive *d;

    put_disc(1, 4);
    fake.audio_from = 2;
    fake.last_session = 4;
    d = open_drive();
    assert_int_equal(changes, 1);
    assert_int_equal(seen.toc.count, 4);
    assert_int_equal(seen.toc.sessions, 2);
    assert_int_equal(seen.toc.last_session_track, 4);
    assert_int_equal(seen.toc.leadout, 80000);
    assert_int_equal(seen.toc.leadout_control, 0x14);
    assert_int_equal(seen.toc.track[0].adr_control, 0x14);
    assert_int_equal(seen.toc.track[2].adr_control, 0x10);
    assert_int_equal(seen.toc.track[2].number, 3);
    assert_int_equal(seen.toc.track[2].lba, 40000);
    close_drive(d);
}

static void test_door_and_tray(void **state)
{
    struct cd_drive *d;

    put_disc(2048, 1);
    d = open_drive();
    cd_drive_lock(d, true);
    run_until(door_locked);
    cd_drive_move_tray(d, true); /* the drive does it for the guest, its lock or not */
    await_changes(2);
    assert_int_equal(seen.place, CD_TRAY_OPEN);
    assert_int_equal(fake.ejects, 1);
    assert_true(door_free());
    put_disc(4096, 1);
    cd_drive_move_tray(d, false);
    await_changes(3);
    assert_int_equal(fake.closes, 1);
    assert_int_equal(seen.place, CD_LOADED);
    set_trouble(false, true, 0); /* mounted on the host: the disc is told of anew, since the guest let go of it */
    cd_drive_move_tray(d, true);
    await_changes(4);
    assert_int_equal(seen.place, CD_LOADED);
    assert_int_equal(fake.ejects, 1);
    cd_drive_lock(d, true);
    run_until(door_locked);
    close_drive(d);
    assert_true(door_free()); /* nobody is left who would open it */
}

static void test_spin_up(void **state)
{
    struct cd_drive *d;

    put_disc(2048, 1);
    fake.busy_answers = 2;
    d = open_drive();
    assert_int_equal(changes, 1);
    assert_int_equal(seen.place, CD_LOADED);
    set_trouble(false, false, 3); /* a drive that is busy says nothing about its medium */
    run_until(a_while);
    assert_int_equal(changes, 1);
    close_drive(d);
}

static uint8_t sector[2048];
static bool read_done;
static int read_error;
static void done(struct block_request *r, int error)
{
    read_error = error;
    read_done = true;
}
static bool is_read(void)
{
    return read_done;
}

/* Audio counts for the size, and cannot be read. */
static void test_reads(void **state)
{
    const struct iovec iov = {sector, sizeof sector};
    struct block_request r = {.op = BLOCK_READ, .count = 4, .iov = &iov, .iovcnt = 1, .done = done};
    struct cd_drive *d;

    put_disc(40000 * 2048, 3);
    d = open_drive();
    assert_int_equal(block_sectors(block), 60000 * 4);
    block_submit(block, &r);
    run_until(is_read);
    assert_int_equal(read_error, 0);
    assert_memory_equal(sector, "QFI\xfb is no reason here", 22);
    read_done = false;
    r.sector = 50000 * 4;
    block_submit(block, &r);
    run_until(is_read);
    assert_int_equal(read_error, -EIO);
    close_drive(d);
}

static void test_refusals(void **state)
{
    const struct cd_drive_system system = {fake_open, fake_ioctl, POLL_MS};
    const struct cd_drive_client client = {.changed = changed};
    struct cd_drive *d;
    char *why = NULL;

    assert_false(cd_drive_is_one("/dev/null"));
    assert_false(cd_drive_is_one("/etc/passwd"));
    assert_false(cd_drive_is_one("/nowhere"));
    loop = loop_create();
    fake.unplugged = true;
    assert_int_equal(cd_drive_open(&d, loop, "/dev/fake", true, &system, &client, &why), -ENXIO);
    assert_null(d);
    assert_non_null(strstr(why, "/dev/fake: cannot open the drive: "));
    free(why);
    loop_destroy(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_comes_and_goes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_table, setup, teardown),
        cmocka_unit_test_setup_teardown(test_door_and_tray, setup, teardown),
        cmocka_unit_test_setup_teardown(test_spin_up, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reads, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refusals, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
