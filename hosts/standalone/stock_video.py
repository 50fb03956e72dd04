"""ComfyUI's own video nodes for the standalone host: same ids, inputs and outputs."""

from fractions import Fraction

from torch import Tensor

from ...media import QUALITY, FrameStream
from ..audio import Audio
from . import io, ui
from .folders import folders, found
from .saving import graph_metadata, numbered_output, saved_result, usable_prefix
from .video import CODECS, FORMATS, SDR, Video, VideoFromComponents, VideoFromFile

RE_ENCODE = "re-encode"


class LoadVideo(io.ComfyNode):
    """Loads a video file from the input folder as a VIDEO."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """List the input folder's videos."""
        return io.Schema(
            node_id="LoadVideo",
            display_name="Load Video",
            category="image/video",
            inputs=[
                io.Combo.Input(
                    "file", options=folders().names("video"), upload=io.UploadType.video
                ),
            ],
            outputs=[io.Video.Output()],
        )

    @classmethod
    def validate_inputs(cls, file: str | None) -> bool | str:
        """Check that the file exists; if not, name some that do."""
        return found(file, "video")

    @classmethod
    def fingerprint_inputs(cls, file: str) -> tuple[int, ...]:
        """Return the file's time, size and inode, which change with the file."""
        state = folders().find(file, "video").stat()
        return state.st_mtime_ns, state.st_size, state.st_ino

    @classmethod
    def execute(cls, file: str) -> io.NodeOutput:
        """Return the VIDEO; the file is read when the VIDEO is used."""
        return io.NodeOutput(VideoFromFile(folders().find(file, "video")))


class GetVideoComponents(io.ComfyNode):
    """Splits a VIDEO into frames, sound, rate, bit depth and colour space.

    The audio of a silent video is None.
    """

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Outputs as in ComfyUI since 0.33; older versions have the first three."""
        return io.Schema(
            node_id="GetVideoComponents",
            display_name="Get Video Components",
            category="image/video",
            description="Returns a video's frames, sound and frame rate.",
            inputs=[io.Video.Input("video", tooltip="The video to split.")],
            outputs=[
                io.Image.Output(display_name="images"),
                io.Audio.Output(display_name="audio"),
                io.Float.Output(display_name="fps"),
                io.Int.Output(display_name="bit_depth"),
                io.Combo.Output(display_name="color_space"),
            ],
        )

    @classmethod
    def execute(cls, video: Video) -> io.NodeOutput:
        """Decode all frames and the sound."""
        parts = video.get_components()
        kind = video.get_bit_depth(), video.get_color_space()
        return io.NodeOutput(parts.images, parts.audio, float(parts.frame_rate), *kind)


class CreateVideo(io.ComfyNode):
    """Creates a VIDEO from frames, a rate and sound."""

    takes_streams = frozenset({"images"})

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Inputs as in ComfyUI since 0.33; older versions have the first three."""
        return io.Schema(
            node_id="CreateVideo",
            display_name="Create Video",
            category="image/video",
            description="Creates a video from images.",
            inputs=[
                io.Image.Input("images", tooltip="The frames in order."),
                io.Float.Input(
                    "fps", default=30.0, min=1.0, max=120.0, step=1.0, tooltip="Frames per second."
                ),
                io.Audio.Input(
                    "audio",
                    optional=True,
                    tooltip="The video's sound; it is cut at the end of the last frame.",
                ),
                io.Int.Input(
                    "bit_depth",
                    default=8,
                    min=8,
                    max=10,
                    step=2,
                    optional=True,
                    tooltip="10 keeps smoother gradients, but not every player can show them.",
                ),
            ],
            outputs=[io.Video.Output()],
        )

    @classmethod
    def execute(
        cls,
        images: Tensor | FrameStream,
        fps: float,
        audio: Audio | None = None,
        bit_depth: int = 8,
    ) -> io.NodeOutput:
        """Bind the frames to their rate and sound."""
        return io.NodeOutput(VideoFromComponents(images, Fraction(fps), audio, bit_depth))


class SaveVideo(io.ComfyNode):
    """Saves a VIDEO as a numbered MP4 in the output folder."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Inputs as in ComfyUI; `encoding` and all after it exist since 0.33."""
        return io.Schema(
            node_id="SaveVideo",
            display_name="Save Video",
            category="image/video",
            description="Saves a video to the output folder.",
            inputs=[
                io.Video.Input("video", tooltip="The video to save."),
                io.String.Input(
                    "filename_prefix",
                    default="video/ComfyUI",
                    tooltip="Prefix of the file name; may contain subfolders.",
                ),
                io.Combo.Input(
                    "format", options=list(FORMATS), default="auto", tooltip="The file's format."
                ),
                io.Combo.Input(
                    "codec", options=list(CODECS), default="auto", tooltip="The video's codec."
                ),
                io.Combo.Input(
                    "encoding",
                    options=["auto", RE_ENCODE],
                    default="auto",
                    optional=True,
                    tooltip="Whether to re-encode, at crf, a file that could be copied.",
                ),
                io.Float.Input(
                    "crf",
                    default=QUALITY,
                    min=0.0,
                    max=51.0,
                    step=1.0,
                    optional=True,
                    tooltip="Quality when re-encoded: 0 is lossless, 51 the smallest file.",
                ),
                io.Combo.Input(
                    "color_space",
                    options=["auto", SDR],
                    default="auto",
                    optional=True,
                    tooltip="Colour space of the file; this host writes sRGB.",
                ),
            ],
            outputs=[io.Video.Output(display_name="video", tooltip="The input video.")],
            hidden=[io.Hidden.prompt, io.Hidden.extra_pnginfo],
            is_output_node=True,
        )

    @classmethod
    def validate_inputs(cls, filename_prefix: str | None) -> bool | str:
        """Check the name before anything is computed."""
        return usable_prefix(io.FolderType.output, filename_prefix)

    @classmethod
    def execute(
        cls,
        video: Video,
        filename_prefix: str,
        format: str,
        codec: str,
        encoding: str = "auto",
        crf: float = QUALITY,
        color_space: str = "auto",
    ) -> io.NodeOutput:
        """Write the file with the graph in its metadata."""
        width, height = video.get_dimensions()
        quality = crf if encoding == RE_ENCODE else None
        with numbered_output(
            io.FolderType.output, filename_prefix, ".mp4", width=width, height=height
        ) as saved:
            tags = graph_metadata(cls.hidden)
            video.save_to(
                saved.unfinished, format=format, codec=codec, metadata=tags, crf=quality,
                own_tags=folders().metadata,
            )  # fmt: skip
        shown = ui.PreviewVideo([saved_result(saved.path, io.FolderType.output)])
        return io.NodeOutput(video, ui=shown)


NODES = [LoadVideo, GetVideoComponents, CreateVideo, SaveVideo]
