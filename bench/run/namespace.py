"""A network namespace for the series, so that neither connection tracking nor the machine's settings take part."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

MARK = "LIMPET_BENCH_PLACE"
PLAIN = "plain loopback"

# What is set inside: the first value that the kernel takes. Only unprivileged algorithms are allowed in a namespace.
SETTINGS = {
    "net/ipv4/ip_local_port_range": ("10000 65000",),
    "net/ipv4/tcp_congestion_control": ("cubic", "reno"),
    "net/ipv4/tcp_max_syn_backlog": ("65535",),
    "net/core/somaxconn": ("65535",),
}


def place() -> str | None:
    """Where this process runs, in words; nothing before enter()."""
    return os.environ.get(MARK)


def enter() -> int:
    """Runs this program again inside a namespace of its own and returns its exit status.

    Without the right to make one, it runs on the machine's loopback and says so in its report."""
    name = f"limpet-bench-{os.getpid()}"
    inside = f"network namespace {name}"
    try:
        made = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return _run([], f"{PLAIN}, as there is no ip command")
    if made.returncode != 0:
        return _run([], f"{PLAIN}, as no namespace could be made: {made.stderr.strip()}")
    try:
        subprocess.run(["ip", "netns", "exec", name, "ip", "link", "set", "lo", "up"], check=True)
        return _run(["ip", "netns", "exec", name], inside)
    finally:
        subprocess.run(["ip", "netns", "delete", name], check=False)


def stay() -> int:
    """Runs on the machine's loopback, as asked."""
    return _run([], f"{PLAIN}, as asked")


def _run(prefix: list[str], where: str) -> int:
    command = [*prefix, sys.executable, *sys.argv]
    child = subprocess.Popen(command, env={**os.environ, MARK: where})
    signal.signal(signal.SIGTERM, lambda *_: child.terminate())
    while True:
        try:
            return child.wait()
        except KeyboardInterrupt:
            # The child got the signal too: it stops its processes and writes what it has.
            continue


def interrupt(*_: object) -> None:
    """A signal handler that ends the series as Ctrl-C does: processes stopped, results written."""
    raise KeyboardInterrupt


def prepare() -> list[str]:
    """Sets the namespace up; returns a note for each setting that could not be made."""
    if place() is None or PLAIN in (place() or ""):
        return ["not in a network namespace: connection tracking and the machine's TCP settings take part"]
    return [f"{name} could not be set to {' or '.join(values)}" for name, values in SETTINGS.items()
            if not any(_accepted(name, value) for value in values)]


def _accepted(name: str, value: str) -> bool:
    try:
        Path("/proc/sys", name).write_text(value)
    except OSError:
        return False
    return True
