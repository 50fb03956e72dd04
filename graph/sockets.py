"""Socket types of the node schema: the subset of `comfy_api.v0_0_2.io` that the nodes use.

Every type has `.Input(id, ...)` and `.Output(id, ...)`. A node that runs with these classes also
runs with ComfyUI's. Options after the first five are keyword-only, which ComfyUI accepts too.
"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, field
from enum import Enum, StrEnum
from typing import Any, ClassVar


class FolderType(StrEnum):
    """The host's folder that a file is in."""

    input = "input"
    output = "output"
    temp = "temp"


class UploadType(StrEnum):
    """Kind of upload button that the editor shows beside a combo."""

    image = "image_upload"
    audio = "audio_upload"
    video = "video_upload"
    model = "file_upload"


class NumberDisplay(StrEnum):
    """How the editor draws a number widget."""

    number = "number"
    slider = "slider"


@dataclass(eq=False)
class Input:
    """An input of a node: a socket without a widget."""

    io_type: ClassVar[str] = "*"

    id: str
    display_name: str | None = None
    optional: bool = False
    tooltip: str | None = None
    lazy: bool | None = None
    _: KW_ONLY
    extra_dict: dict[str, Any] = field(default_factory=dict)

    def get_io_type(self) -> str:
        """Return the socket's type; several types are separated by commas."""
        return self.io_type


@dataclass(eq=False)
class WidgetInput(Input):
    """An input that the editor draws as a widget, so that it can hold a value itself."""

    _: KW_ONLY
    default: Any = None
    socketless: bool | None = None
    widget_type: str | None = None
    force_input: bool | None = None
    advanced: bool | None = None

    def get_io_type(self) -> str:
        """Return the widget's type if one is set, otherwise the socket's."""
        return self.widget_type or self.io_type


@dataclass(eq=False)
class Output:
    """An output of a node; with `is_output_list`, downstream nodes run once per item."""

    io_type: ClassVar[str] = "*"

    id: str | None = None
    display_name: str | None = None
    tooltip: str | None = None
    is_output_list: bool = False

    def get_io_type(self) -> str:
        """Return the socket's type; several types are separated by commas."""
        return self.io_type


class SocketType:
    """A socket type named `io_type`, with the nested classes `Input` and `Output` for its ends."""

    io_type: ClassVar[str] = "*"
    Type: ClassVar[Any] = Any

    def __init_subclass__(cls, *, io_type: str) -> None:
        cls.io_type = io_type
        for end in ("Input", "Output"):
            if base := getattr(cls, end, None):
                setattr(cls, end, type(end, (base,), {"io_type": io_type}))


class ComfyTypeIO(SocketType, io_type="*"):
    """A socket type without a widget."""

    class Input(Input):
        """An input of this type."""

    class Output(Output):
        """An output of this type."""


def Custom(io_type: str) -> type[ComfyTypeIO]:  # noqa: N802 (the host's name)
    """Return a socket type of the given name; types of equal names are compatible."""
    return type(f"Custom_{io_type}", (ComfyTypeIO,), {}, io_type=io_type)


class Boolean(SocketType, io_type="BOOLEAN"):
    """True or false."""

    Type = bool

    @dataclass(eq=False)
    class Input(WidgetInput):
        """Boolean input."""

        _: KW_ONLY
        label_on: str | None = None
        label_off: str | None = None

    class Output(Output):
        """An output of this type."""


class Int(SocketType, io_type="INT"):
    """A whole number."""

    Type = int

    @dataclass(eq=False)
    class Input(WidgetInput):
        """Integer input; `control_after_generate` adds the editor's seed control."""

        _: KW_ONLY
        min: int | None = None
        max: int | None = None
        step: int | None = None
        control_after_generate: bool | None = None
        display_mode: NumberDisplay | None = None

    class Output(Output):
        """An output of this type."""


class Float(SocketType, io_type="FLOAT"):
    """A real number."""

    Type = float

    @dataclass(eq=False)
    class Input(WidgetInput):
        """Float input."""

        _: KW_ONLY
        min: float | None = None
        max: float | None = None
        step: float | None = None
        round: float | None = None
        display_mode: NumberDisplay | None = None

    class Output(Output):
        """An output of this type."""


class String(SocketType, io_type="STRING"):
    """A string."""

    Type = str

    @dataclass(eq=False)
    class Input(WidgetInput):
        """String input."""

        _: KW_ONLY
        multiline: bool = False
        placeholder: str | None = None
        dynamic_prompts: bool | None = None

    class Output(Output):
        """An output of this type."""


class Combo(SocketType, io_type="COMBO"):
    """One of a list of values."""

    Type = str

    @dataclass(eq=False)
    class Input(WidgetInput):
        """Combo input; `options` is a list, or an Enum whose values are the list."""

        def __init__(
            self,
            id: str,
            options: list[str] | list[int] | type[Enum] | None = None,
            display_name: str | None = None,
            optional: bool = False,
            tooltip: str | None = None,
            lazy: bool | None = None,
            *,
            default: str | int | Enum | None = None,
            control_after_generate: bool | None = None,
            upload: UploadType | None = None,
            image_folder: FolderType | None = None,
            socketless: bool | None = None,
            advanced: bool | None = None,
        ) -> None:
            default = default.value if isinstance(default, Enum) else default
            WidgetInput.__init__(
                self,
                id,
                display_name,
                optional,
                tooltip,
                lazy,
                default=default,
                socketless=socketless,
                advanced=advanced,
            )
            is_enum = isinstance(options, type)
            self.options: list[Any] = [e.value for e in options] if is_enum else list(options or [])
            self.control_after_generate = control_after_generate
            self.upload = upload
            self.image_folder = image_folder

    class Output(Output):
        """Combo output; `options` are the values it may carry."""

        def __init__(
            self,
            id: str | None = None,
            display_name: str | None = None,
            options: list[str] | None = None,
            tooltip: str | None = None,
            is_output_list: bool = False,
        ) -> None:
            super().__init__(id, display_name, tooltip, is_output_list)
            self.options = options or []


class MultiType:
    """An input that takes any of several types."""

    class Input(Input):
        """Input of the given `types`; an input object as `id` provides its widget and options."""

        def __init__(
            self,
            id: str | Input,
            types: list[type[SocketType]],
            display_name: str | None = None,
            optional: bool = False,
            tooltip: str | None = None,
            lazy: bool | None = None,
        ) -> None:
            self.input_override = id if isinstance(id, Input) else None
            own = self.input_override or Input(str(id))
            super().__init__(
                own.id,
                own.display_name or display_name,
                own.optional or optional,
                own.tooltip or tooltip,
                own.lazy if own.lazy is not None else lazy,
            )
            first = [self.input_override.get_io_type()] if self.input_override else []
            self._types = list(dict.fromkeys([*first, *(kind.io_type for kind in types)]))

        def get_io_type(self) -> str:
            """Return the types as a comma-separated set."""
            return ",".join(self._types)


class AnyType(ComfyTypeIO, io_type="*"):
    """Anything."""


class Image(ComfyTypeIO, io_type="IMAGE"):
    """Images (B, H, W, C) in [0, 1]."""


class Mask(ComfyTypeIO, io_type="MASK"):
    """Masks (B, H, W) in [0, 1]."""


class Latent(ComfyTypeIO, io_type="LATENT"):
    """A dict with `samples` (B, C, F, H, W)."""


class Conditioning(ComfyTypeIO, io_type="CONDITIONING"):
    """A list of (embedding, options) pairs."""


class Sampler(ComfyTypeIO, io_type="SAMPLER"):
    """A solver with its options."""


class Sigmas(ComfyTypeIO, io_type="SIGMAS"):
    """Noise levels (steps + 1,) in falling order."""


class Noise(ComfyTypeIO, io_type="NOISE"):
    """A source of noise."""


class Guider(ComfyTypeIO, io_type="GUIDER"):
    """A model with its conditioning and guidance."""


class Clip(ComfyTypeIO, io_type="CLIP"):
    """A text encoder."""


class Vae(ComfyTypeIO, io_type="VAE"):
    """A video or image autoencoder."""


class Model(ComfyTypeIO, io_type="MODEL"):
    """A diffusion model."""


class ControlNet(ComfyTypeIO, io_type="CONTROL_NET"):
    """A control network."""


class Video(ComfyTypeIO, io_type="VIDEO"):
    """A video with its frame rate."""


class Audio(ComfyTypeIO, io_type="AUDIO"):
    """A dict with `waveform` (B, C, samples) and `sample_rate`."""
