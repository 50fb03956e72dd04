"""Every form in which a CPU convolves equals the plain convolution."""

import pytest
import torch
from torch.nn import functional

from spacetime_video.models.layers import LayerMaker
from spacetime_video.models.vae.convolutions import conv3d, doubling_conv2d

AROUND, POINT, TIME = (3, 3, 3), (1, 1, 1), (3, 1, 1)


def made(build, *args, **kwargs):
    torch.manual_seed(1)
    return build(LayerMaker(), *args, **kwargs).requires_grad_(False)


@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last_3d])
@pytest.mark.parametrize(
    ("channels", "kernel", "stride", "size"),
    [
        (8, POINT, 1, (5, 4, 4)),  # as a batch of 16
        (8, POINT, 1, (5, 3, 3)),  # not to be divided by 16
        (8, TIME, 1, (5, 3, 4)),
        (8, TIME, 2, (5, 3, 4)),
        (3, AROUND, 1, (5, 6, 7)),  # few channels
        (40, AROUND, 1, (5, 4, 4)),  # a small sample
        (40, AROUND, 1, (5, 30, 20)),  # none of these
    ],
)
def test_convolutions_of_clips(channels, kernel, stride, size, layout, batch):
    conv = made(conv3d, channels, 6, kernel, time_stride=stride)
    x = torch.randn(batch, channels, *size).contiguous(memory_format=layout)
    with torch.enable_grad():
        plain = conv(x)
    with torch.no_grad():
        assert torch.allclose(conv(x), plain, atol=1e-5)
    expected = functional.conv3d(x, conv.weight, conv.bias, conv.stride, conv.padding)
    assert torch.allclose(plain, expected, atol=1e-5)


@pytest.mark.parametrize("kernel", [AROUND, TIME])
@pytest.mark.parametrize("frames", [1, 2])
def test_a_short_clip_is_the_end_of_one_that_begins_with_zeros(kernel, frames):
    conv = made(conv3d, 4, 6, kernel)
    x = torch.randn(1, 4, frames, 5, 5)
    whole = functional.pad(x, (0, 0, 0, 0, 3 - frames, 0))
    for graded in (True, False):
        with torch.set_grad_enabled(graded):
            assert torch.allclose(conv(x), conv(whole), atol=1e-5)


@pytest.mark.parametrize("size", [(1, 1), (3, 4), (9, 8)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_doubling_equals_repeating_and_convolving(size, dtype):
    conv = made(doubling_conv2d, 8, 6).to(dtype)
    x = torch.randn(2, 8, *size, dtype=dtype)
    repeated = functional.interpolate(x, scale_factor=2, mode="nearest-exact")
    expected = functional.conv2d(repeated, conv.weight, conv.bias, padding=1)
    atol = 1e-5 if dtype == torch.float32 else 2e-2
    for graded in (True, False):
        with torch.set_grad_enabled(graded):
            assert torch.allclose(conv(x), expected, atol=atol)


def test_layers_are_trained_as_before():
    conv, doubling = made(conv3d, 4, 6, AROUND), made(doubling_conv2d, 4, 6)
    for layer, x in ((conv, torch.randn(1, 4, 3, 5, 5)), (doubling, torch.randn(1, 4, 5, 5))):
        layer.requires_grad_(True)(x).square().sum().backward()
        assert layer.weight.grad.abs().min() > 0
