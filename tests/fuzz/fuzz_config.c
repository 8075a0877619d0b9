/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz_config.c: xl.cfg texts: raw bytes, tokens in any order, and settings of real keys with pieces of real values.
 * A text that is accepted must print as JSON that reads back and prints the same; nothing may crash or leak.
 */
#include "config/reading.h"
#include "config/text.h"
#include "config/vdev.h"
#include "config/xlconf.h"

#include "fuzz_input.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static const char *const tokens[] = {
    "=",         "+=",      "[",     "]",    ",",  ";",  "\n",    "#x\n", "#",  " ",   "\t",       "a",
    "a.b",       "vif",     "vcpus", "0x1f", "2G", "12", "\"s\"", "'t'",  "\"", "'",   "\\",       "\"\\x41\"",
    "\"\\101\"", "\"\\n\"", "\r\n",  "(",    "-",  "A",  "\xff",  "[[",   "]]", "[\n", "\"a\nb\"",
};
static const char *const pieces[] = {
    "1",
    "0",
    "-1",
    "64",
    "99999999999999999999",
    "hvm",
    "pv",
    "pvh",
    "host",
    "sse3=1",
    "family=x",
    "model=300",
    "avx2=k",
    "1:eax=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    "7,0:ebx=0",
    "/x",
    "raw",
    "hda",
    "w",
    "file:",
    "phy:",
    "tap:",
    "qcow2:",
    "iscsi:",
    "nfs:",
    "target=",
    "vdev=",
    "format=",
    "devtype=cdrom",
    "cdrom",
    "access=",
    ":cdrom",
    "mac=",
    "00:16:3e:1:2:3",
    "bridge=br0",
    "rate=",
    "10Mb/s",
    "@50ms",
    "type=",
    "ioemu",
    "00:1b.0",
    "@5",
    ".*",
    "0-3",
    "^1",
    "all",
    "node:0",
    "card",
    "pcm",
    "stream",
    "sample-formats=s8;u8",
    "sample-rates=1;2",
    "connection=pty",
    "path=",
    "backend=",
    "backend-type=qemu",
    "connectors=a:1x2",
    "tag=a",
    "security_model=none",
    "3f8-3ff",
    "a0,2@3",
    "base",
    "!freq",
    "defaults",
    "strategy=host",
    "destroy",
    "pnode=0",
    "size=64",
    "vcpus=0-1",
    "vdistances=10,20",
    "xvda",
    "sdp15",
    "d5p2",
    "768",
    "auto",
    "\xc3\xa9",
    "=",
    ",",
    ":",
    " ",
    "",
};

static void add_value(struct text *t, struct fuzz_input *in)
{
    unsigned n = fuzz_byte(in) % 5;

    text_add(t, "\"");
    for (unsigned i = 0; i <= n; i++) {
        text_add(t, pieces[fuzz_byte(in) % ARRAY_SIZE(pieces)]);
        if (fuzz_byte(in) & 1)
            text_add(t, ",");
    }
    text_add(t, "\"");
}

static void add_setting(struct text *t, struct fuzz_input *in)
{
    const struct key *key = &keys[fuzz_byte(in) % keys_count];
    uint8_t shape = fuzz_byte(in);
    unsigned items = 1 + (shape >> 5);

    if (key->name[0] == ' ')
        return;
    text_addf(t, "%s%s", key->name, shape & 8 ? "=" : "+=");
    if (shape & 1) {
        text_add(t, shape & 2 ? "[[" : "[");
        for (unsigned i = 0; i < items; i++) {
            add_value(t, in);
            text_add(t, ",");
        }
        text_add(t, shape & 2 ? "]]" : "]");
    } else {
        add_value(t, in);
    }
    text_add(t, "\n");
}

static void check_json(const struct domain_config *config)
{
    char *json = config_to_json(config, true), *again, *error = NULL;
    struct domain_config *back = config_from_json(json, &error);

    /* Bytes that are not UTF-8 pass into JSON as they do in xl; a JSON reader refuses those, and nothing else. */
    if (back) {
        again = config_to_json(back, true);
        assert(strcmp(json, again) == 0);
        free(again);
    } else {
        assert(config->bad_utf8_line);
    }
    config_free(back);
    free(error);
    free(json);
}

static void swallow(void *opaque, enum config_level level, const char *text)
{
    assert(strlen(text) > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct config_sink sink = {.line = swallow};
    struct fuzz_input in = {.at = data, .left = size};
    struct text t = {0};
    struct domain_config *config;
    struct xl_conf *conf;
    struct config_host host = {0};
    struct vdev v;
    int rc;

    host.cpus = fuzz_byte(&in) % 70;
    switch (fuzz_byte(&in) % 3) {
    case 0: text_addn(&t, (const char *)in.at, in.left); break;
    case 1:
        while (in.left)
            text_add(&t, tokens[fuzz_byte(&in) % ARRAY_SIZE(tokens)]);
        break;
    default:
        text_addf(&t, "name=\"n\"\nbuilder=\"%s\"\nkernel=\"k\"\n", fuzz_byte(&in) & 1 ? "hvm" : "generic");
        for (unsigned n = fuzz_byte(&in) % 12; n; n--)
            add_setting(&t, &in);
    }
    conf = xlconf_parse(text_str(&t), t.len, "x", &sink, &rc);
    host.conf = conf;
    config = config_parse(text_str(&t), t.len, "f", "memory=64", &host, &sink, &rc);
    assert((config == NULL) == (rc != 0));
    if (config) {
        check_json(config);
        config_check_start(config, &sink, true);
    }
    vdev_parse(text_str(&t), &v);
    config_free(config);
    xlconf_free(conf);
    text_free(&t);
    return 0;
}
