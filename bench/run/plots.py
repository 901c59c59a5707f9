"""Bar charts of a series as SVG files, written by hand: no library, no font beyond the reader's own."""

from __future__ import annotations

from html import escape
from pathlib import Path

from peers import PEERS
from report import LAYOUT_TEXT, WITHOUT_LAYOUT, number
from summary import SUBJECT

# The panels of each picture: scenario, layout (None = whichever was run), metric.
PICTURES: dict[str, tuple[str, list[tuple[str, str | None, str]]]] = {
    "cpu-per-message": ("CPU added per relayed message", [
        ("saturated", "one-cpu", "added_us"), ("saturated", "split", "added_us"),
        ("paced", "one-cpu", "added_us"), ("paced", "split", "added_us"),
        ("burst", None, "added_us"), ("fan-out", None, "added_us"),
    ]),
    "latency": ("Round-trip times", [
        ("saturated", "one-cpu", "p50"), ("saturated", "one-cpu", "p99"),
        ("saturated", "split", "p50"), ("saturated", "split", "p99"),
        ("paced", "split", "p50"), ("paced", "split", "p99"),
        ("paced-4000", None, "p50"), ("paced-4000", None, "p99"),
        ("burst", None, "p99"), ("fan-out", None, "p99"),
    ]),
    "throughput": ("Work per CPU-second of the proxy", [
        ("sessions", None, "per_cpu_second"), ("http", None, "per_cpu_second"),
        ("polling", None, "per_cpu_second"), ("bulk", None, "per_cpu_second"),
    ]),
    "memory": ("Memory per idle tunnel", [("idle", None, "private"), ("idle", None, "slab")]),
    "reload": ("A reload under load", [("reload", None, "p99_before"), ("reload", None, "p99_after")]),
    "routing": ("Small requests per CPU-second, by number of routers", [
        ("routing-10", None, "per_cpu_second"), ("routing-1000", None, "per_cpu_second"),
        ("routing-10000", None, "per_cpu_second"),
    ]),
}

COLUMNS = 2
PANEL_WIDTH = 440
GAP = 28
MARGIN = 24
TITLE_HEIGHT = 52
PANEL_HEAD = 44
BAR_STEP = 24
BAR_HEIGHT = 14
NAME_WIDTH = 72
VALUE_WIDTH = 96

INK = "#1f2328"
FAINT = "#656d76"
RULE = "#d8dee4"
BAR = "#b6c2cf"
SUBJECT_BAR = "#0f766e"
FLOOR_BAR = "#e3e8ed"
WHISKER = "#57606a"
FONT = "font-family=\"ui-sans-serif, system-ui, 'Segoe UI', Helvetica, Arial, sans-serif\""


def _text(x: float, y: float, text: str, size: int = 12, fill: str = INK, more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{fill}" {more}>{escape(text)}</text>'


def _bar_colour(peer: str) -> str:
    return {SUBJECT: SUBJECT_BAR, "direct": FLOOR_BAR}.get(peer, BAR)


def _panel(left: float, top: float, entry: dict, metric: dict) -> tuple[list[str], float]:
    """One metric's bars; the drawing and the height it takes."""
    unit = f", {metric['unit']}" if metric["unit"] else ""
    sense = "lower is better" if metric["lower_is_better"] else "higher is better"
    layout = "" if entry["kind"] in WITHOUT_LAYOUT else LAYOUT_TEXT[entry["layout"]]
    drawn = [
        _text(left, top + 14, f"{entry['scenario']}: {metric['label']}{unit}", 13, INK, 'font-weight="600"'),
        _text(left, top + 31, f"{layout + '; ' if layout else ''}{sense}", 11, FAINT),
    ]
    largest = max((spread["max"] for spread in metric["peers"].values()), default=0)
    scale = (PANEL_WIDTH - NAME_WIDTH - VALUE_WIDTH) / largest if largest > 0 else 0
    zero = left + NAME_WIDTH
    y = top + PANEL_HEAD
    for peer, spread in metric["peers"].items():
        middle = y + BAR_HEIGHT / 2
        weight = 'font-weight="600"' if peer == SUBJECT else ""
        drawn.append(_text(zero - 8, middle + 4, PEERS[peer].title, 12, INK, f'text-anchor="end" {weight}'))
        drawn.append(f'<rect x="{zero:.1f}" y="{y:.1f}" width="{max(spread["median"] * scale, 1):.1f}" '
                     f'height="{BAR_HEIGHT}" rx="2" fill="{_bar_colour(peer)}"/>')
        low, high = (zero + max(spread[end], 0) * scale for end in ("min", "max"))
        if high - low >= 1:
            drawn.append(f'<path d="M{low:.1f} {middle:.1f}H{high:.1f}M{low:.1f} {middle - 3:.1f}v6M{high:.1f} '
                         f'{middle - 3:.1f}v6" stroke="{WHISKER}" fill="none"/>')
        end = max(high, zero + spread["median"] * scale)
        drawn.append(_text(end + 8, middle + 4, number(spread["median"], metric["digits"]), 12, INK, weight))
        y += BAR_STEP
    drawn.append(f'<path d="M{zero:.1f} {top + PANEL_HEAD - 4:.1f}V{y - 6:.1f}" stroke="{RULE}"/>')
    return drawn, y - top


def _find(summary: list[dict], scenario: str, layout: str | None, key: str) -> tuple[dict, dict] | None:
    for entry in summary:
        if entry["scenario"] == scenario and layout in (None, entry["layout"]):
            for metric in entry["metrics"]:
                if metric["key"] == key and metric["peers"]:
                    return entry, metric
    return None


def picture(title: str, note: str, panels: list[tuple[dict, dict]]) -> str:
    """One SVG with the panels in rows of two."""
    drawn: list[str] = []
    top = float(TITLE_HEIGHT + MARGIN)
    for start in range(0, len(panels), COLUMNS):
        tallest = 0.0
        for column, (entry, metric) in enumerate(panels[start:start + COLUMNS]):
            parts, height = _panel(MARGIN + column * (PANEL_WIDTH + GAP), top, entry, metric)
            drawn += parts
            tallest = max(tallest, height)
        top += tallest + GAP
    width = 2 * MARGIN + COLUMNS * PANEL_WIDTH + (COLUMNS - 1) * GAP
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{top:.0f}" viewBox="0 0 {width} {top:.0f}" '
        f'role="img" {FONT}>',
        f"<title>{escape(title)}</title>",
        f'<rect width="{width}" height="{top:.0f}" rx="8" fill="#ffffff"/>',
        _text(MARGIN, MARGIN + 16, title, 18, INK, 'font-weight="600"'),
        _text(MARGIN, MARGIN + 36, note, 11, FAINT),
    ]
    return "\n".join([*head, *drawn, "</svg>"]) + "\n"


def write(document: dict, directory: Path, prefix: str = "") -> list[Path]:
    """Writes every picture that has at least one panel, to files whose names begin with `prefix`."""
    about = document["about"]
    note = (f"Medians of {about['rounds']} interleaved rounds, whiskers: smallest and largest. "
            f"One data-plane thread each, {about['cpu_model']}.")
    written = []
    for name, (title, wanted) in PICTURES.items():
        panels = [found for panel in wanted if (found := _find(document["summary"], *panel))]
        if panels:
            written.append(directory / f"{prefix}{name}.svg")
            written[-1].write_text(picture(title, note, panels))
    return written
