/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net_offload.h: what NICs do to a frame on its way out (checksums, TCP segmentation) and to find out whose a frame is
 * on its way in. Offsets come from guests: each is checked against the frame. Knows no chip.
 */
#ifndef DOMUS_DEV_NET_OFFLOAD_H
#define DOMUS_DEV_NET_OFFLOAD_H

#include "base/types.h"

#define NET_OFFLOAD_MAX 65536u /* the longest packet to cut up, headers included */

/* One checksum: the bytes [start, end] (end 0: to the frame's end) are summed, the result goes to [offset, offset+1].
 */
struct net_checksum {
    bool on;
    uint32_t start, offset, end;
};

struct net_offload {
    struct net_checksum ip, transport;
    bool segment; /* cut the payload behind header_bytes into pieces of mss */
    bool ipv6, udp;
    uint32_t header_bytes, mss;
};

/* The checksum of the Internet protocols (RFC 1071), not inverted, in host order, of bytes that start at an even
 * offset. */
uint32_t net_sum(const uint8_t *bytes, size_t n, uint32_t sum);

/* Sends `frame` as `o` says; frame is changed. `scratch` holds a frame of at least header_bytes + mss. The transport
 * checksum's field holds the pseudo-header's sum (when segmenting: without the length). */
void net_offload_send(uint8_t *frame, size_t len, const struct net_offload *o, uint8_t *scratch, size_t scratch_bytes,
                      void (*send)(void *opaque, const uint8_t *frame, size_t len), void *opaque);

/* Bit number 0..63 of the multicast hash: the top six bits of the CRC of the destination address. */
unsigned net_multicast_hash(const uint8_t *mac);
uint32_t net_crc32(const uint8_t *bytes, size_t n);

#endif
