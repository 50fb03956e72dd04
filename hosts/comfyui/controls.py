"""Applying and describing controls in the host's conditionings, the pack's and the host's."""
# pyright: reportMissingImports=false

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor

from ...samplers.control import ControlStrength
from ..about import AboutControl
from ..control import check_both_or_none, check_joined, check_references, of_both, told_by
from ..keys import CONTROL_KEY, Conditioning
from ..solver_options import KnownWeights
from .control import HostControl


def controlled(
    control_net: Any,
    previous: Any,
    images: Tensor,
    vae: Any,
    strength: ControlStrength,
    references: Tensor | None,
) -> Any:
    """Apply a control of the pack's or of the host's own; see ``Models.controlled``."""
    span = (strength.start, strength.end)
    if isinstance(control_net, HostControl):
        made = control_net.with_strength(replace(strength, factor=1.0, start=0.0, end=1.0))
    elif strength.scheduled:
        raise ValueError(
            f"{_foreign(control_net)} has one strength for all frames, places and blocks: "
            "disconnect the mask input"
        )
    elif references is not None:
        raise ValueError(
            f"{_foreign(control_net)} takes no reference images: disconnect the reference input"
        )
    else:
        made = control_net.copy()
    made.set_cond_hint(images[..., :3].movedim(-1, 1), strength.factor, span, vae=vae)
    if references is not None:
        check_references(made.network.control, made.latent)
        made.hints = tuple(replace(hint, references=references) for hint in made.hints)
    made.set_previous_controlnet(previous)
    return made


def about_control(control_net: Any) -> AboutControl:
    """Describe one of the pack's controls; see ``Controls.about_control``."""
    return _known(control_net).about


def with_strength(control_net: Any, strength: ControlStrength) -> HostControl:
    """Return one of the pack's controls with further factors; see ``Controls.with_strength``."""
    return _known(control_net).with_strength(strength)


def _known(control_net: Any) -> HostControl:
    if isinstance(control_net, HostControl):
        return control_net
    raise ValueError(
        f"{_foreign(control_net)} does not support strengths over frames, steps, layers or "
        "places: use one from Load ControlNet (Video, VACE), or set strength, start and end on "
        "the node that applies it"
    )


def _foreign(control_net: Any) -> str:
    return f"{type(control_net).__name__}, a control of ComfyUI's own,"


def controls_of(conditioning: Conditioning) -> list[AboutControl]:
    """Describe a prompt's controls, the pack's and the host's; see ``Controls.controls_of``."""
    found, control = [], conditioning[0][1].get(CONTROL_KEY)
    while control is not None:
        found.append(control.about if isinstance(control, HostControl) else _about(control))
        control = control.previous_controlnet
    return found[::-1]


def _about(control: Any) -> AboutControl:
    """Describe one of the host's own controls; its range, too, is in shares of the sampling."""
    start, end = control.timestep_percent_range
    told = ControlStrength(factor=control.strength, start=start, end=end)
    return AboutControl(type(control).__name__, None, (), told)


def joined(first: Any, second: Any, counts: tuple[int, int]) -> Any:
    """Join the controls of two groups of packed clips; see ``Models.joined``."""
    check_both_or_none(first, second)
    if first is None or second is None:
        return None
    if not (isinstance(first, HostControl) and isinstance(second, HostControl)):
        raise ValueError("packed clips need ControlNets from Load ControlNet")
    same = first.network is second.network
    check_joined(same, first.control_strength, second.control_strength)
    made = first.copy()
    made.hints = of_both(first.hints, second.hints, counts)
    made.places = of_both(first.each_strength, second.each_strength, counts)
    previous = joined(first.previous_controlnet, second.previous_controlnet, counts)
    return made.set_previous_controlnet(previous)


def known_controls(conds: Mapping[str, Sequence[Mapping[str, Any]]]) -> tuple[KnownWeights, ...]:
    """Return what the files of the pack's branches in a guider's conditions state, each once."""
    found = _each_once(part for parts in conds.values() for part in parts)
    ours = (control for control in found if isinstance(control, HostControl))
    return tuple(KnownWeights(control.info, control.latent) for control in ours)


def reference_frames(conds: Mapping[str, Sequence[Mapping[str, Any]]]) -> int:
    """Return the largest number of reference images of any control in a guider's conditions."""
    found = _each_once(part for parts in conds.values() for part in parts)
    ours = (control for control in found if isinstance(control, HostControl))
    return max((hint.reference_count for control in ours for hint in control.hints), default=0)


def told_by_controls(conditions: Iterable[Mapping[str, Any]]) -> Iterator[object]:
    """Yield what identifies the controls of conditions, the pack's and the host's, each once."""
    for control in _each_once(conditions):
        if isinstance(control, HostControl):
            yield control.info
            yield from told_by(control.hints, control.each_strength)
        else:
            yield control.cond_hint_original
            yield control.strength, control.timestep_percent_range


def _each_once(conditions: Iterable[Mapping[str, Any]]) -> Iterable[Any]:
    found: dict[int, Any] = {}
    for control in (each.get(CONTROL_KEY) for each in conditions):
        while control is not None:
            found[id(control)] = control
            control = control.previous_controlnet
    return found.values()
