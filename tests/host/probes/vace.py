"""ComfyUI's VACE network and the pack's base with its branch, on the same random weights."""
# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false

from setting import report, seeded, vae_weights  # isort: skip

from functools import partial
from types import SimpleNamespace

import comfy.ops
import torch
from comfy.ldm.wan.model import VaceWanModel
from comfy_extras.nodes_wan import WanVaceToVideo

from spacetime_video.hosts.comfyui.host import ComfyHost
from spacetime_video.hosts.control import Hint, Steering
from spacetime_video.models.control.config import ControlConfig
from spacetime_video.models.control.network import ResidualBranch
from spacetime_video.models.dit.config import DiTConfig
from spacetime_video.models.dit.network import VideoDiT
from spacetime_video.models.hooks import BlockHooks
from spacetime_video.models.latent_format import WAN21_LATENT
from spacetime_video.models.patchify import to_patches
from spacetime_video.samplers.clips import REFERENCES_KEY, clips_of_latent
from spacetime_video.samplers.control import BoundControl, ControlStrength, HintState

SIZES = {"dim": 48, "heads": 2, "ffn_dim": 64}
BASE = DiTConfig(layers=4, text_dim=32, text_length=12, freq_dim=32, **SIZES)
BRANCH = ControlConfig(design="residual", after=(0, 2), base_dim=48, hint_channels=96, **SIZES)


def theirs():
    model = VaceWanModel(
        text_len=12,
        dim=48,
        ffn_dim=64,
        freq_dim=32,
        text_dim=32,
        num_heads=2,
        num_layers=4,
        vace_layers=2,
        vace_in_dim=96,
        device="cpu",
        dtype=torch.float32,
        operations=comfy.ops.disable_weight_init,
    )
    generator = seeded(0)
    for weight in model.parameters():
        weight.copy_(torch.randn(weight.shape, generator=generator) * 0.15)
    return model.eval()


def ours(state):
    branch = {name: weight for name, weight in state.items() if name.startswith("vace_")}
    base = {name: weight for name, weight in state.items() if name not in branch}
    network, beside = VideoDiT(BASE), ResidualBranch(BRANCH)
    network.load_state_dict(base, strict=True)
    beside.load_state_dict(branch, strict=True)
    return network.eval(), beside.eval()


def hint_channels():
    """What ComfyUI's node and model make of a control video and a reference, and the pack does."""
    host = ComfyHost()
    vae = host.models.make_vae(vae_weights(), dtype="fp32")
    video = torch.rand(9, 64, 48, 3, generator=seeded(5))
    reference = torch.rand(1, 64, 48, 3, generator=seeded(6))
    # the control video is encoded by ComfyUI's node, and normalised by its model
    sizes = (48, 64, 9, 1, 1.0)
    node = WanVaceToVideo.execute(
        [["", {}]], [["", {}]], vae, *sizes, video, reference_image=reference
    )
    told, noise = node[0][0][1], node[2]["samples"]
    frames = [WAN21_LATENT.normalise(part) for part in told["vace_frames"][0].split(16, 1)]
    wanted = torch.cat([*frames, told["vace_mask"][0]], dim=1)
    branch = SimpleNamespace(control=BRANCH)
    encode = partial(encode_frames, host, vae)
    hint = Hint(video, encode, host.models.vae_format(vae), reference)
    room = {REFERENCES_KEY: node[3], "first_frame": -node[3]}
    clips = clips_of_latent(room, noise, WAN21_LATENT.compression)
    state = Steering(branch, WAN21_LATENT, (hint,), ControlStrength()).state(clips, BRANCH.patch)
    return float((state.hint - wanted).abs().max()), list(wanted.shape)


def encode_frames(host, vae, frames, loop):
    return host.models.encode_video(vae, frames, loop=loop)


def measure():
    model = theirs()
    network, branch = ours(model.state_dict())
    generator = seeded(1)
    x = torch.randn(2, 16, 3, 8, 6, generator=generator)
    text = torch.randn(2, 12, 32, generator=generator)
    hints = torch.randn(2, 2, 96, 3, 8, 6, generator=generator)
    sigma, strengths = torch.tensor([0.3, 0.9]), [0.7, 0.4]
    told = {"vace_context": hints, "vace_strength": strengths}
    wanted = model(x, sigma * 1000, text, transformer_options={}, **told)
    contexts = [branch.prepare(text, network.embed_text)]
    controls = tuple(
        BoundControl(branch, contexts, HintState(to_patches(hints[:, n])), strength, (1.0, 1.0))
        for n, strength in enumerate(strengths)
    )
    prepared = [network.prepare(text)]
    made = network(x, sigma, prepared, hooks=BlockHooks(branches=controls))
    hint, shape = hint_channels()
    report(
        hint=hint,
        hint_shape=shape,
        difference=float((made - wanted).abs().max()),
        size=float(wanted.abs().mean()),
        acts=float((network(x, sigma, prepared) - wanted).abs().max()),
    )


with torch.inference_mode():
    measure()
