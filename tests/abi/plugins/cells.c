/* cells.c: a good plugin, which takes the collection `cells`. */
#define PLUGIN_NAME          "other"
#define NOTE_NAME            "other"
#define PROJECTOR_COLLECTION "cells"
#include "fixture.h"
