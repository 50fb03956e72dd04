"""The video transformer with the call that ComfyUI makes, its attention and its patches.

B batch, C channels, F frames, H rows, W columns, L tokens, S text tokens, D width.
"""
# pyright: reportMissingImports=false

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from comfy.ldm.common_dit import pad_to_patch_size
from comfy.ldm.modules.attention import optimized_attention
from comfy.patcher_extension import WrapperExecutor, WrappersMP, get_all_wrappers
from torch import Tensor

from ...models.conditioning import clip_conditions
from ...models.dit import DiTConfig, PreparedText, VideoDiT
from ...models.dit_blocks import BlockHooks
from ...models.patchify import TokenLayout
from ...models.shapes import LatentShape
from .kept_texts import KeptTexts

RUN_KEY = "spacetime_run"
"""Where a sampling run puts its ``Run`` in the host's transformer options."""

CROSS_ATTEND_KEY = "spacetime_cross_attend"
"""Where a guider puts what stands in for the cross-attention."""


@dataclass(frozen=True, eq=False)
class Run:
    """What a sampling run tells the network beside the host's own arguments.

    Args:
        conditions: optional inputs of the network by name, one value per clip.
        layout: places of packed tokens; None where the run is on a latent.
        loop: whether a latent's time is a circle.
    """

    conditions: Mapping[str, tuple[float, ...]]
    layout: TokenLayout | None = None
    loop: bool = False


def run_on_latent(
    config: DiTConfig, shape: LatentShape, *, time_factor: int, fps: float | None, loop: bool
) -> Run:
    """The ``Run`` of a single clip in latent form."""
    given = clip_conditions(config.conditions, shape, fps=fps, loop=loop, time_factor=time_factor)
    return Run({name: (value,) for name, value in given.items()}, loop=loop)


class HostAttention:
    """The attention that the host was started with, or that a node put in its place."""

    def __init__(self) -> None:
        self._options: Mapping[str, Any] = {}

    @contextmanager
    def with_options(self, options: Mapping[str, Any]) -> Iterator[None]:
        """Hand the host its options with every call inside."""
        before, self._options = self._options, options
        try:
            yield
        finally:
            self._options = before

    def __call__(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """(B, N, L, K), twice (B, N, S, K) -> (B, N, L, K)."""
        return optimized_attention(
            q,
            k,
            v,
            heads=q.shape[1],
            skip_reshape=True,
            skip_output_reshape=True,
            transformer_options=self._options,
        )


class HostDiT(VideoDiT):
    """``VideoDiT`` behind the signature of the host's own networks; the names stay Wan's.

    ``kept_texts`` is there while a sampling run of the host lasts.
    """

    kept_texts: KeptTexts | None = None

    def __init__(self, config: DiTConfig, *, ops: Any, **factory: Any) -> None:
        attention = HostAttention()
        super().__init__(config, ops=ops, attention=attention, **factory)
        self.host_attention = attention

    def forward(  # pyright: ignore[reportIncompatibleMethodOverride]
        self,
        x: Tensor,
        timestep: Tensor,
        context: Tensor,
        control: Mapping[str, Any] | None = None,
        transformer_options: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> Tensor:
        """Velocity of a latent (B, C, F, H, W), or of tokens (B, L, D) in a run on tokens.

        Args:
            x: noisy state in the dtype to compute in.
            timestep: noise levels in [0, 1]: (B,), with a latent (B, F, H, W), with tokens (B, L).
            context: (B, S, text width).
            control: residuals of a ControlNet, one per block under ``input``.
            transformer_options: the host's patches and the run's ``Run``.
            kwargs: further conditionings of the host, which this network does not take.
        """
        options = transformer_options or {}
        executor = WrapperExecutor.new_class_executor(
            self._velocity, self, get_all_wrappers(WrappersMP.DIFFUSION_MODEL, options)
        )
        return executor.execute(x, timestep, context, control, options, **kwargs)

    def _velocity(
        self,
        x: Tensor,
        sigma: Tensor,
        context: Tensor,
        control: Mapping[str, Any] | None,
        options: dict[str, Any],
        **_: Any,
    ) -> Tensor:
        run = options.get(RUN_KEY) or self._unnamed_run(x)
        conditions = {
            name: _per_row(value, sigma, packed=run.layout is not None)
            for name, value in run.conditions.items()
        }
        hooks = host_hooks(control, context, options)
        with self.host_attention.with_options(options):
            text = _prepared_text(self, context, options)  # pyright: ignore[reportCallIssue]
            if run.layout is not None:
                return self.forward_tokens(
                    x, run.layout, sigma, [text], conditions=conditions, hooks=hooks
                )
            frames, height, width = x.shape[2:]
            velocity = super().forward(
                pad_to_patch_size(x, self.config.patch),
                self._pad_levels(sigma),
                text,
                conditions=conditions,
                loop=run.loop,
                hooks=hooks,
            )
        return velocity[:, :, :frames, :height, :width]

    def _unnamed_run(self, x: Tensor) -> Run:
        """A run that the host's own sampler nodes started: its latent says size and no more."""
        shape = LatentShape(*x.shape[2:])
        return run_on_latent(self.config, shape, time_factor=1, fps=None, loop=False)

    def _pad_levels(self, sigma: Tensor) -> Tensor:
        if sigma.ndim == 1:
            return sigma
        return pad_to_patch_size(sigma[:, None], self.config.patch)[:, 0]


@torch.compiler.disable
def _prepared_text(network: HostDiT, context: Tensor, options: Mapping[str, Any]) -> PreparedText:
    if network.kept_texts is None:
        return network.prepare_text(context)
    return network.kept_texts.prepared(network, context, options)


def _per_row(values: tuple[float, ...], sigma: Tensor, *, packed: bool) -> Tensor:
    """(batch, clips) of a packed run, (batch,) of a latent."""
    rows = sigma.new_tensor(values).expand(len(sigma), -1)
    return rows if packed else rows[:, 0]


def host_hooks(
    control: Mapping[str, Any] | None, context: Tensor, options: dict[str, Any]
) -> BlockHooks:
    """ControlNet residuals and replaced blocks of the host as hooks of the network."""
    residuals = (control or {}).get("input", [])
    replaced = options.get("patches_replace", {}).get("dit", {})
    around = _replace_blocks(replaced, context, options) if replaced else None
    return BlockHooks(
        residuals={number: r for number, r in enumerate(residuals) if r is not None},
        around=around,
        cross_attend=options.get(CROSS_ATTEND_KEY),
    )


def _replace_blocks(
    replaced: Mapping[tuple[str, int], Callable[..., dict[str, Any]]],
    context: Tensor,
    options: dict[str, Any],
) -> Callable[[int, Tensor, Callable[[Tensor], Tensor]], Tensor]:
    def around(number: int, x: Tensor, block: Callable[[Tensor], Tensor]) -> Tensor:
        replacement = replaced.get(("double_block", number))
        if replacement is None:
            return block(x)
        arguments = {"img": x, "txt": context, "transformer_options": options}
        original = {"original_block": lambda given: {"img": block(given["img"])}}
        return replacement(arguments, original)["img"]

    return around
