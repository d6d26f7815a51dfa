"""The lab's control over HTTP: its status, and its operations."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from cockpit.errors import CockpitError
from cockpit.rehearsal.http1 import HttpServer, Request, Response, json
from cockpit.rehearsal.operations import Operations
from cockpit.rehearsal.progress import LabStatus
from cockpit.rehearsal.spec import CONTROL_PORT

_PREFIX = "/operations/"


class Control:
    """GET /status; POST /operations/NAME answers with the operation's lines."""

    def __init__(
        self, address: str, status: Callable[[], LabStatus], operations: Operations
    ) -> None:
        self._status = status
        self._operations = operations
        self._server = HttpServer(address, CONTROL_PORT, self.handle)

    async def start(self) -> None:
        """Accept connections."""
        await self._server.start()

    async def stop(self) -> None:
        """Refuse them."""
        await self._server.stop()

    async def handle(self, request: Request) -> Response:
        """Answer one request."""
        if request.path == "/status" and request.method in ("GET", "HEAD"):
            return Response(200, msgspec.json.encode(self._status()))
        if request.path.startswith(_PREFIX):
            if request.method != "POST":
                return json(405, error="an operation is started by POST")
            return await self._operate(request.path.removeprefix(_PREFIX))
        return json(404, error="no such route")

    async def _operate(self, name: str) -> Response:
        try:
            lines = await self._operations.run(name)
        except CockpitError as error:
            return _text(500, [str(error)])
        return _text(200, lines)


def _text(status: int, lines: list[str]) -> Response:
    return Response(status, ("\n".join(lines) + "\n").encode(), "text/plain; charset=utf-8")
