"""Decodes and saves clips of so many latent frames, one after another.

Prints the most memory that was ever taken, in KiB, after each.
"""

import resource
import sys
from pathlib import Path

import torch

from spacetime_video import hosts
from spacetime_video.graph.executor import Executor
from spacetime_video.graph.registry import Registry
from spacetime_video.hosts.standalone import io
from spacetime_video.hosts.standalone.folders import Folders, use_folders
from spacetime_video.hosts.standalone.host import StandaloneHost
from spacetime_video.hosts.standalone.stock import stock_nodes
from spacetime_video.model_loaders.load import read_vae
from spacetime_video.weights import bundled

host = StandaloneHost(device="cpu", dtype="fp32")
hosts.use(host)

from spacetime_video.nodes.video.video import SpacetimeDecodeVideo  # noqa: E402 (needs the host)


class Clip(io.ComfyNode):
    """A latent and its VAE."""

    @classmethod
    def define_schema(cls):
        frames = io.Int.Input("frames", max=10_000)
        return io.Schema("Clip", inputs=[frames], outputs=[io.Latent.Output(), io.Vae.Output()])

    @classmethod
    def execute(cls, frames):
        path = next(iter(bundled("vae").values()))
        vae = host.models.make_vae(read_vae(path), dtype="auto")
        seeded = torch.Generator().manual_seed(0)
        return io.NodeOutput({"samples": torch.randn(1, 16, frames, 8, 8, generator=seeded)}, vae)


registry = Registry.from_nodes([Clip, SpacetimeDecodeVideo, *stock_nodes()])
saved = {"filename_prefix": "long", "format": "auto", "codec": "auto"}
here = Path(sys.argv[1])


def save(latent_frames):
    decode = {"latent": ["1", 0], "vae": ["1", 1]}
    prompt = {
        "1": {"class_type": "Clip", "inputs": {"frames": latent_frames}},
        "2": {"class_type": "SpacetimeDecodeVideo", "inputs": decode},
        "3": {"class_type": "CreateVideo", "inputs": {"images": ["2", 0], "fps": ["2", 1]}},
        "4": {"class_type": "SaveVideo", "inputs": {"video": ["3", 0], **saved}},
    }
    with use_folders(Folders(here, here, here)):
        Executor(registry).run(prompt)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


print(*(save(int(count)) for count in sys.argv[2:]))  # noqa: T201
