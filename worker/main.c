#include "worker/entry.h"

int main(int argc, char **argv)
{
    return entry_run(argc, argv, NULL);
}
