"""The nodes of control's strength on a server draw and sample what the standalone host does."""

import urllib.error
from dataclasses import asdict

import numpy as np
import pytest
import torch
from PIL import Image

from spacetime_video import hosts
from spacetime_video.graph.executor import Executor
from spacetime_video.graph.registry import Registry
from spacetime_video.hosts.standalone import io
from spacetime_video.hosts.standalone.host import StandaloneHost
from spacetime_video.model_loaders.load import read_dit
from spacetime_video.models.control.config import ControlConfig
from spacetime_video.models.control.network import build_control
from spacetime_video.tools.nodes import pack_nodes
from spacetime_video.training.recipe import write_weights
from spacetime_video.weights import bundled

FILE = "random_control.safetensors"
FRAMES = 17
CLIP = {
    "seed": 3, "width": 64, "height": 64, "frames": FRAMES, "fps": 16.0, "kind": "pair",
    "shape": "any", "colour": "any", "motion": "any", "setting": "any",
}  # fmt: skip


def write_control(folder):
    """A random branch for the shipped model."""
    base = read_dit(next(iter(bundled("diffusion_models").values())))
    config = ControlConfig(
        design="dilated", after=(0, 2, 4), base_dim=base.config.dim, dim=32, heads=2, ffn_dim=64,
        text_dim=base.config.text_dim, text_length=base.config.text_length, freq_dim=32,
    )  # fmt: skip
    generator = torch.Generator().manual_seed(0)
    state = {
        name: 0.1 * torch.randn(weight.shape, generator=generator)
        for name, weight in build_control(config).state_dict().items()
    }
    info = {"kind": "controlnet", "config": config.to_dict(), "latent": asdict(base.latent)}
    write_weights(folder / FILE, state, info)


def node(kind, /, **inputs):
    return {"class_type": f"Spacetime{kind}", "inputs": inputs}


def files():
    names = {"model": "diffusion_models", "text_encoder": "text_encoders", "vae": "vae"}
    return {name: next(iter(bundled(folder))) for name, folder in names.items()}


def prompt(**stock):
    """A clip in a moving region, less at every frame, step and layer; and nodes of the host."""
    return {
        "models": node("LoadModels", **files(), dtype="fp32"),
        "clip": node("ExampleClip", **CLIP),
        "positive": node("EncodePrompt", clip=["models", 1], text="a red cube moves left"),
        "negative": node("EncodePrompt", clip=["models", 1], text=""),
        "net": node("LoadControlNet", control_net=FILE, dtype="fp32"),
        "frames": node(
            "ControlOverFrames", control_net=["net", 0], keys="0: 1, 0.5: 0.4",
            counted_in="seconds", interpolation="ease",
        ),
        "steps": node(
            "ControlOverSteps", control_net=["frames", 0], preset="fade out", weakest=0.2,
            keys="", interpolation="linear",
        ),
        "layers": node(
            "ControlPerLayer", control_net=["steps", 0], shape="custom", falloff=1.0,
            factors="1, 0.7, 0.5",
        ),
        "region": node(
            "ControlInRegion", control_net=["layers", 0], mask=["clip", 2], invert=True,
            feather=2.0, outside=0.1, image=["clip", 0],
        ),
        "apply": node(
            "ApplyControlNet", positive=["positive", 0], negative=["negative", 0],
            control_net=["region", 0], image=["clip", 0], vae=["models", 2], strength=0.8,
            start_percent=0.0, end_percent=1.0,
        ),
        "empty": node("EmptyVideo", width=64, height=64, frames=FRAMES, fps=16.0),
        "sigmas": node("Schedule", steps=4, shift=3.0),
        "plot": node(
            "PlotControl", conditioning=["apply", 0], model=["models", 0], sigmas=["sigmas", 0],
            latent=["empty", 0],
        ),
        "guider": node(
            "Denoiser", model=["models", 0], positive=["apply", 0], negative=["apply", 1],
            guidance=2.0,
        ),
        "noise": node("Noise", seed=4),
        "solver": node("Solver", solver="euler"),
        "sample": node(
            "Sample", guider=["guider", 0], noise=["noise", 0], sampler=["solver", 0],
            sigmas=["sigmas", 0], latent=["empty", 0],
        ),
        "video": node("DecodeVideo", latent=["sample", 0], vae=["models", 2]),
        **stock,
    }  # fmt: skip


@pytest.fixture(scope="module")
def shown(server):
    """Pictures (F, H, W, 3) that each node shows on the server."""
    folder = server.base / "models/controlnet"
    write_control(folder)
    preview = {"class_type": "PreviewImage", "inputs": {"images": ["video", 0]}}
    run = server.run(prompt(preview=preview))
    assert run["status"]["status_str"] == "success", run["status"]
    yield {
        name: np.stack([read(server, each) for each in made["images"]])
        for name, made in run["outputs"].items()
    }
    (folder / FILE).unlink()  # other tests look at the nodes of a server without files


def read(server, picture):
    path = server.base / picture["type"] / picture["subfolder"] / picture["filename"]
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB")).astype(int)


@pytest.fixture(scope="module")
def computed(tmp_path_factory):
    """The plot and the clip in the standalone host."""
    kept, before = {}, hosts.host()
    folder = tmp_path_factory.mktemp("models")
    (folder / "controlnet").mkdir()
    write_control(folder / "controlnet")

    class Keep(io.ComfyNode):
        """Keeps the pictures that reach it."""

        @classmethod
        def define_schema(cls):
            inputs = [io.Image.Input("images"), io.String.Input("name", default="")]
            return io.Schema("Keep", inputs=inputs, outputs=[], is_output_node=True)

        @classmethod
        def execute(cls, images, name):
            kept[name] = images
            return io.NodeOutput()

    keeping = {
        f"keep {name}": {"class_type": "Keep", "inputs": {"images": [name, 0], "name": name}}
        for name in ("plot", "video")
    }
    nodes = pack_nodes()
    hosts.use(StandaloneHost(models=folder, device="cpu"))
    try:
        Executor(Registry.from_nodes([Keep, *nodes])).run(prompt(**keeping))
    finally:
        hosts.use(before)
    return kept


def levels(frames):
    return (frames.numpy() * 255).astype(int)


def test_every_node_draws(shown):
    sizes = {name: pictures.shape for name, pictures in shown.items() if name != "preview"}
    assert sizes == {
        "frames": (1, 400, 600, 3),
        "steps": (1, 400, 600, 3),
        "layers": (1, 400, 600, 3),
        "region": (4, 64, 64, 3),
        "plot": (1, 440, 920, 3),
    }
    assert [name for name, pictures in shown.items() if pictures.std() < 5] == []


def test_the_plots_of_the_hosts_agree(shown, computed):
    assert np.abs(shown["plot"] - levels(computed["plot"])).max() <= 2


def test_the_clips_of_the_hosts_agree(shown, computed):
    assert shown["preview"].shape == (FRAMES, 64, 64, 3)
    assert (np.abs(shown["preview"] - levels(computed["video"])) > 2).mean() < 1e-3


def test_keys_that_cannot_be_read_are_refused_before_the_run(server, shown):
    graph = prompt()
    graph["frames"]["inputs"]["keys"] = "0: 1, 24"
    with pytest.raises(urllib.error.HTTPError) as refused:
        server.post("/prompt", {"prompt": graph})
    assert "is not a time with its number" in refused.value.read().decode()
