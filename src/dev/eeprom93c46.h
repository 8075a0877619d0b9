/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * eeprom93c46.h: the serial EEPROM of a NIC, 64 words of 16 bits behind four wires (Microwire; Atmel 93C46, x16).
 * The whole of it is guest-visible state, embedded in the NIC's.
 */
#ifndef DOMUS_DEV_EEPROM93C46_H
#define DOMUS_DEV_EEPROM93C46_H

#include "base/types.h"

#define EEPROM_WORDS 64u

struct eeprom_state {
    uint16_t word[EEPROM_WORDS];
    uint8_t select, clock, out; /* wires, 0 or 1 */
    uint8_t write_enabled;
    uint8_t started;  /* the start bit was seen */
    uint8_t bits;     /* of the command in, at most 9; then of data */
    uint8_t reading;  /* bits still to come out of `data`, address follows */
    uint8_t writing;  /* bits still to come in */
    uint16_t command; /* 8 bits: opcode and address */
    uint16_t data;
};

void eeprom_wires(struct eeprom_state *e, bool select, bool clock, bool in);
bool eeprom_check(const struct eeprom_state *e);

#endif
