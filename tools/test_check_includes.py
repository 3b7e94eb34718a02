"""Unit tests of tools/check_includes.py: every rule has a tree that keeps it and one that breaks it."""
import pathlib
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import check_includes  # noqa: E402


def findings(tmp_path, files):
    for name, text in files.items():
        path = tmp_path / "src" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith(".h"):
            text = "#pragma once\n" + text
        path.write_text(text)
    return check_includes.Tree(tmp_path).check()


def one(found):
    assert len(found) == 1, found
    return found[0]


@pytest.mark.parametrize("path, unit", [
    ("main.cc", ""), ("base/x.h", "base"), ("io/dns/x.h", "io"), ("codec/h1/x.h", "codec/h1"),
    ("filter/filter.h", "filter"), ("filter/headers/x.h", "filter/headers"), ("control/build/a/x.h", "control/build"),
])
def test_a_file_belongs_to_its_library(path, unit):
    assert check_includes.unit_of(path) == unit


def test_own_and_lower_folders_are_fine(tmp_path):
    assert findings(tmp_path, {
        "base/a.h": "", "base/b.h": '#include "base/a.h"\n', "http/c.cc": '#include "base/b.h"\n#include <string>\n',
    }) == []


def test_upward_include_names_file_and_line(tmp_path):
    found = one(findings(tmp_path, {"base/a.h": '\n#include "http/b.h"\n', "http/b.h": ""}))
    assert found.startswith('src/base/a.h:3: "http/b.h"') and "level 2" in found


def test_same_level_folders_do_not_know_each_other(tmp_path):
    assert "both level 3" in one(findings(tmp_path, {"route/a.cc": '#include "net/b.h"\n', "net/b.h": ""}))


def test_codecs_do_not_know_each_other(tmp_path):
    assert "both level 4" in one(findings(tmp_path, {"codec/h1/a.cc": '#include "codec/h2/b.h"\n', "codec/h2/b.h": ""}))


def test_a_filter_sees_the_interface_but_no_other_filter(tmp_path):
    files = {"filter/filter.h": "", "filter/b/b.h": "", "filter/a/a.cc": '#include "filter/filter.h"\n'}
    assert findings(tmp_path, files) == []
    files["filter/a/a.cc"] = '#include "filter/b/b.h"\n'
    assert "concrete filter" in one(findings(tmp_path, files))


def test_the_filter_interface_does_not_know_filters(tmp_path):
    assert "concrete filter" in one(findings(tmp_path, {"filter/c.cc": '#include "filter/a/a.h"\n', "filter/a/a.h": ""}))


@pytest.mark.parametrize("user, fine", [
    ("server/registry.cc", True), ("control/build/chain.cc", True), ("server/worker.cc", False), ("proxy/exchange.cc", False),
])
def test_only_registry_and_build_name_filters(tmp_path, user, fine):
    found = findings(tmp_path, {user: '#include "filter/a/a.h"\n', "filter/a/a.h": ""})
    assert (found == []) == fine


def test_the_schema_names_settings_of_filters_but_not_filters(tmp_path):
    files = {"control/schema/a.cc": '#include "filter/a/config.h"\n', "filter/a/config.h": "", "filter/a/a.h": ""}
    assert findings(tmp_path, files) == []
    files["control/schema/a.cc"] = '#include "filter/a/a.h"\n'
    assert "concrete filter" in one(findings(tmp_path, files))


def test_control_folders_need_a_row_in_the_table(tmp_path):
    assert findings(tmp_path, {"control/reload/a.cc": '#include "control/build/b.h"\n', "control/build/b.h": ""}) == []
    other = tmp_path / "other"
    assert findings(other, {"control/build/a.cc": '#include "control/reload/b.h"\n', "control/reload/b.h": ""}) != []


@pytest.mark.parametrize("user, header, fine", [
    ("config/a.cc", "yaml-cpp/yaml.h", True), ("control/build/a.cc", "yaml-cpp/yaml.h", False),
    ("tls/a.cc", "openssl/ssl.h", True), ("http/a.cc", "openssl/evp.h", False),
    ("io/dns/a.cc", "ares.h", True), ("cluster/a.cc", "ares.h", False), ("cluster/a.cc", "ares_dns.h", False),
    ("observe/a.cc", "spdlog/spdlog.h", True), ("server/a.cc", "spdlog/spdlog.h", False),
    ("server/a.cc", "CLI/CLI.hpp", True), ("main.cc", "CLI/CLI.hpp", False),
    ("codec/h2/a.cc", "nghttp2/nghttp2.h", True), ("codec/h1/a.cc", "nghttp2/nghttp2.h", False),
    ("base/a_test.cc", "gtest/gtest.h", True), ("base/a.cc", "gtest/gtest.h", False),
    ("base/a.cc", "sys/uio.h", True), ("base/a.cc", "fmt/format.h", True), ("base/a.cc", "boost/asio.hpp", False),
])
def test_library_headers_stay_behind_their_adapter(tmp_path, user, header, fine):
    assert (findings(tmp_path, {user: f"#include <{header}>\n"}) == []) == fine


def test_includes_are_relative_to_src(tmp_path):
    assert 'write "base/b.h"' in one(findings(tmp_path, {"base/a.cc": '#include "b.h"\n', "base/b.h": ""}))


def test_a_missing_header_is_reported(tmp_path):
    assert "no such file" in one(findings(tmp_path, {"base/a.cc": '#include "base/gone.h"\n'}))


def test_unit_tests_may_use_tests_support(tmp_path):
    support = tmp_path / "tests" / "support"
    support.mkdir(parents=True)
    (support / "clock.h").write_text("")
    assert findings(tmp_path, {"base/a_test.cc": '#include "support/clock.h"\n'}) == []
    assert findings(tmp_path, {"base/a.cc": '#include "support/clock.h"\n'}) != []


def test_a_folder_without_level_is_reported(tmp_path):
    assert "has no level" in one(findings(tmp_path, {"misc/a.cc": ""}))


def test_pragma_once_is_asked_for(tmp_path):
    (tmp_path / "src/base").mkdir(parents=True)
    (tmp_path / "src/base/a.h").write_text("struct A;\n")
    assert "#pragma once" in one(check_includes.Tree(tmp_path).check())


def test_cmake_deps_state_what_is_included(tmp_path):
    files = {"base/CMakeLists.txt": "aralez_folder(base)", "base/a.h": "", "http/CMakeLists.txt": "aralez_folder(http)",
             "http/b.cc": '#include "base/a.h"\n'}
    assert "lead nowhere to base" in one(findings(tmp_path, files))
    files["http/CMakeLists.txt"] = "aralez_folder(http\n  DEPS base\n  LIBS fmt::fmt)"
    assert findings(tmp_path, files) == []


def test_cmake_deps_keep_to_the_levels(tmp_path):
    found = findings(tmp_path, {"base/CMakeLists.txt": "aralez_folder(base DEPS http gone)", "http/CMakeLists.txt": "aralez_folder(http)"})
    assert len(found) == 2 and "level 2" in found[0] and "no folder" in found[1]


def test_the_command_line_fails_on_a_finding(tmp_path):
    findings(tmp_path, {"base/a.cc": '#include "base/gone.h"\n'})
    tool = pathlib.Path(check_includes.__file__)
    run = subprocess.run([sys.executable, str(tool), str(tmp_path)], capture_output=True, text=True, check=False)
    assert run.returncode == 1 and run.stdout.startswith("src/base/a.cc:1:")
