"""Attention guidance where ComfyUI spreads prompts over copies of the model, one per device.

Two names of the one CPU stand for two devices; the copy gets other weights, to tell who computed.
"""
# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false

from setting import dit_weights, report, text_weights  # isort: skip

from dataclasses import replace

import torch
from comfy import model_management
from comfy_extras.nodes_multigpu import MultiGPUCFGSplitNode

from spacetime_video.hosts.comfyui.host import ComfyHost
from spacetime_video.hosts.comfyui.network import HostDiT
from spacetime_video.samplers.guidance.nag import AttentionGuidance
from spacetime_video.samplers.noise.frames import FrameNoise
from spacetime_video.samplers.schedules.flow import flow_sigmas
from spacetime_video.samplers.solvers import SOLVERS

DEVICES = [torch.device("cpu"), torch.device("cpu", 0)]
model_management.get_all_torch_devices = lambda exclude_current=False: DEVICES
model_management.set_torch_device = lambda device: None

host = ComfyHost()


def other_weights():
    weights = dit_weights()
    return replace(weights, state={name: 1.2 * each for name, each in weights.state.items()})


def run(model, positive, negative):
    """One step, whose result is the mean of what is predicted for each prompt."""
    plain = host.sampling.make_guider(model, positive, negative, 1.0)
    guider = host.sampling.with_plan(
        plain, lambda plan: replace(plan, attention=AttentionGuidance(blend=0.8))
    )
    latent = {"samples": torch.zeros(1, 16, 3, 8, 6), "fps": 16.0}
    euler = host.sampling.make_sampler(SOLVERS["euler"], {})
    noise = FrameNoise(7).generate_noise(latent)
    return host.sampling.sample(guider, noise, euler, flow_sigmas(1, shift=1.0), latent, 7)


def count_calls():
    """Which networks were called, by their identity."""
    called, original = set(), HostDiT.forward

    def forward(self, *given, **named):
        called.add(id(self))
        return original(self, *given, **named)

    HostDiT.forward = forward
    return called


def measure():
    clip = host.models.make_clip(text_weights(), dtype="fp32")
    texts = ("a red cube", "a blue sphere moves right at night", "left")
    first, second, negative = (host.models.encode_prompt(clip, text) for text in texts)
    one = host.models.make_model(replace(dit_weights(), again=other_weights), dtype="fp32")
    other = host.models.make_model(other_weights(), dtype="fp32")
    alone = {
        (name, number): run(model, prompt, negative)
        for name, model in {"one": one, "other": other}.items()
        for number, prompt in enumerate((first, second))
    }
    both = MultiGPUCFGSplitNode.execute(one, 2).args[0]
    called = count_calls()
    made = run(both, first + second, negative)
    spread = [(alone["one", number] + alone["other", 1 - number]) / 2 for number in range(2)]
    on_one = (alone["one", 0] + alone["one", 1]) / 2
    report(
        networks=len(called),
        difference=min(float((made - each).abs().max()) for each in spread),
        from_one_device=float((made - on_one).abs().max()),
    )


with torch.inference_mode():
    measure()
