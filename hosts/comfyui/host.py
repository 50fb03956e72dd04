"""The ComfyUI host, which gives nodes ComfyUI's own objects."""
# pyright: reportMissingImports=false

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import folder_paths
import torch
from comfy.samplers import KSAMPLER
from comfy_api.input_impl import VideoFromFile
from comfy_api.v0_0_2 import io, ui
from torch import Tensor

from ...media import Clip, FrameStream
from ...media.names import choose_among, same_name
from ...model_loaders.load import ControlWeights, DiTWeights, TextWeights, VAEWeights
from ...models.latent_format import LatentFormat
from ...models.lora import WeightDeltas
from ...models.patchify import Tokens
from ...samplers.control import ControlStrength
from ...samplers.guidance.plan import GuidancePlan
from ...samplers.noise.steps import StepNoise
from ...samplers.runs import Wrapper
from ...samplers.schedules.model_levels import NoiseLevels
from ...samplers.windows import frames_at_once
from ..about import AboutControl, AboutGuider
from ..experts import check_experts
from ..keys import PROMPT_KEY, Conditioning, Latent
from ..solver_options import KnownWeights, SolverCall
from .clip import make_clip
from .clips import clip_of
from .control import HostControl, make_control
from .controls import (
    about_control,
    controlled,
    controls_of,
    joined,
    known_controls,
    reference_frames,
    with_strength,
)
from .encoding import encode_video, format_of
from .guider import HostGuider
from .guiders import (
    block_count,
    further_of,
    handed_over,
    known_of,
    plan_of,
    with_draws,
    with_further,
    with_plan,
    with_wrapper,
)
from .levels import noise_levels
from .loops import decode_loop
from .lora import is_distilled, with_lora
from .model import HostModel, make_model
from .notes import graph_metadata, ticker, warn
from .preview import streams_of
from .sampler import HostSampler, process_of
from .sampling import fit_latent, sample_latent, sample_packed
from .starts import showing_of
from .vae import HostVAE
from .vae_streams import decode_stream, encode_stream
from .versions import stored_formats, time_factor


class ComfyFiles:
    """Weights, inputs and results where ComfyUI keeps them; see ``Files``."""

    def model_files(self, folder: str) -> list[str]:
        """List a model folder's safetensors files, from every directory that ComfyUI searches."""
        names = folder_paths.get_filename_list(folder)
        return [name for name in names if name.endswith(".safetensors")]

    def model_folders(self, folder: str) -> list[Path]:
        """List the directories that ComfyUI searches."""
        return [Path(place) for place in folder_paths.get_folder_paths(folder)]

    def model_path(self, folder: str, name: str) -> Path:
        """Return the path of a weight file."""
        there = self.model_files(folder)
        found = same_name(name, there)
        if found is None:
            places = " or ".join(map(str, self.model_folders(folder)))
            raise FileNotFoundError(f"no file {name!r} in {places}: {choose_among(there, name)}")
        return Path(folder_paths.get_full_path_or_raise(folder, found))

    def input_folder(self) -> Path:
        """ComfyUI's input directory."""
        return Path(folder_paths.get_input_directory())

    def output_folder(self) -> Path:
        """ComfyUI's output directory."""
        return Path(folder_paths.get_output_directory())

    def results_folder(self) -> Path:
        """The output folder."""
        return self.output_folder()

    def temp_folder(self) -> Path:
        """ComfyUI's temporary directory, which it empties when it starts and when it exits."""
        return Path(folder_paths.get_temp_directory())

    def video_of(self, path: Path) -> VideoFromFile:
        """Wrap a file as the host's VIDEO; its Save Video copies the streams."""
        return VideoFromFile(str(path))

    def clip_of(self, video: Any) -> Clip:
        """Open the VIDEO's file if it has one, else its frames in memory."""
        return clip_of(video)

    def graph_metadata(self, hidden: Any) -> dict[str, str]:
        """Return the prompt and the workflow, as the host's own nodes write them."""
        return graph_metadata(hidden)


class ComfyModels:
    """ComfyUI's own MODEL, CLIP and VAE; see ``Models``."""

    streams_frames = False

    @property
    def stored_formats(self) -> tuple[str, ...]:
        """Formats that this ComfyUI's layers compute with."""
        return stored_formats()

    def make_model(self, weights: DiTWeights, *, dtype: str) -> Any:
        """Build a MODEL from weights."""
        return make_model(weights, dtype=dtype)

    def weight_shapes(self, model: Any) -> dict[str, torch.Size]:
        """Return the weight shapes of any of the host's models."""
        network = model.model.diffusion_model
        return {name: weight.shape for name, weight in network.named_parameters()}

    def noise_levels(self, model: Any) -> NoiseLevels:
        """Read the noise levels from the model's sampling object."""
        return noise_levels(model)

    def with_lora(
        self,
        model: Any,
        patches: WeightDeltas,
        strength: float,
        *,
        live: bool,
        distilled: bool | None = None,
    ) -> Any:
        """Add patches for the host, which merges them, or applies them live if memory is short."""
        return with_lora(model, patches, strength, distilled)

    def make_clip(self, weights: TextWeights, *, dtype: str) -> Any:
        """Build a CLIP from a text encoder's weights."""
        return make_clip(weights, dtype=dtype)

    def make_vae(self, weights: VAEWeights, *, dtype: str) -> HostVAE:
        """Build a VAE from weights."""
        return HostVAE(weights, dtype=dtype)

    def vae_format(self, vae: Any) -> LatentFormat:
        """Return the format of any of the host's VAEs; an image VAE keeps every frame."""
        return format_of(vae)

    def make_control(self, weights: ControlWeights, *, dtype: str) -> HostControl:
        """Build a CONTROL_NET from weights."""
        return make_control(weights, dtype=dtype)

    def controlled(
        self,
        control_net: Any,
        previous: Any,
        images: Tensor,
        vae: Any,
        strength: ControlStrength,
        references: Tensor | None = None,
    ) -> Any:
        """Return a copy that follows the images."""
        return controlled(control_net, previous, images, vae, strength, references)

    def about_control(self, control_net: HostControl) -> AboutControl:
        """Describe one of the pack's controls."""
        return about_control(control_net)

    def with_strength(self, control_net: HostControl, strength: ControlStrength) -> HostControl:
        """Multiply its strength."""
        return with_strength(control_net, strength)

    def controls_of(self, conditioning: Conditioning) -> list[AboutControl]:
        """Describe a prompt's controls, the pack's and the host's."""
        return controls_of(conditioning)

    def joined(self, first: Any, second: Any, counts: tuple[int, int]) -> Any:
        """Return a copy that follows the images of both."""
        return joined(first, second, counts)

    def encode_prompt(self, clip: Any, text: str) -> Conditioning:
        """Encode one prompt with its weights, as the stock node does."""
        tokens = clip.tokenize(text)
        return clip.encode_from_tokens_scheduled(tokens, add_dict={PROMPT_KEY: text})

    def encode_video(self, vae: Any, images: Tensor | FrameStream, *, loop: bool = False) -> Tensor:
        """Encode frames."""
        return encode_video(vae, images, loop=loop)

    def encode_stream(self, vae: Any, frames: Iterable[Tensor], total: int) -> Tensor:
        """Encode frames as they arrive."""
        return encode_stream(vae, frames, total)

    def decode_stream(
        self, vae: Any, latent: Tensor, *, loop: bool = False, tile: int = 0
    ) -> FrameStream:
        """Decode a latent while its frames are read; a sound stream is left out."""
        return decode_stream(vae, streams_of(latent)[0], loop=loop, tile=tile)

    def decode_video(self, vae: Any, latent: Tensor, *, loop: bool = False) -> Tensor:
        """Decode a latent; a sound stream is left out."""
        latent = streams_of(latent)[0]
        if loop:
            images = decode_loop(vae, latent, self.vae_format(vae).compression)
        else:
            images = vae.decode(latent)
        return images.flatten(0, 1) if images.ndim == 5 else images


class ComfySampling:
    """ComfyUI's own GUIDER and SAMPLER; see ``Sampling``."""

    def make_guider(
        self, model: Any, positive: Conditioning, negative: Conditioning, guidance: float
    ) -> HostGuider:
        """Build a GUIDER with classifier-free guidance."""
        guider = HostGuider(model, GuidancePlan(scale=guidance))
        guider.set_conds(positive, negative)
        return guider

    def with_plan(self, guider: Any, change: Callable[[GuidancePlan], GuidancePlan]) -> HostGuider:
        """Change the guidance plan."""
        return with_plan(guider, change)

    def with_wrapper(self, guider: Any, wrapper: Wrapper, *, innermost: bool = False) -> HostGuider:
        """Put a wrapper around the guided denoiser."""
        return with_wrapper(guider, wrapper, innermost=innermost)

    def with_further(
        self, guider: Any, name: str, positive: Conditioning, negative: Conditioning, scale: float
    ) -> HostGuider:
        """Add further prompts to the guider's conditions."""
        return with_further(guider, name, positive, negative, scale)

    def handed_over(self, high: Any, low: Any, level: float) -> HostGuider:
        """Let ``low`` take over from ``high``."""
        pair = (each.model_patcher.model.latent_format for each in (high, low))
        formats = [(type(each).__name__, each.latent_channels) for each in pair]
        check_experts(self.about(high), self.about(low), formats)
        return handed_over(high, low, level)

    def with_draws(self, guider: Any, draws: StepNoise | None) -> Any:
        """Set the noise that wrappers draw; only the pack's guiders have wrappers."""
        return with_draws(guider, draws)

    def about(self, guider: Any) -> AboutGuider:
        """Describe a guider of the pack or of the host, with what its model's files state."""
        model = guider.model_patcher.model
        ours = isinstance(model, HostModel)
        weights = KnownWeights(model.weights.info, model.weights.latent) if ours else None
        distilled = is_distilled(guider.model_patcher)
        process = process_of(guider.model_patcher.get_model_object("model_sampling"))
        return AboutGuider(
            plan_of(guider),
            block_count(guider),
            distilled,
            weights,
            process,
            further_of(guider),
            showing_of(model),
            known_of(guider),
            time_factor(model.latent_format),
            known_controls(guider.original_conds),
            reference_frames(guider.original_conds),
            frames_at_once(getattr(guider, "wrappers", ())),
        )

    def make_sampler(
        self, solver: Callable[..., Tensor], options: Mapping[str, Any]
    ) -> HostSampler:
        """Build a SAMPLER from one of our solvers."""
        return HostSampler(solver, dict(options))

    def with_options(self, sampler: Any, options: Mapping[str, Any]) -> HostSampler | None:
        """Give the solver more options."""
        return sampler.with_options(options) if isinstance(sampler, HostSampler) else None

    def solver_of(self, sampler: Any) -> SolverCall | None:
        """Return the solver, also of the host's own plain samplers."""
        if not isinstance(sampler, KSAMPLER):
            return None
        return SolverCall(sampler.sampler_function, sampler.extra_options)

    def fit_latent(self, guider: Any, latent: Latent) -> dict[str, Any]:
        """Fit a LATENT as the host's own KSampler does."""
        return fit_latent(guider, latent)

    def sample(
        self, guider: Any, noise: Tensor, sampler: Any, sigmas: Tensor, latent: Latent, seed: int
    ) -> Tensor:
        """Sample a LATENT."""
        return sample_latent(guider, noise, sampler, sigmas, latent, seed)

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
        """Sample packed tokens."""
        return sample_packed(guider, noise, sampler, sigmas, tokens, extras, seed)


class ComfySession:
    """The running node in ComfyUI; see ``Session``."""

    def ticker(self, total: int) -> Callable[[int], None]:
        """Start a progress bar on the node."""
        return ticker(total)

    def warn(self, message: str) -> None:
        """Warn in the log, and as text on the running node."""
        warn(message)


class ComfyHost:
    """Runs the nodes inside ComfyUI."""

    name = "ComfyUI"
    io = io
    ui = ui
    files = ComfyFiles()
    models = ComfyModels()
    sampling = ComfySampling()
    session = ComfySession()
