"""The node classes by id."""

import pytest

from spacetime_video.graph.registry import Registry
from spacetime_video.hosts.standalone import io


def test_registry_refuses_an_id_twice(bench):
    class Other(io.ComfyNode):
        @classmethod
        def define_schema(cls):
            return io.Schema("Number")

    with pytest.raises(ValueError, match=r"'Number' is defined twice: by .*Other"):
        Registry.from_nodes([*bench.registry.values(), Other])
    assert Registry.from_nodes([*bench.registry.values()] * 2) == bench.registry
