/* SPDX-License-Identifier: GPL-2.0-or-later */
/* create.c: `xl create`: reads the configuration, then starts the domain's supervisor and waits until it runs. */
#include "xl/xl.h"

#include "config/config.h"
#include "config/image.h"
#include "config/xlconf.h"
#include "xl/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define XL_CONF      "/etc/xen/xl.conf"
#define CONFIG_LIMIT (64u << 20) /* bytes; a longer file is no configuration */

struct create {
    const char *file;
    char *vars; /* key=value arguments, one per line; NULL: none */
    const char *engine;
    bool quiet, debug, dry_run, console, viewer, autopass;
    struct launch_options launch;
};

static int create_add_var(struct create *c, const char *var)
{
    char *vars = NULL;

    if (asprintf(&vars, "%s%s\n", c->vars ? c->vars : "", var) < 0)
        return -1;
    free(c->vars);
    c->vars = vars;
    return 0;
}

static void create_option(struct create *c, int opt)
{
    switch (opt) {
    case 'f': c->file = optarg; break;
    case 'p': c->launch.paused = true; break;
    case 'c': c->console = true; break;
    case 'd': c->debug = true; break;
    case 'F': c->launch.foreground = true; break;
    case 'e': c->launch.unattended = true; break;
    case 'n': c->dry_run = true; break;
    case 'q': c->quiet = true; break;
    case 'V': c->viewer = true; break;
    case 'A': c->viewer = c->autopass = true; break;
    case 'E': c->engine = optarg; break;
    }
}

/* -1: go on; else the exit code. */
static int create_options(struct create *c, int argc, char **argv)
{
    static const struct option longs[] = {{"dryrun", no_argument, NULL, 'n'},
                                          {"quiet", no_argument, NULL, 'q'},
                                          {"help", no_argument, NULL, 'h'},
                                          {"defconfig", required_argument, NULL, 'f'},
                                          {"vncviewer", no_argument, NULL, 'V'},
                                          {"vncviewer-autopass", no_argument, NULL, 'A'},
                                          {"ignore-global-affinity-masks", no_argument, NULL, 'i'},
                                          {"engine", required_argument, NULL, 'E'},
                                          {0}};
    int opt;

    if (argc > 1 && argv[1][0] != '-' && !strchr(argv[1], '=')) {
        c->file = argv[1];
        argv[1] = argv[0];
        argc--;
        argv++;
    }
    while ((opt = xl_getopt(argc, argv, "Fnqf:pcdeVAh", longs, 0)) != -1)
        create_option(c, opt);
    for (; optind < argc; optind++) {
        if (strchr(argv[optind], '=')) {
            if (create_add_var(c, argv[optind]) != 0)
                return 5;
        } else if (!c->file) {
            c->file = argv[optind];
        } else {
            xl_help_command(xl_command_named("create"));
            return 2;
        }
    }
    if (!c->file) {
        fprintf(stderr, "Config file not specified and none in save file\n");
        return 6;
    }
    if (c->engine && config_engine_parse(c->engine) < 0) {
        fprintf(stderr, "xl: unknown engine '%s': one of auto, kvm, jit, interp\n", c->engine);
        return 2;
    }
    return -1;
}

/* The whole file, or NULL with errno. */
static char *create_read(const char *path, size_t *length)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC), failed = 0;
    size_t used = 0, room = 0;
    char *text = NULL;
    ssize_t n = 0;

    if (fd < 0)
        return NULL;
    do {
        if (room - used < 65536) {
            char *more = used > CONFIG_LIMIT ? NULL : realloc(text, room = 2 * room + 65537);
            if (!more) {
                failed = used > CONFIG_LIMIT ? EFBIG : ENOMEM;
                break;
            }
            text = more;
        }
        n = read(fd, text + used, room - used - 1);
        if (n < 0 && errno != EINTR)
            failed = errno;
        used += n > 0 ? (size_t)n : 0;
    } while (n > 0 || (n < 0 && !failed));
    close(fd);
    if (failed) {
        free(text);
        errno = failed;
        return NULL;
    }
    text[used] = '\0';
    *length = used;
    return text;
}

/* A host without Xen need not have this file. NULL after a message, with the exit code. */
static struct xl_conf *create_read_defaults(int *exit_code)
{
    size_t length = 0;
    char *text = create_read(XL_CONF, &length);
    struct xl_conf *conf;

    if (!text && errno != ENOENT)
        fprintf(stderr, "Failed to read config file: %s: %s\n", XL_CONF, strerror(errno));
    conf = xlconf_parse(text ? text : "", length, XL_CONF, &config_sink_stderr, exit_code);
    free(text);
    return conf;
}

static const struct config_sink *create_sink(const struct create *c)
{
    return c->quiet ? &config_sink_quiet : &config_sink_stderr;
}

/* The configuration, or NULL with the exit code. */
static struct domain_config *create_parse(struct create *c, int *exit_code)
{
    struct config_host host = {.conf = NULL, .cpus = (unsigned)sysconf(_SC_NPROCESSORS_CONF)};
    struct domain_config *config;
    struct xl_conf *conf;
    size_t length;
    char *text = create_read(c->file, &length);

    if (!text) {
        fprintf(stderr, "Failed to read config file: %s: %s\n", c->file, strerror(errno));
        *exit_code = 3;
        return NULL;
    }
    if (!c->quiet)
        fprintf(stderr, "Parsing config from %s\n", c->file);
    host.conf = conf = create_read_defaults(exit_code);
    config = conf ? config_parse(text, length, c->file, c->vars, &host, create_sink(c), exit_code) : NULL;
    xlconf_free(conf);
    free(text);
    if (config && c->engine)
        config->engine = config_engine_parse(c->engine);
    return config;
}

/* Where to look at the domain. */
static void create_say_where(const struct create *c, const json_t *told)
{
    const json_t *about = json_object_get(told, "about"), *vnc = json_object_get(about, "vnc");
    const char *web = xl_string(about, "web"), *listen = xl_string(vnc, "listen");

    if (c->quiet)
        return;
    if (vnc)
        fprintf(stderr, "VNC display: %s:%lld\n", listen ? listen : "", xl_int(vnc, "port", 5900) - 5900);
    if (web && web[0])
        fprintf(stderr, "web console: %s\n", web);
}

static int create_attach(struct xl *xl, const struct create *c, unsigned domid, const json_t *told)
{
    const char *tty;
    int pty = -1;

    if (c->viewer) {
        pid_t pid = fork();
        if (pid == 0)
            _exit(xl_vncviewer(told, c->autopass));
    }
    if (c->console) {
        tty = xl_console_tty(told, NULL, 0);
        if (tty)
            pty = xl_console_open(tty);
        else
            fprintf(stderr, "xl: this domain has no console to attach (serial=\"pty\" gives it one)\n");
        /* It has waited for its reader: nothing it prints is lost. */
        if (!c->launch.paused && xl_call(xl, domid, "unpause", NULL, NULL, true) != 0)
            return 1;
        if (pty >= 0)
            xl_console_run(pty);
    }
    return 0;
}

static int create_start(struct xl *xl, const struct create *c, const struct domain_config *config)
{
    struct launch_options options = c->launch;
    char *text = config_to_json(config, true);
    json_t *json = text ? json_loads(text, 0, NULL) : NULL, *told = NULL;
    unsigned domid = 0;
    pid_t pid = 0;
    int rc;

    free(text);
    if (!json) {
        xl_error("out of memory");
        return 5;
    }
    options.paused |= c->console;
    rc = launch_domain(json, &options, &told, &pid);
    json_decref(json);
    if (rc != 0)
        return -rc;
    domid = (unsigned)xl_int(told, "domid", 0);
    create_say_where(c, told);
    rc = create_attach(xl, c, domid, told);
    json_decref(told);
    return options.foreground ? launch_wait(pid) : rc;
}

int xl_cmd_create(struct xl *xl, int argc, char **argv)
{
    struct create c = {.dry_run = xl->dry_run};
    struct domain_config *config = NULL;
    char *json = NULL;
    int rc = create_options(&c, argc, argv);

    if (rc < 0) {
        rc = 1;
        config = create_parse(&c, &rc);
    }
    if (!config) {
        free(c.vars);
        return rc;
    }
    if (c.dry_run || c.debug)
        json = config_to_json(config, false);
    if (json)
        fputs(json, c.dry_run ? stdout : stderr);
    free(json);
    rc = 0;
    if (!c.dry_run)
        rc = config_check_start(config, create_sink(&c), xl->force);
    if (!c.dry_run && rc == 0)
        image_check(config, create_sink(&c));
    if (!c.dry_run && rc == 0)
        rc = create_start(xl, &c, config);
    config_free(config);
    free(c.vars);
    return rc;
}
