/* others.c: the handlers and listings that the table of routes and answers name, and that no test
 * here comes to. */
#include "stage.h"

#include "listing.h"

#define NOT_HERE(handler)                                                                          \
    void handler(struct request *request) {                                                        \
        fail_msg("%s: %p", #handler, (void *)request);                                             \
    }

NOT_HERE(handle_list)
NOT_HERE(handle_get)
NOT_HERE(handle_get_by_name)
NOT_HERE(handle_command)
NOT_HERE(handle_command_by_name)
NOT_HERE(handle_post_events)
NOT_HERE(handle_events)
NOT_HERE(handle_raw_event)
NOT_HERE(handle_rejected)

void listing_destroy(struct listing *listing) {
    must(!listing);
}

struct MHD_Response *listing_response(struct listing *listing, uint64_t bytes) {
    fail_msg("a listing of %llu bytes: %p", (unsigned long long)bytes, (void *)listing);
}
