#include "cli/program.h"

int main(int argc, char** argv) { return nw::cli::run_program(argc, argv); }
