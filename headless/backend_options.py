"""Options of `spacetime batch` that say where its jobs run."""

from typing import Annotated

import typer

Servers = Annotated[
    list[str] | None,
    typer.Option(
        "--server", metavar="URL", help="Run jobs on this ComfyUI server; once for each server."
    ),
]
ServerHeaders = Annotated[
    list[str] | None,
    typer.Option(
        "--server-header",
        metavar="NAME:VALUE",
        help='Send this to the servers: "Authorization: Bearer ..."; never told or stored.',
    ),
]
ServerPatience = Annotated[
    float, typer.Option(min=1, help="Seconds until a batch without any server ends.")
]
WorkerCount = Annotated[
    int,
    typer.Option(
        "--workers", min=0, help="Run jobs in so many processes of this machine, or of --ray."
    ),
]
Ray = Annotated[
    str,
    typer.Option(
        "--ray", metavar="ADDRESS", help="Run jobs on a Ray cluster; auto: the one of this machine."
    ),
]
Devices = Annotated[
    str, typer.Option("--devices", help="Run jobs in one process for each: cuda:0,cuda:1.")
]
