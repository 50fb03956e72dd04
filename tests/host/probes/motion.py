"""Drawn motion with the shipped weights, in the host and the file that are named."""
# pyright: basic, reportMissingImports=false

from setting import report  # isort: skip

import sys

import torch

from spacetime_video import hosts
from spacetime_video.hosts.comfyui.host import ComfyHost
from spacetime_video.hosts.standalone.host import StandaloneHost
from spacetime_video.media import whole_frames
from spacetime_video.model_loaders.load import read_dit, read_text_encoder, read_vae
from spacetime_video.timeline.chunks import ChunkPlan
from spacetime_video.weights import bundled

NAME, FILE = sys.argv[2:4]
HOST = StandaloneHost(device="cpu") if NAME == "standalone" else ComfyHost()
hosts.use(HOST)

from spacetime_video.nodes.control.motion import (  # noqa: E402
    SpacetimeCameraMove,
    SpacetimeDrawMotion,
)
from spacetime_video.nodes.control.motion_tracks import (  # noqa: E402
    SpacetimeFlowFromTracks,
    SpacetimeShowTracks,
)
from spacetime_video.nodes.helpers.long_runs import LongRun  # noqa: E402
from spacetime_video.nodes.latent.latents import SpacetimeEmptyVideo  # noqa: E402
from spacetime_video.nodes.sampling.noise import SpacetimeNoise  # noqa: E402
from spacetime_video.nodes.sampling.sampling import SpacetimeSample  # noqa: E402
from spacetime_video.nodes.sampling.solvers import SpacetimeSolver  # noqa: E402
from spacetime_video.nodes.sampling.warped_noise import SpacetimeWarpedNoise  # noqa: E402
from spacetime_video.nodes.schedules.schedules import SpacetimeSchedule  # noqa: E402
from spacetime_video.nodes.timeline.drag import SpacetimeDragAndAnimate  # noqa: E402
from spacetime_video.nodes.timeline.timeline import SpacetimeDecodeTimeline  # noqa: E402
from spacetime_video.nodes.video.world import SpacetimeExampleClip  # noqa: E402

SIDE, FRAMES = 64, 17
PLAN = ChunkPlan(length=4, context=2, anchor=False)
SCENE = SpacetimeExampleClip.execute(
    5, SIDE, SIDE, 1, 16.0, shape="cube", colour="red", motion="moves right"
)
IMAGE, MASK = SCENE[0], SCENE[2]
PATH = '[{"x": 16, "y": 35}, {"x": 40, "y": 40}]'


def path(folder, name):
    return bundled(folder)[f"spacetime_tiny_{name}.safetensors"]


def measure(host):
    """Latents and pictures of every way to use tracks."""
    text = host.models.make_clip(read_text_encoder(path("text_encoders", "text")), dtype="fp32")
    vae = host.models.make_vae(read_vae(path("vae", "vae")), dtype="fp32")
    model = host.models.make_model(read_dit(path("diffusion_models", "dit")), dtype="fp32")
    prompt, empty = (host.models.encode_prompt(text, each) for each in ("a red cube", ""))
    guider = host.sampling.make_guider(model, prompt, empty, 2.0)
    solver, sigmas = SpacetimeSolver.execute("euler")[0], SpacetimeSchedule.execute(4, 3.0)[0]
    noise = SpacetimeNoise.execute(3)[0]
    tracks = SpacetimeDrawMotion.execute(IMAGE, MASK, PATH, FRAMES)[0]
    seen = SpacetimeCameraMove.execute(IMAGE, FRAMES, pan=4.0, zoom=1.2, tracks=tracks)[0]
    flow = SpacetimeFlowFromTracks.execute(seen, IMAGE, MASK)[0]
    warped = SpacetimeWarpedNoise.execute(3, flow, 0.3, vae)[0]
    dragged, rough, _ = SpacetimeDragAndAnimate.execute(IMAGE, tracks, vae, mask=MASK).args
    camera = SpacetimeDragAndAnimate.execute(IMAGE, seen, vae, mask=MASK)[0]
    nothing = SpacetimeEmptyVideo.execute(SIDE, SIDE, FRAMES, 16.0)[0]

    def sampled(latent, drawn=noise):
        return SpacetimeSample.execute(guider, drawn, solver, sigmas, latent)[0]

    drag = sampled(dragged)
    long = LongRun(guider=guider, noise=noise, sampler=solver, sigmas=sigmas, plan=PLAN, keep=False)
    return {
        "rough": rough,
        "hint": SpacetimeShowTracks.execute(seen, IMAGE)[0],
        "drag": whole_frames(SpacetimeDecodeTimeline.execute(drag, vae)[0]),
        "camera": sampled(camera)["samples"],
        "long": long.sample(dragged),
        "warped": sampled(nothing, warped)["samples"],
    }


with torch.inference_mode():
    made = measure(HOST)
torch.save(made, FILE)
report(first=torch.equal(made["drag"][0], IMAGE[0]))
