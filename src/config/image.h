/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * image.h: the one part of the room that looks at the host: does a disk's image hold what its format= says?
 * `file:x.qcow2,hda,w` hands the guest the container's bytes as its disk, and nobody says so; real xl does not either.
 */
#ifndef DOMUS_CONFIG_IMAGE_H
#define DOMUS_CONFIG_IMAGE_H

#include "config/config.h"

/* The format whose header `bytes` begins with; NULL: none of those known. `tail` is the image's last 512 bytes. */
const char *image_magic(const uint8_t *bytes, size_t len, const uint8_t *tail, size_t tail_len);

/*
 * Reads the first bytes of every raw image and warns of what looks like another format; the name is tried as given,
 * then under /dev. A file that cannot be read is no matter here: opening it for the domain says why.
 */
void image_check(const struct domain_config *config, const struct config_sink *sink);

#endif
