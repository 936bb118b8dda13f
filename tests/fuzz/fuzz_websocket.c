/* fuzz_websocket.c: what a client says (sinks/websocket/wire.h): the same is heard however its
 * bytes are cut into pieces. The first byte says how. */
#include "fuzz.h"
#include "websocket/wire.h"

#include <stdlib.h>
#include <string.h>

/* All that was heard, as text: a letter each, with what belongs to it. */
static void note(struct text *notes, enum websocket_heard heard,
                 const struct websocket_said *said) {
    static const char letters[] = "-PCFM";
    uint8_t code[2] = {(uint8_t)(said->code >> 8), (uint8_t)said->code};
    if (heard == WEBSOCKET_HEARD_NOTHING) return;
    text_append(notes, &letters[heard], 1);
    if (heard == WEBSOCKET_HEARD_PING)
        text_append(notes, said->payload, said->len);
    else if (heard == WEBSOCKET_HEARD_MESSAGE)
        text_append(notes, said->is_text ? "t" : "b", 1);
    else
        text_append(notes, code, sizeof code);
}

/* `messages` gets the data of messages, or is NULL. */
static void listen(const uint8_t *data, size_t size, size_t piece, struct text *notes,
                   struct text *messages) {
    struct websocket_pool pool = {0};
    struct websocket_input input = {.message = messages, .message_max = 256};
    enum websocket_heard heard = WEBSOCKET_HEARD_NOTHING;
    size_t complete = 0;
    bool goes_on = true;
    for (size_t at = 0; at < size && goes_on; at += piece) {
        size_t len = size - at < piece ? size - at : piece;
        char *copy = malloc(len);
        memcpy(copy, data + at, len);
        struct reel_str bytes = {copy, len};
        do {
            struct websocket_said said = {.reason = ""};
            heard = websocket_hear(&input, &pool, &bytes, &said);
            check(said.len <= WEBSOCKET_CONTROL_MAX && said.reason, "nothing to answer with");
            note(notes, heard, &said);
            if (heard == WEBSOCKET_HEARD_MESSAGE) complete = messages->len;
        } while (heard == WEBSOCKET_HEARD_PING || heard == WEBSOCKET_HEARD_MESSAGE);
        goes_on = heard == WEBSOCKET_HEARD_NOTHING;
        check(bytes.len == 0 || heard != WEBSOCKET_HEARD_NOTHING, "it was not listened to");
        free(copy);
    }
    if (messages) messages->len = complete; /* of others, any part may be there */
    websocket_input_finish(&input, &pool);
    websocket_pool_finish(&pool);
}

static void compare(const uint8_t *data, size_t size, bool takes_messages) {
    struct text whole = {0}, pieces = {0}, messages = {0}, more = {0};
    listen(data + 1, size - 1, size, &whole, takes_messages ? &messages : NULL);
    listen(data + 1, size - 1, data[0] + 1, &pieces, takes_messages ? &more : NULL);
    check(reel_str_eq(text_str(&whole), text_str(&pieces)), "in pieces it is heard otherwise");
    check(reel_str_eq(text_str(&messages), text_str(&more)), "in pieces it has other data");
    text_finish(&whole);
    text_finish(&pieces);
    text_finish(&messages);
    text_finish(&more);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0;
    compare(data, size, false);
    compare(data, size, true);
    return 0;
}
