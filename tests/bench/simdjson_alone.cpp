/* simdjson_alone.cpp: see simdjson_alone.h. */
#include "simdjson_alone.h"

#include <simdjson.h>

size_t simdjson_alone_padding(void) {
    return simdjson::SIMDJSON_PADDING;
}

size_t simdjson_alone(const char *const *texts, const size_t *lens, size_t count) {
    simdjson::dom::parser parser;
    size_t good = 0;
    for (size_t i = 0; i < count; i++) {
        simdjson::dom::element root;
        good += parser.parse(texts[i], lens[i], false).get(root) == simdjson::SUCCESS;
    }
    return good;
}
