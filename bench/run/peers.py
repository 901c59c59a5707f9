"""The proxies that are compared: how each is configured, started, reloaded and stopped."""

from __future__ import annotations

import http.client
import os
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

import processes

REPOSITORY = Path(__file__).resolve().parents[2]
TEMPLATES = REPOSITORY / "bench" / "peers"
PROXY_PORT = 8000
SERVER_PORT = 9001
ADMIN_PORT = 8019
START_SECONDS = 20
STOP_SECONDS = 3


class BenchError(Exception):
    """Something that makes one run worthless; its text is for the user."""


@dataclass(frozen=True)
class Peer:
    """One proxy. `command` may name {run_dir} and {executable}; `direct` has none: the clients reach the server."""

    name: str
    title: str
    executable: str = ""
    templates: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    reload_command: tuple[str, ...] = ()
    reload_signal: int = 0
    rewrites_file: bool = False  # watches its file: a reload is writing it
    routes: bool = False  # takes part in the routing scenarios
    engine: str = ""  # Limpet's relay engine
    batch_delay: str = "0s"  # Limpet's dataPath.batchDelay
    by_default: bool = True

    def path(self) -> str | None:
        """Where the program is, or nothing when it is not installed."""
        if self.executable == "limpet":
            return _limpet_path()
        if self.executable == "limpet-bare":
            return str(REPOSITORY / "build/bench-tools/limpet-bare")
        return shutil.which(self.executable, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")

    @property
    def reloads(self) -> bool:
        return bool(self.reload_command or self.reload_signal or self.rewrites_file)


_LIMPET = Peer("limpet", "Limpet", "limpet", ("limpet.yml", "limpet-dynamic.yml"),
               ("{executable}", "--configFile={run_dir}/limpet.yml"), rewrites_file=True, routes=True, engine="auto")

PEERS: dict[str, Peer] = {
    peer.name: peer
    for peer in (
        Peer("direct", "direct", routes=True),
        _LIMPET,
        replace(_LIMPET, name="limpet-epoll", title="Limpet, epoll", engine="epoll", by_default=False),
        replace(_LIMPET, name="limpet-io_uring", title="Limpet, io_uring", engine="io_uring", by_default=False),
        replace(_LIMPET, name="limpet-batching", title="Limpet, batchDelay", batch_delay="50us", by_default=False),
        # Nothing but relays, for the small messages of tunnels: what is left when a proxy's own work is nothing.
        *(Peer(f"bare-{engine}", f"bare {engine} relay", "limpet-bare",
               command=("{executable}", "--engine", engine, "--listen", f"127.0.0.1:{PROXY_PORT}",
                        "--to", f"127.0.0.1:{SERVER_PORT}"), by_default=False)
          for engine in ("epoll", "io_uring", "sockmap")),
        Peer("haproxy", "HAProxy", "haproxy", ("haproxy.cfg",),
             ("{executable}", "-W", "-f", "{run_dir}/haproxy.cfg"), reload_signal=signal.SIGUSR2),
        Peer("nginx", "nginx", "nginx", ("nginx.conf",),
             ("{executable}", "-p", "{run_dir}", "-c", "{run_dir}/nginx.conf"), reload_signal=signal.SIGHUP),
        Peer("caddy", "Caddy", "caddy", ("Caddyfile",),
             ("{executable}", "run", "--config", "{run_dir}/Caddyfile", "--adapter", "caddyfile"),
             {"GOMAXPROCS": "1"},
             reload_command=("{executable}", "reload", "--force", "--config", "{run_dir}/Caddyfile", "--adapter",
                             "caddyfile", "--address", f"127.0.0.1:{ADMIN_PORT}")),
        Peer("nghttpx", "nghttpx", "nghttpx", ("nghttpx.conf",), ("{executable}", "--conf={run_dir}/nghttpx.conf")),
    )
}


def _limpet_path() -> str | None:
    named = os.environ.get("LIMPET")
    candidates = [Path(named)] if named else [REPOSITORY / "build/release/limpet", REPOSITORY / "build/bench/limpet"]
    return next((str(path) for path in candidates if path.is_file() and os.access(path, os.X_OK)), None)


def pinned(command: list[str], cpu: int | str) -> list[str]:
    """The command on one CPU (or on several, "0,1"); taskset replaces itself by it, so the pid stays."""
    return ["taskset", "-c", str(cpu), *command]


def stop_process(process: subprocess.Popen, family: dict[int, int] | None = None) -> None:
    """Ends a process by its pid, then what is left of its family: pids with the start times they had."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    for pid, started in (family or {}).items():
        if started and processes.start_time(pid) == started:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass


def family_of(pid: int) -> dict[int, int]:
    """A process and its children, with their start times."""
    return {one: processes.start_time(one) for one in processes.descendants(pid)}


def _route_lines(count: int) -> str:
    """Limpet's dynamic configuration with `count` routers by host, each with a service of one server."""
    lines = ["http:", "  routers:"]
    for i in range(count):
        lines.append(f'    r{i}: {{rule: "Host(`h{i}.bench.test`)", service: s{i}}}')
    lines.append("  services:")
    for i in range(count):
        address = f"127.{1 + i // 65536}.{i // 256 % 256}.{i % 256}" if i else "127.0.0.1"
        lines.append(f'    s{i}: {{loadBalancer: {{servers: [{{url: "http://{address}:{SERVER_PORT}"}}]}}}}')
    return "\n".join(lines) + "\n"


def _server_lines(count: int) -> str:
    """Limpet's dynamic configuration with one sticky service of `count` servers."""
    lines = ["http:", "  routers:", '    all: {rule: "PathPrefix(`/`)", service: echo}', "  services:", "    echo:",
             "      loadBalancer:", "        sticky: {cookie: {name: session}}", "        servers:"]
    lines += [f'          - url: "http://127.{1 + i // 65536}.{i // 256 % 256}.{i % 256}:{SERVER_PORT}"'
              for i in range(1, count + 1)]
    return "\n".join(lines) + "\n"


class RunningPeer:
    """A proxy that runs for one measurement, from its own directory. Use it as a context manager."""

    def __init__(self, peer: Peer, run_dir: Path, cpu: int | str, *, bulk: bool = False, routes: int = 0,
                 servers: int = 0, reload: bool = False, threads: int = 1):
        self.peer = peer
        self.run_dir = run_dir
        self.start_ms = 0.0
        self._cpu = cpu
        self._routes = routes
        self._servers = servers
        self._process: subprocess.Popen | None = None
        self._family: dict[int, int] = {}
        self._values = {
            "PORT": PROXY_PORT,
            "SERVER_PORT": SERVER_PORT,
            "RUN_DIR": run_dir,
            "HAPROXY_BUFFER": 65536 if bulk else 16384,
            "NGINX_BUFFER": "64k" if bulk else "4k",
            "NGINX_BUSY": "128k" if bulk else "8k",
            "ENGINE": peer.engine,
            "BATCH_DELAY": peer.batch_delay,
            "THREADS": threads,
            "PIN": "true" if threads > 1 else "false",
            "CADDY_ADMIN": f"127.0.0.1:{ADMIN_PORT}" if reload else "off",
        }

    @property
    def pid(self) -> int:
        return self._process.pid if self._process else 0

    @property
    def port(self) -> int:
        return PROXY_PORT if self._process else SERVER_PORT

    def __enter__(self) -> "RunningPeer":
        if self.peer.name == "direct":
            return self
        for name in self.peer.templates:
            self._write(name, self._render(name))
        command = self._words(self.peer.command)
        environment = {**os.environ, **self.peer.environment, "HOME": str(self.run_dir),
                       "XDG_CONFIG_HOME": str(self.run_dir), "XDG_DATA_HOME": str(self.run_dir)}
        begun = time.monotonic()
        with open(self.run_dir / "output.log", "ab") as log:
            self._process = subprocess.Popen(pinned(command, self._cpu), stdin=subprocess.DEVNULL, stdout=log,
                                             stderr=log, env=environment, cwd=self.run_dir)
        try:
            self._wait_ready(begun)
        except BaseException:
            self.__exit__()
            raise
        self._family = family_of(self.pid)
        return self

    def __exit__(self, *_: object) -> None:
        if self._process:
            self._family |= family_of(self.pid)
            stop_process(self._process, self._family)

    def alive(self) -> bool:
        return self._process is None or self._process.poll() is None

    def reload(self, drain: bool = False) -> None:
        """Makes the proxy take a configuration that has one server more and, with `drain`, takes no new users to the
        other one (Limpet only)."""
        if self.peer.rewrites_file:
            text = self._render("limpet-dynamic.yml") + ("            fenced: true\n" if drain else "")
            self._write("limpet-dynamic.yml", text + f'          - url: "http://127.0.0.2:{SERVER_PORT}"\n')
        elif self.peer.reload_signal:
            os.kill(self.pid, self.peer.reload_signal)
        else:
            done = subprocess.run(self._words(self.peer.reload_command), stdin=subprocess.DEVNULL,
                                  capture_output=True, timeout=20, check=False, cwd=self.run_dir)
            if done.returncode != 0:
                raise BenchError(f"reload failed: {done.stderr.decode(errors='replace')[-300:]}")

    def log_tail(self) -> str:
        """The end of what the proxy printed."""
        try:
            return (self.run_dir / "output.log").read_text(errors="replace")[-600:].strip()
        except FileNotFoundError:
            return ""

    def _render(self, name: str) -> str:
        if name == "limpet-dynamic.yml" and self._routes:
            return _route_lines(self._routes)
        if name == "limpet-dynamic.yml" and self._servers:
            return _server_lines(self._servers)
        text = (TEMPLATES / name).read_text()
        for key, value in self._values.items():
            text = text.replace(f"@{key}@", str(value))
        return text

    def _write(self, name: str, text: str) -> None:
        """Replaces a file in one step, as an editor or a deployment tool does."""
        fresh = self.run_dir / (name + ".new")
        fresh.write_text(text)
        fresh.rename(self.run_dir / name)

    def _words(self, template: tuple[str, ...]) -> list[str]:
        return [word.format(executable=self.peer.path(), run_dir=self.run_dir) for word in template]

    def _wait_ready(self, begun: float) -> None:
        host = "h0.bench.test" if self._routes else f"127.0.0.1:{PROXY_PORT}"
        while time.monotonic() < begun + START_SECONDS:
            if not self.alive():
                raise BenchError(f"{self.peer.name} ended at start: {self.log_tail()}")
            if _answers(host):
                self.start_ms = (time.monotonic() - begun) * 1000
                return
            time.sleep(0.001)
        raise BenchError(f"{self.peer.name} does not answer after {START_SECONDS} s: {self.log_tail()}")


def _answers(host: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", PROXY_PORT, timeout=2)
    try:
        connection.request("GET", "/", headers={"Host": host})
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
