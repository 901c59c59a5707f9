"""Medians, spread and ratios of a series of measurements."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass

from peers import PEERS
from scenarios import SCENARIOS, Scenario

SUBJECT = "limpet"


@dataclass(frozen=True)
class Metric:
    """One figure of a measurement. `value` gets a result and the direct run of the same round (or nothing)."""

    key: str
    label: str
    unit: str
    value: Callable[[dict, dict | None], float | None]
    lower_is_better: bool = True
    digits: int = 2
    of_direct: bool = True  # whether the direct run has it too
    compared: bool = True  # whether a ratio says something


def _less_direct(kind: str, *parts: str) -> Callable[[dict, dict | None], float | None]:
    """The sum of some parts of the CPU time of a run, less that of the direct run (all parts when none is named)."""

    def value(result: dict, direct: dict | None) -> float | None:
        if direct is None or kind not in direct:
            return None
        total = lambda run: sum(us for part, us in run[kind].items() if not parts or part in parts)
        return total(result) - total(direct)

    return value


def _per_tunnel(kind: str, less_direct: bool) -> Callable[[dict, dict | None], float | None]:
    def value(result: dict, direct: dict | None) -> float | None:
        if less_direct and direct is None:
            return None
        own = result["per_tunnel_bytes"][kind]
        return own - direct["per_tunnel_bytes"][kind] if less_direct else own

    return value


def _proxy_us(result: dict, _direct: dict | None) -> float | None:
    return result["processes_us"].get("proxy")


def _per_cpu_second(result: dict, _direct: dict | None) -> float | None:
    used = result["processes_us"].get("proxy")
    return 1e6 / used if used else None


def _rtt(key: str) -> Callable[[dict, dict | None], float | None]:
    return lambda result, _direct: result["rtt_us"][key] if result["rtt_us"]["count"] else None


def _plain(key: str, scale: float = 1) -> Callable[[dict, dict | None], float | None]:
    return lambda result, _direct: None if result[key] is None else result[key] * scale


def _at_rest(kind: str) -> Callable[[dict, dict | None], float | None]:
    return lambda result, _direct: result["at_rest_bytes"][kind] / 1e6


def metrics_of(scenario: Scenario) -> list[Metric]:
    """What is reported of a scenario, the most important figure first."""
    if scenario.kind == "idle":
        return [
            Metric("private", "private memory per tunnel", "bytes", _per_tunnel("private", False), digits=0,
                   of_direct=False),
            Metric("pss", "proportional memory per tunnel", "bytes", _per_tunnel("pss", False), digits=0,
                   of_direct=False, compared=False),
            Metric("slab", "kernel slab added per tunnel", "bytes", _per_tunnel("slab", True), digits=0,
                   of_direct=False),
            Metric("at_rest", "resident at rest", "MB", _at_rest("pss"), digits=1,
                   of_direct=False),
            Metric("start", "start to first answer", "ms", _plain("start_ms"), digits=0, of_direct=False),
        ]
    if scenario.kind == "threads":
        of = lambda threads, key: lambda result, _direct: result[threads][key]
        return [
            Metric("one_us", "CPU of the proxy's process per message, one thread", "us", of("one", "proxy_us"),
                   compared=False),
            Metric("two_us", "the same, two threads", "us", of("two", "proxy_us"), compared=False),
            Metric("gain", "what two threads carry, of one", "times", _plain("gain"), False, compared=False),
        ]
    if scenario.kind == "start":
        return [
            Metric("start", "start to first answer", "ms", _plain("start_ms"), digits=0, compared=False),
            *(Metric(key, f"{label} at rest", "MB", _at_rest(key), digits=1, compared=False)
              for key, label in (("rss", "resident"), ("pss", "proportional"), ("private", "private"))),
        ]
    if scenario.kind == "reload":
        return [
            Metric("p99_before", "p99 before", "us", _plain("p99_before_us"), digits=0, compared=False),
            Metric("p99_worst_before", "worst p99 of 0.25 s in the 2 s before", "us", _plain("p99_worst_before_us"),
                   digits=0, compared=False),
            Metric("p99_after", "the same in the 2 s after", "us", _plain("p99_worst_after_us"), digits=0),
            Metric("doubled_before", "p99 more than doubled, of the 2 s before", "s", _plain("p99_doubled_before_s"),
                   compared=False),
            Metric("doubled_after", "the same of the 2 s after", "s", _plain("p99_doubled_after_s"), compared=False),
            Metric("closed", "tunnels closed by the reload", "", _plain("tunnels_closed"), digits=0, compared=False),
            Metric("growth", "growth of memory", "MB", _plain("memory_growth_bytes", 1e-6), of_direct=False,
                   compared=False),
        ]
    unit = scenario.unit
    plural = unit if unit == "MB" else unit + "s"
    latency = [
        Metric("p50", "p50", "us", _rtt("p50"), digits=0),
        Metric("p99", "p99", "us", _rtt("p99"), digits=0),
        Metric("p999", "p99.9", "us", _rtt("p999"), digits=0),
        Metric("rate", f"{plural} per second", "", lambda r, _d: r["rate"] * scenario.units, False, 0,
               compared=False),
    ]
    added = Metric("added_us", f"CPU added per {unit}", "us",
                   _less_direct("processes_us"), of_direct=False)
    machine = [
        Metric(f"machine_{kind}", f"machine's {kind} added per {unit}", "us", _less_direct("machine_us", *parts),
               of_direct=False, compared=False)
        for kind, parts in (("user", ("user", "nice")), ("system", ("system",)), ("softirq", ("softirq", "irq")))
    ]
    if unit == "message":
        proxy = Metric("proxy_us", f"CPU of the proxy's process per {unit}", "us", _proxy_us, of_direct=False)
        return [added, proxy, *machine, *latency]
    throughput = Metric("per_cpu_second", f"{plural} per CPU-second of the proxy", "", _per_cpu_second, False, 0,
                        of_direct=False)
    return [throughput, added, *machine, *latency]


def _spread(values: list[float]) -> dict:
    return {"median": statistics.median(values), "min": min(values), "max": max(values), "values": values}


def _ratios(by_round: dict[str, dict[int, float]]) -> dict[str, dict]:
    """Limpet's figure over each peer's, paired by round."""
    own = by_round.get(SUBJECT, {})
    ratios = {}
    for peer, values in by_round.items():
        pairs = [own[number] / value for number, value in values.items() if number in own and value > 0]
        if peer not in (SUBJECT, "direct") and pairs:
            ratios[peer] = _spread(pairs)
    return ratios


def summarise(results: list[dict]) -> list[dict]:
    """One entry per scenario and layout, in the order of the scenarios."""
    entries = []
    keys = {(result["scenario"], result["layout"]) for result in results}
    for scenario in SCENARIOS:
        for layout in sorted({layout for name, layout in keys if name == scenario.name}):
            group = [r for r in results if (r["scenario"], r["layout"]) == (scenario.name, layout)]
            entries.append(_entry(scenario, layout, group))
    return entries


def _entry(scenario: Scenario, layout: str, group: list[dict]) -> dict:
    good = [result for result in group if result["ok"]]
    direct = {result["round"]: result for result in good if result["peer"] == "direct"}
    metrics = []
    for metric in metrics_of(scenario):
        by_round: dict[str, dict[int, float]] = {}
        for result in good:
            if result["peer"] == "direct" and not metric.of_direct:
                continue
            value = metric.value(result, direct.get(result["round"]))
            if value is not None:
                by_round.setdefault(result["peer"], {})[result["round"]] = value
        metrics.append({
            "key": metric.key, "label": metric.label, "unit": metric.unit, "digits": metric.digits,
            "lower_is_better": metric.lower_is_better,
            "peers": {peer: _spread(list(by_round[peer].values())) for peer in PEERS if peer in by_round},
            "ratios": _ratios(by_round) if metric.compared else {},
        })
    failures: dict[str, list[str]] = {}
    for result in group:
        if not result["ok"]:
            failures.setdefault(result["peer"], []).append(result["error"])
    return {"scenario": scenario.name, "title": scenario.title, "layout": layout, "unit": scenario.unit,
            "kind": scenario.kind, "metrics": metrics, "failures": failures}
