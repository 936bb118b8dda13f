/* hub_options.c: see hub_options.h. */
#include "follow/hub_options.h"

const char *const hub_end_names[HUB_ENDS] = {
    [HUB_END_CLIENT] = "client",         [HUB_END_FAULT] = "fault",
    [HUB_END_STALLED] = "stalled",       [HUB_END_SILENT] = "silent",
    [HUB_END_OVERTAKEN] = "overtaken",   [HUB_END_EPOCH] = "epoch",
    [HUB_END_GENERATION] = "generation", [HUB_END_SHUTDOWN] = "shutdown",
    [HUB_END_INTERNAL] = "internal",
};
