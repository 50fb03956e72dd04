"""The pack's nodes inside ComfyUI against ComfyUI's own: one weight file, one graph, two node sets.

    COMFYUI_DIR=/path/to/ComfyUI python benchmarks/nodes_in_comfyui.py --dtype bf16

A Wan network with random weights is written to a file, loaded, and sampled with Euler's method from
the same noise, text and noise levels: with the pack's loader, Denoiser and Sample, and with
UNETLoader, CFGGuider and SamplerCustomAdvanced.
"""

# pyright: reportMissingImports=false, reportAttributeAccessIssue=false

import argparse
import atexit
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from contest import Contestant, contest
from pack import DTYPES, dtype_of, enter_comfyui, load_pack

FILE = "wan.safetensors"
GUIDANCE, SHIFT, SEED = 5.0, 3.0, 0
HEAD = 128
"""Width of a Wan network's heads, from which ComfyUI derives their number."""


def begin(options: argparse.Namespace) -> Path:
    """Enter ComfyUI, choose it as the pack's host, and write the weights."""
    enter_comfyui(options.device)
    load_pack()
    import torch
    from safetensors.torch import save_file

    from spacetime_video import hosts
    from spacetime_video.hosts.comfyui.host import ComfyHost
    from spacetime_video.models.dit.config import DiTConfig
    from spacetime_video.models.dit.network import VideoDiT

    hosts.use(ComfyHost())
    width, heads = options.dim, options.dim // HEAD
    config = DiTConfig(dim=width, heads=heads, ffn_dim=4 * width, layers=options.layers)
    network, drawn = VideoDiT(config), torch.Generator().manual_seed(SEED)
    state = {
        name: (0.02 * torch.randn(weight.shape, generator=drawn)).to(dtype_of(options))
        for name, weight in network.state_dict().items()
    }
    folder = tempfile.TemporaryDirectory()
    atexit.register(folder.cleanup)
    save_file(state, Path(folder.name) / FILE)
    return Path(folder.name)


def materials(options: argparse.Namespace) -> tuple[Any, ...]:
    """Return both conditionings, noise, noise levels and an empty latent."""
    import torch

    from spacetime_video.samplers.noise.frames import FrameNoise
    from spacetime_video.samplers.schedules.flow import flow_sigmas

    drawn = torch.Generator().manual_seed(SEED)
    positive, negative = ([[torch.randn(1, 512, 4096, generator=drawn), {}]] for _ in range(2))
    side = options.size // 8
    latent = {"samples": torch.zeros(1, 16, 1 + (options.frames - 1) // 4, side, side)}
    return positive, negative, FrameNoise(SEED), flow_sigmas(options.steps, shift=SHIFT), latent


def ours(options: argparse.Namespace) -> Callable[[], Any]:
    """Prepare the pack's nodes."""
    folder = begin(options)
    import torch

    from spacetime_video.hosts import host
    from spacetime_video.model_loaders.load import read_dit
    from spacetime_video.nodes.sampling.sampling import SpacetimeDenoiser, SpacetimeSample
    from spacetime_video.nodes.sampling.solvers import SpacetimeSolver

    model = host().models.make_model(read_dit(folder / FILE), dtype=options.dtype)
    positive, negative, noise, sigmas, latent = materials(options)

    @torch.inference_mode()
    def work() -> Any:
        (guider,) = SpacetimeDenoiser.execute(model, positive, negative, GUIDANCE).args
        (solver,) = SpacetimeSolver.execute("euler").args
        return SpacetimeSample.execute(guider, noise, solver, sigmas, latent).args[0]["samples"]

    return work


def theirs(options: argparse.Namespace) -> Callable[[], Any]:
    """Prepare ComfyUI's nodes."""
    folder = begin(options)
    import folder_paths
    import torch
    from comfy_extras.nodes_custom_sampler import CFGGuider, KSamplerSelect, SamplerCustomAdvanced

    import nodes

    folder_paths.add_model_folder_path("diffusion_models", str(folder))
    (model,) = nodes.UNETLoader().load_unet(FILE, "default")
    positive, negative, noise, sigmas, latent = materials(options)

    @torch.inference_mode()
    def work() -> Any:
        (guider,) = CFGGuider.execute(model, positive, negative, GUIDANCE).args
        (solver,) = KSamplerSelect.execute("euler").args
        made = SamplerCustomAdvanced.execute(noise, guider, solver, sigmas, latent).args
        return made[0]["samples"]

    return work


def main() -> None:
    """Compare the pack's nodes with ComfyUI's."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--dim", type=int, default=512, help=f"width, a multiple of {HEAD}")
    parser.add_argument("--layers", type=int, default=8)
    parser.add_argument("--size", type=int, default=256, help="side of the frames in pixels")
    parser.add_argument("--frames", type=int, default=17)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--dtype", choices=DTYPES, default="fp32")
    contest(
        parser,
        lambda _: {
            "spacetime": Contestant(ours, in_comfyui=True),
            "comfyui": Contestant(theirs, in_comfyui=True),
        },
    )


if __name__ == "__main__":
    main()
