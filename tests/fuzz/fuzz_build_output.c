/* fuzz_build_output.c: what a builder prints, of which a plugin may have written any part: it is
 * read as a list of objects whose seqs rise, or not at all. And what a builder means to print is
 * read as that. */
#include "daemon/build_output.h"
#include "json/write.h"

#include <errno.h>
#include <stdlib.h>

static void check(bool condition) {
    if (!condition) abort();
}

static void check_given(struct reel_str given) {
    struct build_output output;
    int rc = build_output_read(given, &output);
    check(rc == 0 || rc == -EBADMSG || rc == -ENOMEM);
    if (rc == 0) {
        check(output.rc <= 0 && given.len > 0 && given.data[given.len - 1] == '\n');
        check(output.rc < 0 || output.seen >= output.count);
        check((output.count == 0) == (output.last_seq == 0));
        check(output.first_seq <= output.last_seq);
        for (size_t i = 0; i < output.count; i++) {
            struct reel_str change = output.changes[i];
            check(change.data > given.data && change.data + change.len < given.data + given.len);
            check(change.data[0] == '{' && change.data[change.len - 1] == '}');
            check(!memchr(change.data, '\n', change.len) && utf8_valid(change));
        }
        check(utf8_valid(reel_text(output.error.text)));
    }
    build_output_finish(&output);
}

static void check_own(struct reel_str part) {
    struct build_output output;
    struct text text = {0};
    if (!utf8_valid(part)) return;
    for (uint64_t seq = 1; seq <= 3; seq++) {
        text_append_lit(&text, "change ");
        text_append_number(&text, seq);
        text_append_lit(&text, " {\"record\":");
        text_append_quoted(&text, part);
        text_append_lit(&text, "}\n");
    }
    text_append_lit(&text, "done 4 1\n");
    check(!text.failed && build_output_read(text_str(&text), &output) == 0);
    check(output.rc == 0 && output.count == 3 && output.seen == 4 && output.more);
    check(output.first_seq == 1 && output.last_seq == 3);
    build_output_finish(&output);
    text_finish(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len) {
    char *copy = malloc(len ? len : 1);
    check(copy != NULL);
    if (len) memcpy(copy, bytes, len);
    check_given((struct reel_str){copy, len});
    check_own((struct reel_str){copy, len});
    free(copy);
    return 0;
}
