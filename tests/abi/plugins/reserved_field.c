/* reserved_field.c: a field named like a member beside it; built once for each of them. */
#define FIELD1_NAME FIXTURE_QUOTE(FIXTURE_WORD)
#include "fixture.h"
