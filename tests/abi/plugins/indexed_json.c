/* indexed_json.c: a field that is indexed, but holds JSON, which has no order. */
#define FIELD0_KIND  REEL_FIELD_JSON
#define FIELD0_FLAGS REEL_FIELD_INDEXED
#include "fixture.h"
