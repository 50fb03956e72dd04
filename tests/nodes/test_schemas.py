"""What every node shows of itself."""

import inspect
from types import SimpleNamespace

import pytest

from spacetime_video.nodes import all_nodes
from spacetime_video.nodes.helpers import advanced as advanced_inputs
from spacetime_video.nodes.helpers import search
from spacetime_video.nodes.helpers.advanced import advanced
from spacetime_video.nodes.helpers.search import search_words

COMMON = {
    *("MODEL", "CLIP", "VAE", "CONDITIONING", "GUIDER", "SAMPLER", "SIGMAS", "NOISE", "MASK"),
    "SPACETIME_TOKENS",
}

SMALL_WORDS = {
    *("per", "in", "a", "an", "and", "by", "for", "from", "of", "on", "over", "the", "to")
}

IDS = {
    "SpacetimeLoadModels",
    "SpacetimeEncodePrompt",
    "SpacetimeEmptyVideo",
    "SpacetimePatchify",
    "SpacetimeUnpatchify",
    "SpacetimeDenoiser",
    "SpacetimeSchedule",
    "SpacetimeSolver",
    "SpacetimeNoise",
    "SpacetimeSamplePatches",
    "SpacetimeSample",
    "SpacetimeEncodeVideo",
    "SpacetimeDecodeVideo",
    "SpacetimeExampleClip",
}


def schemas():
    return [node.GET_SCHEMA() for node in all_nodes()]


every_node = pytest.mark.parametrize("schema", schemas(), ids=lambda schema: schema.node_id)


def test_ids_of_saved_graphs_stay():
    found = [schema.node_id for schema in schemas()]
    assert len(found) == len(set(found))
    assert set(found) >= IDS


@every_node
def test_name_place_and_description(schema):
    words = schema.display_name.split()
    assert [w for w in words if w.lstrip("(")[0].islower() and w not in SMALL_WORDS] == []
    parts = schema.category.split("/")
    assert len(parts) == 2
    assert parts[0] == "Spacetime"
    assert schema.description.endswith(".")


@every_node
def test_every_socket_is_explained(schema):
    unexplained = [socket.id for socket in (*schema.inputs, *schema.outputs) if not socket.tooltip]
    assert unexplained == []
    assert [output.id for output in schema.outputs if not output.display_name] == []


@every_node
def test_defaults_are_valid(schema):
    for spec in schema.inputs:
        options = getattr(spec, "options", None)
        if options is not None:
            assert not options or spec.default in options, spec.id
            assert len(options) == len(set(options)), spec.id
        least, most = getattr(spec, "min", None), getattr(spec, "max", None)
        if least is not None:
            assert least <= spec.default <= most, spec.id


@every_node
def test_search_finds_it_by_other_words(schema):
    words = schema.search_aliases
    assert words
    assert len(words) == len(set(words))
    assert all(word == word.lower() != schema.display_name.lower() for word in words)


def _alone(outputs):
    kinds = [output.get_io_type() for output in outputs]
    return [output for output in outputs if kinds.count(output.get_io_type()) == 1]


def test_outputs_of_the_common_types_are_named_by_them():
    """Of two of one type in a node, each has a name of its own, as in ComfyUI's nodes."""
    outputs = [output for schema in schemas() for output in _alone(schema.outputs)]
    named = {(output.get_io_type(), output.display_name) for output in outputs}
    assert {kind for kind, _ in named} >= COMMON
    assert {(kind, name) for kind, name in named if kind in COMMON and kind != name} == set()


ADVANCED = {
    "SpacetimeAttentionGuidance": ["limit", "blend"],
    "SpacetimeBranch": ["context"],
    "SpacetimeCameraMove": ["plane"],
    "SpacetimeCloseLoop": ["context"],
    "SpacetimeCompareVideos": ["scale"],
    "SpacetimeConnectClips": ["context"],
    "SpacetimeContextWindows": ["context_stride", "closed_loop"],
    "SpacetimeConverge": ["context"],
    "SpacetimeDecodeToFile": ["tile"],
    "SpacetimeExtendBackward": ["context"],
    "SpacetimeExtendForward": ["context"],
    "SpacetimeFlowEdit": ["averages", "refine"],
    "SpacetimeGuidanceOverFrames": ["both_ends"],
    "SpacetimeLoadControlNet": ["dtype"],
    "SpacetimeLoadLora": ["apply"],
    "SpacetimeLoadModels": ["dtype"],
    "SpacetimeLowDetail": ["how"],
    "SpacetimeMeasureVideo": ["first_part", "most_drift"],
    "SpacetimeProjectedGuidance": ["parallel"],
    "SpacetimeSampleLongVideo": ["anchor", "match", "resumable"],
    "SpacetimeSchedulePlot": ["scale"],
    "SpacetimeShiftForSize": ["reference_tokens", "reference_shift"],
    "SpacetimeSkipLayerGuidance": ["low", "high"],
    "SpacetimeSpacedSchedule": ["alpha", "beta", "threshold", "sigma_min", "sigma_max", "rho"],
    "SpacetimeStepCache": ["start", "end"],
}


def test_rarely_changed_inputs_are_marked():
    marked = {
        schema.node_id: [spec.id for spec in schema.inputs if getattr(spec, "advanced", None)]
        for schema in schemas()
    }
    assert {node: inputs for node, inputs in marked.items() if inputs} == ADVANCED


def test_hosts_without_advanced_inputs_are_told_of_none(monkeypatch):
    assert advanced() == {"advanced": True}
    old = SimpleNamespace(Int=SimpleNamespace(Input=lambda id, default=0, tooltip="": None))
    monkeypatch.setattr(advanced_inputs, "io", old)
    assert advanced() == {}


def test_hosts_without_search_words_get_none(monkeypatch):
    assert search_words("seed") == {"search_aliases": ["seed"]}
    old = {"__dataclass_fields__": {"node_id": None}}
    monkeypatch.setattr(search, "io", SimpleNamespace(Schema=type("Schema", (), old)))
    assert search_words("seed") == {}


def test_the_editor_takes_frame_rates_that_are_not_whole():
    """It rounds what is typed to an input's step."""
    rates = {
        f"{schema.node_id}.{each.id}": each.step
        for schema in schemas()
        for each in schema.inputs
        if each.id.endswith("fps")
    }
    assert len(rates) > 10
    assert {name: step for name, step in rates.items() if step != 0.01} == {}


def test_checks_ask_for_no_input_that_a_graph_may_leave_out():
    asked = {
        f"{node.__name__}.{method}({name})"
        for node in all_nodes()
        for method in ("validate_inputs", "fingerprint_inputs")
        for name, parameter in inspect.signature(getattr(node, method, len)).parameters.items()
        for spec in node.GET_SCHEMA().inputs
        if spec.id == name and spec.optional and parameter.default is parameter.empty
    }
    assert asked == set()
