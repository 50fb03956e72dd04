import io

import pytest
import sentencepiece

SENTENCES = [
    f"{size} {colour} {thing} moves {way} at {hour}, slowly."
    for size in ("a small", "a large", "the old")
    for colour in ("red", "green", "blue", "yellow")
    for thing in ("cube", "sphere", "cone", "cylinder")
    for way in ("left", "right", "up", "down")
    for hour in ("night", "noon", "dawn")
]


@pytest.fixture(scope="session")
def sentences():
    return SENTENCES


@pytest.fixture(scope="session")
def unigram_model():
    """A sentencepiece model of the published kind: sub-word pieces, T5's special ids."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(SENTENCES),
        model_writer=model,
        vocab_size=60,
        hard_vocab_limit=False,
        pad_id=0,
        eos_id=1,
        unk_id=2,
        bos_id=-1,
        num_threads=1,
        minloglevel=2,
    )
    return model.getvalue()
