"""As many tunnels as the machine's memory takes: several Limpets on one port, clients and servers in several processes."""

from __future__ import annotations

import contextlib
import json
import math
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import processes
from measure import Settings, Tool
from peers import PEERS, PROXY_PORT, SERVER_PORT, BenchError, stop_process

# A process has 20,000 descriptors where this was written; a proxy needs two for a tunnel, and the kernel spreads
# connections over the processes by a hash, so not quite evenly.
PER_PROXY = 9000
PER_TOOL = 18_000
BYTES_PER_TUNNEL = 22_000  # what a step is expected to need, all processes and the kernel together
NICENESS = 10
STEP_SECONDS = 300
READY_SECONDS = 60
CACHES = ("TCP", "sock_inode_cache", "filp", "dentry", "eventpoll_epi", "eventpoll_pwq", "ep_head", "skbuff_head_cache")


def _meminfo(name: str) -> int:
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) * 1024
    raise BenchError(f"/proc/meminfo has no {name}")


def _slab_caches() -> dict[str, int]:
    """Bytes in use by the caches that tunnels are made of; empty where they may not be seen."""
    try:
        lines = Path("/proc/slabinfo").read_text().splitlines()
    except OSError:
        return {}
    rows = (line.split() for line in lines)
    return {row[0]: int(row[1]) * int(row[3]) for row in rows if row[0] in CACHES}


def _dynamic(echoes: int, spare: bool) -> str:
    """One service of every echo server; with `spare`, of one more that is not there to be chosen."""
    lines = ["http:", "  routers:", '    all: {rule: "PathPrefix(`/`)", service: echo}', "  services:", "    echo:",
             "      loadBalancer:", "        servers:"]
    lines += [f'          - url: "http://{_echo_host(i)}:{SERVER_PORT}"' for i in range(echoes)]
    if spare:
        lines.append(f'          - {{url: "http://127.2.255.254:{SERVER_PORT}", weight: 0}}')
    return "\n".join(lines) + "\n"


def _echo_host(number: int) -> str:
    return f"127.2.{number // 250}.{number % 250 + 1}"


class Proxies:
    """Several Limpets that listen on one port. Use it as a context manager."""

    def __init__(self, run_dir: Path, count: int, echoes: int):
        self._run_dir = run_dir
        self._echoes = echoes
        self._count = count
        self._running: list[subprocess.Popen] = []
        self._write(spare=False)

    def __enter__(self) -> "Proxies":
        path = PEERS["limpet"].path()
        if not path:
            raise BenchError("there is no Limpet: scripts/build, or set LIMPET")
        with open(self._run_dir / "output.log", "ab") as log:
            for number in range(self._count):
                self._running.append(subprocess.Popen(
                    [path, f"--entryPoints.web.address=127.0.0.1:{PROXY_PORT}", "--entryPoints.web.reusePort=true",
                     f"--api.address=unix:{self._socket(number)}", "--dataPath.threads=1",
                     f"--providers.file.filename={self._run_dir}/dynamic.yml", "--providers.file.watch=false"],
                    stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self._run_dir))
        try:
            self.wait("every Limpet serves", lambda servers: len(servers) == self._echoes)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._running:
            if process.poll() is None:
                process.terminate()
        for process in self._running:
            stop_process(process)

    def private_bytes(self) -> int:
        return sum(processes.memory_bytes(process.pid)["private"] for process in self._running)

    def tunnels(self) -> int:
        """Those that the proxies themselves count."""
        return sum(server["tunnels"] for number in range(self._count) for server in self._servers(number))

    def reload(self) -> float:
        """Gives all of them one more server; the seconds until every one has it."""
        begun = time.monotonic()
        self._write(spare=True)
        # By signal, as a user may have too few inotify instances for so many processes.
        for process in self._running:
            process.send_signal(signal.SIGHUP)
        self.wait("every Limpet has the change", lambda servers: len(servers) == self._echoes + 1)
        return time.monotonic() - begun

    def wait(self, what: str, holds: Callable[[list[dict]], bool]) -> None:
        """Until it holds of the servers that each of them has."""
        deadline = time.monotonic() + READY_SECONDS
        for number, process in enumerate(self._running):
            while True:
                if process.poll() is not None:
                    raise BenchError(f"a Limpet ended: {(self._run_dir / 'output.log').read_text()[-600:]}")
                if time.monotonic() > deadline:
                    raise BenchError(f"not within {READY_SECONDS} s: {what}")
                with contextlib.suppress(OSError, ValueError):
                    if holds(self._servers(number)):
                        break
                time.sleep(0.02)

    def _socket(self, number: int) -> Path:
        return self._run_dir / f"api-{number}.sock"

    def _servers(self, number: int) -> list[dict]:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.settimeout(10)
            client.connect(str(self._socket(number)))
            client.sendall(b"GET /api/servers HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            answer = b""
            while piece := client.recv(1 << 16):
                answer += piece
        return json.loads(answer.partition(b"\r\n\r\n")[2])

    def _write(self, spare: bool) -> None:
        fresh = self._run_dir / "dynamic.yml.new"
        fresh.write_text(_dynamic(self._echoes, spare))
        fresh.rename(self._run_dir / "dynamic.yml")


@dataclass(frozen=True)
class Plan:
    """How many processes of each kind."""

    tunnels: int
    floor: int  # bytes of memory that stay available
    limit: float  # seconds after which no further step begins

    @property
    def steps(self) -> int:
        return math.ceil(self.tunnels / PER_TOOL)

    @property
    def clients(self) -> int:
        """Tunnels of one step."""
        return math.ceil(self.tunnels / self.steps)

    @property
    def proxies(self) -> int:
        return math.ceil(self.tunnels / PER_PROXY) + 1


def _ramp(plan: Plan, settings: Settings, stack: contextlib.ExitStack, say: Callable[[str], None]
          ) -> tuple[list[Tool], str]:
    """Opens tunnels step by step; the clients that hold them, and why it ended."""
    loads: list[Tool] = []
    begun = time.monotonic()
    cpus = sorted(os.sched_getaffinity(0))
    for step in range(plan.steps):
        available = _meminfo("MemAvailable")
        if available - plan.clients * BYTES_PER_TUNNEL < plan.floor:
            return loads, f"the next step would leave less than {plan.floor / 1e9:.1f} GB of memory"
        if time.monotonic() - begun > plan.limit:
            return loads, f"the limit of {plan.limit / 60:g} minutes"
        say(f"step {step + 1}/{plan.steps}: {step * plan.clients:,} tunnels are open, "
            f"{available / 1e9:.1f} GB available")
        load = stack.enter_context(Tool(settings, "limpet-load", [
            "--target", f"127.0.0.1:{PROXY_PORT}", "--mode", "idle", "--clients", str(plan.clients), "--sources", "250",
            "--open-timeout", str(STEP_SECONDS)], cpus[step % len(cpus)]))
        held = load.event("held", STEP_SECONDS)
        if held["failures"] or held["clients"] != plan.clients:
            raise BenchError(f"only {held['clients']} of {plan.clients} tunnels in step {step + 1}, "
                             f"{held['failures']} failures")
        loads.append(load)
    return loads, "the number that was asked for"


def _round(loads: list[Tool]) -> dict:
    """A message through every tunnel and back; how many, how many failures, how long."""
    begun = time.monotonic()
    for load in loads:
        load.tell("round")
    results = [load.event("result", STEP_SECONDS) for load in loads]
    return {"messages": sum(result["count"] for result in results),
            "failures": sum(result["failures"]["total"] for result in results),
            "seconds": time.monotonic() - begun}


def _measure(plan: Plan, settings: Settings, say: Callable[[str], None]) -> dict:
    with contextlib.ExitStack() as stack:
        run_dir = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="limpet-bench-")))
        cpus = sorted(os.sched_getaffinity(0))
        echoes = [stack.enter_context(Tool(settings, "limpet-echo", ["--listen", f"{_echo_host(i)}:{SERVER_PORT}"],
                                           cpus[i % len(cpus)])) for i in range(plan.steps)]
        for echo in echoes:
            echo.event("listening")
        proxies = stack.enter_context(Proxies(run_dir, plan.proxies, len(echoes)))
        before = {"private": proxies.private_bytes(), "available": _meminfo("MemAvailable"), "slab": _meminfo("Slab"),
                  "caches": _slab_caches()}
        begun = time.monotonic()
        loads, ended = _ramp(plan, settings, stack, say)
        tunnels = len(loads) * plan.clients
        if not tunnels:
            raise BenchError(f"no tunnel: {ended}")
        ramp_seconds = time.monotonic() - begun
        say(f"{tunnels:,} tunnels are open; a round of messages, a reload, and another round")
        first = _round(loads)
        each = lambda key, now: round((now - before[key]) / tunnels)
        caches = _slab_caches()
        bill = {
            "private, of the proxies": each("private", proxies.private_bytes()),
            "private, of the clients": round(sum(processes.memory_bytes(load.pid)["private"] for load in loads) / tunnels),
            "private, of the servers": round(sum(processes.memory_bytes(echo.pid)["private"] for echo in echoes) / tunnels),
            "kernel slab, four sockets": each("slab", _meminfo("Slab")),
            "no longer available, other work included": round((before["available"] - _meminfo("MemAvailable")) / tunnels),
        }
        available = _meminfo("MemAvailable")
        reload_seconds = proxies.reload()
        second = _round(loads)
        counted = proxies.tunnels()
        sockets = Path("/proc/net/sockstat").read_text()
        say("closing")
        for load in loads:
            load.tell("quit")
        still = sum(load.event("closing", STEP_SECONDS)["clients"] for load in loads)
    return {
        "tunnels": tunnels, "asked": plan.tunnels, "ended_by": ended, "proxies": plan.proxies, "clients": len(loads),
        "servers": len(echoes), "ramp_seconds": ramp_seconds, "available_bytes": available, "bytes_per_tunnel": bill,
        "caches_per_tunnel": {name: round((size - before["caches"].get(name, 0)) / tunnels)
                              for name, size in caches.items()},
        "round": first, "reload_seconds": reload_seconds, "round_after_reload": second, "counted_by_proxies": counted,
        "open_at_the_end": still, "sockstat": sockets,
        "ok": counted == still == tunnels == first["messages"] == second["messages"]
        and first["failures"] == second["failures"] == 0,
    }


def _as_markdown(result: dict) -> str:
    bill = "\n".join(f"| {name} | {size:,} |" for name, size in result["bytes_per_tunnel"].items())
    caches = ", ".join(f"{name} {size:,}" for name, size in result["caches_per_tunnel"].items() if size)
    return f"""# {result['tunnels']:,} tunnels

{result['proxies']} Limpets on one port, {result['clients']} client and {result['servers']} server processes. The ramp ended at
{result['ended_by']}, after {result['ramp_seconds']:.0f} s, with {result['available_bytes'] / 1e9:.1f} GB of memory available.

| bytes per tunnel | |
|---|---|
{bill}

Of the slab: {caches or 'not to be seen here'}.

- A message through every tunnel and back: {result['round']['seconds']:.1f} s; {result['round']['messages']:,} came back,
  {result['round']['failures']} failed.
- A reload of all Limpets: {result['reload_seconds']:.1f} s. Tunnels open after it: {result['counted_by_proxies']:,}.
- Another message through each: {result['round_after_reload']['seconds']:.1f} s;
  {result['round_after_reload']['messages']:,} came back, {result['round_after_reload']['failures']} failed.
"""


def run(plan: Plan, settings: Settings, out: Path, say: Callable[[str], None]) -> int:
    """Runs it at low priority and writes million.md and million.json. 1 when anything was lost or closed."""
    os.nice(NICENESS)
    try:
        result = _measure(plan, settings, say)
    except BenchError as error:
        say(f"failed: {error}")
        return 1
    out.mkdir(parents=True, exist_ok=True)
    (out / "million.json").write_text(json.dumps(result, indent=1) + "\n")
    (out / "million.md").write_text(_as_markdown(result))
    print(_as_markdown(result))
    return 0 if result["ok"] else 1
