"""ComfyUI's own models with control videos: which control frames each part of a clip sees."""
# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false

from setting import LENGTH, random_state, report, seeded, text_weights, vae_weights  # isort: skip

from functools import partial
from types import SimpleNamespace

import torch
from comfy import model_management, supported_models
from comfy.ldm.wan.model import VaceWanModel, WanModel
from comfy.model_patcher import ModelPatcher
from comfy_extras.nodes_wan import WanFunControlToVideo, WanVaceToVideo

from spacetime_video import hosts
from spacetime_video.hosts.comfyui.host import ComfyHost

hosts.use(ComfyHost())

from spacetime_video.hosts import host  # noqa: E402
from spacetime_video.nodes.sampling.noise import SpacetimeNoise  # noqa: E402
from spacetime_video.nodes.sampling.sampling import SpacetimeDenoiser, SpacetimeSample  # noqa: E402
from spacetime_video.nodes.sampling.solvers import SpacetimeSolver  # noqa: E402
from spacetime_video.nodes.schedules.schedules import SpacetimeSchedule  # noqa: E402
from spacetime_video.nodes.timeline.long import SpacetimeSampleLongVideo  # noqa: E402
from spacetime_video.nodes.timeline.windows import SpacetimeContextWindows  # noqa: E402

FRAMES = 33
SpacetimeSampleLongVideo.hidden = SimpleNamespace(prompt={}, unique_id="1")


SIZES = {
    "image_model": "wan2.1", "dim": 48, "num_heads": 2, "ffn_dim": 64, "num_layers": 2,
    "out_dim": 16, "text_dim": 32, "text_len": LENGTH, "freq_dim": 32, "cross_attn_norm": True,
}  # fmt: skip
VACE = {"model_type": "vace", "vace_layers": 1, "vace_in_dim": 96, "in_dim": 16}
FUN = {"model_type": "t2v", "in_dim": 48}


def model_of(family, sizes):
    settings = family({**SIZES, **sizes})
    settings.set_inference_dtype(torch.float32, None)
    model = settings.get_model({}, "", device=torch.device("cpu"))
    model.diffusion_model.load_state_dict(random_state(model.diffusion_model, 0.1))
    device = model_management.get_torch_device()
    return ModelPatcher(model, load_device=device, offload_device=device)


class Watch:
    """Which latent frames of the control video a network sees, at every evaluation.

    Args:
        network: class of it.
        whole: latent frames (C, H, W) of the control video, as the network takes them.
        part: arguments of the network -> control frames (C, F, H, W).
    """

    def __init__(self, network, whole, part):
        self.network, self.whole, self.part = network, whole, part
        self.seen, self.original = [], network.forward_orig

    def __enter__(self):
        def forward(network, x, *rest, **more):
            shown = self.part(x, *rest, **more).unbind(1)
            self.seen.append((x.shape[2], [self.number(each) for each in shown]))
            return self.original(network, x, *rest, **more)

        self.network.forward_orig = forward
        return self.seen

    def __exit__(self, *_):
        self.network.forward_orig = self.original

    def number(self, frame):
        apart = [float((frame - each).abs().max()) for each in self.whole]
        return apart.index(min(apart)) if min(apart) < 1e-5 else -1


def vace_context(x, t, context, vace_context, *_, **__):
    """Of the first clip's first control video (B, n, C, F, H, W)."""
    return vace_context[0, 0]


def further_channels(x, *_, **__):
    """Of the control video behind those of the state (B, C, F, H, W)."""
    return x[0, 16:32]


class Runs:
    def __init__(self):
        models = host().models
        self.clip = models.make_clip(text_weights(), dtype="fp32")
        self.vae = models.make_vae(vae_weights(), dtype="fp32")
        self.prompts = [models.encode_prompt(self.clip, text) for text in ("a red cube", "")]
        self.video = torch.rand(FRAMES, 32, 32, 3, generator=seeded(4))
        self.rest = (
            SpacetimeNoise.execute(3)[0],
            SpacetimeSolver.execute("euler")[0],
            SpacetimeSchedule.execute(2, 3.0)[0],
        )

    def guider(self, model, positive, negative):
        return SpacetimeDenoiser.execute(model, positive, negative, 2.0)[0]

    def seen(self, guider, latent, watch):
        """By the sampler that it runs under; and whether the long one's result is finite."""
        windows = SpacetimeContextWindows.execute(guider, 4, 1, "uniform", "pyramid")[0]
        found = {}
        with watch() as found["whole"]:
            SpacetimeSample.execute(guider, *self.rest, latent)
        with watch() as found["windows"]:
            SpacetimeSample.execute(windows, *self.rest, latent)
        with watch() as found["long"]:
            SpacetimeSampleLongVideo.execute(guider, *self.rest, latent, 17, 5, resumable=False)
        return found


def vace(here):
    model = model_of(supported_models.WAN21_Vace, VACE)
    made = WanVaceToVideo.execute(*here.prompts, here.vae, 32, 32, FRAMES, 1, 1.0, here.video)
    positive, negative, latent = made[0], made[1], made[2]
    told, normal = positive[0][1], model.model.process_latent_in
    parts = [normal(each) for each in told["vace_frames"][0].split(16, 1)]
    whole = torch.cat([*parts, told["vace_mask"][0]], dim=1)[0].unbind(1)
    guider = here.guider(model, positive, negative)
    found = here.seen(guider, latent, lambda: Watch(VaceWanModel, whole, vace_context))
    short = {**latent, "samples": latent["samples"][:, :, :5]}
    try:
        SpacetimeSample.execute(guider, *here.rest, short)
    except ValueError as problem:
        found["refused"] = str(problem)
    return found


def fun(here):
    model = model_of(supported_models.WAN21_FunControl2V, FUN)
    video = {"control_video": here.video}
    made = WanFunControlToVideo.execute(*here.prompts, here.vae, 32, 32, FRAMES, 1, **video)
    positive, negative, latent = made[0], made[1], made[2]
    whole = model.model.process_latent_in(positive[0][1]["concat_latent_image"][:, :16])
    guider = here.guider(model, positive, negative)
    watch = partial(Watch, WanModel, whole[0].unbind(1), further_channels)
    return here.seen(guider, latent, watch)


def measure():
    here = Runs()
    report(vace=vace(here), fun=fun(here))


with torch.inference_mode():
    measure()
