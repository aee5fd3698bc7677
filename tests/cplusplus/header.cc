// A plugin and a producer in C++: that darg.h can be included there, under the strictest warnings.
// Compiled by tools/check in three standards, never run.
#include "include/darg.h"

namespace {

int run_upper(void *state, darg_job *job)
{
    size_t len = 0;
    const char *args = darg_job_args(job, &len);
    if (state == nullptr || darg_job_should_stop(job))
        return DARG_STOPPED;
    darg_job_log(job, DARG_INFO, darg_job_id(job));
    if (!darg_job_progress(job, "50"))
        return darg_job_fail(job, "%s: run %lld", darg_job_type(job),
                             static_cast<long long>(darg_job_run(job)));
    return darg_job_done(job, args, len);
}

const darg_handler handlers[] = {{"upper", run_upper, nullptr}};
const darg_plugin_info plugin = {DARG_ABI_VERSION, "upper", handlers, 1, nullptr, nullptr};

} // namespace

const darg_plugin_info *darg_plugin()
{
    return &plugin;
}

int push_and_call(const char *url);
int push_and_call(const char *url)
{
    darg_options options = darg_options();
    options.size = sizeof options;
    options.url = url;
    darg_client *client = nullptr;
    darg_result result = darg_result();
    char id[DARG_ID_SIZE];
    darg_code code = darg_open(&options, &client);
    if (code == DARG_OK)
        code = darg_push(client, "upper", "\"a\"", nullptr, id);
    if (code == DARG_OK)
        code = darg_call(client, "upper", "\"a\"", nullptr, 1000, &result);
    darg_result_free(&result);
    return code == DARG_OK && darg_close(client) == 0 ? 0 : 1;
}

int work(int argc, char **argv);
int work(int argc, char **argv)
{
    return darg_worker_run(argc, argv, handlers, 1, nullptr);
}
