import pytest

from spacetime_video.graph.assign import set_input
from spacetime_video.graph.errors import WorkflowError

PROMPT = {
    "1": {"class_type": "Number", "inputs": {"value": 1}, "_meta": {"title": "Count. Me"}},
    "2": {"class_type": "Add", "inputs": {"a": ["1", 0]}, "_meta": {"title": "Twin"}},
    "3": {"class_type": "Add", "inputs": {"a": ["1", 0]}, "_meta": {"title": "twin"}},
    "4:5": {"class_type": "Show", "inputs": {"value": ["2", 0]}},
    "5": {"class_type": "Picture"},
    "6": {"class_type": "Gone", "inputs": {}},
    "7": {"class_type": "Number", "inputs": {}, "_meta": {"title": "Twin (Third)"}},
    "8": {"class_type": "Number", "inputs": {}, "_meta": {"title": "Start (Seed)"}},
    "9": {"class_type": "Number", "inputs": {}, "_meta": {"title": "Ende (End) #seed"}},
    "10": {"class_type": "Add", "inputs": {"a": 1}, "_meta": {"title": "Much #Scale"}},
    "11": {"class_type": "Number", "inputs": {}, "_meta": {"title": "Many #many"}},
    "12": {"class_type": "Number", "inputs": {}, "_meta": {"title": "Take #2"}},
    "13": {"class_type": "Number", "inputs": {}, "_meta": {"title": "#two"}},
    "14": {"class_type": "Number", "inputs": {}, "_meta": {"title": "Also #two"}},
}


@pytest.mark.parametrize(
    ("assignment", "key", "name", "value"),
    [
        ("count. me.value=7", "1", "value", 7),
        ("1.unit=second", "1", "unit", "second"),
        ("2.scale=-1.5", "2", "scale", -1.5),
        ("2.a=4", "2", "a", 4),
        ("4:5.note=a = b. c", "4:5", "note", "a = b. c"),
        ("Show Value.loud=true", "4:5", "loud", True),
        ("Show Value.note=", "4:5", "note", ""),
        ("start.value=3", "8", "value", 3),
        ("Start (Seed).value=3", "8", "value", 3),
        ("seed=5", "9", "seed", 5),
        ("SEED.value=5", "9", "value", 5),
        ("ende.value=5", "9", "value", 5),
        ("ende (end) #seed.value=5", "9", "value", 5),
        ("scale = 2", "10", "scale", 2.0),
        ("take #2.value=5", "12", "value", 5),
        ("2.scale=0.5", "2", "scale", 0.5),
    ],
)
def test_sets_an_input(bench, assignment, key, name, value):
    changed = set_input(PROMPT, assignment, bench.registry)

    assert changed[key]["inputs"][name] == value
    assert type(changed[key]["inputs"][name]) is type(value)
    assert name not in PROMPT[key]["inputs"] or PROMPT[key]["inputs"][name] != value


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("value", "not of the form"),
        ("value=1", "not of the form"),
        ("Twni.scale=1", r'no node is titled "Twni" \(did you mean .*Count. Me" \(#1\)'),
        ("Twin.scale=1", r"2 nodes are titled .*use an id instead \(2, 3\)"),
        ("2.scal=1", r'"Twin" \(#2, Add\) has no input scal \(did you mean "scale".*a, b, scale'),
        ("1.value=many", '"many" is not a whole number'),
        ("1.value=500", "above the maximum 100"),
        ("1.unit=mile", '"mile" is not one of "metre", "second"'),
        ("5.image=1", "input image: .*IMAGE must be linked"),
        ("6.x=1", "unknown node type Gone"),
        ("many=1", r"\(#11, Number\) has 3 inputs that can be set, expected one.*as in many.value"),
        ("manny=1", "no node title in the graph ends in #manny; its tags: seed, scale, many, two"),
        ("two.value=1", r"2 nodes are titled \"two\": use an id instead \(13, 14\)"),
    ],
)
def test_says_what_is_wrong(bench, assignment, message):
    with pytest.raises(WorkflowError, match=message):
        set_input(PROMPT, assignment, bench.registry)


@pytest.mark.parametrize(
    ("node", "message"),
    [
        ({"class_type": "Number", "inputs": []}, "inputs are not an object"),
        ({"class_type": "Number", "inputs": None}, "inputs are not an object"),
        ({"inputs": {}}, "unknown node type None"),
    ],
)
def test_broken_nodes(bench, node, message):
    with pytest.raises(WorkflowError, match=message):
        set_input({"1": node}, "1.value=2", bench.registry)
