/* two_names.c: two fields that both say they are the record's name. */
#define FIELD0_FLAGS REEL_FIELD_IS_NAME
#define FIELD1_FLAGS REEL_FIELD_IS_NAME
#include "fixture.h"
