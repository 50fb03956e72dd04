"""Sampling: noise schedules, ODE solvers, guidance and per-frame noise around one denoiser."""
