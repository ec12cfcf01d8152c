#include "app/version.h"

namespace nw::app {

Version version() { return {NW_VERSION, NW_COMMIT, NW_COMPILER}; }

}  // namespace nw::app
