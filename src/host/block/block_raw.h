/* SPDX-License-Identifier: GPL-2.0-or-later */
/* block_raw.h: the format without a format. */
#ifndef DOMUS_HOST_BLOCK_BLOCK_RAW_H
#define DOMUS_HOST_BLOCK_BLOCK_RAW_H

#include "host/block/block_format.h"

extern const struct block_format_ops block_format_raw;

#endif
