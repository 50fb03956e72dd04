"""The network behind the host's compile node: how many graphs, and what they make."""
# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false

from setting import dit_weights, report, text_weights  # isort: skip

import sys
from dataclasses import replace
from functools import partial

import torch
from comfy_api.torch_helpers import set_torch_compile_wrapper
from comfy_extras.nodes_torch_compile import TorchCompileModel
from torch._dynamo.utils import counters

import nodes
from spacetime_video.hosts.comfyui.host import ComfyHost
from spacetime_video.models.patchify import patchify
from spacetime_video.samplers.guidance.nag import AttentionGuidance
from spacetime_video.samplers.guidance.plan import SkipLayers
from spacetime_video.samplers.noise.frames import FrameNoise
from spacetime_video.samplers.schedules.flow import flow_sigmas
from spacetime_video.samplers.solvers import sample_euler

STEPS = 4

host = ComfyHost()


def largest(difference):
    return float(difference.abs().max())


def empty(frames=3):
    return {"samples": torch.zeros(1, 16, frames, 8, 6)}


def stock(model, prompts, frames=3):
    values = (model, 1, STEPS, 4.0, "euler", "simple", *prompts, empty(frames))
    return nodes.KSampler().sample(*values)[0]["samples"]


def unchecked(entries):
    """What the host's node tells the compiler of its options: never to look at them again."""
    return ["transformer_options" not in entry.name for entry in entries]


def eager(model):
    """The model behind a compiler that makes graphs and runs them as they are."""
    clone = model.clone()
    set_torch_compile_wrapper(clone, "eager", options={"guard_filter_fn": unchecked})
    return clone


def graphs(work):
    """What a piece of work makes, and how many graphs the compiler makes for it."""
    torch._dynamo.reset()
    counters.clear()
    made = work()
    return made, counters["stats"]["unique_graphs"]


def first_frame_kept(model, prompts):
    """A level for each frame: the first one's is always 0."""
    mask = torch.ones(1, 1, 3, 8, 6)
    mask[:, :, :1] = 0
    values = (model, 1, STEPS, 4.0, "euler", "simple", *prompts, empty() | {"noise_mask": mask})
    return nodes.KSampler().sample(*values)[0]["samples"]


def guided(model, prompts, **plan):
    guider = host.sampling.make_guider(model, *prompts, 4.0)
    guider = host.sampling.with_plan(guider, lambda whole: replace(whole, **plan))
    noise = FrameNoise(7).generate_noise(empty())
    solver, sigmas = host.sampling.make_sampler(sample_euler, {}), flow_sigmas(STEPS, shift=3.0)
    return host.sampling.sample(guider, noise, solver, sigmas, empty(), 7)


def packed(model, prompts):
    """Two clips of different sizes as one sequence."""
    latents = [torch.zeros(1, 16, 3, 8, 6), torch.zeros(1, 16, 2, 4, 8)]
    noise = [FrameNoise(7).generate_noise({"samples": each}) for each in latents]
    guider = host.sampling.make_guider(model, *prompts, 4.0)
    solver, sigmas = host.sampling.make_sampler(sample_euler, {}), flow_sigmas(STEPS, shift=3.0)
    tokens, told = patchify(latents), [{"fps": 16.0}, {"fps": 8.0}]
    return host.sampling.sample_tokens(
        guider, patchify(noise), solver, sigmas, tokens, told, 7
    ).values


RUNS = {
    "stock": stock,
    "first frame kept": first_frame_kept,
    "skipped layers": partial(guided, skip=SkipLayers(blocks=(1,), low=0.4, high=0.9)),
    "negative attention": partial(guided, scale=1.0, attention=AttentionGuidance()),
    "packed": packed,
}


def measure():
    clip = host.models.make_clip(text_weights(), dtype="fp32")
    prompts = [host.models.encode_prompt(clip, text) for text in ("a red cube", "")]
    model = host.models.make_model(dit_weights(), dtype="fp32")
    if "inductor" in sys.argv:
        compiled = TorchCompileModel.execute(model, "inductor").args[0]
        made, count = graphs(lambda: stock(compiled, prompts))
        report(node=(largest(made - stock(model, prompts)), count))
        return
    found = {}
    for name, run in RUNS.items():
        made, count = graphs(lambda run=run: run(eager(model), prompts))
        found[name] = (largest(made - run(model, prompts)), count)
    compiled = eager(model)
    _, sizes = graphs(lambda: [stock(compiled, prompts, frames) for frames in (3, 5, 3, 7, 5)])
    report(runs=found, sizes=sizes)


with torch.inference_mode():
    measure()
