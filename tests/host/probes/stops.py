"""Runs that are told to stop midway: how far they still go, and what the next run gives."""
# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false

from setting import dit_weights, report, text_weights  # isort: skip

import comfy.utils
import torch
from comfy import model_management
from comfy.patcher_extension import WrappersMP

import nodes
from spacetime_video import hosts
from spacetime_video.hosts.comfyui.host import ComfyHost
from spacetime_video.samplers.noise.frames import FrameNoise
from spacetime_video.samplers.schedules.flow import flow_sigmas
from spacetime_video.samplers.solvers import SOLVERS

STEPS, STOP_AT = 6, 2
SEED, GUIDANCE = 1, 4.0

host = ComfyHost()
hosts.use(host)
for limit in ("PROGRESS_THROTTLE_MIN_INTERVAL", "PROGRESS_THROTTLE_MIN_PERCENT"):
    setattr(comfy.utils, limit, 0)  # later hosts leave out ticks of steps as fast as these


def empty():
    return {"samples": torch.zeros(1, 16, 3, 8, 6), "fps": 16.0}


def stock_sampler(model, prompts):
    """ComfyUI's KSampler."""
    values = (model, SEED, STEPS, GUIDANCE, "euler", "simple", *prompts, empty())
    return nodes.KSampler().sample(*values)[0]["samples"]


def ours(model, prompts):
    return {
        "guider": host.sampling.make_guider(model, *prompts, GUIDANCE),
        "noise": FrameNoise(SEED),
        "sampler": host.sampling.make_sampler(SOLVERS["euler"], {}),
        "sigmas": flow_sigmas(STEPS, shift=3.0),
    }


def sample(model, prompts):
    """The pack's Sample node."""
    from spacetime_video.nodes.sampling.sampling import SpacetimeSample

    return SpacetimeSample.execute(**ours(model, prompts), latent=empty()).args[0]["samples"]


def sample_patches(model, prompts):
    """The pack's Sample Patches node."""
    from spacetime_video.nodes.patches.patches import SpacetimePatchify
    from spacetime_video.nodes.sampling.sampling import SpacetimeSamplePatches

    (tokens,) = SpacetimePatchify.execute(latent=[empty()]).args
    made = SpacetimeSamplePatches.execute(**ours(model, prompts), tokens=tokens).args[0]
    return made.tokens.values


RUNS = {"KSampler": stock_sampler, "Sample": sample, "Sample Patches": sample_patches}


class Watched:
    """A model whose evaluations are counted, and a user who asks for a stop.

    Args:
        model: MODEL.
        way: ``picture`` to ask while a step's picture is shown, ``network`` in an evaluation.
    """

    def __init__(self, model, way):
        self.model, self.way = model.clone(), way
        self.evaluations, self.at_stop, self.blocks = 0, None, 0
        self.watched = [
            block.register_forward_hook(self._count)
            for block in self.model.model.diffusion_model.blocks
        ]
        self.model.add_wrapper(WrappersMP.APPLY_MODEL, self._evaluate)

    def _evaluate(self, executor, *given, **options):
        self.evaluations += 1
        if self.way == "network" and self.evaluations == STOP_AT:
            self._ask()
        return executor(*given, **options)

    def _count(self, *_):
        """A block has run; those of interest ran after the request."""
        self.blocks += self.at_stop is not None

    def show(self, value, total, picture, **_):
        """What ComfyUI's server does at a tick; then comes the request."""
        model_management.throw_exception_if_processing_interrupted()
        if self.way == "picture" and value == STOP_AT:
            self._ask()

    def _ask(self):
        self.at_stop = self.evaluations
        model_management.interrupt_current_processing(True)

    def stopped(self, run, prompts):
        """How many evaluations follow the request; None where the run goes on to its end."""
        comfy.utils.set_progress_bar_global_hook(self.show)
        try:
            run(self.model, prompts)
        except model_management.InterruptProcessingException:
            return self.evaluations - self.at_stop
        finally:
            comfy.utils.set_progress_bar_global_hook(None)
            for hook in self.watched:
                hook.remove()
        return None


def measure():
    clip = host.models.make_clip(text_weights(), dtype="fp32")
    prompts = [host.models.encode_prompt(clip, text) for text in ("a red cube", "")]
    further, blocks, apart, size = {}, {}, {}, {}
    for name, run in RUNS.items():
        fresh = run(host.models.make_model(dit_weights(), dtype="fp32"), prompts)
        size[name] = float(fresh.abs().mean())
        for way in ("picture", "network"):
            model = host.models.make_model(dit_weights(), dtype="fp32")
            watched = Watched(model, way)
            further[f"{name} {way}"] = watched.stopped(run, prompts)
            blocks[f"{name} {way}"] = watched.blocks
            again = run(model, prompts)
            apart[f"{name} {way}"] = float((again - fresh).abs().max())
            assert model.model.diffusion_model.kept_prompts is None
    report(
        further=further,
        blocks=blocks,
        apart=apart,
        size=size,
        still_asked=model_management.processing_interrupted(),
    )


with torch.inference_mode():
    measure()
