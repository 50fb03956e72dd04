"""Patchify and Unpatchify: pack latents of any size into one token sequence, and unpack it."""

from typing import Any

from ...hosts import io
from ..helpers.search import search_words
from ..helpers.tokens import TOKENS, pack, unpack


class SpacetimePatchify(io.ComfyNode):
    """Cut latents into spacetime patches."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimePatchify",
            display_name="Patchify",
            category="Spacetime/Patches",
            description="Cuts a latent into spacetime patches, the tokens that the transformer "
            "processes. A list of latents, even of different sizes and lengths, becomes one "
            "packed sequence in which no clip sees another.",
            **search_words("latent to tokens", "spacetime patches", "pack clips"),
            is_input_list=True,
            inputs=[io.Latent.Input("latent", tooltip="One latent, or a list of them.")],
            outputs=[
                io.Custom(TOKENS).Output(
                    display_name=TOKENS, tooltip="All clips as one packed token sequence."
                )
            ],
        )

    @classmethod
    def execute(cls, latent: list[dict[str, Any]]) -> io.NodeOutput:
        """Pack the latents."""
        return io.NodeOutput(pack(latent))


class SpacetimeUnpatchify(io.ComfyNode):
    """Reassemble spacetime patches into latents."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeUnpatchify",
            display_name="Unpatchify",
            category="Spacetime/Patches",
            description="Reassembles spacetime patches into latents, one per packed clip.",
            **search_words("tokens to latent", "unpack clips"),
            inputs=[io.Custom(TOKENS).Input("tokens", tooltip="Tokens from Patchify.")],
            outputs=[
                io.Latent.Output(
                    display_name="LATENT",
                    is_output_list=True,
                    tooltip="One latent per clip; the nodes after this one run once for each.",
                )
            ],
        )

    @classmethod
    def execute(cls, tokens: Any) -> io.NodeOutput:
        """Unpack the clips."""
        return io.NodeOutput(unpack(tokens))


NODES: list[type[Any]] = [SpacetimePatchify, SpacetimeUnpatchify]
