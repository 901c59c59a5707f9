"""Compares Limpet with other proxies. See bench/README.md."""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import os
import platform
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import instructions
import million
import namespace
import plots
import publish
import report
from measure import Settings, run_once
from peers import PEERS, REPOSITORY
from scenarios import LAYOUTS, ONE_CPU, SCENARIOS, SPLIT, Scenario
from summary import summarise

EXAMPLES = """examples:
  scripts/bench                                  the whole series, about ten minutes
  scripts/bench --short                          every scenario once and briefly: does the bench work?
  scripts/bench --only saturated,paced --rounds 7
  scripts/bench --only bulk --peers direct,limpet,caddy --seconds 5
  scripts/bench --only idle --clients 9000
  scripts/bench --publish build/bench-results/20260102-030405
  scripts/bench --million --tunnels 200000       so many tunnels over many processes, as far as memory goes
  scripts/bench --instructions                   instruction counts of the hot paths, beside the accepted ones
  LIMPET=/usr/bin/limpet scripts/bench           another binary than build/release/limpet

The result is a directory: report.md (tables and ratios), results.json (every measurement), and SVG plots."""

FOREIGN_CPUS_NOTED = 0.1
OVERHEAD_SECONDS = 1.2  # starting, connecting and stopping, per measurement; only for the first estimate


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__, epilog=EXAMPLES,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    names = [scenario.name for scenario in SCENARIOS]
    parser.add_argument("--short", action="store_true", help="one brief round of everything, with fewer clients")
    parser.add_argument("--only", type=_names_of(names), metavar="SCENARIO,...", help=f"of {', '.join(names)}")
    parser.add_argument("--peers", type=_names_of(list(PEERS)), metavar="PEER,...", help=f"of {', '.join(PEERS)}")
    parser.add_argument("--layout", choices=LAYOUTS, help="the same CPU layout for every scenario")
    parser.add_argument("--rounds", type=int, metavar="N", help="interleaved rounds (3; with --short 1)")
    parser.add_argument("--seconds", type=float, metavar="S", help="length of one measurement (1.5; with --short 0.3)")
    parser.add_argument("--clients", type=int, metavar="N", help="so many clients in every scenario")
    parser.add_argument("--limit", type=float, metavar="MINUTES", default=30,
                        help="begin no further measurement after so long (30)")
    parser.add_argument("--cpus", type=_cpu_pair, metavar="A,B", help="the proxy's CPU and the others' (0,1)")
    parser.add_argument("--out", type=Path, metavar="DIR", help="where results go (build/bench-results/DATE)")
    parser.add_argument("--tools", type=Path, metavar="DIR", default=REPOSITORY / "build/bench-tools",
                        help="where limpet-load and limpet-echo are")
    parser.add_argument("--no-namespace", action="store_true", help="stay on the machine's own loopback")
    parser.add_argument("--instructions", action="store_true",
                        help="count the hot paths' instructions; fail where one has grown by more than 5 %%")
    parser.add_argument("--accept", action="store_true", help="with --instructions: the counts are the new measure")
    parser.add_argument("--million", action="store_true",
                        help="open as many tunnels as memory takes, over many processes; needs a namespace")
    parser.add_argument("--tunnels", type=int, metavar="N", default=1_000_000, help="with --million: no more than N")
    parser.add_argument("--floor", type=float, metavar="GB", default=1.5,
                        help="with --million: memory that stays available (1.5)")
    parser.add_argument("--publish", type=Path, metavar="DIR",
                        help="put the figures and plots of an earlier run into README.md and docs/")
    parser.add_argument("--list", action="store_true", help="name the scenarios and peers, and leave")
    return parser.parse_args(arguments)


def _names_of(known: list[str]):
    def names(text: str) -> list[str]:
        chosen = text.split(",")
        unknown = [name for name in chosen if name not in known]
        if unknown:
            raise argparse.ArgumentTypeError(f"unknown: {', '.join(unknown)}; known: {', '.join(known)}")
        return chosen

    return names


def _cpu_pair(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d+),(\d+)", text)
    if not found:
        raise argparse.ArgumentTypeError("two CPU numbers, for example 0,1")
    return int(found[1]), int(found[2])


def list_names() -> None:
    for scenario in SCENARIOS:
        extra = "" if scenario.by_default else " (only when asked for)"
        print(f"{scenario.name:14} {scenario.title}{extra}")
    for peer in PEERS.values():
        print(f"{peer.name:14} {peer.path() or ('no proxy, the floor' if peer.name == 'direct' else 'not found')}")


def plan(options: argparse.Namespace, peers: list[str], one_cpu_only: bool) -> list[tuple[int, Scenario, str, str]]:
    """Every measurement in order: scenario by scenario, in it round by round, in that peer by peer."""
    steps = []
    for scenario in SCENARIOS:
        if not (scenario.name in options.only if options.only else scenario.by_default):
            continue
        if options.clients and "clients" in scenario.arguments:
            scenario = dataclasses.replace(scenario, short={},
                                           arguments=scenario.arguments | {"clients": options.clients})
        layouts = (options.layout,) if options.layout else scenario.layouts
        if one_cpu_only:
            layouts = (ONE_CPU,) if scenario.kind != "threads" else ()
        elif options.short:
            layouts = layouts[-1:]
        for layout in layouts:
            for number in range(options.rounds):
                steps += [(number, scenario, layout, peer) for peer in peers if _takes_part(peer, scenario)]
    return steps


def _takes_part(name: str, scenario: Scenario) -> bool:
    peer = PEERS[name]
    if scenario.kind in ("start", "threads"):
        return name != "direct" and peer.routes
    if scenario.limpet_only:
        return peer.routes
    return scenario.kind != "reload" or peer.reloads or name == "direct"


def choose_peers(options: argparse.Namespace) -> tuple[list[str], list[str]]:
    """The peers that can run, and a note for each that cannot."""
    wanted = options.peers or [name for name, peer in PEERS.items() if peer.by_default]
    usable = [name for name in wanted if name == "direct" or PEERS[name].path()]
    where = {"limpet": "build it with: cmake --preset release && ninja -C build/release, or set LIMPET"}
    notes = [f"{PEERS[name].title} is not there and was left out ({where.get(name, 'install it with apt-get')})"
             for name in wanted if name not in usable]
    return usable, notes


def versions(peers: list[str]) -> dict[str, str]:
    """What each program says its version is."""
    flags = {"limpet": ["--version"], "haproxy": ["-v"], "nginx": ["-v"], "caddy": ["version"],
             "nghttpx": ["--version"]}
    found = {}
    for name in peers:
        program = PEERS[name].executable
        if program in flags:
            said = subprocess.run([PEERS[name].path() or "", *flags[program]], capture_output=True, text=True,
                                  check=False, timeout=10)
            found[name] = ((said.stdout + said.stderr).strip().splitlines() or ["?"])[0]
    return found


def about(options: argparse.Namespace, peers: list[str], notes: list[str]) -> dict:
    """What a reader must know about the machine and the series."""
    model = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "cpus": os.cpu_count(),
        "cpu_model": model[1] if model else platform.machine(),
        "kernel": platform.release(),
        "rounds": options.rounds,
        "seconds": options.seconds,
        "short": options.short,
        "place": re.sub(r"limpet-bench-\d+", "of its own", namespace.place() or ""),
        "versions": versions(peers),
        "notes": notes,
    }


def disturbance(results: list[dict]) -> list[str]:
    """A note when the machine was busy with something else."""
    shares = sorted(result["foreign_cpus"] for result in results if "foreign_cpus" in result)
    if not shares or shares[len(shares) // 2] < FOREIGN_CPUS_NOTED:
        return []
    return [f"other work took {shares[len(shares) // 2]:.2f} CPUs in the median measurement and up to "
            f"{shares[-1]:.2f}: times and rates are not to be trusted, CPU figures with care"]


class Progress:
    """One line on standard error that says how far the series is."""

    def __init__(self, total: int):
        self._total = total
        self._done = 0
        self._begun = time.monotonic()
        self._in_place = sys.stderr.isatty()

    def step(self, number: int, scenario: Scenario, layout: str, peer: str) -> None:
        elapsed = time.monotonic() - self._begun
        left = elapsed / self._done * (self._total - self._done) if self._done else 0
        text = (f"[{self._done + 1}/{self._total}] {scenario.name}/{layout} round {number + 1} {PEERS[peer].title}"
                f"{f', {left / 60:.1f} min left' if self._done else ''}")
        print(f"\r\x1b[K{text}" if self._in_place else text, end="" if self._in_place else "\n", file=sys.stderr,
              flush=True)
        self._done += 1

    def finish(self) -> None:
        print("\r\x1b[K" if self._in_place else "", end="", file=sys.stderr, flush=True)

    def failure(self, result: dict) -> None:
        self.finish()
        print(f"failed: {result['scenario']}/{result['layout']} {result['peer']}: {result['error']}", file=sys.stderr)


def run_series(options: argparse.Namespace, settings: Settings, steps: list) -> tuple[list[dict], list[str], bool]:
    """All measurements; stops early, with a note, at the limit or at Ctrl-C (then the last value is true)."""
    results: list[dict] = []
    deadline = time.monotonic() + options.limit * 60
    progress = Progress(len(steps))
    try:
        for number, scenario, layout, peer in steps:
            if time.monotonic() > deadline:
                return results, [f"the series ended at its limit of {options.limit:g} minutes"], False
            progress.step(number, scenario, layout, peer)
            result = run_once(settings, scenario, layout, peer) | {"round": number}
            results.append(result)
            if not result["ok"]:
                progress.failure(result)
    except KeyboardInterrupt:
        return results, ["the series was interrupted"], True
    finally:
        progress.finish()
    return results, [], False


def run(options: argparse.Namespace) -> int:
    cpus = options.cpus or tuple(sorted(os.sched_getaffinity(0))[:2])
    settings = Settings(options.tools, (cpus[0], cpus[-1]), options.seconds, 0.15 if options.short else 0.4,
                        options.short)
    os.sched_setaffinity(0, {cpus[-1]})
    peers, notes = choose_peers(options)
    notes += namespace.prepare()
    steps = plan(options, peers, cpus[0] == cpus[-1])
    estimate = sum(step[1].length(options.short, options.seconds) + OVERHEAD_SECONDS for step in steps)
    print(f"{len(steps)} measurements, about {estimate / 60:.0f} minutes, in a {namespace.place()}", file=sys.stderr)
    for note in notes:
        print(f"note: {note}", file=sys.stderr)
    results, more_notes, interrupted = run_series(options, settings, steps)
    more_notes += disturbance(results)
    document = {"about": about(options, peers, notes + more_notes), "summary": summarise(results),
                "results": results}
    report.write(document, options.out)
    pictures = plots.write(document, options.out)
    print(report.as_markdown(document))
    failed = sum(not result["ok"] for result in results)
    print(f"{len(results) - failed} measurements passed, {failed} failed; report.md, results.json and "
          f"{len(pictures)} plots are in {options.out}", file=sys.stderr)
    if interrupted:
        return 130
    return 1 if failed or not results else 0


def run_million(options: argparse.Namespace) -> int:
    if namespace.PLAIN in (namespace.place() or ""):
        print("--million needs a network namespace of its own: it would take every port of the loopback", file=sys.stderr)
        return 1
    for note in namespace.prepare():
        print(f"note: {note}", file=sys.stderr)
    plan = million.Plan(max(options.tunnels, 1), int(options.floor * 1e9), options.limit * 60)
    settings = Settings(options.tools, (0, 0), 0, 0, False)
    try:
        return million.run(plan, settings, options.out, lambda text: print(text, file=sys.stderr, flush=True))
    except KeyboardInterrupt:
        return 130


def main() -> int:
    options = parse(sys.argv[1:])
    if options.list:
        list_names()
        return 0
    if options.publish:
        return publish.run(options.publish)
    if options.instructions:
        return instructions.run(options.accept)
    if namespace.place() is None:
        return namespace.stay() if options.no_namespace else namespace.enter()
    options.rounds = options.rounds or (1 if options.short else 3)
    options.seconds = options.seconds or (0.3 if options.short else 1.5)
    named = os.environ.get("LIMPET")
    if named and not PEERS["limpet"].path():
        print(f"LIMPET names {named}, which is not a program", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, namespace.interrupt)
    stamp = datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
    options.out = (options.out or REPOSITORY / "build/bench-results" / stamp).resolve()
    if options.million:
        return run_million(options)
    return run(options)


if __name__ == "__main__":
    sys.exit(main())
