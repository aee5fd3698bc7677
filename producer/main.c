/* darg - the producer's and the operator's tool. */
#include "base/standard.h"
#include "producer/commands.h"

int main(int argc, char **argv)
{
    standard_begin();
    return standard_end("darg", commands_main(argc, argv));
}
