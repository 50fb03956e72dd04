"""Classifier-free guidance: its identities, and what it evaluates."""

import pytest
import torch

from spacetime_video.samplers.guidance import cfg

POSITIVE, NEGATIVE = "a red cube", ""


class CountingPredictor:
    """Means that differ by prompt; remembers every set of conditions it was asked for."""

    def __init__(self, *, batched=False):
        self.asked = []
        self.batched = batched

    def __call__(self, x, sigma, conditions, **extra):
        self.asked.append((tuple(conditions), extra))
        means = torch.tensor([float(len(c)) for c in conditions], dtype=x.dtype)
        if self.batched:
            return list((x[None] * (1 - sigma[0]) + means.reshape(-1, *[1] * x.ndim)).unbind())
        return [x * (1 - sigma[0]) + mean for mean in means]


@pytest.fixture
def sigma():
    return torch.full((2,), 0.5, dtype=torch.float64)


@pytest.mark.parametrize("scale", [0.0, 0.5, 3.0, 7.5])
def test_equation(scale, start, sigma):
    predict = CountingPredictor()
    conditional, unconditional = predict(start, sigma, (POSITIVE, NEGATIVE))
    guided = cfg(predict, POSITIVE, NEGATIVE, scale)(start, sigma)
    expected = unconditional + scale * (conditional - unconditional)
    torch.testing.assert_close(guided, expected, atol=1e-12, rtol=0)


@pytest.mark.parametrize(("scale", "conditions"), [(1, (POSITIVE,)), (4, (POSITIVE, NEGATIVE))])
def test_scale_one_never_evaluates_the_negative(scale, conditions, start, sigma):
    predict = CountingPredictor()
    guided = cfg(predict, POSITIVE, NEGATIVE, scale)
    for _ in range(3):
        guided(start, sigma, fps=24)
    assert predict.asked == [(conditions, {"fps": 24})] * 3


def test_scale_one_is_the_conditional_prediction(start, sigma):
    predict = CountingPredictor()
    (conditional,) = predict(start, sigma, (POSITIVE,))
    assert torch.equal(cfg(predict, POSITIVE, NEGATIVE, 1.0)(start, sigma), conditional)


def test_one_batch_or_two_calls_agree(start, sigma):
    apart = cfg(CountingPredictor(), POSITIVE, NEGATIVE, 6.0)(start, sigma)
    together = cfg(CountingPredictor(batched=True), POSITIVE, NEGATIVE, 6.0)(start, sigma)
    assert torch.equal(apart, together)


def test_equal_conditions_leave_the_prediction(start, sigma):
    predict = CountingPredictor()
    (conditional,) = predict(start, sigma, (POSITIVE,))
    guided = cfg(predict, POSITIVE, POSITIVE, 9.0)(start, sigma)
    assert torch.equal(guided, conditional)
