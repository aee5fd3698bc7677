#include "producer/push/progress.h"

#include "base/clock.h"
#include "base/plural.h"
#include "producer/shared/table.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DRAW_MS = 100, BAR_WIDTH = 30 };

void progress_init(struct progress *progress, int input_fd, bool is_wanted)
{
    struct stat info;
    *progress =
        (struct progress){.start_ms = clock_mono_ms(), .is_on = is_wanted && isatty(STDERR_FILENO)};
    if (fstat(input_fd, &info) == 0 && S_ISREG(info.st_mode))
        progress->total_bytes = info.st_size;
}

static void draw_bar(const struct progress *progress, int64_t bytes)
{
    int64_t total = progress->total_bytes;
    int64_t done = bytes < total ? bytes : total;
    int filled = (int)((double)done / (double)total * BAR_WIDTH);
    char bar[BAR_WIDTH + 1];
    memset(bar, '.', BAR_WIDTH);
    memset(bar, '#', (size_t)filled);
    bar[BAR_WIDTH] = '\0';
    fprintf(stderr, "[%s] %3d%%  ", bar, (int)((double)done / (double)total * 100));
}

void progress_draw(struct progress *progress, int64_t jobs, int64_t bytes)
{
    if (!progress->is_on)
        return;
    int64_t now_ms = clock_mono_ms();
    if (progress->is_drawn && now_ms - progress->drawn_ms < DRAW_MS)
        return;
    char count[TABLE_NUMBER_MAX], rate[TABLE_NUMBER_MAX];
    int64_t span_ms = now_ms > progress->start_ms ? now_ms - progress->start_ms : 1;
    fputc('\r', stderr);
    if (progress->total_bytes > 0)
        draw_bar(progress, bytes);
    fprintf(stderr, "%s %s  %s/s\033[K", table_number(jobs, count), plural_of(jobs, "job", "jobs"),
            table_number((int64_t)((double)jobs * 1000 / (double)span_ms), rate));
    progress->drawn_ms = now_ms;
    progress->is_drawn = true;
}

void progress_clear(struct progress *progress)
{
    if (progress->is_drawn)
        fputs("\r\033[K", stderr);
    progress->is_drawn = false;
}
