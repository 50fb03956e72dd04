"""The model that is measured, with fixed settings: batches of cases in, frames out.

B batch, C channels, F frames, H rows, W columns, S text tokens, D width.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple, Protocol

import torch
from einops import rearrange
from torch import Tensor

from ..hosts.interface import Conditioning
from ..hosts.standalone.host import StandaloneHost
from ..hosts.standalone.sampling import Guider, Model
from ..model_loaders.load import read_dit, read_text_encoder, read_vae
from ..model_loaders.lora import read_lora
from ..models.shapes import LatentShape, VideoShape
from ..models.vae.network import VideoVAE
from ..samplers.given import hold_given
from ..samplers.guidance.plan import GuidancePlan
from ..samplers.noise.frames import frame_noise
from ..samplers.schedules.flow import flow_sigmas
from ..samplers.solvers import SOLVERS, STOCHASTIC_SOLVERS
from ..weights import bundled
from .cases import FPS, Case


@dataclass(frozen=True)
class Settings:
    """How clips are sampled.

    Args:
        shift: of the schedule; None for the model's own.
        weights: folder with files named as the shipped ones; None for those.
        solver: name of one of ours.
        lora: file that changes the model; None for none.
        plan: how the model is guided, but for the scale.
    """

    guidance: float = 2.0
    steps: int = 30
    shift: float | None = None
    device: str = "auto"
    weights: Path | None = None
    solver: str = "euler"
    lora: Path | None = None
    plan: GuidancePlan = field(default_factory=GuidancePlan)


class Filled(NamedTuple):
    """Clips (B, F, H, W, 3) of which a part was given, and how far that was changed at most."""

    clips: Tensor
    change: float


class Maker(Protocol):
    """Makes clips for cases of one size."""

    @property
    def vae(self) -> VideoVAE:
        """The VAE's network."""
        ...

    def latent_shape(self, shape: VideoShape) -> LatentShape:
        """Latent positions of a video."""
        ...

    def make(self, cases: Sequence[Case]) -> Tensor:
        """Clips (B, F, H, W, 3) from prompts alone."""
        ...

    def fill(
        self, cases: Sequence[Case], prompts: Sequence[str], video: Tensor, known: Tensor
    ) -> Filled:
        """Clips whose known part is that of a video.

        Args:
            prompts: one for each case.
            video: (B, F, H, W, 3).
            known: (B, F', H', W') bool, latent positions.
        """
        ...


class ClipMaker:
    """Loads the model and makes clips with it; what a clip shows depends on no other of its batch.

    Raises:
        FileNotFoundError: a weight file is missing.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.host = host = StandaloneHost(device=settings.device)
        dit, text, vae = (self._path(f) for f in ("diffusion_models", "text_encoders", "vae"))
        self.model = self._changed(host.models.make_model(read_dit(dit), dtype="auto"))
        self.text = host.models.make_clip(read_text_encoder(text), dtype="auto")
        self.coder = host.models.make_vae(read_vae(vae), dtype="auto")
        self.sampler = host.sampling.make_sampler(_solver(settings.solver), {})
        shift = self.model.shift if settings.shift is None else settings.shift
        self.sigmas = flow_sigmas(settings.steps, shift=shift)

    def _path(self, folder: str) -> Path:
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
        """Latent positions of a video."""
        return self.model.latent.compression.latent_shape(shape)

    @torch.inference_mode()
    def make(self, cases: Sequence[Case]) -> Tensor:
        """Clips (B, F, H, W, 3) from prompts alone."""
        return self._decode(self.sample(cases))

    @torch.inference_mode()
    def sample(self, cases: Sequence[Case]) -> Tensor:
        """Raw latents (B, C, F', H', W') from prompts alone."""
        guider = self._guider([case.prompt for case in cases])
        return self._sample(cases, guider, torch.zeros(self._shape(cases)))

    def _sample(self, cases: Sequence[Case], guider: Guider, start: Tensor) -> Tensor:
        latent = {"samples": start, "fps": FPS}
        sampler = self.host.sampling.with_options(
            self.sampler, {"noise": lambda step: self._noise(cases, step + 1)}
        )
        return self.host.sampling.sample(
            guider, self._noise(cases), sampler, self.sigmas, latent, 0
        )

    @torch.inference_mode()
    def fill(
        self, cases: Sequence[Case], prompts: Sequence[str], video: Tensor, known: Tensor
    ) -> Filled:
        """Clips whose known part is that of a video, held exactly through every step."""
        given = self._encode(video)  # (B, C, F', H', W')
        guider = self.host.sampling.with_wrapper(self._guider(prompts), hold_given(known))
        result = self._sample(cases, guider, given)
        kept = self.model.latent.denormalise(self.model.latent.normalise(given))
        change = (result - kept).abs() * rearrange(known, "B F H W -> B 1 F H W")
        return Filled(self._decode(result), float(change.max()))

    def _noise(self, cases: Sequence[Case], draw: int = 0) -> Tensor:
        """Each case's own noise (B, C, F', H', W'), as the Noise node draws it for its seed."""
        _, *shape = self._shape(cases)
        return torch.stack([frame_noise(shape, seed=case.seed, draw=draw) for case in cases])

    def _shape(self, cases: Sequence[Case]) -> tuple[int, ...]:
        return (len(cases), self.model.latent.channels, *self.latent_shape(cases[0].shape))

    def _guider(self, prompts: Sequence[str]) -> Guider:
        negative = self.host.models.encode_prompt(self.text, "")
        positive: Conditioning = [[self.text.encode(prompts).float().cpu(), {}]]  # (B, S, D)
        plan = replace(self.settings.plan, scale=self.settings.guidance)
        guider = self.host.sampling.make_guider(self.model, positive, negative, plan.scale)
        return self.host.sampling.with_plan(guider, lambda _: plan)

    def _encode(self, video: Tensor) -> Tensor:
        pixels = rearrange(video, "B F H W C -> B C F H W") * 2 - 1
        return self.vae.encode(pixels.to(self.coder.device, self.coder.dtype)).float().cpu()

    def _decode(self, samples: Tensor) -> Tensor:
        frames = self.host.models.decode_video(self.coder, samples).whole()
        return rearrange(frames, "(B F) H W C -> B F H W C", B=len(samples))


def _solver(name: str) -> Callable[..., Tensor]:
    solvers = {**SOLVERS, **STOCHASTIC_SOLVERS}
    if name not in solvers:
        raise ValueError(f"unknown solver {name!r}: use one of {', '.join(solvers)}")
    return solvers[name]
