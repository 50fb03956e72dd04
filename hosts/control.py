"""Controls in either host: a control branch and the images that it follows.

B batch, C channels, F frames, H rows, W columns.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeVar

import torch
from torch import Tensor

from ..media.fit import Size, fit_clip
from ..media.hints.pictures import in_colour
from ..models.control.config import ControlConfig
from ..models.control.network import ControlNetwork
from ..models.latent_format import LatentFormat
from ..models.patchify import Patch
from ..models.shapes import LatentShape, VideoShape
from ..samplers.clips import Clip, Clips
from ..samplers.control import ControlStrength, HintState, joined
from .keys import CLIP_TEXTS_KEY, CONTROL_KEY, CONTROL_UNCOND_KEY, SPANS_KEY, Conditioning
from .prompt_spans import spans_of

_OF_ONE_CLIP = (CONTROL_KEY, CONTROL_UNCOND_KEY, SPANS_KEY)
"""Options of a conditioning that are rebuilt or dropped when clips are packed."""

Encode = Callable[[Tensor, bool], Tensor]
"""(frames (F, H, W, 3) in [0, 1], whether they are a loop) -> raw latent (1, C, F', H', W')."""


NO_VAE = (
    "this ControlNet takes images encoded by the VAE: connect the model's VAE to the vae input of "
    "the node that applies it"
)


@dataclass(frozen=True, eq=False)
class Hint:
    """Images for a control branch to follow; the first belongs to frame 0 of the video.

    They are cropped to the clip's size and encoded once that is known, once per size. A single
    image applies to all frames; images beyond the end of the video are ignored.

    Args:
        pictures: (F, H, W, C) in [0, 1]: grey, RGB, or RGB with further channels, such as
            transparency, which are ignored.
        encode: the VAE's encoder.
        form: channels and compression of the VAE.
        references: (N, H, W, 3 or more) in [0, 1], images of what the video shows; None for none.
    """

    pictures: Tensor
    encode: Encode
    form: LatentFormat
    references: Tensor | None = None
    _encoded: dict[tuple[Any, ...], Tensor] = field(default_factory=dict, init=False, repr=False)

    @cached_property
    def grey(self) -> "Hint":
        """A hint of grey, which means that nothing is given."""
        return Hint(torch.full((1, 8, 8, 3), 0.5), self.encode, self.form)

    @property
    def latent_frames(self) -> int:
        """Latent frames of its own images, as an open clip."""
        size = VideoShape(len(self.pictures), self.form.space_factor, self.form.space_factor)
        return self.form.compression.latent_shape(size).frames

    @property
    def reference_count(self) -> int:
        """Number of reference images."""
        return 0 if self.references is None else len(self.references)

    def reference_latent(self, clip: Clip) -> Tensor:
        """Encode the references, each as a clip of one frame, to a raw latent (1, C, N, H, W).

        An image is fitted as a whole, with white bars where its shape differs from the clip's.
        """
        assert self.references is not None
        size = Size(*(side * self.form.space_factor for side in clip.size[1:]))
        key = ("references", size)
        if key not in self._encoded:
            count = range(self.reference_count)
            dark = 1 - self.references[..., :3]  # "pad" adds black bars
            frames = 1 - fit_clip(dark, None, count, len(count), size, "pad")[0]
            each = [self.encode(frame, False) for frame in frames.split(1)]
            self._encoded[key] = torch.cat(each, dim=2)
        return self._encoded[key]

    def latent(self, clip: Clip) -> Tensor:
        """Encode the hint for a clip's frames of the video to a raw latent (1, C, F, H, W).

        Raises:
            ValueError: there are fewer images than the video has frames, or they are no images.
        """
        numbers = _frames(clip, len(self.pictures), "a hint")
        size = Size(*(side * self.form.space_factor for side in clip.size[1:]))
        key = (tuple(numbers), size, clip.loop)
        if key not in self._encoded:
            pictures = in_colour(self.pictures)
            frames, _ = fit_clip(pictures, None, numbers, len(numbers), size, "crop")
            self._encoded[key] = self.encode(frames, clip.loop)
        return self._encoded[key][:, :, list(clip.coverage.shown)]


def weights_over(weights: Tensor, clip: Clip) -> Tensor:
    """Resample a video's factors (F or 1, H or 1, W or 1) to a clip's latent places (1, F, H, W).

    They are cropped like hints; each place gets the mean of the pixels behind it.

    Raises:
        ValueError: they have fewer frames than the video.
    """
    numbers, most = _frames(clip, len(weights), "a control mask"), float(weights.abs().max()) or 1.0
    size, time = Size(*clip.size[1:]), clip.compression.time
    if weights.shape[1:] == (1, 1):
        fitted = weights[numbers].expand(-1, *size)
    else:
        planes = (weights / most)[..., None]
        fitted = fit_clip(planes, None, numbers, len(numbers), size, "crop")[0][..., 0] * most
    lone = 0 if clip.loop else 1
    groups = fitted[lone:].unflatten(0, (-1, time)).mean(1) if len(fitted) > lone else fitted[:0]
    return torch.cat([fitted[:lone], groups])[list(clip.coverage.shown)][None]


def check_pictures(clip: Clip, given: int) -> None:
    """Check that there are enough images for a clip.

    Raises:
        ValueError: there is more than one image, but fewer than the video has frames.
    """
    _frames(clip, given, "a hint")


def _frames(clip: Clip, given: int, what: str) -> list[int]:
    """Return the numbers of the given frames that lie behind a clip's latent.

    Where more is generated than the video shows, its first or last frame is repeated.
    """
    covers = clip.coverage
    size = LatentShape(covers.latent_frames, *clip.size[1:])
    count = clip.compression.video_shape(size, loop=clip.loop).frames
    numbers = [covers.video_frame(each) for each in range(covers.start, covers.start + count)]
    if given == 1:
        return [0] * count
    if given <= max(numbers):
        raise ValueError(
            f"{what} of {given} frames for a video of {max(numbers) + 1}: give as many frames, or "
            "one for all of them (Fit Video changes a clip's length)"
        )
    return numbers


@dataclass(frozen=True, eq=False)
class Steering:
    """A control branch and the hints that it follows.

    Args:
        network: the branch's network.
        latent: format of the hints' latents.
        hints: one for all clips of a run, or one per packed clip.
        strength: of the residuals.
        info: what the branch's file states.
        places: one strength per packed clip, for its factors over frames and places; empty if
            ``strength`` has those of all clips.
    """

    network: ControlNetwork
    latent: LatentFormat
    hints: tuple[Hint, ...]
    strength: ControlStrength
    info: Mapping[str, Any] = field(default_factory=dict)
    places: tuple[ControlStrength, ...] = ()

    def state(self, clips: Clips, patch: Patch) -> HintState:
        """Return the hint for a run's state, in float32.

        Raises:
            ValueError: the hints are for another number of clips, of another VAE, or too short.
        """
        if len(self.hints) not in (1, len(clips.each)):
            raise ValueError(
                f"control hints for {len(self.hints)} clips, but {len(clips.each)} packed clips: "
                "give one hint per clip, or one for all"
            )
        hints = self.hints * len(clips.each) if len(self.hints) == 1 else self.hints
        places = self.places or (self.strength,) * len(clips.each)
        each = zip(hints, places, clips.each, strict=True)
        return joined(clips, patch, [self._over(*parts) for parts in each])

    def _over(self, hint: Hint, strength: ControlStrength, clip: Clip) -> HintState:
        weights = strength_over(strength, clip)
        seen = self._channels(hint, clip)
        return HintState(seen, None if weights is None else weights.to(seen.device))

    def _channels(self, hint: Hint, clip: Clip) -> Tensor:
        """Return the branch's input for the images, (1, C, F, H, W).

        VACE takes the part to keep, the part to generate, and a mask of the pixels behind each
        place; here these are grey, the images and ones. References come first, as the part to
        keep, with zeros for the rest.

        Raises:
            ValueError: the clip's room for references does not match their number.
        """
        if clip.references != hint.reference_count:
            raise ValueError(
                f"the latent has room for {clip.references} reference images, but a ControlNet has "
                f"{hint.reference_count}: use the Sample node, which makes room for them, and give "
                "all ControlNets of a prompt the same reference images"
            )
        seen = self.latent.normalise(hint.latent(clip)).float()
        if self.network.control.hint_channels == self.latent.channels:
            return seen
        kept = self.latent.normalise(hint.grey.latent(clip)).float()
        mask = seen.new_ones(1, self.latent.space_factor**2, *seen.shape[2:])
        channels = torch.cat([kept, seen, mask], dim=1)
        if not hint.reference_count:
            return channels
        shown = self.latent.normalise(hint.reference_latent(clip)).float()
        empty = shown.new_zeros(1, channels.shape[1] - shown.shape[1], *shown.shape[2:])
        return torch.cat([torch.cat([shown, empty], dim=1), channels], dim=2)


def strength_over(strength: ControlStrength, clip: Clip) -> Tensor | None:
    """Return the factors for a clip's latent frames and places (1, F, H, W); None if all are 1.

    They are on the CPU, even if the masks are not.

    Raises:
        ValueError: a mask has fewer frames than the video, or a curve needs a frame rate that is
            unknown.
    """
    frames, fps = clip.coverage.frames, clip.fps
    maps = [*(curve.over(frames, fps) for curve in strength.frames), *strength.weights]
    placed = [weights_over(each.cpu(), clip) for each in maps if not bool((each == 1).all())]
    if not placed:
        return None
    product = torch.stack(placed).prod(0)  # (1, F, H, W)
    references = product.new_ones(1, clip.references, *product.shape[2:])
    return torch.cat([references, product], dim=1)


def told_by(hints: Sequence[Hint], strengths: Sequence[ControlStrength]) -> Iterator[object]:
    """Yield what identifies a control among others of its branch: its images and all factors."""
    for hint in hints:
        yield hint.pictures
        if hint.references is not None:
            yield hint.references
    for strength in strengths:
        yield replace(strength, weights=())
        yield from strength.weights


Each = TypeVar("Each")


def of_both(
    first: tuple[Each, ...], second: tuple[Each, ...], counts: tuple[int, int]
) -> tuple[Each, ...]:
    """Concatenate the values of two groups of clips; a group's single value counts for each clip.

    ``counts`` are the numbers of clips in the groups.
    """
    pairs = zip((first, second), counts, strict=True)
    spread = [each * count if len(each) == 1 else each for each, count in pairs]
    return (*spread[0], *spread[1])


def check_joined(same_network: bool, first: ControlStrength, second: ControlStrength) -> None:
    """Check that controls of packed clips differ only in their hints, and in when and where.

    Raises:
        ValueError: their networks differ, or their strengths differ in anything else.
    """
    if same_network and first.same_but_for_places(second):
        return
    raise ValueError(
        "packed clips with different ControlNets, or with different strengths of them: give every "
        "clip the same ones, with only images, masks and Control over Frames different, or sample "
        "the clips one by one"
    )


def check_both_or_none(first: object, second: object) -> None:
    """Check that either both or neither of two groups of packed clips has a further control.

    Raises:
        ValueError: only one of them has.
    """
    if (first is None) == (second is None):
        return
    which = "first" if second is None else "next"
    raise ValueError(
        f"only the {which} of two packed clips has this ControlNet: apply the same ControlNets to "
        "every clip, with a black mask for a clip that should not follow images"
    )


def check_references(control: ControlConfig, latent: LatentFormat) -> None:
    """Check that a branch supports reference images.

    Raises:
        ValueError: it is not a VACE branch.
    """
    if control.hint_channels == latent.channels:
        raise ValueError(
            "this ControlNet takes no reference images, only VACE does: disconnect the reference "
            "input"
        )


def check_vae(form: LatentFormat, latent: LatentFormat) -> None:
    """Check that a VAE makes the latents that a branch takes as hints.

    Raises:
        ValueError: its channels or its compression differ.
    """
    theirs, ours = (form.channels, form.compression), (latent.channels, latent.compression)
    if theirs != ours:
        raise ValueError(
            f"the ControlNet takes latents with {ours[0]} channels and {ours[1]} compression, the "
            f"VAE makes {theirs[0]} channels at {theirs[1]}: connect the VAE that belongs to the "
            "model"
        )


def with_control(
    conditionings: Sequence[Conditioning], apply: Callable[[Any], Any]
) -> list[Conditioning]:
    """Add a control to conditionings; prompts that shared their controls share the new one.

    Args:
        conditionings: positive and negative.
        apply: maps a prompt's current control, None for none, to its new one.
    """
    made: dict[int, Any] = {}

    def changed(options: dict[str, Any]) -> dict[str, Any]:
        before = options.get(CONTROL_KEY)
        if id(before) not in made:
            made[id(before)] = apply(before)
        return {**options, CONTROL_KEY: made[id(before)], CONTROL_UNCOND_KEY: False}

    return [
        [[context, changed(options)] for context, options in conditioning]
        for conditioning in conditionings
    ]


def appended(
    first: Sequence[Conditioning],
    second: Sequence[Conditioning],
    join: Callable[[Any, Any, tuple[int, int]], Any],
) -> list[Conditioning]:
    """Append the conditionings of further clips to those of packed clips.

    Args:
        first, second: positive and negative, each with one prompt per clip.
        join: (first control, second control, numbers of clips) -> the control of all clips.

    Raises:
        ValueError: a conditioning has several parts or prompts over time, or the controls cannot
            be joined.
    """
    made: dict[tuple[int, int], Any] = {}

    def both(one: Conditioning, other: Conditioning) -> Conditioning:
        if (len(one), len(other)) != (1, 1):
            raise ValueError("a conditioning of several parts: give each packed clip one prompt")
        ((context, options),), ((behind, further),) = one, other
        for part in (one[0], other[0]):
            _check_timeless(*part)
        texts = [
            told.get(CLIP_TEXTS_KEY) or [text]
            for text, told in ((context, options), (behind, further))
        ]
        before, after = options.get(CONTROL_KEY), further.get(CONTROL_KEY)
        key = (id(before), id(after))
        if key not in made:
            made[key] = join(before, after, (len(texts[0]), len(texts[1])))
        kept = {name: value for name, value in options.items() if name not in _OF_ONE_CLIP}
        kept[CLIP_TEXTS_KEY] = [*texts[0], *texts[1]]
        if made[key] is not None:
            kept |= {CONTROL_KEY: made[key], CONTROL_UNCOND_KEY: False}
        return [[context, kept]]

    return [both(*pair) for pair in zip(first, second, strict=True)]


def _check_timeless(context: Tensor, options: Mapping[str, Any]) -> None:
    spans = spans_of(context, options)
    if spans is not None:
        raise ValueError(
            f"{len(spans.spans)} prompts over time for one of several packed clips: give each clip "
            "one prompt from Encode Prompt, or all clips one Prompt Schedule"
        )
