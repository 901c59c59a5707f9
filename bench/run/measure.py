"""One measurement: an echo server, one proxy, the clients, and what each of them used."""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import statistics
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import processes
from peers import PEERS, SERVER_PORT, BenchError, RunningPeer, pinned, stop_process
from scenarios import ONE_CPU, Scenario

EVENT_SECONDS = 60
SETTLE_SECONDS = 0.3
RELOAD_WINDOW_SECONDS = 2.0


@dataclass(frozen=True)
class Settings:
    """What holds for a whole series."""

    tools: Path
    cpus: tuple[int, int]  # the proxy's, the others'
    seconds: float
    warm_up: float
    short: bool


class Tool:
    """limpet-echo or limpet-load: a child that prints one JSON object per line. Use it as a context manager."""

    def __init__(self, settings: Settings, name: str, arguments: list[str], cpu: int):
        self._name = name
        self._buffer = b""
        self._process = subprocess.Popen(
            pinned([str(settings.tools / name), *arguments], cpu), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE)

    @property
    def pid(self) -> int:
        return self._process.pid

    def __enter__(self) -> "Tool":
        return self

    def __exit__(self, *_: object) -> None:
        stop_process(self._process)
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            stream.close()

    def event(self, name: str, timeout: float = EVENT_SECONDS) -> dict:
        """The next line whose "event" is this name; lines of other events are passed over."""
        deadline = time.monotonic() + timeout
        while True:
            line = self._line(deadline)
            found = json.loads(line)
            if found.get("event") == name:
                return found

    def tell(self, line: str) -> None:
        """Writes one line to its standard input."""
        try:
            os.write(self._process.stdin.fileno(), (line + "\n").encode())
        except BrokenPipeError:
            raise BenchError(f"{self._name} ended early: {self._last_words()}") from None

    def _line(self, deadline: float) -> bytes:
        while b"\n" not in self._buffer:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._process.stdout], [], [], left)[0]:
                raise BenchError(f"{self._name} said nothing for {EVENT_SECONDS} s")
            piece = os.read(self._process.stdout.fileno(), 1 << 16)
            if not piece:
                raise BenchError(f"{self._name} ended early: {self._last_words()}")
            self._buffer += piece
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line

    def _last_words(self) -> str:
        self._process.wait(5)
        return f"status {self._process.returncode}, {self._process.stderr.read().decode(errors='replace')[-300:]}"


def run_once(settings: Settings, scenario: Scenario, layout: str, peer_name: str) -> dict:
    """Measures one proxy once. The result always has "ok"; when that is false, "error" says why."""
    run_dir = Path(tempfile.mkdtemp(prefix="limpet-bench-"))
    proxy_cpu, other_cpu = settings.cpus
    if layout == ONE_CPU:
        other_cpu = proxy_cpu
    result = {"scenario": scenario.name, "layout": layout, "peer": peer_name, "ok": False}
    if scenario.kind == "threads":
        return result | _measure_threads(settings, scenario, peer_name)
    proxy = RunningPeer(PEERS[peer_name], run_dir, proxy_cpu, bulk=scenario.bulk, routes=scenario.routes,
                        servers=scenario.servers, reload=scenario.kind == "reload")
    try:
        with Tool(settings, "limpet-echo", ["--listen", f"0.0.0.0:{SERVER_PORT}"], other_cpu) as echo:
            echo.event("listening")
            with proxy:
                measured = _MEASURES[scenario.kind](settings, scenario, echo, proxy, other_cpu)
                if not proxy.alive():
                    raise BenchError("the proxy ended during the run")
        result |= measured | {"ok": True, "start_ms": proxy.start_ms}
    except BenchError as error:
        result["error"] = f"{error} {proxy.log_tail()}".strip()
    finally:
        shutil.rmtree(run_dir, ignore_errors=True)
    return result


def _load(settings: Settings, scenario: Scenario, proxy: RunningPeer, cpu: int, more: list[str]) -> Tool:
    arguments = ["--target", f"127.0.0.1:{proxy.port}", *scenario.load_arguments(settings.short), *more]
    return Tool(settings, "limpet-load", arguments, cpu)


def _checked(result: dict, tolerated: tuple[str, ...] = ()) -> dict:
    """The result of the clients, refused when anything went wrong for one of them or nothing happened."""
    failures = {kind: count for kind, count in result["failures"].items()
                if count and kind not in ("total", *tolerated)}
    if failures:
        kinds = ", ".join(f"{count} {kind}" for kind, count in failures.items())
        raise BenchError(f"clients failed ({kinds}): {result['first_failure']}")
    if not result["count"]:
        raise BenchError("nothing was measured")
    return {"count": result["count"], "rate": result["rate"], "rtt_us": result["rtt_us"],
            "skipped": result["skipped"], "reopened": result["reopened"]}


def _measure_traffic(settings: Settings, scenario: Scenario, echo: Tool, proxy: RunningPeer, cpu: int) -> dict:
    """CPU time of everybody between "begin" and "end" of the clients, per unit of work."""
    seconds = scenario.length(settings.short, settings.seconds)
    timing = ["--seconds", f"{seconds:g}", "--warm-up", f"{settings.warm_up:g}", "--sync"]
    with _load(settings, scenario, proxy, cpu, timing) as load:
        roles = {"echo": echo.pid, "load": load.pid}
        if proxy.pid:
            roles["proxy"] = proxy.pid
        load.event("begin")
        before = processes.CpuSnapshot.take(roles)
        load.tell("go")
        load.event("end")
        after = processes.CpuSnapshot.take(roles)
        load.tell("go")
        clients = _checked(load.event("result"))
    units = clients["count"] * scenario.units
    used = after.since(before)
    return clients | {
        "units": units,
        "foreign_cpus": processes.foreign_cpus(used, seconds),
        "processes_us": {role: us / units for role, us in used["processes_us"].items()},
        "machine_us": {kind: us / units for kind, us in used["machine_us"].items()},
    }


def _measure_idle(settings: Settings, scenario: Scenario, _echo: Tool, proxy: RunningPeer, cpu: int) -> dict:
    """Memory per tunnel: before and after the tunnels are open, each having carried one echo."""
    _warm_allocators(settings, scenario, proxy, cpu)
    clients = scenario.clients(settings.short)
    before = _memory(proxy)
    with _load(settings, scenario, proxy, cpu, []) as load:
        held = load.event("held")
        if held["failures"] or held["clients"] != clients:
            raise BenchError(f"only {held['clients']} of {clients} tunnels, {held['failures']} failures")
        time.sleep(SETTLE_SECONDS)
        after = _memory(proxy)
        load.tell("round")
        measured = _checked(load.event("result"))
        load.tell("quit")
        load.event("closing")
    per_tunnel = {kind: (after[kind] - before[kind]) / clients for kind in after}
    return measured | {"units": clients, "per_tunnel_bytes": per_tunnel, "at_rest_bytes": before}


def _warm_allocators(settings: Settings, scenario: Scenario, proxy: RunningPeer, cpu: int) -> None:
    """A few tunnels come and go, so that what a proxy allocates once is not counted per tunnel."""
    arguments = ["--target", f"127.0.0.1:{proxy.port}", "--mode", scenario.mode, "--clients", "100"]
    with Tool(settings, "limpet-load", arguments, cpu) as load:
        load.event("held")
        load.tell("quit")
        load.event("closing")
    time.sleep(SETTLE_SECONDS)


def _memory(proxy: RunningPeer) -> dict[str, int]:
    own = processes.memory_bytes(proxy.pid) if proxy.pid else {"rss": 0, "pss": 0, "private": 0}
    return own | processes.kernel_memory_bytes()


def _measure_reload(settings: Settings, scenario: Scenario, _echo: Tool, proxy: RunningPeer, cpu: int) -> dict:
    """Times of paced clients before a reload (the first half) and in the two seconds after it."""
    seconds = scenario.length(settings.short, settings.seconds)
    timing = ["--seconds", f"{seconds:g}", "--warm-up", f"{settings.warm_up:g}", "--sync"]
    with _load(settings, scenario, proxy, cpu, timing) as load:
        load.event("begin")
        memory_before = _memory(proxy)
        load.tell("go")
        begun = time.monotonic()
        time.sleep(seconds / 2)
        if proxy.pid:
            proxy.reload(scenario.drains)
        reload_seconds = time.monotonic() - begun - seconds / 2
        load.event("end")
        memory_after = _memory(proxy)
        load.tell("go")
        result = load.event("result")
    width = scenario.arguments["interval"]
    intervals = [interval for interval in result["intervals"] if interval["count"]]
    middle = int(seconds / 2 / width)
    count = int(RELOAD_WINDOW_SECONDS / width)
    earlier, window = intervals[max(middle - count, 0):middle], intervals[middle:middle + count]
    usual = statistics.median(interval["p99"] for interval in intervals[:middle])
    doubled = lambda some: width * sum(interval["p99"] > 2 * usual for interval in some)
    # A proxy that ends its tunnels at a reload has measured something: the figure is how many.
    return _checked(result, tolerated=("closed", "lost")) | {
        "tunnels_closed": result["failures"]["closed"],
        "p99_before_us": usual,
        "p99_worst_before_us": max((interval["p99"] for interval in earlier), default=None),
        "p99_worst_after_us": max((interval["p99"] for interval in window), default=None),
        # The machine has such moments without a reload, too: what counts is whether there are more after it.
        "p99_doubled_before_s": doubled(earlier),
        "p99_doubled_after_s": doubled(window),
        "reload_command_s": reload_seconds,
        "memory_growth_bytes": memory_after["pss"] - memory_before["pss"],
        "intervals_p99_us": [interval["p99"] for interval in intervals],
    }


def _measure_start(_settings: Settings, _scenario: Scenario, _echo: Tool, proxy: RunningPeer, _cpu: int) -> dict:
    """Memory at rest; the time of the start was taken when the first request was answered."""
    time.sleep(SETTLE_SECONDS)
    return {"at_rest_bytes": processes.memory_bytes(proxy.pid)}


def _measure_threads(settings: Settings, scenario: Scenario, peer_name: str) -> dict:
    """The proxy's CPU time per unit with one data-plane thread, then with two, each on a CPU of its own. Each of the
    two CPUs has clients and a server in both cases, so that as many messages come from and go to the other CPU."""
    try:
        one, two = (_measure_with_threads(settings, scenario, peer_name, threads) for threads in (1, 2))
    except BenchError as error:
        return {"error": str(error)}
    return {"ok": True, "one": one, "two": two, "gain": 2 * one["proxy_us"] / two["proxy_us"]}


def _measure_with_threads(settings: Settings, scenario: Scenario, peer_name: str, threads: int) -> dict:
    seconds = scenario.length(settings.short, settings.seconds)
    timing = ["--seconds", f"{seconds:g}", "--warm-up", f"{settings.warm_up:g}", "--sync"]
    with contextlib.ExitStack() as stack:
        run_dir = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="limpet-bench-")))
        for cpu in settings.cpus:
            echo = stack.enter_context(Tool(settings, "limpet-echo", ["--listen", f"0.0.0.0:{SERVER_PORT}"], cpu))
            echo.event("listening")
        cpus = ",".join(map(str, settings.cpus[:threads]))
        proxy = stack.enter_context(RunningPeer(PEERS[peer_name], run_dir, cpus, threads=threads))
        loads = [stack.enter_context(_load(settings, scenario, proxy, cpu, timing)) for cpu in settings.cpus]
        roles = {"proxy": proxy.pid}
        for load in loads:
            load.event("begin")
        before = processes.CpuSnapshot.take(roles)
        begun = time.monotonic()
        for load in loads:
            load.tell("go")
        for load in loads:
            load.event("end")
        after = processes.CpuSnapshot.take(roles)
        took = time.monotonic() - begun
        for load in loads:
            load.tell("go")
        results = [_checked(load.event("result")) for load in loads]
    units = sum(result["count"] for result in results) * scenario.units
    used = after.since(before)
    return {"units": units, "proxy_us": used["processes_us"]["proxy"] / units, "rate": units / took,
            "proxy_cpus": used["processes_us"]["proxy"] / 1e6 / took}


_MEASURES = {"traffic": _measure_traffic, "idle": _measure_idle, "reload": _measure_reload, "start": _measure_start}
