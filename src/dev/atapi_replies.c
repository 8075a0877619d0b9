/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * atapi_replies.c: replies of a DVD-ROM drive (MMC-3, SPC-2). An image is a disc with one data track. All multi-byte
 * fields are big-endian.
 */
#include "dev/atapi_replies.h"

#include "base/bytes.h"

#define SESSION_GAP \
    11400u /* between the end of the first session and a second's first track: lead-out, lead-in, pregap */

enum profile { PROFILE_NONE = 0, PROFILE_CD_ROM = 0x08, PROFILE_DVD_ROM = 0x10 };

static void put_be16(uint8_t *to, unsigned value)
{
    to[0] = (uint8_t)(value >> 8);
    to[1] = (uint8_t)value;
}

static void put_be32(uint8_t *to, uint32_t value)
{
    put_be16(to, value >> 16);
    put_be16(to + 2, value & 0xffff);
}

static uint8_t to_bcd(unsigned value)
{
    return (uint8_t)(value / 10 << 4 | value % 10);
}

/* Minute, second and frame; sector 0 is at 00:02:00. */
static void put_msf(uint8_t *to, uint32_t lba)
{
    lba += 150;
    to[0] = (uint8_t)(lba / (75 * 60));
    to[1] = (uint8_t)(lba / 75 % 60);
    to[2] = (uint8_t)(lba % 75);
}

static enum profile medium_profile(const struct atapi_medium *m)
{
    if (!m->sectors || m->tray_open)
        return PROFILE_NONE;
    return m->sectors > ATAPI_CD_SECTORS ? PROFILE_DVD_ROM : PROFILE_CD_ROM;
}

int atapi_reply_inquiry(uint8_t *to, const uint8_t *packet)
{
    static const char identity[] = "DOMUS   DOMUS DVD-ROM   1.0 ";

    if (packet[2])
        return -1;
    if (packet[1] & 1) { /* vital product data: only the list of pages, which is the only page */
        memset(to, 0, 5);
        to[0] = 0x05;
        to[3] = 1;
        return 5;
    }
    memset(to, 0, 36);
    to[0] = 0x05; /* CD-ROM */
    to[1] = 0x80; /* removable */
    to[3] = 0x21; /* ATAPI-2 response format */
    to[4] = 31;
    memcpy(to + 8, identity, 28);
    return 36;
}

/* Appends a page; returns the new length. */
static int put_page(uint8_t *to, int at, uint8_t code, const uint8_t *bytes, unsigned len)
{
    to[at] = code;
    to[at + 1] = (uint8_t)len;
    memcpy(to + at + 2, bytes, len);
    return at + 2 + (int)len;
}

int atapi_reply_mode_sense(uint8_t *to, const uint8_t *packet, const struct atapi_medium *m)
{
    static const uint8_t recovery[6] = {0, 5}; /* five retries */
    static const uint8_t timeout[6] = {0, 0, 0, 60, 0, 75};
    static const uint8_t audio[14] = {4, 0, 0, 0, 0, 75, 1, 0xff, 2, 0xff};
    uint8_t capabilities[20] = {0x3b, 0, 0x70, 0x60, 0x28, 0, 0x15, 0x98, 0, 2, 2, 0, 0x15, 0x98};
    unsigned page = packet[2] & 0x3f;
    bool all = page == 0x3f;
    int n = 8;

    if (packet[2] >> 6 == 3)
        return -1;                                           /* saved values: the caller's sense says so too */
    capabilities[4] = (uint8_t)(0x29 | (m->locked ? 2 : 0)); /* tray, can eject and lock */
    memset(to, 0, 8);
    to[2] = m->tray_open ? 0x71 : m->sectors ? 0x01 : 0x70;
    if (all || page == 0x01)
        n = put_page(to, n, 0x01, recovery, sizeof recovery);
    if (all || page == 0x0d)
        n = put_page(to, n, 0x0d, timeout, sizeof timeout);
    if (all || page == 0x0e)
        n = put_page(to, n, 0x0e, audio, sizeof audio);
    if (all || page == 0x2a)
        n = put_page(to, n, 0x2a, capabilities, sizeof capabilities);
    if (n == 8)
        return -1;
    put_be16(to, (unsigned)n - 2);
    return n;
}

/* The disc's table of contents. */
static struct cd_toc medium_toc(const struct atapi_medium *m)
{
    if (m->toc && m->toc->count)
        return *m->toc;
    return (struct cd_toc){
        .count = 1,
        .sessions = 1,
        .last_session_track = 1,
        .leadout_control = 0x14, /* data */
        .leadout = m->sectors,
        .track = {{.number = 1, .adr_control = 0x14}},
    };
}

/* One track descriptor of formats 0 and 1. */
static int put_track(uint8_t *to, int at, const struct cd_track *track, bool msf)
{
    uint8_t *d = to + at;

    memset(d, 0, 8);
    d[1] = track->adr_control;
    d[2] = track->number;
    if (msf)
        put_msf(d + 5, track->lba);
    else
        put_be32(d + 4, track->lba);
    return at + 8;
}

static int put_tracks(uint8_t *to, const struct cd_toc *toc, unsigned from, bool msf)
{
    const struct cd_track leadout = {0xaa, toc->leadout_control, toc->leadout};
    int n = 4;

    if (from > toc->track[toc->count - 1].number && from != 0xaa)
        return -1;
    to[2] = toc->track[0].number;
    to[3] = toc->track[toc->count - 1].number;
    for (unsigned i = 0; i < toc->count; i++)
        if (toc->track[i].number >= from)
            n = put_track(to, n, &toc->track[i], msf);
    return put_track(to, n, &leadout, msf);
}

static const struct cd_track *find_track(const struct cd_toc *toc, unsigned number)
{
    for (unsigned i = 0; i < toc->count; i++)
        if (toc->track[i].number == number)
            return &toc->track[i];
    return &toc->track[0];
}

static int put_sessions(uint8_t *to, const struct cd_toc *toc, bool msf)
{
    to[2] = 1;
    to[3] = toc->sessions;
    return put_track(to, 4, find_track(toc, toc->last_session_track), msf);
}

/* One descriptor of the raw table of contents. */
static int put_raw_track(uint8_t *to, int at, uint8_t session, uint8_t adr_control, uint8_t point, const uint8_t *msf)
{
    uint8_t *d = to + at;

    memset(d, 0, 11);
    d[0] = session;
    d[1] = adr_control;
    d[3] = point;
    memcpy(d + 8, msf, 3);
    return at + 11;
}

/* The tracks [first, end) of toc->track, a session. */
static int put_raw_session(uint8_t *to, int n, const struct cd_toc *toc, uint8_t session, unsigned first, unsigned end,
                           uint32_t leadout)
{
    const struct cd_track *a = &toc->track[first], *z = &toc->track[end - 1];
    uint8_t at[3];

    n = put_raw_track(to, n, session, a->adr_control, 0xa0, (const uint8_t[3]){a->number});
    n = put_raw_track(to, n, session, z->adr_control, 0xa1, (const uint8_t[3]){z->number});
    put_msf(at, leadout);
    n = put_raw_track(to, n, session, z->adr_control, 0xa2, at);
    for (unsigned i = first; i < end; i++) {
        put_msf(at, toc->track[i].lba);
        n = put_raw_track(to, n, session, toc->track[i].adr_control, toc->track[i].number, at);
    }
    return n;
}

static int put_raw_toc(uint8_t *to, const struct cd_toc *toc)
{
    const struct cd_track *last = find_track(toc, toc->last_session_track);
    unsigned split = (unsigned)(last - toc->track);
    int n = 4;

    to[2] = 1;
    to[3] = toc->sessions;
    if (toc->sessions < 2 || !split)
        return put_raw_session(to, n, toc, 1, 0, toc->count, toc->leadout);
    n = put_raw_session(to, n, toc, 1, 0, split, last->lba > SESSION_GAP ? last->lba - SESSION_GAP : 0);
    return put_raw_session(to, n, toc, 2, split, toc->count, toc->leadout);
}

int atapi_reply_toc(uint8_t *to, const uint8_t *packet, const struct atapi_medium *m)
{
    const struct cd_toc toc = medium_toc(m);
    bool msf = packet[1] & 2;
    unsigned format = packet[2] & 15;
    int n;

    if (!format)
        format = packet[9] >> 6; /* where older hosts put it */
    switch (format) {
    case 0: n = put_tracks(to, &toc, packet[6], msf); break;
    case 1: n = put_sessions(to, &toc, msf); break;
    case 2: n = put_raw_toc(to, &toc); break;
    default: return -1;
    }
    if (n > 0)
        put_be16(to, (unsigned)n - 2);
    return n;
}

static int put_feature(uint8_t *to, int at, unsigned feature, bool current, const uint8_t *bytes, unsigned len)
{
    put_be16(to + at, feature);
    to[at + 2] = (uint8_t)(0x02 | (current ? 1 : 0)); /* persistent */
    to[at + 3] = (uint8_t)len;
    memcpy(to + at + 4, bytes, len);
    return at + 4 + (int)len;
}

int atapi_reply_configuration(uint8_t *to, const uint8_t *packet, const struct atapi_medium *m)
{
    enum profile now = medium_profile(m);
    const uint8_t profiles[8] = {0, PROFILE_DVD_ROM, now == PROFILE_DVD_ROM, 0,
                                 0, PROFILE_CD_ROM,  now == PROFILE_CD_ROM};
    static const uint8_t core[4] = {0, 0, 0, 2}; /* ATAPI */
    static const uint8_t removable[4] = {0x29};  /* tray, eject, lock */
    static const uint8_t readable[8] = {0, 0, 8, 0, 0, 0x10};
    const struct {
        unsigned code;
        bool current;
        const uint8_t *bytes;
        unsigned len;
    } features[] = {
        {0x0000, true, profiles, sizeof profiles},     {0x0001, true, core, sizeof core},
        {0x0003, true, removable, sizeof removable},   {0x0010, now != PROFILE_NONE, readable, sizeof readable},
        {0x001e, now == PROFILE_CD_ROM, removable, 0}, {0x001f, now == PROFILE_DVD_ROM, removable, 0},
    };
    unsigned which = packet[1] & 3, start = (unsigned)packet[2] << 8 | packet[3];
    int n = 8;

    if (which == 3)
        return -1;
    memset(to, 0, 8);
    put_be16(to + 6, now);
    for (unsigned i = 0; i < ARRAY_SIZE(features); i++) {
        bool wanted =
            which == 2 ? features[i].code == start : features[i].code >= start && (which == 0 || features[i].current);

        if (wanted)
            n = put_feature(to, n, features[i].code, features[i].current, features[i].bytes, features[i].len);
    }
    put_be32(to, (uint32_t)n - 4);
    return n;
}

int atapi_reply_event(uint8_t *to, const uint8_t *packet, const struct atapi_medium *m, uint8_t event)
{
    if (!(packet[1] & 1))
        return -1; /* only polling */
    memset(to, 0, 8);
    to[3] = 0x10; /* media events are all there is */
    if (!(packet[4] & 0x10)) {
        to[1] = 2;
        to[2] = 0x80; /* no event of those classes */
        return 4;
    }
    to[1] = 6;
    to[2] = 4;
    to[4] = event;
    to[5] = (uint8_t)((m->tray_open ? 1 : 0) | (m->sectors && !m->tray_open ? 2 : 0));
    return 8;
}

int atapi_reply_disc_information(uint8_t *to, const uint8_t *packet, const struct atapi_medium *m)
{
    const struct cd_toc toc = medium_toc(m);

    if (packet[1] & 7)
        return -1;
    memset(to, 0, 34);
    put_be16(to, 32);
    to[2] = 0x0e; /* complete, last session complete */
    to[3] = toc.track[0].number;
    to[4] = toc.sessions;
    to[5] = toc.last_session_track;
    to[6] = toc.track[toc.count - 1].number;
    to[7] = 0x20;             /* for unrestricted use */
    memset(to + 16, 0xff, 8); /* no more lead-in or lead-out to come */
    return 34;
}

int atapi_reply_dvd_structure(uint8_t *to, const uint8_t *packet, const struct atapi_medium *m)
{
    static const uint8_t formats[] = {0x00, 0x01, 0x04};
    unsigned format = packet[7];
    int n = 4;

    if (format != 0xff && (packet[6] || medium_profile(m) != PROFILE_DVD_ROM))
        return -1;
    memset(to, 0, 2052);
    switch (format) {
    case 0x00: /* physical: DVD-ROM, 120 mm, one layer */
        to[4] = 0x01;
        to[5] = 0x0f;
        to[6] = 0x01;
        to[9] = 0x03; /* data starts at 30000h */
        put_be32(to + 12, 0x30000 + m->sectors - 1);
        n = 2052;
        break;
    case 0x01: n = 8; break;    /* no copyright protection */
    case 0x04: n = 2052; break; /* no manufacturing data */
    case 0xff:
        for (unsigned i = 0; i < sizeof formats; i++, n += 4) {
            to[n] = formats[i];
            to[n + 1] = 0x40; /* readable */
            put_be16(to + n + 2, formats[i] == 1 ? 8 : 2052);
        }
        break;
    default: return -1;
    }
    put_be16(to, (unsigned)n - 2);
    return n;
}

int atapi_reply_mechanism(uint8_t *to)
{
    memset(to, 0, 8);
    to[5] = 1; /* one slot */
    return 8;
}

void atapi_frame_raw_sector(uint8_t *raw, uint32_t lba)
{
    memset(raw, 0xff, 12);
    raw[0] = raw[11] = 0;
    put_msf(raw + 12, lba);
    for (unsigned i = 12; i < 15; i++)
        raw[i] = to_bcd(raw[i]);
    raw[15] = 1;
    memset(raw + 16 + 2048, 0, ATAPI_RAW_BYTES - 16 - 2048);
}
