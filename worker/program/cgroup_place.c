#include "worker/program/cgroup_place.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <mntent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/parse.h"
#include "worker/program/cgroup_file.h"

enum { PATH_BYTES = 4096, SWEEP_MS = 500 };

static const char worker_prefix[] = "darg-worker.";
static const char job_prefix[] = "darg-job.";

enum status cgroup_mode_read(struct slice text, enum cgroup_mode *mode, struct err *err)
{
    static const char *const names[] = {
        [CGROUP_AUTO] = "auto", [CGROUP_OWN] = "own", [CGROUP_NONE] = "none"};
    for (int i = CGROUP_AUTO; i <= CGROUP_NONE; i++)
        if (slice_equal(text, slice_of(names[i]))) {
            *mode = (enum cgroup_mode)i;
            return ST_OK;
        }
    return err_set(err, ST_INVALID, "it must be auto, own or none, not '%.*s'",
                   (int)(text.len < 40 ? text.len : 40), text.ptr);
}

/* ---- names ---- */

static void name_group(char name[CGROUP_NAME_MAX], const char *prefix)
{
    snprintf(name, CGROUP_NAME_MAX, "%s%d", prefix, (int)getpid());
}

void cgroup_place_name(char name[CGROUP_NAME_MAX], size_t number)
{
    snprintf(name, CGROUP_NAME_MAX, "%s%d.%zu", job_prefix, (int)getpid(), number);
}

/* The process that made this group; 0: the name is not one of ours. */
static pid_t maker_of(const char *name)
{
    static const char *const prefixes[] = {worker_prefix, job_prefix};
    int64_t pid = 0;
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        size_t len = strlen(prefixes[i]);
        if (strncmp(name, prefixes[i], len) == 0)
            (void)parse_digits(slice_of(name + len), 9, &pid);
    }
    return (pid_t)pid;
}

/* ---- finding the worker's own group ---- */

/* Finds where control groups of version 2 are mounted; false: nowhere. */
static bool find_mount(char path[PATH_BYTES])
{
    char line[2 * PATH_BYTES];
    struct mntent entry;
    bool is_found = false;
    FILE *mounts = setmntent("/proc/self/mounts", "re");
    while (mounts && !is_found && getmntent_r(mounts, &entry, line, sizeof line))
        if (strcmp(entry.mnt_type, "cgroup2") == 0)
            is_found = snprintf(path, PATH_BYTES, "%s", entry.mnt_dir) < PATH_BYTES;
    if (mounts)
        (void)endmntent(mounts);
    return is_found;
}

/* Finds what follows "0::" in /proc/self/cgroup; false: nothing. */
static bool find_name(char name[PATH_BYTES])
{
    bool is_found = false;
    FILE *file = fopen("/proc/self/cgroup", "re");
    while (file && !is_found && fgets(name, PATH_BYTES, file))
        is_found = strncmp(name, "0::/", 4) == 0;
    if (file)
        (void)fclose(file);
    if (!is_found)
        return false;
    name[strcspn(name, "\n")] = 0;
    memmove(name, name + 3, strlen(name + 3) + 1);
    return true;
}

/* Sets directory and name. */
static enum status find(struct cgroup_place *place, struct err *err)
{
    char mount[PATH_BYTES], name[PATH_BYTES];
    struct buf path = {0};
    if (!find_mount(mount) || !find_name(name))
        return err_set(err, ST_UNSUPPORTED, "there is no cgroup v2 here");
    place->name = mem_dup(name);
    buf_printf(&path, "%s%s", mount, name);
    place->directory = cgroup_open(AT_FDCWD, buf_text(&path));
    enum status status = ST_OK;
    if (place->directory < 0)
        status = err_system(err, errno, "cannot open the control group %s", buf_text(&path));
    buf_fini(&path);
    return status;
}

static bool has_attribute(int directory, const char *name)
{
    char value;
    return fgetxattr(directory, name, &value, sizeof value) == 1 && value == '1';
}

/* Whether the group was handed over for us to divide. systemd marks a group that it delegates, also
 * to containers, most of which see it read-only. In a container its own group is the topmost it
 * sees, "/"; the root group of the whole system is also "/" but has no cgroup.type. */
static bool is_given(const struct cgroup_place *place)
{
    if (faccessat(place->directory, ".", W_OK, AT_EACCESS) != 0)
        return false;
    if (has_attribute(place->directory, "user.delegate") ||
        has_attribute(place->directory, "trusted.delegate"))
        return true;
    return strcmp(place->name, "/") == 0 &&
           faccessat(place->directory, "cgroup.type", F_OK, 0) == 0;
}

/* ---- making it the worker's ---- */

static enum status check_alone(const struct cgroup_place *place, struct err *err)
{
    char text[CGROUP_TEXT_MAX], own[32];
    snprintf(own, sizeof own, "%d\n", (int)getpid());
    if (!cgroup_get(place->directory, "cgroup.procs", text))
        return err_system(err, errno, "cannot list the processes in the control group %s",
                          place->name);
    if (strcmp(text, own) != 0)
        return err_set(err, ST_UNSUPPORTED, "the control group %s holds other processes, too",
                       place->name);
    return ST_OK;
}

/* Enables the controller for the groups below; false: it is not available. */
static bool enable(const struct cgroup_place *place, const char *controller)
{
    char word[32];
    snprintf(word, sizeof word, "+%s", controller);
    return cgroup_put(place->directory, "cgroup.subtree_control", word);
}

/* Undoes everything. Controllers first: a group that passes controllers on admits no process. */
static void move_back(struct cgroup_place *place)
{
    char name[CGROUP_NAME_MAX];
    name_group(name, worker_prefix);
    (void)cgroup_put(place->directory, "cgroup.subtree_control", "-memory");
    (void)cgroup_put(place->directory, "cgroup.subtree_control", "-pids");
    (void)cgroup_put(place->directory, "cgroup.procs", "0");
    (void)cgroup_remove(place->directory, name);
}

static enum status divide(struct cgroup_place *place, enum cgroup_mode mode, int leaf,
                          struct err *err)
{
    if (faccessat(leaf, "cgroup.kill", F_OK, 0) != 0)
        return err_set(err, ST_UNSUPPORTED,
                       "control groups need Linux 5.14 or later (cgroup.kill)");
    if (!cgroup_put(leaf, "cgroup.procs", "0"))
        return err_system(err, errno, "cannot enter a control group below %s", place->name);
    place->has_memory = enable(place, "memory");
    place->has_processes = enable(place, "pids");
    if (mode == CGROUP_OWN && !(place->has_memory && place->has_processes))
        return err_set(err, ST_UNSUPPORTED,
                       "the control group %s cannot delegate the controller \"%s\"", place->name,
                       place->has_memory ? "pids" : "memory");
    return ST_OK;
}

static enum status settle_in(struct cgroup_place *place, enum cgroup_mode mode, struct err *err)
{
    char name[CGROUP_NAME_MAX];
    name_group(name, worker_prefix);
    enum status status = check_alone(place, err);
    if (status != ST_OK)
        return status;
    cgroup_place_sweep(place);
    if (mkdirat(place->directory, name, 0755) != 0 && errno != EEXIST)
        return err_system(err, errno, "cannot make a control group below %s", place->name);
    int leaf = cgroup_open(place->directory, name);
    status = leaf < 0 ? err_system(err, errno, "cannot open the control group %s", name)
                      : divide(place, mode, leaf, err);
    if (leaf >= 0)
        close(leaf);
    if (status != ST_OK)
        move_back(place);
    return status;
}

void cgroup_place_tell(const struct cgroup_place *place)
{
    if (!place)
        return;
    log_fields(LOG_INFO, "programs run in control groups of their own",
               LOG_STR("below", place->name),
               LOG_STR("limits", place->has_memory && place->has_processes ? "memory,processes"
                                 : place->has_memory                       ? "memory"
                                 : place->has_processes                    ? "processes"
                                                                           : "none"));
}

enum status cgroup_place_open(enum cgroup_mode mode, struct cgroup_place **opened, struct err *err)
{
    *opened = NULL;
    if (mode == CGROUP_NONE)
        return ST_OK;
    struct cgroup_place *place = mem_new(sizeof *place);
    place->directory = -1;
    enum status status = find(place, err);
    bool is_wanted = status == ST_OK && (mode == CGROUP_OWN || is_given(place));
    if (is_wanted)
        status = settle_in(place, mode, err);
    if (is_wanted && status == ST_OK) {
        place->is_settled_in = true;
        *opened = place;
        return ST_OK;
    }
    if (is_wanted && mode == CGROUP_AUTO)
        log_printf(LOG_WARN, "programs run without control groups: %s", err_text(err));
    cgroup_place_close(place);
    return mode == CGROUP_OWN ? status : ST_OK;
}

void cgroup_place_close(struct cgroup_place *place)
{
    if (!place)
        return;
    if (place->is_settled_in) {
        cgroup_place_sweep(place);
        move_back(place);
    }
    if (place->directory >= 0)
        close(place->directory);
    free(place->name);
    free(place);
}

/* ---- what the dead have left ---- */

static void sweep_group(const struct cgroup_place *place, const char *name, int64_t until_ms)
{
    int group = cgroup_open(place->directory, name);
    if (group < 0)
        return;
    if (!cgroup_make_end(group, until_ms))
        log_printf(LOG_WARN, "processes in the control group %s do not end", name);
    close(group);
    (void)cgroup_remove(place->directory, name);
}

void cgroup_place_sweep(const struct cgroup_place *place)
{
    int directory = place ? cgroup_open(place->directory, ".") : -1;
    DIR *listing = directory < 0 ? NULL : fdopendir(directory);
    int64_t until_ms = clock_mono_ms() + SWEEP_MS;
    if (!listing) {
        if (directory >= 0)
            close(directory);
        return;
    }
    for (const struct dirent *entry; (entry = readdir(listing));) {
        pid_t maker = maker_of(entry->d_name);
        if (maker > 0 && kill(maker, 0) != 0 && errno == ESRCH)
            sweep_group(place, entry->d_name, until_ms);
    }
    closedir(listing);
}
