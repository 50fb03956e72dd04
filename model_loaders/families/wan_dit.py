"""Wan video transformers: convert original, ComfyUI and diffusers files to the pack's key names."""

import re
from collections.abc import Collection, Mapping
from typing import Any

import torch
from torch import Tensor

from ...models.dit.config import DiTConfig
from ...models.dit.network import VideoDiT
from ...models.latent_format import WAN21_LATENT, WAN22_LATENT, LatentFormat
from ..dequantise import dequantise
from ..family import Family
from ..keys import UnsupportedCheckpointError, count_blocks, rename, strip_prefixes

SHIFT = 8.0
"""Shift of the schedules that ComfyUI uses for every Wan model."""

PREFIXES = ("model.diffusion_model.", "diffusion_model.", "model.")

VACE_PREFIX = "vace_"
"""Prefix of the control branch in VACE files, which is read separately."""

_NEEDED = (
    "patch_embedding.weight",
    "text_embedding.0.weight",
    "time_embedding.0.weight",
    "blocks.0.ffn.0.weight",
    "head.head.weight",
)
"""Tensors whose shapes determine the sizes of a network."""

_ATTENTION = r"(blocks\.\d+)\.attn{n}\.{theirs}\.(weight|bias)"

_UNSUPPORTED = {
    "ref_conv": "reference convolution (Fun-Control)",
    "control_adapter": "camera control",
    "audio_proj": "audio input",
    "face_adapter": "face animation",
    "casual_audio_encoder": "speech input",
}


def _attention_rules() -> list[tuple[str, str]]:
    parts = {
        "to_q": "q", "to_k": "k", "to_v": "v", r"to_out\.0": "o",
        "norm_q": "norm_q", "norm_k": "norm_k",
    }  # fmt: skip
    of_an_image = {"add_k_proj": "k_img", "add_v_proj": "v_img", "norm_added_k": "norm_k_img"}
    return [
        (_ATTENTION.format(n=number, theirs=theirs), rf"\1.{ours}_attn.{part}.\2")
        for number, ours, names in ((1, "self", parts), (2, "cross", {**parts, **of_an_image}))
        for theirs, part in names.items()
    ]


_IMAGE = r"condition_embedder\.image_embedder\."


DIFFUSERS_KEYS: list[tuple[str, str]] = [
    (r"(patch_embedding\..*)", r"\1"),
    (r"condition_embedder\.time_embedder\.linear_1\.(.*)", r"time_embedding.0.\1"),
    (r"condition_embedder\.time_embedder\.linear_2\.(.*)", r"time_embedding.2.\1"),
    (r"condition_embedder\.time_proj\.(.*)", r"time_projection.1.\1"),
    (r"condition_embedder\.text_embedder\.linear_1\.(.*)", r"text_embedding.0.\1"),
    (r"condition_embedder\.text_embedder\.linear_2\.(.*)", r"text_embedding.2.\1"),
    (_IMAGE + r"norm1\.(.*)", r"img_emb.proj.0.\1"),
    (_IMAGE + r"ff\.net\.0\.proj\.(.*)", r"img_emb.proj.1.\1"),
    (_IMAGE + r"ff\.net\.2\.(.*)", r"img_emb.proj.3.\1"),
    (_IMAGE + r"norm2\.(.*)", r"img_emb.proj.4.\1"),
    (_IMAGE + r"pos_embed", r"img_emb.emb_pos"),
    (r"scale_shift_table", r"head.modulation"),
    (r"proj_out\.(.*)", r"head.head.\1"),
    (r"(blocks\.\d+)\.scale_shift_table", r"\1.modulation"),
    (r"(blocks\.\d+)\.norm2\.(.*)", r"\1.norm3.\2"),
    (r"(blocks\.\d+)\.ffn\.net\.0\.proj\.(.*)", r"\1.ffn.0.\2"),
    (r"(blocks\.\d+)\.ffn\.net\.2\.(.*)", r"\1.ffn.2.\2"),
    *_attention_rules(),
]


def detect(keys: Collection[str]) -> bool:
    """Whether the keys are those of a Wan transformer in any layout."""
    names = {_bare(key) for key in keys}
    return "head.modulation" in names or "condition_embedder.time_proj.weight" in names


def _bare(key: str) -> str:
    for prefix in PREFIXES:
        key = key.removeprefix(prefix)
    return key


def to_pack_keys(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Strip prefixes, drop the control branch of a VACE file, and rename diffusers keys.

    Raises:
        UnsupportedCheckpointError: the file holds parts that this network does not have.
    """
    state = strip_prefixes(state, PREFIXES)
    state = {key: weight for key, weight in state.items() if not key.startswith(VACE_PREFIX)}
    for part, what in _UNSUPPORTED.items():
        if any(key.startswith(part) for key in state):
            raise UnsupportedCheckpointError(
                f"this Wan file has {what}, which is not supported yet: use a text-to-video, "
                "image-to-video or 5B file"
            )
    if "condition_embedder.time_proj.weight" in state:
        return rename(state, DIFFUSERS_KEYS)
    return state


def derive_config(state: Mapping[str, Tensor]) -> DiTConfig:
    """Derive sizes from shapes; heads are 128 wide in every published Wan file.

    Raises:
        UnsupportedCheckpointError: a tensor that every Wan transformer has is missing.
    """
    missing = [key for key in _NEEDED if key not in state]
    if missing:
        raise UnsupportedCheckpointError(
            f"the transformer's file lacks {', '.join(missing)}: it is incomplete; "
            "download it again, or merge its parts into one file"
        )
    embedding = state["patch_embedding.weight"]
    dim = embedding.shape[0]
    patch = (embedding.shape[2], embedding.shape[3], embedding.shape[4])
    volume = patch[0] * patch[1] * patch[2]
    image, places = state.get("img_emb.proj.1.weight"), state.get("img_emb.emb_pos")
    return DiTConfig(
        dim=dim,
        heads=max(1, dim // 128),
        ffn_dim=state["blocks.0.ffn.0.weight"].shape[0],
        layers=count_blocks(state, r"blocks\.(\d+)\..*"),
        in_channels=embedding.shape[1],
        out_channels=state["head.head.weight"].shape[0] // volume,
        patch=patch,
        text_dim=state["text_embedding.0.weight"].shape[1],
        freq_dim=state["time_embedding.0.weight"].shape[1],
        image_dim=0 if image is None else image.shape[1],
        image_positions=0 if places is None else places.shape[1],
    )


def latent_format(config: DiTConfig) -> LatentFormat:
    """Latent format of the VAE that the network was trained with."""
    return WAN22_LATENT if config.out_channels == WAN22_LATENT.channels else WAN21_LATENT


def sampling_info(config: DiTConfig) -> dict[str, Any]:
    """What a host needs for sampling; Wan 2.2 5B takes a noise level per token."""
    return {"shift": SHIFT, "token_levels": config.out_channels == WAN22_LATENT.channels}


def layer_name(name: str) -> str:
    """Convert a layer's name from diffusers to the pack; other names are returned as they are."""
    key = f"{name}.weight"
    for pattern, replacement in DIFFUSERS_KEYS:
        match = re.fullmatch(pattern, key)
        if match:
            return match.expand(replacement).removesuffix(".weight")
    return name


def _converted(state: Mapping[str, Tensor], header: Mapping[str, str]) -> dict[str, Tensor]:
    return to_pack_keys(dequantise(state, dtype=torch.bfloat16, metadata=header))


WAN_DIT = Family(
    name="video transformer (Wan 2.1, Wan 2.2)",
    kind="dit",
    detect=detect,
    convert=_converted,
    derive=derive_config,
    config=DiTConfig,
    build=VideoDiT,
    latent=latent_format,
    sampling=sampling_info,
    layer_name=layer_name,
)
