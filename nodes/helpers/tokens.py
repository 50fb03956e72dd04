"""What travels on a SPACETIME_TOKENS socket: packed tokens and each clip's LATENT keys."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ...models.patchify import Tokens, patchify, unpatchify

TOKENS = "SPACETIME_TOKENS"


@dataclass(frozen=True, eq=False)
class TokenSocket:
    """Packed clips with what their LATENTs carried beside the samples (fps, loop ...)."""

    tokens: Tokens
    extras: tuple[Mapping[str, Any], ...]

    def with_tokens(self, tokens: Tokens) -> "TokenSocket":
        """The same clips with other contents."""
        return replace(self, tokens=tokens)


def pack(latents: Sequence[Mapping[str, Any]]) -> TokenSocket:
    """LATENTs -> one packed sequence.

    Raises:
        ValueError: a LATENT is no video latent, has a mask, or they do not fit together.
    """
    for latent in latents:
        if "noise_mask" in latent:
            raise ValueError(
                "a latent with a noise mask cannot be sampled as patches yet: use Sample, or take "
                "the mask off"
            )
        shape = tuple(latent["samples"].shape)
        if len(shape) != 5:
            raise ValueError(
                f"a latent of shape {shape} is no video latent (batch, channels, frames, rows, "
                "columns): use Empty Video or Encode Video"
            )
    tokens = patchify(
        [latent["samples"] for latent in latents],
        loops=[bool(latent.get("loop", False)) for latent in latents],
    )
    return TokenSocket(tokens, tuple(without_samples(latent) for latent in latents))


def unpack(socket: TokenSocket) -> list[dict[str, Any]]:
    """One LATENT per packed clip."""
    latents = unpatchify(socket.tokens)
    return [
        {**extras, "samples": samples}
        for samples, extras in zip(latents, socket.extras, strict=True)
    ]


def without_samples(latent: Mapping[str, Any]) -> dict[str, Any]:
    """The keys of a LATENT beside its samples."""
    return {key: value for key, value in latent.items() if key != "samples"}
