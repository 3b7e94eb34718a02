"""Reads the corpora of tests/conformance; the README there explains their fields."""

from __future__ import annotations

import pathlib
import re
from typing import Any

import yaml

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "conformance"

_REPEAT = re.compile(rb"<<(.+?)\*(\d+)>>", re.DOTALL)


def raw(text: str) -> bytes:
    """The bytes that a text of a corpus stands for."""
    return _REPEAT.sub(lambda m: m[1] * int(m[2]), text.encode("latin-1"))


class _Loader(yaml.SafeLoader):
    """A name that stands twice in a mapping would hide a case."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        names = [key.value for key, _ in node.value]
        twice = {n for n in names if names.count(n) > 1}
        if twice:
            raise ValueError(f"{node.start_mark}: twice: {', '.join(sorted(twice))}")
        return super().construct_mapping(node, deep)


def load(file: str, bytes_field: str, known: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Cases by name: defaults of the file, then of the group, then what the case says itself."""
    out: dict[str, dict[str, Any]] = {}
    for group in yaml.load((FOLDER / file).read_text("utf-8"), _Loader):
        shared = {k: v for k, v in group.items() if k not in ("row", "about", "rfc", "cases")}
        for name, said in group["cases"].items():
            own = {bytes_field: said} if isinstance(said, str) else said
            strange = {*shared, *own} - {*known, bytes_field, "why"}
            if strange or name in out or "about" not in group:
                raise ValueError(f"{file}: {name}: {strange or 'twice, or a group without about'}")
            out[name] = {**known, "about": group["about"], **shared, **own}
    return out


def allowed(said: Any) -> set[str]:
    """`400|501`, `502` or `none` as the set of what is right."""
    return set(str(said).split("|"))
