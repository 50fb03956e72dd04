"""The pack's nodes on ComfyUI's own video networks: Stable Video Diffusion, frames as a batch."""
# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false

from setting import random_state, report, seeded  # isort: skip

import torch
from comfy import model_management, supported_models
from comfy.k_diffusion import sampling
from comfy.model_patcher import ModelPatcher
from comfy.samplers import KSAMPLER
from comfy_extras.nodes_custom_sampler import BasicScheduler

from spacetime_video import hosts
from spacetime_video.hosts.comfyui.host import ComfyHost

hosts.use(ComfyHost())

from spacetime_video.nodes.noise import SpacetimeNoise  # noqa: E402
from spacetime_video.nodes.sampling import SpacetimeDenoiser, SpacetimeSample  # noqa: E402
from spacetime_video.nodes.solvers import SpacetimeSchedule, SpacetimeSolver  # noqa: E402

FRAMES, STEPS, GUIDANCE, SEED = 5, 4, 2.0, 3
THEIRS = {
    "euler": sampling.sample_euler,
    "heun": sampling.sample_heun,
    "dpmpp_2m": sampling.sample_dpmpp_2m,
}

UNET = {
    "image_size": 32,
    "model_channels": 64,
    "out_channels": 4,
    "num_res_blocks": [1, 1],
    "channel_mult": [1, 2],
    "transformer_depth": [1, 1],
    "transformer_depth_middle": 1,
    "transformer_depth_output": [1, 1, 1, 1],
    "use_spatial_transformer": True,
    "context_dim": 16,
    "legacy": False,
}
SVD = {
    **UNET,
    "in_channels": 8,
    "use_linear_in_transformer": True,
    "num_classes": "sequential",
    "adm_in_channels": 768,
    "use_temporal_resblock": True,
    "use_temporal_attention": True,
    "use_spatial_context": True,
    "extra_ff_mix_layer": True,
    "video_kernel_size": [3, 1, 1],
    "merge_strategy": "learned_with_images",
    "merge_factor": 0.0,
}
FRAMES_AS_BATCH = {**UNET, "in_channels": 4, "num_heads": 2}


def build(config):
    """A model of the host around a network with small random weights."""
    config.set_inference_dtype(torch.float32, None)
    model = config.get_model({}, "", device=torch.device("cpu"))
    network = model.diffusion_model
    network.load_state_dict(random_state(network, 0.1), strict=True)
    device = model_management.get_torch_device()
    return ModelPatcher(model, load_device=device, offload_device=device)


def prompts(rows, **extras):
    drawn = torch.randn(2, 1, rows, 16, generator=seeded(7))
    return [[[context, extras]] for context in drawn]


def svd():
    image = torch.randn(1, 4, 8, 6, generator=seeded(8))
    return build(supported_models.SVD_img2vid(SVD)), prompts(1, concat_latent_image=image)


def animated():
    return build(supported_models.SD15(FRAMES_AS_BATCH)), prompts(5)


def output(node, *values):
    return node.execute(*values).args[0]


def sample(guider, sampler, sigmas):
    latent = {"samples": torch.zeros(FRAMES, 4, 8, 6)}
    noise = output(SpacetimeNoise, SEED)
    return output(SpacetimeSample, guider, noise, sampler, sigmas, latent)["samples"]


def refusal(guider):
    flow = output(SpacetimeSchedule, STEPS, 3.0)
    try:
        sample(guider, output(SpacetimeSolver, "euler"), flow)
    except ValueError as error:
        return str(error)
    return ""


def measure(make):
    model, (positive, negative) = make()
    guider = output(SpacetimeDenoiser, model, positive, negative, GUIDANCE)
    sigmas = BasicScheduler().get_sigmas(model, "karras", STEPS, 1.0)[0]
    ours = {
        name: sample(guider, output(SpacetimeSolver, name), sigmas) for name in (*THEIRS, "unipc")
    }
    theirs = {name: sample(guider, KSAMPLER(solver), sigmas) for name, solver in THEIRS.items()}
    return {
        "finite": {name: bool(each.isfinite().all()) for name, each in ours.items()},
        "shape": list(ours["euler"].shape),
        "size": {name: float(each.std()) for name, each in ours.items()},
        "apart": float((ours["unipc"] - ours["dpmpp_2m"]).norm() / ours["dpmpp_2m"].norm()),
        "difference": {
            name: float((ours[name] - each).abs().max() / each.abs().max())
            for name, each in theirs.items()
        },
        "first_level": float(sigmas[0]),
        "refusal": refusal(guider),
    }


with torch.inference_mode():
    report(svd=measure(svd), animated=measure(animated))
