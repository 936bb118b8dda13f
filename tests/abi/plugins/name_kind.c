/* name_kind.c: a field that says it is the record's name, but holds an integer. */
#define FIELD0_KIND  REEL_FIELD_INTEGER
#define FIELD0_FLAGS REEL_FIELD_IS_NAME
#include "fixture.h"
