"""Measure how fast this machine computes a network, on a few of the network's own layers.

B batch, C channels, F frames, H rows, W columns, L tokens.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from math import isqrt
from typing import Any

import torch
from torch import nn

from ...models.layers import Unfilled
from ...models.vae.place import as_if_on
from .meter import META, cost_of
from .rehearsal import Part, tokens_of

SECONDS = 1.0
"""Maximum seconds of one timed call."""

MOST_WEIGHTS = 200_000_000
"""Maximum parameters of a network that is timed whole; some layers stand for a larger one."""

SMALL_TOKENS, SMALL_SIDE, GROWTH = 256, 8, 4


def rate_of(part: Part, device: torch.device) -> float:
    """Return the floating point operations per second of a network's most costly call.

    The call has random weights, and as many tokens or positions as fit into a second.

    Args:
        part: part of a rehearsal that has work.
        device: the device to measure.
    """
    costs, calls = part.work.costs, part.work.calls
    key = max(calls, key=lambda each: costs[each].flops * calls[each])
    if part.work.name == "sampling":
        tokens = tokens_of(key[0], part.weights.config.patch)
        return _grown(_transformer(part, key[0], device), tokens, SMALL_TOKENS)
    kind, shape = key[0], key[1]
    return _grown(_vae(part, kind, shape, device), max(shape[3:]), SMALL_SIDE)


Timed = Callable[[int], float]
"""Maps a size to the operations per second of a call of that size."""


def _grown(timed: Timed, wanted: int, small: int) -> float:
    """Return the rate at the wanted size, or at the largest size below it that is fast enough."""
    size = min(wanted, small)
    while True:
        start = time.perf_counter()
        rate = timed(size)
        taken = time.perf_counter() - start
        if size == wanted or taken * GROWTH > SECONDS:
            return rate
        size = min(wanted, size * GROWTH)


def _transformer(part: Part, shape: torch.Size, device: torch.device) -> Timed:
    config = part.weights.config
    network = _built(part, config, device)
    if network is None:
        config = replace(config, layers=2)
        network = _built(part, config, device, most=None)
    assert network is not None
    shadow = _shadow(part, config)
    batch = shape[0]

    def timed(tokens: int) -> float:
        rows = isqrt(tokens)
        size = (1, rows, tokens // rows)
        sides = [count * step for count, step in zip(size, config.patch, strict=True)]
        x = torch.zeros(batch, config.in_channels, *sides, dtype=part.dtype)
        text = torch.zeros(batch, config.text_length, config.text_dim, dtype=part.dtype)
        image = (
            torch.zeros(batch, 1, config.image_dim, dtype=part.dtype) if config.image_dim else None
        )

        def call(network: Any, place: torch.device) -> Callable[[], Any]:
            level = torch.ones(batch, device=place)
            shown = None if image is None else image.to(place)
            contexts = [network.prepare(text.to(place), shown)]
            given = dict.fromkeys(config.conditions, level)
            moved = x.to(place)
            return lambda: network(moved, level, contexts, conditions=given)

        return _rate(call(network, device), call(shadow, META), device)

    return timed


def _vae(part: Part, kind: str, shape: torch.Size, device: torch.device) -> Timed:
    network = _built(part, part.weights.config, device, most=None)
    shadow = _shadow(part, part.weights.config)
    assert network is not None
    step = 1 if kind == "decode" else network.space_factor

    def timed(side: int) -> float:
        share = side / max(shape[3:])
        sides = [max(step, round(each * share) // step * step) for each in shape[3:]]
        x = torch.zeros(*shape[:3], *sides, dtype=part.dtype)
        name = f"{kind}_chunk"
        if kind == "encode":  # a first chunk has one frame more
            frames = 1 + (shape[2] - 1) // network.time_factor * network.time_factor
            x = x[:, :, :frames]

        def call(network: Any, place: torch.device) -> Callable[[], Any]:
            moved = x.to(place)
            return lambda: getattr(network, name)(moved, None)

        return _rate(call(network, device), call(shadow, META), device)

    return timed


def _rate(call: Callable[[], Any], shadow: Callable[[], Any], device: torch.device) -> float:
    with as_if_on(device):
        cost, _ = cost_of(shadow)
    with torch.inference_mode():
        call()  # the first call also chooses kernels
        seconds = min(_timed(call, device) for _ in range(2))
    return cost.flops / seconds


def _timed(call: Callable[[], Any], device: torch.device) -> float:
    start = time.perf_counter()
    call()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - start


def _shadow(part: Part, config: Any) -> Any:
    with META:
        network = part.weights.family.build(config, ops=Unfilled)
    return network.to(part.dtype).eval().requires_grad_(False)


def _built(
    part: Part, config: Any, device: torch.device, most: int | None = MOST_WEIGHTS
) -> Any | None:
    """Build a network with random weights; None if it has more than ``most`` parameters."""
    network: nn.Module = _shadow(part, config)
    if most is not None and sum(weight.numel() for weight in network.parameters()) > most:
        return None
    network = network.to_empty(device=device)
    generator = torch.Generator(device).manual_seed(0)
    with torch.no_grad():
        for weight in [*network.parameters(), *network.buffers()]:
            if weight.is_floating_point():
                weight.normal_(0, 0.02, generator=generator)
    part.weights.family.settle(network)
    return network
