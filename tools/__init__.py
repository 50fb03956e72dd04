"""Developer tools that generate and check what ComfyUI's editor shows of the pack."""
