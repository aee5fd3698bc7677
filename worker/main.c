#include "base/standard.h"
#include "worker/entry.h"

int main(int argc, char **argv)
{
    standard_begin();
    return standard_end("darg-worker", entry_run(argc, argv, NULL));
}
