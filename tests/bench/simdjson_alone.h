/* simdjson_alone.h: the fixed measure of the benchmarks: validating documents, nothing else. */
#ifndef BENCH_SIMDJSON_ALONE_H
#define BENCH_SIMDJSON_ALONE_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes that must be readable behind the last text. */
size_t simdjson_alone_padding(void);

/* Parses each text into simdjson's tape. Returns how many are JSON. */
size_t simdjson_alone(const char *const *texts, const size_t *lens, size_t count);

#ifdef __cplusplus
}
#endif
#endif
