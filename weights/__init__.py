"""The small weights that ship with the pack, by the model folder they would lie in."""

from pathlib import Path

_FILES: dict[str, tuple[str, ...]] = {
    "controlnet": (),
    "diffusion_models": ("spacetime_tiny_dit.safetensors",),
    "loras": ("spacetime_tiny_few_step_lora.safetensors",),
    "text_encoders": ("spacetime_tiny_text.safetensors",),
    "vae": ("spacetime_tiny_vae.safetensors",),
}

BUNDLED_FOLDERS = tuple(_FILES)
"""Model folders that such weights would lie in."""


def bundled(folder: str) -> dict[str, Path]:
    """Names and paths of the shipped files of a model folder."""
    return {name: Path(__file__).parent / name for name in _FILES.get(folder, ())}
