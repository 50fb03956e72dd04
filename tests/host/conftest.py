"""The real ComfyUI in a process of its own, where ``COMFYUI_DIR`` says that there is one."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import ExitStack
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PACK = HERE.parents[1]
HOW = (
    "set COMFYUI_DIR to a ComfyUI checkout, and COMFYUI_PYTHON to its interpreter, to run the "
    "tests in the real host"
)
BROWSER = (
    "pip install playwright, and install Chromium or Chrome (CHROMIUM names its program where the "
    "PATH does not), to run the tests in the real editor"
)
START_SECONDS = 300
PROBE_SECONDS = 900
NOTES = pytest.StashKey[list[str]]()


@pytest.fixture(scope="session", autouse=True)
def _real_host():
    if "COMFYUI_DIR" not in os.environ:
        pytest.skip("no COMFYUI_DIR")


def pytest_terminal_summary(terminalreporter):
    if "COMFYUI_DIR" not in os.environ:
        terminalreporter.write_line(f"tests/host skipped: {HOW}")
    for line in terminalreporter.config.stash.get(NOTES, []):
        terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def note(request):
    """Write a line for the person who runs the tests, at their end."""
    return request.config.stash.setdefault(NOTES, []).append


def interpreter():
    return os.environ.get("COMFYUI_PYTHON", sys.executable)


def quiet_environment():
    quiet = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
    return {**os.environ, **quiet, "SPACETIME_PACK": str(PACK)}


@pytest.fixture(scope="session")
def probe(tmp_path_factory):
    """Run a script of ``probes/`` inside ComfyUI's interpreter and read what it measured."""

    def run(name, *arguments):
        folder = tmp_path_factory.mktemp(name)
        command = [interpreter(), str(HERE / "probes" / f"{name}.py"), str(folder), *arguments]
        done = subprocess.run(
            command, env=quiet_environment(), capture_output=True, text=True, timeout=PROBE_SECONDS
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads((folder / "measured.json").read_text())

    return run


@pytest.fixture(scope="session")
def host_has():
    """Skip where this ComfyUI lacks a module of its ``comfy`` package, which came later."""

    def check(name):
        if not (Path(os.environ["COMFYUI_DIR"]) / "comfy" / f"{name}.py").exists():
            pytest.skip(f"this ComfyUI has no comfy.{name}")

    return check


class Server:
    """A running ComfyUI with the pack dropped into its ``custom_nodes``."""

    def __init__(self, base: Path):
        self.base = base
        self.port = _free_port()
        self.log = base / "server.log"
        (base / "custom_nodes").mkdir()
        (base / "custom_nodes" / "spacetime-video").symlink_to(PACK)

    def start(self):
        main = Path(os.environ["COMFYUI_DIR"]) / "main.py"
        options = ["--cpu", "--disable-api-nodes", "--port", str(self.port)]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [interpreter(), str(main), *options, "--base-directory", str(self.base)],
                cwd=main.parent,
                env=quiet_environment(),
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self._wait()

    def _wait(self):
        for _ in range(START_SECONDS):
            if self.process.poll() is not None:
                break
            try:
                return self.get("/system_stats")
            except (urllib.error.URLError, ConnectionError):
                time.sleep(1)
        self.process.kill()
        pytest.fail(f"ComfyUI did not start:\n{self.log.read_text()}")

    def get(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=30) as answer:
            return json.load(answer)

    def post(self, path, body):
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}", json.dumps(body).encode(), method="POST"
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.read()

    def run(self, prompt):
        """What the history says of a graph, once it has run."""
        answer = self.post("/prompt", {"prompt": prompt})
        return self.finished(json.loads(answer)["prompt_id"])

    def finished(self, run):
        for _ in range(1200):
            history = self.get(f"/history/{run}")
            if run in history:
                return history[run]
            time.sleep(0.1)
        pytest.fail("the run never ended")

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=30)


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    running = Server(tmp_path_factory.mktemp("comfyui"))
    running.start()
    yield running
    running.stop()


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="session")
def browser(note):
    """A headless browser; the tests that ask for it are skipped where there is none."""
    with ExitStack() as stack:
        try:
            from .editor_page import chromium

            running = stack.enter_context(chromium())
        except (ModuleNotFoundError, FileNotFoundError) as missing:
            note(f"tests in the editor skipped: {missing}; {BROWSER}")
            pytest.skip(str(missing))
        yield running


@pytest.fixture(scope="module")
def editor(browser, server):
    """The editor of the running server, on a page of its own."""
    from .editor_page import Editor

    opened = Editor(browser, f"http://127.0.0.1:{server.port}")
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def pictures(tmp_path_factory, note):
    """A folder for screenshots, which SPACETIME_SCREENSHOTS may name."""
    named = os.environ.get("SPACETIME_SCREENSHOTS")
    folder = Path(named) if named else tmp_path_factory.mktemp("editor")
    folder.mkdir(parents=True, exist_ok=True)
    note(f"screenshots of the editor, for a person to look at: {folder}")
    return folder
