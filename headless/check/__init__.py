"""`spacetime check`: what workflows need, whether it is available, and what running costs."""
