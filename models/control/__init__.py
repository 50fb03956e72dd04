"""Networks beside the video transformer, whose residuals steer it by a hint."""
