/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vnc_web.c: a browser on the VNC port. RFB clients wait for the server to speak; browsers speak first, so one port
 * serves both. "/" is the console's page (console.html), "/domain" tells whose port it is, any other path is a file of
 * noVNC's directory; a websocket goes on to LibVNCServer (which reads the request itself: it is only looked at here).
 */
#include "host/display/vnc_page.h"
#include "host/display/vnc_private.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define WAIT_FIRST_MS 250  /* how long a silent client may be a browser */
#define WAIT_BUSY_MS  2000 /* the same where programs wait for a processor: it cannot load what is no answer to it */
#define WAIT_KNOWN_MS 3000 /* the same where one was, or is: they connect more than once before they ask */
#define KNOWN_S       60
#define WAIT_MS       5000
#define REQUEST_MAX   8192

static const struct {
    const char *ending, *type;
} types[] = {
    {".html", "text/html; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".svg", "image/svg+xml"},
    {".png", "image/png"},
    {".ico", "image/x-icon"},
    {".json", "application/json"},
    {".woff", "font/woff"},
    {".ttf", "font/ttf"},
    {".oga", "audio/ogg"},
    {".mp3", "audio/mpeg"},
};

static const char *type_of(const char *path)
{
    size_t len = strlen(path);

    for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
        size_t n = strlen(types[i].ending);
        if (len >= n && strcmp(path + len - n, types[i].ending) == 0)
            return types[i].type;
    }
    return "application/octet-stream";
}

static bool wait_for(int sock, short events, int ms)
{
    struct pollfd p = {.fd = sock, .events = events};
    return poll(&p, 1, ms) > 0;
}

static void send_all(int sock, const char *bytes, size_t n)
{
    while (n && wait_for(sock, POLLOUT, WAIT_MS)) {
        ssize_t done = send(sock, bytes, n, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (done < 0 && errno != EAGAIN && errno != EINTR)
            return;
        if (done > 0) {
            bytes += done;
            n -= (size_t)done;
        }
    }
}

static void answer(int sock, const char *status, const char *extra, const char *text)
{
    char reply[1024];
    int n = snprintf(reply, sizeof reply,
                     "HTTP/1.1 %s\r\n%sContent-Type: text/plain; charset=utf-8\r\nContent-Length: %zu\r\n"
                     "Connection: close\r\n\r\n%s",
                     status, extra, strlen(text), text);
    if (n > 0 && (size_t)n < sizeof reply)
        send_all(sock, reply, (size_t)n);
}

static void send_page(int sock, bool with_body)
{
    char head[512];
    int n = snprintf(head, sizeof head,
                     "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: %zu\r\n"
                     "Cache-Control: no-cache\r\nX-Frame-Options: DENY\r\nConnection: close\r\n\r\n",
                     sizeof vnc_page);

    send_all(sock, head, (size_t)n);
    if (with_body)
        send_all(sock, (const char *)vnc_page, sizeof vnc_page);
}

static void send_file(int sock, int fd, off_t size, const char *path, bool with_body)
{
    char head[512];
    off_t at = 0;
    int n = snprintf(head, sizeof head,
                     "HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %lld\r\nCache-Control: no-cache\r\n"
                     "Connection: close\r\n\r\n",
                     type_of(path), (long long)size);

    send_all(sock, head, (size_t)n);
    while (with_body && at < size && wait_for(sock, POLLOUT, WAIT_MS))
        if (sendfile(sock, fd, &at, (size_t)(size - at)) < 0 && errno != EAGAIN)
            return;
}

/* %41 to A, in place; false when it is no path we would open. */
static bool decode_path(char *path)
{
    char *to = path;

    for (char *p = path; *p; p++) {
        unsigned value;
        if (*p == '%') {
            if (!isxdigit((unsigned char)p[1]) || !isxdigit((unsigned char)p[2]) || sscanf(p + 1, "%2x", &value) != 1 ||
                value == 0)
                return false;
            *to++ = (char)value;
            p += 2;
        } else {
            *to++ = *p;
        }
    }
    *to = '\0';
    return path[0] == '/' && !strstr(path, "/../") && !(to - path >= 3 && strcmp(to - 3, "/..") == 0);
}

static void serve_path(const struct vnc *v, int sock, char *path, bool with_body)
{
    char full[2048];
    struct stat st;
    int fd;

    path[strcspn(path, "?#")] = '\0';
    if (strcmp(path, "/") == 0 && v->url) {
        send_page(sock, with_body);
        return;
    }
    if (!decode_path(path) || (size_t)snprintf(full, sizeof full, "%s%s", v->web_root, path) >= sizeof full) {
        answer(sock, "400 Bad Request", "", "no such path\n");
        return;
    }
    fd = open(full, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode))
        answer(sock, "404 Not Found", "",
               v->url ? "no such file\n" : "the novnc package is not installed on this host\n");
    else
        send_file(sock, fd, st.st_size, path, with_body);
    if (fd >= 0)
        close(fd);
}

/* Looks at the request until its empty line; leaves it in the socket. False: none came. */
static bool peek_request(int sock, char request[REQUEST_MAX + 1])
{
    struct timespec pause = {0, 5000000};

    for (int tries = 0; tries < WAIT_MS / 5; tries++) {
        ssize_t n = recv(sock, request, REQUEST_MAX, MSG_PEEK | MSG_DONTWAIT);
        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR) || n == REQUEST_MAX)
            return false;
        request[n < 0 ? 0 : n] = '\0';
        if (strstr(request, "\r\n\r\n"))
            return true;
        nanosleep(&pause, NULL); /* poll() would return at once: there is something to read */
    }
    return false;
}

/* Copies a header's value; false when there is none. */
static bool header(const char *request, const char *name, char *value, size_t size)
{
    size_t len = strlen(name);

    for (const char *line = strstr(request, "\r\n"); line; line = strstr(line, "\r\n")) {
        line += 2;
        if (strncasecmp(line, name, len) != 0 || line[len] != ':')
            continue;
        line += len + 1;
        line += strspn(line, " \t");
        size_t n = strcspn(line, "\r\n");
        if (n >= size)
            return false;
        memcpy(value, line, n);
        value[n] = '\0';
        return true;
    }
    return false;
}

/* A page from elsewhere must not reach the guest through its reader's browser. */
static bool same_origin(const char *request)
{
    char origin[512], host[512];
    const char *authority;

    if (!header(request, "Origin", origin, sizeof origin) || !header(request, "Host", host, sizeof host))
        return false;
    authority = strstr(origin, "://");
    return authority && strcasecmp(authority + 3, host) == 0;
}

/* Host names alike, whatever the ports: the page of a domain that moved to another port asks for its name. */
static bool same_host(const char *origin, const char *host)
{
    const char *authority = strstr(origin, "://");
    size_t len = *host == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":");

    if (!authority || strlen(host) < len)
        return false;
    authority += 3;
    return strncasecmp(authority, host, len) == 0 && (authority[len] == ':' || authority[len] == '\0');
}

/* {"name": NAME}; readable for this host's pages only: other sites have no business with it. */
static void send_domain(const struct vnc *v, int sock, const char *request)
{
    char origin[512], host[512], allow[600] = "";
    json_t *reply = json_pack("{s:s}", "name", v->name);
    char *text = reply ? json_dumps(reply, 0) : NULL;

    if (header(request, "Origin", origin, sizeof origin) && header(request, "Host", host, sizeof host) &&
        same_host(origin, host))
        snprintf(allow, sizeof allow, "Access-Control-Allow-Origin: %s\r\nVary: Origin\r\n", origin);
    if (text)
        answer(sock, "200 OK", allow, text);
    else
        answer(sock, "500 Internal Server Error", "", "");
    free(text);
    json_decref(reply);
}

static bool wants_websocket(const char *request)
{
    char upgrade[64];
    return header(request, "Upgrade", upgrade, sizeof upgrade) && strcasecmp(upgrade, "websocket") == 0;
}

/* Takes what was only looked at (or closing would reset the connection under the answer), and lets the answer arrive.
 */
static void hang_up(int sock)
{
    char drain[REQUEST_MAX];

    (void)!recv(sock, drain, sizeof drain, MSG_DONTWAIT);
    shutdown(sock, SHUT_WR);
    if (wait_for(sock, POLLIN, WAIT_MS)) /* the other side has all of it when it closes */
        (void)!recv(sock, drain, sizeof drain, MSG_DONTWAIT);
}

static void serve_request(const struct vnc *v, int sock, char *request)
{
    bool get = strncmp(request, "GET ", 4) == 0;
    char *path = request + (get ? 4 : 5);

    path[strcspn(path, " \r\n")] = '\0';
    serve_path(v, sock, path, get);
    hang_up(sock);
}

static int64_t now_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec + 1;
}

static bool host_is_busy(void)
{
    double load;
    return getloadavg(&load, 1) == 1 && load > (double)sysconf(_SC_NPROCESSORS_ONLN);
}

/* Somebody who is silent may be a browser that is known by its other connections only while it waits in this one. */
static bool speaks_first(const struct vnc *v, int sock)
{
    const int first_ms = host_is_busy() ? WAIT_BUSY_MS : WAIT_FIRST_MS;

    if (wait_for(sock, POLLIN, first_ms))
        return true;
    const int64_t seen_s = atomic_load(&v->browser_seen_s);
    return seen_s && now_s() - seen_s < KNOWN_S && wait_for(sock, POLLIN, WAIT_KNOWN_MS - first_ms);
}

enum vnc_speaks vnc_web_serve(struct vnc *v, int sock)
{
    char request[REQUEST_MAX + 1];

    if (!speaks_first(v, sock))
        return VNC_SPEAKS_RFB;
    ssize_t n = recv(sock, request, 5, MSG_PEEK | MSG_DONTWAIT);
    if (n <= 0)
        return VNC_SPEAKS_DONE;
    if (n < 4 || (memcmp(request, "GET ", 4) != 0 && memcmp(request, "HEAD", 4) != 0))
        return VNC_SPEAKS_RFB;
    atomic_store(&v->browser_seen_s, now_s());
    if (!peek_request(sock, request))
        return VNC_SPEAKS_DONE;
    if (strncmp(request, "GET /domain ", 12) == 0) {
        send_domain(v, sock, request);
        hang_up(sock);
        return VNC_SPEAKS_DONE;
    }
    if (!wants_websocket(request)) {
        serve_request(v, sock, request);
        return VNC_SPEAKS_DONE;
    }
    if (same_origin(request))
        return VNC_SPEAKS_WEBSOCKET;
    answer(sock, "403 Forbidden", "", "websocket from another site's page\n");
    hang_up(sock);
    return VNC_SPEAKS_DONE;
}
