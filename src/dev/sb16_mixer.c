/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sb16_mixer.c: the CT1745 mixer: volumes, which interrupt and DMA channels the card uses, and who interrupted. The
 * registers of the Sound Blaster Pro's mixer are views of the newer ones. Inputs, treble and bass keep their values and
 * change nothing.
 */
#include "dev/sb16_internal.h"

#include <string.h>

void sb16_mixer_reset(struct sb16 *b)
{
    uint8_t *m = b->s.mixer, irq = m[MIX_IRQ], dma = m[MIX_DMA], status = m[MIX_STATUS];

    memset(m, 0, sizeof b->s.mixer);
    for (unsigned reg = MIX_MASTER; reg < MIX_FM + 2; reg++)
        m[reg] = 0xC0;
    m[0x36] = m[0x37] = m[0x38] = m[0x39] = 0;
    m[0x3C] = 0x1F;
    m[0x3D] = 0x15;
    m[0x3E] = 0x0B;
    for (unsigned reg = 0x44; reg <= 0x47; reg++)
        m[reg] = 0x80;
    m[MIX_IRQ] = irq;
    m[MIX_DMA] = dma;
    m[MIX_STATUS] = status;
}

/* The register pair that a Sound Blaster Pro's register shows; 0: none. */
static unsigned pro_view(unsigned reg)
{
    switch (reg) {
    case MIX_VOICE_PRO: return MIX_VOICE;
    case MIX_MASTER_PRO: return MIX_MASTER;
    case MIX_FM_PRO: return MIX_FM;
    default: return 0;
    }
}

uint8_t sb16_mixer_read(struct sb16 *b)
{
    const uint8_t *m = b->s.mixer;
    unsigned reg = b->s.mixer_index, pair = pro_view(reg);

    if (pair)
        return (uint8_t)((m[pair] & 0xF0) | m[pair + 1] >> 4);
    return m[reg];
}

void sb16_mixer_write(struct sb16 *b, uint8_t value)
{
    uint8_t *m = b->s.mixer;
    unsigned reg = b->s.mixer_index, pair = pro_view(reg);

    audio_sync(b->c.audio);
    if (pair) {
        m[pair] = (value & 0xF0) | 0x08;
        m[pair + 1] = (uint8_t)(value << 4 | 0x08);
        return;
    }
    switch (reg) {
    case MIX_RESET: sb16_mixer_reset(b); break;
    case MIX_IRQ:
        for (unsigned i = 0; i < 4; i++)
            irq_set(b->c.irq[i], false);
        m[reg] = (value & 0x0F) | 0xF0;
        sb16_update_irq(b);
        break;
    case MIX_DMA: m[reg] = value & 0xEB; break;
    case MIX_STATUS: break;
    default: m[reg] = reg >= MIX_MASTER && reg < 0x3B ? value & 0xF8 : value; break;
    }
}

void sb16_update_irq(struct sb16 *b)
{
    bool level = b->s.mixer[MIX_STATUS] & (STATUS_8 | STATUS_16 | STATUS_MPU);

    for (unsigned i = 0; i < 4; i++)
        if (b->s.mixer[MIX_IRQ] >> i & 1) {
            irq_set(b->c.irq[i], level);
            return;
        }
}

int sb16_channel(const struct sb16 *b, bool wide)
{
    unsigned chosen = b->s.mixer[MIX_DMA];

    for (int i = wide ? 5 : 0; i < (wide ? 8 : 4); i++)
        if (chosen >> i & 1)
            return i;
    return wide ? sb16_channel(b, false) : -1;
}

/* 2 dB a step below the top of 31; the last step is silence. */
static int32_t volume(unsigned five_bits)
{
    static const int32_t sixth[3] = {65536, 52057, 41350}; /* 0, -2, -4 dB; -6 dB is half */
    unsigned down = 31 - five_bits;

    return five_bits ? sixth[down % 3] >> (down / 3) : 0;
}

int32_t sb16_gain(const struct sb16 *b, unsigned reg, unsigned side)
{
    const uint8_t *m = b->s.mixer;
    int64_t gain = (int64_t)volume(m[MIX_MASTER + side] >> 3) * volume(m[reg + side] >> 3) >> 16;

    gain <<= m[MIX_GAIN + side] >> 6;
    return (int32_t)(gain > 4 * 65536 ? 4 * 65536 : gain);
}
