"""Denoiser, Sample Patches and Sample: bind the model to its prompts, and run the sampler."""

from collections.abc import Mapping
from typing import Any

from ...hosts import host, io
from ...hosts.keys import PROMPT_KEY
from ...models.patchify import Tokens, patchify, unpatchify
from ...samplers.noise.sources import draw_noise, step_noise_of
from ...timeline import softened
from ..helpers.edits import check_edit
from ..helpers.references import with_room
from ..helpers.search import search_words
from ..helpers.start import begun, gives, repeats_steps, with_noise, with_repetitions
from ..helpers.tokens import TOKENS, TokenSocket, fit_tokens, unpack
from ..helpers.trained import warn_if_untrained, warn_of_distillation


def sampling_inputs(what: Any) -> list[Any]:
    """Inputs of a sampling node; ``what`` it samples comes last."""
    return [
        io.Guider.Input("guider", tooltip="The model with its prompts, from Denoiser."),
        io.Noise.Input("noise", tooltip="The noise the video starts from, from Noise."),
        io.Sampler.Input("sampler", tooltip="How to step between noise levels, from Solver."),
        io.Sigmas.Input("sigmas", tooltip="The noise levels to visit, from Schedule."),
        what,
    ]


class SpacetimeDenoiser(io.ComfyNode):
    """Bind the model to its prompts and guidance."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeDenoiser",
            display_name="Denoiser",
            category="Spacetime/Sampling",
            description="Combines the diffusion transformer with its prompts: predicts the clean "
            "video from a noisy one, with classifier-free guidance.",
            **search_words("cfg guider", "guidance", "classifier-free guidance"),
            inputs=[
                io.Model.Input("model", tooltip="The diffusion transformer, from Load Models."),
                io.Conditioning.Input("positive", tooltip="What the video should show."),
                io.Conditioning.Input(
                    "negative", tooltip="What the video should avoid; usually an empty prompt."
                ),
                io.Float.Input(
                    "guidance",
                    default=4.0,
                    min=0.0,
                    max=100.0,
                    step=0.1,
                    tooltip="How strongly the prompt is followed (CFG). At 1 the negative prompt "
                    "is not evaluated and sampling takes half the time.",
                ),
            ],
            outputs=[
                io.Guider.Output(display_name="GUIDER", tooltip="For Sample or Sample Patches.")
            ],
        )

    @classmethod
    def execute(cls, model: Any, positive: Any, negative: Any, guidance: float) -> io.NodeOutput:
        """Bind the model to its prompts."""
        _check_prompt(positive, guidance)
        return io.NodeOutput(host().sampling.make_guider(model, positive, negative, guidance))


def _check_prompt(positive: Any, guidance: float) -> None:
    """Reject guidance towards an empty prompt; conditioning of other nodes has no known text."""
    texts = [options.get(PROMPT_KEY) for _, options in positive]
    if guidance != 1 and texts and all(text is not None and not text.strip() for text in texts):
        raise ValueError(
            f"the positive prompt is empty, so there is nothing for guidance {guidance:g} to "
            "follow: write what the video should show, or set guidance to 1 for a clip without a "
            "prompt"
        )


class SpacetimeSamplePatches(io.ComfyNode):
    """Sample packed tokens."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeSamplePatches",
            display_name="Sample Patches",
            category="Spacetime/Sampling",
            description="Runs the solver on spacetime patches; all packed clips are sampled in one "
            "run.",
            **search_words("sampler custom advanced", "sample tokens", "packed sampling"),
            inputs=sampling_inputs(
                io.Custom(TOKENS).Input("tokens", tooltip="The clips to sample, from Patchify.")
            ),
            outputs=[
                io.Custom(TOKENS).Output(
                    display_name=TOKENS, tooltip="The finished tokens, for Unpatchify."
                )
            ],
        )

    @classmethod
    def execute(
        cls, guider: Any, noise: Any, sampler: Any, sigmas: Any, tokens: TokenSocket
    ) -> io.NodeOutput:
        """Draw each clip's noise, pack it and sample."""
        warn_of_distillation(guider, sampler)
        check_edit(guider, sampler, unpack(tokens))
        tokens = fit_tokens(tokens, lambda latent: host().sampling.fit_latent(guider, latent))
        warn_if_untrained(guider, unpack(tokens))
        levels = begun(guider, sigmas, unpack(tokens))
        if len(levels) == 1 < len(sigmas):
            return io.NodeOutput(tokens)
        start, extras = _token_noise(noise, tokens), [softened(each) for each in tokens.extras]
        guider, sampler = with_noise(
            guider, sampler, lambda step: _token_noise(noise, tokens, step + 1).values
        )
        sampled = host().sampling.sample_tokens(
            guider, start, sampler, levels, tokens.tokens, extras, noise.seed
        )
        return io.NodeOutput(tokens.with_tokens(sampled))


def _token_noise(noise: Any, tokens: TokenSocket, draw: int = 0) -> Tokens:
    drawn = [
        draw_noise(noise, {**extras, "samples": latent}, draw)
        for latent, extras in zip(unpatchify(tokens.tokens), tokens.extras, strict=True)
    ]
    return patchify(drawn, patch=tokens.tokens.patch)


class SpacetimeSample(io.ComfyNode):
    """Sample a latent."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeSample",
            display_name="Sample",
            category="Spacetime/Sampling",
            description="Runs the solver directly on a latent, without Patchify.",
            **search_words("ksampler", "sampler custom advanced", "denoise"),
            inputs=sampling_inputs(
                io.Latent.Input(
                    "latent",
                    tooltip="The clip to sample, from Empty Video, Encode Video or a timeline "
                    "node.",
                )
            ),
            outputs=[
                io.Latent.Output(
                    display_name="LATENT",
                    tooltip="The finished latent, for Decode Video or Decode Timeline.",
                )
            ],
        )

    @classmethod
    def execute(
        cls, guider: Any, noise: Any, sampler: Any, sigmas: Any, latent: Mapping[str, Any]
    ) -> io.NodeOutput:
        """Draw the noise and sample."""
        warn_of_distillation(guider, sampler)
        check_edit(guider, sampler, [latent])
        latent = host().sampling.fit_latent(guider, latent)
        warn_if_untrained(guider, [latent])
        levels = begun(guider, sigmas, [latent])
        if len(levels) == 1 < len(sigmas):
            return io.NodeOutput(latent)
        about = host().sampling.about(guider)
        made = with_room(softened(latent), about.references, about.time_factor)
        draws = step_noise_of(noise, made)
        guider, sampler = with_noise(guider, sampler, draws)
        if gives(latent) and repeats_steps(guider):
            sampler = with_repetitions(guider, sampler, draws)
        samples = host().sampling.sample(
            guider, noise.generate_noise(made), sampler, levels, made, noise.seed
        )
        kept = samples[:, :, about.references :] if about.references else samples
        return io.NodeOutput({**latent, "samples": kept})


NODES: list[type[Any]] = [SpacetimeDenoiser, SpacetimeSamplePatches, SpacetimeSample]
