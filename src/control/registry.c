/* SPDX-License-Identifier: GPL-2.0-or-later */
/* registry.c: see registry.h. Every function that looks at or changes entries holds RUN/lock meanwhile. */
#include "control/registry.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

struct registry {
    int dir_fd;     /* RUN */
    int domains_fd; /* RUN/domain */
};

struct registry_claim {
    struct registry *registry; /* borrowed */
    unsigned domid;
    int alive_fd;  /* holds the lock */
    int listen_fd; /* -1: not listening */
    char *name, *uuid;
};

static int registry_make_path(const char *path)
{
    char part[4096];

    if (strlen(path) >= sizeof part)
        return -ENAMETOOLONG;
    for (size_t i = 1; path[i]; i++) {
        if (path[i] != '/')
            continue;
        memcpy(part, path, i);
        part[i] = '\0';
        if (mkdir(part, 0755) != 0 && errno != EEXIST)
            return -errno;
    }
    return mkdir(path, 0700) != 0 && errno != EEXIST ? -errno : 0;
}

struct registry *registry_open(const char *dir, char **why)
{
    struct registry *r = malloc(sizeof *r);
    char *path = dir ? strdup(dir) : registry_run_dir();
    struct stat st;
    int rc;

    *why = NULL;
    if (!r || !path) {
        free(r);
        free(path);
        *why = strdup("out of memory");
        return NULL;
    }
    r->dir_fd = r->domains_fd = -1;
    rc = registry_make_path(path);
    if (rc == 0) {
        r->dir_fd = open(path, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
        if (r->dir_fd < 0 || fstat(r->dir_fd, &st) != 0)
            rc = -errno;
        else if (st.st_uid != geteuid() && geteuid() != 0)
            rc = -EPERM; /* in /tmp somebody else may have been first */
    }
    if (rc == 0) {
        if (mkdirat(r->dir_fd, "domain", 0700) != 0 && errno != EEXIST)
            rc = -errno;
        else if ((r->domains_fd = openat(r->dir_fd, "domain", O_DIRECTORY | O_RDONLY | O_CLOEXEC)) < 0)
            rc = -errno;
    }
    if (rc != 0) {
        if (asprintf(why, "cannot use the run directory %s: %s (set DOMUS_RUN_DIR to a directory of yours)", path,
                     strerror(-rc)) < 0)
            *why = NULL;
        registry_close(r);
        r = NULL;
    }
    free(path);
    return r;
}

void registry_close(struct registry *r)
{
    if (!r)
        return;
    if (r->dir_fd >= 0)
        close(r->dir_fd);
    if (r->domains_fd >= 0)
        close(r->domains_fd);
    free(r);
}

/* A descriptor that holds RUN/lock until it is closed, or -errno. */
static int registry_lock(struct registry *r)
{
    int fd = openat(r->dir_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600), rc;

    if (fd < 0)
        return -errno;
    while (flock(fd, LOCK_EX) != 0) {
        if (errno == EINTR)
            continue;
        rc = -errno;
        close(fd);
        return rc;
    }
    return fd;
}

static bool registry_parse_domid(const char *name, unsigned *domid)
{
    char *end;
    unsigned long value;

    if (name[0] < '1' || name[0] > '9')
        return false;
    value = strtoul(name, &end, 10);
    *domid = (unsigned)value;
    return *end == '\0' && value < REGISTRY_DOMID_LIMIT;
}

static void registry_remove(struct registry *r, unsigned domid)
{
    static const char *const files[] = {"control", "about", "about.new", "alive"};
    char path[64];

    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        snprintf(path, sizeof path, "%u/%s", domid, files[i]);
        unlinkat(r->domains_fd, path, 0);
    }
    snprintf(path, sizeof path, "%u", domid);
    unlinkat(r->domains_fd, path, AT_REMOVEDIR);
}

/* Does somebody hold the entry's lock? */
static bool registry_alive(struct registry *r, unsigned domid)
{
    char path[64];
    int fd;
    bool alive;

    snprintf(path, sizeof path, "%u/alive", domid);
    fd = openat(r->domains_fd, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == EACCES || errno == EMFILE || errno == ENFILE;
    alive = flock(fd, LOCK_EX | LOCK_NB) != 0;
    close(fd);
    return alive;
}

static int registry_read_about(struct registry *r, unsigned domid, struct registry_entry *e)
{
    char path[64];
    const char *name = NULL, *uuid = NULL;
    int fd, pid = 0, rc = 0;
    json_t *about;

    snprintf(path, sizeof path, "%u/about", domid);
    fd = openat(r->domains_fd, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    about = json_loadfd(fd, 0, NULL);
    close(fd);
    if (json_unpack(about, "{s:s, s:s, s:i}", "name", &name, "uuid", &uuid, "pid", &pid) != 0)
        rc = -EPROTO;
    if (rc == 0) {
        *e = (struct registry_entry){.domid = domid, .name = strdup(name), .uuid = strdup(uuid), .pid = pid};
        if (!e->name || !e->uuid) {
            free(e->name);
            free(e->uuid);
            rc = -ENOMEM;
        }
    }
    json_decref(about);
    return rc;
}

static int registry_write_about(struct registry *r, unsigned domid, const char *name, const char *uuid)
{
    char path[64], final[64];
    json_t *about = json_pack("{s:s, s:s, s:i}", "name", name, "uuid", uuid, "pid", (int)getpid());
    int fd, rc = 0;

    if (!about)
        return -EINVAL; /* a name that is no UTF-8 */
    snprintf(path, sizeof path, "%u/about.new", domid);
    snprintf(final, sizeof final, "%u/about", domid);
    fd = openat(r->domains_fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        rc = -errno;
    else if (json_dumpfd(about, fd, 0) != 0)
        rc = -EIO;
    if (fd >= 0 && close(fd) != 0 && rc == 0)
        rc = -errno;
    if (rc == 0 && renameat(r->domains_fd, path, r->domains_fd, final) != 0)
        rc = -errno;
    json_decref(about);
    return rc;
}

static int registry_by_domid(const void *a, const void *b)
{
    const struct registry_entry *x = a, *y = b;

    return x->domid < y->domid ? -1 : x->domid > y->domid;
}

/* registry_list with the lock held. */
static int registry_scan(struct registry *r, struct registry_entry **entries, size_t *n)
{
    struct registry_entry *list = NULL;
    size_t used = 0, room = 0;
    struct dirent *d;
    int fd = openat(r->domains_fd, ".", O_DIRECTORY | O_RDONLY | O_CLOEXEC), rc = 0;
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);

    if (!dir) {
        rc = -errno;
        if (fd >= 0)
            close(fd);
        return rc;
    }
    while (rc == 0 && (d = readdir(dir))) {
        unsigned domid;
        if (!registry_parse_domid(d->d_name, &domid))
            continue;
        if (!registry_alive(r, domid)) {
            registry_remove(r, domid);
            continue;
        }
        if (used == room) {
            struct registry_entry *more = realloc(list, (room + 16) * sizeof *list);
            if (!more) {
                rc = -ENOMEM;
                break;
            }
            list = more;
            room += 16;
        }
        /* An entry that cannot be read is skipped, not fatal: the others shall still be listed. */
        if (registry_read_about(r, domid, &list[used]) == 0)
            used++;
    }
    closedir(dir);
    if (rc != 0) {
        registry_list_free(list, used);
        return rc;
    }
    if (used)
        qsort(list, used, sizeof *list, registry_by_domid);
    *entries = list;
    *n = used;
    return 0;
}

int registry_list(struct registry *r, struct registry_entry **entries, size_t *n)
{
    int lock = registry_lock(r), rc;

    if (lock < 0)
        return lock;
    rc = registry_scan(r, entries, n);
    close(lock);
    return rc;
}

void registry_list_free(struct registry_entry *entries, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(entries[i].name);
        free(entries[i].uuid);
    }
    free(entries);
}

/* A socket's path holds 107 bytes, a run directory's may be longer: go through the directory's descriptor. */
static void registry_socket_address(struct registry *r, unsigned domid, struct sockaddr_un *address)
{
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    snprintf(address->sun_path, sizeof address->sun_path, "/proc/self/fd/%d/%u/control", r->domains_fd, domid);
}

int registry_connect(struct registry *r, unsigned domid)
{
    struct sockaddr_un address;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), rc;

    if (fd < 0)
        return -errno;
    registry_socket_address(r, domid, &address);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    rc = errno == ECONNREFUSED ? -ENOENT : -errno;
    close(fd);
    return rc;
}

/* The next domid that nobody has, and the one after it written down. Lock held. */
static int registry_new_domid(struct registry *r, const struct registry_entry *entries, size_t n, unsigned *domid)
{
    char text[32] = "";
    int fd = openat(r->dir_fd, "next-domid", O_RDWR | O_CREAT | O_CLOEXEC, 0600), rc = 0, length;
    unsigned next, tries;

    if (fd < 0)
        return -errno;
    if (read(fd, text, sizeof text - 1) < 0)
        text[0] = '\0';
    next = (unsigned)strtoul(text, NULL, 10);
    for (tries = 0; tries < REGISTRY_DOMID_LIMIT; tries++, next++) {
        bool taken = false;
        if (next == 0 || next >= REGISTRY_DOMID_LIMIT)
            next = 1;
        for (size_t i = 0; i < n && !taken; i++)
            taken = entries[i].domid == next;
        if (!taken)
            break;
    }
    length = snprintf(text, sizeof text, "%u\n", next + 1);
    if (tries == REGISTRY_DOMID_LIMIT)
        rc = -ENOSPC;
    else if (ftruncate(fd, 0) != 0 || pwrite(fd, text, (size_t)length, 0) != length)
        rc = -EIO;
    close(fd);
    *domid = next;
    return rc;
}

static bool registry_name_taken(const struct registry_entry *entries, size_t n, const char *name, unsigned except)
{
    if (strcmp(name, "Domain-0") == 0)
        return true;
    for (size_t i = 0; i < n; i++)
        if (entries[i].domid != except && strcmp(entries[i].name, name) == 0)
            return true;
    return false;
}

/* Makes the directory with its lock held before anyone can see it as dead: RUN/lock is held. */
static int registry_make_entry(struct registry *r, struct registry_claim *c)
{
    char path[64];

    snprintf(path, sizeof path, "%u", c->domid);
    registry_remove(r, c->domid);
    if (mkdirat(r->domains_fd, path, 0700) != 0)
        return -errno;
    snprintf(path, sizeof path, "%u/alive", c->domid);
    c->alive_fd = openat(r->domains_fd, path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (c->alive_fd < 0 || flock(c->alive_fd, LOCK_EX | LOCK_NB) != 0)
        return -errno;
    return registry_write_about(r, c->domid, c->name, c->uuid);
}

int registry_claim(struct registry *r, const char *name, const char *uuid, struct registry_claim **claim)
{
    struct registry_entry *entries = NULL;
    struct registry_claim *c = NULL;
    size_t n = 0;
    int lock = registry_lock(r), rc;

    if (lock < 0)
        return lock;
    rc = registry_scan(r, &entries, &n);
    if (rc == 0 && registry_name_taken(entries, n, name, 0))
        rc = -EEXIST;
    if (rc == 0 && !(c = calloc(1, sizeof *c)))
        rc = -ENOMEM;
    if (rc == 0) {
        *c = (struct registry_claim){.registry = r, .alive_fd = -1, .listen_fd = -1, .name = strdup(name)};
        c->uuid = strdup(uuid ? uuid : "");
        rc = c->name && c->uuid ? registry_new_domid(r, entries, n, &c->domid) : -ENOMEM;
    }
    if (rc == 0 && (rc = registry_make_entry(r, c)) != 0)
        registry_remove(r, c->domid);
    registry_list_free(entries, n);
    if (rc != 0) {
        registry_claim_forget(c);
        c = NULL;
    }
    close(lock);
    *claim = c;
    return rc;
}

unsigned registry_claim_domid(const struct registry_claim *c)
{
    return c->domid;
}

int registry_claim_listen(struct registry_claim *c)
{
    struct sockaddr_un address;
    int fd, rc;

    if (c->listen_fd >= 0)
        return c->listen_fd;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    registry_socket_address(c->registry, c->domid, &address);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, 64) != 0) {
        rc = -errno;
        close(fd);
        return rc;
    }
    c->listen_fd = fd;
    return fd;
}

int registry_claim_rename(struct registry_claim *c, const char *name, const char *uuid)
{
    struct registry_entry *entries = NULL;
    char *new_name = strdup(name), *new_uuid = strdup(uuid ? uuid : c->uuid);
    size_t n = 0;
    int lock = registry_lock(c->registry), rc = lock < 0 ? lock : 0;

    if (rc == 0 && (!new_name || !new_uuid))
        rc = -ENOMEM;
    if (rc == 0)
        rc = registry_scan(c->registry, &entries, &n);
    if (rc == 0 && registry_name_taken(entries, n, name, c->domid))
        rc = -EEXIST;
    if (rc == 0)
        rc = registry_write_about(c->registry, c->domid, new_name, new_uuid);
    if (rc == 0) {
        char *old = c->name;
        c->name = new_name;
        new_name = old;
        old = c->uuid;
        c->uuid = new_uuid;
        new_uuid = old;
    }
    registry_list_free(entries, n);
    free(new_name);
    free(new_uuid);
    if (lock >= 0)
        close(lock);
    return rc;
}

int registry_claim_renumber(struct registry_claim *c)
{
    struct registry_entry *entries = NULL;
    char from[32], to[32];
    unsigned domid = 0;
    size_t n = 0;
    int lock = registry_lock(c->registry), rc;

    if (lock < 0)
        return lock;
    rc = registry_scan(c->registry, &entries, &n);
    if (rc == 0)
        rc = registry_new_domid(c->registry, entries, n, &domid);
    if (rc == 0) {
        /* The directory moves with its lock and its bound socket: nobody ever sees the name twice or not at all. */
        snprintf(from, sizeof from, "%u", c->domid);
        snprintf(to, sizeof to, "%u", domid);
        registry_remove(c->registry, domid);
        if (renameat(c->registry->domains_fd, from, c->registry->domains_fd, to) != 0)
            rc = -errno;
        else
            c->domid = domid;
    }
    registry_list_free(entries, n);
    close(lock);
    return rc;
}

void registry_claim_release(struct registry_claim *c)
{
    int lock;

    if (!c)
        return;
    lock = registry_lock(c->registry);
    registry_remove(c->registry, c->domid);
    if (lock >= 0)
        close(lock);
    registry_claim_forget(c);
}

void registry_claim_forget(struct registry_claim *c)
{
    if (!c)
        return;
    if (c->alive_fd >= 0)
        close(c->alive_fd);
    if (c->listen_fd >= 0)
        close(c->listen_fd);
    free(c->name);
    free(c->uuid);
    free(c);
}
