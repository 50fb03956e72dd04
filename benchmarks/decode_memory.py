"""Peak memory of Decode to Video File for clips of several lengths, each in its own process.

    python benchmarks/decode_memory.py --vae tiny --size 64 --seconds 5 60

With ``--host comfyui`` the node runs in the ComfyUI that COMFYUI_DIR names.
"""

# pyright: reportMissingImports=false

import argparse
import atexit
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from contest import Contestant, contest
from pack import enter_comfyui, load_pack

FPS = 16


def make_host(options: argparse.Namespace, folder: Path) -> Any:
    """Return the host that the node runs in, with its temporary files in a folder."""
    if options.host == "standalone":
        from spacetime_video.hosts.standalone.folders import Folders
        from spacetime_video.hosts.standalone.host import StandaloneHost

        folders = Folders(folder, folder, folder)
        return StandaloneHost(device=options.device, dtype="fp32", folders=folders)
    enter_comfyui(options.device)
    import folder_paths

    folder_paths.set_temp_directory(str(folder))
    from spacetime_video.hosts.comfyui.host import ComfyHost

    return ComfyHost()


def make_vae(host: Any, kind: str) -> Any:
    """Return the shipped VAE, or one of Wan 2.1's size with random weights."""
    import torch

    from spacetime_video.model_loaders.load import VAEWeights, read_vae
    from spacetime_video.models.vae.network import WAN21_VAE, VideoVAE
    from spacetime_video.weights import bundled

    if kind == "tiny":
        return host.models.make_vae(read_vae(next(iter(bundled("vae").values()))), dtype="fp32")
    torch.manual_seed(0)
    return host.models.make_vae(
        VAEWeights(WAN21_VAE, VideoVAE(WAN21_VAE).state_dict()), dtype="fp32"
    )


def prepare(options: argparse.Namespace, seconds: float) -> Callable[[], None]:
    """Return work that decodes a clip of random latents to a file."""
    load_pack()
    import torch

    from spacetime_video import hosts

    folder = tempfile.TemporaryDirectory()
    atexit.register(folder.cleanup)
    host = make_host(options, Path(folder.name))
    hosts.use(host)
    from spacetime_video.graph.schema import HiddenHolder
    from spacetime_video.nodes.video.files import SpacetimeDecodeToFile

    SpacetimeDecodeToFile.hidden = HiddenHolder()
    vae = make_vae(host, options.vae)
    form = host.models.vae_format(vae)
    count = 1 + round(seconds * FPS / form.time_factor)
    side = options.size // form.space_factor
    drawn = torch.Generator().manual_seed(0)
    latent = torch.randn(1, form.channels, count, side, side, generator=drawn)

    def work() -> None:
        with torch.inference_mode():
            SpacetimeDecodeToFile.execute({"samples": latent, "fps": FPS}, vae, tile=options.tile)

    return work


def main() -> None:
    """Compare every length with the first one."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--vae", choices=("tiny", "wan"), default="tiny")
    parser.add_argument("--size", type=int, default=64, help="side of the frames in pixels")
    parser.add_argument("--seconds", type=float, nargs="+", default=[5, 60])
    parser.add_argument("--tile", type=int, default=0, help="side of the tiles, 0 for none")
    parser.add_argument("--host", choices=("standalone", "comfyui"), default="standalone")
    contest(
        parser,
        lambda options: {
            f"{seconds:g} s": Contestant(
                partial(prepare, seconds=seconds), in_comfyui=options.host == "comfyui"
            )
            for seconds in options.seconds
        },
    )


if __name__ == "__main__":
    main()
