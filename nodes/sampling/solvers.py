"""Schedule and Solver: which noise levels a sampler visits and how it steps between them."""

from typing import Any

from ...hosts import host, io
from ...samplers.schedules.flow import flow_sigmas
from ...samplers.solvers import SOLVERS, STOCHASTIC_SOLVERS
from ..helpers.search import search_words

EVERY_SOLVER = {**SOLVERS, **STOCHASTIC_SOLVERS}


class SpacetimeSchedule(io.ComfyNode):
    """Noise levels from pure noise to the finished video."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeSchedule",
            display_name="Schedule",
            category="Spacetime/Sampling",
            description="The noise levels that the sampler visits, from pure noise (1) to the "
            "finished video (0).",
            **search_words("sigmas", "scheduler", "basic scheduler", "steps", "shift"),
            inputs=[
                io.Int.Input(
                    "steps",
                    default=30,
                    min=1,
                    max=1000,
                    tooltip="Steps from noise to video: 20 to 50 are usual; more is finer, slower.",
                ),
                io.Float.Input(
                    "shift",
                    default=3.0,
                    min=0.01,
                    max=100.0,
                    step=0.1,
                    tooltip="Above 1, more of the steps go to the noisy end, where the layout and "
                    "the motion are decided. Wan: 3 to 5 at 480p, 5 to 12 above.",
                ),
            ],
            outputs=[
                io.Sigmas.Output(display_name="sigmas", tooltip="steps + 1 levels, ending in 0.")
            ],
        )

    @classmethod
    def execute(cls, steps: int, shift: float) -> io.NodeOutput:
        """Compute the levels."""
        return io.NodeOutput(flow_sigmas(steps, shift=shift))


class SpacetimeSolver(io.ComfyNode):
    """How to step from one noise level to the next."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeSolver",
            display_name="Solver",
            category="Spacetime/Sampling",
            description="The ODE solver that steps from one noise level to the next.",
            **search_words("sampler select", "euler", "heun", "dpmpp_2m", "unipc", "ode"),
            inputs=[
                io.Combo.Input(
                    "solver",
                    options=list(EVERY_SOLVER),
                    default="euler",
                    tooltip="Euler for few-step models; UniPC or DPM++ 2M from about 15 steps; "
                    "Heun is exact but evaluates the model twice a step. Euler Ancestral and "
                    "DPM++ 2M SDE add fresh noise after each step: livelier, but more steps change "
                    "the result. LCM jumps to the clean video and adds noise again: for models "
                    "distilled for few steps.",
                )
            ],
            outputs=[
                io.Sampler.Output(display_name="sampler", tooltip="For Sample or Sample Patches.")
            ],
        )

    @classmethod
    def execute(cls, solver: str) -> io.NodeOutput:
        """Look the solver up."""
        if solver not in EVERY_SOLVER:
            raise ValueError(f"unknown solver {solver!r}: choose one of {', '.join(EVERY_SOLVER)}")
        return io.NodeOutput(host().sampling.make_sampler(EVERY_SOLVER[solver], {}))


NODES: list[type[Any]] = [SpacetimeSchedule, SpacetimeSolver]
