#!/usr/bin/env python3
"""Holds the includes of src/ to the levels: a file includes from its own folder or from a lower level, nothing else.

  tools/check_includes.py [ROOT]      ROOT: the tree to check, by default the one this script lies in

Prints one `file:line: what is wrong` per finding and exits 1; silent but for a summary when all is well.
The tables below are the whole policy. docs/adr says why there are levels.

A "folder" is one static library: src/<name>, and src/codec/<name>, src/filter/<name>, src/control/<name>.
Folders below those (io/dns, tls/quic) belong to the library above them.
"""
import pathlib
import re
import sys

LEVELS = {
    "base": 0,
    "io": 1, "config": 1, "observe": 1,
    "tls": 2, "http": 2, "jwt": 2,
    "net": 3, "route": 3, "filter": 3,
    "codec": 4,
    "cluster": 5,
    "proxy": 6,
    "control": 7,
    "admin": 8, "files": 8, "server": 8,
}
MAIN_LEVEL = 9  # src/main.cc

# Top folders whose sub-folders are libraries of their own.
FAMILIES = ("codec", "filter", "control")

# Same-level includes that are meant: (from, to). A "*" stands for every folder of the family.
SIDEWAYS = {
    ("filter/*", "filter"),  # a filter implements the interface
    ("jwt", "tls"),  # signatures need keys
    ("control/build", "control/schema"),  # typed values in, snapshot out
    ("control/acme", "control/fetch"),
    ("control/acme", "control/json"),
    ("control/acme", "control/schema"),
    ("control/keys", "control/fetch"),
    ("control/health", "control/fetch"),
    ("control/discovery", "control/fetch"),
    ("control/discovery", "control/json"),
    ("control/discovery", "control/schema"),
    ("control/reload", "control/discovery"),
    ("control/top", "control/fetch"),
    ("control/reload", "control/schema"),
    ("control/reload", "control/build"),
    ("control/reload", "control/watch"),
    ("server", "files"),  # server wires the other top folders together
    ("server", "admin"),
}

# Who may name a concrete filter (filter/<name>), besides the filter itself.
NAMES_FILTERS = ("server/registry.cc", "server/registry.h", "server/registry_test.cc", "control/build/")

# Who may name the settings of a filter (filter/<name>/config.h): plain values, no behaviour.
NAMES_SETTINGS = ("control/schema/",)

# Headers of libraries, each behind its adapter: pattern of the header, then the places (path prefixes below src/).
LIBRARIES = [
    (r"yaml-cpp/", ("config/",)),
    (r"openssl/", ("tls/",)),
    (r"nghttp2/", ("codec/h2/",)),
    (r"nghttp3/|ngtcp2/", ("codec/h3/",)),
    (r"ares(_\w+)?\.h$", ("io/dns/",)),
    (r"spdlog/", ("observe/",)),
    (r"prometheus/", ("observe/",)),
    (r"CLI/", ("server/",)),
    (r"nlohmann/", ("jwt/", "control/", "admin/")),
    (r"curl/", ("control/",)),
    (r"mimalloc", ("server/", "main.cc")),
    (r"zlib\.h$|brotli/|zstd\.h$", ("filter/compress/", "observe/compress_file")),
    (r"liburing", ("io/",)),
    (r"sys/epoll\.h$", ("io/",)),
    (r"sys/inotify\.h$", ("io/", "control/")),
    (r"fmt/", ("",)),
]
# First component of <x/y.h> that belongs to the C library, the kernel or the compiler.
SYSTEM = ("sys", "netinet", "arpa", "net", "linux", "asm", "bits")
TEST_LIBRARIES = ("gtest/", "gmock/")

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
FOLDER_CALL = re.compile(r"aralez_folder\(\s*([^\s)]+)([^)]*)\)", re.S)


def unit_of(path):
    """The library a path below src/ belongs to: "io/dns/x.h" -> "io", "codec/h1/x.h" -> "codec/h1", "main.cc" -> ""."""
    parts = pathlib.PurePosixPath(path).parts
    if len(parts) == 1:
        return ""
    if parts[0] in FAMILIES and len(parts) > 2:
        return f"{parts[0]}/{parts[1]}"
    return parts[0]


def level_of(unit):
    """None for a folder that has no level."""
    return MAIN_LEVEL if unit == "" else LEVELS.get(unit.split("/")[0])


def is_test(path):
    return path.endswith("_test.cc") or path.endswith("_test.h")


def sideways_allowed(user, used):
    for a, b in SIDEWAYS:
        if b == used and (a == user or (a.endswith("/*") and user.startswith(a[:-1]))):
            return True
    return False


def names_filter_allowed(path, header):
    """`header` is None when a CMakeLists.txt names the library as a whole."""
    if path.startswith(NAMES_FILTERS):
        return True
    return path.startswith(NAMES_SETTINGS) and (header is None or header.endswith("/config.h"))


def wrong_direction(path, used, header=None):
    """Why the file may not use the library `used` (by `header`); None when it may."""
    user = unit_of(path)
    if used == user:
        return None
    mine, theirs = level_of(user), level_of(used)
    if theirs is None:
        return f"{used}/ has no level; add it to LEVELS in tools/check_includes.py"
    if used.startswith("filter/") and not names_filter_allowed(path, header):
        return f"only server/registry.cc and control/build name a concrete filter ({used})"
    if theirs < mine:
        return None
    if theirs > mine:
        return f"{user}/ (level {mine}) may not use {used}/ (level {theirs}): only its own folder or a lower level"
    if sideways_allowed(user, used):
        return None
    return f"{user}/ and {used}/ are both level {mine}: folders of one level do not know each other"


def wrong_library(path, header):
    """Why the file may not include <header>; None when it may."""
    if header.startswith(TEST_LIBRARIES):
        return None if is_test(path) else f"<{header}> belongs in *_test.cc files"
    for pattern, places in LIBRARIES:
        if re.match(pattern, header):
            if path.startswith(places):
                return None
            return f"<{header}> stays behind its adapter: {', '.join(places)}"
    first, slash, _ = header.partition("/")
    if slash and first not in SYSTEM:
        return f"<{header}> is of no known library; give it a place in LIBRARIES in tools/check_includes.py"
    return None


def includes_of(file):
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        found = INCLUDE.match(line)
        if found:
            yield number, found.group(1) == '"', found.group(2)


class Tree:
    def __init__(self, root):
        self.root = pathlib.Path(root)
        self.src = self.root / "src"
        self.findings = []
        self.files = 0
        self.deps = {}  # library -> (CMakeLists.txt, line, [libraries])

    def report(self, file, line, what):
        self.findings.append(f"{file.relative_to(self.root)}:{line}: {what}")

    def read_cmake(self):
        for file in sorted(self.src.rglob("CMakeLists.txt")):
            text = file.read_text(encoding="utf-8")
            call = FOLDER_CALL.search(text)
            if not call:
                continue
            words, deps, key = call.group(2).split(), [], None
            for word in words:
                if word in ("DEPS", "LIBS", "SUBDIRS"):
                    key = word
                elif key == "DEPS":
                    deps.append(word)
            line = text[: call.start()].count("\n") + 1
            name = call.group(1)
            where = file.parent.relative_to(self.src).as_posix()
            if name != where:
                self.report(file, line, f"aralez_folder({name}) stands in src/{where}")
            self.deps[where] = (file, line, deps)

    def check_deps(self):
        for unit, (file, line, deps) in self.deps.items():
            for dep in deps:
                if dep not in self.deps:
                    self.report(file, line, f"DEPS names {dep}, which is no folder")
                else:
                    # Judged as an include from the file of the folder that may do most.
                    path = "server/registry.cc" if unit == "server" else f"{unit}/CMakeLists.txt"
                    why = wrong_direction(path, dep)
                    if why:
                        self.report(file, line, f"DEPS: {why}")

    def reachable(self, unit):
        seen, todo = set(), [unit]
        while todo:
            for dep in self.deps.get(todo.pop(), (None, 0, []))[2]:
                if dep not in seen:
                    seen.add(dep)
                    todo.append(dep)
        return seen

    def check_include(self, file, path, number, quoted, header):
        if not quoted:
            why = wrong_library(path, header)
            if why:
                self.report(file, number, why)
            return
        if is_test(path) and (self.root / "tests" / header).is_file():
            return
        if not (self.src / header).is_file():
            hint = pathlib.PurePosixPath(path).parent / header
            known = (self.src / hint).is_file()
            self.report(file, number, f'"{header}": ' + (f'write "{hint}", relative to src/' if known else "no such file below src/"))
            return
        used = unit_of(header)
        why = wrong_direction(path, used, header)
        unit = unit_of(path)
        if why:
            self.report(file, number, f'"{header}": {why}')
        elif unit in self.deps and used != unit and used not in self.reachable(unit):
            self.report(file, number, f'"{header}": DEPS in src/{unit}/CMakeLists.txt lead nowhere to {used}')

    def check(self):
        self.read_cmake()
        self.check_deps()
        for file in sorted(p for p in self.src.rglob("*") if p.suffix in (".h", ".cc")):
            path = file.relative_to(self.src).as_posix()
            self.files += 1
            if level_of(unit_of(path)) is None:
                self.report(file, 1, f"{unit_of(path)}/ has no level; add it to LEVELS in tools/check_includes.py")
                continue
            if path.endswith(".h") and "#pragma once" not in file.read_text(encoding="utf-8"):
                self.report(file, 1, "no #pragma once")
            for number, quoted, header in includes_of(file):
                self.check_include(file, path, number, quoted, header)
        return self.findings


def main(argv):
    root = pathlib.Path(argv[1] if len(argv) > 1 else pathlib.Path(__file__).resolve().parent.parent)
    if not (root / "src").is_dir():
        print(f"check_includes: {root} has no src/", file=sys.stderr)
        return 2
    tree = Tree(root)
    for finding in tree.check():
        print(finding)
    if tree.findings:
        print(f"check_includes: {len(tree.findings)} findings in {tree.files} files", file=sys.stderr)
        return 1
    print(f"check_includes: {tree.files} files keep to the levels")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
