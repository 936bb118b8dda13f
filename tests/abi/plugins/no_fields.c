/* no_fields.c: a projector that declares no fields. */
#define PROJECTOR_FIELDS NULL
#include "fixture.h"
