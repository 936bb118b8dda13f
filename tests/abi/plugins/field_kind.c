/* field_kind.c: a field of a kind that no version defines. */
#define FIELD0_KIND 99
#include "fixture.h"
