"""Text to token ids with a sentencepiece model, which is stored inside the weights file."""

from __future__ import annotations

import html
import io
import tempfile
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import sentencepiece
import torch
from torch import Tensor

PAD, EOS, UNKNOWN = 0, 1, 2
TOKENIZER_KEY = "spiece_model"
_SINGLE_QUOTES = dict.fromkeys([0x02BC, *range(0x2018, 0x201C)], "'")
_DOUBLE_QUOTES = dict.fromkeys(range(0x201C, 0x2020), '"')


def clean_text(text: str) -> str:
    """Undo HTML escapes (twice), straighten quotes, compose (NFC) and collapse whitespace.

    The published models were trained on text that `ftfy` repaired first. This does the part that
    matters for typed text, without the dependency: wrongly decoded text is not repaired.
    """
    text = html.unescape(html.unescape(text))
    text = text.translate(_SINGLE_QUOTES | _DOUBLE_QUOTES)
    return " ".join(unicodedata.normalize("NFC", text).split())


class Tokenizer:
    """A sentencepiece model with T5's conventions: pad 0, end of text 1, unknown 2, no start.

    Args:
        model_bytes: contents of a sentencepiece model file.
        max_length: tokens per text, including the end-of-text token.

    Raises:
        ValueError: the bytes are not a sentencepiece model, or `max_length` is below 1.
    """

    def __init__(self, model_bytes: bytes, max_length: int) -> None:
        if max_length < 1:
            raise ValueError(f"max_length is {max_length}: at least the end-of-text token must fit")
        self.model_bytes = model_bytes
        self.max_length = max_length
        self._processor = _load(model_bytes)

    @property
    def vocab_size(self) -> int:
        """Number of pieces in the model."""
        return self._processor.vocab_size()

    def encode(self, text: str) -> list[int]:
        """Return the ids of the cleaned text, cut to `max_length`; the last id is always EOS."""
        return [*self.pieces(text)[: self.max_length - 1], EOS]

    def pieces(self, text: str) -> list[int]:
        """Return all ids of the cleaned text, without an end of text."""
        return self._processor.encode(clean_text(text))

    def batch(self, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Encode texts and pad them to `max_length`.

        Returns:
            token_ids (B, max_length) int64 and mask (B, max_length) bool, True where valid.
        """
        token_ids = torch.full((len(texts), self.max_length), PAD)
        mask = torch.zeros(len(texts), self.max_length, dtype=torch.bool)
        for row, text in enumerate(texts):
            ids = self.encode(text)
            token_ids[row, : len(ids)] = torch.tensor(ids)
            mask[row, : len(ids)] = True
        return token_ids, mask

    def unknown_words(self, text: str) -> list[str]:
        """List the words that the model cannot spell in its pieces, each once and in order."""
        unknown = self._processor.unk_id()
        words = dict.fromkeys(clean_text(text).split())
        return [word for word in words if unknown in self._processor.encode(word)]


def _load(model_bytes: bytes) -> sentencepiece.SentencePieceProcessor:
    try:
        processor = sentencepiece.SentencePieceProcessor(model_proto=model_bytes)
    except RuntimeError as error:
        raise ValueError(
            f"the {len(model_bytes)} bytes of the tokenizer are not a sentencepiece model: use "
            "the spiece.model that belongs to the text encoder"
        ) from error
    found = processor.pad_id(), processor.eos_id(), processor.unk_id()
    if found != (PAD, EOS, UNKNOWN):
        raise ValueError(
            f"the tokenizer's pad, end and unknown ids are {found}, expected "
            f"{(PAD, EOS, UNKNOWN)}: use the model that belongs to a T5 or UMT5 encoder"
        )
    return processor


def tokenizer_to_tensor(model_bytes: bytes) -> Tensor:
    """Return the model's bytes as a uint8 tensor, to store under `TOKENIZER_KEY`."""
    return torch.from_numpy(np.frombuffer(model_bytes, dtype=np.uint8).copy())


def tokenizer_from_tensor(tensor: Tensor, max_length: int) -> Tokenizer:
    """Build the tokenizer that a weights file stores as a uint8 tensor."""
    if tensor.dtype != torch.uint8:
        raise ValueError(
            f"a tokenizer is stored as a uint8 tensor, got {tensor.dtype}: "
            f"check {TOKENIZER_KEY!r} of the weights file"
        )
    return Tokenizer(tensor.cpu().numpy().tobytes(), max_length)


def train_tokenizer(sentences: Iterable[str], vocab_size: int) -> bytes:
    """Train a tokenizer with one piece per word, most frequent first, for a small grammar.

    It ignores letter case and the marks .,;:!?; a word outside the sentences is unknown.

    Args:
        sentences: the training text.
        vocab_size: most pieces, including the three special ones.

    Returns:
        The sentencepiece model's bytes.
    """
    model = io.BytesIO()
    with tempfile.TemporaryDirectory() as folder:
        rules = Path(folder) / "rules.tsv"
        rules.write_text(_word_rules(), encoding="utf-8")
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter([clean_text(sentence) for sentence in sentences]),
            model_writer=model,
            model_type="word",
            vocab_size=vocab_size,
            hard_vocab_limit=False,
            normalization_rule_tsv=str(rules),
            character_coverage=1.0,
            pad_id=PAD,
            eos_id=EOS,
            unk_id=UNKNOWN,
            bos_id=-1,
            num_threads=1,
            minloglevel=2,
        )
    trace = str(rules).encode()  # the trainer records the file's path: blank it, for equal bytes
    return model.getvalue().replace(trace, b"-" * len(trace))


def _word_rules() -> str:
    """Sentencepiece normalisation rules: capitals to lower case, marks to spaces."""
    pairs = [(letter, letter.lower()) for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"]
    pairs += [(mark, " ") for mark in ".,;:!?"]
    return "".join(f"{ord(old):X}\t{ord(new):X}\n" for old, new in pairs)
