"""Sampling with a video transformer of Wan's layout: this pack's network, diffusers' and ComfyUI's.

    python benchmarks/denoise.py --dtype bf16

The networks have the same random weights, and take the same Euler steps with guidance; each prompt
is a separate evaluation.
"""

# pyright: reportMissingImports=false

import argparse
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

from contest import Contestant, contest
from pack import DTYPES, by_names_of, dtype_of, enter_comfyui, load_pack

CHANNELS, TEXT_WIDTH, FREQUENCIES = 16, 4096, 256
GUIDANCE, SHIFT = 5.0, 3.0

Velocity = Callable[[Any, Any], Any]
"""(state (1, C, F, H, W), noise level (1,)) -> velocity, with one prompt."""


def config_of(options: argparse.Namespace) -> Any:
    """Return the sizes of the network as the pack's config."""
    load_pack()
    from spacetime_video.models.dit.config import DiTConfig

    return DiTConfig(
        in_channels=CHANNELS,
        out_channels=CHANNELS,
        dim=options.dim,
        ffn_dim=4 * options.dim,
        freq_dim=FREQUENCIES,
        text_dim=TEXT_WIDTH,
        text_length=options.text,
        layers=options.layers,
        heads=options.heads,
    )


def weights_of(config: Any) -> Mapping[str, Any]:
    """Return random weights by Wan's names, in float32, with every value different."""
    import torch

    from spacetime_video.models.dit.network import VideoDiT
    from spacetime_video.models.dit.trunk import fill

    network = VideoDiT(config)
    drawn = torch.Generator().manual_seed(0)
    fill(network, drawn)
    with torch.no_grad():
        for weight in network.parameters():
            weight.add_(0.02 * torch.randn(weight.shape, generator=drawn))
    return network.state_dict()


def denoise(options: argparse.Namespace, prompts: list[Velocity]) -> Any:
    """Take Euler steps from noise, with guidance between two prompts."""
    import torch

    shape = (1, CHANNELS, options.frames, options.size, options.size)
    x = torch.randn(shape, generator=torch.Generator().manual_seed(1)).to(options.device)
    sigmas = torch.linspace(1, 0, options.steps + 1)
    sigmas = SHIFT * sigmas / (1 + (SHIFT - 1) * sigmas)
    with torch.inference_mode():
        for sigma, following in pairwise(sigmas):
            level = sigma.reshape(1).to(options.device)
            velocity, empty = (prompt(x, level).float() for prompt in prompts)
            x = x + (following - sigma) * (empty + GUIDANCE * (velocity - empty))
    return x


def texts(options: argparse.Namespace) -> list[Any]:
    """Return two encoded prompts (1, S, text width)."""
    import torch

    drawn = torch.Generator().manual_seed(2)
    drawn_texts = torch.randn(2, 1, options.text, TEXT_WIDTH, generator=drawn)
    return list(drawn_texts.to(options.device, dtype_of(options)))


def ours(options: argparse.Namespace) -> Callable[[], Any]:
    """Prepare the pack's network as its own host runs it: prompts are prepared once."""
    import torch

    config, dtype = config_of(options), dtype_of(options)
    from spacetime_video.model_loaders.load import DiTWeights, build_dit
    from spacetime_video.models.latent_format import LatentFormat

    weights = DiTWeights(config, LatentFormat(channels=CHANNELS), weights_of(config))
    network = build_dit(weights, dtype=dtype).to(options.device)

    given = texts(options)

    def prompt(context: Any) -> Velocity:
        return lambda x, sigma: network(x.to(dtype), sigma, [context])

    def work() -> Any:
        with torch.inference_mode():
            contexts = [network.prepare(text) for text in given]
        return denoise(options, [prompt(context) for context in contexts])

    return work


def diffusers(options: argparse.Namespace) -> Callable[[], Any]:
    """Prepare the transformer of diffusers' Wan pipelines."""
    from diffusers.models.transformers.transformer_wan import WanTransformer3DModel

    config, dtype = config_of(options), dtype_of(options)
    from spacetime_video.model_loaders.families.wan_dit import to_pack_keys

    network = WanTransformer3DModel(
        num_attention_heads=config.heads,
        attention_head_dim=config.dim // config.heads,
        in_channels=CHANNELS,
        out_channels=CHANNELS,
        text_dim=TEXT_WIDTH,
        freq_dim=FREQUENCIES,
        ffn_dim=config.ffn_dim,
        num_layers=config.layers,
        rope_max_seq_len=1024,
    )
    network.load_state_dict(by_names_of(network, weights_of(config), to_pack_keys))
    for name, weight in network.named_parameters():
        if not any(part in name for part in network._keep_in_fp32_modules):
            weight.data = weight.data.to(dtype)
    network.to(options.device).eval()

    given = texts(options)

    def prompt(text: Any) -> Velocity:
        return lambda x, sigma: network(x.to(dtype), 1000 * sigma, text, return_dict=False)[0]

    return lambda: denoise(options, [prompt(text) for text in given])


def comfyui(options: argparse.Namespace) -> Callable[[], Any]:
    """Prepare ComfyUI's network, called directly."""
    enter_comfyui(options.device)
    import comfy.ops
    from comfy.ldm.wan.model import WanModel

    config, dtype = config_of(options), dtype_of(options)
    network = WanModel(
        in_dim=CHANNELS,
        out_dim=CHANNELS,
        dim=config.dim,
        ffn_dim=config.ffn_dim,
        freq_dim=FREQUENCIES,
        text_dim=TEXT_WIDTH,
        text_len=config.text_length,
        num_heads=config.heads,
        num_layers=config.layers,
        dtype=dtype,
        operations=comfy.ops.disable_weight_init,
    )
    network.load_state_dict(weights_of(config))
    network.to(options.device).eval()

    given = texts(options)

    def prompt(text: Any) -> Velocity:
        return lambda x, sigma: network(x.to(dtype), 1000 * sigma, text)

    return lambda: denoise(options, [prompt(text) for text in given])


def main() -> None:
    """Compare the three networks."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--dtype", choices=DTYPES, default="fp32")
    parser.add_argument("--dim", type=int, default=512)
    parser.add_argument("--heads", type=int, default=4)
    parser.add_argument("--layers", type=int, default=8)
    parser.add_argument("--text", type=int, default=512, help="tokens of a prompt")
    parser.add_argument("--frames", type=int, default=5, help="frames of the latent")
    parser.add_argument("--size", type=int, default=32, help="side of the latent")
    parser.add_argument("--steps", type=int, default=10)
    contest(
        parser,
        lambda _: {
            "spacetime": Contestant(ours),
            "diffusers": Contestant(diffusers),
            "comfyui": Contestant(comfyui, in_comfyui=True),
        },
    )


if __name__ == "__main__":
    main()
