/* The keeper and the set of queue names: it adds its own queues, and one keeper of all workers now
 * and then checks all names. It takes a page of names per tick, so that renewals do not wait. */
#include "worker/keeper/keeper_state.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"

enum {
    FIRST_MS = 2000,
    EVERY_MS = 60 * 60 * 1000,   /* how often a keeper asks for a turn */
    TURN_MS = EVERY_MS * 9 / 10, /* for which nobody else gets a turn */
};

void keeper_list_queue(struct keeper *self, struct ward *ward)
{
    struct err err = {0};
    if (!ward->is_listed)
        ward->is_listed = names_add(self->conn, fetcher_queue(ward->fetcher), &err) == ST_OK ||
                          conn_is_connected(self->conn);
}

static enum status ask_for_turn(struct keeper *self, struct err *err)
{
    struct keeper_names *names = &self->names;
    int64_t now_ms = clock_mono_ms();
    bool is_ours = false;
    if (names->next_ms == 0)
        names->next_ms = now_ms + FIRST_MS;
    if (now_ms < names->next_ms)
        return ST_OK;
    names->next_ms = now_ms + EVERY_MS + (int64_t)id_jitter(EVERY_MS / 10);
    enum status status =
        names_take_turn(self->conn, self->options.namespace, TURN_MS, &is_ours, err);
    if (is_ours)
        names->step = KEEPER_NAMES_LISTED;
    snprintf(names->cursor, sizeof names->cursor, "0");
    return status;
}

static enum status look_at_page(struct keeper *self, struct err *err)
{
    struct keeper_names *names = &self->names;
    enum names_state states[NAMES_STEP];
    struct names page;
    enum status status = names_page(self->conn, self->options.namespace,
                                    names->step == KEEPER_NAMES_IDLE, names->cursor, &page, err);
    for (size_t at = 0; status == ST_OK && at < page.count; at += NAMES_STEP) {
        size_t left = page.count - at;
        status =
            names_unlist(self->conn, self->options.namespace, (const char *const *)page.list + at,
                         left < NAMES_STEP ? left : NAMES_STEP, NAMES_AGE_MS, states, err);
    }
    names_fini(&page);
    if (status != ST_OK)
        names->step = KEEPER_NAMES_REST;
    else if (strcmp(names->cursor, "0") == 0)
        names->step = names->step == KEEPER_NAMES_LISTED ? KEEPER_NAMES_IDLE : KEEPER_NAMES_REST;
    return status;
}

void keeper_look_after_names(struct keeper *self)
{
    struct err err = {0};
    /* In a cluster the names are in another slot than the queues' keys, so no script sees both. */
    if (self->is_cluster)
        return;
    enum status status =
        self->names.step == KEEPER_NAMES_REST ? ask_for_turn(self, &err) : look_at_page(self, &err);
    /* For information only: a Redis user without the right to the names can still work. */
    if (status != ST_OK)
        log_printf(LOG_DEBUG, "cannot maintain the list of queues: %s", err_text(&err));
}
