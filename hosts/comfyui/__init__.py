"""The ComfyUI host: ComfyUI's socket objects around the pack's networks."""
