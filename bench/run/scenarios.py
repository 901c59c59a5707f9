"""The scenarios: what the clients do, how long, and what one unit of work is."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

ONE_CPU = "one-cpu"
SPLIT = "split"
LAYOUTS = (ONE_CPU, SPLIT)


@dataclass(frozen=True)
class Scenario:
    """One kind of load.

    `kind` says how it is measured: traffic (CPU per unit), idle (memory per tunnel), reload (times around a change of
    configuration), start (from the start of the process to the first answer), threads (CPU per unit with one
    data-plane thread and with two). `units` is how many units one count of the load generator stands for: an echo is two relayed
    messages, one each way.
    """

    name: str
    title: str
    mode: str
    unit: str
    units: float = 1
    kind: str = "traffic"
    layouts: tuple[str, ...] = (SPLIT,)
    arguments: dict[str, float] = field(default_factory=dict)
    short: dict[str, float] = field(default_factory=dict)
    bulk: bool = False
    routes: int = 0
    servers: int = 0  # of one service, instead of one
    drains: bool = False  # the reload drains the server that has all the tunnels
    seconds: float = 0  # a length of its own; 0 = as long as the others
    short_seconds: float = 0  # the same with --short
    by_default: bool = True

    def load_arguments(self, short: bool) -> list[str]:
        """The options of limpet-load that make this scenario."""
        chosen = {**self.arguments, **(self.short if short else {})}
        words = ["--mode", self.mode]
        for name, value in chosen.items():
            words += [f"--{name}", f"{value:g}" if isinstance(value, float) else str(value)]
        return words

    def length(self, short: bool, usual: float) -> float:
        """Seconds of one measurement, where `usual` is what the others take."""
        return (self.short_seconds if short else self.seconds) or usual

    def clients(self, short: bool) -> int:
        return int({**self.arguments, **(self.short if short else {})}["clients"])

    @property
    def limpet_only(self) -> bool:
        return bool(self.routes or self.servers or self.drains)


_PACED = Scenario(
    "paced", "1,000 clients, each a 64-byte message 20 times a second", "ws-paced", "message", units=2,
    layouts=LAYOUTS, arguments={"clients": 1000, "rate": 20, "size": 64}, short={"clients": 400},
)
_ROUTING = Scenario(
    "routing-10", "small requests through 10 routers, each with a server of its own", "http-keepalive", "request",
    arguments={"clients": 100, "hosts": 10}, short={"clients": 50}, routes=10,
)

SCENARIOS: tuple[Scenario, ...] = (
    Scenario(
        "saturated", "100 clients echo 64-byte messages as fast as they can", "ws-saturated", "message", units=2,
        layouts=LAYOUTS, arguments={"clients": 100, "size": 64},
    ),
    _PACED,
    replace(_PACED, name="paced-4000", title="4,000 clients, each a 64-byte message 20 times a second",
            layouts=(SPLIT,), arguments={"clients": 4000, "rate": 20, "size": 64}, short={"clients": 1000}),
    replace(_PACED, name="paced-8000", title="8,000 clients, each a 64-byte message 20 times a second",
            layouts=(SPLIT,), arguments={"clients": 8000, "rate": 20, "size": 64}, by_default=False),
    Scenario(
        "burst", "100 clients, 8 messages of 64 bytes ready at once", "ws-burst", "message", units=2,
        arguments={"clients": 100, "size": 64, "burst": 8},
    ),
    Scenario(
        "fan-out", "one 64-byte message from the server to each of 1,000 clients", "ws-fanout", "message",
        arguments={"clients": 1000, "size": 64}, short={"clients": 400},
    ),
    Scenario(
        "sessions", "new WebSocket sessions: connect, upgrade, one echo, close", "ws-sessions", "session",
        arguments={"clients": 64, "size": 64},
    ),
    Scenario(
        "http", "small HTTP requests on 100 keep-alive connections", "http-keepalive", "request",
        arguments={"clients": 100},
    ),
    Scenario(
        "polling", "Socket.IO polling: GETs and POSTs on 100 keep-alive connections", "http-polling-mix", "request",
        arguments={"clients": 100},
    ),
    Scenario(
        "bulk", "16 clients echo messages of 256 KiB", "bulk", "MB", units=2 * 262144 / 1e6,
        arguments={"clients": 16, "size": 262144}, bulk=True,
    ),
    Scenario(
        "idle", "tunnels that are open and silent", "idle", "tunnel", kind="idle", layouts=(SPLIT,),
        arguments={"clients": 5000, "size": 64}, short={"clients": 1000},
    ),
    Scenario(
        "reload", "a change of configuration under 1,000 paced clients", "ws-paced", "message", units=2,
        kind="reload", arguments={"clients": 1000, "rate": 20, "size": 64, "interval": 0.25},
        short={"clients": 300}, seconds=6, short_seconds=3,
    ),
    Scenario(
        "reload-9000", "a change of configuration under 9,000 paced clients", "ws-paced", "message", units=2,
        kind="reload", arguments={"clients": 9000, "rate": 1, "size": 64, "interval": 0.25},
        short={"clients": 1000}, seconds=6, short_seconds=3, by_default=False,
    ),
    Scenario(
        "drain-9000", "the server of 9,000 paced clients is drained", "ws-paced", "message", units=2,
        kind="reload", arguments={"clients": 9000, "rate": 1, "size": 64, "interval": 0.25},
        short={"clients": 1000}, seconds=6, short_seconds=3, by_default=False, drains=True,
    ),
    _ROUTING,
    replace(_ROUTING, name="routing-1000", title="small requests through 1,000 routers", routes=1000,
            arguments={"clients": 100, "hosts": 1000}),
    replace(_ROUTING, name="routing-10000", title="small requests through 10,000 routers", routes=10000,
            arguments={"clients": 100, "hosts": 10000}),
    Scenario(
        "threads", "two data-plane threads beside one, with 200 clients that echo as fast as they can",
        "ws-saturated", "message", units=2, kind="threads", arguments={"clients": 100, "size": 64},
        short={"clients": 50},
    ),
    Scenario(
        "start", "a start with 1,000 servers in a file", "", "start", kind="start", servers=1000,
    ),
    Scenario(
        "start-routers", "a start with 1,000 routers, services and servers in a file", "", "start", kind="start",
        routes=1000,
    ),
)


def by_name(name: str) -> Scenario:
    """The scenario of that name; KeyError when there is none."""
    return {scenario.name: scenario for scenario in SCENARIOS}[name]
