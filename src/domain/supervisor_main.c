/* SPDX-License-Identifier: GPL-2.0-or-later */
/* supervisor_main.c: the order: one JSON line from whoever starts a supervisor (xl, or another supervisor). */
#include "domain/supervisor.h"

#include "control/jsonline.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int supervisor_send_order(int fd, const json_t *order)
{
    char *text = json_dumps(order, JSON_COMPACT);
    size_t length = text ? strlen(text) : 0, sent = 0;

    if (!text) {
        errno = ENOMEM;
        return -1;
    }
    text[length++] = '\n'; /* in place of the terminator */
    while (sent < length) {
        ssize_t n = send(fd, text + sent, length - sent, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            free(text);
            return -1;
        }
        sent += (size_t)n;
    }
    free(text);
    return 0;
}

/* One line from fd, which stays open. */
static json_t *supervisor_read_order(int fd)
{
    struct jsonline *line = jsonline_create(fcntl(fd, F_DUPFD_CLOEXEC, 3));
    json_t *order = NULL;
    int rc = line ? 0 : -ENOMEM;

    while (rc == 0 && (rc = jsonline_next(line, &order)) == 0) {
        rc = jsonline_wait(line, -1);
        if (rc == 0)
            rc = jsonline_fill(line);
    }
    jsonline_destroy(line);
    return rc > 0 ? order : NULL;
}

int supervisor_main(const struct boot_machine *machine)
{
    struct supervisor_order order = {.report_fd = -1};
    json_t *told = supervisor_read_order(0);
    int paused = 0, foreground = 0, unattended = 0, detached = 0, status, null;

    if (!told ||
        json_unpack(told, "{s:o, s?s, s?b, s?b, s?b, s?b}", "config", &order.config, "engine", &order.engine, "paused",
                    &paused, "foreground", &foreground, "unattended", &unattended, "detached", &detached) != 0) {
        fprintf(stderr, "domus-domain: started by `xl create`, not by hand\n");
        json_decref(told);
        return 2;
    }
    order.paused = paused;
    order.foreground = foreground;
    order.unattended = unattended;
    order.detached = detached;
    order.report_fd = fcntl(0, F_DUPFD_CLOEXEC, 3);
    null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (order.report_fd < 0 || null < 0 || dup2(null, 0) < 0) {
        json_decref(told);
        return 1;
    }
    close(null);
    /* The working directory stays: relative paths in the configuration are as xl's user saw them, at each reboot. */
    status = supervisor_run(&order, machine);
    json_decref(told);
    return status;
}
