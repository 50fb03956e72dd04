"""Pictures of solids fitted to objects, all forms at once or one alone."""

import pytest
import torch

from spacetime_video.measure.scores.finding import find_objects
from spacetime_video.measure.scores.fitting import fit_form, fit_forms, picture_of
from spacetime_video.measure.scores.scenery import read_scenery, soften
from spacetime_video.measure.scores.sprites import FORMS
from spacetime_video.toyworld import SHAPES, Scene, SceneObject, render


def fitted(shape):
    """A turned solid's picture, mask, look and true track."""
    thing = SceneObject(
        shape=shape, colour="blue", motion="spins", speed=2.0, x=0.4, z=6.5, yaw=0.3
    )
    clip = render([Scene(objects=(thing,))], frames=5, height=64, width=64)
    video = soften(clip.video[0])
    scenery = read_scenery(video)
    (found,) = find_objects(video, scenery)
    mask = found.mask
    picture = picture_of(video, scenery, torch.zeros_like(mask).bool(), torch.ones_like(mask))
    return picture, mask, (scenery.setting, scenery.style, found.colour), clip.tracks[0, :, 0]


@pytest.mark.parametrize("shape", SHAPES)
def test_the_right_form_fits_best_and_where_it_is(shape):
    picture, mask, look, track = fitted(shape)
    fits = fit_forms(picture, mask, look)
    assert sorted(fit.form for fit in fits) == sorted(FORMS)
    best = min(fits, key=lambda fit: float(fit.misfit.amin(dim=1).mean()))
    assert best.form == shape
    assert (best.placing.x - track[:, 0]).abs().max() < 0.6
    assert (best.placing.y - track[:, 1]).abs().max() < 0.6


def test_forms_do_not_influence_each_other():
    picture, mask, look, _ = fitted("cone")
    for fit in fit_forms(picture, mask, look):
        alone = fit_form(picture, mask, look, fit.form)
        torch.testing.assert_close(alone.placing, fit.placing, atol=1e-3, rtol=0)
        torch.testing.assert_close(alone.misfit, fit.misfit, atol=1e-2, rtol=1e-3)
