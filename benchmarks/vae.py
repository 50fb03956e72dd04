"""Decoding and encoding with a video VAE of Wan 2.1's layout: this pack's, diffusers', ComfyUI's.

    python benchmarks/vae.py --task decode --dtype bf16

The networks have the same random weights, by default of Wan's size, and process frames in the same
chunks as in their own hosts.
"""

# pyright: reportMissingImports=false

import argparse
from collections.abc import Callable
from typing import Any

from contest import Contestant, contest
from pack import DTYPES, by_names_of, dtype_of, enter_comfyui, load_pack

LATENT_FRAMES = 4
"""Latent frames that the pack's hosts decode, or encode to, at a time."""

LEVELS, BLOCKS, HALVED = [1, 2, 4, 4], 2, [False, True, True]
"""Wan 2.1's channel multipliers, residual blocks, and which steps halve the number of frames."""


def network_of(options: argparse.Namespace) -> Any:
    """Return the pack's network in float32 with random weights, scaled for outputs of about 1."""
    load_pack()
    import torch

    from spacetime_video.models.vae.network import VAEConfig, VideoVAE

    config = VAEConfig(
        z_channels=options.channels,
        base_dim=options.dim,
        decoder_base_dim=options.dim,
        dim_mult=tuple(LEVELS),
        res_blocks=BLOCKS,
        temporal_down=tuple(HALVED),
        residual_shortcuts=False,
    )
    network = VideoVAE(config)
    drawn = torch.Generator().manual_seed(0)
    for name, weight in network.named_parameters():
        if name.endswith("gamma"):
            torch.nn.init.uniform_(weight, 0.5, 1.5, generator=drawn)
        else:
            torch.nn.init.normal_(weight, std=weight[0].numel() ** -0.5, generator=drawn)
    return network.eval().requires_grad_(False)


def given(options: argparse.Namespace) -> Any:
    """Return a latent (1, z, f, h, w) to decode or a video (1, 3, F, H, W) to encode."""
    import torch

    drawn = torch.Generator().manual_seed(1)
    if options.task == "decode":
        side, count = options.size // 8, 1 + (options.frames - 1) // 4
        made = torch.randn(1, options.channels, count, side, side, generator=drawn)
    else:
        made = 2 * torch.rand(1, 3, options.frames, options.size, options.size, generator=drawn) - 1
    return made.to(options.device, dtype_of(options))


def working(function: Callable[[Any], Any], options: argparse.Namespace) -> Callable[[], Any]:
    """Return work that applies a function to the input; decoded values are clamped to [-1, 1]."""
    import torch

    x = given(options)

    def work() -> Any:
        with torch.inference_mode():
            made = function(x)
            return made.clamp(-1, 1) if options.task == "decode" else made

    return work


def ours(options: argparse.Namespace) -> Callable[[], Any]:
    """Prepare the pack's network as its own hosts run it."""
    network = network_of(options)
    import torch

    from spacetime_video.model_loaders.load import VAEWeights, build_vae

    weights = VAEWeights(network.config, network.state_dict())
    vae = build_vae(weights, dtype=dtype_of(options)).to(options.device)
    del network, weights

    def decode(latent: Any) -> Any:
        return torch.cat(list(vae.decode_stream(latent, chunk=LATENT_FRAMES)), dim=2)

    def encode(video: Any) -> Any:
        later = video[:, :, 1:].split(4 * LATENT_FRAMES, dim=2) if video.shape[2] > 1 else ()
        return torch.cat(list(vae.encode_stream([video[:, :, :1], *later])), dim=2)

    return working(decode if options.task == "decode" else encode, options)


def filled(network: Any, options: argparse.Namespace) -> Any:
    """Load the pack's weights into another project's network; our loader translates the names."""
    weights = network_of(options).state_dict()
    from spacetime_video.model_loaders.families.wan_vae import to_pack_keys

    network.load_state_dict(by_names_of(network, weights, to_pack_keys))
    return network.to(options.device, dtype_of(options)).eval()


def diffusers(options: argparse.Namespace) -> Callable[[], Any]:
    """Prepare the VAE of diffusers' Wan pipelines."""
    from diffusers.models.autoencoders.autoencoder_kl_wan import AutoencoderKLWan

    network: Any = AutoencoderKLWan(
        base_dim=options.dim,
        z_dim=options.channels,
        dim_mult=LEVELS,
        num_res_blocks=BLOCKS,
        temperal_downsample=HALVED,
    )
    vae = filled(network, options)

    def decode(latent: Any) -> Any:
        return vae.decode(latent).sample

    def encode(video: Any) -> Any:
        return vae.encode(video).latent_dist.mode()

    return working(decode if options.task == "decode" else encode, options)


def comfyui(options: argparse.Namespace) -> Callable[[], Any]:
    """Prepare ComfyUI's network, called directly."""
    enter_comfyui(options.device)
    from comfy.ldm.wan.vae import WanVAE

    network: Any = WanVAE(
        dim=options.dim,
        z_dim=options.channels,
        dim_mult=LEVELS,
        num_res_blocks=BLOCKS,
        attn_scales=[],
        temperal_downsample=HALVED,
    )
    vae = filled(network, options)
    return working(vae.decode if options.task == "decode" else vae.encode, options)


def main() -> None:
    """Compare the three networks."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--task", choices=("decode", "encode"), default="decode")
    parser.add_argument("--dtype", choices=DTYPES, default="fp32")
    parser.add_argument("--frames", type=int, default=17, help="1 + a multiple of 4")
    parser.add_argument("--size", type=int, default=256, help="side of the frames in pixels")
    parser.add_argument("--dim", type=int, default=96, help="channels of the finest level")
    parser.add_argument("--channels", type=int, default=16, help="channels of the latent")
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
