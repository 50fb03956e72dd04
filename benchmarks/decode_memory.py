"""Peak memory of Decode to Video File for clips of several lengths, each in a process of its own.

    python benchmarks/decode_memory.py --vae tiny --size 64 --seconds 5 60

prints one line of JSON: for each length the most memory that the process took, in MB, what it had
taken when the models were loaded, and the time per frame. With ``--comfyui DIR`` the node runs in
that ComfyUI, by this interpreter, which has to be ComfyUI's.
"""

# pyright: reportMissingImports=false

import argparse
import importlib.util
import json
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
FPS = 16
MEGA = 1e6
RSS_UNIT = 1 if sys.platform == "darwin" else 1024
"""Bytes that ``ru_maxrss`` counts in."""


@dataclass(frozen=True)
class Measured:
    """Of one clip."""

    frames: int
    loaded_mb: float
    peak_mb: float
    seconds_per_frame: float


def peak_mb() -> float:
    """The most memory that this process has taken."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * RSS_UNIT / MEGA


def load_pack() -> None:
    """Load the pack from its folder, under its name."""
    name = "spacetime_video"
    spec = importlib.util.spec_from_file_location(
        name, ROOT / "__init__.py", submodule_search_locations=[str(ROOT)]
    )
    if spec is None or spec.loader is None:
        raise ImportError(f"{ROOT} holds no package")
    sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules[name])


def make_host(comfyui: str | None, folder: Path) -> Any:
    """The host that the node runs in, with its temporary files in a folder."""
    if comfyui is None:
        from spacetime_video.hosts.standalone.folders import Folders
        from spacetime_video.hosts.standalone.host import StandaloneHost

        return StandaloneHost(device="cpu", dtype="fp32", folders=Folders(folder, folder, folder))
    sys.path.insert(0, comfyui)
    from comfy.cli_args import args

    args.cpu = True
    import folder_paths

    folder_paths.set_temp_directory(str(folder))
    from spacetime_video.hosts.comfyui.host import ComfyHost

    return ComfyHost()


def make_vae(host: Any, kind: str) -> Any:
    """The shipped VAE, or one of Wan 2.1's size with random weights."""
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


def measure(options: argparse.Namespace, seconds: float, folder: Path) -> Measured:
    """Decode one clip of random latents to a file."""
    import torch

    from spacetime_video import hosts

    host = make_host(options.comfyui, folder)
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
    loaded, begun = peak_mb(), time.monotonic()
    with torch.inference_mode():
        SpacetimeDecodeToFile.execute({"samples": latent, "fps": FPS}, vae, tile=options.tile)
    frames = 1 + (count - 1) * form.time_factor
    return Measured(frames, loaded, peak_mb(), (time.monotonic() - begun) / frames)


def main() -> None:
    """Measure every length, or only one where this is the process for it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--vae", choices=("tiny", "wan"), default="tiny")
    parser.add_argument("--size", type=int, default=64, help="side of the frames in pixels")
    parser.add_argument("--seconds", type=float, nargs="+", default=[5, 60])
    parser.add_argument("--tile", type=int, default=0, help="side of the tiles, 0 for none")
    parser.add_argument("--comfyui", help="a ComfyUI checkout to run in")
    parser.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.alone:
        load_pack()
        with tempfile.TemporaryDirectory() as folder:
            print(json.dumps(asdict(measure(options, options.seconds[0], Path(folder)))))  # noqa: T201
        return
    same = [sys.executable, __file__, "--vae", options.vae, "--size", str(options.size)]
    same += ["--tile", str(options.tile), "--alone"]
    same += ["--comfyui", options.comfyui] if options.comfyui else []
    clips = {}
    for seconds in options.seconds:
        command = [*same, "--seconds", str(seconds)]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        clips[f"{seconds:g} s"] = json.loads(done.stdout.splitlines()[-1])
    peaks = [clip["peak_mb"] for clip in clips.values()]
    asked = {
        name: value for name, value in vars(options).items() if name not in {"alone", "seconds"}
    }
    print(json.dumps({**asked, "clips": clips, "last_to_first": peaks[-1] / peaks[0]}))  # noqa: T201


if __name__ == "__main__":
    main()
