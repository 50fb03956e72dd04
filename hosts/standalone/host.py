"""The pack's own host: sockets carry plain objects, everything runs in this process."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from weakref import WeakSet

import torch
from einops import rearrange
from torch import Tensor

from ...graph.call import current_node
from ...graph.schema import HiddenHolder
from ...media import files_below, shown
from ...model_loaders.load import (
    DiTWeights,
    TextWeights,
    VAEWeights,
    build_dit,
    build_text_encoder,
    build_vae,
)
from ...model_loaders.prompts import read_prompt
from ...model_loaders.text import TextEncoder
from ...models.latent_format import LatentFormat
from ...models.lora import WeightDeltas, patched, published_shapes
from ...models.patchify import Tokens, patchify, unpatchify
from ...samplers.clips import Clips, clips_of_latent, clips_of_tokens, pictures_of_tokens
from ...samplers.given import hold_given
from ...samplers.guidance.plan import GuidancePlan
from ...samplers.masks import generated_mask
from ...samplers.runs import SamplingRun, Wrapper
from ...samplers.schedules.model_levels import FlowLevels
from ..finite import DAMAGED_TEXT_ENCODER, DAMAGED_VAE, check_step, refuse_not_finite
from ..interface import LEVELS_KEY, PROMPT_KEY, Conditioning, Latent
from ..names import choose_among, same_name
from ..solver_options import KnownWeights, SolverCall, distilled_with, is_distilled, with_taken
from . import io, ui
from .devices import choose_device, choose_dtype
from .folders import Folders, folders
from .guiding import guided_denoiser
from .latents import check_latent, fit_empty, hold_masked, mask_of, normalised
from .preview import LoadedVAE, strip_maker
from .sampling import Guider, Model, Sampler, solve
from .saving import graph_metadata

Progress = Callable[[int, int], None]
"""(done, total) steps of the node that runs."""

Preview = Callable[[Tensor], None]
"""A film strip (H, W, 3) in [0, 1] of the clips in progress."""

CHUNK = 4
"""Latent frames that the VAE works on at a time."""


class StandaloneHost:
    """Runs the nodes without ComfyUI.

    Args:
        models: folder with diffusion_models, text_encoders, vae and so on in it.
        device: auto, cpu, cuda or cuda:N.
        dtype: what "auto" means for the loaded models: auto, fp32, bf16 or fp16.
        progress: told of every step of a long node.
        preview: shown what is being sampled after every step; without it nothing is drawn.
        folders: of what nodes load and save, instead of those of the run.
    """

    name = "standalone"
    io = io
    ui = ui

    def __init__(
        self,
        *,
        models: Path = Path("models"),
        device: str = "auto",
        dtype: str = "auto",
        progress: Progress = lambda done, total: None,
        preview: Preview | None = None,
        folders: Folders | None = None,
    ) -> None:
        self.models = models
        self.device = choose_device(device)
        self.dtype = dtype
        self.progress = progress
        self.preview = preview
        self.folders = folders
        self._vaes: WeakSet[LoadedVAE] = WeakSet()

    def model_files(self, folder: str) -> list[str]:
        """Names of the safetensors files under a model folder."""
        root = self.models / folder
        return sorted(str(p.relative_to(root)) for p in files_below(root, ".safetensors"))

    def model_folders(self, folder: str) -> list[Path]:
        """The one below the folder of models."""
        return [self.models.absolute() / folder]

    def model_path(self, folder: str, name: str) -> Path:
        """Place of a weight file."""
        there = self.model_files(folder)
        found = same_name(name, there)
        if found is None:
            raise FileNotFoundError(
                f"no file {shown(name)!r} in {self.models / folder}: {choose_among(there)}"
            )
        return self.models / folder / found

    def ticker(self, total: int) -> Callable[[int], None]:
        """A progress bar; Ctrl-C stops by itself."""
        return lambda done: self.progress(done, total)

    def _dtype(self, wanted: str) -> torch.dtype:
        return choose_dtype(self.dtype if wanted == "auto" else wanted, self.device)

    def make_model(self, weights: DiTWeights, *, dtype: str) -> Model:
        """Build the transformer."""
        dit = build_dit(weights, dtype=self._dtype(dtype)).to(self.device)
        info = weights.info
        distilled = is_distilled(info)
        return Model(dit, weights.latent, self.device, weights.shift, info, distilled, weights.file)

    def weight_shapes(self, model: Model) -> dict[str, torch.Size]:
        """Shapes of a model's weights, by the names that files use."""
        return published_shapes(model.dit)

    def noise_levels(self, model: Model) -> FlowLevels:
        """Every model here is a flow model."""
        return FlowLevels(model.shift)

    def with_lora(
        self,
        model: Model,
        patches: WeightDeltas,
        strength: float,
        *,
        live: bool,
        distilled: bool | None = None,
    ) -> Model:
        """Change the transformer; the weights that stay are shared."""
        dit = patched(model.dit, patches, strength, live=live)
        return replace(model, dit=dit, distilled=distilled_with(model.distilled, distilled))

    def make_clip(self, weights: TextWeights, *, dtype: str) -> TextEncoder:
        """Build the text encoder."""
        text = build_text_encoder(weights, dtype=self._dtype(dtype))
        text.encoder.to(self.device)
        return text

    def make_vae(self, weights: VAEWeights, *, dtype: str) -> LoadedVAE:
        """Build the VAE."""
        dtype_ = self._dtype(dtype)
        vae = LoadedVAE(build_vae(weights, dtype=dtype_).to(self.device), self.device, dtype_)
        self._vaes.add(vae)
        return vae

    def vae_format(self, vae: LoadedVAE) -> LatentFormat:
        """Channels and compression of a VAE."""
        return LatentFormat(
            channels=vae.network.config.z_channels,
            time_factor=vae.network.time_factor,
            space_factor=vae.network.space_factor,
        )

    def encode_prompt(self, clip: TextEncoder, text: str) -> Conditioning:
        """Encode one prompt with its weights."""
        prompt = read_prompt(clip.tokenizer, text)
        if prompt.problems:
            self.warn("; ".join(prompt.problems))
        context = clip.encode_prompt(prompt).cpu()
        refuse_not_finite(context, "the encoded prompt", DAMAGED_TEXT_ENCODER)
        return [[context, {PROMPT_KEY: text}]]

    def encode_video(self, vae: LoadedVAE, images: Tensor) -> Tensor:
        """Encode frames in chunks, with a tick for each."""
        video = rearrange(images[..., :3], "F H W C -> 1 C F H W")
        time = vae.network.time_factor
        total, cache, latents = len(images), None, []
        self.progress(0, total)
        for part in _chunks(video, first=1 + time, later=CHUNK * time):
            latent, cache = vae.network.encode_chunk(
                (part * 2 - 1).to(vae.device, vae.dtype), cache
            )
            latents.append(latent.float().cpu())
            refuse_not_finite(latents[-1], "the encoded video", DAMAGED_VAE)
            self.progress(min(1 + (1 + (len(latents) - 1) * CHUNK) * time, total), total)
        return torch.cat(latents, dim=2)

    def decode_video(self, vae: LoadedVAE, latent: Tensor) -> Tensor:
        """Decode latents in chunks of frames, with a tick for each."""
        total, cache, chunks = latent.shape[2], None, []
        for start in range(0, total, CHUNK):
            part = latent[:, :, start : start + CHUNK].to(vae.device, vae.dtype)
            video, cache = vae.network.decode_chunk(part, cache)
            refuse_not_finite(video, "the decoded video", DAMAGED_VAE)
            chunks.append((video.float().cpu() / 2 + 0.5).clamp(0, 1))
            self.progress(min(start + CHUNK, total), total)
        return rearrange(torch.cat(chunks, dim=2), "B C F H W -> (B F) H W C")

    def make_guider(
        self, model: Model, positive: Conditioning, negative: Conditioning, guidance: float
    ) -> Guider:
        """Bind a model to its prompts."""
        return Guider(model, positive, negative, GuidancePlan(scale=guidance))

    def with_plan(self, guider: Guider, change: Callable[[GuidancePlan], GuidancePlan]) -> Guider:
        """Change what is done with the predictions."""
        return replace(guider, plan=change(guider.plan))

    def with_wrapper(self, guider: Guider, wrapper: Wrapper) -> Guider:
        """Put a wrapper around the guided denoiser."""
        return replace(guider, wrappers=(*guider.wrappers, wrapper))

    def block_count(self, guider: Guider) -> int:
        """How many blocks the guider's network has."""
        return guider.model.dit.config.layers

    def plan_of(self, guider: Guider) -> GuidancePlan:
        """What is done with the predictions."""
        return guider.plan

    def is_distilled(self, guider: Guider) -> bool | None:
        """What the metadata of the model's weights and of its LoRAs say."""
        return guider.model.distilled

    def weights_of(self, guider: Guider) -> KnownWeights:
        """What the file of the model says."""
        return KnownWeights(guider.model.info, guider.model.latent)

    def make_sampler(self, solver: Callable[..., Tensor], options: Mapping[str, Any]) -> Sampler:
        """Wrap a solver."""
        return Sampler(solver, options)

    def with_options(self, sampler: Sampler, options: Mapping[str, Any]) -> Sampler:
        """Give the solver more options."""
        return replace(sampler, options=with_taken(sampler.solver, sampler.options, options))

    def solver_of(self, sampler: Sampler) -> SolverCall:
        """Every sampler is a solver."""
        return SolverCall(sampler.solver, sampler.options)

    def input_folder(self) -> Path:
        """Where files are looked for."""
        return (self.folders or folders()).input

    def output_folder(self) -> Path:
        """Where results are saved."""
        return (self.folders or folders()).output

    def graph_metadata(self, hidden: HiddenHolder) -> dict[str, str]:
        """The prompt and what else travels with files."""
        return graph_metadata(hidden)

    def warn(self, message: str) -> None:
        """A line on the error stream that begins with the node's title."""
        node = current_node()
        logging.getLogger(__name__).warning(
            "%s", message if node is None else f"{shown(node.title)}: {message}"
        )

    def fit_latent(self, guider: Guider, latent: Latent) -> dict[str, Any]:
        """Give zeros the model's channels, and a picture a frame axis."""
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
        return self.sample_and_predict(guider, noise, sampler, sigmas, latent, seed)[0]

    def sample_and_predict(
        self,
        guider: Guider,
        noise: Tensor,
        sampler: Sampler,
        sigmas: Tensor,
        latent: Latent,
        seed: int,
    ) -> tuple[Tensor, Tensor]:
        """Sample a latent; the second result is what the last step took for the finished one."""
        model = guider.model
        given = normalised(latent["samples"], model.latent)
        clips = clips_of_latent(latent, given, model.latent.compression)
        mask = mask_of(latent, given, model.latent.compression)
        if mask is not None:
            held = (each.to(self.device) for each in (mask, noise, given))
            guider = self.with_wrapper(guider, hold_masked(*held))
        predicted, watch = [given], self._watch(model, list)

        def follow(denoised: Tensor) -> None:
            predicted[:] = [denoised]
            watch(denoised)

        result = self._run(guider, sampler, sigmas, noise, given, clips, follow, seed)
        made, seen = (model.latent.denormalise(each.cpu()) for each in (result, predicted[0]))
        if mask is not None:  # not even rounded
            made = torch.where(mask == 0, latent["samples"], made)
        return made, seen

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
        watch = self._watch(model, partial(pictures_of_tokens, tokens))
        values = self._run(guider, sampler, sigmas, noise.values, given, clips, watch, seed)
        result = tokens.with_values(values.cpu())
        raw = [model.latent.denormalise(clip) for clip in unpatchify(result)]
        return replace(result, values=patchify(raw, patch=tokens.patch).values)

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
        total, given = len(sigmas) - 1, given.to(self.device)
        takes_levels = bool(guider.model.info.get(LEVELS_KEY, False))
        run = SamplingRun(sigmas, clips=clips, given=given, takes_levels=takes_levels)

        refuse_not_finite(given, "the latent", "look at the node that made it")
        refuse_not_finite(noise, "the noise", "look at the node that made it")

        def follow(state: Mapping[str, Any]) -> None:
            check_step(state["i"] + 1, state["denoised"], guider.model.dit, guider.model.file)
            self.progress(state["i"] + 1, total)
            watch(state["denoised"])

        self.progress(0, total)
        return solve(
            guided_denoiser(guider, len(given), run),
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
        """Draws the clips (C, F, H, W) in a state, for whoever wants to see them."""
        if self.preview is None:
            return lambda state: None
        show, draw = self.preview, strip_maker(model.latent, self._vaes)

        def watch(state: Tensor) -> None:
            strip = draw(clips_of(state))
            if strip is not None:
                show(strip)

        return watch


def _chunks(video: Tensor, *, first: int, later: int) -> Iterator[Tensor]:
    """Split (B, C, F, H, W) along the frames."""
    yield video[:, :, :first]
    if video.shape[2] > first:
        yield from video[:, :, first:].split(later, dim=2)


def _with_mask(guider: Guider, latent: Latent) -> tuple[Guider, Tensor | None]:
    """Hold what a LATENT's noise mask keeps; where it keeps all, in the shape of the samples."""
    mask = latent.get("noise_mask")
    if mask is None:
        return guider, None
    samples = latent["samples"]
    made = generated_mask(mask, samples, guider.model.latent.time_factor)
    if (made == 1).all():
        return guider, None
    held = replace(guider, wrappers=(*guider.wrappers, hold_given(1 - made)))
    return held, (made == 0)[:, None].expand_as(samples)
