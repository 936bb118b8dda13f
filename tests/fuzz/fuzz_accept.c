/* fuzz_accept.c: any text as the header Accept (sinks/http/form.h). If JSON is added to it with the
 * highest quality, JSON is chosen, and with another form added, some form is; unless the text
 * leaves a quote open. */
#include "fuzz.h"

#include "base/text.h"
#include "http/form.h"

static enum form choose_with(const uint8_t *data, size_t size, const char *behind) {
    struct text text = {0};
    text_append(&text, data, size);
    text_append_lit(&text, behind);
    check(!text.failed, "out of memory");
    enum form form = form_choose(text_str(&text), FORMS);
    check(form <= FORMS, "there is no such form");
    text_finish(&text);
    return form;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    bool is_plain = !memchr(data, '"', size) && !memchr(data, '\\', size);
    choose_with(data, size, "");
    if (!is_plain) return 0;
    check(choose_with(data, size, ",application/json;q=1") == FORM_JSON, "JSON is not the first");
    check(choose_with(data, size, ", text/csv") != FORMS, "a form is acceptable and not chosen");
    return 0;
}
