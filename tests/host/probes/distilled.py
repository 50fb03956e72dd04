"""What ComfyUI's MODEL knows of its distillation, where warnings go, and eps models with TCD."""
# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false

from setting import dit_weights, report, seeded, text_weights  # isort: skip

import utils.install_util  # noqa: F401  # isort: skip  # before another folder has a utils

import logging
from types import SimpleNamespace

import comfy.sd
import comfy.supported_models_base
import server
import torch
from comfy.model_base import ModelType, model_sampling
from comfy.samplers import CFGGuider, sampler_object
from comfy_execution.utils import CurrentNodeContext

from spacetime_video import hosts
from spacetime_video.hosts.comfyui.host import ComfyHost
from spacetime_video.hosts.comfyui.sampler import table_of
from spacetime_video.models.lora import LowRank, WeightDelta
from spacetime_video.samplers.process import NoiseProcess
from spacetime_video.samplers.schedules.table import NoiseTable
from spacetime_video.samplers.solvers import sample_euler
from spacetime_video.samplers.solvers.consistency import sample_lcm

LAYER = "blocks.1.self_attn.q"
DOWN = torch.randn(2, 96, generator=seeded(3))
UP = torch.randn(96, 2, generator=seeded(4))

host = ComfyHost()
hosts.use(host)
from spacetime_video.nodes.helpers.trained import (  # noqa: E402
    warn_if_untrained,
    warn_of_distillation,
)


def with_lora(model, distilled):
    patches = {f"{LAYER}.weight": WeightDelta(low_rank=LowRank(DOWN, UP))}
    return host.models.with_lora(model, patches, 1.0, live=False, distilled=distilled)


def with_stock_lora(model):
    name = f"diffusion_model.{LAYER}"
    state = {f"{name}.lora_A.weight": DOWN, f"{name}.lora_B.weight": UP}
    return comfy.sd.load_lora_for_models(model, None, state, 1.0, 0)[0]


ours = host.models.make_model(dit_weights(kind="dit"), dtype="fp32")
few, other = with_lora(ours, True), with_lora(ours, False)
models = {
    "ours": ours,
    "ours distilled": host.models.make_model(dit_weights(distilled="consistency"), dtype="fp32"),
    "without metadata": host.models.make_model(dit_weights(), dtype="fp32"),
    "distilled LoRA": few,
    "unknown LoRA": with_lora(ours, None),
    "other LoRA of ours": other,
    "distilled LoRA, then the stock node's": with_stock_lora(few),
    "other LoRA of ours, then the stock node's": with_stock_lora(other),
    "the stock node's": with_stock_lora(ours),
    "the stock node's, then a distilled LoRA": with_lora(with_stock_lora(ours), True),
    "a clone of one with a distilled LoRA": few.clone(),
    "before the LoRA": ours,
}
clip = host.models.make_clip(text_weights(), dtype="fp32")
prompt = host.models.encode_prompt(clip, "a red cube moves left")
guiders = {
    name: host.sampling.make_guider(model, prompt, prompt, 1.0) for name, model in models.items()
}

shown, logged = [], []


class Recorder(logging.Handler):
    def emit(self, record):
        logged.append(record.getMessage())


class Editor:
    def send_progress_text(self, text, node_id):
        shown.append((node_id, text))


def told():
    """What was shown and logged since the last time."""
    both = [list(shown), list(logged)]
    shown.clear()
    logged.clear()
    return both


logging.getLogger("spacetime_video.hosts.comfyui.notes").addHandler(Recorder())
server.PromptServer.instance = Editor()
lcm = host.sampling.make_sampler(sample_lcm, {})
with CurrentNodeContext("prompt", "9"):
    for sampler in (lcm, sampler_object("lcm"), host.sampling.make_sampler(sample_euler, {})):
        warn_of_distillation(guiders["ours"], sampler)
    for name in ("distilled LoRA", "unknown LoRA"):
        warn_of_distillation(guiders[name], lcm)
on_node = told()
plain = CFGGuider(models["distilled LoRA"])
plain.set_conds(prompt, prompt)
plain.set_cfg(4.0)
guided = host.sampling.make_guider(models["ours distilled"], prompt, prompt, 2.5)
for guider in (plain, guided, guiders["distilled LoRA"]):
    warn_of_distillation(guider, lcm)
twice = told()
with CurrentNodeContext("prompt", "3"):
    host.models.encode_prompt(clip, "a purple (red:1.5) cube")
unknown = told()
trained = {"shapes": [[9, 64, 48]], "loops": [], "fps": [16.0]}
knowing = host.models.make_model(dit_weights(trained=trained), dtype="fp32")
small, large = ({"samples": torch.zeros(1, 16, 3, rows, 6), "fps": 16.0} for rows in (8, 16))
for guider in (host.sampling.make_guider(knowing, prompt, prompt, 1.0), guiders["ours"]):
    for latent in (small, large):
        warn_if_untrained(guider, [latent])
untrained = told()
host.session.warn("only logged")
outside = told()

config = comfy.supported_models_base.BASE({})
eps, flow = (model_sampling(config, kind) for kind in (ModelType.EPS, ModelType.FLOW))
levels = NoiseTable(tuple(eps.sigmas.tolist()))
sigmas = levels.at([979, 619, 279])
noise = torch.randn(1, 4, 3, 4, 4, generator=seeded(5))


class Wrapped:
    """A guider around an eps model whose prediction is a fixed function."""

    inner_model = SimpleNamespace(model_sampling=eps)
    model_patcher = SimpleNamespace(model=inner_model)
    cfg = 1.0

    def __call__(self, x, sigma, **_):
        return torch.tanh(x / (1 + sigma.reshape(-1, 1, 1, 1, 1) ** 2).sqrt())


def tcd(table):
    start = eps.noise_scaling(sigmas[0], noise.clone(), torch.zeros_like(noise), False)
    return sample_lcm(
        Wrapped(), start, sigmas, {"seed": 7}, eta=0.3, process=NoiseProcess.VE, table=table
    )


by_host = host.sampling.make_sampler(sample_lcm, {"eta": 0.3}).sample(
    Wrapped(), sigmas, {"seed": 7}, None, noise.clone(), torch.zeros_like(noise), None, True
)
report(
    known={name: host.sampling.about(guider).distilled for name, guider in guiders.items()},
    shown=on_node[0],
    logged=on_node[1],
    outside=outside,
    twice=twice[1],
    unknown=unknown,
    untrained=untrained[1],
    table=max(abs(a / b - 1) for a, b in zip(table_of(eps).sigmas, levels.sigmas, strict=True)),
    no_table=table_of(flow) is None,
    tcd=float((by_host - tcd(table_of(eps))).abs().max()),
    tcd_without_table=float((by_host - tcd(None)).abs().max()),
)
