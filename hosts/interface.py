"""The interface between the pack's nodes and the host that runs them.

Two hosts implement it: ComfyUI, and the pack's own standalone host. Nodes reach the host only
through these protocols. Sockets carry the host's own objects (MODEL, CLIP, VAE, GUIDER,
SAMPLER, VIDEO), which nodes only pass on.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from ..media import Clip, FrameStream
from ..model_loaders.load import DiTWeights, TextWeights, VAEWeights
from ..models.latent_format import LatentFormat
from ..models.lora import WeightDeltas
from ..models.patchify import Tokens
from ..samplers.guidance.plan import GuidancePlan
from ..samplers.noise.steps import StepNoise
from ..samplers.runs import Wrapper
from ..samplers.schedules.model_levels import NoiseLevels
from .about import AboutGuider
from .controls import Controls
from .keys import Conditioning, Latent
from .solver_options import SolverCall


class Files(Protocol):
    """Locations of weights, inputs and results."""

    def model_files(self, folder: str) -> list[str]:
        """List the weight files in a model folder such as ``diffusion_models``."""
        ...

    def model_folders(self, folder: str) -> list[Path]:
        """List the directories searched for a model folder such as ``diffusion_models``."""
        ...

    def model_path(self, folder: str, name: str) -> Path:
        """Return the path of a weight file.

        Raises:
            FileNotFoundError: there is no such file; the message lists some that exist.
        """
        ...

    def input_folder(self) -> Path:
        """Where nodes look for the files that they load."""
        ...

    def output_folder(self) -> Path:
        """Where results are saved."""
        ...

    def results_folder(self) -> Path:
        """Where earlier results are found; in a batch, not the job's own output folder."""
        ...

    def temp_folder(self) -> Path:
        """Where temporary files are written."""
        ...

    def video_of(self, path: Path) -> Any:
        """Wrap a temporary file as a VIDEO; the file stays while the VIDEO is in use."""
        ...

    def clip_of(self, video: Any) -> Clip:
        """Open the frames and the sound of a VIDEO, to be read piece by piece."""
        ...

    def graph_metadata(self, hidden: Any) -> dict[str, str]:
        """Return the tags that let a saved file restore its graph; empty if the user wants none.

        Args:
            hidden: hidden inputs of the saving node, with ``prompt`` and ``extra_pnginfo``.
        """
        ...


class Models(Controls, Protocol):
    """Build, modify and run MODEL, CLIP, VAE and CONTROL_NET."""

    @property
    def streams_frames(self) -> bool:
        """Whether ``decode_video`` decodes frames as they are read instead of all at once."""
        ...

    @property
    def stored_formats(self) -> Collection[str]:
        """Quantised weight formats that MODEL and CLIP use as stored."""
        ...

    def make_model(self, weights: DiTWeights, *, dtype: str) -> Any:
        """Build a MODEL from weights; ``dtype`` is auto, fp32, bf16 or fp16."""
        ...

    def weight_shapes(self, model: Any) -> Mapping[str, torch.Size]:
        """Return the shapes of a MODEL's weights by parameter name."""
        ...

    def noise_levels(self, model: Any) -> NoiseLevels:
        """Return the noise levels of a MODEL, including changes by earlier nodes."""
        ...

    def with_lora(
        self,
        model: Any,
        patches: WeightDeltas,
        strength: float,
        *,
        live: bool,
        distilled: bool | None = None,
    ) -> Any:
        """Return a copy of a MODEL with changed weights; the original is left as it is.

        Args:
            model: one of ours, or another of the host's.
            patches: weight changes by parameter name.
            strength: factor of the changes.
            live: compute low-rank changes alongside the weights, if the host offers the choice.
            distilled: whether the changes come from few-step distillation; None if unknown.
        """
        ...

    def make_clip(self, weights: TextWeights, *, dtype: str) -> Any:
        """Build a CLIP from a text encoder's weights."""
        ...

    def make_vae(self, weights: VAEWeights, *, dtype: str) -> Any:
        """Build a VAE from weights."""
        ...

    def vae_format(self, vae: Any) -> LatentFormat:
        """Return the channels and compression of a VAE, ours or the host's."""
        ...

    def encode_prompt(self, clip: Any, text: str) -> Conditioning:
        """Encode a prompt as CONDITIONING, which keeps the text under ``PROMPT_KEY``.

        Weights as in ``(red:1.5)`` are applied; parts of the prompt that are ignored are reported.
        """
        ...

    def encode_video(self, vae: Any, images: Tensor | FrameStream, *, loop: bool = False) -> Tensor:
        """Encode frames (F, H, W, 3) in [0, 1] to a raw latent (1, C, F', H', W').

        In a loop, the first frame follows the last: every latent frame holds ``time`` frames.

        Raises:
            ValueError: the frames of a loop do not fill its latent frames.
        """
        ...

    def decode_video(self, vae: Any, latent: Tensor, *, loop: bool = False) -> Tensor | FrameStream:
        """Decode a raw latent (B, C, F', H', W') to frames (B * F, H, W, 3) in [0, 1].

        In a loop, every latent frame holds ``time`` frames, and the first follow the last. Frames
        may be decoded as they are read, if the host's IMAGE allows it.
        """
        ...

    def encode_stream(self, vae: Any, frames: Iterable[Tensor], total: int) -> Tensor:
        """Encode frames as they arrive; our video VAEs and Wan's hold only a few at a time.

        Args:
            vae: one of ours or of the host's.
            frames: chunks (F, H, W, 3) in [0, 1]; the VAE must support their total length.
            total: number of frames, for the progress bar.

        Returns:
            The raw latent, as from ``encode_video``.
        """
        ...

    def decode_stream(
        self, vae: Any, latent: Tensor, *, loop: bool = False, tile: int = 0
    ) -> FrameStream:
        """Decode one clip's latent while its frames are read.

        Our video VAEs and Wan's hold a few frames at a time, an image VAE a few images, and any
        other VAE the whole clip.

        Args:
            vae: one of ours or of the host's.
            latent: (1, C, F', H', W'), or (F, C, H', W') for an image VAE.
            loop: whether the clip is a loop, see ``decode_video``.
            tile: side of the tiles in pixels, which save memory; 0 decodes whole images. Tiles
                are at least 32 latent positions wide.

        Raises:
            ValueError: the latent does not fit the VAE.
        """
        ...


class Sampling(Protocol):
    """Build GUIDERs and SAMPLERs, and run them."""

    def make_guider(
        self, model: Any, positive: Conditioning, negative: Conditioning, guidance: float
    ) -> Any:
        """Build a GUIDER that evaluates the model with classifier-free guidance."""
        ...

    def with_plan(self, guider: Any, change: Callable[[GuidancePlan], GuidancePlan]) -> Any:
        """Return a GUIDER with a changed plan, that is, another use of the model's predictions.

        Args:
            guider: from ``make_guider``, or one of the host's with plain guidance.
            change: maps its plan to the new one.

        Raises:
            ValueError: the guider is of another kind, or its network cannot do this.
        """
        ...

    def with_wrapper(self, guider: Any, wrapper: Wrapper, *, innermost: bool = False) -> Any:
        """Return a GUIDER that wraps its guided denoiser in every run, outside existing wrappers.

        Args:
            guider: from ``make_guider``, or one of the host's with plain guidance.
            wrapper: ``(denoiser, run) -> denoiser``.
            innermost: put it inside the existing wrappers, next to the guidance.

        Raises:
            ValueError: the guider is of another kind.
        """
        ...

    def with_further(
        self, guider: Any, name: str, positive: Conditioning, negative: Conditioning, scale: float
    ) -> Any:
        """Return a GUIDER whose runs offer wrappers a denoiser for further prompts.

        Args:
            guider: from ``make_guider``, or one of the host's with plain guidance.
            name: key of the denoiser in the run's ``further``.
            positive, negative: the further prompts.
            scale: their classifier-free guidance scale.

        Raises:
            ValueError: the guider is of another kind, or already has prompts of this name.
        """
        ...

    def handed_over(self, high: Any, low: Any, level: float) -> Any:
        """Return a GUIDER that runs ``high`` down to a noise level, and ``low`` from there.

        Later changes to it apply to both. Only one of the models works at a time.

        Args:
            high, low: from ``make_guider``, or some of the host's with plain guidance.
            level: noise level of a flow model; ``high`` runs the steps that begin there or above.

        Raises:
            ValueError: the models' latents differ, they are not flow models, or one of the guiders
                already hands over or is of another kind.
        """
        ...

    def with_draws(self, guider: Any, draws: StepNoise | None) -> Any:
        """Return a GUIDER whose wrappers draw this noise; one with its own rules is left as it is.

        Args:
            guider: from ``make_guider``, or another of the host's.
            draws: maps a draw's number to noise in the state's shape; None for the run's seed.
        """
        ...

    def about(self, guider: Any) -> AboutGuider:
        """Describe a GUIDER, ours or the host's."""
        ...

    def make_sampler(self, solver: Callable[..., Tensor], options: Mapping[str, Any]) -> Any:
        """Build a SAMPLER from one of our solvers."""
        ...

    def with_options(self, sampler: Any, options: Mapping[str, Any]) -> Any | None:
        """Give one of our SAMPLERs the options that its solver takes; None for any other."""
        ...

    def solver_of(self, sampler: Any) -> SolverCall | None:
        """Return the solver and the options of a SAMPLER; None if it is not a plain solver."""
        ...

    def fit_latent(self, guider: Any, latent: Latent) -> Mapping[str, Any]:
        """Fit a LATENT to the guider's model; noise is drawn for the result.

        Zeros, which mean that nothing is given, get the model's channels. For a video model,
        images without a frame axis become clips of one frame.

        Raises:
            ValueError: the samples belong to another model family.
        """
        ...

    def sample(
        self, guider: Any, noise: Tensor, sampler: Any, sigmas: Tensor, latent: Latent, seed: int
    ) -> Tensor:
        """Run a sampler on a LATENT, with progress and interruption.

        Args:
            guider: from ``make_guider`` or the host's own.
            noise: standard normal, shaped like the samples.
            sampler: from ``make_sampler`` or the host's own.
            sigmas: decreasing noise levels, usually ending at 0.
            latent: where to start; zeros mean that nothing is given. An image-to-video model is
                shown the given parts, unless its conditioning carries a start image. If the latent
                carries ceilings or a timeline, the places that its mask and ceilings keep come
                back bit for bit. Each evaluation takes the prompt of the frames it generates.
            seed: of the noise, for samplers that draw more.

        Returns:
            Raw samples (B, C, F, H, W).
        """
        ...

    def sample_tokens(
        self,
        guider: Any,
        noise: Tokens,
        sampler: Any,
        sigmas: Tensor,
        tokens: Tokens,
        extras: Sequence[Mapping[str, Any]],
        seed: int,
    ) -> Tokens:
        """Run a sampler on packed tokens, through the network's token form.

        ``extras`` holds what each clip's LATENT carried besides its samples: ``fps``, masks and
        ceilings. The lower of mask and ceiling limits each place.

        Raises:
            ValueError: the guider's model has no token form.
        """
        ...


class Session(Protocol):
    """The running node, and messages to its user."""

    def ticker(self, total: int) -> Callable[[int], None]:
        """Start a progress bar on the running node; call the result with the amount done.

        It raises if the user has interrupted the run.
        """
        ...

    def warn(self, message: str) -> None:
        """Warn the user, in the log and on the node, without stopping the run."""
        ...


class Host(Protocol):
    """What a host provides to the nodes."""

    name: str
    io: Any
    """Schema names: ``io.ComfyNode``, ``io.Schema``, ``io.Int.Input`` ..."""
    ui: Any
    """Previews that a node may return: ``ui.PreviewImage`` ..."""

    @property
    def files(self) -> Files:
        """File locations."""
        ...

    @property
    def models(self) -> Models:
        """Objects built from weights."""
        ...

    @property
    def sampling(self) -> Sampling:
        """Guiders, samplers and their runs."""
        ...

    @property
    def session(self) -> Session:
        """The running node."""
        ...
