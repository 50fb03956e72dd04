import torch
from torch.nn.functional import normalize

from spacetime_video.toyworld import SETTINGS
from spacetime_video.toyworld.shading import floor_light, light_of, shade


def test_a_turned_frame_changes_no_shade():
    generator = torch.Generator().manual_seed(0)
    normal, ray, towards = normalize(torch.randn(3, 3, 50, generator=generator), dim=1)
    albedo, bright, ambient = torch.rand(3, 3, 50, generator=generator) * 0.5
    above = torch.rand(50, generator=generator)
    turn = torch.linalg.qr(torch.randn(3, 3, generator=generator)).Q
    up = turn[:, 1:2].expand(3, 50)
    world = shade(albedo, normal, ray, above, (towards, bright, ambient))
    turned = shade(albedo, turn @ normal, turn @ ray, above, (turn @ towards, bright, ambient), up)
    torch.testing.assert_close(turned, world, atol=1e-5, rtol=0)
    assert world.std() > 0.05


def test_the_floor_gets_less_light_at_night_and_more_colour_at_sunset():
    light = light_of([SETTINGS[name] for name in ("at day", "at night", "at sunset")], "cpu")
    day, night, sunset = floor_light(light)
    assert (night < day).all()
    assert sunset[0] / sunset[2] > 1.2 * day[0] / day[2]
