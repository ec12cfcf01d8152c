// What the program's exit status means; the table in docs and in the man page.
#pragma once

#include "base/result.h"

namespace nw::cli {

inline constexpr int kDone = 0;
inline constexpr int kAnswerIsNo = 1;  // done, and the answer is no: nothing valid, a server that failed
inline constexpr int kWrongCommand = 2;
inline constexpr int kMachineLacks = 3;
inline constexpr int kInterrupted = 130;

[[nodiscard]] constexpr int exit_status(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::usage:
      return kWrongCommand;
    case ErrorKind::lacking:
      return kMachineLacks;
    case ErrorKind::interrupted:
      return kInterrupted;
    case ErrorKind::failed:
    case ErrorKind::timeout:
      return kAnswerIsNo;
  }
  return kAnswerIsNo;
}

}  // namespace nw::cli
