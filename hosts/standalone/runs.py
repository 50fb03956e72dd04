"""Sampling runs of the standalone host on latents and on packed tokens.

B batch, C channels, F frames, H rows, W columns, L tokens.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from ...models.patchify import Tokens, patchify, unpatchify
from ...samplers.ceilings import ceiling_of, ceilings_of_tokens, under_ceiling, with_given
from ...samplers.clips import Clips, clips_of_latent, clips_of_tokens, pictures_of_tokens
from ...samplers.given import hold_given
from ...samplers.guidance.plan import GuidancePlan
from ...samplers.noise.steps import StepNoise
from ...samplers.process import NoiseProcess
from ...samplers.runs import SamplingRun, Wrapper, placed
from ...samplers.showing import Showing
from ...samplers.windows import frames_at_once
from ..about import AboutGuider
from ..circles import closing
from ..clip_texts import text_of
from ..experts import check_alone, check_experts, in_turn, stoppable
from ..finite import check_step, refuse_not_finite
from ..further import check_new
from ..keys import LEVELS_KEY, Conditioning, Latent
from ..solver_options import KnownWeights, SolverCall, with_taken
from ..start_clips import start_change
from .control import known_controls, reference_frames, told_by_controls
from .guiding import guided_denoiser
from .latents import check_latent, fit_empty, mask_of, normalised
from .preview import LoadedVAE, strip_maker
from .sampling import After, Guider, Model, Prompted, Sampler, solve
from .session import StandaloneSession


class StandaloneSampling:
    """Builds GUIDERs and SAMPLERs, and runs them.

    Args:
        device: of the networks.
        session: receives progress and previews.
        vaes: the VAEs in use, for previews of families without a map to colours.
    """

    def __init__(
        self, device: torch.device, session: StandaloneSession, vaes: Iterable[LoadedVAE]
    ) -> None:
        self.device, self.session, self.vaes = device, session, vaes

    def make_guider(
        self, model: Model, positive: Conditioning, negative: Conditioning, guidance: float
    ) -> Guider:
        """Bind a model to its prompts."""
        return Guider(model, positive, negative, GuidancePlan(scale=guidance))

    def with_plan(self, guider: Guider, change: Callable[[GuidancePlan], GuidancePlan]) -> Guider:
        """Change the guidance plan."""
        return guider.with_both(lambda each: replace(each, plan=change(each.plan)))

    def with_wrapper(self, guider: Guider, wrapper: Wrapper, *, innermost: bool = False) -> Guider:
        """Put a wrapper around the guided denoiser."""

        def change(each: Guider) -> Guider:
            return replace(each, wrappers=placed(each.wrappers, wrapper, innermost=innermost))

        return guider.with_both(change)

    def with_further(
        self,
        guider: Guider,
        name: str,
        positive: Conditioning,
        negative: Conditioning,
        scale: float,
    ) -> Guider:
        """Add further prompts to the guider's own."""
        check_new(name, guider.further)
        prompted = Prompted(positive, negative, GuidancePlan(scale=scale))
        return guider.with_both(
            lambda each: replace(each, further={**each.further, name: prompted})
        )

    def with_draws(self, guider: Guider, draws: StepNoise | None) -> Guider:
        """Set the noise that wrappers draw."""
        return guider.with_both(lambda each: replace(each, draws=draws))

    def handed_over(self, high: Guider, low: Guider, level: float) -> Guider:
        """Let ``low`` take over from ``high``."""
        check_alone(high.after or low.after)
        formats = (high.model.latent, low.model.latent)
        check_experts(self.about(high), self.about(low), formats)
        return replace(high, after=After(low, level))

    def about(self, guider: Guider) -> AboutGuider:
        """Collect the properties of its parts."""
        model = guider.model
        known = KnownWeights(model.info, model.latent)
        layers = model.dit.config.layers
        flow, further = NoiseProcess.FLOW, tuple(guider.further)
        showing = Showing.LEVELS if _takes_levels(model) else Showing.STATE
        if _further_channels(model):
            showing = Showing.CHANNELS
        conditionings = (guider.positive, guider.negative)
        return AboutGuider(
            guider.plan,
            layers,
            model.distilled,
            known,
            flow,
            further,
            showing,
            (*guider.known, *told_by_controls(guider.conditionings)),
            model.latent.time_factor,
            known_controls(conditionings),
            reference_frames(conditionings),
            frames_at_once(guider.wrappers),
        )

    def make_sampler(self, solver: Callable[..., Tensor], options: Mapping[str, Any]) -> Sampler:
        """Wrap a solver."""
        return Sampler(solver, options)

    def with_options(self, sampler: Sampler, options: Mapping[str, Any]) -> Sampler:
        """Give the solver more options."""
        return replace(sampler, options=with_taken(sampler.solver, sampler.options, options))

    def solver_of(self, sampler: Sampler) -> SolverCall:
        """Return the solver and its options, which every sampler has."""
        return SolverCall(sampler.solver, sampler.options)

    def fit_latent(self, guider: Guider, latent: Latent) -> dict[str, Any]:
        """Give zeros the model's channels, and images a frame axis."""
        channels = guider.model.latent.channels
        samples = fit_empty(latent["samples"], channels=channels)
        check_latent(samples, channels=channels)
        return {**latent, "samples": samples}

    def sample(
        self,
        guider: Guider,
        noise: Tensor,
        sampler: Sampler,
        sigmas: Tensor,
        latent: Latent,
        seed: int,
    ) -> Tensor:
        """Sample a latent."""
        change = partial(text_of, latent=latent)
        own = _timed(guider).with_both(lambda each: each.with_parts(change))
        return self.sample_and_predict(own, noise, sampler, sigmas, latent, seed)[0]

    def sample_and_predict(
        self,
        guider: Guider,
        noise: Tensor,
        sampler: Sampler,
        sigmas: Tensor,
        latent: Latent,
        seed: int,
    ) -> tuple[Tensor, Tensor]:
        """Sample a latent; the second result is the last step's prediction of the finished latent.

        Only a ``timed`` guider follows prompts over time. Of prompts for several clips, the guider
        must already have been given the one for this clip.
        """
        model = guider.model
        given = normalised(latent["samples"], model.latent)
        if _further_channels(model):
            guider = self._shown(guider, latent)
        clips = clips_of_latent(latent, given, model.latent.compression)
        mask = mask_of(latent, given, model.latent.compression)
        ceiling = ceiling_of(latent, given)
        if ceiling is not None:
            guider = self.with_wrapper(guider, under_ceiling(ceiling.to(self.device)))
        if mask is not None:
            held = hold_given((1 - mask).to(self.device), noise=noise.to(self.device))
            guider = self.with_wrapper(guider, held)
        predicted, watch = [given], self._watch(model, list)

        def follow(denoised: Tensor) -> None:
            predicted[:] = [denoised]
            watch(denoised)

        result = self._run(guider, sampler, sigmas, noise, given, clips, follow, seed)
        made, seen = (model.latent.denormalise(each.cpu()) for each in (result, predicted[0]))
        held = None if mask is None else mask[:, None]
        return with_given(made, latent["samples"], held, ceiling), seen  # given values stay exact

    def _shown(self, guider: Guider, latent: Latent) -> Guider:
        """Show the given parts to a network that takes them in further channels."""
        told = guider.model.latent
        change = start_change(
            latent, latent["samples"], told.time_factor, told.denormalise, self.session.warn
        )
        return guider.with_both(
            lambda each: each.with_parts(lambda context, options: (context, change(options)))
        )

    def sample_tokens(
        self,
        guider: Guider,
        noise: Tokens,
        sampler: Sampler,
        sigmas: Tensor,
        tokens: Tokens,
        extras: Sequence[Mapping[str, Any]],
        seed: int,
    ) -> Tokens:
        """Sample packed tokens."""
        model = guider.model
        start = [normalised(clip, model.latent) for clip in unpatchify(tokens)]
        given = patchify(start, patch=tokens.patch).values
        clips = clips_of_tokens(tokens, extras, model.latent.compression)
        ceilings = ceilings_of_tokens(tokens, extras, model.latent.time_factor)
        if ceilings is not None:
            guider = self.with_wrapper(guider, under_ceiling(ceilings.to(self.device)))
        watch = self._watch(model, partial(pictures_of_tokens, tokens))
        timed, start = _timed(guider), noise.values
        values = self._run(timed, sampler, sigmas, start, given, clips, watch, seed)
        result = tokens.with_values(values.cpu())
        raw = [model.latent.denormalise(clip) for clip in unpatchify(result)]
        made = patchify(raw, patch=tokens.patch).values
        return replace(result, values=with_given(made, tokens.values, ceilings))

    def _run(
        self,
        guider: Guider,
        sampler: Sampler,
        sigmas: Tensor,
        noise: Tensor,
        given: Tensor,
        clips: Clips,
        watch: Callable[[Tensor], None],
        seed: int,
    ) -> Tensor:
        self.session.progress(0, len(sigmas) - 1)

        def run(each: Guider, sampler: Sampler) -> Tensor:
            return self._steps(each, sampler, sigmas, noise, given, clips, watch, seed)

        if guider.after is None:
            return run(guider, sampler)
        solver, options, checkpoint = stoppable(sampler.solver, sampler.options)
        shared, low = Sampler(solver, options), guider.after.guider
        return in_turn(
            sigmas,
            guider.after.level,
            checkpoint,
            lambda: run(guider, shared),
            lambda: run(low, shared),
        )

    def _steps(
        self,
        guider: Guider,
        sampler: Sampler,
        sigmas: Tensor,
        noise: Tensor,
        given: Tensor,
        clips: Clips,
        watch: Callable[[Tensor], None],
        seed: int,
    ) -> Tensor:
        """Run the steps of one model; all of them, unless another takes over."""
        total, given = len(sigmas) - 1, given.to(self.device)
        inputs = guider.model.dit.config.conditions
        around = closing(clips, inputs, total, self.session.warn)
        guider = replace(guider, closing=around)
        run = SamplingRun(
            sigmas,
            clips=clips,
            given=given,
            takes_levels=_takes_levels(guider.model),
            noise=noise.to(self.device),
            draws=guider.draws,
        )

        refuse_not_finite(given, "the latent", "check the node that produced it")
        refuse_not_finite(noise, "the noise", "check the node that produced it")

        def follow(state: Mapping[str, Any]) -> None:
            check_step(state["i"] + 1, state["denoised"], guider.model.dit, guider.model.file)
            self.session.progress(state["i"] + 1, total)
            watch(state["denoised"])

        return solve(
            guided_denoiser(guider, len(given), run, self.session.warn),
            sampler,
            sigmas.to(self.device),
            noise.to(self.device),
            given,
            follow,
            seed,
        )

    def _watch(
        self, model: Model, clips_of: Callable[[Tensor], list[Tensor]]
    ) -> Callable[[Tensor], None]:
        """Return a function that previews the clips (C, F, H, W) in a state, if that is enabled."""
        if self.session.preview is None:
            return lambda state: None
        show, draw = self.session.preview, strip_maker(model.latent, self.vaes)

        def watch(state: Tensor) -> None:
            strip = draw(clips_of(state))
            if strip is not None:
                show(strip)

        return watch


def _timed(guider: Guider) -> Guider:
    return guider.with_both(lambda each: replace(each, timed=True))


def _takes_levels(model: Model) -> bool:
    return bool(model.info.get(LEVELS_KEY, False))


def _further_channels(model: Model) -> int:
    """Return the number of a network's input channels in addition to those of the state."""
    return model.dit.config.in_channels - model.latent.channels
