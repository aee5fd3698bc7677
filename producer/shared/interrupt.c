#include "producer/shared/interrupt.h"

#include "base/clock.h"

#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>

enum { SLICE_MS = 100 };

static volatile sig_atomic_t interrupt_signal;

static void note_signal(int number)
{
    interrupt_signal = number;
}

void interrupt_init(void)
{
    /* Without SA_RESTART a signal ends a wait; with SA_RESETHAND a second one ends the program. */
    struct sigaction action = {.sa_handler = note_signal, .sa_flags = (int)SA_RESETHAND};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

bool interrupt_is_set(void)
{
    return interrupt_signal != 0;
}

/* Sleeps in slices, because a signal may come just before the wait begins. */
bool interrupt_sleep(int64_t duration_ms)
{
    int64_t deadline_ms = clock_mono_ms() + duration_ms;
    while (!interrupt_is_set()) {
        int64_t left_ms = deadline_ms - clock_mono_ms();
        if (left_ms <= 0)
            return true;
        (void)poll(NULL, 0, (int)(left_ms < SLICE_MS ? left_ms : SLICE_MS));
    }
    return false;
}

static bool wait_a_while(void *context, int64_t duration_ms)
{
    (void)context; /* a signal is for the whole program */
    return interrupt_sleep(duration_ms);
}

struct patience interrupt_patience(void)
{
    return (struct patience){.wait = wait_a_while};
}

void interrupt_end(void)
{
    if (interrupt_signal == 0)
        return;
    fflush(NULL);
    signal(interrupt_signal, SIG_DFL);
    raise(interrupt_signal);
}
