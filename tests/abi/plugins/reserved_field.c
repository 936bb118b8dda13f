/* reserved_field.c: a field named like a query parameter; built once for each of them. */
#define FIELD1_NAME FIXTURE_QUOTE(FIXTURE_WORD)
#include "fixture.h"
