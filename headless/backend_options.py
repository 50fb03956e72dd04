"""Options of `spacetime batch` that choose where its jobs run."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from .batch.backends import BackendOptions

PATIENCE = 300
"""Seconds that a batch waits for a server."""

Servers = Annotated[
    list[str] | None,
    typer.Option(
        "--server", metavar="URL", help="Run jobs on this ComfyUI server; repeat for more servers."
    ),
]
ServerHeaders = Annotated[
    list[str] | None,
    typer.Option(
        "--server-header",
        metavar="NAME:VALUE",
        help='Header for the servers: "Authorization: Bearer ..."; never printed or stored.',
    ),
]
ServerPatience = Annotated[
    float,
    typer.Option(
        min=1,
        show_default=str(PATIENCE),
        help="Seconds until a batch with no server available ends.",
    ),
]
WorkerCount = Annotated[
    int,
    typer.Option(
        "--workers", min=0, help="Run jobs in this many processes, locally or on the --ray cluster."
    ),
]
Ray = Annotated[
    str,
    typer.Option(
        "--ray", metavar="ADDRESS", help="Run jobs on a Ray cluster; auto: the one on this machine."
    ),
]
Devices = Annotated[
    str, typer.Option("--devices", help="Run jobs in one process per device: cuda:0,cuda:1.")
]


def backend_options(
    servers: Sequence[str] | None,
    server_headers: Sequence[str] | None,
    server_patience: float,
    workers: int,
    devices: str,
    ray: str,
) -> "BackendOptions":
    """Return where the jobs of a batch run, from the command-line options."""
    from .batch.backends import BackendOptions

    return BackendOptions(
        servers=tuple(servers or ()),
        server_headers=tuple(server_headers or ()),
        server_patience=server_patience,
        workers=workers,
        devices=tuple(filter(None, devices.replace(" ", "").split(","))),
        ray=ray,
    )
