/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sb16_pcm.c: the DSP's transfers, as a source of sound: bytes from the DMA controller at the pace of the sample rate,
 * made into frames, with an interrupt at the end of each block. A recording gets silence: there is no input.
 */
#include "dev/sb16_internal.h"

#include "dev/i8237.h"

#include <string.h>

#define DIRECT_NS 100000000u /* after this, a level that 10h set is silence */

static bool transfers(const struct sb16 *b)
{
    return b->s.dma.kind != XFER_NONE && !b->s.dma.paused;
}

static bool direct_plays(struct sb16 *b)
{
    return b->s.direct_ns && loop_now_ns(b->loop) - b->s.direct_ns < DIRECT_NS;
}

static bool pcm_active(void *opaque)
{
    return transfers(opaque) || direct_plays(opaque);
}

static unsigned samples_a_unit(const struct sb16_dma *d)
{
    return d->adpcm == 4 ? 2 : d->adpcm == 3 ? 3 : d->adpcm == 2 ? 4 : 1;
}

/* ADPCM and mono make one frame of a sample, stereo one of two. */
static size_t pcm_until(void *opaque)
{
    const struct sb16 *b = opaque;
    const struct sb16_dma *d = &b->s.dma;
    uint64_t pulls, frames;

    if (!transfers(b))
        return SIZE_MAX;
    pulls = (uint64_t)d->left * samples_a_unit(d) + d->queued;
    if (d->adpcm)
        pulls = d->left ? (uint64_t)(d->left - 1) * samples_a_unit(d) + d->queued + 1 : 1;
    else if (d->stereo)
        pulls = (pulls + 1) / 2;
    frames = (pulls * AUDIO_HZ - d->phase + d->rate - 1) / d->rate;
    return frames ? (size_t)frames : 1;
}

static bool pcm_unanswered(void *opaque)
{
    const struct sb16 *b = opaque;

    return transfers(b) && b->s.mixer[MIX_STATUS] & (STATUS_8 | STATUS_16);
}

static void block_done(struct sb16 *b)
{
    struct sb16_dma *d = &b->s.dma;

    b->s.mixer[MIX_STATUS] |= d->wide ? STATUS_16 : STATUS_8;
    if (d->again && !d->last)
        d->left = d->block;
    else
        d->kind = XFER_NONE;
    sb16_update_irq(b);
}

/* One unit between the DMA controller and *value. False: it was not served; the DSP waits. */
static bool move_unit(struct sb16 *b, uint16_t *value)
{
    struct sb16_dma *d = &b->s.dma;
    int channel = sb16_channel(b, d->wide);
    size_t n = d->wide ? 2 : 1;
    uint8_t bytes[2] = {0, 0};
    bool end;

    if (d->kind == XFER_SILENCE)
        *value = d->is_signed ? 0 : 0x80;
    else if (channel < 0)
        return false;
    else if (d->kind == XFER_RECORD) {
        bytes[0] = d->is_signed || d->wide ? 0 : 0x80;
        bytes[1] = d->is_signed ? 0 : 0x80;
        for (size_t done = 0, moved; done < n; done += moved) { /* a wide sample may pass a narrow channel */
            moved = i8237_to_memory(b->c.dma, (unsigned)channel, bytes + done, n - done, &end);
            if (!moved)
                return false;
        }
        *value = d->is_signed ? 0 : d->wide ? 0x8000 : 0x80;
    } else {
        for (size_t done = 0, moved; done < n; done += moved) {
            moved = i8237_from_memory(b->c.dma, (unsigned)channel, bytes + done, n - done, &end);
            if (!moved)
                return false;
        }
        *value = (uint16_t)(bytes[0] | bytes[1] << 8);
    }
    d->left--;
    return true;
}

static int16_t to_level(const struct sb16_dma *d, uint16_t value)
{
    if (d->wide)
        return (int16_t)(d->is_signed ? value : value ^ 0x8000);
    return (int16_t)((uint8_t)(d->is_signed ? value : value ^ 0x80) << 8);
}

/* Creative's ADPCM: a sign, a magnitude in units of a step, and a step that follows the magnitude. */
static int16_t adpcm_sample(struct sb16_dma *d, unsigned code, unsigned bits)
{
    unsigned sign = 1u << (bits - 1), most = sign - 1, magnitude = code & most,
             highest = bits == 4   ? 3
                       : bits == 3 ? 4
                                   : 5;
    int delta = (int)(((2 * magnitude + 1) << d->step) / 2), level = d->reference + (code & sign ? -delta : delta);

    d->reference = (uint8_t)(level < 0 ? 0 : level > 255 ? 255 : level);
    if (magnitude == 0)
        d->step = d->step ? (uint8_t)(d->step - 1) : 0;
    else if (magnitude > (bits == 4 ? 4 : most - 1))
        d->step = d->step < highest ? (uint8_t)(d->step + 1) : d->step;
    return (int16_t)((d->reference - 128) * 256);
}

static bool pull_adpcm(struct sb16 *b)
{
    struct sb16_dma *d = &b->s.dma;
    uint16_t value;
    unsigned shift, code;

    if (!d->queued) {
        if (!d->left || !move_unit(b, &value))
            return false;
        if (d->want_reference) {
            d->want_reference = false;
            d->reference = (uint8_t)value;
            d->step = 0;
            return true;
        }
        d->packed = (uint8_t)value;
        d->queued = (uint8_t)samples_a_unit(d);
    }
    d->queued--;
    if (d->adpcm == 3) /* three, three and two bits; the last lacks its lowest */
        code = d->queued == 2 ? d->packed >> 5 : d->queued == 1 ? d->packed >> 2 & 7u : (d->packed & 3u) << 1;
    else {
        shift = d->queued * d->adpcm;
        code = d->packed >> shift & ((1u << d->adpcm) - 1);
    }
    d->now[0] = d->now[1] = adpcm_sample(d, code, d->adpcm);
    return true;
}

/* The next frame of the sample rate. False: no data came. */
static bool pull(struct sb16 *b)
{
    struct sb16_dma *d = &b->s.dma;
    uint16_t left, right;

    memcpy(d->before, d->now, sizeof d->before);
    if (d->adpcm)
        return pull_adpcm(b);
    if (!move_unit(b, &left))
        return false;
    right = left;
    if (d->stereo && d->left)
        (void)move_unit(b, &right);
    d->now[0] = to_level(d, left);
    d->now[1] = to_level(d, right);
    return true;
}

static void mix_levels(struct sb16 *b, int32_t *mix, int32_t left, int32_t right)
{
    mix[0] += (int32_t)((int64_t)left * sb16_gain(b, MIX_VOICE, 0) >> 16);
    mix[1] += (int32_t)((int64_t)right * sb16_gain(b, MIX_VOICE, 1) >> 16);
}

static int32_t between(const struct sb16_dma *d, unsigned side)
{
    return d->before[side] + (int32_t)((int64_t)(d->now[side] - d->before[side]) * d->phase / AUDIO_HZ);
}

static void pcm_render(void *opaque, int32_t *mix, size_t n)
{
    struct sb16 *b = opaque;
    struct sb16_dma *d = &b->s.dma;

    for (size_t i = 0; i < n; i++, mix += 2) {
        if (!transfers(b)) {
            mix_levels(b, mix, b->s.direct, b->s.direct);
            continue;
        }
        d->phase += d->rate;
        while (d->phase >= AUDIO_HZ) {
            d->phase -= AUDIO_HZ;
            if (!pull(b)) {
                d->phase = AUDIO_HZ - d->rate % AUDIO_HZ; /* asks again with the next frame */
                d->phase -= d->phase == AUDIO_HZ;
                break;
            }
            if (!d->left) {
                block_done(b);
                if (d->kind == XFER_NONE)
                    break;
            }
        }
        if (d->kind != XFER_RECORD)
            mix_levels(b, mix, between(d, 0), between(d, 1));
    }
}

void sb16_dma_byte(struct sb16 *b, uint8_t value)
{
    int channel = sb16_channel(b, false);
    bool end;

    if (channel >= 0)
        (void)i8237_to_memory(b->c.dma, (unsigned)channel, &value, 1, &end);
}

void sb16_pcm_init(struct sb16 *b)
{
    b->pcm = (struct audio_source){
        .active = pcm_active, .until = pcm_until, .unanswered = pcm_unanswered, .render = pcm_render, .opaque = b};
    audio_add(b->c.audio, &b->pcm);
}
