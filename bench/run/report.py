"""The series as text (a Markdown table per scenario) and as JSON."""

from __future__ import annotations

import json
from pathlib import Path

from peers import PEERS
from summary import SUBJECT

LAYOUT_TEXT = {"one-cpu": "everything on one CPU", "split": "proxy on one CPU, clients and server on another"}
WITHOUT_LAYOUT = ("idle", "start", "threads")  # kinds whose figures do not depend on it


def number(value: float, digits: int) -> str:
    """A figure with thousands separators and so many digits after the point."""
    return f"{value:,.{digits}f}"


def cell(spread: dict | None, digits: int) -> str:
    """The median, and in brackets the extremes; empty for nothing."""
    if spread is None:
        return "-"
    text = number(spread["median"], digits)
    if len(spread["values"]) > 1:
        text += f" ({number(spread['min'], digits)}-{number(spread['max'], digits)})"
    return text


def table(rows: list[list[str]]) -> list[str]:
    """Rows of cells as a Markdown table with aligned columns; the first row is the head."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    line = lambda row: "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |"
    return [line(rows[0]), "|" + "|".join("-" * (width + 2) for width in widths) + "|", *map(line, rows[1:])]


def _entry_lines(entry: dict) -> list[str]:
    shown = [peer for peer in PEERS if any(peer in metric["peers"] for metric in entry["metrics"])]
    lines = [f"## {entry['scenario']}: {entry['title']}", f"{LAYOUT_TEXT[entry['layout']]}"
             if entry["kind"] not in WITHOUT_LAYOUT else "", ""]
    if shown:
        rows = [["", *(PEERS[peer].title for peer in shown)]]
        for metric in entry["metrics"]:
            unit = f", {metric['unit']}" if metric["unit"] else ""
            rows.append([metric["label"] + unit,
                         *(cell(metric["peers"].get(peer), metric["digits"]) for peer in shown)])
        lines += table(rows)
    for metric in entry["metrics"]:
        if metric["ratios"]:
            better = "lower" if metric["lower_is_better"] else "higher"
            ratios = ", ".join(f"{cell(spread, 2)} of {PEERS[peer].title}'s"
                               for peer, spread in metric["ratios"].items())
            lines += ["", f"{PEERS[SUBJECT].title}'s {metric['label']} ({better} is better): {ratios}."]
    for peer, errors in entry["failures"].items():
        lines += ["", f"FAILED {PEERS[peer].title}: {errors[0]}"]
    return [*lines, ""]


def as_markdown(document: dict) -> str:
    """The whole report: what was run where, then a table and the ratios per scenario."""
    about = document["about"]
    lines = [
        "# Benchmark",
        "",
        f"{about['date']}, {about['cpus']} CPUs ({about['cpu_model']}), Linux {about['kernel']}, "
        f"{about['rounds']} rounds of {about['seconds']:g} s, {about['place']}.",
        "Medians, in brackets the smallest and the largest round. Ratios are paired by round. \"Added\" is the sum over "
        "the proxy, the clients, the server and the kernel's threads, less the same sum of the direct run; \"machine's\" "
        "is the same by the machine's own counters, other work included.",
        "",
        *(f"- {PEERS[name].title}: {version}" for name, version in about["versions"].items()),
        "",
    ]
    for note in about["notes"]:
        lines += [f"Note: {note}", ""]
    for entry in document["summary"]:
        lines += _entry_lines(entry)
    return "\n".join(lines)


def write(document: dict, directory: Path) -> None:
    """Writes results.json and report.md."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "results.json").write_text(json.dumps(document, indent=1) + "\n")
    (directory / "report.md").write_text(as_markdown(document))
