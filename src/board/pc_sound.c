/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pc_sound.c: the speaker, soundhw= on the ISA bus, and where their sound goes: audio=.
 */
#include "board/pc_internal.h"

#include "base/log.h"
#include "dev/i8237.h"
#include "dev/pc_speaker.h"
#include "dev/sb16.h"
#include "host/audio/audio.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SB16_BASE 0x220
#define FM_BASE   0x388
#define MPU_BASE  0x330

static void dma_looked_at(void *opaque)
{
    audio_sync(((struct pc *)opaque)->audio);
}

static int create_sb16(struct pc *pc)
{
    const struct sb16_config c = {
        .irq = {&pc->isa[9], &pc->isa[5], &pc->isa[7], &pc->isa[10]},
        .dma = pc->dma,
        .audio = pc->audio,
    };
    struct device *d = sb16_create(pc->s.loop, &c);
    int rc = pc_add(pc, d);

    if (rc)
        return rc;
    i8237_set_looking(pc->dma, dma_looked_at, pc);
    if (pc_map_ports(pc, SB16_BASE, 16, d, &sb16_io) || pc_map_ports(pc, FM_BASE, 4, d, &sb16_fm_io) ||
        pc_map_ports(pc, MPU_BASE, 2, d, &sb16_mpu_io))
        return -ENOMEM;
    return 0;
}

/* Without a sound card nobody is told that there is no sound device: a speaker's beeps are not worth a line. */
static int open_audio(struct pc *pc, bool card, char **why)
{
    char *text = NULL, line[600];
    int rc = audio_open(&pc->audio, pc->s.loop, pc->s.config->audio, &text);

    if (rc)
        (void)pc_why(why, rc, "%s", text ? text : strerror(-rc));
    else if (text) {
        log_info("%s", text);
        (void)snprintf(line, sizeof line, "%s: sound: %s", pc->s.config->source ? pc->s.config->source : "config",
                       text);
        if (card && pc->s.notice)
            pc->s.notice(pc->s.opaque, line);
    }
    free(text);
    return rc;
}

int pc_sound_create(struct pc *pc, char **why)
{
    const char *model = pc->s.config->hvm.soundhw;
    bool card = model && strcmp(model, "sb16") == 0;
    int rc = open_audio(pc, card, why);

    if (!rc)
        rc = pc_add(pc, pc_speaker_create(pc->pit, pc->audio));
    if (!rc && card)
        rc = create_sb16(pc);
    return rc;
}
