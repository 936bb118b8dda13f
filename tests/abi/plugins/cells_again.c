/* cells_again.c: a good plugin, but its collection is the one of cells.c. */
#define PROJECTOR_COLLECTION "cells"
#include "fixture.h"
