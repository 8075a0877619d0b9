/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rundir.c: where the registry and the logs live, for root and for a plain user. See registry.h. */
#include "control/registry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *rundir_env(const char *name)
{
    const char *value = getenv(name);

    return value && value[0] ? value : NULL;
}

static char *rundir_format(const char *format, const char *value)
{
    char *path = NULL;

    return asprintf(&path, format, value) < 0 ? NULL : path;
}

static bool rundir_is_ours(const char *dir)
{
    struct stat st;

    return stat(dir, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid() && access(dir, W_OK) == 0;
}

char *registry_run_dir(void)
{
    const char *dir = rundir_env("DOMUS_RUN_DIR");
    char uid[32], user_dir[64];

    if (dir)
        return strdup(dir);
    if (geteuid() == 0)
        return strdup("/run/domus");
    dir = rundir_env("XDG_RUNTIME_DIR");
    if (dir)
        return rundir_format("%s/domus", dir);
    snprintf(uid, sizeof uid, "%u", (unsigned)geteuid());
    snprintf(user_dir, sizeof user_dir, "/run/user/%s", uid);
    if (rundir_is_ours(user_dir))
        return rundir_format("%s/domus", user_dir);
    return rundir_format("/tmp/domus-%s", uid);
}

char *registry_log_dir(void)
{
    const char *dir = rundir_env("DOMUS_RUN_DIR");

    if (dir)
        return rundir_format("%s/log", dir);
    if (geteuid() == 0)
        return strdup("/var/log/domus");
    dir = rundir_env("XDG_STATE_HOME");
    if (dir)
        return rundir_format("%s/domus", dir);
    dir = rundir_env("HOME");
    if (dir && access(dir, W_OK) == 0) /* users like nobody have a home that is not there */
        return rundir_format("%s/.local/state/domus", dir);
    char *run = registry_run_dir(), *path = run ? rundir_format("%s/log", run) : NULL;
    free(run);
    return path;
}
