/* indexed_cell.c: the plugin `cell` with fewer indexes, for query_bench and for figures of storage
 * alone. -DINDEXES: how many of its fields that are indexed still are: the first ones. */
#include <reel/projector.h>

#define REEL_FIELD_INDEXED (__COUNTER__ < (INDEXES) ? 1 << 2 : 0)
#include "../../plugins/cell/cell.c"
