/* proxy_relay - the proxy's process, and the orders it takes. For proxy*.c only. */
#ifndef DARG_TESTS_SUPPORT_PROXY_RELAY_H
#define DARG_TESTS_SUPPORT_PROXY_RELAY_H

#include "support/proxy.h"

enum proxy_verb {
    PROXY_VERB_ARM,
    PROXY_VERB_PASS,
    PROXY_VERB_FREEZE,
    PROXY_VERB_THAW,
    PROXY_VERB_DELAY,
    PROXY_VERB_CAPTURE,
    PROXY_VERB_CAPTURED,
    PROXY_VERB_REPEAT,
    PROXY_VERB_COUNT,
};

/* Orders and answers are packets of a socket pair. */
struct proxy_order {
    enum proxy_verb verb;
    struct proxy_fault fault; /* its pointers are replaced by the fields below */
    char word[PROXY_WORD_MAX + 1];
    char forged[PROXY_FORGED_MAX];
    bool with_new_links;
    int64_t delay_ms;
    size_t index;
};

enum { PROXY_TEXT_MAX = 4096 };
struct proxy_answer {
    struct proxy_counts counts;
    size_t text_len;
    char text[PROXY_TEXT_MAX];
};

/* Connects to the server; -1 if it is down. */
int proxy_relay_dial(const char *server_socket);

/* Relays until the other end of `orders` is closed. */
_Noreturn void proxy_relay_run(const char *server_socket, int listener, int orders);

#endif
