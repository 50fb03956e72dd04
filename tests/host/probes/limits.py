"""Short memory, other dtypes and attentions, compiled blocks, masks per frame."""
# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false

from setting import OUT, dit_weights, report, seeded, text_weights  # isort: skip

import ctypes
from functools import partial
from pathlib import Path

import folder_paths
import torch
from comfy import model_management
from comfy.cli_args import args
from comfy_api.torch_helpers import set_torch_compile_wrapper
from safetensors.torch import save_file

import nodes
from spacetime_video.hosts.comfyui.host import ComfyHost
from spacetime_video.model_loaders.load import read_vae
from spacetime_video.samplers.noise.frames import FrameNoise
from spacetime_video.samplers.schedules.flow import flow_sigmas
from spacetime_video.samplers.solvers import sample_euler
from spacetime_video.toyworld import random_scene, render
from spacetime_video.weights import bundled

STEPS = 4
TILE = 256  # pixels of the tiles that the host falls back to

host = ComfyHost()


def largest(difference):
    return float(difference.abs().max())


def psnr(made, wanted):
    return float(-10 * (made - wanted).square().mean().log10())


def empty():
    return {"samples": torch.zeros(1, 16, 3, 8, 6)}


def sample(model, prompts, latent):
    values = (model, 1, STEPS, 4.0, "euler", "simple", *prompts, latent)
    return nodes.KSampler().sample(*values)[0]["samples"]


def memory(name):
    """An entry of Linux's account of this process, in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) * 1024


def peak_of(call):
    """The most memory that this process takes while it is called, beside what it has, and what
    the call gives."""
    ctypes.CDLL(None).malloc_trim(0)  # or what is free in the heap would be used again, uncounted
    Path("/proc/self/clear_refs").write_text("5")  # the peak is counted from here
    before = memory("VmRSS")
    made = call()
    return memory("VmHWM") - before, made


def shipped_vae():
    return host.models.make_vae(read_vae(next(iter(bundled("vae").values()))), dtype="fp32")


def no_memory_for_more(vae, name, side):
    """Let passes of the network fail for want of memory where the picture is larger than a tile."""
    network, seen = vae.first_stage_model, []
    whole = getattr(network, name)

    def limited(given, **how):
        seen.append(list(given.shape[-3:]))
        if max(given.shape[-2:]) > side:
            raise model_management.OOM_EXCEPTION("no memory left")
        return whole(given, **how)

    setattr(network, name, limited)
    return seen


def short_memory():
    """A clip of 2 x 2 tiles and two chunks of time, whole and in the tiles that memory is left to.

    Temporal tiles of the stock nodes are asked for too, which the pack's VAE does not need.
    """
    video = render([random_scene(2)], frames=17, height=TILE + 32, width=TILE + 16).video[0]
    plain, short = shipped_vae(), shipped_vae()
    latent = nodes.VAEEncode().encode(plain, video)[0]
    decoded = nodes.VAEDecode().decode(plain, latent)[0]
    seen = [
        no_memory_for_more(short, "encode", TILE),
        no_memory_for_more(short, "decode", TILE // 8),
    ]
    in_tiles = nodes.VAEEncode().encode(short, video)[0]["samples"]
    tiled = nodes.VAEDecode().decode(short, latent)[0]
    asked = nodes.VAEDecodeTiled().decode(plain, latent, TILE, TILE // 4, 8, 4)[0]
    asked_latent = nodes.VAEEncodeTiled().encode(plain, video, TILE, TILE // 4, 8, 4)[0]["samples"]
    return {
        "seen": seen,
        "encoded": float((in_tiles - latent["samples"]).norm() / latent["samples"].norm()),
        "decoded": psnr(tiled, decoded),
        "quality": [psnr(each, video) for each in (decoded, tiled)],
        "asked": [largest(asked - tiled), largest(asked_latent - in_tiles)],
    }


def memory_estimates():
    """The host's estimates over what the shipped VAE took, on this CPU."""
    vae, ratios = shipped_vae(), {}
    vae.decode(vae.encode(torch.rand(5, 64, 64, 3)))  # the first call also moves the weights
    for side in (192, 256):
        images = torch.rand(17, side, side, 3, generator=seeded(1))
        most, latent = peak_of(partial(vae.encode, images))
        pixels = (1, 3, 17, side, side)
        ratios[f"encode {side}"] = vae.memory_used_encode(pixels, torch.float32) / most
        most, _ = peak_of(partial(vae.decode, latent))
        ratios[f"decode {side}"] = vae.memory_used_decode(latent.shape, torch.float32) / most
    return ratios


def dtypes(prompts, plain):
    """How a start option of the host changes the weights and, relatively, the result."""
    found = {}
    for option in ("bf16_unet", "fp16_unet", "fp8_e4m3fn_unet"):
        setattr(args, option, True)
        model = host.models.make_model(dit_weights(), dtype="auto")
        setattr(args, option, False)
        apart = (sample(model, prompts, empty()) - plain).norm() / plain.norm()
        found[option] = (str(model.model.diffusion_model.dtype), float(apart))
    return found


def overridden(model, prompts):
    """How often an attention that a node put in was asked, and what it made of the result."""
    calls = []

    def override(attention, *given, **options):
        calls.append(given[0].shape)
        return attention(*given, **options)

    clone = model.clone()
    transformer = clone.model_options.setdefault("transformer_options", {})
    transformer["optimized_attention_override"] = override
    return sample(clone, prompts, empty()), len(calls)


def compiled(model, keys):
    clone = model.clone()
    set_torch_compile_wrapper(clone, "eager", keys=keys)
    return clone


def lora_by_name(model, strength):
    name = "diffusion_model.blocks.1.self_attn.q"
    lora = {
        f"{name}.lora_A.weight": torch.randn(2, 96, generator=seeded(3)),
        f"{name}.lora_B.weight": torch.randn(96, 2, generator=seeded(4)),
    }
    save_file(lora, OUT / "by_name.safetensors")
    folder_paths.add_model_folder_path("loras", str(OUT))
    loader = nodes.LoraLoaderModelOnly()
    return loader.load_lora_model_only(model, "by_name.safetensors", strength)[0]


def masked(model, prompts):
    """Largest changes under a mask per frame: keep, keep the lower half, make its upper, make."""
    given = {"samples": torch.randn(1, 16, 3, 8, 6, generator=seeded(5))}
    masks = torch.stack([torch.zeros(64, 48), torch.zeros(64, 48), torch.ones(64, 48)])
    masks[1, :32] = 1
    latent = nodes.SetLatentNoiseMask().set_mask(given, masks)[0]
    change = (sample(model, prompts, latent) - given["samples"]).abs()
    upper, lower = change[:, :, 1, :4], change[:, :, 1, 4:]
    return [float(each.max()) for each in (change[:, :, 0], lower, upper, change[:, :, 2])]


def masked_per_video_frame(model, prompts):
    """What our own nodes change of a clip's three latent frames whose first frame is kept."""
    given = {"samples": torch.randn(1, 16, 3, 8, 6, generator=seeded(5))}
    mask = torch.ones(9, 64, 48)
    mask[0] = 0
    latent = nodes.SetLatentNoiseMask().set_mask(given, mask)[0]
    guider, noise = (
        host.sampling.make_guider(model, *prompts, 4.0),
        FrameNoise(7).generate_noise(latent),
    )
    solver, sigmas = host.sampling.make_sampler(sample_euler, {}), flow_sigmas(STEPS, shift=3.0)
    made = host.sampling.sample(guider, noise, solver, sigmas, latent, 7)
    return (made - given["samples"]).abs().amax((0, 1, 3, 4)).tolist()


def measure():
    clip = host.models.make_clip(text_weights(), dtype="fp32")
    prompts = [host.models.encode_prompt(clip, text) for text in ("a red cube", "")]
    model = host.models.make_model(dit_weights(), dtype="fp32")
    plain = sample(model, prompts, empty())
    attended, asked = overridden(model, prompts)
    blocks = [f"diffusion_model.blocks.{number}" for number in range(3)]
    report(
        short_memory=short_memory(),
        estimates=memory_estimates(),
        dtypes=dtypes(prompts, plain),
        attention=(asked, largest(attended - plain)),
        compiled_blocks=largest(sample(compiled(model, blocks), prompts, empty()) - plain),
        compiled=largest(sample(compiled(model, ["diffusion_model"]), prompts, empty()) - plain),
        lora=largest(sample(lora_by_name(model, 0.5), prompts, empty()) - plain),
        lora_at_zero=largest(sample(lora_by_name(model, 0.0), prompts, empty()) - plain),
        masked=masked(model, prompts),
        masked_per_video_frame=masked_per_video_frame(model, prompts),
    )


with torch.inference_mode():
    measure()
