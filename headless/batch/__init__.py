"""`spacetime batch`: many saved workflows, their results recorded as they come."""
