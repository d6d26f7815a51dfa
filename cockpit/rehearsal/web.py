"""The web service of one side: readings in, readings and alerts out, logins, health, metrics."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import msgspec
import psycopg
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from cockpit.jsonread import read_json
from cockpit.rehearsal.clock import JournalClock
from cockpit.rehearsal.data import APP_ROLES, GATE
from cockpit.rehearsal.faults import Faults, Side
from cockpit.rehearsal.http1 import Handler, HttpServer, Request, Response, json
from cockpit.rehearsal.jobs import Jobs
from cockpit.rehearsal.pool import Pool, login
from cockpit.rehearsal.scenarios import SCENARIOS
from cockpit.rehearsal.spec import NEW, OLD, WEB_PORT, LabSpec
from cockpit.rehearsal.tasks import end

SESSIONS = 4
"""Database sessions for users' requests."""
BUCKETS = (0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1.0, 2.5)
"""Upper bounds of the durations' histogram, seconds."""
REFUSED = (psycopg.errors.ReadOnlySqlTransaction, psycopg.errors.InsufficientPrivilege)
"""How a database says that this side is closed for writes."""


class Reading(msgspec.Struct, frozen=True):
    """One measurement, as a sensor sends it."""

    sensor: int
    celsius: float
    humidity: float


class Login(msgspec.Struct, frozen=True):
    """Who wants to log in."""

    email: str


class Metrics:
    """What a service counts, from its start on."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "http_requests", "Requests answered", ["status", "route"], registry=self.registry
        )
        self.seconds = Histogram(
            "http_request_duration_seconds",
            "Time that an answer took",
            ["route"],
            buckets=BUCKETS,
            registry=self.registry,
        )
        self.accepted = Counter(
            "readings_accepted", "Readings answered with 201", registry=self.registry
        )
        self.attempts = Counter(
            "write_attempts", "Requests that asked to write", registry=self.registry
        )
        self.logins = Counter("logins", "Logins tried", ["outcome"], registry=self.registry)
        self.alerts = Counter("alerts_raised", "Alerts raised by the job", registry=self.registry)
        self.up_since = Gauge(
            "up_since_seconds", "Run clock of the start, Unix time", registry=self.registry
        )

    def text(self) -> bytes:
        """All of it, in the Prometheus text format."""
        return generate_latest(self.registry)


class WebService:
    """One side's service; stopped, its address refuses connections."""

    def __init__(self, spec: LabSpec, side: Side, clock: JournalClock) -> None:
        database = OLD if side == "old" else NEW
        users, jobs = APP_ROLES[database]
        self.side = side
        self.metrics = Metrics()
        self._clock = clock
        self._rng = spec.rng(f"web {side}")
        scenario = SCENARIOS[spec.scenario]
        self._faults = Faults(scenario, side, clock, self._rng, spec.delay_s)
        self._database = Pool(
            login(spec, OLD, GATE, users) if side == "old" else login(spec, NEW, users), SESSIONS
        )
        self._jobs = Jobs(Pool(login(spec, database, jobs), 1), clock)
        self._working: asyncio.Task[None] | None = None
        self._routes: Mapping[tuple[str, str], Handler] = {
            ("GET", "/health"): self._health,
            ("GET", "/metrics"): self._show_metrics,
            ("POST", "/api/readings"): self._take_reading,
            ("GET", "/api/readings"): self._show_readings,
            ("GET", "/api/alerts"): self._show_alerts,
            ("POST", "/api/login"): self._log_in,
        }
        address = spec.old if side == "old" else spec.new
        self._server = HttpServer(address, WEB_PORT, self.handle)

    @property
    def is_up(self) -> bool:
        """Whether it accepts connections."""
        return self._server.is_up

    async def start(self) -> None:
        """Accept connections, and work on the jobs that are enabled in the side's database."""
        self.metrics = Metrics()
        self.metrics.up_since.set(self._clock.now())
        await self._server.start()
        self._working = asyncio.create_task(self._jobs.work(self.metrics.alerts.inc))

    async def stop(self) -> None:
        """Cut off users, jobs and database sessions."""
        if self._working:
            await end([self._working])
        await self._server.stop()
        await self._jobs.close()
        await self._database.close()

    async def handle(self, request: Request) -> Response:
        """Answer one request, counted and timed where it is of the application."""
        method = "GET" if request.method == "HEAD" else request.method
        route = self._routes.get((method, request.path))
        if route is None:
            return json(404, error="no such route")
        if not request.path.startswith("/api/"):
            return await route(request)
        began = self._clock.real()
        response = await self._serve(route, request)
        self.metrics.seconds.labels(request.path).observe(self._clock.real() - began)
        self.metrics.requests.labels(str(response.status), request.path).inc()
        return response

    async def _serve(self, route: Handler, request: Request) -> Response:
        await asyncio.sleep(self._faults.delay())
        if self._faults.fails():
            return json(500, error="something broke")
        try:
            return await route(request)
        except msgspec.MsgspecError as error:
            return json(400, error=str(error))
        except REFUSED:
            return json(503, error="this side takes no writes")
        except psycopg.OperationalError:
            return json(503, error="the database does not answer")
        except psycopg.Error as error:
            return json(500, error=type(error).__name__)

    async def _take_reading(self, request: Request) -> Response:
        self.metrics.attempts.inc()
        reading = read_json(request.body, Reading)
        if self._faults.has_full_disk():
            raise psycopg.errors.DiskFull("could not extend file: No space left on device")
        if not self._faults.loses():
            await self._database.run(
                "INSERT INTO sensor_readings (sensor_id, ts, celsius, humidity)"
                " VALUES (%s, to_timestamp(%s), %s, %s)",
                (reading.sensor, self._clock.now(), reading.celsius, reading.humidity),
            )
        self.metrics.accepted.inc()
        return json(201, accepted=True)

    async def _show_readings(self, _: Request) -> Response:
        rows = await self._database.run(
            "SELECT id, sensor_id, extract(epoch FROM ts)::float8, celsius"
            " FROM sensor_readings ORDER BY id DESC LIMIT 20"
        )
        return json(200, readings=rows)

    async def _show_alerts(self, _: Request) -> Response:
        rows = await self._database.run(
            "SELECT id, sensor_id, extract(epoch FROM raised_at)::float8, kind, state"
            " FROM alerts ORDER BY id DESC LIMIT 20"
        )
        return json(200, alerts=rows)

    async def _log_in(self, request: Request) -> Response:
        who = read_json(request.body, Login)
        rows = await self._database.run("SELECT id FROM users WHERE email = %s", (who.email,))
        self.metrics.logins.labels("ok" if rows else "refused").inc()
        return json(200, user=rows[0][0]) if rows else json(401, error="not known")

    async def _health(self, _: Request) -> Response:
        began = self._clock.real()
        await asyncio.sleep(self._faults.delay() / 4)
        try:
            await self._database.run("SELECT 1")
        except psycopg.Error:
            return json(503, status="unhealthy", side=self.side, database="unreachable")
        took = round((self._clock.real() - began) * 1000, 1)
        return json(200, status="healthy", side=self.side, database="ok", took_ms=took)

    async def _show_metrics(self, _: Request) -> Response:
        return Response(200, self.metrics.text(), CONTENT_TYPE_PLAIN_0_0_4)
