"""Counts the instructions of the hot paths under callgrind, and compares them with those that were accepted."""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from collections import Counter
from pathlib import Path

from peers import REPOSITORY

PROGRAM = REPOSITORY / "build/bench/hot_paths"
ACCEPTED = REPOSITORY / "bench/instructions.json"
TOLERANCE = 0.05
# The C library chooses its string functions by the CPU it runs on, so its share differs from machine to machine.
LEFT_OUT = re.compile(r"/(ld-linux|libc\.|libc-|libm\.|libm-)[^/]*$")
LIBRARIES = {"libstdc++6": "libstdc++", "libre2-9": "re2", "libfmt9": "fmt"}
TITLES = {
    "relay-message": "relay one message of 64 bytes (epoll)",
    "parse-request": "parse one browser request",
    "route-request": "route it among 1,000 hosts",
    "sticky-lookup": "cookie to server and seat, of 1,000",
}


def own_cost(profile: str) -> int:
    """The instructions of one callgrind dump that were executed in the program and its libraries, libc apart."""
    names: dict[str, str] = {}
    cost: Counter[str] = Counter()
    current = ""
    is_call = False
    for line in profile.splitlines():
        if line.startswith("ob="):
            number, _, name = line[3:].partition(" ")
            if name:
                names[number] = name
            current = names.get(number, number)
        elif line.startswith("cob="):
            number, _, name = line[4:].partition(" ")
            if name:
                names[number] = name
        elif line.startswith("calls="):
            is_call = True  # the next line is what the callee took, which is counted where it was spent
        elif re.match(r"[+\-*\d]", line):
            fields = line.split()
            if not is_call and len(fields) > 1:
                cost[current] += int(fields[1])
            is_call = False
    return sum(count for name, count in cost.items() if not LEFT_OUT.search(name))


def count() -> dict[str, float]:
    """Instructions per operation, by path. Raises CalledProcessError when the program fails."""
    with tempfile.TemporaryDirectory(prefix="limpet-bench-") as directory:
        output = Path(directory) / "profile"
        done = subprocess.run(
            ["valgrind", "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={output}", str(PROGRAM)],
            capture_output=True, text=True, check=True, timeout=300)
        times = {name: int(number) for name, number in re.findall(r"^(\S+) (\d+)$", done.stdout, re.MULTILINE)}
        counts = {}
        for dump in Path(directory).glob("profile.*"):
            profile = dump.read_text()
            trigger = re.search(r"Trigger: Client Request: (\S+)", profile)
            if trigger:
                counts[trigger[1]] = round(own_cost(profile) / times[trigger[1]], 1)
    return {name: counts[name] for name in times}


def versions() -> dict[str, str]:
    """What the counts depend on beside the sources."""
    compiler = subprocess.run(["clang++-19", "--version"], capture_output=True, text=True, check=True).stdout
    found = {"compiler": compiler.splitlines()[0]}
    for package, title in LIBRARIES.items():
        said = subprocess.run(["dpkg-query", "-W", "-f=${Version}", package], capture_output=True, text=True,
                              check=False)
        found[title] = said.stdout.strip() or "unknown"
    return found


def run(accept: bool) -> int:
    """Prints the counts beside the accepted ones; 1 when one has grown by more than the tolerance."""
    try:
        counts = count()
    except FileNotFoundError:
        print("valgrind is not installed: scripts/setup installs it")
        return 1
    except subprocess.CalledProcessError as error:
        print(f"{PROGRAM} failed under valgrind: {error.stderr[-600:]}")
        return 1
    now = versions()
    if accept:
        ACCEPTED.write_text(json.dumps({"versions": now, "instructions": counts}, indent=2) + "\n")
    recorded = json.loads(ACCEPTED.read_text())
    accepted = recorded["instructions"]
    grown = []
    print(f"{'instructions, without the C library':40} {'accepted':>9} {'now':>9} {'change':>8}")
    for name, value in counts.items():
        before = accepted.get(name)
        change = value / before - 1 if before else None
        print(f"{TITLES.get(name, name):40} {before if before else 'none':>9} {value:>9} "
              f"{f'{change:+.1%}' if change is not None else '':>8}")
        if change is None or change > TOLERANCE:
            grown.append(name)
    for title, version in now.items():
        if recorded["versions"].get(title) != version:
            print(f"note: accepted with {title} {recorded['versions'].get(title)}, counted with {version}")
    if not grown:
        return 0
    print(f"FAILED: {', '.join(grown)}: more than {TOLERANCE:.0%} above what was accepted. Find out why "
          f"(callgrind_annotate on a profile of {PROGRAM.relative_to(REPOSITORY)}). If it is worth it, say so in the "
          f"commit and run: scripts/bench --instructions --accept")
    return 1
