"""MODEL, CLIP and VAE of the standalone host."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from weakref import WeakSet

import torch
from einops import rearrange
from torch import Tensor

from ...graph.turns import ask
from ...media import FrameStream, led_in, regrouped
from ...model_loaders.load import (
    ControlWeights,
    DiTWeights,
    TextWeights,
    VAEWeights,
    build_control,
    build_dit,
    build_text_encoder,
    build_vae,
)
from ...model_loaders.prompts import read_prompt
from ...model_loaders.text import TextEncoder
from ...models.latent_format import LatentFormat
from ...models.lora import WeightDeltas, patched, published_shapes
from ...models.shapes import LatentShape, VideoShape
from ...models.vae import circle
from ...models.vae.config import COLOURS
from ...models.vae.tiles import TileGrid
from ...samplers.control import ControlStrength
from ...samplers.schedules.model_levels import FlowLevels
from ..about import AboutControl
from ..control import Hint, Steering, check_references, check_vae
from ..finite import DAMAGED_TEXT_ENCODER, DAMAGED_VAE, refuse_not_finite
from ..keys import PROMPT_KEY, Conditioning
from ..solver_options import distilled_with, is_distilled
from .control import Control, ControlNet, chain, control_of, joined
from .devices import choose_dtype
from .preview import LoadedVAE
from .sampling import Model
from .session import StandaloneSession
from .together import EncodedPrompt

CHUNK = 4
"""Latent frames that the VAE processes at a time."""


class StandaloneModels:
    """Builds networks from weights, and encodes and decodes with them.

    Args:
        device: of all networks.
        dtype: what "auto" means for them: auto, fp32, bf16 or fp16.
        session: receives progress and warnings.
    """

    streams_frames = True

    def __init__(self, device: torch.device, dtype: str, session: StandaloneSession) -> None:
        self.device, self.dtype, self.session = device, dtype, session
        self.vaes: WeakSet[LoadedVAE] = WeakSet()

    @property
    def stored_formats(self) -> tuple[str, ...]:
        """Empty: float8 weights are dequantised when they are read."""
        return ()

    def make_model(self, weights: DiTWeights, *, dtype: str) -> Model:
        """Build the transformer."""
        dit = build_dit(weights, dtype=self._dtype(dtype)).to(self.device)
        info = weights.info
        distilled = is_distilled(info)
        return Model(dit, weights.latent, self.device, weights.shift, info, distilled, weights.file)

    def weight_shapes(self, model: Model) -> dict[str, torch.Size]:
        """Return the shapes of a model's weights, by the names that files use."""
        return published_shapes(model.dit)

    def noise_levels(self, model: Model) -> FlowLevels:
        """Return the levels of a flow model, as every model of this host is one."""
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
        """Change a copy of the transformer, which shares all unchanged weights."""
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
        self.vaes.add(vae)
        return vae

    def vae_format(self, vae: LoadedVAE) -> LatentFormat:
        """Return the channels and compression of a VAE."""
        return LatentFormat(
            channels=vae.network.config.z_channels,
            time_factor=vae.network.time_factor,
            space_factor=vae.network.space_factor,
        )

    def make_control(self, weights: ControlWeights, *, dtype: str) -> ControlNet:
        """Build the control branch."""
        network = build_control(weights, dtype=self._dtype(dtype)).to(self.device)
        return ControlNet(network, weights.latent, weights.info, weights.file)

    def controlled(
        self,
        control_net: ControlNet,
        previous: Control | None,
        images: Tensor,
        vae: LoadedVAE,
        strength: ControlStrength,
        references: Tensor | None = None,
    ) -> Control:
        """Bind a control branch to the images that it follows."""
        form = self.vae_format(vae)
        check_vae(form, control_net.latent)
        if references is not None:
            check_references(control_net.network.control, control_net.latent)
        hint = Hint(images, partial(self._encoded_hint, vae), form, references)
        told = control_net.strength.times(strength)
        net = control_net
        steering = Steering(net.network, net.latent, (hint,), told, net.info)
        return Control(net, steering, previous)

    def about_control(self, control_net: ControlNet) -> AboutControl:
        """Describe a CONTROL_NET."""
        return control_net.about

    def with_strength(self, control_net: ControlNet, strength: ControlStrength) -> ControlNet:
        """Multiply its strength."""
        return replace(control_net, strength=control_net.strength.times(strength))

    def controls_of(self, conditioning: Conditioning) -> list[AboutControl]:
        """Describe the controls of a prompt."""
        controls = chain(control_of(conditioning[0][1]))
        return [
            replace(
                each.net.about,
                strength=each.steering.strength,
                pictures=len(each.steering.hints[0].pictures),
            )
            for each in controls
        ]

    def joined(
        self, first: Control | None, second: Control | None, counts: tuple[int, int]
    ) -> Control | None:
        """Join the controls of two groups of packed clips."""
        return joined(first, second, counts)

    def _encoded_hint(self, vae: LoadedVAE, frames: Tensor, loop: bool) -> Tensor:
        return self.encode_video(vae, frames, loop=loop)

    def encode_prompt(self, clip: TextEncoder, text: str) -> Conditioning:
        """Encode one prompt with its weights."""
        prompt = read_prompt(clip.tokenizer, text)
        if prompt.problems:
            self.session.warn("; ".join(prompt.problems))
        context = ask(EncodedPrompt(clip, prompt)).cpu()
        refuse_not_finite(context, "the encoded prompt", DAMAGED_TEXT_ENCODER)
        return [[context, {PROMPT_KEY: text}]]

    def encode_video(
        self, vae: LoadedVAE, images: Tensor | FrameStream, *, loop: bool = False
    ) -> Tensor:
        """Encode frames in chunks, with a progress tick for each."""
        if loop:
            config = vae.network.config
            config.compression.check(VideoShape(*images.shape[:3]), loop=True)
            frames = len(images) // config.compression.time
            images = led_in(images, 1 + config.compression.time * circle.encoder_lead(config))
            return self.encode_video(vae, images)[:, :, -frames:]
        parts = [images] if isinstance(images, Tensor) else images.chunks()
        return self.encode_stream(vae, parts, len(images))

    def encode_stream(self, vae: LoadedVAE, frames: Iterable[Tensor], total: int) -> Tensor:
        """Encode frames as they arrive, with a progress tick for each chunk."""
        time = vae.network.time_factor
        cache, latents = None, []
        self.session.progress(0, total)
        for part in regrouped(frames, CHUNK * time, first=1 + time):
            video = rearrange(part[..., :3], "F H W C -> 1 C F H W") * 2 - 1
            latent, cache = vae.network.encode_chunk(video.to(vae.device, vae.dtype), cache)
            # a copy, since the mean may be a view that keeps the variance alive
            latents.append(latent.to("cpu", torch.float32, copy=True))
            refuse_not_finite(latents[-1], "the encoded video", DAMAGED_VAE)
            self.session.progress(min(1 + (1 + (len(latents) - 1) * CHUNK) * time, total), total)
        return torch.cat(latents, dim=2)

    def decode_video(self, vae: LoadedVAE, latent: Tensor, *, loop: bool = False) -> FrameStream:
        """Decode latents as the frames are read, in chunks, with a progress tick for each."""
        return self.decode_stream(vae, latent, loop=loop)

    def decode_stream(
        self, vae: LoadedVAE, latent: Tensor, *, loop: bool = False, tile: int = 0
    ) -> FrameStream:
        """Decode latents as the frames are read, in chunks, with a progress tick for each."""
        vae.network.check_latent(latent)
        grid = TileGrid.over(latent, tile, vae.network.space_factor) if tile else None
        compression, size = vae.network.config.compression, LatentShape(*latent.shape[2:])
        frames, *sides = compression.video_shape(size, loop=loop)
        shape, before = (len(latent) * frames, *sides, COLOURS), 0
        if loop:
            latent = circle.led_in(latent, circle.decoder_lead(vae.network.config))
            before = compression.video_shape(LatentShape(*latent.shape[2:])).frames - frames
        return FrameStream(shape, partial(self._decoded_frames, vae, latent, before, grid))

    def _decoded_frames(
        self, vae: LoadedVAE, latent: Tensor, before: int, grid: TileGrid | None
    ) -> Iterator[Tensor]:
        parts = _behind(before, self._decoded_parts(vae, latent, grid))
        if len(latent) > 1:  # output is clip by clip, but each chunk holds a piece of every clip
            parts = iter([torch.cat(list(parts), dim=2)])
        for part in parts:
            yield rearrange(part, "B C F H W -> (B F) H W C")

    def _decoded_parts(
        self, vae: LoadedVAE, latent: Tensor, grid: TileGrid | None
    ) -> Iterator[Tensor]:
        total, cache = latent.shape[2], None
        for start in range(0, total, CHUNK):
            part = latent[:, :, start : start + CHUNK].to(vae.device, vae.dtype)
            video, cache = vae.network.decode_chunk(part, cache, grid)
            refuse_not_finite(video, "the decoded video", DAMAGED_VAE)
            self.session.progress(min(start + CHUNK, total), total)
            yield (video.float().cpu() / 2 + 0.5).clamp(0, 1)

    def _dtype(self, wanted: str) -> torch.dtype:
        return choose_dtype(self.dtype if wanted == "auto" else wanted, self.device)


def _behind(before: int, parts: Iterator[Tensor]) -> Iterator[Tensor]:
    """Yield the parts (B, C, F, H, W) of a video without its first ``before`` frames."""
    for part in parts:
        if before < part.shape[2]:
            yield part[:, :, before:]
        before = max(0, before - part.shape[2])
