/* duplicate_field.c: two fields with one name. */
#define FIELD1_NAME "id"
#include "fixture.h"
