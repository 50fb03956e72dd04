"""ComfyUI's VACE model under the pack's samplers: which control frames each part of a clip sees."""
# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false

from setting import LENGTH, random_state, report, seeded, text_weights, vae_weights  # isort: skip

from types import SimpleNamespace

import torch
from comfy import model_management, supported_models
from comfy.ldm.wan.model import VaceWanModel
from comfy.model_patcher import ModelPatcher
from comfy_extras.nodes_wan import WanVaceToVideo

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
SpacetimeSampleLongVideo.hidden = SimpleNamespace(prompt={})


def vace_model():
    settings = supported_models.WAN21_Vace(
        {
            "image_model": "wan2.1", "model_type": "vace", "dim": 48, "num_heads": 2,
            "ffn_dim": 64, "num_layers": 2, "vace_layers": 1, "vace_in_dim": 96,
            "in_dim": 16, "out_dim": 16, "text_dim": 32, "text_len": LENGTH, "freq_dim": 32,
            "cross_attn_norm": True,
        }
    )  # fmt: skip
    settings.set_inference_dtype(torch.float32, None)
    model = settings.get_model({}, "", device=torch.device("cpu"))
    model.diffusion_model.load_state_dict(random_state(model.diffusion_model, 0.1))
    device = model_management.get_torch_device()
    return ModelPatcher(model, load_device=device, offload_device=device)


class Watch:
    """Which latent frames of the control video the network sees, at every evaluation."""

    def __init__(self, whole):
        self.whole, self.seen, self.original = whole, [], VaceWanModel.forward_orig

    def __enter__(self):
        def forward(network, x, t, context, vace_context, *rest, **more):
            self.seen.append((x.shape[2], [self.number(each) for each in frames(vace_context)]))
            return self.original(network, x, t, context, vace_context, *rest, **more)

        VaceWanModel.forward_orig = forward
        return self.seen

    def __exit__(self, *_):
        VaceWanModel.forward_orig = self.original

    def number(self, frame):
        apart = [float((frame - each).abs().max()) for each in self.whole]
        return apart.index(min(apart)) if min(apart) < 1e-5 else -1


def frames(context):
    """Each latent frame (C, H, W) of the first clip's first control video (B, n, C, F, H, W)."""
    return list(context[0, 0].unbind(1))


def measure():
    models, model = host().models, vace_model()
    clip, vae = (
        models.make_clip(text_weights(), dtype="fp32"),
        models.make_vae(vae_weights(), dtype="fp32"),
    )
    prompts = [models.encode_prompt(clip, text) for text in ("a red cube", "")]
    video = torch.rand(FRAMES, 32, 32, 3, generator=seeded(4))
    made = WanVaceToVideo.execute(*prompts, vae, 32, 32, FRAMES, 1, 1.0, video)
    positive, negative, latent = made[0], made[1], made[2]
    guider = SpacetimeDenoiser.execute(model, positive, negative, 2.0)[0]
    rest = (
        SpacetimeNoise.execute(3)[0],
        SpacetimeSolver.execute("euler")[0],
        SpacetimeSchedule.execute(2, 3.0)[0],
    )
    told = positive[0][1]
    normal = [model.model.process_latent_in(each) for each in told["vace_frames"][0].split(16, 1)]
    whole = frames(torch.cat([*normal, told["vace_mask"][0]], dim=1)[:, None])
    windows = SpacetimeContextWindows.execute(guider, 4, 1, "uniform", "pyramid")[0]
    found = {}
    with Watch(whole) as found["whole"]:
        SpacetimeSample.execute(guider, *rest, latent)
    with Watch(whole) as found["windows"]:
        SpacetimeSample.execute(windows, *rest, latent)
    with Watch(whole) as found["long"]:
        result = SpacetimeSampleLongVideo.execute(guider, *rest, latent, 17, 5, resumable=False)
    short = {**latent, "samples": latent["samples"][:, :, :5]}
    try:
        SpacetimeSample.execute(guider, *rest, short)
        refused = ""
    except ValueError as problem:
        refused = str(problem)
    report(**found, finite=bool(result[0]["samples"].isfinite().all()), refused=refused)


with torch.inference_mode():
    measure()
