/* shown.c: a program with strings, texts and values for gdb to show: gdb_test.sh stops it in
 * `look`. */
#include "base/text.h"
#include "json/value.h"

#include <stdio.h>

struct shown {
    struct reel_str plain, none, empty, odd, cut_short, lost;
    struct text text, unused, failed;
    struct reel_value root, member, missing;
};

/* Not inlined, and not called as a constant. */
__attribute__((noinline)) static void look(const struct shown *shown) {
    __asm__ volatile("" : : "r"(shown) : "memory");
}

int main(void) {
    static const char json[] = "{\"id\":\"a\\\"b\",\"n\":[-1,18446744073709551615,1.5,true,null],"
                               "\"o\":{}}";
    static char many[3000];
    struct json *parsed;
    const char *why;
    struct json_parser *parser = json_parser_create(NULL);
    if (!parser || json_parse(parser, reel_text(json), 0, &parsed, &why) < 0) return 1;
    memset(many, 'x', sizeof many);
    struct shown shown = {
        .plain = reel_text("cells"),
        .empty = reel_text(""),
        .odd = {"a\0\xff\n\xc3\xa4", 6},
        .cut_short = {many, sizeof many},
        .lost = {(const char *)8, 4},
        .failed = {.failed = true},
        .root = json_root(parsed),
        .member = json_get(json_root(parsed), reel_text("id")),
    };
    text_append_lit(&shown.text, "appended");
    look(&shown);
    text_finish(&shown.text);
    json_parser_destroy(parser);
    return 0;
}
