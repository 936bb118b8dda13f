/* nats_inbox.c: see nats_inbox.h.
 *
 * The library's thread appends messages to one list. The receiver takes the whole list at a time,
 * so that the lock is taken once for many messages. */
#include "feeds/nats/nats_inbox.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/invariant.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

struct list {
    natsMsg **messages;
    size_t count, room;
};

struct nats_inbox {
    natsConnection *connection;
    natsInbox *name;
    natsSubscription *subscription;
    struct list reading; /* the receiver's list; messages before `at` were given out */
    size_t at;

    pthread_mutex_t lock;   /* protects the members below */
    pthread_cond_t changed; /* a member below has changed */
    struct list arrived;
    bool no_memory; /* a message was lost because there was no memory */
    bool watched;   /* the library will set `ended` */
    bool ended;     /* the library's thread makes no more calls */
};

static void list_finish(struct list *list, size_t from) {
    INVARIANT(from <= list->count && list->count <= list->room);
    for (size_t i = from; i < list->count; i++) natsMsg_Destroy(list->messages[i]);
    free(list->messages);
}

static bool list_add(struct list *list, natsMsg *msg) {
    if (list->count == list->room) {
        size_t room = list->room ? 2 * list->room : 256;
        natsMsg **messages = realloc(list->messages, room * sizeof *messages);
        if (!messages) return false;
        list->messages = messages;
        list->room = room;
    }
    list->messages[list->count++] = msg;
    return true;
}

/* ---- The library's thread -------------------------------------------------------------------- */

static void arrive(natsConnection *connection, natsSubscription *subscription, natsMsg *msg,
                   void *context) {
    struct nats_inbox *inbox = context;
    (void)connection, (void)subscription;
    HOLD_LOCK(&inbox->lock);
    if (!list_add(&inbox->arrived, msg)) {
        inbox->no_memory = true;
        natsMsg_Destroy(msg);
    }
    if (inbox->arrived.count <= 1) pthread_cond_signal(&inbox->changed);
}

static void end(void *context) {
    struct nats_inbox *inbox = context;
    HOLD_LOCK(&inbox->lock);
    inbox->ended = true;
    pthread_cond_signal(&inbox->changed);
}

/* ---- Receiving ------------------------------------------------------------------------------- */

/* Takes the messages that have arrived. Waits if there are none. */
static int refill(struct nats_inbox *inbox, uint32_t wait_ms, struct reel_error *error) {
    struct timespec until = clock_after(wait_ms);
    HOLD_LOCK(&inbox->lock);
    while (wait_ms > 0 && inbox->arrived.count == 0 && !inbox->ended && !inbox->no_memory)
        if (pthread_cond_timedwait(&inbox->changed, &inbox->lock, &until) == ETIMEDOUT) break;
    if (inbox->no_memory) return fail_memory(error);
    INVARIANT(inbox->at == inbox->reading.count); /* all of them were given out */
    struct list emptied = inbox->reading;
    emptied.count = inbox->at = 0;
    inbox->reading = inbox->arrived;
    inbox->arrived = emptied;
    return 0;
}

static int check_connection(struct nats_inbox *inbox, struct reel_error *error) {
    const char *words = NULL;
    if (!natsConnection_IsClosed(inbox->connection)) return 0;
    natsStatus status = natsConnection_GetLastError(inbox->connection, &words);
    if (!words || !words[0]) words = natsStatus_GetText(status ? status : NATS_CONNECTION_CLOSED);
    return fail(error, -EAGAIN, "the connection to the broker was lost: %s", words);
}

int nats_inbox_next(struct nats_inbox *inbox, uint32_t wait_ms, natsMsg **ret,
                    struct reel_error *error) {
    if (inbox->at == inbox->reading.count) {
        int rc = refill(inbox, wait_ms, error);
        if (rc < 0) return rc;
    }
    if (inbox->at == inbox->reading.count) return check_connection(inbox, error);
    *ret = inbox->reading.messages[inbox->at++];
    return 1;
}

const char *nats_inbox_name(const struct nats_inbox *inbox) {
    return inbox->name;
}

/* ---- Opening and closing --------------------------------------------------------------------- */

static natsStatus subscribe(struct nats_inbox *inbox) {
    char subject[128];
    natsStatus status = natsInbox_Create(&inbox->name);
    if (status != NATS_OK) return status;
    snprintf(subject, sizeof subject, "%s.*", inbox->name);
    status =
        natsConnection_Subscribe(&inbox->subscription, inbox->connection, subject, arrive, inbox);
    if (status == NATS_OK) status = natsSubscription_SetPendingLimits(inbox->subscription, -1, -1);
    if (status == NATS_OK)
        status = natsSubscription_SetOnCompleteCB(inbox->subscription, end, inbox);
    inbox->watched = status == NATS_OK;
    return status;
}

int nats_inbox_open(natsConnection *connection, struct nats_inbox **ret, struct reel_error *error) {
    struct nats_inbox *inbox = calloc(1, sizeof *inbox);
    if (!inbox) return fail_memory(error);
    inbox->connection = connection;
    pthread_mutex_init(&inbox->lock, NULL);
    clock_condition(&inbox->changed);
    *ret = inbox; /* also if opening failed: the inbox is closed after the connection */
    natsStatus status = subscribe(inbox);
    return status == NATS_OK ? 0
                             : fail(error, status == NATS_NO_MEMORY ? -ENOMEM : -EAGAIN,
                                    "cannot subscribe: %s", natsStatus_GetText(status));
}

/* The library's thread calls `end` last. If this could not be arranged, the connection was lost at
 * that moment, and nothing was requested that could arrive. */
void nats_inbox_close(struct nats_inbox *inbox) {
    if (!inbox) return;
    natsSubscription_Destroy(inbox->subscription);
    {
        HOLD_LOCK(&inbox->lock);
        while (inbox->watched && !inbox->ended) pthread_cond_wait(&inbox->changed, &inbox->lock);
    }
    natsInbox_Destroy(inbox->name);
    list_finish(&inbox->reading, inbox->at);
    list_finish(&inbox->arrived, 0);
    pthread_cond_destroy(&inbox->changed);
    pthread_mutex_destroy(&inbox->lock);
    free(inbox);
}
