/* fuzz_nats_message.c: any text as the place of a message in its stream, with what it has to begin
 * with or without, and as the id of one. What is read must be what stands there.
 */
#include "fuzz.h"

#include "feeds/nats/nats_message.h"

#include <inttypes.h>

/* The last of our tokens may have others behind it. */
static void check_place(const char *text, const struct nats_place *place) {
    const uint64_t numbers[] = {place->seq, place->consumer_seq, place->time_ns, place->pending};
    const char *at = text;
    size_t dots = 0, wanted = 0;
    for (const char *c = text; *c; c++) wanted += *c == '.';
    check(wanted == 8 || wanted >= 10, "a place of another form");
    check(place->seq > 0, "there is no message 0");
    for (wanted = wanted == 8 ? 5 : 7; dots < wanted; at++) dots += *at == '.';
    for (size_t i = 0; i < 4; i++) {
        char digits[24];
        while (at[0] == '0' && at[1] >= '0' && at[1] <= '9') at++; /* leading zeros */
        int len = snprintf(digits, sizeof digits, "%" PRIu64, numbers[i]);
        check(strncmp(at, digits, (size_t)len) == 0, "another number");
        at += len;
        check(*at == '.' || *at == '\0', "a number that goes on");
        at++;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char prefix[] = "$JS.ACK.";
    enum { PREFIX = sizeof prefix - 1 };
    struct nats_place place;
    uint8_t id[16];
    char again[NATS_ID_TEXT], *text = malloc(PREFIX + size + 1);
    check(text, "out of memory");
    memcpy(text, prefix, PREFIX);
    if (size) memcpy(text + PREFIX, data, size);
    text[PREFIX + size] = '\0';
    if (nats_place_read(text, &place)) check_place(text, &place);
    if (nats_place_read(text + PREFIX, &place)) check_place(text + PREFIX, &place);
    if (nats_id_read(text + PREFIX, id)) {
        nats_id_write(id, again);
        check(strcmp(again, text + PREFIX) == 0, "another id");
    }
    free(text);
    return 0;
}
