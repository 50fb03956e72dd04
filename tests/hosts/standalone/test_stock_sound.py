"""Sound of the stock video nodes: taken out of files, carried by VIDEO, written into files."""

from fractions import Fraction

import av
import pytest
import torch

from spacetime_video.graph.executor import Executor
from spacetime_video.graph.registry import Registry
from spacetime_video.hosts.standalone import io
from spacetime_video.hosts.standalone.files import StandaloneFiles
from spacetime_video.hosts.standalone.folders import Folders, use_folders
from spacetime_video.hosts.standalone.stock import stock_nodes
from spacetime_video.hosts.standalone.video import VideoFromComponents, VideoFromFile
from spacetime_video.media import FrameStream, Sound, probe_video, read_sound, write_video

RATE = 16000
FPS = 10

NODES = {node.GET_SCHEMA().node_id: node for node in stock_nodes()}


@pytest.fixture(autouse=True)
def places(tmp_path):
    chosen = Folders(tmp_path / "input", tmp_path / "output", tmp_path / "temp", metadata=False)
    chosen.input.mkdir()
    with use_folders(chosen):
        yield chosen


def frames(count=20):
    return torch.linspace(0, 1, count)[:, None, None, None].expand(count, 16, 32, 3)


def tone(seconds=2.0, pitch=440.0):
    """AUDIO of a tone in both channels that is louder in its second half."""
    time = torch.arange(round(seconds * RATE)) / RATE
    wave = torch.sin(time * pitch * 2 * torch.pi) * torch.where(time < seconds / 2, 0.2, 0.6)
    return {"waveform": wave.repeat(1, 2, 1), "sample_rate": RATE}


def create(images=None, audio=None):
    images = frames() if images is None else images
    return NODES["CreateVideo"].execute(images, float(FPS), audio)[0]


def apart(video):
    return NODES["GetVideoComponents"].execute(video).args


def save(video, path, **options):
    video.save_to(path, **options)
    return VideoFromFile(path)


def same_wave(audio, other):
    """Whether one AUDIO begins as another, but for what AAC changes."""
    wave, wanted = audio["waveform"], other["waveform"]
    assert audio["sample_rate"] == other["sample_rate"]
    assert wave.shape[:2] == wanted.shape[:2]
    return (wave[..., : wanted.shape[2]] - wanted).abs().mean() < 0.01


def test_sound_goes_into_a_file_and_comes_back_in_its_place(places):
    video = create(audio=tone())
    assert apart(video)[1]["waveform"].shape == (1, 2, 2 * RATE)
    images, audio, fps, *_ = apart(save(video, places.output / "a.mp4"))
    assert (len(images), fps) == (20, FPS)
    assert 0 <= audio["waveform"].shape[2] - 2 * RATE < 2048  # what fills the last packet
    assert same_wave(audio, tone())
    assert apart(save(create(), places.output / "b.mp4"))[1] is None


def test_sound_ends_with_the_last_frame_as_comfyuis(places):
    save(create(frames(10), tone(5.0)), places.output / "a.mp4")
    with av.open(str(places.output / "a.mp4")) as file:
        (track,) = file.streams.audio
        assert track.codec_context.name == "aac"
        assert track.duration * track.time_base == pytest.approx(1.0, abs=1024 / RATE)


def write_mkv(path, codec, wave, *, count=20, late=0):
    """Write flat frames that begin `late` frames after the PCM sound (channels, samples)."""
    with av.open(str(path), "w") as output:
        pictures = output.add_stream(codec, rate=FPS)
        pictures.width, pictures.height, pictures.pix_fmt = 32, 16, "yuv420p"
        layout = "mono" if len(wave) == 1 else "stereo"
        track = output.add_stream("pcm_s16le", rate=RATE, layout=layout)
        for index in range(count):
            frame = av.VideoFrame(32, 16, "yuv420p")
            frame.pts, frame.time_base = index + late, Fraction(1, FPS)
            output.mux(pictures.encode(frame))
        whole = (wave * 32767).short().T.reshape(1, -1).contiguous()
        heard = av.AudioFrame.from_ndarray(whole.numpy(), "s16", layout)
        heard.sample_rate, heard.pts, heard.time_base = RATE, 0, Fraction(1, RATE)
        output.mux(track.encode(heard))
        output.mux(pictures.encode(None))


def test_sound_from_a_file_begins_with_its_first_frame(places):
    path = places.input / "late.mkv"
    write_mkv(path, "libx264", torch.linspace(0, 1, RATE)[None], count=10, late=5)
    wave = apart(VideoFromFile(path))[1]["waveform"]
    assert wave.shape == (1, 1, RATE // 2)
    assert wave[0, 0, 0] == pytest.approx(0.5, abs=1e-3)


@pytest.mark.parametrize("options", [{"crf": 30.0}, {"codec": "h264"}])
def test_a_file_that_is_encoded_anew_keeps_its_sound(places, caplog, options):
    path = places.input / "a.mkv"
    write_mkv(path, "mpeg4", tone(4.0)["waveform"][0])
    made = save(VideoFromFile(path), places.output / "b.mp4", **options)
    assert probe_video(made.path).codec == "h264"
    audio = apart(made)[1]
    assert same_wave(audio, {**tone(4.0), "waveform": tone(4.0)["waveform"][..., : 2 * RATE]})
    assert audio["waveform"].shape[2] < 2 * RATE + 2048
    assert not caplog.records


def test_a_video_whose_sound_has_no_decoder_is_used_without_it(places, caplog):
    path = places.input / "a.mkv"
    write_mkv(path, "libx264", torch.zeros(1, 2 * RATE))
    path.write_bytes(path.read_bytes().replace(b"A_PCM/INT/LIT", b"A_XYZ/INT/LIT"))
    images, audio, *_ = apart(VideoFromFile(path))
    assert (len(images), audio) == (20, None)
    assert "cannot be decoded: it is left out" in caplog.text
    made = save(VideoFromFile(path), places.output / "b.mp4")
    assert (probe_video(made.path).frames, probe_video(made.path).has_audio) == (20, False)


def test_the_sound_of_components_is_read_as_a_clip(places):
    files = StandaloneFiles(places.input, None)
    held = files.clip_of(create(audio=tone()))
    assert torch.equal(
        held.sound(0.5, 1.0).samples, tone()["waveform"][0, :, RATE // 2 :][:, :RATE]
    )
    assert files.clip_of(create()).sound(0.5, 1.0) is None


def test_sound_that_no_file_holds_is_refused_by_create_video():
    three = {"waveform": torch.zeros(1, 3, 10), "sample_rate": RATE}
    for audio, reason in (
        ({"waveform": torch.zeros(2, 1, 10), "sample_rate": RATE}, "use one clip"),
        (three, "2 .stereo. or 6"),
        ({"waveform": torch.full((1, 1, 10), torch.inf), "sample_rate": RATE}, "infinite samples"),
    ):
        with pytest.raises(ValueError, match=reason):
            create(audio=audio)


class Sounds(io.ComfyNode):
    """Two tones and silence, one after the other, or all in one list."""

    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="Sounds",
            inputs=[io.Float.Input("pitch", default=440.0)],
            outputs=[io.Audio.Output(is_output_list=True)],
        )

    @classmethod
    def execute(cls, pitch):
        return io.NodeOutput([tone(pitch=pitch), None, tone(pitch=2 * pitch)])


def saved(video):
    inputs = {"video": video, "filename_prefix": "out", "format": "auto", "codec": "auto"}
    return {"class_type": "SaveVideo", "inputs": inputs}


def test_a_graph_hands_lists_of_sounds_on_and_keeps_them(places):
    write_video(places.input / "a.mp4", [frames()], fps=FPS)
    prompt = {
        "1": {"class_type": "LoadVideo", "inputs": {"file": "a.mp4"}},
        "2": {"class_type": "GetVideoComponents", "inputs": {"video": ["1", 0]}},
        "3": {"class_type": "Sounds", "inputs": {"pitch": 500.0}},
        "4": {
            "class_type": "CreateVideo",
            "inputs": {"images": ["2", 0], "fps": ["2", 2], "audio": ["3", 0]},
        },
        "5": saved(["4", 0]),
    }
    executor = Executor(Registry.from_nodes([*stock_nodes(), Sounds]))
    executor.run(prompt)
    prompt["5"]["inputs"]["format"] = "mp4"
    assert executor.run(prompt).cached == ["1", "2", "3", "4"]
    made = sorted(places.output.iterdir())
    assert len(made) == 6
    assert [path.read_bytes() for path in made[:3]] == [path.read_bytes() for path in made[3:]]
    low, none, high = [apart(VideoFromFile(path))[1] for path in made[:3]]
    assert same_wave(low, tone(pitch=500.0))
    assert none is None
    assert same_wave(high, tone(pitch=1000.0))


def test_equal_graphs_give_equal_files_with_sound(places):
    path = places.input / "a.mp4"
    write_video(path, [frames()], fps=FPS, sound=Sound(tone()["waveform"][0], RATE))
    prompt = {
        "1": {"class_type": "LoadVideo", "inputs": {"file": "a.mp4"}},
        "2": {"class_type": "GetVideoComponents", "inputs": {"video": ["1", 0]}},
        "3": {
            "class_type": "CreateVideo",
            "inputs": {"images": ["2", 0], "fps": ["2", 2], "audio": ["2", 1]},
        },
        "4": saved(["3", 0]),
    }
    for _ in range(2):
        Executor(Registry.from_nodes(stock_nodes())).run(prompt)
    first, second = sorted(places.output.iterdir())
    assert first.read_bytes() == second.read_bytes()
    assert same_wave({"waveform": read_sound(first).samples[None], "sample_rate": RATE}, tone())


def test_a_stream_of_frames_is_saved_with_its_sound_as_the_tensor_is(places):
    stream = FrameStream((20, 16, 32, 3), lambda: iter(frames().split(7)))
    one = save(create(stream, tone()), places.output / "a.mp4").path.read_bytes()
    two = VideoFromComponents(frames(), Fraction(FPS), tone())
    assert save(two, places.output / "b.mp4").path.read_bytes() == one
