/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cd_drive.c: see cd_drive.h. The ioctls are those of Linux's uniform CD-ROM driver (Documentation/userspace-api/ioctl/
 * cdrom.rst).
 *
 * One open file per drive: Linux moves the tray only for somebody who has it open alone, and sees a new medium's size
 * only when the device is opened anew. So the thread opens it anew for each medium, and readers duplicate that.
 */
#include "host/block/cd_drive.h"

#include "base/log.h"
#include "host/block/block_image.h"
#include "machine/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/cdrom.h>
#include <linux/fs.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define POLL_MS          2000u
#define SPIN_UP_TRIES    50u /* a guest may boot from it */
#define SPIN_UP_PAUSE_US 200000u

enum tray_wish { TRAY_STAYS, TRAY_OUT, TRAY_IN };
enum { PLACE_UNKNOWN = -1, PLACE_BUSY = -2 }; /* beside enum cd_place */

struct cd_drive {
    char *path;        /* owned */
    struct loop *loop; /* borrowed */
    struct cd_drive_system system;
    struct cd_drive_client client;
    struct loop_job news;
    pthread_t thread;
    bool running;
    /* the thread's */
    int seen; /* enum cd_place, or PLACE_UNKNOWN: tell whatever it is */
    bool door_locked;
    /* under lock */
    pthread_mutex_t lock;
    pthread_cond_t wake;
    int fd; /* owned; changed by the thread only */
    bool stop, lock_wanted;
    enum tray_wish tray;
    struct cd_medium found; /* what the loop is to tell; its fd is of no use */
};

static int system_open(const char *path)
{
    return open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC); /* without O_NONBLOCK an empty drive does not open */
}

static int system_ioctl(int fd, unsigned long request, void *argument)
{
    return ioctl(fd, request, argument);
}

bool cd_drive_is_one(const char *path)
{
    struct stat st;
    int fd, r;

    if (stat(path, &st) || !S_ISBLK(st.st_mode))
        return false;
    fd = system_open(path);
    if (fd < 0)
        return false;
    r = ioctl(fd, CDROM_GET_CAPABILITY, 0);
    close(fd);
    return r >= 0;
}

static int ask(const struct cd_drive *d, unsigned long request, void *argument)
{
    int r;

    do
        r = d->system.ioctl(d->fd, request, argument);
    while (r < 0 && errno == EINTR);
    return r;
}

static void *number(int n)
{
    return (void *)(intptr_t)n;
}

/* ---- the disc ---- */

static bool read_track(const struct cd_drive *d, uint8_t number_of_it, struct cd_track *track)
{
    struct cdrom_tocentry entry = {.cdte_track = number_of_it, .cdte_format = CDROM_LBA};

    if (ask(d, CDROMREADTOCENTRY, &entry) < 0 || entry.cdte_addr.lba < 0)
        return false;
    *track = (struct cd_track){number_of_it, (uint8_t)(entry.cdte_adr << 4 | entry.cdte_ctrl),
                               (uint32_t)entry.cdte_addr.lba};
    return true;
}

static void read_sessions(const struct cd_drive *d, struct cd_toc *toc)
{
    struct cdrom_multisession last = {.addr_format = CDROM_LBA};

    toc->sessions = 1;
    toc->last_session_track = toc->track[0].number;
    if (ask(d, CDROMMULTISESSION, &last) < 0 || !last.xa_flag)
        return;
    for (unsigned i = 1; i < toc->count; i++)
        if (toc->track[i].lba == (uint32_t)last.addr.lba) {
            toc->sessions = 2;
            toc->last_session_track = toc->track[i].number;
        }
}

/* All of it, or nothing. */
static void read_toc(const struct cd_drive *d, struct cd_toc *toc)
{
    struct cdrom_tochdr header;
    struct cd_track leadout;

    memset(toc, 0, sizeof *toc);
    if (ask(d, CDROMREADTOCHDR, &header) < 0 || !header.cdth_trk0 || header.cdth_trk1 > CD_TRACKS_MAX ||
        !read_track(d, CDROM_LEADOUT, &leadout))
        return;
    for (unsigned n = header.cdth_trk0; n <= header.cdth_trk1; n++, toc->count++)
        if (!read_track(d, (uint8_t)n, &toc->track[toc->count])) {
            toc->count = 0;
            return;
        }
    if (!toc->count)
        return;
    toc->leadout = leadout.lba;
    toc->leadout_control = leadout.adr_control;
    read_sessions(d, toc);
}

static void open_anew(struct cd_drive *d)
{
    int fd = d->system.open(d->path), old;

    if (fd < 0)
        return;
    pthread_mutex_lock(&d->lock);
    old = d->fd;
    d->fd = fd;
    pthread_mutex_unlock(&d->lock);
    close(old);
}

static struct cd_medium read_medium(struct cd_drive *d)
{
    struct cd_medium m = {.place = CD_LOADED, .fd = -1};

    open_anew(d);
    if (ask(d, BLKGETSIZE64, &m.bytes) < 0)
        m.bytes = 0;
    read_toc(d, &m.toc);
    if (m.toc.count && (uint64_t)m.toc.leadout * 2048 > m.bytes)
        m.bytes = (uint64_t)m.toc.leadout * 2048;
    return m;
}

static int find_place(const struct cd_drive *d)
{
    switch (ask(d, CDROM_DRIVE_STATUS, number(CDSL_CURRENT))) {
    case CDS_DISC_OK:
    case CDS_NO_INFO: return CD_LOADED;
    case CDS_TRAY_OPEN: return CD_TRAY_OPEN;
    case CDS_DRIVE_NOT_READY: return PLACE_BUSY;
    default: return CD_EMPTY; /* a drive that was pulled, too */
    }
}

/* True with *m when there is something to tell. */
static bool look(struct cd_drive *d, struct cd_medium *m)
{
    int place = find_place(d);
    bool swapped = place == CD_LOADED && ask(d, CDROM_MEDIA_CHANGED, number(CDSL_CURRENT)) > 0;

    if (place == PLACE_BUSY || (place == d->seen && !swapped))
        return false;
    d->seen = place;
    *m = (struct cd_medium){.place = (enum cd_place)place, .fd = -1};
    if (place == CD_LOADED)
        *m = read_medium(d);
    return true;
}

/* ---- door and tray ---- */

static void set_door(struct cd_drive *d, bool locked)
{
    if (locked == d->door_locked)
        return;
    d->door_locked = locked;
    if (ask(d, CDROM_LOCKDOOR, number(locked)) < 0)
        log_info("%s: cannot %s its door: %s", d->path, locked ? "lock" : "unlock", strerror(errno));
}

static void move_tray(struct cd_drive *d, enum tray_wish wish)
{
    if (wish == TRAY_OUT)
        set_door(d, false);
    if (ask(d, wish == TRAY_OUT ? CDROMEJECT : CDROMCLOSETRAY, NULL) < 0)
        log_warning("%s: cannot %s its tray: %s", d->path, wish == TRAY_OUT ? "open" : "close",
                    errno == EBUSY ? "another program of this host has the drive open, or it is mounted"
                                   : strerror(errno));
    d->seen = PLACE_UNKNOWN;
}

/* ---- the thread ---- */

static void tell(struct cd_drive *d, struct cd_medium *m)
{
    pthread_mutex_lock(&d->lock);
    m->fd = m->place == CD_LOADED ? fcntl(d->fd, F_DUPFD_CLOEXEC, 3) : -1;
    pthread_mutex_unlock(&d->lock);
    d->client.changed(d->client.opaque, m);
    if (m->fd >= 0)
        close(m->fd);
}

static void tell_news(struct loop_job *job)
{
    struct cd_drive *d = list_entry(job, struct cd_drive, news);
    struct cd_medium m;

    pthread_mutex_lock(&d->lock);
    m = d->found;
    pthread_mutex_unlock(&d->lock);
    tell(d, &m);
}

static void wait_a_while(struct cd_drive *d)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += d->system.poll_ms / 1000;
    until.tv_nsec += (long)(d->system.poll_ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    while (!d->stop && d->tray == TRAY_STAYS && d->lock_wanted == d->door_locked)
        if (pthread_cond_timedwait(&d->wake, &d->lock, &until))
            break;
}

static void *drive_thread(void *opaque)
{
    struct cd_drive *d = opaque;

    pthread_mutex_lock(&d->lock);
    while (!d->stop) {
        enum tray_wish wish = d->tray;
        bool locked = d->lock_wanted;
        struct cd_medium m;
        bool news;

        d->tray = TRAY_STAYS;
        pthread_mutex_unlock(&d->lock);
        if (wish != TRAY_STAYS)
            move_tray(d, wish);
        else
            set_door(d, locked);
        news = look(d, &m);
        pthread_mutex_lock(&d->lock);
        if (news) {
            d->found = m;
            loop_post(d->loop, &d->news);
        }
        wait_a_while(d);
    }
    pthread_mutex_unlock(&d->lock);
    return NULL;
}

static void init_wake(struct cd_drive *d)
{
    pthread_condattr_t attr;

    pthread_mutex_init(&d->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&d->wake, &attr);
    pthread_condattr_destroy(&attr);
}

int cd_drive_open(struct cd_drive **result, struct loop *loop, const char *path, bool wait,
                  const struct cd_drive_system *system, const struct cd_drive_client *client, char **why)
{
    static const struct cd_drive_system host = {system_open, system_ioctl, POLL_MS};
    struct cd_drive *d = calloc(1, sizeof *d);
    struct cd_medium m;
    int rc;

    *result = NULL;
    if (!d || !(d->path = strdup(path))) {
        free(d);
        return block_fail(why, -ENOMEM, "%s: out of memory", path);
    }
    d->loop = loop;
    d->system = system ? *system : host;
    d->client = *client;
    d->news = (struct loop_job){.run = tell_news};
    d->seen = PLACE_UNKNOWN;
    init_wake(d);
    d->fd = d->system.open(path);
    if (d->fd < 0) {
        rc = block_fail(why, -errno, "%s: cannot open the drive: %s", path, strerror(errno));
        cd_drive_close(d);
        return rc;
    }
    for (unsigned tries = wait ? SPIN_UP_TRIES : 0; tries && find_place(d) == PLACE_BUSY; tries--)
        (void)usleep(SPIN_UP_PAUSE_US);
    if (look(d, &m))
        tell(d, &m);
    rc = -pthread_create(&d->thread, NULL, drive_thread, d);
    d->running = !rc;
    if (rc) {
        (void)block_fail(why, rc, "%s: cannot start a thread: %s", path, strerror(-rc));
        cd_drive_close(d);
        return rc;
    }
    *result = d;
    return 0;
}

void cd_drive_close(struct cd_drive *d)
{
    if (!d)
        return;
    if (d->running) {
        pthread_mutex_lock(&d->lock);
        d->stop = true;
        pthread_cond_signal(&d->wake);
        pthread_mutex_unlock(&d->lock);
        pthread_join(d->thread, NULL);
        loop_unpost(d->loop, &d->news);
        set_door(d, false);
    }
    if (d->fd >= 0)
        close(d->fd);
    pthread_cond_destroy(&d->wake);
    pthread_mutex_destroy(&d->lock);
    free(d->path);
    free(d);
}

void cd_drive_lock(struct cd_drive *d, bool locked)
{
    pthread_mutex_lock(&d->lock);
    d->lock_wanted = locked;
    pthread_cond_signal(&d->wake);
    pthread_mutex_unlock(&d->lock);
}

void cd_drive_move_tray(struct cd_drive *d, bool out)
{
    pthread_mutex_lock(&d->lock);
    d->tray = out ? TRAY_OUT : TRAY_IN;
    if (out)
        d->lock_wanted = false;
    pthread_cond_signal(&d->wake);
    pthread_mutex_unlock(&d->lock);
}
