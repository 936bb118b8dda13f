/* double_prefix.c: watches the same types twice. */
#include "faulty.h"

static const char *const prefixes[] = {"test.things.", "test.others.", "test.things.", NULL};

#define PROJECTOR_PREFIXES prefixes
#include "../plugins/fixture.h"
