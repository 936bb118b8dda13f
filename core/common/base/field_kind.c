/* field_kind.c: see field_kind.h. */
#include "base/field_kind.h"

const char *field_kind_name(reel_field_kind kind) {
    static const char *const names[] = {
        [REEL_FIELD_STRING] = "string", [REEL_FIELD_INTEGER] = "integer",
        [REEL_FIELD_BOOL] = "boolean",  [REEL_FIELD_JSON] = "json",
        [REEL_FIELD_ONE_OF] = "one_of", [REEL_FIELD_NUMBER] = "number",
    };
    return names[kind];
}
