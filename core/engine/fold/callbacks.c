/* callbacks.c: see callbacks.h. */
#include "engine/fold/callbacks.h"

#include "base/invariant.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <xxhash.h>

/* For the handlers of signals, with a little more than the system needs for a frame. */
#define HANDLER_STACK_BYTES ((size_t)64 << 10)

static struct callback_page *watched;

_Thread_local struct callback_slot *callback_own_slot;

/* ---- The page -------------------------------------------------------------------------------- */

struct callback_page *callbacks_create(void) {
    void *page = mmap(NULL, sizeof(struct callback_page), PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return page == MAP_FAILED ? NULL : page;
}

void callbacks_destroy(struct callback_page *page) {
    if (page) munmap(page, sizeof *page);
}

static bool is_in_callback(void) {
    const struct callback_slot *own = callback_own_slot;
    return own && atomic_load(&own->number) != 0;
}

/* Before fork(): after it, the callback may end in the parent before the child looks. */
static _Thread_local bool forks_in_callback;
static void note_callback(void) {
    forks_in_callback = is_in_callback();
}

/* In the child. Whoever watches the page watches its parent. */
static void leave_process(void) {
    const void *page = mmap(watched, sizeof *watched, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    if (page == MAP_FAILED) _exit(EXIT_FAILURE);
    if (forks_in_callback) (void)close_range(STDERR_FILENO + 1, ~0U, 0);
}

void callback_end_child(void) {
    _exit(EXIT_SUCCESS);
}

void callbacks_reset(struct callback_page *page) {
    bool eager = atomic_load(&page->eager);
    memset(page, 0, sizeof *page);
    atomic_store(&page->eager, eager);
}

void callbacks_watch(struct callback_page *page) {
    INVARIANT(!watched);
    watched = page;
    int rc = pthread_atfork(note_callback, NULL, leave_process);
    INVARIANT(rc == 0);
}

struct callback_page *callbacks_page(void) {
    return watched;
}

bool callbacks_are_eager(void) {
    return watched && atomic_load(&watched->eager);
}

uint32_t callbacks_add(const char *collection, const uint8_t build_id[BUILD_ID_BYTES]) {
    INVARIANT(strlen(collection) < CALLBACK_NAME_MAX);
    if (!watched || watched->collection_count == CALLBACK_COLLECTIONS) return 0;
    uint32_t at = watched->collection_count++;
    strcpy(watched->collections[at].name, collection);
    memcpy(watched->collections[at].build_id, build_id, BUILD_ID_BYTES);
    return at + 1;
}

/* ---- Slots ----------------------------------------------------------------------------------- */

/* What a thread has of its own, freed at its end. */
struct watched_thread {
    struct callback_slot *slot;
    void *stack; /* NULL: it had one already */
};

static pthread_key_t thread_key;
static pthread_once_t thread_key_once = PTHREAD_ONCE_INIT;

static void forget_thread(void *context) {
    struct watched_thread *thread = context;
    const stack_t none = {.ss_flags = SS_DISABLE};
    callback_own_slot = NULL;
    if (thread->stack && sigaltstack(&none, NULL) == 0) free(thread->stack);
    atomic_store(&thread->slot->thread, 0);
    free(thread);
}

static void make_key(void) {
    int rc = pthread_key_create(&thread_key, forget_thread);
    INVARIANT(rc == 0);
}

static struct callback_slot *find_free(void) {
    pid_t self = (pid_t)syscall(SYS_gettid);
    for (size_t i = 0; i < CALLBACK_SLOTS; i++) {
        pid_t nobody = 0;
        if (atomic_compare_exchange_strong(&watched->slots[i].thread, &nobody, self))
            return &watched->slots[i];
    }
    return NULL;
}

static void give_stack(struct watched_thread *thread) {
    stack_t stack;
    if (sigaltstack(NULL, &stack) < 0 || !(stack.ss_flags & SS_DISABLE)) return;
    thread->stack = malloc(HANDLER_STACK_BYTES);
    stack = (stack_t){.ss_sp = thread->stack, .ss_size = HANDLER_STACK_BYTES};
    if (!thread->stack || sigaltstack(&stack, NULL) == 0) return;
    free(thread->stack);
    thread->stack = NULL;
}

/* Without memory, the thread is not watched now; it is tried again. */
struct callback_slot *callback_take_slot(struct callback_slot *otherwise) {
    if (!watched) return otherwise;
    pthread_once(&thread_key_once, make_key);
    struct watched_thread *thread = calloc(1, sizeof *thread);
    if (!thread) return otherwise;
    thread->slot = find_free();
    if (!thread->slot || pthread_setspecific(thread_key, thread) != 0) {
        if (thread->slot) atomic_store(&thread->slot->thread, 0);
        free(thread);
        return otherwise;
    }
    give_stack(thread);
    return callback_own_slot = thread->slot;
}

void callback_set_caller(struct callback_slot *slot, struct reel_str caller) {
    memset(slot->caller, 0, CALLBACK_HASH_BYTES);
    if (caller.len > 0) callback_hash(caller, slot->caller);
}

void callback_begin_request(struct callback_slot *slot, uint32_t collection,
                            const uint8_t hash[CALLBACK_HASH_BYTES], struct reel_str caller) {
    memcpy(slot->request, hash, CALLBACK_HASH_BYTES);
    callback_set_caller(slot, caller);
    atomic_store_explicit(&slot->request_of, collection, memory_order_release);
}

void callback_end_request(struct callback_slot *slot) {
    atomic_store_explicit(&slot->request_of, 0, memory_order_release);
}

/* ---- Hashes ---------------------------------------------------------------------------------- */

void callback_hash(struct reel_str given, uint8_t ret[CALLBACK_HASH_BYTES]) {
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits(given.data, given.len));
    memcpy(ret, canonical.digest, CALLBACK_HASH_BYTES);
}

void callback_hash_now(struct callback_slot *slot) {
    struct reel_str given = {atomic_load(&slot->bytes), atomic_load(&slot->len)};
    if (!given.data) return;
    callback_hash(given, slot->hash);
    atomic_store(&slot->has_hash, atomic_load(&slot->number));
}

/* ---- Who is to blame ------------------------------------------------------------------------- */

static void blame(int whom, int signal) {
    int nobody = BLAMED_NONE;
    if (!watched) return;
    if (!atomic_compare_exchange_strong(&watched->blamed, &nobody, whom)) return;
    atomic_store(&watched->signal, signal);
    if (whom > 0) callback_hash_now(&watched->slots[whom - 1]);
}

void callbacks_blame(int signal) {
    int own = is_in_callback() ? (int)(callback_own_slot - watched->slots) + 1 : BLAMED_OTHER;
    blame(own, signal);
}

void callbacks_blame_other(void) {
    blame(BLAMED_OTHER, 0);
}

void callbacks_blame_slot(const struct callback_slot *slot, int signal) {
    bool is_shared = watched && slot >= watched->slots && slot < watched->slots + CALLBACK_SLOTS;
    blame(is_shared ? (int)(slot - watched->slots) + 1 : BLAMED_OTHER, signal);
}
