"""Every task of the timeline with the shipped weights, in the host and the file that are named."""
# pyright: basic, reportMissingImports=false

from setting import report  # isort: skip

import sys

import torch

from spacetime_video import hosts
from spacetime_video.hosts.comfyui.host import ComfyHost
from spacetime_video.hosts.standalone.host import StandaloneHost
from spacetime_video.media import whole_frames
from spacetime_video.model_loaders.load import read_dit, read_text_encoder, read_vae
from spacetime_video.weights import bundled

NAME, FILE = sys.argv[2:4]
HOST = StandaloneHost(device="cpu") if NAME == "standalone" else ComfyHost()
hosts.use(HOST)

from spacetime_video.nodes.latent.latents import SpacetimeEmptyVideo  # noqa: E402
from spacetime_video.nodes.prompt.prompt import SpacetimePromptsPerClip  # noqa: E402
from spacetime_video.nodes.sampling.noise import SpacetimeNoise  # noqa: E402
from spacetime_video.nodes.sampling.sampling import SpacetimeSample  # noqa: E402
from spacetime_video.nodes.sampling.solvers import SpacetimeSolver  # noqa: E402
from spacetime_video.nodes.schedules.schedules import SpacetimeSchedule  # noqa: E402
from spacetime_video.nodes.timeline.edit import (  # noqa: E402
    SpacetimeEditVideo,
    SpacetimeInpaintVideo,
    SpacetimeOutpaintVideo,
)
from spacetime_video.nodes.timeline.extend import (  # noqa: E402
    SpacetimeAnimateImage,
    SpacetimeCloseLoop,
    SpacetimeConnectClips,
    SpacetimeExtendBackward,
    SpacetimeExtendForward,
)
from spacetime_video.nodes.timeline.several import SpacetimeBranch, SpacetimeConverge  # noqa: E402
from spacetime_video.nodes.timeline.timeline import (  # noqa: E402
    SpacetimeDecodeTimeline,
    SpacetimePlaceOnTimeline,
    SpacetimeViewTimeline,
)
from spacetime_video.nodes.video.world import SpacetimeExampleClip  # noqa: E402

SIDE = 48
SOUND = {"waveform": torch.ones(1, 1, 4500), "sample_rate": 8000}


def clip(seed, frames):
    return SpacetimeExampleClip.execute(seed, SIDE, SIDE, frames, 16.0)[0]


ONE, TWO, REGION = clip(1, 9), clip(2, 5), torch.zeros(1, SIDE, SIDE)
REGION[:, 10:30, 12:40] = 1


def placed(vae):
    latent = SpacetimeEmptyVideo.execute(SIDE, SIDE, 17, 16.0)[0]
    latent = SpacetimePlaceOnTimeline.execute(latent, ONE[:1], vae, 0.0)[0]
    return SpacetimePlaceOnTimeline.execute(latent, TWO, vae, 0.5)[0]


TASKS = {
    "animate": lambda vae: SpacetimeAnimateImage.execute(ONE, vae, frames=10, end_image=TWO)[0],
    "forward": lambda vae: SpacetimeExtendForward.execute(ONE, vae, 6, audio=SOUND)[0],
    "backward": lambda vae: SpacetimeExtendBackward.execute(ONE, vae, 6)[0],
    "connect": lambda vae: SpacetimeConnectClips.execute(ONE, TWO, vae, 6)[0],
    "close": lambda vae: SpacetimeCloseLoop.execute(ONE, vae, 7)[0],
    "converge": lambda vae: SpacetimeConverge.execute(ONE, vae, 6, beginning_1=TWO)[0][0],
    "branch": lambda vae: SpacetimeBranch.execute(ONE, vae, 6)[0][2],
    "prompts": lambda vae: SpacetimeBranch.execute(ONE, vae, 6, branches=2)[0][1],
    "edit": lambda vae: SpacetimeEditVideo.execute(ONE, vae, 0.6)[0],
    "inpaint": lambda vae: SpacetimeInpaintVideo.execute(ONE, REGION, vae)[0],
    "outpaint": lambda vae: SpacetimeOutpaintVideo.execute(ONE, vae, 16, 16)[0],
    "place": placed,
}


def path(folder, name):
    return bundled(folder)[f"spacetime_tiny_{name}.safetensors"]


def measure(host):
    """Frames of every task's finished clip, the view of one, and the sound of one."""
    text = host.models.make_clip(read_text_encoder(path("text_encoders", "text")), dtype="fp32")
    vae = host.models.make_vae(read_vae(path("vae", "vae")), dtype="fp32")
    model = host.models.make_model(read_dit(path("diffusion_models", "dit")), dtype="fp32")
    prompt, empty = (host.models.encode_prompt(text, each) for each in ("a red cube at day", ""))
    several = SpacetimePromptsPerClip.execute(text, "a red cube\na blue ball at night")[0]
    guider = host.sampling.make_guider(model, prompt, empty, 2.0)
    run = (
        SpacetimeNoise.execute(3)[0],
        SpacetimeSolver.execute("euler")[0],
        SpacetimeSchedule.execute(3, 3.0)[0],
    )
    made = {}
    for name, build in TASKS.items():
        latent = build(vae)
        own = host.sampling.make_guider(model, several, empty, 2.0)
        sampled = SpacetimeSample.execute(own if name == "prompts" else guider, *run, latent)[0]
        images, _, sound = SpacetimeDecodeTimeline.execute(sampled, vae).args
        made[name] = whole_frames(images)
        if sound is not None:
            made["sound"] = sound["waveform"]
        if name == "inpaint":
            made["view"] = SpacetimeViewTimeline.execute(latent)[0]
    return made


with torch.inference_mode():
    made = measure(HOST)
torch.save(made, FILE)
report(
    given={
        "forward": torch.equal(made["forward"][:9], ONE),
        "connect": torch.equal(made["connect"][-5:], TWO),
        "inpaint": torch.equal(made["inpaint"][:, REGION[0] == 0], ONE[:, REGION[0] == 0]),
    },
)
