"""Context Windows: denoise clips longer than a model was trained on, in overlapping parts."""

from typing import Any

from ...hosts import host, io
from ...samplers.window_plans import BLENDS, SCHEDULES, WindowPlan
from ...samplers.windows import context_windows
from ..helpers.advanced import advanced
from ..helpers.guiders import guider_input, guider_output
from ..helpers.refusal import refusal
from ..helpers.search import search_words

FROM_NOTHING = (
    "context windows generate this clip from noise alone: frames more than a window apart barely "
    "influence each other, so things change over time; for a long clip from a prompt use Sample "
    "Long Video, which shows each part the end of the previous one, and use context windows where "
    "every frame has something to follow, such as a video to edit or a ControlNet"
)


class SpacetimeContextWindows(io.ComfyNode):
    """Denoise a long clip in overlapping windows."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeContextWindows",
            display_name="Context Windows (Long Video)",
            category="Spacetime/Timeline",
            description="Denoises a clip longer than the model was trained on in overlapping "
            "windows and blends them at every step. Best when every frame has something to follow: "
            "a video to edit, a ControlNet.",
            **search_words(
                "animatediff",
                "sliding context",
                "sliding window",
                "context options",
                "uniform context",
                "multidiffusion",
                "svd long",
                "infinite length",
            ),
            inputs=[
                guider_input(),
                *_sizes(),
                *_ways(),
                io.Int.Input(
                    "context_stride",
                    default=1,
                    min=1,
                    max=8,
                    **advanced(),
                    tooltip="1: windows of neighbouring frames. 2 adds windows of every second "
                    "frame, 3 also of every fourth; these hold a long clip together, and each adds "
                    "the same cost again. For motion modules (AnimateDiff); video models mistake "
                    "the gaps for fast motion.",
                ),
                io.Boolean.Input(
                    "closed_loop",
                    default=False,
                    **advanced(),
                    tooltip="Let windows wrap around from the end of the clip to its beginning. "
                    "For loops with motion modules (AnimateDiff). Seamless Loop latents are always "
                    "closed.",
                ),
            ],
            outputs=[guider_output()],
        )

    @classmethod
    def validate_inputs(
        cls, context_length: int | None, context_overlap: int | None, context_stride: int | None
    ) -> Any:
        """Reject windows that leave frames out before the graph runs."""
        return refusal(
            lambda length, overlap, stride: WindowPlan(
                length=length, overlap=overlap, stride=stride
            ),
            context_length,
            context_overlap,
            context_stride,
        )

    @classmethod
    def execute(
        cls,
        guider: Any,
        context_length: int,
        context_overlap: int,
        context_schedule: str,
        fuse_method: str,
        context_stride: int = 1,
        closed_loop: bool = False,
    ) -> io.NodeOutput:
        """Add the windows to the guider."""
        plan = WindowPlan(
            length=context_length,
            overlap=context_overlap,
            schedule=context_schedule,
            blend=fuse_method,
            stride=context_stride,
            closed=closed_loop,
        )
        led = bool(host().sampling.about(guider).controls)

        def from_nothing() -> None:
            if not led:
                host().session.warn(FROM_NOTHING)

        wrapper = context_windows(plan, from_nothing=from_nothing)
        return io.NodeOutput(host().sampling.with_wrapper(guider, wrapper))


def _sizes() -> list[Any]:
    return [
        io.Int.Input(
            "context_length",
            default=16,
            min=2,
            max=1024,
            tooltip="Latent frames the model sees at once, as many as it was trained on: 16 for "
            "AnimateDiff, 14 or 25 for SVD, 21 for Wan (81 frames of video), 9 to 13 for the "
            "tiny model. A clip that fits into one window is denoised as a whole.",
        ),
        io.Int.Input(
            "context_overlap",
            default=4,
            min=0,
            max=1023,
            tooltip="Latent frames that neighbouring windows share: a quarter to a half of the "
            "length. More is smoother and slower.",
        ),
    ]


def _ways() -> list[Any]:
    return [
        io.Combo.Input(
            "context_schedule",
            options=list(SCHEDULES),
            default="uniform",
            tooltip="uniform: window borders shift at every step, which hides them best. static: "
            "borders stay in place; use it with Step Cache or momentum, which store values per "
            "window. batched: side by side without overlap; fastest, but with visible jumps.",
        ),
        io.Combo.Input(
            "fuse_method",
            options=list(BLENDS),
            default="pyramid",
            tooltip="How frames are weighted where windows overlap. pyramid and relative: more "
            "towards the middle of each window. overlap-linear: fade within the overlaps only. "
            "flat: all equal, which shows the borders.",
        ),
    ]


NODES: list[type[Any]] = [SpacetimeContextWindows]
