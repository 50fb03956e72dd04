"""`spacetime check`: what workflows need, whether it is here, and what it will take."""
