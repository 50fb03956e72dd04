"""`spacetime batch`: run many jobs, with results recorded as they come."""
