/* reel/message.h: formats the messages that a plugin gives to the host. Needs no host.
 *
 * Only complete strings cross the border, so that a plugin in any language can give messages. C and
 * C++ format them here, in the plugin, with the printf of their own libc.
 */
#ifndef REEL_MESSAGE_H
#define REEL_MESSAGE_H

#include <reel/abi.h>

#include <stdarg.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Room for one message. Longer messages are cut; the host may cut them further. */
struct reel_message {
    char text[4096];
};

/* Formats a message into `space`, as vprintf does. The string is valid as long as `space` is.
 * [any thread] */
REEL_PRINTF(2, 0)
static inline struct reel_str reel_format(struct reel_message *space, const char *format,
                                          va_list args) {
    int len = vsnprintf(space->text, sizeof space->text, format, args);
    struct reel_str text = {space->text, (size_t)len};
    if (len < 0) return reel_text("(a message that cannot be formatted)");
    if (text.len >= sizeof space->text) text.len = sizeof space->text - 1;
    return text;
}

#ifdef __cplusplus
}
#endif
#endif
