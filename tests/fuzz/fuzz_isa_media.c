/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz_isa_media.c: the floppy controller, the Sound Blaster and the speaker over the DMA controller: register
 * accesses, whole commands, time, disks that fail, come and go. Their states must stay loadable, and time must pass in
 * bounded work. A clock of this file's own stands in for machine/loop.c.
 */
#include "dev/i8237.h"
#include "dev/i82077.h"
#include "dev/i8254.h"
#include "dev/pc_speaker.h"
#include "dev/sb16.h"
#include "host/audio/audio.h"
#include "machine/memory.h"

#include <stdlib.h>

#include "../unit/dev/fake_block.h"
#include "fuzz_input.h"

#define MAX_TIMERS 8
#define MAX_FIRES  10000
#define RAM_BYTES  (1u << 20)

struct loop {
    uint64_t now;
    struct timer *armed[MAX_TIMERS];
};

uint64_t loop_now_ns(struct loop *l)
{
    return l->now;
}
void timer_init(struct timer *t, struct loop *l, void (*fired)(void *opaque), void *opaque)
{
    *t = (struct timer){.fired = fired, .opaque = opaque, .loop = l};
}
void timer_cancel(struct timer *t)
{
    if (t->slot)
        t->loop->armed[t->slot - 1] = NULL;
    t->slot = 0;
}
void timer_set(struct timer *t, uint64_t deadline_ns)
{
    unsigned i = 0;

    timer_cancel(t);
    while (t->loop->armed[i])
        if (++i == MAX_TIMERS)
            abort();
    t->loop->armed[i] = t;
    t->slot = i + 1;
    t->deadline_ns = deadline_ns;
}
/* What the back ends of disks refer to; these disks are in memory. */
struct loop_fd *loop_add_fd(struct loop *l, int fd, uint32_t events, void (*ready)(void *opaque, uint32_t events),
                            void *opaque)
{
    abort();
}
void loop_remove_fd(struct loop_fd *f)
{
    abort();
}
void loop_post(struct loop *l, struct loop_job *job)
{
    abort();
}
void loop_unpost(struct loop *l, struct loop_job *job)
{
    abort();
}

static void advance(struct loop *l, uint64_t ns)
{
    uint64_t until = l->now + ns;

    for (unsigned fires = 0;; fires++) {
        struct timer *next = NULL;

        for (unsigned i = 0; i < MAX_TIMERS; i++)
            if (l->armed[i] && l->armed[i]->deadline_ns <= until &&
                (!next || l->armed[i]->deadline_ns < next->deadline_ns))
                next = l->armed[i];
        if (!next)
            break;
        if (fires > MAX_FIRES)
            abort();
        if (next->deadline_ns > l->now)
            l->now = next->deadline_ns;
        timer_cancel(next);
        next->fired(next->opaque);
    }
    l->now = until;
}

struct rig {
    struct loop loop;
    struct memory *memory;
    struct device *dma, *fdc, *sb, *pit, *speaker;
    struct audio *audio;
    struct fake_disk disk[2];
    struct irq_line irq[5];
};

static void build(struct rig *r)
{
    struct sb16_config c = {.irq = {&r->irq[1], &r->irq[2], &r->irq[3], &r->irq[4]}};
    char *text;

    *r = (struct rig){.loop = {.now = 1000000000}};
    r->memory = memory_create(RAM_BYTES);
    if (!r->memory || memory_map_ram(r->memory, 0, 0, RAM_BYTES / PAGE_BYTES) ||
        audio_open(&r->audio, &r->loop, "none", &text))
        abort();
    r->dma = i8237_create(r->memory);
    i8237_high_io.write(r->dma, 0x14, 1, 0);
    r->fdc = i82077_create(&r->loop, &r->irq[0], r->dma);
    for (unsigned i = 0; i < 2; i++)
        if (i82077_add_drive(r->fdc, i, 4) || i82077_insert(r->fdc, i, fake_open(&r->disk[i], i ? 1440 : 2880, false)))
            abort();
    r->pit = i8254_create(&r->loop, NULL);
    r->speaker = pc_speaker_create(r->pit, r->audio);
    c.dma = r->dma;
    c.audio = r->audio;
    r->sb = sb16_create(&r->loop, &c);
}

static void command(struct device *d, const struct io_ops *io, unsigned port, const uint8_t *first, size_t kinds,
                    unsigned params, struct fuzz_input *in)
{
    io->write(d, port, 1, first[fuzz_byte(in) % kinds]);
    for (unsigned i = 0; i < params; i++)
        io->write(d, port, 1, fuzz_byte(in));
}

static void program_dma(struct rig *r, struct fuzz_input *in)
{
    unsigned which = fuzz_byte(in), channel = which & 3, shift = which >> 2 & 1;
    const struct io_ops *io = shift ? &i8237_high_io : &i8237_low_io;

    io->write(r->dma, 0xCull << shift, 1, 0);
    io->write(r->dma, 0xBull << shift, 1, (fuzz_byte(in) & 0xFC) | channel);
    for (unsigned i = 0; i < 4; i++)
        io->write(r->dma, (2ull * channel + i / 2) << shift, 1, fuzz_byte(in) & (i == 3 ? 3 : 0xFF));
    io->write(r->dma, 0xAull << shift, 1, channel);
}

static void do_floppy(struct rig *r, struct fuzz_input *in)
{
    static const uint8_t kinds[] = {0x46, 0xE6, 0x45, 0xC5, 0x4D, 0x4A, 0x0F, 0x8F,
                                    0x07, 0x08, 0x04, 0x03, 0x56, 0x42, 0x4C, 0x13};
    uint8_t c[9] = {kinds[fuzz_byte(in) % sizeof kinds], fuzz_byte(in) & 5, 0, 0, fuzz_byte(in) % 20, 2, 18, 27, 255};

    i82077_io.write(r->fdc, 2, 1, 0x1C);
    i82077_dir_io.write(r->fdc, 0, 1, fuzz_byte(in) & 2);
    c[3] = c[1] >> 2;
    for (unsigned i = 0; i < 9; i++)
        i82077_io.write(r->fdc, 5, 1, c[i]);
}

static void access_any(struct rig *r, struct fuzz_input *in)
{
    const struct {
        struct device *d;
        const struct io_ops *io;
        unsigned len;
    } w[] = {{r->fdc, &i82077_io, 6},       {r->fdc, &i82077_dir_io, 1}, {r->sb, &sb16_io, 16},
             {r->sb, &sb16_fm_io, 4},       {r->sb, &sb16_mpu_io, 2},    {r->pit, &i8254_io, 4},
             {r->pit, &i8254_port61_io, 1}, {r->dma, &i8237_low_io, 16}, {r->dma, &i8237_high_io, 32}};
    unsigned which = fuzz_byte(in), i = which % ARRAY_SIZE(w), offset = fuzz_byte(in) % w[i].len;

    if (which & 0x80)
        w[i].io->read(w[i].d, offset, 1);
    else
        w[i].io->write(w[i].d, offset, 1, fuzz_byte(in));
}

static void step(struct rig *r, struct fuzz_input *in)
{
    static const uint8_t dsp[] = {0x14, 0x1C, 0x75, 0x77, 0x17, 0x7D, 0x90, 0x24, 0x80, 0xB6, 0xBE, 0xC6,
                                  0xC0, 0xCE, 0x40, 0x41, 0x48, 0xD0, 0xD4, 0xDA, 0xE2, 0xE3, 0xF2, 0x10};
    uint8_t what = fuzz_byte(in), value = fuzz_byte(in);

    switch (what % 12) {
    case 0: advance(&r->loop, (uint64_t)value * 65536); break;
    case 1: r->loop.now += value * 10000000ull; break;
    case 2: program_dma(r, in); break;
    case 3: command(r->sb, &sb16_io, 0xC, dsp, sizeof dsp, value & 3, in); break;
    case 4: do_floppy(r, in); break;
    case 5: fake_pump(&r->disk[value & 1]); break;
    case 6: (void)fake_step(&r->disk[value & 1]); break;
    case 7:
        if (value < 40) {
            if (i82077_insert(r->fdc, 0, NULL) ||
                i82077_insert(r->fdc, 0, value & 1 ? NULL : fake_open(&r->disk[0], value & 2 ? 1440 : 2880, value & 4)))
                abort();
        } else
            r->disk[value & 1].fail_at = r->disk[value & 1].requests + 1;
        break;
    case 8:
        sb16_io.write(r->sb, 4, 1, value);
        sb16_io.write(r->sb, 5, 1, fuzz_byte(in));
        break;
    default: access_any(r, in); break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size};
    struct rig r;

    build(&r);
    while (in.left)
        step(&r, &in);
    if (r.fdc->ops->check(r.fdc->state) || r.sb->ops->check(r.sb->state))
        abort();
    r.sb->ops->destroy(r.sb);
    r.speaker->ops->destroy(r.speaker);
    r.fdc->ops->destroy(r.fdc);
    r.pit->ops->destroy(r.pit);
    r.dma->ops->destroy(r.dma);
    audio_close(r.audio);
    for (unsigned i = 0; i < MAX_TIMERS; i++)
        if (r.loop.armed[i])
            abort();
    for (unsigned i = 0; i < 2; i++)
        free(r.disk[i].bytes);
    memory_destroy(r.memory);
    return 0;
}
