"""Quantised files of the host's own formats in Load Models' networks: in memory and in effect."""
# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false

from setting import OUT, LENGTH, WORDS, report, seeded  # isort: skip

import json

import folder_paths
import torch
from comfy.quant_ops import QUANT_ALGOS, QuantizedTensor
from safetensors.torch import save_file

import nodes
from spacetime_video import hosts
from spacetime_video.hosts.comfyui.host import ComfyHost
from spacetime_video.model_loaders.files import read_file
from spacetime_video.model_loaders.load import dit_of, read_dit, read_text_encoder
from spacetime_video.model_loaders.tokenizer import train_tokenizer
from spacetime_video.models.dit.config import DiTConfig
from spacetime_video.models.dit.network import VideoDiT
from spacetime_video.models.lora import LowRank, WeightDelta
from spacetime_video.models.text.config import T5Config
from spacetime_video.models.text.t5 import T5Encoder
from spacetime_video.weights import bundled

host = ComfyHost()
hosts.use(host)

from spacetime_video.nodes.load.models import SpacetimeLoadModels  # noqa: E402

KEEP = host.models.stored_formats
DIT = DiTConfig(
    dim=256, heads=2, ffn_dim=512, layers=2, text_dim=64, text_length=LENGTH, freq_dim=64
)
TEXT = T5Config(vocab_size=64, d_model=64, d_kv=16, d_ff=128, layers=2, heads=4)


def random_state(network):
    generator = seeded(0)
    return {
        name: 0.1 * torch.randn(weight.shape, generator=generator)
        for name, weight in network.state_dict().items()
    }


def mark(details):
    return torch.tensor(list(json.dumps(details).encode()), dtype=torch.uint8)


def quantised(state, layers, name):
    """A file with these layers in a format, and the weights that the host reads out of it."""
    layout, file, restored = QUANT_ALGOS[name]["comfy_tensor_layout"], dict(state), dict(state)
    for layer in layers:
        weight = state[f"{layer}.weight"].to(torch.bfloat16)
        how = {"scale": "recalculate"} if name.startswith(("float8", "nvfp4")) else {}
        stored = QuantizedTensor.from_float(weight, layout, **how)
        held = stored.state_dict(f"{layer}.weight")
        file |= {key: tensor.contiguous() for key, tensor in held.items()}
        file[f"{layer}.comfy_quant"] = mark({"format": name})
        restored[f"{layer}.weight"] = stored.dequantize()
    return file, restored


def linear_layers(network, prefix):
    return [
        name
        for name, module in network.named_modules()
        if isinstance(module, torch.nn.Linear) and name.startswith(prefix)
    ]


def in_memory(network, layer):
    weight = network.get_submodule(layer).weight
    codes = getattr(weight, "_qdata", weight)
    return str(codes.dtype).removeprefix("torch."), codes.numel() * codes.element_size()


def sample(model, prompts):
    latent = {"samples": torch.zeros(1, 16, 3, 8, 6)}
    values = (model, 1, 3, 2.0, "euler", "simple", *prompts, latent)
    return nodes.KSampler().sample(*values)[0]["samples"]


def lora(model):
    down, up = torch.randn(4, 256, generator=seeded(5)), torch.randn(512, 4, generator=seeded(6))
    change = LowRank(down, up, 0.2)
    deltas = {"blocks.0.ffn.0.weight": WeightDelta(low_rank=change)}
    return host.models.with_lora(model, deltas, 1.0, live=False)


def apart(made, wanted):
    return float((made - wanted).norm() / wanted.norm())


def models(name, state, layers, prompts):
    """Type and bytes of a layer in memory, and how far results are from those of plain weights."""
    stored, restored = quantised(state, layers, name)
    save_file(stored, OUT / "stored.safetensors")
    save_file(restored, OUT / "restored.safetensors")
    kept = host.models.make_model(read_dit(OUT / "stored.safetensors", keep=KEEP), dtype="fp32")
    plain = host.models.make_model(read_dit(OUT / "restored.safetensors"), dtype="fp32")
    wanted = sample(plain, prompts)
    return {
        "shapes": host.models.weight_shapes(plain).items()
        <= host.models.weight_shapes(kept).items(),
        "memory": in_memory(kept.model.diffusion_model, layers[0]),
        "apart": apart(sample(kept, prompts), wanted),
        "lora": apart(sample(lora(kept), prompts), sample(lora(plain), prompts)),
        "lora_acts": apart(sample(lora(plain), prompts), wanted),
    }


def bf16(state, layers, prompts):
    """The type to compute in that a user chose, and that weights stay in eight bits."""
    save_file(quantised(state, layers, "float8_e4m3fn")[0], OUT / "stored.safetensors")
    model = host.models.make_model(read_dit(OUT / "stored.safetensors", keep=KEEP), dtype="bf16")
    made = sample(model, prompts)
    network = model.model.diffusion_model
    return [str(model.model.get_dtype_inference()), *in_memory(network, layers[0])], bool(
        made.isfinite().all()
    )


def texts():
    network = T5Encoder(TEXT)
    state = random_state(network)
    layers = linear_layers(network, "encoder.block")
    stored, restored = quantised(state, layers, "float8_e4m3fn")
    spiece = torch.frombuffer(bytearray(train_tokenizer(WORDS, 64)), dtype=torch.uint8)
    found = []
    for name, each, keep in (("stored", stored, KEEP), ("restored", restored, ())):
        save_file({**each, "spiece_model": spiece}, OUT / f"{name}.safetensors")
        weights = read_text_encoder(OUT / f"{name}.safetensors", keep=keep)
        clip = host.models.make_clip(weights, dtype="fp32")
        found.append((clip, host.models.encode_prompt(clip, "a red sphere")[0][0]))
    (clip, made), (_, wanted) = found
    return in_memory(clip.cond_stage_model.transformer, layers[0]), apart(made, wanted)


def shipped(name):
    """Load Models on a copy of the shipped transformer in a format: what it says of the file
    beforehand, and how far its result is from that of the shipped one."""
    file = next(iter(bundled("diffusion_models").values()))
    read = read_file(file)
    layers = linear_layers(VideoDiT(dit_of(read).config), "blocks.")
    save_file(quantised(read.state, layers, name)[0], OUT / f"{name}.safetensors", read.header)
    folder_paths.add_model_folder_path("diffusion_models", str(OUT))
    made = []
    for each in (f"{name}.safetensors", file.name):
        parts = [each, *(next(iter(bundled(folder))) for folder in ("text_encoders", "vae"))]
        accepted = SpacetimeLoadModels.validate_inputs(*parts)
        model, clip, _ = SpacetimeLoadModels.execute(*parts, "fp32").args
        texts = [host.models.encode_prompt(clip, text) for text in ("a red cube", "")]
        made.append((accepted, sample(model, texts)))
    (accepted, ours), (_, wanted) = made
    return accepted, apart(ours, wanted)


def measure():
    network = VideoDiT(DIT)
    state, layers = random_state(network), linear_layers(network, "blocks.")
    contexts = torch.randn(2, 1, LENGTH, 64, generator=seeded(3))
    prompts = [[[context, {}]] for context in contexts]
    report(
        formats=sorted(KEEP),
        models={name: models(name, state, layers, prompts) for name in KEEP},
        bf16=bf16(state, layers, prompts),
        text=texts(),
        shipped={name: shipped(name) for name in ("float8_e4m3fn", "nvfp4")},
    )


with torch.inference_mode():
    measure()
