"""One ComfyUI server: its HTTP routes, and the events that it sends while it runs a prompt."""

import http.client
import json
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple
from urllib.error import HTTPError
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from ...media import plain_path, printable, shown

ANSWER_SECONDS = 60.0
"""Seconds until a silent server counts as gone; a server that loads models answers late."""

CHUNK = 1 << 20
"""Bytes of a file that are sent or read at a time."""

_GATEWAY_CODES = frozenset({502, 503, 504})
"""Status codes of a proxy whose server is gone."""

_LONGEST_ANSWER = 2000

EXTRA = (
    "ComfyUI servers need the package websocket-client: install it with pip install "
    '"spacetime-video[batch]"'
)


class Unreachable(ConnectionError):  # noqa: N818 (says what happened)
    """A server does not answer, or went away in the middle of an answer."""


class Refused(ValueError):  # noqa: N818 (says what happened)
    """A server rejected a request; ``answer`` is its JSON, if any."""

    def __init__(self, message: str, answer: Mapping[str, Any]) -> None:
        self.answer = answer
        super().__init__(message)


class SavedOnServer(NamedTuple):
    """A file in one of a server's folders, as its nodes report it."""

    name: str
    subfolder: str
    folder: str


class _NoRedirects(HTTPRedirectHandler):
    """Follows no redirects: headers may be secrets, which another server must not get."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


class ComfyUIClient:
    """Talks to one server.

    Args:
        url: such as http://127.0.0.1:8188; a path in it is put before all routes.
        headers: sent with every request. They may be secrets, and are never printed or stored.

    Raises:
        ValueError: the URL is not that of a server.
    """

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        self.url = _checked(url)
        self.id = uuid.uuid4().hex
        self._headers = dict(headers)
        self._opener = build_opener(_NoRedirects)

    def object_info(self) -> Any:
        """Return the server's description of its nodes."""
        return self._json("/object_info")

    def versions(self) -> dict[str, str]:
        """Return the versions of ComfyUI, torch and Python that the server runs with."""
        told = self._json("/system_stats")
        system = told.get("system") if isinstance(told, dict) else None
        names = {
            "comfyui": "comfyui_version",
            "torch": "pytorch_version",
            "python": "python_version",
        }
        known = system if isinstance(system, dict) else {}
        return {name: str(known[key]) for name, key in names.items() if known.get(key)}

    def upload(self, file: Path, name: str) -> str:
        """Send a file to the input folder and return its name there.

        The name differs if a file with other content already has it.

        Raises:
            ValueError: the file cannot be read.
        """
        boundary = uuid.uuid4().hex
        folder, _, last = name.replace("\\", "/").rpartition("/")
        fields = {"type": "input", "subfolder": folder}
        head = "".join(
            f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"\r\n\r\n{value}\r\n'
            for field, value in fields.items()
        )
        quoted = printable(last).replace('"', '\\"')
        head += (
            f'--{boundary}\r\nContent-Disposition: form-data; name="image"; filename="{quoted}"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n"
        )
        before, behind = head.encode(), f"\r\n--{boundary}--\r\n".encode()
        headers = {
            "Content-Type": f"multipart/form-data; boundary={boundary}",
            "Content-Length": str(len(before) + file.stat().st_size + len(behind)),
        }
        answer = self._json("/upload/image", data=_framed(before, file, behind), headers=headers)
        return "/".join(filter(None, [answer.get("subfolder"), answer["name"]]))

    def queue(
        self, prompt_id: str, nodes: Mapping[str, Any], extra_pnginfo: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """Queue a prompt and return the answer, whose ``node_errors`` may list skipped nodes.

        Raises:
            Refused: the prompt is invalid; nothing was queued.
        """
        body = {
            "prompt": nodes,
            "prompt_id": prompt_id,
            "client_id": self.id,
            "extra_data": {"extra_pnginfo": extra_pnginfo},
        }
        return self._post("/prompt", body)

    def history(self, prompt_id: str) -> Mapping[str, Any] | None:
        """Return the record of a prompt that has ended; None for any other."""
        return self._json(f"/history/{prompt_id}").get(prompt_id)

    def place(self, prompt_id: str) -> str:
        """Return "running", "waiting", or "" for a prompt that is not queued."""
        queue = self._json("/queue")
        for name, place in (("queue_running", "running"), ("queue_pending", "waiting")):
            if any(entry[1] == prompt_id for entry in queue.get(name) or ()):
                return place
        return ""

    def cancel(self, prompt_id: str) -> None:
        """Remove a prompt from the queue, or interrupt it; nothing else is affected."""
        self._post("/queue", {"delete": [prompt_id]})
        if self.place(prompt_id) == "running":
            self._post("/interrupt", {"prompt_id": prompt_id})

    def fetch(self, file: SavedOnServer, target: Path) -> None:
        """Download a file, which gets its name when it is complete.

        Raises:
            Refused: the server has no such file.
            OSError: the file cannot be written locally.
        """
        query = {"filename": file.name, "subfolder": file.subfolder, "type": file.folder}
        part = target.with_name(f"{target.name}.part")
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            with self._open(f"/view?{urlencode(query)}") as answer, part.open("wb") as sink:
                _copy(answer, sink, self.url)
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)

    @contextmanager
    def events(self, wait: float) -> Iterator[Iterator[Mapping[str, Any] | None]]:
        """Listen to the events that the server sends to this client.

        Args:
            wait: seconds without an event after which None is yielded instead.

        Raises:
            ValueError: the package for events is not installed.
            Unreachable: the connection fails or breaks.
        """
        websocket = events_package()
        url = f"ws{self.url.removeprefix('http')}/ws?clientId={self.id}"
        problems = (websocket.WebSocketException, OSError)
        try:
            socket = websocket.create_connection(
                url, timeout=ANSWER_SECONDS, header=self._headers, redirect_limit=0
            )
        except problems as problem:
            raise Unreachable(f"{self.url}: {problem}") from problem
        try:
            socket.settimeout(wait)
            yield self._received(socket, websocket.WebSocketTimeoutException, problems)
        finally:
            with suppress(*problems):
                socket.close(timeout=0)

    def _received(
        self, socket: Any, silence: type[Exception], problems: tuple[type[Exception], ...]
    ) -> Iterator[Mapping[str, Any] | None]:
        while True:
            try:
                message = socket.recv()
            except silence:
                yield None
                continue
            except problems as problem:
                raise Unreachable(f"{self.url}: {str(problem).rstrip('.')}") from problem
            if message == "":
                raise Unreachable(f"{self.url} has closed the connection")
            if isinstance(message, str):  # bytes are preview images
                event = json.loads(message)
                yield event if isinstance(event, dict) else None

    def _post(self, path: str, body: Mapping[str, Any]) -> Any:
        return self._json(
            path, data=json.dumps(body).encode(), headers={"Content-Type": "application/json"}
        )

    def _json(self, path: str, **request: Any) -> Any:
        with self._open(path, **request) as answer, _reachable(self.url):
            text = answer.read()
        try:
            return json.loads(text) if text else {}
        except ValueError as error:
            raise ValueError(f"{self.url}{path} is not ComfyUI: its answer is not JSON") from error

    @contextmanager
    def _open(
        self, path: str, *, data: Any = None, headers: Mapping[str, str] | None = None
    ) -> Iterator[http.client.HTTPResponse]:
        request = Request(
            f"{self.url}{path}", data=data, headers={**self._headers, **(headers or {})}
        )
        with _reachable(self.url):
            try:
                answer = self._opener.open(request, timeout=ANSWER_SECONDS)
            except HTTPError as error:
                raise _refusal(self.url, path, error) from None
        with answer:
            yield answer


def no_server(problems: Iterable[object]) -> Unreachable:
    """Return the error to raise if none of the servers answers.

    Args:
        problems: one for each server, with its URL.
    """
    told = "; ".join(map(str, problems))
    return Unreachable(f"no ComfyUI server answers ({told}): start one, or check --server")


def events_package() -> Any:
    """Return the package that reads events.

    Raises:
        ValueError: it is not installed.
    """
    try:
        import websocket
    except ModuleNotFoundError as missing:
        raise ValueError(EXTRA) from missing
    return websocket


@contextmanager
def _reachable(url: str) -> Iterator[None]:
    try:
        yield
    except (Refused, Unreachable):
        raise
    except (OSError, http.client.HTTPException) as problem:
        reason = getattr(problem, "reason", None) or problem
        raise Unreachable(f"{url}: {reason}") from problem


def _refusal(url: str, path: str, error: HTTPError) -> Exception:
    """Return the exception that stands for an HTTP error."""
    with error, suppress(OSError, http.client.HTTPException):
        text = error.read(CHUNK).decode(errors="replace")
        if error.code in _GATEWAY_CODES:
            return Unreachable(f"{url} answered {error.code}")
        if error.code in (401, 403):
            return Refused(
                f"{url} answered {error.code}: pass its credentials with --server-header", {}
            )
        if error.code in range(300, 400):
            return Refused(f"{url} redirects to {error.headers.get('Location')}: use that URL", {})
        with suppress(ValueError):
            answer = json.loads(text)
            if isinstance(answer, dict):
                return Refused(f"{url}{path} answered {error.code}", answer)
        reason = f": {shown(text, _LONGEST_ANSWER)}" if text else ""
        return Refused(f"{url}{path} answered {error.code}{reason}", {})
    return Unreachable(f"{url} answered {error.code} and went away")


def _framed(before: bytes, file: Path, behind: bytes) -> Iterator[bytes]:
    yield before
    try:
        with file.open("rb") as source:
            while part := source.read(CHUNK):
                yield part
    except OSError as problem:  # must not be taken for a connection error
        raise ValueError(f"{file} cannot be read: {problem}") from problem
    yield behind


def _copy(answer: http.client.HTTPResponse, sink: Any, url: str) -> None:
    wanted, got = answer.headers.get("Content-Length"), 0
    while True:
        with _reachable(url):
            part = answer.read(CHUNK)
        if not part:
            break
        sink.write(part)
        got += len(part)
    if wanted is not None and got != int(wanted):
        raise Unreachable(f"{url} went away after {got} of {wanted} bytes of a file")


def local_place(folder: Path, file: SavedOnServer) -> Path:
    """Return the local path of a server's file below a folder.

    Raises:
        ValueError: it would be outside the folder.
    """
    parts: Sequence[str] = [*file.subfolder.replace("\\", "/").split("/"), file.name]
    place = plain_path(folder.joinpath(*parts))
    inside = place.is_relative_to(plain_path(folder)) and place != plain_path(folder)
    if not inside or "/" in file.name or "\\" in file.name:
        raise ValueError(f"a server names a file outside its folder: {shown('/'.join(parts))}")
    return place


def read_headers(given: Sequence[str]) -> dict[str, str]:
    """Parse headers from the command line.

    Args:
        given: each ``Name: value``.

    Raises:
        ValueError: one is malformed; its text is not repeated, since it may be a secret.
    """
    headers: dict[str, str] = {}
    for number, line in enumerate(given, 1):
        name, colon, value = (part.strip() for part in line.partition(":"))
        broken = any(letter in "\r\n" or ord(letter) > 255 for letter in line)
        if not name or not colon or not value or " " in name or broken:
            raise ValueError(
                f'--server-header number {number} is not of the form "Name: value", such as '
                '"Authorization: Bearer ..."'
            )
        headers[name] = value
    return headers


def _checked(url: str) -> str:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ValueError(f"--server {shown(url)} is not a URL ({error})") from error
    if parts.username or parts.password:
        raise ValueError(
            f"--server {shown(str(parts.hostname))}: the URL must not contain a password; pass it "
            'with --server-header "Authorization: Basic ..."'
        )
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or port == 0:
        raise ValueError(
            f"--server {shown(url)} is not the URL of a server, such as http://127.0.0.1:8188"
        )
    return url.rstrip("/")
