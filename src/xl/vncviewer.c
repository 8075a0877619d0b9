/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vncviewer.c: runs $VNCVIEWER, or vncviewer, on a domain's display. */
#include "xl/xl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int xl_vncviewer(const json_t *info, bool autopass)
{
    const json_t *vnc = json_object_get(json_object_get(info, "about"), "vnc");
    const char *listen = xl_string(vnc, "listen"), *password = xl_string(vnc, "password");
    const char *viewer = getenv("VNCVIEWER"), *web = xl_string(json_object_get(info, "about"), "web");
    long long port = xl_int(vnc, "port", 0);
    char *display = NULL;

    if (port < 5900) {
        fprintf(stderr, "xl: this domain has no VNC display\n");
        return 1;
    }
    if (!viewer || !viewer[0])
        viewer = "vncviewer";
    /* A display that listens everywhere is reached here. */
    if (!listen || !listen[0] || strcmp(listen, "0.0.0.0") == 0)
        listen = "127.0.0.1";
    if (asprintf(&display, "%s:%lld", listen, port - 5900) < 0)
        return 1;
    if (autopass && password) {
        int fds[2];
        if (pipe(fds) == 0) {
            (void)!write(fds[1], password, strlen(password));
            close(fds[1]);
            dup2(fds[0], 0);
            close(fds[0]);
        }
    }
    execlp(viewer, viewer, display, autopass && password ? "-autopass" : (char *)NULL, (char *)NULL);
    fprintf(stderr, "xl: %s cannot be run: %s (set VNCVIEWER, connect to %s%s%s)\n", viewer, strerror(errno), display,
            web ? ", or open " : "", web ? web : "");
    free(display);
    return 1;
}

int xl_cmd_vncviewer(struct xl *xl, int argc, char **argv)
{
    static const struct option longs[] = {{"autopass", no_argument, NULL, 'a'},
                                          {"vncviewer-autopass", no_argument, NULL, 'a'},
                                          {"help", no_argument, NULL, 'h'},
                                          {0}};
    json_t *info = NULL;
    bool autopass = false;
    int opt, rc;
    long domid;

    while ((opt = xl_getopt(argc, argv, "ah", longs, 1)) != -1)
        autopass |= opt == 'a';
    domid = xl_find_domain(xl, argv[optind]);
    if (domid < 0 || xl_call(xl, (unsigned)domid, "info", NULL, &info, true) != 0)
        return 1;
    rc = xl_vncviewer(info, autopass);
    json_decref(info);
    return rc;
}
