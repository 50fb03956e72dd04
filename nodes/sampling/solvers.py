"""Solver: choose how a sampler steps from one noise level to the next."""

from typing import Any

from ...hosts import host, io
from ...samplers.solvers import SOLVERS, STOCHASTIC_SOLVERS
from ..helpers.search import search_words

EVERY_SOLVER = {**SOLVERS, **STOCHASTIC_SOLVERS}


class SpacetimeSolver(io.ComfyNode):
    """Choose how to step from one noise level to the next."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeSolver",
            display_name="Solver (Euler, UniPC, DPM++)",
            category="Spacetime/Sampling",
            description="The ODE solver that steps from one noise level to the next.",
            **search_words("sampler select", "euler", "heun", "dpmpp_2m", "unipc", "uni_pc", "ode"),
            inputs=[
                io.Combo.Input(
                    "solver",
                    options=list(EVERY_SOLVER),
                    default="euler",
                    tooltip="Euler for few-step models; UniPC or DPM++ 2M from about 15 steps; "
                    "Heun is more accurate but evaluates the model twice per step. Euler Ancestral "
                    "and DPM++ 2M SDE add fresh noise after each step: livelier, but more steps "
                    "change the result. LCM jumps to the clean video and adds noise again: for "
                    "models distilled for few steps.",
                )
            ],
            outputs=[
                io.Sampler.Output(display_name="SAMPLER", tooltip="For Sample or Sample Patches.")
            ],
        )

    @classmethod
    def execute(cls, solver: str) -> io.NodeOutput:
        """Look the solver up."""
        if solver not in EVERY_SOLVER:
            raise ValueError(f"unknown solver {solver!r}: choose one of {', '.join(EVERY_SOLVER)}")
        return io.NodeOutput(host().sampling.make_sampler(EVERY_SOLVER[solver], {}))


NODES: list[type[Any]] = [SpacetimeSolver]
