"""Exact intersections of rays with the four unit solids, each one unit high, centred on 0.

Every function takes ray origins and directions as (3, ...) in the solid's own frame, which may
broadcast. It returns the distance along the ray to the nearest entry (...), infinite where the
ray misses, and the outward unit normal there (3, ...). Rays must start outside the solids.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from .scene import SHAPES


class Hit(NamedTuple):
    """Distance along the ray (...), infinite for a miss, and the unit normal (3, ...)."""

    distance: Tensor
    normal: Tensor


SPHERE_RADIUS = 0.5
CUBE_HALF_SIDE = 0.43
CYLINDER_RADIUS = 0.43
CONE_RADIUS = 0.52
HALF_HEIGHT = {"sphere": 0.5, "cube": CUBE_HALF_SIDE, "cylinder": 0.5, "cone": 0.5}
"""Half the height of each solid at size 1, in units."""

HALF_WIDTH = {
    "sphere": SPHERE_RADIUS,
    "cube": CUBE_HALF_SIDE * 2**0.5,
    "cylinder": CYLINDER_RADIUS,
    "cone": CONE_RADIUS,
}
"""The radius of the upright cylinder that encloses each solid at size 1, in units."""


def reach(shape: str, rotation: Tensor) -> Tensor:
    """Return the half extents (..., 3) of a rotated solid of size 1 along the world axes.

    Exact for spheres, cubes and cylinders; cones count as their enclosing cylinder.
    """
    if shape == "sphere":
        return torch.full_like(rotation[..., 0], SPHERE_RADIUS)
    if shape == "cube":
        return CUBE_HALF_SIDE * rotation.abs().sum(dim=-1)
    axis = rotation[..., 1]
    across = (1 - axis * axis).clamp(min=0).sqrt()
    return HALF_HEIGHT[shape] * axis.abs() + HALF_WIDTH[shape] * across


def hit_sphere(origin: Tensor, direction: Tensor) -> Hit:
    """Intersect with the sphere."""
    a = _dot(direction, direction)
    b = _dot(origin, direction)
    c = _dot(origin, origin) - SPHERE_RADIUS**2
    distance = _first_root(a, b, c)
    return Hit(distance, (origin + _finite(distance) * direction) / SPHERE_RADIUS)


def hit_cube(origin: Tensor, direction: Tensor) -> Hit:
    """Intersect with the cube by slabs (Kay and Kajiya, 1986)."""
    safe = torch.where(direction.abs() < 1e-9, 1e-9, direction)
    middle, half = -origin / safe, CUBE_HALF_SIDE / safe.abs()
    entry, axis = (middle - half).max(dim=0)
    leave = (middle + half).amin(dim=0)
    distance = torch.where((entry <= leave) & (entry > 0), entry, torch.inf)
    axes = torch.arange(3, device=axis.device).reshape(3, *(1 for _ in axis.shape))
    return Hit(distance, (axis == axes) * -direction.sign())


def hit_cylinder(origin: Tensor, direction: Tensor) -> Hit:
    """Intersect with the upright cylinder."""
    a, b, c = _flat_quadratic(origin, direction, CYLINDER_RADIUS**2)
    side = _first_root(a, b, c)
    point = origin + _finite(side) * direction
    side = torch.where(point[1].abs() <= HALF_HEIGHT["cylinder"], side, torch.inf)
    normal = torch.stack((point[0], torch.zeros_like(side), point[2])) / CYLINDER_RADIUS
    return _with_cap(Hit(side, normal), origin, direction, CYLINDER_RADIUS)


def hit_cone(origin: Tensor, direction: Tensor) -> Hit:
    """Intersect with the upright cone, with its tip at +0.5 and its base at -0.5."""
    below, fall = HALF_HEIGHT["cone"] - origin[1], -direction[1]
    a, b, c = _flat_quadratic(origin, direction, 0.0)
    square = CONE_RADIUS**2
    a, b, c = a - square * fall * fall, b - square * below * fall, c - square * below * below
    distance = torch.full_like(direction[0], torch.inf)
    root = (b * b - a * c).clamp(min=0).sqrt()
    stable = -b - root.copysign(b)
    for candidate in (stable / a, c / stable):
        down = below + candidate * fall
        good = (b * b >= a * c) & (candidate > 0) & (down >= 0) & (down <= 1)
        distance = torch.where(good & (candidate < distance), candidate, distance)
    point = origin + _finite(distance) * direction
    width = (point[0] ** 2 + point[2] ** 2).sqrt().clamp(min=1e-6)
    slope = (1 + square) ** -0.5
    upward = torch.full_like(width, CONE_RADIUS * slope)
    normal = torch.stack((point[0] / width * slope, upward, point[2] / width * slope))
    return _with_cap(Hit(distance, normal), origin, direction, CONE_RADIUS, cap=-1.0)


INTERSECTIONS: dict[str, Callable[[Tensor, Tensor], Hit]] = dict(
    zip(SHAPES, (hit_sphere, hit_cube, hit_cylinder, hit_cone), strict=True)
)


def _with_cap(side: Hit, origin: Tensor, direction: Tensor, radius: float, cap: float = 0.0) -> Hit:
    """Add the flat end that faces the ray, or, if `cap` is not 0, only the one on that side."""
    facing = torch.full_like(direction[1], cap) if cap else -direction[1].sign()
    fall = torch.where(direction[1].abs() < 1e-9, 1e-9, direction[1])
    distance = (facing * 0.5 - origin[1]) / fall
    point = origin + distance * direction
    inside = point[0] ** 2 + point[2] ** 2 <= radius**2
    nearer = inside & (distance > 0) & (distance < side.distance)
    flat = torch.stack((torch.zeros_like(facing), facing, torch.zeros_like(facing)))
    return Hit(torch.where(nearer, distance, side.distance), torch.where(nearer, flat, side.normal))


def _flat_quadratic(
    origin: Tensor, direction: Tensor, square: float
) -> tuple[Tensor, Tensor, Tensor]:
    a = direction[0] ** 2 + direction[2] ** 2
    b = origin[0] * direction[0] + origin[2] * direction[2]
    return a, b, origin[0] ** 2 + origin[2] ** 2 - square


def _first_root(a: Tensor, b: Tensor, c: Tensor) -> Tensor:
    """Return the smaller root of a x^2 + 2 b x + c; infinite if there is none or it is behind."""
    inside = b * b - a * c
    root = (-b - inside.clamp(min=0).sqrt()) / a
    return torch.where((inside >= 0) & (root > 0), root, torch.inf)


def _dot(first: Tensor, second: Tensor) -> Tensor:
    return first[0] * second[0] + first[1] * second[1] + first[2] * second[2]


def _finite(distance: Tensor) -> Tensor:
    return torch.where(distance.isfinite(), distance, 0.0)
