/* shadow_support.h: a store with records that a rebuild makes otherwise, and views of it, which are
 * compared with a slow model.
 *
 * The fixture counts subjects, and adds to each the number `adds`, which is no part of the store:
 * so old records that were made with another number differ from those of a rebuild, as those of a
 * plugin with a fault that was corrected do. `sums` derives from `tally`, from its records. */
#ifndef TESTS_SHADOW_SUPPORT_H
#define TESTS_SHADOW_SUPPORT_H

#include "unit.h"

enum { KEYS = 11, GROUPS = 3, EVENTS_MAX = 20000, OLD_ADDS = 1, NEW_ADDS = 5 };

extern int64_t adds;

/* Those with a 2 have another revision. */
extern const struct reel_plugin tally, tally_2, sums, sums_2;

/* ---- A store --------------------------------------------------------------------------------- */

/* `second` and `rebuilt`, a collection, may be NULL; `opened` has both plugins of revision 1. */
struct reel *opened_with(const char *directory, const struct reel_options *given,
                         const struct reel_plugin *first, const struct reel_plugin *second,
                         const char *rebuilt);
struct reel *opened(const char *directory, uint32_t flags);

/* The only writer. */
void apply_some(struct reel *reel, size_t count);

/* Records that were made with the old number, of a store that is closed. From then on it is the
 * new one. */
const char *made(size_t count);

void begin_rebuild(struct reel *reel, const char *name);
int build_some(struct reel *reel, uint64_t events_max);
void write_checkpoint(struct reel *reel);

/* ---- What is seen ---------------------------------------------------------------------------- */

/* All of a view is of one generation. `old_generation`: that of the old records. */
struct reel_collection_info check_view(struct reel_view *view, uint64_t old_generation);
struct reel_collection_info check(struct reel *reel, uint64_t old_generation);

/* Rebuilds `sums`, and looks at each change: the old records are there. How often it looked. */
size_t looks_at_old_sums(struct reel *reel);

#endif
