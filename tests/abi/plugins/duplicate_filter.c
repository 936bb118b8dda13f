/* duplicate_filter.c: a field whose filter is named like another field. */
#define FIELD1_FILTER "id"
#include "fixture.h"
