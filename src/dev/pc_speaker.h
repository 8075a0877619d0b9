/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pc_speaker.h: the speaker on the interval timer's channel 2 and port 0x61. */
#ifndef DOMUS_DEV_PC_SPEAKER_H
#define DOMUS_DEV_PC_SPEAKER_H

#include "machine/device.h"

struct audio;

/* pit (an i8254) and audio are borrowed. NULL only when memory runs out. */
struct device *pc_speaker_create(struct device *pit, struct audio *audio);

#endif
