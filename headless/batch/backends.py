"""Choose the backend that the command line requests, and find its nodes."""

from dataclasses import dataclass
from pathlib import Path

import torch

from ...graph.registry import Registry
from ...graph.server_nodes import server_nodes
from ...hosts.standalone.host import StandaloneHost
from ..backend_options import PATIENCE
from ..engine import standalone_registry
from .backend import Backend
from .comfyui_client import ComfyUIClient, Unreachable, no_server, read_headers
from .comfyui_server import ComfyUIServers
from .here import Here
from .ray_cluster import RayCluster
from .settings import BatchSettings
from .workers import Workers


@dataclass(frozen=True, kw_only=True)
class BackendOptions:
    """Where jobs run, from the command line; in this process if nothing is set.

    Args:
        servers: URLs of ComfyUI servers.
        server_headers: sent to them, each ``Name: value``; never printed or stored.
        server_patience: seconds after which a batch with no server available ends.
        workers: number of processes, on this machine's accelerators in turn or on the Ray cluster.
        devices: one process runs on each.
        ray: address of a Ray cluster.
    """

    servers: tuple[str, ...] = ()
    server_headers: tuple[str, ...] = ()
    server_patience: float = PATIENCE
    workers: int = 0
    devices: tuple[str, ...] = ()
    ray: str = ""

    def check(self, settings: BatchSettings) -> None:
        """Reject options that contradict each other, or the settings of the batch.

        Raises:
            ValueError: they name several backends, or an option's backend is not named.
        """
        named = {
            "--server": bool(self.servers),
            "--ray": bool(self.ray),
            "--workers": self.workers > 0 and not self.ray,
            "--devices": bool(self.devices),
        }
        chosen = [name for name, is_given in named.items() if is_given]
        if len(chosen) > 1:
            raise ValueError(
                f"{' and '.join(chosen)} contradict each other on where jobs run: use one of them"
            )
        if self.server_headers and not self.servers:
            raise ValueError("--server-header is only for servers, and no --server is given")
        if settings.pack > 1 and self.servers:
            raise ValueError(
                f"--pack {settings.pack} and --server: a server runs one job after the other; "
                "use --pack auto, or run your own processes with --workers or --ray"
            )


def backend_of(options: BackendOptions, settings: BatchSettings) -> Backend:
    """Return what runs the jobs.

    Raises:
        ValueError: the options contradict each other, or cannot be met.
        OSError: no server answers.
    """
    options.check(settings)
    if options.servers and not settings.metadata:
        raise ValueError(
            "--no-metadata cannot be used with --server: start ComfyUI with --disable-metadata "
            "instead"
        )
    if options.servers:
        return ComfyUIServers(
            options.servers,
            read_headers(options.server_headers),
            options.server_patience,
            Path(settings.input_dir),
        )
    if options.ray:
        return RayCluster(settings, options.ray, options.workers)
    devices = options.devices or _devices(settings.device, options.workers)
    return Workers(settings, devices) if devices else Here(settings)


def registry_of(options: BackendOptions, settings: BatchSettings) -> Registry:
    """Return the nodes that will run the jobs: those of the first server that answers, or ours.

    Raises:
        ValueError: the options contradict each other, or a server is not ComfyUI.
        OSError: no server answers.
    """
    options.check(settings)
    headers = read_headers(options.server_headers)
    problems: list[Unreachable] = []
    for url in options.servers:
        try:
            return server_nodes(ComfyUIClient(url, headers).object_info())
        except Unreachable as problem:
            problems.append(problem)
    if problems:
        raise no_server(problems)
    host = StandaloneHost(
        models=Path(settings.models_dir), device=settings.device, dtype=settings.dtype
    )
    return standalone_registry(host)


def _devices(device: str, workers: int) -> tuple[str, ...]:
    """Return a device for each process: the accelerators in turn, if any of them may be used."""
    count = torch.cuda.device_count() if device in ("auto", "cuda") else 0
    return tuple(f"cuda:{number % count}" if count else device for number in range(workers))
