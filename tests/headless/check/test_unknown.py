"""Values that nobody knows are followed through every operation, and kept from whoever looks."""

import copy

import numpy as np
import pytest
import torch

from spacetime_video.headless.check.unknown import StoppedAt, TimeIsUp, Unknowns, ValuesNeeded


@pytest.fixture
def unknowns():
    return Unknowns()


@pytest.fixture
def x(unknowns):
    """Six unknown values, looked at as a node would."""
    with unknowns.watched(), torch.inference_mode():
        yield unknowns.add(torch.zeros(2, 3))


def into(empty, change):
    change(empty)
    return empty


MADE = {
    "copies": lambda x: x.to(torch.float64, copy=True),
    "views": lambda x: x[1:, :2].T.reshape(-1),
    "reductions": lambda x: x.mean(0) > 1,
    "joined": lambda x: torch.cat([torch.ones(1, 3), x]),
    "stacked": lambda x: torch.stack([x, torch.ones(2, 3)]),
    "chosen": lambda x: torch.ones(2, 3).where(x > 0, 1.0),
    "picked at known places": lambda x: x[[1, 0]],
    "picked at unknown places": lambda x: torch.ones(5)[x.long()],
    "written into": lambda x: into(torch.zeros(4, 3), lambda y: y[1:3].copy_(x)),
    "set": lambda x: into(torch.zeros(4, 3), lambda y: y.__setitem__(slice(1, 3), x)),
    "added to": lambda x: into(torch.zeros(2, 3), lambda y: y.add_(x)),
    "out": lambda x: into(torch.zeros(2, 3), lambda y: torch.add(x, 1, out=y)),
    "masked by": lambda x: torch.zeros(3).masked_fill(x[0] > 0, 1),
    "filled with": lambda x: torch.zeros(2).fill_(x.max()),
    "interpolated": lambda x: torch.nn.functional.interpolate(x[None, None], scale_factor=2),
    "multiplied": lambda x: torch.einsum("ij,kj->ik", x, torch.ones(2, 3)),
    "sorted": lambda x: x.flatten().sort().values,
}


@pytest.mark.parametrize("make", MADE.values(), ids=MADE.keys())
def test_what_is_made_of_unknown_values_is_unknown(x, unknowns, make):
    assert make(x) in unknowns


LOOKS = {
    "bool": lambda x: bool(x.any()),
    "not": lambda x: not x.any(),
    "all": lambda x: bool((x == 1).all()),
    "compared": lambda x: x.mean() > 0 and 1,
    "item": lambda x: x.max().item(),
    "float": lambda x: float(x.sum()),
    "int": lambda x: int(x.sum()),
    "list": lambda x: x.tolist(),
    "numpy": lambda x: x.numpy(),
    "array": lambda x: np.asarray(x),
    "text": lambda x: f"{x.max():g}",
    "repr": lambda x: repr(x),
    "copy": lambda x: copy.deepcopy(x),
    "equal": lambda x: torch.equal(x, x),
    "allclose": lambda x: torch.allclose(x, x),
    "mask": lambda x: torch.ones(2, 3)[x > 0],
    "nonzero": lambda x: x.nonzero(),
    "where": lambda x: torch.where(x > 0),
    "argwhere": lambda x: torch.argwhere(x),
    "unique": lambda x: x.unique(),
    "numbers": lambda x: torch.tensor([x.max(), 1.0]),
    "new numbers": lambda x: x.new_tensor([x.max()]),
    "length": lambda x: torch.zeros(x.long().sum()),
    "range": lambda x: range(x.long().sum()),
    "sort": lambda x: sorted(x.flatten()),
}


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS.keys())
def test_whoever_looks_is_stopped(x, look):
    with pytest.raises(ValuesNeeded):
        look(x)


def test_shapes_are_known_and_values_count_as_finite(x, unknowns):
    assert (x.shape, len(x), x.numel(), x.is_floating_point()) == ((2, 3), 2, 6, True)
    assert bool((x / 0).isfinite().all())
    assert bool((torch.zeros_like(x) == 0).all())
    assert x.new_tensor([2.0]).item() == 2
    assert torch.ones(2) not in unknowns


def test_nobody_is_stopped_behind_it(unknowns):
    with unknowns.watched():
        x = unknowns.add(torch.zeros(2))
    assert x.tolist() == [0, 0]
    del x
    assert unknowns._storages == set()


def test_time_is_up(unknowns):
    unknowns.end = 0.0
    with unknowns.watched(), pytest.raises(TimeIsUp):
        torch.ones(1)


def test_no_node_takes_it_for_an_error():
    assert not issubclass(StoppedAt, Exception)
