import inspect

import pytest

from spacetime_video.hosts.standalone import io, ui


def test_customs_of_one_name_are_one_type():
    first, second = io.Custom("TOKENS"), io.Custom("TOKENS")

    assert first.io_type == second.Input("a").get_io_type() == second.Output().io_type == "TOKENS"


@pytest.mark.parametrize(
    ("kind", "io_type"),
    [
        (io.Image, "IMAGE"),
        (io.ControlNet, "CONTROL_NET"),
        (io.Vae, "VAE"),
        (io.Combo, "COMBO"),
        (io.AnyType, "*"),
    ],
)
def test_types_name_their_sockets(kind, io_type):
    assert kind.io_type == kind.Input("x").io_type == kind.Output().get_io_type() == io_type


def test_input_takes_first_options_by_place():
    image = io.Image.Input("image", "Image", True, "A picture.")

    assert (image.display_name, image.optional, image.tooltip) == ("Image", True, "A picture.")
    assert isinstance(io.Int.Input("x", default=3, min=1), io.WidgetInput)
    assert not isinstance(image, io.WidgetInput)


def test_combo_reads_an_enum():
    combo = io.Combo.Input("where", io.FolderType, default=io.FolderType.temp)

    assert combo.options == ["input", "output", "temp"]
    assert combo.default == "temp"


def test_multitype_takes_options_of_the_input_it_is_given():
    either = io.MultiType.Input(io.Float.Input("x", "X", tooltip="t", default=2.0), [io.Image])

    assert (either.id, either.display_name, either.tooltip) == ("x", "X", "t")
    assert either.get_io_type() == "FLOAT,IMAGE"


def test_schema_finishes_itself():
    schema = io.Schema("X", outputs=[io.Image.Output(), io.Mask.Output("m")], is_output_node=True)
    schema.finalize()

    assert [output.id for output in schema.outputs] == ["_0_IMAGE_", "m"]
    assert schema.hidden == [io.Hidden.prompt, io.Hidden.extra_pnginfo]


def test_schema_refuses_equal_ids():
    schema = io.Schema("X", inputs=[io.Image.Input("a")], outputs=[io.Image.Output("a")])

    with pytest.raises(ValueError, match="must be unique"):
        schema.validate()


def test_output_holds_results_and_ui():
    output = io.NodeOutput(1, 2, ui={"text": ("x",)})

    assert output.result == (1, 2)
    assert output[1] == 2
    assert io.NodeOutput().result is None


def test_ui_shapes():
    saved = ui.SavedResult("a.png", "sub", io.FolderType.output)

    assert saved == {"filename": "a.png", "subfolder": "sub", "type": "output"}
    assert ui.SavedImages([saved]).as_dict() == {"images": [saved]}
    assert ui.SavedImages([saved], True).as_dict()["animated"] == (True,)
    assert ui.PreviewVideo([saved]).as_dict() == {"images": [saved], "animated": (True,)}


def test_all_names_are_there():
    for module in (io, ui):
        assert all(inspect.isclass(getattr(module, n)) or n == "Custom" for n in module.__all__)
