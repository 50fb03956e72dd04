"""A node's description has the form that ComfyUI's server sends."""

import json

from spacetime_video.graph.object_info import object_info
from spacetime_video.hosts.standalone import io


class Sized(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="Sized",
            display_name="Sized Thing",
            category="a/b",
            description="What it does.",
            inputs=[
                io.Int.Input("seed", default=0, min=0, max=9, control_after_generate=True),
                io.Float.Input("cfg", default=1.5, step=0.5, display_mode=io.NumberDisplay.slider),
                io.Image.Input("image", optional=True, tooltip="A picture."),
                io.Combo.Input("file", options=["a", "b"], upload=io.UploadType.image),
                io.MultiType.Input(io.Float.Input("either", default=2.0), [io.Int]),
            ],
            outputs=[
                io.Image.Output(display_name="images", tooltip="Pictures.", is_output_list=True),
                io.Custom("SIZES").Output(),
            ],
            is_output_node=True,
        )


SIZED = {
    "input": {
        "required": {
            "seed": ["INT", {"default": 0, "min": 0, "max": 9, "control_after_generate": True}],
            "cfg": ["FLOAT", {"default": 1.5, "step": 0.5, "display": "slider"}],
            "file": [
                "COMBO",
                {"multiselect": False, "options": ["a", "b"], "image_upload": True},
            ],
            "either": ["FLOAT,INT", {"default": 2.0, "widgetType": "FLOAT"}],
        },
        "optional": {"image": ["IMAGE", {"tooltip": "A picture."}]},
        "hidden": {"prompt": ["PROMPT"], "extra_pnginfo": ["EXTRA_PNGINFO"]},
    },
    "input_order": {
        "required": ["seed", "cfg", "file", "either"],
        "optional": ["image"],
        "hidden": ["prompt", "extra_pnginfo"],
    },
    "output": ["IMAGE", "SIZES"],
    "output_is_list": [True, False],
    "output_name": ["images", "SIZES"],
    "output_tooltips": ["Pictures.", None],
    "name": "Sized",
    "display_name": "Sized Thing",
    "description": "What it does.",
    "python_module": "custom_nodes.sizes",
    "category": "a/b",
    "output_node": True,
    "deprecated": False,
    "experimental": False,
    "api_node": False,
}


def test_every_field_has_the_servers_name_and_form():
    described = object_info([Sized], module="custom_nodes.sizes")
    assert json.loads(json.dumps(described)) == {"Sized": SIZED}
