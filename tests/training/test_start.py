"""What a run begins with: weights that were given, grown to other sizes without a change."""

from dataclasses import replace

import pytest
import torch

from spacetime_video.model_loaders.load import DiTWeights, TextWeights
from spacetime_video.model_loaders.tokenizer import Tokenizer
from spacetime_video.models.latent_format import LatentFormat
from spacetime_video.models.text.t5 import T5Encoder, initialise
from spacetime_video.training import start as starts
from spacetime_video.training.denoiser import PromptedDiT, predict
from spacetime_video.training.start import Start, block_places, fit_text, grown, network_of
from spacetime_video.training.start import single_captions as captions_of_singles

from .conftest import DIT, TEXT
from .test_denoiser import batch, randomise

NEW_TEXT = replace(TEXT, layers=2, qk_norm=True, positions=6)
LATENT = LatentFormat(channels=4, mean=(0.0,) * 4, std=(1.0,) * 4)


@pytest.fixture
def old(model: PromptedDiT, tokenizer: Tokenizer) -> Start:
    randomise(model)
    return Start(
        DiTWeights(DIT, LATENT, model.dit.state_dict(), {}),
        TextWeights(TEXT, model.text.state_dict(), tokenizer, {}),
    )


def test_new_blocks_change_nothing(old: Start) -> None:
    new = grown(old, replace(DIT, layers=5), TEXT)
    clips, sigma = batch(), torch.full((6,), 0.6)
    before, after = (predict(network_of(each), clips, clips.clean, sigma) for each in (old, new))
    assert torch.equal(before, after)
    assert new.dit.config.layers == 5


def test_blocks_are_spread_and_keep_their_ends() -> None:
    assert block_places(6, 8) == [0, 1, 3, 4, 6, 7]
    assert block_places(2, 5) == [0, 4]
    assert block_places(4, 4) == [0, 1, 2, 3]


@pytest.mark.parametrize("other", [{"dim": 48}, {"layers": 1}])
def test_only_blocks_can_be_added(old: Start, other: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="only blocks can be added"):
        grown(old, replace(DIT, **other), TEXT)


def test_a_text_encoder_is_fitted_to_what_another_makes(tokenizer: Tokenizer) -> None:
    g = torch.Generator().manual_seed(0)
    teacher, student = T5Encoder(TEXT), T5Encoder(NEW_TEXT)
    initialise(teacher, g)
    initialise(student, g)
    captions = ["a red sphere", "a blue cube", "a blue sphere", "a red cube moves"]
    first = fit_text(student, teacher, tokenizer, captions, g, steps=1)
    assert fit_text(student, teacher, tokenizer, captions, g, steps=300) < 0.02 < first


def test_another_text_encoder_takes_over(old: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(starts, "single_captions", lambda numbers: ["a red sphere", "a blue cube"])
    monkeypatch.setattr(starts, "FIT_STEPS", 300)
    new = grown(old, DIT, NEW_TEXT)
    assert new.text.config == NEW_TEXT
    assert new.dit is old.dit
    assert torch.equal(new.text.state["shared.weight"], old.text.state["shared.weight"]) is False
    ids, mask = old.text.tokenizer.batch(["a red sphere"])
    made = [network_of(each).context(ids, mask) for each in (old, new)]
    assert float((made[0] - made[1]).norm() / made[0].norm()) < 0.1


def test_captions_of_single_objects_tell_of_one() -> None:
    captions = captions_of_singles(range(30))
    assert len(captions) == len(set(captions))
    assert not any(" and " in caption for caption in captions)
