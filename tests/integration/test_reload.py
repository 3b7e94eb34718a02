"""Hot reload of upstreams.yaml and conf.d: behaviour sections 2.7 and 16, issue 4 point 12."""

from __future__ import annotations

import os
import re
import shutil
import signal
import threading

import pytest

from support.deadline import stays, wait_until
from support.origin import Origin, answer
from support.ports import free_port
from support.proxy import Proxy, as_text, document, route

BROKEN = """\
provider: file
upstreams:
  a.test:
    paths:
      "/":
        servers: "not a list"
        to_https: maybe
      "/x":
        healthcheck: false
  b.test:
    paths:
      "/":
        servers: ["127.0.0.1:99999"]
"""


@pytest.fixture
def two():
    with Origin("one") as one, Origin("two") as two:
        yield one, two
        one.check()
        two.check()


def served_by(proxy: Proxy, target: str = "/", host: str = "a.test") -> str | None:
    return proxy.get(target, host=host).get("x-origin")


def test_plain_save_applies(two) -> None:
    one, other = two
    with Proxy({"a.test": {"/": route(one)}}) as proxy:
        assert served_by(proxy) == "one"
        proxy.apply({"a.test": {"/": route(other)}})
        assert served_by(proxy) == "two"
        proxy.apply({"a.test": {"/x": route(one)}})
        assert proxy.get("/").status == 502
        assert served_by(proxy, "/x") == "one"


def test_atomic_rename_applies(two) -> None:
    one, other = two
    with Proxy({"a.test": {"/": route(one)}}) as proxy:
        for target in (other, one, other):
            proxy.replace_upstreams(proxy.marked({"a.test": {"/": route(target)}}))
            proxy.wait_applied()
            assert served_by(proxy) == target.name


def test_configmap_symlink_swap_applies(two) -> None:
    """Kubernetes: upstreams.yaml -> ..data/upstreams.yaml, ..data -> ..<time>, and ..data is moved over."""
    one, other = two
    proxy = Proxy(upstreams=False)
    try:
        def publish(number: int, content) -> None:
            folder = proxy.config / f"..2026_{number}"
            folder.mkdir()
            (folder / "upstreams.yaml").write_text(as_text(content), encoding="utf-8")
            fresh = proxy.config / "..data_tmp"
            fresh.symlink_to(folder.name)
            fresh.replace(proxy.config / "..data")
        publish(0, proxy.marked({"a.test": {"/": route(one)}}))
        proxy.upstreams_file.symlink_to("..data/upstreams.yaml")
        proxy.start()
        proxy.wait_applied()
        for number, target in ((1, other), (2, one)):
            publish(number, proxy.marked({"a.test": {"/": route(target)}}))
            shutil.rmtree(proxy.config / f"..2026_{number - 1}")
            proxy.wait_applied()
            assert served_by(proxy) == target.name
        proxy.stop()
    finally:
        proxy.close()


def test_last_of_many_quick_saves_counts(two) -> None:
    one, other = two
    with Proxy({"a.test": {"/": route(one)}}) as proxy:
        for i in range(30):
            proxy.write_upstreams(proxy.marked({"a.test": {"/": route(one if i % 2 else other)}}))
        proxy.wait_applied()
        assert served_by(proxy) == "one"


def test_save_in_pieces_never_applies_half_a_file(two) -> None:
    one, _ = two
    with Proxy({"a.test": {"/": route(one)}}) as proxy, proxy.client() as client:
        text = as_text(proxy.marked({"a.test": {"/": route(one)}, **{f"h{i}.test": {"/": route(one)} for i in range(200)}}))
        with open(proxy.upstreams_file, "w", encoding="utf-8") as f:
            for at in range(0, len(text), len(text) // 20 + 1):
                f.write(text[at:at + len(text) // 20 + 1])
                f.flush()
                assert client.request("/").status == 200
        proxy.wait_applied()
        assert served_by(proxy, host="h199.test") == "one"


def test_broken_save_keeps_the_running_configuration_and_names_every_mistake(two) -> None:
    one, other = two
    with Proxy({"a.test": {"/": route(one)}}) as proxy:
        mark = proxy.log_mark()
        proxy.write_upstreams(BROKEN)
        for line, word in ((6, "servers"), (7, "to_https"), (9, "servers"), (13, "servers")):
            where = line if line != 9 else "[89]"
            proxy.wait_log(rf"upstreams\.yaml:{where}:\d+: .*{word}", since=mark)
        assert served_by(proxy) == "one"
        proxy.apply({"a.test": {"/": route(other)}})
        assert served_by(proxy) == "two"


@pytest.mark.parametrize("text", ["", "a: [", "provider: file\nupstreams: [1, 2]\n", "- just\n- a list\n", "\x00\x01\x02", "provider: nonsense\n",
                                  "upstreams:\n\ta: b\n"])
def test_rubbish_keeps_the_running_configuration(two, text: str) -> None:
    one, other = two
    with Proxy({"a.test": {"/": route(one)}}) as proxy:
        mark = proxy.log_mark()
        proxy.write_upstreams(text)
        proxy.wait_log(r"upstreams\.yaml", since=mark)
        assert served_by(proxy) == "one"
        proxy.apply({"a.test": {"/": route(other)}})
        assert served_by(proxy) == "two"


def test_deleted_file_changes_nothing(two) -> None:
    one, other = two
    with Proxy({"a.test": {"/": route(one)}}) as proxy:
        proxy.upstreams_file.unlink()
        stays(lambda: served_by(proxy) == "one", "the old configuration", during=0.8)
        proxy.apply({"a.test": {"/": route(other)}})
        assert served_by(proxy) == "two"


def test_missing_file_at_start_runs_empty_with_a_warning(two) -> None:
    one, _ = two
    with Proxy(upstreams=False) as proxy:
        proxy.wait_log(r" WARN .*upstreams\.yaml")
        assert proxy.get("/").status == 502
        proxy.apply({"a.test": {"/": route(one)}})
        assert served_by(proxy) == "one"


def test_broken_file_at_start_ends_with_every_mistake() -> None:
    proxy = Proxy(upstreams=BROKEN)
    try:
        proxy.start(ready=False)
        assert proxy.wait_exit() != 0
        said = proxy.log() + proxy.stderr()
        for line in ("6", "7", "[89]", "13"):
            assert re.search(rf"upstreams\.yaml:{line}:\d+: ", said), said
    finally:
        proxy.close()


def test_sighup_reloads(two) -> None:
    one, other = two
    with Proxy({"a.test": {"/": route(one)}}) as proxy:
        proxy.write_upstreams(proxy.marked({"a.test": {"/": route(other)}}))
        proxy.send_signal(signal.SIGHUP)
        proxy.wait_applied()
        assert served_by(proxy) == "two"
        for _ in range(20):  # nothing new: nothing happens
            proxy.send_signal(signal.SIGHUP)
        assert served_by(proxy) == "two"


def test_saving_the_same_content_does_not_reload(two) -> None:
    one, _ = two
    with Proxy({"a.test": {"/": route(one)}}) as proxy:
        proxy.apply({"a.test": {"/": route(one)}})
        used = {served_by(proxy) for _ in range(3)}
        assert used == {"one"}
        connections = len(one.connections)
        text = proxy.upstreams_file.read_text()
        proxy.write_upstreams(text)
        proxy.replace_upstreams(text)
        proxy.apply({"a.test": {"/": route(one)}})  # a change elsewhere, so that the saves before it are done with
        assert served_by(proxy) == "one"
        assert len(one.connections) == connections


def test_unchanged_cluster_keeps_its_pool_and_its_counter(two) -> None:
    one, other = two
    with Proxy({"a.test": {"/": route(one, other)}}) as proxy:
        assert [served_by(proxy) for _ in range(3)] == ["one", "two", "one"]
        before = (len(one.connections), len(other.connections))
        proxy.apply({"a.test": {"/": route(one, other)}, "b.test": {"/": route(one)}})
        assert [served_by(proxy) for _ in range(3)] == ["two", "one", "two"]
        assert (len(one.connections), len(other.connections)) == before


def test_running_request_goes_on_when_its_route_is_removed(two) -> None:
    one, other = two
    gate = threading.Event()
    one.on("/slow", lambda conn, request: (conn.send("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf"), conn.hold(gate), conn.send("full")))
    with Proxy({"a.test": {"/": route(one)}}) as proxy, proxy.client() as client:
        client.send("GET /slow HTTP/1.1\r\nHost: a.test\r\n\r\n")
        one.wait_seen("/slow")
        proxy.apply({"a.test": {"/": route(other)}})
        proxy.apply({"b.test": {"/": route(other)}})
        gate.set()
        assert client.response().body == b"halffull"
        assert client.request("/", host="b.test").get("x-origin") == "two"


def test_request_waiting_for_its_answer_survives_a_reload(two) -> None:
    one, other = two
    gate = threading.Event()
    one.on("/slow", lambda conn, request: (conn.hold(gate), conn.send(answer("late"))))
    with Proxy({"a.test": {"/": route(one)}}) as proxy, proxy.client() as client:
        client.send("POST /slow HTTP/1.1\r\nHost: a.test\r\nContent-Length: 6\r\n\r\nabc")
        one_on_head = wait_until(lambda: one.seen("/slow"), "request at the origin")[0]
        for target in (other, one, other):
            proxy.apply({"a.test": {"/": route(target)}})
        client.send("def")
        gate.set()
        assert client.response("POST").body == b"late"
        assert one_on_head.body == b"abcdef"


# conf.d

def host_file(proxy: Proxy, name: str, hosts) -> None:
    folder = proxy.config / "conf.d"
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(as_text({h: {"paths": p} for h, p in hosts.items()}), encoding="utf-8")


def test_split_files_are_merged_and_later_ones_win(two) -> None:
    one, other = two
    proxy = Proxy({"a.test": {"/": route(one), "/kept": route(one)}, "b.test": {"/": route(one)}})
    try:
        host_file(proxy, "10-first.yaml", {"a.test": {"/": route(one)}, "c.test": {"/": route(one)}})
        host_file(proxy, "20-second.yaml", {"a.test": {"/only": route(other)}})
        host_file(proxy, "30-ignored.txt", {"b.test": {"/": route(other)}})
        proxy.start()
        assert proxy.get("/").status == 502  # the host is replaced as a whole
        assert served_by(proxy, "/only") == "two"
        assert served_by(proxy, host="b.test") == "one"
        assert served_by(proxy, host="c.test") == "one"
        proxy.stop()
    finally:
        proxy.close()


def test_split_files_are_watched(two) -> None:
    one, other = two
    with Proxy({"a.test": {"/": route(one)}}) as proxy:
        host_file(proxy, "x.yaml", {"c.test": {"/": route(one)}})
        wait_until(lambda: proxy.get("/", host="c.test").status == 200, "host of a new split file")
        host_file(proxy, "x.yaml", {"c.test": {"/": route(other)}})
        wait_until(lambda: served_by(proxy, host="c.test") == "two", "changed split file")
        os.replace(proxy.config / "conf.d" / "x.yaml", proxy.config / "conf.d" / "y.yaml")
        stays(lambda: served_by(proxy, host="c.test") == "two", "renamed split file", during=0.6)
        (proxy.config / "conf.d" / "y.yaml").unlink()
        wait_until(lambda: proxy.get("/", host="c.test").status == 502, "host of a removed split file gone")
        assert served_by(proxy) == "one"


def test_mistake_in_a_split_file_names_that_file(two) -> None:
    one, _ = two
    with Proxy({"a.test": {"/": route(one)}}) as proxy:
        mark = proxy.log_mark()
        folder = proxy.config / "conf.d"
        folder.mkdir()
        (folder / "bad.yaml").write_text("c.test:\n  paths:\n    '/':\n      servers: 5\n")
        proxy.wait_log(r"conf\.d/bad\.yaml:4:\d+: .*servers", since=mark)
        assert served_by(proxy) == "one"


def test_hidden_split_files_do_not_count(two) -> None:
    """Editors make them beside the file they edit."""
    one, other = two
    with Proxy({"a.test": {"/": route(one)}}) as proxy:
        host_file(proxy, ".x.yaml", {"a.test": {"/": route(other)}})
        (proxy.config / "conf.d" / ".half.yaml").write_text("c.test: [")
        mark = proxy.log_mark()
        proxy.send_signal(signal.SIGHUP)
        proxy.wait_log("nothing has changed", since=mark)
        proxy.apply({"a.test": {"/": route(one)}})
        assert served_by(proxy) == "one"
        assert "half.yaml" not in proxy.log()


def test_files_of_others_below_the_folder_do_not_reload(two) -> None:
    """Defect 33."""
    one, _ = two
    with Proxy({"a.test": {"/": route(one)}}) as proxy:
        proxy.apply({"a.test": {"/": route(one)}})
        mark = proxy.log_mark()
        for i in range(20):
            (proxy.config / "proxy.log").write_text("x" * i)
            (proxy.config / f"other{i}.pem").write_text("x")
        proxy.apply({"a.test": {"/": route(one)}})
        reloads = len(re.findall(r"(?im)^.*(?:applied|reloaded|configuration).*$", proxy.log()[mark:]))
        assert reloads <= 4, proxy.log()[mark:]


@pytest.mark.parametrize("name", ["conf.d/pipe.yaml", "certificates/pipe.crt"])
def test_nobody_waits_for_a_pipe_in_a_folder(two, name: str) -> None:
    """Reading one blocks until somebody writes: no reload came through after that."""
    one, other = two
    with Proxy({"a.test": {"/": route(one)}}, main={"proxy_address_tls": f"127.0.0.1:{free_port()}"}) as proxy:
        pipe = proxy.config / name
        pipe.parent.mkdir(exist_ok=True)
        os.mkfifo(pipe)
        proxy.send_signal(signal.SIGHUP)
        proxy.apply({"a.test": {"/": route(other)}})
        assert served_by(proxy) == "two"


def test_a_pipe_in_place_of_the_file_is_refused(two) -> None:
    one, other = two
    with Proxy({"a.test": {"/": route(one)}}) as proxy:
        proxy.upstreams_file.unlink()
        os.mkfifo(proxy.upstreams_file)
        wait_until(lambda: "cannot be read: not a regular file" in proxy.log(), "a word about the pipe")
        assert served_by(proxy) == "one"
        proxy.upstreams_file.unlink()
        proxy.apply({"a.test": {"/": route(other)}})
        assert served_by(proxy) == "two"


def test_all_workers_meet_the_new_configuration(two) -> None:
    one, other = two
    with Proxy({"a.test": {"/": route(one)}}, main={"threads": 4}) as proxy:
        proxy.write_upstreams(proxy.marked({"a.test": {"/": route(other)}}))
        proxy.wait_applied(looks=24)
        assert {served_by(proxy) for _ in range(24)} == {"two"}


def test_client_connection_meets_the_new_configuration_at_its_next_request(two) -> None:
    one, other = two
    with Proxy({"a.test": {"/": route(one)}}) as proxy, proxy.client() as client:
        assert client.request("/").get("x-origin") == "one"
        proxy.apply({"a.test": {"/": route(other)}})
        assert client.request("/").get("x-origin") == "two"


def test_document_helper_is_what_users_write() -> None:
    """Guards the tests themselves: the generated file has the shape of the manual."""
    text = as_text(document({"a.test": {"/": route("127.0.0.1:1")}}))
    assert '"provider": "file"' in text and '"paths"' in text
