"""How the pack takes part in the memory of newer ComfyUIs: streamed weights, devices, buffers.

Streaming needs a GPU to stream to. Here its device is named and then exchanged for the CPU, and the
pinned memory of the driver is a stand-in that holds nothing; all else is ComfyUI's own.
"""
# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false

from setting import dit_weights, report, seeded, text_weights, vae_weights  # isort: skip

from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace

import comfy_aimdo.host_buffer
import psutil
import torch
from comfy import model_management, model_patcher
from comfy_execution.caching import CacheKeySetInputSignature, RAMPressureCache
from execution import CacheEntry

import nodes
from spacetime_video.hosts.comfyui import clip as clip_module
from spacetime_video.hosts.comfyui.host import ComfyHost
from spacetime_video.models.lora import WeightDelta

GPU, CPU = torch.device("cuda", 0), torch.device("cpu")
DEVICES = ("get_torch_device", "text_encoder_device", "vae_device")

host = ComfyHost()


class NoPinnedMemory:
    """The driver's buffer of pinned memory, of which a machine without a GPU has none."""

    def __init__(self, size, prewarm=0, max_grow_size=0, mark_cold=True):
        self.size = size


@contextmanager
def streaming():
    """ComfyUI as it starts where it streams weights to a GPU."""
    before = {name: getattr(model_management, name) for name in DEVICES}
    for name in DEVICES:
        setattr(model_management, name, lambda *_: GPU)
    model_patcher.CoreModelPatcher = model_patcher.ModelPatcherDynamic
    comfy_aimdo.host_buffer.HostBuffer = NoPinnedMemory
    try:
        yield
    finally:
        model_patcher.CoreModelPatcher = model_patcher.ModelPatcher
        for name, function in before.items():
            setattr(model_management, name, function)


def again(make):
    return replace(make(), again=make)


def loaded():
    """The three results of Load Models."""
    return (
        host.models.make_model(again(dit_weights), dtype="fp32"),
        host.models.make_clip(again(text_weights), dtype="fp32"),
        host.models.make_vae(again(vae_weights), dtype="fp32"),
    )


def survives_pressure(results):
    """Whether a result in use stays in the cache while the machine runs out of memory."""
    cache = RAMPressureCache(CacheKeySetInputSignature)
    cache.cache["loader"] = CacheEntry({}, [[each] for each in results])
    cache.used_generation["loader"], cache.timestamps["loader"] = cache.generation, 0.0
    psutil_answer = psutil.virtual_memory
    psutil.virtual_memory = lambda: SimpleNamespace(available=0)
    cache.ram_release(1, free_active=True)
    psutil.virtual_memory = psutil_answer
    return "loader" in cache.cache


def patchers(results):
    model, clip, vae = results
    return [model, clip.patcher, vae.patcher]


def same_weights(one, other):
    pairs = zip(one.model.state_dict().values(), other.model.state_dict().values(), strict=True)
    return one.model is not other.model and all(torch.equal(a, b) for a, b in pairs)


def plain_again(results):
    """Whether each gives way to one of the plain kind with equal weights of its own."""
    found = []
    for patcher in patchers(results):
        plain = patcher.clone(disable_dynamic=True)
        found.append(not plain.is_dynamic() and same_weights(patcher, plain))
    return found


def on_the_cpu(patcher):
    patcher.load_device = CPU
    patcher.register_load_device(CPU)
    return patcher


def prompts():
    clip = host.models.make_clip(text_weights(), dtype="fp32")
    return [host.models.encode_prompt(clip, text) for text in ("a red cube", "")]


def sample(model):
    latent = {"samples": torch.zeros(1, 16, 3, 8, 6)}
    values = (model, 1, 3, 4.0, "euler", "simple", *prompts(), latent)
    return nodes.KSampler().sample(*values)[0]["samples"]


def with_modulation(model):
    """A LoRA that changes what the host would leave: a parameter of a module that has modules."""
    shape = host.models.weight_shapes(model)["blocks.1.modulation"]
    change = WeightDelta(full=0.5 * torch.randn(shape, generator=seeded(3)))
    return host.models.with_lora(model, {"blocks.1.modulation": change}, 1.0, live=False)


def streamed_run(model):
    """Differences of a run with streamed weights from one with plain ones, with a LoRA and without;
    and what the LoRA does."""
    plain = host.models.make_model(dit_weights(), dtype="fp32")
    wanted, changed = sample(plain), sample(with_modulation(plain))
    made = [sample(each) for each in (on_the_cpu(model), with_modulation(model), model)]
    apart = [
        float((a - b).abs().max()) for a, b in zip(made, (wanted, changed, wanted), strict=True)
    ]
    return apart, float((changed - wanted).abs().max())


def text_device():
    """Where the host has a prompt encoded whose weights wait elsewhere."""
    clip = host.models.make_clip(text_weights(), dtype="fp32")
    there, seen, encode = torch.device("meta"), [], clip_module.encode_rows
    clip.load_model = lambda *_: None
    clip.patcher.load_device = there

    def watched(network, ids):
        embedded = network.shared(ids)
        seen.append([ids.device.type, embedded.device.type])
        return encode(network, torch.ones(ids.shape, dtype=ids.dtype))

    clip_module.encode_rows = watched
    clip.encode_from_tokens(clip.tokenize("a red cube"))
    clip_module.encode_rows = encode
    weights = clip.cond_stage_model.transformer.shared.weight.device.type
    return {"weights": weights, "ids_and_result": seen}


def buffers():
    """What the VAE is handed, and whether the host's own buffer is what comes out."""
    vae = host.models.make_vae(vae_weights(), dtype="fp32")
    network, handed = vae.first_stage_model, {}
    encode, decode = network.encode, network.decode

    def seen_encode(video, **how):
        handed["encode"] = sorted(how)
        return encode(video, **how)

    def seen_decode(latent, **how):
        handed["decode"], handed["place"] = sorted(how), how["output_buffer"].data_ptr()
        return decode(latent, **how)

    images = torch.rand(9, 32, 32, 3, generator=seeded(1))
    network.encode, network.decode = seen_encode, seen_decode
    latent = vae.encode(images)
    frames = vae.decode(torch.cat([latent, latent]))
    same = frames.untyped_storage().data_ptr() == handed.pop("place")
    plain = decode(latent).movedim(1, -1)  # as tiles are decoded, into a tensor of its own
    expected = vae.process_output(plain.clone())
    return {
        "handed": handed,
        "same_buffer": same,
        "shape": list(frames.shape),
        "difference": float((frames - expected).abs().max()),
        "ticks": float((encode(images.movedim(-1, 0)[None] * 2 - 1) - latent).abs().max()),
    }


def measure():
    kept_plain = survives_pressure(loaded())
    with streaming():
        results = loaded()
        kept = survives_pressure(results)
        kinds = [each.is_dynamic() for each in patchers(results)]
        plain = plain_again(results)
        model = host.models.make_model(again(dit_weights), dtype="fp32")
    apart, lora = streamed_run(model)
    report(
        kept=[kept_plain, kept],
        streams=kinds,
        plain_again=plain,
        streamed=apart,
        lora=lora,
        text=text_device(),
        vae=buffers(),
    )


with torch.inference_mode():
    measure()
