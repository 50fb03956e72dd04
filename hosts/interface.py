"""The contract between the pack's nodes and the program that runs them.

Two hosts fulfil it: ComfyUI, and the pack's own standalone host. Nodes speak to the host
through this protocol alone. Sockets carry each host's own objects (MODEL, CLIP, VAE, GUIDER,
SAMPLER, VIDEO), which nodes only hand on.
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
    """Where files are: weights, inputs and results."""

    def model_files(self, folder: str) -> list[str]:
        """Names of the weight files in a model folder such as ``diffusion_models``."""
        ...

    def model_folders(self, folder: str) -> list[Path]:
        """Where the files of a model folder such as ``diffusion_models`` are looked for."""
        ...

    def model_path(self, folder: str, name: str) -> Path:
        """Place of a weight file; FileNotFoundError with some of the names there are."""
        ...

    def input_folder(self) -> Path:
        """Where files that nodes load are looked for."""
        ...

    def output_folder(self) -> Path:
        """Where results are saved."""
        ...

    def results_folder(self) -> Path:
        """Where results of before are found: in a batch another than that of the job's own."""
        ...

    def temp_folder(self) -> Path:
        """Where files are written that are needed only meanwhile."""
        ...

    def video_of(self, path: Path) -> Any:
        """VIDEO of a file in the temporary folder, where it lies as long as the VIDEO is used."""
        ...

    def clip_of(self, video: Any) -> Clip:
        """Pictures and sound of a VIDEO, to be read piece by piece."""
        ...

    def graph_metadata(self, hidden: Any) -> dict[str, str]:
        """Tags that bring the graph back from a saved file; none where the user wants none.

        Args:
            hidden: of the node that saves, with ``prompt`` and ``extra_pnginfo``.
        """
        ...


class Models(Controls, Protocol):
    """MODEL, CLIP, VAE and CONTROL_NET: made of weights, changed and used."""

    @property
    def streams_frames(self) -> bool:
        """Whether ``decode_video`` makes frames as they are read, and not all at once."""
        ...

    @property
    def stored_formats(self) -> Collection[str]:
        """Formats of quantised weights that MODEL and CLIP are made of as they are stored."""
        ...

    def make_model(self, weights: DiTWeights, *, dtype: str) -> Any:
        """MODEL from weights; ``dtype`` is auto, fp32, bf16 or fp16."""
        ...

    def weight_shapes(self, model: Any) -> Mapping[str, torch.Size]:
        """Shapes of a MODEL's weights by the names of its parameters."""
        ...

    def noise_levels(self, model: Any) -> NoiseLevels:
        """Noise levels that a MODEL works on, with what nodes before have changed of them."""
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
        """MODEL with changed weights; the one given stays as it is.

        Args:
            model: of ours, or another of the host's.
            patches: changes by the names of its parameters.
            strength: factor of the changes.
            live: compute low-rank changes beside the weights, where the host leaves the choice.
            distilled: whether they come from a distillation for few steps, None for unknown.
        """
        ...

    def make_clip(self, weights: TextWeights, *, dtype: str) -> Any:
        """CLIP from a text encoder's weights."""
        ...

    def make_vae(self, weights: VAEWeights, *, dtype: str) -> Any:
        """VAE from weights."""
        ...

    def vae_format(self, vae: Any) -> LatentFormat:
        """Channels and compression of a VAE, of ours or of the host's."""
        ...

    def encode_prompt(self, clip: Any, text: str) -> Conditioning:
        """CONDITIONING of a prompt, which keeps the text under ``PROMPT_KEY``.

        Weights as in ``(red:1.5)`` are followed; what of the prompt will not be is told.
        """
        ...

    def encode_video(self, vae: Any, images: Tensor | FrameStream, *, loop: bool = False) -> Tensor:
        """Frames (F, H, W, 3) in [0, 1] -> raw latent (1, C, F', H', W').

        In a loop the frame after the last is the first: each latent frame is ``time`` frames.

        Raises:
            ValueError: the frames of a loop do not fill its latent frames.
        """
        ...

    def decode_video(self, vae: Any, latent: Tensor, *, loop: bool = False) -> Tensor | FrameStream:
        """Raw latent (B, C, F', H', W') -> frames (B * F, H, W, 3) in [0, 1].

        In a loop each latent frame is ``time`` frames, and the first ones follow the last. Frames
        may be decoded when they are read, where the host's IMAGE allows.
        """
        ...

    def encode_stream(self, vae: Any, frames: Iterable[Tensor], total: int) -> Tensor:
        """Encode frames as they come; a video VAE of ours or of Wan holds a few at a time.

        Args:
            vae: of ours or of the host's.
            frames: chunks (F, H, W, 3) in [0, 1], together as many as the VAE takes.
            total: how many there will be, for the progress bar.

        Returns:
            Raw latent, as ``encode_video`` gives it.
        """
        ...

    def decode_stream(
        self, vae: Any, latent: Tensor, *, loop: bool = False, tile: int = 0
    ) -> FrameStream:
        """Decode one clip's latent while its frames are read.

        A video VAE of ours or of Wan holds a few frames at a time, an image VAE some pictures,
        another one the whole clip.

        Args:
            vae: of ours or of the host's.
            latent: (1, C, F', H', W'), or (F, C, H', W') of an image VAE.
            loop: whether time is a circle, see ``decode_video``.
            tile: side in pixels of the tiles in which pictures are decoded, for less memory; 0
                for whole pictures. Tiles are at least 32 latent positions wide.

        Raises:
            ValueError: the latent is not the VAE's.
        """
        ...


class Sampling(Protocol):
    """GUIDER and SAMPLER, and runs with them."""

    def make_guider(
        self, model: Any, positive: Conditioning, negative: Conditioning, guidance: float
    ) -> Any:
        """GUIDER that evaluates the model with classifier-free guidance."""
        ...

    def with_plan(self, guider: Any, change: Callable[[GuidancePlan], GuidancePlan]) -> Any:
        """GUIDER that does something else with the model's predictions.

        Args:
            guider: from ``make_guider``, or another of the host that is plainly guided.
            change: what it did -> what it shall do.

        Raises:
            ValueError: the guider is of another kind, or its network cannot do this.
        """
        ...

    def with_wrapper(self, guider: Any, wrapper: Wrapper, *, innermost: bool = False) -> Any:
        """GUIDER whose guided denoiser is wrapped in every run, around the wrappers it has.

        Args:
            guider: from ``make_guider``, or another of the host that is plainly guided.
            wrapper: ``(denoiser, run) -> denoiser``.
            innermost: inside of the wrappers it has, next to the guidance.

        Raises:
            ValueError: the guider is of another kind.
        """
        ...

    def with_further(
        self, guider: Any, name: str, positive: Conditioning, negative: Conditioning, scale: float
    ) -> Any:
        """GUIDER whose runs offer wrappers a denoiser for other prompts.

        Args:
            guider: from ``make_guider``, or another of the host that is plainly guided.
            name: under which the run's ``further`` has it.
            positive, negative: the other prompts.
            scale: of their classifier-free guidance.

        Raises:
            ValueError: the guider is of another kind, or has prompts of this name.
        """
        ...

    def handed_over(self, high: Any, low: Any, level: float) -> Any:
        """GUIDER that runs one guider down to a noise level, and another one from there.

        What is done to it later is done to both. Only one of the models is at work at a time.

        Args:
            high, low: from ``make_guider``, or others of the host that are plainly guided.
            level: of a flow model; steps that begin there or above are the first one's.

        Raises:
            ValueError: the models' latents differ, they are no flow models, or one of the guiders
                hands over already or is of another kind.
        """
        ...

    def with_draws(self, guider: Any, draws: StepNoise | None) -> Any:
        """GUIDER whose wrappers draw this noise; one that follows rules of its own as it is.

        Args:
            guider: from ``make_guider``, or another of the host.
            draws: number -> noise in the shape of the state; None for the run's seed.
        """
        ...

    def about(self, guider: Any) -> AboutGuider:
        """What can be told of a GUIDER, of ours or of the host's."""
        ...

    def make_sampler(self, solver: Callable[..., Tensor], options: Mapping[str, Any]) -> Any:
        """SAMPLER from a solver of ours."""
        ...

    def with_options(self, sampler: Any, options: Mapping[str, Any]) -> Any | None:
        """SAMPLER of ours with those of the options that its solver takes; None for another's."""
        ...

    def solver_of(self, sampler: Any) -> SolverCall | None:
        """The solver of a SAMPLER with its options; None for one that is not a plain solver."""
        ...

    def fit_latent(self, guider: Any, latent: Latent) -> Mapping[str, Any]:
        """LATENT as the guider's model takes it; noise is drawn for this one.

        Zeros, which stand for nothing given, get the model's channels, and pictures without a
        frame axis become clips of one frame where the model is one for video.

        Raises:
            ValueError: the samples are another family's.
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
            sigmas: noise levels, falling, usually to 0.
            latent: what to start from; zeros stand for nothing given. A model that animates an
                image is shown what is given, unless its conditioning carries a start image.
                What its mask and its
                ceilings leave as it is comes back bit for bit where it carries ceilings or a
                timeline. Prompts over time are taken by what each evaluation makes.
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

        ``extras`` holds what each clip's LATENT carried beside its samples: ``fps``, and masks and
        ceilings, by the lower of which a place is held.

        Raises:
            ValueError: the guider's model has no token form.
        """
        ...


class Session(Protocol):
    """The node that runs, and who watches it."""

    def ticker(self, total: int) -> Callable[[int], None]:
        """A progress bar for the node that runs: call it with how much is done.

        It raises where the user has asked to stop.
        """
        ...

    def warn(self, message: str) -> None:
        """Tell the user something that does not stop the run: in the log, and on the node."""
        ...


class Host(Protocol):
    """What a host does for the nodes."""

    name: str
    io: Any
    """Schema names: ``io.ComfyNode``, ``io.Schema``, ``io.Int.Input`` ..."""
    ui: Any
    """Previews that a node may return: ``ui.PreviewImage`` ..."""

    @property
    def files(self) -> Files:
        """Where files are."""
        ...

    @property
    def models(self) -> Models:
        """What is made of weights."""
        ...

    @property
    def sampling(self) -> Sampling:
        """What samples."""
        ...

    @property
    def session(self) -> Session:
        """The node that runs."""
        ...
