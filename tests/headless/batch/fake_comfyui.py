"""A server with ComfyUI's routes and events on real sockets, which does what a test says."""

import base64
import hashlib
import json
import re
import socket
import struct
import threading
import time
from contextlib import suppress
from email.message import Message
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
OBJECT_INFO = {
    "LoadVideo": {
        "input": {
            "required": {"file": ["COMBO", {"options": ["there.mp4"], "video_upload": True}]}
        },
        "output": ["VIDEO"],
        "display_name": "Load Video",
    },
    "Seed": {
        "input": {"required": {"seed": ["INT", {"default": 0, "min": 0, "max": 99}]}},
        "output": ["INT"],
    },
    "Save": {
        "input": {"required": {"value": ["*", {}], "prefix": ["STRING", {"default": "clip"}]}},
        "output": [],
        "output_node": True,
    },
}
STEPS = 3


def succeed(run):
    """Steps are told, and a file of each kind is saved."""
    run.start()
    for step in range(1, STEPS + 1):
        run.tell("progress", node="1", value=step, max=STEPS)
    run.save()
    run.end()


class Run:
    """One prompt on the server; what it does is one of the functions of a test."""

    def __init__(self, server, body):
        self.server, self.nodes = server, body["prompt"]
        self.id, self.client, self.extra = body["prompt_id"], body["client_id"], body["extra_data"]
        self.outputs, self.cancelled = {}, threading.Event()

    def start(self):
        self.tell("execution_start")
        self.tell("executing", node="1")

    def tell(self, kind, **data):
        self.server.send(self.client, {"type": kind, "data": {"prompt_id": self.id, **data}})

    def save(self):
        number = len(self.server.files) + 1
        kinds = {"images": "mp4", "gifs": "webp", "audio": "flac", "3d": "glb"}
        for kind, suffix in kinds.items():
            name = f"clip_{number:05}_.{suffix}"
            self.server.files["output", "video", name] = f"{kind} of {self.id}".encode()
            file = {"filename": name, "subfolder": "video", "type": "output"}
            self.outputs[kind] = {kind: [file], "animated": [True], "text": ["words"]}
        self.server.files["temp", "", "preview.png"] = b"preview"
        preview = {"filename": "preview.png", "subfolder": "", "type": "temp"}
        self.outputs["preview"] = {"images": [preview]}

    def end(self, status="success", messages=()):
        self.server.record(self, status, messages)
        self.tell("executing", node=None)

    def fail(self):
        about = {
            "node_id": "1",
            "node_type": "Seed",
            "exception_type": "RuntimeError",
            "exception_message": "the seed is unlucky\n",
            "traceback": ["Traceback\n", "  of the server\n"],
        }
        self.end("error", [["execution_start", {}], ["execution_error", about]])


class FakeComfyUI:
    """The server; `script` holds what the next prompts do, then they succeed."""

    def __init__(self, *script, port=0):
        self.script = list(script)
        self.posts, self.uploads, self.headers, self.asked = [], {}, [], []
        self.history, self.running, self.files, self.sockets = {}, {}, {}, {}
        self.answer, self.locked = None, False
        self.port = port
        self.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def start(self):
        """Listen; a server that has died remembers nothing."""
        self.history, self.running, self.sockets = {}, {}, {}
        handler = type("Handler", (Handler,), {"fake": self})
        self.http = ThreadingHTTPServer(("127.0.0.1", self.port), handler)
        self.port = self.http.server_port
        threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True).start()

    def die(self):
        """Close every socket, as a process does that is killed."""
        self.close()
        for run in [*self.running.values()]:
            run.cancelled.set()

    def close(self):
        """Let nobody in any more, but go on with what runs."""
        self.http.shutdown()
        self.http.server_close()
        self.hang_up()

    def hang_up(self):
        """Close the websockets alone."""
        for client in [*self.sockets]:
            with suppress(KeyError, OSError):
                self.sockets.pop(client).shutdown(socket.SHUT_RDWR)

    def run(self, body):
        self.posts.append(body)
        run = self.running[body["prompt_id"]] = Run(self, body)
        act = self.script.pop(0) if self.script else succeed
        threading.Thread(target=act, args=(run,), daemon=True).start()

    def record(self, run, status, messages):
        self.history[run.id] = {
            "outputs": run.outputs,
            "status": {
                "status_str": status,
                "completed": status == "success",
                "messages": messages,
            },
        }
        self.running.pop(run.id, None)

    def interrupt(self, prompt_id):
        run = self.running.get(prompt_id)
        if run is not None:
            run.cancelled.set()
            run.end("error", [["execution_interrupted", {"node_id": "1", "node_type": "Seed"}]])

    def send(self, client, event):
        text = json.dumps(event).encode()
        size = bytes([len(text)]) if len(text) < 126 else b"\x7e" + struct.pack(">H", len(text))
        connection = self.sockets.get(client)
        if connection is not None:
            with suppress(OSError):
                connection.sendall(b"\x81" + size + text)


class Handler(BaseHTTPRequestHandler):
    """The routes."""

    fake = None
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def do_GET(self):
        place = urlsplit(self.path)
        self.fake.asked.append(place.path)
        query = {
            name: values[0]
            for name, values in parse_qs(place.query, keep_blank_values=True).items()
        }
        self.fake.headers.append(dict(self.headers))
        if self.fake.locked:
            return self.reply({}, 401)
        if place.path == "/ws":
            self.listen(query["clientId"])
        elif place.path == "/object_info":
            self.reply(OBJECT_INFO)
        elif place.path == "/system_stats":
            self.reply({"system": {"comfyui_version": "0.0.1", "python_version": "3.11"}})
        elif place.path.startswith("/history/"):
            key = place.path.rpartition("/")[2]
            self.reply({key: self.fake.history[key]} if key in self.fake.history else {})
        elif place.path == "/queue":
            self.reply(
                {"queue_running": [[0, key] for key in self.fake.running], "queue_pending": []}
            )
        else:
            self.view(self.fake.files.get((query["type"], query["subfolder"], query["filename"])))
        return None

    def do_POST(self):
        content = self.rfile.read(int(self.headers["Content-Length"]))
        self.fake.headers.append(dict(self.headers))
        if self.path == "/upload/image":
            return self.upload(content)
        body = json.loads(content)
        if self.path == "/interrupt":
            self.fake.interrupt(body["prompt_id"])
        elif self.path == "/prompt":
            answer = self.fake.answer or {"node_errors": {}}
            if "error" in answer:
                return self.reply(answer, 400)
            self.fake.run(body)
            return self.reply({"prompt_id": body["prompt_id"], **answer})
        return self.reply(None)

    def upload(self, content):
        head = b"Content-Type: " + self.headers["Content-Type"].encode() + b"\r\n\r\n"
        parts = BytesParser().parsebytes(head + content).get_payload()
        fields = {name_of(part): part.get_payload(decode=True) for part in parts}
        (name,) = re.findall(b'filename="([^"]+)"', content)
        name = name.decode()
        taken = self.fake.uploads.get(name)
        name = name if taken in (None, fields["image"]) else f"again {name}"
        self.fake.uploads[name] = fields["image"]
        self.reply({"name": name, "subfolder": fields["subfolder"].decode(), "type": "input"})

    def view(self, content):
        if content is None:
            return self.reply({"error": "no file"}, 404)
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        return self.wfile.write(content)

    def reply(self, answer, status=200):
        content = b"" if answer is None else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def listen(self, client):
        key = hashlib.sha1(self.headers["Sec-WebSocket-Key"].encode() + GUID).digest()
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", base64.b64encode(key).decode())
        self.end_headers()
        self.fake.sockets[client] = self.connection
        self.fake.send(client, {"type": "status", "data": {"status": {}}})
        with suppress(OSError):
            while self.connection.recv(4096):
                pass
        if self.fake.sockets.get(client) is self.connection:
            del self.fake.sockets[client]
        self.close_connection = True


def name_of(part: Message):
    return part.get_param("name", header="Content-Disposition")


def wait_until(condition, seconds=20):
    """Wait for something to become true."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)
