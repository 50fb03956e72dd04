"""The VAE's part of the recipe: clips, the initial linear code, and two stages of training.

First, encoder and decoder train together. After that the latents are fixed: denoisers can be
trained on them, and only the decoder trains further.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ..media.images import save_image
from ..media.strip import grid
from ..model_loaders.load import read_vae
from ..models.layers import to_channels_last
from ..models.shapes import VideoShape
from ..models.vae.linear_code import LinearCode, fit_linear_code
from ..models.vae.network import TINY_VAE, VideoVAE
from .checkpoint import Length, TrainState
from .clips import ClipShard, read_shards, render_shard, write_shards
from .decoder import Redrawing
from .loop import Tick, Watch, drive
from .recipe import HELD_OUT_SEED, SEED, VAE_FILE, write_weights
from .start import network_of, read_start
from .textures import texture_pool
from .vae import Pixels, roundtrip_psnr, train_decoder, train_vae

SQUARE = VideoShape(17, 64, 64)
SHARDS = {SQUARE: 40, VideoShape(17, 48, 80): 6, VideoShape(17, 80, 48): 6}
CODE_SHARDS = 8
PICTURES = 256
MUON_NAMES = r"^(encoder|decoder)\.(?!head).*weight$"
"""Pattern for the kernels that Muon trains: all but those of the heads."""


@dataclass(frozen=True, kw_only=True)
class VAEPlan:
    """Options of the VAE's training run.

    Args:
        steps: steps of encoder and decoder together.
        decoder_steps: steps of the decoder alone.
        rate: peak learning rate.
        batch: crops per step.
        optimiser: adamw or muon.
        look_every: steps between looks.
        init_from: folder of weights to start from; None fits the linear code.
    """

    steps: int = 6000
    decoder_steps: int = 6000
    rate: float = 1.5e-3
    batch: int = 8
    optimiser: str = "muon"
    look_every: int = 500
    init_from: Path | None = None


def render_clips(run: Path, tick: Tick) -> None:
    """Render the recipe's missing shards."""
    for shape, count in SHARDS.items():
        name = "x".join(map(str, shape))
        write_shards(run / "clips", SEED, count, shape, lambda n, c=count, m=name: tick(m, n, c))


def make_vae(run: Path, tick: Tick, device: str = "cpu", plan: VAEPlan = VAEPlan()) -> None:
    """Train encoder and decoder together, or resume an interrupted run."""
    render_clips(run, tick)
    _train(run, tick, device, plan)


def make_decoder(
    run: Path,
    denoiser_folder: Path,
    tick: Tick,
    device: str = "cpu",
    plan: VAEPlan = VAEPlan(),
) -> None:
    """Continue training the decoder of the VAE in ``weights/``, or resume an interrupted run.

    Half of its steps decode latents from the denoiser in ``denoiser_folder``.
    """
    render_clips(run, tick)
    start = read_start(denoiser_folder)
    model = network_of(start).to(device)
    redrawing = Redrawing(model, start.dit.latent, start.text.tokenizer)
    _train(run, tick, device, plan, redrawing)


def _train(
    run: Path, tick: Tick, device: str, plan: VAEPlan, redrawing: Redrawing | None = None
) -> None:
    shards = [shard for shape in SHARDS for shard in read_shards(run / "clips", shape)]
    settled = redrawing is not None
    name, steps = ("decoder", plan.decoder_steps) if settled else ("vae", plan.steps)
    begun = run / "weights" if settled else plan.init_from
    vae = fresh_vae(shards[:CODE_SHARDS]) if begun is None else _read(begun)
    vae.to(device)
    to_channels_last(vae)
    state = TrainState(
        vae, rate=plan.rate, length=Length(steps=steps), seed=SEED, optimiser=plan.optimiser,
        muon_names=MUON_NAMES,
    )  # fmt: skip
    data = Pixels(shards, texture_pool(PICTURES, SEED), plan.batch)
    test = render_shard(HELD_OUT_SEED, 0, SQUARE).pixels(torch.arange(16)).to(device)

    def look(state: TrainState) -> Mapping[str, float]:
        quality = roundtrip_psnr(vae, test)
        info = {"kind": "vae", "config": TINY_VAE.to_dict(), "roundtrip_psnr": round(quality, 2)}
        weights = {key: value.detach().cpu() for key, value in vae.named_parameters()}
        write_weights(run / "weights" / VAE_FILE, weights, info)
        save_image(run / "samples" / f"{name}_{state.step:06d}.png", comparison(vae, test[:8]))
        return {"roundtrip_psnr": quality}

    watch = Watch(look=look, every=Length(steps=plan.look_every))
    losses = train_vae(state, data) if redrawing is None else train_decoder(state, data, redrawing)
    drive(state, losses, run, name, tick, watch)


def _read(folder: Path) -> VideoVAE:
    weights = read_vae(folder / VAE_FILE)
    vae = VideoVAE(weights.config)
    vae.load_state_dict({key: value.float() for key, value in weights.state.items()})
    return vae


def fresh_vae(shards: list[ClipShard]) -> VideoVAE:
    """Build a VAE that starts as the best linear code of some clips."""
    with torch.random.fork_rng():
        torch.manual_seed(SEED)
        vae = VideoVAE(TINY_VAE)
    clips = [shard.pixels(torch.arange(len(shard.captions))) for shard in shards]
    code = fit_linear_code(clips, channels=TINY_VAE.z_channels, time=4, space=8)
    vae.init_linear_code(code)
    vae.init_linear_code(half_whitened(code, vae.encode(clips[0])))
    return vae


def half_whitened(code: LinearCode, latent: Tensor) -> LinearCode:
    """Scale a code's channels to the square roots of their deviations, 1 on average.

    Weak channels then stand out from the noise, while strong ones still dominate.
    """
    std = latent.std(dim=(0, 2, 3, 4))
    scale = std.rsqrt() / std.mean().sqrt()
    return LinearCode(code.encode * scale[:, None], code.decode / scale, code.mean)


@torch.inference_mode()
def comparison(vae: VideoVAE, video: Tensor) -> Tensor:
    """Image (H', W', 3) of clips' (B, 3, F, H, W) middle frames above their reconstructions."""
    middle = video.shape[2] // 2
    rows = [video, vae.decode(vae.encode(video))]
    frames = torch.cat([row[:, :, middle].movedim(1, -1) for row in rows]).cpu()
    return grid((frames * 0.5 + 0.5).clamp(0, 1), columns=len(video))
