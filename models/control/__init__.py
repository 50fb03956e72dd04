"""Control branches: networks that steer the video transformer by residuals from a hint."""
