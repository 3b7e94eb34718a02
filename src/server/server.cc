#include "server/server.h"

#include <fmt/format.h>
#include <sys/random.h>

#include <iostream>

#include "control/process/daemon.h"
#include "control/reload/reloader.h"
#include "control/watch/folder_watcher.h"
#include "files/file_responder.h"
#include "observe/server_log.h"
#include "server/data_plane.h"
#include "server/explain.h"
#include "server/registry.h"

