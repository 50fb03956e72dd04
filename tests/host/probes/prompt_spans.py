"""Prompts over time in ComfyUI and in the standalone host."""
# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false

from setting import dit_weights, report, text_weights  # isort: skip
from native import native_wan, wan_state  # isort: skip

from dataclasses import replace

import comfy.samplers
import torch
from comfy.samplers import CFGGuider

from spacetime_video import hosts
from spacetime_video.hosts.comfyui.host import ComfyHost
from spacetime_video.hosts.keys import SPANS_KEY
from spacetime_video.hosts.prompt_spans import PromptSpans, Span
from spacetime_video.hosts.standalone.host import StandaloneHost
from spacetime_video.nodes.helpers.long_runs import LongRun
from spacetime_video.samplers.guidance.nag import AttentionGuidance
from spacetime_video.samplers.noise.frames import FrameNoise
from spacetime_video.samplers.schedules.flow import flow_sigmas
from spacetime_video.samplers.solvers import SOLVERS
from spacetime_video.samplers.window_plans import WindowPlan
from spacetime_video.samplers.windows import context_windows
from spacetime_video.timeline.chunks import ChunkPlan

SIGMAS = flow_sigmas(3, shift=3.0)
EARLY, LATE, LAST = "a red cube", "a blue sphere", "a green cone"
WINDOWS = WindowPlan(length=4, overlap=2, schedule="static")


class Case:
    """A host with a model and its prompts."""

    def __init__(self, host, model):
        self.host, self.model = host, model
        self.clip = host.models.make_clip(text_weights(), dtype="fp32")

    def prompt(self, text):
        return self.host.models.encode_prompt(self.clip, text)

    def timed(self, second=1.0, third=2.0):
        texts = {0.0: EARLY, second: LATE, third: LAST}
        spans = tuple(
            Span(start, *part) for start, text in texts.items() for part in self.prompt(text)
        )
        return [[spans[0].context, {**spans[0].options, SPANS_KEY: PromptSpans(spans)}]]

    def guider(self, positive=None, negative=None):
        prompts = (self.timed() if positive is None else positive, negative or self.prompt(""))
        return self.host.sampling.make_guider(self.model, *prompts, 4.0)

    def sample(self, guider, given):
        hosts._chosen[:] = [self.host]
        sampler = self.host.sampling.make_sampler(SOLVERS["euler"], {})
        noise = FrameNoise(7).generate_noise(given)
        return self.host.sampling.sample(guider, noise, sampler, SIGMAS, given, 7)

    def windows(self, guider):
        return self.host.sampling.with_wrapper(guider, context_windows(WINDOWS))

    def by_hand(self):
        """Windows whose prompt is chosen by their first frame; they are 4 latent frames long."""

        def choose(denoiser, run):
            def denoise(x, at):
                middle = 4 * (at.clips.each[0].frames[0] - 1) + 9
                name = "last" if middle >= 32 else "late" if middle >= 16 else None
                return (run.further[name] if name else denoiser)(x, at)

            return denoise

        guider = self.guider(self.prompt(EARLY))
        for name, text in {"late": LATE, "last": LAST}.items():
            more = (self.prompt(text), self.prompt(""))
            guider = self.host.sampling.with_further(guider, name, *more, 4.0)
        return self.windows(self.host.sampling.with_wrapper(guider, choose))

    def long(self, guider):
        hosts._chosen[:] = [self.host]
        run = LongRun(
            guider=guider, noise=FrameNoise(7), sigmas=SIGMAS, keep=False,
            sampler=self.host.sampling.make_sampler(SOLVERS["euler"], {}),
            plan=ChunkPlan(length=5, context=2),
        )  # fmt: skip
        return run.sample(clip())


def clip(frames=13, **more):
    return {"samples": torch.zeros(1, 16, frames, 8, 6), "fps": 16.0, **more}


def attended(case, guider):
    rule = AttentionGuidance(scale=5.0, limit=2.5, blend=0.25)
    return case.host.sampling.with_plan(guider, lambda plan: replace(plan, attention=rule))


def ways(case):
    """Runs with prompts over time, by name."""
    yield "plain", case.sample(case.guider(), clip())
    yield "windows", case.sample(case.windows(case.guider()), clip())
    yield "chunks", case.long(case.guider())
    both = case.guider(case.timed(), case.timed(0.5, 1.5))
    yield "both sides", case.sample(case.windows(both), clip())


def apart(one, other):
    return float((one - other).abs().max())


def taken_over(case):
    """The host's own guider, sampled by the pack."""
    guider = CFGGuider(case.model)
    guider.set_conds(case.timed(), case.prompt(""))
    guider.set_cfg(4.0)
    return guider


def stock(case, guider):
    """As SamplerCustomAdvanced runs it."""
    given, sampler = clip(), comfy.samplers.ksampler("euler")
    noise = FrameNoise(7).generate_noise(given)
    return guider.sample(noise, given["samples"], sampler, SIGMAS, seed=7)


def measure():
    theirs, ours = ComfyHost(), StandaloneHost(device="cpu")
    pair = [
        Case(host, host.models.make_model(dit_weights(), dtype="fp32")) for host in (theirs, ours)
    ]
    native = Case(theirs, native_wan(wan_state()))
    made = [dict(ways(case)) for case in pair]
    found = {"hosts": {way: apart(made[0][way], made[1][way]) for way in made[0]}}
    rules = [case.sample(attended(case, case.windows(case.guider())), clip()) for case in pair]
    found["hosts"]["attention"] = apart(*rules)
    found["equal"], found["other"] = {}, {}
    for name, case in {"ours": pair[0], "standalone": pair[1], "native": native}.items():
        runs = dict(ways(case))
        early, late = (
            {"plain": case.sample(each, clip()), "windows": case.sample(case.windows(each), clip())}
            for each in (case.guider(case.prompt(text)) for text in (EARLY, LATE))
        )
        found["equal"][f"{name} plain"] = apart(runs["plain"], late["plain"])
        found["equal"][f"{name} windows"] = apart(
            runs["windows"], case.sample(case.by_hand(), clip())
        )
        found["other"][f"{name} windows"] = apart(runs["windows"], early["windows"])
        first = case.long(case.guider(case.prompt(EARLY)))
        found["equal"][f"{name} first chunk"] = apart(runs["chunks"][:, :, :4], first[:, :, :4])
        found["other"][f"{name} last chunk"] = apart(runs["chunks"][:, :, -2:], first[:, :, -2:])
        loop, closed = clip(12, loop=True), case.guider(case.prompt(LATE))
        found["equal"][f"{name} loop"] = apart(
            case.sample(case.guider(), loop), case.sample(closed, loop)
        )
    for name, case in {"ours": pair[0], "native": native}.items():
        late, first = (case.guider(case.prompt(text)) for text in (LATE, EARLY))
        found["equal"][f"{name} taken over"] = apart(
            case.sample(taken_over(case), clip()), case.sample(late, clip())
        )
        for way, guider in {"stock": taken_over(case), "stock sampler": case.guider()}.items():
            found["equal"][f"{name} {way}"] = apart(stock(case, guider), stock(case, first))
    return found


with torch.inference_mode():
    report(**measure())
