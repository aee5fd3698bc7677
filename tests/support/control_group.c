#include "support/cmocka_all.h"
#include "support/control_group.h"

#include <dirent.h>
#include <fcntl.h>
#include <mntent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/err.h"

static bool find_mount(char *path, size_t size)
{
    char line[4096];
    struct mntent entry;
    bool is_found = false;
    FILE *mounts = setmntent("/proc/self/mounts", "re");
    while (mounts && !is_found && getmntent_r(mounts, &entry, line, sizeof line)) {
        is_found = strcmp(entry.mnt_type, "cgroup2") == 0;
        (void)snprintf(path, size, "%s", entry.mnt_dir);
    }
    if (mounts)
        (void)endmntent(mounts);
    return is_found;
}

static bool has_controllers(const struct control_group *group)
{
    char path[600], text[256] = "";
    (void)snprintf(path, sizeof path, "%s/cgroup.controllers", group->path);
    FILE *file = fopen(path, "re");
    const char *read = file ? fgets(text, sizeof text, file) : NULL;
    if (file)
        (void)fclose(file);
    return read && strstr(text, "memory") && strstr(text, "pids");
}

bool control_group_make(struct control_group *group)
{
    static int number;
    char mount[256];
    if (!find_mount(mount, sizeof mount))
        return false;
    (void)snprintf(group->path, sizeof group->path, "%s/darg-test.%d.%d", mount, (int)getpid(),
                   number++);
    if (mkdir(group->path, 0755) != 0)
        return false;
    group->has_controllers = has_controllers(group);
    return setxattr(group->path, "user.delegate", "1", 1, 0) == 0;
}

void control_group_unmark(const struct control_group *group)
{
    assert_int_equal(removexattr(group->path, "user.delegate"), 0);
}

void control_group_give(const struct control_group *group, unsigned uid)
{
    static const char *const files[] = {"", "cgroup.procs", "cgroup.subtree_control"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char path[600];
        (void)snprintf(path, sizeof path, "%s/%s", group->path, files[i]);
        assert_int_equal(chown(path, uid, uid), 0);
    }
}

size_t control_group_count(const struct control_group *group, const char *prefix)
{
    size_t count = 0;
    DIR *directory = opendir(group->path);
    assert_non_null(directory);
    for (const struct dirent *entry; (entry = readdir(directory));)
        count += entry->d_type == DT_DIR && strncmp(entry->d_name, prefix, strlen(prefix)) == 0;
    closedir(directory);
    return count;
}

void control_group_remove(const struct control_group *group)
{
    DIR *directory = opendir(group->path);
    assert_non_null(directory);
    for (const struct dirent *entry; (entry = readdir(directory));)
        if (strncmp(entry->d_name, "darg-worker.", strlen("darg-worker.")) == 0)
            assert_int_equal(unlinkat(dirfd(directory), entry->d_name, AT_REMOVEDIR), 0);
    closedir(directory);
    assert_int_equal(rmdir(group->path), 0);
}

const char *const *control_group_enter(const struct control_group *group, const char *const *argv)
{
    static const char script[] = "echo $$ >\"$0/cgroup.procs\" && exec \"$@\"";
    static const char *words[48];
    size_t count = 4;
    if (!group)
        return argv;
    memcpy(words, (const char *const[]){"sh", "-c", script, group->path}, count * sizeof *words);
    for (size_t i = 0; argv[i]; i++) {
        ensure(count + 1 < sizeof words / sizeof *words, "%zu arguments", i);
        words[count++] = argv[i];
    }
    words[count] = NULL;
    return words;
}
