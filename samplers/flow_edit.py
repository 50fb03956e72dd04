"""FlowEdit: change what a clip shows by the difference between two prompts, without inversion.

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
"""Name of the prompts in a run's ``further`` denoisers that tell what the given clip shows."""


def flow_edit(*, averages: int = 1, refine: float = 0.0) -> Wrapper:
    """Carry the given clip along the difference between the run's prompts and the source's.

    With x the given clip and e fresh noise, the source's prompts see x noised with e, the run's
    prompts see the state with e in place of the noise that the run began with, and x0 is x plus the
    difference between the two predictions. What solvers see is then the edited clip with the
    first noise on it, which any solver without noise of its own moves as the paper's sum of
    velocity differences. The wrapper belongs inside of all others.
    Source: Kulikov et al., "FlowEdit: Inversion-Free Text-Based Editing Using Pre-Trained Flow
    Models", 2024.

    Args:
        averages: draws of fresh noise per step, whose differences are averaged.
        refine: share of the run's last steps that follow its prompts alone.

    Raises:
        ValueError: when a run begins without a clip, or without the source's prompts.
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
    """The clip, the noise on it, and the denoiser that follows its prompts."""
    given = starting_point(run)
    if not given.any() or run.noise is None:
        raise ValueError(
            "FlowEdit changes a clip, and the latent holds none: connect Encode Video or Edit "
            "Video in place of Empty Video, or take FlowEdit out"
        )
    if SOURCE not in run.further:
        raise ValueError("FlowEdit needs prompts of what the given clip shows: use its node")
    return given, run.noise, run.further[SOURCE]
