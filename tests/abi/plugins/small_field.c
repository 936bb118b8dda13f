/* small_field.c: a field whose struct ends before its last member, `refers_to`. */
#define FIELD1_SIZE offsetof(struct reel_field, refers_to)
#include "fixture.h"
