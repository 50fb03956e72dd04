"""ComfyUI's own Wan network and the pack's with the same weights; our solvers on both."""
# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false

from setting import report, text_weights  # isort: skip
from native import native_wan, our_wan, wan_state  # isort: skip

import torch

from spacetime_video.hosts.comfyui.host import ComfyHost
from spacetime_video.models.patchify import patchify
from spacetime_video.samplers.noise.frames import FrameNoise
from spacetime_video.samplers.schedules.flow import flow_sigmas
from spacetime_video.samplers.solvers import SOLVERS

SIGMAS = flow_sigmas(4, shift=3.0)

host = ComfyHost()


def guider(model, clip):
    prompts = (host.models.encode_prompt(clip, "a red cube"), host.models.encode_prompt(clip, ""))
    return host.sampling.make_guider(model, *prompts, 4.0)


def sample(bound, solver):
    latent = {"samples": torch.zeros(1, 16, 3, 8, 6)}
    noise = FrameNoise(3).generate_noise(latent)
    return host.sampling.sample(
        bound, noise, host.sampling.make_sampler(SOLVERS[solver], {}), SIGMAS, latent, 3
    )


def refusal(bound):
    tokens = patchify([torch.zeros(1, 16, 1, 4, 4)])
    try:
        host.sampling.sample_tokens(bound, tokens, None, SIGMAS, tokens, [{}], 0)
    except ValueError as error:
        return str(error)
    return ""


def measure():
    state = wan_state()
    clip = host.models.make_clip(text_weights(), dtype="fp32")
    native = guider(native_wan(state), clip)
    model = our_wan(host, state)
    ours = guider(model, clip)
    pairs = {name: (sample(native, name), sample(ours, name)) for name in SOLVERS}
    report(
        difference={name: float((a - b).abs().max()) for name, (a, b) in pairs.items()},
        size={name: float(a.abs().mean()) for name, (a, _) in pairs.items()},
        refusal=refusal(native),
        kept=len(model.model.weights.state) + len(model.model.model_config.weights.state),
    )


with torch.inference_mode():
    measure()
