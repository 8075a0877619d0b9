/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sb16_fm.c: the card's OPL3 (Yamaha YMF262): registers and timers here, its sound by Nuked OPL3 out of Debian's
 * libadplug. Only registers are saved; notes that sound when a guest is saved begin anew when it is loaded.
 */
#include "dev/sb16_internal.h"

#include <adplug/nukedopl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TIMER1_NS 80000u
#define TIMER2_NS 320000u
#define RINGS_NS  3000000000u /* after the last write, with no key on: nothing sounds any more */
#define REG_TIMER 4

struct sb16_opl {
    opl3_chip chip;
};

static bool key_on(const struct sb16_fm *f)
{
    for (unsigned bank = 0; bank < 512; bank += 256) {
        for (unsigned i = 0; i < 9; i++)
            if (f->reg[bank + 0xB0 + i] & 0x20)
                return true;
    }
    return f->reg[0xBD] & 0x20 && f->reg[0xBD] & 0x1F;
}

static bool fm_active(void *opaque)
{
    const struct sb16 *b = opaque;

    return key_on(&b->s.fm) || (b->s.fm.last_ns && loop_now_ns(b->loop) - b->s.fm.last_ns < RINGS_NS);
}

static size_t fm_until(void *opaque)
{
    return SIZE_MAX;
}

static void fm_render(void *opaque, int32_t *mix, size_t n)
{
    struct sb16 *b = opaque;
    int32_t left = sb16_gain(b, MIX_FM, 0), right = sb16_gain(b, MIX_FM, 1);

    for (size_t i = 0; i < n; i++, mix += 2) {
        int16_t frame[2];

        OPL3_GenerateResampled(&b->opl->chip, frame);
        mix[0] += (int32_t)((int64_t)frame[0] * left >> 16);
        mix[1] += (int32_t)((int64_t)frame[1] * right >> 16);
    }
}

/* What the timers have done by now. */
static void look_at_timers(struct sb16 *b)
{
    static const uint32_t tick_ns[2] = {TIMER1_NS, TIMER2_NS};
    struct sb16_fm *f = &b->s.fm;
    uint64_t now = loop_now_ns(b->loop);

    for (unsigned i = 0; i < 2; i++)
        if (f->running[i] && now - f->start_ns[i] >= (uint64_t)(256u - f->reg[2 + i]) * tick_ns[i]) {
            f->start_ns[i] = now;
            if (!f->masked[i])
                f->overflow |= (uint8_t)(0x40 >> i);
        }
}

static void timer_control(struct sb16 *b, uint8_t value)
{
    struct sb16_fm *f = &b->s.fm;
    uint64_t now = loop_now_ns(b->loop);

    if (value & 0x80) {
        f->overflow = 0;
        return;
    }
    for (unsigned i = 0; i < 2; i++) {
        bool run = value >> i & 1;

        if (run && !f->running[i])
            f->start_ns[i] = now;
        f->running[i] = run;
        f->masked[i] = value >> (6 - i) & 1;
    }
}

uint8_t sb16_fm_read(struct sb16 *b, unsigned reg)
{
    if (reg & 1)
        return 0xFF;
    look_at_timers(b);
    return (uint8_t)(b->s.fm.overflow | (b->s.fm.overflow ? 0x80 : 0));
}

void sb16_fm_write(struct sb16 *b, unsigned reg, uint8_t value)
{
    struct sb16_fm *f = &b->s.fm;

    if (!(reg & 1)) {
        f->index = (uint16_t)((reg & 2) << 7 | value);
        return;
    }
    look_at_timers(b);
    if (f->index == REG_TIMER) {
        timer_control(b, value);
        return;
    }
    audio_sync(b->c.audio);
    if (f->reg[f->index] != value || f->index >= 0xB0)
        f->last_ns = loop_now_ns(b->loop);
    f->reg[f->index] = value;
    OPL3_WriteReg(&b->opl->chip, f->index, value);
    audio_sync(b->c.audio);
}

void sb16_fm_reset(struct sb16 *b)
{
    b->s.fm = (struct sb16_fm){0};
    OPL3_Reset(&b->opl->chip, AUDIO_HZ);
}

void sb16_fm_loaded(struct sb16 *b)
{
    OPL3_Reset(&b->opl->chip, AUDIO_HZ);
    OPL3_WriteReg(&b->opl->chip, 0x105, b->s.fm.reg[0x105]); /* first whether it is an OPL3 */
    for (unsigned reg = 0; reg < 512; reg++)
        if (reg != REG_TIMER && b->s.fm.reg[reg])
            OPL3_WriteReg(&b->opl->chip, (uint16_t)reg, b->s.fm.reg[reg]);
}

int sb16_fm_init(struct sb16 *b)
{
    b->opl = calloc(1, sizeof *b->opl);
    if (!b->opl)
        return -ENOMEM;
    b->fm = (struct audio_source){.active = fm_active, .until = fm_until, .render = fm_render, .opaque = b};
    audio_add(b->c.audio, &b->fm);
    return 0;
}

void sb16_fm_destroy(struct sb16 *b)
{
    free(b->opl);
}
