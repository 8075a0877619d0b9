/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ps2.h: a PS/2 device as its controller sees it, and the queue of bytes it has for it.
 * Answers to commands go before what the user does.
 */
#ifndef DOMUS_DEV_PS2_H
#define DOMUS_DEV_PS2_H

#include "machine/device.h"

#define PS2_ACK     0xFA
#define PS2_RESEND  0xFE
#define PS2_TEST_OK 0xAA
#define PS2_ANSWERS 16
#define PS2_QUEUE   64 /* keys or motion; a power of two */

struct ps2_queue {
    uint8_t answers[PS2_ANSWERS], bytes[PS2_QUEUE];
    uint8_t answer_count;
    uint8_t first, count; /* of bytes */
    uint8_t last;         /* the byte taken last, for RESEND */
};

struct ps2_device {
    struct device dev; /* first */
    void (*write)(struct ps2_device *p, uint8_t byte);
    /* The next byte, or -1. */
    int (*read)(struct ps2_device *p);
    /* Set by the controller: there is something to read. */
    void (*ready)(void *opaque);
    void *opaque;
};

static inline unsigned ps2_queue_room(const struct ps2_queue *q)
{
    return PS2_QUEUE - q->count;
}

static inline void ps2_queue_put(struct ps2_queue *q, uint8_t byte)
{
    if (q->count < PS2_QUEUE)
        q->bytes[(q->first + q->count++) % PS2_QUEUE] = byte;
}

static inline void ps2_queue_answer(struct ps2_queue *q, uint8_t byte)
{
    if (q->answer_count < PS2_ANSWERS)
        q->answers[q->answer_count++] = byte;
}

static inline int ps2_queue_take(struct ps2_queue *q)
{
    if (q->answer_count) {
        q->last = q->answers[0];
        q->answer_count--;
        for (unsigned i = 0; i < q->answer_count; i++)
            q->answers[i] = q->answers[i + 1];
        return q->last;
    }
    if (!q->count)
        return -1;
    q->last = q->bytes[q->first];
    q->first = (uint8_t)((q->first + 1) % PS2_QUEUE);
    q->count--;
    return q->last;
}

static inline bool ps2_queue_valid(const struct ps2_queue *q)
{
    return q->answer_count <= PS2_ANSWERS && q->first < PS2_QUEUE && q->count <= PS2_QUEUE;
}

static inline void ps2_ready(struct ps2_device *p)
{
    if (p->ready)
        p->ready(p->opaque);
}

#endif
