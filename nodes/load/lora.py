"""Load Video LoRA: apply a LoRA file in any published layout to a video model."""

from typing import Any

from ...hosts import host, io
from ...hosts.solver_options import is_distilled
from ...model_loaders.lora import Lora, read_lora
from ..helpers.advanced import advanced
from ..helpers.search import search_words
from ..helpers.weight_files import weight_names, weight_path

NAMED = 3
"""Number of unused tensors that a warning lists by name."""

MERGED, BESIDE = "merged", "beside the weights"


class SpacetimeLoadLora(io.ComfyNode):
    """Apply a LoRA to a video model."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        files = weight_names("loras")
        return io.Schema(
            node_id="SpacetimeLoadLora",
            display_name="Load Video LoRA",
            category="Spacetime/Load",
            description="Applies a LoRA to a video model, in any published layout: ComfyUI, "
            "lightx2v, kohya and musubi, VideoX-Fun, diffusers and peft, DiffSynth. Chain "
            "several of these nodes to stack LoRAs.",
            **search_words("lora loader", "load lora", "few-step lora", "lightning", "causvid"),
            inputs=[
                io.Model.Input(
                    "model", tooltip="The model to apply the LoRA to, from Load Models."
                ),
                io.Combo.Input(
                    "lora",
                    options=files,
                    default=files[0] if files else None,
                    tooltip="A safetensors file from models/loras.",
                ),
                io.Float.Input(
                    "strength",
                    default=1.0,
                    min=-10.0,
                    max=10.0,
                    step=0.05,
                    tooltip="How strongly the LoRA changes the model; 0 leaves the model "
                    "unchanged.",
                ),
                io.Combo.Input(
                    "apply",
                    options=[MERGED, BESIDE],
                    default=MERGED,
                    **advanced(),
                    tooltip="merged adds no cost while sampling. beside the weights needs no "
                    "copy of the weights and keeps small changes that half precision would round "
                    "away; each step takes a little longer. ComfyUI decides for itself where it "
                    "manages the model.",
                ),
            ],
            outputs=[
                io.Model.Output(display_name="MODEL", tooltip="The model with the LoRA applied.")
            ],
        )

    @classmethod
    def validate_inputs(cls, lora: str | None, apply: str | None) -> Any:
        """Reject a missing file or an unknown ``apply`` mode before the graph runs."""
        if lora is not None:
            try:
                weight_path("loras", lora)
            except FileNotFoundError as error:
                return f"input lora: {error}"
        if apply not in (None, MERGED, BESIDE):
            return f"input apply: unknown mode {apply!r}: use {MERGED!r} or {BESIDE!r}"
        return True

    @classmethod
    def execute(cls, model: Any, lora: str, strength: float, apply: str = MERGED) -> io.NodeOutput:
        """Read the file for this model and apply it."""
        if strength == 0:
            return io.NodeOutput(model)
        read = read_lora(weight_path("loras", lora), host().models.weight_shapes(model))
        if read.unused:
            host().session.warn(_unused(read))
        changed = host().models.with_lora(
            model,
            read.patches,
            strength,
            live=apply == BESIDE,
            distilled=is_distilled(read.info),
        )
        return io.NodeOutput(changed)


def _unused(lora: Lora) -> str:
    """Describe the tensors that have no place in the model, the first few by name."""
    named = ", ".join(lora.unused[:NAMED])
    more = len(lora.unused) - NAMED
    return (
        f"{len(lora.unused)} tensors of {lora.name} have no place in this model and are not used "
        f"({named}{f' and {more} more' if more > 0 else ''}); the rest is applied"
    )


NODES: list[type[Any]] = [SpacetimeLoadLora]
