// The command line: arguments in, exit status out. Everything the program does begins here.
#pragma once

namespace nw::cli {

int run_program(int argc, char** argv);

}  // namespace nw::cli
