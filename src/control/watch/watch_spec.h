#pragma once

#include <string>
#include <vector>

namespace aralez {

/// A folder of which the files directly inside count whose name ends in one of `endings`. Names
/// that begin with a dot (editors' swap and lock files) never count.
struct WatchedFolder {
  std::string path;
  std::vector<std::string> endings;  ///< for example ".yaml"
};

/// What to watch. Nothing of it needs to exist. Relative paths belong to the working directory of
/// the moment.
struct WatchSpec {
  std::vector<std::string> files;
  std::vector<WatchedFolder> folders;
};

}  // namespace aralez
