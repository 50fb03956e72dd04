"""FlowEdit: edit a clip by the difference between two prompts, without inversion.

B batch, C channels, F frames, H rows, W columns, L tokens, D features.
"""

import torch
from torch import Tensor

from .denoiser import broadcast_sigma
from .given import starting_point
from .noise.steps import noise_for
from .process import NoiseProcess
from .runs import Evaluation, RunDenoiser, SamplingRun, Wrapper

SOURCE = "source"
"""Key in a run's ``further`` denoisers for the prompts that describe the given clip."""


def flow_edit(*, averages: int = 1, refine: float = 0.0) -> Wrapper:
    """Move the given clip along the difference between the run's prompts and the source prompts.

    Let x be the given clip and e fresh noise. The source prompts see x noised with e; the run's
    prompts see the state with its initial noise replaced by e; x0 is x plus the difference between
    the two predictions. Solvers therefore see the edited clip under its initial noise, and any
    deterministic solver moves it by the paper's sum of velocity differences. This wrapper must be
    the innermost.
    Source: Kulikov et al., "FlowEdit: Inversion-Free Text-Based Editing Using Pre-Trained Flow
    Models", 2024.

    Args:
        averages: number of fresh noise draws per step over which the difference is averaged.
        refine: share of the steps, at the end of the run, that follow only the run's prompts.

    Raises:
        ValueError: at the start of a run that has no given clip or no source prompts.
    """

    def wrapper(denoiser: RunDenoiser, run: SamplingRun) -> RunDenoiser:
        given, first, source = _edited(run)

        def edited(x: Tensor, at: Evaluation) -> Tensor:
            step, steps = run.step_in_progress(at.level), len(run.sigmas) - 1
            if steps - step <= round(refine * steps):
                return denoiser(x, at)
            fresh = run.draws or noise_for(given, None, at.extra_args)
            clean = at.part(given).to(x)
            level = broadcast_sigma(at.levels if run.takes_levels else at.sigma, x)
            kept = 1 - level if run.process is NoiseProcess.FLOW else 1.0
            changes = []
            for number in range(step * averages, (step + 1) * averages):
                noise = at.part(fresh(number)).to(x)
                target = denoiser(x + level * (noise - at.part(first).to(x)), at)
                changes.append(target - source(kept * clean + level * noise, at))
            return clean + torch.stack(changes).mean(0)

        return edited

    return wrapper


def _edited(run: SamplingRun) -> tuple[Tensor, Tensor, RunDenoiser]:
    """The given clip, its initial noise, and the denoiser for the source prompts."""
    given = starting_point(run)
    if not given.any() or run.noise is None:
        raise ValueError(
            "FlowEdit edits an existing clip, but the latent is empty: connect Encode Video or "
            "Edit Video in place of Empty Video, or remove FlowEdit"
        )
    if SOURCE not in run.further:
        raise ValueError(
            "FlowEdit needs prompts that describe the given clip: use the FlowEdit node"
        )
    return given, run.noise, run.further[SOURCE]
