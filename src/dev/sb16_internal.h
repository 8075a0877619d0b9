/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sb16_internal.h: what the parts of the Sound Blaster (sb16*.c) share. */
#ifndef DOMUS_DEV_SB16_INTERNAL_H
#define DOMUS_DEV_SB16_INTERNAL_H

#include "dev/sb16.h"
#include "host/audio/audio.h"

#define SB16_OUT 64

enum {
    MIX_RESET = 0x00,
    MIX_VOICE_PRO = 0x04,
    MIX_OUTPUT_PRO = 0x0E, /* bit 1: old commands play stereo */
    MIX_MASTER_PRO = 0x22,
    MIX_FM_PRO = 0x26,
    MIX_MASTER = 0x30, /* left; right follows */
    MIX_VOICE = 0x32,
    MIX_FM = 0x34,
    MIX_GAIN = 0x41,
    MIX_IRQ = 0x80,
    MIX_DMA = 0x81,
    MIX_STATUS = 0x82,
};
#define STATUS_8   0x01
#define STATUS_16  0x02
#define STATUS_MPU 0x04

enum sb16_transfer { XFER_NONE, XFER_PLAY, XFER_RECORD, XFER_SILENCE, XFER_KINDS };

/* A transfer by DMA, or a pause. Units are bytes, or words where `wide`. */
struct sb16_dma {
    uint8_t kind, adpcm;                               /* adpcm: bits a sample, 0: none */
    bool wide, stereo, is_signed, again, paused, last; /* again: begins anew by itself; last: not after this block */
    uint32_t block, left;                              /* units */
    uint32_t rate;                                     /* frames a second */
    uint32_t phase;                                    /* of AUDIO_HZ: how far to the next frame */
    int16_t now[2], before[2];                         /* left, right */
    uint8_t reference, step, queued, packed;           /* ADPCM: the last sample, its step, samples still in `packed` */
    bool want_reference;
};

struct sb16_fm {
    uint8_t reg[512];
    uint16_t index;
    uint8_t overflow; /* of the timers, as the status shows it */
    bool running[2], masked[2];
    uint64_t start_ns[2], last_ns; /* when each timer began; the last write */
};

struct sb16_state {
    struct sb16_dma dma;
    struct sb16_fm fm;
    uint8_t mixer[256], mixer_index;
    uint8_t command, params[4], params_wanted, params_got;
    uint8_t out[SB16_OUT], out_count, out_at;
    uint8_t time_constant, test, e2_value, e2_count, mpu_count;
    uint32_t rate;          /* as 41h set it; 0: by the time constant */
    uint32_t block_default; /* 48h; units */
    int16_t direct;         /* what 10h puts on the output */
    uint64_t direct_ns;
    bool reset_line, speaker, mpu_uart;
};

struct sb16 {
    struct device dev;
    struct sb16_state s;
    struct loop *loop;
    struct sb16_config c;
    struct audio_source pcm, fm;
    struct sb16_opl *opl; /* owned */
};

/* sb16_mixer.c */
void sb16_mixer_reset(struct sb16 *b);
uint8_t sb16_mixer_read(struct sb16 *b);
void sb16_mixer_write(struct sb16 *b, uint8_t value);
void sb16_update_irq(struct sb16 *b);
int sb16_channel(const struct sb16 *b, bool wide); /* the DMA channel that is chosen, or -1 */
/* The volume of side 0 or 1 of MIX_VOICE or MIX_FM, in 1/65536. */
int32_t sb16_gain(const struct sb16 *b, unsigned reg, unsigned side);

/* sb16_pcm.c */
void sb16_pcm_init(struct sb16 *b);
void sb16_dma_byte(struct sb16 *b, uint8_t value); /* to memory, for E2h */

/* sb16_fm.c */
int sb16_fm_init(struct sb16 *b);
void sb16_fm_destroy(struct sb16 *b);
void sb16_fm_reset(struct sb16 *b);
void sb16_fm_loaded(struct sb16 *b);
uint8_t sb16_fm_read(struct sb16 *b, unsigned reg);
void sb16_fm_write(struct sb16 *b, unsigned reg, uint8_t value);

#endif
