#include "app/null_server.h"

#include "os/file.h"

namespace nw::app {

Status serve_null(const NullServerOptions& options, const Clock& clock, int stop_fd,
                  const std::function<void(std::uint16_t)>& listening) {
  os::raise_open_files();
  load::NullBackend backend(clock, options.backend);
  NW_TRY(const auto port, backend.listen(options.host, static_cast<std::uint16_t>(options.port)));
  listening(port);
  backend.run(stop_fd);
  return {};
}

}  // namespace nw::app
