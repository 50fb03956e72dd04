"""The small weights shipped with the pack, by ComfyUI model folder."""

from pathlib import Path

_FILES: dict[str, tuple[str, ...]] = {
    "controlnet": (
        "spacetime_tiny_control_edges.safetensors",
        "spacetime_tiny_control_depth.safetensors",
        "spacetime_tiny_control_tracks.safetensors",
    ),
    "diffusion_models": ("spacetime_tiny_dit.safetensors",),
    "loras": ("spacetime_tiny_few_step_lora.safetensors",),
    "text_encoders": ("spacetime_tiny_text.safetensors",),
    "vae": ("spacetime_tiny_vae.safetensors",),
}

BUNDLED_FOLDERS = tuple(_FILES)
"""Model folders that shipped weights can belong to."""


def bundled(folder: str) -> dict[str, Path]:
    """Return the names and paths of the shipped files of a model folder."""
    return {name: Path(__file__).parent / name for name in _FILES.get(folder, ())}
