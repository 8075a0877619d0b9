/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vnc_extension.c: QEMU's extended key event for LibVNCServer (the RFB protocol's community text, "QEMU Extended Key
 * Event"): pseudo-encoding -258 and client message 255/0. Clients send scancodes with it, so that no layout matters.
 */
#include "host/display/vnc_private.h"

#include "base/log.h"

#include <arpa/inet.h>
#include <string.h>

#define ENCODING_EXTENDED_KEY (-258)
#define MESSAGE_QEMU          255
#define SUBMESSAGE_KEY        0

/* XT codes as the message packs them: set 1, where 0xE0-prefixed ones have bit 7 set. */
static uint16_t scancode_of(uint32_t code)
{
    if (code == 0xc6) /* Break as XT keyboards sent it; the key is Pause */
        return 0xe11d;
    return code & 0x80 ? (uint16_t)(0xe000 | (code & 0x7f)) : (uint16_t)code;
}

static rfbBool extended_key_enable(rfbClientPtr cl, void **data, int encoding)
{
    /* a framebuffer update of one empty rectangle with this encoding says that the server understands */
    rfbFramebufferUpdateMsg head = {.type = rfbFramebufferUpdate, .nRects = htons(1)};
    rfbFramebufferUpdateRectHeader rect = {.encoding = htonl((uint32_t)ENCODING_EXTENDED_KEY)};
    char message[sz_rfbFramebufferUpdateMsg + sz_rfbFramebufferUpdateRectHeader];

    if (encoding != ENCODING_EXTENDED_KEY)
        return FALSE;
    memcpy(message, &head, sz_rfbFramebufferUpdateMsg);
    memcpy(message + sz_rfbFramebufferUpdateMsg, &rect, sz_rfbFramebufferUpdateRectHeader);
    if (*data == NULL && rfbWriteExact(cl, message, sizeof message) < 0)
        rfbCloseClient(cl);
    *data = cl; /* told once */
    return TRUE;
}

static rfbBool extended_key_message(rfbClientPtr cl, void *data, const rfbClientToServerMsg *message)
{
    struct {
        uint8_t submessage, down[2], keysym[4], code[4];
    } key;
    struct vnc_connection *c = cl->screen->screenData;
    uint32_t code, keysym;

    if (message->type != MESSAGE_QEMU)
        return FALSE;
    if (rfbReadExact(cl, (char *)&key, 1) <= 0 || key.submessage != SUBMESSAGE_KEY ||
        rfbReadExact(cl, (char *)&key + 1, sizeof key - 1) <= 0) {
        rfbCloseClient(cl); /* a message of unknown length: nothing after it can be told apart */
        return TRUE;
    }
    memcpy(&code, key.code, 4);
    memcpy(&keysym, key.keysym, 4);
    code = ntohl(code);
    if (code == 0) /* the client does not know the key */
        vnc_key(c, VNC_EVENT_KEYSYM, ntohl(keysym), key.down[1]);
    else if (code <= 0xff)
        vnc_key(c, VNC_EVENT_SCANCODE, scancode_of(code), key.down[1]);
    return TRUE;
}

static void library_log(const char *format, ...)
{
    char line[256];
    va_list args;

    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    line[strcspn(line, "\n")] = '\0';
    log_debug("vnc: %s", line);
}

/* The library keeps its extensions in a list of its own for the whole process. */
static int encodings[] = {ENCODING_EXTENDED_KEY, 0};
static rfbProtocolExtension extended_key = {
    .pseudoEncodings = encodings,
    .enablePseudoEncoding = extended_key_enable,
    .handleMessage = extended_key_message,
};

void vnc_extension_register(void)
{
    rfbLog = rfbErr = library_log;
    rfbRegisterProtocolExtension(&extended_key); /* a second time does nothing */
}
