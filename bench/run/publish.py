"""Puts a series' figures and plots, and a --million run's bill, into the documentation."""

from __future__ import annotations

import json
from pathlib import Path

import plots
from peers import PEERS, REPOSITORY
from report import LAYOUT_TEXT, WITHOUT_LAYOUT, cell, number, table
from summary import SUBJECT

DOCUMENT = REPOSITORY / "docs/performance.md"
README = REPOSITORY / "README.md"
IMAGES = REPOSITORY / "docs/images"
PREFIX = "bench-"
FRONT_PICTURE = "cpu-per-message"
# The metrics whose ratios are quoted; of the others the report has the values.
QUOTED = ("added_us", "per_cpu_second", "p50", "p99", "private", "slab", "at_rest", "p99_after")
OWN_KINDS = ("start", "threads")


class PublishError(Exception):
    """Why nothing could be published; its text is for the user."""


def _where(entry: dict) -> str:
    layout = "" if entry["kind"] in WITHOUT_LAYOUT else f", {'one CPU' if entry['layout'] == 'one-cpu' else 'split'}"
    return f"{entry['scenario']}{layout}"


def _ratio(spread: dict | None) -> str:
    return cell(spread, 3 if spread and spread["median"] < 0.01 else 2)


def _ratio_rows(summary: list[dict]) -> list[list[str]]:
    compared = [peer for peer in PEERS
                if any(peer in metric["ratios"] for entry in summary for metric in entry["metrics"])]
    rows = [["", "Limpet's", *(f"of {PEERS[peer].title}'s" for peer in compared)]]
    for entry in summary:
        for metric in entry["metrics"]:
            if not metric["ratios"] or metric["key"] not in QUOTED or SUBJECT not in metric["peers"]:
                continue
            own = metric["peers"][SUBJECT]["median"]
            value = f"{number(own, metric['digits'])} {metric['unit']}".strip()
            arrow = "" if metric["lower_is_better"] else "↑ "
            rows.append([f"{arrow}{_where(entry)}: {metric['label']}", value,
                         *(_ratio(metric["ratios"].get(peer)) for peer in compared)])
    return rows


def _own_rows(summary: list[dict]) -> list[list[str]]:
    """What only Limpet was asked."""
    rows = [["", "Limpet's"]]
    for entry in summary:
        if any(metric["ratios"] for metric in entry["metrics"]):
            continue
        for metric in entry["metrics"]:
            if SUBJECT in metric["peers"] and (metric["key"] in QUOTED or entry["kind"] in OWN_KINDS):
                unit = f" {metric['unit']}" if metric["unit"] else ""
                rows.append([f"{entry['title']}: {metric['label']}",
                             cell(metric["peers"][SUBJECT], metric["digits"]) + unit])
    return rows


def _figures(document: dict, pictures: list[Path]) -> str:
    about = document["about"]
    versions = ", ".join(f"{PEERS[name].title} ({version})" for name, version in about["versions"].items())
    lines = [
        f"{about['date']}, {about['cpus']} CPUs ({about['cpu_model']}), Linux {about['kernel']}, {about['rounds']} rounds of "
        f"{about['seconds']:g} s, in a network namespace. {versions}. Medians of ratios paired by round, in brackets the "
        f"smallest and the largest; below 1 is better, but above in rows marked ↑. \"One CPU\": "
        f"{LAYOUT_TEXT['one-cpu']}; \"split\": {LAYOUT_TEXT['split']}.",
        "",
    ]
    for note in about["notes"]:
        lines += [f"Note: {note}.", ""]
    lines += [*table(_ratio_rows(document["summary"])), ""]
    own = _own_rows(document["summary"])
    if len(own) > 1:
        lines += [*table(own), ""]
    for picture in pictures:
        lines += [f"![{_title(picture)}](images/{picture.name})", ""]
    return "\n".join(lines).rstrip()


def _title(picture: Path) -> str:
    return plots.PICTURES[picture.stem.removeprefix(PREFIX)][0]


def _front(summary: list[dict]) -> str:
    """The README's part: one sentence of ratios and one plot."""
    found = [(entry, metric) for entry in summary for metric in entry["metrics"]
             if (entry["scenario"], entry["layout"], metric["key"]) == ("saturated", "one-cpu", "added_us")]
    sentence = ""
    if found and found[0][1]["ratios"]:
        ratios = ", ".join(f"{spread['median']:.2f} of {PEERS[peer].title}'s"
                           for peer, spread in found[0][1]["ratios"].items())
        sentence = f"CPU time for a small WebSocket message, all on one CPU: {ratios}.\n\n"
    name = f"{PREFIX}{FRONT_PICTURE}.svg"
    return f"{sentence}![{plots.PICTURES[FRONT_PICTURE][0]}](docs/images/{name})"


def _replace(path: Path, mark: str, text: str) -> None:
    """Puts the text between the file's marks, `<!-- mark -->` and `<!-- /mark -->`."""
    begin, end = f"<!-- {mark} -->", f"<!-- /{mark} -->"
    before, found, rest = path.read_text().partition(begin)
    _, found_too, after = rest.partition(end)
    if not found or not found_too:
        raise PublishError(f"{path} has no {begin} … {end}")
    path.write_text(f"{before}{begin}\n{text}\n{end}{after}")


def run(directory: Path) -> int:
    """Publishes what the directory has; returns the exit status."""
    series, million = directory / "results.json", directory / "million.md"
    if not series.exists() and not million.exists():
        print(f"{directory} has neither results.json nor million.md")
        return 1
    try:
        if series.exists():
            document = json.loads(series.read_text())
            pictures = plots.write(document, IMAGES, PREFIX)
            _replace(DOCUMENT, "bench", _figures(document, pictures))
            if IMAGES / f"{PREFIX}{FRONT_PICTURE}.svg" in pictures:
                _replace(README, "bench", _front(document["summary"]))
        if million.exists():
            _replace(DOCUMENT, "million", million.read_text().partition("\n")[2].strip())
    except PublishError as error:
        print(error)
        return 1
    print("docs/performance.md, README.md and docs/images are written; look at what git diff says")
    return 0
