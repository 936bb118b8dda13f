/* records_wanted.c: see records_wanted.h. */
#include "records_wanted.h"

enum records_form records_wanted(const struct request *request) {
    if (request->form == FORM_STREAM) return RECORDS_STREAMED;
    return uri_param(&request->uri, "since") ? RECORDS_POLLED : RECORDS_LISTED;
}
