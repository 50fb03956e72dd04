"""The video transformer behind ComfyUI's call signature, with its attention and its patches.

B batch, C channels, F frames, H rows, W columns, L tokens, S text tokens, D width.
"""
# pyright: reportMissingImports=false

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple, TypeVar, cast

import torch
from comfy.cli_args import args
from comfy.ldm.common_dit import pad_to_patch_size
from comfy.ldm.modules.attention import attention_sub_quad, optimized_attention
from comfy.model_management import throw_exception_if_processing_interrupted
from comfy.patcher_extension import WrapperExecutor, WrappersMP, get_all_wrappers
from torch import Tensor

from ...models.chunked_attention import attend_in_chunks, takes_chunks
from ...models.dit.blocks import Context
from ...models.dit.conditioning import frame_levels
from ...models.dit.config import DiTConfig
from ...models.dit.network import VideoDiT
from ...models.dit.trunk import PreparedContext
from ...models.hooks import NO_HOOKS, AroundBlock, BlockHooks
from ...models.shapes import Compression
from ...samplers.clips import Clips, clips_of_latent
from ...samplers.control import BoundControl, HintState
from ...samplers.denoiser import broadcast_sigma
from ...samplers.guidance.nag import AttentionGuidance, cross_attend_against
from ...samplers.runs import Evaluation
from .prompt_cache import ContextMaker, PromptCache
from .windows import window_of

Function = TypeVar("Function", bound=Callable[..., Any])


def uncompiled(function: Function) -> Function:
    """Exclude a function, and all that it calls, from compilation by the host."""
    return cast(Function, torch.compiler.disable(function))


FRAME_BY_FRAME = Compression(time=1, space=1)

See = Callable[[Tensor], Tensor]
"""Maps values over a whole run's state, or over its places, to the part that is evaluated."""

CLIPS_KEY = "spacetime_clips"
"""Key of a run's ``Clips`` in the host's transformer options."""

EVALUATION_KEY = "spacetime_evaluation"
"""Key of the guider's current ``Evaluation``."""

AGAINST_KEY = "spacetime_against"
"""Key of ``Against``, the prompt that the guider guides cross-attention away from."""


class Against(NamedTuple):
    """The negative prompt of an attention guidance.

    Args:
        contexts: (1, S, text width), one for all clips of the run or one per clip.
        image: (1, I, image width), the image context that goes with them; None for none.
        guidance: strengths.
    """

    contexts: Sequence[Tensor]
    image: Tensor | None
    guidance: AttentionGuidance


STEERED_KEY = "spacetime_steered"
"""Key of the pack's controls, one ``Steered`` each, beside the host's residuals."""


class Steered(NamedTuple):
    """A control branch to run beside the blocks.

    Args:
        network: the branch's network.
        state: its hint for the whole run.
        factor: of all residuals.
        blocks: factors of the branch's blocks.
    """

    network: Any
    state: HintState
    factor: float
    blocks: tuple[float, ...]


class HostAttention:
    """The attention that the host was started with, or the one that a node replaced it with.

    If neither the user nor a node has chosen one, a CPU uses the pack's where that is faster.
    """

    def __init__(self) -> None:
        self._options: Mapping[str, Any] = {}

    @contextmanager
    def with_options(self, options: Mapping[str, Any]) -> Iterator[None]:
        """Pass the host its options in every call within the block."""
        before, self._options = self._options, options
        try:
            yield
        finally:
            self._options = before

    def __call__(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """(B, N, L, K), twice (B, N, S, K) -> (B, N, L, K)."""
        if not self._is_chosen() and takes_chunks(q, k, v):
            return attend_in_chunks(q, k, v)
        return optimized_attention(
            q,
            k,
            v,
            heads=q.shape[1],
            skip_reshape=True,
            skip_output_reshape=True,
            transformer_options=self._options,
        )

    def _is_chosen(self) -> bool:
        """Whether the user or a node has chosen an attention."""
        by_default = optimized_attention is attention_sub_quad and not args.use_quad_cross_attention
        return not by_default or "optimized_attention_override" in self._options


class HostDiT(VideoDiT):
    """``VideoDiT`` behind the signature of the host's own networks; parameters keep Wan's names.

    A sampling run of the host lasts from ``begin`` to ``end``. If the host compiles the network,
    only ``VideoDiT.forward`` is compiled: the host's options change from step to step, and its
    compile node never checks their values again.
    """

    kept_prompts: PromptCache | None = None
    retained: tuple[int, ...] = ()

    def __init__(self, config: DiTConfig, *, ops: Any, **factory: Any) -> None:
        attention = HostAttention()
        super().__init__(config, ops=ops, attention=attention, **factory)
        self.host_attention = attention

    def begin(self, prompts: PromptCache, retained: tuple[int, ...]) -> None:
        """Start a run, with its cache of prompts and the frames that the host's windows retain."""
        self.kept_prompts, self.retained = prompts, retained

    def end(self) -> None:
        """Drop the state of the run."""
        self.kept_prompts, self.retained = None, ()

    @torch.compiler.disable(recursive=False)
    def forward(  # pyright: ignore[reportIncompatibleMethodOverride]
        self,
        x: Tensor,
        timestep: Tensor,
        context: Tensor,
        control: Mapping[str, Any] | None = None,
        transformer_options: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> Tensor:
        """Predict the velocity of a latent (B, C, F, H, W), or of tokens (B, L, D).

        Args:
            x: noisy state in the dtype to compute in.
            timestep: noise levels in [0, 1]: (B,), or (B, F, H, W) for a latent and (B, L) for
                tokens.
            context: (B, S, text width).
            control: residuals of ControlNets, one per block under ``input``, and the ``Steered``
                branches of the pack's own.
            transformer_options: the host's patches, the run's ``Clips`` and the ``Evaluation``.
            kwargs: ``clip_texts``, contexts of packed clips, one per clip; ``clip_fea``, the image
                context (B, I, image width); ``channels``, further input channels for the whole
                run's state (B, C, F, H, W). The host's other conditionings are ignored.
        """
        options = transformer_options or {}
        wrappers = get_all_wrappers(WrappersMP.DIFFUSION_MODEL, options)
        # The host's EasyCache writes into x, but the host still computes x0 from x.
        given = x.clone() if wrappers else x
        executor = WrapperExecutor.new_class_executor(self._velocity, self, wrappers)
        return executor.execute(given, timestep, context, control, options, **kwargs)

    @torch.compiler.disable(recursive=False)
    def _velocity(
        self,
        x: Tensor,
        sigma: Tensor,
        context: Tensor,
        control: Mapping[str, Any] | None,
        options: dict[str, Any],
        **given: Any,
    ) -> Tensor:
        steered = (control or {}).get(STEERED_KEY, ())
        attentions = [self.host_attention, *(each.network.host_attention for each in steered)]
        with ExitStack() as inside:
            for attention in attentions:
                inside.enter_context(attention.with_options(options))
            evaluate, for_host = self._evaluation(x, sigma, context, control, options, **given)
            return for_host(evaluate())

    @uncompiled
    def _evaluation(
        self,
        x: Tensor,
        sigma: Tensor,
        context: Tensor,
        control: Mapping[str, Any] | None,
        options: dict[str, Any],
        clip_texts: Sequence[Tensor] = (),
        clip_fea: Tensor | None = None,
        channels: Tensor | None = None,
        **_: Any,
    ) -> tuple[Callable[[], Tensor], Callable[[Tensor], Tensor]]:
        """Return the pack's network bound to its inputs, and a function for the host's result."""
        clips, sigma, at, see = self._looked_at(x, sigma, options)
        channels = None if channels is None else see(channels)
        conditions = clips.conditions(self.config.conditions, sigma)
        hooks = host_hooks(control, context, options, NO_HOOKS if at is None else at.hooks)
        size = x.shape
        if clips.layout is None:
            x, sigma = self._pad(x), frame_levels(self._pad_levels(sigma))
            channels = None if channels is None else self._pad(channels)
        texts = clip_texts or [context]
        contexts = _prepared(self, ContextMaker.of_network(self), texts, clip_fea, options)
        hooks = self._against(x, clips, options, hooks)
        steered = (control or {}).get(STEERED_KEY, ())
        branches = (self._bound(each, clips, texts, options, see) for each in steered)
        evaluate = partial(
            super().forward,
            x,
            sigma,
            clips.pick(contexts),
            layout=clips.layout,
            loop=clips.layout is None and clips.each[0].closed,
            conditions=conditions,
            channels=channels,
            hooks=replace(hooks, branches=(*hooks.branches, *branches)),
        )
        return evaluate, partial(_for_host, size=size, at=at)

    def _bound(
        self,
        steered: Steered,
        clips: Clips,
        texts: Sequence[Tensor],
        options: Mapping[str, Any],
        see: See,
    ) -> BoundControl:
        """Return a branch with the part of its hint that belongs to these clips."""
        maker = ContextMaker.of_branch(steered.network, self)
        contexts = _prepared(self, maker, texts, None, options)
        state = steered.state.seen(see)
        if clips.layout is None:
            weights = None if state.weights is None else self._pad_levels(state.weights)
            state = HintState(self._pad(state.hint), weights)
        picked = clips.pick(contexts)
        return BoundControl(steered.network, picked, state, steered.factor, steered.blocks)

    def _pad(self, x: Tensor) -> Tensor:
        return pad_to_patch_size(x, self.config.patch)

    def _looked_at(
        self, x: Tensor, sigma: Tensor, options: Mapping[str, Any]
    ) -> tuple[Clips, Tensor, Evaluation | None, See]:
        """Return the clips in a state, their noise levels, the current evaluation if known, and a
        function that takes the evaluated part of the whole run's values.
        """
        at = whole = _evaluation(options, x)
        clips, window = options.get(CLIPS_KEY) if at is None else at.clips, None
        if clips is None or clips.layout is None:
            window = window_of(options, x, self.retained)
            if window is not None:
                clips = None if clips is None else window.clips(clips)
                sigma = window.levels(sigma, x.shape[2])
                at = None if at is None else window.evaluation(at)

        def see(values: Tensor) -> Tensor:
            part = values if whole is None else whole.part(values)
            return part if window is None else window.contents(part)

        if clips is None:  # the host's own nodes state only the size
            clips = clips_of_latent({}, x, FRAME_BY_FRAME)
        if at is not None and at.places is not None:
            sigma = at.places
        return clips, sigma, at, see

    def _against(
        self, x: Tensor, clips: Clips, options: Mapping[str, Any], hooks: BlockHooks
    ) -> BlockHooks:
        """Guide attention away from a prompt, which this network's own weights prepare."""
        against: Against | None = options.get(AGAINST_KEY)
        if against is None:
            return hooks
        image = None if against.image is None else against.image.to(x)
        negatives = [
            tuple(_rows(each, len(x)) for each in self.prepare(context.to(x), image))
            for context in clips.pick(against.contexts)
        ]
        hook = cross_attend_against(negatives, against.guidance, self.host_attention)
        return replace(hooks, cross_attend=hook)

    def _pad_levels(self, sigma: Tensor) -> Tensor:
        if sigma.ndim == 1:
            return sigma
        return self._pad(sigma[:, None])[:, 0]


def _prepared(
    network: HostDiT,
    maker: ContextMaker,
    texts: Sequence[Tensor],
    image: Tensor | None,
    options: Mapping[str, Any],
) -> list[PreparedContext]:
    cache = network.kept_prompts
    if cache is None:
        return [maker.prepare(text, image) for text in texts]
    return [
        cache.prepared(maker, text, image, options, number) for number, text in enumerate(texts)
    ]


def _rows(context: Context, rows: int) -> Context:
    """Return a context's text; its first row for all, if the number of rows differs."""
    k, v = (x if len(x) == rows else x[:1].expand(rows, *x.shape[1:]) for x in context.text)
    return Context((k, v))


def _evaluation(options: Mapping[str, Any], x: Tensor) -> Evaluation | None:
    """Return the current evaluation on the device of ``x``, for all rows of the host's batch."""
    at: Evaluation | None = options.get(EVALUATION_KEY)
    return None if at is None else at.to(x.device).repeated(len(x) // len(at.sigma))


@uncompiled
def _for_host(velocity: Tensor, size: Sequence[int], at: Evaluation | None) -> Tensor:
    """Crop the velocity to a latent's own size (B, C, F, H, W); that of tokens stays as it is.

    Velocities of places below the run's level are scaled, as the host uses x0 = x - sigma v
    everywhere.
    """
    if velocity.ndim == 5:
        velocity = velocity[:, :, : size[2], : size[3], : size[4]]
    if at is None or at.places is None:
        return velocity
    whole = at.sigma.reshape(-1, *[1] * (at.places.ndim - 1))
    return velocity * broadcast_sigma(at.places / whole, velocity)


def host_hooks(
    control: Mapping[str, Any] | None, context: Tensor, options: dict[str, Any], hooks: BlockHooks
) -> BlockHooks:
    """Add the host's ControlNet residuals and replaced blocks to the evaluation's hooks."""
    residuals = dict(hooks.residuals)
    for number, added in enumerate((control or {}).get("input", [])):
        if added is not None:
            residuals[number] = added + residuals[number] if number in residuals else added
    replaced = options.get("patches_replace", {}).get("dit", {})
    around = _replace_blocks(replaced, context, options, hooks)
    return replace(hooks, residuals=residuals, around=around)


def _replace_blocks(
    replaced: Mapping[tuple[str, int], Callable[..., dict[str, Any]]],
    context: Tensor,
    options: dict[str, Any],
    hooks: BlockHooks,
) -> AroundBlock:
    def around(number: int, x: Tensor, block: Callable[[Tensor], Tensor]) -> Tensor:
        if not torch.compiler.is_compiling():  # it would break the graph
            throw_exception_if_processing_interrupted()  # an evaluation may take minutes

        def inner(x: Tensor) -> Tensor:
            return block(x) if hooks.around is None else hooks.around(number, x, block)

        replacement = replaced.get(("double_block", number))
        if replacement is None:
            return inner(x)
        arguments = {"img": x, "txt": context, "transformer_options": options}
        original = {"original_block": lambda given: {"img": inner(given["img"])}}
        return replacement(arguments, original)["img"]

    return around
