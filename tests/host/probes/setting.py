"""What every probe starts from: ComfyUI's modules, the pack, and small random weights."""
# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false

import importlib.util
import json
import os
import sys
from pathlib import Path

OUT = Path(sys.argv[1])
PACK = Path(os.environ["SPACETIME_PACK"])


def start_comfyui():
    """Make ComfyUI importable, on the CPU; ``sdpa`` asks for torch's own attention."""
    sys.path.insert(0, os.environ["COMFYUI_DIR"])
    from comfy.cli_args import args

    args.cpu = True
    args.use_pytorch_cross_attention = "sdpa" in sys.argv


def load_pack():
    """Load the pack from its folder, as ComfyUI does."""
    name = "spacetime_video"
    spec = importlib.util.spec_from_file_location(
        name, PACK / "__init__.py", submodule_search_locations=[str(PACK)]
    )
    assert spec is not None
    assert spec.loader is not None
    sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules[name])


def report(**measured):
    """Hand the numbers to the test."""
    (OUT / "measured.json").write_text(json.dumps(measured))


start_comfyui()
load_pack()

import torch  # noqa: E402

from spacetime_video.model_loaders.load import DiTWeights, TextWeights, VAEWeights  # noqa: E402
from spacetime_video.model_loaders.tokenizer import Tokenizer, train_tokenizer  # noqa: E402
from spacetime_video.models.dit.config import DiTConfig  # noqa: E402
from spacetime_video.models.dit.network import VideoDiT  # noqa: E402
from spacetime_video.models.latent_format import LatentFormat  # noqa: E402
from spacetime_video.models.text.config import T5Config  # noqa: E402
from spacetime_video.models.text.t5 import T5Encoder  # noqa: E402
from spacetime_video.models.vae.network import VAEConfig, VideoVAE  # noqa: E402

WORDS = ["a red sphere moves left at day", "a blue cube moves right at night"]
LENGTH = 12


def seeded(seed):
    return torch.Generator().manual_seed(seed)


def random_state(module, scale):
    generator = seeded(0)
    state = module.state_dict()
    return {k: torch.randn(v.shape, generator=generator) * scale for k, v in state.items()}


def dit_weights(**info):
    config = DiTConfig(
        dim=96,
        heads=2,
        ffn_dim=192,
        layers=3,
        text_dim=32,
        text_length=LENGTH,
        freq_dim=32,
        conditions=("fps", "height", "width", "duration", "loop"),
    )
    latent = LatentFormat(
        channels=16,
        mean=tuple(0.1 * i for i in range(16)),
        std=tuple(1 + 0.1 * i for i in range(16)),
    )
    return DiTWeights(config, latent, random_state(VideoDiT(config), 0.1), info)


def vae_weights():
    config = VAEConfig(
        z_channels=16,
        base_dim=8,
        decoder_base_dim=8,
        dim_mult=(1, 2, 2),
        res_blocks=1,
        temporal_down=(True, True),
        residual_shortcuts=True,
        pixel_patch=2,
    )
    return VAEWeights(config, random_state(VideoVAE(config), 0.1))


def text_weights():
    config = T5Config(vocab_size=64, d_model=32, d_kv=16, d_ff=64, layers=2, heads=2)
    tokenizer = Tokenizer(train_tokenizer(WORDS, 64), LENGTH)
    return TextWeights(config, random_state(T5Encoder(config), 0.1), tokenizer)
