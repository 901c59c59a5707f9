"""CPU time and memory of processes and of the machine, read from /proc."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
CPU_FIELDS = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")


def _read(path: str) -> str:
    """The text of a /proc file; empty when the process is gone."""
    try:
        return Path(path).read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def descendants(pid: int) -> list[int]:
    """The process and all its children, theirs included."""
    found = [pid]
    for parent in found:
        for thread in _threads(parent):
            found.extend(int(child) for child in _read(f"/proc/{parent}/task/{thread}/children").split())
    return found


def _threads(pid: int) -> list[str]:
    try:
        return os.listdir(f"/proc/{pid}/task")
    except FileNotFoundError:
        return []


def start_time(pid: int) -> int:
    """When the process started, in ticks since boot; 0 when it is gone. With the pid it names a process for good."""
    fields = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return int(fields[19]) if fields else 0


def cpu_ns(pid: int) -> int:
    """Nanoseconds the threads of one process have run, by the scheduler's clock (user and kernel)."""
    total = 0
    for thread in _threads(pid):
        ran = _read(f"/proc/{pid}/task/{thread}/schedstat").split()
        total += int(ran[0]) if ran else 0
    return total


def tree_cpu_ns(pid: int) -> int:
    """The same for a process and all its children."""
    return sum(cpu_ns(one) for one in descendants(pid))


def ksoftirqd_ns() -> int:
    """Nanoseconds the kernel's network threads have run: softirq work that no task of ours paid for."""
    total = 0
    for pid in filter(str.isdigit, os.listdir("/proc")):
        if _read(f"/proc/{pid}/comm").startswith("ksoftirqd/"):
            total += cpu_ns(int(pid))
    return total


def machine_cpu() -> dict[str, int]:
    """Ticks of the whole machine by kind, as /proc/stat has them."""
    first = _read("/proc/stat").splitlines()[0].split()[1:]
    return dict(zip(CPU_FIELDS, map(int, first)))


@dataclass
class CpuSnapshot:
    """What everybody has used up to one moment."""

    processes: dict[str, int] = field(default_factory=dict)  # role -> nanoseconds
    machine: dict[str, int] = field(default_factory=dict)  # kind -> ticks

    @staticmethod
    def take(roles: dict[str, int]) -> "CpuSnapshot":
        """`roles` names process trees by their root's pid."""
        used = {role: tree_cpu_ns(pid) for role, pid in roles.items()}
        used["ksoftirqd"] = ksoftirqd_ns()
        return CpuSnapshot(used, machine_cpu())

    def since(self, earlier: "CpuSnapshot") -> dict[str, dict[str, float]]:
        """Microseconds used between two moments, by role and by kind."""
        processes = {role: (ns - earlier.processes.get(role, 0)) / 1000 for role, ns in self.processes.items()}
        tick_us = 1e6 / TICKS_PER_SECOND
        machine = {kind: (ticks - earlier.machine[kind]) * tick_us for kind, ticks in self.machine.items()}
        return {"processes_us": processes, "machine_us": machine}


def foreign_cpus(used: dict[str, dict[str, float]], seconds: float) -> float:
    """How many CPUs were busy with something else than the measured processes, from what since() returned."""
    busy = sum(us for kind, us in used["machine_us"].items() if kind not in ("idle", "iowait"))
    return max(busy - sum(used["processes_us"].values()), 0) / 1e6 / seconds


def memory_bytes(pid: int) -> dict[str, int]:
    """Resident memory of a process and its children, in bytes: all, proportional, private."""
    total = {"rss": 0, "pss": 0, "private": 0}
    for one in descendants(pid):
        for line in _read(f"/proc/{one}/smaps_rollup").splitlines():
            name, _, rest = line.partition(":")
            if name in ("Rss", "Pss"):
                total[name.lower()] += int(rest.split()[0]) * 1024
            elif name in ("Private_Clean", "Private_Dirty"):
                total["private"] += int(rest.split()[0]) * 1024
    return total


def kernel_memory_bytes() -> dict[str, int]:
    """Slab and page-table memory of the whole machine, in bytes."""
    wanted = {"Slab": "slab", "PageTables": "page_tables"}
    found = {}
    for line in _read("/proc/meminfo").splitlines():
        name, _, rest = line.partition(":")
        if name in wanted:
            found[wanted[name]] = int(rest.split()[0]) * 1024
    return found
