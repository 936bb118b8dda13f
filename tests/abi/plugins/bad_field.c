/* bad_field.c: a field whose name begins with a digit. */
#define FIELD1_NAME "9lives"
#include "fixture.h"
