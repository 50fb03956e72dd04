"""The shipped few-step LoRA: through our node, through the stock one, and in the other host."""
# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false

from setting import report  # isort: skip

import folder_paths
import torch

import nodes
from spacetime_video import hosts
from spacetime_video.hosts.comfyui.host import ComfyHost
from spacetime_video.hosts.standalone.host import StandaloneHost
from spacetime_video.model_loaders.load import read_dit, read_text_encoder
from spacetime_video.model_loaders.lora import read_lora
from spacetime_video.samplers.noise.frames import FrameNoise
from spacetime_video.samplers.schedules.few_step import lcm_flow_sigmas
from spacetime_video.samplers.solvers.consistency import sample_lcm
from spacetime_video.weights import bundled

host = ComfyHost()
hosts.use(host)
from spacetime_video.nodes.load.lora import SpacetimeLoadLora  # noqa: E402

SIGMAS = lcm_flow_sigmas(4, shift=3.0, original_steps=24)
LORA = next(iter(bundled("loras").values()))


def shipped(folder):
    return next(iter(bundled(folder).values()))


def make_model(maker):
    return maker.models.make_model(read_dit(shipped("diffusion_models")), dtype="fp32")


def by_our_node(model):
    return SpacetimeLoadLora.execute(model, LORA.name, 1.0).args[0]


def by_stock_node(model):
    folder_paths.add_model_folder_path("loras", str(LORA.parent))
    return nodes.LoraLoaderModelOnly().load_lora_model_only(model, LORA.name, 1.0)[0]


def standalone():
    other = StandaloneHost(device="cpu")
    model = make_model(other)
    read = read_lora(LORA, other.models.weight_shapes(model))
    return other, other.models.with_lora(model, read.patches, 1.0, live=False)


def sample(maker, model):
    """A latent (1, C, F, H, W) in four steps of LCM without guidance."""
    clip = maker.models.make_clip(read_text_encoder(shipped("text_encoders")), dtype="fp32")
    prompts = [maker.models.encode_prompt(clip, text) for text in ("a blue cube moves right", "")]
    guider = maker.sampling.make_guider(model, *prompts, 1.0)
    latent = {"samples": torch.zeros(1, 16, 5, 8, 8), "fps": 16.0}
    noise = FrameNoise(4).generate_noise(latent)
    return maker.sampling.sample(
        guider, noise, maker.sampling.make_sampler(sample_lcm, {}), SIGMAS, latent, 4
    )


def largest(one, other):
    return float((one - other).abs().max())


with torch.inference_mode():
    plain = make_model(host)
    ours, stock = (sample(host, change(plain)) for change in (by_our_node, by_stock_node))
    report(
        as_stock=largest(ours, stock),
        as_standalone=largest(ours, sample(*standalone())),
        changes=largest(ours, sample(host, plain)),
    )
