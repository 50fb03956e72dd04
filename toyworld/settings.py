"""The places and times of day of scenes: colours of sky, floor and light."""

from __future__ import annotations

from dataclasses import dataclass

RGB = tuple[float, float, float]
Direction = tuple[float, float, float]


@dataclass(frozen=True, kw_only=True)
class Setting:
    """Describe how one setting looks; colours are display RGB in [0, 1].

    Args:
        zenith, horizon: sky colours above and just over the ridge.
        ridge: colour of the far ridge (hills or trees), `ridge_height` its elevation (slope),
            `ridge_roughness` how much its crest varies, `ridge_waves` how often.
        floor_near, floor_far: floor colours at the camera's feet and at the horizon.
        floor_texture: relative amplitude of the floor's soft patches.
        light: direction towards the light (any length); `light_colour` and `ambient_colour` are
            its contribution to a white surface facing it, and the sky's to one facing the sky.
        disc: direction towards a drawn sun or moon, `disc_colour` its colour, `disc_size` its
            angular radius and `disc_glow` the glow's, in radians.
        shadow: the share of light that a contact shadow takes away.
    """

    zenith: RGB
    horizon: RGB
    ridge: RGB
    ridge_height: float
    ridge_roughness: float
    ridge_waves: float
    floor_near: RGB
    floor_far: RGB
    floor_texture: float
    light: Direction
    light_colour: RGB
    ambient_colour: RGB
    disc: Direction = (0.0, 1.0, 0.0)
    disc_colour: RGB = (1.0, 1.0, 1.0)
    disc_size: float = 0.0
    disc_glow: float = 0.05
    shadow: float = 0.5


SETTINGS: dict[str, Setting] = {
    "at day": Setting(
        zenith=(0.30, 0.56, 0.92),
        horizon=(0.76, 0.88, 0.98),
        ridge=(0.50, 0.63, 0.72),
        ridge_height=0.035,
        ridge_roughness=0.6,
        ridge_waves=5.0,
        floor_near=(0.78, 0.70, 0.56),
        floor_far=(0.70, 0.68, 0.62),
        floor_texture=0.06,
        light=(-0.55, 0.85, -0.95),
        light_colour=(0.76, 0.75, 0.72),
        ambient_colour=(0.45, 0.46, 0.49),
    ),
    "at sunset": Setting(
        zenith=(0.36, 0.24, 0.50),
        horizon=(0.99, 0.60, 0.30),
        ridge=(0.40, 0.20, 0.32),
        ridge_height=0.05,
        ridge_roughness=0.7,
        ridge_waves=4.0,
        floor_near=(0.40, 0.27, 0.38),
        floor_far=(0.58, 0.37, 0.38),
        floor_texture=0.08,
        light=(0.80, 0.60, -0.80),
        light_colour=(0.80, 0.63, 0.48),
        ambient_colour=(0.40, 0.34, 0.38),
        disc=(0.20, 0.115, 1.0),
        disc_colour=(1.0, 0.90, 0.55),
        disc_size=0.055,
        disc_glow=0.16,
    ),
    "at night": Setting(
        zenith=(0.02, 0.03, 0.12),
        horizon=(0.10, 0.14, 0.32),
        ridge=(0.04, 0.06, 0.15),
        ridge_height=0.045,
        ridge_roughness=0.5,
        ridge_waves=6.0,
        floor_near=(0.20, 0.25, 0.42),
        floor_far=(0.13, 0.17, 0.34),
        floor_texture=0.10,
        light=(-0.60, 0.80, -0.90),
        light_colour=(0.68, 0.68, 0.72),
        ambient_colour=(0.29, 0.30, 0.35),
        disc=(-0.24, 0.13, 1.0),
        disc_colour=(0.94, 0.95, 0.88),
        disc_size=0.045,
        disc_glow=0.07,
        shadow=0.45,
    ),
    "in the snow": Setting(
        zenith=(0.62, 0.70, 0.80),
        horizon=(0.86, 0.90, 0.94),
        ridge=(0.70, 0.77, 0.86),
        ridge_height=0.11,
        ridge_roughness=0.8,
        ridge_waves=4.5,
        floor_near=(0.80, 0.86, 0.93),
        floor_far=(0.88, 0.92, 0.96),
        floor_texture=0.04,
        light=(0.55, 0.90, -0.90),
        light_colour=(0.70, 0.70, 0.70),
        ambient_colour=(0.48, 0.50, 0.53),
        shadow=0.42,
    ),
    "in the jungle": Setting(
        zenith=(0.36, 0.52, 0.26),
        horizon=(0.66, 0.78, 0.46),
        ridge=(0.07, 0.22, 0.09),
        ridge_height=0.15,
        ridge_roughness=0.9,
        ridge_waves=11.0,
        floor_near=(0.36, 0.31, 0.17),
        floor_far=(0.24, 0.31, 0.13),
        floor_texture=0.16,
        light=(-0.45, 0.95, -0.80),
        light_colour=(0.72, 0.74, 0.60),
        ambient_colour=(0.40, 0.43, 0.34),
        shadow=0.5,
    ),
}
