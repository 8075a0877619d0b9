/* SPDX-License-Identifier: GPL-2.0-or-later */
/* machine_commands.h: what the machine's process answers its supervisor (channel.h lists the commands). */
#ifndef DOMUS_DOMAIN_MACHINE_COMMANDS_H
#define DOMUS_DOMAIN_MACHINE_COMMANDS_H

#include "domain/channel.h"

#include <jansson.h>

struct domain_config;
struct engine_ops;
struct keymap;
struct loop;
struct pc;
struct typist;

/* All borrowed but pc and loop, which machine.c owns. */
struct machine {
    const struct domain_config *config;
    struct domain_channel *channel;
    const struct engine_ops *engine;
    struct loop *loop;
    struct pc *pc;
    struct keymap *keymap; /* owned, like typist: made when first something is typed */
    struct typist *typist;
};

/* The table for channel_serve(); opaque is the struct machine. */
extern const struct channel_command machine_commands[];

/* What channel_started() tells: consoles, VNC, web console, engine. New reference. */
json_t *machine_about(struct machine *m);

/* Frees what the commands made; before the pc and the loop go. */
void machine_commands_fini(struct machine *m);

#endif
