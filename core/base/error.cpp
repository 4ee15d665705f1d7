#include "core/base/error.h"

namespace nautilus::base {

std::string_view name(Code code) {
  switch (code) {
    case Code::usage: return "usage";
    case Code::invalid: return "invalid";
    case Code::not_found: return "not_found";
    case Code::conflict: return "conflict";
    case Code::unauthorized: return "unauthorized";
    case Code::forbidden: return "forbidden";
    case Code::unreachable: return "unreachable";
    case Code::timeout: return "timeout";
    case Code::locked: return "locked";
    case Code::refused: return "refused";
    case Code::partial: return "partial";
    case Code::differences: return "differences";
    case Code::interrupted: return "interrupted";
    case Code::gone: return "gone";
    case Code::limit: return "limit";
    case Code::io: return "io";
    case Code::internal: return "internal";
  }
  return "internal";
}

int exit_code(Code code) {
  switch (code) {
    case Code::usage: return 2;
    case Code::partial: return 3;
    case Code::differences: return 10;
    case Code::locked: return 11;
    case Code::refused: return 12;
    case Code::unreachable: return 13;
    case Code::interrupted: return 130;
    default: return 1;
  }
}

std::string Error::text() const {
  std::string out;
  for (auto frame = frames.rbegin(); frame != frames.rend(); ++frame) out += *frame + ": ";
  // Some messages carry their place in the form users know from elsewhere (Go templates); once is enough.
  if (!where.empty() && message.find(where) == std::string::npos) out += where + ": ";
  return out + message;
}

}  // namespace nautilus::base
