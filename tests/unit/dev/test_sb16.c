/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_sb16.c: the Sound Blaster and the speaker by their ports, over a real DMA controller, heard through a WAV file.
 */
#include "dev/i8237.h"
#include "dev/i8254.h"
#include "dev/pc_speaker.h"
#include "dev/sb16.h"
#include "host/audio/audio.h"
#include "machine/memory.h"

#include "fake.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RAM_BYTES (1u << 20)
#define MS        1000000ull

enum { MIXER = 4, MIXER_DATA, RESET, READ = 0xA, WRITE = 0xC, STATUS = 0xE, ACK16 = 0xF };

static struct memory *memory;
static struct device *dma, *sb, *pit, *speaker;
static struct audio *audio;
static struct fake_line irq[4];
static char path[64];
static int16_t *sound; /* what heard() found */
static size_t frames;

static struct device *create_card(void)
{
    struct sb16_config c = {.dma = dma, .audio = audio};

    for (unsigned i = 0; i < 4; i++)
        c.irq[i] = &irq[i].line;
    return sb16_create(fake_loop, &c);
}

static int setup(void **state)
{
    char spec[80], *text;

    fake_loop_reset();
    memory = memory_create(RAM_BYTES);
    if (!memory || memory_map_ram(memory, 0, 0, RAM_BYTES / PAGE_BYTES))
        return -1;
    for (unsigned i = 0; i < 4; i++)
        fake_line_init(&irq[i]);
    dma = i8237_create(memory);
    out8(dma, &i8237_high_io, 0xA << 1, 0);
    (void)snprintf(path, sizeof path, "/tmp/domus-sb16-%d.wav", (int)getpid());
    (void)snprintf(spec, sizeof spec, "wav:%s", path);
    if (audio_open(&audio, fake_loop, spec, &text))
        return -1;
    pit = i8254_create(fake_loop, NULL);
    speaker = pc_speaker_create(pit, audio);
    sb = create_card();
    out8(sb, &sb16_io, RESET, 1);
    out8(sb, &sb16_io, RESET, 0);
    assert_int_equal(in8(sb, &sb16_io, READ), 0xAA);
    for (unsigned reg = 0x30; reg < 0x36; reg++) { /* as loud as can be */
        out8(sb, &sb16_io, MIXER, reg);
        out8(sb, &sb16_io, MIXER_DATA, 0xF8);
    }
    return 0;
}

static void close_audio(void)
{
    if (!audio)
        return;
    sb->ops->destroy(sb);
    speaker->ops->destroy(speaker);
    audio_close(audio);
    audio = NULL;
}

static int teardown(void **state)
{
    close_audio();
    pit->ops->destroy(pit);
    dma->ops->destroy(dma);
    memory_destroy(memory);
    free(sound);
    sound = NULL;
    return remove(path);
}

/* Ends the machine and reads what it played. */
static void heard(void)
{
    uint8_t header[44];
    uint32_t bytes;
    FILE *f;

    close_audio();
    f = fopen(path, "rb");
    assert_non_null(f);
    assert_int_equal(fread(header, 44, 1, f), 1);
    memcpy(&bytes, header + 40, 4);
    sound = calloc(1, bytes + 4);
    frames = fread(sound, 4, bytes / 4, f);
    assert_int_equal(frames, bytes / 4);
    assert_int_equal(fgetc(f), EOF);
    fclose(f);
}

/* The pitch of one side by its rising crossings of zero. */
static double pitch(unsigned side, size_t from, size_t to)
{
    double first = -1, last = -1;
    unsigned n = 0;

    for (size_t i = from + 1; i < to; i++) {
        int a = sound[2 * (i - 1) + side], b = sound[2 * i + side];

        if (a < 0 && b >= 0) {
            last = (double)i - (double)b / (b - a);
            if (n++ == 0)
                first = last;
        }
    }
    return n < 2 ? 0 : (n - 1) * (double)AUDIO_HZ / (last - first);
}

static void dsp(unsigned n, ...)
{
    va_list ap;

    va_start(ap, n);
    while (n--) {
        assert_false(in8(sb, &sb16_io, WRITE) & 0x80);
        out8(sb, &sb16_io, WRITE, va_arg(ap, unsigned));
    }
    va_end(ap);
}

static void mixer(unsigned reg, unsigned value)
{
    out8(sb, &sb16_io, MIXER, reg);
    out8(sb, &sb16_io, MIXER_DATA, value);
}

static void program(unsigned channel, unsigned mode, uint32_t address, unsigned count)
{
    static const uint8_t pages[] = {0x7, 0x3, 0x1, 0x2, 0xF, 0xB, 0x9, 0xA};
    const struct io_ops *io = channel < 4 ? &i8237_low_io : &i8237_high_io;
    unsigned shift = channel < 4 ? 0 : 1, ch = channel & 3, low = channel < 4 ? address : address >> 1;

    out8(dma, io, 0xA << shift, 4 | ch);
    out8(dma, io, 0xC << shift, 0);
    out8(dma, io, 0xB << shift, mode | ch);
    out8(dma, io, (2 * ch) << shift, low & 0xFF);
    out8(dma, io, (2 * ch) << shift, low >> 8 & 0xFF);
    out8(dma, io, (2 * ch + 1) << shift, (count - 1) & 0xFF);
    out8(dma, io, (2 * ch + 1) << shift, (count - 1) >> 8);
    out8(dma, &i8237_page_io, pages[channel], address >> 16);
    out8(dma, io, 0xA << shift, ch);
}

/* What a channel's count says: transfers to the buffer's end. */
static unsigned dma_left(unsigned channel)
{
    const struct io_ops *io = channel < 4 ? &i8237_low_io : &i8237_high_io;
    unsigned shift = channel < 4 ? 0 : 1, reg = (2 * (channel & 3) + 1) << shift, low;

    out8(dma, io, 0xC << shift, 0);
    low = in8(dma, io, reg);
    return ((low | in8(dma, io, reg) << 8) + 1) & 0xFFFF;
}

static void test_identity(void **state)
{
    const char *text = "COPYRIGHT (C) CREATIVE TECHNOLOGY LTD, 1992.";

    dsp(1, 0xE1u);
    assert_int_equal(in8(sb, &sb16_io, STATUS), 0xFF);
    assert_int_equal(in8(sb, &sb16_io, READ), 4);
    assert_int_equal(in8(sb, &sb16_io, READ), 5);
    assert_int_equal(in8(sb, &sb16_io, STATUS), 0x7F);
    dsp(2, 0xE0u, 0x5Au);
    assert_int_equal(in8(sb, &sb16_io, READ), 0xA5);
    dsp(3, 0xE4u, 0x77u, 0xE8u);
    assert_int_equal(in8(sb, &sb16_io, READ), 0x77);
    dsp(1, 0xE3u);
    for (size_t i = 0; i <= strlen(text); i++)
        assert_int_equal(in8(sb, &sb16_io, READ), text[i]);
    dsp(2, 0xD1u, 0xD8u);
    assert_int_equal(in8(sb, &sb16_io, READ), 0xFF);
    program(1, 0x44, 0x1000, 4);
    dsp(2, 0xE2u, 0u);
    assert_int_equal(*(uint8_t *)mem_at(memory, 0x1000, 1), (uint8_t)(0xAA - 106));
    out8(sb, &sb16_mpu_io, 1, 0xFF);
    assert_int_equal(in8(sb, &sb16_mpu_io, 1) & 0xC0, 0);
    assert_int_equal(in8(sb, &sb16_mpu_io, 0), 0xFE);
    assert_int_equal(in8(sb, &sb16_mpu_io, 1) & 0xC0, 0x80);
    out8(sb, &sb16_mpu_io, 1, 0x3F);
    assert_int_equal(in8(sb, &sb16_mpu_io, 0), 0xFE);
    out8(sb, &sb16_mpu_io, 1, 0xFF);
    assert_int_equal(in8(sb, &sb16_mpu_io, 0), 0xFF);
}

static void test_choices(void **state)
{
    static const uint8_t bits[4] = {1, 2, 4, 8};

    for (unsigned i = 0; i < 4; i++) {
        mixer(0x80, bits[i]);
        dsp(1, 0xF2u);
        for (unsigned k = 0; k < 4; k++)
            assert_int_equal(irq[k].line.level, k == i);
        out8(sb, &sb16_io, MIXER, 0x82);
        assert_int_equal(in8(sb, &sb16_io, MIXER_DATA), 1);
        in8(sb, &sb16_io, STATUS);
        assert_false(irq[i].line.level);
        dsp(1, 0xF3u);
        assert_true(irq[i].line.level);
        in8(sb, &sb16_io, STATUS);
        assert_true(irq[i].line.level);
        in8(sb, &sb16_io, ACK16);
        assert_false(irq[i].line.level);
    }
    mixer(0x22, 0x5A); /* the Pro's master volume */
    out8(sb, &sb16_io, MIXER, 0x30);
    assert_int_equal(in8(sb, &sb16_io, MIXER_DATA) & 0xF0, 0x50);
    mixer(0, 0);
    assert_int_equal(in8(sb, &sb16_io, MIXER_DATA), 0);
    out8(sb, &sb16_io, MIXER, 0x81);
    assert_int_equal(in8(sb, &sb16_io, MIXER_DATA), 0x22);
}

/* 8 bits, mono, one block: 8000 samples at 8 kHz of a 500 Hz square wave, exactly a second. */
static void test_single_block(void **state)
{
    uint8_t *at = mem_at(memory, 0x10000, 8000);

    for (unsigned i = 0; i < 8000; i++)
        at[i] = i / 8 % 2 ? 0x40 : 0xC0;
    program(1, 0x48, 0x10000, 8000);
    dsp(2, 0x40u, 256u - 125u);
    dsp(3, 0x14u, 7999u & 0xFF, 7999u >> 8);
    fake_advance(999 * MS);
    assert_int_equal(irq[1].rises, 0);
    fake_advance(2 * MS);
    assert_int_equal(irq[1].rises, 1);
    assert_true(irq[1].line.level);
    assert_int_equal(in8(dma, &i8237_low_io, 8) & 2, 2); /* terminal count */
    fake_advance(5000 * MS);
    assert_int_equal(irq[1].rises, 1);
    assert_int_equal(fake_timers_armed(), 0);
    heard();
    assert_in_range(frames, AUDIO_HZ - 20, AUDIO_HZ + 20);
    assert_true(fabs(pitch(0, 0, frames) - 500) < 0.5);
    assert_int_equal(sound[2 * 30], 0x4000);
}

/* 16 bits, stereo, by itself for a minute: right pitch on each side, no drift, and an interrupt each half buffer. */
static void test_a_minute(void **state)
{
    int16_t *at = mem_at(memory, 0x20000, 4 * 4410);
    unsigned rises;

    for (unsigned i = 0; i < 4410; i++) {
        at[2 * i] = (int16_t)(12000 * sin(2 * M_PI * 440 * i / 44100));
        at[2 * i + 1] = (int16_t)(12000 * sin(2 * M_PI * 1000 * i / 44100));
    }
    program(5, 0x58, 0x20000, 2 * 4410);
    dsp(3, 0x41u, 44100u >> 8, 44100u & 0xFF);
    dsp(4, 0xB6u, 0x30u, 4409u & 0xFF, 4409u >> 8); /* 2205 frames */
    for (unsigned i = 0; i < 1200; i++) {
        fake_advance(50 * MS);
        assert_true(irq[1].line.level);
        in8(sb, &sb16_io, ACK16);
    }
    rises = irq[1].rises;
    assert_in_range(rises, 1199, 1201);
    dsp(1, 0xD5u);
    fake_advance(1000 * MS); /* paused: nothing */
    assert_int_equal(irq[1].rises, rises);
    dsp(1, 0xD6u);
    fake_advance(1000 * MS);
    in8(sb, &sb16_io, ACK16);
    assert_true(irq[1].rises > rises);
    dsp(1, 0xD9u); /* to the end of this block, and no further */
    fake_advance(200 * MS);
    assert_int_equal(fake_timers_armed(), 0);
    heard();
    assert_in_range(frames, 61 * AUDIO_HZ - 50, 61 * AUDIO_HZ + 2300);
    assert_true(fabs(pitch(0, 0, 60 * AUDIO_HZ) - 440) < 0.01);
    assert_true(fabs(pitch(1, 0, 60 * AUDIO_HZ) - 1000) < 0.01);
    for (size_t i = 1; i < 60 * AUDIO_HZ; i++) /* no click */
        assert_true(abs(sound[2 * i] - sound[2 * i - 2]) < 800);
}

/* A host that was late by a third of a second: each half of the buffer is still refilled before it is played. */
static void test_late_host(void **state)
{
    int16_t *at = mem_at(memory, 0x20000, 4 * 4410);
    unsigned n = 0, half = 0, seen;

    program(5, 0x58, 0x20000, 2 * 4410);
    dsp(3, 0x41u, 44100u >> 8, 44100u & 0xFF);
    for (unsigned i = 0; i < 4410; i++, n++)
        at[2 * i] = at[2 * i + 1] = (int16_t)(12000 * sin(2 * M_PI * 441 * n / 44100));
    seen = irq[1].rises;
    dsp(4, 0xB6u, 0x30u, 4409u & 0xFF, 4409u >> 8);
    for (unsigned t = 0; t < 4000; t++) {
        if (t % 700 == 100)
            fake_jump(333 * MS);
        else
            fake_advance(MS);
        if (irq[1].rises == seen)
            continue;
        seen = irq[1].rises;
        in8(sb, &sb16_io, ACK16);
        for (unsigned i = 0; i < 2205; i++, n++)
            at[4410 * half + 2 * i] = at[4410 * half + 2 * i + 1] = (int16_t)(12000 * sin(2 * M_PI * 441 * n / 44100));
        half = !half;
    }
    heard();
    assert_true(frames > 5 * AUDIO_HZ); /* what was missed is made up for */
    for (size_t i = 1; i < frames; i++)
        assert_true(abs(sound[2 * i] - sound[2 * i - 2]) < 900);
    assert_true(fabs(pitch(0, 0, frames) - 441) < 0.05);
}

/* A guest that has no time for its interrupt is not overtaken, and finds the buffer as far as it was then. */
static void test_late_guest(void **state)
{
    unsigned before;

    program(5, 0x58, 0x20000, 2 * 441);
    dsp(3, 0x41u, 44100u >> 8, 44100u & 0xFF);
    dsp(4, 0xB6u, 0x30u, 440u & 0xFF, 440u >> 8); /* 5 ms: a quarter of the buffer */
    for (unsigned i = 1; i <= 50; i++) {
        for (unsigned t = 0; irq[1].rises < i && t < 100; t++)
            fake_advance(MS / 10);
        assert_int_equal(irq[1].rises, i);
        if (i % 10 == 0)
            fake_advance(200 * MS);
        before = dma_left(5);
        assert_int_equal(before % 441, 0); /* where the block ended */
        in8(sb, &sb16_io, ACK16);
        assert_int_equal(dma_left(5), before); /* and the next has its time */
        assert_false(irq[1].line.level);
    }
    before = irq[1].rises;
    fake_advance(1000 * MS); /* no answer: it plays all the same, and the answer ends that */
    in8(sb, &sb16_io, ACK16);
    fake_advance(10 * MS);
    assert_int_equal(irq[1].rises, before + 2);
    dsp(1, 0xD5u);
    heard();
    assert_true(frames > 44100 * 95 / 100);
}

/* Stopped by the interrupt of a block's end, as drivers do: nothing of what follows it is heard. */
static void test_stops_at_a_block(void **state)
{
    uint8_t *at = mem_at(memory, 0x10000, 800);

    memset(at, 0xC0, 400);
    memset(at + 400, 0x20, 400);
    program(1, 0x58, 0x10000, 800);
    dsp(3, 0x41u, 8000u >> 8, 8000u & 0xFF);
    dsp(4, 0xC6u, 0u, 399u & 0xFF, 399u >> 8);
    fake_advance(60 * MS);
    dsp(1, 0xD0u);
    in8(sb, &sb16_io, STATUS);
    fake_advance(100 * MS);
    assert_int_equal(fake_timers_armed(), 0);
    heard();
    assert_in_range(frames, 2200, 2210);
    for (size_t i = 0; i < frames; i++)
        assert_true(sound[2 * i] >= 0);
}

static void test_adpcm_and_silence(void **state)
{
    uint8_t *at = mem_at(memory, 0x10000, 100);

    at[0] = 0x80;
    at[1] = 0x17; /* up by 1, then by 7: 0x88, and a step of 2 */
    at[2] = 0x81; /* nothing down: the step is 1 again... */
    program(1, 0x48, 0x10000, 3);
    dsp(2, 0x40u, 256u - 125u);
    dsp(3, 0x75u, 2u, 0u);
    fake_advance(20 * MS);
    assert_int_equal(irq[1].rises, 1);
    in8(sb, &sb16_io, STATUS);
    dsp(3, 0x80u, 79u, 0u); /* 80 samples of nothing: 10 ms */
    fake_advance(9 * MS);
    assert_int_equal(irq[1].rises, 1);
    fake_advance(2 * MS);
    assert_int_equal(irq[1].rises, 2);
    in8(sb, &sb16_io, STATUS);
    for (unsigned c = 0x16; c < 0x80; c += 0x60) { /* 2 bits and 2.6 bits */
        program(1, 0x48, 0x10000, 10);
        dsp(3, c, 9u, 0u);
        fake_advance(50 * MS);
        in8(sb, &sb16_io, STATUS);
    }
    assert_int_equal(irq[1].rises, 4);
}

static void test_record(void **state)
{
    memset(mem_at(memory, 0x10000, 100), 0x11, 100);
    program(1, 0x44, 0x10000, 80);
    dsp(3, 0x42u, 8000u >> 8, 8000u & 0xFF);
    dsp(4, 0xC8u, 0u, 79u, 0u);
    fake_advance(12 * MS);
    assert_int_equal(irq[1].rises, 1);
    assert_int_equal(*(uint8_t *)mem_at(memory, 0x10000, 1), 0x80);
    assert_int_equal(*(uint8_t *)mem_at(memory, 0x1004F, 1), 0x80);
    assert_int_equal(*(uint8_t *)mem_at(memory, 0x10050, 1), 0x11);
}

/* A channel that nobody programmed: the card waits, and goes on once it is. */
static void test_waits_for_dma(void **state)
{
    dsp(3, 0x41u, 8000u >> 8, 8000u & 0xFF);
    dsp(4, 0xC0u, 0u, 79u, 0u);
    fake_advance(500 * MS);
    assert_int_equal(irq[1].rises, 0);
    program(1, 0x48, 0x10000, 80);
    fake_advance(11 * MS);
    assert_int_equal(irq[1].rises, 1);
}

static void fm(unsigned reg, unsigned value)
{
    out8(sb, &sb16_fm_io, 0, reg);
    out8(sb, &sb16_fm_io, 1, value);
}

static void test_fm(void **state)
{
    static const uint8_t note[][2] = {{0x20, 0x01}, {0x23, 0x01}, {0x40, 0x3F}, {0x43, 0x00}, {0x60, 0xF0},
                                      {0x63, 0xF0}, {0x80, 0x77}, {0x83, 0x77}, {0xC0, 0x31}, {0xA0, 0x44}};

    fm(4, 0x60); /* as AdLib is found */
    fm(4, 0x80);
    assert_int_equal(in8(sb, &sb16_fm_io, 0) & 0xE0, 0);
    fm(2, 0xFF);
    fm(4, 0x21);
    fake_advance(MS);
    assert_int_equal(in8(sb, &sb16_fm_io, 0) & 0xE0, 0xC0);
    fm(4, 0x60);
    fm(4, 0x80);
    assert_int_equal(in8(sb, &sb16_fm_io, 0), 0);
    for (unsigned i = 0; i < ARRAY_SIZE(note); i++)
        fm(note[i][0], note[i][1]);
    fm(0xB0, 0x20 | 4 << 2 | 2); /* 0x244 in block 4: 440 Hz */
    fake_advance(1000 * MS);
    fm(0xB0, 4 << 2 | 2);
    fake_advance(5000 * MS);
    assert_int_equal(fake_timers_armed(), 0);
    heard();
    assert_true(fabs(pitch(0, 1000, 40000) - 440) < 2);
}

static void test_speaker(void **state)
{
    out8(pit, &i8254_io, 3, 0xB6);
    out8(pit, &i8254_io, 2, 1193 & 0xFF);
    out8(pit, &i8254_io, 2, 1193 >> 8);
    fake_advance(100 * MS);
    out8(pit, &i8254_port61_io, 0, 3);
    fake_advance(500 * MS);
    out8(pit, &i8254_io, 2, 2386 & 0xFF); /* an octave lower */
    out8(pit, &i8254_io, 2, 2386 >> 8);
    fake_advance(500 * MS);
    out8(pit, &i8254_port61_io, 0, 0);
    fake_advance(500 * MS);
    heard();
    assert_in_range(frames, AUDIO_HZ - 5, AUDIO_HZ + 5);
    assert_true(fabs(pitch(0, 0, 22000) - 1000.15) < 1);
    assert_true(fabs(pitch(1, 22100, 44000) - 500.08) < 1);
}

static void test_save(void **state)
{
    struct device *other = create_card();
    uint8_t bad[4096];

    program(5, 0x58, 0x20000, 1000);
    dsp(4, 0xB6u, 0x30u, 99u, 0u);
    fm(0xB0, 0x32);
    dsp(1, 0x41u); /* half a command */
    fake_advance(3 * MS);
    assert_roundtrip(sb, other);
    other->ops->destroy(other);
    memset(bad, 0xFF, sizeof bad);
    assert_true(sb->ops->state_size <= sizeof bad);
    assert_refused(sb, bad);
    for (unsigned i = 0; i < 100; i++) {
        program(1, i & 1 ? 0x58 : 0x44, 0x10000, 300);
        program(5, i & 1 ? 0x58 : 0x44, 0x20000, 300);
        torture(sb, &sb16_io, 16, 200);
        torture(sb, &sb16_fm_io, 4, 50);
        torture(sb, &sb16_mpu_io, 2, 20);
        fake_advance(5 * MS);
        if (sb->ops->check(sb->state))
            fail_msg("a state that would not load");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_identity, setup, teardown),
        cmocka_unit_test_setup_teardown(test_choices, setup, teardown),
        cmocka_unit_test_setup_teardown(test_single_block, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_minute, setup, teardown),
        cmocka_unit_test_setup_teardown(test_late_host, setup, teardown),
        cmocka_unit_test_setup_teardown(test_late_guest, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stops_at_a_block, setup, teardown),
        cmocka_unit_test_setup_teardown(test_adpcm_and_silence, setup, teardown),
        cmocka_unit_test_setup_teardown(test_record, setup, teardown),
        cmocka_unit_test_setup_teardown(test_waits_for_dma, setup, teardown),
        cmocka_unit_test_setup_teardown(test_fm, setup, teardown),
        cmocka_unit_test_setup_teardown(test_speaker, setup, teardown),
        cmocka_unit_test_setup_teardown(test_save, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
