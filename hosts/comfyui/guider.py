"""GUIDER: the host's own, with the pack's recipe for what is done with the predictions."""
# pyright: reportMissingImports=false

import copy
from collections.abc import Callable, Sequence
from typing import Any

import torch
from comfy.model_patcher import create_model_options_clone, set_model_options_patch_replace
from comfy.samplers import CFGGuider, calc_cond_batch
from torch import Tensor

from ...models.attention import KeysValues
from ...samplers.denoiser import Denoiser
from ...samplers.guidance import SamplingRun
from ...samplers.nag import Against, cross_attend_against
from ...samplers.recipe import Recipe, guided
from ...samplers.regions import LATENT, TokenRegions
from ...samplers.skip_layer import SkippedBlocks
from .model import HostModel
from .network import CROSS_ATTEND_KEY, RUN_KEY
from .notes import warn
from .sampler import path_of

BLOCK_LISTS = ("blocks", "double_blocks", "transformer_blocks", "joint_blocks")
"""Where the host's networks keep the blocks that their callers may replace."""

UNUSED_PATCHES = (
    "sampler_cfg_function",
    "sampler_pre_cfg_function",
    "sampler_calc_cond_batch_function",
)
"""Patches of other nodes that say how to guide; a recipe of the pack guides by itself."""


class HostGuider(CFGGuider):
    """Plainly guided it is the host's guider; any other recipe is followed by the pack."""

    def __init__(self, model_patcher: Any, recipe: Recipe) -> None:
        super().__init__(model_patcher)
        self.recipe = recipe
        self.set_cfg(recipe.scale)
        self._denoiser: Denoiser | None = None
        self._mask: Tensor | None = None
        self._seen: dict[str, Tensor] = {}

    @property
    def is_plain(self) -> bool:
        """Whether the host's own guidance does all of it."""
        return self.recipe == Recipe(scale=self.recipe.scale)

    def inner_sample(self, *arguments: Any, **named: Any) -> Tensor:
        """Begin a run: what the recipe remembers belongs to it alone."""
        sigmas, mask = arguments[4], arguments[5]
        options = self.model_options.get("transformer_options", {})
        layout = getattr(options.get(RUN_KEY), "layout", None)
        run = SamplingRun(
            sigmas.cpu(),
            path_of(self.inner_model.model_sampling),
            LATENT if layout is None else TokenRegions(layout),
        )
        self._mask, self._seen = mask, {}
        self._denoiser = guided(
            self.recipe, self._predict, "positive", "negative", run, watch=self._watch
        )
        self._name_unused_patches()
        try:
            return super().inner_sample(*arguments, **named)
        finally:
            self._denoiser = self._mask = None
            self._seen = {}

    def _name_unused_patches(self) -> None:
        unused = [name for name in UNUSED_PATCHES if self.model_options.get(name)]
        if unused and not self.is_plain:
            warn(
                f"another node guides by its own rule ({', '.join(unused)}), which has no effect "
                "together with Spacetime's nodes of guidance: use one or the other"
            )

    def predict_noise(
        self,
        x: Tensor,
        timestep: Tensor,
        model_options: dict[str, Any] | None = None,
        seed: int | None = None,
    ) -> Tensor:
        """The guided prediction of x0 at the noise levels ``timestep`` (B,)."""
        options = model_options or {}
        if self._denoiser is None or self.is_plain:
            return super().predict_noise(x, timestep, options, seed)
        levels = timestep
        if self._mask is not None:
            levels = self._mask * timestep.reshape(-1, *[1] * (x.ndim - 1))
        self._seen.clear()
        made = self._denoiser(x, levels, model_options=options, timestep=timestep)
        return self._patched(made, x, timestep, options)

    def _watch(self, conditions: Sequence[Any], made: Sequence[Tensor]) -> None:
        """Note the predictions for both prompts, for the patches of other nodes."""
        for condition, x0 in zip(conditions, made, strict=True):
            name = condition.condition if isinstance(condition, Against) else condition
            if isinstance(name, str):
                self._seen[name] = x0

    def _patched(
        self, denoised: Tensor, x: Tensor, timestep: Tensor, options: dict[str, Any]
    ) -> Tensor:
        """What other nodes do after guidance; where nothing was predicted, they do nothing."""
        patches = options.get("sampler_post_cfg_function", [])
        positive, negative = self._seen.get("positive"), self._seen.get("negative")
        if not patches or positive is None:
            return denoised
        if negative is None and options.get("disable_cfg1_optimization", False):
            (negative,) = self._evaluate(["negative"], x, timestep, options)
        given = {
            "cond": self.conds["positive"],
            "uncond": None if negative is None else self.conds.get("negative"),
            "cond_scale": self.cfg,
            "model": self.inner_model,
            "cond_denoised": positive,
            "uncond_denoised": torch.zeros_like(x) if negative is None else negative,
            "sigma": timestep,
            "model_options": options,
            "input": x,
        }
        for patch in patches:
            denoised = patch({"denoised": denoised, **given})
        return denoised

    def _predict(
        self, x: Tensor, _levels: Tensor, conditions: Sequence[Any], /, **extra: Any
    ) -> list[Tensor]:
        """Evaluate plain conditions together, and each one with changed blocks for itself."""
        options, timestep = extra["model_options"], extra["timestep"]
        plain = [each for each in conditions if isinstance(each, str)]
        made = dict(zip(plain, self._evaluate(plain, x, timestep, options), strict=True))
        return [
            made[each]
            if isinstance(each, str)
            else self._changed(each, x, timestep, create_model_options_clone(options))
            for each in conditions
        ]

    def _evaluate(
        self, names: Sequence[str], x: Tensor, timestep: Tensor, options: dict[str, Any]
    ) -> list[Tensor]:
        if not names:
            return []
        conds = [self.conds.get(name) for name in names]
        return calc_cond_batch(self.inner_model, conds, x, timestep, options)

    def _changed(
        self, condition: Any, x: Tensor, timestep: Tensor, options: dict[str, Any]
    ) -> Tensor:
        while not isinstance(condition, str):
            if isinstance(condition, SkippedBlocks):
                options = _without_blocks(options, condition.blocks)
            elif isinstance(condition, Against):
                inner = options.setdefault("transformer_options", {})
                inner[CROSS_ATTEND_KEY] = self._cross_attend(condition)
            condition = condition.condition
        (made,) = self._evaluate([condition], x, timestep, options)
        return made

    def _cross_attend(self, against: Against) -> Callable[..., Tensor]:
        """The hook for the network, which prepares the negative prompt where it runs."""
        network = self.inner_model.diffusion_model
        (negative, *_) = self.conds[against.negative]
        context = negative["model_conds"]["c_crossattn"].cond
        prepared: list[tuple[KeysValues, ...]] = []

        def cross_attend(block: int, q: Tensor, texts: Sequence[KeysValues]) -> Tensor:
            if not prepared:
                prepared.append(network.prepare_text(context.to(q)))
            rows = tuple((_rows(k, len(q)), _rows(v, len(q))) for k, v in prepared[0])
            hook = cross_attend_against(rows, against.guidance, network.host_attention)
            return hook(block, q, texts)

        return cross_attend


def _rows(values: Tensor, rows: int) -> Tensor:
    return values if len(values) == rows else values[:1].expand(rows, *values.shape[1:])


def _without_blocks(options: dict[str, Any], blocks: frozenset[int]) -> dict[str, Any]:
    """Model options in which these blocks hand on what they are given."""
    for block in blocks:
        options = set_model_options_patch_replace(
            options, lambda given, _: given, "dit", "double_block", block
        )
    return options


def with_recipe(guider: Any, change: Callable[[Recipe], Recipe]) -> HostGuider:
    """A guider with another recipe; the host's plain one is taken over with its conditions.

    Raises:
        ValueError: the guider follows rules of its own, or its network cannot do this.
    """
    if isinstance(guider, HostGuider):
        bound = copy.copy(guider)
        bound.recipe = change(guider.recipe)
    elif type(guider) is CFGGuider:
        bound = HostGuider(guider.model_patcher, change(Recipe(scale=guider.cfg)))
        bound.original_conds = dict(guider.original_conds)
        bound.model_options = guider.model_options
    else:
        raise ValueError(
            f"a {type(guider).__name__} follows rules of its own: use the guider of Denoiser or "
            "CFGGuider"
        )
    bound.set_cfg(bound.recipe.scale)
    _check_attention(bound)
    return bound


def _check_attention(guider: HostGuider) -> None:
    model = guider.model_patcher.model
    if guider.recipe.attention is not None and not isinstance(model, HostModel):
        raise ValueError(
            f"attention guidance needs the network of Load Models, not a "
            f"{type(model).__name__}: use the negative prompt with guidance above 1"
        )


def block_count(guider: CFGGuider) -> int:
    """Blocks of the guider's network that can be left out; 0 where it has none."""
    network = guider.model_patcher.model.diffusion_model
    lists = (getattr(network, name, None) for name in BLOCK_LISTS)
    return next((len(each) for each in lists if isinstance(each, torch.nn.ModuleList)), 0)
