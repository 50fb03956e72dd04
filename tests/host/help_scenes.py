"""What is shown around a node on its help page, where no example graph has these neighbours."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple


class Part(NamedTuple):
    """A node whose first output feeds the node that is shown, and values of its widgets."""

    kind: str
    values: Mapping[str, object]


class Follower(NamedTuple):
    """An output of the node that is shown, the node that it feeds and the input there."""

    output: str
    kind: str
    input: str


@dataclass(frozen=True)
class Scene:
    """A node's widgets, what feeds its inputs, by their names, and what it feeds."""

    values: Mapping[str, object] = field(default_factory=dict)
    before: Mapping[str, Part] = field(default_factory=dict)
    after: tuple[Follower, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Arguments of ``BUILD``."""
        return asdict(self)


BUILD = """
([wanted, scene]) => {
  app.graph.clear()
  const make = (kind, values) => {
    const node = LiteGraph.createNode(kind)
    app.graph.add(node)
    for (const [name, value] of Object.entries(values)) {
      const widget = node.widgets.find((each) => each.name === name)
      if (!widget) throw new Error(`${kind} has no ${name}`)
      widget.value = value
    }
    return node
  }
  const wire = (node, output, target, input) => {
    if (!node.connect(output, target, input))
      throw new Error(`no wire from ${node.type} ${output} to ${target.type} ${input}`)
  }
  const node = make(wanted, scene.values)
  for (const [input, [kind, values]] of Object.entries(scene.before))
    wire(make(kind, values), 0, node, input)
  for (const [output, kind, input] of scene.after)
    wire(node, output, make(kind, {}), input)
}
"""
"""Make a scene in the editor."""

FRESH = {"nodes": [], "links": [], "groups": [], "config": {}, "extra": {}, "version": 0.4}
"""A graph without nodes."""

SAMPLE, PLOT, SPACED = "SpacetimeSample", "SpacetimeSchedulePlot", "SpacetimeSpacedSchedule"
BETA = {"spacing": "beta", "steps": 20, "shift": 3}
SCHEDULE = Part("SpacetimeSchedule", {"steps": 30, "shift": 3})
LARGE = {"width": 832, "height": 480, "frames": 81}
TO_PLOT = (Follower("SIGMAS", PLOT, "sigmas"),)


def _to_sample(output: str, input: str) -> tuple[Follower, ...]:
    return (Follower(output, SAMPLE, input),)


def _guidance(scale: float, **values: object) -> Scene:
    before = {"guider": Part("SpacetimeDenoiser", {"guidance": scale})}
    return Scene(values, before, _to_sample("GUIDER", "guider"))


def _noise(seed: int) -> Part:
    return Part("SpacetimeNoise", {"seed": seed, "control_after_generate": "fixed"})


def _schedule(values: Mapping[str, object], **before: Part) -> Scene:
    return Scene(values, before, _to_sample("SIGMAS", "sigmas"))


VAE = Part("VAELoader", {"vae_name": "wan_2.1_vae.safetensors"})


def _timeline(values: Mapping[str, object], **before: Part) -> Scene:
    """What is given, and the VAE that encodes it, lead to Sample."""
    return Scene(values, {**before, "vae": VAE}, _to_sample("LATENT", "latent"))


VACE = {"control_net": "wan_2.1_vace.safetensors"}
CLIP = Part("GetVideoComponents", {})
PICTURE = Part("LoadImage", {"image": "picture.png"})

TRACKS = Part("SpacetimeDrawMotion", {"path": '[{"x": 20, "y": 40}, {"x": 90, "y": 40}]'})
FLOW = Part("SpacetimeFlowFromTracks", {})

RUN = {
    "guider": Part("SpacetimeDenoiser", {"guidance": 4}),
    "noise": _noise(2),
    "sampler": Part("SpacetimeSolver", {"solver": "unipc"}),
}
STOPPED = {"state": Part("SpacetimeSampleSteps", {"stop_after": 8})}
GO_ON = (
    Follower("state", "SpacetimeResumeSampling", "state"),
    Follower("denoised_output", "SpacetimeDecodeVideo", "latent"),
)

CONTROL = {"control_net": Part("SpacetimeLoadControlNet", VACE)}
APPLIED = (Follower("CONTROL_NET", "SpacetimeApplyControlNet", "control_net"),)


def _hint(frames: int = 1, **values: object) -> Scene:
    """A clip, and the ControlNet that its hint is for."""
    form = {"seed": 6, "width": 256, "height": 256, "frames": frames, "kind": "pair"}
    after = (Follower("IMAGE", "ControlNetApplyAdvanced", "image"),)
    fixed = {"control_after_generate": "fixed"}
    return Scene(values, {"images": Part("SpacetimeExampleClip", {**form, **fixed})}, after)


SCENES: Mapping[str, Scene] = {
    "SpacetimeControlOverFrames": Scene({}, CONTROL, APPLIED),
    "SpacetimeControlOverSteps": Scene({}, CONTROL, APPLIED),
    "SpacetimeControlPerLayer": Scene({}, CONTROL, APPLIED),
    "SpacetimeControlInRegion": Scene(
        {"feather": 8},
        {
            **CONTROL,
            "mask": Part("LoadImageMask", {"image": "mask.png", "channel": "red"}),
            "image": PICTURE,
        },
        APPLIED,
    ),
    "SpacetimePlotControl": Scene(
        {},
        {
            "conditioning": Part("SpacetimeApplyControlNet", {"strength": 0.8}),
            "model": Part("UNETLoader", {}),
            "sigmas": SCHEDULE,
            "latent": Part("SpacetimeEmptyVideo", LARGE),
        },
    ),
    "SpacetimeAttentionGuidance": _guidance(1),
    "SpacetimeCFGZeroStar": _guidance(5),
    "SpacetimeGuidanceInterval": _guidance(5),
    "SpacetimeGuidanceOverFrames": _guidance(3),
    "SpacetimeGuidanceOverSteps": _guidance(6),
    "SpacetimeGuidanceRescale": _guidance(7),
    "SpacetimeProjectedGuidance": _guidance(9, momentum=-0.5, threshold=0.2),
    "SpacetimeSkipLayerGuidance": _guidance(4, blocks="9, 10"),
    "SpacetimeStepCache": _guidance(5, threshold=0.1),
    "SpacetimeFrameSeeds": Scene(
        {"seeds": "0: 5, 3-4: 17"}, {"noise": _noise(1)}, _to_sample("NOISE", "noise")
    ),
    "SpacetimeMixNoise": Scene(
        {"share": 0.2}, {"first": _noise(1), "second": _noise(2)}, _to_sample("NOISE", "noise")
    ),
    "SpacetimeWarpedNoise": Scene(
        {"fresh": 0.3, "control_after_generate": "fixed"},
        {"flow": FLOW},
        _to_sample("NOISE", "noise"),
    ),
    "SpacetimeCameraMove": Scene(
        {"pan": 8, "zoom": 1.3, "easing": "ease in and out"},
        {"image": PICTURE},
        (Follower("tracks", "SpacetimeDragAndAnimate", "tracks"),),
    ),
    "SpacetimeFlowFromTracks": Scene(
        {},
        {"image": PICTURE, "tracks": TRACKS},
        (Follower("flow", "SpacetimeWarpedNoise", "flow"),),
    ),
    "SpacetimeTracksFromFlow": Scene(
        {}, {"flow": FLOW}, (Follower("tracks", "SpacetimeShowTracks", "tracks"),)
    ),
    "SpacetimeShiftNoise": Scene({"frames": 5}, {"noise": _noise(1)}, _to_sample("NOISE", "noise")),
    "SpacetimeLoadLora": Scene(
        {"lora": "wan_lightning_4_steps.safetensors"},
        {"model": Part("SpacetimeLoadModels", {})},
        (Follower("MODEL", "SpacetimeDenoiser", "model"),),
    ),
    "SpacetimeLoadControlNet": Scene(
        VACE, {}, (Follower("CONTROL_NET", "SpacetimeApplyControlNet", "control_net"),)
    ),
    "SpacetimeApplyControlNet": Scene(
        {"strength": 0.8, "end_percent": 0.6},
        {
            "positive": Part("SpacetimeEncodePrompt", {"text": "a red cube rolls at day"}),
            "negative": Part("SpacetimeEncodePrompt", {"text": ""}),
            "control_net": Part("SpacetimeLoadControlNet", VACE),
            "image": CLIP,
            "vae": VAE,
        },
        (Follower("positive", "SpacetimeDenoiser", "positive"),),
    ),
    "SpacetimeAppendConditioning": Scene(
        {},
        {
            "positive": Part("SpacetimeEncodePrompt", {"text": "a red cube rolls at day"}),
            "negative": Part("SpacetimeEncodePrompt", {"text": ""}),
            "next_positive": Part("SpacetimeEncodePrompt", {"text": "a blue cone falls"}),
            "next_negative": Part("SpacetimeEncodePrompt", {"text": ""}),
        },
        (Follower("positive", "SpacetimeDenoiser", "positive"),),
    ),
    "SpacetimePromptsPerClip": Scene(
        after=(Follower("CONDITIONING", "SpacetimeDenoiser", "positive"),)
    ),
    "SpacetimePromptSchedule": Scene(
        {"text": "0: a red cube moves left at day\n2: a red cube spins at day"},
        after=(Follower("CONDITIONING", "SpacetimeDenoiser", "positive"),),
    ),
    "SpacetimeLCMSampler": Scene(after=_to_sample("SAMPLER", "sampler")),
    "SpacetimeSampleSteps": Scene(
        {"stop_after": 8},
        {**RUN, "sigmas": SCHEDULE, "latent": Part("SpacetimeEmptyVideo", LARGE)},
        GO_ON,
    ),
    "SpacetimeResumeSampling": Scene(
        {}, {**RUN, **STOPPED}, (Follower("output", "SpacetimeDecodeVideo", "latent"),)
    ),
    "SpacetimeSaveSamplingState": Scene({}, STOPPED),
    "SpacetimeLoadSamplingState": Scene(
        {"file": "states/spacetime_00001_.state.safetensors [output]"}, {}, GO_ON
    ),
    "SpacetimeAnimateImage": _timeline({"width": 832, "height": 480, "frames": 81}, image=PICTURE),
    "SpacetimeExtendForward": _timeline({"frames": 48}, images=CLIP),
    "SpacetimeExtendBackward": _timeline({"frames": 48}, images=CLIP),
    "SpacetimeConnectClips": _timeline({"frames": 32}, first=CLIP, second=CLIP),
    "SpacetimeCloseLoop": _timeline({"frames": 32}, images=CLIP),
    "SpacetimeConverge": _timeline(
        {"frames": 32}, ending=CLIP, beginning_1=CLIP, beginning_2=CLIP, beginning_3=CLIP
    ),
    "SpacetimeBranch": _timeline({"frames": 48}, beginning=CLIP),
    "SpacetimeEditVideo": _timeline({"strength": 0.7}, images=CLIP),
    "SpacetimeInpaintVideo": _timeline(
        {"grow": 8},
        images=CLIP,
        mask=Part("LoadImageMask", {"image": "mask.png", "channel": "red"}),
    ),
    "SpacetimeOutpaintVideo": _timeline({"left": 176, "right": 176}, images=CLIP),
    "SpacetimeSeamlessLoop": Scene(
        {"width": 832, "height": 480, "frames": 64}, {}, _to_sample("LATENT", "latent")
    ),
    "SpacetimeContextWindows": Scene(
        {"context_length": 21, "context_overlap": 6},
        {"guider": Part("SpacetimeDenoiser", {"guidance": 4})},
        _to_sample("GUIDER", "guider"),
    ),
    "SpacetimeFlowEdit": Scene(
        {},
        {
            "guider": Part("SpacetimeDenoiser", {"guidance": 3}),
            "source_positive": Part("SpacetimeEncodePrompt", {"text": "a blue cube rolls"}),
        },
        _to_sample("GUIDER", "guider"),
    ),
    "SpacetimeSampleLongVideo": Scene(
        {},
        {**RUN, "sigmas": SCHEDULE, "latent": Part("SpacetimeEmptyVideo", {"frames": 961})},
        (Follower("LATENT", "SpacetimeDecodeTimeline", "latent"),),
    ),
    "SpacetimeTwoExperts": Scene(
        {"boundary": 0.875},
        {
            "high_noise": Part("SpacetimeDenoiser", {"guidance": 4}),
            "low_noise": Part("SpacetimeDenoiser", {"guidance": 3}),
        },
        _to_sample("GUIDER", "guider"),
    ),
    "SpacetimeEncodeFile": _timeline(
        {"width": 832, "height": 480, "frames": 81, "fps": 16},
        video=Part("LoadVideo", {"file": "video.mp4"}),
    ),
    "SpacetimeDecodeToFile": Scene(
        {}, {"latent": Part(SAMPLE, {}), "vae": VAE}, (Follower("VIDEO", "SaveVideo", "video"),)
    ),
    "SpacetimeMeasureVideo": Scene(
        {},
        {"images": Part("SpacetimeDecodeTimeline", {}), "latent": Part(SAMPLE, {})},
        (Follower("IMAGE", "PreviewImage", "images"),),
    ),
    "SpacetimeCustomSchedule": Scene({"levels": "1, 0.8, 0.4, 0"}, {}, TO_PLOT),
    SPACED: Scene(BETA, {}, TO_PLOT),
    PLOT: Scene(
        {"labels": "shift 3, beta"},
        {
            "sigmas": Part("SpacetimeSchedule", {"steps": 20, "shift": 3}),
            "sigmas_2": Part(SPACED, BETA),
        },
    ),
    "SpacetimeFitVideo": Scene(
        {"how": "pad"},
        {
            "images": Part("SpacetimeExampleClip", {"width": 96, "frames": 21}),
            "latent": Part("SpacetimeEmptyVideo", {}),
        },
        (Follower("IMAGE", "PreviewImage", "images"),),
    ),
    "SpacetimeCannyEdges": _hint(),
    "SpacetimeSoftEdges": _hint(),
    "SpacetimeLineArt": _hint(),
    "SpacetimeLuminance": _hint(),
    "SpacetimeLowDetail": _hint(factor=12),
    "SpacetimeOpticalFlow": _hint(5, fastest=1),
    "SpacetimeToyWorldHints": Scene(
        {
            "seed": 6,
            "control_after_generate": "fixed",
            "width": 256,
            "height": 256,
            "kind": "pair",
            "fastest": 1,
        },
        {},
        (Follower("depth", "ControlNetApplyAdvanced", "image"),),
    ),
    "SpacetimeFewStepSchedule": _schedule({"grid": "lightning_4"}),
    "SpacetimeLCMSchedule": _schedule({"steps": 4, "shift": 3}),
    "SpacetimeModelSchedule": _schedule({"steps": 30}, model=Part("SpacetimeLoadModels", {})),
    "SpacetimeStretchSchedule": _schedule({"terminal": 0.1}, sigmas=SCHEDULE),
    "SpacetimeShiftForSize": Scene(
        {},
        {"latent": Part("SpacetimeEmptyVideo", {"width": 1280, "height": 720, "frames": 81})},
        (Follower("shift", "SpacetimeSchedule", "shift"),),
    ),
}
"""Scenes by the ids of the nodes that they show."""
