/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fake_domain.c: the real supervisor with a machine that only pretends: it does at once what its domain's kernel
 * command line says (b_info.cmdline, comma-separated), so that tests see every way a boot can go:
 *   fail            says why it cannot start          die            exits before it has started
 *   slow            starts after two seconds          abort          is killed by a signal while it runs
 *   reason=N        the guest ends with N at once     hang           does not answer and does not end when asked
 *   once=N          as reason=N, but only at the first boot (domid in a file beside the log)
 * It answers trigger power with reason 0 and trigger reset with reason 1. Its console is a pty that greets.
 */
#include "base/log.h"
#include "domain/channel.h"
#include "domain/supervisor.h"
#include "machine/loop.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

struct fake {
    struct domain_channel *channel;
    struct loop *loop;
    bool paused;
    unsigned keys;
    char insert[256];
};

static json_t *fake_info(void *opaque, const json_t *args, char **why)
{
    struct fake *f = opaque;

    return json_pack("{s:i, s:i, s:[{s:b, s:s, s:I, s:i}, {s:b, s:s, s:I}]}", "memory_kb", 65536, "keys", (int)f->keys,
                     "vcpus", "online", 1, "state", f->paused ? "paused" : "blocked", "time_ns", (json_int_t)1500000000,
                     "cpu", 0, "online", 0, "state", "paused", "time_ns", (json_int_t)0);
}

static json_t *fake_pause(void *opaque, const json_t *args, char **why)
{
    ((struct fake *)opaque)->paused = true;
    return json_object();
}

static json_t *fake_unpause(void *opaque, const json_t *args, char **why)
{
    ((struct fake *)opaque)->paused = false;
    return json_object();
}

static json_t *fake_trigger(void *opaque, const json_t *args, char **why)
{
    struct fake *f = opaque;
    const char *what = json_string_value(json_object_get(args, "what"));

    if (strcmp(what, "power") == 0 || strcmp(what, "reset") == 0)
        channel_ended(f->channel, what[0] == 'p' ? LIFE_POWEROFF : LIFE_REBOOT, "the button");
    else if (strcmp(what, "nmi") == 0)
        channel_ended(f->channel, LIFE_CRASH, "panic");
    return json_object();
}

static json_t *fake_screenshot(void *opaque, const json_t *args, char **why)
{
    FILE *file = fopen(json_string_value(json_object_get(args, "path")), "w");

    if (!file) {
        *why = strdup("the file cannot be written");
        return NULL;
    }
    fputs("picture", file);
    fclose(file);
    return json_object();
}

static json_t *fake_keys(void *opaque, const json_t *args, char **why)
{
    ((struct fake *)opaque)->keys += (unsigned)json_array_size(json_object_get(args, "keys"));
    return json_object();
}

static const struct channel_command fake_commands[] = {
    {"info", fake_info},
    {"pause", fake_pause},
    {"unpause", fake_unpause},
    {"trigger", fake_trigger},
    {"screenshot", fake_screenshot},
    {"send_keys", fake_keys},
    {NULL, NULL},
};

static bool fake_asked(const char *orders, const char *order, int *value)
{
    const char *at = strstr(orders, order);

    if (at && value)
        *value = atoi(at + strlen(order));
    return at != NULL;
}

/* Has this domain not booted before? */
static bool fake_first(const struct domain_boot *boot)
{
    char path[512];
    int fd;

    snprintf(path, sizeof path, "%s/booted-%s", boot->log_dir, boot->name);
    fd = open(path, O_CREAT | O_EXCL | O_WRONLY, 0600);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

static int fake_run(const json_t *config, const struct domain_boot *boot, struct domain_channel *channel)
{
    const char *orders = json_string_value(json_object_get(json_object_get(config, "b_info"), "cmdline"));
    struct fake f = {.channel = channel, .loop = loop_create(), .paused = boot->paused};
    int master = posix_openpt(O_RDWR | O_NOCTTY), slave, reason = 0;

    struct termios raw;

    if (!orders)
        orders = "";
    if (!f.loop || master < 0 || grantpt(master) != 0 || unlockpt(master) != 0)
        return 1;
    if (fake_asked(orders, "fail", NULL)) {
        log_warning("the disk looked strange already");
        channel_failed(channel, "disk hda: no such image");
        loop_destroy(f.loop);
        return 0;
    }
    if (fake_asked(orders, "die", NULL)) {
        fprintf(stderr, "error: last words of %s\n", boot->name);
        _exit(3);
    }
    if (fake_asked(orders, "slow", NULL))
        sleep(2);
    channel_notice(channel, "engine fake, because this is a test");
    slave = open(ptsname(master), O_RDWR | O_NOCTTY);
    tcgetattr(slave, &raw);
    cfmakeraw(&raw);
    tcsetattr(slave, TCSANOW, &raw);
    (void)!write(master, "hello from the guest\r\n", 22);
    channel_started(channel, json_pack("{s:[{s:s, s:i, s:s}], s:{s:s, s:i}, s:s}", "consoles", "type", "serial",
                                       "number", 0, "tty", ptsname(master), "vnc", "listen", "127.0.0.1", "port", 5907,
                                       "web", "http://127.0.0.1:1/"));
    if (fake_asked(orders, "abort", NULL))
        abort();
    if (fake_asked(orders, "hang", NULL))
        for (;;)
            pause();
    channel_serve(channel, f.loop, fake_commands, &f);
    if (fake_asked(orders, "reason=", &reason) || (fake_asked(orders, "once=", &reason) && fake_first(boot)))
        channel_ended(channel, (enum life_reason)reason, "as ordered");
    loop_run(f.loop);
    channel_unserve(channel);
    loop_destroy(f.loop);
    close(slave);
    close(master);
    return 0;
}

int main(void)
{
    const struct boot_machine machine = {.run = fake_run};

    return supervisor_main(&machine);
}
