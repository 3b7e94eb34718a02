#!/usr/bin/env python3
"""CPU per request of several builds of aralez, and of peers, where a percent counts.

Rounds of seconds differ by a tenth on a shared machine, whatever is compared. Here everybody has its own load, and only one of
them runs at a time, for a tenth of a second: what the machine does meanwhile happens to all alike. Starts differ too, by where
memory lies, so that everything is started anew several times, in another order.

  tools/compare_builds.py -s h1 old=/tmp/aralez-old new=build/release/aralez relay
  tools/compare_builds.py -s h2tls --starts 10 build=build/release/aralez h2o nghttpx

Scenarios, peers and load are those of ../shared/bench/compare.py (BENCH_COMPARE names another place). Prints for each the
median in microseconds, and the mean of its share of what all took in the same start, with the error of that mean.
"""
import argparse
import importlib.util
import os
import pathlib
import re
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent


def load_compare():
    path = os.environ.get("BENCH_COMPARE", str(ROOT.parent / "shared/bench/compare.py"))
    if not os.path.exists(path):
        sys.exit(f"compare_builds: {path} is missing (BENCH_COMPARE names another place)")
    spec = importlib.util.spec_from_file_location("compare", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def cpu_seconds(compare, process):
    """Of all its threads, in nanoseconds' precision: ticks would say nothing about a tenth of a second."""
    total = 0
    for pid in compare.tree(process.pid):
        try:
            for task in os.listdir(f"/proc/{pid}/task"):
                total += int(pathlib.Path(f"/proc/{pid}/task/{task}/schedstat").read_text().split()[0])
        except OSError:
            pass
    return total / 1e9


def start_peer(compare, work, log, name, binary, port):
    if binary:
        command = compare.aralez(work, port, os.path.abspath(binary), name)
    else:
        found = "relay" if name == "relay" else shutil.which(name) or shutil.which(name, path="/usr/sbin")
        if name not in compare.PEERS or not found:
            sys.exit(f"compare_builds: {name} is no peer of compare.py, or not installed")
        command = compare.PEERS[name](work, port, found)
    process = compare.start(command, log, compare.PROXY_CPU)
    if not compare.wait_port(port):
        compare.stop(process)
        sys.exit(f"compare_builds: {name} did not start")
    return process


def start_load(compare, command, name):
    if command[0] == "h2load":  # its warm-up would be in the CPU, not in the requests
        command = ["--warm-up-time=0" if a.startswith("--warm-up") else a for a in command]
    else:  # the script is written anew for the next one
        at = command.index("-s") + 1
        own = f"{command[at]}.{name}"
        shutil.copy(command[at], own)
        command[at] = own
    load = subprocess.Popen(["taskset", "-c", compare.LOAD_CPUS, *command], stdout=subprocess.PIPE, text=True)
    time.sleep(0.03)
    load.send_signal(signal.SIGSTOP)
    return load


def requests_of(output, name):
    done = re.search(r"(\d+) requests in", output) or re.search(r"status codes: (\d+) 2xx", output)
    if not done or int(done.group(1)) == 0:
        sys.exit(f"compare_builds: {name} answered nothing:\n{output}")
    return int(done.group(1))


def one_start(compare, options, specs):
    """Microseconds of CPU per request of each, in the order of `specs`."""
    work = compare.Work()
    log = open(work.path("log"), "wb")
    _, tls, make = compare.SCENARIOS[options.scenario]
    size = str(1 << 20) if options.scenario.startswith("large") else "13"
    running = [compare.start([work.path("origin"), str(o), size], log, compare.LOAD_CPUS) for o in compare.ORIGINS]
    try:
        peers = []
        for i, (name, binary) in enumerate(specs):
            port = 20000 + 10 * i
            peers.append((name, start_peer(compare, work, log, name, binary, port), port + (1 if tls else 0)))
            running.append(peers[-1][1])
        time.sleep(0.5)
        for _, process, port in peers:
            compare.run_once(make(work, port, 1), process.pid)
        before = [cpu_seconds(compare, process) for _, process, _ in peers]
        seconds = options.seconds * len(peers) + 1
        loads = []
        for name, _, port in peers:
            loads.append(start_load(compare, make(work, port, seconds), name))
            running.append(loads[-1])
        end = time.monotonic() + seconds - 0.5
        turn = 0
        while time.monotonic() < end:
            load = loads[turn % len(loads)]
            load.send_signal(signal.SIGCONT)
            time.sleep(options.slice / 1000)
            load.send_signal(signal.SIGSTOP)
            turn += 1
        for load in loads:
            load.send_signal(signal.SIGCONT)
        outputs = [load.communicate()[0] for load in loads]
        after = [cpu_seconds(compare, process) for _, process, _ in peers]
        return [(b - a) / requests_of(o, name) * 1e6 for a, b, o, (name, _, _) in zip(before, after, outputs, peers)]
    finally:
        for process in running:
            compare.stop(process)
        log.close()
        shutil.rmtree(work.dir, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="+", metavar="NAME=BINARY|PEER")
    parser.add_argument("-s", "--scenario", default="h1")
    parser.add_argument("--starts", type=int, default=6)
    parser.add_argument("--seconds", type=int, default=4, help="for each, in each start")
    parser.add_argument("--slice", type=float, default=120, help="milliseconds")
    options = parser.parse_args()
    compare = load_compare()
    if options.scenario not in compare.SCENARIOS:
        parser.error(f"no scenario {options.scenario}: {', '.join(compare.SCENARIOS)}")
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    specs = [(w.partition("=")[0], w.partition("=")[2]) for w in options.what]
    cost = {name: [] for name, _ in specs}
    share = {name: [] for name, _ in specs}
    for start in range(options.starts):
        turned = specs[start % len(specs):] + specs[:start % len(specs)]
        figures = one_start(compare, options, turned)
        mean = statistics.mean(figures)
        for (name, _), figure in zip(turned, figures):
            cost[name].append(figure)
            share[name].append(figure / mean)
        print(f"{options.scenario} {start + 1}/{options.starts}:", *(f"{n} {f:.2f}" for (n, _), f in zip(turned, figures)), flush=True)
    first = statistics.mean(share[specs[0][0]])
    print(f"\n| {options.scenario} | µs | x {specs[0][0]} | ± |\n|---|--:|--:|--:|")
    for name, _ in specs:
        mean = statistics.mean(share[name])
        error = statistics.stdev(share[name]) / len(share[name]) ** 0.5 if len(share[name]) > 1 else 0
        print(f"| {name} | {statistics.median(cost[name]):.1f} | {mean / first:.3f} | {error / first:.3f} |")


if __name__ == "__main__":
    main()
