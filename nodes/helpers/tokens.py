"""The value of a SPACETIME_TOKENS socket: packed tokens and each clip's LATENT keys."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from ...models.patchify import Tokens, patchify, unpatchify
from ...samplers.checks import check_one_stream

TOKENS = "SPACETIME_TOKENS"


@dataclass(frozen=True, eq=False)
class TokenSocket:
    """Packed clips, and what else their LATENTs carry (fps, loop ...)."""

    tokens: Tokens
    extras: tuple[Mapping[str, Any], ...]

    def with_tokens(self, tokens: Tokens) -> "TokenSocket":
        """The same clips with other tokens."""
        return replace(self, tokens=tokens)


def pack(latents: Sequence[Mapping[str, Any]]) -> TokenSocket:
    """Pack LATENTs into one sequence; image latents (B, C, H, W) are clips of one frame.

    Raises:
        ValueError: a LATENT is not a video latent, or the LATENTs do not go together.
    """
    for latent in latents:
        check_one_stream(latent["samples"], "use Sample, which takes it as it is")
        shape = tuple(latent["samples"].shape)
        if len(shape) not in (4, 5):
            raise ValueError(
                f"a latent of shape {shape} is not a video latent (batch, channels, frames, "
                "rows, columns): use Empty Video or Encode Video"
            )
    tokens = patchify(
        [_as_video(latent["samples"]) for latent in latents],
        loops=[bool(latent.get("loop", False)) for latent in latents],
    )
    return TokenSocket(tokens, tuple(without_samples(latent) for latent in latents))


def fit_tokens(
    socket: TokenSocket, fit: Callable[[Mapping[str, Any]], Mapping[str, Any]]
) -> TokenSocket:
    """Convert the clips to the model's latents with ``fit``, see ``Sampling.fit_latent``.

    Raises:
        ValueError: the clips are another family's.
    """
    latents = unpack(socket)
    fitted = [fit(latent) for latent in latents]
    pairs = zip(latents, fitted, strict=True)
    same = all(given["samples"] is made["samples"] for given, made in pairs)
    return socket if same else pack(fitted)


def _as_video(samples: Tensor) -> Tensor:
    return samples.unsqueeze(2) if samples.ndim == 4 else samples


def unpack(socket: TokenSocket) -> list[dict[str, Any]]:
    """One LATENT per packed clip."""
    latents = unpatchify(socket.tokens)
    return [
        {**extras, "samples": samples}
        for samples, extras in zip(latents, socket.extras, strict=True)
    ]


def without_samples(latent: Mapping[str, Any]) -> dict[str, Any]:
    """All keys of a LATENT except its samples."""
    return {key: value for key, value in latent.items() if key != "samples"}
