"""Saved graphs as the editor writes them: nodes, slots, wires and definitions of subgraphs."""

INNER = "11111111-2222-3333-4444-555555555555"
OUTER = "99999999-2222-3333-4444-555555555555"


def slot(name, link=None, kind="INT", widget=False):
    return {
        "name": name,
        "type": kind,
        "link": link,
        **({"widget": {"name": name}} if widget else {}),
    }


def ui(id, kind, inputs=(), values=None, outputs=("INT",), **extra):
    return {
        "id": id,
        "type": kind,
        "mode": 0,
        "inputs": list(inputs),
        "outputs": [{"name": name, "type": name, "links": []} for name in outputs],
        **({} if values is None else {"widgets_values": values}),
        **extra,
    }


def number(id, value=4, **extra):
    return ui(id, "Number", (), [value, 7, "randomize", "second"], ("INT", "STRING"), **extra)


def show(id, link, **extra):
    return ui(id, "Show", [slot("value", link, "*")], ["", True], (), title="Save", **extra)


def workflow(nodes, links, **extra):
    return {"version": 0.4, "nodes": nodes, "links": links, **extra}


def wire(id, origin, origin_slot, target, target_slot, kind="INT"):
    return [id, origin, origin_slot, target, target_slot, kind]


def inner_wire(id, origin, origin_slot, target, target_slot):
    names = ("id", "origin_id", "origin_slot", "target_id", "target_slot")
    ends = (id, origin, origin_slot, target, target_slot)
    return {**dict(zip(names, ends, strict=True)), "type": "INT"}


def definition(id, nodes, links, inputs=(), outputs=("out",)):
    return {
        "id": id,
        "nodes": nodes,
        "links": links,
        "inputs": [{"name": name, "type": "INT"} for name in inputs],
        "outputs": [{"name": name, "type": "INT"} for name in outputs],
    }


def inputs_of(prompt):
    return {key: node["inputs"] for key, node in prompt.items()}
