"""The model under measurement, with fixed settings: batches of cases in, frames out.

B batch, C channels, F frames, H rows, W columns, S text tokens, D width.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import torch
from einops import rearrange
from torch import Tensor

from ..hosts.control import with_control
from ..hosts.keys import LEVELS_KEY, Conditioning, Latent
from ..hosts.standalone.control import ControlNet
from ..hosts.standalone.host import StandaloneHost
from ..hosts.standalone.sampling import Guider, Model, Sampler
from ..model_loaders.load import read_dit, read_text_encoder, read_vae
from ..model_loaders.lora import read_lora
from ..models.shapes import LatentShape, VideoShape
from ..models.vae.network import VideoVAE
from ..samplers.ceilings import cut_levels, highest_ceiling
from ..samplers.control import ControlStrength
from ..samplers.given import hold_given
from ..samplers.guidance.plan import GuidancePlan
from ..samplers.noise.frames import frame_noise
from ..samplers.process import NoiseProcess
from ..samplers.schedules.flow import flow_sigmas
from ..samplers.solvers import SOLVERS, STOCHASTIC_SOLVERS
from ..weights import bundled
from .cases import Case

Change = Callable[[list[Conditioning]], list[Conditioning]]
"""Changes the positive and the negative prompt."""


@dataclass(frozen=True)
class Settings:
    """How clips are sampled.

    Args:
        shift: shift of the schedule; None for the model's own.
        weights: folder with files named like the shipped ones; None for the shipped ones.
        solver: name of one of the pack's solvers.
        lora: LoRA file to apply, or None.
        plan: how the model is guided, except for the scale.
    """

    guidance: float = 2.0
    steps: int = 30
    shift: float | None = None
    device: str = "auto"
    weights: Path | None = None
    solver: str = "euler"
    lora: Path | None = None
    plan: GuidancePlan = field(default_factory=GuidancePlan)


def few_step_settings(settings: Settings) -> Settings:
    """The same settings with the shipped few-step LoRA, four steps and no guidance.

    Raises:
        ValueError: no such LoRA ships.
    """
    lora = next(iter(bundled("loras").values()), None)
    if lora is None:
        raise ValueError("no few-step LoRA ships with these weights")
    return replace(settings, guidance=1.0, steps=4, solver="lcm", lora=lora)


class Filled(NamedTuple):
    """Clips (B, F, H, W, 3) with a given part, and the largest change of that part."""

    clips: Tensor
    change: float


class Maker(Protocol):
    """Generates clips for cases of one size and frame rate."""

    @property
    def vae(self) -> VideoVAE:
        """The VAE's network."""
        ...

    def latent_shape(self, shape: VideoShape) -> LatentShape:
        """Latent shape of a video."""
        ...

    def make(self, cases: Sequence[Case]) -> Tensor:
        """Generate clips (B, F, H, W, 3) from prompts alone."""
        ...

    def fill(
        self, cases: Sequence[Case], prompts: Sequence[str], video: Tensor, known: Tensor
    ) -> Filled:
        """Fill in clips around the known part of a video.

        Args:
            prompts: one prompt per case.
            video: (B, F, H, W, 3).
            known: (B, F', H', W') bool, the known latent positions.
        """
        ...


class ClipMaker:
    """Loads the model and generates clips; a clip does not depend on the others in its batch.

    Raises:
        FileNotFoundError: a weight file is missing.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.host = host = StandaloneHost(device=settings.device)
        dit, text, vae = (self.path(f) for f in ("diffusion_models", "text_encoders", "vae"))
        self.model = self._changed(host.models.make_model(read_dit(dit), dtype="auto"))
        self.text = host.models.make_clip(read_text_encoder(text), dtype="auto")
        self.coder = host.models.make_vae(read_vae(vae), dtype="auto")
        self.sampler = host.sampling.make_sampler(_solver(settings.solver), {})
        shift = self.model.shift if settings.shift is None else settings.shift
        self.sigmas = flow_sigmas(settings.steps, shift=shift)

    def path(self, folder: str) -> Path:
        """Path of the file of a model folder to measure."""
        shipped = next(iter(bundled(folder).values()))
        weights = self.settings.weights
        return shipped if weights is None else weights / shipped.name

    def _changed(self, model: Model) -> Model:
        if self.settings.lora is None:
            return model
        read = read_lora(self.settings.lora, self.host.models.weight_shapes(model))
        return self.host.models.with_lora(model, read.patches, 1.0, live=False)

    @property
    def vae(self) -> VideoVAE:
        """The VAE's network."""
        return self.coder.network

    def latent_shape(self, shape: VideoShape) -> LatentShape:
        """Latent shape of a video."""
        return self.model.latent.compression.latent_shape(shape)

    @torch.inference_mode()
    def make(self, cases: Sequence[Case]) -> Tensor:
        """Generate clips (B, F, H, W, 3) from prompts alone."""
        return self.decode(self.sample(cases))

    @torch.inference_mode()
    def follow(self, case: Case, net: ControlNet, pictures: Tensor, strength: float) -> Tensor:
        """Generate a clip (1, F, H, W, 3) from hints (F, H, W, 3) as Apply ControlNet does."""
        if strength == 0:
            return self.make([case])
        told = ControlStrength(factor=strength)

        def apply(before: Any) -> Any:
            return self.host.models.controlled(net, before, pictures, self.coder, told)

        return self.decode(self.sample([case], change=lambda both: with_control(both, apply)))

    @torch.inference_mode()
    def sample(
        self, cases: Sequence[Case], *, loop: bool = False, change: Change | None = None
    ) -> Tensor:
        """Sample raw latents (B, C, F', H', W') from prompts alone.

        Args:
            loop: whether time is circular.
            change: a further change of the prompts, such as a control.
        """
        guider = self.guider([case.prompt for case in cases], change=change)
        latent = {"samples": torch.zeros(self._shape(cases)), "fps": cases[0].fps, "loop": loop}
        return self.run(cases, guider, latent)

    @torch.inference_mode()
    def run(
        self,
        cases: Sequence[Case],
        guider: Guider,
        latent: Latent,
        *,
        sampler: Sampler | None = None,
    ) -> Tensor:
        """Sample raw latents (B, C, F', H', W') of one LATENT, from its highest noise ceiling on.

        Args:
            cases: one case per clip of the latent; their seeds determine the noise.
            guider: see ``guider``.
            latent: latent with its given parts, as the Timeline nodes build it.
            sampler: sampler to use instead of the maker's own.
        """
        sampling, shape = self.host.sampling, latent["samples"].shape[1:]
        first = latent.get("first_frame", 0)

        def draws(step: int) -> Tensor:
            return _noise(cases, shape, first, step + 1)

        sampler = sampling.with_options(sampler or self.sampler, {"noise": draws})
        guider = sampling.with_draws(guider, draws)
        sigmas = cut_levels(self.sigmas, highest_ceiling([latent]), NoiseProcess.FLOW)
        return sampling.sample(guider, _noise(cases, shape, first), sampler, sigmas, latent, 0)

    @torch.inference_mode()
    def fill(
        self, cases: Sequence[Case], prompts: Sequence[str], video: Tensor, known: Tensor
    ) -> Filled:
        """Fill in clips around the known part of a video, which is held exactly at every step."""
        given = self.encode(video)  # (B, C, F', H', W')
        result = self.hold(cases, prompts, given, known)
        kept = self.model.latent.denormalise(self.model.latent.normalise(given))
        change = (result - kept).abs() * rearrange(known, "B F H W -> B 1 F H W")
        return Filled(self.decode(result), float(change.max()))

    @torch.inference_mode()
    def hold(
        self,
        cases: Sequence[Case],
        prompts: Sequence[str],
        given: Tensor,
        known: Tensor,
        *,
        first_frame: int = 0,
    ) -> Tensor:
        """Sample raw latents (B, C, F', H', W') that equal `given` where known (B, F', H', W').

        Args:
            prompts: one prompt per case.
            first_frame: absolute number of the first latent frame, which determines its noise.
        """
        guider = self.host.sampling.with_wrapper(self.guider(prompts), hold_given(known))
        latent = {"samples": given, "fps": cases[0].fps, "first_frame": first_frame}
        return self.run(cases, guider, latent)

    def _shape(self, cases: Sequence[Case]) -> tuple[int, ...]:
        return (len(cases), self.model.latent.channels, *self.latent_shape(cases[0].shape))

    def guider(
        self,
        prompts: Sequence[str],
        *,
        scale: float | None = None,
        levels: bool = True,
        change: Change | None = None,
    ) -> Guider:
        """Make a guider of the model with one prompt per case.

        Args:
            prompts: prompts of the cases.
            scale: guidance scale; None for that of the settings.
            levels: whether the model is shown a noise level per token, if it takes one; otherwise
                it sees one level for all, so that given parts look as noisy as the rest.
            change: a further change of the prompts, such as a control.
        """
        plan = replace(self.settings.plan, scale=self.settings.guidance if scale is None else scale)
        told = {} if levels else {LEVELS_KEY: False}
        model = replace(self.model, info={**self.model.info, **told})
        positive = self.conditioning(prompts)
        negative = self.host.models.encode_prompt(self.text, "")
        if change is not None:
            positive, negative = change([positive, negative])
        guider = self.host.sampling.make_guider(model, positive, negative, plan.scale)
        return self.host.sampling.with_plan(guider, lambda _: plan)

    def conditioning(self, prompts: Sequence[str]) -> Conditioning:
        """Encode one prompt per case, all together."""
        return [[self.text.encode(prompts).float().cpu(), {}]]  # (B, S, D)

    @torch.inference_mode()
    def encode(self, video: Tensor) -> Tensor:
        """Encode a video (B, F, H, W, 3) to raw latents (B, C, F', H', W')."""
        pixels = rearrange(video, "B F H W C -> B C F H W") * 2 - 1
        return self.vae.encode(pixels.to(self.coder.device, self.coder.dtype)).float().cpu()

    @torch.inference_mode()
    def decode(self, samples: Tensor) -> Tensor:
        """Decode raw latents (B, C, F', H', W') to clips (B, F, H, W, 3)."""
        frames = self.host.models.decode_video(self.coder, samples).whole()
        return rearrange(frames, "(B F) H W C -> B F H W C", B=len(samples))


def _noise(cases: Sequence[Case], shape: Sequence[int], first: int, draw: int = 0) -> Tensor:
    """Draw each case's noise (B, C, F', H', W'), as the Noise node does for its seed."""
    each = [frame_noise(shape, seed=case.seed, first_frame=first, draw=draw) for case in cases]
    return torch.stack(each)


def _solver(name: str) -> Callable[..., Tensor]:
    solvers = {**SOLVERS, **STOCHASTIC_SOLVERS}
    if name not in solvers:
        raise ValueError(f"unknown solver {name!r}: use one of {', '.join(solvers)}")
    return solvers[name]
