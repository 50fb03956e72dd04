"""Clips that go through the host's VAEs and video files a few frames at a time."""
# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false

from setting import OUT, random_state, report, seeded, vae_weights  # isort: skip

import io
from fractions import Fraction
from inspect import signature
from pathlib import Path
from types import SimpleNamespace

import av
import comfy.sd
import folder_paths
import torch
from comfy import model_management
from comfy.ldm.wan import vae2_2
from comfy.ldm.wan.vae import WanVAE
from comfy.model_patcher import ModelPatcher
from comfy_api.input_impl import VideoFromComponents, VideoFromFile
from comfy_api.util import VideoComponents
from comfy_extras.nodes_video import SaveVideo

from spacetime_video import hosts
from spacetime_video.hosts.comfyui.host import ComfyHost
from spacetime_video.hosts.standalone import video as standalone
from spacetime_video.media import FrameStream, probe_video, read_video

host = ComfyHost()
hosts.use(host)

from spacetime_video.nodes.video.files import (  # noqa: E402
    SpacetimeDecodeToFile,
    SpacetimeEncodeFile,
)
from spacetime_video.nodes.video.video import SpacetimeEncodeVideo  # noqa: E402

WAN = {"dim_mult": [1, 2, 4, 4], "num_res_blocks": 2, "temperal_downsample": [False, True, True]}
FRAMES, LATENT_FRAMES = 33, 9


def wan21():
    """The host's own VAE of Wan 2.1, in the only size that every version of it takes."""
    return comfy.sd.VAE(sd=random_state(WanVAE(dim=96, z_dim=16, **WAN), 0.03))


def wan22(vae):
    """The same with a small network of Wan 2.2's form."""
    network = vae2_2.WanVAE(dim=8, dec_dim=8, z_dim=16, **WAN).eval()
    network.load_state_dict(random_state(network, 0.2))
    vae.first_stage_model = network.to(vae.vae_dtype)
    places = {"load_device": vae.device, "offload_device": vae.device}
    vae.patcher = ModelPatcher(vae.first_stage_model, **places)
    vae.upscale_ratio = (vae.upscale_ratio[0], 16, 16)
    vae.downscale_ratio = (vae.downscale_ratio[0], 16, 16)
    return vae


def both_ways(vae, side):
    """How far frames and latents of a stream are from those of a whole pass, and its pieces."""
    space = vae.spacial_compression_encode()
    latent = torch.randn(1, 16, LATENT_FRAMES, side, side, generator=seeded(1))
    images = torch.rand(FRAMES, side * space, side * space, 3, generator=seeded(2))
    frames = host.models.decode_stream(vae, latent)
    parts = list(frames.chunks())
    whole = host.models.decode_video(vae, latent)
    circle = host.models.decode_stream(vae, latent, loop=True).whole()
    turned = host.models.decode_video(vae, latent, loop=True)
    encoded = host.models.encode_stream(vae, iter(images.split([7, 20, 6])), FRAMES)
    wanted = host.models.encode_video(vae, images)
    return {
        "shape": list(frames.shape) == list(whole.shape) == [FRAMES, *images.shape[1:]],
        "decoded": float((torch.cat(parts) - whole).abs().max()),
        "spread": float(whole.std()),
        "pieces": [len(part) for part in parts],
        "loop": float((circle - turned).abs().max()),
        "encoded": float((encoded - wanted).abs().max()),
        "size": float(wanted.abs().mean()),
    }


def image_vae():
    """Stands in for an image VAE: latents of four channels, eight pixels per position."""
    return SimpleNamespace(
        latent_dim=2,
        spacial_compression_encode=lambda: 8,
        decode=lambda z: z[:, :3].repeat_interleave(8, 2).repeat_interleave(8, 3).movedim(1, -1),
        encode=lambda images: images[:, ::8, ::8, [0, 1, 2, 0]].movedim(-1, 1),
    )


def pictures():
    latent = torch.rand(37, 4, 2, 3, generator=seeded(1))
    frames = host.models.decode_stream(image_vae(), latent)
    parts = list(frames.chunks())
    back = host.models.encode_stream(image_vae(), iter(parts), 37)
    whole = image_vae().decode(latent)
    return {
        "pieces": [len(part) for part in parts],
        "equal": bool((torch.cat(parts) == whole).all()),
        "back": float((back[:, :3] - latent[:, :3]).abs().max()),
    }


def tiles(vae):
    """What tiles change, at their borders and elsewhere, and that the host's network has them."""
    latent = torch.randn(1, 16, 2, 2, 48, generator=seeded(3))
    side = 32 * vae.spacial_compression_encode()
    whole = host.models.decode_stream(vae, latent).whole()
    tiled = host.models.decode_stream(vae, latent, tile=side).whole()
    return {
        "shape": list(tiled.shape) == list(whole.shape),
        "mean": float((tiled - whole).abs().mean()),
        "most": float((tiled - whole).abs().max()),
        "spread": float(whole.std()),
    }


def packets(path):
    with av.open(str(path)) as file:
        return [bytes(packet) for packet in file.demux(file.streams.video[0]) if packet.size]


def saved(vae):
    """A file of Decode to Video File, and what the host's Save Video makes of it."""
    latent = {"samples": torch.randn(1, 16, 5, 4, 4, generator=seeded(4)), "fps": 12.0}
    sound = {"waveform": torch.rand(1, 2, 44100, generator=seeded(5)), "sample_rate": 44100}
    video = SpacetimeDecodeToFile.execute(latent, vae, 18.0, sound).args[0]
    made = video.get_stream_source()
    folder_paths.set_output_directory(str(OUT))
    SaveVideo.hidden = SimpleNamespace(prompt={"1": {}}, extra_pnginfo={"workflow": {"id": 1}})
    later = signature(SaveVideo.execute).parameters["codec"].default is None
    SaveVideo.execute(video, "clip", "auto", **({} if later else {"codec": "auto"}))
    copy = OUT / "clip_00001_.mp4"
    info = probe_video(copy)
    return video, {
        "folder": made.startswith(folder_paths.get_temp_directory()),
        "copied": packets(made) == packets(copy),
        "form": [info.frames, info.width, info.height, float(info.fps), info.has_audio],
        "tags": sorted(info.metadata.keys() & {"prompt", "workflow"}),
    }


def encoded(vae, video):
    """Latents of one clip in every form that a VIDEO has."""
    path = video.get_stream_source()
    frames = torch.cat(list(read_video(path)))
    wanted = SpacetimeEncodeVideo.execute(frames, vae, 12.0).args[0]["samples"]
    memory = VideoFromFile(io.BytesIO(Path(path).read_bytes()))
    held = VideoFromComponents(VideoComponents(images=frames, frame_rate=Fraction(12), audio=None))
    made = {"file": video, "memory": memory, "held": held}
    apart, sounds = {}, {}
    for name, each in made.items():
        latent, fps, audio = SpacetimeEncodeFile.execute(each, vae).args
        apart[name] = float((latent["samples"] - wanted).abs().max())
        sounds[name] = None if audio is None else list(audio["waveform"].shape)
        assert fps == latent["fps"] == 12.0
    return {"apart": apart, "sounds": sounds, "trimmed": trimmed(vae, path, frames)}


def taken_apart(video):
    """Shapes of the sound that Get Video Components gives in both hosts, and how far it differs."""
    path = video.get_stream_source()
    theirs = video.get_components().audio
    ours = standalone.VideoFromFile(Path(path)).get_components().audio
    waves = [each["waveform"] for each in (theirs, ours)]
    rates = [each["sample_rate"] for each in (theirs, ours)]
    shapes = [list(wave.shape) for wave in waves]
    return {"shapes": shapes, "rates": rates, "apart": float((waves[0] - waves[1]).abs().max())}


def trimmed(vae, path, frames):
    """Of a video that a node of a later host has trimmed to nine of its frames."""
    try:
        video = VideoFromFile(path, start_time=2 / 12, duration=9 / 12)
    except TypeError:
        return None
    latent, _, audio = SpacetimeEncodeFile.execute(video, vae).args
    wanted = host.models.encode_video(vae, frames[2:11])
    apart = float((latent["samples"] - wanted).abs().max())
    return {"apart": apart, "sound": audio["waveform"].shape[2] / audio["sample_rate"]}


def stopped(vae):
    """What is left of a file whose making the user has stopped after some frames."""
    before = sorted(file.name for file in (OUT / "temp" / "spacetime").iterdir())
    latent = torch.randn(1, 16, 20, 2, 2, generator=seeded(6))
    decode = vae.first_stage_model.decode_chunk
    calls = []

    def interrupting(*given):
        calls.append(None)
        if len(calls) == 3:
            model_management.interrupt_current_processing()
        return decode(*given)

    vae.first_stage_model.decode_chunk = interrupting
    try:
        SpacetimeDecodeToFile.execute({"samples": latent}, vae)
        raised = ""
    except model_management.InterruptProcessingException:
        raised = "interrupted"
    vae.first_stage_model.decode_chunk = decode
    after = sorted(file.name for file in (OUT / "temp" / "spacetime").iterdir())
    return {"raised": raised, "same": before == after, "calls": len(calls)}


def short_of_memory(vae):
    def failing(*_):
        raise torch.OutOfMemoryError("out of memory.")

    decode = vae.first_stage_model.decode_chunk
    vae.first_stage_model.decode_chunk = failing
    try:
        list(host.models.decode_stream(vae, torch.zeros(1, 16, 2, 2, 2)).chunks())
    except torch.OutOfMemoryError as error:
        return str(error)
    finally:
        vae.first_stage_model.decode_chunk = decode
    return ""


def measure():
    folder_paths.set_temp_directory(str(OUT / "temp"))
    SpacetimeDecodeToFile.hidden = SimpleNamespace(prompt={"1": {}}, extra_pnginfo=None)
    ours, theirs = host.models.make_vae(vae_weights(), dtype="fp32"), wan21()
    video, file = saved(ours)
    found = {
        "ours": both_ways(ours, 4),
        "wan21": both_ways(theirs, 2),
        "tiles": {"ours": tiles(ours), "wan21": tiles(theirs)},
        "wan22": both_ways(wan22(theirs), 2),
        "pictures": pictures(),
        "file": file,
        "encoded": encoded(ours, video),
        "taken_apart": taken_apart(video),
        "stopped": stopped(ours),
        "memory": short_of_memory(ours),
    }
    assert isinstance(host.models.decode_stream(ours, torch.zeros(1, 16, 1, 2, 2)), FrameStream)
    report(**found)


with torch.inference_mode():
    measure()
