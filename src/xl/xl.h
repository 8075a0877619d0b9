/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * xl.h: what the command line's files share: the table of commands and the helpers every command uses.
 * Texts, exit codes and their order are xl's (4.17), as scripts know them; what is ours alone says so in its row.
 */
#ifndef DOMUS_XL_XL_H
#define DOMUS_XL_XL_H

#include "base/types.h"
#include "control/client.h"
#include "control/registry.h"

#include <getopt.h>
#include <jansson.h>

struct xl {
    int verbose;
    bool force, dry_run, progress;
    struct registry *registry; /* opened at first need, by xl_registry() */
};

struct xl_command {
    const char *name;
    int (*run)(struct xl *xl, int argc, char **argv); /* the exit code */
    bool can_dry_run, modifies;
    const char *summary; /* the line of `xl help` */
    const char *usage;   /* after the name; NULL: none */
    const char *options; /* NULL: none */
};

/* The whole table; the last row has no name. */
const struct xl_command *xl_commands(void);
const struct xl_command *xl_command_named(const char *name); /* an exact name of the table */
void xl_help_all(void);
void xl_help_command(const struct xl_command *c);
/* getopt_long for a command: answers -h, refuses unknown options and fewer than `required` arguments by leaving the
 * program as xl does. `longs` may be NULL. -1 at the end of the options. */
int xl_getopt(int argc, char **argv, const char *shorts, const struct option *longs, int required);

/* One libxl-like error line on standard error. */
void xl_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
struct registry *xl_registry(struct xl *xl); /* leaves the program when there is none */

/* A domain as its supervisor tells it (src/domain/supervisor_commands.c, "info"). */
struct xl_domain {
    unsigned domid;
    char *name, *uuid;
    json_t *info; /* never NULL */
};
/* All domains, Domain-0 (this host) first when asked for. 0 or -1 after a message. */
int xl_domains(struct xl *xl, bool with_host, bool with_config, struct xl_domain **domains, size_t *n);
void xl_domains_free(struct xl_domain *domains, size_t n);
/* The host as Domain-0. */
struct xl_domain xl_host_domain(void);

/* A <Domain> argument as a domid; -1 after xl's message. Digits are a domid and not looked up. */
long xl_find_domain(struct xl *xl, const char *arg);
/* The same, silently. */
long xl_lookup_domain(struct xl *xl, const char *arg);
char *xl_domain_name(struct xl *xl, unsigned domid); /* NULL: no such domain */
/* A connection to the domain, NULL after a message. */
struct control_client *xl_connect(struct xl *xl, unsigned domid);
/* Connects, calls, disconnects; a control_code, after a libxl-like message if `say`. Takes args. */
int xl_call(struct xl *xl, unsigned domid, const char *command, json_t *args, json_t **result, bool say);

/* input.c: for another process, of a file that may not be there yet. Owned by the caller; NULL: see errno. */
char *xl_absolute(const char *path);

/* Prints JSON as libxl does (4 spaces, empty objects over three lines), without a final newline. */
void xl_print_json(const json_t *value, int indent);

long long xl_int(const json_t *object, const char *key, long long otherwise);
const char *xl_string(const json_t *object, const char *key); /* NULL: not there */
bool xl_true(const json_t *object, const char *key);

/* One function per command; the file names the family. */
int xl_cmd_create(struct xl *xl, int argc, char **argv); /* create.c */
int xl_cmd_list(struct xl *xl, int argc, char **argv);   /* list.c */
int xl_cmd_claims(struct xl *xl, int argc, char **argv);
int xl_cmd_sharing(struct xl *xl, int argc, char **argv);
int xl_cmd_vm_list(struct xl *xl, int argc, char **argv);
int xl_cmd_vcpu_list(struct xl *xl, int argc, char **argv);
int xl_cmd_uptime(struct xl *xl, int argc, char **argv);
int xl_cmd_domid(struct xl *xl, int argc, char **argv); /* names.c */
int xl_cmd_domname(struct xl *xl, int argc, char **argv);
int xl_cmd_rename(struct xl *xl, int argc, char **argv);
int xl_cmd_destroy(struct xl *xl, int argc, char **argv); /* life.c */
int xl_cmd_shutdown(struct xl *xl, int argc, char **argv);
int xl_cmd_reboot(struct xl *xl, int argc, char **argv);
int xl_cmd_pause(struct xl *xl, int argc, char **argv);
int xl_cmd_unpause(struct xl *xl, int argc, char **argv);
int xl_cmd_trigger(struct xl *xl, int argc, char **argv);
int xl_cmd_button_press(struct xl *xl, int argc, char **argv);
int xl_cmd_sysrq(struct xl *xl, int argc, char **argv);
int xl_cmd_console(struct xl *xl, int argc, char **argv); /* console.c */
/* A console opened raw (-1 after a message), and the user connected to it until either ends; closes it. */
int xl_console_open(const char *tty);
int xl_console_run(int pty);
const char *xl_console_tty(const json_t *info, const char *type, long long number);
int xl_cmd_vncviewer(struct xl *xl, int argc, char **argv);  /* vncviewer.c */
int xl_vncviewer(const json_t *info, bool autopass);         /* runs it in this process */
int xl_cmd_block_list(struct xl *xl, int argc, char **argv); /* device.c */
int xl_cmd_network_list(struct xl *xl, int argc, char **argv);
int xl_cmd_block_attach(struct xl *xl, int argc, char **argv); /* attach.c */
int xl_cmd_network_attach(struct xl *xl, int argc, char **argv);
int xl_cmd_network_detach(struct xl *xl, int argc, char **argv);
int xl_cmd_empty_list(struct xl *xl, int argc, char **argv);
int xl_cmd_cd_insert(struct xl *xl, int argc, char **argv);
int xl_cmd_cd_eject(struct xl *xl, int argc, char **argv);
int xl_cmd_info(struct xl *xl, int argc, char **argv); /* info.c */
int xl_cmd_dmesg(struct xl *xl, int argc, char **argv);
int xl_cmd_cpupool_list(struct xl *xl, int argc, char **argv);
int xl_cmd_getenforce(struct xl *xl, int argc, char **argv);
int xl_cmd_doctor(struct xl *xl, int argc, char **argv);     /* doctor.c */
int xl_cmd_screenshot(struct xl *xl, int argc, char **argv); /* input.c */
int xl_cmd_send_keys(struct xl *xl, int argc, char **argv);
int xl_cmd_debug(struct xl *xl, int argc, char **argv);       /* debug.c */
int xl_cmd_xenstore_ls(struct xl *xl, int argc, char **argv); /* store.c */
int xl_cmd_needs_xen(struct xl *xl, int argc, char **argv);   /* absent.c */
int xl_cmd_not_yet(struct xl *xl, int argc, char **argv);
int xl_cmd_mem_set(struct xl *xl, int argc, char **argv);
int xl_cmd_vcpu_set(struct xl *xl, int argc, char **argv);

#endif
