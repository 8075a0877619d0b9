/* SPDX-License-Identifier: GPL-2.0-or-later */
/* eeprom93c46.c: see eeprom93c46.h. Writing takes no time. */
#include "dev/eeprom93c46.h"

#include <string.h>

#define COMMAND_BITS 8u

static void command_done(struct eeprom_state *e)
{
    unsigned address = e->command & (EEPROM_WORDS - 1);

    switch (e->command >> 6) {
    case 2: /* read: a zero, then the word, then the words that follow */
        e->data = e->word[address];
        e->reading = 16;
        e->out = 0;
        break;
    case 1: e->writing = 16; break;
    case 3:
        if (e->write_enabled)
            e->word[address] = 0xffff;
        e->out = 1;
        break;
    default:
        switch (address >> 4) {
        case 3: e->write_enabled = 1; break;
        case 0: e->write_enabled = 0; break;
        case 2:
            if (e->write_enabled)
                memset(e->word, 0xff, sizeof e->word);
            break;
        default: e->writing = 16; break; /* write all */
        }
        e->out = 1;
    }
}

static void data_written(struct eeprom_state *e)
{
    e->out = 1; /* ready */
    if (!e->write_enabled)
        return;
    if (e->command >> 6 == 1)
        e->word[e->command & (EEPROM_WORDS - 1)] = e->data;
    for (unsigned i = 0; e->command >> 6 == 0 && i < EEPROM_WORDS; i++)
        e->word[i] = e->data;
}

static void clock_rises(struct eeprom_state *e, bool in)
{
    if (!e->started) {
        e->started = in;
        e->bits = 0;
        e->command = 0;
    } else if (e->bits < COMMAND_BITS) {
        e->command = (uint16_t)(e->command << 1 | in);
        if (++e->bits == COMMAND_BITS)
            command_done(e);
    } else if (e->writing) {
        e->data = (uint16_t)(e->data << 1 | in);
        if (--e->writing == 0)
            data_written(e);
    } else if (e->reading) {
        e->out = (uint8_t)(e->data >> 15);
        e->data = (uint16_t)(e->data << 1);
        if (--e->reading == 0) {
            e->command = (uint16_t)(0x80 | ((e->command + 1u) & (EEPROM_WORDS - 1)));
            e->data = e->word[e->command & (EEPROM_WORDS - 1)];
            e->reading = 16;
        }
    }
}

void eeprom_wires(struct eeprom_state *e, bool select, bool clock, bool in)
{
    if (!select) {
        e->started = e->reading = e->writing = e->bits = 0;
        e->out = 1;
    } else if (clock && !e->clock && e->select) {
        clock_rises(e, in);
    }
    e->select = select;
    e->clock = clock;
}

bool eeprom_check(const struct eeprom_state *e)
{
    return e->bits <= COMMAND_BITS && e->command < 0x100 && e->reading <= 16 && e->writing <= 16;
}
