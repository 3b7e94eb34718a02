"""docs/user/limits.md says what src/base/limits.h has: issue 4 points 3 and 9."""

from __future__ import annotations

import re
import subprocess

import pytest

from support.deadline import seconds
from support.proxy import BINARY, ROOT, Proxy, route

PAGE = (ROOT / "docs/user/limits.md").read_text(encoding="utf-8")
_MEMBER = re.compile(r"(?:static constexpr )?(std::size_t|std::uint32_t|double|Millis|bool) (\w+)\s*(?:=\s*([\d' *]+|true|false)|\{([\d']+)\});")


def limits() -> dict[str, str]:
    """Name to default, as the page writes it."""
    header = re.sub(r"//.*", "", (ROOT / "src/base/limits.h").read_text(encoding="utf-8"))
    body = header[header.index("struct Limits {"):header.rindex("};")]
    out = {}
    for kind, name, expression, braced in _MEMBER.findall(body):
        if kind == "bool":
            out[name] = expression
            continue
        value = 1
        for factor in (expression or braced).replace("'", "").split("*"):
            value *= int(factor)
        if kind == "Millis":
            out[name] = f"{value / 1000:g} s"
        elif kind == "std::size_t" and not name.endswith("Pieces"):
            out[name] = f"{value // 1024} KiB" if value % 1024 == 0 else f"{value} B"
        else:
            out[name] = str(value)
    assert len(out) == body.count(";") - 1, f"a member was not understood: {sorted(out)}"  # the alias Millis is no member
    return out


def rows(text: str) -> dict[str, str]:
    return dict(re.findall(r"^\| `(\w+)` \| ([^|]+) \|", text, re.MULTILINE))


def test_every_limit_is_on_the_page_with_its_value() -> None:
    assert rows(PAGE) == limits()


@pytest.mark.parametrize("key, default", rows(PAGE[:PAGE.index("## Fixed")]).items())
def test_what_the_page_calls_a_key_is_one(key: str, default: str) -> None:
    number, _, unit = default.partition(" ")
    value = default == "true" if default in ("true", "false") else int(number) * (1024 if unit == "KiB" else 1)
    proxy = Proxy({"a.test": {"/": route("127.0.0.1:1")}}, main={key: value}).prepare()
    try:
        done = subprocess.run([str(BINARY), "-t", "-c", str(proxy.folder / "main.yaml")], capture_output=True, text=True,
                              timeout=seconds(20), check=False)
    finally:
        proxy.close()
    assert done.returncode == 0, done.stderr
    assert key not in done.stderr
