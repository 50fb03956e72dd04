"""MODEL: the host's ModelPatcher around the pack's video transformer."""
# pyright: reportMissingImports=false

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from comfy import conds, latent_formats, model_base, model_management, supported_models_base
from comfy.cli_args import args
from comfy.model_patcher import ModelPatcher
from comfy.patcher_extension import CallbacksMP
from torch import Tensor

from ...model_loaders.load import DiTWeights, load_stored, load_strictly
from ...model_loaders.stored import is_stored
from ...models.latent_format import LatentFormat
from ...models.precision import DTYPES
from ...models.products import products_here
from ...samplers.checks import check_image_context, check_text_width
from ..keys import CLIP_TEXTS_KEY, LEVELS_KEY, START_LATENT_KEY, VISION_KEY
from .layers import with_fast_products
from .network import HostDiT
from .precision import cpu_bf16, fastest
from .prompt_cache import PromptCache
from .versions import MIXED, make_patcher, rebuild_with
from .windows import retained_frames

log = logging.getLogger(__name__)

HOST_FORMATS = {16: latent_formats.Wan21, 48: latent_formats.Wan22}
"""The host's own formats for the published families, by channels, with their preview colours."""

PICTURES = {
    "reference_latents": "reference images",
    "vace_frames": "control frames",
}
"""Entries that other nodes add to a conditioning and for which our networks have no input."""

UNCUT = ("c_crossattn", "clip_texts", "clip_fea", "channels", "denoise_mask")
"""Conditionings that the host's context windows leave as they are, whatever their sizes."""

NO_VISION = "connect CLIP Vision Encode (clip_vision_h) to clip_vision_output of WanImageToVideo"

MASK_CHANNELS = 4
"""Mask channels that go with a start image's latent: one per frame behind a latent frame."""


class HostLatentFormat(latent_formats.LatentFormat):
    """The pack's LatentFormat for the host; it also takes tokens (B, L, C * volume)."""

    latent_dimensions = 3

    def __init__(self, source: LatentFormat) -> None:
        self.source = source
        self.latent_channels = source.channels
        self.spacial_downscale_ratio = source.space_factor
        self.temporal_downscale_ratio = source.time_factor
        self._set_preview_factors()

    def _set_preview_factors(self) -> None:
        """Take the pack's own factors, or those of the host's format with as many channels."""
        if self.source.rgb is not None:
            self.latent_rgb_factors = [list(row) for row in self.source.rgb]
            self.latent_rgb_factors_bias = list(self.source.rgb_bias)
        elif self.source.channels in HOST_FORMATS:
            known = HOST_FORMATS[self.source.channels]()
            self.latent_rgb_factors = known.latent_rgb_factors
            self.latent_rgb_factors_bias = known.latent_rgb_factors_bias

    def process_in(self, latent: Tensor) -> Tensor:
        """Normalise a raw latent for the network."""
        return self._per_channel(self.source.normalise, latent)

    def process_out(self, latent: Tensor) -> Tensor:
        """Convert the network's normalised latent back to raw."""
        return self._per_channel(self.source.denormalise, latent)

    def _per_channel(self, function: Callable[[Tensor], Tensor], latent: Tensor) -> Tensor:
        if latent.ndim != 3:
            return function(latent)
        columns = latent.unflatten(2, (self.source.channels, -1)).movedim(2, 1)  # (B, C, L, V)
        return function(columns).movedim(1, 2).flatten(2)  # (B, L, C * V)


class HostConfig(supported_models_base.BASE):
    """The host's configuration of a network that is not built yet."""

    unet_extra_config: dict[str, Any] = {}  # noqa: RUF012
    supported_inference_dtypes = [torch.bfloat16, torch.float16, torch.float32]  # noqa: RUF012

    def __init__(self, weights: DiTWeights) -> None:
        super().__init__({"image_model": "spacetime"})
        self.weights = weights
        self.latent_format = HostLatentFormat(weights.latent)
        self.sampling_settings = {"shift": weights.shift, "multiplier": 1.0}
        self.memory_usage_factor = weights.config.dim / 2000
        self.quant_config = MIXED if is_stored(weights.state) else None

    def get_model(
        self, state_dict: Any, prefix: str = "", device: torch.device | None = None
    ) -> "HostModel":
        """Build the network with this config's weights, which the config then drops."""
        return HostModel(self, device=device)


class HostModel(model_base.BaseModel):
    """The host's flow model with the pack's network."""

    def __init__(self, config: HostConfig, *, device: torch.device | None) -> None:
        self.takes_levels = bool(config.weights.info.get(LEVELS_KEY, False))
        super().__init__(
            config, model_base.ModelType.FLOW, device=device, unet_model=_builder(config.weights)
        )
        # The network owns the tensors now; kept here too, they would outlive a move or a cast.
        config.weights = replace(config.weights, state={})
        self.weights = config.weights

    @property
    def further_channels(self) -> int:
        """Number of input channels in addition to those of the state."""
        return self.weights.config.in_channels - self.weights.latent.channels

    @property
    def image_to_video(self) -> bool:
        """Whether they hold a mask and a start image's latent; the host's Wan code reads this."""
        return self.further_channels == MASK_CHANNELS + self.weights.latent.channels

    def concat_cond(self, **kwargs: Any) -> Tensor | None:
        """Build the further channels (B, C, F, H, W) as the host's own Wan models do."""
        if not self.further_channels:
            return None
        return model_base.WAN21.concat_cond(self, **kwargs)

    def extra_conds(self, **kwargs: Any) -> dict[str, Any]:
        """Pass on the network's inputs: texts, an image context, further channels, a mask.

        The channels go to the network under their own name rather than as part of the state, so
        that a window of the state gets its part of them.

        Raises:
            ValueError: the conditioning is from another text or vision encoder, lacks an image
                context, or carries images that the network does not take.
        """
        _refuse_pictures(kwargs, start_image=bool(self.further_channels))
        found = super().extra_conds(**kwargs)
        if "c_concat" in found:
            found["channels"] = found.pop("c_concat")
        vision = kwargs.get(VISION_KEY)
        image = None if vision is None else vision.penultimate_hidden_states
        check_image_context(image, self.weights.config.image_dim, advice=NO_VISION)
        if image is not None:
            found["clip_fea"] = conds.CONDRegular(image)
        if kwargs.get("cross_attn") is not None:
            texts = kwargs.get(CLIP_TEXTS_KEY, ())
            for text in (kwargs["cross_attn"], *texts):
                check_text_width(text, self.weights.config.text_dim)
            found["c_crossattn"] = conds.CONDRegular(kwargs["cross_attn"])
            if texts:
                found["clip_texts"] = conds.CONDList(list(texts))
        if self.takes_levels and kwargs.get("denoise_mask") is not None:
            found["denoise_mask"] = conds.CONDRegular(kwargs["denoise_mask"])
        return found

    def process_timestep(
        self, timestep: Tensor, x: Tensor, denoise_mask: Tensor | None = None, **_: Any
    ) -> Tensor:
        """Return noise levels in [0, 1], whatever the schedule's unit; kept places have level 0."""
        sigma = timestep / getattr(self.model_sampling, "multiplier", 1.0)  # (B,)
        if denoise_mask is None:
            return sigma
        mask = denoise_mask[:, :, 0] if x.ndim == 3 else denoise_mask[:, 0]  # (B, L) | (B, F, H, W)
        return mask * sigma.reshape(-1, *[1] * (mask.ndim - 1))

    def scale_latent_inpaint(
        self, sigma: Tensor, noise: Tensor, latent_image: Tensor, **kwargs: Any
    ) -> Tensor:
        """Return the values of kept places while sampling: clean if the network takes levels."""
        if self.takes_levels:
            return latent_image
        return super().scale_latent_inpaint(
            sigma=sigma, noise=noise, latent_image=latent_image, **kwargs
        )

    def resize_cond_for_context_window(
        self, cond_key: str, cond_value: Any, *_: Any, **__: Any
    ) -> Any:
        """Leave alone what the network itself cuts or takes whole; the host cuts the rest."""
        return cond_value if cond_key in UNCUT else None

    def memory_required(self, input_shape: Any, **kwargs: Any) -> float:
        """Estimate bytes from the latent's size; tokens count as the positions they cover."""
        if len(input_shape) == 3:
            batch, tokens, features = input_shape
            channels = self.latent_format.latent_channels
            input_shape = [batch, channels, tokens, features // channels]
        return super().memory_required(input_shape, **kwargs)


def _refuse_pictures(conditioning: Mapping[str, Any], *, start_image: bool) -> None:
    refused = PICTURES if start_image else {START_LATENT_KEY: "a start image", **PICTURES}
    found = [what for key, what in refused.items() if conditioning.get(key) is not None]
    if found:
        raise ValueError(
            f"the conditioning carries {' and '.join(found)}, which this model does not support: "
            "remove the node that added it (such as WanImageToVideo), or keep a frame of the "
            "latent with a noise mask (Set Latent Noise Mask)"
        )


def _builder(weights: DiTWeights) -> Callable[..., HostDiT]:
    """Return the function that builds the host's ``diffusion_model``; it loads strictly."""

    def build(
        *, operations: Any, dtype: torch.dtype, device: torch.device | None, **_: Any
    ) -> HostDiT:
        make = partial(HostDiT, weights.config, ops=with_fast_products(operations))
        if is_stored(weights.state):
            network = load_stored(make, weights, dtype=dtype)
        else:
            network = load_strictly(make, weights.state, dtype=dtype)
        return network if device is None else network.to(device)

    return build


def make_model(weights: DiTWeights, *, dtype: str) -> ModelPatcher:
    """Build a MODEL from weights.

    Args:
        weights: of a video transformer.
        dtype: auto (the host's choice for a network of this size, but bf16 on a CPU that is fast
            in it), fp32, bf16 or fp16.
    """
    return _patcher(weights, dtype)


def _patcher(weights: DiTWeights, dtype: str, *, streams: bool = True) -> ModelPatcher:
    load_device = model_management.get_torch_device()
    offload_device = model_management.unet_offload_device()
    if load_device.type == "cpu":
        log.info("Spacetime: %s", products_here())
    config = HostConfig(weights)
    config.set_inference_dtype(*_dtypes(weights, DTYPES.get(dtype), load_device))
    model = config.get_model({}, device=offload_device)
    patcher = make_patcher(
        model, load_device=load_device, offload_device=offload_device, streams=streams
    )
    if weights.again is not None:
        rebuild_with(patcher, _rebuilt, weights.again, dtype)
    patcher.add_callback_with_key(CallbacksMP.ON_PRE_RUN, "spacetime", _begin_run)
    patcher.add_callback_with_key(CallbacksMP.ON_CLEANUP, "spacetime", _end_run)
    return patcher


def _dtypes(
    weights: DiTWeights, wanted: torch.dtype | None, device: torch.device
) -> tuple[torch.dtype, torch.dtype | None]:
    """Return the dtype of plain weights and the dtype to compute in, None for the same.

    Quantised weights are dequantised to the latter, which the host needs to know.
    """
    supported = HostConfig.supported_inference_dtypes
    if is_stored(weights.state):
        computed = wanted or model_management.unet_manual_cast(None, device, supported)
        return computed, computed
    parameters = sum(weight.numel() for weight in weights.state.values())
    kept = wanted or fastest(
        model_management.unet_dtype(
            device=device, model_params=parameters, supported_dtypes=supported
        ),
        device,
        told=args.fp32_unet,
    )
    if kept == torch.bfloat16 and cpu_bf16(device):
        return kept, None
    return kept, model_management.unet_manual_cast(kept, device, supported)


def _rebuilt(
    again: Callable[[], DiTWeights], dtype: str, disable_dynamic: bool = False
) -> ModelPatcher:
    """Build the same patcher with its own weights; ``disable_dynamic`` is the host's name."""
    return _patcher(again(), dtype, streams=not disable_dynamic)


def _begin_run(patcher: ModelPatcher) -> None:
    retained = retained_frames(patcher.model_options)
    patcher.model.diffusion_model.begin(PromptCache(patcher), retained)


def _end_run(patcher: ModelPatcher) -> None:
    patcher.model.diffusion_model.end()
