/* reserved_filter.c: a field whose filter is named like a query parameter. */
#define FIELD1_FILTER "limit"
#include "fixture.h"
