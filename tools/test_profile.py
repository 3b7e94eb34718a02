"""profile/data_path.tar.xz fits the sources that release builds use it for."""
import pathlib
import re
import tarfile

ROOT = pathlib.Path(__file__).resolve().parent.parent


def profiled_folders():
    text = (ROOT / "cmake/profile.cmake").read_text()
    return re.search(r"set\(profiled_folders ([^)]*)\)", text).group(1).split()


def recorded():
    """The compiler's major version, and the sources, as src/codec/h1/writer.cc."""
    with tarfile.open(ROOT / "profile/data_path.tar.xz") as archive:
        names = archive.getnames()
        compiler = archive.extractfile("compiler").read().decode()
    pattern = re.compile(r"(src#.*)#CMakeFiles#[^#]*\.dir#(.*)\.gcda")
    found = [pattern.fullmatch(n) for n in names if n != "compiler"]
    assert all(found), names
    return compiler, {f"{m.group(1)}/{m.group(2)}".replace("#", "/") for m in found}


def test_the_compiler_is_named():
    assert re.fullmatch(r"\d+", recorded()[0])


def test_most_of_the_data_path_is_recorded():
    sources = {str(f.relative_to(ROOT)) for folder in profiled_folders() for f in (ROOT / "src" / folder).rglob("*.cc")
               if not f.name.endswith("_test.cc")}
    missing = sources - recorded()[1]
    assert len(missing) * 5 < len(sources), f"not recorded: {sorted(missing)}: run make profile"


def test_nothing_else_is_recorded():
    strangers = {s for s in recorded()[1] if s.split("/")[1] not in profiled_folders()}
    assert not strangers
