/* small_field.c: a field whose struct ends before its name. */
#define FIELD1_SIZE 8
#include "fixture.h"
