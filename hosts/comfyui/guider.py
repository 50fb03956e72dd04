"""GUIDER: the host's guider, with the pack's guidance plan."""
# pyright: reportMissingImports=false

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from comfy.model_management import throw_exception_if_processing_interrupted
from comfy.model_patcher import create_model_options_clone, set_model_options_patch_replace
from comfy.samplers import KSAMPLER, CFGGuider, calc_cond_batch
from torch import Tensor

from ...samplers.checks import check_one_stream
from ...samplers.clips import clips_of_latent
from ...samplers.guidance.conditions import Change, predictor
from ...samplers.guidance.nag import NegativeAttention
from ...samplers.guidance.plan import GuidancePlan, guided
from ...samplers.noise.steps import StepNoise
from ...samplers.runs import Evaluation, RunDenoiser, SamplingRun, Wrapper, wrapped
from ..experts import in_turn, stoppable
from .after import After
from .model import HostModel
from .network import AGAINST_KEY, CLIPS_KEY, EVALUATION_KEY, FRAME_BY_FRAME, Against
from .notes import warn
from .sampler import process_of
from .spans import SpannedConds
from .windows import WINDOW_KEY, HostWindow

ONE_STREAM = (
    "guidance by frames cannot find its frames; use Denoiser alone, Guidance Interval or Guidance "
    "over Steps"
)

UNUSED_PATCHES = (
    "sampler_cfg_function",
    "sampler_pre_cfg_function",
    "sampler_calc_cond_batch_function",
)
"""Guidance patches of other nodes, which a plan of the pack replaces."""


class HostGuider(CFGGuider):
    """A guider that leaves plain guidance to the host and follows any other plan itself.

    ``wrappers`` go around the guided denoiser, the last one outermost. Their run offers them
    ``further`` prompts, whose conditions are kept beside the guider's own, and ``draws``, the
    noise after the initial one. ``closing`` goes around the denoisers of all its prompts, inside
    the wrappers. ``after`` takes over at a noise level. ``spans`` choose among prompts over time.
    """

    def __init__(self, model_patcher: Any, plan: GuidancePlan) -> None:
        super().__init__(model_patcher)
        self.plan = plan
        self.wrappers: tuple[Wrapper, ...] = ()
        self.further: Mapping[str, GuidancePlan] = {}
        self.draws: StepNoise | None = None
        self.closing: tuple[Wrapper, ...] = ()
        self.after: After | None = None
        self.spans: SpannedConds | None = None
        self.set_cfg(plan.scale)
        self._denoiser: RunDenoiser | None = None
        self._run: SamplingRun | None = None
        self._mask: Tensor | None = None
        self._masked: Tensor | None = None
        self._seen: dict[str, Tensor] = {}

    @property
    def is_plain(self) -> bool:
        """Whether the host's own guidance suffices."""
        return self.plan == GuidancePlan(scale=self.plan.scale)

    @property
    def _goes_around(self) -> bool:
        """Whether anything around guidance needs each evaluation."""
        return bool(self.wrappers or self.closing or self.spans is not None)

    def sample(self, noise: Any, latent_image: Any, *rest: Any, **named: Any) -> Any:
        """Sample as the host does, with both models if another takes over.

        Raises:
            ValueError: the latent has several streams, but guidance rules or wrappers need its
                frames; or another model takes over, but the sampler is not a plain solver.
        """
        if self.after is not None:
            return self._sample_in_turn(self.after, noise, latent_image, *rest, **named)
        by_level = replace(self.plan, low=0.0, high=1.0, last_scale=None)
        if self._goes_around or by_level != GuidancePlan(scale=self.plan.scale):
            check_one_stream(latent_image, ONE_STREAM)
        return super().sample(noise, latent_image, *rest, **named)

    def _sample_in_turn(
        self,
        after: After,
        noise: Any,
        latent: Any,
        sampler: Any,
        sigmas: Tensor,
        *rest: Any,
        **named: Any,
    ) -> Any:
        if not isinstance(sampler, KSAMPLER):
            raise ValueError(
                f"a {type(sampler).__name__} cannot switch from one expert to the other: use "
                "Solver or KSamplerSelect"
            )
        stopped, alone = copy.copy(sampler), copy.copy(self)
        solver, options, checkpoint = stoppable(sampler.sampler_function, sampler.extra_options)
        stopped.sampler_function, stopped.extra_options, alone.after = solver, options, None

        def run(guider: HostGuider) -> Any:
            return guider.sample(noise, latent, stopped, sigmas, *rest, **named)

        return in_turn(
            sigmas, after.level, checkpoint, lambda: run(alone), lambda: run(after.guider)
        )

    def inner_sample(self, *arguments: Any, **named: Any) -> Tensor:
        """Run the sampler; the state of the plan and of the wrappers lasts for this run only."""
        noise, latent, sigmas = arguments[0], arguments[1], arguments[4]
        self._mask = arguments[5]
        begun = self._begin(latent, sigmas, named.get("latent_shapes") or ())
        self._run = run = replace(begun, noise=noise, draws=self.draws)
        if not self.is_plain or self._goes_around:
            inner = self._by_host if self.is_plain else self._by_plan(run)
            self._denoiser = wrapped(inner, (*self.closing, *self.wrappers), run)
        self._name_unused_patches()
        try:
            return super().inner_sample(*arguments, **named)
        finally:
            self._denoiser = self._run = self._mask = self._masked = None
            self._seen = {}

    def _begin(self, latent: Any, sigmas: Tensor, shapes: Sequence[Any]) -> SamplingRun:
        """Collect what the host and the pack's nodes state about the run.

        ``shapes`` are those of the latent's streams.
        """
        model, options = self.inner_model, self.model_options.get("transformer_options", {})
        clips, given = options.get(CLIPS_KEY), None
        if isinstance(latent, Tensor) and len(shapes) < 2:
            given = model.process_latent_in(latent) if latent.any() else latent
            if clips is None and latent.ndim in (4, 5):
                clips = clips_of_latent({}, latent, FRAME_BY_FRAME)
        takes_levels = isinstance(model, HostModel) and model.takes_levels
        process = process_of(model.model_sampling)
        run = SamplingRun(sigmas.cpu(), process, clips, given, takes_levels)
        predict = predictor(self._evaluate, self._changed)

        def follow(name: str, plan: GuidancePlan) -> RunDenoiser:
            return wrapped(guided(plan, predict, *conditions_of(name), process), self.closing, run)

        return replace(
            run, further={name: follow(name, each) for name, each in self.further.items()}
        )

    def _name_unused_patches(self) -> None:
        unused = [name for name in UNUSED_PATCHES if self.model_options.get(name)]
        if unused and not self.is_plain:
            warn(
                f"another node sets its own guidance ({', '.join(unused)}), which has no effect "
                "together with Spacetime's guidance nodes: use one or the other"
            )

    def predict_noise(
        self,
        x: Tensor,
        timestep: Tensor,
        model_options: dict[str, Any] | None = None,
        seed: int | None = None,
    ) -> Tensor:
        """Return the guided prediction of x0 at the noise levels ``timestep`` (B,)."""
        options, run = model_options or {}, self._run
        if self._denoiser is None or run is None:
            return super().predict_noise(x, timestep, options, seed)
        extra = {"model_options": options, "seed": seed}
        at = Evaluation(run, timestep, clips=run.clips, extra_args=extra)
        if self._mask is not None and x.ndim > 3:
            mask = self._mask[:, 0]
            self._masked = mask * at.levels_like(mask)
            at = replace(at, places=self._masked)
        return self._denoiser(x, at)

    def _by_host(self, x: Tensor, at: Evaluation) -> Tensor:
        whole, self.conds = self.conds, self._seen_conds(at)
        try:
            return super().predict_noise(x, at.sigma, self._options(at), at.extra_args["seed"])
        finally:
            self.conds = whole

    def _seen_conds(self, at: Evaluation) -> dict[str, Any]:
        """Return the conditionings; for the host's own networks, cut to the window."""
        window, conds = self._host_window(at), self._timed_conds(at)
        if window is None:
            return conds
        throw_exception_if_processing_interrupted()
        return {name: window.cut(self.inner_model, each) for name, each in conds.items()}

    def _timed_conds(self, at: Evaluation) -> dict[str, Any]:
        """Return the conditionings with the prompts for an evaluation."""
        return self.conds if self.spans is None else self.spans.at(self.conds, at)

    def _host_window(self, at: Evaluation) -> HostWindow | None:
        if at.clips is None or at.clips.index is None or isinstance(self.inner_model, HostModel):
            return None
        return HostWindow.of(at)

    def _by_plan(self, run: SamplingRun) -> RunDenoiser:
        predict = predictor(self._evaluate, self._changed)
        inner = guided(self.plan, predict, "positive", "negative", run.process, watch=self._watch)

        def denoise(x: Tensor, at: Evaluation) -> Tensor:
            self._seen.clear()
            return self._patched(inner(x, at), x, at)

        return denoise

    def _options(self, at: Evaluation) -> dict[str, Any]:
        """Return model options that pass the evaluation to the pack's network.

        They leave out a mask's levels, which the host itself passes to a network that takes them.
        """
        options = create_model_options_clone(at.extra_args["model_options"])
        if isinstance(self.inner_model, HostModel):
            known = at.places is self._masked or not at.run.takes_levels
            told = replace(at, places=None) if known else at
            options.setdefault("transformer_options", {})[EVALUATION_KEY] = told
        window = self._host_window(at)
        if window is not None:
            options.setdefault("transformer_options", {})[WINDOW_KEY] = window.window
        return options

    def _watch(self, conditions: Sequence[Any], made: Sequence[Tensor]) -> None:
        """Keep the predictions for both prompts, for the patches of other nodes."""
        for condition, x0 in zip(conditions, made, strict=True):
            name = condition.condition if isinstance(condition, NegativeAttention) else condition
            if isinstance(name, str):
                self._seen[name] = x0

    def _patched(self, denoised: Tensor, x: Tensor, at: Evaluation) -> Tensor:
        """Apply other nodes' patches after guidance, unless nothing was predicted."""
        options = at.extra_args["model_options"]
        patches = options.get("sampler_post_cfg_function", [])
        positive, negative = self._seen.get("positive"), self._seen.get("negative")
        if not patches or positive is None:
            return denoised
        if negative is None and options.get("disable_cfg1_optimization", False):
            (negative,) = self._evaluate(x, at, ["negative"])
        conds = self._seen_conds(at)
        given = {
            "cond": conds["positive"],
            "uncond": None if negative is None else conds.get("negative"),
            "cond_scale": self.cfg,
            "model": self.inner_model,
            "cond_denoised": positive,
            "uncond_denoised": torch.zeros_like(x) if negative is None else negative,
            "sigma": at.sigma,
            "model_options": options,
            "input": x,
        }
        for patch in patches:
            denoised = patch({"denoised": denoised, **given})
        return denoised

    def _evaluate(
        self,
        x: Tensor,
        at: Evaluation,
        names: Sequence[str],
        skipped: frozenset[int] = frozenset(),
        against: Against | None = None,
    ) -> list[Tensor]:
        seen = self._seen_conds(at)
        conds = [seen.get(name) for name in names]
        options = _without_blocks(self._options(at), skipped)
        if against is not None:
            options.setdefault("transformer_options", {})[AGAINST_KEY] = against
        return calc_cond_batch(self.inner_model, conds, x, at.sigma, options)

    def _changed(self, x: Tensor, at: Evaluation, condition: str, change: Change) -> Tensor:
        against = None if change.attention is None else self._against(change.attention, at)
        (made,) = self._evaluate(x, at, [condition], change.skipped, against)
        return made

    def _against(self, attention: NegativeAttention, at: Evaluation) -> Against:
        """Return the negative prompt, which each copy of the network prepares with its weights."""
        (negative, *_) = self._timed_conds(at)[attention.negative]
        told = negative["model_conds"]
        contexts = told["clip_texts"].cond if "clip_texts" in told else [told["c_crossattn"].cond]
        image = told["clip_fea"].cond if "clip_fea" in told else None
        return Against(contexts, image, attention.guidance)


def conditions_of(name: str) -> tuple[str, str]:
    """Return the names of further prompts among a guider's conditions."""
    return f"{name} positive", f"{name} negative"


def _without_blocks(options: dict[str, Any], blocks: frozenset[int]) -> dict[str, Any]:
    """Return model options in which these blocks pass their input through."""
    for block in blocks:
        options = set_model_options_patch_replace(
            options, lambda given, _: given, "dit", "double_block", block
        )
    return options
