"""Drawn motion in ComfyUI: as in the standalone host, and through ComfyUI's own sampling node."""

import numpy as np
import pytest
import torch
from PIL import Image

MADE = {"rough", "hint", "drag", "camera", "long", "warped"}


@pytest.fixture(scope="module")
def made(probe, tmp_path_factory):
    folder = tmp_path_factory.mktemp("motion")

    def make(host):
        file = folder / f"{host}.pt"
        assert probe("motion", host, str(file), "sdpa")["first"] is True
        return torch.load(file)

    return make


def test_drawn_motion_gives_the_same_in_both_hosts(made):
    ours, theirs = made("standalone"), made("comfyui")
    assert set(ours) == set(theirs) == MADE
    assert min(float(each.std()) for each in ours.values()) > 0.02
    apart = {name: float((each - theirs[name]).abs().max()) for name, each in ours.items()}
    assert {name: far for name, far in apart.items() if far > 1e-5} == {}


def node(kind, **inputs):
    return {"class_type": kind, "inputs": inputs}


MODELS = {
    "model": "spacetime_tiny_dit.safetensors",
    "text_encoder": "spacetime_tiny_text.safetensors",
    "vae": "spacetime_tiny_vae.safetensors",
    "dtype": "fp32",
}
RUN = {"guider": ["denoiser", 0], "sampler": ["solver", 0], "sigmas": ["schedule", 0]}
GRAPH = {
    "models": node("SpacetimeLoadModels", **MODELS),
    "prompt": node("SpacetimeEncodePrompt", clip=["models", 1], text="a red cube"),
    "clip": node(
        "SpacetimeExampleClip", seed=5, width=64, height=64, frames=1, fps=16.0, shape="cube",
        colour="red", motion="moves right", setting="at day",
    ),
    "camera": node(
        "SpacetimeCameraMove", image=["clip", 0], frames=9, pan=6.0, tilt=0.0, zoom=1.0, dolly=0.0,
        roll=0.0, orbit=0.0, start=0.0, end=1.0, easing="linear", plane=0.5,
    ),
    "flow": node("SpacetimeFlowFromTracks", tracks=["camera", 0], image=["clip", 0]),
    "noise": node("SpacetimeWarpedNoise", seed=3, flow=["flow", 0], fresh=0.2),
    "empty": node("SpacetimeEmptyVideo", width=64, height=64, frames=9, fps=16.0),
    "denoiser": node(
        "SpacetimeDenoiser", model=["models", 0], positive=["prompt", 0], negative=["prompt", 0],
        guidance=1.0,
    ),
    "solver": node("SpacetimeSolver", solver="euler"),
    "schedule": node("SpacetimeSchedule", steps=4, shift=3.0),
    "ours": node("SpacetimeSample", noise=["noise", 0], latent=["empty", 0], **RUN),
    "stock": node(
        "SamplerCustomAdvanced", noise=["noise", 0], latent_image=["empty", 0], **RUN
    ),
    **{
        f"{name}_frames": node("SpacetimeDecodeVideo", latent=[name, 0], vae=["models", 2])
        for name in ("ours", "stock")
    },
    **{
        f"{name}_saved": node(
            "SaveImage", images=[f"{name}_frames", 0], filename_prefix=f"motion/{name}"
        )
        for name in ("ours", "stock")
    },
}  # fmt: skip


def test_warped_noise_serves_comfyuis_own_sampling_node(server):
    ran = server.run(GRAPH)
    assert ran["status"]["status_str"] == "success", ran["status"]["messages"]

    def frames(name):
        files = sorted((server.base / "output" / "motion").glob(f"{name}_*.png"))
        assert len(files) == 9
        return np.stack([np.asarray(Image.open(file), dtype=int) for file in files])

    ours, stock = frames("ours"), frames("stock")
    assert ours.std() > 5
    assert np.abs(ours - stock).mean() < 2  # the stock node does not hand the frame rate on
