"""Load Models: load a diffusion transformer, its text encoder and its VAE."""

from collections.abc import Callable
from functools import partial
from typing import Any

from ...hosts import host, io
from ...model_loaders.family import Kind
from ...model_loaders.files import Tick
from ...model_loaders.fit import check_fit, check_together, look_at
from ...model_loaders.load import read_dit, read_text_encoder, read_vae
from ..helpers.advanced import advanced
from ..helpers.refusal import refusal
from ..helpers.search import search_words
from ..helpers.weight_files import weight_names, weight_path

PARTS = 100
"""Progress-bar ticks for each file."""

FOLDERS = {"model": "diffusion_models", "text_encoder": "text_encoders", "vae": "vae"}
KINDS: dict[str, Kind] = {"model": "dit", "text_encoder": "text_encoder", "vae": "vae"}

DTYPES = ["auto", "fp32", "bf16", "fp16"]
TEXT_DTYPES = {"fp16": "fp32"}
"""The published UMT5 overflows in fp16, so with ``dtype`` fp16 its encoder computes in fp32."""


def _combo(id: str, folder: str, what: str) -> Any:
    names = weight_names(folder)
    return io.Combo.Input(
        id,
        options=names,
        default=names[0],
        tooltip=f"{what}: a safetensors file from models/{folder}, or the included tiny one.",
    )


class SpacetimeLoadModels(io.ComfyNode):
    """Load the three parts of a video model."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeLoadModels",
            display_name="Load Models (Wan 2.1, Wan 2.2, Tiny)",
            category="Spacetime/Load",
            description="Loads a video diffusion transformer, its text encoder and its VAE. The "
            "defaults are the included tiny weights.",
            **search_words(
                "checkpoint loader",
                "load diffusion model",
                "unet loader",
                "load clip",
                "load vae",
                "wan video",
                "wan t2v",
            ),
            inputs=[
                _combo("model", "diffusion_models", "Diffusion transformer"),
                _combo("text_encoder", "text_encoders", "Text encoder with its tokenizer"),
                _combo("vae", "vae", "Video VAE"),
                io.Combo.Input(
                    "dtype",
                    options=DTYPES,
                    default="auto",
                    **advanced(),
                    tooltip="Number format for computation; auto picks one that is fast on this "
                    "machine.",
                ),
            ],
            outputs=[
                io.Model.Output(display_name="MODEL", tooltip="The diffusion transformer."),
                io.Clip.Output(display_name="CLIP", tooltip="The text encoder."),
                io.Vae.Output(display_name="VAE", tooltip="The video VAE."),
            ],
        )

    @classmethod
    def validate_inputs(cls, model: str | None, text_encoder: str | None, vae: str | None) -> Any:
        """Reject missing, unknown or mismatched files, going by their headers."""
        chosen = {"model": model, "text_encoder": text_encoder, "vae": vae}
        problems, parts = [], {}
        for part, name in chosen.items():
            try:
                if name is not None:
                    parts[part] = look_at(
                        weight_path(FOLDERS[part], name), KINDS[part], host().models.stored_formats
                    )
            except (ValueError, OSError) as error:
                problems.append(f"input {part}: {error}")
        if not problems and len(parts) == len(chosen):
            return refusal(check_together, *parts.values())
        return "; ".join(problems) or True

    @classmethod
    def execute(cls, model: str, text_encoder: str, vae: str, dtype: str = "auto") -> io.NodeOutput:
        """Read the files and hand them to the host."""
        named = zip(FOLDERS.values(), (model, text_encoder, vae), strict=True)
        paths = [weight_path(folder, name) for folder, name in named]
        keep = host().models.stored_formats
        check_fit(*paths, keep=keep)
        ticks = _ticks(len(paths))
        dit_weights = read_dit(paths[0], ticks[0], keep=keep)
        text_weights = read_text_encoder(paths[1], ticks[1], keep=keep)
        vae_weights = read_vae(paths[2], ticks[2])
        return io.NodeOutput(
            host().models.make_model(dit_weights, dtype=dtype),
            host().models.make_clip(text_weights, dtype=TEXT_DTYPES.get(dtype, dtype)),
            host().models.make_vae(vae_weights, dtype=dtype),
        )


def _ticks(files: int) -> list[Tick]:
    """One progress bar for several files, advancing in hundredths of each file."""
    bar = host().session.ticker(files * PARTS)
    return [partial(_tick, bar, number) for number in range(files)]


def _tick(bar: Callable[[int], None], number: int, done: int, total: int) -> None:
    share = PARTS * done // total
    if share > PARTS * (done - 1) // total:
        bar(number * PARTS + share)


NODES: list[type[Any]] = [SpacetimeLoadModels]
