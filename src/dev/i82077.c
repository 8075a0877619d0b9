/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * i82077.c: the registers and commands of an 82077AA floppy controller (Intel data sheet 290166) as a PC wires it: DMA
 * channel 2, two drives. Sectors go through i82077_media.c. Data moves as fast as the image and the DMA controller
 * allow; only seeks take time. Not done: SCAN commands, which answer as invalid ones; tracks whose sectors are not 512
 * bytes.
 */
#include "dev/i82077_internal.h"

#include "dev/bytewise.h"
#include "dev/i8237.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { REG_SRA, REG_SRB, REG_DOR, REG_TDR, REG_MSR, REG_DATA };

#define DOR_RUN        0x04 /* not reset */
#define DOR_GATE       0x08 /* interrupts and DMA leave the chip */
#define MSR_RQM        0x80
#define MSR_DIO        0x40
#define MSR_NDM        0x20
#define MSR_BUSY       0x10
#define DSR_RESET      0x80
#define SPECIFY_NDM    0x01
#define CONFIG_EIS     0x40
#define CONFIG_NO_POLL 0x10
#define CONFIG_DEFAULT 0x20
#define VERSION        0x90
#define SEEK_SETTLE_NS 1000000u
#define SEEK_STEP_NS   200000u

static struct i82077 *to_fdc(const struct device *d)
{
    return (struct i82077 *)(uintptr_t)d;
}

void i82077_set_irq(struct i82077 *f, bool on)
{
    f->s.irq = on;
    irq_set(f->irq6, on && f->s.dor & DOR_GATE);
}

static bool uses_dma(const struct i82077 *f)
{
    return !(f->s.specify[1] & SPECIFY_NDM);
}

/* ---- results ---- */

static void results(struct i82077 *f, const uint8_t *bytes, unsigned n)
{
    if (n)
        memcpy(f->s.result, bytes, n);
    f->s.results = (uint8_t)n;
    f->s.result_at = 0;
    f->s.phase = n ? PHASE_RESULT : PHASE_IDLE;
    f->s.got = 0;
    f->s.op = OP_NONE;
}

/* The end of a command that transfers: ST0..2 and the sector that would be next. */
static void finish(struct i82077 *f, uint8_t st0, uint8_t st1, uint8_t st2)
{
    const struct i82077_state *s = &f->s;
    const uint8_t r[7] = {
        (uint8_t)(st0 | (s->head & 1) << 2 | (s->command[1] & 3)), st1, st2, s->cylinder, s->head, s->sector, 2};

    results(f, r, sizeof r);
    i82077_set_irq(f, true);
}

/* ---- transfers, a sector at a time ---- */

static bool is_write(const struct i82077 *f)
{
    unsigned c = f->s.command[0] & 0x1F;

    return c == CMD_WRITE || c == CMD_WRITE_DELETED;
}

static void want_sector(struct i82077 *f);

/* The sector is done; on to the next one, or to the end. */
static void next_sector(struct i82077 *f)
{
    struct i82077_state *s = &f->s;
    unsigned command = s->command[0] & 0x1F;
    bool last = s->sector == s->eot, turn = last && s->command[0] & 0x80 && !(s->head & 1);
    uint8_t st2 = command == CMD_READ_DELETED ? ST2_CM : 0;

    s->sector++;
    if (last) {
        s->sector = 1;
        if (turn)
            s->head |= 1;
        else
            s->cylinder++;
    }
    if (s->tc || st2)
        finish(f, 0, 0, st2);
    else if (last && !turn)
        finish(f, command == CMD_VERIFY ? 0 : ST0_ABNORMAL, command == CMD_VERIFY ? 0 : ST1_EN, 0);
    else
        want_sector(f);
}

static void pio(struct i82077 *f, unsigned phase)
{
    f->s.phase = (uint8_t)phase;
    f->s.at = 0;
    i82077_set_irq(f, true);
}

/* data[] holds a sector that was read. */
static void pass_on(struct i82077 *f)
{
    struct i82077_state *s = &f->s;
    bool end;

    if ((s->command[0] & 0x1F) == CMD_VERIFY)
        next_sector(f);
    else if (!uses_dma(f))
        pio(f, PHASE_READ);
    else if (i8237_to_memory(f->dma, 2, s->data, SECTOR_BYTES, &end) == SECTOR_BYTES || end) {
        s->tc = end;
        next_sector(f);
    } else
        finish(f, ST0_ABNORMAL, ST1_OR, 0);
}

/* FORMAT TRACK: the next sector's ID, in data[0..3]. */
static void format_sector(struct i82077 *f)
{
    struct i82077_state *s = &f->s;

    s->cylinder = s->data[0];
    s->head = s->data[1];
    s->sector = s->data[2];
    if (s->data[3] != 2 || !i82077_reaches(f, s->cylinder, s->head, s->sector)) {
        finish(f, ST0_ABNORMAL, ST1_ND, 0);
        return;
    }
    memset(s->data, s->command[5], SECTOR_BYTES);
    i82077_submit(f, OP_WRITE);
}

static void format_next(struct i82077 *f)
{
    struct i82077_state *s = &f->s;
    bool end;

    if (!s->left || s->tc)
        finish(f, 0, 0, 0);
    else if (!uses_dma(f))
        pio(f, PHASE_WRITE);
    else if (i8237_from_memory(f->dma, 2, s->data, 4, &end) == 4) {
        s->left--;
        s->tc = end;
        format_sector(f);
    } else
        finish(f, ST0_ABNORMAL, ST1_OR, 0);
}

static void want_sector(struct i82077 *f)
{
    struct i82077_state *s = &f->s;
    size_t n;
    bool end;

    if (!i82077_reaches(f, s->cylinder, s->head, s->sector)) {
        finish(f, ST0_ABNORMAL, ST1_ND, s->cylinder != s->pcn[s->command[1] & 3] ? ST2_WC : 0);
        return;
    }
    if (!is_write(f)) {
        i82077_submit(f, OP_READ);
        return;
    }
    if (!uses_dma(f)) {
        pio(f, PHASE_WRITE);
        return;
    }
    n = i8237_from_memory(f->dma, 2, s->data, SECTOR_BYTES, &end);
    if (n < SECTOR_BYTES && !end) {
        finish(f, ST0_ABNORMAL, ST1_OR, 0);
        return;
    }
    memset(s->data + n, 0, SECTOR_BYTES - n);
    s->tc = end;
    i82077_submit(f, OP_WRITE);
}

void i82077_io_done(struct i82077 *f, unsigned op, int error)
{
    f->s.op = OP_NONE;
    if (error)
        finish(f, ST0_ABNORMAL, op == OP_READ ? ST1_DE : ST1_ND, 0);
    else if (op == OP_READ)
        pass_on(f);
    else if ((f->s.command[0] & 0x1F) == CMD_FORMAT)
        format_next(f);
    else
        next_sector(f);
}

static void pio_filled(struct i82077 *f)
{
    f->s.phase = PHASE_BUSY;
    if ((f->s.command[0] & 0x1F) == CMD_FORMAT) {
        f->s.left--;
        format_sector(f);
    } else
        i82077_submit(f, OP_WRITE);
}

/* ---- commands ---- */

static void start_transfer(struct i82077 *f)
{
    struct i82077_state *s = &f->s;
    unsigned drive = s->command[1] & 3, command = s->command[0] & 0x1F;
    uint8_t fault;

    s->phase = PHASE_BUSY;
    s->tc = false;
    s->head = s->command[3];
    s->cylinder = s->command[2];
    s->sector = command == CMD_READ_TRACK ? 1 : s->command[4];
    s->eot = s->command[6];
    if (s->config & CONFIG_EIS)
        i82077_step_to(f, drive, s->cylinder);
    if (!i82077_readable(f, drive))
        finish(f, ST0_ABNORMAL, ST1_MA, 0);
    else if ((fault = is_write(f) && i82077_protected(f, drive) ? ST1_NW : 0) != 0)
        finish(f, ST0_ABNORMAL, fault, 0);
    else if (s->command[5] != 2 || (s->command[1] >> 2 & 1) != (s->head & 1))
        finish(f, ST0_ABNORMAL, ST1_ND, 0);
    else
        want_sector(f);
}

static void start_format(struct i82077 *f)
{
    struct i82077_state *s = &f->s;
    unsigned drive = s->command[1] & 3;

    s->phase = PHASE_BUSY;
    s->tc = false;
    s->cylinder = s->pcn[drive];
    s->head = s->command[1] >> 2 & 1;
    s->sector = 1;
    s->left = s->command[3];
    if (!i82077_readable(f, drive))
        finish(f, ST0_ABNORMAL, ST1_MA, 0);
    else if (i82077_protected(f, drive))
        finish(f, ST0_ABNORMAL, ST1_NW, 0);
    else
        format_next(f);
}

static void read_id(struct i82077 *f)
{
    struct i82077_state *s = &f->s;
    unsigned drive = s->command[1] & 3;

    s->cylinder = s->pcn[drive];
    s->head = s->command[1] >> 2 & 1;
    s->sector = 1;
    if (i82077_readable(f, drive) && i82077_reaches(f, s->cylinder, s->head, 1))
        finish(f, 0, 0, 0);
    else
        finish(f, ST0_ABNORMAL, ST1_MA, 0);
}

static void start_seek(struct i82077 *f, unsigned target, bool relative)
{
    struct i82077_state *s = &f->s;
    unsigned drive = s->command[1] & 3, from = s->pcn[drive], steps;

    if (relative) {
        unsigned by = target;

        target = s->command[0] & 0x40 ? from + by : from > by ? from - by : 0;
    }
    target = target > 255 ? 255 : target;
    steps = target > from ? target - from : from - target;
    s->seek_st0[drive] = (uint8_t)(ST0_SEEK | (s->command[0] == CMD_RECALIBRATE ? 0 : s->command[1] & 4) | drive);
    if (s->command[0] == CMD_RECALIBRATE && !i82077_connected(f, drive))
        s->seek_st0[drive] |= ST0_ABNORMAL | ST0_NO_TRACK0;
    s->target[drive] = (uint8_t)target;
    s->seeking |= (uint8_t)(1u << drive);
    results(f, NULL, 0);
    s->seek_due = loop_now_ns(f->loop) + SEEK_SETTLE_NS + (uint64_t)steps * SEEK_STEP_NS;
    timer_set(&f->timer, s->seek_due);
}

static void seek_fired(void *opaque)
{
    struct i82077 *f = opaque;
    struct i82077_state *s = &f->s;

    for (unsigned i = 0; i < 4; i++)
        if (s->seeking >> i & 1) {
            i82077_step_to(f, i, s->target[i]);
            s->sought |= (uint8_t)(1u << i);
        }
    s->seeking = 0;
    i82077_set_irq(f, true);
}

static void sense_interrupt(struct i82077 *f)
{
    struct i82077_state *s = &f->s;
    uint8_t r[2] = {ST0_INVALID, 0};

    i82077_set_irq(f, false);
    if (s->resets) { /* after a reset, each of four drives is ready anew */
        unsigned drive = 4u - s->resets--;

        r[0] = (uint8_t)(0xC0 | drive);
        r[1] = s->pcn[drive];
        results(f, r, 2);
        return;
    }
    for (unsigned i = 0; i < 4; i++)
        if (s->sought >> i & 1) {
            s->sought &= (uint8_t) ~(1u << i);
            r[0] = s->seek_st0[i];
            r[1] = s->pcn[i];
            results(f, r, 2);
            i82077_set_irq(f, s->sought != 0);
            return;
        }
    results(f, r, 1);
}

static void dump_registers(struct i82077 *f)
{
    const struct i82077_state *s = &f->s;
    const uint8_t r[10] = {s->pcn[0],     s->pcn[1],     s->pcn[2], s->pcn[3],
                           s->specify[0], s->specify[1], s->eot,    (uint8_t)(s->lock << 7 | (s->perpendicular & 0x7F)),
                           s->config,     s->precomp};

    results(f, r, sizeof r);
}

static void one_result(struct i82077 *f, unsigned value)
{
    const uint8_t r = (uint8_t)value;

    results(f, &r, 1);
}

/* How many bytes the command has; 0: there is none such. */
static unsigned command_length(uint8_t first)
{
    switch (first) {
    case CMD_SPECIFY: return 3;
    case CMD_SENSE_DRIVE: return 2;
    case CMD_RECALIBRATE: return 2;
    case CMD_SENSE_INTERRUPT: return 1;
    case CMD_DUMPREG: return 1;
    case CMD_SEEK: return 3;
    case CMD_SEEK | 0x80:
    case CMD_SEEK | 0xC0: return 3; /* relative */
    case CMD_VERSION: return 1;
    case CMD_PERPENDICULAR: return 2;
    case CMD_CONFIGURE: return 4;
    case CMD_LOCK:
    case CMD_LOCK | 0x80: return 1;
    default: break;
    }
    switch (first & 0x1F) {
    case CMD_READ_TRACK: return first & 0x80 ? 0 : 9;
    case CMD_READ:
    case CMD_READ_DELETED:
    case CMD_VERIFY: return 9;
    case CMD_WRITE:
    case CMD_WRITE_DELETED: return first & 0x20 ? 0 : 9;
    case CMD_READ_ID: return first & 0xA0 ? 0 : 2;
    case CMD_FORMAT: return first & 0xA0 ? 0 : 6;
    default: return 0;
    }
}

static void execute(struct i82077 *f)
{
    struct i82077_state *s = &f->s;
    const uint8_t *c = s->command;
    unsigned drive = c[1] & 3;

    i82077_set_irq(f, false);
    switch (c[0]) {
    case CMD_SPECIFY:
        memcpy(s->specify, c + 1, 2);
        results(f, NULL, 0);
        return;
    case CMD_SENSE_DRIVE:
        one_result(f, 0x28u | (c[1] & 7u) | (s->pcn[drive] || !i82077_connected(f, drive) ? 0 : 0x10u) |
                          (i82077_protected(f, drive) ? 0x40u : 0));
        return;
    case CMD_RECALIBRATE: start_seek(f, 0, false); return;
    case CMD_SENSE_INTERRUPT: sense_interrupt(f); return;
    case CMD_DUMPREG: dump_registers(f); return;
    case CMD_SEEK:
    case CMD_SEEK | 0x80:
    case CMD_SEEK | 0xC0: start_seek(f, c[2], c[0] & 0x80); return;
    case CMD_VERSION: one_result(f, VERSION); return;
    case CMD_PERPENDICULAR:
        s->perpendicular = c[1];
        results(f, NULL, 0);
        return;
    case CMD_CONFIGURE:
        s->config = c[2];
        s->precomp = c[3];
        results(f, NULL, 0);
        return;
    case CMD_LOCK:
    case CMD_LOCK | 0x80:
        s->lock = c[0] & 0x80;
        one_result(f, s->lock ? 0x10 : 0);
        return;
    default: break;
    }
    switch (c[0] & 0x1F) {
    case CMD_READ_ID: read_id(f); break;
    case CMD_FORMAT: start_format(f); break;
    default: start_transfer(f); break;
    }
}

/* ---- registers ---- */

static void chip_reset(struct i82077 *f, bool stays)
{
    struct i82077_state *s = &f->s;

    timer_cancel(&f->timer);
    results(f, NULL, 0);
    i82077_forget(f);
    s->seeking = s->sought = 0;
    s->resets = 0;
    memset(s->pcn, 0, sizeof s->pcn);
    if (!s->lock) {
        s->config = CONFIG_DEFAULT;
        s->precomp = 0;
    }
    s->perpendicular &= 0x3C;
    i82077_set_irq(f, false);
    if (stays || s->config & CONFIG_NO_POLL)
        return;
    s->resets = 4;
    i82077_set_irq(f, true);
}

static void write_dor(struct i82077 *f, uint8_t value)
{
    uint8_t changed = f->s.dor ^ value;

    f->s.dor = value;
    if (changed & DOR_RUN)
        chip_reset(f, !(value & DOR_RUN));
    else
        i82077_set_irq(f, f->s.irq);
}

static uint8_t read_msr(const struct i82077 *f)
{
    const struct i82077_state *s = &f->s;

    if (!(s->dor & DOR_RUN))
        return 0;
    switch (s->phase) {
    case PHASE_IDLE: return MSR_RQM | (s->got ? MSR_BUSY : 0) | s->seeking;
    case PHASE_RESULT: return MSR_RQM | MSR_DIO | MSR_BUSY | s->seeking;
    case PHASE_READ: return MSR_RQM | MSR_DIO | MSR_NDM | MSR_BUSY | s->seeking;
    case PHASE_WRITE: return MSR_RQM | MSR_NDM | MSR_BUSY | s->seeking;
    default: return MSR_BUSY | s->seeking;
    }
}

static void write_data(struct i82077 *f, uint8_t value)
{
    struct i82077_state *s = &f->s;
    unsigned room = (s->command[0] & 0x1F) == CMD_FORMAT ? 4 : SECTOR_BYTES;

    if (!(s->dor & DOR_RUN))
        return;
    if (s->phase == PHASE_WRITE) {
        i82077_set_irq(f, false);
        s->data[s->at++] = value;
        if (s->at >= room)
            pio_filled(f);
        return;
    }
    if (s->phase != PHASE_IDLE)
        return;
    s->command[s->got++] = value;
    if (s->got == 1) {
        s->length = (uint8_t)command_length(value);
        if (!s->length) {
            one_result(f, ST0_INVALID);
            return;
        }
    }
    if (s->got == s->length)
        execute(f);
}

static uint8_t read_data(struct i82077 *f)
{
    struct i82077_state *s = &f->s;
    uint8_t value;

    if (!(s->dor & DOR_RUN))
        return 0xFF;
    if (s->phase == PHASE_READ) {
        i82077_set_irq(f, false);
        value = s->data[s->at++];
        if (s->at == SECTOR_BYTES) {
            s->phase = PHASE_BUSY;
            next_sector(f);
        }
        return value;
    }
    if (s->phase != PHASE_RESULT)
        return 0xFF;
    if (!s->sought)
        i82077_set_irq(f, false);
    value = s->result[s->result_at++];
    if (s->result_at == s->results)
        results(f, NULL, 0);
    return value;
}

static uint8_t fdc_read_reg(struct device *d, unsigned reg)
{
    struct i82077 *f = to_fdc(d);

    switch (reg) {
    case REG_SRA: return (uint8_t)((f->s.irq ? 0x80 : 0) | (i82077_connected(f, 1) ? 0 : 0x40));
    case REG_SRB: return 0xC0 | (f->s.dor >> 4 & 3) | (f->s.dor & 1 ? 0x20 : 0);
    case REG_DOR: return f->s.dor;
    case REG_TDR: return f->s.tdr;
    case REG_MSR: return read_msr(f);
    default: return read_data(f);
    }
}

static void fdc_write_reg(struct device *d, unsigned reg, uint8_t value)
{
    struct i82077 *f = to_fdc(d);

    switch (reg) {
    case REG_DOR: write_dor(f, value); break;
    case REG_TDR: f->s.tdr = value & 3; break;
    case REG_MSR: /* the data rate select register */
        f->s.rate = value & 3;
        if (value & DSR_RESET && f->s.dor & DOR_RUN)
            chip_reset(f, false);
        break;
    case REG_DATA: write_data(f, value); break;
    default: break;
    }
}

static uint64_t fdc_read(struct device *d, uint64_t offset, unsigned size)
{
    return bytewise_read(d, offset, size, fdc_read_reg);
}
static void fdc_write(struct device *d, uint64_t offset, unsigned size, uint64_t value)
{
    bytewise_write(d, offset, size, value, fdc_write_reg);
}
static uint64_t dir_read(struct device *d, uint64_t offset, unsigned size)
{
    const struct i82077 *f = to_fdc(d);
    unsigned drive = f->s.dor & 3;

    /* the drive that is selected, while its motor turns */
    return f->s.dor >> (4 + drive) & 1 && i82077_changed(f, drive) ? 0x80 : 0;
}
static void ccr_write(struct device *d, uint64_t offset, unsigned size, uint64_t value)
{
    to_fdc(d)->s.rate = value & 3;
}

const struct io_ops i82077_io = {.read = fdc_read, .write = fdc_write};
const struct io_ops i82077_dir_io = {.read = dir_read, .write = ccr_write};

static void fdc_reset(struct device *d)
{
    struct i82077 *f = to_fdc(d);

    timer_cancel(&f->timer);
    i82077_forget(f);
    f->s = (struct i82077_state){.config = CONFIG_DEFAULT, .rate = 2, .changed = 3};
    i82077_set_irq(f, false);
}

static int fdc_check(const void *state)
{
    const struct i82077_state *s = state;
    bool transfer = s->phase == PHASE_READ || s->phase == PHASE_WRITE || s->phase == PHASE_BUSY;
    unsigned room = (s->command[0] & 0x1F) == CMD_FORMAT ? 4 : SECTOR_BYTES;

    if (s->phase > PHASE_RESULT || s->op > OP_WRITE || s->got > sizeof s->command || s->length > sizeof s->command)
        return -EINVAL;
    if (s->phase == PHASE_IDLE && s->got && s->got >= s->length)
        return -EINVAL;
    if (s->phase == PHASE_RESULT && (s->results > sizeof s->result || s->result_at >= s->results))
        return -EINVAL;
    if (s->at > SECTOR_BYTES || (s->phase == PHASE_READ && s->at == SECTOR_BYTES) ||
        (s->phase == PHASE_WRITE && s->at >= room))
        return -EINVAL;
    if ((transfer && command_length(s->command[0]) < 6) || (s->op != OP_NONE) != (s->phase == PHASE_BUSY))
        return -EINVAL;
    return s->resets > 4 || s->rate > 3 || s->seeking > 15 || s->sought > 15 || s->changed > 3 ? -EINVAL : 0;
}

static void fdc_loaded(struct device *d)
{
    struct i82077 *f = to_fdc(d);

    irq_set(f->irq6, f->s.irq && f->s.dor & DOR_GATE);
    timer_cancel(&f->timer);
    if (f->s.seeking)
        timer_set(&f->timer, f->s.seek_due);
    i82077_forget(f);
    if (f->s.op != OP_NONE)
        i82077_submit(f, f->s.op);
}

static void fdc_destroy(struct device *d)
{
    struct i82077 *f = to_fdc(d);

    timer_cancel(&f->timer);
    i82077_forget(f);
    i82077_eject_all(f);
    free(f);
}

static const struct device_ops fdc_ops = {
    .name = "i82077",
    .version = 1,
    .state_size = sizeof(struct i82077_state),
    .reset = fdc_reset,
    .check = fdc_check,
    .loaded = fdc_loaded,
    .destroy = fdc_destroy,
};

struct device *i82077_create(struct loop *loop, struct irq_line *irq6, struct device *dma)
{
    struct i82077 *f = calloc(1, sizeof *f);

    if (!f)
        return NULL;
    f->dev = (struct device){.ops = &fdc_ops, .state = &f->s};
    f->loop = loop;
    f->irq6 = irq6;
    f->dma = dma;
    timer_init(&f->timer, loop, seek_fired, f);
    i82077_media_init(f);
    fdc_reset(&f->dev);
    return &f->dev;
}
