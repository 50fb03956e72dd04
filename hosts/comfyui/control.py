"""CONTROL_NET: the host's control class around the pack's branches.

B batch, C channels, F frames, H rows, W columns, L tokens.
"""
# pyright: reportMissingImports=false

import copy
from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from comfy import model_management, ops
from comfy.controlnet import ControlBase
from torch import Tensor

from ...model_loaders.load import ControlWeights, load_strictly
from ...models.control.network import build_control
from ...models.latent_format import LatentFormat
from ...models.precision import DTYPES
from ...models.shapes import LatentShape
from ...samplers.clips import Clip, Clips
from ...samplers.control import ControlStrength, HintState, PercentToSigma
from ..about import AboutControl
from ..control import NO_VAE, Hint, Steering, check_vae
from .encoding import encode_video, format_of
from .layers import with_fast_products
from .model import HostModel
from .network import CLIPS_KEY, EVALUATION_KEY, STEERED_KEY, HostAttention, Steered
from .versions import make_patcher
from .windows import WINDOW_KEY


class HostControl(ControlBase):
    """A control branch that the host's nodes apply and the host's memory management loads.

    The network gets the whole hint and takes its part of it.

    Args:
        network: the branch's network.
        latent: format of its hints' latents.
        patcher: the network's patcher, for the host.
        info: what its file states.
        file: source of its weights.
    """

    def __init__(
        self,
        network: Any,
        latent: LatentFormat,
        patcher: Any,
        info: Mapping[str, Any],
        file: str,
    ) -> None:
        super().__init__()
        self.file = file
        self.network, self.latent, self.patcher, self.info = network, latent, patcher, info
        self.told = ControlStrength()
        self.hints: tuple[Hint, ...] = ()
        self.places: tuple[ControlStrength, ...] = ()
        self._weights: Any = None
        self._percent: PercentToSigma | None = None
        self._steering: Steering | None = None
        self._states: dict[Any, tuple[Any, HintState]] = {}

    @property
    def control_strength(self) -> ControlStrength:
        """Its own strength, combined with the strength, start and end that the host's nodes set."""
        start, end = self.timestep_percent_range
        return self.told.times(ControlStrength(factor=self.strength, start=start, end=end))

    @property
    def each_strength(self) -> tuple[ControlStrength, ...]:
        """The strength of each packed clip, or one for all."""
        return self.places or (self.control_strength,)

    @property
    def about(self) -> AboutControl:
        """Its properties that nodes can query."""
        return AboutControl(
            self.file,
            self.latent,
            self.network.control.after,
            self.control_strength,
            len(self.hints[0].pictures) if self.hints else 0,
        )

    def with_strength(self, strength: ControlStrength) -> "HostControl":
        """Return a copy with further factors."""
        made = self.copy()
        made.told = self.told.times(strength)
        return made

    def set_cond_hint(
        self,
        cond_hint: Tensor,
        strength: float = 1.0,
        timestep_percent_range: tuple[float, float] = (0.0, 1.0),
        vae: Any = None,
        extra_concat: Any = (),
    ) -> "HostControl":
        """Follow images (F, 3 or more, H, W), through the call that the host's nodes make.

        Raises:
            ValueError: the VAE is missing or belongs to another model.
        """
        if vae is None:
            raise ValueError(NO_VAE)
        form = format_of(vae)
        check_vae(form, self.latent)
        super().set_cond_hint(cond_hint, strength, timestep_percent_range, vae, list(extra_concat))
        self.hints = (Hint(cond_hint.movedim(1, -1), partial(_encoded, vae), form),)
        return self

    def copy(self) -> "HostControl":
        """Return another control with the same branch."""
        made = HostControl(self.network, self.latent, self.patcher, self.info, self.file)
        self.copy_to(made)
        made.told, made.hints, made.places = self.told, self.hints, self.places
        return made

    def deepclone_multigpu(
        self, load_device: torch.device, autoregister: bool = False
    ) -> "HostControl":
        """Return a copy whose branch computes on another device."""
        made = self.copy()
        made.network = copy.deepcopy(self.network)
        made.patcher = _patcher(made.network, load_device)
        if autoregister:
            self.multigpu_clones[load_device] = made
        return made

    def get_models(self) -> list[Any]:
        """Return all patchers that the host has to load."""
        return [*super().get_models(), self.patcher]

    def pre_run(self, model: Any, percent_to_timestep_function: PercentToSigma) -> None:
        """Begin a run.

        Raises:
            ValueError: the branch does not belong to the model, or has no images to follow.
        """
        super().pre_run(model, percent_to_timestep_function)
        if not isinstance(model, HostModel):
            raise ValueError(
                f"Spacetime's ControlNets do not work with a {type(model).__name__}: load the "
                "model with Load Models"
            )
        if not self.hints:
            raise ValueError("a ControlNet has no images: connect them to Apply ControlNet")
        self.network.control.check_base(model.weights.config)
        self._weights, self._percent, self._states = model.weights, percent_to_timestep_function, {}
        strength, places = self.control_strength, self.places
        self._steering = Steering(self.network, self.latent, self.hints, strength, places=places)

    def cleanup(self) -> None:
        """Drop the state of the run."""
        super().cleanup()
        self._weights = self._percent = self._steering = None
        self._states = {}

    def get_control(
        self,
        x_noisy: Tensor,
        t: Tensor,
        cond: Any,
        batched_number: int,
        transformer_options: Mapping[str, Any],
    ) -> dict[str, Any] | None:
        """Return what the network needs to run the branch beside its blocks; None for nothing.

        Args:
            x_noisy: state of one window or of the whole run, (B, C, F, H, W) or (B, L, D).
            t: (B,) noise levels of the run.
            cond: the host's conditioning.
            batched_number: number of prompts in the batch.
            transformer_options: the host's.
        """
        before, previous = None, self.previous_controlnet
        if previous is not None:
            before = previous.get_control(x_noisy, t, cond, batched_number, transformer_options)
        steering, percent = self._steering, self._percent
        assert steering is not None
        assert percent is not None
        state = self._state(x_noisy, transformer_options)  # first, since it checks the inputs
        factor = steering.strength.at(float(t[0]), percent)
        if factor == 0:
            return before
        blocks = steering.strength.of_blocks(self.network.control.layers)
        steered = Steered(self.network, state, factor, blocks)
        merged: dict[str, Any] = {"input": [], "middle": [], "output": [], **(before or {})}
        merged[STEERED_KEY] = [*merged.get(STEERED_KEY, ()), steered]
        return merged

    def _state(self, x: Tensor, options: Mapping[str, Any]) -> HintState:
        """Return the hint for the run's state, on the state's device."""
        at = options.get(EVALUATION_KEY)
        clips = options.get(CLIPS_KEY) if at is None else at.run.clips
        total = self._total(x, options) if clips is None else 0
        if clips is not None and clips.layout is None and x.shape[3:] != clips.each[0].size[1:]:
            raise ValueError(
                "a ControlNet cannot act on a prompt for an area of the image: use a prompt for "
                "all of it, with a mask where it applies (Conditioning Set Mask)"
            )
        key = (id(clips), x.device, total, x.shape[3:])
        if key not in self._states:
            known = self._unknown(total, x) if clips is None else clips
            assert self._steering is not None
            state = self._steering.state(known, self._weights.config.patch)
            self._states[key] = (clips, state.to(x.device))
        return self._states[key][1]

    def _total(self, x: Tensor, options: Mapping[str, Any]) -> int:
        """Return the number of latent frames of a run whose sampler does not state it."""
        window = options.get(WINDOW_KEY)
        if window is None:
            return x.shape[2]
        told = getattr(window, "total_frames", None)
        given = self.hints[0].latent_frames
        return told or (max(window.index_list) + 1 if given == 1 else given)

    def _unknown(self, frames: int, x: Tensor) -> Clips:
        size = LatentShape(frames, *x.shape[3:])
        return Clips((Clip(size=size, compression=self._weights.latent.compression),))


def _encoded(vae: Any, frames: Tensor, loop: bool) -> Tensor:
    """Encode frames during a run, then have the host reload the models that it moved."""
    used = model_management.loaded_models(only_currently_used=True)
    latent = encode_video(vae, frames, loop=loop)
    model_management.load_models_gpu(used)
    return latent


def make_control(weights: ControlWeights, *, dtype: str) -> HostControl:
    """Build a CONTROL_NET from weights.

    Args:
        weights: of a control branch.
        dtype: of the stored weights: auto (the host's choice for a network of this size), fp32,
            bf16 or fp16. It computes in the model's dtype.
    """
    device = model_management.get_torch_device()
    kept = DTYPES.get(dtype) or model_management.unet_dtype(
        device=device,
        model_params=sum(weight.numel() for weight in weights.state.values()),
        supported_dtypes=[torch.bfloat16, torch.float16, torch.float32],
    )
    attention = HostAttention()
    layers = with_fast_products(ops.manual_cast)
    build = partial(build_control, weights.config, ops=layers, attention=attention)
    network: Any = load_strictly(build, weights.state, dtype=kept)
    network.host_attention = attention
    patcher = _patcher(network, device)
    return HostControl(network, weights.latent, patcher, weights.info, weights.file)


def _patcher(network: Any, device: torch.device) -> Any:
    offload = model_management.unet_offload_device()
    return make_patcher(network.to(offload), load_device=device, offload_device=offload)
