/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sb16.c: the ports of a Sound Blaster 16 and its DSP's commands (Creative's Hardware Programming Guide, chapters 2 to
 * 4, 6). The MPU-401 acknowledges its commands and swallows MIDI; there is no input, joystick or CSP. Transfers are in
 * sb16_pcm.c.
 */
#include "dev/sb16_internal.h"

#include "dev/bytewise.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define VERSION_MAJOR 4
#define VERSION_MINOR 5
#define MIN_RATE      4000u
#define MAX_RATE      45454u
#define MPU_ACK       0xFE

static struct sb16 *to_sb16(const struct device *d)
{
    return (struct sb16 *)(uintptr_t)d;
}

/* ---- answers ---- */

static void answer(struct sb16 *b, uint8_t value)
{
    struct sb16_state *s = &b->s;

    if (s->out_at) {
        memmove(s->out, s->out + s->out_at, s->out_count);
        s->out_at = 0;
    }
    if (s->out_count < SB16_OUT)
        s->out[s->out_count++] = value;
}

static uint8_t take_answer(struct sb16 *b)
{
    struct sb16_state *s = &b->s;

    if (!s->out_count) /* the last one again */
        return s->out[s->out_at ? s->out_at - 1 : 0];
    s->out_count--;
    return s->out[s->out_at++];
}

static void dsp_reset(struct sb16 *b)
{
    struct sb16_state *s = &b->s;

    audio_sync(b->c.audio);
    s->dma = (struct sb16_dma){0};
    s->params_wanted = s->params_got = 0;
    s->out_count = s->out_at = 0;
    s->time_constant = 0xA5; /* 11 kHz */
    s->rate = 0;
    s->block_default = 2048;
    s->e2_value = 0xAA;
    s->e2_count = 0;
    s->speaker = false;
    s->direct = 0;
    s->direct_ns = 0;
    s->mixer[MIX_STATUS] = 0;
    sb16_update_irq(b);
}

/* ---- transfers ---- */

static uint32_t clamp_rate(uint32_t rate)
{
    return rate < MIN_RATE ? MIN_RATE : rate > MAX_RATE ? MAX_RATE : rate;
}

static void start(struct sb16 *b, struct sb16_dma dma)
{
    struct sb16_state *s = &b->s;
    uint32_t rate = s->rate;

    if (!rate) { /* the time constant counts samples, stereo has two a frame */
        rate = 1000000u / (256u - s->time_constant);
        if (dma.stereo)
            rate /= 2;
    }
    audio_sync(b->c.audio);
    dma.rate = clamp_rate(rate);
    dma.left = dma.block;
    dma.phase = AUDIO_HZ - 1; /* the first frame at once */
    memcpy(dma.now, s->dma.now, sizeof dma.now);
    if (dma.adpcm && !dma.want_reference) { /* goes on from the block before */
        dma.reference = s->dma.adpcm ? s->dma.reference : 0x80;
        dma.step = s->dma.adpcm == dma.adpcm ? s->dma.step : 0;
    }
    s->dma = dma;
    s->direct_ns = 0;
    audio_sync(b->c.audio);
}

static uint32_t param_count(const uint8_t *p)
{
    return 1u + p[0] + 256u * p[1];
}

/* The commands from before the Sound Blaster 16: unsigned bytes, stereo by the mixer. */
static void start_old(struct sb16 *b, unsigned kind, bool again, unsigned adpcm, bool reference)
{
    struct sb16_state *s = &b->s;

    start(b, (struct sb16_dma){
                 .kind = (uint8_t)kind,
                 .again = again,
                 .adpcm = (uint8_t)adpcm,
                 .want_reference = reference,
                 .stereo = !adpcm && kind != XFER_SILENCE && s->mixer[MIX_OUTPUT_PRO] & 2,
                 .block = again || s->params_got < 2 ? s->block_default : param_count(s->params),
             });
}

/* Bxh and Cxh: mode, then the length in samples. */
static void start_new(struct sb16 *b, uint8_t command)
{
    const uint8_t *p = b->s.params;

    start(b, (struct sb16_dma){
                 .kind = command & 8 ? XFER_RECORD : XFER_PLAY,
                 .wide = (command & 0xF0) == 0xB0,
                 .again = command & 4,
                 .is_signed = p[0] & 0x10,
                 .stereo = p[0] & 0x20,
                 .block = param_count(p + 1),
             });
}

static void pause_transfer(struct sb16 *b, bool wide, bool paused)
{
    audio_sync(b->c.audio);
    if (b->s.dma.wide == wide)
        b->s.dma.paused = paused;
    audio_sync(b->c.audio);
}

static void end_auto(struct sb16 *b, bool wide)
{
    audio_sync(b->c.audio);
    if (b->s.dma.wide == wide)
        b->s.dma.last = true;
}

static void interrupt(struct sb16 *b, uint8_t bit)
{
    b->s.mixer[MIX_STATUS] |= bit;
    sb16_update_irq(b);
}

/* E2h: a scramble of its parameter goes to memory by DMA; old drivers know the card by it. */
static void identify_by_dma(struct sb16 *b, uint8_t value)
{
    static const int16_t plus[4] = {-106, 165, -151, 90};
    static const uint8_t minus[4] = {0x96, 0xA5, 0x69, 0x5A}; /* which bits count backwards */
    struct sb16_state *s = &b->s;
    unsigned n = s->e2_count++ & 3;
    int sum = s->e2_value + plus[n];

    for (unsigned bit = 0; bit < 8; bit++)
        if (value >> bit & 1)
            sum += minus[n] >> bit & 1 ? -(1 << bit) : 1 << bit;
    s->e2_value = (uint8_t)sum;
    sb16_dma_byte(b, s->e2_value);
}

/* ---- commands ---- */

static unsigned params_of(uint8_t command)
{
    switch (command) {
    case 0x10: /* one sample, by hand */
    case 0x04:
    case 0x0F:
    case 0x38:
    case 0x40:
    case 0xE0:
    case 0xE2:
    case 0xE4:
    case 0xF9: return 1;
    case 0x05:
    case 0x0E:
    case 0x14:
    case 0x15:
    case 0x16:
    case 0x17:
    case 0x24:
    case 0x41:
    case 0x42:
    case 0x48:
    case 0x74:
    case 0x75:
    case 0x76:
    case 0x77:
    case 0x80: return 2;
    default: return (command & 0xF0) == 0xB0 || (command & 0xF0) == 0xC0 ? 3 : 0;
    }
}

static void run_old_transfer(struct sb16 *b, uint8_t command)
{
    switch (command) {
    case 0x14:
    case 0x15:
    case 0x91: start_old(b, XFER_PLAY, false, 0, false); break;
    case 0x1C:
    case 0x90: start_old(b, XFER_PLAY, true, 0, false); break;
    case 0x24:
    case 0x99: start_old(b, XFER_RECORD, false, 0, false); break;
    case 0x2C:
    case 0x98: start_old(b, XFER_RECORD, true, 0, false); break;
    case 0x16: start_old(b, XFER_PLAY, false, 2, false); break;
    case 0x17: start_old(b, XFER_PLAY, false, 2, true); break;
    case 0x1F: start_old(b, XFER_PLAY, true, 2, true); break;
    case 0x74: start_old(b, XFER_PLAY, false, 4, false); break;
    case 0x75: start_old(b, XFER_PLAY, false, 4, true); break;
    case 0x7D: start_old(b, XFER_PLAY, true, 4, true); break;
    case 0x76: start_old(b, XFER_PLAY, false, 3, false); break;
    case 0x77: start_old(b, XFER_PLAY, false, 3, true); break;
    case 0x7F: start_old(b, XFER_PLAY, true, 3, true); break;
    case 0x80: start_old(b, XFER_SILENCE, false, 0, false); break;
    default: break; /* no such command: nothing happens */
    }
}

static void direct_output(struct sb16 *b, uint8_t value)
{
    audio_sync(b->c.audio);
    b->s.direct = (int16_t)((value - 128) * 256);
    b->s.direct_ns = loop_now_ns(b->loop);
    audio_sync(b->c.audio);
}

static void run_command(struct sb16 *b)
{
    static const char copyright[] = "COPYRIGHT (C) CREATIVE TECHNOLOGY LTD, 1992.";
    struct sb16_state *s = &b->s;
    const uint8_t *p = s->params;

    if ((s->command & 0xF0) == 0xB0 || (s->command & 0xF0) == 0xC0) {
        start_new(b, s->command);
        return;
    }
    switch (s->command) {
    case 0x0F: answer(b, 0); break; /* a register of the CSP, which is not there */
    case 0x10: direct_output(b, p[0]); break;
    case 0x20: answer(b, 0x80); break; /* what is heard: nothing */
    case 0x40:
        s->time_constant = p[0];
        s->rate = 0;
        break;
    case 0x41:
    case 0x42: s->rate = clamp_rate(p[0] * 256u + p[1]); break;
    case 0x45:
    case 0x47: /* go on by itself, after all */
        if (s->dma.wide == (s->command == 0x47))
            s->dma.again = true, s->dma.last = false;
        break;
    case 0x48: s->block_default = param_count(p); break;
    case 0xD0: pause_transfer(b, false, true); break;
    case 0xD1: s->speaker = true; break;
    case 0xD3: s->speaker = false; break;
    case 0xD4: pause_transfer(b, false, false); break;
    case 0xD5: pause_transfer(b, true, true); break;
    case 0xD6: pause_transfer(b, true, false); break;
    case 0xD8: answer(b, s->speaker ? 0xFF : 0); break;
    case 0xD9: end_auto(b, true); break;
    case 0xDA: end_auto(b, false); break;
    case 0xE0: answer(b, (uint8_t)~p[0]); break;
    case 0xE1:
        answer(b, VERSION_MAJOR);
        answer(b, VERSION_MINOR);
        break;
    case 0xE2: identify_by_dma(b, p[0]); break;
    case 0xE3:
        for (size_t i = 0; i < sizeof copyright; i++)
            answer(b, (uint8_t)copyright[i]);
        break;
    case 0xE4: s->test = p[0]; break;
    case 0xE8: answer(b, s->test); break;
    case 0xF2: interrupt(b, STATUS_8); break;
    case 0xF3: interrupt(b, STATUS_16); break;
    case 0xF8:
    case 0xF9: answer(b, 0); break;
    default: run_old_transfer(b, s->command); break;
    }
}

static void write_dsp(struct sb16 *b, uint8_t value)
{
    struct sb16_state *s = &b->s;

    if (s->reset_line)
        return;
    if (s->params_wanted)
        s->params[s->params_got++] = value;
    else {
        s->command = value;
        s->params_got = 0;
        s->params_wanted = (uint8_t)params_of(value);
    }
    if (s->params_got < s->params_wanted)
        return;
    s->params_wanted = 0;
    run_command(b);
}

/* ---- ports ---- */

static void acknowledge(struct sb16 *b, uint8_t bit)
{
    b->s.mixer[MIX_STATUS] &= (uint8_t)~bit;
    sb16_update_irq(b);
    audio_sync(b->c.audio);
}

static uint8_t sb16_read_reg(struct device *d, unsigned reg)
{
    struct sb16 *b = to_sb16(d);

    switch (reg) {
    case 0x0:
    case 0x1:
    case 0x2:
    case 0x3: return sb16_fm_read(b, reg);
    case 0x8:
    case 0x9: return sb16_fm_read(b, reg - 8);
    case 0x4: return b->s.mixer_index;
    case 0x5: return sb16_mixer_read(b);
    case 0xA: return take_answer(b);
    case 0xC: return 0x7F; /* ready for a command */
    case 0xE: acknowledge(b, STATUS_8); return b->s.out_count ? 0xFF : 0x7F;
    case 0xF: acknowledge(b, STATUS_16); return 0xFF;
    default: return 0xFF;
    }
}

static void sb16_write_reg(struct device *d, unsigned reg, uint8_t value)
{
    struct sb16 *b = to_sb16(d);
    bool was_reset = b->s.reset_line;

    switch (reg) {
    case 0x0:
    case 0x1:
    case 0x2:
    case 0x3: sb16_fm_write(b, reg, value); break;
    case 0x8:
    case 0x9: sb16_fm_write(b, reg - 8, value); break;
    case 0x4: b->s.mixer_index = value; break;
    case 0x5: sb16_mixer_write(b, value); break;
    case 0x6:
        b->s.reset_line = value & 1;
        if (b->s.reset_line)
            dsp_reset(b);
        else if (was_reset)
            answer(b, 0xAA);
        break;
    case 0xC: write_dsp(b, value); break;
    default: break;
    }
}

static uint64_t sb16_read(struct device *d, uint64_t offset, unsigned size)
{
    return bytewise_read(d, offset, size, sb16_read_reg);
}
static void sb16_write(struct device *d, uint64_t offset, unsigned size, uint64_t value)
{
    bytewise_write(d, offset, size, value, sb16_write_reg);
}

static uint8_t fm_read_reg(struct device *d, unsigned reg)
{
    return sb16_fm_read(to_sb16(d), reg);
}
static void fm_write_reg(struct device *d, unsigned reg, uint8_t value)
{
    sb16_fm_write(to_sb16(d), reg, value);
}
static uint64_t fm_read(struct device *d, uint64_t offset, unsigned size)
{
    return bytewise_read(d, offset, size, fm_read_reg);
}
static void fm_write(struct device *d, uint64_t offset, unsigned size, uint64_t value)
{
    bytewise_write(d, offset, size, value, fm_write_reg);
}

/* Data: an acknowledge after a command; status: bit 7 clear while there is one, bit 6 clear: ready. */
static uint8_t mpu_read_reg(struct device *d, unsigned reg)
{
    struct sb16_state *s = &to_sb16(d)->s;

    if (reg)
        return s->mpu_count ? 0x3F : 0xBF;
    if (!s->mpu_count)
        return 0xFF;
    s->mpu_count--;
    return MPU_ACK;
}

static void mpu_write_reg(struct device *d, unsigned reg, uint8_t value)
{
    struct sb16_state *s = &to_sb16(d)->s;

    if (!reg)
        return;          /* MIDI for nobody */
    if (value == 0xFF) { /* a reset out of UART mode is not acknowledged */
        s->mpu_count = !s->mpu_uart;
        s->mpu_uart = false;
    } else if (!s->mpu_uart) {
        s->mpu_uart = value == 0x3F;
        s->mpu_count = 1;
    }
}
static uint64_t mpu_read(struct device *d, uint64_t offset, unsigned size)
{
    return bytewise_read(d, offset, size, mpu_read_reg);
}
static void mpu_write(struct device *d, uint64_t offset, unsigned size, uint64_t value)
{
    bytewise_write(d, offset, size, value, mpu_write_reg);
}

const struct io_ops sb16_io = {.read = sb16_read, .write = sb16_write};
const struct io_ops sb16_fm_io = {.read = fm_read, .write = fm_write};
const struct io_ops sb16_mpu_io = {.read = mpu_read, .write = mpu_write};

static void sb16_reset(struct device *d)
{
    struct sb16 *b = to_sb16(d);

    b->s = (struct sb16_state){0};
    b->s.mixer[MIX_IRQ] = 0xF2; /* IRQ 5, DMA 1 and 5 */
    b->s.mixer[MIX_DMA] = 0x22;
    sb16_mixer_reset(b);
    sb16_fm_reset(b);
    dsp_reset(b);
}

static int sb16_check(const void *state)
{
    const struct sb16_state *s = state;
    const struct sb16_dma *d = &s->dma;

    if (d->kind >= XFER_KINDS || d->adpcm == 1 || d->adpcm > 4 || d->step > 5 || d->queued > 4 || d->phase >= AUDIO_HZ)
        return -EINVAL;
    if (d->kind != XFER_NONE && (!d->left || d->left > 65536 || !d->block || d->block > 65536 || d->rate < MIN_RATE ||
                                 d->rate > MAX_RATE || (d->adpcm && (d->wide || d->stereo))))
        return -EINVAL;
    if (s->params_wanted > sizeof s->params || (s->params_wanted && s->params_got >= s->params_wanted))
        return -EINVAL;
    if (s->out_at > SB16_OUT || s->out_count > SB16_OUT - s->out_at || s->mpu_count > 1 || s->fm.index > 511)
        return -EINVAL;
    return s->block_default < 1 || s->block_default > 65536 || s->rate > MAX_RATE ? -EINVAL : 0;
}

static void sb16_saving(struct device *d)
{
    audio_sync(to_sb16(d)->c.audio);
}

static void sb16_loaded(struct device *d)
{
    struct sb16 *b = to_sb16(d);

    sb16_fm_loaded(b);
    sb16_update_irq(b);
    audio_sync(b->c.audio);
}

static void sb16_destroy(struct device *d)
{
    struct sb16 *b = to_sb16(d);

    list_remove(&b->pcm.link);
    list_remove(&b->fm.link);
    sb16_fm_destroy(b);
    free(b);
}

static const struct device_ops sb16_ops = {
    .name = "sb16",
    .version = 1,
    .state_size = sizeof(struct sb16_state),
    .reset = sb16_reset,
    .check = sb16_check,
    .saving = sb16_saving,
    .loaded = sb16_loaded,
    .destroy = sb16_destroy,
};

struct device *sb16_create(struct loop *loop, const struct sb16_config *c)
{
    struct sb16 *b = calloc(1, sizeof *b);

    if (!b)
        return NULL;
    b->dev = (struct device){.ops = &sb16_ops, .state = &b->s};
    b->loop = loop;
    b->c = *c;
    if (sb16_fm_init(b)) {
        free(b);
        return NULL;
    }
    sb16_pcm_init(b);
    sb16_reset(&b->dev);
    return &b->dev;
}
