"""CONTROL_NET of the standalone host, and the control branches of an evaluation."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, NamedTuple

from torch import Tensor

from ...models.control.network import ControlNetwork
from ...models.dit.trunk import PreparedContext
from ...models.latent_format import LatentFormat
from ...samplers.control import BoundControl, ControlStrength, HintState
from ...samplers.runs import Evaluation
from ...samplers.schedules.flow import percent_to_sigma
from ..about import AboutControl
from ..control import Steering, check_both_or_none, check_joined, of_both, told_by
from ..keys import CONTROL_KEY, Conditioning
from ..solver_options import KnownWeights
from .sampling import Model


@dataclass(frozen=True, eq=False)
class ControlNet:
    """CONTROL_NET: a control branch, the format of its hints' latents, and its file's metadata.

    ``file`` is the source of its weights. ``strength`` is set by nodes before it is applied; the
    node that applies it multiplies in its own.
    """

    network: ControlNetwork
    latent: LatentFormat
    info: Mapping[str, Any]
    file: str = ""
    strength: ControlStrength = field(default_factory=ControlStrength)

    @property
    def about(self) -> AboutControl:
        """Its properties that nodes can query."""
        return AboutControl(self.file, self.latent, self.network.control.after, self.strength)


@dataclass(frozen=True, eq=False)
class Control:
    """A control that a conditioning carries: a branch with its hint, and the control before it."""

    net: ControlNet
    steering: Steering
    previous: "Control | None" = None


class PreparedControl(NamedTuple):
    """A branch with its prompts, one for all clips or one per clip, and its hint for the run."""

    steering: Steering
    contexts: tuple[PreparedContext, ...]
    state: HintState


def control_of(options: Mapping[str, Any]) -> Control | None:
    """Return the last control of a conditioning.

    Raises:
        ValueError: the control is not one of this host's.
    """
    found = options.get(CONTROL_KEY)
    if found is not None and not isinstance(found, Control):
        raise ValueError(
            f"the prompt carries a {type(found).__name__} as its control, which this host does not "
            "support: run the graph in ComfyUI"
        )
    return found


def chain(control: Control | None) -> list[Control]:
    """Return a control and those before it, in order."""
    found = []
    while control is not None:
        found.append(control)
        control = control.previous
    return found[::-1]


def joined(
    first: Control | None, second: Control | None, counts: tuple[int, int]
) -> Control | None:
    """Join the controls of two groups of packed clips; see ``Models.joined``."""
    check_both_or_none(first, second)
    if first is None or second is None:
        return None
    one, other = first.steering, second.steering
    check_joined(one.network is other.network, one.strength, other.strength)
    hints = of_both(one.hints, other.hints, counts)
    places = of_both(one.places or (one.strength,), other.places or (other.strength,), counts)
    previous = joined(first.previous, second.previous, counts)
    return replace(first, steering=replace(one, hints=hints, places=places), previous=previous)


def steerings(control: Control | None) -> list[Steering]:
    """Return the branches and hints of all controls up to this one, in order."""
    return [each.steering for each in chain(control)]


def known_controls(conditionings: Iterable[Conditioning]) -> tuple[KnownWeights, ...]:
    """Return what the files of all branches in conditionings state, each once."""
    return tuple(KnownWeights(each.info, each.latent) for each in _each_once(conditionings))


def reference_frames(conditionings: Iterable[Conditioning]) -> int:
    """Return the largest number of reference images of any control in conditionings."""
    hints = (hint for each in _each_once(conditionings) for hint in each.hints)
    return max((hint.reference_count for hint in hints), default=0)


def told_by_controls(conditionings: Iterable[Conditioning]) -> Iterator[object]:
    """Yield what identifies the controls of conditionings, each once."""
    for each in _each_once(conditionings):
        yield each.info
        yield from told_by(each.hints, each.places or (each.strength,))


def _each_once(conditionings: Iterable[Conditioning]) -> Iterable[Steering]:
    parts = (part for conditioning in conditionings for _, part in conditioning)
    found = (each for options in parts for each in steerings(control_of(options)))
    return {id(each): each for each in found}.values()


def prepared_control(
    model: Model, steering: Steering, texts: Sequence[Tensor], state: HintState
) -> PreparedControl:
    """Prepare a branch for the steps of a run.

    Args:
        model: the model that it acts on.
        steering: the branch.
        texts: (B, S, text width), one for all clips or one per clip.
        state: its hint for the run.
    """
    network = steering.network
    embed = model.dit.embed_text

    def words(text: Tensor) -> Any:
        return embed(text.to(model.dit.dtype))

    contexts = tuple(network.prepare(text.to(network.dtype), words) for text in texts)
    return PreparedControl(steering, contexts, state.to(model.device))


def branches(
    model: Model, controls: Sequence[PreparedControl], at: Evaluation
) -> Iterator[BoundControl]:
    """Yield the branches that act on an evaluation."""
    levels = partial(percent_to_sigma, shift=model.shift)
    for steering, contexts, state in controls:
        factor = steering.strength.at(at.level, levels)
        if factor == 0:
            continue
        picked = contexts if at.clips is None else at.clips.pick(contexts)
        blocks = steering.strength.of_blocks(steering.network.control.layers)
        yield BoundControl(steering.network, picked, state.seen(at.part), factor, blocks)
